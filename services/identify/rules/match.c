// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/match.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// --- Lists ---------------------------------------------------------------------------------------

enum field {
    FIELD_CODE,
    FIELD_SERVICE,
    FIELD_PROFESSION,
    FIELD_CONTACT,
    FIELD_STATUS,
    FIELD_UNIT,
    FIELD_SETTING
};
_Static_assert((int)FIELD_SETTING + 1 == (int)PN_MATCH_FIELDS, "a row for each field");

bool pn_code_fits(const struct pn_filter *filter, uint64_t code)
{
    const struct pn_code_ranges *ranges = &filter->codes;
    for (unsigned i = 0; i < ranges->count; i++) {
        if (code >= ranges->ranges[i].from && code <= ranges->ranges[i].until) {
            return true;
        }
    }
    return ranges->count == 0;
}

// Of codes and professions there may be several; 0 after the last.
static uint64_t value_of(const struct pn_fact_entry *fact, unsigned field, unsigned place)
{
    switch ((enum field)field) {
    case FIELD_CODE:
        return place < PN_CODES_MAX ? fact->codes[place] : 0;
    case FIELD_SERVICE:
        return fact->service;
    case FIELD_PROFESSION:
        return pn_fact_profession(fact, place);
    case FIELD_CONTACT:
        return fact->contact;
    case FIELD_STATUS:
        return fact->status;
    case FIELD_UNIT:
        return fact->unit;
    case FIELD_SETTING:
        return fact->setting;
    }
    return 0;
}

// What the filter asks of the field: a code of a list is a range of one. An empty code is in no
// range of codes.
static unsigned ranges_of(const struct pn_filter *filter, unsigned field,
                          struct pn_code_range ret_ranges[static PN_RULE_RANGES_MAX])
{
    static const size_t lists[] = {[FIELD_SERVICE] = offsetof(struct pn_filter, services),
                                   [FIELD_PROFESSION] = offsetof(struct pn_filter, professions),
                                   [FIELD_CONTACT] = offsetof(struct pn_filter, contacts),
                                   [FIELD_STATUS] = offsetof(struct pn_filter, statuses),
                                   [FIELD_UNIT] = offsetof(struct pn_filter, units),
                                   [FIELD_SETTING] = offsetof(struct pn_filter, settings)};
    if (field == FIELD_CODE) {
        for (unsigned i = 0; i < filter->codes.count; i++) {
            ret_ranges[i] = filter->codes.ranges[i];
            ret_ranges[i].from = ret_ranges[i].from == 0 ? 1 : ret_ranges[i].from;
        }
        return filter->codes.count;
    }
    const struct pn_rule_codes *codes =
        (const struct pn_rule_codes *)((const char *)filter + lists[field]);
    for (unsigned i = 0; i < codes->count; i++) {
        ret_ranges[i] = (struct pn_code_range){codes->codes[i], codes->codes[i]};
    }
    return codes->count;
}
_Static_assert((int)PN_RULE_CODES_MAX <= (int)PN_RULE_RANGES_MAX, "lists are told as ranges");

static int by_value(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;
    return (one > two) - (one < two);
}

// The last edge that is no greater than the value; the number of edges when there is none.
static unsigned edge_of(const struct pn_match_lists *lists, uint64_t value)
{
    unsigned low = 0, count = lists->count;
    if (count == 0 || lists->edges[0] > value) {
        return count;
    }
    while (count > 1) { // edges[low] <= value
        const unsigned half = count / 2;
        low += lists->edges[low + half] <= value ? half : 0;
        count -= half;
    }
    return low;
}

static bool put_edges(const struct pn_match *match, struct pn_match_lists *lists,
                      struct pn_arena *arena)
{
    struct pn_code_range ranges[PN_RULE_RANGES_MAX];
    size_t room = 0;
    for (unsigned bit = 0; bit < match->count; bit++) {
        room += 2 * (size_t)ranges_of(match->filters[bit], lists->field, ranges);
    }
    lists->edges = pn_arena_alloc_array(arena, room + 1, sizeof lists->edges[0]);
    if (lists->edges == NULL) {
        return false;
    }
    size_t found = 0;
    for (unsigned bit = 0; bit < match->count; bit++) {
        const unsigned count = ranges_of(match->filters[bit], lists->field, ranges);
        for (unsigned i = 0; i < count; i++) {
            lists->edges[found++] = ranges[i].from;
            if (ranges[i].until < UINT64_MAX) {
                lists->edges[found++] = ranges[i].until + 1;
            }
        }
    }
    qsort(lists->edges, found, sizeof lists->edges[0], by_value);
    for (size_t i = 0; i < found; i++) {
        if (lists->count == 0 || lists->edges[lists->count - 1] != lists->edges[i]) {
            lists->edges[lists->count++] = lists->edges[i];
        }
    }
    return true;
}

static bool put_lists(const struct pn_match *match, struct pn_match_lists *lists,
                      struct pn_arena *arena)
{
    struct pn_code_range ranges[PN_RULE_RANGES_MAX];
    if (!put_edges(match, lists, arena)) {
        return false;
    }
    lists->fits =
        pn_arena_alloc_array(arena, (size_t)lists->count * match->words + 1, sizeof lists->fits[0]);
    for (unsigned bit = 0; lists->fits != NULL && bit < match->count; bit++) {
        const uint64_t one = UINT64_C(1) << (bit % 64);
        const unsigned count = ranges_of(match->filters[bit], lists->field, ranges);
        lists->asks[bit / 64] |= count > 0 ? one : 0;
        for (unsigned i = 0; i < count; i++) {
            unsigned edge = edge_of(lists, ranges[i].from);
            for (; edge < lists->count && lists->edges[edge] <= ranges[i].until; edge++) {
                lists->fits[(size_t)edge * match->words + bit / 64] |= one;
            }
        }
    }
    return lists->fits != NULL;
}

