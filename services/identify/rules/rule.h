// SPDX-License-Identifier: Apache-2.0
/*
 * A rule as it is evaluated: a tree of conditions over a client's facts (schemas/rules.schema.yaml
 * tells what each means). rules.h makes rules from a file, evaluate.h runs them.
 */
#ifndef PN_IDENTIFY_RULE_H
#define PN_IDENTIFY_RULE_H

#include "services/identify/rules/fact.h"
#include "services/identify/rules/language.h"

enum {
    PN_RULE_CODES_MAX = 64,  // codes of one field of a filter
    PN_RULE_RANGES_MAX = 64, // ranges of one code group, and of one filter
    PN_RULE_PRICES_MAX = 32, // rows of one price list
    PN_RULE_STEPS_MAX = 4,   // of a sequence
    PN_RULE_NODES_MAX = 32,
    PN_RULE_LEAVES_MAX = 16,
    PN_RULES_MAX = 64
};

struct pn_rule_codes {
    uint32_t codes[PN_RULE_CODES_MAX];
    unsigned count; // 0: any
};
struct pn_code_range {
    uint64_t from, until; // pn_fact_pack; both ends belong to it
};
struct pn_code_ranges {
    struct pn_code_range ranges[PN_RULE_RANGES_MAX];
    unsigned count; // 0: any
};

// Which facts: all that is given must hold; of a fact's codes one is enough. Withdrawn facts never
// count.
struct pn_filter {
    uint32_t kinds, sectors;        // 1 << enum; sectors 0: any
    uint32_t reported_by, concerns; // likewise; 0: any
    enum pn_urgency urgency;        // unknown: any
    bool noshow_only, client_contacts_only;
    struct pn_rule_codes services, professions, contacts, statuses, units, settings;
    struct pn_code_ranges codes;
};
// Whether the code is one that the filter asks for; a filter that asks for none takes any.
bool pn_code_fits(const struct pn_filter *filter, uint64_t code);

// What facts cost, in whole euros: the first row that fits gives the price, once or for each
// calendar day in Finland that the fact goes on. A fact that no row fits costs nothing.
struct pn_price {
    const struct pn_filter *where;
    uint16_t bit;      // of the filter, in the file's match.h
    int64_t each, day; // one of them is 0
};
struct pn_prices {
    struct pn_price rows[PN_RULE_PRICES_MAX];
    unsigned count;
    bool has_days;
};

// Leaves come first; pn_node_is_leaf.
enum pn_node_kind {
    PN_NODE_COUNT,    // facts in the window
    PN_NODE_DISTINCT, // different codes among them
    PN_NODE_SAME,     // facts that share the code that most of them have
    PN_NODE_SUM,      // what they cost by a price list
    PN_NODE_SEQUENCE, // last facts of chains of facts, one of each step, within `length_days`
    PN_NODE_GAP,      // the last fact is `length_days` old
    PN_NODE_DAYS,     // different calendar days that facts with a length were going on
    PN_NODE_TREND,    // facts in the window, and a factor times those in the window before it
    PN_NODE_OPEN,     // facts that go on now
    PN_NODE_ABSENT,   // no fact in the window
    PN_NODE_ALL,
    PN_NODE_ANY,
    PN_NODE_NONE,
    PN_NODE_AT_LEAST, // `at_least` of the children
    PN_NODE_SCORE     // weights of the children that hold
};
static inline bool pn_node_is_leaf(enum pn_node_kind kind)
{
    return kind <= PN_NODE_ABSENT;
}
const char *pn_node_kind_name(enum pn_node_kind kind); // "count"
enum pn_distinct {
    PN_DISTINCT_PROFESSIONS,
    PN_DISTINCT_SERVICES,
    PN_DISTINCT_UNITS,
    PN_DISTINCT_SECTORS,
    PN_DISTINCT_KINDS,
    PN_DISTINCT_CODES
};

// Nodes stand in one array, a parent before its children.
struct pn_node {
    enum pn_node_kind kind;
    unsigned end; // place after the node's last descendant
    int64_t at_least;
    int64_t lapse_below; // once the rule holds, this is enough; at most at_least
    int64_t weight;      // in a score
    // Leaves
    const struct pn_filter *steps[PN_RULE_STEPS_MAX]; // one, but for a sequence
    uint16_t bits[PN_RULE_STEPS_MAX];                 // of the filters, in the file's match.h
    uint16_t scope_bits[PN_RULE_STEPS_MAX];           // of what the scope asks besides
    unsigned step_count;
    const struct pn_filter *scope; // what the scope asks besides; NULL: nothing
    enum pn_distinct of;
    const struct pn_prices *prices;     // of a sum
    int64_t window_months, window_days; // both 0: facts count for ever
    int64_t length_days;
    int64_t factor_hundredths; // of a trend: 150 is one and a half times as many
};

struct pn_match;
struct pn_rule {
    const char *id;
    int64_t version;
    const char *source;
    bool is_from_source; // the source gives the number; else it is ours
    const char *title[PN_LANGUAGE_COUNT];
    const char *explanation[PN_LANGUAGE_COUNT];
    const char *advice[PN_LANGUAGE_COUNT]; // NULL: none
    int64_t weight;
    bool is_support; // does not begin a case by itself
    struct {
        int64_t from_years, to_years; // reached in the year; to_years 0: no end
        const struct pn_filter *where;
        const struct pn_filter *not_with;
    } scope;
    int64_t cool_down_days, expires_months; // 0: none
    const struct pn_match *match;           // the file's filters
    const struct pn_node *nodes;
    unsigned node_count, leaf_count;
    // What is told first of the rule: of the node `headline`, the tree's first positive one that
    // counts something.
    unsigned headline;
    int64_t threshold, lapse_below, window_months;
    bool is_plain;      // more facts only put its end off
    bool rises_by_time; // its tree may begin to hold because something leaves a window
    bool has_memory;    // whether it holds depends on whether it held before
};

#endif
