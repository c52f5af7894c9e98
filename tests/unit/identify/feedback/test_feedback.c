// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "services/identify/feedback/feedback.h"

#define HOUR (INT64_C(3600) * PN_MS_PER_SECOND)

enum { FROM_HOUR = 1000, TO_HOUR = 2000, AS_OF_HOUR = 3000 };

static struct pn_err err;
static struct pn_arena *arena;
static struct pn_feedback *feedback;

static int begin(void **state)
{
    (void)state;
    arena = pn_arena_new(256 * 1024 * 1024);
    const struct pn_feedback_options options = {.arena = arena,
                                                .from_ms = FROM_HOUR * HOUR,
                                                .to_ms = TO_HOUR * HOUR,
                                                .as_of_ms = AS_OF_HOUR * HOUR};
    feedback = pn_feedback_new(&options);
    return feedback == NULL;
}

static int end(void **state)
{
    (void)state;
    pn_arena_free(arena);
    return 0;
}

static void told(int64_t client, int64_t hour, const char *rule, enum pn_trigger_state happening)
{
    const struct pn_feedback_told row = {.client = client,
                                         .at_ms = hour * HOUR,
                                         .rule = pn_slice_str(rule),
                                         .unit = pn_slice_str(client % 2 == 0 ? "HA" : "HB"),
                                         .team = pn_slice_str("T1"),
                                         .version = 1,
                                         .happening = happening,
                                         .birth_year = 1940 + (int)(client % 50) / 2,
                                         .sex = client % 2 == 0 ? PN_SEX_FEMALE : PN_SEX_MALE,
                                         .tongue = PN_TONGUE_FI};
    assert_int_equal(pn_feedback_add_told(feedback, &row, &err), PN_OK);
}

static void raised(int64_t client, int64_t hour, const char *rule)
{
    told(client, hour, rule, PN_TRIGGER_RAISED);
}

static void state_is(int64_t client, int64_t hour, enum pn_case_state state, const char *rules)
{
    const struct pn_feedback_case row = {
        .client = client,
        .at_ms = hour * HOUR,
        .state = state,
        .is_by_person = state != PN_CASE_NEW && state != PN_CASE_LAPSED,
        .rules = pn_slice_str(rules),
        .reason = pn_slice_str(state == PN_CASE_NOT_RELEVANT ? "single-episode" : "")};
    assert_int_equal(pn_feedback_add_case(feedback, &row, &err), PN_OK);
}

// The service says so of a case that is new.
static void becomes_new(int64_t client, int64_t hour, const char *reason)
{
    const struct pn_feedback_case row = {.client = client,
                                         .at_ms = hour * HOUR,
                                         .state = PN_CASE_NEW,
                                         .reason = pn_slice_str(reason)};
    assert_int_equal(pn_feedback_add_case(feedback, &row, &err), PN_OK);
}

static struct pn_feedback_result finish(void)
{
    struct pn_feedback_result result;
    assert_int_equal(pn_feedback_finish(feedback, &result, &err), PN_OK);
    return result;
}

static const struct pn_feedback_cell *cell(const struct pn_feedback_result *result,
                                           const char *rule, const char *unit)
{
    for (unsigned i = 0; i < result->cell_count; i++) {
        const struct pn_feedback_cell *found = result->cells[i];
        if (pn_slice_is(found->rule, rule) && found->is_all_units == (unit == NULL) &&
            (unit == NULL || pn_slice_is(found->unit, unit))) {
            return found;
        }
    }
    static const struct pn_feedback_cell none;
    fail_msg("no cell %s", rule);
    return &none;
}

