// SPDX-License-Identifier: Apache-2.0
/*
 * The content of a shared plan: what schemas/plan.md says it must hold, checked and put in order.
 *
 * The rules are tables (plan_shape.c) for what may and must stand where, and a few counts and dates
 * (plan_content.c). Everything wrong is reported, each with its place as a FHIRPath expression and
 * never with the value.
 */
#ifndef PN_SERVICES_PLAN_CONTENT_H
#define PN_SERVICES_PLAN_CONTENT_H

#include <cjson/cJSON.h>

#include "base/err.h"
#include "fhir/fhir.h"

#define PN_PLAN_ROLE_SYSTEM "https://punos.fi/fhir/CodeSystem/plan-role"
#define PN_PLAN_ACTIVITY_SYSTEM "https://punos.fi/fhir/CodeSystem/plan-activity"
#define PN_PLAN_REGISTER_SYSTEM "https://punos.fi/fhir/CodeSystem/register"
#define PN_PLAN_LABEL_URL                                                                          \
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
#define PN_PLAN_CATEGORY_SYSTEM "https://punos.fi/fhir/CodeSystem/plan-category"

enum {
    PN_PLAN_BYTES_MAX = 256 * 1024,
    PN_PLAN_TEXT_BYTES_MAX = 4000,
    PN_PLAN_SITUATION_BYTES_MAX = 8000,
    PN_PLAN_PARTICIPANTS_MAX = 41,
    PN_PLAN_ACTIVITIES_MAX = 50,
    PN_PLAN_REVIEW_MONTHS_MAX = 6
};

// What the hub knows and writes into a version, whatever the writer sent.
struct pn_plan_stamp {
    const char *id;
    int64_t version;
    const char *client_key;
    const char *author;
    const char *author_display;
    int64_t created_ms;
    int64_t written_ms;
};

// Checks `body` against schemas/plan.md. PN_INVALID when `report` holds an error.
PN_MUST_USE enum pn_code pn_plan_content_check(const cJSON *body, struct pn_fhir_report *report,
                                               struct pn_err *err);

// A checked body in its stored form: ids, references, fixed texts and order as schemas/plan.md
// says, and valid under R4. `body` is taken apart. Memory is the current JSON arena's.
PN_MUST_USE enum pn_code pn_plan_content_settle(cJSON *body, const struct pn_plan_stamp *stamp,
                                                cJSON **ret_plan, struct pn_fhir_report *report,
                                                struct pn_err *err);

// The stored form again for another version or client: stamps it anew, nothing else changes.
PN_MUST_USE enum pn_code pn_plan_content_stamp(cJSON *plan, const struct pn_plan_stamp *stamp,
                                               struct pn_err *err);

// Puts the client's present key everywhere a stored plan names the client.
PN_MUST_USE enum pn_code pn_plan_content_set_client(cJSON *plan, const char *client_key,
                                                    struct pn_err *err);

// Adds an error to a report. Beyond the report's array it is counted only.
void pn_plan_report_add(struct pn_fhir_report *report, const char *code, const char *expression,
                        const char *diagnostics);

#endif
