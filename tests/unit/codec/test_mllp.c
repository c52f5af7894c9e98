// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/mllp.h"

enum { FRAME_MAX = 32 };

// What came out, as `F(…)` and `L(…)`.
static void feed(struct pn_mllp_framer *framer, struct pn_slice input, struct pn_buf *seen)
{
    struct pn_mllp_piece piece;
    while (pn_mllp_framer_next(framer, &input, &piece)) {
        pn_buf_add_str(seen, piece.kind == PN_MLLP_FRAME ? "F(" : "L(");
        pn_buf_add_slice(seen, piece.bytes);
        pn_buf_add_char(seen, ')');
    }
    assert_int_equal(input.len, 0);
}

// The same bytes in writes of every size give the same.
static void gives(const char *bytes, const char *expected, unsigned noise_bytes)
{
    size_t len = strlen(bytes);
    for (size_t step = 1; step <= len; step++) {
        struct pn_mllp_framer framer;
        struct pn_buf seen;
        pn_mllp_framer_init(&framer, FRAME_MAX);
        pn_buf_init(&seen, 64 * 1024);
        for (size_t at = 0; at < len; at += step) {
            size_t part = len - at < step ? len - at : step;
            char *copy = malloc(part); // exact: a read too far is found
            memcpy(copy, bytes + at, part);
            feed(&framer, pn_slice_of(copy, part), &seen);
            free(copy);
        }
        assert_true(pn_buf_ok(&seen));
        assert_string_equal(seen.data == NULL ? "" : seen.data, expected);
        assert_int_equal(framer.noise_bytes, noise_bytes);
        pn_buf_release(&seen);
        pn_mllp_framer_release(&framer);
    }
}

static void finds_frames(void **state)
{
    (void)state;
    gives("\x0BMSH|a\x1C\r", "F(MSH|a)", 0);
    gives("\x0BMSH|a\x1C\r\x0BMSH|b\x1C\r", "F(MSH|a)F(MSH|b)", 0);
    gives("\x0B\x1C\r", "F()", 0);
    gives("\x0BMSH|a\x1C\x0BMSH|b\x1C", "F(MSH|a)F(MSH|b)", 0);
    gives("\x0BMSH|a\x1C\r\n\x0BMSH|b\x1C\r\n", "F(MSH|a)F(MSH|b)", 0);
    gives("\x0BMSH|a\rPID|1\r\n\x1C\r", "F(MSH|a\rPID|1\r\n)", 0);
}

static void skips_noise(void **state)
{
    (void)state;
    gives("noise", "", 5);
    gives("GET / HTTP/1.1\r\n\r\n\x0BMSH|a\x1C\rxx\x0BMSH|b\x1C\r", "F(MSH|a)F(MSH|b)", 20);
    gives("\x1C\r\x1C\r\x0Bx\x1C\r", "F(x)", 4);
}

static void starts_again_after_a_cut_frame(void **state)
{
    (void)state;
    gives("\x0BMSH|cut\x0BMSH|b\x1C\r", "F(MSH|b)", 8);
    gives("\x0BMSH|a\x0Bvertical tab\x1C\r", "F(MSH|a\x0Bvertical tab)", 0);
    gives("\x0B\x0BMSH|a\x0Bx\x1C\r", "F(MSH|a\x0Bx)", 1);
}

static void skips_what_is_too_large(void **state)
{
    (void)state;
    gives("\x0B"
          "12345678901234567890123456789012\x1C\r",
          "F(12345678901234567890123456789012)", 0);
    gives("\x0B"
          "123456789012345678901234567890123\x1C\r\x0BMSH|b\x1C\r",
          "L(123456789012345678901234567890123)F(MSH|b)", 0);
}

static void gives_the_same_head_in_any_writes(void **state)
{
    (void)state;
    gives("\x0B"
          "0123456789012345678901234567890123456789012345678901234567890123456789\x1C\r",
          "L(0123456789012345678901234567890123456789012345678901234567890123456789)", 0);
}

static void keeps_only_the_head(void **state)
{
    (void)state;
    struct pn_mllp_framer framer;
    pn_mllp_framer_init(&framer, 10000);
    char part[1000];
    memset(part, 'x', sizeof part);
    struct pn_slice start = pn_slice_str("\x0BMSH|head");
    struct pn_mllp_piece piece = {0};
    assert_false(pn_mllp_framer_next(&framer, &start, &piece));
    assert_true(pn_mllp_framer_is_inside(&framer));
    for (int i = 0; i < 10000; i++) {
        struct pn_slice more = pn_slice_of(part, sizeof part);
        assert_false(pn_mllp_framer_next(&framer, &more, &piece));
    }
    assert_true(framer.frame.capacity <= 32768);
    struct pn_slice end = pn_slice_str("\x1C\r\x0Bnext\x1C\r");
    assert_true(pn_mllp_framer_next(&framer, &end, &piece));
    assert_int_equal(piece.kind, PN_MLLP_TOO_LARGE);
    assert_int_equal(piece.bytes.len, PN_MLLP_HEAD_BYTES);
    assert_true(pn_slice_starts_with(piece.bytes, "MSH|head"));
    assert_true(pn_mllp_framer_next(&framer, &end, &piece));
    assert_int_equal(piece.kind, PN_MLLP_FRAME);
    assert_true(pn_slice_is(piece.bytes, "next"));
    assert_false(pn_mllp_framer_next(&framer, &end, &piece));
    assert_false(pn_mllp_framer_is_inside(&framer));
    pn_mllp_framer_release(&framer);
}

static void encodes(void **state)
{
    (void)state;
    struct pn_buf out;
    pn_buf_init(&out, 100);
    pn_mllp_encode(&out, pn_slice_str("MSH|a"));
    assert_string_equal(out.data, "\x0BMSH|a\x1C\r");
    pn_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_frames),
        cmocka_unit_test(skips_noise),
        cmocka_unit_test(starts_again_after_a_cut_frame),
        cmocka_unit_test(skips_what_is_too_large),
        cmocka_unit_test(gives_the_same_head_in_any_writes),
        cmocka_unit_test(keeps_only_the_head),
        cmocka_unit_test(encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
