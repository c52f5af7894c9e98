// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/identify/rules/rules.h"

// A good file; each row below breaks one line of it.
static const char *const good[] = {
    "rules:",
    "  - id: many",
    "    version: 1",
    "    origin: punos",
    "    source: \"a document\"",
    "    title: { fi: a, sv: b, en: c }",
    "    explanation: { fi: a, sv: b, en: c }",
    "    when:",
    "      count:",
    "        where:",
    "          kinds: [visit, contact]",
    "        in_months: 12",
    "        at_least: 3",
    "        lapse_below: 2",
};

static enum pn_code parse(const char *text, struct pn_ruleset *rules, struct pn_err *err)
{
    struct pn_arena *arena = pn_arena_new(64 * 1024 * 1024);
    enum pn_code code = pn_rules_parse(arena, "r.yaml", pn_slice_str(text), rules, err);
    pn_arena_free(arena);
    return code;
}

// Line `number` (1-based) replaced; NULL leaves it out.
static void with_line(char *ret_text, size_t bytes, unsigned number, const char *line)
{
    size_t len = 0;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(good); i++) {
        const char *here = i + 1 == number ? line : good[i];
        if (here != NULL) {
            len += (size_t)snprintf(ret_text + len, bytes - len, "%s\n", here);
        }
    }
}

