// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/budget.h"
#include "services/identify/worklist/case_log.h"
#include "services/identify/feedback/feedback_read.h"
#include "services/identify/worklist/units.h"
#include "tests/unit/identify/engine_bench.h"

// "lapsed>new  no-shows" lines of the log, oldest first: was>state reason by unit rules.
static void read_log(struct bench *bench, char *ret_text, size_t size)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = true;
    struct pn_buf out;
    pn_buf_init(&out, size);
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT was, state, reason, by, unit, rules FROM case_log"
                                      " ORDER BY serial",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    while (true) {
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        if (!has_row) {
            break;
        }
        int64_t was = pn_rows_int(rows, 0);
        pn_buf_printf(&out, "%s>%s %.*s %.*s %.*s %.*s\n",
                      was < 0 ? "" : pn_case_state_name((enum pn_case_state)was),
                      pn_case_state_name((enum pn_case_state)pn_rows_int(rows, 1)),
                      PN_SLICE_FMT(pn_rows_text(rows, 2)), PN_SLICE_FMT(pn_rows_text(rows, 3)),
                      PN_SLICE_FMT(pn_rows_text(rows, 4)), PN_SLICE_FMT(pn_rows_text(rows, 5)));
    }
    pn_rows_close(rows);
    (void)snprintf(ret_text, size, "%.*s", PN_SLICE_FMT(pn_buf_slice(&out)));
    pn_buf_release(&out);
}

static unsigned list(struct bench *bench, struct pn_worklist_filter filter, char *ret_keys)
{
    struct pn_case cases[16];
    char next[PN_WORKLIST_CURSOR_BYTES];
    unsigned count = 0;
    pn_arena_reset(bench->arena);
    assert_int_equal(
        pn_worklist_page(bench->worklist, bench->arena, &filter, cases, 16, &count, next, &err),
        PN_OK);
    for (unsigned i = 0; i < count; i++) {
        ret_keys[i] = cases[i].client[0];
    }
    ret_keys[count] = '\0';
    return count;
}

static void put_visits(struct bench *bench, unsigned from, unsigned count, const char *unit)
{
    for (unsigned i = from; i < from + count; i++) {
        put(bench, (struct spec){.happening = "appointment.noshow",
                                 .subject = CLIENT_A,
                                 .number = i,
                                 .start_ms = at(2026, 1, (int)i),
                                 .recorded_ms = at(2026, 1, (int)i),
                                 .status = "noshow",
                                 .unit = unit});
    }
}

static void every_change_is_written_down(void **state)
{
    struct bench *bench = *state;
    char log[1024];
    put_visits(bench, 1, 3, "station-1");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    set_state(bench, CLIENT_A, PN_CASE_NOT_RELEVANT, "single-episode");
    read_log(bench, log, sizeof log);
    assert_string_equal(log, ">new   station-1 no-shows\n"
                             "new>seen  coordinator-1 station-1 no-shows\n"
                             "seen>not-relevant single-episode coordinator-1 station-1 no-shows\n");
}

static void the_service_lapses_in_the_log(void **state)
{
    struct bench *bench = *state;
    char log[1024];
    put_visits(bench, 1, 3, "station-1");
    tick(bench, at(2027, 3, 1));
    read_log(bench, log, sizeof log);
    assert_string_equal(log, ">new   station-1 no-shows\nnew>lapsed   station-1 \n");
}

static uint32_t unit_of(const struct pn_fact_entry *facts, unsigned count)
{
    struct pn_counted counted = {.end = 0};
    for (unsigned i = 0; i < count; i++) {
        pn_counted_add(&counted, i);
    }
    return pn_unit_of(&counted, facts, 100);
}

static void the_unit_is_that_of_most_counted_events(void **state)
{
    (void)state;
    const struct pn_fact_entry most[] = {
        {.unit = 1, .start_ms = 200}, {.unit = 2, .start_ms = 201},
        {.unit = 1, .start_ms = 202}, {.unit = 2, .start_ms = 50}, // too old
        {.unit = 2, .start_ms = 60},  {.unit = 0, .start_ms = 300}};
    assert_int_equal(unit_of(most, 6), 1);
    const struct pn_fact_entry tie[] = {{.unit = 1, .start_ms = 200},
                                        {.unit = 2, .start_ms = 201},
                                        {.unit = 1, .start_ms = 202},
                                        {.unit = 2, .start_ms = 203}};
    assert_int_equal(unit_of(tie, 4), 2);
    assert_int_equal(unit_of(tie, 0), 0);
    struct pn_counted one = {.end = 0};
    pn_counted_add(&one, 2); // the others were not counted
    assert_int_equal(pn_unit_of(&one, tie, 100), 1);
}

