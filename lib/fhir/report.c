// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fhir/validate.h"

enum { PLACES_MAX = 80 };

// Unknown names come from the message: one that does not look like an element's name is not shown.
static bool is_showable(const struct pn_fhir_place *place)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    for (unsigned i = 0; i < place->name_length; i++) {
        bool is_first_digit = i == 0 && place->name[i] >= '0' && place->name[i] <= '9';
        if (strchr(allowed, place->name[i]) == NULL || is_first_digit) {
            return false;
        }
    }
    return place->name_length > 0 && place->name_length <= 64;
}

static void print_place(const struct pn_fhir_place *place, char *text, size_t bytes)
{
    const struct pn_fhir_place *chain[PLACES_MAX];
    unsigned count = 0;
    for (; place != NULL && count < PLACES_MAX; place = place->above) {
        chain[count++] = place;
    }
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = count; i > 0 && used < bytes; i--) {
        const struct pn_fhir_place *one = chain[i - 1];
        bool show = is_showable(one);
        int wrote = snprintf(text + used, bytes - used, "%s%.*s", i == count ? "" : ".",
                             show ? (int)one->name_length : 1, show ? one->name : "?");
        used += wrote > 0 ? (size_t)wrote : 0;
        if (one->index >= 0 && used < bytes) {
            wrote = snprintf(text + used, bytes - used, "[%d]", one->index);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
        if (one->of_type != NULL && used < bytes) {
            wrote = snprintf(text + used, bytes - used, ".ofType(%s)", one->of_type);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
}

static struct pn_fhir_issue *next_issue(struct pn_fhir_check *check, enum pn_fhir_severity severity)
{
    struct pn_fhir_report *report = check->report;
    if (severity == PN_FHIR_ERROR) {
        report->error_count++;
    }
    return report->issue_count < PN_FHIR_ISSUES_MAX ? &report->issues[report->issue_count++] : NULL;
}

PN_PRINTF(3, 0)
static void fill(struct pn_fhir_issue *issue, const struct pn_fhir_place *place, const char *format,
                 va_list args) __attribute__((format(printf, 3, 0)));

static void fill(struct pn_fhir_issue *issue, const struct pn_fhir_place *place, const char *format,
                 va_list args)
{
    print_place(place, issue->expression, sizeof issue->expression);
    vsnprintf(issue->diagnostics, sizeof issue->diagnostics, format, args);
}

void pn_fhir_issue_add(struct pn_fhir_check *check, const struct pn_fhir_place *place,
                       const char *code, const char *format, ...)
{
    struct pn_fhir_issue *issue = next_issue(check, PN_FHIR_ERROR);
    if (issue == NULL) {
        return;
    }
    issue->severity = PN_FHIR_ERROR;
    issue->code = code;
    va_list args;
    va_start(args, format);
    fill(issue, place, format, args);
    va_end(args);
}

void pn_fhir_warning_add(struct pn_fhir_check *check, const struct pn_fhir_place *place,
                         const char *code, const char *format, ...)
{
    struct pn_fhir_issue *issue = next_issue(check, PN_FHIR_WARNING);
    if (issue == NULL) {
        return;
    }
    issue->severity = PN_FHIR_WARNING;
    issue->code = code;
    va_list args;
    va_start(args, format);
    fill(issue, place, format, args);
    va_end(args);
}
