// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "codec/hl7v2.h"
#include "tests/unit/arena_fixture.h"

static enum pn_code read_bytes(const char *bytes, size_t len, const char *charset,
                               struct pn_hl7v2 *ret_message)
{
    // An exact heap copy: a read past the end is found by the sanitizer.
    char *copy = pn_arena_alloc(arena, len);
    memcpy(copy, bytes, len);
    struct pn_codec_input input = {pn_slice_of(copy, len), charset};
    return pn_hl7v2_read(arena, &input, ret_message, &err);
}

static struct pn_hl7v2 read_good(const char *text)
{
    struct pn_hl7v2 message = {0};
    enum pn_code code = read_bytes(text, strlen(text), NULL, &message);
    if (code != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return message;
}

static void refuses(const char *text, enum pn_code code, const char *where)
{
    struct pn_hl7v2 message = {0};
    assert_int_equal(read_bytes(text, strlen(text), NULL, &message), code);
    assert_string_equal(err.where, where);
    assert_null(message.root);
}

static const struct pn_node *find(const struct pn_hl7v2 *message, const char *path)
{
    struct pn_hl7v2_path compiled;
    assert_int_equal(pn_hl7v2_path_compile(pn_slice_str(path), &compiled, &err), PN_OK);
    return pn_hl7v2_find(message->root, &compiled);
}

static void has(const struct pn_hl7v2 *message, const char *path, const char *expected)
{
    const struct pn_node *node = find(message, path);
    if (expected == NULL) {
        assert_null(node);
        return;
    }
    if (node == NULL || !pn_slice_is(node->value, expected)) {
        fail_msg("%s is [%.*s], not [%s]", path, node == NULL ? 4 : (int)node->value.len,
                 node == NULL ? "none" : node->value.ptr, expected);
    }
}

#define MSH "MSH|^~\\&|APP|FAC|HUB|PUNOS|20261121||ADT^A01^ADT_A01|c1|P|2.5"

static void finds_fields_components_and_repetitions(void **state)
{
    (void)state;
    struct pn_hl7v2 m = read_good(MSH "\rPID|1||a^^^HETU&1.2.246.21&ISO~b^2||Malli^Matti\r"
                                      "OBX|1|TX\rOBX|2|ST|||~x\r");
    has(&m, "MSH-1", "|");
    has(&m, "MSH-2", "^~\\&");
    has(&m, "MSH-3", "APP");
    has(&m, "MSH-9", "ADT");
    has(&m, "MSH-9.2", "A01");
    has(&m, "MSH-12.1.1", "2.5");
    has(&m, "PID-3", "a");
    has(&m, "PID-3.4", "HETU");
    has(&m, "PID-3.4.2", "1.2.246.21");
    has(&m, "PID-3[2]", "b");
    has(&m, "PID-3[2].2", "2");
    has(&m, "PID-3[3]", NULL);
    has(&m, "PID-2", NULL);
    has(&m, "PID-1.1.1", "1");
    has(&m, "PID-1.2", NULL);
    has(&m, "OBX[2]-2", "ST");
    has(&m, "OBX[2]-5[2]", "x");
    has(&m, "OBX[2]-5[1]", NULL);
    has(&m, "OBX[3]-1", NULL);
    has(&m, "ZZZ-1", NULL);
    assert_int_equal(find(&m, "OBX[2]")->place, 4);
    assert_true(pn_slice_is(m.header.control_id, "c1"));
    assert_true(pn_slice_is(m.header.trigger, "A01"));
}

static void an_empty_first_component_stays_empty(void **state)
{
    (void)state;
    struct pn_hl7v2 m = read_good(MSH "\rPID|||^^^X|^&s\r");
    has(&m, "PID-3", "");
    has(&m, "PID-3.1", NULL);
    has(&m, "PID-3.4", "X");
    has(&m, "PID-4.2", "");
    has(&m, "PID-4.2.2", "s");
}

static void nothing_and_blank_make_no_node(void **state)
{
    (void)state;
    struct pn_hl7v2 m = read_good(MSH "\rPID||  |^^ ^|&|~|\rPV1\r");
    assert_null(find(&m, "PID")->first_child);
    assert_non_null(find(&m, "PV1"));
}

static void tells_null_from_empty(void **state)
{
    (void)state;
    struct pn_hl7v2 m = read_good(MSH "\rPID|\"\"||\"\"^b|\"\r");
    assert_true(find(&m, "PID-1")->is_null);
    has(&m, "PID-1", "");
    has(&m, "PID-2", NULL);
    assert_true(find(&m, "PID-3.1")->is_null);
    assert_false(find(&m, "PID-3")->is_null);
    has(&m, "PID-4", "\"");
}

static void takes_odd_delimiters(void **state)
{
    (void)state;
    struct pn_hl7v2 m = read_good("MSH$%!*:$APP$FAC$HUB$$2026$$ADT%A04$7$P$2.3\r"
                                  "PID$$$1%2:3!x$a*F*b^|~\\&\r");
    has(&m, "MSH-2", "%!*:");
    has(&m, "MSH-9.2", "A04");
    has(&m, "PID-3.2.2", "3");
    has(&m, "PID-3[2]", "x");
    has(&m, "PID-4", "a$b^|~\\&");
    m = read_good("MSH|^|APP||||||ADT^A04|7|P|2.3\rPID|a~b&c\\F\\d^e\r");
    has(&m, "PID-1", "a~b&c\\F\\d");
    has(&m, "PID-1.2", "e");
    m = read_good("MSH|^~\\&#|APP||||||ADT^A04|7|P|2.7\rPID|a#b\r");
    has(&m, "PID-1", "a#b");
}

static void refuses_wrong_delimiters(void **state)
{
    (void)state;
    refuses("MSH|^^\\&|A\r", PN_INVALID, "MSH-2");
    refuses("MSH||A|B\r", PN_INVALID, "MSH-2");
    refuses("MSH|", PN_INVALID, "MSH-2");
    refuses("MSHA^~\\&A\r", PN_INVALID, "MSH-2");
    refuses("MSH|ab\"c|A\r", PN_INVALID, "MSH-2");
}

static void resolves_escapes(void **state)
{
    (void)state;
    struct pn_hl7v2 m =
        read_good(MSH "\rOBX|a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f|x\\X41424A\\y|l1\\.br\\l2\\.sp2\\l3|"
                      "\\H\\bold\\N\\ \\.in+4\\in|\\Zabc\\k|C:\\temp\\new|a\\|\\X4\\\\XZZ\\\\X00\\|"
                      "C:\\my files\\F\\|\\.sk3\\.|\\.br\\\\.br\\|\\P\\\r");
    has(&m, "OBX-1", "a|b^c&d~e\\f");
    has(&m, "OBX-2", "xABJy");
    has(&m, "OBX-3", "l1\nl2\n\nl3");
    has(&m, "OBX-4", "bold in");
    has(&m, "OBX-5", "\\Zabc\\k");
    has(&m, "OBX-6", "C:\\temp\\new");
    has(&m, "OBX-7", "a\\");
    has(&m, "OBX-8", "\\X4\\\\XZZ\\\\X00\\");
    has(&m, "OBX-9", "C:\\my files|");
    has(&m, "OBX-10", "   .");
    has(&m, "OBX-11", "\n\n");
    has(&m, "OBX-12", "#");
}

static void takes_every_segment_end(void **state)
{
    (void)state;
    static const char *const texts[] = {
        MSH "\rPID|1\rPV1|2",
        MSH "\nPID|1\nPV1|2\n",
        MSH "\r\nPID|1\r\nPV1|2\r\n",
        "\xEF\xBB\xBF" MSH "\rPID|1\rPV1|2\r",
        "\r\n " MSH "\rPID|1\r\r\nPV1|2\r\n\n",
        MSH "\rPID|1\nPV1|2\r",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        struct pn_hl7v2 m = read_good(texts[i]);
        has(&m, "MSH-12", "2.5");
        has(&m, "PID-1", "1");
        has(&m, "PV1-2", NULL);
        has(&m, "PV1-1", "2");
    }
    struct pn_hl7v2 m = read_good(MSH "\rOBX|1|line one\nline two\rPV1|2\r");
    has(&m, "OBX-2", "line one\nline two");
}

static void reads_charset(const char *charset_field, const char *charset_default, const char *bytes,
                          const char *expected)
{
    char text[256];
    int len = snprintf(text, sizeof text, MSH "||||||%s\rPID|%s\r", charset_field, bytes);
    struct pn_hl7v2 m = {0};
    assert_int_equal(read_bytes(text, (size_t)len, charset_default, &m), PN_OK);
    has(&m, "PID-1", expected);
    assert_true(pn_utf8_is_valid(find(&m, "PID-1")->value));
}

static void gives_utf8_whatever_comes(void **state)
{
    (void)state;
    reads_charset("8859/1", NULL, "\xC4iti", "Äiti");
    reads_charset("UNICODE UTF-8", "ISO-8859-1", "Äiti", "Äiti");
    reads_charset("UNICODE", "ISO-8859-1", "Äiti", "Äiti");
    reads_charset("8859/15", NULL, "\xA4", "€");
    reads_charset("", "ISO-8859-1", "\xC4iti", "Äiti");
    reads_charset("", "UTF-8", "\xC4iti", "Äiti");
    reads_charset("", NULL, "\xC4iti", "Äiti");
    reads_charset("", "UTF-8,ISO-8859-15", "\xA4", "€");
    reads_charset("", "UTF-8,ISO-8859-15", "€", "€");
    reads_charset("ASCII", "ISO-8859-1", "\xC4iti", "Äiti");
    reads_charset("ASCII~8859/1", "UTF-8", "\xC4iti", "Äiti");
    reads_charset("~UNICODE UTF-8", "ISO-8859-1", "Äiti", "Äiti");
    reads_charset("UNICODE UTF-8", NULL, "\xC4iti", "Äiti");
    reads_charset("KLINGON", NULL, "aiti", "aiti");
    reads_charset("UNICODE UTF-16", NULL, "aiti", "aiti");
    reads_charset("UNICODE UTF-16", NULL, "Äiti", "Äiti");
    reads_charset("8859/1", NULL, "\\XC4\\iti", "Äiti");
    reads_charset("UNICODE UTF-8", NULL, "\\XC384\\iti", "Äiti");
    reads_charset("UNICODE UTF-8", NULL, "\\XC4\\iti", "Äiti");
    refuses(MSH "||||||KLINGON\rPID|\xC4\r", PN_UNSUPPORTED, "MSH-18");
    struct pn_hl7v2 m = {0};
    static const char wrong[] = MSH "||||||UNICODE UTF-8\rPID|\xC4\r";
    assert_int_equal(read_bytes(wrong, sizeof wrong - 1, NULL, &m), PN_OK);
    assert_true(m.is_charset_wrong);
    assert_int_equal(m.charset, PN_CHARSET_LATIN1);
}

static void reads_utf16(void **state)
{
    (void)state;
    static const char text[] = MSH "\rPID|1\r";
    char wide[2 * sizeof text] = "\xFE\xFF";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        wide[2 * i + 3] = text[i];
    }
    struct pn_hl7v2 m = {0};
    assert_int_equal(read_bytes(wide, 2 * sizeof text, "UTF-8", &m), PN_OK);
    has(&m, "PID-1", "1");
}

