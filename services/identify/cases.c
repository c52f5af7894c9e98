// SPDX-License-Identifier: Apache-2.0
#include "services/identify/cases.h"

#include <stdio.h>

#include "services/identify/case_log.h"
#include "services/identify/units.h"

struct row {
    bool is_found;
    enum pn_case_state state;
    int64_t version;
    char unit[PN_UNIT_BYTES];
};

static enum pn_code read_row(struct pn_store *store, int64_t client, struct row *ret_row,
                             struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    struct row row = {.is_found = false};
    const struct pn_value values[] = {PN_INT(client)};
    enum pn_code code = pn_store_prepare(
        store, "SELECT state, version, unit FROM cases WHERE client = ?1", &stmt, err);
    code = code == PN_OK ? pn_store_query(store, stmt, values, 1, &rows, err) : code;
    code = code == PN_OK ? pn_rows_next(rows, &row.is_found, err) : code;
    if (code == PN_OK && row.is_found) {
        row.state = (enum pn_case_state)pn_rows_int(rows, 0);
        row.version = pn_rows_int(rows, 1);
        (void)snprintf(row.unit, sizeof row.unit, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 2)));
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_row = row;
    }
    return code;
}

static enum pn_case_state next_state(const struct row *row, const struct pn_case_sum *sum)
{
    if (!row->is_found) {
        return PN_CASE_NEW;
    }
    bool is_begun = row->state != PN_CASE_NEW && row->state != PN_CASE_SEEN;
    if (sum->trigger_count == 0 && !is_begun) {
        return PN_CASE_LAPSED;
    }
    return sum->trigger_count > 0 && row->state == PN_CASE_LAPSED ? PN_CASE_NEW : row->state;
}

static enum pn_code write_log(struct pn_store *store, const struct row *row,
                              const struct pn_case_sum *sum, enum pn_case_state state,
                              struct pn_err *err)
{
    const struct pn_case_entry entry = {.client = sum->client,
                                        .at_ms = sum->now_ms,
                                        .was = row->is_found ? (int)row->state : PN_CASE_NOT_LISTED,
                                        .state = state,
                                        .unit =
                                            sum->unit.len > 0 ? sum->unit : pn_slice_str(row->unit),
                                        .team = pn_slice_str(PN_TEAM_ALL),
                                        .rules = sum->rules};
    return row->is_found && row->state == state ? PN_OK : pn_case_log_add(store, &entry, err);
}

enum pn_code pn_case_settle(struct pn_store *store, const struct pn_case_sum *sum,
                            struct pn_err *err)
{
    struct row row;
    if (!sum->has_told) {
        return PN_OK;
    }
    enum pn_code code = read_row(store, sum->client, &row, err);
    if (code != PN_OK || (!row.is_found && sum->trigger_count == 0)) {
        return code;
    }
    enum pn_case_state state = next_state(&row, sum);
    struct pn_stmt *stmt = NULL;
    const struct pn_value values[] = {
        PN_INT(sum->client),
        PN_INT(state),
        PN_INT(row.is_found && state == row.state ? row.version : row.version + 1),
        PN_INT(sum->rank),
        PN_INT(sum->now_ms),
        PN_INT(sum->trigger_count),
        PN_TEXT(sum->unit.len > 0 ? sum->unit : pn_slice_str(row.unit)),
        PN_STR(PN_TEAM_ALL)};
    code = pn_store_prepare(store,
                            "INSERT INTO cases (client, state, version, rank, first_ms,"
                            " changed_ms, set_by, trigger_count, merged_into, unit, team)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?5, '', ?6, 0, ?7, ?8)"
                            " ON CONFLICT (client)"
                            " DO UPDATE SET state = excluded.state, version = excluded.version,"
                            " rank = excluded.rank, changed_ms = excluded.changed_ms,"
                            " set_by = CASE WHEN cases.state = excluded.state THEN cases.set_by"
                            " ELSE '' END, reason = CASE WHEN cases.state = excluded.state THEN"
                            " cases.reason ELSE '' END, trigger_count = excluded.trigger_count,"
                            " unit = excluded.unit, team = excluded.team",
                            &stmt, err);
    code = code == PN_OK ? pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), NULL, err)
                         : code;
    return code == PN_OK ? write_log(store, &row, sum, state, err) : code;
}
