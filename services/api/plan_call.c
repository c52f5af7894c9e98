// SPDX-License-Identifier: Apache-2.0
/*
 * Writing the shared plan, and its versions:
 *   POST /fhir/CarePlan            PUT /fhir/CarePlan/{id} with If-Match
 *   DELETE /fhir/CarePlan/{id}     with If-Match: withdraws, nothing is lost
 *   GET /fhir/CarePlan/{id}/_history and /_history/{version}
 */
#include <stdio.h>
#include <string.h>

#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/api/plan_standing.h"
#include "services/api/plan_view.h"
#include "services/plan/plan_write.h"

enum { HISTORY_MAX = 200 };

// W3C Trace Context: what a caller sends goes on the stream only when it is well formed.
static struct pn_slice trace_of(const struct pn_call *call)
{
    enum { TRACEPARENT_BYTES = 55 };
    struct pn_slice header = pn_http_header(call->exchange, "traceparent");
    bool is_good = header.len == TRACEPARENT_BYTES;
    for (size_t i = 0; is_good && i < header.len; i++) {
        bool is_dash = i == 2 || i == 35 || i == 52;
        is_good =
            is_dash ? header.ptr[i] == '-' : memchr("0123456789abcdef", header.ptr[i], 16) != NULL;
    }
    return is_good ? header : (struct pn_slice){0};
}

static struct pn_plan_writer writer_of(const struct pn_call *call, struct pn_fhir_report *report)
{
    memset(report, 0, sizeof *report);
    return (struct pn_plan_writer){.store = call->api->plans,
                                   .privacy = call->api->privacy,
                                   .author = call->caller->name,
                                   .author_display = call->caller->name,
                                   .traceparent = trace_of(call),
                                   .report = report};
}

// 422 with every place when the content is wrong; 412 when the version is stale; 409 otherwise.
static void answer_refusal(struct pn_call *call, const struct pn_fhir_report *report,
                           const struct pn_err *err)
{
    if (err->code == PN_INVALID && report->error_count > 0) {
        pn_call_answer_report(call, 422, report);
    } else if (err->code == PN_CONFLICT && strcmp(err->where, "CarePlan.meta.versionId") == 0) {
        pn_call_answer_status(call, 412, err);
    } else if (err->code == PN_CONFLICT) {
        pn_call_answer_status(call, 409, err);
    } else {
        pn_call_answer_error(call, err);
    }
}

static void answer_plan(struct pn_call *call, int status, const struct pn_plan_row *row,
                        const cJSON *plan)
{
    const char *location =
        pn_arena_printf(call->arena, "%s/fhir/CarePlan/%s/_history/%lld", pn_call_base_url(call),
                        row->id, (long long)row->version);
    if (location != NULL) {
        pn_http_add_header(call->exchange, "Location", location);
    }
    pn_call_add_etag(call, row->version);
    pn_call_add_last_modified(call, row->written_ms);
    pn_call_answer(call, status, PN_TYPE_FHIR, plan);
}

// The client that the body's subject names. False: it has answered.
static bool client_of_body(struct pn_call *call, const cJSON *body, struct pn_client *ret_client)
{
    struct pn_slice reference = pn_fhir_get(body, "subject.reference");
    struct pn_err err;
    if (!pn_slice_starts_with(reference, "Patient/")) {
        pn_err_set(&err, PN_INVALID, "CarePlan.subject.reference", "must be Patient/<client key>");
        pn_call_answer_status(call, 422, &err);
        return false;
    }
    return pn_call_client(call, pn_slice_of(reference.ptr + 8, reference.len - 8), ret_client);
}

// The body names the client by the key that it has today, whichever key the writer knew.
static bool set_present_client(struct pn_call *call, cJSON *body, const struct pn_client *client)
{
    struct pn_err err;
    cJSON *item = NULL;
    bool is_good = pn_resource_set_client(body, client);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "contained"))
    {
        cJSON *expressed = cJSON_GetObjectItemCaseSensitive(item, "expressedBy");
        is_good = is_good && (expressed == NULL || pn_reference_set_client(expressed, client));
    }
    if (!is_good) {
        pn_err_set(&err, PN_LIMIT, "CarePlan", "does not fit into memory");
        pn_call_answer_error(call, &err);
    }
    return is_good;
}

