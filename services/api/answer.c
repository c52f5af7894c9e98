// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fhir/fhir.h"
#include "services/api/api.h"

enum { ETAG_DIGITS_MAX = 19 };

void pn_call_begin(struct pn_call *call, struct pn_http_exchange *exchange, void *context)
{
    memset(call, 0, sizeof *call);
    call->api = context;
    call->exchange = exchange;
    call->arena = pn_http_arena(exchange);
    call->caller = pn_http_caller(exchange);
    pn_json_use_arena(call->arena);
}

void pn_call_answer(struct pn_call *call, int status, const char *content_type, const cJSON *body)
{
    struct pn_buf text;
    struct pn_err err;
    pn_buf_init(&text, PN_HTTP_BODY_BYTES_MAX);
    if (body == NULL) {
        pn_err_set(&err, PN_LIMIT, "answer", "is too large: ask for a smaller page");
        pn_http_answer_error(call->exchange, &err);
    } else if (pn_json_print(body, &text, &err) != PN_OK) {
        pn_http_answer_error(call->exchange, &err);
    } else {
        pn_http_add_header(call->exchange, "Cache-Control", "no-store");
        pn_http_add_header(call->exchange, "X-Content-Type-Options", "nosniff");
        pn_http_answer(call->exchange, status, content_type, pn_buf_slice(&text));
    }
    pn_buf_release(&text);
}

void pn_call_answer_error(struct pn_call *call, const struct pn_err *err)
{
    pn_http_answer_error(call->exchange, err);
}

void pn_call_answer_status(struct pn_call *call, int status, const struct pn_err *err)
{
    pn_http_answer_status(call->exchange, status, err);
}

void pn_call_answer_report(struct pn_call *call, int status, const struct pn_fhir_report *report)
{
    pn_call_answer(call, status, PN_TYPE_FHIR, pn_fhir_report_outcome(report));
}

const char *pn_api_error_body(int status, const struct pn_err *err, struct pn_buf *ret_body)
{
    (void)status;
    // Errors come also before any call has begun and its arena is there.
    pn_json_use_arena(NULL);
    cJSON *outcome = pn_fhir_error_outcome(err);
    struct pn_err print_err;
    if (outcome == NULL || pn_json_print(outcome, ret_body, &print_err) != PN_OK) {
        pn_buf_clear(ret_body);
        pn_buf_add_str(ret_body, "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":"
                                 "\"error\",\"code\":\"exception\"}]}");
    }
    cJSON_Delete(outcome);
    return PN_TYPE_FHIR;
}

// --- Versions ------------------------------------------------------------------------------------

void pn_etag_format(int64_t version, char ret_etag[static PN_ETAG_BYTES])
{
    snprintf(ret_etag, PN_ETAG_BYTES, "W/\"%lld\"", (long long)version);
}

void pn_call_add_etag(struct pn_call *call, int64_t version)
{
    char etag[PN_ETAG_BYTES];
    pn_etag_format(version, etag);
    pn_http_add_header(call->exchange, "ETag", etag);
}

void pn_call_add_last_modified(struct pn_call *call, int64_t time_ms)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (time_ms <= 0) {
        return;
    }
    int year = 0, month = 1, day = 1;
    int64_t number = time_ms / PN_MS_PER_DAY;
    int64_t second = time_ms % PN_MS_PER_DAY / PN_MS_PER_SECOND;
    pn_civil_from_days(number, &year, &month, &day);
    char text[64];
    snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[number % 7], day,
             months[month - 1], year, (int)(second / 3600), (int)(second / 60 % 60),
             (int)(second % 60));
    pn_http_add_header(call->exchange, "Last-Modified", text);
}

