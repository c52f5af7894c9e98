// SPDX-License-Identifier: Apache-2.0
/*
 * Facts with several codes: an event that has a reason in ICPC-2 and diagnoses in ICD-10 is found
 * by either, and counts as one, or as so many different ones, by what is asked.
 */
#include "tests/unit/identify/evaluate/rule_bench.h"

enum { TEXT_BYTES = 4096 };

static void use(struct bench *bench, const char *scope, const char *when)
{
    char text[TEXT_BYTES];
    (void)snprintf(text, sizeof text,
                   "code_groups:\n"
                   "  tired: { icpc2: [A04-A05, A29] }\n"
                   "  mind: { icd10: [F20-F99] }\n"
                   "  long-term: { icpc2: [T90, K86], icd10: [E10-E14, I10, J45] }\n"
                   "  diabetes: { icpc2: [T90], icd10: [E10-E14] }\n"
                   "  money: { social: [Z] }\n"
                   "filters:\n"
                   "  any: { kinds: [visit] }\n"
                   "  tired: { kinds: [visit], codes: [tired] }\n"
                   "  mind: { kinds: [visit], codes: [mind] }\n"
                   "  long-term: { kinds: [visit], codes: [long-term] }\n"
                   "  diabetes: { kinds: [visit], codes: [diabetes] }\n"
                   "  money: { kinds: [visit], codes: [money] }\n"
                   "rules:\n  - id: r\n    version: 1\n    origin: punos\n    source: s\n"
                   "    title: { fi: a, sv: b, en: c }\n"
                   "    explanation: { fi: a, sv: b, en: c }\n%s    when: %s\n",
                   scope, when);
    read_rules(bench, text);
    bench->count = 0;
}

// A visit with codes such as "P:A04 D:F32.9 S:Z".
static void visit(struct bench *bench, int64_t start_ms, const char *codes)
{
    static const char letters[] = "?PDS";
    struct pn_facts facts = {.resource_type = pn_slice_str("Encounter"),
                             .id = pn_slice_str("00000000-0000-5000-8000-000000000000"),
                             .kind = PN_KIND_VISIT,
                             .sector = PN_SECTOR_PRIMARY,
                             .start_ms = start_ms};
    struct pn_slice rest = pn_slice_str(codes);
    while (rest.len > 0) {
        struct pn_slice code = pn_slice_split(rest, ' ', &rest);
        facts.codes[facts.code_count].system =
            (enum pn_code_system)(strchr(letters, code.ptr[0]) - letters);
        facts.codes[facts.code_count++].code = pn_slice_of(code.ptr + 2, code.len - 2);
    }
    struct pn_fact_entry *fact = &bench->facts[bench->count++];
    assert_true(pn_fact_entry_make(&facts, fact));
    memcpy(fact->id, &bench->count, sizeof bench->count);
}

static const struct pn_finding *find(struct bench *bench, int64_t moment_ms)
{
    const struct pn_evaluation evaluation = {
        .rule = &bench->rules.rules[0], .moment_ms = moment_ms, .wants_all = true};
    pn_evaluator_take(bench->evaluator, bench->facts, bench->count);
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    return &bench->finding;
}

// What the rule's only condition counts on 2026-06-01.
static int64_t value_of(struct bench *bench)
{
    return find(bench, at(2026, 6, 1))->leaves[0].value;
}

// --- Tests ---------------------------------------------------------------------------------------

static void a_visit_is_found_by_each_of_its_codes(void **state)
{
    struct bench *bench = *state;
    static const char *const orders[] = {"P:A04 D:F32.9 S:Z", "D:F32.9 S:Z P:A04",
                                         "S:Z P:A04 D:F32.9"};
    static const char *const filters[] = {"tired", "mind", "money"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(filters); i++) {
        char when[128];
        (void)snprintf(when, sizeof when,
                       "{ count: { where: %s, in_months: 12, at_least: 3, lapse_below: 1 } }",
                       filters[i]);
        use(bench, "", when);
        for (unsigned k = 0; k < PN_ARRAY_COUNT(orders); k++) {
            visit(bench, at(2026, 1, 1 + (int)k), orders[k]);
        }
        visit(bench, at(2026, 2, 1), "D:A04 P:F32");
        visit(bench, at(2026, 2, 1), "");
        assert_true(find(bench, at(2026, 6, 1))->holds);
        assert_int_equal(bench->finding.count, 3);
        assert_int_equal(bench->finding.evidence_count, 3);
    }
}

static void codes_that_are_packed_alike_are_one(void **state)
{
    struct bench *bench = *state;
    use(bench, "", "{ count: { where: any, in_months: 12, at_least: 1 } }");
    visit(bench, at(2026, 1, 1), "D:E11.9*G63.2 D:E11.9*G63.3 P:T90");
    assert_true(bench->facts[0].codes[0] != 0);
    assert_int_equal(bench->facts[0].codes[1],
                     pn_fact_pack(PN_SYSTEM_ICPC2, pn_slice_str("T90"), 0));
    assert_int_equal(bench->facts[0].codes[2], 0);
}

