// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/identify/evaluate/rule_bench.h"

enum { TEXT_BYTES = 8192 };

// A rule of one line of conditions, and further lines of the rule.
static void use(struct bench *bench, const char *when, const char *more)
{
    char text[TEXT_BYTES];
    (void)snprintf(text, sizeof text,
                   "code_groups: { vague: { icpc2: [A04-A05, A29], icd10: [R50-R69] } }\n"
                   "filters:\n"
                   "  visit: { kinds: [visit] }\n"
                   "  vague: { kinds: [visit], codes: [vague] }\n"
                   "  noshow: { kinds: [appointment], noshow: true }\n"
                   "  client: { kinds: [clientship] }\n"
                   "  stay: { kinds: [visit], settings: [IMP] }\n"
                   "  lonely: { kinds: [concern], reported_by: [client, relative], "
                   "concerns: [loneliness] }\n"
                   "prices:\n  costs:\n    - { where: stay, day: 400 }\n"
                   "    - { where: vague, each: 90 }\n    - { where: visit, each: 100 }\n"
                   "rules:\n  - id: r\n    version: 1\n    origin: punos\n    source: s\n"
                   "    title: { fi: a, sv: b, en: c }\n"
                   "    explanation: { fi: a, sv: b, en: c }\n    when: %s\n%s",
                   when, more);
    read_rules(bench, text);
}

static struct pn_fact_entry *add(struct bench *bench, enum pn_entry_kind kind, int64_t start_ms)
{
    struct pn_fact_entry *fact = &bench->facts[bench->count];
    *fact = (struct pn_fact_entry){.id = {(uint8_t)++bench->count},
                                   .start_ms = start_ms,
                                   .end_ms = start_ms,
                                   .resource_type = 1,
                                   .kind = (uint8_t)kind,
                                   .sector = PN_SECTOR_PRIMARY,
                                   .flags = PN_FACT_CLIENT_CONTACT};
    return fact;
}

static const struct pn_finding *find(struct bench *bench, int64_t moment_ms, int birth_year)
{
    const struct pn_evaluation evaluation = {
        .rule = &bench->rules.rules[0], .moment_ms = moment_ms, .birth_year = birth_year};
    pn_evaluator_take(bench->evaluator, bench->facts, bench->count);
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    return &bench->finding;
}

static bool holds(struct bench *bench, int64_t moment_ms)
{
    return find(bench, moment_ms, 0)->holds;
}

// --- Tests ---------------------------------------------------------------------------------------

static void hysteresis_follows_from_the_facts(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ count: { where: visit, in_months: 12, at_least: 10, lapse_below: 8 } }", "");
    for (int day = 1; day <= 11; day++) {
        add(bench, PN_KIND_VISIT, at(2026, 1, day));
    }
    const struct pn_finding *finding = find(bench, at(2026, 6, 1), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->since_ms, at(2026, 1, 10));
    assert_int_equal(finding->lapses_ms, at(2027, 1, 4));
    assert_int_equal(finding->leaves[0].not_with, 7);
    assert_int_equal(finding->leaves[0].lapses_ms, at(2027, 1, 4));
    assert_true(holds(bench, at(2027, 1, 4) - 1)); // eight are left
    assert_false(holds(bench, at(2027, 1, 4)));
    bench->count = 9; // as many now, but there were never ten
    finding = find(bench, at(2026, 6, 1), 0);
    assert_false(finding->holds);
    assert_int_equal(finding->nearness, 900);
    assert_int_equal(finding->count, 9);
}

static void cools_down_and_expires(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ count: { where: visit, in_days: 10, at_least: 1 } }",
        "    cool_down_days: 20\n    expires_months: 6\n");
    add(bench, PN_KIND_VISIT, at(2026, 1, 1));
    add(bench, PN_KIND_VISIT, at(2026, 1, 15));
    assert_true(holds(bench, at(2026, 1, 10)));
    assert_false(holds(bench, at(2026, 1, 16))); // cools down until the 31st
    assert_false(holds(bench, at(2026, 2, 1)));
    add(bench, PN_KIND_VISIT, at(2026, 1, 25));
    const struct pn_finding *finding = find(bench, at(2026, 1, 26), 0);
    assert_false(finding->holds);
    assert_int_equal(finding->due_ms, at(2026, 1, 31));
    finding = find(bench, at(2026, 2, 1), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->since_ms, at(2026, 1, 31));
    use(bench, "{ count: { where: visit, in_months: 60, at_least: 1 } }",
        "    cool_down_days: 20\n    expires_months: 6\n");
    // Six months from 2 o'clock in Finland, in winter, to 2 o'clock in summer.
    assert_true(holds(bench, at(2026, 7, 1) - HOUR_MS - 1));
    assert_false(holds(bench, at(2026, 7, 1) - HOUR_MS));
    assert_true(holds(bench, at(2026, 7, 21)));
}

