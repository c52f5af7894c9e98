// SPDX-License-Identifier: Apache-2.0
/*
 * The rule file: YAML (schemas/rules.schema.yaml) into rules that evaluate.h runs.
 */
#ifndef PN_IDENTIFY_RULES_H
#define PN_IDENTIFY_RULES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "services/identify/rules/rule.h"

enum { PN_RULES_FILE_BYTES_MAX = 1024 * 1024 };

struct pn_ruleset {
    struct pn_rule rules[PN_RULES_MAX];
    unsigned count;
    const struct pn_match *match; // all filters of the rules
    int64_t supports_needed;      // so many of those together begin a case; 0: they never do
    int64_t number;               // in the store's rule_sets; 0: it is not from there
    int64_t window_months_max;    // how far back a fact may matter
    uint32_t fingerprint; // of the file's text: another one means that clients are evaluated anew
};

// Texts live in the arena. PN_INVALID names file, line and field.
PN_MUST_USE enum pn_code pn_rules_parse(struct pn_arena *arena, const char *name,
                                        struct pn_slice text, struct pn_ruleset *ret_rules,
                                        struct pn_err *err);
PN_MUST_USE enum pn_code pn_rules_read(struct pn_arena *arena, const char *path,
                                       struct pn_ruleset *ret_rules, struct pn_err *err);

// Rules that may say something else of a client who got or lost this fact, as bits: 1 << place.
uint64_t pn_rules_touched(const struct pn_ruleset *rules, const struct pn_fact_entry *fact);

// Whether a client belongs on the work list for whom so many rules hold that stand alone, and so
// many that only support.
static inline bool pn_rules_begin(const struct pn_ruleset *rules, unsigned alone, unsigned supports)
{
    return alone > 0 || (rules->supports_needed > 0 && supports >= rules->supports_needed);
}

// NULL when there is none.
const struct pn_rule *pn_rules_find(const struct pn_ruleset *rules, struct pn_slice id);

#endif
