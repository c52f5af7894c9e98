// SPDX-License-Identifier: Apache-2.0
/*
 * The alert budget: each team's number of new names a week. A case that becomes new in a team that
 * has a budget is held back (shown_ms 0) until there is room in the week; then those of the highest
 * rank come first. A week is an ISO week in Helsinki. What has been shown stays shown. A case that
 * no team has is never held back: no team's week would bring it to the list. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_BUDGET_H
#define PN_IDENTIFY_BUDGET_H

#include "services/identify/worklist/teams.h"
#include "store/store.h"

// The week's Monday, in days since 1970-01-01.
int64_t pn_week_of(int64_t time_ms);

// Shows what there is room for, inside the open transaction.
PN_MUST_USE enum pn_code pn_budget_admit(struct pn_store *store, const struct pn_teams *teams,
                                         int64_t now_ms, struct pn_err *err);

// Sets the gauges punos_worklist_<state>, _held and _new_names_a_week of each team, and of open
// cases that no team has punos_worklist_without_team and, of their units, _units_without_team.
PN_MUST_USE enum pn_code pn_budget_tell(struct pn_store *store, const struct pn_teams *teams,
                                        struct pn_err *err);

#endif