static void ages_and_exclusions(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ count: { where: visit, in_months: 12, at_least: 1 } }",
        "    scope: { age: { from: 18, to: 64 }, not_with: client }\n");
    add(bench, PN_KIND_VISIT, at(2026, 6, 1));
    assert_true(find(bench, at(2026, 7, 1), 0)->holds);
    assert_true(find(bench, at(2026, 7, 1), 1962)->holds);
    assert_false(find(bench, at(2026, 7, 1), 1961)->holds);
    assert_true(find(bench, at(2026, 7, 1), 2008)->holds);
    const struct pn_finding *finding = find(bench, at(2026, 7, 1), 2009);
    assert_false(finding->holds);
    assert_int_equal(finding->due_ms,
                     at(2027, 1, 1) - 2 * HOUR_MS); // when the year begins in Finland
    assert_true(find(bench, at(2027, 1, 1) - 2 * HOUR_MS - 1, 1962)->holds);
    assert_false(find(bench, at(2027, 1, 1) - 2 * HOUR_MS, 1962)->holds);
    struct pn_fact_entry *client = add(bench, PN_KIND_CLIENTSHIP, at(2026, 6, 10));
    client->end_ms = at(2026, 8, 1);
    assert_true(find(bench, at(2026, 6, 9), 0)->holds);
    assert_int_equal(bench->finding.lapses_ms, at(2027, 6, 1));
    finding = find(bench, at(2026, 7, 1), 0);
    assert_false(finding->holds);
    assert_int_equal(finding->due_ms, at(2026, 8, 1));
    assert_true(holds(bench, at(2026, 8, 1)));
    client->end_ms = PN_FACT_OPEN;
    assert_false(holds(bench, at(2026, 8, 1)));
}

static void codes_come_in_ranges(void **state)
{
    struct bench *bench = *state;
    static const struct {
        enum pn_code_system system;
        const char *code;
        bool is_vague;
    } rows[] = {{PN_SYSTEM_ICPC2, "A04", true},  {PN_SYSTEM_ICPC2, "A05", true},
                {PN_SYSTEM_ICPC2, "A06", false}, {PN_SYSTEM_ICPC2, "A29", true},
                {PN_SYSTEM_ICD10, "R50", true},  {PN_SYSTEM_ICD10, "R69.9", true},
                {PN_SYSTEM_ICD10, "R70", false}, {PN_SYSTEM_ICD10, "A04", false},
                {PN_SYSTEM_NONE, "A04", false}};
    use(bench, "{ count: { where: vague, in_months: 12, at_least: 1 } }", "");
    for (unsigned i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        bench->count = 0;
        add(bench, PN_KIND_VISIT, at(2026, 1, 1))->codes[0] =
            pn_fact_pack(rows[i].system, pn_slice_str(rows[i].code), 0);
        assert_int_equal(holds(bench, at(2026, 2, 1)), rows[i].is_vague);
    }
}

static void sequences_are_told_in_order(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ sequence: { steps: [noshow, visit], within_days: 5, in_months: 1 } }", "");
    add(bench, PN_KIND_VISIT, at(2026, 1, 2));
    add(bench, PN_KIND_APPOINTMENT, at(2026, 1, 2))->flags = PN_FACT_NOSHOW;
    assert_false(holds(bench, at(2026, 1, 3))); // at the same time is not after
    add(bench, PN_KIND_VISIT, at(2026, 1, 8));
    assert_false(holds(bench, at(2026, 1, 9))); // six days after
    add(bench, PN_KIND_VISIT, at(2026, 1, 7));
    const struct pn_finding *finding = find(bench, at(2026, 1, 9), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->evidence_count, 2);
    assert_int_equal(finding->lapses_ms, at(2026, 2, 2));
}

