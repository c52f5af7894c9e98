// SPDX-License-Identifier: Apache-2.0
/*
 * GET /rules/feedback?from=&to=&unit=&team=          what came of each rule's triggers, and skew
 * GET /rules/feedback.csv?…&part=figures|skew        the same as CSV; also by Accept: text/csv
 *
 * No client is named, and what would tell of a few is hidden
 * (services/identify/feedback/feedback.h).
 */
#include "base/clock.h"
#include "services/api/calls.h"
#include "services/api/api.h"
#include "services/identify/feedback/feedback_print.h"

enum { CSV_BYTES_MAX = PN_HTTP_BODY_BYTES_MAX };

#define TYPE_CSV "text/csv; charset=utf-8; header=present"

static enum pn_code read_time(struct pn_call *call, const char *name, int64_t *time_ms,
                              struct pn_err *err)
{
    struct pn_slice text = pn_http_parameter(call->exchange, name);
    if (text.len > 0 && !pn_time_parse(text, time_ms)) {
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

static void answer(struct pn_call *call, const struct pn_feedback_query *query)
{
    struct pn_feedback_result result;
    struct pn_err err;
    enum pn_code code = pn_api_open_feedback(call->api, &err);
    if (code == PN_OK) {
        code = pn_feedback_read(call->api->feedback, query, &result, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
    } else if (wants_csv(call)) {
        answer_csv(call, &result);
    } else {
        pn_call_answer(call, 200, PN_TYPE_JSON,
                       pn_feedback_json(&result, query, call->api->feedback));
    }
}

void pn_rules_feedback_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_feedback_query query;
    struct pn_err err;
    pn_call_begin(&call, exchange, context);
    if (read_query(&call, &query, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
    } else if (pn_call_may(&call, PN_ACTION_RULES_FEEDBACK, NULL, "feedback of the rules")) {
        answer(&call, &query);
    }
}