static void refuses_what_is_no_message(void **state)
{
    (void)state;
    refuses("", PN_INVALID, "MSH");
    refuses("PID|1\r", PN_INVALID, "MSH");
    refuses("FHS|^~\\&|A\rBHS|^~\\&\rMSH|^~\\&|A\r", PN_UNSUPPORTED, "FHS");
    refuses("BHS|^~\\&\r", PN_UNSUPPORTED, "BHS");
    refuses(MSH "\rpid|1\r", PN_INVALID, "segment 2");
    refuses(MSH "\rPID^1\r", PN_INVALID, "segment 2");
    refuses(MSH "\rPID|1\r" MSH "\r", PN_INVALID, "segment 3");
    refuses(MSH "\rPID|1\r1X|2\r", PN_INVALID, "segment 3");
    static const char nul[] = MSH "\rPID|1\0\r";
    struct pn_hl7v2 m = {0};
    assert_int_equal(read_bytes(nul, sizeof nul - 1, NULL, &m), PN_INVALID);
}

// A message of one prefix and a text so many times.
static enum pn_code read_repeated(const char *prefix, const char *text, size_t count)
{
    struct pn_buf big;
    pn_buf_init(&big, PN_MESSAGE_BYTES_MAX);
    pn_buf_add_str(&big, prefix);
    for (size_t i = 0; i < count; i++) {
        pn_buf_add_str(&big, text);
    }
    struct pn_hl7v2 m = {0};
    enum pn_code code = read_bytes(big.data, big.len, NULL, &m);
    pn_buf_release(&big);
    return code;
}

