// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fhir/json.h"

static int use_fresh_arena(void **state)
{
    struct pn_arena *arena = pn_arena_new(4 * 1024 * 1024);
    pn_json_use_arena(arena);
    *state = arena;
    return arena == NULL;
}

static int drop_arena(void **state)
{
    pn_json_use_arena(NULL);
    pn_arena_free(*state);
    return 0;
}

static enum pn_code parse(const char *text, size_t length, cJSON **ret_json, struct pn_err *err)
{
    // An exact heap copy, so that ASan sees a byte read past the end.
    char *exact = malloc(length == 0 ? 1 : length);
    assert_non_null(exact);
    memcpy(exact, text, length);
    enum pn_code code = pn_json_parse(pn_slice_of(exact, length), ret_json, err);
    free(exact);
    return code;
}

static void assert_round_trip(const char *text, const char *wanted)
{
    cJSON *json = NULL;
    struct pn_err err;
    struct pn_buf out;
    pn_buf_init(&out, 64 * 1024);
    assert_int_equal(parse(text, strlen(text), &json, &err), PN_OK);
    assert_int_equal(pn_json_print(json, &out, &err), PN_OK);
    assert_string_equal(out.data, wanted);
    pn_buf_release(&out);
}

static void keeps_what_it_reads(void **state)
{
    (void)state;
    assert_round_trip(" { \"a\" : [ 1 , true , false , null , \"x\" ] } ",
                      "{\"a\":[1,true,false,null,\"x\"]}");
    assert_round_trip("{}", "{}");
    assert_round_trip("[[],{}]", "[[],{}]");
    assert_round_trip("\"\\u00e4\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\\u0001\"",
                      "\"\xC3\xA4\xF0\x9F\x98\x80/\\b\\f\\n\\r\\t\\\"\\\\\\u0001\"");
}

static void keeps_numbers_exact(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",
                                          "-1",
                                          "999999999",
                                          "1.00",
                                          "1.10e5",
                                          "-0",
                                          "0.1",
                                          "12345678901234567890",
                                          "1E+3",
                                          "-0.000",
                                          "3.14159265358979323846264338"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(numbers); i++) {
        assert_round_trip(numbers[i], numbers[i]);
    }
    cJSON *json = NULL;
    struct pn_err err;
    assert_int_equal(parse("[7,1.50]", 8, &json, &err), PN_OK);
    assert_int_equal(cJSON_GetArrayItem(json, 0)->valueint, 7);
    assert_true(cJSON_IsNumber(cJSON_GetArrayItem(json, 0)));
    assert_true(pn_json_is_number(cJSON_GetArrayItem(json, 1)));
    assert_true(cJSON_GetArrayItem(json, 1)->valuedouble > 1.49);
}

static void prints_numbers_that_code_made(void **state)
{
    (void)state;
    struct pn_err err;
    struct pn_buf out;
    pn_buf_init(&out, 1024);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "whole", 42);
    cJSON_AddNumberToObject(json, "part", 0.1);
    assert_int_equal(pn_json_print(json, &out, &err), PN_OK);
    assert_string_equal(out.data, "{\"whole\":42,\"part\":0.1}");
    cJSON_AddNumberToObject(json, "endless", 1e308 * 10);
    assert_int_equal(pn_json_print(json, &out, &err), PN_INVALID);
    pn_buf_release(&out);
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "[1 2]",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "nul",
        "truex",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"a\tb\"",
        "{} {}",
        "[1]x",
        "\"\xC3\"",
        "\"\xFF\"",
        "\"\xC0\x80\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":{\"c\":1,\"c\":1}}",
        "NaN",
        "\"\\ud800\\u0041\"",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        cJSON *json = NULL;
        struct pn_err err = {0};
        if (parse(wrong[i], strlen(wrong[i]), &json, &err) != PN_INVALID) {
            fail_msg("taken: %s", wrong[i]);
        }
        assert_null(json);
        assert_true(err.where[0] != '\0' && err.text[0] != '\0');
    }
}

static void names_the_byte_that_is_wrong(void **state)
{
    (void)state;
    cJSON *json = NULL;
    struct pn_err err;
    assert_int_equal(parse("{\"a\":[1,x]}", 11, &json, &err), PN_INVALID);
    assert_string_equal(err.where, "byte 8");
}

