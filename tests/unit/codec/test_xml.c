// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "codec/xml.h"
#include "tests/unit/arena_fixture.h"

static enum pn_code read_text(const char *text, const char *charset,
                              const struct pn_node **ret_root)
{
    struct pn_codec_input input = {pn_slice_str(text), charset};
    return pn_xml_read(arena, &input, ret_root, &err);
}

static const struct pn_node *read_good(const char *text)
{
    const struct pn_node *root = NULL;
    if (read_text(text, NULL, &root) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return root;
}

static void refuses(const char *text, enum pn_code code, const char *where)
{
    const struct pn_node *root = NULL;
    assert_int_equal(read_text(text, NULL, &root), code);
    assert_string_equal(err.where, where);
    assert_null(root);
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
        "<?xml version=\"1.0\"?>\n<!-- x --><ClinicalDocument xmlns='urn:hl7-org:v3' "
        "xmlns:f='urn:hl7finland'>\n"
        "  <id root='1.2' extension=\"a &amp; b\"/><id root='1.3'/>\n"
        "  <f:localHeader f:code='3'><f:a/> tail</f:localHeader>\n"
        "  <text> one <b>two</b> three<![CDATA[ <4> ]]>&lt;&#228;</text></ClinicalDocument>\n");
    is_text(root->name, "ClinicalDocument");
    const struct pn_node *id = pn_node_child(root, pn_slice_str("id"));
    is_text(pn_node_text(id, "@root"), "1.2");
    is_text(pn_node_text(id, "@extension"), "a & b");
    is_text(id->value, "");
    assert_int_equal(id->place, 3);
    is_text(pn_node_text(pn_node_next_same(id), "@root"), "1.3");
    assert_null(pn_node_next_same(pn_node_next_same(id)));
    const struct pn_node *header = pn_node_child(root, pn_slice_str("localHeader"));
    is_text(pn_node_text(header, "@code"), "3");
    is_text(header->value, "tail");
    is_text(pn_node_text(root, "text"), "one two three <4> <ä");
    is_text(pn_node_text(pn_node_child(root, pn_slice_str("text")), "b"), "two");
    assert_ptr_equal(header->parent, root);
    assert_null(pn_node_child(root, pn_slice_str("@xmlns")));
}

static void reads_encodings(void **state)
{
    (void)state;
    const struct pn_node *root =
        read_good("<?xml version='1.0' encoding='ISO-8859-15'?><a b='\xE4'>\xA4</a>");
    is_text(root->value, "€");
    is_text(pn_node_text(root, "@b"), "ä");
    assert_int_equal(read_text("<a>\xE4</a>", "UTF-8,ISO-8859-1", &root), PN_OK);
    is_text(root->value, "ä");
    is_text(read_good("\xEF\xBB\xBF<a>ä</a>")->value, "ä");
    refuses("<?xml version='1.0' encoding='UTF-8'?><a>\xE4</a>", PN_INVALID, "line 1");
    static const char wide[] = "\xFF\xFE<\0a\0>\0x\0<\0/\0a\0>\0";
    struct pn_codec_input input = {pn_slice_of(wide, sizeof wide - 1), NULL};
    assert_int_equal(pn_xml_read(arena, &input, &root, &err), PN_OK);
    is_text(root->value, "x");
}

static void takes_no_entities_of_the_document(void **state)
{
    (void)state;
    refuses("<!DOCTYPE a [\n<!ENTITY b 'c'>\n]>\n<a>&b;</a>", PN_INVALID, "line 2");
    refuses("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", PN_INVALID,
            "line 1");
    refuses("<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><a/>", PN_INVALID,
            "line 1");
    refuses("<a>&b;</a>", PN_INVALID, "line 1");
    is_text(read_good("<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.1//EN' "
                      "'http://127.0.0.1:1/xhtml11.dtd'><html>a&nbsp;&auml;</html>")
                ->value,
            "a\u00A0ä");
}

