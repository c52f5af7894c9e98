// SPDX-License-Identifier: Apache-2.0
/*
 * What a leaf of a rule sees of one fact, and what it can count at most. Inside services/identify
 * only.
 */
#ifndef PN_IDENTIFY_LEAF_H
#define PN_IDENTIFY_LEAF_H

#include "services/identify/rules/match.h"
#include "services/identify/rules/rule.h"

// A client's facts, ready to be counted. Places are those in `order`.
struct pn_sorted_facts {
    const struct pn_fact_entry *facts;
    const uint16_t *order; // of facts: by start, then by id
    const int64_t *starts; // in order
    const uint64_t *fits;  // in order: of each fact the bits of the filters that it fits
    unsigned words;        // of bits
    unsigned count;
};
static inline const struct pn_fact_entry *pn_fact_at(const struct pn_sorted_facts *facts,
                                                     unsigned place)
{
    return &facts->facts[facts->order[place]];
}

// What the fact is told apart by, when codes are counted; 1 for other leaves. 0 when it can't be
// told from others (no profession known). Of codes and professions, how many.
uint64_t pn_leaf_key(const struct pn_node *leaf, const struct pn_fact_entry *fact);
// Whether the leaf may count the fact, as its step `step`.
static inline bool pn_leaf_fits(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                                unsigned step, unsigned place)
{
    const uint64_t *fits = &facts->fits[(size_t)place * facts->words];
    const bool has_keys = leaf->kind == PN_NODE_DISTINCT || leaf->kind == PN_NODE_SAME;
    return pn_match_has(fits, leaf->bits[step]) && pn_match_has(fits, leaf->scope_bits[step]) &&
           (!has_keys || pn_leaf_key(leaf, pn_fact_at(facts, place)) != 0);
}
enum { PN_LEAF_KEYS_MAX = PN_CODES_MAX };
_Static_assert((int)PN_PROFESSIONS_MAX <= (int)PN_LEAF_KEYS_MAX, "room for all of a fact");
// Whether the leaf counts codes or professions, of which a fact may have several.
static inline bool pn_leaf_has_many(const struct pn_node *leaf)
{
    return (leaf->kind == PN_NODE_DISTINCT || leaf->kind == PN_NODE_SAME) &&
           (leaf->of == PN_DISTINCT_CODES || leaf->of == PN_DISTINCT_PROFESSIONS);
}
// What of the fact such a leaf counts: the codes or the professions that it asks for. Beside a
// diagnosis ICPC-2 says the same once more: that is no other code.
unsigned pn_leaf_keys(const struct pn_node *leaf, const struct pn_fact_entry *fact,
                      uint64_t ret_keys[static PN_LEAF_KEYS_MAX]);
// NULL when it costs nothing.
const struct pn_price *pn_leaf_price(const struct pn_sorted_facts *facts,
                                     const struct pn_prices *prices, unsigned place);

// A fact that began at or before this is in none of the leaf's last `windows` windows from
// `from_ms` on; INT64_MIN: there is no such time.
int64_t pn_leaf_reach(const struct pn_node *leaf, int64_t windows, int64_t from_ms);

// Places of facts.
struct pn_places {
    unsigned from, until; // until does not belong to them
};
// No fewer than the leaf counts of these facts at any time from `from_ms` on.
int64_t pn_leaf_bound(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                      struct pn_places places, int64_t from_ms);
// The first of these that the leaf may count; places.until when there is none.
unsigned pn_leaf_first(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                       struct pn_places places);

#endif