bool pn_match_ready(struct pn_match *match, struct pn_arena *arena)
{
    bool is_ready = true;
    match->list_count = 0;
    for (unsigned field = 0; is_ready && field < PN_MATCH_FIELDS; field++) {
        struct pn_match_lists *lists = &match->lists[match->list_count];
        *lists = (struct pn_match_lists){.field = field};
        is_ready = put_lists(match, lists, arena);
        match->list_count += lists->count > 0 ? 1 : 0;
    }
    return is_ready;
}

// The words of the value; NULL when it fits none.
static const uint64_t *fits_of(const struct pn_match *match, const struct pn_match_lists *lists,
                               uint64_t value)
{
    const unsigned edge = edge_of(lists, value);
    return edge < lists->count ? &lists->fits[(size_t)edge * match->words] : NULL;
}

// Takes away what asks for other values than the fact has. Of its codes and professions one is
// enough.
static void fit_lists(const struct pn_match *match, const struct pn_match_lists *lists,
                      const struct pn_fact_entry *fact, uint64_t *fits)
{
    uint64_t asks = 0;
    for (unsigned w = 0; w < match->words; w++) {
        asks |= fits[w] & lists->asks[w];
    }
    if (asks == 0) {
        return;
    }
    uint64_t found[PN_MATCH_WORDS] = {0};
    const unsigned count = lists->field == FIELD_CODE         ? PN_CODES_MAX
                           : lists->field == FIELD_PROFESSION ? PN_PROFESSIONS_MAX
                                                              : 1;
    for (unsigned i = 0; i < count; i++) {
        const uint64_t value = value_of(fact, lists->field, i);
        if (value == 0 && i > 0) {
            break; // no more
        }
        const uint64_t *some = fits_of(match, lists, value);
        for (unsigned w = 0; some != NULL && w < match->words; w++) {
            found[w] |= some[w];
        }
    }
    for (unsigned w = 0; w < match->words; w++) {
        fits[w] &= ~lists->asks[w] | found[w];
    }
}

// --- All of them ---------------------------------------------------------------------------------

static void set(uint64_t (*rows)[PN_MATCH_WORDS], unsigned row_count, uint32_t bits, uint16_t bit)
{
    for (unsigned i = 0; i < row_count; i++) {
        if (bits == 0 || (bits >> i & 1) != 0) {
            rows[i][bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
}

static uint32_t flag_rows(const struct pn_filter *filter)
{
    uint32_t rows = 0;
    for (unsigned flags = 0; flags < PN_FACT_FLAGS_COUNT; flags++) {
        bool fits = (flags & PN_FACT_WITHDRAWN) == 0 &&
                    (!filter->noshow_only || (flags & PN_FACT_NOSHOW) != 0) &&
                    (!filter->client_contacts_only || (flags & PN_FACT_CLIENT_CONTACT) != 0);
        rows |= fits ? 1U << flags : 0;
    }
    return rows;
}

uint16_t pn_match_add(struct pn_match *match, const struct pn_filter *filter)
{
    uint16_t bit = 0;
    while (bit < match->count && memcmp(match->filters[bit], filter, sizeof *filter) != 0) {
        bit++;
    }
    if (bit < match->count || bit == PN_MATCH_FILTERS_MAX) {
        return bit < match->count ? bit : PN_MATCH_NONE;
    }
    match->filters[match->count++] = filter;
    match->words = bit / 64U + 1;
    if (filter->kinds != 0) {
        set(match->kinds, PN_KIND_COUNT, filter->kinds, bit);
    }
    set(match->sectors, PN_SECTOR_COUNT, filter->sectors, bit);
    set(match->urgencies, PN_URGENCY_COUNT,
        filter->urgency == PN_URGENCY_UNKNOWN ? 0 : 1U << filter->urgency, bit);
    set(match->reporters, PN_REPORTER_COUNT, filter->reported_by, bit);
    set(match->concerns, PN_CONCERN_COUNT, filter->concerns, bit);
    set(match->flags, PN_FACT_FLAGS_COUNT, flag_rows(filter), bit);
    return bit;
}

static bool is_damaged(const struct pn_fact_entry *fact)
{
    return fact->kind >= PN_KIND_COUNT || fact->sector >= PN_SECTOR_COUNT ||
           fact->urgency >= PN_URGENCY_COUNT || fact->reporter >= PN_REPORTER_COUNT ||
           fact->concern >= PN_CONCERN_COUNT;
}

void pn_match_fact(const struct pn_match *match, const struct pn_fact_entry *fact,
                   uint64_t *ret_fits)
{
    const unsigned flags = fact->flags % PN_FACT_FLAGS_COUNT;
    const bool is_none = is_damaged(fact);
    for (unsigned w = 0; w < match->words; w++) {
        ret_fits[w] =
            is_none ? 0
                    : match->kinds[fact->kind][w] & match->flags[flags][w] &
                          match->sectors[fact->sector][w] & match->urgencies[fact->urgency][w] &
                          match->reporters[fact->reporter][w] & match->concerns[fact->concern][w];
    }
    for (unsigned i = 0; i < match->list_count; i++) {
        fit_lists(match, &match->lists[i], fact, ret_fits);
    }
}
