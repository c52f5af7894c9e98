// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a rule file: read it, or say where it is wrong. What is read is evaluated.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/rules/rules.h"

enum { FACTS = 40, YEAR = 2026 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void evaluate(const struct pn_rule *rule)
{
    static struct pn_evaluator *evaluator;
    static struct pn_finding finding;
    struct pn_fact_entry facts[FACTS];
    struct pn_err err;
    enum pn_code code = evaluator == NULL ? pn_evaluator_new(&evaluator, &err) : PN_OK;
    assert(code == PN_OK);
    const int64_t moment_ms = pn_days_from_civil(YEAR, 1, 1) * PN_MS_PER_DAY;
    for (unsigned i = 0; i < FACTS; i++) {
        int64_t start_ms = moment_ms + (int64_t)(i % 8 * 17 + i) * PN_MS_PER_DAY;
        facts[i] = (struct pn_fact_entry){.id = {(uint8_t)i},
                                          .start_ms = start_ms,
                                          .end_ms = i % 5 == 0 ? PN_FACT_OPEN
                                                               : start_ms + i * PN_MS_PER_DAY,
                                          .profession = i % 3,
                                          .kind = (uint8_t)(i % PN_KIND_COUNT),
                                          .sector = (uint8_t)(i % PN_SECTOR_COUNT),
                                          .flags = (uint8_t)(i % 8)};
        for (unsigned k = 0; k < i % (PN_CODES_MAX + 1); k++) {
            const char text[] = {'A', '0', (char)('0' + (i + k) % 7)};
            enum pn_code_system system = k % 2 == 0 ? PN_SYSTEM_ICPC2 : PN_SYSTEM_ICD10;
            facts[i].codes[k] = pn_fact_pack(system, pn_slice_of(text, sizeof text), 0);
        }
    }
    pn_evaluator_take(evaluator, facts, FACTS);
    for (unsigned month = 0; month < 12; month += 3) {
        const struct pn_evaluation evaluation = {.rule = rule,
                                                 .moment_ms = pn_months_later(moment_ms, month),
                                                 .birth_year = YEAR - 18,
                                                 .wants_all = true};
        pn_evaluate(evaluator, &evaluation, &finding);
        assert(!finding.holds || finding.since_ms <= evaluation.moment_ms);
        assert(finding.due_ms == 0 || finding.due_ms > evaluation.moment_ms);
        assert(finding.holds == (finding.since_ms != 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct pn_arena *arena;
    if (arena == NULL) {
        arena = pn_arena_new(64 * 1024 * 1024);
    }
    pn_arena_reset(arena);
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    struct pn_err err = {0};
    assert(rules != NULL);
    enum pn_code code =
        pn_rules_parse(arena, "fuzz", pn_slice_of((const char *)bytes, len), rules, &err);
    assert(code == PN_OK || err.text[0] != '\0');
    for (unsigned i = 0; code == PN_OK && i < rules->count; i++) {
        assert(rules->rules[i].lapse_below <= rules->rules[i].threshold);
        assert(rules->rules[i].node_count > 0 && rules->rules[i].leaf_count > 0);
        assert(rules->rules[i].nodes[0].end == rules->rules[i].node_count);
        evaluate(&rules->rules[i]);
    }
    return 0;
}
