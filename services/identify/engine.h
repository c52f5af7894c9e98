// SPDX-License-Identifier: Apache-2.0
/*
 * The identify service without its loop: events in, triggers and the work list out.
 *
 * Events change facts; at the end of a batch each client that was touched is evaluated once, and
 * what is different from before is written and emitted. So the result depends on the facts alone,
 * not on the order in which they came or on how they were cut into batches.
 */
#ifndef PN_IDENTIFY_ENGINE_H
#define PN_IDENTIFY_ENGINE_H

#include "base/err.h"
#include "event/event.h"
#include "services/identify/rules/rules.h"
#include "services/identify/worklist/teams.h"
#include "store/store.h"

struct pn_engine;

struct pn_engine_options {
    struct pn_store *store;
    const struct pn_ruleset *rules; // used until newest_rules gives others
    // May be NULL. Asked when a transaction begins, inside it: the rules from then on. Those from
    // before are not looked at again. When they are others everybody is evaluated anew.
    enum pn_code (*newest_rules)(void *context, const struct pn_ruleset **ret_rules,
                                 struct pn_err *err);
    // Another process may have evaluated with older rules just before: evaluate everybody anew.
    bool judges_all;
    // Outlives the engine, or until pn_engine_use_teams; NULL: pn_teams_default.
    const struct pn_teams *teams;
    // Takes one trigger event, inside the open transaction.
    enum pn_code (*emit)(void *context, const struct pn_event *event, struct pn_err *err);
    void *context;
};
PN_MUST_USE enum pn_code pn_engine_open(const struct pn_engine_options *options,
                                        struct pn_engine **ret_engine, struct pn_err *err);
void pn_engine_close(struct pn_engine *engine); // takes NULL
// Between transactions or in a tick's before pn_engine_tick, which lets every case follow. What was
// in force before is not looked at again.
void pn_engine_use_teams(struct pn_engine *engine, const struct pn_teams *teams);

// One event, inside the open transaction. PN_INVALID: it can never be taken.
PN_MUST_USE enum pn_code pn_engine_take(struct pn_engine *engine, struct pn_arena *arena,
                                        const struct pn_event *event, struct pn_err *err);
// Evaluates and writes; the moment is the clock's.
PN_MUST_USE enum pn_code pn_engine_batch_end(struct pn_engine *engine, struct pn_err *err);
// Looks at clients whose time has come; at most PN_DUE_MAX of them. Also begins the evaluation of
// everybody when the rules are others than the store was made with.
enum { PN_DUE_MAX = 2000 };
PN_MUST_USE enum pn_code pn_engine_tick(struct pn_engine *engine, int64_t now_ms,
                                        struct pn_err *err);
void pn_engine_committed(struct pn_engine *engine);
void pn_engine_forget(struct pn_engine *engine); // after a rollback

#endif
