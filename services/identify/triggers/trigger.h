// SPDX-License-Identifier: Apache-2.0
/*
 * A trigger as FHIR: a DetectedIssue with the events that were counted, and what would end it.
 * Inside services/identify only.
 */
#ifndef PN_IDENTIFY_TRIGGER_H
#define PN_IDENTIFY_TRIGGER_H

#include "base/buf.h"
#include "base/ids.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/triggers/sources.h"
#include "services/identify/triggers/trigger_state.h"

enum { PN_EVIDENCE_MAX = 500 }; // references in one DetectedIssue: the newest

// The same client and rule have the same DetectedIssue, however often it comes and goes.
void pn_trigger_id(const char *client_key, const char *rule_id,
                   char ret_id[static PN_UUID_TEXT_BYTES]);

struct pn_trigger_view {
    const char *id;
    const char *client_key;
    const struct pn_rule *rule;
    const struct pn_finding *finding;
    const struct pn_fact_entry *facts; // that the finding's evidence is about
    const struct pn_sources *sources;  // NULL: nothing is said of them
    enum pn_trigger_state state;
    uint32_t classes; // of protection, of the events that it was told with; 0: ordinary
    bool is_near;     // no trigger: the rule nearly holds; the state is not looked at
    bool is_change;   // raised before, and something about it is new
    int64_t raised_ms;
    int64_t moment_ms;
};
// "meta" with a label for each class of special protection, and a comma; nothing when there is
// none. By them whoever passes the resource on knows that it is protected.
void pn_trigger_add_labels(uint32_t classes, struct pn_buf *out);
void pn_trigger_print(const struct pn_trigger_view *view, struct pn_buf *out);

#endif
