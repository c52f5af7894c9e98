// SPDX-License-Identifier: Apache-2.0
/*
 * Shared-client cases: a client was accepted, with the client's consent, as one whom several
 * organisations help together; some day that ends. Systems that mark shared clients are told of
 * both (`of: case` in an adapter's out/).
 *
 * A client has at most one open case. Publishing a plan opens one when none is open. A case is a
 * FHIR Flag: version 1 when it opens, 2 when it has ended; the next one is another Flag. After two
 * clients are merged both their cases stay: opening finds the first, ending ends the one named.
 */
#ifndef PN_SERVICES_PLAN_CASE_H
#define PN_SERVICES_PLAN_CASE_H

#include <cjson/cJSON.h>

#include "services/plan/plan_write.h"

#define PN_CASE_SYSTEM "https://punos.fi/fhir/CodeSystem/flag"
#define PN_CASE_CODE "shared-client"

struct pn_plan_case {
    char id[PN_UUID_TEXT_BYTES];
    char client_key[PN_CLIENT_KEY_TEXT_BYTES]; // today's key
    int64_t version;
    int64_t opened_ms;
    int64_t ended_ms; // 0: open
};

// One transaction each, with the event's outbox row. Opening finds the open case when there is one
// (*ret_is_new false). Ending an ended one changes nothing; PN_CONFLICT when the version is another
// (err->where is Flag.meta.versionId) or the client's plan is still active.
PN_MUST_USE enum pn_code pn_plan_case_open(const struct pn_plan_writer *writer,
                                           struct pn_slice client_key,
                                           struct pn_plan_case *ret_case, bool *ret_is_new,
                                           struct pn_err *err);
PN_MUST_USE enum pn_code pn_plan_case_end(const struct pn_plan_writer *writer, struct pn_slice id,
                                          int64_t expected_version, struct pn_plan_case *ret_case,
                                          struct pn_err *err);
// The same as opening, in the transaction that is open.
PN_MUST_USE enum pn_code pn_plan_case_ensure(const struct pn_plan_writer *writer,
                                             const char *client_key, struct pn_plan_case *ret_case,
                                             bool *ret_is_new, struct pn_err *err);

// PN_NOT_FOUND when there is no such case.
PN_MUST_USE enum pn_code pn_plan_case_find(struct pn_store *store, struct pn_slice id,
                                           struct pn_plan_case *ret_case, struct pn_err *err);
// Newest first; `client_key` is today's.
PN_MUST_USE enum pn_code pn_plan_cases_of(struct pn_store *store, struct pn_slice client_key,
                                          struct pn_plan_case *ret_cases, size_t case_max,
                                          size_t *ret_count, struct pn_err *err);

// As FHIR, from the current JSON arena; NULL when it is full.
cJSON *pn_plan_case_flag(const struct pn_plan_case *found) PN_MUST_USE;

#endif
