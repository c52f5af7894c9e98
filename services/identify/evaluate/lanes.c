// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    AHEAD_DAYS = 400, // so far a stay that goes on is followed
    SORT_STEPS = 8    // of each interval, before another way of sorting is better
};

// --- Lanes ---------------------------------------------------------------------------------------

static void add(struct pn_lane *lane, const struct pn_interval *interval)
{
    if (interval->enter_ms < interval->leave_ms && lane->count < PN_LANE_MAX) {
        lane->intervals[lane->count++] = *interval;
    }
}

// When a fact of that time leaves the leaf's window, `times` windows long; INT64_MAX: never.
static int64_t leave_of(const struct pn_lane_input *input, int64_t start_ms, int64_t times)
{
    const struct pn_node *leaf = input->leaf;
    if (leaf->window_months > 0) {
        return pn_calendar_later(input->calendar, start_ms, leaf->window_months * times);
    }
    return leaf->window_days > 0 ? start_ms + leaf->window_days * times * PN_MS_PER_DAY : INT64_MAX;
}

static int leaves_earlier(const void *a, const void *b, void *context)
{
    const struct pn_lane *lane = context;
    int64_t one = lane->intervals[*(const uint16_t *)a].leave_ms;
    int64_t two = lane->intervals[*(const uint16_t *)b].leave_ms;
    return (one > two) - (one < two);
}

// Most leave in the order of their entering: few steps put the others to their places.
static void sort_leaving(struct pn_lane *lane)
{
    const struct pn_interval *intervals = lane->intervals;
    unsigned steps = SORT_STEPS * lane->count;
    for (unsigned i = 0; i < lane->count; i++) {
        unsigned at = i;
        for (; at > 0 && steps > 0 &&
               intervals[lane->leaving[at - 1]].leave_ms > intervals[i].leave_ms;
             at--, steps--) {
            lane->leaving[at] = lane->leaving[at - 1];
        }
        lane->leaving[at] = (uint16_t)i;
    }
    if (steps == 0 && lane->count > 0) {
        qsort_r(lane->leaving, lane->count, sizeof lane->leaving[0], leaves_earlier, lane);
    }
}

static int enters_earlier(const void *a, const void *b)
{
    const struct pn_interval *one = a, *two = b;
    return (one->enter_ms > two->enter_ms) - (one->enter_ms < two->enter_ms);
}

// Most are in order. A later day may leave a window of months at an earlier time of day, and so
// enter the one before; the days of a stay lie between other facts.
static void sort_entering(struct pn_lane *lane)
{
    struct pn_interval *intervals = lane->intervals;
    unsigned steps = SORT_STEPS * lane->count;
    for (unsigned i = 1; i < lane->count; i++) {
        if (intervals[i - 1].enter_ms <= intervals[i].enter_ms) {
            continue;
        }
        const struct pn_interval one = intervals[i];
        unsigned at = i;
        for (; at > 0 && steps > 0 && intervals[at - 1].enter_ms > one.enter_ms; at--, steps--) {
            intervals[at] = intervals[at - 1];
        }
        intervals[at] = one;
    }
    if (steps == 0 && lane->count > 0) {
        qsort(intervals, lane->count, sizeof intervals[0], enters_earlier);
    }
}

static void fill_plain(const struct pn_lane_input *input, struct pn_lane *lane,
                       struct pn_lane *before)
{
    const struct pn_node *leaf = input->leaf;
    for (unsigned i = input->from; i < input->count; i++) {
        const struct pn_fact_entry *fact = pn_fact_at(input->facts, i);
        if (!pn_leaf_fits(input->facts, leaf, 0, i)) {
            continue;
        }
        int64_t leave =
            leaf->kind == PN_NODE_OPEN ? fact->end_ms : leave_of(input, fact->start_ms, 1);
        const struct pn_interval now = {.enter_ms = fact->start_ms,
                                        .leave_ms = leave,
                                        .key = pn_leaf_key(leaf, fact),
                                        .fact = input->facts->order[i]};
        add(lane, &now);
        if (leaf->kind == PN_NODE_TREND) {
            const struct pn_interval then = {.enter_ms = leave,
                                             .leave_ms = leave_of(input, fact->start_ms, 2)};
            add(before, &then);
        }
    }
    sort_entering(before);
}

