// SPDX-License-Identifier: Apache-2.0
/*
 * Errors, slices, buffers, ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/slice.h"

static void an_error_tells_code_place_and_text(void **state)
{
    (void)state;
    struct pn_err err;
    assert_int_equal(pn_err_set(&err, PN_INVALID, "PID-3", "%d of %s", 2, "3"), PN_INVALID);
    assert_int_equal(err.code, PN_INVALID);
    assert_string_equal(err.where, "PID-3");
    assert_string_equal(err.text, "2 of 3");
    assert_int_equal(pn_err_within(&err, "mapping.yaml:7"), PN_INVALID);
    assert_string_equal(err.where, "mapping.yaml:7 PID-3");
    // Its own texts may be the arguments.
    pn_err_set(&err, PN_IO, err.where, "%s!", err.text);
    assert_string_equal(err.where, "mapping.yaml:7 PID-3");
    assert_string_equal(err.text, "2 of 3!");
    pn_err_set(&err, PN_IO, NULL, "x");
    assert_string_equal(err.where, "");
    pn_err_within(&err, "here");
    assert_string_equal(err.where, "here");
}

static void long_errors_are_cut(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct pn_err err;
    pn_err_set(&err, PN_INVALID, text, "%s", text);
    assert_int_equal(strlen(err.where), PN_ERR_WHERE_BYTES - 1);
    assert_int_equal(strlen(err.text), PN_ERR_TEXT_BYTES - 1);
    pn_err_within(&err, text);
    assert_true(strlen(err.where) < PN_ERR_WHERE_BYTES);
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    for (int code = PN_OK; code <= PN_INTERNAL; code++) {
        const char *name = pn_code_name((enum pn_code)code);
        assert_true(name[0] != '\0');
        for (int other = PN_OK; other < code; other++) {
            assert_string_not_equal(name, pn_code_name((enum pn_code)other));
        }
    }
    assert_true(pn_code_is_retriable(PN_UNAVAILABLE));
    assert_true(pn_code_is_retriable(PN_CONFLICT));
    assert_false(pn_code_is_retriable(PN_INVALID));
    assert_false(pn_code_is_retriable(PN_OK));
}

static void slices_compare(void **state)
{
    (void)state;
    struct pn_slice abc = pn_slice_str("abc");
    assert_true(pn_slice_is(abc, "abc"));
    assert_false(pn_slice_is(abc, "ab"));
    assert_false(pn_slice_is(abc, "abcd"));
    assert_true(pn_slice_is_nocase(abc, "AbC"));
    assert_false(pn_slice_is_nocase(abc, "AbCd"));
    assert_true(pn_slice_starts_with(abc, "ab"));
    assert_true(pn_slice_starts_with(abc, ""));
    assert_false(pn_slice_starts_with(abc, "abcd"));
    assert_true(pn_slice_eq(pn_slice_of(NULL, 0), pn_slice_str("")));
    assert_true(pn_slice_is(pn_slice_str(NULL), ""));
    assert_true(pn_slice_is(pn_slice_trim(pn_slice_str(" \t\r\na b ")), "a b"));
    assert_int_equal(pn_slice_trim(pn_slice_str("  ")).len, 0);
}

static void slices_split(void **state)
{
    (void)state;
    struct pn_slice rest = pn_slice_str("a,,b");
    assert_true(pn_slice_is(pn_slice_split(rest, ',', &rest), "a"));
    assert_true(pn_slice_is(pn_slice_split(rest, ',', &rest), ""));
    assert_true(pn_slice_is(pn_slice_split(rest, ',', &rest), "b"));
    assert_int_equal(rest.len, 0);
    assert_true(pn_slice_is(pn_slice_split(rest, ',', &rest), ""));
}

static void slices_become_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"007", 7},
        {"-12", -12},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        "1 ",
                                        " 1",
                                        "1.0",
                                        "0x1",
                                        "--1",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "a"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(good); i++) {
        int64_t value = 99;
        assert_true(pn_slice_to_i64(pn_slice_str(good[i].text), &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        int64_t value = 99;
        assert_false(pn_slice_to_i64(pn_slice_str(wrong[i]), &value));
        assert_int_equal(value, 99);
    }
}

static void a_buffer_stops_at_its_maximum(void **state)
{
    (void)state;
    struct pn_buf buf;
    pn_buf_init(&buf, 10);
    pn_buf_add_str(&buf, "12345");
    pn_buf_printf(&buf, "%d", 67890);
    assert_true(pn_buf_ok(&buf));
    assert_string_equal(buf.data, "1234567890");
    pn_buf_add_char(&buf, 'x');
    assert_false(pn_buf_ok(&buf));
    assert_string_equal(buf.data, "1234567890");
    pn_buf_consume(&buf, 10);
    pn_buf_add_char(&buf, 'x');
    assert_false(pn_buf_ok(&buf));
    pn_buf_clear(&buf);
    pn_buf_printf(&buf, "%s", "a longer text");
    assert_false(pn_buf_ok(&buf));
    pn_buf_clear(&buf);
    pn_buf_add_slice(&buf, pn_slice_of(NULL, 0));
    assert_true(pn_buf_ok(&buf));
    pn_buf_add_str(&buf, "abc");
    pn_buf_consume(&buf, 2);
    assert_string_equal(buf.data, "c");
    pn_buf_release(&buf);
    assert_int_equal(pn_buf_slice(&buf).len, 0);
    pn_buf_release(&buf);
}

static void a_buffer_grows(void **state)
{
    (void)state;
    struct pn_buf buf;
    pn_buf_init(&buf, 1000 * 1000);
    for (int i = 0; i < 100000; i++) {
        pn_buf_printf(&buf, "%05d", i);
    }
    assert_true(pn_buf_ok(&buf));
    assert_int_equal(buf.len, 500000);
    assert_memory_equal(buf.data + 499995, "99999", 6);
    pn_buf_release(&buf);
}

static void derived_ids_are_the_same_again(void **state)
{
    (void)state;
    struct pn_slice ab_c[] = {pn_slice_str("ab"), pn_slice_str("c")};
    struct pn_slice a_bc[] = {pn_slice_str("a"), pn_slice_str("bc")};
    char first[PN_UUID_TEXT_BYTES];
    char second[PN_UUID_TEXT_BYTES];
    pn_uuid5("event", ab_c, 2, first);
    pn_uuid5("event", ab_c, 2, second);
    assert_string_equal(first, second);
    // The namespace and the form of the name are part of every stored id: they may never change.
    assert_string_equal(first, "57b9b411-a20c-53c4-86da-a83ae500ed52");
    assert_int_equal(first[14], '5');
    pn_uuid5("event", a_bc, 2, second);
    assert_string_not_equal(first, second);
    pn_uuid5("visit", ab_c, 2, second);
    assert_string_not_equal(first, second);
    pn_uuid5("event", ab_c, 1, second);
    assert_string_not_equal(first, second);
    // What another implementation of RFC 4122 makes of the same name.
    const struct pn_slice known[] = {pn_slice_str("a"), pn_slice_str("bc")};
    pn_uuid5("event", known, 2, first);
    assert_string_equal(first, "649ef39d-91f4-5070-b37e-87d4ad6c82cb");
    uint8_t bytes[16];
    assert_true(pn_uuid_parse(pn_slice_str("649EF39D-91f4-5070-b37e-87d4ad6c82cb"), bytes));
    assert_int_equal(bytes[0], 0x64);
    assert_int_equal(bytes[15], 0xcb);
    assert_false(pn_uuid_parse(pn_slice_str("649ef39d-91f4-5070-b37e-87d4ad6c82cg"), bytes));
    assert_false(pn_uuid_parse(pn_slice_str("649ef39d-91f4-5070-b37e087d4ad6c82cb"), bytes));
    assert_false(pn_uuid_parse(pn_slice_str("649ef39d91f45070b37e87d4ad6c82cb"), bytes));
}

// A sender's identifier may be as long as a message: that is no reason to stop.
static void an_id_of_a_whole_message(void **state)
{
    (void)state;
    char *text = malloc(PN_MESSAGE_BYTES_MAX);
    assert_non_null(text);
    memset(text, 'x', PN_MESSAGE_BYTES_MAX);
    struct pn_slice part = pn_slice_of(text, PN_MESSAGE_BYTES_MAX);
    char first[PN_UUID_TEXT_BYTES];
    char second[PN_UUID_TEXT_BYTES];
    pn_uuid5("message", &part, 1, first);
    text[PN_MESSAGE_BYTES_MAX - 1] = 'y';
    pn_uuid5("message", &part, 1, second);
    assert_string_not_equal(first, second);
    free(text);
}

static void random_ids_differ(void **state)
{
    (void)state;
    char first[PN_UUID_TEXT_BYTES];
    char second[PN_UUID_TEXT_BYTES];
    pn_uuid4(first);
    pn_uuid4(second);
    assert_string_not_equal(first, second);
    assert_int_equal(first[14], '4');
    uint8_t bytes[16];
    assert_true(pn_uuid_parse(pn_slice_str(first), bytes));
    assert_int_equal(bytes[6] >> 4, 4);
    static const char *const wrong[] = {
        "", "0190b3a4-5c6d-5e7f-8a9b-0c1d2e3f4a5", "0190b3a4-5c6d-5e7f-8a9b-0c1d2e3f4a5b0",
        "0190b3a45c6d-5e7f-8a9b-0c1d2e3f4a5b-", "g190b3a4-5c6d-5e7f-8a9b-0c1d2e3f4a5b"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        assert_false(pn_uuid_parse(pn_slice_str(wrong[i]), bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_tells_code_place_and_text),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(every_code_has_a_name),
        cmocka_unit_test(slices_compare),
        cmocka_unit_test(slices_split),
        cmocka_unit_test(slices_become_numbers),
        cmocka_unit_test(a_buffer_stops_at_its_maximum),
        cmocka_unit_test(a_buffer_grows),
        cmocka_unit_test(derived_ids_are_the_same_again),
        cmocka_unit_test(an_id_of_a_whole_message),
        cmocka_unit_test(random_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
