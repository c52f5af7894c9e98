// SPDX-License-Identifier: Apache-2.0
/*
 * Which rules everybody was evaluated with: when they are others now, everybody is to be looked at
 * again. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_RULES_SEEN_H
#define PN_IDENTIFY_RULES_SEEN_H

#include "services/identify/rules/rules.h"
#include "store/store.h"

// Makes everybody due when the rules are others than those the store names, or in any case, and
// writes theirs there. Inside the open transaction.
PN_MUST_USE enum pn_code pn_rules_seen_check(struct pn_store *store, const struct pn_ruleset *rules,
                                             bool in_any_case, struct pn_err *err);

#endif