static void refuses_what_is_not_well_formed(void **state)
{
    (void)state;
    refuses("", PN_INVALID, "line 1");
    refuses("   ", PN_INVALID, "line 1");
    refuses("MSH|^~\\&", PN_INVALID, "line 1");
    refuses("<a>\n<b></a>", PN_INVALID, "line 2");
    refuses("<a/><b/>", PN_INVALID, "line 1");
    refuses("<a b='1' b='2'/>", PN_INVALID, "line 1");
    refuses("<a>&#1;</a>", PN_INVALID, "line 1");
    refuses("<a>\n\n<b x='<'/></a>", PN_INVALID, "line 3");
    refuses("<a>010185-901E", PN_INVALID, "line 1");
    assert_null(strstr(err.text, "010185"));
}

// libxml2 would print what it stumbled over: bytes of the document.
static void prints_nothing_of_the_document(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<?xml version='1.0' encoding='UTF-8'?><a>\xE4</a>",
        "<?xml version='1.0' encoding='EUC-JP'?><a>xx\x8F\xFF\xFF\xFFxx</a>",
        "<?xml version='1.0' encoding='Big5'?><a>\xFF\xFF\xFF\xFF</a>",
        "<?xml version='1.0' encoding='no-such'?><a/>",
        "<a><b></a>",
    };
    fflush(stderr);
    FILE *caught = tmpfile();
    assert_non_null(caught);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
    for (size_t i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        const struct pn_node *root = NULL;
        (void)!read_text(texts[i], NULL, &root);
    }
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    fseek(caught, 0, SEEK_END);
    long printed = ftell(caught);
    fclose(caught);
    assert_int_equal(printed, 0);
}

static enum pn_code read_nested(const char *open, const char *close, size_t count)
{
    struct pn_buf big;
    pn_buf_init(&big, PN_MESSAGE_BYTES_MAX);
    pn_buf_add_str(&big, "<r>");
    for (size_t i = 0; i < count; i++) {
        pn_buf_add_str(&big, open);
    }
    for (size_t i = 0; i < count; i++) {
        pn_buf_add_str(&big, close);
    }
    pn_buf_add_str(&big, "</r>");
    const struct pn_node *root = NULL;
    enum pn_code code = read_text(big.data, NULL, &root);
    pn_buf_release(&big);
    return code;
}

static void is_bounded(void **state)
{
    (void)state;
    assert_int_equal(read_nested("<a>", "</a>", PN_TREE_DEPTH_MAX - 1), PN_OK);
    assert_int_equal(read_nested("<a>", "</a>", PN_TREE_DEPTH_MAX), PN_LIMIT);
    assert_int_equal(read_nested("<a/>", "", PN_TREE_NODES_MAX - 1), PN_OK);
    assert_int_equal(read_nested("<a/>", "", PN_TREE_NODES_MAX), PN_LIMIT);
    struct pn_arena *small = pn_arena_new(64 * 1024);
    struct pn_codec_input input = {pn_slice_str("<a><b/></a>"), NULL};
    const struct pn_node *root = NULL;
    while (pn_arena_alloc(small, 16) != NULL) {
    }
    assert_int_equal(pn_xml_read(small, &input, &root, &err), PN_LIMIT);
    pn_arena_free(small);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    struct pn_xml_writer writer;
    pn_xml_begin(&writer, &out);
    pn_xml_open(&writer, "a");
    pn_xml_attribute(&writer, "b", pn_slice_str("<\"&'>\n\tä"));
    pn_xml_element(&writer, "c", pn_slice_str("x < y & z \x01\r\n€"));
    pn_xml_open(&writer, "d");
    pn_xml_close(&writer);
    pn_xml_close(&writer);
    assert_true(pn_buf_ok(&out));
    assert_string_equal(out.data, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                  "<a b=\"&lt;&quot;&amp;'&gt;&#10;&#9;ä\">"
                                  "<c>x &lt; y &amp; z \uFFFD&#13;\n€</c><d/></a>");
    const struct pn_node *root = read_good(out.data);
    is_text(pn_node_text(root, "@b"), "<\"&'>\n\tä");
    is_text(pn_node_text(root, "c"), "x < y & z \uFFFD\r\n€");
    pn_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_tree),
        cmocka_unit_test(reads_encodings),
        cmocka_unit_test(takes_no_entities_of_the_document),
        cmocka_unit_test(refuses_what_is_not_well_formed),
        cmocka_unit_test(prints_nothing_of_the_document),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
