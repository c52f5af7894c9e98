// SPDX-License-Identifier: Apache-2.0
/*
 * GET /fhir/<type>/{id}, with ETag and If-None-Match.
 */
#include <stdio.h>
#include <string.h>

#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/api/api_types.h"
#include "services/api/plan_view.h"
#include "services/api/trigger_view.h"
#include "services/plan/plan_case.h"

static const char withheld[] = "is withheld: permit, prohibition or special protection";

// What was found, before anybody knows whether it may be shown.
struct found {
    enum pn_action action;
    struct pn_slice client_key;
    uint32_t sectors, classes; // 1 << each; sectors 0: not known; classes 0: ordinary
    int64_t version, updated_ms;
    struct pn_slice data;        // timeline
    struct pn_slice issue;       // DetectedIssue
    struct pn_case flagged;      // Flag
    bool is_moving;              // something of it, the rank, changes without a version
    struct pn_plan_case of_case; // Flag, of a shared client
    struct pn_plan_row plan_row; // CarePlan, CareTeam
};

static enum pn_code find_entry(struct pn_call *call, const struct pn_api_type *type,
                               struct pn_slice id, struct found *found, struct pn_err *err)
{
    struct pn_entry entry;
    enum pn_code code = pn_api_open_timeline(call->api, err);
    if (code == PN_OK) {
        code = pn_timeline_entry(call->api->timeline, call->arena, type->name, id, &entry, err);
    }
    if (code != PN_OK) {
        return code;
    }
    found->action = PN_ACTION_TIMELINE;
    found->client_key = entry.subject;
    found->sectors = UINT32_C(1) << entry.sector;
    found->classes = entry.classes;
    found->version = found->updated_ms = entry.recorded_ms;
    found->data = entry.data;
    return PN_OK;
}

static enum pn_code find_case(struct pn_call *call, struct pn_slice id, struct found *found,
                              struct pn_err *err)
{
    enum pn_code code = pn_api_open_plans(call->api, err);
    if (code == PN_OK) {
        code = pn_plan_case_find(call->api->plans, id, &found->of_case, err);
    }
    bool has_ended = found->of_case.ended_ms != 0;
    found->action = PN_ACTION_PLAN_READ;
    found->client_key = pn_slice_str(found->of_case.client_key);
    found->version = found->of_case.version;
    found->updated_ms = has_ended ? found->of_case.ended_ms : found->of_case.opened_ms;
    return code;
}

static enum pn_code find_flagged(struct pn_call *call, const struct pn_api_type *type,
                                 struct pn_slice id, struct found *found, struct pn_err *err)
{
    bool is_flag = strcmp(type->name, "Flag") == 0;
    if (is_flag && id.len == PN_UUID_TEXT_BYTES - 1) {
        return find_case(call, id, found, err);
    }
    enum pn_code code = pn_api_open_worklist(call->api, err);
    found->action = PN_ACTION_WORKLIST;
    if (code == PN_OK && is_flag) {
        // A flagged client has one Flag, with the client's key as its id.
        code = pn_worklist_case(call->api->worklist, call->arena, id, &found->flagged, err);
        found->client_key = pn_slice_str(found->flagged.client);
        found->version = found->flagged.version;
        found->updated_ms = found->flagged.changed_ms;
        found->is_moving = true;
        return code;
    }
    struct pn_trigger trigger;
    char client[PN_CLIENT_KEY_TEXT_BYTES];
    if (code == PN_OK) {
        code = pn_worklist_trigger(call->api->worklist, call->arena, id, &trigger, client, err);
    }
    if (code == PN_OK) {
        found->client_key = pn_slice_str(pn_arena_copy(call->arena, pn_slice_str(client)));
        found->sectors = trigger.sectors;
        found->classes = trigger.classes;
        found->action = PN_ACTION_TRIGGERS;
        found->version = found->updated_ms = trigger.changed_ms;
        found->issue = trigger.data;
    }
    return code;
}

