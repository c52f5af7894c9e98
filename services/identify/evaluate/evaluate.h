// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a rule holds for a client: a pure function of the client's facts, the year of birth and a
 * moment.
 *
 * Between the moments at which a fact begins or ceases to count nothing changes, so the rule's
 * history is walked from one such moment to the next: it rises when its tree holds, and ends when
 * the tree does not hold with the lower thresholds, or it has expired. So hysteresis, cool-down and
 * expiry follow from the facts alone, and the order in which they came is no matter. Facts that
 * begin after the moment are not there yet.
 */
#ifndef PN_IDENTIFY_EVALUATE_H
#define PN_IDENTIFY_EVALUATE_H

#include "base/err.h"
#include "services/identify/rules/rule.h"

// What one leaf said at the moment.
struct pn_leaf_finding {
    unsigned node; // of the rule
    bool holds;
    int64_t value;     // facts, codes, days; of a gap the days since the last fact
    int64_t threshold; // that it would need now
    // With this value of this leaf and all others as they are the rule would not hold; -1: there is
    // no such value.
    int64_t not_with;
    // The other way round, while the rule does not hold: with this value it would; -1: there is no
    // such value.
    int64_t holds_with;
    int64_t lapses_ms; // when the leaf alone ceases to hold if nothing comes; 0: it does not
    uint32_t classes;  // of protection, of all that it counts now; 0: ordinary
    // It counts something of a class that is none of the evidence's: who may see the trigger may
    // not therefore see its value.
    bool is_withheld;
};

struct pn_finding {
    bool holds;
    int64_t count;     // of the rule's headline
    int64_t since_ms;  // since when it holds, in the clients' time; 0: it does not hold
    int64_t lapses_ms; // when it stops holding if nothing comes; 0: it does not hold, or never
    int64_t due_ms;    // when to look again: it changes, or a fact of the future begins to count
    int64_t newest_ms; // start of the newest fact counted
    int64_t nearness;  // per mille of what it needs; 1000: it holds, or would but for its cool-down
    // False: its tree can't hold by the facts that began by the moment, at whatever age: the rest
    // is the same for every year of birth, unless wants_all.
    bool may_hold;
    // It does not hold, is for the client, and PN_NEARLY would, or one more of something would do.
    // Only with wants_all; the evidence is then what its leaves count.
    bool is_near;
    int64_t again_ms; // of one that is near: it may not rise again until then; 0: it may
    uint32_t classes; // of protection, of the evidence and of what `count` counts; 0: ordinary
    unsigned leaf_count;
    struct pn_leaf_finding leaves[PN_RULE_LEAVES_MAX];
    unsigned evidence_count; // facts counted by leaves that hold, by index, oldest first
    uint16_t evidence[PN_CLIENT_FACTS_MAX];
    uint16_t evidence_leaves[PN_CLIENT_FACTS_MAX]; // 1 << leaf, which of them counted it
};
enum { PN_NEARLY = 800 }; // nearness from which a rule nearly holds

// Room to evaluate in; one client at a time.
struct pn_evaluator;
PN_MUST_USE enum pn_code pn_evaluator_new(struct pn_evaluator **ret_evaluator, struct pn_err *err);
void pn_evaluator_free(struct pn_evaluator *evaluator); // takes NULL
// The client whose facts are looked at from now on; at most PN_CLIENT_FACTS_MAX, in any order. They
// stay the caller's and stay as they are.
void pn_evaluator_take(struct pn_evaluator *evaluator, const struct pn_fact_entry *facts,
                       unsigned fact_count);

// What is remembered of a client and a rule so that the next evaluation need not begin before all
// facts. It follows from the facts alone: what is found with it is what is found without it, as
// long as the rule and the year of birth are the same and no fact that is a matter of the rule
// (pn_rules_touched) and begins by time_ms came, went or changed. Else, and at first, it is zero.
struct pn_standing {
    bool is_known, holds;
    int64_t time_ms; // the rule's state is that of this time, some days before the moment
    int64_t since_ms, cool_ms;
    // Of the moment: until then, and while no fact that is a matter of the rule comes, goes or
    // changes, it holds or not as before. 0: for ever.
    int64_t due_ms;
};

struct pn_evaluation {
    const struct pn_rule *rule;
    int64_t moment_ms;
    int birth_year; // 0: not known, the rule's ages do not matter
    bool wants_all; // also of a rule that is far from holding; else its count is an upper bound
    struct pn_standing *standing; // NULL, or where the walk begins; made new
};
void pn_evaluate(struct pn_evaluator *evaluator, const struct pn_evaluation *evaluation,
                 struct pn_finding *ret_finding);

// A time for which a rule held.
struct pn_span {
    int64_t since_ms; // may be before from_ms
    int64_t until_ms; // when it ended; PN_SPAN_HOLDS: it holds at to_ms
};
#define PN_SPAN_HOLDS INT64_MAX
struct pn_history {
    const struct pn_rule *rule;
    int64_t from_ms, to_ms; // both moments belong to it
    int birth_year;         // 0: not known, the rule's ages do not matter
};
// The rule's whole history for the client between two moments, in one walk: at any moment in
// between pn_evaluate would find that it holds, and since when, exactly in these spans. Oldest
// first; their number, at most `max`, the newest of them.
unsigned pn_evaluate_history(struct pn_evaluator *evaluator, const struct pn_history *history,
                             struct pn_span *ret_spans, unsigned max);

#endif
