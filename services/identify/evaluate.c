// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "services/identify/lanes.h"
#include "services/identify/tree.h"

enum {
    KEYS_MAX = 1024, // thresholds are at most 1000: more codes need not be told apart
    LANES_MAX = 2 * PN_RULE_LEAVES_MAX,
    STEPS_MAX = 4 * 1024 * 1024, // of one walk: the marks of all lanes, and a rule's own times
};

// How often each code counts now.
struct keys {
    uint64_t keys[KEYS_MAX];
    uint32_t counts[KEYS_MAX];
    unsigned count;
};

struct pn_evaluator {
    const struct pn_fact_entry *facts;
    unsigned fact_count;
    bool is_sorted;
    uint16_t order[PN_CLIENT_FACTS_MAX];
    struct pn_lane lanes[LANES_MAX]; // of leaf i: 2 i and 2 i + 1
    struct keys keys[PN_RULE_LEAVES_MAX];
};

// A rule while its history is walked.
struct walk {
    struct pn_evaluator *evaluator;
    const struct pn_evaluation *evaluation;
    const struct pn_rule *rule;
    struct pn_tree tree;
    unsigned leaves[PN_RULE_LEAVES_MAX]; // their nodes
    unsigned entered[LANES_MAX], left[LANES_MAX];
    int64_t from_ms;                // what holds from here on is asked; the moment, or before it
    int64_t first_ms;               // of the client's facts: before it nothing can hold
    int64_t from_age_ms, to_age_ms; // the rule is for the client between these
    int64_t time_ms;                // everything up to it is done
    bool holds;
    int64_t since_ms, expires_ms, cool_ms;
};

enum pn_code pn_evaluator_new(struct pn_evaluator **ret_evaluator, struct pn_err *err)
{
    struct pn_evaluator *evaluator = calloc(1, sizeof *evaluator);
    if (evaluator == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    *ret_evaluator = evaluator;
    return PN_OK;
}

void pn_evaluator_free(struct pn_evaluator *evaluator)
{
    free(evaluator);
}

void pn_evaluator_take(struct pn_evaluator *evaluator, const struct pn_fact_entry *facts,
                       unsigned fact_count)
{
    assert(fact_count <= PN_CLIENT_FACTS_MAX);
    evaluator->facts = facts;
    evaluator->fact_count = fact_count;
    evaluator->is_sorted = false;
}

static int older(const void *a, const void *b, void *context)
{
    const struct pn_evaluator *evaluator = context;
    const struct pn_fact_entry *one = &evaluator->facts[*(const uint16_t *)a];
    const struct pn_fact_entry *two = &evaluator->facts[*(const uint16_t *)b];
    if (one->start_ms != two->start_ms) {
        return one->start_ms < two->start_ms ? -1 : 1;
    }
    return memcmp(one->id, two->id, PN_FACT_ID_BYTES);
}

static void sort(struct pn_evaluator *evaluator)
{
    for (unsigned i = 0; !evaluator->is_sorted && i < evaluator->fact_count; i++) {
        evaluator->order[i] = (uint16_t)i;
    }
    if (!evaluator->is_sorted) {
        qsort_r(evaluator->order, evaluator->fact_count, sizeof evaluator->order[0], older,
                evaluator);
    }
    evaluator->is_sorted = true;
}

static void earlier(int64_t *due_ms, int64_t time_ms)
{
    if (time_ms != INT64_MAX && (*due_ms == 0 || time_ms < *due_ms)) {
        *due_ms = time_ms;
    }
}

// --- Quick answer --------------------------------------------------------------------------------

// A fact that began before this is in no window of the leaf at the moment.
static int64_t surely_out(const struct pn_node *leaf, int64_t moment_ms)
{
    int64_t days = leaf->window_months > 0 ? leaf->window_months * 31 : leaf->window_days;
    bool has_end = days > 0 && leaf->kind != PN_NODE_GAP && leaf->kind != PN_NODE_OPEN &&
                   leaf->kind != PN_NODE_DAYS &&
                   (leaf->kind != PN_NODE_SUM || !leaf->prices->has_days);
    return has_end ? moment_ms - (days + 1) * PN_MS_PER_DAY : INT64_MIN;
}

// No fewer than the leaf counts from walk->from_ms to the moment, or would at a later time if
// nothing came. A fact of the future that it may count is a time to look again.
static int64_t upper_bound(const struct walk *walk, const struct pn_node *leaf, int64_t *due_ms)
{
    const struct pn_evaluator *evaluator = walk->evaluator;
    const int64_t moment_ms = walk->evaluation->moment_ms;
    const int64_t out_ms = surely_out(leaf, walk->from_ms);
    int64_t count = 0;
    for (unsigned i = 0; i < evaluator->fact_count; i++) {
        const struct pn_fact_entry *fact = &evaluator->facts[i];
        bool may_count = false;
        for (unsigned s = 0; s < leaf->step_count && fact->start_ms > out_ms && !may_count; s++) {
            may_count = pn_leaf_fits(walk->rule, leaf, s, fact);
        }
        if (may_count && fact->start_ms > moment_ms) {
            earlier(due_ms, fact->start_ms);
        } else if (may_count && (leaf->kind != PN_NODE_OPEN || fact->end_ms > walk->from_ms)) {
            count += pn_leaf_most(leaf, fact);
        }
    }
    return count;
}

static bool may_hold(struct walk *walk, int64_t *due_ms)
{
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        unsigned node = walk->leaves[i];
        walk->tree.values[node] = upper_bound(walk, &walk->rule->nodes[node], due_ms);
    }
    walk->tree.mode = PN_TREE_POSSIBLE;
    return pn_tree_holds(&walk->tree, 0);
}

