// SPDX-License-Identifier: Apache-2.0
/*
 * GET /deliveries?state=rejected,queued&system=&_count=&_cursor=
 *
 * The ledger for operators, newest first: which version of which plan, system, state, times, the
 * system's words. No client is named.
 */
#include <stdio.h>

#include "services/api/calls.h"
#include "services/api/fhir_query.h"
#include "services/deliver/deliver_read.h"
#include "services/deliver/delivery_event.h"

enum { PAGE_MAX = 200 };

struct listing {
    struct pn_call call;
    struct pn_delivery_filter filter;
    unsigned size;
};

static enum pn_code read_parameters(struct listing *listing, struct pn_err *err)
{
    const struct pn_call *call = &listing->call;
    struct pn_slice words = pn_http_parameter(call->exchange, "state");
    struct pn_slice cursor = pn_http_parameter(call->exchange, "_cursor");
    listing->filter.system =
        pn_arena_copy(call->arena, pn_http_parameter(call->exchange, "system"));
    while (words.len > 0) {
        enum pn_delivery_state state = pn_delivery_state_parse(pn_slice_split(words, ',', &words));
        if (state == PN_DELIVERY_STATE_COUNT) {
            return pn_err_set(err, PN_INVALID, "state",
                              "must be of queued, sent, committed, accepted, rejected, "
                              "acknowledged, needless");
        }
        listing->filter.states |= UINT32_C(1) << state;
    }
    if (cursor.len > 0 && !pn_slice_to_i64(cursor, &listing->filter.before)) {
        return pn_err_set(err, PN_INVALID, "_cursor", "is not one that `next` gave");
    }
    if (!pn_page_size_parse(pn_http_parameter(call->exchange, "_count"), PAGE_MAX,
                            &listing->size)) {
        return pn_err_set(err, PN_INVALID, "_count", "must be a whole number, at least 1");
    }
    return PN_OK;
}

static cJSON *show_line(const struct pn_delivery_line *line)
{
    char focus[96];
    snprintf(focus, sizeof focus, "%s/%s/_history/%lld",
             line->of == PN_OUT_CASE ? "Flag" : "CarePlan", line->plan_id,
             (long long)line->plan_version);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", line->id);
    cJSON_AddStringToObject(object, "system", line->system);
    cJSON_AddStringToObject(object, "what", pn_delivery_task_code(line->of, line->is_withdrawal));
    cJSON_AddStringToObject(object, "focus", focus);
    cJSON_AddStringToObject(object, "state", pn_delivery_state_name(line->state));
    cJSON_AddStringToObject(object, "words", line->settled_ms == 0 ? line->reason : line->words);
    cJSON_AddNumberToObject(object, "attempts", (double)line->attempts);
    pn_json_add_time(object, "queued", line->queued_ms);
    pn_json_add_time(object, "sent", line->sent_ms);
    pn_json_add_time(object, "committed", line->committed_ms);
    pn_json_add_time(object, "settled", line->settled_ms);
    pn_json_add_time(object, "acknowledged", line->acknowledged_ms);
    return object;
}

static void answer_list(struct listing *listing)
{
    struct pn_call *call = &listing->call;
    struct pn_delivery_line *lines =
        pn_arena_alloc_array(call->arena, listing->size, sizeof *lines);
    unsigned count = 0;
    int64_t odd = 0;
    struct pn_err err;
    enum pn_code code = pn_api_open_deliveries(call->api, &err);
    if (lines == NULL) {
        code = pn_err_set(&err, PN_LIMIT, "_count", "ask for a smaller page");
    }
    if (code == PN_OK) {
        code = pn_deliver_list(call->api->deliveries, call->arena, &listing->filter, lines,
                               listing->size, &count, &err);
    }
    if (code == PN_OK) {
        code = pn_deliver_odd_count(call->api->deliveries, &odd, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    cJSON *answer = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(answer, "deliveries");
    for (unsigned i = 0; i < count; i++) {
        cJSON_AddItemToArray(list, show_line(&lines[i]));
    }
    cJSON_AddNumberToObject(answer, "oddAnswers", (double)odd);
    if (count == listing->size) {
        char next[24];
        snprintf(next, sizeof next, "%lld", (long long)lines[count - 1].position);
        cJSON_AddStringToObject(answer, "next", next);
    }
    pn_call_answer(call, 200, PN_TYPE_JSON, answer);
}

void pn_delivery_list_call(struct pn_http_exchange *exchange, void *context)
{
    struct listing listing = {0};
    struct pn_err err;
    pn_call_begin(&listing.call, exchange, context);
    if (read_parameters(&listing, &err) != PN_OK) {
        pn_call_answer_error(&listing.call, &err);
    } else if (pn_call_may(&listing.call, PN_ACTION_DELIVERY_READ, NULL, "deliveries")) {
        answer_list(&listing);
    }
}
