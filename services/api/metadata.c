// SPDX-License-Identifier: Apache-2.0
/*
 * GET /fhir/metadata: the CapabilityStatement, made of the tables that route and search.
 */
#include <string.h>

#include "base/clock.h"
#include "services/api/api.h"
#include "services/api/calls.h"
#include "services/api/api_types.h"

static cJSON *add_to_list(cJSON *object, const char *name)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(object, name);
    if (list == NULL) {
        list = cJSON_AddArrayToObject(object, name);
    }
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(list, item);
    return item;
}

static void add_interaction(cJSON *resource, const char *code)
{
    cJSON_AddStringToObject(add_to_list(resource, "interaction"), "code", code);
}

static void add_params(cJSON *resource, const struct pn_search_param *params, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        cJSON *param = add_to_list(resource, "searchParam");
        cJSON_AddStringToObject(param, "name", params[i].name);
        cJSON_AddStringToObject(param, "type", pn_search_kind_name(params[i].kind));
        cJSON_AddStringToObject(param, "documentation", params[i].text);
    }
}

static void add_operation(cJSON *resource, const char *name, const char *definition,
                          const char *text)
{
    cJSON *operation = add_to_list(resource, "operation");
    cJSON_AddStringToObject(operation, "name", name);
    cJSON_AddStringToObject(operation, "definition", definition);
    cJSON_AddStringToObject(operation, "documentation", text);
}

// A route of the table other than read and search says what else a type can do.
static bool has_route(enum pn_http_method method, const char *path)
{
    for (unsigned i = 0; i < pn_api_route_count; i++) {
        if (pn_api_routes[i].method == method && strcmp(pn_api_routes[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void add_type(cJSON *rest, const struct pn_api_type *type, struct pn_arena *arena)
{
    const struct {
        enum pn_http_method method;
        const char *pattern;
        const char *code;
    } extras[] = {
        {PN_HTTP_POST, "/fhir/%s", "create"},
        {PN_HTTP_PUT, "/fhir/%s/{id}", "update"},
        {PN_HTTP_DELETE, "/fhir/%s/{id}", "delete"},
        {PN_HTTP_GET, "/fhir/%s/{id}/_history", "history-instance"},
        {PN_HTTP_GET, "/fhir/%s/{id}/_history/{version}", "vread"},
    };
    cJSON *resource = add_to_list(rest, "resource");
    cJSON_AddStringToObject(resource, "type", type->name);
    add_interaction(resource, "read");
    add_interaction(resource, "search-type");
    bool can_write = false;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(extras); i++) {
        const char *rest_of_path = extras[i].pattern + strlen("/fhir/%s");
        const char *path = pn_arena_printf(arena, "/fhir/%s%s", type->name, rest_of_path);
        if (path != NULL && has_route(extras[i].method, path)) {
            add_interaction(resource, extras[i].code);
            can_write = can_write || extras[i].method == PN_HTTP_PUT;
        }
    }
    cJSON_AddStringToObject(resource, "versioning", can_write ? "versioned-update" : "versioned");
    cJSON_AddBoolToObject(resource, "readHistory", can_write);
    add_params(resource, type->params, type->param_count);
    add_params(resource, pn_search_common, pn_search_common_count);
    if (type->include != NULL) {
        cJSON_AddItemToArray(cJSON_AddArrayToObject(resource, "searchInclude"),
                             cJSON_CreateString(type->include));
    }
    if (can_write) {
        add_operation(resource, "delivery-state",
                      "https://punos.fi/fhir/OperationDefinition/delivery-state",
                      "GET …/$delivery-state: where each version stands in each system");
        add_operation(resource, "loss-report",
                      "https://punos.fi/fhir/OperationDefinition/loss-report",
                      "GET …/{id}/$loss-report, POST …/$loss-report with a plan: what each "
                      "system's form cannot hold");
    }
}

static void add_patient(cJSON *rest)
{
    static const struct pn_search_param identifier = {
        "identifier", PN_SEARCH_ID, {NULL}, "system|value; only by POST to _search"};
    cJSON *resource = add_to_list(rest, "resource");
    cJSON_AddStringToObject(resource, "type", "Patient");
    add_interaction(resource, "read");
    add_interaction(resource, "search-type");
    add_params(resource, &identifier, 1);
    add_operation(resource, "timeline", "https://punos.fi/fhir/OperationDefinition/timeline",
                  "GET …/$timeline: the client's events over all sectors, newest first");
    add_operation(resource, "identity", "https://punos.fi/fhir/OperationDefinition/identity",
                  "GET …/$identity: the Patient with name and identifiers, for those who may");
    add_operation(resource, "unmerge", "https://punos.fi/fhir/OperationDefinition/unmerge",
                  "POST …/$unmerge: undoes an identity merge");
}

void pn_fhir_metadata_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    pn_call_begin(&call, exchange, context);
    char now[PN_TIME_TEXT_BYTES];
    pn_time_format(pn_clock_now_ms(), now);
    cJSON *statement = pn_fhir_new("CapabilityStatement");
    cJSON_AddStringToObject(statement, "status", "active");
    cJSON_AddStringToObject(statement, "date", now);
    cJSON_AddStringToObject(statement, "kind", "instance");
    cJSON *software = cJSON_AddObjectToObject(statement, "software");
    cJSON_AddStringToObject(software, "name", "Punos");
    cJSON_AddStringToObject(software, "version", PN_VERSION);
    cJSON *implementation = cJSON_AddObjectToObject(statement, "implementation");
    cJSON_AddStringToObject(implementation, "description",
                            "Integration hub of health and social care");
    const char *url = pn_arena_printf(call.arena, "%s/fhir", pn_call_base_url(&call));
    cJSON_AddStringToObject(implementation, "url", url == NULL ? "" : url);
    cJSON_AddStringToObject(statement, "fhirVersion", "4.0.1");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(statement, "format"), cJSON_CreateString("json"));
    cJSON *rest = add_to_list(statement, "rest");
    cJSON_AddStringToObject(rest, "mode", "server");
    cJSON *security = cJSON_AddObjectToObject(rest, "security");
    cJSON_AddStringToObject(security, "description", "Bearer token (RFC 6750) on every call");
    add_patient(rest);
    for (unsigned i = 0; i < pn_api_type_count; i++) {
        add_type(rest, &pn_api_types[i], call.arena);
    }
    pn_call_answer(&call, 200, PN_TYPE_FHIR, statement);
}
