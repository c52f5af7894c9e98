// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/rules/rules.h"

enum { FACTS = 60, ROUNDS = 400 };

static struct pn_arena *arena;
static struct pn_ruleset rules;
static struct pn_evaluator *evaluator;

static int read_rules(void **state)
{
    (void)state;
    struct pn_err err;
    arena = pn_arena_new(64 * 1024 * 1024);
    assert_int_equal(pn_evaluator_new(&evaluator, &err), PN_OK);
    return pn_rules_read(arena, "tests/unit/identify/plain.yaml", &rules, &err) == PN_OK ? 0 : -1;
}

static int drop_rules(void **state)
{
    (void)state;
    pn_evaluator_free(evaluator);
    pn_arena_free(arena);
    return 0;
}

static int64_t at(int year, int month, int day)
{
    return pn_days_from_civil(year, month, day) * PN_MS_PER_DAY;
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*seed >> 33) % below;
}

static struct pn_finding finding_of(const char *rule, const struct pn_fact_entry *facts,
                                    unsigned count, int64_t moment_ms)
{
    struct pn_finding finding;
    const struct pn_evaluation evaluation = {.rule = pn_rules_find(&rules, pn_slice_str(rule)),
                                             .moment_ms = moment_ms};
    assert_non_null(evaluation.rule);
    pn_evaluator_take(evaluator, facts, count);
    pn_evaluate(evaluator, &evaluation, &finding);
    return finding;
}

static struct pn_fact_entry visit(uint8_t id, int64_t start_ms)
{
    return (struct pn_fact_entry){.id = {id},
                                  .start_ms = start_ms,
                                  .end_ms = start_ms,
                                  .resource_type = 1,
                                  .kind = PN_KIND_VISIT,
                                  .sector = PN_SECTOR_PRIMARY,
                                  .flags = PN_FACT_CLIENT_CONTACT,
                                  .urgency = PN_URGENCY_EMERGENCY};
}

static void goes_by_the_calendar(void **state)
{
    (void)state;
    assert_int_equal(pn_months_later(at(2024, 2, 29), 12), at(2025, 2, 28));
    assert_int_equal(pn_months_later(at(2025, 1, 31), 1), at(2025, 2, 28));
    assert_int_equal(pn_months_later(at(2025, 12, 15) + 5, 12), at(2026, 12, 15) + 5);
    assert_int_equal(pn_months_later(at(1969, 12, 31) + 7, 2), at(1970, 2, 28) + 7);
}

static void holds_from_the_threshold_until_the_oldest_leaves(void **state)
{
    (void)state;
    struct pn_fact_entry facts[12];
    for (uint8_t i = 0; i < 12; i++) {
        facts[i] = visit(i, at(2026, 1, 1 + i));
    }
    const int64_t moment = at(2026, 6, 1);
    assert_false(finding_of("emergency-visits", facts, 9, moment).holds);
    struct pn_finding finding = finding_of("emergency-visits", facts, 10, moment);
    assert_true(finding.holds);
    assert_int_equal(finding.count, 10);
    assert_int_equal(finding.lapses_ms, at(2027, 1, 1));
    finding = finding_of("emergency-visits", facts, 12, moment);
    assert_int_equal(finding.lapses_ms, at(2027, 1, 3)); // two may leave first
    assert_true(finding_of("emergency-visits", facts, 12, at(2027, 1, 3) - 1).holds);
    assert_false(finding_of("emergency-visits", facts, 12, at(2027, 1, 3)).holds);
    // Over ten visits of any kind means eleven.
    assert_false(finding_of("visits", facts, 10, moment).holds);
    assert_true(finding_of("visits", facts, 11, moment).holds);
}

// What has ended needs no look before something comes: facts that leave do not make it hold.
static void what_has_ended_is_not_due(void **state)
{
    (void)state;
    struct pn_fact_entry facts[12];
    for (uint8_t i = 0; i < 12; i++) {
        facts[i] = visit(i, at(2026, 1, 1 + i));
    }
    struct pn_finding finding = finding_of("emergency-visits", facts, 12, at(2027, 1, 3) - 1);
    assert_true(finding.holds);
    assert_int_equal(finding.due_ms, at(2027, 1, 3));
    finding = finding_of("emergency-visits", facts, 12, at(2027, 1, 3));
    assert_false(finding.holds);
    assert_true(finding.may_hold); // some left the window just now: it is not refused at once
    assert_int_equal(finding.due_ms, 0);
    facts[11].start_ms = at(2027, 2, 1); // one that is told of ahead
    finding = finding_of("emergency-visits", facts, 12, at(2027, 1, 4));
    assert_false(finding.holds);
    assert_int_equal(finding.due_ms, at(2027, 2, 1));
}