// What is wrong, where it stands and what is said.
static const struct {
    unsigned number;
    const char *line;
    const char *where; // what stands in err.where
    const char *text;  // a part of err.text
} mistakes[] = {
    {1, "rule:", "r.yaml:1 rule", "did you mean rules?"},
    {1, "other: 1\nrules:", "r.yaml:1 other", "no such field"},
    {1, "prices: { a: [{ where: { kinds: [visit] }, each: 1 }] }\nfiltres:", "r.yaml:2 filtres",
     "did you mean filters?"},
    {2, "  - id: Many", "r.yaml:2 rules[0].id", "small letters"},
    {2, "  - id: [a]", "r.yaml:2 rules[0].id", "an id"},
    {3, "    version: 0", "r.yaml:3 rules[0].version", "a number from 1 to 9999"},
    {3, "    version: \"1\"", "r.yaml:3 rules[0].version", "a number"},
    {3, "    versoin: 1", "r.yaml:3 rules[0].versoin", "did you mean version?"},
    {3, NULL, "r.yaml:2 rules[0]", "the field version is missing"},
    {4, "    origin: ours", "r.yaml:4 rules[0].origin", "words"},
    {6, "    title: { fi: a, sv: b }", "r.yaml:6 rules[0].title", "the field en is missing"},
    {6, "    title: { fi: a, sv: b, en: [c] }", "r.yaml:6 rules[0].title.en", "a text"},
    {6, "    title: { fi: a, sv: b, en: \"{count} c\" }", "r.yaml:6 rules[0].title.en",
     "no places"},
    {7, "    explanation: { fi: \"{coutn}\", sv: b, en: c }", "r.yaml:7 rules[0].explanation.fi",
     "did you mean count?"},
    {7, "    explanation: { fi: a, sv: \"{now}\", en: c }", "r.yaml:7 rules[0].explanation.sv",
     "no such place"},
    {7, "    explanation: { fi: a, sv: b, en: \"{count\" }", "r.yaml:7 rules[0].explanation.en",
     "no such place"},
    {7, "    explanation: { fi: \"{count|visit}\", sv: b, en: c }",
     "r.yaml:7 rules[0].explanation.fi", "two words"},
    {7, "    explanation: { fi: \"{since|a|b}\", sv: b, en: c }",
     "r.yaml:7 rules[0].explanation.fi", "no words"},
    {7, "    explanation: { fi: \"{factor|a|b}\", sv: b, en: c }",
     "r.yaml:7 rules[0].explanation.fi", "no words"},
    {7,
     "    explanation: { fi: \"{count} {threshold|a|b} {not_with} {since}\", sv: b, en: c }\n"
     "    advice: { fi: \"{lapses}\", sv: b, en: c }",
     "", NULL},
    {11, "          kinds: [appointment]\n          statuses: [booked, cancelled]",
     "r.yaml:12 rules[0].when.count.where.statuses[1]", "never counts"},
    {3, "    version: \"1\"", "r.yaml:3 rules[0].version", "without quotes"},
    {6, "    title: { fi: 7, sv: b, en: c }", "r.yaml:6 rules[0].title.fi", "put it in quotes"},
    {6, "    title: { fi: \"7\", sv: b, en: c }", "", NULL},
    {2, "  - id: true", "r.yaml:2 rules[0].id", "put it in quotes"},
    {11, "          kinds: [visit]\n          units: [1e5]",
     "r.yaml:12 rules[0].when.count.where.units[0]", "put it in quotes"},
    {11, "          kinds: [visit]\n          units: [\"1e5\", 1.2.246.10, T71]", "", NULL},
    {8, "    when: [1]\n    scope:", "r.yaml:8 rules[0].when", "a condition is expected"},
    {9, "      conut:", "r.yaml:9 rules[0].when.conut", "did you mean count?"},
    {9, "      gap:", "r.yaml:12 rules[0].when.gap.in_months", "no such field"},
    {11, "          kinds: []", "r.yaml:11 rules[0].when.count.where.kinds", "1 to 32"},
    {11, "          kinds: [visits]", "r.yaml:11 rules[0].when.count.where.kinds[0]",
     "did you mean visit?"},
    {11, "          kinds: [\"\"]", "r.yaml:11 rules[0].when.count.where.kinds[0]", "words"},
    {11, "          kinds: visit", "r.yaml:11 rules[0].when.count.where.kinds", "a list"},
    {11, "          kinds: [visit]\n          codes: [vague]",
     "r.yaml:12 rules[0].when.count.where.codes[0]", "nothing has this name"},
    {12, "        in_months: 61", "r.yaml:12 rules[0].when.count.in_months", "from 1 to 60"},
    {12, NULL, "r.yaml:9 rules[0].when.count", "one of in_months and in_days"},
    {12, "        in_months: 1\n        in_days: 2", "r.yaml:9 rules[0].when.count",
     "one of in_months and in_days"},
    {14, "        lapse_below: 4", "r.yaml:14 rules[0].when.count.lapse_below", "over at_least"},
    {5, "    source: s\n    expires_months: 6", "r.yaml:6 rules[0].expires_months",
     "cool_down_days"},
    {5, "    source: s\n    scope: { age: { from: 30, to: 20 } }", "r.yaml:6 rules[0].scope.age",
     "less than from"},
    {5, "    source: s\n    scope: { not_with: open }", "r.yaml:6 rules[0].scope.not_with",
     "nothing has this name"},
    {1, "filters: { visits: { kinds: [visit] } }\nrules:", "", NULL},
    {1, "code_groups: { vague: { icpc2: [A05-A04] } }\nrules:",
     "r.yaml:1 code_groups.vague.icpc2[0]", "ends before it begins"},
    {1, "code_groups: { vague: { icpc2: [a04] } }\nrules:", "r.yaml:1 code_groups.vague.icpc2[0]",
     "a code or a range"},
    {1, "code_groups: { vague: { icpc: [A04] } }\nrules:", "r.yaml:1 code_groups.vague.icpc",
     "did you mean icpc2?"},
    {11, "          kinds: [concern]\n          concerns: [lonelyness]",
     "r.yaml:12 rules[0].when.count.where.concerns[0]", "did you mean loneliness?"},
    {11, "          kinds: [concern]\n          reported_by: [nurse]",
     "r.yaml:12 rules[0].when.count.where.reported_by[0]", "words"},
    {1, "prices: { costs: [{ where: { kinds: [visit] }, each: 1, day: 1 }] }\nrules:",
     "r.yaml:1 prices.costs[0]", "one of each and day"},
    {1, "prices: { costs: [{ where: visits, each: 1 }] }\nrules:", "r.yaml:1 prices.costs[0].where",
     "nothing has this name"},
    {9, "      sum:\n        prices: costs", "r.yaml:10 rules[0].when.sum.prices",
     "nothing has this name"},
    {3, "    version: 1\n    supports: yes", "r.yaml:4 rules[0].supports", "true or false"},
    {3, "    version: 1\n    supports: false", "", NULL},
    {3, "    version: 1\n    supports: true", "r.yaml:1 rules", "nothing would come"},
    {1, "supports_needed: 1\nrules:", "r.yaml:1 supports_needed", "more than there are"},
    {1, "supports_needed: 0\nrules:", "r.yaml:1 supports_needed", "a number from 1 to 64"},
    {1,
     "filters: { open: { kinds: [clientship], codes: [vage] } }\n"
     "code_groups: { vague: { icpc2: [A04] } }\nrules:",
     "r.yaml:1 filters.open.codes[0]", "did you mean vague?"},
};