static void is_bounded(void **state)
{
    (void)state;
    assert_int_equal(read_repeated(MSH "\r", "PV1\r", PN_HL7V2_SEGMENTS_MAX), PN_LIMIT);
    assert_int_equal(read_repeated(MSH "\rPV1|1\rPID", "|a", PN_HL7V2_FIELDS_MAX), PN_OK);
    assert_int_equal(read_repeated(MSH "\rPV1|1\rPID", "|a", 1000), PN_INVALID);
    assert_string_equal(err.where, "PID-1000");
    assert_int_equal(read_repeated(MSH "\rOBX|1\rOBX|1|a", "^a", 1000), PN_INVALID);
    assert_string_equal(err.where, "OBX[2]-2");
    assert_int_equal(read_repeated(MSH "\rPID|a", "&a", 1000), PN_INVALID);
    assert_int_equal(read_repeated(MSH "\rPID|a", "~a", PN_HL7V2_REPEATS_MAX), PN_INVALID);
    assert_string_equal(err.where, "PID-1");
    assert_int_equal(read_repeated(MSH "\rPID|", "a^b^c^d^e^f^g^h~", 9000), PN_OK);
    assert_int_equal(read_repeated(MSH,
                                   "\rPID|a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a"
                                   "~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a~a",
                                   9999),
                     PN_LIMIT);
}

