// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "event/facts.h"

static struct pn_facts read_facts(const char *type, const char *data)
{
    struct pn_event event = {.type = pn_slice_str(type),
                             .sector = pn_slice_str("primary"),
                             .time_ms = 77,
                             .data = pn_slice_str(data)};
    struct pn_facts facts;
    struct pn_err err;
    assert_int_equal(pn_facts_read(&event, &facts, &err), PN_OK);
    return facts;
}

#define assert_text(slice, text) assert_true(pn_slice_is((slice), (text)))

static void reads_a_visit(void **state)
{
    (void)state;
    struct pn_facts facts = read_facts(
        "fi.punos.visit.finished.v1",
        "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\","
        "\"class\":{\"code\":\"EMER\",\"system\":\"s\"},\"type\":[{\"coding\":[{\"code\":\"R10\","
        "\"system\":\"urn:oid:1.2.246.537.6.127.201801\"}]}],"
        "\"serviceType\":{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.125.2008\","
        "\"code\":\"T11\"}]},\"participant\":[{\"type\":[{\"coding\":[{\"system\":"
        "\"http://terminology.hl7.org/CodeSystem/v3-ParticipationType\",\"code\":\"ATND\"},"
        "{\"system\":\"urn:oid:1.2.246.537.6.74.2001\",\"code\":\"22\"}]}]}],"
        "\"period\":{\"start\":\"2026-03-01T10:00:00Z\",\"end\":\"2026-03-01T11:00:00Z\"},"
        "\"serviceProvider\":{\"identifier\":{\"system\":\"x\",\"value\":\"U7\"},"
        "\"display\":\"a name with \\\"quotes\\\\\"}}");
    assert_text(facts.resource_type, "Encounter");
    assert_text(facts.id, "e1");
    assert_text(facts.status, "finished");
    assert_int_equal(facts.kind, PN_KIND_VISIT);
    assert_int_equal(facts.sector, PN_SECTOR_PRIMARY);
    assert_int_equal(facts.urgency, PN_URGENCY_EMERGENCY);
    assert_text(facts.contact, "R10");
    assert_text(facts.service, "T11");
    assert_text(facts.profession, "22");
    assert_text(facts.unit, "U7");
    assert_true(facts.is_client_contact);
    assert_false(facts.is_withdrawn);
    assert_int_equal(facts.end_ms - facts.start_ms, 3600 * 1000);
    assert_int_equal(facts.classes, 0);
}

static void tells_noshow_from_cancelled(void **state)
{
    (void)state;
    struct pn_facts facts = read_facts(
        "fi.punos.appointment.noshow.v1",
        "{\"resourceType\":\"Appointment\",\"id\":\"a\",\"status\":\"noshow\",\"start\":\"2026\"}");
    assert_true(facts.is_noshow && !facts.is_withdrawn);
    facts = read_facts("fi.punos.appointment.cancelled.v1",
                       "{\"resourceType\":\"Appointment\",\"id\":\"a\",\"status\":\"cancelled\","
                       "\"cancelationReason\":{\"coding\":[{\"code\":\"Y30\"}]}}");
    assert_true(!facts.is_noshow && facts.is_withdrawn);
    assert_text(facts.reason, "Y30");
    assert_int_equal(facts.start_ms, 77);
    facts = read_facts("fi.punos.appointment.deleted.v1",
                       "{\"resourceType\":\"Appointment\",\"id\":\"a\",\"status\":\"noshow\"}");
    assert_true(!facts.is_noshow && facts.is_withdrawn);
    facts = read_facts("fi.punos.condition.recorded.v1",
                       "{\"resourceType\":\"Condition\",\"id\":\"c\",\"verificationStatus\":"
                       "{\"coding\":[{\"code\":\"entered-in-error\"}]}}");
    assert_true(facts.is_withdrawn);
}