static void lists_of_rules(void **state)
{
    (void)state;
    char rules[PN_CASE_RULES_BYTES] = "";
    pn_case_rules_add(rules, pn_slice_str("visits"));
    pn_case_rules_add(rules, pn_slice_str("no-shows"));
    assert_string_equal(rules, "visits,no-shows");
    assert_true(pn_case_rules_has(pn_slice_str(rules), pn_slice_str("no-shows")));
    assert_false(pn_case_rules_has(pn_slice_str(rules), pn_slice_str("shows")));
    assert_false(pn_case_rules_has(pn_slice_str(""), pn_slice_str("visits")));
    for (unsigned i = 0; i < 2000; i++) {
        pn_case_rules_add(rules, pn_slice_str("more"));
    }
    assert_true(strlen(rules) < PN_CASE_RULES_BYTES);
}

// --- States --------------------------------------------------------------------------------------

static void transitions_are_a_table(void **state)
{
    struct bench *bench = *state;
    put_visits(bench, 1, 3, "station-1");
    struct pn_case_change change = {.client = pn_slice_str(CLIENT_A),
                                    .state = PN_CASE_CONSENTS,
                                    .expected_version = -1,
                                    .set_by = pn_slice_str("coordinator-1")};
    assert_int_equal(try_change(bench, &change), PN_INVALID); // nobody has looked yet
    assert_string_equal(err.where, "state");
    change.state = PN_CASE_NOT_RELEVANT;
    assert_int_equal(try_change(bench, &change), PN_INVALID);
    assert_string_equal(err.where, "reason");
    change.reason = pn_slice_str("no-need"); // of refusals only
    assert_int_equal(try_change(bench, &change), PN_INVALID);
    change = (struct pn_case_change){.client = pn_slice_str(CLIENT_A),
                                     .state = PN_CASE_SEEN,
                                     .expected_version = -1,
                                     .again_ms = at(2026, 9, 1),
                                     .set_by = pn_slice_str("coordinator-1")};
    assert_int_equal(try_change(bench, &change), PN_INVALID);
    assert_string_equal(err.where, "again");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    set_state(bench, CLIENT_A, PN_CASE_IN_DISCUSSION, "");
    set_state(bench, CLIENT_A, PN_CASE_REFUSES, "no-need");
    struct pn_case found = case_of(bench, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_REFUSES);
    assert_true(pn_slice_is(found.reason, "no-need"));
    assert_true(pn_slice_is(found.unit, "station-1"));
    assert_true(pn_slice_is(found.team, "all"));
    struct pn_case_step steps[PN_CASE_STEPS_MAX];
    unsigned count = 0;
    assert_int_equal(pn_worklist_history(bench->worklist, bench->arena, pn_slice_str(CLIENT_A),
                                         steps, &count, &err),
                     PN_OK);
    assert_int_equal(count, 4);
    assert_int_equal(steps[0].state, PN_CASE_REFUSES);
    assert_int_equal(steps[3].was, PN_CASE_NOT_LISTED);
}

static void waits_until_its_date(void **state)
{
    struct bench *bench = *state;
    char keys[32];
    put_visits(bench, 1, 3, "station-1");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    const struct pn_case_change change = {.client = pn_slice_str(CLIENT_A),
                                          .state = PN_CASE_THINKING,
                                          .expected_version = -1,
                                          .again_ms = at(2026, 9, 1),
                                          .set_by = pn_slice_str("coordinator-1")};
    assert_int_equal(try_change(bench, &change), PN_OK);
    assert_int_equal(list(bench, (struct pn_worklist_filter){.states = 0}, keys), 0);
    assert_int_equal(
        list(bench, (struct pn_worklist_filter){.states = 1U << PN_CASE_THINKING}, keys), 1);
    pn_clock_set_for_test(at(2026, 9, 1));
    assert_int_equal(list(bench, (struct pn_worklist_filter){.states = 0}, keys), 1);
}

static void not_relevant_comes_back_by_another_rule(void **state)
{
    struct bench *bench = *state;
    put_visits(bench, 1, 3, "station-1");
    set_state(bench, CLIENT_A, PN_CASE_NOT_RELEVANT, "single-episode");
    put_visits(bench, 4, 3, "station-1"); // more of the same
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NOT_RELEVANT);
    put_emergencies(bench, CLIENT_A, 100);
    struct pn_case found = case_of(bench, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_NEW);
    assert_int_equal(found.reason.len, 0);
    assert_int_equal(found.set_by.len, 0);
}

