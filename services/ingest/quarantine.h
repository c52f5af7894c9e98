// SPDX-License-Identifier: Apache-2.0
/*
 * What could not be taken: the raw message, sealed, with the reason and the place, kept until a
 * corrected mapping lets it through.
 *
 * An entry lies in ingest's own store, from where it is listed, shown and replayed, and goes out as
 * `fi.punos.message.quarantined.v1` (an OperationOutcome) on punos.quarantine.v1. Its id comes from
 * the system and a MAC of the bytes: the same bad message twice is one entry that counts. File name
 * and content type are sealed with the message: people write identity codes into file names.
 *
 * Whose the message is cannot be known: the event's subject is the system's name.
 *
 * The seal's purpose is "quarantine", bound to the entry's id. A message too large for an event
 * (PN_QUARANTINE_EVENT_BYTES_MAX) is only in the store.
 */
#ifndef PN_SERVICES_INGEST_QUARANTINE_H
#define PN_SERVICES_INGEST_QUARANTINE_H

#include "base/ids.h"
#include "privacy/privacy.h"
#include "services/ingest/envelope.h"
#include "store/store.h"

enum { PN_QUARANTINE_EVENT_BYTES_MAX = 600 * 1024 };

#define PN_SEALED_MESSAGE_URL "https://punos.fi/fhir/StructureDefinition/sealed-message"

extern const struct pn_migration pn_ingest_migrations[];
extern const unsigned pn_ingest_migration_count;

const char *pn_transport_name(enum pn_transport transport); // "mllp"

// --- Writing -------------------------------------------------------------------------------------

struct pn_quarantine_message {
    const char *system;
    const char *sector;
    const struct pn_message_in *message;
    const struct pn_err *why;
};

void pn_quarantine_id(const struct pn_privacy *privacy, const char *system, struct pn_slice bytes,
                      char ret_id[static PN_UUID_TEXT_BYTES]);
// In the transaction that is open on `store`. An entry that was closed is open again.
PN_MUST_USE enum pn_code pn_quarantine_put(struct pn_store *store, const struct pn_privacy *privacy,
                                           const struct pn_quarantine_message *message,
                                           struct pn_err *err);
PN_MUST_USE enum pn_code pn_quarantine_put_event(const struct pn_privacy *privacy,
                                                 const struct pn_quarantine_message *message,
                                                 struct pn_outgoing *outgoing, struct pn_err *err);
// The message got through: in the open transaction.
PN_MUST_USE enum pn_code pn_quarantine_close(struct pn_store *store, const char *id, int64_t now_ms,
                                             struct pn_err *err);
PN_MUST_USE enum pn_code pn_quarantine_replayed_event(const char *id, const char *system,
                                                      int64_t now_ms, struct pn_outgoing *outgoing,
                                                      struct pn_err *err);

// --- Reading -------------------------------------------------------------------------------------

struct pn_quarantine_entry {
    struct pn_slice id, system, transport, code, place, reason;
    int64_t first_ms, last_ms, times, closed_ms, message_bytes; // closed 0: open
};

struct pn_quarantine_filter {
    const char *system; // NULL: any
    bool with_closed;
    const char *after_id; // of the page before; NULL: from the start
    int64_t after_ms;     // first_ms of it
};

enum { PN_QUARANTINE_PAGE_MAX = 1000 };
// Oldest first; texts live in the arena.
PN_MUST_USE enum pn_code pn_quarantine_list(struct pn_store *store, struct pn_arena *arena,
                                            const struct pn_quarantine_filter *filter,
                                            struct pn_quarantine_entry *ret_entries,
                                            unsigned entry_max, unsigned *ret_count,
                                            struct pn_err *err);
// PN_NOT_FOUND when there is no such entry.
PN_MUST_USE enum pn_code pn_quarantine_get(struct pn_store *store, struct pn_arena *arena,
                                           const char *id, struct pn_quarantine_entry *ret_entry,
                                           struct pn_err *err);
// Unseals the message: whoever calls this has decided the access and writes the record. Texts live
// in the arena. transport, content_type, file_name and bytes are set, nothing else.
PN_MUST_USE enum pn_code pn_quarantine_open(struct pn_store *store,
                                            const struct pn_privacy *privacy,
                                            struct pn_arena *arena, const char *id,
                                            struct pn_message_in *ret_message, struct pn_err *err);

#endif