// --- The walk ------------------------------------------------------------------------------------

static int64_t most_of(const struct keys *keys)
{
    int64_t most = 0;
    for (unsigned i = 0; i < keys->count; i++) {
        most = keys->counts[i] > most ? keys->counts[i] : most;
    }
    return most;
}

static void count_key(struct keys *keys, uint64_t key, bool is_entering)
{
    unsigned i = 0;
    while (i < keys->count && keys->keys[i] != key) {
        i++;
    }
    if (i == keys->count && (!is_entering || i == KEYS_MAX)) {
        return;
    }
    if (i == keys->count) {
        keys->keys[keys->count] = key;
        keys->counts[keys->count++] = 0;
    }
    keys->counts[i] += is_entering ? 1U : -1U;
    if (keys->counts[i] == 0) {
        keys->count--;
        keys->keys[i] = keys->keys[keys->count];
        keys->counts[i] = keys->counts[keys->count];
    }
}

static void count_one(struct walk *walk, unsigned lane, const struct pn_interval *interval,
                      bool is_entering)
{
    unsigned node = walk->leaves[lane / 2];
    struct keys *keys = &walk->evaluator->keys[lane / 2];
    const enum pn_node_kind kind = walk->rule->nodes[node].kind;
    const int64_t by = kind == PN_NODE_SUM ? (int64_t)interval->key : 1;
    if (lane % 2 == 1) {
        walk->tree.before[node] += is_entering ? 1 : -1;
    } else if (kind == PN_NODE_DISTINCT || kind == PN_NODE_SAME) {
        count_key(keys, interval->key, is_entering);
        walk->tree.values[node] = kind == PN_NODE_SAME ? most_of(keys) : keys->count;
    } else {
        walk->tree.values[node] += is_entering ? by : -by;
    }
}

static const struct pn_interval *next_leaving(const struct walk *walk, unsigned lane)
{
    const struct pn_lane *from = &walk->evaluator->lanes[lane];
    return walk->left[lane] < from->count ? &from->intervals[from->leaving[walk->left[lane]]]
                                          : NULL;
}