static void refusal_comes_back_after_its_time(void **state)
{
    struct bench *bench = *state;
    put_visits(bench, 20, 5, "station-1");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    set_state(bench, CLIENT_A, PN_CASE_REFUSES, "not-now");
    tick(bench, at(2026, 11, 1));
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_REFUSES);
    bench_teams(bench,
                "teams: [{ id: all, name: { fi: a, sv: b, en: c }, units: ['*'] }]\n"
                "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses] }]\n"
                "back_months: { refuses: 1 }\n");
    set_state(bench, CLIENT_A, PN_CASE_REFUSES, "other");
    tick(bench, at(2026, 12, 1) - 1);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_REFUSES);
    tick(bench, at(2026, 12, 1));
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NEW);
}

// --- Merges --------------------------------------------------------------------------------------

static const char merge_patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A
    "\",\"link\":[{\"other\":{\"reference\":\"Patient/" CLIENT_B "\"},\"type\":\"replaces\"}]}";

static void a_merge_carries_the_state_over(void **state)
{
    struct bench *bench = *state;
    put_visits(bench, 1, 3, "station-1");
    put_visits_of(bench, CLIENT_B, 11, "station-2");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    set_state(bench, CLIENT_B, PN_CASE_IN_DISCUSSION, "");
    tell(bench, "merged", merge_patient);
    struct pn_case found = case_of(bench, CLIENT_B);
    assert_string_equal(found.client, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_IN_DISCUSSION);
    tick(bench, at(2026, 6, 2)); // says again what moved
    struct pn_case_step steps[PN_CASE_STEPS_MAX];
    unsigned count = 0;
    assert_int_equal(pn_worklist_history(bench->worklist, bench->arena, pn_slice_str(CLIENT_A),
                                         steps, &count, &err),
                     PN_OK);
    assert_int_equal(count, 5); // of both
    assert_true(pn_slice_is(steps[0].reason, "merged"));
    tell(bench, "unmerged", merge_patient);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_SEEN);
    assert_int_equal(case_of(bench, CLIENT_B).state, PN_CASE_IN_DISCUSSION);
}

static void a_decision_after_the_merge_stays_with_the_client(void **state)
{
    struct bench *bench = *state;
    put_visits(bench, 1, 3, "station-1");
    put_visits_of(bench, CLIENT_B, 11, "station-2");
    set_state(bench, CLIENT_B, PN_CASE_HAS_WORKER, "");
    tell(bench, "merged", merge_patient);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_HAS_WORKER);
    set_state(bench, CLIENT_A, PN_CASE_IN_DISCUSSION, "");
    tell(bench, "unmerged", merge_patient);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_IN_DISCUSSION);
    assert_int_equal(case_of(bench, CLIENT_B).state, PN_CASE_HAS_WORKER);
}

static void one_who_was_not_listed_gets_the_others_state(void **state)
{
    struct bench *bench = *state;
    put_visits_of(bench, CLIENT_B, 11, "station-2");
    set_state(bench, CLIENT_B, PN_CASE_HAS_WORKER, "");
    tell(bench, "merged", merge_patient);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_HAS_WORKER);
    tell(bench, "unmerged", merge_patient);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_LAPSED);
    assert_int_equal(case_of(bench, CLIENT_B).state, PN_CASE_HAS_WORKER);
}

// --- Teams and their budget ----------------------------------------------------------------------

#define TEAMS(budget)                                                                              \
    "teams:\n"                                                                                     \
    "  - { id: one, name: { fi: a, sv: b, en: c }, units: [station-1], new_names_a_week: " budget  \
    " }\n  - { id: rest, name: { fi: a, sv: b, en: c }, units: ['*'] }\n"                          \
    "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses] }]\n"

#define CLIENT_C "c0000000000000000000000000000003"
#define CLIENT_D "d0000000000000000000000000000004"

static void put_four(struct bench *bench)
{
    put_visits(bench, 1, 3, "station-1");
    put_visits_of(bench, CLIENT_B, 11, "station-1");
    put_emergencies(bench, CLIENT_B, 100); // more pressing
    put_visits_of(bench, CLIENT_C, 21, "station-1");
    put_visits_of(bench, CLIENT_D, 31, "station-9");
}