static void knows_what_is_specially_protected(void **state)
{
    (void)state;
    static const struct {
        const char *system, *code;
        enum pn_data_class data_class;
    } rows[] = {
        {"urn:oid:1.2.246.537.6.1.1999", "F10.2", PN_CLASS_SUBSTANCE},
        {"urn:oid:1.2.246.537.6.1", "F17.1", PN_CLASS_ORDINARY},
        {"urn:oid:1.2.246.537.6.1", "F32.9", PN_CLASS_MENTAL_HEALTH},
        {"urn:oid:1.2.246.537.6.31.2007", "P16", PN_CLASS_SUBSTANCE},
        {"urn:oid:1.2.246.537.6.31.2007", "P76", PN_CLASS_MENTAL_HEALTH},
        {"urn:oid:1.2.246.537.6.24.2003", "70F", PN_CLASS_PSYCHIATRY},
        {"urn:oid:1.2.246.537.6.240", "70F", PN_CLASS_ORDINARY},
        {"https://punos.fi/fhir/CodeSystem/data-class", "genetics", PN_CLASS_GENETICS},
        {"https://punos.fi/fhir/CodeSystem/data-class", "no-such", PN_CLASS_ORDINARY},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char data[400];
        (void)snprintf(data, sizeof data,
                       "{\"resourceType\":\"Condition\",\"id\":\"c\",\"code\":{\"coding\":"
                       "[{\"system\":\"%s\",\"code\":\"%s\"}]}}",
                       rows[i].system, rows[i].code);
        uint32_t classes = 77;
        struct pn_err err;
        assert_int_equal(read_facts("fi.punos.condition.recorded.v1", data).classes,
                         pn_class_bit(rows[i].data_class));
        assert_int_equal(pn_facts_classes(pn_slice_str(data), &classes, &err), PN_OK);
        assert_int_equal(classes, pn_class_bit(rows[i].data_class));
        assert_int_equal(pn_facts_classes(pn_slice_of(data, strlen(data) - 1), &classes, &err),
                         PN_INVALID);
    }
}

// A visit to psychiatry for alcohol, labelled by its source: each is a reason of its own.
static void keeps_every_class_of_protection(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "\"meta\":{\"security\":[{\"system\":\"" PN_DATA_CLASS_SYSTEM "\",\"code\":\"genetics\"},"
        "{\"system\":\"" PN_DATA_CLASS_SYSTEM "\",\"code\":\"family-law\"}]}",
        "\"serviceType\":{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.24.2003\","
        "\"code\":\"70F\"}]}",
        "\"reasonCode\":[{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.1\",\"code\":\"F10.2\"},"
        "{\"system\":\"urn:oid:1.2.246.537.6.31\",\"code\":\"P76\"}]}]"};
    const uint32_t expected = pn_class_bit(PN_CLASS_GENETICS) | pn_class_bit(PN_CLASS_FAMILY_LAW) |
                              pn_class_bit(PN_CLASS_PSYCHIATRY) | pn_class_bit(PN_CLASS_SUBSTANCE) |
                              pn_class_bit(PN_CLASS_MENTAL_HEALTH);
    for (unsigned first = 0; first < PN_ARRAY_COUNT(parts); first++) { // in any order
        char data[1024];
        (void)snprintf(data, sizeof data, "{\"resourceType\":\"Encounter\",\"id\":\"e\",%s,%s,%s}",
                       parts[first], parts[(first + 1) % 3], parts[(first + 2) % 3]);
        assert_int_equal(read_facts("fi.punos.visit.finished.v1", data).classes, expected);
    }
}

// Codes as "P:A04 D:R53": P is ICPC-2, D ICD-10, S social care.
static void assert_codes(const struct pn_facts *facts, const char *expected)
{
    static const char letters[] = "?PDS";
    char text[128] = "";
    size_t len = 0;
    for (unsigned i = 0; i < facts->code_count; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%c:%.*s", i == 0 ? "" : " ",
                             letters[facts->codes[i].system], PN_SLICE_FMT(facts->codes[i].code));
    }
    assert_string_equal(text, expected);
}

static void add_coding(char *data, size_t room, const char *letter_and_code)
{
    static const char *const systems[][2] = {
        {"P", "urn:oid:1.2.246.537.6.31.2007"},   {"p", "http://hl7.org/fhir/sid/icpc-2"},
        {"D", "urn:oid:1.2.246.537.6.1.1999"},    {"d", "http://hl7.org/fhir/sid/icd-10"},
        {"S", "urn:oid:1.2.246.537.6.1282.2024"}, {"x", "http://snomed.info/sct"}};
    size_t i = 0, len = strlen(data);
    while (systems[i][0][0] != letter_and_code[0]) {
        i++;
        assert_true(i < PN_ARRAY_COUNT(systems));
    }
    (void)snprintf(data + len, room - len, "%s{\"system\":\"%s\",\"code\":\"%s\"}",
                   data[len - 1] == '[' ? "" : ",", systems[i][1], letter_and_code + 1);
}

