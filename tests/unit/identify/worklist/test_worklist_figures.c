// SPDX-License-Identifier: Apache-2.0
#include "run/metrics.h"
#include "services/identify/worklist/worklist_export.h"
#include "tests/unit/identify/engine_bench.h"

#define TEAMS(budget)                                                                              \
    "teams:\n"                                                                                     \
    "  - { id: one, name: { fi: a, sv: b, en: c }, units: [station-1], new_names_a_week: " budget  \
    " }\n  - { id: rest, name: { fi: a, sv: b, en: c }, units: ['*'] }\n"                          \
    "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses] }]\n"

#define CLIENT_C "c0000000000000000000000000000003"
#define CLIENT_D "d0000000000000000000000000000004"

static void put_four(struct bench *bench)
{
    put_visits_of(bench, CLIENT_A, 1, "station-1");
    put_visits_of(bench, CLIENT_B, 11, "station-1");
    put_emergencies(bench, CLIENT_B, 100); // more pressing
    put_visits_of(bench, CLIENT_C, 21, "station-1");
    put_visits_of(bench, CLIENT_D, 31, "station-9");
}

static int64_t gauge(const char *name, const char *team)
{
    char full[64];
    (void)snprintf(full, sizeof full, "punos_worklist_%s", name);
    return pn_metric_get(full, "team", team);
}

static void each_team_has_its_gauges(void **state)
{
    struct bench *bench = *state;
    bench_teams(bench, TEAMS("1"));
    put_four(bench);
    tick(bench, at(2026, 6, 3));
    assert_int_equal(gauge("new", "one"), 1);
    assert_int_equal(gauge("held", "one"), 2);
    assert_int_equal(gauge("new_names_a_week", "one"), 1);
    assert_int_equal(gauge("new", "rest"), 1);
    assert_int_equal(gauge("held", "rest"), 0);
    set_state(bench, CLIENT_B, PN_CASE_SEEN, NULL);
    set_state(bench, CLIENT_B, PN_CASE_IN_DISCUSSION, NULL);
    tick(bench, at(2026, 6, 8)); // another week
    assert_int_equal(gauge("in_discussion", "one"), 1);
    assert_int_equal(gauge("new", "one"), 1);
    assert_int_equal(gauge("held", "one"), 1);
}

// The lists of June and of July, by unit.
static void the_months_list_and_figures(void **state)
{
    struct bench *bench = *state;
    struct pn_slice units[8];
    struct pn_export_row *rows = NULL;
    struct pn_export_figures figures;
    unsigned count = 0;
    bench_teams(bench, TEAMS("1"));
    put_four(bench);
    tick(bench, at(2026, 6, 29)); // b is shown
    set_state(bench, CLIENT_B, PN_CASE_SEEN, NULL);
    tick(bench, at(2026, 7, 6)); // and another
    struct pn_export_query query = {.from_ms = at(2026, 6, 1),
                                    .to_ms = at(2026, 7, 1),
                                    .month = "2026-06",
                                    .rules = bench->rules};
    assert_int_equal(pn_export_units(bench->store, bench->arena, &query, units, 8, &count, &err),
                     PN_OK);
    assert_int_equal(count, 2);
    assert_true(pn_slice_is(units[0], "station-1") && pn_slice_is(units[1], "station-9"));
    assert_int_equal(
        pn_export_unit(bench->store, bench->arena, &query, units[0], &rows, &count, &figures, &err),
        PN_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].client[0], 'b');
    assert_int_equal(rows[0].state, PN_CASE_SEEN);
    assert_true(rows[0].is_new);
    assert_int_equal(figures.identified, 3);
    assert_int_equal(figures.looked_into, 1);
    assert_int_equal(figures.held, 2);
    query.from_ms = at(2026, 7, 1);
    query.to_ms = at(2026, 8, 1);
    assert_int_equal(
        pn_export_unit(bench->store, bench->arena, &query, units[0], &rows, &count, &figures, &err),
        PN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(rows[1].client[0], 'c');       // of the newer events
    assert_true(rows[1].is_new && !rows[0].is_new); // shown in July
    assert_int_equal(figures.identified, 0);
    assert_int_equal(figures.held, 1);
    query.teams = pn_slice_str("rest");
    assert_int_equal(
        pn_export_unit(bench->store, bench->arena, &query, units[0], &rows, &count, &figures, &err),
        PN_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_team_has_its_gauges, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(the_months_list_and_figures, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
