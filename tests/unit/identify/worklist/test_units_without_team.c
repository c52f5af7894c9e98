// SPDX-License-Identifier: Apache-2.0
// Clients of units that no team has: never held back, seen by who sees all, counted and named.
#include "run/metrics.h"
#include "tests/unit/identify/engine_bench.h"

#define CLIENT_D "d0000000000000000000000000000004"
#define REASONS                                                                                    \
    "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses, not-relevant] }]\n"
// Without "*".
#define ONE_TEAM(units, budget)                                                                    \
    "teams: [{ id: one, name: { fi: a, sv: b, en: c }, units: " units                              \
    ", new_names_a_week: " budget " }]\n" REASONS

// The first letters of the clients' keys.
static const char *listed(struct bench *bench, struct pn_worklist_filter filter)
{
    static char keys[17];
    struct pn_case cases[16];
    char next[PN_WORKLIST_CURSOR_BYTES];
    unsigned count = 0;
    pn_arena_reset(bench->arena);
    assert_int_equal(
        pn_worklist_page(bench->worklist, bench->arena, &filter, cases, 16, &count, next, &err),
        PN_OK);
    for (unsigned i = 0; i < count; i++) {
        keys[i] = cases[i].client[0];
    }
    keys[count] = '\0';
    return keys;
}

static void whose_team_is_gone_is_not_held_back(void **state)
{
    struct bench *bench = *state;
    int64_t shown = 0;
    bench_teams(bench, ONE_TEAM("[station-1]", "0"));
    put_visits_of(bench, CLIENT_A, 1, "station-1");
    assert_true(case_of(bench, CLIENT_A).is_held);
    bench_teams(bench, ONE_TEAM("[station-2]", "0"));
    tick(bench, at(2026, 6, 3));
    tick(bench, at(2026, 6, 4));
    assert_string_equal(listed(bench, (struct pn_worklist_filter){.states = 0}), "a");
    assert_string_equal(listed(bench, (struct pn_worklist_filter){.held_only = true}), "");
    assert_int_equal(pn_store_number(bench->store,
                                     "SELECT count(*) FROM case_log WHERE reason = 'shown'", NULL,
                                     0, &shown, &err),
                     PN_OK);
    assert_int_equal(shown, 1);
}

static void who_moves_to_a_unit_without_a_team_is_not_held_back(void **state)
{
    struct bench *bench = *state;
    bench_teams(bench, ONE_TEAM("[station-1]", "0"));
    put_visits_of(bench, CLIENT_A, 1, "station-1");
    assert_true(case_of(bench, CLIENT_A).is_held);
    put_visits_of(bench, CLIENT_A, 4, "station-9");
    put_visits_of(bench, CLIENT_A, 7, "station-9");
    assert_true(pn_slice_is(case_of(bench, CLIENT_A).unit, "station-9"));
    tick(bench, at(2026, 6, 3));
    assert_false(case_of(bench, CLIENT_A).is_held);
    assert_string_equal(listed(bench, (struct pn_worklist_filter){.states = 0}), "a");
}

static struct pn_unit_count units_without_team(struct bench *bench, unsigned *ret_count)
{
    static struct pn_unit_count units[PN_UNITS_WITHOUT_TEAM_MAX];
    pn_arena_reset(bench->arena);
    assert_int_equal(
        pn_worklist_units_without_team(bench->worklist, bench->arena, units, ret_count, &err),
        PN_OK);
    return units[0];
}

static void the_units_are_named_and_counted(void **state)
{
    struct bench *bench = *state;
    unsigned count = 0;
    bench_teams(bench, ONE_TEAM("[station-1]", "9"));
    put_visits_of(bench, CLIENT_A, 1, "station-1");
    put_visits_of(bench, CLIENT_B, 11, "station-1");
    put_visits_of(bench, CLIENT_D, 21, "station-9");
    tick(bench, at(2026, 6, 3));
    const struct pn_unit_count first = units_without_team(bench, &count);
    assert_int_equal(count, 1);
    assert_true(pn_slice_is(first.unit, "station-9"));
    assert_int_equal(first.open, 1);
    assert_int_equal(pn_metric_get(PN_WORKLIST_UNITS_WITHOUT_TEAM, NULL, NULL), 1);
    assert_int_equal(pn_metric_get("punos_worklist_without_team", NULL, NULL), 1);
    // An empty place in the list of teams asks for them.
    assert_string_equal(listed(bench, (struct pn_worklist_filter){.teams = ","}), "d");
    assert_int_equal(strlen(listed(bench, (struct pn_worklist_filter){.teams = "one,"})), 3);
    assert_int_equal(strlen(listed(bench, (struct pn_worklist_filter){.teams = "one"})), 2);
    set_state(bench, CLIENT_D, PN_CASE_NOT_RELEVANT, "other");
    (void)units_without_team(bench, &count);
    assert_int_equal(count, 0);
    tick(bench, at(2026, 6, 4));
    assert_int_equal(pn_metric_get(PN_WORKLIST_UNITS_WITHOUT_TEAM, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whose_team_is_gone_is_not_held_back, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(who_moves_to_a_unit_without_a_team_is_not_held_back,
                                        open_bench, close_bench),
        cmocka_unit_test_setup_teardown(the_units_are_named_and_counted, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
