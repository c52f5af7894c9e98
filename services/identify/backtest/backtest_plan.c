// SPDX-License-Identifier: Apache-2.0
/*
 * What a backtest is to find out: its weeks, and the thresholds that it tries.
 */
#include <string.h>

#include "base/clock.h"
#include "services/identify/backtest/backtest.h"
#include "services/identify/evaluate/calendar.h"

enum {
    STEPS_EACH_WAY = 2,
    GAP_STEP_DAYS = 7,
    SUM_STEPS = 20,
    WEEKDAYS = 7,
    THURSDAY = 3,
    MONTH_DAYS = 30
};

// --- Weeks ---------------------------------------------------------------------------------------

static bool midnight(int64_t day, int64_t *ret_ms)
{
    struct pn_civil civil = {0};
    pn_civil_from_days(day, &civil.year, &civil.month, &civil.day);
    return pn_civil_to_ms(&civil, "Europe/Helsinki", ret_ms);
}

// The Monday of the moment's week in Finland, in days since 1970-01-01, a Thursday.
static int64_t monday_of(int64_t moment_ms)
{
    int64_t day = moment_ms / PN_MS_PER_DAY + 1, begins_ms = 0;
    while (midnight(day, &begins_ms) && begins_ms > moment_ms) {
        day--;
    }
    return day - (day + THURSDAY) % WEEKDAYS;
}

enum pn_code pn_backtest_plan_weeks(struct pn_backtest_plan *plan, struct pn_err *err)
{
    unsigned count = 0;
    int64_t day = monday_of(plan->from_ms), begins_ms = 0;
    while (midnight(day, &begins_ms) && begins_ms < plan->to_ms) {
        if (count == PN_BACKTEST_WEEKS_MAX) {
            return pn_err_set(err, PN_LIMIT, "--from", "at most %d weeks are looked at",
                              PN_BACKTEST_WEEKS_MAX);
        }
        plan->weeks[count++] = begins_ms;
        day += WEEKDAYS;
    }
    plan->weeks[count] = begins_ms;
    plan->week_count = count;
    return count > 0 ? PN_OK : pn_err_set(err, PN_INVALID, "--to", "it is before --from");
}

// --- Thresholds ----------------------------------------------------------------------------------

// By how much a threshold is moved at once; 0: it has none to move.
static int64_t step_of(const struct pn_node *node)
{
    switch (node->kind) {
    case PN_NODE_GAP:
        return GAP_STEP_DAYS;
    case PN_NODE_SUM:
        return node->at_least / SUM_STEPS > 0 ? node->at_least / SUM_STEPS : 1;
    case PN_NODE_ABSENT:
    case PN_NODE_ALL:
    case PN_NODE_ANY:
    case PN_NODE_NONE:
        return 0;
    case PN_NODE_COUNT:
    case PN_NODE_DISTINCT:
    case PN_NODE_SAME:
    case PN_NODE_SEQUENCE:
    case PN_NODE_DAYS:
    case PN_NODE_TREND:
    case PN_NODE_OPEN:
    case PN_NODE_AT_LEAST:
    case PN_NODE_SCORE:
        return 1;
    }
    return 0;
}

// The exclusion of the scope stands at the end of the tree and is no threshold of the rule.
static unsigned node_end(const struct pn_rule *rule)
{
    return rule->scope.not_with == NULL ? rule->node_count : rule->node_count - 2;
}

static bool is_wanted(const struct pn_rule *rule, unsigned node, bool headlines_only)
{
    return step_of(&rule->nodes[node]) > 0 && (!headlines_only || node == rule->headline);
}

static unsigned count_nodes(const struct pn_ruleset *rules)
{
    unsigned count = 0;
    for (unsigned r = 0; r < rules->count; r++) {
        for (unsigned n = 0; n < node_end(&rules->rules[r]); n++) {
            count += is_wanted(&rules->rules[r], n, false) ? 1 : 0;
        }
    }
    return count;
}

