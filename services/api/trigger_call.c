// SPDX-License-Identifier: Apache-2.0
/*
 * GET /clients/{id}/triggers: what the rules say of one client, as plain JSON: triggers that hold,
 * lapsed ones, and rules that nearly hold, each with the events that were counted.
 *
 * For those who may see the client's events, so also for one who was never on the work list.
 */
#include "fhir/json.h"
#include "services/api/calls.h"
#include "services/api/trigger_view.h"

// NULL: withheld.
static cJSON *show_trigger(struct pn_call *call, const struct pn_client *client,
                           const struct pn_trigger *trigger)
{
    cJSON *object = cJSON_CreateObject();
    if (!pn_access_shows_all(&call->access, trigger->sectors, trigger->classes) ||
        !pn_trigger_view(call, client, trigger->data, object)) {
        return NULL;
    }
    pn_trigger_add_head(object, trigger);
    if (trigger->state == PN_TRIGGER_RAISED) {
        pn_json_add_time(object, "lapses", trigger->lapses_ms);
    }
    return object;
}

static cJSON *show_near(struct pn_call *call, const struct pn_client *client,
                        const struct pn_near *near)
{
    cJSON *object = cJSON_CreateObject();
    if (!pn_access_shows_all(&call->access, near->sectors, near->classes) ||
        !pn_trigger_view(call, client, near->data, object)) {
        return NULL;
    }
    pn_json_add_slice(object, "rule", near->rule_id);
    pn_trigger_add_title(object, near->title_fi, near->title_sv, near->title_en);
    cJSON_AddNumberToObject(object, "count", (double)near->count);
    cJSON_AddNumberToObject(object, "threshold", (double)near->threshold);
    cJSON_AddNumberToObject(object, "nearness", (double)near->nearness);
    return object;
}

static void add_or_count(cJSON *list, cJSON *object, unsigned *withheld)
{
    if (object == NULL) {
        (*withheld)++;
    } else {
        cJSON_AddItemToArray(list, object);
    }
}

static enum pn_code read_all(struct pn_call *call, const struct pn_client *client,
                             struct pn_case *ret_case, struct pn_near *ret_near,
                             unsigned *ret_near_count, struct pn_err *err)
{
    struct pn_slice key = pn_slice_str(client->key);
    enum pn_code code = pn_api_open_worklist(call->api, err);
    code = code == PN_OK
               ? pn_worklist_triggers(call->api->worklist, call->arena, key, ret_case, err)
               : code;
    if (code == PN_NOT_FOUND) {
        *ret_case = (struct pn_case){.trigger_count = 0}; // not known to identify
        code = PN_OK;
    }
    return code == PN_OK ? pn_worklist_near(call->api->worklist, call->arena, key, ret_near,
                                            ret_near_count, err)
                         : code;
}

static void answer(struct pn_call *call, const struct pn_client *client)
{
    struct pn_case found;
    struct pn_near near[PN_NEAR_MAX];
    unsigned near_count = 0, withheld = 0;
    struct pn_err err;
    if (read_all(call, client, &found, near, &near_count, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "client", client->key);
    cJSON *triggers = cJSON_AddArrayToObject(object, "triggers");
    for (unsigned i = 0; i < found.trigger_count; i++) {
        add_or_count(triggers, show_trigger(call, client, &found.triggers[i]), &withheld);
    }
    cJSON *nearly = cJSON_AddArrayToObject(object, "near");
    for (unsigned i = 0; i < near_count; i++) {
        add_or_count(nearly, show_near(call, client, &near[i]), &withheld);
    }
    cJSON_AddNumberToObject(object, "withheld", withheld);
    pn_call_answer(call, 200, PN_TYPE_JSON, object);
}

void pn_client_triggers_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    pn_call_begin(&call, exchange, context);
    if (pn_call_client(&call, pn_http_path_value(exchange, "id"), &client) &&
        pn_call_may(&call, PN_ACTION_TRIGGERS, &client, "triggers")) {
        answer(&call, &client);
    }
}
