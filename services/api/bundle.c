// SPDX-License-Identifier: Apache-2.0
#include "services/api/bundle.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { URL_BYTES_MAX = 8 * 1024 };

cJSON *pn_bundle_new(const char *type)
{
    cJSON *bundle = pn_fhir_new("Bundle");
    if (bundle == NULL || cJSON_AddStringToObject(bundle, "type", type) == NULL) {
        return NULL;
    }
    return bundle;
}

static cJSON *list_of(cJSON *object, const char *name)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(object, name);
    return list != NULL ? list : cJSON_AddArrayToObject(object, name);
}

cJSON *pn_bundle_add(struct pn_call *call, cJSON *bundle, cJSON *resource, const char *search_mode)
{
    cJSON *entry = cJSON_CreateObject();
    if (entry == NULL || resource == NULL ||
        !cJSON_AddItemToArray(list_of(bundle, "entry"), entry)) {
        return NULL;
    }
    struct pn_slice id = pn_json_text(resource, "id");
    if (id.len > 0) {
        const char *url =
            pn_arena_printf(call->arena, "%s/fhir/%.*s/%.*s", pn_call_base_url(call),
                            PN_SLICE_FMT(pn_json_text(resource, "resourceType")), PN_SLICE_FMT(id));
        cJSON_AddStringToObject(entry, "fullUrl", url == NULL ? "" : url);
    }
    cJSON_AddItemToObject(entry, "resource", resource);
    if (search_mode != NULL) {
        cJSON_AddStringToObject(cJSON_AddObjectToObject(entry, "search"), "mode", search_mode);
    }
    return entry;
}

void pn_bundle_add_issue(struct pn_call *call, cJSON *bundle, const char *severity,
                         const char *code, const char *diagnostics)
{
    cJSON *outcome = pn_fhir_new("OperationOutcome");
    cJSON *issue = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(outcome, "issue"), issue);
    cJSON_AddStringToObject(issue, "severity", severity);
    cJSON_AddStringToObject(issue, "code", code);
    cJSON_AddStringToObject(issue, "diagnostics", diagnostics);
    pn_bundle_add(call, bundle, outcome, "outcome");
}

// --- Links ---------------------------------------------------------------------------------------

static void add_encoded(struct pn_buf *url, struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (isalnum(c) || strchr("-._~/:,|$", c) != NULL) {
            pn_buf_add_char(url, (char)c);
        } else {
            pn_buf_printf(url, "%%%02X", c);
        }
    }
}

static void add_link(struct pn_call *call, cJSON *bundle, const char *relation, const char *cursor)
{
    struct pn_buf url;
    pn_buf_init(&url, URL_BYTES_MAX);
    pn_buf_add_str(&url, pn_call_base_url(call));
    add_encoded(&url, pn_http_path(call->exchange));
    unsigned count = 0;
    const struct pn_http_parameter *parameters = pn_http_parameters(call->exchange, &count);
    char separator = '?';
    for (unsigned i = 0; i < count; i++) {
        if (cursor != NULL && pn_slice_is(parameters[i].name, "_cursor")) {
            continue;
        }
        pn_buf_add_char(&url, separator);
        add_encoded(&url, parameters[i].name);
        pn_buf_add_char(&url, '=');
        add_encoded(&url, parameters[i].value);
        separator = '&';
    }
    if (cursor != NULL) {
        pn_buf_printf(&url, "%c_cursor=", separator);
        add_encoded(&url, pn_slice_str(cursor));
    }
    if (pn_buf_ok(&url)) {
        cJSON *link = cJSON_CreateObject();
        cJSON_AddItemToArray(list_of(bundle, "link"), link);
        cJSON_AddStringToObject(link, "relation", relation);
        cJSON_AddStringToObject(link, "url", url.data);
    }
    pn_buf_release(&url);
}

void pn_bundle_add_links(struct pn_call *call, cJSON *bundle, const char *cursor)
{
    add_link(call, bundle, "self", NULL);
    if (cursor != NULL && cursor[0] != '\0') {
        add_link(call, bundle, "next", cursor);
    }
}

