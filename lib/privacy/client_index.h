// SPDX-License-Identifier: Apache-2.0
/*
 * The client index: which client keys mean the same person.
 *
 * Each service that keeps something per client has one in its own store and feeds it the same
 * events, so all come to the same answer, in whatever order the events came: client.identified  a
 * Patient whose identifiers are several keys: each is absorbed by Patient.id client.merged (HL7
 * A40) the linked key is absorbed by Patient.id client.unmerged    takes that back, and keeps later
 * identified events from doing it again Links are kept with the time they were recorded; of two
 * statements about one pair the later counts. Keys that active links connect are one client, called
 * by the key that nobody absorbed (an official one first, then the one stated last). What a service
 * keeps it keeps under the key that the event named, beside the number of the client it is today;
 * the `moved` callback tells it when that number changes, so an undo gives back exactly what each
 * had.
 *
 * Two official identity codes are never linked through a local identifier that both have, only by a
 * merge: that is written down as a conflict for a person to look at.
 *
 * A client is a number in the store: the first 64 bits of its key. Two keys with the same number
 * (1 in 10^8 among half a million) are refused, not mixed.
 */
#ifndef PN_PRIVACY_CLIENT_INDEX_H
#define PN_PRIVACY_CLIENT_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "event/event.h"
#include "store/store.h"

// For the migrations of the store that keeps the index.
extern const char pn_client_index_sql[];

enum { PN_CLIENT_LINKED_MAX = 64 }; // keys of one client

struct pn_client_index;

struct pn_client_index_options {
    struct pn_store *store;
    // `subject` is now called `now`, and was called `before`. Inside the open transaction.
    enum pn_code (*moved)(void *context, int64_t subject, int64_t before, int64_t now,
                          struct pn_err *err);
    void *context;
};
PN_MUST_USE enum pn_code pn_client_index_open(const struct pn_client_index_options *options,
                                              struct pn_client_index **ret_index,
                                              struct pn_err *err);
void pn_client_index_close(struct pn_client_index *index); // takes NULL

// Call before each batch's first event, and after a failed transaction: what is remembered in
// memory may be older than the store.
PN_MUST_USE enum pn_code pn_client_index_begin(struct pn_client_index *index, struct pn_err *err);
void pn_client_index_forget(struct pn_client_index *index);

// The number of a key as the event named it, and of the client it is today. A key that is new is
// remembered. PN_INVALID when it is no client key.
PN_MUST_USE enum pn_code pn_client_index_resolve(struct pn_client_index *index, struct pn_slice key,
                                                 int64_t *ret_subject, int64_t *ret_client,
                                                 struct pn_err *err);

// Handles client.identified, .merged and .unmerged; `data` is the event's Patient, parsed.
struct pn_client_statement {
    const struct pn_event *event;
    const cJSON *patient;
};
PN_MUST_USE enum pn_code pn_client_index_handle(struct pn_client_index *index,
                                                const struct pn_client_statement *statement,
                                                struct pn_err *err);

// What happened lately among other processes of the same service: calls `moved` again for keys that
// moved since `since_ms` (an event of theirs may have been written at that very time elsewhere).
PN_MUST_USE enum pn_code pn_client_index_repair(struct pn_client_index *index, int64_t since_ms,
                                                struct pn_err *err);

// --- Reading, also from another process
// ------------------------------------------------------------

PN_MUST_USE bool pn_client_number(struct pn_slice key, int64_t *ret_number);
// Today's number of a key. PN_NOT_FOUND when no event has named it.
PN_MUST_USE enum pn_code pn_client_find(struct pn_store *store, struct pn_slice key,
                                        int64_t *ret_client, struct pn_err *err);
PN_MUST_USE enum pn_code pn_client_key_of(struct pn_store *store, int64_t number,
                                          char ret_key[static PN_CLIENT_KEY_TEXT_BYTES],
                                          struct pn_err *err);
// All keys that are that client, its own first.
PN_MUST_USE enum pn_code pn_client_keys(struct pn_store *store, int64_t client,
                                        char ret_keys[][PN_CLIENT_KEY_TEXT_BYTES], unsigned key_max,
                                        unsigned *ret_count, struct pn_err *err);

#endif
