// SPDX-License-Identifier: Apache-2.0
/*
 * The delivery ledger: one row per version of a plan (or case) and system, from queued to what the
 * system, and a person there, has said.
 *
 *   queued → sent → accepted → acknowledged           (sent → queued again when no answer came)
 *              ↘ committed ↗↘
 *                  rejected   ← also from sent        (rejected → queued again by `delivery retry`)
 *   queued → needless                    (a withdrawal of what was never sent to that system)
 *
 * `committed`: the system holds it safely (HL7 enhanced mode CA, HTTP 202) and says later, by a
 * message of its own, whether it accepts it. Rows are kept for ever: they are the proof of what
 * went where.
 *
 * Order: what one client has waiting in one system goes out in the order of queueing, one after the
 * other; other clients' pass by. What lies at the system and waits for its own answer holds back
 * only later versions of the same plan, until it is answered or overdue.
 *
 * All functions work inside the transaction that the caller has open, but for the reads.
 */
#ifndef PN_DELIVER_LEDGER_H
#define PN_DELIVER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/slice.h"
#include "map/adapter.h"
#include "store/store.h"

// The ledger's tables and the access trail of deliver.
enum { PN_LEDGER_MIGRATION_COUNT = 4 };
const struct pn_migration *pn_ledger_migrations(void);

// Numbers are the store's: new ones at the end.
enum pn_delivery_state {
    PN_DELIVERY_QUEUED,
    PN_DELIVERY_SENT,
    PN_DELIVERY_ACCEPTED,
    PN_DELIVERY_REJECTED,
    PN_DELIVERY_COMMITTED,
    PN_DELIVERY_ACKNOWLEDGED,
    PN_DELIVERY_NEEDLESS,
    PN_DELIVERY_STATE_COUNT
};
const char *pn_delivery_state_name(enum pn_delivery_state state); // "queued"
// PN_DELIVERY_STATE_COUNT when there is none of that name.
enum pn_delivery_state pn_delivery_state_parse(struct pn_slice name);
// The system has it: accepted or acknowledged.
bool pn_delivery_is_taken(enum pn_delivery_state state);

// Strings live in the arena that the row was read into.
struct pn_delivery {
    char id[PN_UUID_TEXT_BYTES]; // the same for every try: made of plan, version and system
    enum pn_out_of of;
    const char *system;
    const char *plan_id; // of a case: its Flag's id
    int64_t plan_version;
    const char *client_key;
    bool is_withdrawal;
    enum pn_delivery_state state;
    int64_t position;       // the order of queueing
    const char *cause_id;   // id of the plan event
    struct pn_slice sealed; // the plan's content, as the event carried it; of a case: its Flag
    int64_t attempts;
    int64_t round;                          // how often a person has set it going again
    bool is_reached;                        // some of it may have reached the system
    int64_t queued_ms, sent_ms, settled_ms; // 0: not yet
};

// The id that every try of this version to this system has.
void pn_delivery_id(const char *plan_id, int64_t plan_version, const char *system,
                    char ret_id[static PN_UUID_TEXT_BYTES]);

// Adds a row as queued; *ret_is_new is false when it was there already.
PN_MUST_USE enum pn_code pn_ledger_queue(struct pn_store *store, struct pn_delivery *delivery,
                                         bool *ret_is_new, struct pn_err *err);
// The next row of a system that is due; *ret_found false when there is none. Then *ret_due_ms is
// when the earliest waiting one is (0: none waits).
PN_MUST_USE enum pn_code pn_ledger_next(struct pn_store *store, struct pn_arena *arena,
                                        const char *system, int64_t now_ms,
                                        struct pn_delivery *ret_delivery, bool *ret_found,
                                        int64_t *ret_due_ms, struct pn_err *err);
// The content of the newest earlier version of that plan that the system holds: committed, accepted
// or acknowledged; empty when none.
PN_MUST_USE enum pn_code pn_ledger_accepted(struct pn_store *store, struct pn_arena *arena,
                                            const struct pn_delivery *delivery,
                                            int64_t *ret_version, struct pn_slice *ret_sealed,
                                            struct pn_err *err);
// Whether a withdrawal need not go out: no version of it was ever sent to that system, not even in
// vain.
PN_MUST_USE enum pn_code pn_ledger_is_needless(struct pn_store *store,
                                               const struct pn_delivery *delivery,
                                               bool *ret_is_needless, struct pn_err *err);

// A try begins; without an answer the row is due again at `again_ms`.
PN_MUST_USE enum pn_code pn_ledger_sent(struct pn_store *store, const struct pn_delivery *delivery,
                                        int64_t now_ms, int64_t again_ms, struct pn_err *err);
// No answer, or "try again": back to queued (what was committed stays so), due at `again_ms`.
PN_MUST_USE enum pn_code pn_ledger_put_off(struct pn_store *store, const char *id, int64_t again_ms,
                                           const char *reason, struct pn_err *err);
// Everything lies at the system, which answers by a message or file of its own, by `again_ms`.
PN_MUST_USE enum pn_code pn_ledger_wait(struct pn_store *store, const char *id, int64_t again_ms,
                                        struct pn_err *err);
// Ends it without an answer of the system: rejected by Punos itself, or needless. *ret_changed
// (may be NULL) false: it was settled already.
PN_MUST_USE enum pn_code pn_ledger_settle(struct pn_store *store, const char *id,
                                          enum pn_delivery_state state, int64_t now_ms,
                                          struct pn_slice words, bool *ret_changed,
                                          struct pn_err *err);
// Of what was put off and is not due yet, the one whose last try is longest ago, to see whether the
// system is well again.
PN_MUST_USE enum pn_code pn_ledger_probe(struct pn_store *store, struct pn_arena *arena,
                                         const char *system, int64_t now_ms,
                                         struct pn_delivery *ret_delivery, bool *ret_found,
                                         struct pn_err *err);
// The system is well again: what was put off is due at once.
PN_MUST_USE enum pn_code pn_ledger_wake_system(struct pn_store *store, const char *system,
                                               struct pn_err *err);
// After a start: what was under way is due at once. What waits for an answer of its own goes on
// waiting.
PN_MUST_USE enum pn_code pn_ledger_wake_all(struct pn_store *store, struct pn_err *err);

// By its id; *ret_found false when there is none.
PN_MUST_USE enum pn_code pn_ledger_find(struct pn_store *store, struct pn_arena *arena,
                                        const char *id, struct pn_delivery *ret_delivery,
                                        bool *ret_found, struct pn_err *err);
// A rejected row goes out again, under the same id. PN_CONFLICT: it is not rejected, or a later
// version has been sent since, which it would overwrite.
PN_MUST_USE enum pn_code pn_ledger_retry(struct pn_store *store, const struct pn_delivery *delivery,
                                         struct pn_err *err);

#endif