// What could be the middle of another chain is no evidence of the one that is told.
static void each_step_of_a_sequence_is_evidence(void **state)
{
    struct bench *bench = *state;
    use(bench,
        "{ sequence: { steps: [noshow, visit, client, visit], within_days: 9, in_months: 1 } }",
        "");
    add(bench, PN_KIND_VISIT, at(2026, 1, 1)); // before all
    add(bench, PN_KIND_APPOINTMENT, at(2026, 1, 2))->flags = PN_FACT_NOSHOW;
    add(bench, PN_KIND_VISIT, at(2026, 1, 3));
    add(bench, PN_KIND_VISIT, at(2026, 1, 4)); // the one before it was enough
    add(bench, PN_KIND_CLIENTSHIP, at(2026, 1, 5));
    assert_false(holds(bench, at(2026, 1, 9)));
    add(bench, PN_KIND_VISIT, at(2026, 1, 6));
    const struct pn_finding *finding = find(bench, at(2026, 1, 9), 0);
    static const uint16_t places[] = {1, 2, 4, 5};
    assert_true(finding->holds);
    assert_int_equal(finding->evidence_count, PN_ARRAY_COUNT(places));
    assert_memory_equal(finding->evidence, places, sizeof places);
    use(bench, "{ sequence: { steps: [noshow, client, visit], within_days: 9, in_months: 1 } }",
        "");
    finding = find(bench, at(2026, 1, 9), 0);
    static const uint16_t three[] = {1, 4, 5};
    assert_int_equal(finding->evidence_count, PN_ARRAY_COUNT(three));
    assert_memory_equal(finding->evidence, three, sizeof three);
}

static void gaps_and_absence(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ gap: { where: visit, at_least_days: 30 } }", "");
    add(bench, PN_KIND_CLIENTSHIP, at(2025, 12, 1));
    assert_false(holds(bench, at(2026, 3, 1))); // never any
    add(bench, PN_KIND_VISIT, at(2026, 1, 1));
    const struct pn_finding *finding = find(bench, at(2026, 1, 30), 0);
    assert_false(finding->holds);
    assert_int_equal(finding->due_ms, at(2026, 1, 31));
    finding = find(bench, at(2026, 2, 10), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->since_ms, at(2026, 1, 31));
    assert_int_equal(finding->count, 40);
    assert_int_equal(finding->lapses_ms, 0);
    add(bench, PN_KIND_VISIT, at(2026, 2, 5));
    assert_false(holds(bench, at(2026, 2, 10)));
    use(bench,
        "{ all: [ { open: { where: client } }, { absent: { where: visit, in_days: 30 } } ] }", "");
    bench->facts[0].end_ms = PN_FACT_OPEN;
    assert_true(holds(bench, at(2025, 12, 2)));
    assert_false(holds(bench, at(2026, 1, 2)));
    assert_true(holds(bench, at(2026, 2, 1)));
    assert_int_equal(bench->finding.lapses_ms, 0);
    assert_false(holds(bench, at(2026, 2, 6)));
}

static void days_of_stays_are_calendar_days(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ days: { where: visit, in_months: 12, at_least: 3 } }", "");
    // In Finland from 23:00 on the 28th of March to 01:00 on the 30th: over the change of clocks.
    struct pn_fact_entry *stay = add(bench, PN_KIND_VISIT, at(2026, 3, 28) + 21 * 3600000);
    stay->end_ms = at(2026, 3, 29) + 22 * 3600000;
    const struct pn_finding *finding = find(bench, at(2026, 4, 1), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->count, 3);
    assert_int_equal(finding->since_ms, at(2026, 3, 29) + 21 * 3600000);
    // At 23:00 again; on this day of 2027 the clocks have gone forward.
    assert_int_equal(finding->lapses_ms, at(2027, 3, 28) + 20 * 3600000);
    stay->end_ms = at(2026, 3, 29) + 21 * 3600000; // midnight
    assert_false(holds(bench, at(2026, 4, 1)));
    stay->end_ms = PN_FACT_OPEN;
    assert_int_equal(find(bench, at(2026, 4, 1), 0)->count, 5);
}

