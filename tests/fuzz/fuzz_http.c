// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP layer's own parsing: head, target, query, routes, bearer token, chunked body.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 64 * 1024 };

static void parse_request(struct pn_arena *arena, struct pn_slice head_bytes)
{
    struct pn_http_head head = {0};
    struct pn_http_target target = {0};
    struct pn_err err = {0};
    if (pn_http_head_parse(head_bytes, &head, &err) != 0) {
        return;
    }
    (void)pn_http_bearer(pn_http_head_field(&head, "Authorization"));
    if (pn_http_target_parse(arena, head.target, &target, &err) != 0) {
        return;
    }
    struct pn_slice values[PN_HTTP_SEGMENTS_MAX];
    unsigned value_count = 0;
    (void)pn_http_route_fits("/fhir/{type}/{id}/$timeline", &target, values, &value_count);
    struct pn_http_parameters *parameters = pn_arena_alloc(arena, sizeof *parameters);
    if (parameters != NULL) {
        (void)pn_http_parameters_parse(arena, target.query, parameters, &err);
    }
}

// The same body in one piece and byte by byte must read the same.
static void parse_chunked(struct pn_slice bytes)
{
    struct pn_http_chunked whole = {0};
    struct pn_http_chunked pieces = {0};
    struct pn_buf whole_body;
    struct pn_buf pieces_body;
    struct pn_err err = {0};
    size_t used = 0;
    size_t at = 0;
    pn_buf_init(&whole_body, BODY_MAX);
    pn_buf_init(&pieces_body, BODY_MAX);
    enum pn_code code = pn_http_chunked_feed(&whole, bytes, &whole_body, &used, &err);
    enum pn_code pieces_code = PN_OK;
    while (pieces_code == PN_OK && at < bytes.len && !pn_http_chunked_is_done(&pieces)) {
        size_t taken = 0;
        pieces_code = pn_http_chunked_feed(&pieces, pn_slice_of(bytes.ptr + at, 1), &pieces_body,
                                           &taken, &err);
        at += taken;
    }
    if (code != pieces_code ||
        (code == PN_OK && !pn_slice_eq(pn_buf_slice(&whole_body), pn_buf_slice(&pieces_body)))) {
        abort();
    }
    pn_buf_release(&whole_body);
    pn_buf_release(&pieces_body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_slice bytes = pn_slice_of((const char *)data, size);
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    size_t scanned = 0;
    size_t head_length = pn_http_head_length(bytes, &scanned);
    parse_request(arena, head_length == 0 ? bytes : pn_slice_of(bytes.ptr, head_length));
    parse_chunked(pn_slice_of(bytes.ptr + head_length, bytes.len - head_length));
    (void)pn_http_bearer(bytes);
    pn_arena_free(arena);
    return 0;
}
