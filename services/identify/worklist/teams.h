// SPDX-License-Identifier: Apache-2.0
/*
 * Teams: which units' clients stand on whose list, how many new names a week each can take, and
 * the coded reasons that a person may give (schemas/teams.schema.yaml).
 */
#ifndef PN_IDENTIFY_TEAMS_H
#define PN_IDENTIFY_TEAMS_H

#include "base/arena.h"
#include "base/err.h"
#include "privacy/access.h"
#include "services/identify/rules/language.h"
#include "services/identify/worklist/worklist_read.h"

enum {
    PN_TEAMS_MAX = 64,
    PN_TEAM_UNITS_MAX = 256, // of one team
    PN_REASONS_MAX = 32,
    PN_TEAM_ID_BYTES = 49
};
#define PN_TEAM_ALL "all" // the one team of an installation that has named none
#define PN_NO_BUDGET (-1)

struct pn_team {
    const char *id;
    const char *name[PN_LANGUAGE_COUNT];
    const char **units; // codes as the events have them; "*": those of no other team
    unsigned unit_count;
    unsigned roles; // enum pn_role together, who sees the list; 0: all who may see the work list
    int64_t new_names_a_week; // PN_NO_BUDGET: any number
};

struct pn_case_reason {
    const char *id;
    const char *name[PN_LANGUAGE_COUNT];
    uint32_t states; // 1 << enum pn_case_state that it can be given for
};

struct pn_teams {
    struct pn_team teams[PN_TEAMS_MAX];
    unsigned team_count;
    struct pn_case_reason reasons[PN_REASONS_MAX];
    unsigned reason_count;
    struct {
        int64_t not_relevant, refuses; // 0: never by time alone
    } back_months;                     // after which a case comes back as new
};

// One team without a budget, and the reason "other".
const struct pn_teams *pn_teams_default(void);
// `path` NULL or empty: the default.
PN_MUST_USE enum pn_code pn_teams_read(struct pn_arena *arena, const char *path,
                                       struct pn_teams *ret_teams, struct pn_err *err);
const struct pn_team *pn_teams_find(const struct pn_teams *teams, struct pn_slice id); // or NULL
// Whose list a unit's clients stand on; NULL: nobody's.
const struct pn_team *pn_teams_of_unit(const struct pn_teams *teams, struct pn_slice unit);
// NULL: no such reason for that state.
const struct pn_case_reason *pn_teams_reason(const struct pn_teams *teams, enum pn_case_state state,
                                             struct pn_slice id);

// The file as it is, looked at anew when asked: its time of change, size and inode tell whether it
// has changed. What can't be read is told once, and the teams before stay in force.
struct pn_teams_follower;
enum pn_teams_news { PN_TEAMS_SAME, PN_TEAMS_OTHERS, PN_TEAMS_REFUSED };
PN_MUST_USE enum pn_code pn_teams_follower_open(const char *path,
                                                struct pn_teams_follower **ret_follower,
                                                struct pn_err *err);
void pn_teams_follower_close(struct pn_teams_follower *follower); // takes NULL
const struct pn_teams *pn_teams_followed(const struct pn_teams_follower *follower);
// OTHERS: the teams from before are gone, pn_teams_followed has those that are in force now.
// REFUSED: *err says what is wrong with the file and where.
PN_MUST_USE enum pn_teams_news pn_teams_follow(struct pn_teams_follower *follower,
                                               struct pn_err *err);

#endif
