// SPDX-License-Identifier: Apache-2.0
/*
 * From a message's bytes to the events that go on the stream, and back to nothing when any of them
 * is wrong: a message is taken as a whole or not at all.
 *
 * An event's id is a UUIDv5 of the source, the message's control id, the event's place in the
 * message and its content, so the same message sent twice is the same events, and two messages that
 * a careless sender gave one control id are not one.
 */
#ifndef PN_SERVICES_INGEST_ENVELOPE_H
#define PN_SERVICES_INGEST_ENVELOPE_H

#include "services/ingest/identity.h"
#include "services/ingest/systems.h"
#include "stream/stream.h"

// What is on its way to the stream. Texts live in `arena`.
struct pn_outgoing {
    struct pn_arena *arena;
    struct pn_record_out *records;
    size_t count;
    size_t capacity;
};

enum { PN_OUTGOING_MAX = 64 * 1024 };

struct pn_envelope;

PN_MUST_USE enum pn_code pn_envelope_new(const struct pn_privacy *privacy, struct pn_store *store,
                                         struct pn_identity_memory *memory,
                                         struct pn_envelope **ret_envelope, struct pn_err *err);
void pn_envelope_free(struct pn_envelope *envelope); // takes NULL

// Decodes, checks and adds the message's events. On failure nothing is added, err->where is the
// segment, field or element. PN_INVALID, PN_UNSUPPORTED, PN_LIMIT: it will stay so.
PN_MUST_USE enum pn_code pn_envelope_add(struct pn_envelope *envelope,
                                         const struct pn_ingest_system *system,
                                         const struct pn_message_in *message,
                                         struct pn_outgoing *outgoing, struct pn_err *err);
// Why nothing came of the message that was added last, though it was taken; NULL: something did.
const char *pn_envelope_ignored(const struct pn_envelope *envelope);
// Where the message that was added last came from: "/adapter/<system>/<unit>". Until the next.
struct pn_slice pn_envelope_source(const struct pn_envelope *envelope);
// Copies the event's texts into outgoing->arena and adds it.
PN_MUST_USE enum pn_code pn_outgoing_add(struct pn_outgoing *outgoing, const char *topic,
                                         const struct pn_event *event, struct pn_err *err);
// Appends everything, PN_BATCH_EVENTS_MAX at a time.
PN_MUST_USE enum pn_code pn_outgoing_append(const struct pn_outgoing *outgoing,
                                            struct pn_stream *stream, struct pn_err *err);
void pn_outgoing_clear(struct pn_outgoing *outgoing);
void pn_outgoing_release(struct pn_outgoing *outgoing);

#endif
