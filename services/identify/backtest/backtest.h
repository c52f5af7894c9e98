// SPDX-License-Identifier: Apache-2.0
/*
 * A backtest: rules run over the stored stream's history, beside today's rules.
 *
 * The stream is read by several processes, each some of its partitions; facts are made by the
 * service's own code, the client index says who is one client, and what belongs to one client comes
 * together in one process. There every rule's history is walked (evaluate.h). No identity is read.
 */
#ifndef PN_IDENTIFY_BACKTEST_H
#define PN_IDENTIFY_BACKTEST_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/config.h"
#include "services/identify/backtest/backtest_heap.h"
#include "services/identify/rules/rules.h"
#include "services/identify/worklist/units.h"

enum pn_backtest_side { PN_BACKTEST_NEW, PN_BACKTEST_TODAY, PN_BACKTEST_SIDES };

enum {
    PN_BACKTEST_WORKERS_MAX = 8,
    PN_BACKTEST_WEEKS_MAX = 530,     // ten years
    PN_BACKTEST_VARIANTS_MAX = 1024, // of thresholds
    PN_BACKTEST_UNITS_MAX = 4096,    // different ones
    PN_BACKTEST_PARTITIONS_MAX = 1024,
    PN_BACKTEST_DAYS_MAX = 8192,      // of the period, and of what its rules look back
    PN_BACKTEST_CLIENTS_MAX = 4000000 // flagged ones
};

// One rule with one threshold changed.
struct pn_backtest_variant {
    struct pn_rule rule;
    unsigned place; // of the rule in the new set
    unsigned node;
    int64_t step;      // -2 … 2 times the step of the condition
    int64_t threshold; // what that makes it
};

struct pn_backtest_plan {
    const struct pn_config *config;
    const struct pn_ruleset *rules[PN_BACKTEST_SIDES];
    int64_t from_ms, to_ms;
    int64_t weeks[PN_BACKTEST_WEEKS_MAX + 1]; // when each begins; the last is the end
    unsigned week_count;
    unsigned months_back;                    // the longest window of both sets
    const struct pn_backtest_alias *aliases; // by subject
    size_t alias_count;
    const struct pn_backtest_variant *variants;
    unsigned variant_count;
    unsigned worker_count;
    void (*progress)(void *context, const char *what, int64_t done, int64_t all); // may be NULL
    void *context;
};

// Weeks (Monday to Sunday in Finland); thresholds, and how far back the rules look. The arena keeps
// them. PN_LIMIT when the time
// is too long.
PN_MUST_USE enum pn_code pn_backtest_plan_weeks(struct pn_backtest_plan *plan, struct pn_err *err);
PN_MUST_USE enum pn_code pn_backtest_plan_variants(struct pn_backtest_plan *plan,
                                                   struct pn_arena *arena, struct pn_err *err);

// The day (since 1970-01-01) on which the longest window of the period's first day begins.
int64_t pn_backtest_first_day(const struct pn_backtest_plan *plan);

// A client for whom a rule of one of the two sets holds at some time in the period. Bits are rules,
// by place.
struct pn_backtest_client {
    int64_t number;
    uint64_t rest; // of its key; 0: not known
    uint64_t held[PN_BACKTEST_SIDES];
    uint64_t at_end[PN_BACKTEST_SIDES]; // of `held`: at to_ms
    bool is_flagged[PN_BACKTEST_SIDES]; // what holds at some time begins a case (pn_rules_begin)
    bool is_flagged_at_end[PN_BACKTEST_SIDES];
};
// Somebody comes on the list: what holds begins a case, and just before it did not.
struct pn_backtest_arrival {
    uint32_t side, week, unit; // unit: hash, 0: none
};
struct pn_backtest_unit {
    uint32_t hash;
    char code[PN_UNIT_BYTES];
};

struct pn_backtest_totals {
    int64_t events, refused, facts, clients; // refused: events that can't be read
    int64_t crowded; // clients with more facts than a client is evaluated by (pn_heap_next)
    // Offsets of the event topic's partitions: the first that was read, and the one after the last.
    int64_t begins[PN_BACKTEST_PARTITIONS_MAX], ends[PN_BACKTEST_PARTITIONS_MAX];
    // Visits, contacts and appointments that began on each day from pn_backtest_first_day on; the
    // first one has those of before too, the last one those of later.
    int64_t days[PN_BACKTEST_DAYS_MAX];
    int64_t variant_rule[PN_BACKTEST_VARIANTS_MAX]; // clients flagged by the rule so changed
    int64_t variant_set[PN_BACKTEST_VARIANTS_MAX];  // by the whole set with it
};

// What comes out; arrays are the result's own.
struct pn_backtest_result {
    struct pn_backtest_totals totals;
    struct pn_backtest_client *clients;
    size_t client_count;
    struct pn_backtest_arrival *arrivals;
    size_t arrival_count;
    struct pn_backtest_unit *units;
    size_t unit_count;
};
// Forks; call it without open stores, streams and threads.
PN_MUST_USE enum pn_code pn_backtest_run(const struct pn_backtest_plan *plan,
                                         struct pn_backtest_result *ret_result, struct pn_err *err);
void pn_backtest_result_release(struct pn_backtest_result *result);

#endif
