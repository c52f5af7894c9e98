// SPDX-License-Identifier: Apache-2.0
/*
 * A trigger, or a rule that nearly holds, as it is shown to one caller: its DetectedIssue without
 * the events that the caller may not see, and the others as a list. Inside services/api only.
 */
#ifndef PN_SERVICES_API_TRIGGER_VIEW_H
#define PN_SERVICES_API_TRIGGER_VIEW_H

#include <cjson/cJSON.h>

#include "services/api/api.h"

// `title`, in three languages.
void pn_trigger_add_title(cJSON *object, struct pn_slice fi, struct pn_slice sv,
                          struct pn_slice en);
// Which trigger it is, its state, and what it counted: from `id` to `changed`.
void pn_trigger_add_head(cJSON *object, const struct pn_trigger *trigger);

// After an access decision: the DetectedIssue that the text is, for today's client, without what is
// withheld. NULL when all that was counted is withheld, or there is no memory.
cJSON *pn_trigger_issue(struct pn_call *call, const struct pn_client *client,
                        struct pn_slice issue) PN_MUST_USE;

// After an access decision. `issue` is the DetectedIssue's text; to `object` come:
//   issue            as it is, without references that are withheld
//   counted          [{reference, start, end, kind, sector, unit, status}], newest
//                    first
//   countedWithheld  how many more there are that the caller may not see
// False, and nothing is added, when events were counted and the caller may see none of them: then
// the trigger is withheld too.
PN_MUST_USE bool pn_trigger_view(struct pn_call *call, const struct pn_client *client,
                                 struct pn_slice issue, cJSON *object);

#endif
