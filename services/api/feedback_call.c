// SPDX-License-Identifier: Apache-2.0
/*
 * GET /rules/feedback?from=&to=&unit=&team=          what came of each rule's triggers, and skew
 * GET /rules/feedback.csv?…&part=figures|skew        the same as CSV; also by Accept: text/csv
 *
 * No client is named, and what would tell of a few is hidden
 * (services/identify/feedback/feedback.h).
 *
 * Of a county-year the figures take a second of a processor. They are read part by part, one call
 * after another, and the API answers others in between.
 */
#include "services/api/feedback_call.h"

#include <stdlib.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "services/api/calls.h"
#include "services/identify/feedback/feedback_print.h"

enum {
    CSV_BYTES_MAX = PN_HTTP_BODY_BYTES_MAX,
    WAITING_MAX = 16,
    TURN_MS_MAX = 10, // then it is the others' turn
    PAUSE_US = 1000
};

// In the arena of its exchange.
struct waiting {
    struct pn_call call;
    struct pn_feedback_query query;
    struct waiting *next;
};

struct pn_feedback_calls {
    struct pn_api *api;
    struct event *turn;
    struct waiting *first; // whose figures are read
    unsigned count;
    bool is_reading;
};

#define TYPE_CSV "text/csv; charset=utf-8; header=present"

static enum pn_code read_time(struct pn_call *call, const char *name, int64_t *time_ms,
                              struct pn_err *err)
{
    struct pn_slice text = pn_http_parameter(call->exchange, name);
    if (text.len > 0 && !pn_feedback_time_parse(text, time_ms)) {
        return pn_err_set(err, PN_INVALID, name, "must be a day or a moment, 2026-11-30");
    }
    return PN_OK;
}

static enum pn_code read_query(struct pn_call *call, struct pn_feedback_query *query,
                               struct pn_err *err)
{
    pn_feedback_query_default(pn_clock_now_ms(), query);
    enum pn_code code = read_time(call, "from", &query->from_ms, err);
    code = code == PN_OK ? read_time(call, "to", &query->to_ms, err) : code;
    if (code == PN_OK && query->from_ms >= query->to_ms) {
        code = pn_err_set(err, PN_INVALID, "from", "must be before `to`");
    }
    query->unit = pn_http_parameter(call->exchange, "unit");
    query->team = pn_http_parameter(call->exchange, "team");
    return code;
}

static bool wants_csv(const struct pn_call *call)
{
    return pn_slice_is(pn_http_path(call->exchange), "/rules/feedback.csv") ||
           pn_slice_starts_with(pn_http_header(call->exchange, "Accept"), "text/csv");
}

static void answer_csv(struct pn_call *call, const struct pn_feedback_result *result)
{
    struct pn_slice part = pn_http_parameter(call->exchange, "part");
    struct pn_buf out;
    struct pn_err err;
    pn_buf_init(&out, CSV_BYTES_MAX);
    if (pn_slice_is(part, "skew")) {
        pn_feedback_skew_csv(result, &out);
    } else {
        pn_feedback_csv(result, &out);
    }
    if (part.len > 0 && !pn_slice_is(part, "skew") && !pn_slice_is(part, "figures")) {
        pn_err_set(&err, PN_INVALID, "part", "must be figures or skew");
        pn_call_answer_error(call, &err);
    } else if (!pn_buf_ok(&out)) {
        pn_err_set(&err, PN_LIMIT, "from", "too much for one answer: ask for a shorter time");
        pn_call_answer_error(call, &err);
    } else {
        pn_http_add_header(call->exchange, "Cache-Control", "no-store");
        pn_http_add_header(call->exchange, "Content-Disposition",
                           "attachment; filename=\"rules-feedback.csv\"");
        pn_http_answer(call->exchange, 200, TYPE_CSV, pn_buf_slice(&out));
    }
    pn_buf_release(&out);
}

// --- One call after another ----------------------------------------------------------------------

