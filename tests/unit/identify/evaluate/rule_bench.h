// SPDX-License-Identifier: Apache-2.0
/*
 * What tests of one rule over a client's facts share.
 */
#ifndef TEST_IDENTIFY_RULE_BENCH_H
#define TEST_IDENTIFY_RULE_BENCH_H

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

enum { HOUR_MS = 3600000 };

struct bench {
    struct pn_arena *arena;
    struct pn_ruleset rules;
    struct pn_evaluator *evaluator;
    struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    unsigned count;
    struct pn_finding finding;
};

static inline int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct pn_err err;
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    assert_int_equal(pn_evaluator_new(&bench->evaluator, &err), PN_OK);
    *state = bench;
    return 0;
}

static inline int close_bench(void **state)
{
    struct bench *bench = *state;
    pn_evaluator_free(bench->evaluator);
    pn_arena_free(bench->arena);
    free(bench);
    return 0;
}

static inline int64_t at(int year, int month, int day)
{
    return pn_days_from_civil(year, month, day) * PN_MS_PER_DAY;
}

// A whole file of rules.
static inline void read_rules(struct bench *bench, const char *text)
{
    struct pn_err err;
    if (pn_rules_parse(bench->arena, "r.yaml", pn_slice_str(text), &bench->rules, &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
}

#endif
