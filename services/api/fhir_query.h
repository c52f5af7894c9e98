// SPDX-License-Identifier: Apache-2.0
/*
 * A FHIR search, read from the request's parameters by a type's table (FHIR R4 3.1.1).
 *
 * A parameter that is not known is refused under `Prefer: handling=strict`, otherwise left out with
 * a warning in the answer. A modifier or a value that is not understood is always refused: leaving
 * it out would answer with more than was asked for. Errors name parameters of the tables, never
 * what the request held.
 */
#ifndef PN_SERVICES_API_FHIR_QUERY_H
#define PN_SERVICES_API_FHIR_QUERY_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "services/api/api.h"
#include "services/api/api_types.h"

enum { PN_QUERY_FILTERS_MAX = 16, PN_QUERY_COUNT_DEFAULT = 50 };

enum pn_date_prefix {
    PN_DATE_EQ,
    PN_DATE_NE,
    PN_DATE_GT,
    PN_DATE_LT,
    PN_DATE_GE,
    PN_DATE_LE,
    PN_DATE_SA,
    PN_DATE_EB,
    PN_DATE_AP
};

// A date value is a range of milliseconds, [from, to): 2026-11 is the whole month.
struct pn_date_range {
    int64_t from_ms, to_ms;
};

struct pn_query_filter {
    const struct pn_search_param *param;
    struct pn_slice value; // tokens and ids: with commas between alternatives
    enum pn_date_prefix prefix;
    struct pn_date_range range;
};

struct pn_query {
    const struct pn_api_type *type;
    struct pn_slice client_key; // from patient or subject; empty when not given
    struct pn_query_filter filters[PN_QUERY_FILTERS_MAX];
    unsigned filter_count;
    unsigned page_size;
    struct pn_slice cursor;
    bool with_include;
    unsigned ignored_count; // unknown parameters that were left out
};

PN_MUST_USE enum pn_code pn_query_read(struct pn_call *call, const struct pn_api_type *type,
                                       struct pn_query *ret_query, struct pn_err *err);
// Whether a resource fits all filters. `updated_ms` is its meta.lastUpdated.
bool pn_query_fits(const struct pn_query *query, const cJSON *resource, int64_t updated_ms);
// The widest range of time that the date filters leave, for narrowing the reading. 0 is open.
void pn_query_narrow(const struct pn_query *query, int64_t *ret_from_ms, int64_t *ret_until_ms);

// `[prefix]YYYY[-MM[-DD[Thh:mm[:ss[.sss]]zone]]]`.
PN_MUST_USE bool pn_date_param_parse(struct pn_slice text, enum pn_date_prefix *ret_prefix,
                                     struct pn_date_range *ret_range);
bool pn_date_param_fits(enum pn_date_prefix prefix, const struct pn_date_range *asked,
                        const struct pn_date_range *found, int64_t now_ms);
// Whether a coded element (code, Coding, CodeableConcept, or lists of them) holds `system|code`.
bool pn_token_param_fits(const cJSON *element, struct pn_slice token);

// The page size that the request asks for, within the configured bound.
PN_MUST_USE bool pn_page_size_parse(struct pn_slice text, int64_t size_max, unsigned *ret_size);

#endif
