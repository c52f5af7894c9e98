// SPDX-License-Identifier: Apache-2.0
/*
 * The work list's figures per team, and a case's history.
 */
#include <string.h>

#include "privacy/client_index.h"
#include "services/identify/worklist/worklist_parts.h"

static bool keep(struct pn_arena *arena, const struct pn_rows *rows, unsigned column,
                 struct pn_slice *ret_text)
{
    struct pn_slice text = pn_rows_text(rows, column);
    char *copy = pn_arena_copy(arena, text);
    *ret_text = pn_slice_of(copy, copy == NULL ? 0 : text.len);
    return copy != NULL;
}

static enum pn_code add_count(struct pn_arena *arena, const struct pn_rows *rows,
                              struct pn_team_count *counts, unsigned *count, struct pn_err *err)
{
    const struct pn_slice team = pn_rows_text(rows, 0);
    const int64_t state = pn_rows_int(rows, 1);
    if (*count == 0 || !pn_slice_eq(counts[*count - 1].team, team)) {
        if (*count == PN_TEAM_COUNTS_MAX) {
            return PN_OK; // teams that the file no longer has, and too many of them
        }
        counts[*count] = (struct pn_team_count){.held = 0};
        if (!keep(arena, rows, 0, &counts[(*count)++].team)) {
            return pn_err_set(err, PN_MEMORY, "identify", "the arena is full");
        }
    }
    struct pn_team_count *last = &counts[*count - 1];
    if (pn_rows_int(rows, 2) != 0) {
        last->held += pn_rows_int(rows, 3);
    } else if (state >= 0 && state < PN_CASE_STATE_COUNT) {
        last->by_state[state] += pn_rows_int(rows, 3);
    }
    return PN_OK;
}

enum pn_code pn_worklist_team_counts(struct pn_worklist *worklist, struct pn_arena *arena,
                                     struct pn_team_count *ret_counts, unsigned *ret_count,
                                     struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    enum pn_code code = pn_store_ask(
        worklist->store,
        "SELECT team, state, CASE WHEN state = 0 AND shown_ms = 0 THEN 1 ELSE 0 END, count(*)"
        " FROM cases WHERE merged_into = 0"
        " GROUP BY team, state, CASE WHEN state = 0 AND shown_ms = 0 THEN 1 ELSE 0 END"
        " ORDER BY team, state",
        NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = add_count(arena, rows, ret_counts, &count, err);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

enum pn_code
pn_worklist_units_without_team(struct pn_worklist *worklist, struct pn_arena *arena,
                               struct pn_unit_count ret_units[static PN_UNITS_WITHOUT_TEAM_MAX],
                               unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    const struct pn_value values[] = {PN_INT(PN_CASE_NOT_RELEVANT), PN_INT(PN_CASE_LAPSED),
                                      PN_INT(PN_UNITS_WITHOUT_TEAM_MAX)};
    enum pn_code code =
        pn_store_ask(worklist->store,
                     "SELECT unit, count(*) FROM cases WHERE team = '' AND merged_into = 0"
                     " AND state NOT IN (?1, ?2) GROUP BY unit"
                     " ORDER BY count(*) DESC, unit LIMIT ?3",
                     values, PN_ARRAY_COUNT(values), &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < PN_UNITS_WITHOUT_TEAM_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            ret_units[count].open = pn_rows_int(rows, 1);
            code = keep(arena, rows, 0, &ret_units[count++].unit)
                       ? PN_OK
                       : pn_err_set(err, PN_MEMORY, "identify", "the arena is full");
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

static enum pn_code read_step(struct pn_arena *arena, const struct pn_rows *rows,
                              struct pn_case_step *ret_step, struct pn_err *err)
{
    *ret_step = (struct pn_case_step){.at_ms = pn_rows_int(rows, 0),
                                      .was = (int)pn_rows_int(rows, 1),
                                      .state = (enum pn_case_state)pn_rows_int(rows, 2)};
    return keep(arena, rows, 3, &ret_step->reason) && keep(arena, rows, 4, &ret_step->by) &&
                   keep(arena, rows, 5, &ret_step->unit) && keep(arena, rows, 6, &ret_step->team) &&
                   keep(arena, rows, 7, &ret_step->rules)
               ? PN_OK
               : pn_err_set(err, PN_MEMORY, "identify", "the arena is full");
}

enum pn_code pn_worklist_history(struct pn_worklist *worklist, struct pn_arena *arena,
                                 struct pn_slice client, struct pn_case_step *ret_steps,
                                 unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    int64_t number = 0;
    unsigned count = 0;
    enum pn_code code = pn_client_find(worklist->store, client, &number, err);
    const struct pn_value values[] = {PN_INT(number), PN_INT(PN_CASE_STEPS_MAX)};
    code = code == PN_OK
               ? pn_store_ask(worklist->store,
                              "SELECT l.at_ms, l.was, l.state, l.reason, l.by, l.unit, l.team,"
                              " l.rules FROM case_log l JOIN client_keys k ON k.client = l.client"
                              " WHERE k.canonical = ?1 ORDER BY l.serial DESC LIMIT ?2",
                              values, 2, &rows, err)
               : code;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < PN_CASE_STEPS_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = read_step(arena, rows, &ret_steps[count++], err);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}
