// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.1 requests as text: the pure half of the server, without sockets (RFC 9112, RFC 3986).
 *
 * Strict where leniency lets two parties read one request differently: no white space before a
 * header's colon, no folded lines, no Content-Length beside Transfer-Encoding, no bare CR. Lines
 * may end in LF alone (RFC 9112 section 2.2). Slices point into the input; decoded texts live in
 * the arena. The functions that can refuse return an HTTP status, 0 when all is well, with the
 * reason in *err.
 */
#ifndef PN_NET_HTTP_PARSE_H
#define PN_NET_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/http_server.h"

enum {
    PN_HTTP_HEAD_BYTES_MAX = 16 * 1024, // request line and headers together
    PN_HTTP_HEADERS_MAX = 64,
    PN_HTTP_SEGMENTS_MAX = 32,
    PN_HTTP_PARAMETERS_MAX = 256,
    PN_HTTP_TOKEN_BYTES_MAX = 8 * 1024,  // a bearer token
    PN_HTTP_CHUNK_LINE_BYTES_MAX = 256,  // a chunk's size with its extensions
    PN_HTTP_TRAILER_BYTES_MAX = 4 * 1024 // read and dropped
};

struct pn_http_field {
    struct pn_slice name;
    struct pn_slice value;
};

struct pn_http_head {
    struct pn_slice method;
    struct pn_slice target;
    struct pn_http_field fields[PN_HTTP_HEADERS_MAX];
    unsigned field_count;
    bool is_http_1_0;
    bool keep_alive;
    bool expects_continue;
    bool is_chunked;
    int64_t body_bytes; // Content-Length; 0 when there is none
};

// Length of the head with its blank line, 0 when it is not complete. *scanned (0 at first)
// remembers how far an earlier call has looked, for the same bytes with more appended.
size_t pn_http_head_length(struct pn_slice bytes, size_t *scanned);
PN_MUST_USE int pn_http_head_parse(struct pn_slice bytes, struct pn_http_head *ret_head,
                                   struct pn_err *err);
// The first header of that name; ptr NULL when there is none.
struct pn_slice pn_http_head_field(const struct pn_http_head *head, const char *name);

struct pn_http_target {
    struct pn_slice path; // decoded, "/fhir/Patient": one slash between segments, none at the end
    struct pn_slice segments[PN_HTTP_SEGMENTS_MAX];
    unsigned segment_count;
    struct pn_slice query; // still encoded
};

// Empty segments (duplicate and trailing slashes) are dropped. `.` and `..` segments, a NUL or a
// slash behind a percent sign, and bytes that are not UTF-8 are refused: 400.
PN_MUST_USE int pn_http_target_parse(struct pn_arena *arena, struct pn_slice target,
                                     struct pn_http_target *ret_target, struct pn_err *err);

struct pn_http_parameters {
    struct pn_http_parameter items[PN_HTTP_PARAMETERS_MAX];
    unsigned count;
};
// Appends what a query or a form says (application/x-www-form-urlencoded: `+` is a space).
PN_MUST_USE int pn_http_parameters_parse(struct pn_arena *arena, struct pn_slice text,
                                         struct pn_http_parameters *parameters, struct pn_err *err);

// Whether the path fits the route's template. The values that `{name}` took go to ret_values, in
// order (at least PN_HTTP_SEGMENTS_MAX places); *ret_value_count is how many.
PN_MUST_USE bool pn_http_route_fits(const char *route, const struct pn_http_target *target,
                                    struct pn_slice *ret_values, unsigned *ret_value_count);
// The place of `{name}` among the template's values; -1 when it has none of that name.
int pn_http_route_value_index(const char *route, const char *name);

// The token of `Authorization: Bearer …` (RFC 6750 section 2.1); empty when it is anything else.
struct pn_slice pn_http_bearer(struct pn_slice authorization);

// A chunked body (RFC 9112 section 7.1), fed as it comes.
struct pn_http_chunked {
    unsigned state;
    uint64_t left;        // of the running chunk
    unsigned line_bytes;  // of the running size line or of all trailers
    unsigned digit_count; // of the running size
};
// Appends what `bytes` holds to `body`. *ret_used is less than bytes.len only at the body's end.
// PN_LIMIT: the body is over the buffer's maximum.
PN_MUST_USE enum pn_code pn_http_chunked_feed(struct pn_http_chunked *chunked,
                                              struct pn_slice bytes, struct pn_buf *body,
                                              size_t *ret_used, struct pn_err *err);
bool pn_http_chunked_is_done(const struct pn_http_chunked *chunked);

#endif
