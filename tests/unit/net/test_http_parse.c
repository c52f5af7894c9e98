// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/http_parse.h"

#define HOST "Host: hub\r\n"

static int head_status(const char *text, struct pn_http_head *ret_head)
{
    struct pn_err err = {0};
    return pn_http_head_parse(pn_slice_str(text), ret_head, &err);
}

static void reads_a_head(void **state)
{
    (void)state;
    struct pn_http_head head = {0};
    assert_int_equal(head_status("POST /in/x HTTP/1.1\r\nhOsT:  hub \r\nContent-Length: 12\r\n"
                                 "Expect: 100-continue\r\n\r\n",
                                 &head),
                     0);
    assert_true(pn_slice_is(head.method, "POST"));
    assert_true(pn_slice_is(head.target, "/in/x"));
    assert_true(pn_slice_is(pn_http_head_field(&head, "Host"), "hub"));
    assert_null(pn_http_head_field(&head, "Accept").ptr);
    assert_int_equal(head.body_bytes, 12);
    assert_true(head.keep_alive);
    assert_true(head.expects_continue);
    assert_int_equal(head_status("GET / HTTP/1.0\n\n", &head), 0);
    assert_false(head.keep_alive);
    assert_int_equal(head_status("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n", &head),
                     0);
    assert_false(head.keep_alive);
}

static void refuses_what_two_parties_could_read_differently(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {400, "GET /\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "G(T / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n folded\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\rC: d\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "nocolon\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1x\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {417, "POST / HTTP/1.1\r\n" HOST "Expect: miracles\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
        {400, "GET / FTTP/1.1\r\n" HOST "\r\n"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        struct pn_http_head head = {0};
        if (head_status(rows[i].text, &head) != rows[i].status) {
            fail_msg("row %zu: %s", i, rows[i].text);
        }
    }
}

static void bounds_the_headers(void **state)
{
    (void)state;
    char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST);
    for (unsigned i = 0; i < PN_HTTP_HEADERS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "A%u: b\r\n", i);
    }
    struct pn_http_head head = {0};
    assert_int_equal(head_status(text, &head), 431);
}

static void finds_the_end_of_a_head_byte_by_byte(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nrest";
    size_t scanned = 0;
    size_t whole = sizeof text - 1 - strlen("rest");
    for (size_t len = 0; len < whole; len++) {
        assert_int_equal(pn_http_head_length(pn_slice_of(text, len), &scanned), 0);
    }
    assert_int_equal(pn_http_head_length(pn_slice_of(text, whole), &scanned), whole);
    scanned = 0;
    assert_int_equal(pn_http_head_length(pn_slice_str("A\n\nrest"), &scanned), 3);
}

static int target_status(struct pn_arena *arena, const char *text, struct pn_http_target *target)
{
    struct pn_err err = {0};
    return pn_http_target_parse(arena, pn_slice_str(text), target, &err);
}

static void normalises_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path; // NULL: 400
    } rows[] = {
        {"/", "/"},
        {"/fhir/Patient", "/fhir/Patient"},
        {"//fhir///Patient/", "/fhir/Patient"},
        {"/fhir/%24timeline", "/fhir/$timeline"},
        {"/p%C3%A4%C3%A4?x=1", "/pää"},
        {"http://hub.example/fhir/metadata?x", "/fhir/metadata"},
        {"https://hub.example", "/"},
        {"/a/../b", NULL},
        {"/a/%2e%2e/b", NULL},
        {"/./b", NULL},
        {"/a%2Fb", NULL},
        {"/a%00b", NULL},
        {"/a%zz", NULL},
        {"/a%4", NULL},
        {"/a%", NULL},
        {"/%FF", NULL},
        {"/a#b", NULL},
        {"a", NULL},
        {"*", NULL},
    };
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        struct pn_http_target target = {0};
        int status = target_status(arena, rows[i].target, &target);
        bool is_right = rows[i].path == NULL
                            ? status == 400
                            : status == 0 && pn_slice_is(target.path, rows[i].path);
        if (!is_right) {
            fail_msg("%s: %d %.*s", rows[i].target, status, PN_SLICE_FMT(target.path));
        }
    }
    pn_arena_free(arena);
}

static void fits_routes(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    struct pn_http_target target = {0};
    assert_int_equal(target_status(arena, "/fhir/Patient/abc/%24timeline", &target), 0);
    struct pn_slice values[PN_HTTP_SEGMENTS_MAX];
    unsigned count = 0;
    assert_true(pn_http_route_fits("/fhir/{type}/{id}/$timeline", &target, values, &count));
    assert_int_equal(count, 2);
    assert_true(pn_slice_is(values[0], "Patient"));
    assert_true(pn_slice_is(values[1], "abc"));
    assert_int_equal(pn_http_route_value_index("/fhir/{type}/{id}/$timeline", "id"), 1);
    assert_int_equal(pn_http_route_value_index("/fhir/{type}/{id}/$timeline", "x"), -1);
    assert_false(pn_http_route_fits("/fhir/Patient/{id}", &target, values, &count));
    assert_false(pn_http_route_fits("/fhir/Patient/{id}/$timeline/x", &target, values, &count));
    assert_false(pn_http_route_fits("/fhir/Encounter/{id}/$timeline", &target, values, &count));
    pn_arena_free(arena);
}

