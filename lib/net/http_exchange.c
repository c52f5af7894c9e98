// SPDX-License-Identifier: Apache-2.0
#include "net/http_exchange.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"

enum {
    ANSWER_HEADERS_BYTES_MAX = 16 * 1024,
    ANSWER_HEAD_BYTES_MAX = 32 * 1024,
    STREAM_WAITING_BYTES_MAX = 1024 * 1024
};

struct pn_http_exchange *pn_http_exchange_new(struct pn_http_server *server)
{
    struct pn_arena *arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    struct pn_http_exchange *exchange =
        arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *exchange);
    if (exchange == NULL) {
        pn_arena_free(arena);
        return NULL;
    }
    exchange->server = server;
    exchange->arena = arena;
    pn_buf_init(&exchange->body, pn_http_server_options_of(server)->body_bytes_max);
    pn_buf_init(&exchange->answer_headers, ANSWER_HEADERS_BYTES_MAX);
    pn_http_server_adopt(server, exchange);
    return exchange;
}

void pn_http_exchange_free(struct pn_http_exchange *exchange)
{
    LIST_REMOVE(exchange, entry);
    pn_buf_release(&exchange->body);
    pn_buf_release(&exchange->answer_headers);
    pn_arena_free(exchange->arena); // the exchange itself lives in it
}

void pn_http_exchange_detach(struct pn_http_exchange *exchange)
{
    exchange->connection = NULL;
    if (exchange->state == PN_HTTP_UNANSWERED && exchange->is_handed_over) {
        return; // its handler still holds it
    }
    if (exchange->state == PN_HTTP_STREAMING && exchange->gone != NULL) {
        exchange->gone(exchange, exchange->gone_context);
    }
    pn_http_exchange_free(exchange);
}

// --- The request ---------------------------------------------------------------------------------

struct pn_arena *pn_http_arena(struct pn_http_exchange *exchange)
{
    return exchange->arena;
}

static const struct {
    const char *name;
    enum pn_http_method method;
} methods[] = {
    {"GET", PN_HTTP_GET},       {"POST", PN_HTTP_POST}, {"PUT", PN_HTTP_PUT},
    {"DELETE", PN_HTTP_DELETE}, {"HEAD", PN_HTTP_HEAD},
};

enum pn_http_method pn_http_request_method(const struct pn_http_exchange *exchange)
{
    for (size_t i = 0; i < PN_ARRAY_COUNT(methods); i++) {
        if (pn_slice_is(exchange->head.method, methods[i].name)) {
            return methods[i].method;
        }
    }
    return (enum pn_http_method)0;
}

struct pn_slice pn_http_path(const struct pn_http_exchange *exchange)
{
    return exchange->target.path;
}

struct pn_slice pn_http_path_value(const struct pn_http_exchange *exchange, const char *name)
{
    int index =
        exchange->route == NULL ? -1 : pn_http_route_value_index(exchange->route->path, name);
    if (index < 0 || (unsigned)index >= exchange->value_count) {
        return pn_slice_of(NULL, 0);
    }
    return exchange->values[index];
}

struct pn_slice pn_http_header(const struct pn_http_exchange *exchange, const char *name)
{
    return pn_http_head_field(&exchange->head, name);
}

struct pn_slice pn_http_body(const struct pn_http_exchange *exchange)
{
    return pn_buf_slice(&exchange->body);
}

const struct pn_http_parameter *pn_http_parameters(const struct pn_http_exchange *exchange,
                                                   unsigned *ret_count)
{
    *ret_count = exchange->parameters == NULL ? 0 : exchange->parameters->count;
    return exchange->parameters == NULL ? NULL : exchange->parameters->items;
}

struct pn_slice pn_http_parameter(const struct pn_http_exchange *exchange, const char *name)
{
    unsigned count = 0;
    const struct pn_http_parameter *items = pn_http_parameters(exchange, &count);
    for (unsigned i = 0; i < count; i++) {
        if (pn_slice_is(items[i].name, name)) {
            return items[i].value;
        }
    }
    return pn_slice_of(NULL, 0);
}

void pn_http_set_caller(struct pn_http_exchange *exchange, void *caller)
{
    exchange->caller = caller;
}

void *pn_http_caller(const struct pn_http_exchange *exchange)
{
    return exchange->caller;
}

// --- The answer ----------------------------------------------------------------------------------

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Unsupported"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < PN_ARRAY_COUNT(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

static bool line_is_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' && *text != '\t') {
            return false;
        }
    }
    return true;
}

void pn_http_add_header(struct pn_http_exchange *exchange, const char *name, const char *value)
{
    assert(exchange->state == PN_HTTP_UNANSWERED);
    // A line end in a value would let it write the answer's next header.
    if (line_is_clean(name) && line_is_clean(value)) {
        pn_buf_printf(&exchange->answer_headers, "%s: %s\r\n", name, value);
    }
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static bool wants_body(const struct pn_http_exchange *exchange)
{
    return pn_http_request_method(exchange) != PN_HTTP_HEAD;
}

static void add_date(struct pn_buf *head)
{
    time_t now = time(NULL);
    struct tm civil;
    char text[64];
    if (gmtime_r(&now, &civil) != NULL &&
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &civil) > 0) {
        pn_buf_printf(head, "Date: %s\r\n", text);
    }
}