// A large object finds a member that stands twice in another way than a small one.
static void finds_a_member_twice_in_a_large_object(void **state)
{
    (void)state;
    struct pn_err err;
    for (int twice = 0; twice <= 1; twice++) {
        struct pn_buf text;
        cJSON *json = NULL;
        pn_buf_init(&text, 64 * 1024);
        pn_buf_add_str(&text, "{\"n100\":0");
        for (int i = 0; i < 100 + twice; i++) {
            pn_buf_printf(&text, ",\"n%d\":0", i);
        }
        pn_buf_add_str(&text, "}");
        enum pn_code code = parse(text.data, text.len, &json, &err);
        assert_int_equal(code, twice ? PN_INVALID : PN_OK);
        pn_buf_release(&text);
    }
}

static enum pn_code parse_nested(unsigned depth)
{
    char text[2 * PN_TREE_DEPTH_MAX + 8];
    cJSON *json = NULL;
    struct pn_err err;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return parse(text, 2 * (size_t)depth, &json, &err);
}

static void stops_at_its_bounds(void **state)
{
    struct pn_err err;
    cJSON *json = NULL;
    assert_int_equal(parse_nested(PN_TREE_DEPTH_MAX), PN_OK);
    assert_int_equal(parse_nested(PN_TREE_DEPTH_MAX + 1), PN_LIMIT);
    char digits[200];
    memset(digits, '1', sizeof digits);
    assert_int_equal(parse(digits, sizeof digits, &json, &err), PN_LIMIT);

    struct pn_buf out;
    pn_buf_init(&out, 4);
    assert_int_equal(parse("[1,2,3]", 7, &json, &err), PN_OK);
    assert_int_equal(pn_json_print(json, &out, &err), PN_LIMIT);
    pn_buf_release(&out);

    struct pn_arena *small = pn_arena_new(256);
    pn_json_use_arena(small);
    assert_int_equal(parse("[1,2,3,4,5,6,7,8]", 17, &json, &err), PN_MEMORY);
    pn_json_use_arena(*state);
    pn_arena_free(small);
}

static void gives_back_heap_memory(void **state)
{
    // LeakSanitizer watches this one.
    static const char *const texts[] = {"{\"a\":[1,2.50,\"x\\n\"],\"b\":{\"c\":null}}",
                                        "{\"a\":[1,{\"b\":", "{\"a\":1,\"a\":2}", "[\"x\\q\"]",
                                        "[1] 2"};
    pn_json_use_arena(NULL);
    for (size_t i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        cJSON *json = NULL;
        struct pn_err err;
        if (parse(texts[i], strlen(texts[i]), &json, &err) == PN_OK) {
            assert_true(pn_json_set_text(json, "a", pn_slice_str("new")));
            cJSON_Delete(json);
        }
    }
    pn_json_use_arena(*state);
}

static void reads_and_sets_texts(void **state)
{
    (void)state;
    cJSON *json = NULL;
    struct pn_err err;
    assert_int_equal(parse("{\"a\":\"x\",\"b\":1}", 15, &json, &err), PN_OK);
    assert_true(pn_slice_is(pn_json_text(json, "a"), "x"));
    assert_int_equal(pn_json_text(json, "b").len, 0);
    assert_int_equal(pn_json_text(json, "c").len, 0);
    assert_int_equal(pn_json_text(NULL, "c").len, 0);
    assert_true(pn_json_set_text(json, "a", pn_slice_of("yyz", 2)));
    assert_true(pn_json_set_text(json, "c", pn_slice_str("new")));
    assert_true(pn_slice_is(pn_json_text(json, "a"), "yy"));
    assert_true(pn_slice_is(pn_json_text(json, "c"), "new"));
    assert_int_equal(cJSON_GetArraySize(json), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_it_reads),
        cmocka_unit_test(keeps_numbers_exact),
        cmocka_unit_test(prints_numbers_that_code_made),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(names_the_byte_that_is_wrong),
        cmocka_unit_test(finds_a_member_twice_in_a_large_object),
        cmocka_unit_test(stops_at_its_bounds),
        cmocka_unit_test(gives_back_heap_memory),
        cmocka_unit_test(reads_and_sets_texts),
    };
    return cmocka_run_group_tests(tests, use_fresh_arena, drop_arena);
}
