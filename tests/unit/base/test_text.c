// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void hex_and_base64(void **state)
{
    (void)state;
    // RFC 4648 section 10.
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFF\xFE\xFD", "//79"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(pairs); i++) {
        struct pn_buf buf;
        pn_buf_init(&buf, 100);
        pn_base64_add(&buf, pairs[i][0], strlen(pairs[i][0]));
        assert_true(pn_slice_is(pn_buf_slice(&buf), pairs[i][1]));
        pn_buf_clear(&buf);
        assert_true(pn_base64_decode(pn_slice_str(pairs[i][1]), &buf));
        assert_true(pn_slice_is(pn_buf_slice(&buf), pairs[i][0]));
        pn_buf_release(&buf);
    }
    struct pn_buf buf;
    pn_buf_init(&buf, 100);
    pn_hex_add(&buf, "\x00\x9f\xFF", 3);
    assert_string_equal(buf.data, "009fff");
    pn_buf_clear(&buf);
    assert_true(pn_base64_decode(pn_slice_str(" Zm9v\r\nYm Fy\t"), &buf));
    assert_string_equal(buf.data, "foobar");
    pn_buf_release(&buf);
}

static void refuses_what_is_no_base64(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Z", "Zg",   "Zg=",  "Zg===",    "Zm9v=",       "Z=g=",
                                        "=", "====", "Zm-_", "Zg==Zg==", "Zm9v\xC3\xA4"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        struct pn_buf buf;
        pn_buf_init(&buf, 100);
        if (pn_base64_decode(pn_slice_str(wrong[i]), &buf)) {
            fail_msg("taken: %s", wrong[i]);
        }
        pn_buf_release(&buf);
    }
    struct pn_buf small;
    pn_buf_init(&small, 2);
    assert_false(pn_base64_decode(pn_slice_str("Zm9v"), &small));
    pn_buf_release(&small);
}

static void knows_valid_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "abc", "äöåÄÖÅ", "€", "😀", "\x7F", "\xEF\xBF\xBD", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"};
    static const char *const wrong[] = {
        "\x80",
        "\xC3",
        "\xC3(",
        "\xC0\xAF",
        "\xE0\x80\xAF",
        "\xE2\x82",
        "\xED\xA0\x80",
        "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "abc\xE4",
        "\xFF",
        "\xF0\x9F\x98",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(good); i++) {
        assert_true(pn_utf8_is_valid(pn_slice_str(good[i])));
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        // An exact copy: a read past the end is found by the sanitizer.
        size_t len = strlen(wrong[i]);
        char *copy = malloc(len);
        memcpy(copy, wrong[i], len);
        assert_false(pn_utf8_is_valid(pn_slice_of(copy, len)));
        free(copy);
    }
}

static void a_hex_digit_counts(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        assert_int_equal(pn_hex_value(digits[i]), i);
    }
    assert_int_equal(pn_hex_value('A'), 10);
    assert_int_equal(pn_hex_value('F'), 15);
    static const char strangers[] = "/:@G`g \x10\x19\xb0";
    for (size_t i = 0; i < sizeof strangers; i++) {
        assert_int_equal(pn_hex_value(strangers[i]), -1);
    }
}

static void a_character_becomes_utf8(void **state)
{
    (void)state;
    static const struct {
        uint32_t character;
        const char *bytes;
    } rows[] = {{0x41, "A"},
                {0x7F, "\x7f"},
                {0x80, "\xc2\x80"},
                {0x7FF, "\xdf\xbf"},
                {0x800, "\xe0\xa0\x80"},
                {0xFFFF, "\xef\xbf\xbf"},
                {0x10000, "\xf0\x90\x80\x80"},
                {0x10FFFF, "\xf4\x8f\xbf\xbf"}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char bytes[PN_UTF8_BYTES_MAX];
        size_t length = pn_utf8_put(bytes, rows[i].character);
        assert_true(pn_slice_is(pn_slice_of(bytes, length), rows[i].bytes));
    }
}

static void latin1_becomes_utf8(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    assert_true(
        pn_slice_is(pn_latin1_to_utf8(arena, pn_slice_str("\xC4iti \xFF\x80")), "Äiti ÿ\xC2\x80"));
    assert_true(pn_slice_is(pn_latin1_to_utf8(arena, pn_slice_of(NULL, 0)), ""));
    pn_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_and_base64),           cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(knows_valid_utf8),         cmocka_unit_test(a_hex_digit_counts),
        cmocka_unit_test(a_character_becomes_utf8), cmocka_unit_test(latin1_becomes_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
