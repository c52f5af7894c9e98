// SPDX-License-Identifier: Apache-2.0
/*
 * What of a plan the systems' forms cannot hold, said before it is sent:
 *   GET  /fhir/CarePlan/{id}/$loss-report?system=NAME   of a stored plan, for one system or all
 *   POST /fhir/CarePlan/$loss-report                    of a plan that is not written yet
 *
 * The answer is a Parameters resource: for each system a parameter `system` with the parts `name`,
 * `fits`, and a part `loss` for each loss: `item` (a Coding of plan-item), `kind`, the words in
 * `fi`, `sv` and `en`, and `expression`, FHIRPath, once for each place. A part `apart` says the
 * same of what one register's document holds and the other's leaves out, which is no loss. A system
 * that would not take the plan at all has `refused` instead. An OperationOutcome would say that the
 * call itself met trouble, and its issues have no place for the system that each is about;
 * Parameters is what R4 gives an operation to answer with. It holds no text of the plan, only items
 * and places.
 *
 * The adapters are the configured systems' own, run as they would be to send: nothing is sent or
 * stored, and the vault stays closed, for a made-up person stands in for the client.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "services/api/calls.h"
#include "services/api/loss_systems.h"
#include "services/plan/plan_content.h"
#include "services/plan/plan_loss.h"
#include "services/plan/plan_read.h"

#define ITEM_SYSTEM "https://punos.fi/fhir/CodeSystem/plan-item"

// --- The answer ----------------------------------------------------------------------------------

static cJSON *add_part(cJSON *list, const char *name)
{
    cJSON *part = cJSON_CreateObject();
    cJSON_AddStringToObject(part, "name", name);
    cJSON_AddItemToArray(list, part);
    return part;
}

static void add_text(cJSON *list, const char *name, const char *text)
{
    cJSON_AddStringToObject(add_part(list, name), "valueString", text);
}

static void add_loss(struct pn_arena *arena, cJSON *parts, const char *name,
                     const struct pn_plan_loss *loss)
{
    static const char *const languages[] = {"fi", "sv", "en"};
    cJSON *list = cJSON_AddArrayToObject(add_part(parts, name), "part");
    cJSON *item = cJSON_AddObjectToObject(add_part(list, "item"), "valueCoding");
    cJSON_AddStringToObject(item, "system", ITEM_SYSTEM);
    cJSON_AddStringToObject(item, "code", loss->item->code);
    cJSON_AddStringToObject(item, "display", loss->item->en);
    cJSON_AddStringToObject(add_part(list, "kind"), "valueCode", pn_loss_kind_code(loss->kind));
    for (size_t i = 0; i < PN_ARRAY_COUNT(languages); i++) {
        add_text(list, languages[i], pn_loss_text(arena, loss, languages[i]));
    }
    for (unsigned i = 0; i < loss->place_count; i++) {
        add_text(list, "expression", loss->places[i]);
    }
}

// One system's part. The report is made in the systems' own arena and told in the call's.
static enum pn_code add_system(struct pn_call *call, struct pn_loss_systems *systems,
                               const struct pn_loss_system *system, const cJSON *plan,
                               cJSON *parameters, struct pn_err *err)
{
    struct pn_loss_report report = {0};
    enum pn_code code = pn_loss_system_ask(systems, system, plan, &report, err);
    pn_json_use_arena(call->arena);
    if (code != PN_OK && code != PN_INVALID && code != PN_UNSUPPORTED) {
        return code;
    }
    cJSON *parts = cJSON_AddArrayToObject(add_part(parameters, "system"), "part");
    add_text(parts, "name", system->name);
    cJSON_AddBoolToObject(add_part(parts, "fits"), "valueBoolean",
                          code == PN_OK && report.count == 0);
    if (code != PN_OK) {
        add_text(parts, "refused", pn_arena_printf(call->arena, "%s: %s", err->where, err->text));
    }
    for (unsigned i = 0; code == PN_OK && i < report.count; i++) {
        add_loss(call->arena, parts, "loss", &report.losses[i]);
    }
    for (unsigned i = 0; code == PN_OK && i < report.apart_count; i++) {
        add_loss(call->arena, parts, "apart", &report.apart[i]);
    }
    return parts == NULL ? pn_err_set(err, PN_LIMIT, "Parameters", "does not fit into memory")
                         : PN_OK;
}

static void answer(struct pn_call *call, const cJSON *plan)
{
    struct pn_err err;
    struct pn_loss_systems *systems = NULL;
    struct pn_slice wanted = pn_http_parameter(call->exchange, "system");
    enum pn_code code = pn_loss_systems_open(call->api, &systems, &err);
    pn_json_use_arena(call->arena);
    cJSON *parameters = pn_fhir_new("Parameters");
    cJSON *list = cJSON_CreateArray();
    bool is_known = wanted.len == 0;
    for (unsigned i = 0; code == PN_OK && i < systems->count; i++) {
        const struct pn_loss_system *system = &systems->items[i];
        if (wanted.len == 0 || pn_slice_is(wanted, system->name)) {
            is_known = true;
            code = add_system(call, systems, system, plan, list, &err);
        }
    }
    if (code == PN_OK && !is_known) {
        code = pn_err_set(&err, PN_NOT_FOUND, "system", "no system of that name takes plans here");
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    // R4 knows no empty list.
    if (list != NULL && list->child != NULL) {
        cJSON_AddItemToObject(parameters, "parameter", list);
    }
    pn_call_answer(call, 200, PN_TYPE_FHIR, parameters);
}

// --- Calls ---------------------------------------------------------------------------------------

void pn_plan_loss_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_plan_row row;
    struct pn_err err;
    cJSON *plan = NULL;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_plan(&call, PN_ACTION_PLAN_READ, "loss report", &row, &client)) {
        return;
    }
    enum pn_code code = pn_plan_content(call.api->plans, call.api->privacy, &row, &plan, &err);
    if (code != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    answer(&call, plan);
}

// The body as it would be stored: what the hub puts there is no loss of the writer's.
static bool settle(struct pn_call *call, cJSON *body, const struct pn_client *client,
                   cJSON **ret_plan)
{
    struct pn_err err;
    int64_t now_ms = pn_clock_now_ms();
    struct pn_fhir_report *report = pn_arena_alloc(call->arena, sizeof *report);
    const struct pn_plan_stamp stamp = {.id = "00000000-0000-4000-8000-000000000000",
                                        .version = 1,
                                        .client_key = client->key,
                                        .author = call->caller->name,
                                        .author_display = call->caller->name,
                                        .created_ms = now_ms,
                                        .written_ms = now_ms};
    if (report == NULL) {
        pn_err_set(&err, PN_LIMIT, "CarePlan", "does not fit into memory");
        pn_call_answer_error(call, &err);
        return false;
    }
    memset(report, 0, sizeof *report);
    enum pn_code code = pn_plan_content_check(body, report, &err);
    if (code == PN_OK) {
        code = pn_plan_content_settle(body, &stamp, ret_plan, report, &err);
    }
    if (code == PN_INVALID && report->error_count > 0) {
        pn_call_answer_report(call, 422, report);
    } else if (code != PN_OK) {
        pn_call_answer_error(call, &err);
    }
    return code == PN_OK;
}

void pn_plan_loss_body_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_err err;
    cJSON *body = NULL, *plan = NULL;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_body(&call, &body)) {
        return;
    }
    struct pn_slice reference = pn_fhir_get(body, "subject.reference");
    if (!pn_slice_starts_with(reference, "Patient/")) {
        pn_err_set(&err, PN_INVALID, "CarePlan.subject.reference", "must be Patient/<client key>");
        pn_call_answer_status(&call, 422, &err);
        return;
    }
    if (pn_call_client(&call, pn_slice_of(reference.ptr + 8, reference.len - 8), &client) &&
        pn_call_may(&call, PN_ACTION_PLAN_WRITE, &client, "loss report of a new plan") &&
        settle(&call, body, &client, &plan)) {
        answer(&call, plan);
    }
}
