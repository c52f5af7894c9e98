// SPDX-License-Identifier: Apache-2.0
/*
 * What a backtest takes from identify's store, and what it warns of.
 */
#include "services/identify/backtest/backtest_store.h"

#include "services/identify/backtest/backtest_report.h"
#include "stream/stream.h"
#include "tests/unit/identify/engine_bench.h"

enum { FIRST_CLIENT = 11, MERGED = 14, KEPT = 15 };

static void exec(struct bench *bench, const char *sql)
{
    struct pn_stmt *stmt = NULL;
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_store_prepare(bench->store, sql, &stmt, &err), PN_OK);
    assert_int_equal(pn_store_exec(bench->store, stmt, NULL, 0, NULL, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
}

static void rise(struct bench *bench, int64_t client, unsigned serial, int64_t told_ms)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO trigger_log (serial, client, rule, version, happening, at_ms,"
                   " told_ms, unit, team) VALUES (%u, %lld, 'visits', 1, 0, %lld, %lld, '', '')",
                   serial, (long long)client, (long long)told_ms, (long long)told_ms);
    exec(bench, sql);
}

// By a person, unless the state is new: the case begins.
static void say(struct bench *bench, int64_t client, enum pn_case_state state, int64_t at_ms)
{
    static unsigned serial;
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO case_log (serial, client, at_ms, was, state, reason, by, unit,"
                   " team, rules) VALUES (%u, %lld, %lld, 0, %d, '', '%s', '', '', 'visits')",
                   ++serial, (long long)client, (long long)at_ms, (int)state,
                   state == PN_CASE_NEW ? "" : "somebody");
    exec(bench, sql);
}

static struct pn_backtest_plan plan_of(struct bench *bench)
{
    static const struct pn_backtest_alias aliases[] = {{MERGED, KEPT}, {KEPT, KEPT}};
    struct pn_backtest_plan plan = {.config = &bench->config,
                                    .rules = {bench->rules, bench->rules},
                                    .from_ms = at(2026, 2, 1),
                                    .to_ms = at(2026, 3, 1) - 1,
                                    .aliases = aliases,
                                    .alias_count = 2};
    assert_int_equal(pn_backtest_plan_weeks(&plan, &err), PN_OK);
    assert_int_equal(pn_backtest_plan_variants(&plan, bench->boot, &err), PN_OK);
    return plan;
}

// Verdicts of what rose before the period, in it and after it.
static void verdicts_are_of_what_rose_in_the_period(void **state)
{
    struct bench *bench = *state;
    const int64_t before = at(2026, 1, 10), inside = at(2026, 2, 10), after = at(2026, 3, 10);
    // Rose before the period, judged in it.
    rise(bench, FIRST_CLIENT, 1, before);
    say(bench, FIRST_CLIENT, PN_CASE_NEW, before);
    say(bench, FIRST_CLIENT, PN_CASE_NOT_RELEVANT, inside);
    // Rose in it, judged after it, twice.
    rise(bench, FIRST_CLIENT + 1, 1, inside);
    say(bench, FIRST_CLIENT + 1, PN_CASE_NEW, inside);
    say(bench, FIRST_CLIENT + 1, PN_CASE_NOT_RELEVANT, after);
    say(bench, FIRST_CLIENT + 1, PN_CASE_CONSENTS, after + 1);
    // Rose after it.
    rise(bench, FIRST_CLIENT + 2, 1, after);
    say(bench, FIRST_CLIENT + 2, PN_CASE_NEW, after);
    say(bench, FIRST_CLIENT + 2, PN_CASE_CONSENTS, after + 2);
    // One client under two keys: the later word.
    rise(bench, MERGED, 1, inside);
    say(bench, MERGED, PN_CASE_NEW, inside);
    say(bench, MERGED, PN_CASE_REFUSES, inside + 9);
    rise(bench, KEPT, 1, inside);
    say(bench, KEPT, PN_CASE_NEW, inside);
    say(bench, KEPT, PN_CASE_HAS_WORKER, inside + 5);
    // Nobody has said anything.
    rise(bench, KEPT + 1, 1, inside);
    say(bench, KEPT + 1, PN_CASE_NEW, inside);
    const struct pn_backtest_plan plan = plan_of(bench);
    struct pn_backtest_input input = {.plan = &plan};
    assert_int_equal(pn_backtest_read_verdicts(&plan, bench->boot, &input, &err), PN_OK);
    assert_int_equal(input.verdict_count, 2);
    assert_int_equal(input.verdicts[0].client, FIRST_CLIENT + 1);
    assert_int_equal(input.verdicts[0].state, PN_CASE_CONSENTS);
    assert_int_equal(input.verdicts[1].client, KEPT);
    assert_int_equal(input.verdicts[1].state, PN_CASE_REFUSES);
}

