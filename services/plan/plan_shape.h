// SPDX-License-Identifier: Apache-2.0
/*
 * The shape of a shared plan as tables: which members each object may and must hold, of what kind,
 * how many and how long (schemas/plan.md). Anything the tables do not name is an error, so that
 * nothing is lost silently on the way into a records system. No identity code may stand in any
 * text.
 */
#ifndef PN_SERVICES_PLAN_SHAPE_H
#define PN_SERVICES_PLAN_SHAPE_H

#include <cjson/cJSON.h>

#include "fhir/fhir.h"

void pn_plan_shape_check(const cJSON *body, struct pn_fhir_report *report);

#endif