// --- Resources -----------------------------------------------------------------------------------

bool pn_client_has_key(const struct pn_client *client, struct pn_slice key)
{
    for (unsigned i = 0; i < client->key_count; i++) {
        if (pn_slice_is(key, client->keys[i])) {
            return true;
        }
    }
    return pn_slice_is(key, client->key);
}

static bool names_client(const cJSON *reference, const struct pn_client *client)
{
    struct pn_slice text = pn_json_text(reference, "reference");
    return pn_slice_starts_with(text, "Patient/") &&
           pn_client_has_key(client, pn_slice_of(text.ptr + 8, text.len - 8));
}

bool pn_reference_set_client(cJSON *reference, const struct pn_client *client)
{
    char text[8 + PN_CLIENT_KEY_TEXT_BYTES];
    snprintf(text, sizeof text, "Patient/%s", client->key);
    return !names_client(reference, client) ||
           pn_json_set_text(reference, "reference", pn_slice_str(text));
}

bool pn_resource_set_client(cJSON *resource, const struct pn_client *client)
{
    static const char *const members[] = {"subject", "patient", "for", "beneficiary"};
    bool is_good = true;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(members); i++) {
        cJSON *reference = cJSON_GetObjectItemCaseSensitive(resource, members[i]);
        is_good = is_good && (reference == NULL || pn_reference_set_client(reference, client));
    }
    cJSON *participant = NULL;
    cJSON_ArrayForEach(participant, cJSON_GetObjectItemCaseSensitive(resource, "participant"))
    {
        cJSON *actor = cJSON_GetObjectItemCaseSensitive(participant, "actor");
        is_good = is_good && (actor == NULL || pn_reference_set_client(actor, client));
    }
    return is_good;
}

bool pn_resource_set_meta(cJSON *resource, int64_t version, int64_t updated_ms)
{
    char number[24];
    char time[PN_TIME_TEXT_BYTES];
    snprintf(number, sizeof number, "%lld", (long long)version);
    pn_time_format(updated_ms, time);
    cJSON *meta = cJSON_GetObjectItemCaseSensitive(resource, "meta");
    if (meta == NULL) {
        meta = cJSON_AddObjectToObject(resource, "meta");
    }
    return meta != NULL && pn_json_set_text(meta, "versionId", pn_slice_str(number)) &&
           pn_json_set_text(meta, "lastUpdated", pn_slice_str(time));
}

static bool has_label(const cJSON *security, const char *name)
{
    const cJSON *label = NULL;
    cJSON_ArrayForEach(label, security)
    {
        if (pn_slice_is(pn_json_text(label, "system"), PN_DATA_CLASS_SYSTEM) &&
            pn_slice_is(pn_json_text(label, "code"), name)) {
            return true;
        }
    }
    return false;
}

static bool add_label(cJSON *security, const char *name)
{
    cJSON *label = cJSON_CreateObject();
    return cJSON_AddItemToArray(security, label) &&
           cJSON_AddStringToObject(label, "system", PN_DATA_CLASS_SYSTEM) != NULL &&
           cJSON_AddStringToObject(label, "code", name) != NULL;
}

bool pn_resource_add_labels(cJSON *resource, uint32_t classes)
{
    if (classes == 0) {
        return true;
    }
    cJSON *meta = cJSON_GetObjectItemCaseSensitive(resource, "meta");
    meta = meta != NULL ? meta : cJSON_AddObjectToObject(resource, "meta");
    cJSON *security = cJSON_GetObjectItemCaseSensitive(meta, "security");
    security = security != NULL ? security : cJSON_AddArrayToObject(meta, "security");
    bool is_good = security != NULL;
    for (unsigned i = PN_CLASS_ORDINARY + 1; i < PN_CLASS_COUNT && is_good; i++) {
        const char *name = pn_class_name((enum pn_data_class)i);
        is_good = (classes >> i & 1) == 0 || has_label(security, name) || add_label(security, name);
    }
    return is_good;
}