// The codes of one reason, or each in a reason of its own.
static void write_reasons(char *data, size_t room, const char *const *codes, bool is_one)
{
    (void)snprintf(data, room,
                   "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"reasonCode\":[{\"coding\":[");
    for (unsigned i = 0; codes[i] != NULL; i++) {
        if (i > 0 && !is_one) {
            (void)strncat(data, "],\"text\":\"x\"},{\"coding\":[", room - strlen(data) - 1);
        }
        add_coding(data, room, codes[i]);
    }
    (void)strncat(data, "]}]}", room - strlen(data) - 1);
}

static void keeps_the_codes_of_each_system(void **state)
{
    (void)state;
    static const struct {
        const char *codes[10], *kept;
    } rows[] = {
        {{NULL}, ""},
        {{"xR53"}, ""},
        {{"PA04", "DR53"}, "P:A04 D:R53"},
        {{"DR53", "S3", "PA04"}, "D:R53 S:3 P:A04"},
        {{"PA04", "pA04", "dR53", "DR53"}, "P:A04 D:R53"},                   // each once
        {{"DE11.9", "DI48.9", "DJ45.9", "DF32.9", "DI10", "DR53", "DM54.5"}, // the first ones
         "D:E11.9 D:I48.9 D:J45.9 D:F32.9 D:I10 D:R53"},
        {{"DE11.9", "DI48.9", "DJ45.9", "DF32.9", "DI10", "DR53", "PT90", "S3", "DM54.5"},
         "D:E11.9 D:I48.9 D:J45.9 D:F32.9 P:T90 S:3"}, // each system has its
        {{"DE11.9", "PT90", "PA04", "PK86", "PZ08", "PZ12", "S3"},
         "D:E11.9 P:T90 P:A04 P:K86 P:Z08 S:3"},
        {{"S1", "S2", "S3", "S4", "PT90", "PA04", "DI10", "S5"}, "S:1 S:2 S:3 S:4 P:T90 D:I10"},
    };
    for (size_t i = 0; i < 2 * PN_ARRAY_COUNT(rows); i++) {
        char data[2048];
        write_reasons(data, sizeof data, rows[i / 2].codes, i % 2 == 0);
        struct pn_facts facts = read_facts("fi.punos.visit.finished.v1", data);
        assert_codes(&facts, rows[i / 2].kept);
    }
    // A diagnosis in two code systems, and what it is a diagnosis of besides.
    struct pn_facts facts =
        read_facts("fi.punos.condition.recorded.v1",
                   "{\"resourceType\":\"Condition\",\"id\":\"c\",\"code\":{\"coding\":["
                   "{\"system\":\"urn:oid:1.2.246.537.6.1\",\"code\":\"E11.9\"},"
                   "{\"code\":\"T90\",\"system\":\"urn:oid:1.2.246.537.6.31.2007\"},"
                   "{\"system\":\"urn:oid:1.2.246.537.6.12\",\"code\":\"none of these\"}]}}");
    assert_codes(&facts, "D:E11.9 P:T90");
}

// Participants as "a+b c": those of one with a plus between, as a text when it is in capitals.
static void assert_professions(const char *participants, const char *expected)
{
    char data[4096] = "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"participant\":[",
         text[256] = "";
    struct pn_slice rest = pn_slice_str(participants);
    while (rest.len > 0) {
        struct pn_slice one = pn_slice_split(rest, ' ', &rest);
        (void)strcat(data, data[strlen(data) - 1] == '[' ? "{\"type\":[" : ",{\"type\":[");
        while (one.len > 0) {
            const struct pn_slice code = pn_slice_split(one, '+', &one);
            const size_t len = strlen(data), room = sizeof data - len;
            const char *joint = one.len > 0 ? "," : "";
            if (code.ptr[0] < 'a') {
                (void)snprintf(data + len, room, "{\"text\":\"%.*s\"}%s", PN_SLICE_FMT(code),
                               joint);
            } else {
                (void)snprintf(data + len, room,
                               "{\"coding\":[{\"system\":\"%s\",\"code\":\"%.*s\"}]}%s",
                               code.ptr[0] == 'r' ? "http://x/v3-ParticipationType" : "urn:x",
                               PN_SLICE_FMT(code), joint);
            }
        }
        (void)strcat(data, "],\"individual\":{\"display\":\"-\"}}");
    }
    (void)strcat(data, "]}");
    struct pn_facts facts = read_facts("fi.punos.visit.finished.v1", data);
    for (unsigned i = 0; i < facts.profession_count; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i == 0 ? "" : " ",
                       PN_SLICE_FMT(facts.professions[i]));
    }
    assert_string_equal(text, expected);
}

