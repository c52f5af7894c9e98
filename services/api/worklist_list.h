// SPDX-License-Identifier: Apache-2.0
/*
 * A page of the work list as a FHIR List (R4): the clients' Flags in the order of their rank, each
 * with where the work stands. For callers who accept application/fhir+json. Inside services/api
 * only.
 */
#ifndef PN_SERVICES_API_WORKLIST_LIST_H
#define PN_SERVICES_API_WORKLIST_LIST_H

#include <cjson/cJSON.h>

#include "base/attr.h"

// `clients` as GET /worklist answers them; `next`: the next page's cursor, "" after the last.
cJSON *pn_worklist_list(const cJSON *clients, const char *next, unsigned withheld) PN_MUST_USE;

#endif
