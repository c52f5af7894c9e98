// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/case_log.h"

#include <stdio.h>
#include <string.h>

enum pn_code pn_case_log_add(struct pn_store *store, const struct pn_case_entry *entry,
                             struct pn_err *err)
{
    const struct pn_value values[] = {
        PN_INT(entry->client), PN_INT(entry->at_ms),   PN_INT(entry->was),
        PN_INT(entry->state),  PN_TEXT(entry->reason), PN_TEXT(entry->by),
        PN_TEXT(entry->unit),  PN_TEXT(entry->team),   PN_TEXT(entry->rules)};
    return pn_store_run(store,
                        "INSERT INTO case_log (serial, client, at_ms, was, state, reason, by,"
                        " unit, team, rules) VALUES ((SELECT COALESCE(MAX(serial), 0) + 1 FROM"
                        " case_log), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        values, PN_ARRAY_COUNT(values), err);
}

#define WAIT_ROWS                                                                                  \
    "INSERT INTO case_log (serial, client, at_ms, was, state, reason, by, unit, team, rules)"      \
    " SELECT (SELECT COALESCE(MAX(serial), 0) FROM case_log) + row_number() OVER (ORDER BY"        \
    " client), client, ?2, 0, 0, ?3, '', unit, team, '' FROM cases WHERE "

static enum pn_code add_wait(struct pn_store *store, const char *sql, struct pn_value of,
                             int64_t at_ms, const char *reason, struct pn_err *err)
{
    const struct pn_value values[] = {of, PN_INT(at_ms), PN_STR(reason)};
    return pn_store_run(store, sql, values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_case_log_held(struct pn_store *store, int64_t client, int64_t at_ms,
                              struct pn_err *err)
{
    return add_wait(store, WAIT_ROWS "client = ?1", PN_INT(client), at_ms, PN_CASE_REASON_HELD,
                    err);
}

enum pn_code pn_case_log_shown(struct pn_store *store, int64_t client, int64_t at_ms,
                               struct pn_err *err)
{
    return add_wait(store, WAIT_ROWS "client = ?1", PN_INT(client), at_ms, PN_CASE_REASON_SHOWN,
                    err);
}

enum pn_code pn_case_log_all_shown(struct pn_store *store, const char *team, int64_t at_ms,
                                   struct pn_err *err)
{
    return add_wait(store, WAIT_ROWS "team = ?1 AND state = 0 AND shown_ms = 0 AND merged_into = 0",
                    PN_STR(team), at_ms, PN_CASE_REASON_SHOWN, err);
}

enum pn_code pn_case_rules_now(struct pn_store *store, int64_t client,
                               char ret_rules[static PN_CASE_RULES_BYTES], struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value value = PN_INT(client);
    enum pn_code code = pn_store_ask(
        store, "SELECT rule FROM triggers WHERE client = ?1 AND state = 0 ORDER BY rule", &value, 1,
        &rows, err);
    char ids[PN_CASE_RULES_BYTES] = "";
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            pn_case_rules_add(ids, pn_rows_text(rows, 0));
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        memcpy(ret_rules, ids, sizeof ids);
    }
    return code;
}

void pn_case_rules_add(char rules[static PN_CASE_RULES_BYTES], struct pn_slice id)
{
    size_t used = strlen(rules);
    if (used + id.len + 2 <= PN_CASE_RULES_BYTES) {
        (void)snprintf(rules + used, PN_CASE_RULES_BYTES - used, "%s%.*s", used > 0 ? "," : "",
                       PN_SLICE_FMT(id));
    }
}

bool pn_case_rules_has(struct pn_slice rules, struct pn_slice id)
{
    while (rules.len > 0) {
        if (pn_slice_eq(pn_slice_split(rules, ',', &rules), id)) {
            return true;
        }
    }
    return false;
}