void pn_plan_create_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_err err;
    cJSON *body = NULL;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_body(&call, &body) || !client_of_body(&call, body, &client) ||
        !pn_call_may(&call, PN_ACTION_PLAN_WRITE, &client, "new plan") ||
        !pn_plan_may_begin(&call, &client) || !set_present_client(&call, body, &client)) {
        return;
    }
    if (pn_api_open_plans(call.api, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    struct pn_fhir_report report;
    struct pn_plan_row row;
    cJSON *plan = NULL;
    const struct pn_plan_writer writer = writer_of(&call, &report);
    if (pn_plan_create(&writer, body, &row, &plan, &err) == PN_OK) {
        pn_plan_tell_worklist(&call, &client, &row);
        answer_plan(&call, 201, &row, plan);
    } else {
        answer_refusal(&call, &report, &err);
    }
}

void pn_plan_update_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_plan_row row;
    struct pn_err err;
    cJSON *body = NULL;
    int64_t expected_version = 0;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_if_match(&call, &expected_version) || !pn_call_body(&call, &body) ||
        !pn_call_plan(&call, PN_ACTION_PLAN_WRITE, "update", &row, &client) ||
        !set_present_client(&call, body, &client)) {
        return;
    }
    struct pn_slice body_id = pn_json_text(body, "id");
    if (!pn_slice_is(body_id, row.id)) {
        pn_err_set(&err, PN_INVALID, "CarePlan.id", "must be the id in the path");
        pn_call_answer_error(&call, &err);
        return;
    }
    struct pn_fhir_report report;
    cJSON *plan = NULL;
    const struct pn_plan_writer writer = writer_of(&call, &report);
    if (pn_plan_update(&writer, pn_http_path_value(exchange, "id"), expected_version, body, &row,
                       &plan, &err) == PN_OK) {
        pn_plan_tell_worklist(&call, &client, &row);
        answer_plan(&call, 200, &row, plan);
    } else {
        answer_refusal(&call, &report, &err);
    }
}

void pn_plan_withdraw_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_plan_row row;
    struct pn_err err;
    int64_t expected_version = 0;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_if_match(&call, &expected_version) ||
        !pn_call_plan(&call, PN_ACTION_PLAN_WRITE, "withdrawal", &row, &client)) {
        return;
    }
    struct pn_fhir_report report;
    const struct pn_plan_writer writer = writer_of(&call, &report);
    if (pn_plan_withdraw(&writer, pn_http_path_value(exchange, "id"), expected_version, "revoked",
                         &row, &err) != PN_OK) {
        answer_refusal(&call, &report, &err);
        return;
    }
    pn_call_add_etag(&call, row.version);
    pn_http_answer(exchange, 204, PN_TYPE_FHIR, (struct pn_slice){0});
}

// --- Versions ------------------------------------------------------------------------------------

static enum pn_code add_version(struct pn_call *call, cJSON *bundle, const struct pn_plan_row *row,
                                struct pn_err *err)
{
    cJSON *plan = NULL;
    enum pn_code code = pn_plan_view(call, row, "CarePlan", &plan, err);
    if (code != PN_OK) {
        return code;
    }
    char etag[PN_ETAG_BYTES];
    char url[64];
    pn_etag_format(row->version, etag);
    snprintf(url, sizeof url, "CarePlan/%.36s", row->id);
    cJSON *entry = pn_bundle_add(call, bundle, plan, NULL);
    cJSON *request = cJSON_AddObjectToObject(entry, "request");
    cJSON *response = cJSON_AddObjectToObject(entry, "response");
    cJSON_AddStringToObject(request, "method", row->version == 1 ? "POST" : "PUT");
    cJSON_AddStringToObject(request, "url", row->version == 1 ? "CarePlan" : url);
    cJSON_AddStringToObject(response, "status", row->version == 1 ? "201" : "200");
    cJSON_AddStringToObject(response, "etag", etag);
    pn_json_add_time(response, "lastModified", row->written_ms);
    return entry == NULL ? pn_err_set(err, PN_LIMIT, "Bundle", "does not fit into memory") : PN_OK;
}

void pn_plan_history_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_plan_row row;
    struct pn_err err;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_plan(&call, PN_ACTION_PLAN_READ, "history", &row, &client)) {
        return;
    }
    struct pn_plan_row *rows = pn_arena_alloc_array(call.arena, HISTORY_MAX, sizeof *rows);
    cJSON *bundle = pn_bundle_new("history");
    size_t count = 0;
    enum pn_code code = rows == NULL || bundle == NULL
                            ? pn_err_set(&err, PN_LIMIT, "Bundle", "does not fit into memory")
                            : pn_plan_history(call.api->plans, pn_slice_str(row.id), rows,
                                              HISTORY_MAX, &count, &err);
    for (size_t i = 0; i < count && code == PN_OK; i++) {
        code = add_version(&call, bundle, &rows[i], &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    cJSON_AddNumberToObject(bundle, "total", (double)row.version);
    pn_bundle_add_links(&call, bundle, NULL);
    pn_call_answer(&call, 200, PN_TYPE_FHIR, bundle);
}

void pn_plan_version_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_plan_row row;
    struct pn_err err;
    cJSON *plan = NULL;
    int64_t version = 0;
    pn_call_begin(&call, exchange, context);
    if (!pn_slice_to_i64(pn_http_path_value(exchange, "version"), &version)) {
        pn_err_set(&err, PN_NOT_FOUND, "CarePlan", "there is no such version");
        pn_call_answer_error(&call, &err);
        return;
    }
    if (!pn_call_plan(&call, PN_ACTION_PLAN_READ, "version", &row, &client)) {
        return;
    }
    enum pn_code code =
        pn_plan_version(call.api->plans, pn_http_path_value(exchange, "id"), version, &row, &err);
    if (code == PN_OK) {
        code = pn_plan_view(&call, &row, "CarePlan", &plan, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    answer_plan(&call, 200, &row, plan);
}