static void names_the_line_and_the_field(void **state)
{
    (void)state;
    char text[4096];
    struct pn_err err;
    static struct pn_ruleset rules;
    with_line(text, sizeof text, 0, NULL);
    assert_int_equal(parse(text, &rules, &err), PN_OK);
    assert_int_equal(rules.count, 1);
    assert_int_equal(rules.rules[0].lapse_below, 2);
    for (size_t i = 0; i < PN_ARRAY_COUNT(mistakes); i++) {
        with_line(text, sizeof text, mistakes[i].number, mistakes[i].line);
        err = (struct pn_err){0};
        if (mistakes[i].text == NULL) {
            assert_int_equal(parse(text, &rules, &err), PN_OK);
            continue;
        }
        assert_int_equal(parse(text, &rules, &err), PN_INVALID);
        if (strncmp(err.where, mistakes[i].where, strlen(mistakes[i].where)) != 0 ||
            strstr(err.text, mistakes[i].text) == NULL) {
            fail_msg("row %zu: %s: %s", i, err.where, err.text);
        }
    }
}

static void ids_are_unique(void **state)
{
    (void)state;
    char text[8192];
    size_t len = 0;
    struct pn_err err;
    static struct pn_ruleset rules;
    with_line(text, sizeof text, 0, NULL);
    len = strlen(text);
    for (unsigned i = 1; i < PN_ARRAY_COUNT(good); i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", good[i]);
    }
    assert_int_equal(parse(text, &rules, &err), PN_INVALID);
    assert_non_null(strstr(err.where, "r.yaml:15 rules[1].id"));
}

static void the_rules_that_come_with_punos_are_good(void **state)
{
    (void)state;
    static const char *const files[] = {"start",    "etela-pohjanmaa", "varsinais-suomi",
                                        "oma-hame", "siun-sote",       "oi2"};
    struct pn_arena *arena = pn_arena_new(64 * 1024 * 1024);
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    struct pn_err err;
    for (unsigned f = 0; f < PN_ARRAY_COUNT(files); f++) {
        char path[64];
        (void)snprintf(path, sizeof path, "config/rules/%s.yaml", files[f]);
        if (pn_rules_read(arena, path, rules, &err) != PN_OK) {
            fail_msg("%s: %s", err.where, err.text);
        }
        for (unsigned i = 0; i < rules->count; i++) {
            assert_true(rules->rules[i].scope.from_years >= 18); // they are for adults
        }
    }
    assert_int_equal(pn_rules_read(arena, "config/rules/none.yaml", rules, &err), PN_NOT_FOUND);
    pn_arena_free(arena);
}

// The numbers that the documents give, and who gave which.
static void a_county_starts_with_the_documents_numbers(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(64 * 1024 * 1024);
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    struct pn_err err;
    assert_int_equal(pn_rules_read(arena, "config/rules/start.yaml", rules, &err), PN_OK);
    static const struct {
        const char *id;
        int64_t threshold;
        bool is_from_source;
    } expected[] = {{"emergency-visits", 10, true}, {"visits", 11, true},
                    {"no-shows", 3, false},         {"many-professions", 6, true},
                    {"many-services", 4, false},    {"concern", 1, true}};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(expected); i++) {
        const struct pn_rule *rule = pn_rules_find(rules, pn_slice_str(expected[i].id));
        assert_non_null(rule);
        assert_int_equal(rule->threshold, expected[i].threshold);
        assert_int_equal(rule->is_from_source, expected[i].is_from_source);
        assert_int_equal(rule->window_months, 12);
    }
    pn_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_line_and_the_field),
        cmocka_unit_test(ids_are_unique),
        cmocka_unit_test(the_rules_that_come_with_punos_are_good),
        cmocka_unit_test(a_county_starts_with_the_documents_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
