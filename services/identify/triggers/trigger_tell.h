// SPDX-License-Identifier: Apache-2.0
/*
 * Telling what became of a trigger: its row is written and its DetectedIssue emitted, both inside
 * the open transaction. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_TRIGGER_TELL_H
#define PN_IDENTIFY_TRIGGER_TELL_H

#include "event/event.h"
#include "services/identify/triggers/trigger.h"
#include "services/identify/triggers/trigger_log.h"
#include "services/identify/triggers/trigger_rows.h"

struct pn_trigger_telling {
    const struct pn_rule *rule;
    struct pn_trigger_row *row; // as it was; becomes as it is told
    enum pn_trigger_state state;
    bool is_change; // raised before, and something about it is new

    struct pn_store *store;
    int64_t client;
    const char *client_key;
    const char *causation; // id of the event that it follows from
    int64_t moment_ms;
    const struct pn_finding *finding;
    const struct pn_fact_entry *facts; // that the finding's evidence is about
    const struct pn_sources *sources;  // NULL: nothing is said of them
    struct pn_rank_share share;
    struct pn_buf *text; // the caller's, for the resource; what it held is gone
    enum pn_code (*emit)(void *context, const struct pn_event *event, struct pn_err *err);
    void *context;
};
// Adds to what was told of the client. After an error roll the transaction back.
PN_MUST_USE enum pn_code pn_trigger_tell(const struct pn_trigger_telling *telling,
                                         struct pn_trigger_tellings *tellings, struct pn_err *err);

#endif
