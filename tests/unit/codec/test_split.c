// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/csv.h"
#include "codec/split.h"
#include "codec/xml.h"

static struct pn_arena *arena;
static struct pn_err err;

static int set_up(void **state)
{
    (void)state;
    arena = pn_arena_new((size_t)4 * PN_MESSAGE_ARENA_BYTES_MAX);
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    pn_arena_free(arena);
    return 0;
}

static const char *const columns[] = {"nro", "nimi"};
static const struct pn_split_options csv = {.format = PN_FORMAT_CSV,
                                            .charset_default = "UTF-8,windows-1252",
                                            .columns = columns,
                                            .column_count = 2};
static const char *const common[] = {"Lahettaja"};
static const struct pn_split_options xml = {.format = PN_FORMAT_XML,
                                            .charset_default = "UTF-8,windows-1252",
                                            .root = "Aineisto",
                                            .common = common,
                                            .common_count = 1};

static struct pn_split *open_good(const struct pn_split_options *options, struct pn_slice bytes)
{
    struct pn_split *split = NULL;
    if (pn_split_open(options, bytes, &split, &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return split;
}

// Every record's text under `name`, and its line: "12=Äiti 13! …"; ! for one that cannot be read.
static const char *records(const struct pn_split_options *options, struct pn_slice bytes,
                           const char *name)
{
    static struct pn_buf seen;
    pn_buf_init(&seen, 64 * 1024);
    struct pn_split *split = open_good(options, bytes);
    struct pn_split_record record;
    bool has = true;
    while (pn_split_next(split, &record, &has, &err) == PN_OK && has) {
        struct pn_codec_input input = {.bytes = record.bytes, .charset_default = "UTF-8"};
        const struct pn_csv_options plain = {.has_plain_names = true,
                                             .first_row_line = record.line};
        const struct pn_node *root = NULL;
        bool is_csv = options->format == PN_FORMAT_CSV;
        enum pn_code code = is_csv ? pn_csv_read(arena, &input, &plain, &root, &err)
                                   : pn_xml_read(arena, &input, &root, &err);
        if (code != PN_OK) {
            pn_buf_printf(&seen, "%u! ", record.line);
            continue;
        }
        const struct pn_node *at = is_csv ? root->first_child : root;
        while (!is_csv && at != NULL && pn_node_child(at, pn_slice_str(name)) == NULL) {
            at = at->first_child == NULL ? at->next : at->first_child;
        }
        pn_buf_printf(&seen, "%u=%.*s ", record.line, PN_SLICE_FMT(pn_node_text(at, name)));
    }
    assert_false(has);
    pn_split_close(split);
    const char *copy = pn_arena_copy(arena, pn_buf_slice(&seen));
    pn_buf_release(&seen);
    return copy;
}

static void takes_rows_apart(void **state)
{
    (void)state;
    static const char *const same[] = {
        "Nro;Nimi;Lisä\n1;Äiti;x\n2;\"Isä;\n\"\"Ukki\"\"\";\n\n;;;\n3;Täti\n",
        "\xEF\xBB\xBFNRO, nimi "
        ",lis\xC3\xA4,,\r\n1,\xC3\x84iti,x,,\r\n2,\"Is\xC3\xA4;\n\"\"Ukki\"\"\","
        "\r\n\r\n,,,\r\n3,T\xC3\xA4ti",
        "nro\tNIMI\tLisatieto\n1\t\xC4iti\tx\n2\t\"Is\xE4;\n\"\"Ukki\"\"\"\t\n\n\t\t\n3\tT\xE4ti",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(same); i++) {
        assert_string_equal(records(&csv, pn_slice_str(same[i]), "nimi"),
                            "2=Äiti 3=Isä;\n\"Ukki\" 7=Täti ");
    }
    assert_string_equal(records(&csv, pn_slice_str("\n\nnro;nimi\n"), "nimi"), "");
    static const char wide[] = "\xFF\xFEn\0r\0o\0;\0n\0i\0m\0i\0\n\0"
                               "1\0;\0\xC4\0i\0";
    assert_string_equal(records(&csv, pn_slice_of(wide, sizeof wide - 1), "nimi"), "2=Äi ");
}

// One bad row takes no other along, whatever is wrong with its quotes.
static void a_bad_row_is_alone(void **state)
{
    (void)state;
    assert_string_equal(
        records(&csv, pn_slice_str("nro;nimi\n1;a\n2;\"b\n3;c\n4;\"d\"\n5;e;f;g\n6;h\n"), "nimi"),
        "2=a 3! 4=c 5=d 6! 7=h ");
    assert_string_equal(records(&csv, pn_slice_str("nro;nimi\n1;\"a\"x\n2;b\n3;\"c"), "nimi"),
                        "2! 3=b 4! ");
}

static void names_the_line_of_a_fault(void **state)
{
    (void)state;
    struct pn_split_record record;
    bool has = false;
    struct pn_split *split = open_good(&csv, pn_slice_str("nro;nimi\n1;a\n\n2;b;c\n"));
    assert_int_equal(pn_split_next(split, &record, &has, &err), PN_OK);
    assert_int_equal(pn_split_next(split, &record, &has, &err), PN_OK);
    struct pn_codec_input input = {.bytes = record.bytes};
    const struct pn_csv_options options = {.first_row_line = record.line};
    const struct pn_node *root = NULL;
    assert_int_equal(pn_csv_read(arena, &input, &options, &root, &err), PN_INVALID);
    assert_string_equal(err.where, "line 4 column 3");
    pn_split_close(split);
}

static void takes_elements_apart(void **state)
{
    (void)state;
    static const char *const same[] = {
        "<Aineisto xmlns=\"urn:a\" versio=\"1\"><Lahettaja>L&amp;M</Lahettaja>\n"
        "<Rivi><nimi>Äiti</nimi></Rivi>\n<Rivi>\n <nimi><![CDATA[<Isä>]]></nimi></Rivi><Muu/>"
        "<Rivi><nimi>Täti</nimi></Rivi></Aineisto>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Aineisto><Lahettaja>L</Lahettaja>\n"
        "<Rivi><nimi>\xC4iti</nimi></Rivi>\n<Rivi>\n <nimi>&lt;Is\xE4></nimi></Rivi><Muu/>"
        "<Rivi><nimi>T\xE4ti</nimi></Rivi></Aineisto>",
        "<Aineisto><Lahettaja>L</Lahettaja>\n<Rivi><nimi>\xC4iti</nimi></Rivi>\n"
        "<Rivi>\n <nimi>&lt;Is\xE4></nimi></Rivi><Muu/><!-- <Rivi/> -->"
        "<Rivi><nimi>T\xE4ti</nimi></Rivi></Aineisto>",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(same); i++) {
        assert_string_equal(records(&xml, pn_slice_str(same[i]), "nimi"),
                            "2=Äiti 3=<Isä> 4= 4=Täti ");
    }
    assert_string_equal(
        records(&xml, pn_slice_str("<Aineisto><Lahettaja/><Lahettaja/></Aineisto>"), "nimi"), "");
    struct pn_split *split = open_good(&xml, pn_slice_str(same[0]));
    struct pn_split_record record;
    bool has = false;
    assert_int_equal(pn_split_next(split, &record, &has, &err), PN_OK);
    assert_non_null(memmem(record.bytes.ptr, record.bytes.len, ">L&amp;M</Lahettaja>", 20));
    assert_non_null(memmem(record.bytes.ptr, record.bytes.len, "versio=\"1\"", 10));
    pn_split_close(split);
}

static void refuses(const struct pn_split_options *options, const char *text, const char *where)
{
    struct pn_split *split = NULL;
    assert_int_not_equal(pn_split_open(options, pn_slice_str(text), &split, &err), PN_OK);
    assert_string_equal(err.where, where);
    assert_null(split);
}

static void refuses_a_file_as_a_whole(void **state)
{
    (void)state;
    refuses(&csv, "", "line 1");
    refuses(&csv, "\n \n", "line 1");
    refuses(&csv, "1;Matti\n2;Maija\n", "line 1"); // no header: the data names no columns
    assert_string_equal(err.text, "the header row has no column nro");
    refuses(&csv, "nro;nro\n", "line 1 column 2");
    refuses(&xml, "<Aineisto><Rivi/>", "line 1");
    refuses(&xml, "<Aineisto>\n<Rivi>\n</Aineisto>", "line 3");
    refuses(&xml, "<Muu><Rivi/></Muu>", "file");
    refuses(&xml, "<!DOCTYPE Aineisto [<!ENTITY a \"b\">]><Aineisto><R>&a;</R></Aineisto>", "file");
    refuses(&xml, "", "line 1");
}

// A hundred thousand rows: what is held does not grow with them.
static void is_bounded(void **state)
{
    (void)state;
    enum { ROWS = 100 * 1000 };
    struct pn_buf big;
    pn_buf_init(&big, PN_FILE_BYTES_MAX);
    pn_buf_add_str(&big, "nro;nimi\n");
    for (int i = 0; i < ROWS; i++) {
        pn_buf_printf(&big, "%d;\xC4iti\n", i);
    }
    struct pn_split *split = open_good(&csv, pn_buf_slice(&big));
    struct pn_split_record record;
    bool has = true;
    unsigned count = 0;
    while (has) {
        assert_int_equal(pn_split_next(split, &record, &has, &err), PN_OK);
        count += has;
        assert_true(!has || record.bytes.len < 64);
    }
    assert_int_equal(count, ROWS);
    assert_int_equal(record.line, ROWS + 1);
    pn_split_close(split);
    pn_buf_release(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_rows_apart),          cmocka_unit_test(a_bad_row_is_alone),
        cmocka_unit_test(names_the_line_of_a_fault), cmocka_unit_test(takes_elements_apart),
        cmocka_unit_test(refuses_a_file_as_a_whole), cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