// Ten risings of one rule, made by hand: the figures below are counted on paper.
static void verdicts_by_unit(void **state)
{
    (void)state;
    static const enum pn_case_state verdicts[] = {
        PN_CASE_CONSENTS, PN_CASE_IN_DISCUSSION, PN_CASE_HAS_WORKER,   PN_CASE_THINKING,
        PN_CASE_REFUSES,  PN_CASE_NOT_RELEVANT,  PN_CASE_NOT_RELEVANT, PN_CASE_SEEN};
    for (int64_t client = 1; client <= 10; client++) {
        raised(client, 1100, "visits");
        state_is(client, 1100, PN_CASE_NEW, "visits");
        if (client <= 8) {
            state_is(client, 1100 + client, PN_CASE_SEEN, "visits");
            state_is(client, 1200, verdicts[client - 1], "visits");
        }
    }
    struct pn_feedback_result result = finish();
    const struct pn_feedback_cell *all = cell(&result, "visits", NULL);
    assert_int_equal(all->fired, 10);
    assert_int_equal(all->looked, 8);
    assert_int_equal(all->accepted, 4);
    assert_int_equal(all->refused, 1);
    assert_int_equal(all->not_relevant, 2);
    assert_true(fabs(all->value.value - 5.0 / 7) < 1e-9);
    assert_true(fabs(all->value.low - 0.3589) < 0.0001);
    assert_true(fabs(all->value.high - 0.9178) < 0.0001);
    // Looked at after 1 … 8 hours, two never: 5 of 10, and not 9 of 10.
    assert_int_equal(all->look_median_ms, 5 * HOUR);
    assert_int_equal(all->look_p90_ms, -1);
    assert_int_equal(all->reason_count, 2);
    const struct pn_feedback_cell *even = cell(&result, "visits", "HA");
    assert_int_equal(even->fired, 5);
    assert_int_equal(even->accepted, 2);
    assert_int_equal(even->not_relevant, 1);
    assert_int_equal(even->refused, 0);
    assert_int_equal(even->look_median_ms, 6 * HOUR); // 2 4 6 8, one never
    assert_int_equal(cell(&result, "visits", "HB")->refused, 1);
    assert_int_equal(result.cell_count, 3);
    assert_int_equal(result.skew_count, 0); // nobody is known
}

static void only_what_rose_in_the_span_counts(void **state)
{
    (void)state;
    raised(1, FROM_HOUR - 1, "visits");
    told(1, FROM_HOUR + 5, "visits", PN_TRIGGER_LAPSED);
    raised(1, FROM_HOUR + 9, "visits");
    told(1, FROM_HOUR + 10, "visits", PN_TRIGGER_RETRACTED);
    raised(1, TO_HOUR, "visits");
    raised(2, FROM_HOUR, "visits");
    told(2, TO_HOUR + 10, "visits", PN_TRIGGER_LAPSED);
    state_is(2, AS_OF_HOUR + 1, PN_CASE_SEEN, "visits"); // after the moment of asking
    struct pn_feedback_result result = finish();
    const struct pn_feedback_cell *all = cell(&result, "visits", NULL);
    assert_int_equal(all->fired, 2);
    assert_int_equal(all->retracted, 1);
    assert_int_equal(all->lapsed, 1);
    assert_int_equal(all->looked, 0);
    assert_false(all->has_value);
}

static void a_verdict_is_about_the_rules_that_held(void **state)
{
    (void)state;
    raised(1, 1100, "visits");
    raised(1, 1100, "no-shows");
    state_is(1, 1110, PN_CASE_SEEN, "visits"); // no-shows was not among them
    told(1, 1120, "visits", PN_TRIGGER_LAPSED);
    state_is(1, 1130, PN_CASE_CONSENTS, "no-shows");          // visits was looked at before
    raised(1, 1140, "many-services");                         // the case has its decision
    raised(1, 1150, "visits");                                // a rising of its own
    state_is(1, 1160, PN_CASE_NOT_RELEVANT, "many-services"); // all but the second visits
    struct pn_feedback_result result = finish();
    const struct pn_feedback_cell *visits = cell(&result, "visits", NULL);
    assert_int_equal(visits->fired, 2);
    assert_int_equal(visits->looked, 1);
    assert_int_equal(visits->accepted, 1);
    assert_int_equal(visits->decided, 1);
    assert_int_equal(visits->look_median_ms, 10 * HOUR); // the decided one is not waited for
    const struct pn_feedback_cell *noshows = cell(&result, "no-shows", NULL);
    assert_int_equal(noshows->accepted, 0);
    assert_int_equal(noshows->not_relevant, 1);
    assert_int_equal(noshows->look_median_ms, 30 * HOUR);
    const struct pn_feedback_cell *services = cell(&result, "many-services", NULL);
    assert_int_equal(services->decided, 1);
    assert_int_equal(services->not_relevant, 1);
    assert_int_equal(services->look_median_ms, -1);
}

