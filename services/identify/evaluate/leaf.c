// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/leaf.h"

#include "base/clock.h"

enum { BOUND_KEYS = 16 }; // so many a bound tells apart: most rules ask for fewer

static unsigned codes_of(const struct pn_node *leaf, const struct pn_fact_entry *fact,
                         uint64_t ret_codes[static PN_LEAF_KEYS_MAX])
{
    unsigned count = 0, diagnoses = 0;
    for (unsigned i = 0; i < PN_CODES_MAX && fact->codes[i] != 0; i++) {
        const uint64_t code = fact->codes[i];
        if (pn_code_fits(leaf->steps[0], code) &&
            (leaf->scope == NULL || pn_code_fits(leaf->scope, code))) {
            diagnoses += pn_fact_code_system(code) == PN_SYSTEM_ICD10 ? 1 : 0;
            ret_codes[count++] = code;
        }
    }
    if (leaf->kind == PN_NODE_SAME || diagnoses == 0) {
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

static bool asks_for(const struct pn_filter *filter, uint32_t profession)
{
    const struct pn_rule_codes *asked = &filter->professions;
    for (unsigned i = 0; i < asked->count; i++) {
        if (asked->codes[i] == profession) {
            return true;
        }
    }
    return asked->count == 0;
}

static unsigned professions_of(const struct pn_node *leaf, const struct pn_fact_entry *fact,
                               uint64_t ret_professions[static PN_LEAF_KEYS_MAX])
{
    unsigned count = 0;
    uint32_t profession = fact->profession;
    for (unsigned i = 1; profession != 0; i++) {
        if (asks_for(leaf->steps[0], profession) &&
            (leaf->scope == NULL || asks_for(leaf->scope, profession))) {
            ret_professions[count++] = profession;
        }
        profession = pn_fact_profession(fact, i);
    }
    return count;
}

unsigned pn_leaf_keys(const struct pn_node *leaf, const struct pn_fact_entry *fact,
                      uint64_t ret_keys[static PN_LEAF_KEYS_MAX])
{
    return (leaf->of == PN_DISTINCT_CODES ? codes_of : professions_of)(leaf, fact, ret_keys);
}

uint64_t pn_leaf_key(const struct pn_node *leaf, const struct pn_fact_entry *fact)
{
    uint64_t keys[PN_LEAF_KEYS_MAX];
    if (leaf->kind != PN_NODE_DISTINCT && leaf->kind != PN_NODE_SAME) {
        return 1;
    }
    switch (leaf->of) {
    case PN_DISTINCT_PROFESSIONS:
        return professions_of(leaf, fact, keys);
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
        return codes_of(leaf, fact, keys);
    }
    return 0;
}

const struct pn_price *pn_leaf_price(const struct pn_sorted_facts *facts,
                                     const struct pn_prices *prices, unsigned place)
{
    const uint64_t *fits = &facts->fits[(size_t)place * facts->words];
    for (unsigned i = 0; i < prices->count; i++) {
        if (pn_match_has(fits, prices->rows[i].bit)) {
            return &prices->rows[i];
        }
    }
    return NULL;
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

// --- Bounds --------------------------------------------------------------------------------------

static bool fits_a_step(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                        unsigned place)
{
    for (unsigned s = 0; s < leaf->step_count; s++) {
        if (pn_leaf_fits(facts, leaf, s, place)) {
            return true;
        }
    }
    return false;
}

// Facts that fit one filter: counted without a branch, since most rules ask for nothing else.
static int64_t count_fitting(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                             struct pn_places places)
{
    const unsigned bit = leaf->bits[0] % 64, scope_bit = leaf->scope_bits[0] % 64;
    const uint64_t *fits = facts->fits + leaf->bits[0] / 64;
    const uint64_t *scope_fits = facts->fits + leaf->scope_bits[0] / 64;
    uint64_t count = 0;
    for (size_t i = places.from; i < places.until; i++) {
        count += fits[i * facts->words] >> bit & scope_fits[i * facts->words] >> scope_bit & 1;
    }
    return (int64_t)count;
}

struct different {
    uint64_t keys[BOUND_KEYS];
    unsigned count; // from BOUND_KEYS on each that comes counts
};

static void add_different(struct different *different, uint64_t key)
{
    unsigned k = 0;
    while (k < different->count && k < BOUND_KEYS && different->keys[k] != key) {
        k++;
    }
    if (k == different->count && k < BOUND_KEYS) {
        different->keys[k] = key;
    }
    different->count += k == different->count || k == BOUND_KEYS ? 1 : 0;
}

static int64_t count_different(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                               struct pn_places places)
{
    const bool has_many = pn_leaf_has_many(leaf);
    uint64_t keys[PN_LEAF_KEYS_MAX];
    struct different different;
    different.count = 0;
    for (unsigned i = places.from; i < places.until; i++) {
        if (!pn_leaf_fits(facts, leaf, 0, i)) {
            continue;
        }
        const struct pn_fact_entry *fact = pn_fact_at(facts, i);
        const unsigned count = has_many ? pn_leaf_keys(leaf, fact, keys) : 1;
        keys[0] = has_many ? keys[0] : pn_leaf_key(leaf, fact);
        for (unsigned k = 0; k < count; k++) {
            add_different(&different, keys[k]);
        }
    }
    return different.count;
}

static int64_t count_costs(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                           struct pn_places places)
{
    int64_t sum = 0;
    for (unsigned i = places.from; i < places.until; i++) {
        const struct pn_price *price =
            pn_leaf_fits(facts, leaf, 0, i) ? pn_leaf_price(facts, leaf->prices, i) : NULL;
        sum += price == NULL ? 0 : price->day > 0 ? INT32_MAX : price->each;
    }
    return sum;
}

int64_t pn_leaf_bound(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                      struct pn_places places, int64_t from_ms)
{
    int64_t count = 0;
    switch (leaf->kind) {
    case PN_NODE_DISTINCT:
        return count_different(facts, leaf, places);
    case PN_NODE_SUM:
        return count_costs(facts, leaf, places);
    case PN_NODE_DAYS:
        return count_fitting(facts, leaf, places) * INT32_MAX;
    case PN_NODE_OPEN:
        for (unsigned i = places.from; i < places.until; i++) {
            count += pn_leaf_fits(facts, leaf, 0, i) && pn_fact_at(facts, i)->end_ms > from_ms;
        }
        return count;
    case PN_NODE_SAME:
    case PN_NODE_SEQUENCE:
        for (unsigned i = places.from; i < places.until; i++) {
            count += fits_a_step(facts, leaf, i);
        }
        return count;
    case PN_NODE_COUNT:
    case PN_NODE_GAP:
    case PN_NODE_TREND:
    case PN_NODE_ABSENT:
    case PN_NODE_ALL:
    case PN_NODE_ANY:
    case PN_NODE_NONE:
    case PN_NODE_AT_LEAST:
    case PN_NODE_SCORE:
        break;
    }
    return count_fitting(facts, leaf, places);
}

unsigned pn_leaf_first(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                       struct pn_places places)
{
    unsigned place = places.from;
    while (place < places.until && !fits_a_step(facts, leaf, place)) {
        place++;
    }
    return place;
}
