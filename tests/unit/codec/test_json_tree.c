// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "codec/json_tree.h"
#include "tests/unit/arena_fixture.h"

static enum pn_code read_bytes(struct pn_slice bytes, const struct pn_node **ret_root)
{
    struct pn_codec_input input = {bytes, NULL};
    return pn_json_tree_read(arena, &input, ret_root, &err);
}

static const struct pn_node *read_good(const char *text)
{
    const struct pn_node *root = NULL;
    if (read_bytes(pn_slice_str(text), &root) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return root;
}

static void is_text(struct pn_slice found, const char *expected)
{
    if (!pn_slice_is(found, expected)) {
        fail_msg("[%.*s] is not [%s]", PN_SLICE_FMT(found), expected);
    }
}

static void makes_a_tree(void **state)
{
    (void)state;
    const struct pn_node *root = read_good(
        " {\"a\": 1.50, \"b\" : [true, \"x\", {\"c\": null}], \"d\": {\"e\": \"\"},\n"
        "\"f\": [], \"g\": {}, \"h\": [[1, 2], [3]], \"i\":\"\\u00e4\\ud83d\\ude00\\n\\\"\"} ");
    is_text(pn_node_text(root, "a"), "1.50");
    assert_int_equal(root->first_child->kind, PN_NODE_NUMBER);
    const struct pn_node *b = pn_node_child(root, pn_slice_str("b"));
    is_text(b->value, "true");
    assert_int_equal(b->kind, PN_NODE_BOOLEAN);
    b = pn_node_next_same(b);
    is_text(b->value, "x");
    b = pn_node_next_same(b);
    assert_true(pn_node_child(b, pn_slice_str("c"))->is_null);
    assert_null(pn_node_next_same(b));
    const struct pn_node *e =
        pn_node_child(pn_node_child(root, pn_slice_str("d")), pn_slice_str("e"));
    assert_int_equal(e->kind, PN_NODE_TEXT);
    assert_int_equal(e->value.len, 0);
    assert_null(pn_node_child(root, pn_slice_str("f")));
    assert_non_null(pn_node_child(root, pn_slice_str("g")));
    const struct pn_node *h = pn_node_child(root, pn_slice_str("h"));
    is_text(pn_node_child(h, pn_slice_str("item"))->next->value, "2");
    is_text(pn_node_text(pn_node_next_same(h), "item"), "3");
    is_text(pn_node_text(root, "i"), "ä😀\n\"");
    is_text(pn_node_next_same(pn_node_child(read_good("[1,2]"), pn_slice_str("item")))->value, "2");
    is_text(read_good("\xEF\xBB\xBF\"x\"")->value, "x");
    is_text(read_good("-0.1e+10")->value, "-0.1e+10");
}

static void is_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":}",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "nul",
        "truE",
        "\"a",
        "\"a\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "1 2",
        "{}x",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "'a'",
        "{\"a\":1,\"a\":2}",
        "{\"a\":[1],\"a\":2}",
        "\"\xE4\"",
        "]",
        "NaN",
        "// c\n1",
        "{,}",
        "[,1]",
        "{\"a\":1]",
        "[1}",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        const struct pn_node *root = NULL;
        if (read_bytes(pn_slice_str(wrong[i]), &root) != PN_INVALID || root != NULL) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    const struct pn_node *root = NULL;
    assert_int_equal(read_bytes(pn_slice_of("1\0", 2), &root), PN_INVALID);
}

static void tells_the_place(void **state)
{
    (void)state;
    const struct pn_node *root = NULL;
    assert_int_equal(read_bytes(pn_slice_str("{\"a\":{\"b\":[1,{\"c\":x}]}}"), &root), PN_INVALID);
    assert_string_equal(err.where, "a.b.c");
    assert_int_equal(read_bytes(pn_slice_str("{\"a\":{\"b\":1},x}"), &root), PN_INVALID);
    assert_string_equal(err.where, "");
    assert_int_equal(read_bytes(pn_slice_str("{\"010185-901E\":x}"), &root), PN_INVALID);
    assert_string_equal(err.where, "?");
}

static enum pn_code read_many(const char *open, size_t count, const char *close)
{
    struct pn_buf big;
    pn_buf_init(&big, PN_MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        pn_buf_add_str(&big, open);
    }
    for (size_t i = 0; i < count; i++) {
        pn_buf_add_str(&big, close);
    }
    const struct pn_node *root = NULL;
    enum pn_code code = read_bytes(pn_buf_slice(&big), &root);
    pn_buf_release(&big);
    return code;
}

static void is_bounded(void **state)
{
    (void)state;
    assert_int_equal(read_many("[", PN_TREE_DEPTH_MAX, "]"), PN_OK);
    assert_int_equal(read_many("[", PN_TREE_DEPTH_MAX + 1, "]"), PN_INVALID);
    assert_int_equal(read_many("[", 1000000, "]"), PN_INVALID);
    struct pn_buf big;
    pn_buf_init(&big, PN_MESSAGE_BYTES_MAX);
    pn_buf_add_str(&big, "{\"a\":1");
    for (int i = 0; i < PN_JSON_MEMBERS_MAX; i++) {
        pn_buf_printf(&big, ",\"m%d\":1", i);
    }
    pn_buf_add_char(&big, '}');
    const struct pn_node *root = NULL;
    assert_int_equal(read_bytes(pn_buf_slice(&big), &root), PN_INVALID);
    pn_buf_clear(&big);
    pn_buf_add_str(&big, "[0");
    for (int i = 0; i < PN_TREE_NODES_MAX; i++) {
        pn_buf_add_str(&big, ",1");
    }
    pn_buf_add_char(&big, ']');
    assert_int_equal(read_bytes(pn_buf_slice(&big), &root), PN_LIMIT);
    pn_buf_release(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_tree),
        cmocka_unit_test(is_strict),
        cmocka_unit_test(tells_the_place),
        cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
