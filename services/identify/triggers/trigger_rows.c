// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/trigger_rows.h"

#include <stdio.h>
#include <string.h>

static void take(const struct pn_rows *from, struct pn_trigger_row *row)
{
    *row = (struct pn_trigger_row){
        .version = pn_rows_int(from, 1),
        .state = (enum pn_trigger_state)pn_rows_int(from, 2),
        .raised_ms = pn_rows_int(from, 3),
        .evaluated_ms = pn_rows_int(from, 4),
        .told = pn_rows_int(from, 5),
        .serial = pn_rows_int(from, 6),
        .classes = (uint32_t)pn_rows_int(from, 7),
        .weight = pn_rows_int(from, 8),
        .share = {.week = pn_rows_int(from, 9), .sectors = (uint32_t)pn_rows_int(from, 10)}};
    (void)snprintf(row->rule, sizeof row->rule, "%.*s", PN_SLICE_FMT(pn_rows_text(from, 0)));
}

enum pn_code pn_trigger_rows_read(struct pn_store *store, int64_t client,
                                  struct pn_trigger_rows *rows, struct pn_err *err)
{
    struct pn_rows *found = NULL;
    const struct pn_value value = PN_INT(client);
    enum pn_code code = pn_store_ask(store,
                                     "SELECT rule, version, state, raised_ms, evaluated_ms, told,"
                                     " serial, classes, weight, week, sectors FROM triggers"
                                     " WHERE client = ?1",
                                     &value, 1, &found, err);
    rows->count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && rows->count < PN_TRIGGERS_MAX) {
        code = pn_rows_next(found, &has_row, err);
        if (code == PN_OK && has_row) {
            take(found, &rows->rows[rows->count++]);
        }
    }
    pn_rows_close(found);
    return code;
}

struct pn_trigger_row *pn_trigger_rows_find(struct pn_trigger_rows *rows, const char *rule)
{
    for (unsigned i = 0; i < rows->count; i++) {
        if (strcmp(rows->rows[i].rule, rule) == 0) {
            return &rows->rows[i];
        }
    }
    return NULL;
}

enum pn_code pn_trigger_rows_add(struct pn_trigger_rows *rows, struct pn_trigger_row **ret_row,
                                 struct pn_err *err)
{
    if (rows->count == PN_TRIGGERS_MAX) {
        return pn_err_set(err, PN_LIMIT, "triggers", "more rules than a client can have");
    }
    *ret_row = &rows->rows[rows->count++];
    **ret_row = (struct pn_trigger_row){.is_seen = false};
    return PN_OK;
}

enum pn_code pn_trigger_row_write_share(struct pn_store *store, int64_t client,
                                        const struct pn_trigger_row *row, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(client), PN_STR(row->rule), PN_INT(row->share.week),
                                      PN_INT(row->share.sectors), PN_INT(row->classes)};
    return pn_store_run(store,
                        "UPDATE triggers SET week = ?3, sectors = ?4, classes = ?5"
                        " WHERE client = ?1 AND rule = ?2",
                        values, PN_ARRAY_COUNT(values), err);
}
