// SPDX-License-Identifier: Apache-2.0
/*
 * Identify's store: each client's facts as rows per subject key, packed, and what follows of
 * them. Inside services/identify only; others use worklist_read.h and identify_write.h.
 *
 * Facts stand under the subject that their event named; the row's owner is the client that this
 * subject is today, so a merge and its undo re-own rows and change no fact.
 */
#ifndef PN_IDENTIFY_STORE_H
#define PN_IDENTIFY_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "services/identify/rules/fact.h"
#include "store/store.h"

extern const struct pn_migration pn_identify_migrations[];
extern const unsigned pn_identify_migration_count;

#define PN_IDENTIFY_STORE "identify"

// What one subject key of a client has.
struct pn_held {
    int64_t subject;
    struct pn_fact_entry *facts;
    unsigned count, capacity;
    unsigned parts; // rows in the store: PN_HELD_PART facts in each but the last
    uint64_t dirty; // 1 << part: its row is to be written; the last bit is of all further parts
};
enum {
    PN_HELD_PART = 48
}; // a row of so many facts, most with a code or none, fits into one page of the store

// A client while a batch is handled. Lives in the batch's arena.
struct pn_held_client {
    int64_t number;
    struct pn_held *held;
    unsigned held_count, held_capacity;
    bool is_touched;     // to be evaluated at the batch's end
    uint64_t rules;      // that new facts are a matter of; all, if had_correction or is_due
    bool had_correction; // something that was counted may have changed
    bool is_due;         // looked at because its time has come
    char causation[40];  // id of the last event that touched it
    struct pn_held_client *next;
};

PN_MUST_USE enum pn_code pn_held_load(struct pn_store *store, struct pn_arena *arena,
                                      int64_t client, struct pn_held_client **ret_client,
                                      struct pn_err *err);
PN_MUST_USE enum pn_code pn_held_save(struct pn_store *store, struct pn_held_client *client,
                                      struct pn_err *err);
// The subject's row, made when missing. NULL when memory is exhausted.
struct pn_held *pn_held_of(struct pn_arena *arena, struct pn_held_client *client, int64_t subject);
// The fact, one of `held`, has changed: only the rows of such are written.
void pn_held_mark(struct pn_held *held, const struct pn_fact_entry *fact);
void pn_held_remove(struct pn_held *held, struct pn_fact_entry *fact);
// One more. Where there are many, those that ended before `old_ms` go first, now and then; where
// there are PN_CLIENT_FACTS_MAX newer ones, the oldest. What goes on is never old.
PN_MUST_USE enum pn_code pn_held_add(struct pn_arena *arena, struct pn_held *held,
                                     const struct pn_fact_entry *fact, int64_t old_ms,
                                     struct pn_err *err);
// All facts of the client in one array; the PN_CLIENT_FACTS_MAX that ended last when there are
// more.
unsigned pn_held_gather(const struct pn_held_client *client,
                        struct pn_fact_entry ret_facts[static PN_CLIENT_FACTS_MAX]);

// Year of birth of the client, by whichever key it was told last; 0 when it is not known.
PN_MUST_USE enum pn_code pn_held_birth_year(struct pn_store *store, int64_t client, int *ret_year,
                                            struct pn_err *err);

#endif
