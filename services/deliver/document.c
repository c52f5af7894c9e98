// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/document.h"

#include "base/clock.h"
#include "fhir/json.h"
#include "services/deliver/clientships.h"
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

enum pn_code pn_document_make(const struct pn_document_request *request, struct pn_arena *arena,
                              const struct pn_document_out **ret_document, struct pn_err *err)
{
    const struct pn_delivery *delivery = request->delivery;
    cJSON *plan = NULL;
    cJSON *previous = NULL;
    cJSON *patient = NULL;
    cJSON *clientships = NULL;
    enum pn_code code = pn_plan_unseal(pn_run_privacy(request->run), delivery->plan_id,
                                       delivery->plan_version, delivery->sealed, &plan, err);
    if (code == PN_OK) {
        code = open_previous(request, arena, &previous, err);
    }
    if (code == PN_OK) {
        code = pn_identity_open(request->identities, pn_run_store(request->run), delivery, &patient,
                                err);
    }
    if (code == PN_OK) {
        code = pn_clientships_read(request->identities, arena, delivery, &clientships, err);
    }
    if (code != PN_OK) {
        return code;
    }
    struct pn_plan_out out = {
        .plan = plan,
        .patient = patient,
        .previous = previous,
        .clientships = clientships,
        .document_id = pn_slice_str(delivery->id),
        .system_config_name = pn_slice_str(request->system->name),
        // The moment of queueing, so that every try gives the same bytes.
        .now_ms = delivery->queued_ms,
        .withdrawn = delivery->is_withdrawal,
    };
    return pn_adapter_encode(request->adapter, arena, &out, ret_document, err);
}
