// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/deliver_read.h"

#include <string.h>

#include "services/deliver/ledger_rows.h"

enum pn_code pn_deliver_store_open(const struct pn_config *config, struct pn_store **ret_store,
                                   struct pn_err *err)
{
    struct pn_store_options options = {.name = "deliver", .read_only = true};
    return pn_store_open(config, &options, ret_store, err);
}

#define LINE                                                                                       \
    "SELECT id, kind, system, plan_id, plan_version, is_withdrawal, state, attempts, position,"    \
    " queued_ms, sent_ms, settled_ms, committed_ms, acknowledged_ms, words, reason FROM delivery "

static bool read_line(const struct pn_rows *rows, struct pn_arena *arena,
                      struct pn_delivery_line *line)
{
    *line = (struct pn_delivery_line){
        .id = pn_arena_copy(arena, pn_rows_text(rows, 0)),
        .of = pn_rows_int(rows, 1) == PN_OUT_CASE ? PN_OUT_CASE : PN_OUT_PLAN,
        .system = pn_arena_copy(arena, pn_rows_text(rows, 2)),
        .plan_id = pn_arena_copy(arena, pn_rows_text(rows, 3)),
        .plan_version = pn_rows_int(rows, 4),
        .is_withdrawal = pn_rows_int(rows, 5) != 0,
        .state = (enum pn_delivery_state)pn_rows_int(rows, 6),
        .attempts = pn_rows_int(rows, 7),
        .position = pn_rows_int(rows, 8),
        .queued_ms = pn_rows_int(rows, 9),
        .sent_ms = pn_rows_int(rows, 10),
        .settled_ms = pn_rows_int(rows, 11),
        .committed_ms = pn_rows_int(rows, 12),
        .acknowledged_ms = pn_rows_int(rows, 13),
        .words = pn_arena_copy(arena, pn_rows_text(rows, 14)),
        .reason = pn_arena_copy(arena, pn_rows_text(rows, 15)),
    };
    return line->id != NULL && line->system != NULL && line->plan_id != NULL &&
           line->words != NULL && line->reason != NULL;
}

static enum pn_code read_lines(struct pn_rows *rows, struct pn_arena *arena,
                               struct pn_delivery_line *lines, unsigned line_max,
                               unsigned *ret_count, struct pn_err *err)
{
    unsigned count = 0;
    while (count < line_max) {
        bool has_row = false;
        enum pn_code code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK) {
            return code;
        }
        if (!has_row) {
            break;
        }
        if (!read_line(rows, arena, &lines[count])) {
            return pn_err_set(err, PN_LIMIT, "delivery", "the ledger does not fit into the arena");
        }
        count++;
    }
    *ret_count = count;
    return PN_OK;
}

static enum pn_code query_lines(struct pn_store *store, struct pn_arena *arena, const char *sql,
                                const struct pn_value *values, unsigned value_count,
                                struct pn_delivery_line *ret_lines, unsigned line_max,
                                unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(store, sql, values, value_count, &rows, err);
    if (code == PN_OK) {
        code = read_lines(rows, arena, ret_lines, line_max, ret_count, err);
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_deliver_lines(struct pn_store *store, struct pn_arena *arena, const char *plan_id,
                              struct pn_delivery_line *ret_lines, unsigned line_max,
                              unsigned *ret_count, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(plan_id)};
    return query_lines(store, arena, LINE "WHERE plan_id = ?1 ORDER BY system, plan_version",
                       values, 1, ret_lines, line_max, ret_count, err);
}

enum pn_code pn_deliver_list(struct pn_store *store, struct pn_arena *arena,
                             const struct pn_delivery_filter *filter,
                             struct pn_delivery_line *ret_lines, unsigned line_max,
                             unsigned *ret_count, struct pn_err *err)
{
    struct pn_value values[PN_DELIVERY_STATE_COUNT + 3];
    const char *system = filter->system == NULL ? "" : filter->system;
    for (unsigned i = 0; i < PN_DELIVERY_STATE_COUNT; i++) {
        bool is_wanted = filter->states == 0 || (filter->states >> i & 1) != 0;
        values[i] = PN_INT(is_wanted ? (int)i : -1);
    }
    values[PN_DELIVERY_STATE_COUNT] = PN_STR(system);
    values[PN_DELIVERY_STATE_COUNT + 1] = PN_INT(filter->before);
    values[PN_DELIVERY_STATE_COUNT + 2] = PN_INT(line_max);
    _Static_assert(PN_DELIVERY_STATE_COUNT == 7, "one parameter for each state");
    return query_lines(store, arena,
                       LINE "WHERE state IN (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                            " AND (?8 = '' OR system = ?8) AND (position < ?9 OR ?9 = 0)"
                            " ORDER BY position DESC LIMIT ?10",
                       values, PN_ARRAY_COUNT(values), ret_lines, line_max, ret_count, err);
}

enum pn_code pn_deliver_odd_count(struct pn_store *store, int64_t *ret_count, struct pn_err *err)
{
    bool found = false;
    return pn_ledger_query_one(store, "SELECT COUNT(*) FROM delivery_answer", NULL, 0,
                               pn_ledger_take_int, ret_count, &found, err);
}

unsigned pn_deliver_standings(const struct pn_delivery_line *lines, unsigned line_count,
                              struct pn_delivery_standing ret_standings[PN_DELIVERY_SYSTEMS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < line_count; i++) {
        const struct pn_delivery_line *line = &lines[i];
        struct pn_delivery_standing *standing = count == 0 ? NULL : &ret_standings[count - 1];
        if (standing == NULL || strcmp(standing->system, line->system) != 0) {
            if (count == PN_DELIVERY_SYSTEMS_MAX) {
                break;
            }
            standing = &ret_standings[count++];
            *standing = (struct pn_delivery_standing){.system = line->system};
        }
        // A version that was not accepted counts as behind, whatever came of it.
        standing->newest_version = line->plan_version;
        standing->newest_state = line->state;
        if (line->state == PN_DELIVERY_NEEDLESS) {
            continue; // there was nothing to bring
        }
        if (pn_delivery_is_taken(line->state)) {
            standing->accepted_version = line->plan_version;
            standing->versions_behind = 0;
        } else {
            standing->versions_behind++;
        }
    }
    return count;
}
