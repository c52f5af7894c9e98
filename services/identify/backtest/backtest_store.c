// SPDX-License-Identifier: Apache-2.0
#include "services/identify/backtest/backtest_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "services/identify/feedback/feedback_read.h"
#include "services/identify/rules/rule_sets.h"
#include "stream/stream.h"

enum { ROWS_MAX = 4000000 };

enum pn_code pn_backtest_read_rules(struct pn_store *store, struct pn_arena *arena,
                                    struct pn_backtest_plan *plan, struct pn_err *err)
{
    struct pn_rule_set set;
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    enum pn_code code = rules == NULL
                            ? pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted")
                            : pn_rule_set_read(store, arena, 0, &set, err);
    code = code == PN_OK ? pn_rules_parse(arena, "rule set in use", set.text, rules, err) : code;
    if (code == PN_OK) {
        rules->number = set.number;
        plan->rules[PN_BACKTEST_TODAY] = rules;
    }
    return code;
}

// --- Who is one client ---------------------------------------------------------------------------

static int by_subject(const void *a, const void *b)
{
    const struct pn_backtest_alias *one = a, *two = b;
    return one->subject < two->subject ? -1 : one->subject > two->subject;
}

// Room for one more row of an array that grows in the arena; NULL over ROWS_MAX.
static void *room(struct pn_arena *arena, void *rows, size_t count, size_t row_bytes)
{
    bool is_full = (count & (count - 1)) == 0; // at 0, 1, 2, 4 …
    if (!is_full || count > ROWS_MAX) {
        return count > ROWS_MAX ? NULL : rows;
    }
    void *grown = pn_arena_alloc_array(arena, count == 0 ? 1 : 2 * count, row_bytes);
    if (grown != NULL && count > 0) {
        memcpy(grown, rows, count * row_bytes);
    }
    return grown;
}

enum pn_code pn_backtest_read_aliases(struct pn_store *store, struct pn_arena *arena,
                                      struct pn_backtest_plan *plan, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct pn_backtest_alias *aliases = NULL;
    size_t count = 0;
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT client, canonical FROM client_keys WHERE canonical IN"
                     " (SELECT canonical FROM client_keys WHERE client <> canonical)",
                     NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            aliases = room(arena, aliases, count, sizeof *aliases);
            code = aliases == NULL ? pn_err_set(err, PN_MEMORY, "client_keys", "too many") : PN_OK;
        }
        if (code == PN_OK && has_row) {
            aliases[count++] = (struct pn_backtest_alias){.subject = pn_rows_int(rows, 0),
                                                          .client = pn_rows_int(rows, 1)};
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK && count > 0) {
        qsort(aliases, count, sizeof *aliases, by_subject);
    }
    plan->aliases = aliases;
    plan->alias_count = count;
    return code;
}

// --- What professionals have said ----------------------------------------------------------------

struct verdicts {
    const struct pn_backtest_plan *plan;
    struct pn_arena *arena;
    struct pn_backtest_verdict *rows;
    size_t count;
    bool is_full;
};

static void take_verdict(void *context, int64_t client, enum pn_case_state state, int64_t at_ms)
{
    struct verdicts *verdicts = context;
    const struct pn_backtest_plan *plan = verdicts->plan;
    const struct pn_backtest_alias like = {.subject = client};
    const struct pn_backtest_alias *alias =
        plan->alias_count == 0
            ? NULL
            : bsearch(&like, plan->aliases, plan->alias_count, sizeof like, by_subject);
    struct pn_backtest_verdict *rows =
        room(verdicts->arena, verdicts->rows, verdicts->count, sizeof *rows);
    verdicts->is_full = verdicts->is_full || rows == NULL;
    if (!verdicts->is_full) {
        verdicts->rows = rows;
        rows[verdicts->count++] = (struct pn_backtest_verdict){
            .client = alias == NULL ? client : alias->client, .at_ms = at_ms, .state = state};
    }
}

static int by_client_and_time(const void *a, const void *b)
{
    const struct pn_backtest_verdict *one = a, *two = b;
    if (one->client != two->client) {
        return one->client < two->client ? -1 : 1;
    }
    return one->at_ms < two->at_ms ? -1 : one->at_ms > two->at_ms;
}

// One client may have been judged under several keys.
static size_t keep_last(struct pn_backtest_verdict *rows, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        kept -= kept > 0 && rows[kept - 1].client == rows[i].client ? 1 : 0;
        rows[kept++] = rows[i];
    }
    return kept;
}

enum pn_code pn_backtest_read_verdicts(const struct pn_backtest_plan *plan, struct pn_arena *arena,
                                       struct pn_backtest_input *input, struct pn_err *err)
{
    struct verdicts verdicts = {.plan = plan, .arena = arena};
    struct pn_feedback_reader *reader = NULL;
    struct pn_feedback_result nothing;
    const struct pn_feedback_query query = {.from_ms = plan->from_ms,
                                            .to_ms = plan->to_ms + 1,
                                            .as_of_ms = pn_clock_now_ms(),
                                            .judged = take_verdict,
                                            .context = &verdicts};
    enum pn_code code = pn_feedback_reader_open(plan->config, &reader, err);
    code = code == PN_OK ? pn_feedback_read(reader, &query, &nothing, err) : code;
    pn_feedback_reader_close(reader);
    if (code == PN_OK && verdicts.is_full) {
        code = pn_err_set(err, PN_MEMORY, "case_log", "too many verdicts");
    }
    if (code == PN_OK && verdicts.count > 0) {
        qsort(verdicts.rows, verdicts.count, sizeof *verdicts.rows, by_client_and_time);
        verdicts.count = keep_last(verdicts.rows, verdicts.count);
    }
    input->verdicts = verdicts.rows;
    input->verdict_count = code == PN_OK ? verdicts.count : 0;
    return code;
}

// --- How far the service has come ----------------------------------------------------------------

enum pn_code pn_backtest_read_behind(struct pn_store *store,
                                     const struct pn_backtest_totals *totals, int64_t *ret_events,
                                     struct pn_err *err)
{
    int64_t handled[PN_BACKTEST_PARTITIONS_MAX] = {0}, events = 0;
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(store, "SELECT topic, part, next_offset FROM punos_position",
                                     NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        const int64_t part = code == PN_OK && has_row ? pn_rows_int(rows, 1) : -1;
        if (part >= 0 && part < PN_BACKTEST_PARTITIONS_MAX &&
            pn_slice_is(pn_rows_text(rows, 0), PN_TOPIC_EVENT)) {
            handled[part] = pn_rows_int(rows, 2);
        }
    }
    pn_rows_close(rows);
    for (unsigned i = 0; i < PN_BACKTEST_PARTITIONS_MAX; i++) {
        const int64_t first = totals->begins[i] > handled[i] ? totals->begins[i] : handled[i];
        events += totals->ends[i] > first ? totals->ends[i] - first : 0;
    }
    if (code == PN_OK) {
        *ret_events = events;
    }
    return code;
}
