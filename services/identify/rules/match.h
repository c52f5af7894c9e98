// SPDX-License-Identifier: Apache-2.0
/*
 * Which of a rule file's filters a fact fits, told in one pass: each different filter is a bit.
 * Inside services/identify only.
 */
#ifndef PN_IDENTIFY_MATCH_H
#define PN_IDENTIFY_MATCH_H

#include "base/arena.h"
#include "services/identify/rules/rule.h"

enum {
    PN_MATCH_WORDS = 8,
    PN_MATCH_FILTERS_MAX = PN_MATCH_WORDS * 64, // different ones in a file
    PN_MATCH_NONE = UINT16_MAX
};

// The filters' lists or ranges of one field of facts, all together: which filters a value fits
// changes only at the edges, so that one search answers for all of them.
struct pn_match_lists {
    unsigned field;                // of match.c
    uint64_t asks[PN_MATCH_WORDS]; // filters that have such a list
    uint64_t *edges;               // values, in order; smaller ones than the first fit none of them
    uint64_t *fits;                // of each edge: words for the values from it to the next one
    unsigned count;
};
enum { PN_MATCH_FIELDS = 7 };

// Filters by what facts have in few forms, and by lists of codes.
struct pn_match {
    const struct pn_filter *filters[PN_MATCH_FILTERS_MAX];
    uint64_t rules[PN_MATCH_FILTERS_MAX]; // that count what fits: 1 << the rule's place
    uint64_t always;                      // rules that may hold of no fact
    unsigned count, words;                // words of bits in use
    uint64_t kinds[PN_KIND_COUNT][PN_MATCH_WORDS];
    uint64_t sectors[PN_SECTOR_COUNT][PN_MATCH_WORDS];
    uint64_t urgencies[PN_URGENCY_COUNT][PN_MATCH_WORDS];
    uint64_t reporters[PN_REPORTER_COUNT][PN_MATCH_WORDS];
    uint64_t concerns[PN_CONCERN_COUNT][PN_MATCH_WORDS];
    uint64_t flags[PN_FACT_FLAGS_COUNT][PN_MATCH_WORDS];
    struct pn_match_lists lists[PN_MATCH_FIELDS];
    unsigned list_count;
};

// The filter's bit; PN_MATCH_NONE when there are too many. The filter stays the caller's.
uint16_t pn_match_add(struct pn_match *match, const struct pn_filter *filter);
// When all are there, and before any fact is matched. False when there is no memory.
PN_MUST_USE bool pn_match_ready(struct pn_match *match, struct pn_arena *arena);
// match->words words.
void pn_match_fact(const struct pn_match *match, const struct pn_fact_entry *fact,
                   uint64_t *ret_fits);
static inline bool pn_match_has(const uint64_t *fits, uint16_t bit)
{
    return (fits[bit / 64] >> (bit % 64) & 1) != 0;
}

#endif
