// SPDX-License-Identifier: Apache-2.0
/*
 * A rule's history for a client, walked from one moment at which something changes to the next.
 * Inside services/identify only: evaluate.h is for others.
 */
#ifndef PN_IDENTIFY_WALK_H
#define PN_IDENTIFY_WALK_H

#include "services/identify/evaluate/evaluate.h"
#include "services/identify/evaluate/lanes.h"
#include "services/identify/rules/match.h"
#include "services/identify/rules/tree.h"

enum {
    PN_KEYS_MAX = 1024, // thresholds are at most 1000: more codes need not be told apart
    PN_LANES_MAX = 2 * PN_RULE_LEAVES_MAX,
    PN_STEPS_MAX = 4 * 1024 * 1024 // of one walk: the marks of all lanes, and a rule's own times
};

// How often each code counts now.
struct pn_keys {
    uint64_t keys[PN_KEYS_MAX];
    uint32_t counts[PN_KEYS_MAX];
    unsigned count;
};

struct pn_evaluator {
    struct pn_sorted_facts facts; // ready when `match` is the rule's
    const struct pn_match *match; // whose filters the facts were matched with; NULL: none yet
    bool is_sorted;
    uint16_t order[PN_CLIENT_FACTS_MAX];
    int64_t starts[PN_CLIENT_FACTS_MAX];
    uint64_t fits[PN_CLIENT_FACTS_MAX * PN_MATCH_WORDS];
    struct pn_calendar calendar;
    struct pn_lane lanes[PN_LANES_MAX]; // of leaf i: 2 i and 2 i + 1
    struct pn_keys keys[PN_RULE_LEAVES_MAX];
};

// How far the walk is on a lane that has something.
struct pn_cursor {
    const struct pn_lane *lane;
    unsigned entered, left;
    int64_t enter_ms, leave_ms; // the next ones; INT64_MAX: there is none
    int64_t *value;             // what it counts into
    struct pn_keys *keys;
    enum pn_node_kind kind;
};

// A rule while its history is walked.
struct pn_walk {
    struct pn_evaluator *evaluator;
    const struct pn_rule *rule;
    int64_t from_ms;   // what holds from here
    int64_t moment_ms; // to here is asked
    unsigned began;    // places of facts that began by the moment
    struct pn_tree tree;
    unsigned leaves[PN_RULE_LEAVES_MAX]; // their nodes
    struct pn_cursor cursors[PN_LANES_MAX];
    unsigned cursor_count;
    int64_t first_ms;               // of the client's facts: before it nothing can hold
    int64_t from_age_ms, to_age_ms; // the rule is for the client between these
    int64_t time_ms;                // everything up to it is done
    bool holds;
    int64_t since_ms, expires_ms, cool_ms;
};

// Of `walk` the first four fields are set, and nothing else. The facts are made ready.
void pn_walk_start(struct pn_walk *walk, int birth_year);
// False when the tree surely does not hold at any time from from_ms on, if nothing comes after the
// moment. *due_ms becomes the first fact of the future that may count, when that is earlier.
bool pn_walk_may_hold(struct pn_walk *walk, int64_t *due_ms);
// Finds what counts when. With a standing the walk begins at its time, else before all facts.
void pn_walk_fill(struct pn_walk *walk, const struct pn_standing *standing);
// When something may change next; INT64_MAX: never.
int64_t pn_walk_next(const struct pn_walk *walk);
// False when time alone surely does not make the rule hold, which does not hold now.
bool pn_walk_may_rise(struct pn_walk *walk);
// Counts up to that time and settles whether the rule holds: the next time, and no later one.
void pn_walk_step(struct pn_walk *walk, int64_t time_ms);
void pn_walk_until(struct pn_walk *walk, int64_t moment_ms);

#endif
