// SPDX-License-Identifier: Apache-2.0
// Each field of a filter takes what it names and nothing else; as a condition's filter and as the
// scope of a rule.
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

struct bench {
    struct pn_arena *arena;
    struct pn_evaluator *evaluator;
    struct pn_finding finding;
};

// A visit that all filters below take, and one that only this filter does not.
static struct pn_fact_entry visit(void)
{
    return (struct pn_fact_entry){.id = {1},
                                  .resource_type = 1,
                                  .kind = PN_KIND_VISIT,
                                  .sector = PN_SECTOR_PRIMARY,
                                  .urgency = PN_URGENCY_PLANNED,
                                  .service = pn_fact_code(pn_slice_str("T11")),
                                  .profession = pn_fact_code(pn_slice_str("30")),
                                  .contact = pn_fact_code(pn_slice_str("R10")),
                                  .status = pn_fact_code(pn_slice_str("finished")),
                                  .unit = pn_fact_code(pn_slice_str("ASEMA1")),
                                  .setting = pn_fact_code(pn_slice_str("AMB")),
                                  .flags = PN_FACT_CLIENT_CONTACT};
}

static const struct {
    const char *field;
    size_t offset; // of what another visit has otherwise
    size_t bytes;
    uint32_t other;
} fields[] = {
#define OF(member)                                                                                 \
    offsetof(struct pn_fact_entry, member), sizeof(((struct pn_fact_entry *)0)->member)
    {"kinds: [visit]", OF(kind), PN_KIND_CONTACT},
    {"kinds: [visit], sectors: [primary, social]", OF(sector), PN_SECTOR_SPECIALIST},
    {"kinds: [visit], urgency: planned", OF(urgency), PN_URGENCY_EMERGENCY},
    {"kinds: [visit], services: [T11]", OF(service), 7},
    {"kinds: [visit], professions: [\"30\", \"11\"]", OF(profession), 7},
    {"kinds: [visit], contacts: [R10]", OF(contact), 7},
    {"kinds: [visit], statuses: [finished]", OF(status), 7},
    {"kinds: [visit], units: [ASEMA1]", OF(unit), 7},
    {"kinds: [visit], settings: [AMB]", OF(setting), 7},
    {"kinds: [visit], client_contacts_only: true", OF(flags), 0},
#undef OF
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct pn_err err;
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    assert_int_equal(pn_evaluator_new(&bench->evaluator, &err), PN_OK);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    pn_evaluator_free(bench->evaluator);
    pn_arena_free(bench->arena);
    free(bench);
    return 0;
}

// Whether one such fact makes the rule hold.
static bool holds(struct bench *bench, const char *text, const struct pn_fact_entry *fact)
{
    static struct pn_ruleset rules;
    struct pn_err err;
    pn_arena_reset(bench->arena);
    if (pn_rules_parse(bench->arena, "r.yaml", pn_slice_str(text), &rules, &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    const struct pn_evaluation evaluation = {.rule = &rules.rules[0],
                                             .moment_ms = fact->start_ms + PN_MS_PER_DAY};
    pn_evaluator_take(bench->evaluator, fact, 1);
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    return bench->finding.holds;
}

// The filter stands between the two parts of the rule.
static void expect_both(struct bench *bench, const char *before, const char *after)
{
    for (unsigned i = 0; i < PN_ARRAY_COUNT(fields); i++) {
        char text[1024];
        struct pn_fact_entry fact = visit();
        struct pn_fact_entry other = fact;
        memcpy((char *)&other + fields[i].offset, &fields[i].other, fields[i].bytes);
        (void)snprintf(text, sizeof text,
                       "rules:\n  - id: r\n    version: 1\n    origin: punos\n    source: s\n"
                       "    title: { fi: a, sv: b, en: c }\n"
                       "    explanation: { fi: a, sv: b, en: c }\n    %s{ %s }%s\n",
                       before, fields[i].field, after);
        if (!holds(bench, text, &fact) || holds(bench, text, &other)) {
            fail_msg("%s", fields[i].field);
        }
    }
}

static void a_condition_counts_what_its_filter_names(void **state)
{
    expect_both(*state, "when: { count: { where: ", ", in_months: 12, at_least: 1 } }");
}

static void a_rule_looks_only_at_what_its_scope_names(void **state)
{
    expect_both(*state, "scope: { where: ",
                " }\n    when: { count: { where: { kinds: [visit, contact] }, in_months: 12,"
                " at_least: 1 } }");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_condition_counts_what_its_filter_names, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rule_looks_only_at_what_its_scope_names, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