static void compiles_only_paths(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "PI",          "pid-3",    "PID-",    "PID-0",   "PID-3.",
        "PID-3[0]", "PID-3[2",     "PID-1000", "PID[]-1", "PID-3.0", "PID-3.1.",
        "PID3",     "PID-3.1.2.3", "PID-3-1",  "1ID-3",   "PID-3 ",  "PID-99999999999999999999"};
    struct pn_hl7v2_path path;
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        assert_int_equal(pn_hl7v2_path_compile(pn_slice_str(wrong[i]), &path, &err), PN_INVALID);
    }
    assert_int_equal(pn_hl7v2_path_compile(pn_slice_str("ZP1[3]-12[4].5.6"), &path, &err), PN_OK);
    assert_string_equal(path.segment, "ZP1");
    assert_int_equal(path.segment_repeat, 3);
    assert_int_equal(path.field, 12);
    assert_int_equal(path.repeat, 4);
    assert_int_equal(path.component, 5);
    assert_int_equal(path.subcomponent, 6);
    assert_true(pn_slice_is(pn_hl7v2_number(0), "0"));
    assert_true(pn_slice_is(pn_hl7v2_number(10), "10"));
    assert_true(pn_slice_is(pn_hl7v2_number(999), "999"));
}

static void peeks_into_broken_messages(void **state)
{
    (void)state;
    struct pn_hl7v2_header header;
    static const char broken[] = "\rgarbage MSH|^~\\&|A^1|B|C|D|20||ADT^A01|id-7|P|2.3^FIN\r\0\xFF";
    assert_true(pn_hl7v2_peek(pn_slice_of(broken, sizeof broken - 1), &header));
    assert_true(pn_slice_is(header.sending_application, "A^1"));
    assert_true(pn_slice_is(header.receiving_facility, "D"));
    assert_true(pn_slice_is(header.control_id, "id-7"));
    assert_true(pn_slice_is(header.version, "2.3"));
    assert_true(pn_slice_is(header.trigger, "A01"));
    assert_true(pn_hl7v2_peek(pn_slice_str("MSH|"), &header));
    assert_int_equal(header.control_id.len, 0);
    assert_true(pn_hl7v2_peek(pn_slice_str("MSH|^^^^|A|B|C|D|20||ADT^A01|9"), &header));
    assert_true(pn_slice_is(header.control_id, "9"));
    assert_true(pn_hl7v2_peek(pn_slice_str("MSH\x1C^~\\&|A"), &header));
    assert_int_equal(header.delimiters.field, '|');
    assert_false(pn_hl7v2_peek(pn_slice_str("MSH"), &header));
    assert_false(pn_hl7v2_peek(pn_slice_of(NULL, 0), &header));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_fields_components_and_repetitions),
        cmocka_unit_test(an_empty_first_component_stays_empty),
        cmocka_unit_test(nothing_and_blank_make_no_node),
        cmocka_unit_test(tells_null_from_empty),
        cmocka_unit_test(takes_odd_delimiters),
        cmocka_unit_test(refuses_wrong_delimiters),
        cmocka_unit_test(resolves_escapes),
        cmocka_unit_test(takes_every_segment_end),
        cmocka_unit_test(gives_utf8_whatever_comes),
        cmocka_unit_test(reads_utf16),
        cmocka_unit_test(refuses_what_is_no_message),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(compiles_only_paths),
        cmocka_unit_test(peeks_into_broken_messages),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
