// SPDX-License-Identifier: Apache-2.0
// What a trigger says in words, of each kind of condition and each state.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/rules/rules.h"
#include "services/identify/triggers/trigger_text.h"

#define HEAD(id)                                                                                   \
    "  - id: " id "\n    version: 1\n    origin: punos\n    source: a document\n"                  \
    "    title: { fi: a, sv: b, en: c }\n    explanation:\n"                                       \
    "      fi: \"{count} / {threshold}, {since}, {lapses}, {not_with}.\"\n"                        \
    "      sv: \"{count} {count|besök|besöken} {threshold}.\"\n"                                 \
    "      en: \"{count} of {threshold}, since {since}, until {lapses}, not {not_with}.\"\n"       \
    "    when:\n"
#define VISITS "where: { kinds: [visit] }, in_days: 100"

static const char rules_text[] =
    "rules:\n" HEAD("many") "      count: { " VISITS ", at_least: 3, lapse_below: 2 }\n" HEAD(
        "open") "      open: { where: { kinds: [clientship] } "
                "}\n" HEAD("points") "      score:\n        at_least: "
                                     "5\n        lapse_below: 4\n     "
                                     "   of:\n"
                                     "          - { weight: 3, when: "
                                     "{ count: { " VISITS ", at_least: 2 } } }\n"
                                     "          - { weight: 2, when: "
                                     "{ count: { " VISITS ", at_least: 3 } } }\n" HEAD(
                                         "either") "      any:\n      "
                                                   "  - count: "
                                                   "{ " VISITS ", at_least: 1 }\n"
                                                   "        - count: "
                                                   "{ " VISITS ", at_least: 2 "
                                                   "}\n" HEAD("in-either") " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           "a"
                                                                           "n"
                                                                           "y"
                                                                           ":"
                                                                           "\n        - at_least:\n"
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           "c"
                                                                           "o"
                                                                           "u"
                                                                           "n"
                                                                           "t"
                                                                           ":"
                                                                           " "
                                                                           "1"
                                                                           "\n            of:\n"
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           "-"
                                                                           " "
                                                                           "c"
                                                                           "o"
                                                                           "u"
                                                                           "n"
                                                                           "t"
                                                                           ":"
                                                                           " "
                                                                           "{"
                                                                           " " VISITS ","
                                                                           " "
                                                                           "a"
                                                                           "t"
                                                                           "_"
                                                                           "l"
                                                                           "e"
                                                                           "a"
                                                                           "s"
                                                                           "t"
                                                                           ":"
                                                                           " "
                                                                           "1"
                                                                           " "
                                                                           "}"
                                                                           "\n"
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           " "
                                                                           "-"
                                                                           " "
                                                                           "c"
                                                                           "o"
                                                                           "u"
                                                                           "n"
                                                                           "t"
                                                                           ":"
                                                                           " "
                                                                           "{"
                                                                           " " VISITS ","
                                                                           " "
                                                                           "a"
                                                                           "t"
                                                                           "_"
                                                                           "l"
                                                                           "e"
                                                                           "a"
                                                                           "s"
                                                                           "t"
                                                                           ":"
                                                                           " "
                                                                           "2"
                                                                           " "
                                                                           "}"
                                                                           "\n";

struct bench {
    struct pn_arena *arena;
    struct pn_ruleset rules;
    struct pn_evaluator *evaluator;
    struct pn_fact_entry facts[4];
    struct pn_finding finding;
    struct pn_buf text;
};

