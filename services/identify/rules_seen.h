// SPDX-License-Identifier: Apache-2.0
/*
 * Which rules everybody was evaluated with, and how: when they are others now, or mean something
 * else, everybody is to be looked at again. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_RULES_SEEN_H
#define PN_IDENTIFY_RULES_SEEN_H

#include "services/identify/rules/rules.h"
#include "store/store.h"

// One more when the same rules over the same facts come to other moments than before: when somebody
// is due was reckoned the other way. 1: months by the clocks of Finland (evaluate/calendar.h).
enum { PN_RECKONING = 1 };

// Makes everybody due when the rules or the reckoning are others than those the store names, or in
// any case, and writes these there. Inside the open transaction.
PN_MUST_USE enum pn_code pn_rules_seen_check(struct pn_store *store, const struct pn_ruleset *rules,
                                             bool in_any_case, struct pn_err *err);

#endif
