// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/finid.h"
#include "base/text.h"
#include "fhir/fhir.h"

enum { SEALED_BYTES_MAX = PN_EVENT_BYTES_MAX };

static bool is_hetu_system(struct pn_slice system)
{
    return pn_slice_is(system, PN_URI_HETU) || pn_slice_is(system, PN_OID_HETU);
}

static bool has_key(const struct pn_client_keys *keys, const char *key)
{
    for (unsigned i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

struct one_key {
    char text[PN_CLIENT_KEY_TEXT_BYTES];
    bool is_official, is_primary;
};

static enum pn_code add_key(struct pn_client_keys *keys, const struct one_key *key,
                            struct pn_err *err)
{
    if (has_key(keys, key->text)) {
        return PN_OK;
    }
    if (keys->count == PN_IDENTIFIERS_MAX) {
        return pn_err_set(err, PN_LIMIT, "Patient.identifier", "more than %d identifiers",
                          PN_IDENTIFIERS_MAX);
    }
    unsigned at = keys->count++;
    if (key->is_primary) {
        memmove(keys->keys[1], keys->keys[0], at * sizeof keys->keys[0]);
        memmove(&keys->is_official[1], &keys->is_official[0], at * sizeof keys->is_official[0]);
        at = 0;
    }
    memcpy(keys->keys[at], key->text, PN_CLIENT_KEY_TEXT_BYTES);
    keys->is_official[at] = key->is_official;
    return PN_OK;
}

enum pn_code pn_client_keys_of(const struct pn_privacy *privacy, const cJSON *patient,
                               struct pn_client_keys *ret_keys, struct pn_err *err)
{
    struct pn_client_keys keys = {.count = 0};
    bool has_hetu = false;
    const cJSON *identifier = NULL;
    cJSON_ArrayForEach(identifier, cJSON_GetObjectItemCaseSensitive(patient, "identifier"))
    {
        struct pn_slice system = pn_json_text(identifier, "system");
        struct pn_slice value = pn_json_text(identifier, "value");
        if (system.len == 0 || value.len == 0) {
            continue;
        }
        struct one_key key = {.is_official = is_hetu_system(system)};
        key.is_primary = key.is_official && !has_hetu;
        has_hetu = has_hetu || key.is_official;
        pn_client_key(privacy, system, value, key.text);
        enum pn_code code = add_key(&keys, &key, err);
        if (code != PN_OK) {
            return code;
        }
    }
    if (keys.count == 0) {
        return pn_err_set(err, PN_INVALID, "Patient.identifier",
                          "the person has no identifier whose system is known");
    }
    *ret_keys = keys;
    return PN_OK;
}

void pn_identity_hash(const struct pn_privacy *privacy, struct pn_slice identity,
                      char ret_hash[static PN_IDENTITY_HASH_BYTES])
{
    char mac[PN_MAC_TEXT_BYTES];
    pn_privacy_mac(privacy, "identity-published", identity, mac);
    memcpy(ret_hash, mac, PN_IDENTITY_HASH_BYTES - 1);
    ret_hash[PN_IDENTITY_HASH_BYTES - 1] = '\0';
}

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "Patient", "no memory is left for this message");
}

static bool add_identifiers(cJSON *patient, const struct pn_client_keys *keys)
{
    cJSON *list = cJSON_AddArrayToObject(patient, "identifier");
    for (unsigned i = 0; i < keys->count; i++) {
        cJSON *item = cJSON_CreateObject();
        const char *use = keys->is_official[i] ? "official" : "secondary";
        if (list == NULL || item == NULL || !cJSON_AddItemToArray(list, item) ||
            !pn_json_set_text(item, "use", pn_slice_str(use)) ||
            !pn_json_set_text(item, "system", pn_slice_str(PN_CLIENT_KEY_SYSTEM)) ||
            !pn_json_set_text(item, "value", pn_slice_str(keys->keys[i]))) {
            return false;
        }
    }
    return true;
}

// The prohibition to disclose an address (turvakielto) must travel with the person.
static bool add_security(cJSON *patient, const cJSON *identity)
{
    const cJSON *security = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(identity, "meta"), "security");
    if (security == NULL) {
        return true;
    }
    cJSON *meta = cJSON_AddObjectToObject(patient, "meta");
    cJSON *copy = cJSON_Duplicate(security, true);
    return meta != NULL && copy != NULL && cJSON_AddItemToObject(meta, "security", copy);
}

static bool is_mother_tongue(const cJSON *communication)
{
    const cJSON *one = NULL;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(communication, "extension"))
    {
        if (pn_slice_is(pn_json_text(one, "url"), PN_MOTHER_TONGUE_URL)) {
            return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(one, "valueBoolean"));
        }
    }
    return false;
}

// The language of contact is Finnish or Swedish for nearly everybody: the mother tongue goes before
// it.
static struct pn_slice language_of(const cJSON *patient)
{
    const cJSON *one = NULL;
    char path[64];
    unsigned place = 0, chosen = 0;
    bool is_preferred = false;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(patient, "communication"))
    {
        if (is_mother_tongue(one)) {
            chosen = place;
            break;
        }
        if (!is_preferred && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(one, "preferred"))) {
            is_preferred = true;
            chosen = place;
        }
        place++;
    }
    (void)snprintf(path, sizeof path, "communication[%u].language.coding[0].code", chosen);
    return pn_fhir_get(patient, path);
}