// One entity tag, weak or not: comparison is weak (RFC 9110 8.8.3.2).
static bool parse_etag(struct pn_slice text, int64_t *ret_version)
{
    text = pn_slice_trim(text);
    if (pn_slice_starts_with(text, "W/")) {
        text = pn_slice_of(text.ptr + 2, text.len - 2);
    }
    if (text.len < 3 || text.len > ETAG_DIGITS_MAX + 2 || text.ptr[0] != '"' ||
        text.ptr[text.len - 1] != '"') {
        return false;
    }
    return pn_slice_to_i64(pn_slice_of(text.ptr + 1, text.len - 2), ret_version);
}

bool pn_call_is_unchanged(struct pn_call *call, int64_t version)
{
    struct pn_slice rest = pn_http_header(call->exchange, "If-None-Match");
    while (rest.len > 0) {
        struct pn_slice one = pn_slice_split(rest, ',', &rest);
        int64_t seen = 0;
        if (parse_etag(one, &seen) && seen == version) {
            pn_call_add_etag(call, version);
            pn_http_answer(call->exchange, 304, PN_TYPE_FHIR, (struct pn_slice){0});
            return true;
        }
    }
    return false;
}

bool pn_call_if_match(struct pn_call *call, int64_t *ret_version)
{
    struct pn_slice header = pn_http_header(call->exchange, "If-Match");
    struct pn_err err;
    if (header.len == 0) {
        pn_err_set(&err, PN_INVALID, "If-Match",
                   "is missing: read first, and send the ETag that came with it");
        pn_call_answer_status(call, 428, &err);
        return false;
    }
    if (!parse_etag(header, ret_version)) {
        pn_err_set(&err, PN_INVALID, "If-Match", "must be one entity tag, W/\"<version>\"");
        pn_call_answer_error(call, &err);
        return false;
    }
    return true;
}

// --- The request ---------------------------------------------------------------------------------

bool pn_call_body(struct pn_call *call, cJSON **ret_body)
{
    struct pn_slice rest = {0};
    struct pn_slice type =
        pn_slice_trim(pn_slice_split(pn_http_header(call->exchange, "Content-Type"), ';', &rest));
    struct pn_err err;
    if (!pn_slice_is_nocase(type, "application/fhir+json") &&
        !pn_slice_is_nocase(type, "application/json")) {
        pn_err_set(&err, PN_UNSUPPORTED, "Content-Type", "must be application/fhir+json");
        pn_call_answer_error(call, &err);
        return false;
    }
    cJSON *body = NULL;
    if (pn_json_parse(pn_http_body(call->exchange), &body, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    if (!cJSON_IsObject(body)) {
        pn_err_set(&err, PN_INVALID, "body", "must be one JSON object");
        pn_call_answer_error(call, &err);
        return false;
    }
    *ret_body = body;
    return true;
}

static bool is_plausible_host(struct pn_slice host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_:[]";
    if (host.len == 0 || host.len > 255) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (memchr(allowed, host.ptr[i], sizeof allowed - 1) == NULL) {
            return false;
        }
    }
    return true;
}

const char *pn_call_base_url(struct pn_call *call)
{
    struct pn_slice host = pn_http_header(call->exchange, "Host");
    struct pn_slice protocol = pn_http_header(call->exchange, "X-Forwarded-Proto");
    bool is_tls = call->api->tls != NULL || pn_slice_is(protocol, "https");
    const char *scheme = is_tls ? "https" : "http";
    if (!is_plausible_host(host)) {
        host = pn_slice_str("localhost");
    }
    const char *url = pn_arena_printf(call->arena, "%s://%.*s", scheme, PN_SLICE_FMT(host));
    return url != NULL ? url : "http://localhost";
}

// --- Small JSON help -----------------------------------------------------------------------------

void pn_json_add_time(cJSON *object, const char *member, int64_t time_ms)
{
    if (time_ms != 0) {
        char text[PN_TIME_TEXT_BYTES];
        pn_time_format(time_ms, text);
        cJSON_AddStringToObject(object, member, text);
    }
}

void pn_json_add_slice(cJSON *object, const char *member, struct pn_slice text)
{
    if (text.len > 0 && !pn_json_set_text(object, member, text)) {
        cJSON_AddNullToObject(object, member);
    }
}
