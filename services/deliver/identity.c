// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/identity.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "fhir/json.h"
#include "privacy/access.h"
#include "privacy/audit.h"

struct pn_identity_source {
    const struct pn_config *config;
    const struct pn_privacy *privacy;
    struct pn_timeline *timeline; // NULL until the timeline service has made its store
};

enum pn_code pn_identity_source_open(const struct pn_config *config,
                                     const struct pn_privacy *privacy,
                                     struct pn_identity_source **ret_source, struct pn_err *err)
{
    struct pn_identity_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return pn_err_set(err, PN_MEMORY, "deliver", "no memory to start");
    }
    source->config = config;
    source->privacy = privacy;
    *ret_source = source;
    return PN_OK;
}

void pn_identity_source_close(struct pn_identity_source *source)
{
    if (source == NULL) {
        return;
    }
    pn_timeline_close(source->timeline);
    free(source);
}

static enum pn_code write_record(struct pn_identity_source *source, struct pn_store *store,
                                 const struct pn_delivery *delivery, const struct pn_access *access,
                                 struct pn_err *err)
{
    char what[PN_AUDIT_FIELD_BYTES_MAX];
    snprintf(what, sizeof what, "%s/%s version %" PRId64,
             delivery->of == PN_OUT_CASE ? "Flag" : "CarePlan", delivery->plan_id,
             delivery->plan_version);
    struct pn_audit_record record = {
        .user = pn_slice_str("punos deliver"),
        .role = pn_slice_str(pn_role_name(PN_ROLE_INTEGRATION)),
        .action = pn_slice_str(pn_action_name(PN_ACTION_DELIVER)),
        .purpose = pn_slice_str("care-coordination"),
        .client = pn_slice_str(delivery->client_key),
        .what = pn_slice_str(what),
        .recipient = pn_slice_str(delivery->system),
        .basis = pn_slice_str("a plan that a professional has published"),
        .rule = pn_slice_str(access->rule),
        .is_allowed = access->is_allowed,
    };
    return pn_audit_add(store, source->privacy, &record, err);
}

enum pn_code pn_identity_timeline(struct pn_identity_source *source,
                                  struct pn_timeline **ret_timeline, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    if (source->timeline == NULL) {
        code = pn_timeline_open(source->config, &source->timeline, err);
    }
    if (code == PN_OK) {
        *ret_timeline = source->timeline;
    }
    return code;
}

static enum pn_code read_identity(struct pn_identity_source *source, struct pn_slice key,
                                  cJSON **ret_patient, struct pn_err *err)
{
    struct pn_timeline *timeline = NULL;
    enum pn_code code = pn_identity_timeline(source, &timeline, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_buf text;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    code = pn_timeline_identity(timeline, source->privacy, key, &text, err);
    if (code == PN_OK) {
        code = pn_json_parse(pn_buf_slice(&text), ret_patient, err);
    } else if (code == PN_NOT_FOUND) {
        // The event that names the client may still be on its way to the timeline.
        code = pn_err_set(err, PN_UNAVAILABLE, "Patient", "the client's identity is not known yet");
    }
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.capacity);
    }
    pn_buf_release(&text);
    return code;
}

enum pn_code pn_identity_open(struct pn_identity_source *source, struct pn_store *store,
                              const struct pn_delivery *delivery, cJSON **ret_patient,
                              struct pn_err *err)
{
    struct pn_access_request request = {
        .roles = PN_ROLE_INTEGRATION,
        .action = PN_ACTION_DELIVER,
        .has_relationship = true, // the plan itself is the client relationship that it serves
        .has_permit = true,
    };
    struct pn_access access;
    pn_access_decide(&request, &access);
    enum pn_code code = write_record(source, store, delivery, &access, err);
    if (code != PN_OK) {
        return code;
    }
    if (!access.is_allowed) {
        return pn_err_set(err, PN_DENIED, "Patient", "%s", access.reason);
    }
    return read_identity(source, pn_slice_str(delivery->client_key), ret_patient, err);
}