static void take_turn_soon(struct pn_feedback_calls *calls)
{
    const struct timeval pause = {.tv_usec = PAUSE_US};
    (void)event_add(calls->turn, &pause);
}

static enum pn_code read_on(struct pn_feedback_calls *calls, bool *ret_is_last, struct pn_err *err)
{
    struct pn_feedback_reader *reader = calls->api->feedback;
    enum pn_code code =
        calls->is_reading ? PN_OK : pn_feedback_read_begin(reader, &calls->first->query, err);
    calls->is_reading = true;
    return code == PN_OK ? pn_feedback_read_some(reader, TURN_MS_MAX, ret_is_last, err) : code;
}

static void answer(struct waiting *waiting, enum pn_code code, struct pn_err *err)
{
    struct pn_call *call = &waiting->call;
    struct pn_feedback_result result;
    pn_json_use_arena(call->arena);
    if (code == PN_OK) {
        code = pn_feedback_read_end(call->api->feedback, &result, err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, err);
    } else if (wants_csv(call)) {
        answer_csv(call, &result);
    } else {
        pn_call_answer(call, 200, PN_TYPE_JSON,
                       pn_feedback_json(&result, &waiting->query, call->api->feedback));
    }
}

static void on_turn(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct pn_feedback_calls *calls = context;
    struct pn_err err;
    bool is_last = false;
    enum pn_code code = read_on(calls, &is_last, &err);
    if (code != PN_OK || is_last) {
        struct waiting *waiting = calls->first;
        calls->first = waiting->next;
        calls->count--;
        calls->is_reading = false;
        answer(waiting, code, &err);
    }
    if (calls->first != NULL) {
        take_turn_soon(calls);
    }
}

static enum pn_code wait_in_line(struct pn_feedback_calls *calls, struct waiting *waiting,
                                 struct pn_err *err)
{
    struct waiting **last = &calls->first;
    if (calls->count == WAITING_MAX) {
        return pn_err_set(err, PN_UNAVAILABLE, "feedback", "many ask at once: try again");
    }
    enum pn_code code = pn_api_open_feedback(calls->api, err);
    if (code != PN_OK) {
        return code;
    }
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = waiting;
    if (calls->count++ == 0) {
        take_turn_soon(calls);
    }
    return PN_OK;
}

void pn_rules_feedback_call(struct pn_http_exchange *exchange, void *context)
{
    struct waiting *waiting = pn_arena_alloc(pn_http_arena(exchange), sizeof *waiting);
    struct pn_err err;
    if (waiting == NULL) {
        pn_err_set(&err, PN_LIMIT, "feedback", "no memory");
        pn_http_answer_error(exchange, &err);
        return;
    }
    struct pn_call *call = &waiting->call;
    waiting->next = NULL;
    pn_call_begin(call, exchange, context);
    if (read_query(call, &waiting->query, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
    } else if (pn_call_may(call, PN_ACTION_RULES_FEEDBACK, NULL, "feedback of the rules") &&
               wait_in_line(call->api->feedback_calls, waiting, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
    }
}

// --- Begin and end -------------------------------------------------------------------------------

enum pn_code pn_feedback_calls_open(struct pn_api *api, struct pn_err *err)
{
    struct pn_feedback_calls *calls = calloc(1, sizeof *calls);
    if (calls == NULL) {
        return pn_err_set(err, PN_MEMORY, "feedback", "no memory");
    }
    calls->api = api;
    api->feedback_calls = calls;
    calls->turn = evtimer_new(pn_run_base(api->run), on_turn, calls);
    return calls->turn != NULL ? PN_OK : pn_err_set(err, PN_MEMORY, "feedback", "no timer");
}

void pn_feedback_calls_close(struct pn_api *api)
{
    struct pn_feedback_calls *calls = api->feedback_calls;
    if (calls == NULL) {
        return;
    }
    if (calls->turn != NULL) {
        event_free(calls->turn);
    }
    free(calls);
    api->feedback_calls = NULL;
}
