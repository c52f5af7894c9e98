// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/worklist_export.h"

#include <stdio.h>
#include <string.h>

#include "privacy/client_index.h"

enum { ROWS_MAX = 5000 }; // of one unit: the highest ranks

#define OF_TEAM(column)                                                                            \
    "(CAST(?3 AS TEXT) = '' OR (',' || ?3 || ',') LIKE ('%,' || " column " || ',%'))"
#define LAST_STEP(column)                                                                          \
    "COALESCE((SELECT l." column " FROM case_log l WHERE l.client = c.client AND l.at_ms < ?2"     \
    " ORDER BY l.serial DESC LIMIT 1), -1)"

enum pn_code pn_export_units(struct pn_store *store, struct pn_arena *arena,
                             const struct pn_export_query *query, struct pn_slice *ret_units,
                             unsigned unit_max, unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    const struct pn_value values[] = {PN_INT(query->from_ms), PN_INT(query->to_ms),
                                      PN_TEXT(query->teams)};
    enum pn_code code = pn_store_ask(
        store,
        "SELECT unit FROM cases WHERE merged_into = 0 AND first_ms < ?2 AND " OF_TEAM(
            "team") " UNION SELECT unit FROM case_log WHERE at_ms >= ?1 AND at_ms < ?2 "
                    "AND " OF_TEAM("team") " ORDER BY unit",
        values, PN_ARRAY_COUNT(values), &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < unit_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            struct pn_slice text = pn_rows_text(rows, 0);
            char *copy = pn_arena_copy(arena, text);
            ret_units[count++] = pn_slice_of(copy, copy == NULL ? 0 : text.len);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

static enum pn_code read_list(struct pn_store *store, const struct pn_value *values,
                              struct pn_export_row *rows, int64_t *numbers, unsigned *count,
                              struct pn_err *err)
{
    struct pn_rows *found = NULL;
    enum pn_code code = pn_store_ask(
        store,
        "SELECT c.client, " LAST_STEP(
            "state") ", EXISTS (SELECT 1 FROM case_log n WHERE"
                     " n.client = c.client AND n.state = 0 AND n.reason NOT IN ('held', 'merged')"
                     " AND n.at_ms >= ?1 AND n.at_ms < ?2)"
                     " FROM cases c WHERE c.merged_into = 0 AND c.unit = ?4 AND " OF_TEAM(
                         "c.team") " AND " LAST_STEP("state") " BETWEEN 0 AND 6"
                                                              " AND (c.state <> 0 OR (c.shown_ms > "
                                                              "0 AND c.shown_ms < ?2))"
                                                              " ORDER BY c.rank DESC, c.client",
        values, 4, &found, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && *count < ROWS_MAX) {
        code = pn_rows_next(found, &has_row, err);
        if (code == PN_OK && has_row) {
            numbers[*count] = pn_rows_int(found, 0);
            rows[(*count)++] =
                (struct pn_export_row){.state = (enum pn_case_state)pn_rows_int(found, 1),
                                       .is_new = pn_rows_int(found, 2) != 0};
        }
    }
    pn_rows_close(found);
    return code;
}

// A file may come to eyes of which nobody knows what they may see.
static struct pn_slice title_of(const struct pn_export_query *query, struct pn_slice id,
                                bool is_protected)
{
    static const char *const instead[PN_LANGUAGE_COUNT] = {[PN_LANGUAGE_FI] = "suojattu havainto",
                                                           [PN_LANGUAGE_SV] = "skyddad iakttagelse",
                                                           [PN_LANGUAGE_EN] =
                                                               "a protected finding"};
    const struct pn_rule *rule = query->rules == NULL ? NULL : pn_rules_find(query->rules, id);
    if (is_protected) {
        return pn_slice_str(instead[query->language]);
    }
    return rule == NULL ? id : pn_slice_str(rule->title[query->language]);
}

static enum pn_code read_rules(struct pn_store *store, const struct pn_export_query *query,
                               int64_t client, struct pn_export_row *row, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(client), PN_INT(query->to_ms)};
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT rule, classes FROM triggers WHERE client = ?1 AND raised_ms < ?2"
                     " AND (state = 0 OR changed_ms >= ?2)"
                     " ORDER BY CASE WHEN classes > 0 THEN 1 ELSE 0 END, weight DESC, rule",
                     values, 2, &rows, err);
    bool has_row = code == PN_OK, has_protected = false;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        const bool is_protected = pn_rows_int(rows, 1) != 0;
        if (is_protected && has_protected) {
            continue; // said once: how many they are says something too
        }
        has_protected = has_protected || is_protected;
        const struct pn_slice title = title_of(query, pn_rows_text(rows, 0), is_protected);
        size_t used = strlen(row->rules);
        (void)snprintf(row->rules + used, sizeof row->rules - used, "%s%.*s", used > 0 ? ", " : "",
                       PN_SLICE_FMT(title));
    }
    pn_rows_close(rows);
    return code;
}

