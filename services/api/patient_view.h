// SPDX-License-Identifier: Apache-2.0
/*
 * A client as a Patient without identity: the key, year of birth, gender.
 */
#ifndef PN_SERVICES_API_PATIENT_VIEW_H
#define PN_SERVICES_API_PATIENT_VIEW_H

#include "services/api/api.h"

// NULL when memory is exhausted.
cJSON *pn_patient_view(const struct pn_client *client) PN_MUST_USE;

#endif
