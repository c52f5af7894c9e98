// SPDX-License-Identifier: Apache-2.0
/*
 * One client's history under both rule sets: which rules held, when the client came on the list and
 * in which unit, and what other thresholds would have done.
 */
#include <stdlib.h>
#include <string.h>

#include "services/identify/backtest/backtest_parts.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/evaluate/evaluate.h"

enum { SPANS_MAX = 64, UNIT_MONTHS = 12 };
_Static_assert((int)PN_RULES_MAX <= 64, "a set of rules is a word");

// A time for which a rule held, of all rules together.
struct held {
    struct pn_span span;
    unsigned rule;
};
struct mix {
    const struct pn_ruleset *rules;
    const struct held *held;
    unsigned count;
};

struct pn_backtest_judge {
    const struct pn_backtest_plan *plan;
    struct pn_evaluator *evaluator;
    const struct pn_fact_entry *facts;
    const struct pn_heap_client *client;
    struct held held[PN_RULES_MAX * SPANS_MAX];
    unsigned held_count;
    struct held tried[(PN_RULES_MAX + 1) * SPANS_MAX]; // with a variant in its rule's place
    struct pn_finding finding;
    struct pn_counted counted;
};

enum pn_code pn_backtest_judge_new(const struct pn_backtest_plan *plan,
                                   struct pn_backtest_judge **ret_judge, struct pn_err *err)
{
    struct pn_backtest_judge *judge = calloc(1, sizeof *judge);
    if (judge == NULL) {
        return pn_err_set(err, PN_MEMORY, "backtest", "no memory");
    }
    judge->plan = plan;
    enum pn_code code = pn_evaluator_new(&judge->evaluator, err);
    if (code != PN_OK) {
        free(judge);
        return code;
    }
    *ret_judge = judge;
    return PN_OK;
}

void pn_backtest_judge_free(struct pn_backtest_judge *judge)
{
    if (judge != NULL) {
        pn_evaluator_free(judge->evaluator);
        free(judge);
    }
}

static unsigned history(struct pn_backtest_judge *judge, const struct pn_rule *rule,
                        struct pn_span *spans, unsigned max)
{
    const struct pn_history asked = {.rule = rule,
                                     .from_ms = judge->plan->from_ms,
                                     .to_ms = judge->plan->to_ms,
                                     .birth_year = judge->client->birth_year};
    return pn_evaluate_history(judge->evaluator, &asked, spans, max);
}

static int by_time(const void *a, const void *b)
{
    const struct held *one = a, *two = b;
    if (one->span.since_ms != two->span.since_ms) {
        return one->span.since_ms < two->span.since_ms ? -1 : 1;
    }
    return (int)one->rule - (int)two->rule;
}

// --- Coming on the list --------------------------------------------------------------------------

// The unit that the work list would have given the case, as of the moment.
static uint32_t unit_at(struct pn_backtest_judge *judge, const struct pn_ruleset *rules,
                        int64_t moment_ms)
{
    memset(&judge->counted, 0, sizeof judge->counted);
    for (unsigned i = 0; i < judge->held_count; i++) {
        const struct held *held = &judge->held[i];
        if (held->span.since_ms > moment_ms || held->span.until_ms <= moment_ms) {
            continue;
        }
        const struct pn_evaluation evaluation = {.rule = &rules->rules[held->rule],
                                                 .moment_ms = moment_ms,
                                                 .birth_year = judge->client->birth_year};
        pn_evaluate(judge->evaluator, &evaluation, &judge->finding);
        for (unsigned k = 0; k < judge->finding.evidence_count; k++) {
            pn_counted_add(&judge->counted, judge->finding.evidence[k]);
        }
    }
    return pn_unit_of(&judge->counted, judge->facts, pn_months_later(moment_ms, -UNIT_MONTHS));
}

