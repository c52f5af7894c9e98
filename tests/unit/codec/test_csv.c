// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/csv.h"
#include "tests/unit/arena_fixture.h"

static const struct pn_node *read_good(const char *text, char separator, const char *charset)
{
    struct pn_codec_input input = {pn_slice_str(text), charset};
    const struct pn_csv_options options = {.separator = separator};
    const struct pn_node *root = NULL;
    if (pn_csv_read(arena, &input, &options, &root, &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return root;
}

static void refuses(const char *text, const char *where)
{
    struct pn_codec_input input = {pn_slice_str(text), NULL};
    const struct pn_node *root = NULL;
    assert_int_equal(pn_csv_read(arena, &input, NULL, &root, &err), PN_INVALID);
    assert_string_equal(err.where, where);
    assert_null(root);
}

static void has(const struct pn_node *row, const char *column, const char *expected)
{
    struct pn_slice found = pn_node_text(row, column);
    if (!pn_slice_is(found, expected)) {
        fail_msg("%s is [%.*s], not [%s]", column, PN_SLICE_FMT(found), expected);
    }
}

static void reads_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        char separator;
    } same[] = {
        {"id;name;note\n1;Malli, Matti;\"a;\"\"b\"\"\nc\"\n2;;\n\n3;x\n", 0},
        {"id,name,note\r\n1,\"Malli, Matti\",\"a;\"\"b\"\"\nc\"\r\n2,,\r\n\r\n3,x", ','},
        {"\xEF\xBB\xBFid\tname\tnote\r1\tMalli, Matti\t\"a;\"\"b\"\"\nc\"\r2\t\t\t\r\r3\tx\r", 0},
        {" id | name |note\n1| Malli, Matti |\"a;\"\"b\"\"\nc\"\n2| | \n\n3|x\n", 0},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(same); i++) {
        const struct pn_node *root = read_good(same[i].text, same[i].separator, NULL);
        const struct pn_node *row = pn_node_child(root, pn_slice_str("row"));
        has(row, "id", "1");
        has(row, "name", "Malli, Matti");
        has(row, "note", "a;\"b\"\nc");
        row = pn_node_next_same(row);
        has(row, "id", "2");
        assert_null(pn_node_child(row, pn_slice_str("name")));
        row = pn_node_next_same(row);
        has(row, "id", "3");
        has(row, "name", "x");
        assert_null(pn_node_next_same(row));
    }
    assert_null(read_good("a;b\n", 0, NULL)->first_child);
    assert_int_equal(read_good("a\n\"x\ny\"\nz\n", 0, NULL)->first_child->next->place, 4);
    has(read_good("a;b\n5\" pipe;x\n", 0, NULL)->first_child, "a", "5\" pipe");
}

static void reads_charsets(void **state)
{
    (void)state;
    has(read_good("n;m\n\xC4iti;x\n", 0, "ISO-8859-1")->first_child, "n", "Äiti");
    has(read_good("n;m\n\x80;x\n", 0, "UTF-8,windows-1252")->first_child, "n", "€");
    has(read_good("nä;m\nÄiti;x\n", 0, NULL)->first_child, "nä", "Äiti");
}

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    refuses("", "line 1");
    refuses(" \n\n", "line 1");
    refuses("a;b\n1;2;3\n", "line 2 column 3");
    refuses("a;b\n\n1;\"2\n", "line 3 column 2");
    refuses("a;b\n\"1\"x;2\n", "line 2 column 1");
    refuses("a;a\n", "line 1 column 2");
    refuses("a;;b\n", "line 1 column 2");
    struct pn_buf wide;
    pn_buf_init(&wide, 64 * 1024);
    for (int i = 0; i <= PN_CSV_COLUMNS_MAX; i++) {
        pn_buf_printf(&wide, "c%d;", i);
    }
    pn_buf_add_str(&wide, "x\n");
    refuses(wide.data, "line 1 column 513");
    pn_buf_release(&wide);
}

static void is_bounded(void **state)
{
    (void)state;
    struct pn_buf big;
    pn_buf_init(&big, PN_MESSAGE_BYTES_MAX);
    pn_buf_add_str(&big, "a\n");
    for (int i = 0; i < PN_TREE_NODES_MAX / 2 + 1; i++) {
        pn_buf_add_str(&big, "1\n");
    }
    struct pn_codec_input input = {pn_buf_slice(&big), NULL};
    const struct pn_node *root = NULL;
    assert_int_equal(pn_csv_read(arena, &input, NULL, &root, &err), PN_LIMIT);
    pn_buf_release(&big);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    struct pn_slice names[] = {pn_slice_str("a"), pn_slice_str("b"), pn_slice_str("c"),
                               pn_slice_str("d")};
    struct pn_slice values[] = {pn_slice_str("x;y"), pn_slice_str("\"q\""), pn_slice_str("l1\nl2"),
                                pn_slice_str(" s ")};
    pn_csv_write_row(&out, ';', names, 4);
    pn_csv_write_row(&out, ';', values, 4);
    assert_string_equal(out.data, "a;b;c;d\r\n\"x;y\";\"\"\"q\"\"\";\"l1\nl2\";\" s \"\r\n");
    const struct pn_node *row = read_good(out.data, ';', NULL)->first_child;
    for (size_t i = 0; i < 4; i++) {
        assert_true(pn_slice_eq(pn_node_child(row, names[i])->value, values[i]));
    }
    pn_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_rows),
        cmocka_unit_test(reads_charsets),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
