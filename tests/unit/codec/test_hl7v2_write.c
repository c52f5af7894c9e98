// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/hl7v2.h"

static struct pn_arena *arena;
static struct pn_err err;
static struct pn_buf out;

static int set_up(void **state)
{
    (void)state;
    arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    pn_arena_free(arena);
    pn_buf_release(&out);
    return 0;
}

static void add(struct pn_hl7v2_builder *builder, const char *segment)
{
    assert_int_equal(pn_hl7v2_add_segment(builder, segment, &err), PN_OK);
}

static void set(struct pn_hl7v2_builder *builder, const char *path, const char *text)
{
    if (pn_hl7v2_set(builder, path, pn_slice_str(text), &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
}

static void writes(const struct pn_hl7v2_builder *builder, enum pn_charset charset,
                   const char *expected)
{
    pn_buf_clear(&out);
    assert_int_equal(pn_hl7v2_write(builder, charset, &out, &err), PN_OK);
    assert_string_equal(out.data, expected);
}

static void places_values(void **state)
{
    (void)state;
    struct pn_hl7v2_builder *b = pn_hl7v2_builder_new(arena);
    add(b, "MSH");
    set(b, "MSH-9.2", "T02");
    set(b, "MSH-3", "PUNOS");
    set(b, "MSH-9.1", "MDM");
    add(b, "PID");
    set(b, "PID-5.1", "Malli");
    set(b, "PID-3[2].4.2", "1.2.3");
    set(b, "PID-3", "first");
    set(b, "PID-3[2]", "second");
    set(b, "PID-5.2", "x");
    set(b, "PID-5.2", "Matti");
    set(b, "PID-8", "gone");
    set(b, "PID-8", "");
    assert_int_equal(pn_hl7v2_set_null(b, "PID-7", &err), PN_OK);
    add(b, "OBX");
    set(b, "OBX-1", "1");
    add(b, "OBX");
    set(b, "OBX-1", "2");
    set(b, "OBX[1]-5", "a");
    add(b, "ZZZ");
    writes(b, PN_CHARSET_UTF8,
           "MSH|^~\\&|PUNOS||||||MDM^T02\r"
           "PID|||first~second^^^&1.2.3||Malli^Matti||\"\"\r"
           "OBX|1||||a\rOBX|2\rZZZ\r");
}

static void escapes_and_encodes(void **state)
{
    (void)state;
    struct pn_hl7v2_builder *b = pn_hl7v2_builder_new(arena);
    add(b, "MSH");
    add(b, "OBX");
    static const char text[] = "a|b^c&d~e\\f\r\ng\nh\x07 äÄ€–”\u4e2d";
    set(b, "OBX-5", text);
    writes(b, PN_CHARSET_UTF8,
           "MSH|^~\\&\rOBX|||||a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\.br\\g\\.br\\h\\X07\\ "
           "äÄ€–”\u4e2d\r");
    struct pn_codec_input input = {pn_buf_slice(&out), NULL};
    struct pn_hl7v2 m;
    assert_int_equal(pn_hl7v2_read(arena, &input, &m, &err), PN_OK);
    struct pn_hl7v2_path path;
    assert_int_equal(pn_hl7v2_path_compile(pn_slice_str("OBX-5"), &path, &err), PN_OK);
    assert_true(
        pn_slice_is(pn_hl7v2_find(m.root, &path)->value, "a|b^c&d~e\\f\ng\nh\x07 äÄ€–”\u4e2d"));
    set(b, "OBX-5", "äÄ€–”\u4e2d");
    writes(b, PN_CHARSET_LATIN1,
           "MSH|^~\\&\rOBX|||||\xE4\xC4"
           "EUR-\"?\r");
    writes(b, PN_CHARSET_LATIN9, "MSH|^~\\&\rOBX|||||\xE4\xC4\xA4-\"?\r");
    writes(b, PN_CHARSET_WINDOWS, "MSH|^~\\&\rOBX|||||\xE4\xC4\x80\x96\x94?\r");
    writes(b, PN_CHARSET_ASCII, "MSH|^~\\&\rOBX|||||??EUR-\"?\r");
}

static void refuses_wrong_places(void **state)
{
    (void)state;
    struct pn_hl7v2_builder *b = pn_hl7v2_builder_new(arena);
    assert_int_equal(pn_hl7v2_write(b, PN_CHARSET_UTF8, &out, &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_add_segment(b, "PID", &err), PN_INVALID);
    add(b, "MSH");
    assert_int_equal(pn_hl7v2_add_segment(b, "MSH", &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_add_segment(b, "pid", &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_add_segment(b, "PID-3", &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_set(b, "MSH-2", pn_slice_str("x"), &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_set(b, "MSH", pn_slice_str("x"), &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_set(b, "PID-3", pn_slice_str("x"), &err), PN_NOT_FOUND);
    assert_int_equal(pn_hl7v2_set(b, "MSH[2]-3", pn_slice_str("x"), &err), PN_NOT_FOUND);
    assert_int_equal(pn_hl7v2_set(b, "MSH.3", pn_slice_str("x"), &err), PN_INVALID);
    assert_int_equal(pn_hl7v2_write(b, PN_CHARSET_UTF16LE, &out, &err), PN_INVALID);
}

static void acknowledges(const char *message, enum pn_hl7v2_ack_code code, const char *where,
                         const char *text, const char *expected)
{
    struct pn_hl7v2_header header;
    bool has_header = pn_hl7v2_peek(pn_slice_str(message), &header);
    struct pn_hl7v2_ack ack = {.header = has_header ? &header : NULL,
                               .code = code,
                               .control_id = "ack-1",
                               .now_ms = INT64_C(1795297223123),
                               .zone = "Europe/Helsinki",
                               .where = where,
                               .text = text};
    pn_buf_clear(&out);
    assert_int_equal(pn_hl7v2_write_ack(&ack, &out, &err), PN_OK);
    assert_string_equal(out.data, expected);
}

static void acknowledges_each_version(void **state)
{
    (void)state;
    acknowledges("MSH|^~\\&|OBERON^1|UNIT|PUNOS|HUB|20261121||ADT^A01|c-1|P|2.3\rPID|", PN_HL7V2_AA,
                 "", "",
                 "MSH|^~\\&|PUNOS|HUB|OBERON^1|UNIT|20261121234023+0200||ACK^A01|ack-1|P|2.3\r"
                 "MSA|AA|c-1\r");
    acknowledges("MSH|^~\\&|A|B|C|D|2026||ADT^A01^ADT_A01|c-1|T|2.5.1||||||8859/1\r", PN_HL7V2_AE,
                 "PID-3[2].4.1", "is |missing",
                 "MSH|^~\\&|C|D|A|B|20261121234023+0200||ACK^A01^ACK|ack-1|T|2.5.1||||||8859/1\r"
                 "MSA|AE|c-1|PID-3[2].4.1: is  missing\r"
                 "ERR||PID^1^3^2^4^1|207^Application internal error^HL70357|E||||is  missing\r");
    acknowledges("MSH|^~\\&|A|B|C|D|2026||ZZZ|c-1|P|2.8", PN_HL7V2_AR, "segment 2", "no mapping",
                 "MSH|^~\\&|C|D|A|B|20261121234023+0200||ACK|ack-1|P|2.8\r"
                 "MSA|AR|c-1\r"
                 "ERR|||200^Unsupported message type^HL70357|E||||no mapping\r");
    acknowledges("MSH$%!*:$A$B$C$D$2026$$ADT%A04$7$P$2.3\r", PN_HL7V2_AE, "PID-3", "100 %",
                 "MSH$%!*:$C$D$A$B$20261121234023+0200$$ACK%A04$ack-1$P$2.3\r"
                 "MSA$AE$7$PID-3  100  \r");
    acknowledges("garbage", PN_HL7V2_AE, "MSH", "no MSH",
                 "MSH|^~\\&|||||20261121234023+0200||ACK|ack-1|P|2.3\rMSA|AR||MSH: no MSH\r");
}

static void acknowledges_in_enhanced_mode(void **state)
{
    (void)state;
    acknowledges("MSH|^~\\&|A|B|C|D|2026||ADT^A01|c-1|P|2.3|||AL|AL||8859/1\r", PN_HL7V2_CA, "", "",
                 "MSH|^~\\&|C|D|A|B|20261121234023+0200||ACK^A01|ack-1|P|2.3|||NE|NE||8859/1\r"
                 "MSA|CA|c-1\r");
    acknowledges("MSH|^~\\&|A|B|C|D|2026||ADT^A01|c-1|P|2.5|||AL\r", PN_HL7V2_CR, "MSH-9", "no",
                 "MSH|^~\\&|C|D|A|B|20261121234023+0200||ACK^A01^ACK|ack-1|P|2.5|||NE|NE|\r"
                 "MSA|CR|c-1|MSH-9: no\r"
                 "ERR||MSH^1^9^1|200^Unsupported message type^HL70357|E||||no\r");
}

static void knows_which_acknowledgements_are_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        struct pn_hl7v2_ack_wish wish;
    } rows[] = {
        {"", {false, false, false, true, true}},
        {"|||AL|AL", {true, true, true, true, true}},
        {"|||AL|NE", {true, true, true, false, false}},
        {"|||NE|AL", {true, false, false, true, true}},
        {"||||AL", {true, false, false, true, true}},
        {"|||ER|SU", {true, false, true, true, false}},
        {"|||SU|ER", {true, true, false, false, true}},
        {"|||XX", {true, false, false, false, false}},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char text[128];
        struct pn_hl7v2_header header;
        snprintf(text, sizeof text, "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5%s\r", rows[i].fields);
        assert_true(pn_hl7v2_peek(pn_slice_str(text), &header));
        struct pn_hl7v2_ack_wish wish = pn_hl7v2_ack_wish_of(&header);
        assert_memory_equal(&wish, &rows[i].wish, sizeof wish);
    }
    assert_false(pn_hl7v2_ack_wish_of(NULL).is_enhanced);
}

static struct pn_hl7v2_answer answer_of(const char *text, enum pn_code expected)
{
    struct pn_codec_input input = {pn_slice_str(text), "ISO-8859-1"};
    struct pn_hl7v2_answer answer = {0};
    assert_int_equal(pn_hl7v2_read_ack(arena, &input, &answer, &err), expected);
    return answer;
}

#define MSH "MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\r"

static void reads_acknowledgements(void **state)
{
    (void)state;
    struct pn_hl7v2_answer a = answer_of(MSH "MSA|AA|doc-1\r", PN_OK);
    assert_int_equal(a.code, PN_HL7V2_AA);
    assert_true(pn_slice_is(a.control_id, "doc-1"));
    assert_int_equal(a.text.len, 0);
    a = answer_of(MSH "MSA|AE|doc-1|Hyl\xE4tty\r", PN_OK);
    assert_int_equal(a.code, PN_HL7V2_AE);
    assert_true(pn_slice_is(a.text, "Hylätty"));
    a = answer_of(MSH "MSA|CR|doc-1\rERR||PID^1^3|204^Unknown key^HL70357|E\r", PN_OK);
    assert_int_equal(a.code, PN_HL7V2_AR);
    assert_true(pn_slice_is(a.text, "Unknown key"));
    a = answer_of(MSH "MSA|AE|doc-1\rERR||||E|||diag|user\r", PN_OK);
    assert_true(pn_slice_is(a.text, "user"));
    a = answer_of(MSH "MSA|AE|doc-1\rERR|PID^1^3^204&Old text\r", PN_OK);
    assert_true(pn_slice_is(a.text, "Old text"));
    answer_of(MSH "MSA|AX|doc-1\r", PN_INVALID);
    assert_string_equal(err.where, "MSA-1");
    answer_of(MSH, PN_INVALID);
    answer_of("ACK", PN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_values),
        cmocka_unit_test(escapes_and_encodes),
        cmocka_unit_test(refuses_wrong_places),
        cmocka_unit_test(acknowledges_each_version),
        cmocka_unit_test(acknowledges_in_enhanced_mode),
        cmocka_unit_test(knows_which_acknowledgements_are_asked_for),
        cmocka_unit_test(reads_acknowledgements),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