static enum pn_code read_figures(struct pn_store *store, const struct pn_value *values,
                                 struct pn_export_figures *figures, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    enum pn_code code = pn_store_ask(
        store,
        "SELECT count(DISTINCT CASE WHEN state = 0 AND by = '' AND reason NOT IN ('held',"
        " 'shown', 'merged') THEN client END),"
        " count(DISTINCT CASE WHEN by <> '' AND state <> 0 THEN client END) FROM case_log"
        " WHERE at_ms >= ?1 AND at_ms < ?2 AND unit = ?4 AND " OF_TEAM("team"),
        values, 4, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        figures->identified = pn_rows_int(rows, 0);
        figures->looked_into = pn_rows_int(rows, 1);
    }
    pn_rows_close(rows);
    rows = NULL;
    code = code == PN_OK
               ? pn_store_ask(
                     store,
                     "SELECT state, count(DISTINCT client) FROM case_log WHERE by <> '' AND"
                     " at_ms >= ?1 AND at_ms < ?2 AND unit = ?4 AND " OF_TEAM(
                         "team") " GROUP BY state UNION ALL SELECT -1, count(*) FROM cases WHERE "
                                 "state = 0"
                                 " AND merged_into = 0 AND first_ms < ?2 AND (shown_ms = 0 OR "
                                 "shown_ms >= ?2)"
                                 " AND unit = ?4 AND " OF_TEAM("team"),
                     values, 4, &rows, err)
               : code;
    has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            const int64_t state = pn_rows_int(rows, 0);
            int64_t *place = state >= 0 && state < PN_CASE_STATE_COUNT ? &figures->by_state[state]
                                                                       : &figures->held;
            *place = pn_rows_int(rows, 1);
        }
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_export_unit(struct pn_store *store, struct pn_arena *arena,
                            const struct pn_export_query *query, struct pn_slice unit,
                            struct pn_export_row **ret_rows, unsigned *ret_count,
                            struct pn_export_figures *ret_figures, struct pn_err *err)
{
    struct pn_export_row *rows = pn_arena_alloc_array(arena, ROWS_MAX, sizeof *rows);
    int64_t *numbers = pn_arena_alloc_array(arena, ROWS_MAX, sizeof *numbers);
    struct pn_export_figures figures = {.held = 0};
    unsigned count = 0;
    if (rows == NULL || numbers == NULL) {
        return pn_err_set(err, PN_MEMORY, "worklist", "no memory");
    }
    const struct pn_value values[] = {PN_INT(query->from_ms), PN_INT(query->to_ms),
                                      PN_TEXT(query->teams), PN_TEXT(unit)};
    enum pn_code code = read_list(store, values, rows, numbers, &count, err);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        code = pn_client_key_of(store, numbers[i], rows[i].client, err);
        code = code == PN_OK ? read_rules(store, query, numbers[i], &rows[i], err) : code;
    }
    code = code == PN_OK ? read_figures(store, values, &figures, err) : code;
    if (code == PN_OK) {
        *ret_rows = rows;
        *ret_count = count;
        *ret_figures = figures;
    }
    return code;
}
