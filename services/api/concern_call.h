// SPDX-License-Identifier: Apache-2.0
/*
 * A concern reported by POST /fhir/Flag, which it shares with the shared-client case (case_call.c).
 */
#ifndef PN_SERVICES_API_CONCERN_CALL_H
#define PN_SERVICES_API_CONCERN_CALL_H

#include "services/api/api.h"

// Whether the Flag's code is of the code system of concerns.
bool pn_concern_is_reported(const cJSON *flag);
// Answers, after the decision.
void pn_concern_report_call(struct pn_call *call, const cJSON *body);

#endif
