// SPDX-License-Identifier: Apache-2.0
/*
 * The delivery ledger: one row per plan version and system, from queued to its receipt.
 *
 *   queued → sent → accepted | rejected        (sent → queued again when no answer came)
 *
 * Rows are kept for ever: they are the proof of what went where. A version waits until every
 * earlier version of the same plan is settled in the same system; plans of other clients pass it
 * by. All functions work inside the transaction that the caller has open, but for the reads.
 */
#ifndef PN_DELIVER_LEDGER_H
#define PN_DELIVER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/slice.h"
#include "store/store.h"

// The ledger's tables and the access trail of deliver.
enum { PN_LEDGER_MIGRATION_COUNT = 2 };
const struct pn_migration *pn_ledger_migrations(void);

enum pn_delivery_state {
    PN_DELIVERY_QUEUED,
    PN_DELIVERY_SENT,
    PN_DELIVERY_ACCEPTED,
    PN_DELIVERY_REJECTED,
    PN_DELIVERY_STATE_COUNT
};
const char *pn_delivery_state_name(enum pn_delivery_state state); // "queued"

// Strings live in the arena that the row was read into.
struct pn_delivery {
    char id[PN_UUID_TEXT_BYTES]; // the same for every try: made of plan, version and system
    const char *system;
    const char *plan_id;
    int64_t plan_version;
    const char *client_key;
    bool is_withdrawal;
    enum pn_delivery_state state;
    int64_t position;       // the order of queueing
    const char *cause_id;   // id of the plan event
    struct pn_slice sealed; // the plan's content, as the event carried it
    int64_t attempts;
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
// The content of the newest version of that plan that the system has accepted; empty when none.
PN_MUST_USE enum pn_code pn_ledger_accepted(struct pn_store *store, struct pn_arena *arena,
                                            const struct pn_delivery *delivery,
                                            int64_t *ret_version, struct pn_slice *ret_sealed,
                                            struct pn_err *err);

// A try begins; without an answer the row is due again at `again_ms`.
PN_MUST_USE enum pn_code pn_ledger_sent(struct pn_store *store, const struct pn_delivery *delivery,
                                        int64_t now_ms, int64_t again_ms, struct pn_err *err);
// No answer, or "try again": back to queued, to be tried at `again_ms`.
PN_MUST_USE enum pn_code pn_ledger_put_off(struct pn_store *store, const char *id, int64_t again_ms,
                                           const char *reason, struct pn_err *err);
// The system has answered; `words` are its own.
PN_MUST_USE enum pn_code pn_ledger_settle(struct pn_store *store, const char *id,
                                          enum pn_delivery_state state, int64_t now_ms,
                                          struct pn_slice words, struct pn_err *err);
// After a start: what was under way is due at once.
PN_MUST_USE enum pn_code pn_ledger_wake_all(struct pn_store *store, struct pn_err *err);

// --- Documents whose receipts come later, by file ------------------------------------------------

PN_MUST_USE enum pn_code pn_ledger_document_sent(struct pn_store *store, const char *id,
                                                 unsigned ordinal, struct pn_slice receipt_id,
                                                 struct pn_err *err);
// The delivery that waits for that receipt; *ret_found false when none does.
PN_MUST_USE enum pn_code pn_ledger_by_receipt(struct pn_store *store, struct pn_arena *arena,
                                              const char *system, struct pn_slice receipt_id,
                                              struct pn_delivery *ret_delivery, bool *ret_found,
                                              struct pn_err *err);
// Marks that document as accepted; *ret_left is how many documents still wait.
PN_MUST_USE enum pn_code pn_ledger_document_accepted(struct pn_store *store, const char *id,
                                                     struct pn_slice receipt_id, int64_t *ret_left,
                                                     struct pn_err *err);

#endif