// False without memory; *ret_is_made false when the threshold would be below 1.
static bool make_variant(struct pn_arena *arena, const struct pn_rule *rule, unsigned place,
                         struct pn_backtest_variant *variant, bool *ret_is_made)
{
    const struct pn_node *old = &rule->nodes[variant->node];
    const int64_t delta = variant->step * step_of(old);
    int64_t threshold = (old->kind == PN_NODE_GAP ? old->length_days : old->at_least) + delta;
    *ret_is_made = threshold >= 1;
    if (!*ret_is_made) {
        return true;
    }
    struct pn_node *nodes = pn_arena_alloc_array(arena, rule->node_count, sizeof *nodes);
    if (nodes == NULL) {
        return false;
    }
    memcpy(nodes, rule->nodes, rule->node_count * sizeof *nodes);
    struct pn_node *node = &nodes[variant->node];
    if (node->kind == PN_NODE_GAP) {
        node->length_days = threshold;
    } else {
        int64_t lower = node->lapse_below + delta;
        node->at_least = threshold;
        node->lapse_below = lower < 1 ? 1 : lower;
    }
    variant->rule = *rule;
    variant->rule.nodes = nodes;
    variant->place = place;
    variant->threshold = threshold;
    return true;
}

static bool add_variants(struct pn_arena *arena, const struct pn_rule *rule, unsigned place,
                         unsigned node, struct pn_backtest_variant *variants, unsigned *count)
{
    bool is_made = false;
    for (int step = -STEPS_EACH_WAY; step <= STEPS_EACH_WAY; step++) {
        struct pn_backtest_variant *variant = &variants[*count];
        variant->node = node;
        variant->step = step;
        if (!make_variant(arena, rule, place, variant, &is_made)) {
            return false;
        }
        *count += is_made ? 1 : 0;
    }
    return true;
}

// The longest window of any condition; a trend looks at two of them.
static unsigned months_back(const struct pn_backtest_plan *plan)
{
    int64_t most = 0;
    for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
        for (unsigned r = 0; r < plan->rules[side]->count; r++) {
            const struct pn_rule *rule = &plan->rules[side]->rules[r];
            for (unsigned n = 0; n < rule->node_count; n++) {
                const struct pn_node *node = &rule->nodes[n];
                int64_t days =
                    node->window_days > node->length_days ? node->window_days : node->length_days;
                int64_t months = node->window_months + (days + MONTH_DAYS - 1) / MONTH_DAYS;
                months *= node->kind == PN_NODE_TREND ? 2 : 1;
                most = months > most ? months : most;
            }
        }
    }
    return (unsigned)most;
}

int64_t pn_backtest_first_day(const struct pn_backtest_plan *plan)
{
    return pn_local_day(pn_months_later(plan->from_ms, -(int64_t)plan->months_back));
}

enum pn_code pn_backtest_plan_variants(struct pn_backtest_plan *plan, struct pn_arena *arena,
                                       struct pn_err *err)
{
    enum { EACH = 2 * STEPS_EACH_WAY + 1 };
    _Static_assert((int)PN_RULES_MAX * EACH < (int)PN_BACKTEST_VARIANTS_MAX, "all headlines fit");
    const struct pn_ruleset *rules = plan->rules[PN_BACKTEST_NEW];
    const bool headlines_only = count_nodes(rules) * EACH >= PN_BACKTEST_VARIANTS_MAX;
    struct pn_backtest_variant *variants =
        pn_arena_alloc_array(arena, PN_BACKTEST_VARIANTS_MAX, sizeof *variants);
    bool is_good = variants != NULL;
    unsigned count = 0;
    for (unsigned r = 0; r < rules->count; r++) {
        const struct pn_rule *rule = &rules->rules[r];
        for (unsigned n = 0; n < node_end(rule) && is_good; n++) {
            if (is_wanted(rule, n, headlines_only)) {
                is_good = add_variants(arena, rule, r, n, variants, &count);
            }
        }
    }
    plan->variants = variants;
    plan->variant_count = count;
    plan->months_back = months_back(plan);
    return is_good ? PN_OK : pn_err_set(err, PN_MEMORY, "backtest", "too many conditions");
}
