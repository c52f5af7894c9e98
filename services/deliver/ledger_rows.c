// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/ledger_rows.h"

#include <stdio.h>

enum pn_code pn_ledger_exec(struct pn_store *store, const char *sql, const struct pn_value *values,
                            unsigned value_count, int64_t *ret_changed, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(store, sql, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    return pn_store_exec(store, stmt, values, value_count, ret_changed, err);
}

enum pn_code pn_ledger_query_one(struct pn_store *store, const char *sql,
                                 const struct pn_value *values, unsigned value_count,
                                 void (*take)(const struct pn_rows *rows, void *context),
                                 void *context, bool *ret_found, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(store, sql, values, value_count, &rows, err);
    bool has_row = false;
    if (code == PN_OK) {
        code = pn_rows_next(rows, &has_row, err);
    }
    if (code == PN_OK && has_row) {
        take(rows, context);
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_found = has_row;
    }
    return code;
}

void pn_ledger_take_int(const struct pn_rows *rows, void *context)
{
    *(int64_t *)context = pn_rows_is_null(rows, 0) ? 0 : pn_rows_int(rows, 0);
}

static const char *kept(struct pn_ledger_taker *taker, struct pn_slice text)
{
    const char *copy = pn_arena_copy(taker->arena, text);
    taker->is_full = taker->is_full || copy == NULL;
    return copy == NULL ? "" : copy;
}

void pn_ledger_take_delivery(const struct pn_rows *rows, void *context)
{
    struct pn_ledger_taker *taker = context;
    struct pn_delivery *d = taker->delivery;
    *d = (struct pn_delivery){.system = kept(taker, pn_rows_text(rows, 1))};
    snprintf(d->id, sizeof d->id, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 0)));
    d->plan_id = kept(taker, pn_rows_text(rows, 2));
    d->plan_version = pn_rows_int(rows, 3);
    d->client_key = kept(taker, pn_rows_text(rows, 4));
    d->is_withdrawal = pn_rows_int(rows, 5) != 0;
    d->state = (enum pn_delivery_state)pn_rows_int(rows, 6);
    d->position = pn_rows_int(rows, 7);
    d->cause_id = kept(taker, pn_rows_text(rows, 8));
    struct pn_slice sealed = pn_rows_bytes(rows, 9);
    d->sealed = pn_slice_of(kept(taker, sealed), sealed.len);
    d->attempts = pn_rows_int(rows, 10);
    d->queued_ms = pn_rows_int(rows, 11);
    d->sent_ms = pn_rows_int(rows, 12);
    d->settled_ms = pn_rows_int(rows, 13);
    d->of = pn_rows_int(rows, 14) == PN_OUT_CASE ? PN_OUT_CASE : PN_OUT_PLAN;
    d->round = pn_rows_int(rows, 15);
}