static enum pn_code find_plan(struct pn_call *call, const struct pn_api_type *type,
                              struct pn_slice id, struct found *found, struct pn_err *err)
{
    (void)type;
    enum pn_code code = pn_api_open_plans(call->api, err);
    if (code == PN_OK) {
        code = pn_plan_current(call->api->plans, id, &found->plan_row, err);
    }
    found->action = PN_ACTION_PLAN_READ;
    found->client_key = pn_slice_str(found->plan_row.client_key);
    found->version = found->plan_row.version;
    found->updated_ms = found->plan_row.written_ms;
    return code;
}

static enum pn_code make_resource(struct pn_call *call, const struct pn_api_type *type,
                                  const struct found *found, const struct pn_client *client,
                                  cJSON **ret_resource, struct pn_err *err)
{
    if (type->source == PN_FROM_PLANS) {
        return pn_plan_view(call, &found->plan_row, type->name, ret_resource, err);
    }
    if (found->data.len > 0) {
        return pn_json_parse(found->data, ret_resource, err);
    }
    if (found->issue.len > 0) {
        *ret_resource = pn_trigger_issue(call, client, found->issue);
        return *ret_resource != NULL ? PN_OK
                                     : pn_err_set(err, PN_DENIED, type->name, "%s", withheld);
    }
    cJSON *flag = found->of_case.id[0] != '\0' ? pn_plan_case_flag(&found->of_case)
                                               : pn_worklist_flag(&found->flagged);
    if (flag == NULL) {
        return pn_err_set(err, PN_LIMIT, "Flag", "does not fit into memory");
    }
    *ret_resource = flag;
    return PN_OK;
}

static void show(struct pn_call *call, const struct pn_api_type *type, const struct found *found,
                 const struct pn_client *client)
{
    cJSON *resource = NULL;
    struct pn_err err;
    enum pn_code code = make_resource(call, type, found, client, &resource, &err);
    if (code == PN_OK && (!pn_resource_set_client(resource, client) ||
                          !pn_resource_set_meta(resource, found->version, found->updated_ms) ||
                          !pn_resource_add_labels(resource, found->classes))) {
        code = pn_err_set(&err, PN_LIMIT, type->name, "does not fit into memory");
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    pn_call_add_etag(call, found->version);
    pn_call_add_last_modified(call, found->updated_ms);
    pn_call_answer(call, 200, PN_TYPE_FHIR, resource);
}

void pn_fhir_read_call(struct pn_http_exchange *exchange, void *context)
{
    static enum pn_code (*const finders[])(struct pn_call *, const struct pn_api_type *,
                                           struct pn_slice, struct found *, struct pn_err *) = {
        [PN_FROM_TIMELINE] = find_entry,
        [PN_FROM_WORKLIST] = find_flagged,
        [PN_FROM_PLANS] = find_plan,
    };
    struct pn_call call;
    pn_call_begin(&call, exchange, context);
    const struct pn_api_type *type = pn_api_type_of_path(pn_http_path(exchange));
    struct pn_slice id = pn_http_path_value(exchange, "id");
    struct found found = {0};
    struct pn_err err;
    if (type == NULL || finders[type->source](&call, type, id, &found, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    char what[160];
    snprintf(what, sizeof what, "%s/%.*s", type->name, PN_SLICE_FMT(id));
    struct pn_client client;
    if (!pn_call_client(&call, found.client_key, &client) ||
        !pn_call_may(&call, found.action, &client, what)) {
        return;
    }
    if (!pn_access_shows_all(&call.access, found.sectors, found.classes)) {
        pn_err_set(&err, PN_DENIED, type->name, "%s", withheld);
        pn_call_answer_error(&call, &err);
        return;
    }
    if (found.is_moving || !pn_call_is_unchanged(&call, found.version)) {
        show(&call, type, &found, &client);
    }
}
