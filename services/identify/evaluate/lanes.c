// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "services/identify/rules/match.h"

enum {
    AHEAD_DAYS = 400,       // so far a stay that goes on is followed
    DAY_EARLIEST_HOURS = 3, // no zone of Finland is further ahead
};
static const char zone[] = "Europe/Helsinki";

// --- Leaves --------------------------------------------------------------------------------------

static bool is_of_codes(const struct pn_node *leaf)
{
    return (leaf->kind == PN_NODE_DISTINCT || leaf->kind == PN_NODE_SAME) &&
           leaf->of == PN_DISTINCT_CODES;
}

static bool is_counted(const struct pn_node *leaf, uint64_t code)
{
    return pn_code_fits(leaf->steps[0], code) &&
           (leaf->scope == NULL || pn_code_fits(leaf->scope, code));
}

// The codes of the fact that the leaf asks for. Where different ones are counted, ICPC-2 beside a
// diagnosis says the same once more.
static unsigned codes_of(const struct pn_node *leaf, const struct pn_fact_entry *fact,
                         uint64_t ret_codes[static PN_CODES_MAX])
{
    unsigned count = 0;
    bool has_diagnosis = false;
    for (unsigned i = 0; i < PN_CODES_MAX && fact->codes[i] != 0; i++) {
        if (is_counted(leaf, fact->codes[i])) {
            has_diagnosis = has_diagnosis || pn_fact_code_system(fact->codes[i]) == PN_SYSTEM_ICD10;
            ret_codes[count++] = fact->codes[i];
        }
    }
    if (leaf->kind == PN_NODE_SAME || !has_diagnosis) {
        return count;
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        if (pn_fact_code_system(ret_codes[i]) != PN_SYSTEM_ICPC2) {
            ret_codes[kept++] = ret_codes[i];
        }
    }
    return kept;
}

// Apart from those who call it, which most often need not: they are the quicker for it.
__attribute__((noinline)) static uint64_t first_code(const struct pn_node *leaf,
                                                     const struct pn_fact_entry *fact)
{
    for (unsigned i = 0; i < PN_CODES_MAX && fact->codes[i] != 0; i++) {
        if (is_counted(leaf, fact->codes[i])) {
            return fact->codes[i];
        }
    }
    return 0;
}

// 0 when it can't be told from others (no profession known). Codes may be several:
// codes_of.
static uint64_t key_of(const struct pn_node *leaf, const struct pn_fact_entry *fact)
{
    if (leaf->kind != PN_NODE_DISTINCT && leaf->kind != PN_NODE_SAME) {
        return 1;
    }
    switch (leaf->of) {
    case PN_DISTINCT_PROFESSIONS:
        return fact->profession;
    case PN_DISTINCT_SERVICES:
        // The same code in two sectors is two services.
        return fact->service == 0 ? 0 : (uint64_t)fact->sector << 32 | fact->service;
    case PN_DISTINCT_UNITS:
        return fact->unit;
    case PN_DISTINCT_SECTORS:
        return fact->sector;
    case PN_DISTINCT_KINDS:
        return fact->kind;
    case PN_DISTINCT_CODES:
        return first_code(leaf, fact);
    }
    return 0;
}

static const struct pn_fact_entry *fact_at(const struct pn_sorted_facts *facts, unsigned place)
{
    return &facts->facts[facts->order[place]];
}

static bool fits_filters(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                         unsigned step, unsigned place)
{
    const uint64_t *fits = &facts->fits[(size_t)place * facts->words];
    return pn_match_has(fits, leaf->bits[step]) && pn_match_has(fits, leaf->scope_bits[step]);
}

bool pn_leaf_fits(const struct pn_sorted_facts *facts, const struct pn_node *leaf, unsigned step,
                  unsigned place)
{
    bool has_keys = leaf->kind == PN_NODE_DISTINCT || leaf->kind == PN_NODE_SAME;
    return fits_filters(facts, leaf, step, place) &&
           (!has_keys || key_of(leaf, fact_at(facts, place)) != 0);
}

// NULL when it costs nothing.
static const struct pn_price *price_of(const struct pn_sorted_facts *facts,
                                       const struct pn_prices *prices, unsigned place)
{
    for (unsigned i = 0; i < prices->count; i++) {
        if (pn_match_has(&facts->fits[(size_t)place * facts->words], prices->rows[i].bit)) {
            return &prices->rows[i];
        }
    }
    return NULL;
}

__attribute__((noinline)) static int64_t code_count(const struct pn_node *leaf,
                                                    const struct pn_fact_entry *fact)
{
    int64_t count = 0;
    for (unsigned i = 0; i < PN_CODES_MAX && fact->codes[i] != 0; i++) {
        count += is_counted(leaf, fact->codes[i]) ? 1 : 0;
    }
    return count;
}

