// SPDX-License-Identifier: Apache-2.0
/*
 * A rule's history is what evaluation finds at each moment of it, and what is found on from where
 * a rule stood is what is found from all facts: random facts, every condition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/rules/rules.h"

static const char rules_file[] = "tests/integration/rules_sql/rules.yaml"; // every condition

enum { FACTS_MAX = 40, CLIENTS = 60, DAYS = 500, MOMENTS = 40, SPANS_MAX = 64 };

struct bench {
    struct pn_arena *arena;
    struct pn_ruleset rules;
    struct pn_evaluator *evaluator;
    struct pn_fact_entry facts[FACTS_MAX];
    unsigned count;
    struct pn_finding finding, fresh;
    uint64_t seed;
};

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct pn_err err;
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    assert_int_equal(pn_evaluator_new(&bench->evaluator, &err), PN_OK);
    if (pn_rules_read(bench->arena, rules_file, &bench->rules, &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    bench->seed = 20261122;
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    pn_evaluator_free(bench->evaluator);
    pn_arena_free(bench->arena);
    free(bench);
    return 0;
}

static unsigned draw(struct bench *bench, unsigned below)
{
    bench->seed = bench->seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(bench->seed >> 33) % below;
}

static int64_t at(int64_t day, int64_t hour)
{
    return (pn_days_from_civil(2025, 1, 1) + day) * PN_MS_PER_DAY + hour * 3600000;
}

static void draw_codes(struct bench *bench, uint64_t *codes)
{
    static const char *const names[][2] = {{"A04", "R53"}, {"A05", "R69.9"}, {"A30", "I10"}};
    unsigned first = draw(bench, 3), count = 0;
    for (unsigned i = 0; i < 2; i++) {
        enum pn_code_system system = i == 0 ? PN_SYSTEM_ICPC2 : PN_SYSTEM_ICD10;
        for (unsigned k = draw(bench, 3); k > 0; k--) {
            codes[count++] = pn_fact_pack(system, pn_slice_str(names[(first + k) % 3][i]), 0);
        }
    }
}

static void make_facts(struct bench *bench)
{
    static const enum pn_entry_kind kinds[] = {PN_KIND_VISIT, PN_KIND_VISIT, PN_KIND_APPOINTMENT,
                                               PN_KIND_CONTACT, PN_KIND_CLIENTSHIP};
    static const char *const settings[] = {"EMER", "AMB", "IMP"};
    bench->count = 1 + draw(bench, FACTS_MAX);
    for (unsigned i = 0; i < bench->count; i++) {
        enum pn_entry_kind kind = kinds[draw(bench, PN_ARRAY_COUNT(kinds))];
        const char *setting = settings[draw(bench, PN_ARRAY_COUNT(settings))];
        int64_t start_ms = at(draw(bench, DAYS), draw(bench, 24));
        bool goes_on = kind == PN_KIND_CLIENTSHIP && draw(bench, 4) == 0;
        bench->facts[i] = (struct pn_fact_entry){
            .id = {(uint8_t)i},
            .start_ms = start_ms,
            .end_ms = goes_on ? PN_FACT_OPEN : start_ms + (int64_t)draw(bench, 480) * 3600000,
            .profession = draw(bench, 4),
            .setting = pn_fact_code(pn_slice_str(setting)),
            .resource_type = 1,
            .kind = (uint8_t)kind,
            .sector = PN_SECTOR_PRIMARY,
            .urgency = setting[0] == 'E' ? PN_URGENCY_EMERGENCY : PN_URGENCY_UNKNOWN,
            .flags = (uint8_t)((draw(bench, 12) == 0 ? PN_FACT_WITHDRAWN : 0) |
                               (draw(bench, 2) == 0 ? PN_FACT_NOSHOW : 0) |
                               (draw(bench, 8) > 0 ? PN_FACT_CLIENT_CONTACT : 0))};
        draw_codes(bench, bench->facts[i].codes);
    }
    pn_evaluator_take(bench->evaluator, bench->facts, bench->count);
}

// What the history says of a moment.
static int64_t since_at(const struct pn_span *spans, unsigned count, int64_t moment_ms)
{
    for (unsigned i = 0; i < count; i++) {
        if (spans[i].since_ms <= moment_ms && moment_ms < spans[i].until_ms) {
            return spans[i].since_ms;
        }
    }
    return 0;
}

static void compare(struct bench *bench, const struct pn_history *history, unsigned *told)
{
    struct pn_span spans[SPANS_MAX];
    unsigned count = pn_evaluate_history(bench->evaluator, history, spans, SPANS_MAX);
    assert_true(count < SPANS_MAX);
    *told += count;
    int64_t step_ms = (history->to_ms - history->from_ms) / MOMENTS;
    for (unsigned i = 0; i <= MOMENTS; i++) {
        const struct pn_evaluation evaluation = {.rule = history->rule,
                                                 .moment_ms = history->from_ms + i * step_ms,
                                                 .birth_year = history->birth_year};
        pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
        if (bench->finding.since_ms != since_at(spans, count, evaluation.moment_ms)) {
            fail_msg("%s differs at moment %u", history->rule->id, i);
        }
    }
}

static void is_what_evaluation_finds(void **state)
{
    struct bench *bench = *state;
    unsigned told[PN_RULES_MAX] = {0};
    for (unsigned client = 0; client < CLIENTS; client++) {
        make_facts(bench);
        struct pn_history history = {.birth_year = client % 3 == 0 ? 0 : 2008};
        history.from_ms = at(draw(bench, DAYS), 5);
        history.to_ms = history.from_ms + (int64_t)draw(bench, 400) * PN_MS_PER_DAY + MOMENTS;
        for (unsigned i = 0; i < bench->rules.count; i++) {
            history.rule = &bench->rules.rules[i];
            compare(bench, &history, &told[i]);
        }
    }
    for (unsigned i = 0; i < bench->rules.count; i++) {
        if (told[i] == 0) {
            fail_msg("%s never held", bench->rules.rules[i].id);
        }
    }
}

static void keeps_the_newest_spans(void **state)
{
    struct bench *bench = *state;
    struct pn_span all[SPANS_MAX], few[2];
    for (unsigned client = 0; client < CLIENTS; client++) {
        make_facts(bench);
        for (unsigned i = 0; i < bench->rules.count; i++) {
            const struct pn_history history = {
                .rule = &bench->rules.rules[i], .from_ms = at(0, 0), .to_ms = at(DAYS, 0)};
            unsigned count = pn_evaluate_history(bench->evaluator, &history, all, SPANS_MAX);
            unsigned kept = pn_evaluate_history(bench->evaluator, &history, few, 2);
            assert_int_equal(kept, count < 2 ? count : 2);
            assert_memory_equal(few, all + count - kept, kept * sizeof few[0]);
            assert_int_equal(pn_evaluate_history(bench->evaluator, &history, NULL, 0), 0);
        }
    }
}

// --- On from where a rule stood ------------------------------------------------------------------

// A rule of one client while facts come one by one.
struct kept {
    struct pn_standing standing;
    bool holds;
    int64_t since_ms;
};

static void find(struct bench *bench, const struct pn_evaluation *evaluation,
                 struct pn_finding *ret_finding)
{
    memset(ret_finding, 0, sizeof *ret_finding);
    pn_evaluate(bench->evaluator, evaluation, ret_finding);
}

// False when the rule could be left alone.
static bool follow(struct bench *bench, struct kept *kept, struct pn_evaluation evaluation,
                   bool is_touched)
{
    bool is_due = kept->standing.due_ms != 0 && kept->standing.due_ms <= evaluation.moment_ms;
    find(bench, &evaluation, &bench->fresh);
    if (!is_touched && !is_due) {
        assert_int_equal(bench->fresh.holds, kept->holds);
        assert_int_equal(bench->fresh.since_ms, kept->since_ms);
        return false;
    }
    evaluation.standing = &kept->standing;
    find(bench, &evaluation, &bench->finding);
    if (memcmp(&bench->finding, &bench->fresh, sizeof bench->fresh) != 0) {
        fail_msg("%s: holds %d, from all facts %d", evaluation.rule->id, bench->finding.holds,
                 bench->fresh.holds);
    }
    kept->holds = bench->finding.holds;
    kept->since_ms = bench->finding.since_ms;
    return true;
}

static int by_start(const void *a, const void *b)
{
    const struct pn_fact_entry *one = a, *two = b;
    return (one->start_ms > two->start_ms) - (one->start_ms < two->start_ms);
}

// One client's facts in order, some told late: those before a rule's time begin everything anew.
static void follow_client(struct bench *bench, unsigned ret_alone[static 2])
{
    struct kept kept[PN_RULES_MAX] = {0};
    make_facts(bench);
    const unsigned count = bench->count;
    int64_t moment_ms = 0;
    qsort(bench->facts, count, sizeof bench->facts[0], by_start);
    for (unsigned told = 1; told <= count; told++) {
        const struct pn_fact_entry *fact = &bench->facts[told - 1];
        int64_t soon_ms = fact->start_ms + (int64_t)draw(bench, 9) * 3600000;
        moment_ms = soon_ms > moment_ms ? soon_ms : moment_ms;
        const uint64_t touched = pn_rules_touched(&bench->rules, fact);
        pn_evaluator_take(bench->evaluator, bench->facts, told);
        for (unsigned i = 0; i < bench->rules.count; i++) {
            bool is_touched = (touched >> i & 1) != 0;
            if (is_touched && fact->start_ms <= kept[i].standing.time_ms) {
                memset(&kept[i].standing, 0, sizeof kept[i].standing);
            }
            const struct pn_evaluation evaluation = {.rule = &bench->rules.rules[i],
                                                     .moment_ms = moment_ms,
                                                     .birth_year = 2008,
                                                     .wants_all = draw(bench, 2) == 0};
            ret_alone[follow(bench, &kept[i], evaluation, is_touched) ? 0 : 1]++;
        }
        if (told + 3 < count && draw(bench, 6) == 0) { // some three come the other way round
            struct pn_fact_entry later = bench->facts[told + 2];
            bench->facts[told + 2] = bench->facts[told];
            bench->facts[told] = later;
        }
    }
}

static void a_standing_changes_nothing(void **state)
{
    struct bench *bench = *state;
    unsigned alone[2] = {0, 0};
    for (unsigned client = 0; client < 2 * CLIENTS; client++) {
        follow_client(bench, alone);
    }
    assert_true(alone[0] > 1000 && alone[1] > 1000);
}

// What can't hold is found to be the same at every age, and holds at none.
static void age_is_no_matter_of_what_cannot_hold(void **state)
{
    struct bench *bench = *state;
    unsigned found = 0, possible = 0;
    for (unsigned client = 0; client < CLIENTS; client++) {
        make_facts(bench);
        const int64_t moment_ms = at(draw(bench, DAYS), 5);
        for (unsigned i = 0; i < bench->rules.count * 3; i++) {
            struct pn_evaluation evaluation = {.rule = &bench->rules.rules[i / 3],
                                               .moment_ms = moment_ms};
            pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
            possible += bench->finding.may_hold ? 1 : 0;
            if (bench->finding.may_hold) {
                continue;
            }
            found++;
            evaluation.birth_year = 1930 + 39 * (int)(i % 3);
            pn_evaluate(bench->evaluator, &evaluation, &bench->fresh);
            assert_false(bench->fresh.may_hold);
            assert_int_equal(bench->fresh.count, bench->finding.count);
            assert_int_equal(bench->fresh.due_ms, bench->finding.due_ms);
            evaluation.wants_all = true;
            pn_evaluate(bench->evaluator, &evaluation, &bench->fresh);
            assert_false(bench->fresh.holds);
        }
    }
    assert_true(found > 0 && possible > 0);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(is_what_evaluation_finds),
        WITH_BENCH(keeps_the_newest_spans),
        WITH_BENCH(a_standing_changes_nothing),
        WITH_BENCH(age_is_no_matter_of_what_cannot_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
