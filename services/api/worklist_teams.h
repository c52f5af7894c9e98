// SPDX-License-Identifier: Apache-2.0
/*
 * Whose work list a caller sees: that of the token's teams, or of every team when it names none;
 * of a team that names roles, with one of them only. Inside services/api only.
 */
#ifndef PN_SERVICES_API_WORKLIST_TEAMS_H
#define PN_SERVICES_API_WORKLIST_TEAMS_H

#include "services/api/api.h"
#include "services/identify/worklist/teams.h"

// Whether the caller sees the list of that team; of nobody's when it sees all.
bool pn_caller_sees_team(const struct pn_call *call, struct pn_slice team);

// The ids of the teams that the caller sees and the query (team, role) asks for, a comma between,
// for pn_worklist_filter; NULL when that is all, "-" when it is none. A caller without teams sees
// nobody's clients too, and asks for them as team "-".
PN_MUST_USE enum pn_code pn_worklist_teams_asked(const struct pn_call *call, const char **ret_teams,
                                                 struct pn_err *err);

void pn_worklist_add_reasons(const struct pn_teams *teams, cJSON *answer);
// "teams" with their figures, "states" and "held" of those seen, and "reasons"; "withoutTeam" when
// there are open cases that no team has and the caller sees them.
void pn_worklist_add_teams(struct pn_call *call, cJSON *answer);

#endif