static void least(int64_t *time_ms, int64_t other_ms, int64_t after_ms)
{
    if (other_ms > after_ms && other_ms < *time_ms) {
        *time_ms = other_ms;
    }
}

// When something may change next; INT64_MAX: never.
static int64_t next_time(const struct walk *walk)
{
    int64_t next_ms = INT64_MAX;
    for (unsigned lane = 0; lane < 2 * walk->rule->leaf_count; lane++) {
        const struct pn_lane *from = &walk->evaluator->lanes[lane];
        if (walk->entered[lane] < from->count) {
            least(&next_ms, from->intervals[walk->entered[lane]].enter_ms, INT64_MIN);
        }
        const struct pn_interval *leaving = next_leaving(walk, lane);
        if (leaving != NULL) {
            least(&next_ms, leaving->leave_ms, INT64_MIN);
        }
    }
    least(&next_ms, walk->first_ms, walk->time_ms);
    least(&next_ms, walk->from_age_ms, walk->time_ms);
    least(&next_ms, walk->to_age_ms, walk->time_ms);
    least(&next_ms, walk->holds ? walk->expires_ms : walk->cool_ms, walk->time_ms);
    return next_ms;
}

static void count_until(struct walk *walk, int64_t time_ms)
{
    for (unsigned lane = 0; lane < 2 * walk->rule->leaf_count; lane++) {
        const struct pn_lane *from = &walk->evaluator->lanes[lane];
        while (walk->entered[lane] < from->count &&
               from->intervals[walk->entered[lane]].enter_ms <= time_ms) {
            count_one(walk, lane, &from->intervals[walk->entered[lane]++], true);
        }
        const struct pn_interval *leaving = next_leaving(walk, lane);
        while (leaving != NULL && leaving->leave_ms <= time_ms) {
            count_one(walk, lane, leaving, false);
            walk->left[lane]++;
            leaving = next_leaving(walk, lane);
        }
    }
    walk->time_ms = time_ms;
}

static bool tree_holds(struct walk *walk, enum pn_tree_mode mode)
{
    walk->tree.mode = mode;
    return walk->time_ms >= walk->first_ms && walk->time_ms >= walk->from_age_ms &&
           walk->time_ms < walk->to_age_ms && pn_tree_holds(&walk->tree, 0);
}

// The rule's state at walk->time_ms.
static void settle(struct walk *walk)
{
    const struct pn_rule *rule = walk->rule;
    if (walk->holds && (walk->time_ms >= walk->expires_ms || !tree_holds(walk, PN_TREE_STAY))) {
        walk->holds = false;
        walk->cool_ms = rule->cool_down_days > 0
                            ? walk->time_ms + rule->cool_down_days * PN_MS_PER_DAY
                            : INT64_MIN;
    }
    if (!walk->holds && walk->time_ms >= walk->cool_ms && tree_holds(walk, PN_TREE_RISE)) {
        walk->holds = true;
        walk->since_ms = walk->time_ms;
        walk->expires_ms = rule->expires_months > 0
                               ? pn_months_later(walk->time_ms, rule->expires_months)
                               : INT64_MAX;
    }
}

static void walk_until(struct walk *walk, int64_t moment_ms)
{
    int64_t next_ms = next_time(walk);
    for (unsigned i = 0; i < STEPS_MAX && next_ms <= moment_ms && next_ms != INT64_MAX; i++) {
        count_until(walk, next_ms);
        settle(walk);
        next_ms = next_time(walk);
    }
}

// --- What is found -------------------------------------------------------------------------------

static void mark_evidence(const struct walk *walk, struct pn_finding *finding,
                          uint16_t marks[static PN_CLIENT_FACTS_MAX])
{
    const int64_t moment_ms = walk->evaluation->moment_ms;
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        const struct pn_lane *lane = &walk->evaluator->lanes[2 * i];
        const struct pn_node *leaf = &walk->rule->nodes[walk->leaves[i]];
        bool is_told = finding->leaves[i].holds || !finding->holds;
        for (unsigned k = 0; is_told && k < lane->count; k++) {
            const struct pn_interval *interval = &lane->intervals[k];
            if (interval->enter_ms > moment_ms || interval->leave_ms <= moment_ms) {
                continue;
            }
            marks[interval->fact] |= (uint16_t)(1U << i);
            if (leaf->kind == PN_NODE_SEQUENCE) {
                marks[interval->other] |= (uint16_t)(1U << i);
            }
        }
    }
}