static const char *language_group(struct pn_slice code)
{
    static const struct {
        const char *tag, *group;
    } national[] = {{"fi", "fi"}, {"fin", "fi"}, {"sv", "sv"}, {"swe", "sv"}};
    struct pn_slice region;
    struct pn_slice tag = pn_slice_split(code, '-', &region);
    for (unsigned i = 0; i < PN_ARRAY_COUNT(national); i++) {
        if (pn_slice_is_nocase(tag, national[i].tag)) {
            return national[i].group;
        }
    }
    return "other";
}

// A rare language beside a year of birth would name somebody: only the group goes out.
static bool add_language_group(cJSON *patient, const cJSON *identity)
{
    struct pn_slice code = language_of(identity);
    if (code.len == 0) {
        return true;
    }
    cJSON *list = cJSON_AddArrayToObject(patient, "communication");
    cJSON *item = cJSON_CreateObject();
    if (list == NULL || item == NULL || !cJSON_AddItemToArray(list, item)) {
        return false;
    }
    cJSON *language = cJSON_AddObjectToObject(item, "language");
    cJSON *codings = language == NULL ? NULL : cJSON_AddArrayToObject(language, "coding");
    cJSON *coding = cJSON_CreateObject();
    return codings != NULL && coding != NULL && cJSON_AddItemToArray(codings, coding) &&
           pn_json_set_text(coding, "system", pn_slice_str(PN_LANGUAGE_GROUP_SYSTEM)) &&
           pn_json_set_text(coding, "code", pn_slice_str(language_group(code)));
}

enum pn_code pn_identity_public(const struct pn_client_keys *keys, const cJSON *patient,
                                cJSON **ret_public, struct pn_err *err)
{
    enum { YEAR_DIGITS = 4 };
    cJSON *made = pn_fhir_new("Patient");
    struct pn_slice gender = pn_json_text(patient, "gender");
    struct pn_slice birth = pn_json_text(patient, "birthDate");
    bool is_made = made != NULL && pn_json_set_text(made, "id", pn_slice_str(keys->keys[0])) &&
                   add_security(made, patient) && add_identifiers(made, keys) &&
                   (gender.len == 0 || pn_json_set_text(made, "gender", gender)) &&
                   add_language_group(made, patient) &&
                   (birth.len < YEAR_DIGITS ||
                    pn_json_set_text(made, "birthDate", pn_slice_of(birth.ptr, YEAR_DIGITS)));
    if (!is_made) {
        return no_memory(err);
    }
    *ret_public = made;
    return PN_OK;
}

static bool add_seal(cJSON *patient, struct pn_slice base64)
{
    cJSON *list = cJSON_AddArrayToObject(patient, "extension");
    cJSON *item = cJSON_CreateObject();
    return list != NULL && item != NULL && cJSON_AddItemToArray(list, item) &&
           pn_json_set_text(item, "url", pn_slice_str(PN_SEALED_IDENTITY_URL)) &&
           pn_json_set_text(item, "valueBase64Binary", base64);
}

enum pn_code pn_identity_seal_into(const struct pn_privacy *privacy, cJSON *patient,
                                   struct pn_slice identity, struct pn_err *err)
{
    struct pn_buf sealed;
    struct pn_buf base64;
    pn_buf_init(&sealed, SEALED_BYTES_MAX);
    pn_buf_init(&base64, SEALED_BYTES_MAX);
    enum pn_code code =
        pn_seal(privacy, "identity", pn_json_text(patient, "id"), identity, &sealed, err);
    if (code == PN_OK) {
        pn_base64_add(&base64, sealed.data, sealed.len);
        if (!pn_buf_ok(&base64)) {
            code = pn_err_set(err, PN_LIMIT, "Patient", "the person's data is too large");
        } else if (!add_seal(patient, pn_buf_slice(&base64))) {
            code = no_memory(err);
        }
    }
    pn_buf_release(&sealed);
    pn_buf_release(&base64);
    return code;
}

static bool add_link(cJSON *links, const char *old_key)
{
    char reference[sizeof "Patient/" + PN_CLIENT_KEY_TEXT_BYTES];
    (void)snprintf(reference, sizeof reference, "Patient/%s", old_key);
    cJSON *link = cJSON_CreateObject();
    if (link == NULL || !cJSON_AddItemToArray(links, link)) {
        return false;
    }
    cJSON *other = cJSON_AddObjectToObject(link, "other");
    return other != NULL && pn_json_set_text(other, "reference", pn_slice_str(reference)) &&
           pn_json_set_text(link, "type", pn_slice_str("replaces"));
}

enum pn_code pn_identity_merge(const struct pn_client_keys *keys,
                               const struct pn_client_keys *previous, cJSON **ret_patient,
                               struct pn_err *err)
{
    cJSON *patient = pn_fhir_new("Patient");
    if (patient == NULL || !pn_json_set_text(patient, "id", pn_slice_str(keys->keys[0])) ||
        !add_identifiers(patient, keys)) {
        return no_memory(err);
    }
    cJSON *links = cJSON_AddArrayToObject(patient, "link");
    unsigned link_count = 0;
    for (unsigned i = 0; i < previous->count; i++) {
        if (has_key(keys, previous->keys[i])) {
            continue;
        }
        if (links == NULL || !add_link(links, previous->keys[i])) {
            return no_memory(err);
        }
        link_count++;
    }
    *ret_patient = link_count == 0 ? NULL : patient;
    return PN_OK;
}
