// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/evaluate.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "services/identify/evaluate/walk.h"

enum { STANDING_BACK_DAYS = 14 }; // facts that come so late need no walk from the beginning

static void earlier(int64_t *due_ms, int64_t time_ms)
{
    if (time_ms != INT64_MAX && (*due_ms == 0 || time_ms < *due_ms)) {
        *due_ms = time_ms;
    }
}

// --- What is found -------------------------------------------------------------------------------

static uint32_t classes_of(const struct pn_walk *walk, uint16_t place)
{
    return pn_fact_classes(&walk->evaluator->facts.facts[place]);
}

static void mark_evidence(const struct pn_walk *walk, struct pn_finding *finding,
                          uint16_t marks[static PN_CLIENT_FACTS_MAX])
{
    const int64_t moment_ms = walk->moment_ms;
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        const struct pn_lane *lane = &walk->evaluator->lanes[2 * i];
        const struct pn_node *leaf = &walk->rule->nodes[walk->leaves[i]];
        bool is_told = finding->leaves[i].holds || !finding->holds;
        for (unsigned k = 0; k < lane->count; k++) {
            const struct pn_interval *interval = &lane->intervals[k];
            if (interval->enter_ms > moment_ms || interval->leave_ms <= moment_ms) {
                continue;
            }
            const uint16_t mark = (uint16_t)(is_told ? 1U << i : 0U);
            finding->leaves[i].classes |= classes_of(walk, interval->fact);
            marks[interval->fact] |= mark;
            for (unsigned s = 0; s + 1 < leaf->step_count; s++) {
                finding->leaves[i].classes |= classes_of(walk, interval->earlier[s]);
                marks[interval->earlier[s]] |= mark;
            }
        }
    }
}

static void gather_evidence(const struct pn_walk *walk, struct pn_finding *finding)
{
    const struct pn_evaluator *evaluator = walk->evaluator;
    uint16_t marks[PN_CLIENT_FACTS_MAX];
    memset(marks, 0, evaluator->facts.count * sizeof marks[0]);
    mark_evidence(walk, finding, marks);
    for (unsigned i = 0; i < evaluator->facts.count; i++) {
        uint16_t place = evaluator->order[i];
        const struct pn_fact_entry *fact = &evaluator->facts.facts[place];
        if (marks[place] == 0) {
            continue;
        }
        finding->evidence[finding->evidence_count] = place;
        finding->evidence_leaves[finding->evidence_count++] = marks[place];
        finding->newest_ms = fact->start_ms; // in order
        finding->classes |= classes_of(walk, place);
    }
    for (unsigned i = 0; i < finding->leaf_count; i++) {
        if (finding->leaves[i].node == walk->rule->headline) {
            finding->classes |= finding->leaves[i].classes;
        }
    }
    for (unsigned i = 0; i < finding->leaf_count; i++) {
        finding->leaves[i].is_withheld = (finding->leaves[i].classes & ~finding->classes) != 0;
    }
}

// The leaf's value that ends the rule while all others stay as they are.
static int64_t not_with(struct pn_walk *walk, unsigned node)
{
    int64_t value = walk->tree.values[node], found = walk->rule->nodes[node].lapse_below - 1;
    walk->tree.values[node] = found;
    found = pn_tree_holds(&walk->tree, 0) ? -1 : found;
    walk->tree.values[node] = value;
    return found;
}

// The leaf's value that makes the rule hold while all others stay as they are.
static int64_t holds_with(struct pn_walk *walk, unsigned node)
{
    const struct pn_node *leaf = &walk->rule->nodes[node];
    int64_t value = walk->tree.values[node], found = leaf->at_least;
    const int64_t grown =
        leaf->kind == PN_NODE_TREND ? pn_trend_needs(leaf, walk->tree.before[node]) : 0;
    found = grown > found ? grown : found;
    if (leaf->kind == PN_NODE_GAP || leaf->kind == PN_NODE_ABSENT || value >= found) {
        return -1;
    }
    walk->tree.values[node] = found;
    found = pn_tree_holds(&walk->tree, 0) ? found : -1;
    walk->tree.values[node] = value;
    return found;
}

static const struct pn_interval *last_entered(const struct pn_walk *walk, unsigned leaf)
{
    const struct pn_lane *lane = &walk->evaluator->lanes[2 * leaf];
    unsigned i = lane->count;
    while (i > 0 && lane->intervals[i - 1].enter_ms > walk->moment_ms) {
        i--;
    }
    return i > 0 ? &lane->intervals[i - 1] : NULL;
}

static void find_leaves(struct pn_walk *walk, struct pn_finding *finding)
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
            const struct pn_interval *gap = last_entered(walk, i);
            found->value = 0;
            found->threshold = leaf->length_days;
            if (found->holds && gap != NULL) {
                const struct pn_fact_entry *last = &evaluator->facts.facts[gap->fact];
                found->value = (walk->moment_ms - last->start_ms) / PN_MS_PER_DAY;
                found->not_with = leaf->length_days - 1;
            }
        }
    }
}

