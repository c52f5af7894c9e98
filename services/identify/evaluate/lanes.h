// SPDX-License-Identifier: Apache-2.0
/*
 * From when to when each fact counts for a leaf of a rule. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_LANES_H
#define PN_IDENTIFY_LANES_H

#include "services/identify/evaluate/calendar.h"
#include "services/identify/evaluate/leaf.h"

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

struct pn_lane_input {
    const struct pn_sorted_facts *facts;
    struct pn_calendar *calendar;
    const struct pn_node *leaf;
    unsigned from, count; // places that are looked at: only facts that began by the moment
    int64_t moment_ms;
};
// A trend counts its earlier window in `before`; other leaves leave it empty. `before` is not NULL.
void pn_lanes_fill(const struct pn_lane_input *input, struct pn_lane *lane, struct pn_lane *before);

#endif
