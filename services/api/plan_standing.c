// SPDX-License-Identifier: Apache-2.0
#include "services/api/plan_standing.h"

#include <string.h>

#include "base/log.h"
#include "services/identify/worklist/identify_write.h"

// PN_NOT_FOUND: nobody ever flagged the client, or nobody could have.
static enum pn_code read_state(struct pn_call *call, const struct pn_client *client,
                               enum pn_case_state *ret_state, struct pn_err *err)
{
    struct pn_case found;
    enum pn_code code = pn_api_open_worklist(call->api, err);
    if (code == PN_UNAVAILABLE) {
        return PN_NOT_FOUND;
    }
    code = code == PN_OK ? pn_worklist_case(call->api->worklist, call->arena,
                                            pn_slice_str(client->key), &found, err)
                         : code;
    if (code == PN_OK) {
        *ret_state = found.state;
    }
    return code;
}

bool pn_plan_may_begin(struct pn_call *call, const struct pn_client *client)
{
    enum pn_case_state state = PN_CASE_NEW;
    struct pn_err err;
    enum pn_code code = read_state(call, client, &state, &err);
    if (code == PN_NOT_FOUND || (code == PN_OK && state != PN_CASE_REFUSES)) {
        return true; // the writer answers for the consent
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    pn_err_set(&err, PN_CONFLICT, "CarePlan.subject",
               "the client refuses, says the work list: when the client now wants a plan, a "
               "coordinator sets that answer there first");
    pn_call_answer_status(call, 409, &err);
    return false;
}

static enum pn_code move_case(struct pn_call *call, const struct pn_client *client,
                              struct pn_err *err)
{
    enum pn_case_state state = PN_CASE_NEW;
    int64_t version = 0;
    enum pn_code code = read_state(call, client, &state, err);
    if (code == PN_NOT_FOUND) {
        return PN_OK;
    }
    if (code != PN_OK || state == PN_CASE_HAS_WORKER || state == PN_CASE_REFUSES) {
        return code;
    }
    const struct pn_case_change change = {.client = pn_slice_str(client->key),
                                          .state = PN_CASE_HAS_WORKER,
                                          .expected_version = -1,
                                          .set_by = pn_slice_str(call->caller->name)};
    code = pn_api_open_case_writer(call->api, err);
    return code == PN_OK ? pn_worklist_set_state(call->api->case_writer, &change, &version, err)
                         : code;
}

void pn_plan_tell_worklist(struct pn_call *call, const struct pn_client *client,
                           const struct pn_plan_row *row)
{
    struct pn_err err;
    if (strcmp(row->status, "active") == 0 && move_case(call, client, &err) != PN_OK) {
        pn_log_error("a plan was written, and its client's case does not say so", &err);
    }
}

bool pn_plan_is_active(struct pn_call *call, const char *client_key)
{
    const struct pn_plan_query query = {.client_key = pn_slice_str(client_key), .status = "active"};
    struct pn_plan_row plan;
    size_t count = 0;
    struct pn_err err; // no plan store: no plans
    return pn_caller_could(call->caller, PN_ACTION_PLAN_READ) &&
           pn_api_open_plans(call->api, &err) == PN_OK &&
           pn_plan_list(call->api->plans, &query, &plan, 1, &count, &err) == PN_OK && count > 0;
}