// A fact counts with each of its codes or professions. When there are more than a lane holds, those
// of the newest facts.
static void fill_many(const struct pn_lane_input *input, struct pn_lane *lane)
{
    uint64_t keys[PN_LEAF_KEYS_MAX];
    unsigned from = input->count, room = PN_LANE_MAX;
    for (; from > input->from && room >= PN_LEAF_KEYS_MAX; from--) {
        room -= pn_leaf_fits(input->facts, input->leaf, 0, from - 1)
                    ? pn_leaf_keys(input->leaf, pn_fact_at(input->facts, from - 1), keys)
                    : 0;
    }
    for (unsigned i = from; i < input->count; i++) {
        const struct pn_fact_entry *fact = pn_fact_at(input->facts, i);
        const bool fits = pn_leaf_fits(input->facts, input->leaf, 0, i);
        const unsigned count = fits ? pn_leaf_keys(input->leaf, fact, keys) : 0;
        struct pn_interval one = {.enter_ms = fact->start_ms,
                                  .leave_ms = leave_of(input, fact->start_ms, 1),
                                  .fact = input->facts->order[i]};
        for (unsigned k = 0; k < count; k++) {
            one.key = keys[k];
            add(lane, &one);
        }
    }
}

// From `length_days` after each fact until the next one.
static void fill_gap(const struct pn_lane_input *input, struct pn_lane *lane)
{
    struct pn_interval gap = {.enter_ms = INT64_MAX, .leave_ms = INT64_MAX};
    for (unsigned i = input->from; i < input->count; i++) {
        const struct pn_fact_entry *fact = pn_fact_at(input->facts, i);
        if (!pn_leaf_fits(input->facts, input->leaf, 0, i)) {
            continue;
        }
        gap.leave_ms = fact->start_ms;
        add(lane, &gap);
        gap = (struct pn_interval){.enter_ms =
                                       fact->start_ms + input->leaf->length_days * PN_MS_PER_DAY,
                                   .leave_ms = INT64_MAX,
                                   .fact = input->facts->order[i]};
    }
    add(lane, &gap);
}

// The latest chain up to one step.
struct chain {
    int64_t first_ms;                  // where it began; INT64_MIN: none yet
    uint16_t facts[PN_RULE_STEPS_MAX]; // of each step
};

// Each fact of the last step ends the chain that began latest: a chain is told of while its first
// fact is in the window. Each step is later than the one before, never at the same time.
static void fill_sequence(const struct pn_lane_input *input, struct pn_lane *lane)
{
    const struct pn_node *leaf = input->leaf;
    struct chain best[PN_RULE_STEPS_MAX], fresh[PN_RULE_STEPS_MAX];
    for (unsigned s = 0; s < PN_RULE_STEPS_MAX; s++) {
        best[s] = fresh[s] = (struct chain){.first_ms = INT64_MIN};
    }
    int64_t time_ms = INT64_MIN;
    for (unsigned i = input->from; i < input->count; i++) {
        const struct pn_fact_entry *fact = pn_fact_at(input->facts, i);
        if (fact->start_ms != time_ms) {
            memcpy(best, fresh, sizeof best);
            time_ms = fact->start_ms;
        }
        for (unsigned s = 0; s < leaf->step_count; s++) {
            if (!pn_leaf_fits(input->facts, leaf, s, i)) {
                continue;
            }
            struct chain chain = s == 0 ? (struct chain){fact->start_ms, {0}} : best[s - 1];
            chain.facts[s] = input->facts->order[i];
            if (chain.first_ms > fresh[s].first_ms) {
                fresh[s] = chain;
            }
            if (s + 1 < leaf->step_count || chain.first_ms == INT64_MIN ||
                fact->start_ms - chain.first_ms > leaf->length_days * PN_MS_PER_DAY) {
                continue;
            }
            struct pn_interval end = {.enter_ms = fact->start_ms,
                                      .leave_ms = leave_of(input, chain.first_ms, 1),
                                      .key = 1,
                                      .fact = input->facts->order[i]};
            memcpy(end.earlier, chain.facts, sizeof end.earlier);
            add(lane, &end);
        }
    }
}

// --- Care days -----------------------------------------------------------------------------------

// The first and the last day that the fact goes on, as far as it is followed.
static void days_of(const struct pn_lane_input *input, const struct pn_fact_entry *fact,
                    int64_t *ret_first, int64_t *ret_last)
{
    const int64_t ahead_ms = input->moment_ms + AHEAD_DAYS * PN_MS_PER_DAY;
    int64_t end_ms = fact->end_ms < ahead_ms ? fact->end_ms : ahead_ms;
    *ret_first = pn_calendar_day(input->calendar, fact->start_ms);
    *ret_last =
        end_ms <= fact->start_ms ? *ret_first : pn_calendar_day(input->calendar, end_ms - 1);
}

