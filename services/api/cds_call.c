// SPDX-License-Identifier: Apache-2.0
/*
 * CDS Hooks 2.0 (cds-hooks.hl7.org/2.0), sections "Discovery", "Calling a CDS Service", "Prefetch
 * Template" and "HTTP Status Codes"; the hook "patient-view" (context: userId, patientId,
 * encounterId):
 *   GET /cds-services
 *   POST /cds-services/punos-shared-client
 *
 * The patient is known by an identifier of the prefetched Patient, which becomes a key at once and
 * goes no further, or by a patientId that is this hub's own. `fhirServer` is never called. The
 * caller's token is as in every call; encounterId shows the relationship when it is one that the
 * timeline has.
 */
#include <string.h>

#include "fhir/json.h"
#include "services/api/calls.h"
#include "services/api/cds.h"

enum { IDENTIFIERS_MAX = 16, NO_PATIENT = 412 };

bool pn_cds_is_service(struct pn_call *call)
{
    struct pn_err err;
    if (pn_slice_is(pn_http_path_value(call->exchange, "service"), PN_CDS_SERVICE)) {
        return true;
    }
    pn_err_set(&err, PN_NOT_FOUND, "service", "there is no such CDS service");
    pn_call_answer_error(call, &err);
    return false;
}

void pn_cds_discovery_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    pn_call_begin(&call, exchange, context);
    cJSON *answer = cJSON_CreateObject();
    cJSON *service = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(answer, "services"), service);
    cJSON_AddStringToObject(service, "hook", "patient-view");
    cJSON_AddStringToObject(service, "title", "Mahdollinen yhteinen asiakas");
    cJSON_AddStringToObject(service, "description",
                            "Kertoo, jos asiakkaalle voisi olla hyötyä yhteisestä suunnitelmasta.");
    cJSON_AddStringToObject(service, "id", PN_CDS_SERVICE);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(service, "prefetch"), "patient",
                            "Patient/{{context.patientId}}");
    cJSON_AddStringToObject(service, "usageRequirements",
                            "Needs prefetch.patient with an identifier, or this hub's Patient.id");
    pn_call_answer(&call, 200, PN_TYPE_JSON, answer);
}

// --- The request ---------------------------------------------------------------------------------

struct request {
    struct pn_slice patient_id, encounter_id;
    const cJSON *patient; // prefetched; NULL: none
};

static enum pn_code read_request(const cJSON *body, struct request *ret_request, struct pn_err *err)
{
    const cJSON *context = cJSON_GetObjectItemCaseSensitive(body, "context");
    const cJSON *prefetch = cJSON_GetObjectItemCaseSensitive(body, "prefetch");
    const cJSON *patient = cJSON_GetObjectItemCaseSensitive(prefetch, "patient");
    const struct request request = {.patient_id = pn_json_text(context, "patientId"),
                                    .encounter_id = pn_json_text(context, "encounterId"),
                                    .patient = cJSON_IsObject(patient) ? patient : NULL};
    if (!pn_slice_is(pn_json_text(body, "hook"), "patient-view")) {
        return pn_err_set(err, PN_INVALID, "hook", "must be patient-view");
    }
    if (pn_json_text(body, "hookInstance").len == 0) {
        return pn_err_set(err, PN_INVALID, "hookInstance", "is needed");
    }
    if (pn_json_text(context, "userId").len == 0) {
        return pn_err_set(err, PN_INVALID, "context.userId", "is needed");
    }
    if (request.patient_id.len == 0) {
        return pn_err_set(err, PN_INVALID, "context.patientId", "is needed");
    }
    if (request.patient != NULL && !pn_slice_is(pn_json_text(patient, "resourceType"), "Patient")) {
        return pn_err_set(err, PN_INVALID, "prefetch.patient", "must be a Patient");
    }
    *ret_request = request;
    return PN_OK;
}

struct keys {
    char texts[IDENTIFIERS_MAX + 1][PN_CLIENT_KEY_TEXT_BYTES];
    struct pn_slice slices[IDENTIFIERS_MAX + 1];
    unsigned count;
};

static void add_key(struct keys *keys, struct pn_slice key)
{
    char *text = keys->texts[keys->count];
    memcpy(text, key.ptr, key.len);
    text[key.len] = '\0';
    keys->slices[keys->count++] = pn_slice_str(text);
}

static bool is_key(struct pn_slice text)
{
    bool is_hex = text.len == PN_CLIENT_KEY_TEXT_BYTES - 1;
    for (size_t i = 0; is_hex && i < text.len; i++) {
        is_hex = strchr("0123456789abcdef", text.ptr[i]) != NULL;
    }
    return is_hex;
}

static void find_keys(const struct pn_call *call, const struct request *request, struct keys *keys)
{
    const cJSON *identifier = NULL;
    cJSON_ArrayForEach(identifier, cJSON_GetObjectItemCaseSensitive(request->patient, "identifier"))
    {
        struct pn_slice system = pn_json_text(identifier, "system");
        struct pn_slice value = pn_json_text(identifier, "value");
        if (system.len > 0 && value.len > 0 && keys->count < IDENTIFIERS_MAX) {
            char key[PN_CLIENT_KEY_TEXT_BYTES];
            pn_client_key(call->api->privacy, system, value, key);
            add_key(keys, pn_slice_str(key));
        }
    }
    if (is_key(request->patient_id)) {
        add_key(keys, request->patient_id);
    }
}

// --- The answer ----------------------------------------------------------------------------------

static void answer_card(struct pn_call *call, const struct pn_client *client)
{
    cJSON *card = NULL;
    struct pn_err err;
    if (client != NULL && pn_cds_card(call, client, &card, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    cJSON *answer = cJSON_CreateObject();
    cJSON *cards = cJSON_AddArrayToObject(answer, "cards");
    if (card != NULL) {
        cJSON_AddItemToArray(cards, card);
    }
    pn_metric_add("punos_cds_calls_total", "cards", card == NULL ? "0" : "1", 1);
    pn_call_answer(call, 200, PN_TYPE_JSON, answer);
}

void pn_cds_service_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_err err;
    struct request request = {.patient = NULL};
    struct pn_client client;
    struct keys keys = {.count = 0};
    cJSON *body = NULL;
    pn_call_begin(&call, exchange, context);
    if (!pn_cds_is_service(&call) || !pn_call_body(&call, &body)) {
        return;
    }
    if (read_request(body, &request, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    find_keys(&call, &request, &keys);
    if (keys.count == 0) {
        pn_err_set(&err, PN_INVALID, "prefetch.patient",
                   "with an identifier is needed: the patient cannot be known otherwise");
        pn_call_answer_status(&call, NO_PATIENT, &err);
        return;
    }
    enum pn_code code = pn_api_open_timeline(call.api, &err);
    code = code == PN_OK
               ? pn_timeline_find(call.api->timeline, keys.slices, keys.count, &client, &err)
               : code;
    if (code != PN_OK && code != PN_NOT_FOUND) {
        pn_call_answer_error(&call, &err);
        return;
    }
    if (request.encounter_id.len > 0) {
        const char *contact =
            pn_arena_printf(call.arena, "Encounter/%.*s", PN_SLICE_FMT(request.encounter_id));
        call.relationship = pn_slice_str(contact == NULL ? "" : contact);
    }
    // Who may not ask is not told whether the hub knows the patient.
    const struct pn_client *known = code == PN_OK ? &client : NULL;
    if (pn_call_may(&call, PN_ACTION_TRIGGERS, known, "CDS Hooks patient-view")) {
        answer_card(&call, known);
    }
}
