// SPDX-License-Identifier: Apache-2.0
/*
 * Patients: found by identifier (only by POST: identifiers never stand in a URL), read without
 * identity, read with it after a decision of its own, and an identity merge undone.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/api/fhir_query.h"
#include "services/api/patient_view.h"

#define CLIENT_KEY_SYSTEM "urn:punos:client-key"

enum { IDENTIFIERS_MAX = 8 };

cJSON *pn_patient_view(const struct pn_client *client)
{
    cJSON *patient = pn_fhir_new("Patient");
    cJSON *identifier = cJSON_CreateObject();
    if (patient == NULL || identifier == NULL) {
        return NULL;
    }
    cJSON_AddStringToObject(patient, "id", client->key);
    if (client->is_protected) {
        cJSON *label = cJSON_CreateObject();
        cJSON *meta = cJSON_AddObjectToObject(patient, "meta");
        cJSON_AddItemToArray(cJSON_AddArrayToObject(meta, "security"), label);
        cJSON_AddStringToObject(label, "system",
                                "https://hl7.fi/fhir/finnish-base-profiles/CodeSystem/"
                                "fi-base-security-label-cs");
        cJSON_AddStringToObject(label, "code", "TURVAKIELTO");
    }
    cJSON_AddItemToArray(cJSON_AddArrayToObject(patient, "identifier"), identifier);
    cJSON_AddStringToObject(identifier, "system", CLIENT_KEY_SYSTEM);
    cJSON_AddStringToObject(identifier, "value", client->key);
    if (client->gender[0] != '\0') {
        cJSON_AddStringToObject(patient, "gender", client->gender);
    }
    if (client->birth_year > 0) {
        char year[16];
        snprintf(year, sizeof year, "%04d", client->birth_year);
        cJSON_AddStringToObject(patient, "birthDate", year);
    }
    return pn_resource_set_meta(patient, client->recorded_ms, client->recorded_ms) ? patient : NULL;
}

// --- Search --------------------------------------------------------------------------------------

struct identifiers {
    char keys[IDENTIFIERS_MAX][PN_CLIENT_KEY_TEXT_BYTES];
    struct pn_slice slices[IDENTIFIERS_MAX];
    unsigned count;
};

// "system|value": the value becomes a key at once and goes no further.
static enum pn_code add_identifier(const struct pn_call *call, struct pn_slice token,
                                   struct identifiers *identifiers, struct pn_err *err)
{
    struct pn_slice value = {0};
    struct pn_slice system = pn_slice_split(token, '|', &value);
    if (system.len == 0 || value.len == 0) {
        return pn_err_set(err, PN_INVALID, "identifier", "must be system|value");
    }
    if (identifiers->count == IDENTIFIERS_MAX) {
        return pn_err_set(err, PN_LIMIT, "identifier", "at most %d at a time", IDENTIFIERS_MAX);
    }
    char *key = identifiers->keys[identifiers->count];
    if (!pn_slice_is(system, CLIENT_KEY_SYSTEM)) {
        pn_client_key(call->api->privacy, system, value, key);
    } else if (value.len == PN_CLIENT_KEY_TEXT_BYTES - 1) {
        memcpy(key, value.ptr, value.len);
        key[value.len] = '\0';
    } else {
        return pn_err_set(err, PN_INVALID, "identifier", "a client key has 32 hexadecimal digits");
    }
    identifiers->slices[identifiers->count++] = pn_slice_str(key);
    return PN_OK;
}

static enum pn_code read_identifiers(const struct pn_call *call, struct identifiers *identifiers,
                                     struct pn_err *err)
{
    unsigned count = 0;
    const struct pn_http_parameter *parameters = pn_http_parameters(call->exchange, &count);
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        struct pn_slice rest = parameters[i].value;
        bool is_identifier = pn_slice_is(parameters[i].name, "identifier");
        while (is_identifier && rest.len > 0 && code == PN_OK) {
            code = add_identifier(call, pn_slice_split(rest, ',', &rest), identifiers, err);
        }
    }
    if (code == PN_OK && identifiers->count == 0) {
        return pn_err_set(err, PN_INVALID, "identifier", "is needed: system|value, in the body");
    }
    return code;
}

static void refuse_get(struct pn_call *call)
{
    struct pn_err err;
    pn_err_set(&err, PN_INVALID, "Patient",
               "identifiers never stand in a URL: POST them to /fhir/Patient/_search as a form");
    pn_call_answer_error(call, &err);
}

void pn_patient_refuse_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    pn_call_begin(&call, exchange, context);
    refuse_get(&call);
}

// The URL of a POST may hold no identifier either.
static bool has_query(const struct pn_call *call)
{
    struct pn_slice body = pn_http_body(call->exchange);
    unsigned count = 0;
    pn_http_parameters(call->exchange, &count);
    return body.len == 0 && count > 0;
}

void pn_patient_search_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    pn_call_begin(&call, exchange, context);
    struct identifiers identifiers = {0};
    struct pn_client client;
    struct pn_err err;
    if (has_query(&call)) {
        refuse_get(&call);
        return;
    }
    enum pn_code code = read_identifiers(&call, &identifiers, &err);
    if (code == PN_OK) {
        code = pn_api_open_timeline(call.api, &err);
    }
    if (code == PN_OK) {
        code = pn_timeline_find(call.api->timeline, identifiers.slices, identifiers.count, &client,
                                &err);
    }
    if (code != PN_OK && code != PN_NOT_FOUND) {
        pn_call_answer_error(&call, &err);
        return;
    }
    if (!pn_call_may(&call, PN_ACTION_TIMELINE, code == PN_OK ? &client : NULL,
                     "Patient by identifier")) {
        return;
    }
    cJSON *bundle = pn_bundle_new("searchset");
    cJSON_AddNumberToObject(bundle, "total", code == PN_OK ? 1 : 0);
    if (code == PN_OK && pn_bundle_add(&call, bundle, pn_patient_view(&client), "match") == NULL) {
        bundle = NULL;
    }
    pn_call_answer(&call, 200, PN_TYPE_FHIR, bundle);
}

// --- Read ----------------------------------------------------------------------------------------

void pn_patient_read_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_client(&call, pn_http_path_value(exchange, "id"), &client) ||
        !pn_call_may(&call, PN_ACTION_TIMELINE, &client, "Patient") ||
        pn_call_is_unchanged(&call, client.recorded_ms)) {
        return;
    }
    pn_call_add_etag(&call, client.recorded_ms);
    pn_call_answer(&call, 200, PN_TYPE_FHIR, pn_patient_view(&client));
}

void pn_patient_identity_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_client(&call, pn_http_path_value(exchange, "id"), &client) ||
        !pn_call_may(&call, PN_ACTION_IDENTITY, &client, "identity")) {
        return;
    }
    struct pn_err err;
    struct pn_buf text;
    cJSON *patient = NULL;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    enum pn_code code = pn_timeline_identity(call.api->timeline, call.api->privacy,
                                             pn_slice_str(client.key), &text, &err);
    if (code == PN_OK) {
        code = pn_json_parse(pn_buf_slice(&text), &patient, &err);
    }
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.capacity);
    }
    pn_buf_release(&text);
    if (code == PN_OK && !pn_json_set_text(patient, "id", pn_slice_str(client.key))) {
        code = pn_err_set(&err, PN_LIMIT, "Patient", "does not fit into memory");
    }
    if (code != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    pn_call_answer(&call, 200, PN_TYPE_FHIR, patient);
}

// --- Undoing a merge -----------------------------------------------------------------------------

struct unmerge {
    char kept[PN_CLIENT_KEY_TEXT_BYTES];
    char parted[PN_CLIENT_KEY_TEXT_BYTES];
};

// The client key of a parameter {"name": name, "valueReference": {"reference": "Patient/<key>"}}.
static bool read_key(const cJSON *parameters, const char *name,
                     char ret_key[static PN_CLIENT_KEY_TEXT_BYTES])
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(parameters, "parameter"))
    {
        struct pn_slice reference =
            pn_json_text(cJSON_GetObjectItemCaseSensitive(item, "valueReference"), "reference");
        if (pn_slice_is(pn_json_text(item, "name"), name) &&
            pn_slice_starts_with(reference, "Patient/") &&
            reference.len == 8 + PN_CLIENT_KEY_TEXT_BYTES - 1) {
            memcpy(ret_key, reference.ptr + 8, PN_CLIENT_KEY_TEXT_BYTES - 1);
            ret_key[PN_CLIENT_KEY_TEXT_BYTES - 1] = '\0';
            return true;
        }
    }
    return false;
}

static cJSON *unmerge_data(const struct unmerge *unmerge)
{
    char other[8 + PN_CLIENT_KEY_TEXT_BYTES];
    snprintf(other, sizeof other, "Patient/%s", unmerge->parted);
    cJSON *patient = pn_fhir_new("Patient");
    cJSON *link = cJSON_CreateObject();
    cJSON_AddStringToObject(patient, "id", unmerge->kept);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(patient, "link"), link);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(link, "other"), "reference", other);
    cJSON_AddStringToObject(link, "type", "replaces");
    return patient;
}

struct publishing {
    struct pn_store *store;
    const struct pn_event *event;
};

static enum pn_code add_to_outbox(void *context, struct pn_err *err)
{
    const struct publishing *publishing = context;
    return pn_outbox_add(publishing->store, PN_TOPIC_EVENT, publishing->event, err);
}

// The event goes out by the API's own outbox.
static enum pn_code publish_unmerge(struct pn_call *call, const struct unmerge *unmerge,
                                    struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    pn_uuid4(id);
    int64_t now_ms = pn_clock_now_ms();
    struct pn_buf data;
    pn_buf_init(&data, PN_EVENT_BYTES_MAX);
    enum pn_code code = pn_json_print(unmerge_data(unmerge), &data, err);
    const struct pn_event event = {.id = pn_slice_str(id),
                                   .source = pn_slice_str("/service/api"),
                                   .type = pn_slice_str("fi.punos.client.unmerged.v1"),
                                   .subject = pn_slice_str(unmerge->kept),
                                   .time_ms = now_ms,
                                   .recorded_ms = now_ms,
                                   .data = pn_buf_slice(&data)};
    struct publishing publishing = {.store = pn_run_store(call->api->run), .event = &event};
    code =
        code == PN_OK ? pn_store_transact(publishing.store, add_to_outbox, &publishing, err) : code;
    pn_buf_release(&data);
    return code;
}

void pn_patient_unmerge_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct unmerge unmerge;
    struct pn_err err;
    cJSON *body = NULL;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_body(&call, &body)) {
        return;
    }
    if (!read_key(body, "kept", unmerge.kept) || !read_key(body, "parted", unmerge.parted)) {
        pn_err_set(&err, PN_INVALID, "Parameters.parameter",
                   "two are needed, kept and parted, each a valueReference to Patient/<key>");
        pn_call_answer_error(&call, &err);
        return;
    }
    if (!pn_call_client(&call, pn_slice_str(unmerge.parted), &client) ||
        !pn_call_may(&call, PN_ACTION_MERGE_UNDO, &client, "merge undone")) {
        return;
    }
    if (strcmp(client.key, unmerge.kept) != 0 || strcmp(unmerge.kept, unmerge.parted) == 0) {
        pn_err_set(&err, PN_CONFLICT, "Parameters.parameter",
                   "the two are not one client today: there is nothing to undo");
        pn_call_answer_error(&call, &err);
        return;
    }
    if (publish_unmerge(&call, &unmerge, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    cJSON *outcome = pn_fhir_new("OperationOutcome");
    cJSON *issue = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(outcome, "issue"), issue);
    cJSON_AddStringToObject(issue, "severity", "information");
    cJSON_AddStringToObject(issue, "code", "informational");
    cJSON_AddStringToObject(
        issue, "diagnostics",
        "The undo is on its way; the timeline, the triggers and the plans follow.");
    pn_call_answer(&call, 202, PN_TYPE_FHIR, outcome);
}