// Two visits for one matter that is coded in both systems are no four different matters.
static void different_codes(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *where, *visits[4];
        int64_t value;
    } rows[] = {
        {"any", {"P:T90 D:E11.9", "P:T90 D:E11.9"}, 1},
        {"any", {"P:T90 P:A04 P:K86", "P:T90"}, 3},
        {"any", {"D:E11.9 D:I10 P:T90", "D:J45.9"}, 3},
        {"any", {"P:A04", "D:R53"}, 2}, // nobody said that they are one
        {"any", {"S:Z P:A04", "S:Y D:R53 P:A04"}, 4},
        {"any", {"", "P:A04"}, 1},
        {"long-term", {"D:E11.9 D:R53 P:A04", "P:K86 D:R53"}, 2}, // only those that it asks for
        {"long-term", {"D:R53", "P:A04"}, 0},
        {"long-term", {"P:T90 D:R53", "P:T90 D:E11.9"}, 2},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char when[128];
        (void)snprintf(when, sizeof when,
                       "{ distinct: { of: codes, where: %s, in_months: 12, at_least: 1 } }",
                       rows[i].where);
        use(bench, "", when);
        for (unsigned k = 0; k < 4 && rows[i].visits[k] != NULL; k++) {
            visit(bench, at(2026, 1, 1 + (int)k), rows[i].visits[k]);
        }
        if (value_of(bench) != rows[i].value) {
            fail_msg("row %u: %lld", i, (long long)bench->finding.leaves[0].value);
        }
        assert_int_equal(bench->finding.holds, rows[i].value > 0);
    }
}

// One visit with three diagnoses is enough for three, and is not left alone as too few.
static void one_visit_has_several(void **state)
{
    struct bench *bench = *state;
    use(bench, "",
        "{ distinct: { of: codes, where: long-term, in_months: 12, at_least: 3, lapse_below: 2 } "
        "}");
    visit(bench, at(2026, 1, 1), "D:E11.9 D:I10 D:J45.9");
    const struct pn_evaluation evaluation = {.rule = &bench->rules.rules[0],
                                             .moment_ms = at(2026, 6, 1)};
    pn_evaluator_take(bench->evaluator, bench->facts, bench->count);
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    assert_true(bench->finding.holds);
    assert_int_equal(bench->finding.evidence_count, 1);
    assert_int_equal(bench->finding.lapses_ms, at(2027, 1, 1));
}

static void the_same_code(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *where, *visits[4];
        int64_t value;
    } rows[] = {
        {"any", {"P:T90 D:E11.9", "P:T90", "D:E11.9"}, 2},
        {"any", {"P:T90 D:E11.9", "P:T90 D:I10", "P:T90"}, 3},
        {"any", {"D:E11.9 D:I10", "D:I10 D:E11.9", "D:J45.9"}, 2}, // a visit counts once for a code
        {"diabetes", {"P:T90 D:R53", "D:R53 D:E11.9", "D:R53 D:E11.9"}, 2},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char when[128];
        (void)snprintf(when, sizeof when,
                       "{ same: { of: codes, where: %s, in_months: 12, at_least: 2 } }",
                       rows[i].where);
        use(bench, "", when);
        for (unsigned k = 0; k < 4 && rows[i].visits[k] != NULL; k++) {
            visit(bench, at(2026, 1, 1 + (int)k), rows[i].visits[k]);
        }
        if (value_of(bench) != rows[i].value) {
            fail_msg("row %u: %lld", i, (long long)bench->finding.leaves[0].value);
        }
        assert_true(bench->finding.holds);
    }
}

// What the scope asks for counts too.
static void a_scope_asks_for_codes(void **state)
{
    struct bench *bench = *state;
    use(bench, "    scope: { where: diabetes }\n",
        "{ distinct: { of: codes, where: any, in_months: 12, at_least: 1 } }");
    visit(bench, at(2026, 1, 1), "D:E11.9 D:I10");
    visit(bench, at(2026, 1, 2), "D:J45.9");
    assert_int_equal(value_of(bench), 1);
}

// Where a client's codes are more than can be followed, the newest are.
static void the_newest_codes_are_counted(void **state)
{
    struct bench *bench = *state;
    use(bench, "", "{ same: { of: codes, where: any, in_months: 12, at_least: 3 } }");
    for (unsigned i = 0; i < PN_CLIENT_FACTS_MAX; i++) {
        visit(bench, at(2025, 12, 1) + (int64_t)i * 3600000,
              i < PN_CLIENT_FACTS_MAX - 3 ? "P:A04 D:R53 S:Y S:X" : "P:T90 D:E11.9 S:Z S:X");
    }
    (void)value_of(bench);
    assert_true(bench->finding.holds);
    assert_int_equal(bench->finding.leaves[0].value, PN_CLIENT_FACTS_MAX / 4 - 1);
    assert_int_equal(bench->finding.evidence[bench->finding.evidence_count - 1],
                     PN_CLIENT_FACTS_MAX - 1);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(a_visit_is_found_by_each_of_its_codes),
        WITH_BENCH(codes_that_are_packed_alike_are_one),
        WITH_BENCH(different_codes),
        WITH_BENCH(one_visit_has_several),
        WITH_BENCH(the_same_code),
        WITH_BENCH(a_scope_asks_for_codes),
        WITH_BENCH(the_newest_codes_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