static void leaves_out_what_does_not_count(void **state)
{
    (void)state;
    struct pn_fact_entry facts[11];
    for (uint8_t i = 0; i < 11; i++) {
        facts[i] = visit(i, at(2026, 1, 1 + i));
    }
    const int64_t moment = at(2026, 6, 1);
    facts[0].flags |= PN_FACT_WITHDRAWN;
    assert_false(finding_of("visits", facts, 11, moment).holds);
    facts[0] = visit(0, at(2026, 1, 1));
    facts[0].flags = 0; // R60, R70, R71 or R72
    assert_false(finding_of("visits", facts, 11, moment).holds);
    facts[0] = visit(0, at(2026, 7, 1)); // of the future
    struct pn_finding finding = finding_of("visits", facts, 11, moment);
    assert_false(finding.holds);
    assert_int_equal(finding.due_ms, at(2026, 7, 1));
    assert_true(finding_of("visits", facts, 11, at(2026, 7, 1)).holds);
}

static void counts_no_shows_but_not_cancellations(void **state)
{
    (void)state;
    struct pn_fact_entry facts[4];
    for (uint8_t i = 0; i < 4; i++) {
        facts[i] = visit(i, at(2026, 1, 1 + i));
        facts[i].kind = PN_KIND_APPOINTMENT;
        facts[i].flags = PN_FACT_NOSHOW;
    }
    facts[3].flags = 0;                 // kept
    facts[2].flags = PN_FACT_WITHDRAWN; // cancelled in time
    assert_false(finding_of("no-shows", facts, 4, at(2026, 6, 1)).holds);
    facts[3].flags = PN_FACT_NOSHOW;
    assert_true(finding_of("no-shows", facts, 4, at(2026, 6, 1)).holds);
}

static void counts_different_professions_and_services(void **state)
{
    (void)state;
    struct pn_fact_entry facts[20];
    for (uint8_t i = 0; i < 20; i++) {
        facts[i] = visit(i, at(2026, 1, 1 + i));
        facts[i].profession = i % 7; // 0: not known
        facts[i].service = 1 + i % 2;
        facts[i].sector = (uint8_t)(i % 4 < 2 ? PN_SECTOR_PRIMARY : PN_SECTOR_SOCIAL);
    }
    struct pn_finding finding = finding_of("many-professions", facts, 20, at(2026, 6, 1));
    assert_true(finding.holds);
    assert_int_equal(finding.count, 6);
    assert_int_equal(finding.evidence_count, 17);
    // Profession 6 was met last on the 14th: after it leaves, five remain.
    assert_int_equal(finding.lapses_ms, at(2027, 1, 14));
    assert_int_equal(finding_of("many-services", facts, 20, at(2026, 6, 1)).count, 4);
}

// Six professions in two visits are six.
static void counts_every_profession_of_a_visit(void **state)
{
    (void)state;
    struct pn_fact_entry facts[2] = {visit(1, at(2026, 1, 1)), visit(2, at(2026, 1, 2))};
    facts[0].profession = 1;
    facts[1].profession = 3;
    for (unsigned i = 0; i + 1 < PN_PROFESSIONS_MAX; i++) {
        facts[0].more_professions[i] = i < 2 ? 2 + i : 0; // 1, 2, 3
        facts[1].more_professions[i] = i < 3 ? 4 + i : 0; // 3, 4, 5, 6
    }
    struct pn_finding finding = finding_of("many-professions", facts, 2, at(2026, 6, 1));
    assert_true(finding.holds);
    assert_int_equal(finding.count, 6);
    assert_int_equal(finding.evidence_count, 2);
    facts[1].more_professions[2] = 0;
    finding = finding_of("many-professions", facts, 2, at(2026, 6, 1));
    assert_false(finding.holds);
    assert_int_equal(finding.count, 5);
}

