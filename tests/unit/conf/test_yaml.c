// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/yaml.h"

static struct pn_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = pn_arena_new(64 * 1024 * 1024);
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    pn_arena_free(arena);
    return 0;
}

static const struct pn_yaml *parse(const char *text)
{
    const struct pn_yaml *root = NULL;
    struct pn_err err = {0};
    enum pn_code code = pn_yaml_parse(arena, "t.yaml", pn_slice_str(text), &root, &err);
    if (code != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return root;
}

static void reads_maps_lists_and_scalars(void **state)
{
    (void)state;
    const struct pn_yaml *root = parse("# first\n"
                                       "name: oberon\n"
                                       "rows:\n"
                                       "  - {a: 1, b: 'two words'}\n"
                                       "  - a: \"3\"\n"
                                       "empty:\n");
    assert_int_equal(root->kind, PN_YAML_MAP);
    assert_int_equal(root->child_count, 3);
    assert_true(pn_slice_is(pn_yaml_text(pn_yaml_get(root, "name"), "-"), "oberon"));
    assert_int_equal(pn_yaml_get(root, "name")->line, 2);
    const struct pn_yaml *rows = pn_yaml_get(root, "rows");
    assert_int_equal(rows->kind, PN_YAML_LIST);
    assert_int_equal(rows->line, 3);
    const struct pn_yaml *first = rows->first_child;
    assert_true(pn_slice_is(pn_yaml_text(pn_yaml_get(first, "b"), "-"), "two words"));
    assert_true(pn_yaml_get(first, "b")->is_quoted);
    assert_false(pn_yaml_get(first, "a")->is_quoted);
    assert_int_equal(pn_yaml_get(first->next, "a")->line, 5);
    assert_true(pn_slice_is(pn_yaml_text(pn_yaml_get(root, "empty"), "-"), ""));
    assert_null(pn_yaml_get(root, "absent"));
    assert_null(pn_yaml_get(NULL, "absent"));
    assert_true(pn_slice_is(pn_yaml_text(rows, "-"), "-"));
}

static void an_empty_document_is_an_empty_map(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n"};
    for (size_t i = 0; i < 3; i++) {
        const struct pn_yaml *root = parse(texts[i]);
        assert_int_equal(root->kind, PN_YAML_MAP);
        assert_int_equal(root->child_count, 0);
    }
}

static void refuses_with_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *where;
        const char *says;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3", "twice"},   {"a: &x 1\n", "t.yaml:1", "anchors"},
        {"a: 1\nb: *x\n", "t.yaml:2", "aliases"},      {"a: !!str 1\n", "t.yaml:1", "tags"},
        {"a: 1\n---\nb: 2\n", "t.yaml:2", "document"}, {"a: 1\n\tb: 2\n", "t.yaml:2", ""},
        {"a: [1, 2\nb: 3\n", "t.yaml:2", ""},          {"? [1, 2]\n: 3\n", "t.yaml:1", "key"},
        {"a: \"\\0\"\n", "t.yaml:1", "NUL"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        const struct pn_yaml *root = NULL;
        struct pn_err err = {0};
        assert_int_equal(pn_yaml_parse(arena, "t.yaml", pn_slice_str(cases[i].text), &root, &err),
                         PN_INVALID);
        assert_null(root);
        assert_string_equal(err.where, cases[i].where);
        assert_non_null(strstr(err.text, cases[i].says));
    }
}

static void bounds_the_depth(void **state)
{
    (void)state;
    char text[200] = {0};
    memset(text, '[', PN_YAML_DEPTH_MAX + 1);
    memset(text + PN_YAML_DEPTH_MAX + 1, ']', PN_YAML_DEPTH_MAX + 1);
    const struct pn_yaml *root = NULL;
    struct pn_err err = {0};
    assert_int_equal(pn_yaml_parse(arena, "t.yaml", pn_slice_str(text), &root, &err), PN_INVALID);
    assert_non_null(strstr(err.text, "deep"));
    assert_non_null(parse("[[[[[[[[]]]]]]]]"));
}

