// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/document.h"

#include "base/clock.h"
#include "fhir/json.h"
#include "services/deliver/clientships.h"
#include "services/deliver/ledger_answer.h"
#include "services/plan/plan_seal.h"

// The version that the system has now, so that its form can say what it replaces.
static enum pn_code open_previous(const struct pn_document_request *request, struct pn_arena *arena,
                                  cJSON **ret_previous, struct pn_err *err)
{
    int64_t version = 0;
    struct pn_slice sealed = {0};
    enum pn_code code = pn_ledger_accepted(pn_run_store(request->run), arena, request->delivery,
                                           &version, &sealed, err);
    if (code != PN_OK || sealed.len == 0) {
        return code;
    }
    return pn_plan_unseal(pn_run_privacy(request->run), request->delivery->plan_id, version, sealed,
                          ret_previous, err);
}

// The plan and the version before it; or the case's Flag.
static enum pn_code open_content(const struct pn_document_request *request, struct pn_arena *arena,
                                 struct pn_plan_out *out, struct pn_err *err)
{
    const struct pn_delivery *delivery = request->delivery;
    cJSON *content = NULL;
    cJSON *previous = NULL;
    if (delivery->of == PN_OUT_CASE) {
        enum pn_code code = pn_json_parse(delivery->sealed, &content, err);
        out->case_flag = content;
        return code;
    }
    enum pn_code code = pn_plan_unseal(pn_run_privacy(request->run), delivery->plan_id,
                                       delivery->plan_version, delivery->sealed, &content, err);
    if (code == PN_OK) {
        code = open_previous(request, arena, &previous, err);
    }
    out->plan = content;
    out->previous = previous;
    return code;
}

enum pn_code pn_document_make(const struct pn_document_request *request, struct pn_arena *arena,
                              const struct pn_document_out **ret_document, struct pn_err *err)
{
    const struct pn_delivery *delivery = request->delivery;
    struct pn_store *store = pn_run_store(request->run);
    struct pn_remote remotes[PN_DOCUMENTS_MAX];
    cJSON *patient = NULL;
    cJSON *clientships = NULL;
    struct pn_plan_out out = {
        .of = delivery->of,
        .remotes = remotes,
        .document_id = pn_slice_str(delivery->id),
        .system_config_name = pn_slice_str(request->system->name),
        // The moment of queueing, so that every try gives the same bytes.
        .now_ms = delivery->queued_ms,
        .withdrawn = delivery->is_withdrawal,
    };
    enum pn_code code = open_content(request, arena, &out, err);
    if (code == PN_OK) {
        code = pn_identity_open(request->identities, store, delivery, &patient, err);
    }
    if (code == PN_OK) {
        code = pn_clientships_read(request->identities, arena, delivery, &clientships, err);
    }
    if (code == PN_OK) {
        code = pn_ledger_remotes(store, arena, delivery, remotes, PN_DOCUMENTS_MAX,
                                 &out.remote_count, err);
    }
    if (code != PN_OK) {
        return code;
    }
    out.patient = patient;
    out.clientships = clientships;
    return pn_adapter_encode(request->adapter, arena, &out, ret_document, err);
}