// Status line and headers; `framing` tells how long the body is.
static void write_head(struct pn_http_exchange *exchange, int status, const char *content_type,
                       const char *framing)
{
    struct pn_buf head;
    pn_buf_init(&head, ANSWER_HEAD_BYTES_MAX);
    pn_buf_printf(&head, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    add_date(&head);
    if (content_type != NULL && line_is_clean(content_type)) {
        pn_buf_printf(&head, "Content-Type: %s\r\n", content_type);
    }
    pn_buf_add_str(&head, framing);
    pn_buf_add_slice(&head, pn_buf_slice(&exchange->answer_headers));
    if (exchange->must_close) {
        pn_buf_add_str(&head, "Connection: close\r\n");
    } else if (exchange->head.is_http_1_0) {
        pn_buf_add_str(&head, "Connection: keep-alive\r\n");
    }
    pn_buf_add_str(&head, "\r\n");
    assert(pn_buf_ok(&head));
    (void)evbuffer_add(pn_http_connection_output(exchange->connection), head.data, head.len);
    pn_buf_release(&head);
}

// The exchange is over; what waits on its connection may go on.
static void finish(struct pn_http_exchange *exchange)
{
    struct pn_http_connection *connection = exchange->connection;
    bool must_close = exchange->must_close;
    exchange->state = PN_HTTP_ANSWERED;
    pn_http_exchange_free(exchange);
    if (connection != NULL) {
        pn_http_connection_answered(connection, must_close);
    }
}

void pn_http_answer(struct pn_http_exchange *exchange, int status, const char *content_type,
                    struct pn_slice body)
{
    assert(exchange->state == PN_HTTP_UNANSWERED);
    if (exchange->connection != NULL) {
        char framing[64] = "";
        if (status_has_body(status)) {
            (void)snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", body.len);
        }
        write_head(exchange, status, content_type, framing);
        if (status_has_body(status) && wants_body(exchange) && body.len > 0) {
            (void)evbuffer_add(pn_http_connection_output(exchange->connection), body.ptr, body.len);
        }
    }
    finish(exchange);
}

static int status_of(const struct pn_http_exchange *exchange, enum pn_code code)
{
    switch (code) {
    case PN_INVALID:
        return 400;
    case PN_DENIED:
        return 403;
    case PN_NOT_FOUND:
        return 404;
    case PN_CONFLICT:
        return pn_http_header(exchange, "If-Match").ptr == NULL ? 409 : 412;
    case PN_LIMIT:
        return 413;
    case PN_UNSUPPORTED:
        return 415;
    case PN_UNAVAILABLE:
        return 503;
    case PN_OK:
    case PN_IO:
    case PN_MEMORY:
    case PN_INTERNAL:
        break;
    }
    return 500;
}

void pn_http_answer_error(struct pn_http_exchange *exchange, const struct pn_err *err)
{
    pn_http_answer_status(exchange, status_of(exchange, err->code), err);
}

void pn_http_answer_status(struct pn_http_exchange *exchange, int status, const struct pn_err *err)
{
    const struct pn_http_server_options *options = pn_http_server_options_of(exchange->server);
    struct pn_buf body;
    pn_buf_init(&body, PN_HTTP_BODY_BYTES_MAX);
    const char *content_type = "text/plain; charset=utf-8";
    if (options->error_body != NULL) {
        content_type = options->error_body(status, err, &body);
    } else {
        pn_buf_printf(&body, "%s: %s\n", err->where, err->text);
    }
    pn_http_answer(exchange, status, content_type, pn_buf_slice(&body));
    pn_buf_release(&body);
}

void pn_http_stream_start(struct pn_http_exchange *exchange, int status, const char *content_type,
                          void (*gone)(struct pn_http_exchange *exchange, void *context),
                          void *context)
{
    assert(exchange->state == PN_HTTP_UNANSWERED);
    exchange->gone = gone;
    exchange->gone_context = context;
    exchange->state = PN_HTTP_STREAMING;
    if (exchange->connection == NULL) {
        pn_http_server_reap_later(exchange->server); // gone may not be called before this returns
        return;
    }
    bool is_chunked = !exchange->head.is_http_1_0;
    exchange->must_close = exchange->must_close || !is_chunked;
    write_head(exchange, status, content_type, is_chunked ? "Transfer-Encoding: chunked\r\n" : "");
}

void pn_http_stream_chunk(struct pn_http_exchange *exchange, struct pn_slice chunk)
{
    assert(exchange->state == PN_HTTP_STREAMING);
    if (exchange->connection == NULL || chunk.len == 0 || !wants_body(exchange)) {
        return;
    }
    struct evbuffer *output = pn_http_connection_output(exchange->connection);
    if (evbuffer_get_length(output) > STREAM_WAITING_BYTES_MAX) {
        pn_http_connection_cut_later(exchange->connection);
        return;
    }
    bool is_chunked = !exchange->head.is_http_1_0;
    if (is_chunked) {
        (void)evbuffer_add_printf(output, "%zx\r\n", chunk.len);
    }
    (void)evbuffer_add(output, chunk.ptr, chunk.len);
    if (is_chunked) {
        (void)evbuffer_add(output, "\r\n", 2);
    }
}

void pn_http_stream_end(struct pn_http_exchange *exchange)
{
    assert(exchange->state == PN_HTTP_STREAMING);
    bool is_chunked = !exchange->head.is_http_1_0;
    if (exchange->connection != NULL && is_chunked && wants_body(exchange)) {
        (void)evbuffer_add(pn_http_connection_output(exchange->connection), "0\r\n\r\n", 5);
    }
    finish(exchange);
}