// The client's age and the cool-down are no matter of more events.
static bool is_near(const struct pn_walk *walk, const struct pn_finding *finding)
{
    const int64_t moment_ms = walk->moment_ms;
    bool is_for_client = moment_ms >= walk->first_ms && moment_ms >= walk->from_age_ms &&
                         moment_ms < walk->to_age_ms;
    bool is_one_short = false;
    for (unsigned i = 0; i < finding->leaf_count; i++) {
        const struct pn_leaf_finding *leaf = &finding->leaves[i];
        is_one_short = is_one_short || (leaf->value > 0 && leaf->holds_with == leaf->value + 1);
    }
    return is_for_client && (finding->nearness >= PN_NEARLY || is_one_short);
}

static void find(struct pn_walk *walk, bool wants_near, struct pn_finding *finding)
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
    } else if (wants_near && is_near(walk, finding)) {
        finding->is_near = true;
        finding->again_ms = walk->cool_ms > walk->moment_ms ? walk->cool_ms : 0;
        gather_evidence(walk, finding);
    }
}

// On from the moment: when each leaf that holds lapses, and when the rule changes.
static void look_ahead(struct pn_walk *walk, struct pn_finding *finding)
{
    bool is_over = !finding->holds && !pn_walk_may_rise(walk); // nothing lapses, and nothing rises
    for (unsigned k = 0; k < finding->leaf_count; k++) {
        is_over = is_over && !finding->leaves[k].holds;
    }
    int64_t next_ms = is_over ? INT64_MAX : pn_walk_next(walk);
    for (unsigned i = 0; i < PN_STEPS_MAX && next_ms != INT64_MAX; i++) {
        pn_walk_step(walk, next_ms);
        for (unsigned k = 0; k < finding->leaf_count; k++) {
            struct pn_leaf_finding *leaf = &finding->leaves[k];
            walk->tree.mode = finding->holds ? PN_TREE_STAY : PN_TREE_RISE;
            if (leaf->holds && leaf->lapses_ms == 0 && !pn_tree_holds(&walk->tree, leaf->node)) {
                leaf->lapses_ms = next_ms;
            }
        }
        bool rose_anew = finding->holds && walk->since_ms > finding->since_ms;
        if (walk->holds != finding->holds || rose_anew) {
            break;
        }
        next_ms = pn_walk_next(walk);
    }
    if (next_ms == INT64_MAX) {
        return;
    }
    earlier(&finding->due_ms, next_ms);
    finding->lapses_ms = finding->holds ? next_ms : 0;
}

// --- Together ------------------------------------------------------------------------------------

// Walks to the moment, and keeps the state of some days before it.
static void walk_on(struct pn_walk *walk, struct pn_standing *standing)
{
    const int64_t kept_ms = walk->moment_ms - STANDING_BACK_DAYS * PN_MS_PER_DAY;
    bool begins_there = standing != NULL && standing->is_known && standing->time_ms <= kept_ms;
    pn_walk_fill(walk, begins_there ? standing : NULL);
    if (standing != NULL) {
        pn_walk_until(walk, kept_ms);
        *standing = (struct pn_standing){.is_known = true,
                                         .holds = walk->holds,
                                         .time_ms = kept_ms,
                                         .since_ms = walk->since_ms,
                                         .cool_ms = walk->cool_ms};
    }
    pn_walk_until(walk, walk->moment_ms);
}

void pn_evaluate(struct pn_evaluator *evaluator, const struct pn_evaluation *evaluation,
                 struct pn_finding *ret_finding)
{
    struct pn_walk walk; // large, and little of it is used
    walk.evaluator = evaluator;
    walk.rule = evaluation->rule;
    walk.from_ms = walk.moment_ms = evaluation->moment_ms;
    struct pn_finding *finding = ret_finding;
    memset(finding, 0, offsetof(struct pn_finding, leaves));
    finding->evidence_count = 0;
    pn_walk_start(&walk, evaluation->birth_year);
    finding->may_hold = pn_walk_may_hold(&walk, &finding->due_ms);
    if (!finding->may_hold && !evaluation->wants_all) {
        finding->count = pn_tree_measure(&walk.tree, walk.rule->headline);
    } else {
        walk_on(&walk, evaluation->standing);
        find(&walk, evaluation->wants_all, finding);
        look_ahead(&walk, finding);
    }
    if (evaluation->standing != NULL) {
        evaluation->standing->due_ms = finding->due_ms;
    }
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
    struct pn_walk walk;
    walk.evaluator = evaluator;
    walk.rule = history->rule;
    walk.from_ms = history->from_ms;
    walk.moment_ms = history->to_ms;
    int64_t ignored = 0;
    pn_walk_start(&walk, history->birth_year);
    if (!pn_walk_may_hold(&walk, &ignored)) {
        return 0;
    }
    pn_walk_fill(&walk, NULL);
    struct spans spans = {.spans = ret_spans, .max = max};
    int64_t next_ms = pn_walk_next(&walk);
    for (unsigned i = 0; i < PN_STEPS_MAX && next_ms <= history->to_ms && next_ms != INT64_MAX;
         i++) {
        const struct pn_span ended = {walk.since_ms, next_ms};
        bool did_hold = walk.holds;
        pn_walk_step(&walk, next_ms);
        if (did_hold && (!walk.holds || walk.since_ms != ended.since_ms)) {
            put_span(&spans, &ended, history->from_ms);
        }
        next_ms = pn_walk_next(&walk);
    }
    if (walk.holds) {
        const struct pn_span now = {walk.since_ms, PN_SPAN_HOLDS};
        put_span(&spans, &now, history->from_ms);
    }
    return spans.count;
}
