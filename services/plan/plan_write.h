// SPDX-License-Identifier: Apache-2.0
/*
 * Writing a shared plan: create, update, withdraw. Called by the API on its own handle of the plan
 * store; the version, the outbox row of its event and everything else are one transaction, and the
 * plan service relays the event.
 *
 * Versions are kept for ever, each with its author and time. A writer says which version it saw:
 * PN_CONFLICT when another one has come since. A client has at most one active plan at a time; a
 * second one is PN_CONFLICT too, with the first one named in err->text.
 */
#ifndef PN_SERVICES_PLAN_WRITE_H
#define PN_SERVICES_PLAN_WRITE_H

#include <cjson/cJSON.h>

#include "fhir/fhir.h"
#include "services/plan/plan_read.h"

struct pn_plan_writer {
    struct pn_store *store;
    const struct pn_privacy *privacy;
    const char *author;          // the caller's id
    const char *author_display;  // the caller's name for people
    struct pn_slice traceparent; // may be empty
    struct pn_fhir_report *report;
};

// Each fills writer->report with every place that is wrong when it answers PN_INVALID. `body` is
// taken apart. *ret_plan is the plan as stored, *ret_row its version; both untouched on failure.
PN_MUST_USE enum pn_code pn_plan_create(const struct pn_plan_writer *writer, cJSON *body,
                                        struct pn_plan_row *ret_row, cJSON **ret_plan,
                                        struct pn_err *err);
// A body with the status revoked or entered-in-error withdraws the plan.
PN_MUST_USE enum pn_code pn_plan_update(const struct pn_plan_writer *writer, struct pn_slice id,
                                        int64_t expected_version, cJSON *body,
                                        struct pn_plan_row *ret_row, cJSON **ret_plan,
                                        struct pn_err *err);
// `status`: "revoked" or "entered-in-error". The content stays as it was.
PN_MUST_USE enum pn_code pn_plan_withdraw(const struct pn_plan_writer *writer, struct pn_slice id,
                                          int64_t expected_version, const char *status,
                                          struct pn_plan_row *ret_row, struct pn_err *err);

#endif