static void a_case_that_begins_anew_leaves_the_old_ones(void **state)
{
    (void)state;
    raised(1, 1100, "visits");
    state_is(1, 1101, PN_CASE_SEEN, "visits");
    told(1, 1110, "visits", PN_TRIGGER_LAPSED);
    state_is(1, 1110, PN_CASE_LAPSED, "");
    raised(1, 1200, "no-shows");
    state_is(1, 1200, PN_CASE_NEW, "no-shows");
    state_is(1, 1210, PN_CASE_REFUSES, "no-shows");
    struct pn_feedback_result result = finish();
    assert_int_equal(cell(&result, "visits", NULL)->looked, 1);
    assert_int_equal(cell(&result, "visits", NULL)->refused, 0);
    assert_int_equal(cell(&result, "no-shows", NULL)->refused, 1);
    assert_int_equal(cell(&result, "no-shows", NULL)->decided, 0);
}

static void a_decided_case_that_begins_anew_is_to_be_looked_at(void **state)
{
    (void)state;
    raised(1, 1100, "visits");
    state_is(1, 1101, PN_CASE_NOT_RELEVANT, "visits");
    raised(1, 1200, "no-shows"); // brings the case back at once
    state_is(1, 1200, PN_CASE_NEW, "no-shows,visits");
    state_is(1, 1207, PN_CASE_SEEN, "no-shows,visits");
    raised(2, 1100, "visits");
    state_is(2, 1101, PN_CASE_REFUSES, "visits");
    raised(2, 1200, "no-shows"); // stays, and comes back by time
    state_is(2, 1400, PN_CASE_NEW, "no-shows,visits");
    state_is(2, 1403, PN_CASE_CONSENTS, "no-shows,visits");
    struct pn_feedback_result result = finish();
    const struct pn_feedback_cell *noshows = cell(&result, "no-shows", NULL);
    assert_int_equal(noshows->decided, 0);
    assert_int_equal(noshows->looked, 2);
    assert_int_equal(noshows->look_median_ms, 3 * HOUR);
    assert_int_equal(noshows->look_p90_ms, 7 * HOUR);
    assert_int_equal(cell(&result, "visits", NULL)->accepted, 1);
}

static void hold_back(int64_t client)
{
    raised(client, 1100, "visits");
    becomes_new(client, 1100, "");
    becomes_new(client, 1100, "held");
    raised(client, 1110, "no-shows");
}

static void what_is_held_back_waits_from_when_it_is_shown(void **state)
{
    (void)state;
    hold_back(1);
    becomes_new(1, 1150, "shown");
    state_is(1, 1153, PN_CASE_SEEN, "visits,no-shows");
    hold_back(2); // nobody is asked to look
    hold_back(3);
    state_is(3, 1160, PN_CASE_SEEN, "visits,no-shows"); // of one's own accord
    struct pn_feedback_result result = finish();
    assert_int_equal(cell(&result, "visits", NULL)->fired, 3);
    assert_int_equal(cell(&result, "visits", NULL)->looked, 2);
    assert_int_equal(cell(&result, "visits", NULL)->look_median_ms, 3 * HOUR);
    assert_int_equal(cell(&result, "visits", NULL)->look_p90_ms, 3 * HOUR);
    assert_int_equal(cell(&result, "no-shows", NULL)->look_median_ms, 3 * HOUR);
}

