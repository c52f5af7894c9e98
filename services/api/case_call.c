// SPDX-License-Identifier: Apache-2.0
/*
 * A client as a shared client, as a FHIR Flag with the code `shared-client`:
 *   POST /fhir/Flag                 accepts the client; 200 with the open one when there is one
 *   PUT  /fhir/Flag/{id}, If-Match  status inactive: that ends
 *
 * A Flag with a code of the code system `concern` is a reported concern: concern_call.c.
 *
 * With the client's consent: of a client on the work list its state says so (consents, has-worker).
 */
#include <stdio.h>
#include <string.h>

#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/api/concern_call.h"
#include "services/plan/plan_case.h"

static void answer_invalid(struct pn_call *call, const char *where, const char *text)
{
    struct pn_err err;
    pn_err_set(&err, PN_INVALID, where, "%s", text);
    pn_call_answer_status(call, 422, &err);
}

static bool has_code(const cJSON *flag)
{
    const cJSON *coding = NULL;
    cJSON_ArrayForEach(coding, cJSON_GetObjectItemCaseSensitive(
                                   cJSON_GetObjectItemCaseSensitive(flag, "code"), "coding"))
    {
        if (pn_slice_is(pn_json_text(coding, "system"), PN_CASE_SYSTEM) &&
            pn_slice_is(pn_json_text(coding, "code"), PN_CASE_CODE)) {
            return true;
        }
    }
    return false;
}

// False: it has answered.
static bool check_body(struct pn_call *call, const cJSON *body)
{
    if (!pn_slice_is(pn_json_text(body, "resourceType"), "Flag")) {
        answer_invalid(call, "resourceType", "must be Flag");
    } else if (!has_code(body)) {
        answer_invalid(call, "Flag.code", "must be shared-client of " PN_CASE_SYSTEM);
    } else {
        return true;
    }
    return false;
}

static struct pn_plan_writer writer_of(const struct pn_call *call)
{
    return (struct pn_plan_writer){.store = call->api->plans,
                                   .privacy = call->api->privacy,
                                   .author = call->caller->name,
                                   .author_display = call->caller->name};
}

static void answer_case(struct pn_call *call, int status, const struct pn_plan_case *found)
{
    cJSON *flag = pn_plan_case_flag(found);
    int64_t changed_ms = found->ended_ms != 0 ? found->ended_ms : found->opened_ms;
    const char *location =
        pn_arena_printf(call->arena, "%s/fhir/Flag/%s/_history/%lld", pn_call_base_url(call),
                        found->id, (long long)found->version);
    if (flag == NULL || location == NULL ||
        !pn_resource_set_meta(flag, found->version, changed_ms)) {
        struct pn_err err;
        pn_err_set(&err, PN_LIMIT, "Flag", "does not fit into memory");
        pn_call_answer_error(call, &err);
        return;
    }
    pn_http_add_header(call->exchange, "Location", location);
    pn_call_add_etag(call, found->version);
    pn_call_add_last_modified(call, changed_ms);
    pn_call_answer(call, status, PN_TYPE_FHIR, flag);
}

// False: it has answered.
static bool has_consent(struct pn_call *call, const struct pn_client *client)
{
    struct pn_case found;
    struct pn_err err;
    enum pn_code code = pn_api_open_worklist(call->api, &err);
    if (code == PN_OK) {
        code = pn_worklist_case(call->api->worklist, call->arena, pn_slice_str(client->key), &found,
                                &err);
    }
    if (code == PN_NOT_FOUND) {
        return true; // nobody flagged the client: the caller answers for the consent
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    if (found.state == PN_CASE_CONSENTS || found.state == PN_CASE_HAS_WORKER) {
        return true;
    }
    pn_err_set(&err, PN_CONFLICT, "Flag.subject",
               "the client's consent comes first: set the state on the work list to consents");
    pn_call_answer_status(call, 409, &err);
    return false;
}

void pn_case_open_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_err err;
    cJSON *body = NULL;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_body(&call, &body)) {
        return;
    }
    if (pn_concern_is_reported(body)) {
        pn_concern_report_call(&call, body);
        return;
    }
    if (!check_body(&call, body)) {
        return;
    }
    struct pn_slice reference = pn_fhir_get(body, "subject.reference");
    if (!pn_slice_is(pn_json_text(body, "status"), "active")) {
        answer_invalid(&call, "Flag.status", "a new one is active");
        return;
    }
    if (!pn_slice_starts_with(reference, "Patient/")) {
        answer_invalid(&call, "Flag.subject.reference", "must be Patient/<client key>");
        return;
    }
    if (!pn_call_client(&call, pn_slice_of(reference.ptr + 8, reference.len - 8), &client) ||
        !pn_call_may(&call, PN_ACTION_PLAN_WRITE, &client, "shared-client case") ||
        !has_consent(&call, &client)) {
        return;
    }
    struct pn_plan_case opened;
    bool is_new = false;
    enum pn_code code = pn_api_open_plans(call.api, &err);
    if (code == PN_OK) {
        const struct pn_plan_writer writer = writer_of(&call);
        code = pn_plan_case_open(&writer, pn_slice_str(client.key), &opened, &is_new, &err);
    }
    if (code == PN_OK) {
        answer_case(&call, is_new ? 201 : 200, &opened);
    } else {
        pn_call_answer_error(&call, &err);
    }
}

// The case of the path, after the decision. False: it has answered.
static bool find_case(struct pn_call *call, struct pn_plan_case *found)
{
    struct pn_client client;
    struct pn_err err;
    enum pn_code code = pn_api_open_plans(call->api, &err);
    if (code == PN_OK) {
        code = pn_plan_case_find(call->api->plans, pn_http_path_value(call->exchange, "id"), found,
                                 &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    return pn_call_client(call, pn_slice_str(found->client_key), &client) &&
           pn_call_may(call, PN_ACTION_PLAN_WRITE, &client, "shared-client case");
}

static void end_case(struct pn_call *call, struct pn_plan_case *found, int64_t expected_version)
{
    struct pn_err err;
    const struct pn_plan_writer writer = writer_of(call);
    char id[PN_UUID_TEXT_BYTES];
    snprintf(id, sizeof id, "%s", found->id);
    enum pn_code code = pn_plan_case_end(&writer, pn_slice_str(id), expected_version, found, &err);
    if (code == PN_OK) {
        answer_case(call, 200, found);
    } else if (code == PN_CONFLICT) {
        bool is_stale = strcmp(err.where, "Flag.meta.versionId") == 0;
        pn_call_answer_status(call, is_stale ? 412 : 409, &err);
    } else {
        pn_call_answer_error(call, &err);
    }
}

void pn_case_update_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_plan_case found;
    cJSON *body = NULL;
    int64_t expected_version = 0;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_if_match(&call, &expected_version) || !pn_call_body(&call, &body) ||
        !check_body(&call, body) || !find_case(&call, &found)) {
        return;
    }
    struct pn_slice status = pn_json_text(body, "status");
    bool is_end = pn_slice_is(status, "inactive") || pn_slice_is(status, "entered-in-error");
    if (!pn_slice_is(pn_json_text(body, "id"), found.id)) {
        answer_invalid(&call, "Flag.id", "must be the id in the path");
    } else if (is_end) {
        end_case(&call, &found, expected_version);
    } else if (found.ended_ms != 0 || !pn_slice_is(status, "active")) {
        answer_invalid(&call, "Flag.status", "what has ended stays so: POST another Flag");
    } else {
        answer_case(&call, 200, &found);
    }
}