static void gather_evidence(const struct walk *walk, struct pn_finding *finding)
{
    const struct pn_evaluator *evaluator = walk->evaluator;
    uint16_t marks[PN_CLIENT_FACTS_MAX];
    memset(marks, 0, evaluator->fact_count * sizeof marks[0]);
    mark_evidence(walk, finding, marks);
    for (unsigned i = 0; i < evaluator->fact_count; i++) {
        uint16_t place = evaluator->order[i];
        const struct pn_fact_entry *fact = &evaluator->facts[place];
        if (marks[place] == 0) {
            continue;
        }
        finding->evidence[finding->evidence_count] = place;
        finding->evidence_leaves[finding->evidence_count++] = marks[place];
        finding->newest_ms = fact->start_ms; // in order
        if (fact->data_class > finding->data_class) {
            finding->data_class = (enum pn_data_class)fact->data_class;
        }
    }
}

// The leaf's value that ends the rule while all others stay as they are.
static int64_t not_with(struct walk *walk, unsigned node)
{
    int64_t value = walk->tree.values[node], found = walk->rule->nodes[node].lapse_below - 1;
    walk->tree.values[node] = found;
    found = pn_tree_holds(&walk->tree, 0) ? -1 : found;
    walk->tree.values[node] = value;
    return found;
}

// The leaf's value that makes the rule hold while all others stay as they are.
static int64_t holds_with(struct walk *walk, unsigned node)
{
    const struct pn_node *leaf = &walk->rule->nodes[node];
    int64_t value = walk->tree.values[node], found = leaf->at_least;
    if (leaf->kind == PN_NODE_TREND && leaf->factor * walk->tree.before[node] > found) {
        found = leaf->factor * walk->tree.before[node];
    }
    if (leaf->kind == PN_NODE_GAP || leaf->kind == PN_NODE_ABSENT || value >= found) {
        return -1;
    }
    walk->tree.values[node] = found;
    found = pn_tree_holds(&walk->tree, 0) ? found : -1;
    walk->tree.values[node] = value;
    return found;
}

static void find_leaves(struct walk *walk, struct pn_finding *finding)
{
    const struct pn_evaluator *evaluator = walk->evaluator;
    finding->leaf_count = walk->rule->leaf_count;
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        const struct pn_node *leaf = &walk->rule->nodes[walk->leaves[i]];
        struct pn_leaf_finding *found = &finding->leaves[i];
        *found = (struct pn_leaf_finding){
            .node = walk->leaves[i],
            .holds = pn_tree_holds(&walk->tree, walk->leaves[i]),
            .value = walk->tree.values[walk->leaves[i]],
            .threshold = finding->holds ? leaf->lapse_below : leaf->at_least,
            .not_with = finding->holds && leaf->kind != PN_NODE_ABSENT
                            ? not_with(walk, walk->leaves[i])
                            : -1,
            .holds_with = finding->holds ? -1 : holds_with(walk, walk->leaves[i])};
        if (leaf->kind == PN_NODE_GAP) {
            const struct pn_lane *lane = &evaluator->lanes[2 * i];
            found->value = 0;
            found->threshold = leaf->length_days;
            if (found->holds && lane->count > 0) {
                uint16_t last = lane->intervals[walk->entered[2 * i] - 1].fact;
                found->value =
                    (walk->evaluation->moment_ms - evaluator->facts[last].start_ms) / PN_MS_PER_DAY;
                found->not_with = leaf->length_days - 1;
            }
        }
    }
}

