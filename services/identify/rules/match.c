// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/match.h"

#include <string.h>

// --- One filter ----------------------------------------------------------------------------------

static bool has_code(const struct pn_rule_codes *codes, uint32_t code)
{
    for (unsigned i = 0; i < codes->count; i++) {
        if (codes->codes[i] == code) {
            return true;
        }
    }
    return codes->count == 0;
}

static inline bool is_in_ranges(const struct pn_code_ranges *ranges, uint64_t code)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        if (code >= ranges->ranges[i].from && code <= ranges->ranges[i].until) {
            return true;
        }
    }
    return ranges->count == 0;
}

bool pn_code_fits(const struct pn_filter *filter, uint64_t code)
{
    return is_in_ranges(&filter->codes, code);
}

static inline bool has_fitting_code(const struct pn_filter *filter,
                                    const struct pn_fact_entry *fact)
{
    bool fits = filter->codes.count == 0;
    for (unsigned i = 0; !fits && i < PN_CODES_MAX && fact->codes[i] != 0; i++) {
        fits = is_in_ranges(&filter->codes, fact->codes[i]);
    }
    return fits;
}

static bool fits_lists(const struct pn_filter *filter, const struct pn_fact_entry *fact)
{
    return has_fitting_code(filter, fact) && has_code(&filter->services, fact->service) &&
           has_code(&filter->professions, fact->profession) &&
           has_code(&filter->contacts, fact->contact) &&
           has_code(&filter->statuses, fact->status) && has_code(&filter->units, fact->unit) &&
           has_code(&filter->settings, fact->setting);
}

bool pn_filter_fits(const struct pn_filter *filter, const struct pn_fact_entry *fact)
{
    return (filter->kinds & (1U << fact->kind)) != 0 && (fact->flags & PN_FACT_WITHDRAWN) == 0 &&
           (filter->sectors == 0 || (filter->sectors & (1U << fact->sector)) != 0) &&
           (filter->urgency == PN_URGENCY_UNKNOWN || filter->urgency == fact->urgency) &&
           (filter->reported_by == 0 || (filter->reported_by & (1U << fact->reporter)) != 0) &&
           (filter->concerns == 0 || (filter->concerns & (1U << fact->concern)) != 0) &&
           (!filter->noshow_only || (fact->flags & PN_FACT_NOSHOW) != 0) &&
           (!filter->client_contacts_only || (fact->flags & PN_FACT_CLIENT_CONTACT) != 0) &&
           (!filter->has_lists || fits_lists(filter, fact));
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
    match->lists[bit / 64] |= (uint64_t)filter->has_lists << (bit % 64);
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
        uint64_t fits =
            is_none ? 0
                    : match->kinds[fact->kind][w] & match->flags[flags][w] &
                          match->sectors[fact->sector][w] & match->urgencies[fact->urgency][w] &
                          match->reporters[fact->reporter][w] & match->concerns[fact->concern][w];
        for (uint64_t left = fits & match->lists[w]; left != 0; left &= left - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(left);
            if (!fits_lists(match->filters[w * 64 + bit], fact)) {
                fits &= ~(UINT64_C(1) << bit);
            }
        }
        ret_fits[w] = fits;
    }
}