static void tells_how_far_behind_the_service_is(void **state)
{
    struct bench *bench = *state;
    static struct pn_backtest_totals totals;
    int64_t behind = -1;
    exec(bench, "CREATE TABLE punos_position (topic TEXT NOT NULL, part BIGINT NOT NULL,"
                " next_offset BIGINT NOT NULL, PRIMARY KEY (topic, part))");
    exec(bench, "INSERT INTO punos_position (topic, part, next_offset) VALUES"
                " ('" PN_TOPIC_EVENT "', 0, 90), ('" PN_TOPIC_EVENT "', 1, 200),"
                " ('" PN_TOPIC_QUARANTINE "', 2, 900)");
    totals.ends[0] = 100;  // 10 more than it has handled
    totals.ends[1] = 150;  // less: it has handled newer ones meanwhile
    totals.begins[2] = 40; // it has handled none; 40 were pruned
    totals.ends[2] = 47;
    assert_int_equal(pn_backtest_read_behind(bench->store, &totals, &behind, &err), PN_OK);
    assert_int_equal(behind, 10 + 7);
}

// --- Warnings ------------------------------------------------------------------------------------

static struct pn_sheet sheets[PN_SHEET_COUNT];
static struct pn_buf out;

// The figures of a result with these days.
static void make_report(struct bench *bench, const struct pn_backtest_plan *plan,
                        const struct pn_backtest_result *result, int64_t behind,
                        enum pn_language language)
{
    const struct pn_backtest_input input = {.plan = plan, .result = result, .behind = behind};
    struct pn_backtest_figures *figures = NULL;
    assert_int_equal(pn_backtest_figures_make(bench->boot, &input, &figures, &err), PN_OK);
    const struct pn_backtest_report_input report = {
        .input = &input, .figures = figures, .file = "f", .fingerprint = "f", .language = language};
    assert_int_equal(pn_backtest_sheets(bench->boot, &report, sheets, &err), PN_OK);
    pn_buf_clear(&out);
    pn_backtest_html(&report, sheets, &out);
    assert_true(pn_buf_ok(&out));
}

static void days_of(struct pn_backtest_result *result, const struct pn_backtest_plan *plan,
                    int64_t first_ms, int64_t count)
{
    const int64_t day = first_ms / DAY - pn_backtest_first_day(plan);
    memset(result->totals.days, 0, sizeof result->totals.days);
    for (int64_t i = 0; i < count; i++) {
        result->totals.days[(day < 0 ? 0 : day) + i] = 10;
    }
}

static void warns_of_what_makes_the_figures_worth_less(void **state)
{
    struct bench *bench = *state;
    static struct pn_backtest_result result;
    const struct pn_backtest_plan plan = plan_of(bench);
    pn_buf_init(&out, 1 << 20);
    // Enough before it, and the service keeps up.
    days_of(&result, &plan, at(2024, 1, 1), 700);
    make_report(bench, &plan, &result, 0, PN_LANGUAGE_EN);
    assert_int_equal(sheets[PN_SHEET_WARNINGS].row_count, 0);
    assert_null(strstr(out.data, "Warnings"));
    // Windows of 12 months, events of 5.
    assert_int_equal(plan.months_back, 12);
    days_of(&result, &plan, at(2025, 9, 7), 300);
    make_report(bench, &plan, &result, 0, PN_LANGUAGE_EN);
    assert_int_equal(sheets[PN_SHEET_WARNINGS].row_count, 1);
    assert_non_null(strstr(out.data, "up to 12 months back"));
    assert_non_null(strstr(out.data, "2025-09-07"));
    // The period begins before the events; one that is dated wrongly hides nothing.
    days_of(&result, &plan, at(2026, 2, 20), 300);
    result.totals.days[0] = 1;
    make_report(bench, &plan, &result, 17, PN_LANGUAGE_FI);
    assert_int_equal(sheets[PN_SHEET_WARNINGS].row_count, 2);
    assert_non_null(strstr(out.data, "ei ole vielä käsitellyt 17 tapahtumaa"));
    assert_non_null(strstr(out.data, "niitä on vasta 2026-02-20 alkaen"));
    pn_buf_clear(&out);
    pn_sheet_csv(&sheets[PN_SHEET_WARNINGS], &out);
    assert_true(pn_slice_starts_with(pn_buf_slice(&out), "what,warning\r\nbehind,"));
    assert_non_null(strstr(out.data, "\r\nbegins,"));
    // Nothing at all.
    days_of(&result, &plan, at(2026, 2, 20), 0);
    make_report(bench, &plan, &result, 0, PN_LANGUAGE_SV);
    assert_non_null(strstr(out.data, "Det finns inga lagrade"));
    pn_buf_release(&out);
}

int main(void)
{
#define IN_A_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)
    const struct CMUnitTest tests[] = {
        IN_A_BENCH(verdicts_are_of_what_rose_in_the_period),
        IN_A_BENCH(tells_how_far_behind_the_service_is),
        IN_A_BENCH(warns_of_what_makes_the_figures_worth_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
