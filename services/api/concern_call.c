// SPDX-License-Identifier: Apache-2.0
/*
 * A concern that somebody reports of a client, as a FHIR Flag whose code is of the code system
 * `concern`, by POST /fhir/Flag: a trigger that no event shows. Who reports stands in
 * author.identifier by a code of `reporter`; whose report it is in category by a code of `sector`,
 * else it is the sector's of the contact that shows the caller's relationship, else nobody's.
 * Codes only: words are not kept and not passed on.
 */
#include "base/clock.h"
#include "services/api/bundle.h"
#include "services/api/concern_call.h"
#include "services/plan/plan_concern.h"

enum { CLOCKS_APART_MS = 5 * 60 * 1000 };

static void answer_invalid(struct pn_call *call, const char *where, const char *text)
{
    struct pn_err err;
    pn_err_set(&err, PN_INVALID, where, "%s", text);
    pn_call_answer_status(call, 422, &err);
}

static struct pn_slice concern_code(const cJSON *flag)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(flag, "code");
    const cJSON *coding = NULL;
    cJSON_ArrayForEach(coding, cJSON_GetObjectItemCaseSensitive(code, "coding"))
    {
        if (pn_slice_is(pn_json_text(coding, "system"), PN_CONCERN_SYSTEM)) {
            return pn_json_text(coding, "code");
        }
    }
    return pn_slice_of("", 0);
}

bool pn_concern_is_reported(const cJSON *flag)
{
    return concern_code(flag).len > 0;
}

// Unknown when none is said; *ret_is_known false: said, and none that there is.
static enum pn_sector sector_of(const cJSON *flag, bool *ret_is_known)
{
    const cJSON *category = NULL;
    *ret_is_known = true;
    cJSON_ArrayForEach(category, cJSON_GetObjectItemCaseSensitive(flag, "category"))
    {
        const cJSON *coding = NULL;
        cJSON_ArrayForEach(coding, cJSON_GetObjectItemCaseSensitive(category, "coding"))
        {
            if (pn_slice_is(pn_json_text(coding, "system"), PN_SECTOR_SYSTEM)) {
                enum pn_sector sector = pn_sector_parse(pn_json_text(coding, "code"));
                *ret_is_known = sector != PN_SECTOR_UNKNOWN;
                return sector;
            }
        }
    }
    return PN_SECTOR_UNKNOWN;
}

// False: it has answered.
static bool read_report(struct pn_call *call, const cJSON *body, struct pn_concern_report *report)
{
    struct pn_slice code = concern_code(body), start = pn_fhir_get(body, "period.start");
    const int64_t now_ms = pn_clock_now_ms();
    bool is_sector_known = false;
    const enum pn_sector sector = sector_of(body, &is_sector_known);
    *report = (struct pn_concern_report){
        .about = pn_concern_parse(code),
        .reporter = pn_slice_is(pn_fhir_get(body, "author.identifier.system"), PN_REPORTER_SYSTEM)
                        ? pn_reporter_parse(pn_fhir_get(body, "author.identifier.value"))
                        : PN_REPORTER_UNKNOWN,
        .sector = sector,
        .start_ms = now_ms,
        .system = pn_fhir_get(body, "identifier.system"),
        .number = pn_fhir_get(body, "identifier.value")};
    if (!pn_slice_is(pn_json_text(body, "status"), "active")) {
        answer_invalid(call, "Flag.status", "a new one is active");
    } else if (!pn_concern_is_known(code)) {
        answer_invalid(call, "Flag.code", "none of the codes of " PN_CONCERN_SYSTEM);
    } else if (report->reporter == PN_REPORTER_UNKNOWN) {
        answer_invalid(call, "Flag.author.identifier",
                       "who reports? a code of " PN_REPORTER_SYSTEM
                       ": professional, client, relative or other-sector");
    } else if (!is_sector_known) {
        answer_invalid(call, "Flag.category",
                       "whose report is it? a code of " PN_SECTOR_SYSTEM
                       ": primary, specialist, social or national");
    } else if (start.len > 0 && (!pn_time_parse(start, &report->start_ms) ||
                                 report->start_ms > now_ms + CLOCKS_APART_MS)) {
        answer_invalid(call, "Flag.period.start", "a moment that is not to come is expected");
    } else {
        return true;
    }
    return false;
}

void pn_concern_report_call(struct pn_call *call, const cJSON *body)
{
    struct pn_concern_report report;
    struct pn_client client;
    struct pn_err err;
    cJSON *flag = NULL;
    struct pn_slice reference = pn_fhir_get(body, "subject.reference");
    if (!read_report(call, body, &report)) {
        return;
    }
    if (!pn_slice_starts_with(reference, "Patient/")) {
        answer_invalid(call, "Flag.subject.reference", "must be Patient/<client key>");
        return;
    }
    if (!pn_call_client(call, pn_slice_of(reference.ptr + 8, reference.len - 8), &client) ||
        !pn_call_may(call, PN_ACTION_PLAN_WRITE, &client, "reported concern")) {
        return;
    }
    report.client_key = pn_slice_str(client.key);
    report.sector = report.sector == PN_SECTOR_UNKNOWN ? call->sector : report.sector;
    enum pn_code code = pn_api_open_plans(call->api, &err);
    if (code == PN_OK) {
        const struct pn_plan_writer writer = {.store = call->api->plans,
                                              .privacy = call->api->privacy,
                                              .author = call->caller->name,
                                              .author_display = call->caller->name};
        code = pn_plan_report_concern(&writer, &report, &flag, &err);
    }
    if (code == PN_OK) {
        pn_call_answer(call, 201, PN_TYPE_FHIR, flag);
    } else {
        pn_call_answer_error(call, &err);
    }
}
