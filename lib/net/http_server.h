// SPDX-License-Identifier: Apache-2.0
/*
 * An HTTP/1.1 server on libevent: routes by table, bounded bodies, streamed answers.
 *
 * A handler is called on the event loop with the whole request and answers before it returns, or
 * keeps the exchange and answers later (a long poll, server-sent events). Paths are percent-decoded
 * and matched by segment; `{name}` in a route takes one segment. Unknown paths answer 404, known
 * paths with another method 405 with Allow, too large bodies 413; all errors go through
 * `error_body`, so that an API answers in its own form (an OperationOutcome).
 *
 * A path's empty segments are dropped (`//fhir/Patient/` is `/fhir/Patient`); `.` and `..`
 * segments, a percent-coded slash or NUL and what is not UTF-8 are refused with 400. When several
 * routes fit, the one with the fewest `{name}` segments is taken.
 *
 * It stands on bufferevents and not on evhttp: evhttp 2.1 answers malformed requests in its own
 * HTML, does not tell a handler that its peer hung up while a slow answer is being made, and bounds
 * neither the connections nor what a slow reader leaves waiting.
 *
 * Neither the path, the query nor the body is logged.
 */
#ifndef PN_NET_HTTP_SERVER_H
#define PN_NET_HTTP_SERVER_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/tls.h"

struct pn_http_server;
struct pn_http_exchange; // one request and its answer

enum pn_http_method {
    PN_HTTP_GET = 1,
    PN_HTTP_POST = 2,
    PN_HTTP_PUT = 4,
    PN_HTTP_DELETE = 8,
    PN_HTTP_HEAD = 16
};

struct pn_http_route {
    enum pn_http_method method; // HEAD is answered by the GET route
    const char *path;           // "/fhir/Patient/{id}/$timeline"
    void (*handle)(struct pn_http_exchange *exchange, void *context);
};

struct pn_http_server_options {
    const char *listen; // "127.0.0.1:8080", "[::1]:8080"; port 0 takes any
    struct pn_tls *tls; // NULL: plain. Outlives the server
    const struct pn_http_route *routes;
    unsigned route_count;
    size_t body_bytes_max;
    int64_t connections_max;
    int64_t idle_timeout_ms;
    void *context; // handed to every handler
    // For every request, as soon as its head is read (there is no body yet, so that a stranger
    // cannot make the server take one): false means that it has answered (401, 403).
    bool (*before)(struct pn_http_exchange *exchange, void *context);
    // Writes the body of an error answer and returns its content type; NULL: text/plain.
    const char *(*error_body)(int status, const struct pn_err *err, struct pn_buf *ret_body);
};

PN_MUST_USE enum pn_code pn_http_server_open(struct event_base *base,
                                             const struct pn_http_server_options *options,
                                             struct pn_http_server **ret_server,
                                             struct pn_err *err);
// Takes NULL; cuts what is open: streams are told by `gone`, exchanges that nobody has answered yet
// end here and may not be answered any more. Not to be called from inside a handler.
void pn_http_server_close(struct pn_http_server *server);
// The port that it really has.
unsigned pn_http_server_port(const struct pn_http_server *server);

// --- The request ---------------------------------------------------------------------------------

struct pn_arena *pn_http_arena(struct pn_http_exchange *exchange); // lives as long as the exchange
enum pn_http_method pn_http_request_method(const struct pn_http_exchange *exchange);
struct pn_slice pn_http_path(const struct pn_http_exchange *exchange);
// The value that `{name}` took.
struct pn_slice pn_http_path_value(const struct pn_http_exchange *exchange, const char *name);
// Empty slice (ptr NULL) when there is no such header.
struct pn_slice pn_http_header(const struct pn_http_exchange *exchange, const char *name);
struct pn_slice pn_http_body(const struct pn_http_exchange *exchange);
// Query parameters and, for a POST of application/x-www-form-urlencoded, the body's, in order,
// percent-decoded.
struct pn_http_parameter {
    struct pn_slice name;
    struct pn_slice value;
};
const struct pn_http_parameter *pn_http_parameters(const struct pn_http_exchange *exchange,
                                                   unsigned *ret_count);
// The first one of that name; ptr NULL when there is none.
struct pn_slice pn_http_parameter(const struct pn_http_exchange *exchange, const char *name);

// Of the certificate that the caller has shown (see tls.h): whether it has one of the names, and
// how a log may call it ("" without one).
bool pn_http_peer_has_name(const struct pn_http_exchange *exchange,
                           const struct pn_conf_names *names);
const char *pn_http_peer_certificate(const struct pn_http_exchange *exchange);

// What `before` found out about the caller, for the handlers. Owned by the exchange's arena.
void pn_http_set_caller(struct pn_http_exchange *exchange, void *caller);
void *pn_http_caller(const struct pn_http_exchange *exchange);

// --- The answer ----------------------------------------------------------------------------------

void pn_http_add_header(struct pn_http_exchange *exchange, const char *name, const char *value);
// Each exchange is answered exactly once, by one of these. The body is copied.
void pn_http_answer(struct pn_http_exchange *exchange, int status, const char *content_type,
                    struct pn_slice body);
// By error_body. The status follows err->code: invalid 400, denied 403, not-found 404, conflict 409
// (412 when If-Match was given), limit 413, unsupported 415, unavailable 503, others 500.
void pn_http_answer_error(struct pn_http_exchange *exchange, const struct pn_err *err);
void pn_http_answer_status(struct pn_http_exchange *exchange, int status, const struct pn_err *err);

// A streamed answer: start, any number of chunks, end. `gone` is called once when the peer hangs up
// (then neither chunk nor end may follow). A peer that reads too slowly (more than 1 MiB waiting)
// is cut off.
void pn_http_stream_start(struct pn_http_exchange *exchange, int status, const char *content_type,
                          void (*gone)(struct pn_http_exchange *exchange, void *context),
                          void *context);
void pn_http_stream_chunk(struct pn_http_exchange *exchange, struct pn_slice chunk);
void pn_http_stream_end(struct pn_http_exchange *exchange);

// --- Small helps ---------------------------------------------------------------------------------

// Splits "host:port" and "[v6]:port". The host is copied into ret_host.
PN_MUST_USE enum pn_code pn_net_split_address(const char *address, char *ret_host,
                                              size_t host_bytes, unsigned *ret_port,
                                              struct pn_err *err);

#endif