// What is said later is about the rule that has ended, as if the case had gone on.
static void a_merge_begins_nothing_anew(void **state)
{
    (void)state;
    for (int64_t client = 1; client <= 2; client++) {
        raised(client, 1100, "visits");
        becomes_new(client, 1100, "");
        state_is(client, 1110, PN_CASE_SEEN, "visits");
        told(client, 1120, "visits", PN_TRIGGER_LAPSED);
        state_is(client, 1120, PN_CASE_LAPSED, "");
        becomes_new(client, 1130, client == 1 ? "merged" : "");
        state_is(client, 1140, PN_CASE_NOT_RELEVANT, "");
    }
    struct pn_feedback_result result = finish();
    assert_int_equal(cell(&result, "visits", NULL)->not_relevant, 1);
}

// A rule that supports put nobody on the list: its wait begins when the client came there.
static void who_was_not_listed_is_not_waited_for(void **state)
{
    (void)state;
    raised(1, 1100, "visits");
    raised(1, 1140, "concern");
    state_is(1, 1140, PN_CASE_NEW, "visits,concern");
    state_is(1, 1145, PN_CASE_SEEN, "visits,concern");
    struct pn_feedback_result result = finish();
    assert_int_equal(cell(&result, "visits", NULL)->look_median_ms, 5 * HOUR);
    assert_int_equal(cell(&result, "concern", NULL)->look_median_ms, 5 * HOUR);
}

static void one_unit_alone(void **state)
{
    (void)state;
    const struct pn_feedback_options options = {.arena = arena,
                                                .from_ms = FROM_HOUR * HOUR,
                                                .to_ms = TO_HOUR * HOUR,
                                                .as_of_ms = AS_OF_HOUR * HOUR,
                                                .unit = pn_slice_str("HA")};
    feedback = pn_feedback_new(&options);
    for (int64_t client = 1; client <= 5; client++) {
        raised(client, 1100, "visits");
    }
    pn_feedback_add_people(feedback, 1950, PN_SEX_FEMALE, PN_TONGUE_FI, 100);
    struct pn_feedback_result result = finish();
    assert_int_equal(cell(&result, "visits", NULL)->fired, 2);
    assert_int_equal(result.cell_count, 2);
    assert_int_equal(result.skew_count, 0); // a unit's people are not known
}

static const struct pn_feedback_group *group(const struct pn_feedback_skew *skew, const char *name,
                                             enum pn_feedback_dimension dimension)
{
    for (unsigned i = 0; i < skew->group_count; i++) {
        if (strcmp(skew->groups[i].name, name) == 0 && skew->groups[i].dimension == dimension) {
            return &skew->groups[i];
        }
    }
    static const struct pn_feedback_group none;
    fail_msg("no group %s", name);
    return &none;
}

// 1,000 women and 3,000 men of working age, 500 children whom the rule is not about; 60 women and
// 40 men are flagged: 6 % beside 2.5 %.
static void skew_by_group(void **state)
{
    (void)state;
    assert_int_equal(pn_feedback_add_scope(feedback, pn_slice_str("visits"), 18, 0, &err), PN_OK);
    pn_feedback_add_people(feedback, 1940, PN_SEX_FEMALE, PN_TONGUE_FI, 1000);
    pn_feedback_add_people(feedback, 1940, PN_SEX_MALE, PN_TONGUE_FI, 2900);
    pn_feedback_add_people(feedback, 1940, PN_SEX_MALE, PN_TONGUE_SV, 100);
    pn_feedback_add_people(feedback, 1965, PN_SEX_MALE, PN_TONGUE_SV, 500);
    for (int64_t i = 0; i < 100; i++) {
        int64_t client = i < 60 ? 100 * i : 100 * i + 51;
        raised(client, 1100, "visits");
        raised(client, 1300, "visits"); // the same client
    }
    struct pn_feedback_result result = finish();
    assert_int_equal(result.skew_count, 2);
    const struct pn_feedback_skew *skew = &result.skews[1];
    assert_true(pn_slice_is(skew->rule, "visits"));
    assert_int_equal(skew->whole.hits, 100);
    assert_int_equal(skew->whole.of, 4000);
    const struct pn_feedback_group *women = group(skew, "female", PN_BY_SEX);
    assert_true(fabs(women->ratio.value - 2.4) < 1e-9);
    assert_true(fabs(women->ratio.low - 2.0504) < 0.0001);
    assert_int_equal(women->watch, PN_WATCH_MORE);
    assert_int_equal(group(skew, "male", PN_BY_SEX)->watch, PN_WATCH_LESS);
    // Nobody of 100: hidden, and so is the other language, or one would tell the other.
    assert_true(group(skew, "sv", PN_BY_LANGUAGE)->is_hidden);
    assert_true(group(skew, "fi", PN_BY_LANGUAGE)->is_hidden);
    assert_int_equal(skew->watched, 2);
    for (unsigned i = 0; i < skew->group_count; i++) {
        assert_string_not_equal(skew->groups[i].name, "0-17");
    }
    assert_int_equal(result.skews[0].whole.hits, 100);
}