static int64_t at(int day)
{
    return (pn_days_from_civil(2026, 1, 1) + day) * PN_MS_PER_DAY;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct pn_err err;
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    pn_buf_init(&bench->text, 64 * 1024);
    assert_int_equal(pn_evaluator_new(&bench->evaluator, &err), PN_OK);
    if (pn_rules_parse(bench->arena, "r.yaml", pn_slice_str(rules_text), &bench->rules, &err) !=
        PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    // Visits on the days 0, 10 and 20; a clientship since day 5.
    for (uint8_t i = 0; i < 4; i++) {
        bench->facts[i] = (struct pn_fact_entry){.id = {i},
                                                 .resource_type = 1,
                                                 .kind = PN_KIND_VISIT,
                                                 .sector = PN_SECTOR_PRIMARY,
                                                 .start_ms = at(10 * i),
                                                 .end_ms = at(10 * i)};
    }
    bench->facts[3].kind = PN_KIND_CLIENTSHIP;
    bench->facts[3].start_ms = at(5);
    bench->facts[3].end_ms = PN_FACT_OPEN;
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    pn_buf_release(&bench->text);
    pn_evaluator_free(bench->evaluator);
    pn_arena_free(bench->arena);
    free(bench);
    return 0;
}

static void expect(struct bench *bench, const char *rule, int day, enum pn_trigger_state told,
                   const char *words)
{
    const struct pn_evaluation evaluation = {.rule =
                                                 pn_rules_find(&bench->rules, pn_slice_str(rule)),
                                             .moment_ms = at(day),
                                             .wants_all = true};
    pn_evaluator_take(bench->evaluator, bench->facts, 4);
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    const struct pn_trigger_view view = {.rule = evaluation.rule,
                                         .finding = &bench->finding,
                                         .facts = bench->facts,
                                         .state = told,
                                         .moment_ms = at(day)};
    pn_buf_clear(&bench->text);
    pn_trigger_text(&bench->text, evaluation.rule->explanation, PN_LANGUAGE_EN, &view);
    pn_buf_add_char(&bench->text, '\0');
    assert_string_equal(bench->text.data, words);
}

static void counts_and_days_are_filled_in(void **state)
{
    expect(*state, "many", 30, PN_TRIGGER_RAISED,
           "\"3 of 3, since 2026-01-21, until 2026-04-21, not 1."
           " It would not hold with 1. It lapses on 2026-04-21 if nothing more comes.\"");
}

static void what_holds_below_its_threshold_says_why(void **state)
{
    expect(*state, "many", 105, PN_TRIGGER_RAISED,
           "\"2 of 3, since 2026-01-21, until 2026-04-21, not 1."
           " It was met before, and holds until the number is less than 2."
           " It lapses on 2026-04-21 if nothing more comes.\"");
}

static void what_there_is_not_is_a_dash(void **state)
{
    expect(*state, "many", 112, PN_TRIGGER_LAPSED, "\"1 of 3, since –, until –, not –.\"");
    expect(*state, "open", 30, PN_TRIGGER_RAISED, "\"1 of 1, since 2026-01-06, until –, not 0.\"");
    // Of either of two that hold no number would end it.
    expect(*state, "either", 30, PN_TRIGGER_RAISED,
           "\"3 of 1, since 2026-01-01, until 2026-05-01, not –."
           " It lapses on 2026-05-01 if nothing more comes.\"");
    expect(*state, "in-either", 30, PN_TRIGGER_RAISED,
           "\"1 of 1, since 2026-01-01, until 2026-05-01, not –."
           " It lapses on 2026-05-01 if nothing more comes.\"");
}

static void a_score_says_with_what_it_would_not_hold(void **state)
{
    expect(*state, "points", 30, PN_TRIGGER_RAISED,
           "\"5 of 5, since 2026-01-21, until 2026-04-11, not 3."
           " It would not hold with 3. It lapses on 2026-04-11 if nothing more comes.\"");
}

static const char trend_text[] =
    "rules:\n  - id: grows\n    version: 1\n    origin: punos\n    source: a document\n"
    "    title: { fi: a, sv: b, en: c }\n    explanation: { fi: a, sv: b, en: c }\n"
    "    when: { trend: { " VISITS ", at_least: 1, factor: 1.50 } }\n";

static void a_factor_is_told_as_the_language_writes_it(void **state)
{
    struct bench *bench = *state;
    struct pn_err err;
    static const char *const texts[] = {"{factor}-kertainen", "{factor} gånger", "{factor} times"};
    static const char *const told[] = {"\"1,5-kertainen\"", "\"1,5 gånger\"", "\"1.5 times\""};
    expect(bench, "many", 30, PN_TRIGGER_RAISED,
           "\"3 of 3, since 2026-01-21, until 2026-04-21, not 1."
           " It would not hold with 1. It lapses on 2026-04-21 if nothing more comes.\"");
    struct pn_trigger_view view = {.rule = &bench->rules.rules[0], .finding = &bench->finding};
    pn_buf_clear(&bench->text);
    pn_trigger_text(&bench->text, texts, PN_LANGUAGE_EN, &view);
    pn_buf_add_char(&bench->text, '\0');
    assert_string_equal(bench->text.data, "\"– times\""); // no trend
    assert_int_equal(pn_rules_parse(bench->arena, "r.yaml", pn_slice_str(trend_text),
                                    &bench->rules, &err),
                     PN_OK);
    view.rule = &bench->rules.rules[0];
    for (unsigned i = 0; i < PN_LANGUAGE_COUNT; i++) {
        pn_buf_clear(&bench->text);
        pn_trigger_text(&bench->text, texts, (enum pn_language)i, &view);
        pn_buf_add_char(&bench->text, '\0');
        assert_string_equal(bench->text.data, told[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_and_days_are_filled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_holds_below_its_threshold_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_there_is_not_is_a_dash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_score_says_with_what_it_would_not_hold, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_factor_is_told_as_the_language_writes_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