// 1 March 00:30 in Finland is the 28th of February in UTC, and has no 28th to go by.
static void windows_end_by_the_clocks_of_finland(void **state)
{
    struct bench *bench = *state;
    const int64_t began_ms = at(2026, 2, 28) + 22 * HOUR_MS + HOUR_MS / 2;
    const int64_t ends_ms = at(2026, 8, 31) + 21 * HOUR_MS + HOUR_MS / 2; // 1 September 00:30
    add(bench, PN_KIND_VISIT, began_ms);
    use(bench, "{ count: { where: visit, in_months: 6, at_least: 1 } }", "");
    assert_int_equal(find(bench, began_ms, 0)->lapses_ms, ends_ms);
    assert_true(holds(bench, ends_ms - 1));
    assert_false(holds(bench, ends_ms));
    use(bench, "{ absent: { where: visit, in_months: 6 } }", "");
    assert_false(holds(bench, ends_ms - 1));
    assert_true(holds(bench, ends_ms));
    use(bench, "{ count: { where: visit, in_months: 60, at_least: 1 } }",
        "    expires_months: 6\n    cool_down_days: 1\n");
    assert_int_equal(find(bench, began_ms, 0)->lapses_ms, ends_ms);
    use(bench, "{ trend: { where: visit, in_months: 3, at_least: 1, factor: 1 } }", "");
    add(bench, PN_KIND_VISIT,
        at(2026, 8, 31) + 20 * HOUR_MS); // the earlier half has one until then
    assert_true(find(bench, ends_ms - 1, 0)->holds);
    assert_int_equal(find(bench, ends_ms - 1, 0)->leaves[0].value, 1);
    use(bench, "{ trend: { where: visit, in_months: 3, at_least: 1, factor: 2 } }", "");
    assert_false(holds(bench, ends_ms - 1));
    assert_true(holds(bench, ends_ms));
    // A window in days has 24 hours a day, also over a change of clocks.
    use(bench, "{ count: { where: visit, in_days: 30, at_least: 1 } }", "");
    assert_int_equal(find(bench, began_ms, 0)->lapses_ms, began_ms + 30 * PN_MS_PER_DAY);
}

static void trends_compare_two_windows(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ trend: { where: visit, in_months: 6, at_least: 3, factor: 2 } }", "");
    add(bench, PN_KIND_VISIT, at(2025, 9, 1));
    add(bench, PN_KIND_VISIT, at(2025, 9, 2));
    for (int day = 1; day <= 3; day++) {
        add(bench, PN_KIND_VISIT, at(2026, 4, day));
    }
    assert_false(holds(bench, at(2026, 5, 1)));
    add(bench, PN_KIND_VISIT, at(2026, 4, 4));
    assert_true(holds(bench, at(2026, 5, 1)));
    assert_int_equal(bench->finding.since_ms, at(2026, 4, 4));
    assert_int_equal(bench->finding.lapses_ms, at(2026, 10, 2));
}

// Four after two, not three: 4 ≥ 1.75 × 2 > 3. And exactly: 4 after 3 with 1.33, not with 1.34.
static void a_trend_has_decimals(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *factor;
        int before, now;
        bool holds;
    } rows[] = {{"1.5", 2, 3, true},    {"1.5", 4, 5, false},    {"1.75", 2, 3, false},
                {"1.75", 2, 4, true},   {"1.33", 3, 4, true},    {"1.34", 3, 4, false},
                {"1.05", 20, 21, true}, {"1.06", 20, 21, false}, {"2.0", 2, 4, true},
                {"1.10", 10, 11, true}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char when[128];
        (void)snprintf(when, sizeof when,
                       "{ trend: { where: visit, in_months: 6, at_least: 1, factor: %s } }",
                       rows[i].factor);
        use(bench, when, "");
        bench->count = 0;
        for (int n = 0; n < rows[i].before; n++) {
            add(bench, PN_KIND_VISIT, at(2025, 9, 1 + n));
        }
        for (int n = 0; n < rows[i].now; n++) {
            add(bench, PN_KIND_VISIT, at(2026, 4, 1 + n));
        }
        if (holds(bench, at(2026, 5, 1)) != rows[i].holds) {
            fail_msg("row %zu", i);
        }
    }
}