// The one of whom something is told is known by it.
static void a_few_are_not_watched(void **state)
{
    (void)state;
    pn_feedback_add_people(feedback, 1940, PN_SEX_FEMALE, PN_TONGUE_FI, 10);
    pn_feedback_add_people(feedback, 1940, PN_SEX_MALE, PN_TONGUE_FI, 1000);
    for (int64_t i = 0; i < 9; i++) {
        raised(100 * i, 1100, "visits");
    }
    for (int64_t i = 9; i < 30; i++) {
        raised(100 * i + 51, 1100, "no-shows");
    }
    for (int64_t i = 0; i < 4; i++) {
        raised(100 * (100 + i), 1100, "no-shows"); // 4 of 10, beside 25 of 1,010
    }
    struct pn_feedback_result result = finish();
    assert_int_equal(result.skews[1].whole.hits, 9);
    assert_int_equal(result.skews[1].watched, 0); // all women, and too few
    assert_true(pn_slice_is(result.skews[2].rule, "no-shows"));
    assert_true(group(&result.skews[2], "female", PN_BY_SEX)->is_hidden);
    assert_int_equal(group(&result.skews[2], "female", PN_BY_SEX)->watch, PN_WATCH_NONE);
}

static void bounds_are_answers(void **state)
{
    (void)state;
    char rule[32];
    enum pn_code code = PN_OK;
    unsigned count = 0;
    for (; code == PN_OK && count <= PN_FEEDBACK_RULES_MAX; count++) {
        (void)snprintf(rule, sizeof rule, "rule-%u", count);
        code = pn_feedback_add_scope(feedback, pn_slice_str(rule), 0, 0, &err);
    }
    assert_int_equal(code, PN_LIMIT);
    assert_int_equal(count, PN_FEEDBACK_RULES_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(verdicts_by_unit, begin, end),
        cmocka_unit_test_setup_teardown(only_what_rose_in_the_span_counts, begin, end),
        cmocka_unit_test_setup_teardown(a_verdict_is_about_the_rules_that_held, begin, end),
        cmocka_unit_test_setup_teardown(a_case_that_begins_anew_leaves_the_old_ones, begin, end),
        cmocka_unit_test_setup_teardown(a_decided_case_that_begins_anew_is_to_be_looked_at, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_held_back_waits_from_when_it_is_shown, begin, end),
        cmocka_unit_test_setup_teardown(a_merge_begins_nothing_anew, begin, end),
        cmocka_unit_test_setup_teardown(who_was_not_listed_is_not_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(one_unit_alone, begin, end),
        cmocka_unit_test_setup_teardown(skew_by_group, begin, end),
        cmocka_unit_test_setup_teardown(a_few_are_not_watched, begin, end),
        cmocka_unit_test_setup_teardown(bounds_are_answers, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