static uint32_t week_of(const struct pn_backtest_plan *plan, int64_t moment_ms)
{
    uint32_t low = 0, high = plan->week_count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (plan->weeks[middle] <= moment_ms) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Whether what holds at the moment begins a case; `before`: of what held already and goes on.
static bool begins_at(const struct mix *mix, int64_t moment_ms, bool before)
{
    unsigned alone = 0, supports = 0;
    for (unsigned i = 0; i < mix->count; i++) {
        const struct pn_span *span = &mix->held[i].span;
        bool is_there = span->until_ms > moment_ms && span->since_ms <= moment_ms &&
                        !(before && span->since_ms == moment_ms);
        bool is_support = mix->rules->rules[mix->held[i].rule].is_support;
        alone += is_there && !is_support ? 1 : 0;
        supports += is_there && is_support ? 1 : 0;
    }
    return pn_rules_begin(mix->rules, alone, supports);
}

// At some time in the period: it comes to be so only when the period or a span begins.
static bool begins_ever(const struct mix *mix, int64_t from_ms)
{
    for (unsigned i = 0; i < mix->count; i++) {
        const int64_t since_ms = mix->held[i].span.since_ms;
        if (begins_at(mix, since_ms > from_ms ? since_ms : from_ms, false)) {
            return true;
        }
    }
    return false;
}

// Spans in order of time; whoever was on the list before the period has come before.
static bool write_arrivals(struct pn_backtest_judge *judge, enum pn_backtest_side side, FILE *out)
{
    const struct pn_backtest_plan *plan = judge->plan;
    const struct mix mix = {plan->rules[side], judge->held, judge->held_count};
    bool is_good = true;
    qsort(judge->held, judge->held_count, sizeof *judge->held, by_time);
    for (unsigned i = 0; i < judge->held_count && is_good; i++) {
        const int64_t since_ms = judge->held[i].span.since_ms;
        bool is_first = i == 0 || judge->held[i - 1].span.since_ms != since_ms;
        if (is_first && since_ms >= plan->from_ms && begins_at(&mix, since_ms, false) &&
            !begins_at(&mix, since_ms, true)) {
            const struct pn_backtest_arrival arrival = {.side = side,
                                                        .week = week_of(plan, since_ms),
                                                        .unit =
                                                            unit_at(judge, mix.rules, since_ms)};
            is_good = fwrite(&arrival, sizeof arrival, 1, out) == 1;
        }
    }
    return is_good;
}

// --- Both sets -----------------------------------------------------------------------------------

static bool judge_side(struct pn_backtest_judge *judge, enum pn_backtest_side side,
                       struct pn_backtest_client *ret_client, FILE *arrivals)
{
    const struct pn_ruleset *rules = judge->plan->rules[side];
    struct pn_span spans[SPANS_MAX];
    judge->held_count = 0;
    for (unsigned r = 0; r < rules->count; r++) {
        unsigned count = history(judge, &rules->rules[r], spans, SPANS_MAX);
        for (unsigned i = 0; i < count; i++) {
            judge->held[judge->held_count++] = (struct held){.span = spans[i], .rule = r};
        }
        if (count > 0) {
            ret_client->held[side] |= UINT64_C(1) << r;
            bool holds = spans[count - 1].until_ms == PN_SPAN_HOLDS;
            ret_client->at_end[side] |= holds ? UINT64_C(1) << r : 0;
        }
    }
    const struct mix mix = {rules, judge->held, judge->held_count};
    ret_client->is_flagged[side] = begins_ever(&mix, judge->plan->from_ms);
    ret_client->is_flagged_at_end[side] = begins_at(&mix, judge->plan->to_ms, false);
    return judge->held_count == 0 || write_arrivals(judge, side, arrivals);
}

// Whether the new set flags the client with these spans in the place of a rule's own.
static bool is_flagged_with(struct pn_backtest_judge *judge, unsigned rule,
                            const struct pn_span *spans, unsigned count)
{
    struct mix mix = {.rules = judge->plan->rules[PN_BACKTEST_NEW], .held = judge->tried};
    for (unsigned i = 0; i < judge->held_count; i++) {
        if (judge->held[i].rule != rule) {
            judge->tried[mix.count++] = judge->held[i];
        }
    }
    for (unsigned i = 0; i < count; i++) {
        judge->tried[mix.count++] = (struct held){.span = spans[i], .rule = rule};
    }
    return begins_ever(&mix, judge->plan->from_ms);
}

// After the new side, whose spans `judge` still has.
static void judge_variants(struct pn_backtest_judge *judge, const struct pn_backtest_client *client,
                           struct pn_backtest_totals *totals)
{
    struct pn_span spans[SPANS_MAX];
    for (unsigned i = 0; i < judge->plan->variant_count; i++) {
        const struct pn_backtest_variant *variant = &judge->plan->variants[i];
        // One that stands alone needs but one time at which it held.
        const unsigned max = variant->rule.is_support ? SPANS_MAX : 1;
        bool holds = (client->held[PN_BACKTEST_NEW] >> variant->place & 1) != 0;
        bool is_flagged = client->is_flagged[PN_BACKTEST_NEW];
        if (variant->step != 0) {
            unsigned count = history(judge, &variant->rule, spans, max);
            holds = count > 0;
            is_flagged = is_flagged_with(judge, variant->place, spans, count);
        }
        totals->variant_rule[i] += holds ? 1 : 0;
        totals->variant_set[i] += is_flagged ? 1 : 0;
    }
}

enum pn_code
pn_backtest_judge_client(struct pn_backtest_judge *judge, const struct pn_heap_client *client,
                         const struct pn_fact_entry *facts, struct pn_backtest_totals *totals,
                         FILE *const outputs[static PN_OUTPUT_COUNT], struct pn_err *err)
{
    struct pn_backtest_client found = {.number = client->number, .rest = client->rest};
    judge->client = client;
    judge->facts = facts;
    pn_evaluator_take(judge->evaluator, facts, client->fact_count);
    // The new rules last: the facts are matched once with them and with their variants.
    bool is_good = judge_side(judge, PN_BACKTEST_TODAY, &found, outputs[PN_OUTPUT_ARRIVALS]) &&
                   judge_side(judge, PN_BACKTEST_NEW, &found, outputs[PN_OUTPUT_ARRIVALS]);
    judge_variants(judge, &found, totals);
    if (is_good && (found.held[0] | found.held[1]) != 0) {
        is_good = fwrite(&found, sizeof found, 1, outputs[PN_OUTPUT_CLIENTS]) == 1;
    }
    totals->clients++;
    totals->crowded += client->is_crowded ? 1 : 0;
    return is_good ? PN_OK : pn_err_set(err, PN_IO, "backtest", "no memory for what was found");
}
