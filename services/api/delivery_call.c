// SPDX-License-Identifier: Apache-2.0
/*
 * GET /fhir/CarePlan/{id}/$delivery-state: where each version of a plan stands in each system.
 *
 * A collection Bundle of Tasks, one per version and system, as the events on punos.delivery.v1
 * carry them (status, and the ledger's own word in businessStatus); and per system the extension
 * delivery-standing in the Bundle's meta: the version it has accepted, the newest, how many behind.
 */
#include <stdio.h>

#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/deliver/deliver_read.h"
#include "services/deliver/delivery_event.h"

#define STANDING_URL "https://punos.fi/fhir/StructureDefinition/delivery-standing"

enum { LINES_MAX = 1000 };

static void set_reference(cJSON *task, const char *member, const char *text)
{
    cJSON_AddStringToObject(cJSON_AddObjectToObject(task, member), "reference",
                            text == NULL ? "" : text);
}

static void set_words(cJSON *task, const char *member, const char *words)
{
    if (words != NULL && words[0] != '\0') {
        cJSON_AddStringToObject(cJSON_AddObjectToObject(task, member), "text", words);
    }
}

// Task.output: how many tries it took, and when what was heard.
static cJSON *add_output(cJSON *outputs, const char *name)
{
    cJSON *output = cJSON_CreateObject();
    cJSON_AddItemToArray(outputs, output);
    set_words(output, "type", name);
    return output;
}

static void add_moment(cJSON *outputs, const char *name, int64_t time_ms)
{
    if (time_ms != 0) {
        pn_json_add_time(add_output(outputs, name), "valueInstant", time_ms);
    }
}

static cJSON *task_of(struct pn_call *call, const struct pn_plan_row *row,
                      const struct pn_delivery_line *line)
{
    char id[PN_UUID_TEXT_BYTES];
    pn_delivery_id(row->id, line->plan_version, line->system, id);
    cJSON *task = pn_fhir_new("Task");
    cJSON_AddStringToObject(task, "id", id);
    cJSON_AddStringToObject(task, "status", pn_delivery_task_status(line->state));
    set_words(task, "statusReason", line->settled_ms == 0 ? line->reason : line->words);
    set_words(task, "businessStatus", pn_delivery_state_name(line->state));
    cJSON_AddStringToObject(task, "intent", "order");
    set_words(task, "code", pn_delivery_task_code(line->of, line->is_withdrawal));
    set_reference(task, "focus",
                  pn_arena_printf(call->arena, "CarePlan/%s/_history/%lld", row->id,
                                  (long long)line->plan_version));
    set_reference(task, "for", pn_arena_printf(call->arena, "Patient/%s", row->client_key));
    int64_t changed_ms = line->acknowledged_ms != 0 ? line->acknowledged_ms
                         : line->settled_ms != 0    ? line->settled_ms
                         : line->committed_ms != 0  ? line->committed_ms
                                                    : line->sent_ms;
    pn_json_add_time(task, "authoredOn", line->queued_ms);
    pn_json_add_time(task, "lastModified", changed_ms != 0 ? changed_ms : line->queued_ms);
    cJSON *owner = cJSON_AddObjectToObject(task, "owner");
    cJSON_AddStringToObject(owner, "display", line->system);
    cJSON *outputs = cJSON_CreateArray();
    add_moment(outputs, "sent", line->sent_ms);
    add_moment(outputs, "committed", line->committed_ms);
    add_moment(outputs, "settled", line->settled_ms);
    add_moment(outputs, "acknowledged", line->acknowledged_ms);
    if (line->attempts > 0) {
        cJSON_AddNumberToObject(add_output(outputs, "attempts"), "valueUnsignedInt",
                                (double)line->attempts);
    }
    if (cJSON_GetArraySize(outputs) > 0) {
        cJSON_AddItemToObject(task, "output", outputs);
    }
    return task;
}

static void add_part(cJSON *parts, const char *url, const char *text, int64_t number)
{
    cJSON *part = cJSON_CreateObject();
    cJSON_AddItemToArray(parts, part);
    cJSON_AddStringToObject(part, "url", url);
    if (text != NULL) {
        cJSON_AddStringToObject(part, "valueString", text);
    } else {
        cJSON_AddNumberToObject(part, "valueUnsignedInt", (double)number);
    }
}

static void add_standings(cJSON *bundle, const struct pn_delivery_line *lines, unsigned line_count)
{
    struct pn_delivery_standing standings[PN_DELIVERY_SYSTEMS_MAX];
    unsigned count = pn_deliver_standings(lines, line_count, standings);
    if (count == 0) {
        return;
    }
    cJSON *meta = cJSON_AddObjectToObject(bundle, "meta");
    cJSON *extensions = cJSON_AddArrayToObject(meta, "extension");
    for (unsigned i = 0; i < count; i++) {
        cJSON *extension = cJSON_CreateObject();
        cJSON_AddItemToArray(extensions, extension);
        cJSON *parts = cJSON_AddArrayToObject(extension, "extension");
        add_part(parts, "system", standings[i].system, 0);
        add_part(parts, "state", pn_delivery_state_name(standings[i].newest_state), 0);
        add_part(parts, "accepted", NULL, standings[i].accepted_version);
        add_part(parts, "newest", NULL, standings[i].newest_version);
        add_part(parts, "behind", NULL, standings[i].versions_behind);
        cJSON_AddStringToObject(extension, "url", STANDING_URL);
    }
}

static void answer_state(struct pn_call *call, const struct pn_plan_row *row)
{
    struct pn_delivery_line *lines = pn_arena_alloc_array(call->arena, LINES_MAX, sizeof *lines);
    unsigned count = 0;
    struct pn_err err;
    enum pn_code code = pn_api_open_deliveries(call->api, &err);
    if (lines == NULL) {
        code = pn_err_set(&err, PN_LIMIT, "Bundle", "does not fit into memory");
    }
    if (code == PN_OK) {
        code = pn_deliver_lines(call->api->deliveries, call->arena, row->id, lines, LINES_MAX,
                                &count, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    cJSON *bundle = pn_bundle_new("collection");
    add_standings(bundle, lines, count);
    for (unsigned i = 0; i < count && bundle != NULL; i++) {
        if (pn_bundle_add(call, bundle, task_of(call, row, &lines[i]), NULL) == NULL) {
            bundle = NULL;
        }
    }
    pn_call_answer(call, 200, PN_TYPE_FHIR, bundle);
}

void pn_delivery_state_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_plan_row row;
    struct pn_client client;
    pn_call_begin(&call, exchange, context);
    if (pn_call_plan(&call, PN_ACTION_DELIVERY_READ, "deliveries", &row, &client)) {
        answer_state(&call, &row);
    }
}
