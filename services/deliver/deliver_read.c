// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/deliver_read.h"

#include <string.h>

enum pn_code pn_deliver_store_open(const struct pn_config *config, struct pn_store **ret_store,
                                   struct pn_err *err)
{
    struct pn_store_options options = {.name = "deliver", .read_only = true};
    return pn_store_open(config, &options, ret_store, err);
}

static bool read_line(const struct pn_rows *rows, struct pn_arena *arena,
                      struct pn_delivery_line *line)
{
    *line = (struct pn_delivery_line){
        .system = pn_arena_copy(arena, pn_rows_text(rows, 0)),
        .plan_version = pn_rows_int(rows, 1),
        .is_withdrawal = pn_rows_int(rows, 2) != 0,
        .state = (enum pn_delivery_state)pn_rows_int(rows, 3),
        .attempts = pn_rows_int(rows, 4),
        .queued_ms = pn_rows_int(rows, 5),
        .sent_ms = pn_rows_int(rows, 6),
        .settled_ms = pn_rows_int(rows, 7),
        .words = pn_arena_copy(arena, pn_rows_text(rows, 8)),
        .reason = pn_arena_copy(arena, pn_rows_text(rows, 9)),
    };
    return line->system != NULL && line->words != NULL && line->reason != NULL;
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

enum pn_code pn_deliver_lines(struct pn_store *store, struct pn_arena *arena, const char *plan_id,
                              struct pn_delivery_line *ret_lines, unsigned line_max,
                              unsigned *ret_count, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    struct pn_value values[] = {PN_STR(plan_id)};
    enum pn_code code = pn_store_prepare(
        store,
        "SELECT system, plan_version, is_withdrawal, state, attempts, queued_ms, sent_ms,"
        " settled_ms, words, reason FROM delivery WHERE plan_id = ?1 ORDER BY system, plan_version",
        &stmt, err);
    if (code == PN_OK) {
        code = pn_store_query(store, stmt, values, 1, &rows, err);
    }
    if (code == PN_OK) {
        code = read_lines(rows, arena, ret_lines, line_max, ret_count, err);
    }
    pn_rows_close(rows);
    return code;
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
