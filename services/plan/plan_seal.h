// SPDX-License-Identifier: Apache-2.0
/*
 * The plan's content, sealed: at rest in the plan store and inside its events (schemas/plan.md). A
 * seal is bound to the version (`CarePlan/<id>/_history/<versionId>`), not to the client key,
 * because a client's key changes when two identities turn out to be one person.
 */
#ifndef PN_SERVICES_PLAN_SEAL_H
#define PN_SERVICES_PLAN_SEAL_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"
#include "privacy/privacy.h"

#define PN_PLAN_SEAL_URL "https://punos.fi/fhir/StructureDefinition/sealed-plan"

// Appends the sealed content of version `version` of plan `id`.
PN_MUST_USE enum pn_code pn_plan_seal(const struct pn_privacy *privacy, const char *id,
                                      int64_t version, const cJSON *plan, struct pn_buf *out,
                                      struct pn_err *err);
// The other way; the JSON lives in the current JSON arena.
PN_MUST_USE enum pn_code pn_plan_unseal(const struct pn_privacy *privacy, const char *id,
                                        int64_t version, struct pn_slice sealed, cJSON **ret_plan,
                                        struct pn_err *err);
// The full plan out of the CarePlan that a plan event carries. Its subject is the event's.
PN_MUST_USE enum pn_code pn_plan_unseal_event(const struct pn_privacy *privacy,
                                              const struct pn_event *event, cJSON **ret_plan,
                                              struct pn_err *err);

// The CarePlan that goes on the stream for a stored plan: what may be seen, and the seal.
PN_MUST_USE enum pn_code pn_plan_event_data(const cJSON *plan, struct pn_slice sealed,
                                            struct pn_buf *out, struct pn_err *err);

#endif
