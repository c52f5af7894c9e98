// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { SORT_STEPS = 8 }; // of each fact, before another way of sorting is better

// --- Facts ---------------------------------------------------------------------------------------

enum pn_code pn_evaluator_new(struct pn_evaluator **ret_evaluator, struct pn_err *err)
{
    struct pn_evaluator *evaluator = calloc(1, sizeof *evaluator);
    if (evaluator == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    pn_calendar_init(&evaluator->calendar);
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
    evaluator->facts = (struct pn_sorted_facts){.facts = facts,
                                                .order = evaluator->order,
                                                .starts = evaluator->starts,
                                                .fits = evaluator->fits,
                                                .count = fact_count};
    evaluator->is_sorted = false;
    evaluator->match = NULL;
}

static int older(const void *a, const void *b, void *context)
{
    const struct pn_fact_entry *facts = context;
    const struct pn_fact_entry *one = &facts[*(const uint16_t *)a];
    const struct pn_fact_entry *two = &facts[*(const uint16_t *)b];
    if (one->start_ms != two->start_ms) {
        return one->start_ms < two->start_ms ? -1 : 1;
    }
    return memcmp(one->id, two->id, PN_FACT_ID_BYTES);
}

// Most come in order: few steps put the others to their places. False when it takes too many.
static bool sort_nearly(struct pn_evaluator *evaluator)
{
    const struct pn_sorted_facts *facts = &evaluator->facts;
    unsigned steps = SORT_STEPS * facts->count;
    for (unsigned i = 0; i < facts->count; i++) {
        const struct pn_fact_entry *fact = &facts->facts[i];
        unsigned at = i;
        for (; at > 0 && evaluator->starts[at - 1] >= fact->start_ms; at--) {
            uint16_t before = evaluator->order[at - 1];
            if (evaluator->starts[at - 1] == fact->start_ms &&
                memcmp(facts->facts[before].id, fact->id, PN_FACT_ID_BYTES) <= 0) {
                break;
            }
            if (steps-- == 0) {
                return false;
            }
            evaluator->order[at] = before;
            evaluator->starts[at] = evaluator->starts[at - 1];
        }
        evaluator->order[at] = (uint16_t)i;
        evaluator->starts[at] = fact->start_ms;
    }
    return true;
}

static void sort(struct pn_evaluator *evaluator)
{
    const struct pn_sorted_facts *facts = &evaluator->facts;
    evaluator->is_sorted = true;
    if (sort_nearly(evaluator)) {
        return;
    }
    for (unsigned i = 0; i < facts->count; i++) {
        evaluator->order[i] = (uint16_t)i;
    }
    qsort_r(evaluator->order, facts->count, sizeof evaluator->order[0], older,
            (void *)(uintptr_t)facts->facts);
    for (unsigned i = 0; i < facts->count; i++) {
        evaluator->starts[i] = facts->facts[evaluator->order[i]].start_ms;
    }
}

static void make_ready(struct pn_evaluator *evaluator, const struct pn_match *match)
{
    if (!evaluator->is_sorted) {
        sort(evaluator);
    }
    if (evaluator->match == match) {
        return;
    }
    struct pn_sorted_facts *facts = &evaluator->facts;
    facts->words = match->words;
    for (unsigned i = 0; i < facts->count; i++) {
        pn_match_fact(match, &facts->facts[evaluator->order[i]],
                      &evaluator->fits[(size_t)i * facts->words]);
    }
    evaluator->match = match;
}

// The first place of a fact that began after the time.
static unsigned place_after(const struct pn_sorted_facts *facts, int64_t time_ms)
{
    unsigned low = 0, high = facts->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (facts->starts[middle] <= time_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// --- Start ---------------------------------------------------------------------------------------

// When the year begins in Finland in which the client comes to be so old.
static int64_t age_ms(struct pn_walk *walk, int birth_year, int64_t years)
{
    return pn_calendar_midnight(&walk->evaluator->calendar,
                                pn_days_from_civil(birth_year + (int)years, 1, 1));
}

void pn_walk_start(struct pn_walk *walk, int birth_year)
{
    const struct pn_rule *rule = walk->rule;
    unsigned leaf = 0;
    for (unsigned i = 0; i < rule->node_count; i++) {
        if (pn_node_is_leaf(rule->nodes[i].kind)) {
            walk->leaves[leaf++] = i;
        }
    }
    walk->tree.rule = rule;
    walk->cursor_count = 0;
    walk->holds = false;
    walk->since_ms = 0;
    walk->time_ms = walk->cool_ms = INT64_MIN;
    walk->expires_ms = walk->first_ms = walk->to_age_ms = INT64_MAX;
    walk->from_age_ms = INT64_MIN;
    if (birth_year != 0 && rule->scope.from_years > 0) {
        walk->from_age_ms = age_ms(walk, birth_year, rule->scope.from_years);
    }
    if (birth_year != 0 && rule->scope.to_years > 0) {
        walk->to_age_ms = age_ms(walk, birth_year, rule->scope.to_years + 1);
    }
    make_ready(walk->evaluator, rule->match);
    walk->began = place_after(&walk->evaluator->facts, walk->moment_ms);
}

// --- Quick answer --------------------------------------------------------------------------------

bool pn_walk_may_hold(struct pn_walk *walk, int64_t *due_ms)
{
    const struct pn_sorted_facts *facts = &walk->evaluator->facts;
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        const unsigned node = walk->leaves[i];
        const struct pn_node *leaf = &walk->rule->nodes[node];
        const struct pn_places past = {place_after(facts, pn_leaf_reach(leaf, 1, walk->from_ms)),
                                       walk->began};
        const struct pn_places future = {walk->began, facts->count};
        walk->tree.values[node] = pn_leaf_bound(facts, leaf, past, walk->from_ms);
        const unsigned next = pn_leaf_first(facts, leaf, future);
        if (next < facts->count && (*due_ms == 0 || facts->starts[next] < *due_ms)) {
            *due_ms = facts->starts[next];
        }
    }
    walk->tree.mode = PN_TREE_POSSIBLE;
    return pn_tree_holds(&walk->tree, 0);
}

// --- Counting ------------------------------------------------------------------------------------

static int64_t most_of(const struct pn_keys *keys)
{
    int64_t most = 0;
    for (unsigned i = 0; i < keys->count; i++) {
        most = keys->counts[i] > most ? keys->counts[i] : most;
    }
    return most;
}

static void count_key(struct pn_keys *keys, uint64_t key, bool is_entering)
{
    unsigned i = 0;
    while (i < keys->count && keys->keys[i] != key) {
        i++;
    }
    if (i == keys->count && (!is_entering || i == PN_KEYS_MAX)) {
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

static void count_one(struct pn_cursor *cursor, const struct pn_interval *interval,
                      bool is_entering)
{
    if (cursor->keys != NULL) {
        count_key(cursor->keys, interval->key, is_entering);
        *cursor->value = cursor->kind == PN_NODE_SAME ? most_of(cursor->keys) : cursor->keys->count;
        return;
    }
    const int64_t by = cursor->kind == PN_NODE_SUM ? (int64_t)interval->key : 1;
    *cursor->value += is_entering ? by : -by;
}

static void look(struct pn_cursor *cursor)
{
    const struct pn_lane *lane = cursor->lane;
    cursor->enter_ms =
        cursor->entered < lane->count ? lane->intervals[cursor->entered].enter_ms : INT64_MAX;
    cursor->leave_ms = cursor->left < lane->count
                           ? lane->intervals[lane->leaving[cursor->left]].leave_ms
                           : INT64_MAX;
}

static void count_until(struct pn_walk *walk, int64_t time_ms)
{
    for (unsigned i = 0; i < walk->cursor_count; i++) {
        struct pn_cursor *cursor = &walk->cursors[i];
        const struct pn_lane *lane = cursor->lane;
        while (cursor->enter_ms <= time_ms && cursor->entered < lane->count) {
            count_one(cursor, &lane->intervals[cursor->entered++], true);
            look(cursor);
        }
        while (cursor->leave_ms <= time_ms && cursor->left < lane->count) {
            count_one(cursor, &lane->intervals[lane->leaving[cursor->left++]], false);
            look(cursor);
        }
    }
    walk->time_ms = time_ms;
}

// --- Lanes ---------------------------------------------------------------------------------------

static void put_cursor(struct pn_walk *walk, unsigned lane)
{
    struct pn_evaluator *evaluator = walk->evaluator;
    const unsigned node = walk->leaves[lane / 2];
    const enum pn_node_kind kind = walk->rule->nodes[node].kind;
    if (evaluator->lanes[lane].count == 0) {
        return;
    }
    struct pn_cursor *cursor = &walk->cursors[walk->cursor_count++];
    *cursor = (struct pn_cursor){.lane = &evaluator->lanes[lane], .kind = kind};
    cursor->value = lane % 2 == 0 ? &walk->tree.values[node] : &walk->tree.before[node];
    if (kind == PN_NODE_DISTINCT || kind == PN_NODE_SAME) {
        cursor->keys = &evaluator->keys[lane / 2];
        cursor->keys->count = 0;
    }
    look(cursor);
}

static int64_t first_of(const struct pn_sorted_facts *facts, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if ((facts->facts[facts->order[i]].flags & PN_FACT_WITHDRAWN) == 0) {
            return facts->starts[i];
        }
    }
    return INT64_MAX;
}

static int64_t expiry_of(const struct pn_walk *walk)
{
    const int64_t months = walk->rule->expires_months;
    return months > 0 ? pn_calendar_later(&walk->evaluator->calendar, walk->since_ms, months)
                      : INT64_MAX;
}

void pn_walk_fill(struct pn_walk *walk, const struct pn_standing *standing)
{
    struct pn_evaluator *evaluator = walk->evaluator;
    const int64_t from_ms = standing == NULL ? INT64_MIN : standing->time_ms;
    struct pn_lane_input input = {.facts = &evaluator->facts,
                                  .calendar = &evaluator->calendar,
                                  .count = walk->began,
                                  .moment_ms = walk->moment_ms};
    walk->first_ms = first_of(input.facts, input.count);
    for (unsigned i = 0; i < walk->rule->leaf_count; i++) {
        const unsigned node = walk->leaves[i];
        input.leaf = &walk->rule->nodes[node];
        const int64_t windows = input.leaf->kind == PN_NODE_TREND ? 2 : 1;
        input.from = place_after(input.facts, pn_leaf_reach(input.leaf, windows, from_ms));
        pn_lanes_fill(&input, &evaluator->lanes[2 * i], &evaluator->lanes[2 * i + 1]);
        walk->tree.values[node] = walk->tree.before[node] = 0;
        put_cursor(walk, 2 * i);
        put_cursor(walk, 2 * i + 1);
    }
    if (standing == NULL) {
        return;
    }
    count_until(walk, standing->time_ms);
    walk->holds = standing->holds;
    walk->since_ms = standing->since_ms;
    walk->cool_ms = standing->cool_ms;
    if (walk->holds) {
        walk->expires_ms = expiry_of(walk);
    }
}

// --- Steps ---------------------------------------------------------------------------------------

static void least(int64_t *time_ms, int64_t other_ms, int64_t after_ms)
{
    if (other_ms > after_ms && other_ms < *time_ms) {
        *time_ms = other_ms;
    }
}

int64_t pn_walk_next(const struct pn_walk *walk)
{
    int64_t next_ms = INT64_MAX;
    for (unsigned i = 0; i < walk->cursor_count; i++) {
        const struct pn_cursor *cursor = &walk->cursors[i];
        next_ms = cursor->enter_ms < next_ms ? cursor->enter_ms : next_ms;
        next_ms = cursor->leave_ms < next_ms ? cursor->leave_ms : next_ms;
    }
    least(&next_ms, walk->first_ms, walk->time_ms);
    least(&next_ms, walk->from_age_ms, walk->time_ms);
    least(&next_ms, walk->to_age_ms, walk->time_ms);
    least(&next_ms, walk->holds ? walk->expires_ms : walk->cool_ms, walk->time_ms);
    return next_ms;
}

static bool tree_holds(struct pn_walk *walk, enum pn_tree_mode mode)
{
    walk->tree.mode = mode;
    return walk->time_ms >= walk->first_ms && walk->time_ms >= walk->from_age_ms &&
           walk->time_ms < walk->to_age_ms && pn_tree_holds(&walk->tree, 0);
}

// Facts that leave can make a tree hold only by what it asks not to be.
bool pn_walk_may_rise(struct pn_walk *walk)
{
    walk->tree.mode = PN_TREE_RISE;
    bool may_rise = walk->rule->rises_by_time || pn_tree_holds(&walk->tree, 0);
    for (unsigned i = 0; i < walk->cursor_count; i++) { // days of stays that go on
        may_rise = may_rise || walk->cursors[i].enter_ms != INT64_MAX;
    }
    return may_rise;
}

void pn_walk_step(struct pn_walk *walk, int64_t time_ms)
{
    const struct pn_rule *rule = walk->rule;
    count_until(walk, time_ms);
    if (walk->holds && (time_ms >= walk->expires_ms || !tree_holds(walk, PN_TREE_STAY))) {
        walk->holds = false;
        walk->cool_ms =
            rule->cool_down_days > 0 ? time_ms + rule->cool_down_days * PN_MS_PER_DAY : INT64_MIN;
    }
    if (!walk->holds && time_ms >= walk->cool_ms && tree_holds(walk, PN_TREE_RISE)) {
        walk->holds = true;
        walk->since_ms = time_ms;
        walk->expires_ms = expiry_of(walk);
    }
}

void pn_walk_until(struct pn_walk *walk, int64_t moment_ms)
{
    int64_t next_ms = pn_walk_next(walk);
    for (unsigned i = 0; i < PN_STEPS_MAX && next_ms <= moment_ms && next_ms != INT64_MAX; i++) {
        pn_walk_step(walk, next_ms);
        next_ms = pn_walk_next(walk);
    }
}
