// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "fhir/fhir.h"

// cJSON adds to NULL as nothing, so memory that runs out shows at the end only.
static bool add_issue(cJSON *issues, const char *severity, const char *code,
                      const char *diagnostics, const char *expression)
{
    cJSON *issue = cJSON_CreateObject();
    if (!cJSON_AddItemToArray(issues, issue)) {
        cJSON_Delete(issue);
        return false;
    }
    bool done = cJSON_AddStringToObject(issue, "severity", severity) != NULL &&
                cJSON_AddStringToObject(issue, "code", code) != NULL;
    if (done && diagnostics[0] != '\0') {
        done = cJSON_AddStringToObject(issue, "diagnostics", diagnostics) != NULL;
    }
    if (done && expression[0] != '\0') {
        cJSON *list = cJSON_AddArrayToObject(issue, "expression");
        cJSON *text = cJSON_CreateString(expression);
        done = cJSON_AddItemToArray(list, text);
        if (!done) {
            cJSON_Delete(text);
        }
    }
    return done;
}

static bool add_report(cJSON *issues, const struct pn_fhir_report *report)
{
    for (unsigned i = 0; i < report->issue_count; i++) {
        const struct pn_fhir_issue *one = &report->issues[i];
        if (!add_issue(issues, one->severity == PN_FHIR_ERROR ? "error" : "warning", one->code,
                       one->diagnostics, one->expression)) {
            return false;
        }
    }
    return report->issue_count > 0 ||
           add_issue(issues, "information", "informational", "no faults were found", "");
}

cJSON *pn_fhir_report_outcome(const struct pn_fhir_report *report)
{
    cJSON *outcome = pn_fhir_new("OperationOutcome");
    cJSON *issues = cJSON_AddArrayToObject(outcome, "issue");
    if (issues == NULL || !add_report(issues, report)) {
        cJSON_Delete(outcome);
        return NULL;
    }
    return outcome;
}

const char *pn_fhir_issue_type(enum pn_code code)
{
    switch (code) {
    case PN_INVALID:
        return "invalid";
    case PN_UNSUPPORTED:
        return "not-supported";
    case PN_LIMIT:
        return "too-long";
    case PN_NOT_FOUND:
        return "not-found";
    case PN_CONFLICT:
        return "conflict";
    case PN_DENIED:
        return "forbidden";
    case PN_UNAVAILABLE:
        return "transient";
    case PN_MEMORY:
        return "throttled";
    case PN_OK:
        return "informational";
    case PN_IO:
    case PN_INTERNAL:
    default:
        return "exception";
    }
}

cJSON *pn_fhir_error_outcome(const struct pn_err *err)
{
    char diagnostics[PN_ERR_WHERE_BYTES + PN_ERR_TEXT_BYTES + 2];
    snprintf(diagnostics, sizeof diagnostics, "%s%s%s", err->where, err->where[0] ? ": " : "",
             err->text);
    cJSON *outcome = pn_fhir_new("OperationOutcome");
    cJSON *issues = cJSON_AddArrayToObject(outcome, "issue");
    const char *severity = err->code == PN_OK ? "information" : "error";
    if (issues == NULL ||
        !add_issue(issues, severity, pn_fhir_issue_type(err->code), diagnostics, "")) {
        cJSON_Delete(outcome);
        return NULL;
    }
    return outcome;
}
