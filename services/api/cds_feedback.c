// SPDX-License-Identifier: Apache-2.0
/*
 * POST /cds-services/punos-shared-client/feedback: CDS Hooks 2.0, section "Feedback". What a person
 * does with a card is a state of the client's case, for those who may set one:
 *   accepted (its suggestion)       in-discussion
 *   overridden with a coded reason  not-relevant, with that reason
 *   overridden without one          seen, when it was new
 *
 * A comment in free text is not kept. The same feedback again changes nothing.
 */
#include "fhir/json.h"
#include "services/api/calls.h"
#include "services/api/cds.h"

enum { FEEDBACK_MAX = 64 };

struct item {
    struct pn_slice card;
    enum pn_case_state state;
    struct pn_slice reason;
};

static bool has_suggestion(const cJSON *item, struct pn_slice card)
{
    char wanted[PN_UUID_TEXT_BYTES];
    const cJSON *accepted = NULL;
    pn_cds_suggestion_id(card, wanted);
    cJSON_ArrayForEach(accepted, cJSON_GetObjectItemCaseSensitive(item, "acceptedSuggestions"))
    {
        if (pn_slice_is(pn_json_text(accepted, "id"), wanted)) {
            return true;
        }
    }
    return false;
}

static enum pn_code read_item(const cJSON *item, struct item *ret_item, struct pn_err *err)
{
    struct pn_slice outcome = pn_json_text(item, "outcome");
    const cJSON *override = cJSON_GetObjectItemCaseSensitive(item, "overrideReason");
    const cJSON *coding = cJSON_GetObjectItemCaseSensitive(override, "reason");
    *ret_item = (struct item){.card = pn_json_text(item, "card")};
    if (ret_item->card.len == 0) {
        return pn_err_set(err, PN_INVALID, "feedback.card", "is needed: the card's uuid");
    }
    if (pn_slice_is(outcome, "overridden")) {
        ret_item->reason = pn_json_text(coding, "code");
        ret_item->state = ret_item->reason.len > 0 ? PN_CASE_NOT_RELEVANT : PN_CASE_SEEN;
        return PN_OK;
    }
    if (!pn_slice_is(outcome, "accepted")) {
        return pn_err_set(err, PN_INVALID, "feedback.outcome", "must be accepted or overridden");
    }
    ret_item->state = PN_CASE_IN_DISCUSSION;
    return has_suggestion(item, ret_item->card)
               ? PN_OK
               : pn_err_set(err, PN_INVALID, "feedback.acceptedSuggestions",
                            "must name a suggestion of the card");
}

static enum pn_code read_items(struct pn_call *call, const cJSON *body, struct item **ret_items,
                               unsigned *ret_count, struct pn_err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(body, "feedback");
    int size = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || size < 1 || size > FEEDBACK_MAX) {
        return pn_err_set(err, PN_INVALID, "feedback", "must be a list of 1 to %d", FEEDBACK_MAX);
    }
    struct item *items = pn_arena_alloc_array(call->arena, (size_t)size, sizeof *items);
    if (items == NULL) {
        return pn_err_set(err, PN_LIMIT, "feedback", "no memory");
    }
    enum pn_code code = PN_OK;
    for (int i = 0; i < size && code == PN_OK; i++) {
        code = read_item(cJSON_GetArrayItem(list, i), &items[i], err);
    }
    *ret_items = items;
    *ret_count = (unsigned)size;
    return code;
}

// What a card says is only the beginning: a state that a person has set since stays.
static bool is_progress(enum pn_case_state from, enum pn_case_state to)
{
    return from == PN_CASE_NEW || (from == PN_CASE_SEEN && to != PN_CASE_SEEN);
}

static enum pn_code set_state(struct pn_call *call, const struct pn_client *client,
                              const struct item *item, struct pn_err *err)
{
    struct pn_case found;
    int64_t version = 0;
    enum pn_code code =
        pn_worklist_case(call->api->worklist, call->arena, pn_slice_str(client->key), &found, err);
    if (code != PN_OK || !is_progress(found.state, item->state)) {
        return code;
    }
    const struct pn_case_change change = {.client = pn_slice_str(client->key),
                                          .state = item->state,
                                          .expected_version = found.version,
                                          .set_by = pn_slice_str(call->caller->name),
                                          .reason = item->reason};
    code = pn_api_open_case_writer(call->api, err);
    return code == PN_OK ? pn_worklist_set_state(call->api->case_writer, &change, &version, err)
                         : code;
}

// False: it has answered.
static bool note(struct pn_call *call, const struct item *item)
{
    struct pn_trigger trigger;
    struct pn_client client;
    char key[PN_CLIENT_KEY_TEXT_BYTES];
    struct pn_err err;
    enum pn_code code = pn_api_open_worklist(call->api, &err);
    code = code == PN_OK ? pn_worklist_trigger(call->api->worklist, call->arena, item->card,
                                               &trigger, key, &err)
                         : code;
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    if (!pn_call_client(call, pn_slice_str(key), &client) ||
        !pn_call_may(call, PN_ACTION_WORKLIST_SET, &client, "CDS Hooks feedback")) {
        return false;
    }
    if (set_state(call, &client, item, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    return true;
}

void pn_cds_feedback_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_err err;
    cJSON *body = NULL;
    struct item *items = NULL;
    unsigned count = 0;
    pn_call_begin(&call, exchange, context);
    if (!pn_cds_is_service(&call) || !pn_call_body(&call, &body)) {
        return;
    }
    if (read_items(&call, body, &items, &count, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!note(&call, &items[i])) {
            return;
        }
    }
    pn_call_answer(&call, 200, PN_TYPE_JSON, cJSON_CreateObject());
}
