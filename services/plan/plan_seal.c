// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_seal.h"

#include <stdio.h>

#include "base/ids.h"
#include "base/text.h"
#include "fhir/fhir.h"
#include "services/plan/plan_content.h"

enum { BOUND_BYTES = 96, SEAL_BYTES_MAX = PN_PLAN_BYTES_MAX + 64 };

static struct pn_slice bound_to(const char *id, int64_t version, char bytes[static BOUND_BYTES])
{
    snprintf(bytes, BOUND_BYTES, "CarePlan/%s/_history/%lld", id, (long long)version);
    return pn_slice_str(bytes);
}

enum pn_code pn_plan_seal(const struct pn_privacy *privacy, const char *id, int64_t version,
                          const cJSON *plan, struct pn_buf *out, struct pn_err *err)
{
    struct pn_buf plain;
    pn_buf_init(&plain, PN_PLAN_BYTES_MAX);
    enum pn_code code = pn_json_print(plan, &plain, err);
    if (code == PN_OK) {
        char bound[BOUND_BYTES];
        code =
            pn_seal(privacy, "plan", bound_to(id, version, bound), pn_buf_slice(&plain), out, err);
    }
    pn_buf_release(&plain);
    return code;
}

enum pn_code pn_plan_unseal(const struct pn_privacy *privacy, const char *id, int64_t version,
                            struct pn_slice sealed, cJSON **ret_plan, struct pn_err *err)
{
    struct pn_buf plain;
    pn_buf_init(&plain, SEAL_BYTES_MAX);
    char bound[BOUND_BYTES];
    enum pn_code code =
        pn_unseal(privacy, "plan", bound_to(id, version, bound), sealed, &plain, err);
    if (code == PN_OK) {
        code = pn_json_parse(pn_buf_slice(&plain), ret_plan, err);
    }
    pn_buf_release(&plain);
    return code;
}

static enum pn_code unseal_carried(const struct pn_privacy *privacy, const cJSON *carried,
                                   cJSON **ret_plan, struct pn_err *err)
{
    struct pn_slice seal =
        pn_fhir_get(carried, "extension[url=" PN_PLAN_SEAL_URL "].valueBase64Binary");
    struct pn_slice id = pn_json_text(carried, "id");
    int64_t version = 0;
    if (seal.len == 0 || id.len >= PN_UUID_TEXT_BYTES ||
        !pn_slice_to_i64(pn_fhir_get(carried, "meta.versionId"), &version)) {
        return pn_err_set(err, PN_INVALID, "CarePlan",
                          "must hold id, meta.versionId and the sealed-plan extension");
    }
    char id_text[PN_UUID_TEXT_BYTES];
    snprintf(id_text, sizeof id_text, "%.*s", PN_SLICE_FMT(id));
    struct pn_buf sealed;
    pn_buf_init(&sealed, SEAL_BYTES_MAX);
    enum pn_code code = PN_OK;
    if (pn_base64_decode(seal, &sealed)) {
        code = pn_plan_unseal(privacy, id_text, version, pn_buf_slice(&sealed), ret_plan, err);
    } else {
        code = pn_err_set(err, PN_INVALID, "CarePlan.extension.valueBase64Binary",
                          "is not Base64 or is too large");
    }
    pn_buf_release(&sealed);
    return code;
}

enum pn_code pn_plan_unseal_event(const struct pn_privacy *privacy, const struct pn_event *event,
                                  cJSON **ret_plan, struct pn_err *err)
{
    cJSON *carried = NULL;
    cJSON *plan = NULL;
    enum pn_code code = pn_json_parse(event->data, &carried, err);
    if (code == PN_OK) {
        code = unseal_carried(privacy, carried, &plan, err);
    }
    if (code == PN_OK) {
        char client_key[PN_CLIENT_KEY_TEXT_BYTES];
        snprintf(client_key, sizeof client_key, "%.*s", PN_SLICE_FMT(event->subject));
        code = pn_plan_content_set_client(plan, client_key, err);
    }
    if (code == PN_OK) {
        *ret_plan = plan;
    }
    return code;
}

enum pn_code pn_plan_event_data(const cJSON *plan, struct pn_slice sealed, struct pn_buf *out,
                                struct pn_err *err)
{
    static const char *const open_members[] = {"id",       "meta",    "status", "intent",
                                               "category", "subject", "period", "created"};
    struct pn_buf seal_text;
    pn_buf_init(&seal_text, 2 * SEAL_BYTES_MAX);
    pn_base64_add(&seal_text, sealed.ptr, sealed.len);
    cJSON *carried = pn_fhir_new("CarePlan");
    bool is_good = carried != NULL && pn_buf_ok(&seal_text);
    for (unsigned i = 0; i < PN_ARRAY_COUNT(open_members) && is_good; i++) {
        cJSON *copy =
            cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(plan, open_members[i]), true);
        is_good = cJSON_AddItemToObject(carried, open_members[i], copy);
    }
    cJSON *extension = cJSON_CreateObject();
    is_good = is_good && cJSON_AddStringToObject(extension, "url", PN_PLAN_SEAL_URL) != NULL &&
              cJSON_AddStringToObject(extension, "valueBase64Binary", seal_text.data) != NULL &&
              cJSON_AddItemToArray(cJSON_AddArrayToObject(carried, "extension"), extension);
    pn_buf_release(&seal_text);
    if (!is_good) {
        return pn_err_set(err, PN_LIMIT, "CarePlan", "is too large for an event");
    }
    return pn_json_print(carried, out, err);
}