// The days of stays in order of their beginnings: what an earlier one covers is not told again.
struct days {
    int64_t covered; // the last day so far
    int64_t seen;    // days found
    int64_t from;    // of those found, the ones to be kept
};

static void add_stay(const struct pn_lane_input *input, unsigned place, struct days *days,
                     struct pn_lane *lane)
{
    const struct pn_fact_entry *fact = pn_fact_at(input->facts, place);
    int64_t first = 0, last = 0;
    days_of(input, fact, &first, &last);
    first = first > days->covered ? first : days->covered + 1;
    for (int64_t day = first; lane != NULL && day <= last; day++) {
        if (days->seen + day - first < days->from) {
            continue;
        }
        int64_t enter_ms = pn_calendar_midnight(input->calendar, day);
        enter_ms = enter_ms < fact->start_ms ? fact->start_ms : enter_ms;
        const struct pn_interval one = {.enter_ms = enter_ms,
                                        .leave_ms = leave_of(input, enter_ms, 1),
                                        .fact = input->facts->order[place]};
        add(lane, &one);
    }
    if (last >= first) {
        days->seen += last - first + 1;
        days->covered = last;
    }
}

// A day counts once, from the first moment on it that a fact was going on. When there are more than
// a lane holds, the last ones.
static void fill_days(const struct pn_lane_input *input, struct pn_lane *lane)
{
    struct pn_lane *const passes[] = {NULL, lane};
    struct days days = {.seen = 0};
    for (unsigned pass = 0; pass < PN_ARRAY_COUNT(passes); pass++) {
        int64_t from = days.seen - PN_LANE_MAX;
        days = (struct days){.covered = INT64_MIN, .from = from};
        for (unsigned i = input->from; i < input->count; i++) {
            if (pn_leaf_fits(input->facts, input->leaf, 0, i)) {
                add_stay(input, i, &days, passes[pass]);
            }
        }
    }
}

// --- Costs ---------------------------------------------------------------------------------------

// Newest first: when there are more than a lane holds, the oldest are left out.
static void fill_sum(const struct pn_lane_input *input, struct pn_lane *lane)
{
    for (unsigned i = input->count; i > input->from && lane->count < PN_LANE_MAX; i--) {
        const struct pn_fact_entry *fact = pn_fact_at(input->facts, i - 1);
        const struct pn_price *price = pn_leaf_fits(input->facts, input->leaf, 0, i - 1)
                                           ? pn_leaf_price(input->facts, input->leaf->prices, i - 1)
                                           : NULL;
        struct pn_interval one = {.fact = input->facts->order[i - 1]};
        int64_t first = 0, last = price == NULL ? -1 : 0;
        if (price != NULL) {
            one.key = (uint64_t)(price->day > 0 ? price->day : price->each);
        }
        if (price != NULL && price->day > 0) {
            days_of(input, fact, &first, &last);
        }
        for (int64_t day = last; day >= first && lane->count < PN_LANE_MAX; day--) {
            int64_t midnight_ms =
                day > first ? pn_calendar_midnight(input->calendar, day) : fact->start_ms;
            one.enter_ms = midnight_ms;
            one.leave_ms = leave_of(input, midnight_ms, 1);
            add(lane, &one);
        }
    }
    for (unsigned i = 0, k = lane->count; i + 1 < k; i++) { // oldest first
        const struct pn_interval newer = lane->intervals[i];
        lane->intervals[i] = lane->intervals[--k];
        lane->intervals[k] = newer;
    }
    sort_entering(lane);
}

void pn_lanes_fill(const struct pn_lane_input *input, struct pn_lane *lane, struct pn_lane *before)
{
    lane->count = before->count = 0;
    switch (input->leaf->kind) {
    case PN_NODE_GAP:
        fill_gap(input, lane);
        break;
    case PN_NODE_SEQUENCE:
        fill_sequence(input, lane);
        break;
    case PN_NODE_DAYS:
        fill_days(input, lane);
        break;
    case PN_NODE_SUM:
        fill_sum(input, lane);
        break;
    case PN_NODE_DISTINCT:
    case PN_NODE_SAME:
        if (pn_leaf_has_many(input->leaf)) {
            fill_many(input, lane);
            break;
        }
        fill_plain(input, lane, before);
        break;
    case PN_NODE_COUNT:
    case PN_NODE_TREND:
    case PN_NODE_OPEN:
    case PN_NODE_ABSENT:
    case PN_NODE_ALL:
    case PN_NODE_ANY:
    case PN_NODE_NONE:
    case PN_NODE_AT_LEAST:
    case PN_NODE_SCORE:
        fill_plain(input, lane, before);
        break;
    }
    sort_leaving(lane);
    sort_leaving(before);
}