int64_t pn_leaf_most(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                     unsigned place)
{
    if (leaf->kind == PN_NODE_SUM) {
        const struct pn_price *price = price_of(facts, leaf->prices, place);
        return price == NULL ? 0 : price->day > 0 ? INT32_MAX : price->each;
    }
    if (leaf->kind == PN_NODE_DISTINCT && leaf->of == PN_DISTINCT_CODES) {
        return code_count(leaf, fact_at(facts, place));
    }
    return leaf->kind == PN_NODE_DAYS ? INT32_MAX : 1;
}

int64_t pn_leaf_reach(const struct pn_node *leaf, int64_t windows, int64_t from_ms)
{
    int64_t days = leaf->window_months > 0 ? leaf->window_months * 31 : leaf->window_days;
    bool has_end = days > 0 && leaf->kind != PN_NODE_GAP && leaf->kind != PN_NODE_OPEN &&
                   leaf->kind != PN_NODE_DAYS &&
                   (leaf->kind != PN_NODE_SUM || !leaf->prices->has_days);
    return has_end && from_ms != INT64_MIN ? from_ms - (days + 1) * windows * PN_MS_PER_DAY
                                           : INT64_MIN;
}

int64_t pn_leaf_leave(const struct pn_node *leaf, int64_t start_ms, int64_t times)
{
    if (leaf->window_months > 0) {
        return pn_months_later(start_ms, leaf->window_months * times);
    }
    return leaf->window_days > 0 ? start_ms + leaf->window_days * times * PN_MS_PER_DAY : INT64_MAX;
}

// --- Lanes ---------------------------------------------------------------------------------------

static void add(struct pn_lane *lane, const struct pn_interval *interval)
{
    if (interval->enter_ms < interval->leave_ms && lane->count < PN_LANE_MAX) {
        lane->intervals[lane->count++] = *interval;
    }
}

static int leaves_earlier(const void *a, const void *b, void *context)
{
    const struct pn_lane *lane = context;
    int64_t one = lane->intervals[*(const uint16_t *)a].leave_ms;
    int64_t two = lane->intervals[*(const uint16_t *)b].leave_ms;
    return (one > two) - (one < two);
}

static void sort_leaving(struct pn_lane *lane)
{
    bool is_sorted = true;
    for (unsigned i = 0; i < lane->count; i++) {
        lane->leaving[i] = (uint16_t)i;
        is_sorted =
            is_sorted && (i == 0 || lane->intervals[i - 1].leave_ms <= lane->intervals[i].leave_ms);
    }
    if (!is_sorted) {
        qsort_r(lane->leaving, lane->count, sizeof lane->leaving[0], leaves_earlier, lane);
    }
}

static int enters_earlier(const void *a, const void *b)
{
    const struct pn_interval *one = a, *two = b;
    return (one->enter_ms > two->enter_ms) - (one->enter_ms < two->enter_ms);
}

// A later day may leave a window of months at an earlier time of day, and so enter the one before.
static void sort_entering(struct pn_lane *lane)
{
    unsigned i = 1;
    while (i < lane->count && lane->intervals[i - 1].enter_ms <= lane->intervals[i].enter_ms) {
        i++;
    }
    if (i < lane->count) {
        qsort(lane->intervals, lane->count, sizeof lane->intervals[0], enters_earlier);
    }
}

static void fill_plain(const struct pn_lane_input *input, struct pn_lane *lane,
                       struct pn_lane *before)
{
    const struct pn_node *leaf = input->leaf;
    for (unsigned i = input->from; i < input->count; i++) {
        const struct pn_fact_entry *fact = fact_at(input->facts, i);
        if (!pn_leaf_fits(input->facts, leaf, 0, i)) {
            continue;
        }
        int64_t leave =
            leaf->kind == PN_NODE_OPEN ? fact->end_ms : pn_leaf_leave(leaf, fact->start_ms, 1);
        const struct pn_interval now = {.enter_ms = fact->start_ms,
                                        .leave_ms = leave,
                                        .key = key_of(leaf, fact),
                                        .fact = input->facts->order[i]};
        add(lane, &now);
        if (leaf->kind == PN_NODE_TREND) {
            const struct pn_interval then = {.enter_ms = leave,
                                             .leave_ms = pn_leaf_leave(leaf, fact->start_ms, 2)};
            add(before, &then);
        }
    }
    sort_entering(before);
}

