// SPDX-License-Identifier: Apache-2.0
/*
 * From when to when each fact counts for a leaf of a rule. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_LANES_H
#define PN_IDENTIFY_LANES_H

#include "services/identify/rules/rule.h"

enum { PN_LANE_MAX = PN_CLIENT_FACTS_MAX };

// One fact, or one day of it: it counts at t when enter_ms <= t < leave_ms.
struct pn_interval {
    int64_t enter_ms, leave_ms;
    uint64_t key;  // what it is told apart by, when codes are counted; what it costs in a sum
    uint16_t fact; // by its place among the client's facts
    uint16_t earlier[PN_RULE_STEPS_MAX - 1]; // of a sequence: one of each step but the last
};

// In order of entering. `leaving` has their places in order of leaving.
struct pn_lane {
    struct pn_interval intervals[PN_LANE_MAX];
    uint16_t leaving[PN_LANE_MAX];
    unsigned count;
};

// A client's facts, ready to be counted. Places are those in `order`.
struct pn_sorted_facts {
    const struct pn_fact_entry *facts;
    const uint16_t *order; // of facts: by start, then by id
    const int64_t *starts; // in order
    const uint64_t *fits;  // in order: of each fact the bits of the filters that it fits
    unsigned words;        // of bits
    unsigned count;
};
struct pn_lane_input {
    const struct pn_sorted_facts *facts;
    const struct pn_node *leaf;
    unsigned from, count; // places that are looked at: only facts that began by the moment
    int64_t moment_ms;
};
// A trend counts its earlier window in `before`; other leaves leave it empty. `before` is not NULL.
void pn_lanes_fill(const struct pn_lane_input *input, struct pn_lane *lane, struct pn_lane *before);

// Whether the leaf may count the fact, as its step `step`.
bool pn_leaf_fits(const struct pn_sorted_facts *facts, const struct pn_node *leaf, unsigned step,
                  unsigned place);
// What the fact can add to the leaf's value at most.
int64_t pn_leaf_most(const struct pn_sorted_facts *facts, const struct pn_node *leaf,
                     unsigned place);
// A fact that began at or before this is in none of the leaf's last `windows` windows from
// `from_ms` on; INT64_MIN: there is no such time.
int64_t pn_leaf_reach(const struct pn_node *leaf, int64_t windows, int64_t from_ms);
// When a fact of that time leaves the leaf's window, `times` windows long; INT64_MAX: never.
int64_t pn_leaf_leave(const struct pn_node *leaf, int64_t start_ms, int64_t times);

// The calendar day of a time in Finland, as days since 1970-01-01.
int64_t pn_local_day(int64_t time_ms);

#endif