static void reads_parameters(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    struct pn_http_parameters *parameters = pn_arena_alloc(arena, sizeof *parameters);
    struct pn_err err = {0};
    assert_int_equal(
        pn_http_parameters_parse(arena, pn_slice_str("a=1&b=x+y%26&&c&=d&a=2"), parameters, &err),
        0);
    assert_int_equal(parameters->count, 5);
    assert_true(pn_slice_is(parameters->items[1].value, "x y&"));
    assert_true(pn_slice_is(parameters->items[2].name, "c"));
    assert_int_equal(parameters->items[2].value.len, 0);
    assert_int_equal(pn_http_parameters_parse(arena, pn_slice_str("a=%"), parameters, &err), 400);
    char many[PN_HTTP_PARAMETERS_MAX * 2 + 1];
    memset(many, 'a', sizeof many);
    for (size_t i = 1; i < sizeof many; i += 2) {
        many[i] = '&';
    }
    parameters->count = 0;
    assert_int_equal(
        pn_http_parameters_parse(arena, pn_slice_of(many, sizeof many), parameters, &err), 400);
    pn_arena_free(arena);
}

static void reads_a_bearer_token(void **state)
{
    (void)state;
    assert_true(
        pn_slice_is(pn_http_bearer(pn_slice_str("Bearer abc.DEF-1_2~+/==")), "abc.DEF-1_2~+/=="));
    assert_true(pn_slice_is(pn_http_bearer(pn_slice_str("bearer   x")), "x"));
    assert_int_equal(pn_http_bearer(pn_slice_str("Basic abc")).len, 0);
    assert_int_equal(pn_http_bearer(pn_slice_str("Bearer")).len, 0);
    assert_int_equal(pn_http_bearer(pn_slice_str("Bearer a b")).len, 0);
    assert_int_equal(pn_http_bearer(pn_slice_of(NULL, 0)).len, 0);
}

static enum pn_code feed(struct pn_slice text, size_t piece_bytes, struct pn_buf *body,
                         size_t *ret_used)
{
    struct pn_http_chunked chunked = {0};
    struct pn_err err = {0};
    size_t at = 0;
    while (at < text.len && !pn_http_chunked_is_done(&chunked)) {
        size_t here = text.len - at < piece_bytes ? text.len - at : piece_bytes;
        size_t used = 0;
        enum pn_code code =
            pn_http_chunked_feed(&chunked, pn_slice_of(text.ptr + at, here), body, &used, &err);
        if (code != PN_OK) {
            return code;
        }
        at += used;
    }
    *ret_used = at;
    return pn_http_chunked_is_done(&chunked) ? PN_OK : PN_UNAVAILABLE;
}

static void reads_chunks_in_any_pieces(void **state)
{
    (void)state;
    static const char text[] =
        "5\r\nhello\r\n1;x=y\r\n \r\n00A\r\n0123456789\r\n0\r\nT: v\r\n\r\nNEXT";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct pn_buf body;
        pn_buf_init(&body, 64);
        size_t used = 0;
        assert_int_equal(feed(pn_slice_str(text), piece, &body, &used), PN_OK);
        assert_true(pn_slice_is(pn_buf_slice(&body), "hello 0123456789"));
        assert_string_equal(text + used, "NEXT");
        pn_buf_release(&body);
    }
}

static void refuses_malformed_chunks(void **state)
{
    (void)state;
    static const char *const rows[] = {"\r\n",        "x\r\n",    "5\nhello",
                                       "5\r\nhelloX", "5 x\r\rx", "FFFFFFFFFFFFFFFFF\r\n",
                                       "0\r\n\rX",    "-1\r\n",   ";\r\n"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        struct pn_buf body;
        pn_buf_init(&body, 64);
        size_t used = 0;
        if (feed(pn_slice_str(rows[i]), 3, &body, &used) != PN_INVALID) {
            fail_msg("row %zu", i);
        }
        pn_buf_release(&body);
    }
    struct pn_buf body;
    pn_buf_init(&body, 4);
    size_t used = 0;
    assert_int_equal(feed(pn_slice_str("5\r\nhello\r\n"), 100, &body, &used), PN_LIMIT);
    pn_buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_head),
        cmocka_unit_test(refuses_what_two_parties_could_read_differently),
        cmocka_unit_test(bounds_the_headers),
        cmocka_unit_test(finds_the_end_of_a_head_byte_by_byte),
        cmocka_unit_test(normalises_a_path),
        cmocka_unit_test(fits_routes),
        cmocka_unit_test(reads_parameters),
        cmocka_unit_test(reads_a_bearer_token),
        cmocka_unit_test(reads_chunks_in_any_pieces),
        cmocka_unit_test(refuses_malformed_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
