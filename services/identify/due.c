// SPDX-License-Identifier: Apache-2.0
#include "services/identify/due.h"

enum pn_code pn_due_put(struct pn_store *store, const struct pn_due *due, struct pn_err *err)
{
    static const char of_all[] =
        "INSERT INTO due (client, due_ms) VALUES (?1, ?2) ON CONFLICT (client)"
        " DO UPDATE SET due_ms = excluded.due_ms WHERE due.due_ms <> excluded.due_ms";
    static const char of_some[] =
        "INSERT INTO due (client, due_ms) VALUES (?1, ?2) ON CONFLICT (client)"
        " DO UPDATE SET due_ms = excluded.due_ms WHERE due.due_ms > excluded.due_ms";
    const struct pn_value values[] = {PN_INT(due->client), PN_INT(due->due_ms)};
    return pn_store_run(store, due->is_of_all ? of_all : of_some, values, 2, err);
}

enum pn_code pn_due_all(struct pn_store *store, struct pn_err *err)
{
    return pn_store_run(
        store,
        "INSERT INTO due (client, due_ms) SELECT DISTINCT owner, 0 FROM client_facts"
        " WHERE 1 = 1 ON CONFLICT (client) DO UPDATE SET due_ms = 0",
        NULL, 0, err);
}

enum pn_code pn_due_take(struct pn_store *store, int64_t now_ms,
                         int64_t ret_clients[static PN_DUE_MAX], unsigned *ret_count,
                         struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    const struct pn_value values[] = {PN_INT(now_ms), PN_INT(PN_DUE_MAX)};
    enum pn_code code =
        pn_store_ask(store, "SELECT client FROM due WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
                     values, 2, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < PN_DUE_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            ret_clients[count++] = pn_rows_int(rows, 0);
        }
    }
    pn_rows_close(rows);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        const struct pn_value client = PN_INT(ret_clients[i]);
        code = pn_store_run(store, "DELETE FROM due WHERE client = ?1", &client, 1, err);
    }
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}