static void a_trigger_is_as_protected_as_its_evidence(void **state)
{
    (void)state;
    struct pn_fact_entry concern = visit(1, at(2026, 1, 1));
    concern.kind = PN_KIND_CONCERN;
    const uint32_t both = pn_class_bit(PN_CLASS_SUBSTANCE) | pn_class_bit(PN_CLASS_FAMILY_LAW);
    concern.classes = pn_fact_pack_classes(both);
    struct pn_finding finding = finding_of("concern", &concern, 1, at(2026, 6, 1));
    assert_true(finding.holds);
    assert_int_equal(finding.classes, both);
}

// --- Random streams ------------------------------------------------------------------------------

static void draw_facts(uint64_t *seed, struct pn_fact_entry *facts)
{
    for (uint8_t i = 0; i < FACTS; i++) {
        facts[i] = (struct pn_fact_entry){
            .id = {i},
            .start_ms = at(2025, 1, 1) + (int64_t)draw(seed, 600) * PN_MS_PER_DAY,
            .resource_type = 1,
            .kind = (uint8_t)(draw(seed, 3) == 0 ? PN_KIND_APPOINTMENT : PN_KIND_VISIT),
            .sector = (uint8_t)(1 + draw(seed, 3)),
            .profession = draw(seed, 9),
            .service = draw(seed, 6),
            .urgency = (uint8_t)draw(seed, 3),
            .flags = (uint8_t)draw(seed, 8)};
    }
}

static void check_same(const struct pn_fact_entry *a, const struct pn_finding *one,
                       const struct pn_fact_entry *b, const struct pn_finding *two)
{
    assert_int_equal(one->holds, two->holds);
    assert_int_equal(one->lapses_ms, two->lapses_ms);
    assert_int_equal(one->due_ms, two->due_ms);
    if (one->holds) {
        assert_int_equal(one->count, two->count);
        assert_int_equal(one->evidence_count, two->evidence_count);
        for (unsigned i = 0; i < one->evidence_count; i++) {
            assert_memory_equal(a[one->evidence[i]].id, b[two->evidence[i]].id, PN_FACT_ID_BYTES);
        }
    }
}

static void the_order_of_facts_is_no_matter(void **state)
{
    (void)state;
    uint64_t seed = 20261121;
    unsigned held = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct pn_fact_entry facts[FACTS], shuffled[FACTS];
        draw_facts(&seed, facts);
        memcpy(shuffled, facts, sizeof facts);
        for (unsigned i = FACTS - 1; i > 0; i--) {
            unsigned k = draw(&seed, i + 1);
            struct pn_fact_entry kept = shuffled[i];
            shuffled[i] = shuffled[k];
            shuffled[k] = kept;
        }
        const int64_t moment = at(2025, 6, 1) + (int64_t)draw(&seed, 500) * PN_MS_PER_DAY;
        for (unsigned r = 0; r < rules.count; r++) {
            const char *id = rules.rules[r].id;
            struct pn_finding one = finding_of(id, facts, FACTS, moment);
            struct pn_finding two = finding_of(id, shuffled, FACTS, moment);
            check_same(facts, &one, shuffled, &two);
            if (one.holds) {
                held++;
                // What is said of its end is true, if no fact of the future comes in.
                struct pn_fact_entry past[FACTS];
                unsigned count = 0;
                for (unsigned i = 0; i < FACTS; i++) {
                    if (facts[i].start_ms <= moment) {
                        past[count++] = facts[i];
                    }
                }
                assert_true(finding_of(id, past, count, one.lapses_ms - 1).holds);
                assert_false(finding_of(id, past, count, one.lapses_ms).holds);
            }
        }
    }
    assert_true(held > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_by_the_calendar),
        cmocka_unit_test(holds_from_the_threshold_until_the_oldest_leaves),
        cmocka_unit_test(what_has_ended_is_not_due),
        cmocka_unit_test(leaves_out_what_does_not_count),
        cmocka_unit_test(counts_no_shows_but_not_cancellations),
        cmocka_unit_test(counts_different_professions_and_services),
        cmocka_unit_test(counts_every_profession_of_a_visit),
        cmocka_unit_test(a_trigger_is_as_protected_as_its_evidence),
        cmocka_unit_test(the_order_of_facts_is_no_matter),
    };
    return cmocka_run_group_tests(tests, read_rules, drop_rules);
}