static void bounds_the_bytes_and_the_arena(void **state)
{
    (void)state;
    char *text = calloc(1, PN_YAML_BYTES_MAX + 2);
    memset(text, '#', PN_YAML_BYTES_MAX + 1);
    const struct pn_yaml *root = NULL;
    struct pn_err err = {0};
    struct pn_slice all = pn_slice_of(text, PN_YAML_BYTES_MAX + 1);
    assert_int_equal(pn_yaml_parse(arena, "t.yaml", all, &root, &err), PN_LIMIT);
    struct pn_arena *small = pn_arena_new(64);
    assert_int_equal(pn_yaml_parse(small, "t.yaml", pn_slice_str("a: b"), &root, &err), PN_LIMIT);
    pn_arena_free(small);
    free(text);
}

static void a_fault_names_file_line_and_path(void **state)
{
    (void)state;
    const struct pn_yaml *root = parse("rows:\n  - a: 1\n  - a: 2\n    table: x\n");
    const struct pn_yaml *row = pn_yaml_get(root, "rows")->first_child->next;
    struct pn_err err = {0};
    assert_int_equal(
        pn_yaml_fault(&err, "m.yaml", pn_yaml_get(row, "table"), "no table of that %s", "name"),
        PN_INVALID);
    assert_string_equal(err.where, "m.yaml:4 rows[1].table");
    assert_string_equal(err.text, "no table of that name");
    pn_yaml_fault(&err, "m.yaml", NULL, "empty");
    assert_string_equal(err.where, "m.yaml");
}

static void says_what_to_do_about_what_is_no_yaml(void **state)
{
    (void)state;
    const struct pn_yaml *root = NULL;
    struct pn_err err = {0};
    struct pn_slice latin = pn_slice_str("a: 1\nb: 2\nc: \"p\xe4iv\xe4\"\n");
    assert_int_equal(pn_yaml_parse(arena, "t.yaml", latin, &root, &err), PN_INVALID);
    assert_string_equal(err.where, "t.yaml:3");
    assert_non_null(strstr(err.text, "save the file as UTF-8"));
    struct pn_slice crooked = pn_slice_str("a:\n  - b: 1\n   c: 2\n");
    assert_int_equal(pn_yaml_parse(arena, "t.yaml", crooked, &root, &err), PN_INVALID);
    assert_string_equal(err.where, "t.yaml:3");
    assert_non_null(strstr(err.text, "indentation"));
}

static void tells_text_from_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {"a",     "T10",    "1.2.246.10", ".",      "1a",
                                        "0x",    "e5",     "1e",         "+",      "trueish",
                                        "\"7\"", "'true'", "\"\"",       "A04-A05"};
    static const char *const others[] = {
        "7",    "-7", "+1.5", "1.",    ".5",   "1e5",   "1.5e-3", "0x1F", "0o7",     "~",
        "null", "",   "True", "FALSE", ".inf", "-.Inf", ".NaN",   "[a]",  "{ a: 1 }"};
    char text[32];
    for (size_t i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        (void)snprintf(text, sizeof text, "a: %s", texts[i]);
        assert_true(pn_yaml_is_text(pn_yaml_get(parse(text), "a")));
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(others); i++) {
        (void)snprintf(text, sizeof text, "a: %s", others[i]);
        assert_false(pn_yaml_is_text(pn_yaml_get(parse(text), "a")));
    }
}

static void reads_files(void **state)
{
    (void)state;
    const struct pn_yaml *root = NULL;
    struct pn_err err = {0};
    assert_int_equal(pn_yaml_read_file(arena, "tests/absent.yaml", &root, &err), PN_NOT_FOUND);
    assert_string_equal(err.where, "tests/absent.yaml");
    assert_int_equal(pn_yaml_read_file(arena, "tests", &root, &err), PN_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_maps_lists_and_scalars),
        cmocka_unit_test(an_empty_document_is_an_empty_map),
        cmocka_unit_test(refuses_with_the_line),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(bounds_the_bytes_and_the_arena),
        cmocka_unit_test(a_fault_names_file_line_and_path),
        cmocka_unit_test(says_what_to_do_about_what_is_no_yaml),
        cmocka_unit_test(tells_text_from_numbers),
        cmocka_unit_test(reads_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