// The client's age and the cool-down are no matter of more events.
static bool is_near(const struct walk *walk, const struct pn_finding *finding)
{
    const int64_t moment_ms = walk->evaluation->moment_ms;
    bool is_for_client = moment_ms >= walk->first_ms && moment_ms >= walk->from_age_ms &&
                         moment_ms < walk->to_age_ms;
    bool is_one_short = false;
    for (unsigned i = 0; i < finding->leaf_count; i++) {
        const struct pn_leaf_finding *leaf = &finding->leaves[i];
        is_one_short = is_one_short || (leaf->value > 0 && leaf->holds_with == leaf->value + 1);
    }
    return is_for_client && (finding->nearness >= PN_NEARLY || is_one_short);
}

static void find(struct walk *walk, struct pn_finding *finding)
{
    walk->tree.mode = walk->holds ? PN_TREE_STAY : PN_TREE_RISE;
    finding->holds = walk->holds;
    find_leaves(walk, finding);
    finding->count = pn_tree_measure(&walk->tree, walk->rule->headline);
    for (unsigned i = 0; i < finding->leaf_count; i++) {
        if (finding->leaves[i].node == walk->rule->headline) {
            finding->count = finding->leaves[i].value;
        }
    }
    finding->nearness = walk->holds ? 1000 : pn_tree_nearness(&walk->tree, 0);
    if (walk->holds) {
        finding->since_ms = walk->since_ms;
        gather_evidence(walk, finding);
    } else if (walk->evaluation->wants_all && is_near(walk, finding)) {
        finding->is_near = true;
        finding->again_ms = walk->cool_ms > walk->evaluation->moment_ms ? walk->cool_ms : 0;
        gather_evidence(walk, finding);
    }
}

// On from the moment: when each leaf that holds lapses, and when the rule changes.
static void look_ahead(struct walk *walk, struct pn_finding *finding)
{
    int64_t next_ms = next_time(walk);
    for (unsigned i = 0; i < STEPS_MAX && next_ms != INT64_MAX; i++) {
        count_until(walk, next_ms);
        settle(walk);
        for (unsigned k = 0; k < finding->leaf_count; k++) {
            struct pn_leaf_finding *leaf = &finding->leaves[k];
            walk->tree.mode = finding->holds ? PN_TREE_STAY : PN_TREE_RISE;
            if (leaf->holds && leaf->lapses_ms == 0 && !pn_tree_holds(&walk->tree, leaf->node)) {
                leaf->lapses_ms = next_ms;
            }
        }
        if (walk->holds != finding->holds || walk->since_ms > finding->since_ms) {
            break;
        }
        next_ms = next_time(walk);
    }
    if (next_ms == INT64_MAX) {
        return;
    }
    earlier(&finding->due_ms, next_ms);
    finding->lapses_ms = finding->holds ? next_ms : 0;
}

// --- Together ------------------------------------------------------------------------------------

static int64_t age_ms(int birth_year, int64_t years)
{
    return pn_days_from_civil(birth_year + (int)years, 1, 1) * PN_MS_PER_DAY;
}

static void start(struct walk *walk)
{
    const struct pn_rule *rule = walk->rule;
    const int birth_year = walk->evaluation->birth_year;
    unsigned leaf = 0;
    for (unsigned i = 0; i < rule->node_count; i++) {
        if (pn_node_is_leaf(rule->nodes[i].kind)) {
            walk->leaves[leaf++] = i;
        }
    }
    walk->tree.rule = rule;
    walk->from_ms = walk->evaluation->moment_ms;
    walk->time_ms = walk->cool_ms = INT64_MIN;
    walk->expires_ms = walk->first_ms = walk->to_age_ms = INT64_MAX;
    walk->from_age_ms = INT64_MIN;
    if (birth_year != 0 && rule->scope.from_years > 0) {
        walk->from_age_ms = age_ms(birth_year, rule->scope.from_years);
    }
    if (birth_year != 0 && rule->scope.to_years > 0) {
        walk->to_age_ms = age_ms(birth_year, rule->scope.to_years + 1);
    }
}