static void a_budget_holds_names_back(void **state)
{
    struct bench *bench = *state;
    char keys[32];
    const struct pn_worklist_filter held = {.held_only = true}, all = {.states = 0};
    bench_teams(bench, TEAMS("1"));
    put_four(bench);
    assert_int_equal(list(bench, held, keys), 3);
    tick(bench, at(2026, 6, 3)); // Wednesday
    list(bench, all, keys);
    assert_string_equal(keys, "bd"); // the highest rank of team one, and the other team's
    assert_int_equal(list(bench, held, keys), 2);
    struct pn_team_count counts[PN_TEAM_COUNTS_MAX];
    unsigned count = 0;
    assert_int_equal(pn_worklist_team_counts(bench->worklist, bench->arena, counts, &count, &err),
                     PN_OK);
    assert_int_equal(count, 2);
    assert_true(pn_slice_is(counts[0].team, "one"));
    assert_int_equal(counts[0].held, 2);
    assert_int_equal(counts[0].by_state[PN_CASE_NEW], 1);
    bench_teams(bench, TEAMS("1")); // a restart in the same week
    tick(bench, at(2026, 6, 4));
    assert_int_equal(list(bench, held, keys), 2);
    tick(bench, at(2026, 6, 8) - 4 * 3600 * 1000); // Sunday evening in Helsinki
    assert_int_equal(list(bench, held, keys), 2);
    tick(bench, at(2026, 6, 8) - 3 * 3600 * 1000); // Monday begins there
    assert_int_equal(list(bench, held, keys), 1);
    bench_teams(bench, TEAMS("5")); // raised
    tick(bench, at(2026, 6, 8));
    assert_int_equal(list(bench, held, keys), 0);
    assert_int_equal(list(bench, all, keys), 4);
}

static void lists_are_by_team_and_unit(void **state)
{
    struct bench *bench = *state;
    char keys[32];
    bench_teams(bench, TEAMS("9"));
    put_four(bench);
    tick(bench, at(2026, 6, 3));
    assert_int_equal(list(bench, (struct pn_worklist_filter){.teams = "one"}, keys), 3);
    list(bench, (struct pn_worklist_filter){.teams = "rest"}, keys);
    assert_string_equal(keys, "d");
    assert_int_equal(list(bench, (struct pn_worklist_filter){.teams = "rest,one"}, keys), 4);
    assert_int_equal(list(bench, (struct pn_worklist_filter){.teams = "on"}, keys), 0);
    list(bench, (struct pn_worklist_filter){.unit = "station-9"}, keys);
    assert_string_equal(keys, "d");
    // Another file: the rows follow.
    bench_teams(bench,
                "teams: [{ id: all, name: { fi: a, sv: b, en: c }, units: ['*'] }]\n"
                "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses] }]\n");
    tick(bench, at(2026, 6, 4));
    assert_int_equal(list(bench, (struct pn_worklist_filter){.teams = "all"}, keys), 4);
}

static void cases_follow_other_teams_without_a_restart(void **state)
{
    struct bench *bench = *state;
    char keys[32];
    bench_teams(bench, TEAMS("9"));
    put_four(bench);
    tick(bench, at(2026, 6, 3));
    pn_engine_use_teams(bench->engine, pn_teams_default());
    tick(bench, at(2026, 6, 3) + 1000);
    assert_int_equal(list(bench, (struct pn_worklist_filter){.teams = PN_TEAM_ALL}, keys), 4);
}

static void a_person_who_looks_takes_it_out_of_what_is_held(void **state)
{
    struct bench *bench = *state;
    char keys[32];
    bench_teams(bench, TEAMS("0"));
    put_visits(bench, 1, 3, "station-1");
    assert_true(case_of(bench, CLIENT_A).is_held);
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    assert_false(case_of(bench, CLIENT_A).is_held);
    assert_int_equal(list(bench, (struct pn_worklist_filter){.states = 0}, keys), 1);
}

static int64_t look_median_ms(struct bench *bench, int64_t as_of_ms)
{
    struct pn_feedback_reader *reader = NULL;
    struct pn_feedback_result result;
    const struct pn_feedback_query query = {
        .from_ms = at(2026, 1, 1), .to_ms = at(2027, 1, 1), .as_of_ms = as_of_ms};
    assert_int_equal(pn_feedback_reader_open(&bench->config, &reader, &err), PN_OK);
    assert_int_equal(pn_feedback_read(reader, &query, &result, &err), PN_OK);
    assert_true(result.cell_count > 0);
    int64_t median_ms = result.cells[0]->look_median_ms;
    pn_feedback_reader_close(reader);
    return median_ms;
}

