// SPDX-License-Identifier: Apache-2.0
/*
 * The timeline's own side of its store. Inside services/timeline only; others use timeline_read.h.
 *
 * `entries` has one row per resource: the newest revision of what its events said, under the
 * subject key that the event named and under the client that this is today. What is asked for most,
 * a page of one client's entries newest first, is a walk along one index that holds all that is
 * filtered by.
 */
#ifndef PN_TIMELINE_STORE_H
#define PN_TIMELINE_STORE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "event/event.h"
#include "store/store.h"

extern const struct pn_migration pn_timeline_migrations[];
extern const unsigned pn_timeline_migration_count;

#define PN_TIMELINE_STORE "timeline"

enum { PN_ENTRY_KEY_BYTES = 16 };
// A resource's row: its UUID, or one made of its id, mixed with its type.
void pn_entry_key(struct pn_slice resource_type, struct pn_slice id,
                  uint8_t ret_key[static PN_ENTRY_KEY_BYTES]);
// Back again, for ids that are UUIDs.
void pn_entry_unmix(struct pn_slice resource_type, const uint8_t key[static PN_ENTRY_KEY_BYTES],
                    uint8_t ret_uuid[static PN_ENTRY_KEY_BYTES]);

struct pn_timeline_writer;

PN_MUST_USE enum pn_code pn_timeline_writer_open(struct pn_store *store,
                                                 struct pn_timeline_writer **ret_writer,
                                                 struct pn_err *err);
void pn_timeline_writer_close(struct pn_timeline_writer *writer); // takes NULL

// One event, inside the open transaction; the same one again, or an older one, changes nothing.
// PN_INVALID: it can never be taken. `arena` may be reset after the call.
PN_MUST_USE enum pn_code pn_timeline_take(struct pn_timeline_writer *writer, struct pn_arena *arena,
                                          const struct pn_event *event, struct pn_err *err);
// fi.punos.feed.silent.v1 and .resumed.v1, likewise.
PN_MUST_USE enum pn_code pn_timeline_take_feed(struct pn_timeline_writer *writer,
                                               const struct pn_event *event, struct pn_err *err);
// After the batch's last event, still inside the transaction.
PN_MUST_USE enum pn_code pn_timeline_batch_end(struct pn_timeline_writer *writer,
                                               struct pn_err *err);
// Once the transaction is durable.
void pn_timeline_committed(struct pn_timeline_writer *writer);
// After a rollback: forgets what was remembered of it.
void pn_timeline_forget(struct pn_timeline_writer *writer);
// Entries that another process wrote while their client was moved here.
PN_MUST_USE enum pn_code pn_timeline_repair(struct pn_timeline_writer *writer, int64_t since_ms,
                                            struct pn_err *err);

#endif
