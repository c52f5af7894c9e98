// SPDX-License-Identifier: Apache-2.0
/*
 * A stored plan as the FHIR interface shows it: the CarePlan, and its CareTeam as a resource of its
 * own (same id as the plan).
 */
#ifndef PN_SERVICES_API_PLAN_VIEW_H
#define PN_SERVICES_API_PLAN_VIEW_H

#include "services/api/api.h"
#include "services/plan/plan_read.h"

PN_MUST_USE enum pn_code pn_plan_view(struct pn_call *call, const struct pn_plan_row *row,
                                      const char *resource_type, cJSON **ret_resource,
                                      struct pn_err *err);

#endif
