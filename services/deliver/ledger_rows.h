// SPDX-License-Identifier: Apache-2.0
/*
 * Reading rows of the ledger. Inside services/deliver only.
 */
#ifndef PN_DELIVER_LEDGER_ROWS_H
#define PN_DELIVER_LEDGER_ROWS_H

#include "services/deliver/ledger.h"

// The columns that pn_ledger_query_delivery reads, of `delivery d`; more may follow.
#define PN_LEDGER_ROW                                                                              \
    " d.id, d.system, d.plan_id, d.plan_version, d.client_key, d.is_withdrawal, d.state,"          \
    " d.position, d.cause_id, d.sealed, d.attempts, d.queued_ms, d.sent_ms, d.settled_ms,"         \
    " d.kind, d.round"
enum { PN_LEDGER_ROW_COLUMNS = 16 };

PN_MUST_USE enum pn_code pn_ledger_exec(struct pn_store *store, const char *sql,
                                        const struct pn_value *values, unsigned value_count,
                                        int64_t *ret_changed, struct pn_err *err);
// One row of a query, read by `take`; *ret_found is false when there is none.
PN_MUST_USE enum pn_code
pn_ledger_query_one(struct pn_store *store, const char *sql, const struct pn_value *values,
                    unsigned value_count, void (*take)(const struct pn_rows *rows, void *context),
                    void *context, bool *ret_found, struct pn_err *err);
// For the above: the first column as int64_t, 0 when NULL.
void pn_ledger_take_int(const struct pn_rows *rows, void *context);

struct pn_ledger_taker {
    struct pn_arena *arena;
    struct pn_delivery *delivery;
    bool is_full; // the arena
};
// For the above: a row that begins with PN_LEDGER_ROW.
void pn_ledger_take_delivery(const struct pn_rows *rows, void *context);

#endif