static void what_was_held_back_waits_from_when_it_was_shown(void **state)
{
    struct bench *bench = *state;
    char log[1024];
    bench_teams(bench, TEAMS("0"));
    put_visits(bench, 1, 3, "station-1");
    bench_teams(bench, TEAMS("1"));
    tick(bench, at(2026, 6, 10));
    pn_clock_set_for_test(at(2026, 6, 12));
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    read_log(bench, log, sizeof log);
    assert_string_equal(log, ">new   station-1 no-shows\n"
                             "new>new held  station-1 \n"
                             "new>new shown  station-1 \n"
                             "new>seen  coordinator-1 station-1 no-shows\n");
    assert_int_equal(look_median_ms(bench, at(2026, 7, 1)), 2 * DAY);
}

static void a_team_without_a_budget_shows_all_that_it_held_back(void **state)
{
    struct bench *bench = *state;
    char log[1024];
    bench_teams(bench, TEAMS("0"));
    put_visits(bench, 1, 3, "station-1");
    put_visits_of(bench, CLIENT_B, 11, "station-1");
    bench_teams(bench,
                "teams: [{ id: one, name: { fi: a, sv: b, en: c }, units: ['*'] }]\n"
                "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses] }]\n");
    tick(bench, at(2026, 6, 3));
    tick(bench, at(2026, 6, 4)); // once only
    read_log(bench, log, sizeof log);
    assert_string_equal(log, ">new   station-1 no-shows\n"
                             "new>new held  station-1 \n"
                             ">new   station-1 no-shows\n"
                             "new>new held  station-1 \n"
                             "new>new shown  station-1 \n"
                             "new>new shown  station-1 \n");
}

static void weeks_begin_on_mondays_in_helsinki(void **state)
{
    (void)state;
    const int64_t monday = pn_days_from_civil(2026, 11, 23);
    assert_int_equal(pn_week_of(at(2026, 11, 23)), monday);
    assert_int_equal(pn_week_of(at(2026, 11, 23) - 2 * 3600 * 1000), monday); // winter: 2 hours
    assert_int_equal(pn_week_of(at(2026, 11, 23) - 2 * 3600 * 1000 - 1), monday - 7);
    assert_int_equal(pn_week_of(at(2026, 11, 29)), monday);
    assert_int_equal(pn_week_of(at(2026, 6, 8) - 3 * 3600 * 1000), // summer: 3 hours
                     pn_days_from_civil(2026, 6, 8));
}

// --- Rank ----------------------------------------------------------------------------------------

static void the_rank_follows_new_events(void **state)
{
    struct bench *bench = *state;
    put_visits(bench, 1, 3, "station-1");
    int64_t before = case_of(bench, CLIENT_A).rank;
    put(bench, (struct spec){.happening = "appointment.noshow",
                             .subject = CLIENT_A,
                             .number = 9,
                             .start_ms = at(2026, 5, 20),
                             .recorded_ms = at(2026, 5, 20),
                             .status = "noshow"}); // nothing is told of it
    int64_t after = case_of(bench, CLIENT_A).rank;
    assert_int_equal(after - before,
                     (at(2026, 5, 20) / (7 * DAY) - at(2026, 1, 3) / (7 * DAY)) * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ENGINE(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)
        ENGINE(every_change_is_written_down),
        ENGINE(the_service_lapses_in_the_log),
        ENGINE(transitions_are_a_table),
        ENGINE(waits_until_its_date),
        ENGINE(not_relevant_comes_back_by_another_rule),
        ENGINE(refusal_comes_back_after_its_time),
        ENGINE(a_merge_carries_the_state_over),
        ENGINE(a_decision_after_the_merge_stays_with_the_client),
        ENGINE(one_who_was_not_listed_gets_the_others_state),
        ENGINE(a_budget_holds_names_back),
        ENGINE(lists_are_by_team_and_unit),
        ENGINE(cases_follow_other_teams_without_a_restart),
        ENGINE(a_person_who_looks_takes_it_out_of_what_is_held),
        ENGINE(what_was_held_back_waits_from_when_it_was_shown),
        ENGINE(a_team_without_a_budget_shows_all_that_it_held_back),
        ENGINE(the_rank_follows_new_events),
        cmocka_unit_test(weeks_begin_on_mondays_in_helsinki),
        cmocka_unit_test(the_unit_is_that_of_most_counted_events),
        cmocka_unit_test(lists_of_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
