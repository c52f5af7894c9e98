// SPDX-License-Identifier: Apache-2.0
/*
 * Group commit: what has arrived in one turn of the event loop is decoded and appended to the
 * stream together, and only then is each sender answered.
 *
 * While the stream (or the store) is away, messages that can wait (MLLP, file drop) wait and the
 * others are turned away; the intake tries again by itself. What waits is bounded: over it a
 * message is turned away too, so that its sender keeps it.
 *
 * A message that is refused lies in quarantine, durably, before its sender is told.
 */
#ifndef PN_SERVICES_INGEST_INTAKE_H
#define PN_SERVICES_INGEST_INTAKE_H

#include <event2/event.h>

#include "base/ids.h"
#include "privacy/privacy.h"
#include "services/ingest/feeds.h"
#include "services/ingest/systems.h"
#include "store/store.h"
#include "stream/stream.h"

struct pn_intake;

enum pn_intake_outcome {
    PN_INTAKE_ACCEPTED,   // durable on the stream
    PN_INTAKE_REPEATED,   // the same message was accepted before
    PN_INTAKE_REFUSED,    // lies in quarantine; err tells why
    PN_INTAKE_TURNED_AWAY // nothing was kept: send it again later
};

struct pn_intake_result {
    enum pn_intake_outcome outcome;
    unsigned event_count;
    const char *ignored; // accepted, and why nothing came of it; NULL: something did
    struct pn_err err;
    char quarantine_id[PN_UUID_TEXT_BYTES]; // when refused
    struct pn_slice bytes;                  // the message, during the call
};

struct pn_intake_parts {
    struct event_base *base;
    struct pn_stream *stream;
    struct pn_store *store;
    const struct pn_privacy *privacy;
    struct pn_feeds *feeds; // told of each message; may be NULL
};
PN_MUST_USE enum pn_code pn_intake_new(const struct pn_intake_parts *parts,
                                       struct pn_intake **ret_intake, struct pn_err *err);
// Takes NULL. What waits is forgotten: `done` is called for it with PN_INTAKE_TURNED_AWAY.
void pn_intake_free(struct pn_intake *intake);

struct pn_intake_message {
    struct pn_ingest_system *system;
    struct pn_message_in in;      // copied
    const struct pn_err *refusal; // known already to be refused, for this reason; copied. Or NULL
    bool can_wait;
    void (*done)(const struct pn_intake_result *result, void *context);
    void *context;
};
// `done` is called exactly once, later, from the loop.
void pn_intake_submit(struct pn_intake *intake, const struct pn_intake_message *message);
// True when a message that cannot wait would be turned away now.
bool pn_intake_is_away(const struct pn_intake *intake);
size_t pn_intake_waiting_count(const struct pn_intake *intake);

// Writes down what was published of whom, in the transaction that is open on the store.
PN_MUST_USE enum pn_code pn_intake_save(struct pn_intake *intake, struct pn_err *err);
void pn_intake_saved(struct pn_intake *intake); // after that transaction's commit

#endif