static void branches_are_put_together(void **state)
{
    struct bench *bench = *state;
    add(bench, PN_KIND_VISIT, at(2026, 1, 1));
    add(bench, PN_KIND_VISIT, at(2026, 1, 2));
    add(bench, PN_KIND_APPOINTMENT, at(2026, 1, 3))->flags = PN_FACT_NOSHOW;
    static const struct {
        const char *when;
        bool holds;
    } rows[] = {
#define V(n) "{ count: { where: visit, in_months: 1, at_least: " n " } }"
#define N(n) "{ count: { where: noshow, in_months: 1, at_least: " n " } }"
        {"{ all: [ " V("2") ", " N("1") " ] }", true},
        {"{ all: [ " V("3") ", " N("1") " ] }", false},
        {"{ any: [ " V("3") ", " N("1") " ] }", true},
        {"{ any: [ " V("3") ", " N("2") " ] }", false},
        {"{ none: [ " V("3") ", " N("2") " ] }", true},
        {"{ none: [ " V("3") ", " N("1") " ] }", false},
        {"{ at_least: { of: [ " V("1") ", " V("3") ", " N("1") " ], count: 2 } }", true},
        {"{ at_least: { of: [ " V("3") ", " V("3") ", " N("1") " ], count: 2 } }", false},
        {"{ score: { at_least: 5, of: [ { weight: 2, when: " V("1") " }, { weight: 3, when: " N(
             "1") " } ] } }",
         true},
        {"{ score: { at_least: 5, of: [ { weight: 2, when: " V("1") " }, { weight: 2, when: " N(
             "1") " } ] } }",
         false},
        {"{ distinct: { of: kinds, where: { kinds: [visit, appointment] }, in_days: 9, "
         "at_least: 2 } }",
         true},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        use(bench, rows[i].when, "");
        if (holds(bench, at(2026, 1, 5)) != rows[i].holds) {
            fail_msg("row %u", i);
        }
    }
}

static void sums_follow_the_price_list(void **state)
{
    struct bench *bench = *state;
    use(bench,
        "{ sum: { prices: costs, where: visit, in_days: 30, at_least: 1000, "
        "lapse_below: 900 } }",
        "");
    add(bench, PN_KIND_VISIT, at(2026, 1, 1));
    add(bench, PN_KIND_VISIT, at(2026, 1, 2))->codes[0] =
        pn_fact_pack(PN_SYSTEM_ICPC2, pn_slice_str("A04"), 0);
    add(bench, PN_KIND_CONTACT, at(2026, 1, 2)); // has no price
    struct pn_fact_entry *stay = add(bench, PN_KIND_VISIT, at(2026, 1, 3));
    stay->setting = pn_fact_code(pn_slice_str("IMP"));
    stay->end_ms = at(2026, 1, 4) + 12 * 3600 * PN_MS_PER_SECOND;
    const struct pn_finding *finding = find(bench, at(2026, 1, 5), 0);
    assert_false(finding->holds); // 100 + 90 + 2 days
    stay->end_ms = PN_FACT_OPEN;
    finding = find(bench, at(2026, 1, 5), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->count, 1390);
    assert_int_equal(finding->evidence_count, 3);
    assert_int_equal(finding->leaves[0].not_with, 899);
    // The third day began at midnight in Finland.
    assert_int_equal(finding->since_ms, at(2026, 1, 5) - 2 * 3600 * PN_MS_PER_SECOND);
    assert_false(holds(bench, finding->since_ms - 1));
}

static void the_same_code_is_counted_by_itself(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ same: { of: codes, where: visit, in_months: 3, at_least: 3, lapse_below: 2 } }",
        "");
    static const char *const codes[] = {"A04", "D01", "A04", "N17", "", "", ""};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(codes); i++) {
        add(bench, PN_KIND_VISIT, at(2026, 1, 1 + (int)i))->codes[0] =
            pn_fact_pack(PN_SYSTEM_ICPC2, pn_slice_str(codes[i]), 0);
    }
    const struct pn_finding *finding = find(bench, at(2026, 2, 1), 0);
    assert_false(finding->holds);
    assert_int_equal(finding->nearness, 666);
    bench->facts[6].codes[0] = bench->facts[0].codes[0];
    finding = find(bench, at(2026, 2, 1), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->count, 3);
    assert_int_equal(finding->leaves[0].not_with, 1);
    assert_int_equal(finding->lapses_ms, at(2026, 4, 3) - HOUR_MS); // 2 o'clock in summer
}

