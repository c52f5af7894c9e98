// SPDX-License-Identifier: Apache-2.0
/*
 * A searchset Bundle being built: matches, warnings, and the links to this page and the next.
 */
#ifndef PN_SERVICES_API_BUNDLE_H
#define PN_SERVICES_API_BUNDLE_H

#include <cjson/cJSON.h>

#include "services/api/api.h"

// {"resourceType":"Bundle","type":…}; NULL when memory is exhausted.
cJSON *pn_bundle_new(const char *type) PN_MUST_USE;
// Appends a resource (which then belongs to the bundle) with its fullUrl. The entry, for
// extensions; NULL when memory is exhausted. `search_mode` may be NULL.
cJSON *pn_bundle_add(struct pn_call *call, cJSON *bundle, cJSON *resource, const char *search_mode);
// An OperationOutcome among the entries, search mode outcome: one issue.
void pn_bundle_add_issue(struct pn_call *call, cJSON *bundle, const char *severity,
                         const char *code, const char *diagnostics);
// The self link: the request's own path and parameters (not for Patient searches).
// The next link: the same with `cursor`, when it is not empty.
void pn_bundle_add_links(struct pn_call *call, cJSON *bundle, const char *cursor);

// Every reference to the client in `resource` (subject, patient, for, participant.actor) that names
// one of the client's keys becomes the present key.
PN_MUST_USE bool pn_resource_set_client(cJSON *resource, const struct pn_client *client);
// Whether the key is one of the client's.
bool pn_client_has_key(const struct pn_client *client, struct pn_slice key);
// One such reference.
PN_MUST_USE bool pn_reference_set_client(cJSON *reference, const struct pn_client *client);
// meta.versionId and meta.lastUpdated.
PN_MUST_USE bool pn_resource_set_meta(cJSON *resource, int64_t version, int64_t updated_ms);
// meta.security has a label for each class of special protection (struct pn_facts): those that are
// missing come after what the source labelled. Whoever passes it on knows that it is protected.
PN_MUST_USE bool pn_resource_add_labels(cJSON *resource, uint32_t classes);

#endif