static void fill_lanes(struct walk *walk)
{
    struct pn_evaluator *evaluator = walk->evaluator;
    struct pn_lane_input input = {.rule = walk->rule,
                                  .facts = evaluator->facts,
                                  .order = evaluator->order,
                                  .moment_ms = walk->evaluation->moment_ms};
    while (input.count < evaluator->fact_count &&
           evaluator->facts[evaluator->order[input.count]].start_ms <= input.moment_ms) {
        const struct pn_fact_entry *fact = &evaluator->facts[evaluator->order[input.count++]];
        if (walk->first_ms == INT64_MAX && (fact->flags & PN_FACT_WITHDRAWN) == 0) {
            walk->first_ms = fact->start_ms;
        }
    }
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        input.leaf = &walk->rule->nodes[walk->leaves[i]];
        pn_lanes_fill(&input, &evaluator->lanes[2 * i], &evaluator->lanes[2 * i + 1]);
        evaluator->keys[i].count = 0;
        walk->tree.values[walk->leaves[i]] = walk->tree.before[walk->leaves[i]] = 0;
    }
}

void pn_evaluate(struct pn_evaluator *evaluator, const struct pn_evaluation *evaluation,
                 struct pn_finding *ret_finding)
{
    struct walk walk = {.evaluator = evaluator, .evaluation = evaluation, .rule = evaluation->rule};
    struct pn_finding *finding = ret_finding;
    memset(finding, 0, offsetof(struct pn_finding, evidence));
    start(&walk);
    if (!may_hold(&walk, &finding->due_ms) && !evaluation->wants_all) {
        finding->count = pn_tree_measure(&walk.tree, walk.rule->headline);
        return;
    }
    sort(evaluator);
    fill_lanes(&walk);
    walk_until(&walk, evaluation->moment_ms);
    find(&walk, finding);
    look_ahead(&walk, finding);
}

// --- History -------------------------------------------------------------------------------------

struct spans {
    struct pn_span *spans;
    unsigned count, max;
};

static void put_span(struct spans *spans, const struct pn_span *span, int64_t from_ms)
{
    if (span->until_ms <= from_ms || spans->max == 0) {
        return;
    }
    if (spans->count == spans->max) {
        spans->count--;
        memmove(spans->spans, spans->spans + 1, spans->count * sizeof *span);
    }
    spans->spans[spans->count++] = *span;
}

unsigned pn_evaluate_history(struct pn_evaluator *evaluator, const struct pn_history *history,
                             struct pn_span *ret_spans, unsigned max)
{
    const struct pn_evaluation evaluation = {
        .rule = history->rule, .moment_ms = history->to_ms, .birth_year = history->birth_year};
    struct walk walk = {.evaluator = evaluator, .evaluation = &evaluation, .rule = history->rule};
    int64_t ignored = 0;
    start(&walk);
    walk.from_ms = history->from_ms;
    if (!may_hold(&walk, &ignored)) {
        return 0;
    }
    sort(evaluator);
    fill_lanes(&walk);
    struct spans spans = {.spans = ret_spans, .max = max};
    int64_t next_ms = next_time(&walk);
    for (unsigned i = 0; i < STEPS_MAX && next_ms <= history->to_ms && next_ms != INT64_MAX; i++) {
        const struct pn_span ended = {walk.since_ms, next_ms};
        bool did_hold = walk.holds;
        count_until(&walk, next_ms);
        settle(&walk);
        if (did_hold && (!walk.holds || walk.since_ms != ended.since_ms)) {
            put_span(&spans, &ended, history->from_ms);
        }
        next_ms = next_time(&walk);
    }
    if (walk.holds) {
        const struct pn_span now = {walk.since_ms, PN_SPAN_HOLDS};
        put_span(&spans, &now, history->from_ms);
    }
    return spans.count;
}
