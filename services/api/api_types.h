// SPDX-License-Identifier: Apache-2.0
/*
 * The resource types that the FHIR interface has, and their search parameters, as tables. Routing,
 * searching, the CapabilityStatement and schemas/openapi.yaml's check all come from these.
 *
 * FHIR R4 3.1.1 (search). Every search here is of one client: `patient` (or `subject`) must be
 * given.
 */
#ifndef PN_SERVICES_API_API_TYPES_H
#define PN_SERVICES_API_API_TYPES_H

#include "base/slice.h"

enum pn_api_source {
    PN_FROM_TIMELINE, // what the systems sent
    PN_FROM_WORKLIST, // what the rules said
    PN_FROM_PLANS     // the shared plans
};

enum pn_search_kind {
    PN_SEARCH_PATIENT,
    PN_SEARCH_TOKEN,
    PN_SEARCH_DATE,
    PN_SEARCH_LAST_UPDATED,
    PN_SEARCH_ID,
    PN_SEARCH_COUNT,
    PN_SEARCH_SORT,
    PN_SEARCH_CURSOR,
    PN_SEARCH_INCLUDE, // the one include that there is
    PN_SEARCH_FORMAT   // accepted, decides nothing
};

enum { PN_SEARCH_ELEMENTS_MAX = 3 };

struct pn_search_param {
    const char *name;
    enum pn_search_kind kind;
    // Where the value stands: a token's element, or a date's (a Period, or a dateTime). Several:
    // the first that is there.
    const char *elements[PN_SEARCH_ELEMENTS_MAX];
    const char *text; // for the CapabilityStatement
};

struct pn_api_type {
    const char *name;
    enum pn_api_source source;
    const struct pn_search_param *params;
    unsigned param_count;
    const char *sort;    // the one order there is, as _sort names it
    const char *include; // the one _include there is; NULL: none
};

extern const struct pn_api_type pn_api_types[];
extern const unsigned pn_api_type_count;
// Parameters that every type has.
extern const struct pn_search_param pn_search_common[];
extern const unsigned pn_search_common_count;

// NULL when there is none.
const struct pn_api_type *pn_api_type_find(struct pn_slice name);
// The type that "/fhir/<type>/…" names.
const struct pn_api_type *pn_api_type_of_path(struct pn_slice path);
const struct pn_search_param *pn_search_param_find(const struct pn_api_type *type,
                                                   struct pn_slice name);
// The FHIR name of a kind: "token", "date", "reference", "special".
const char *pn_search_kind_name(enum pn_search_kind kind);

#endif
