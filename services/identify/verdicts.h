// SPDX-License-Identifier: Apache-2.0
/*
 * What evaluation means for a client: triggers raised, changed, lapsed or retracted, the place on
 * the work list, and when to look again. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_VERDICTS_H
#define PN_IDENTIFY_VERDICTS_H

#include "event/event.h"
#include "services/identify/identify_store.h"
#include "services/identify/triggers/sources.h"
#include "services/identify/triggers/trigger_log.h"
#include "services/identify/worklist/cases.h"

struct pn_verdicts;

struct pn_verdicts_options {
    struct pn_store *store;
    const struct pn_ruleset *rules;
    const struct pn_teams *teams;
    const struct pn_sources *sources; // as they are when something is told
    enum pn_code (*emit)(void *context, const struct pn_event *event, struct pn_err *err);
    void *context;
};
PN_MUST_USE enum pn_code pn_verdicts_open(const struct pn_verdicts_options *options,
                                          struct pn_verdicts **ret_verdicts, struct pn_err *err);
void pn_verdicts_close(struct pn_verdicts *verdicts); // takes NULL
// What was told since it was told or forgotten last: metrics count what was committed.
struct pn_trigger_counts *pn_verdicts_counts(struct pn_verdicts *verdicts);

// Evaluates every rule on the client's facts, and writes and emits what is new.
PN_MUST_USE enum pn_code pn_verdicts_judge(struct pn_verdicts *verdicts,
                                           const struct pn_held_client *client, int64_t moment_ms,
                                           struct pn_err *err);

struct pn_cases *pn_verdicts_cases(struct pn_verdicts *verdicts);

// Other rules from now on.
void pn_verdicts_use(struct pn_verdicts *verdicts, const struct pn_ruleset *rules);

#endif