// A fact counts with each of its codes. When there are more than a lane holds, those of the newest
// facts.
static void fill_codes(const struct pn_lane_input *input, struct pn_lane *lane)
{
    uint64_t codes[PN_CODES_MAX];
    unsigned from = input->count, room = PN_LANE_MAX;
    for (; from > input->from && room >= PN_CODES_MAX; from--) {
        room -= fits_filters(input->facts, input->leaf, 0, from - 1)
                    ? codes_of(input->leaf, fact_at(input->facts, from - 1), codes)
                    : 0;
    }
    for (unsigned i = from; i < input->count; i++) {
        const struct pn_fact_entry *fact = fact_at(input->facts, i);
        const bool fits = fits_filters(input->facts, input->leaf, 0, i);
        const unsigned count = fits ? codes_of(input->leaf, fact, codes) : 0;
        struct pn_interval one = {.enter_ms = fact->start_ms,
                                  .leave_ms = pn_leaf_leave(input->leaf, fact->start_ms, 1),
                                  .fact = input->facts->order[i]};
        for (unsigned k = 0; k < count; k++) {
            one.key = codes[k];
            add(lane, &one);
        }
    }
}

// From `length_days` after each fact until the next one.
static void fill_gap(const struct pn_lane_input *input, struct pn_lane *lane)
{
    struct pn_interval gap = {.enter_ms = INT64_MAX, .leave_ms = INT64_MAX};
    for (unsigned i = input->from; i < input->count; i++) {
        const struct pn_fact_entry *fact = fact_at(input->facts, i);
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
        const struct pn_fact_entry *fact = fact_at(input->facts, i);
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
                                      .leave_ms = pn_leaf_leave(leaf, chain.first_ms, 1),
                                      .key = 1,
                                      .fact = input->facts->order[i]};
            memcpy(end.earlier, chain.facts, sizeof end.earlier);
            add(lane, &end);
        }
    }
}

// --- Care days -----------------------------------------------------------------------------------

static int64_t midnight_of(int64_t day)
{
    int year = 0, month = 0, date = 0;
    int64_t time_ms = 0;
    pn_civil_from_days(day, &year, &month, &date);
    const struct pn_civil civil = {.year = year, .month = month, .day = date};
    return pn_civil_to_ms(&civil, zone, &time_ms) ? time_ms : day * PN_MS_PER_DAY;
}

int64_t pn_local_day(int64_t time_ms)
{
    int64_t shifted = time_ms + DAY_EARLIEST_HOURS * 3600 * PN_MS_PER_SECOND;
    int64_t day = shifted / PN_MS_PER_DAY - (shifted % PN_MS_PER_DAY < 0 ? 1 : 0);
    return midnight_of(day) > time_ms ? day - 1 : day;
}

// The first and the last day that the fact goes on, as far as it is followed.
static void days_of(const struct pn_fact_entry *fact, int64_t moment_ms, int64_t *ret_first,
                    int64_t *ret_last)
{
    const int64_t ahead_ms = moment_ms + AHEAD_DAYS * PN_MS_PER_DAY;
    int64_t end_ms = fact->end_ms < ahead_ms ? fact->end_ms : ahead_ms;
    *ret_first = pn_local_day(fact->start_ms);
    *ret_last = end_ms <= fact->start_ms ? *ret_first : pn_local_day(end_ms - 1);
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
    const struct pn_fact_entry *fact = fact_at(input->facts, place);
    int64_t first = 0, last = 0;
    days_of(fact, input->moment_ms, &first, &last);
    first = first > days->covered ? first : days->covered + 1;
    for (int64_t day = first; lane != NULL && day <= last; day++) {
        if (days->seen + day - first < days->from) {
            continue;
        }
        int64_t enter_ms = midnight_of(day);
        enter_ms = enter_ms < fact->start_ms ? fact->start_ms : enter_ms;
        const struct pn_interval one = {.enter_ms = enter_ms,
                                        .leave_ms = pn_leaf_leave(input->leaf, enter_ms, 1),
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
        const struct pn_fact_entry *fact = fact_at(input->facts, i - 1);
        const struct pn_price *price = pn_leaf_fits(input->facts, input->leaf, 0, i - 1)
                                           ? price_of(input->facts, input->leaf->prices, i - 1)
                                           : NULL;
        struct pn_interval one = {.fact = input->facts->order[i - 1]};
        int64_t first = 0, last = price == NULL ? -1 : 0;
        if (price != NULL) {
            one.key = (uint64_t)(price->day > 0 ? price->day : price->each);
        }
        if (price != NULL && price->day > 0) {
            days_of(fact, input->moment_ms, &first, &last);
        }
        for (int64_t day = last; day >= first && lane->count < PN_LANE_MAX; day--) {
            int64_t midnight_ms = day > first ? midnight_of(day) : fact->start_ms;
            one.enter_ms = midnight_ms;
            one.leave_ms = pn_leaf_leave(input->leaf, midnight_ms, 1);
            add(lane, &one);
        }
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
        if (is_of_codes(input->leaf)) {
            fill_codes(input, lane);
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
