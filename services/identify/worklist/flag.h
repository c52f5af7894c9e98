// SPDX-License-Identifier: Apache-2.0
/*
 * A client's one Flag: as FHIR, and what is told of it on the trigger topic. It says that something
 * holds, since when the client has been known and how pressing it is; never who the client is nor
 * what a person has set.
 *
 * The Flag is raised when what holds can begin a case (cases.h), changes when a trigger begins or
 * ends meanwhile, and lapses when nothing holds that could: it is in error then (status
 * entered-in-error) when that was withdrawn and nothing of the client's has lapsed by time. What a
 * team's budget holds back is raised all the same: the budget is of the team's list. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_FLAG_H
#define PN_IDENTIFY_FLAG_H

#include "base/buf.h"
#include "event/event.h"
#include "privacy/access.h"
#include "services/identify/worklist/cases.h"
#include "services/identify/triggers/trigger_log.h"

struct pn_flag_view {
    const char *client_key; // the Flag's id too
    bool is_active, is_in_error;
    int64_t first_ms, ended_ms; // ended_ms 0: it has not
    int64_t rank;               // shown while it is active
    uint32_t classes;           // of protection; 0: ordinary
};
void pn_flag_print(const struct pn_flag_view *view, struct pn_buf *out);

// One client, judged and settled: what was told of its triggers, and those that hold now.
struct pn_flag_telling {
    struct pn_store *store;
    int64_t client;
    const char *client_key;
    const char *causation;
    int64_t moment_ms;
    struct pn_case_grounds grounds;
    const struct pn_case_standing *standing;
    const struct pn_trigger_tellings *tellings;
    uint32_t classes; // of the triggers that hold or ended now
    enum pn_code (*emit)(void *context, const struct pn_event *event, struct pn_err *err);
    void *context;
};
// Emits at most one event, inside the open transaction.
PN_MUST_USE enum pn_code pn_flag_tell(const struct pn_flag_telling *telling, struct pn_err *err);

#endif