static void keeps_one_profession_of_each_who_took_part(void **state)
{
    (void)state;
    assert_professions("", "");
    assert_professions("nurse", "nurse");
    assert_professions("nurse doctor nurse", "nurse doctor");
    assert_professions("nurse+local doctor+other", "nurse doctor"); // a second code of the same one
    assert_professions("LOCAL+nurse", "nurse");                     // a code before a text
    assert_professions("LOCAL nurse", "LOCAL nurse");
    assert_professions("role nurse role+doctor", "nurse doctor");
    assert_professions("a b c d e f g", "a b c d e");
    struct pn_facts facts = read_facts(
        "fi.punos.need.notified.v1",
        "{\"resourceType\":\"ServiceRequest\",\"id\":\"s\",\"performerType\":{\"coding\":["
        "{\"system\":\"urn:x\",\"code\":\"nurse\"},{\"system\":\"urn:y\",\"code\":\"22\"}]}}");
    assert_int_equal(facts.profession_count, 1);
    assert_text(facts.professions[0], "nurse");
    assert_text(facts.profession, "nurse");
}

static void leaves_out_what_is_not_a_client_contact(void **state)
{
    (void)state;
    struct pn_facts facts = read_facts(
        "fi.punos.contact.recorded.v1",
        "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"type\":[{\"coding\":[{\"system\":"
        "\"urn:oid:1.2.246.537.6.1308\",\"code\":\"R71\"}]}]}");
    assert_int_equal(facts.kind, PN_KIND_CONTACT);
    assert_false(facts.is_client_contact);
    facts = read_facts("fi.punos.visit.changed.v1",
                       "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"status\":\"planned\"}");
    assert_false(facts.is_client_contact);
}

static void refuses_what_is_no_resource(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"id\":\"1\"}",
                                      "{\"resourceType\":\"Encounter\"}",
                                      "{\"resourceType\":\"Encounter\",\"id\":\"1\"",
                                      "{\"resourceType\":\"Encounter\",\"id\":\"1",
                                      "{\"resourceType\":\"Encounter\",\"id\":\"1\\\"}"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(bad); i++) {
        struct pn_event event = {.data = pn_slice_str(bad[i])};
        struct pn_facts facts;
        struct pn_err err;
        assert_int_equal(pn_facts_read(&event, &facts, &err), PN_INVALID);
    }
    // A name that holds a NUL is not the name before it.
    static const char nul[] = "{\"resourceType\0\0\":\"Encounter\",\"id\":\"1\"}";
    struct pn_event odd = {.data = pn_slice_of(nul, sizeof nul - 1)};
    struct pn_facts none;
    struct pn_err why;
    assert_int_equal(pn_facts_read(&odd, &none, &why), PN_INVALID);
    char deep[4096];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    struct pn_event event = {.data = pn_slice_of(deep, sizeof deep)};
    struct pn_facts facts;
    struct pn_err err;
    assert_int_equal(pn_facts_read(&event, &facts, &err), PN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_visit),
        cmocka_unit_test(tells_noshow_from_cancelled),
        cmocka_unit_test(knows_what_is_specially_protected),
        cmocka_unit_test(keeps_every_class_of_protection),
        cmocka_unit_test(keeps_the_codes_of_each_system),
        cmocka_unit_test(keeps_one_profession_of_each_who_took_part),
        cmocka_unit_test(leaves_out_what_is_not_a_client_contact),
        cmocka_unit_test(refuses_what_is_no_resource),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