static void concerns_are_told_apart(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ count: { where: lonely, in_months: 3, at_least: 1 } }", "");
    struct pn_fact_entry *concern = add(bench, PN_KIND_CONCERN, at(2026, 1, 1));
    concern->concern = PN_CONCERN_LONELINESS;
    assert_false(holds(bench, at(2026, 1, 2))); // nobody knows who said so
    concern->reporter = PN_REPORTER_PROFESSIONAL;
    assert_false(holds(bench, at(2026, 1, 2)));
    concern->reporter = PN_REPORTER_RELATIVE;
    assert_true(holds(bench, at(2026, 1, 2)));
    concern->concern = PN_CONCERN_GENERAL;
    assert_false(holds(bench, at(2026, 1, 2)));
}

static void tells_what_nearly_holds(void **state)
{
    struct bench *bench = *state;
    use(bench, "{ all: [ " V("3") ", " N("1") " ] }", "");
    add(bench, PN_KIND_VISIT, at(2026, 1, 1));
    add(bench, PN_KIND_VISIT, at(2026, 1, 2));
    add(bench, PN_KIND_APPOINTMENT, at(2026, 1, 3))->flags = PN_FACT_NOSHOW;
    const struct pn_evaluation evaluation = {
        .rule = &bench->rules.rules[0], .moment_ms = at(2026, 1, 5), .wants_all = true};
    pn_evaluator_take(bench->evaluator, bench->facts, bench->count);
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    assert_false(bench->finding.holds);
    assert_int_equal(bench->finding.nearness, 666);
    assert_int_equal(bench->finding.leaf_count, 2);
    assert_int_equal(bench->finding.leaves[0].value, 2);
    assert_int_equal(bench->finding.leaves[0].threshold, 3);
    assert_true(bench->finding.leaves[1].holds);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

static void values_over_what_is_more_protected_are_withheld(void **state)
{
    struct bench *bench = *state;
    const uint32_t mental = pn_class_bit(PN_CLASS_MENTAL_HEALTH);
    use(bench,
        "{ any: [ { count: { where: visit, at_least: 2, in_months: 12 } },"
        " { count: { where: noshow, at_least: 2, in_months: 12 } } ] }",
        "");
    add(bench, PN_KIND_VISIT, at(2026, 1, 1));
    add(bench, PN_KIND_VISIT, at(2026, 1, 2));
    struct pn_fact_entry *missed = add(bench, PN_KIND_APPOINTMENT, at(2026, 1, 3));
    missed->flags |= PN_FACT_NOSHOW;
    missed->classes = pn_fact_pack_classes(mental);
    const struct pn_finding *finding = find(bench, at(2026, 2, 1), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->classes, 0);
    assert_false(finding->leaves[0].is_withheld);
    assert_false(finding->leaves[1].holds);
    assert_true(finding->leaves[1].is_withheld);
    // What the rule tells first is told of anyhow: the trigger is as protected as it is.
    use(bench,
        "{ any: [ { count: { where: noshow, at_least: 2, in_months: 12 } },"
        " { count: { where: visit, at_least: 2, in_months: 12 } } ] }",
        "");
    finding = find(bench, at(2026, 2, 1), 0);
    assert_true(finding->holds);
    assert_int_equal(finding->count, 1);
    assert_int_equal(finding->classes, mental);
    assert_false(finding->leaves[0].is_withheld);
    // And so it is where that condition holds too.
    missed = add(bench, PN_KIND_APPOINTMENT, at(2026, 1, 4));
    missed->flags |= PN_FACT_NOSHOW;
    finding = find(bench, at(2026, 2, 1), 0);
    assert_true(finding->leaves[0].holds);
    assert_int_equal(finding->classes, mental);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(hysteresis_follows_from_the_facts),
        WITH_BENCH(cools_down_and_expires),
        WITH_BENCH(ages_and_exclusions),
        WITH_BENCH(codes_come_in_ranges),
        WITH_BENCH(sequences_are_told_in_order),
        WITH_BENCH(each_step_of_a_sequence_is_evidence),
        WITH_BENCH(gaps_and_absence),
        WITH_BENCH(days_of_stays_are_calendar_days),
        WITH_BENCH(windows_end_by_the_clocks_of_finland),
        WITH_BENCH(trends_compare_two_windows),
        WITH_BENCH(a_trend_has_decimals),
        WITH_BENCH(branches_are_put_together),
        WITH_BENCH(sums_follow_the_price_list),
        WITH_BENCH(the_same_code_is_counted_by_itself),
        WITH_BENCH(concerns_are_told_apart),
        WITH_BENCH(tells_what_nearly_holds),
        WITH_BENCH(values_over_what_is_more_protected_are_withheld),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
