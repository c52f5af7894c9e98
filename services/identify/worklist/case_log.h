// SPDX-License-Identifier: Apache-2.0
/*
 * The history of cases: one row of `case_log` per change of a case's state, by the service and by
 * people. Rows are never changed. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_CASE_LOG_H
#define PN_IDENTIFY_CASE_LOG_H

#include "base/err.h"
#include "services/identify/worklist/worklist_read.h"
#include "store/store.h"

// In `rules_then` of cases that a person set before it was written: every rule.
#define PN_CASE_RULES_ALL "*"

enum {
    PN_CASE_NOT_LISTED = -1,   // `was` of a client who comes to the list
    PN_CASE_RULES_BYTES = 4608 // ids of PN_RULES_MAX rules, a comma between
};

struct pn_case_entry {
    int64_t client; // the number that the case stood under then
    int64_t at_ms;
    int was; // enum pn_case_state, or PN_CASE_NOT_LISTED
    enum pn_case_state state;
    // Coded; the service's own: new-rule, time, unmerged, and PN_CASE_REASON_ below.
    struct pn_slice reason;
    struct pn_slice by; // the token's name; empty when the service did it
    struct pn_slice unit, team;
    struct pn_slice rules; // ids of the rules that held, a comma between
};
// Inside the open transaction.
PN_MUST_USE enum pn_code pn_case_log_add(struct pn_store *store, const struct pn_case_entry *entry,
                                         struct pn_err *err);
#define PN_CASE_REASON_MERGED "merged"
// Rows of a case that is new and stays so, without rules: a team's budget holds the name back, and
// it is shown.
#define PN_CASE_REASON_HELD "held"
#define PN_CASE_REASON_SHOWN "shown"
PN_MUST_USE enum pn_code pn_case_log_held(struct pn_store *store, int64_t client, int64_t at_ms,
                                          struct pn_err *err);
PN_MUST_USE enum pn_code pn_case_log_shown(struct pn_store *store, int64_t client, int64_t at_ms,
                                           struct pn_err *err);
// Of all that wait in the team.
PN_MUST_USE enum pn_code pn_case_log_all_shown(struct pn_store *store, const char *team,
                                               int64_t at_ms, struct pn_err *err);
// The ids of the rules that the store says hold for the client now.
PN_MUST_USE enum pn_code pn_case_rules_now(struct pn_store *store, int64_t client,
                                           char ret_rules[static PN_CASE_RULES_BYTES],
                                           struct pn_err *err);
// Adds an id; a list that is full stays as it is.
void pn_case_rules_add(char rules[static PN_CASE_RULES_BYTES], struct pn_slice id);
bool pn_case_rules_has(struct pn_slice rules, struct pn_slice id);

#endif
