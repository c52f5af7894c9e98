// SPDX-License-Identifier: Apache-2.0
/*
 * A client's row on the work list. Inside services/identify only.
 *
 * A case begins when a rule that stands alone holds, or as many that support as the rules ask
 * (pn_rules_begin). What a person has set stays. A case that nobody has begun lapses when nothing
 * holds that could begin it; one that is not relevant, or whose client refuses, comes back as new
 * when a rule that could begin it rises and did not hold then, or after a configured time. When two
 * identities become one client, the most advanced of their cases counts (case_states.h) until
 * somebody, or the service, changes the client's state; when they part, each has its own again.
 */
#ifndef PN_IDENTIFY_CASES_H
#define PN_IDENTIFY_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "services/identify/worklist/case_log.h"
#include "services/identify/triggers/rank.h"
#include "services/identify/rules/rules.h"
#include "services/identify/worklist/teams.h"
#include "services/identify/worklist/units.h"
#include "store/store.h"

struct pn_cases;

PN_MUST_USE enum pn_code pn_cases_open(struct pn_store *store, const struct pn_teams *teams,
                                       struct pn_cases **ret_cases, struct pn_err *err);
void pn_cases_close(struct pn_cases *cases); // takes NULL
// Others from now on: the next tick gives every case its team.
void pn_cases_use_teams(struct pn_cases *cases, const struct pn_teams *teams);
// After a rollback.
void pn_cases_forget(struct pn_cases *cases);

// The rules that hold for one client, together.
struct pn_case_standing {
    unsigned count, support_count; // all, and of them those that only support
    struct pn_counted counted;
    struct pn_rank rank;
    char rules[PN_CASE_RULES_BYTES]; // their ids, a comma between
};
void pn_case_standing_clear(struct pn_case_standing *standing);
void pn_case_standing_add(struct pn_case_standing *standing, const struct pn_rule *rule,
                          const struct pn_finding *finding, struct pn_rank_share share);

struct pn_case_sum {
    int64_t client;
    int64_t moment_ms;
    const struct pn_ruleset *rules;
    const struct pn_case_standing *standing; // of these rules
    const struct pn_fact_entry *facts;       // that the standing is about
    bool has_told;                           // something was told of a trigger
    bool is_rank_new;
    bool was_withdrawn; // what ended now did by its evidence, and not by time
};
// Whether something held that could begin the case when it was settled last, and holds now. The
// row keeps when that ended (ended_ms; 0: it holds) and whether it was in error: what ended was
// withdrawn, and nothing of the client's has lapsed by time.
struct pn_case_grounds {
    bool before, now;
};
// Puts the client on the list, moves it, or lets it lapse when nothing holds that could begin the
// case and nobody has. Writes when something is new, or the rules came to say something else.
PN_MUST_USE enum pn_code pn_case_settle(struct pn_cases *cases, const struct pn_case_sum *sum,
                                        struct pn_case_grounds *ret_grounds, struct pn_err *err);

// `subject` is `now`'s. The same again changes nothing.
PN_MUST_USE enum pn_code pn_case_moved(struct pn_store *store, int64_t subject, int64_t now,
                                       int64_t moment_ms, struct pn_err *err);
// A decision replaces what was carried over from other identities.
PN_MUST_USE enum pn_code pn_case_decided(struct pn_store *store, int64_t client,
                                         struct pn_err *err);

// What time does: cases come back, and names are shown as the teams' budgets have room.
PN_MUST_USE enum pn_code pn_cases_tick(struct pn_cases *cases, int64_t now_ms, struct pn_err *err);

#endif
