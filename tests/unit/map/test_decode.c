// SPDX-License-Identifier: Apache-2.0
// The mapping language on messages of every format.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/fhir.h"
#include "tests/unit/map/folder.h"

static const char hl7_header[] = "format: hl7v2\n"
                                 "message: [ADT^A01]\n"
                                 "control_id: MSH-10\n"
                                 "persons:\n"
                                 "  - rows:\n"
                                 "      - { to: \"identifier[].value\", from: PID-3.1 }\n"
                                 "events:\n"
                                 "  - type: fi.punos.visit.started.v1\n"
                                 "    key: [PV1-19]\n"
                                 "    time: { from: PV1-44, as: instant }\n"
                                 "    rows:\n";

static const char hl7_message[] = "MSH|^~\\&|A|B|C|D|20260102030405||ADT^A01|X1|P|2.3\r"
                                  "PID|1||77^^^R^MR~88||Sukunimi^Etunimi\r"
                                  "PV1|1|I|O1^^^S||||||||||||||||V9"
                                  "|||||||||||||||||||||||||20260702101500\r"
                                  "OBR|1\rOBX|1|TX|K1||yksi\rOBX|2|TX|K2||kaksi\r"
                                  "OBR|2\rOBX|1|TX|K3||kolme\r";

// Loads hl7_header with these rows and decodes hl7_message.
static enum pn_code decode_rows(struct folder *folder, const char *rows, struct pn_mapped *mapped)
{
    char text[8192];
    snprintf(text, sizeof text, "%s%s", hl7_header, rows);
    folder_write(folder, "in/a.yaml", text);
    enum pn_code code = folder_load(folder);
    return code != PN_OK ? code : folder_decode(folder, hl7_message, mapped);
}

static void assert_rows(const char *rows, const char *path, const char *expected)
{
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_mapped mapped;
    if (decode_rows(&folder, rows, &mapped) != PN_OK) {
        fail_msg("%s: %s", folder.err.where, folder.err.text);
    }
    assert_int_equal(mapped.event_count, 1);
    struct pn_slice found = pn_fhir_get(mapped.events[0].resource, path);
    char text[256];
    snprintf(text, sizeof text, "%.*s", PN_SLICE_FMT(found));
    assert_string_equal(text, expected);
    folder_free(&folder);
}

static void assert_refused(const char *rows, const char *where, const char *text)
{
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_mapped mapped;
    enum pn_code code = decode_rows(&folder, rows, &mapped);
    assert_int_equal(code, PN_INVALID);
    if (strstr(folder.err.where, where) == NULL || strstr(folder.err.text, text) == NULL) {
        fail_msg("refused at '%s': %s", folder.err.where, folder.err.text);
    }
    folder_free(&folder);
}

static void first_source_that_has_a_text(void **state)
{
    (void)state;
    assert_rows("      - { to: period.start, from: [PV1-40, PV1-44, EVN-2], as: dateTime }\n",
                "period.start", "2026-07-02T10:15:00+03:00");
}

static void first_row_wins(void **state)
{
    (void)state;
    const char *rows = "      - { to: status, when: PV1-2 = X, value: planned }\n"
                       "      - { to: status, value: in-progress }\n"
                       "      - { to: status, value: finished }\n";
    assert_rows(rows, "status", "in-progress");
}

static void winter_time_without_a_zone(void **state)
{
    (void)state;
    assert_rows("      - { to: period.end, from: MSH-7, as: dateTime }\n", "period.end",
                "2026-01-02T03:04:05+02:00");
}

static void a_block_without_values_is_dropped(void **state)
{
    (void)state;
    const char *rows = "      - to: serviceProvider\n"
                       "        rows:\n"
                       "          - { to: identifier.system, value: \"urn:x\" }\n"
                       "          - { to: identifier.value, from: PV1-40 }\n";
    assert_rows(rows, "serviceProvider.identifier.system", "");
}

static void segments_of_a_group(void **state)
{
    (void)state;
    const char *rows = "      - each: OBR\n"
                       "        with: [OBX]\n"
                       "        rows:\n"
                       "          - each: OBX\n"
                       "            to: reasonCode\n"
                       "            rows:\n"
                       "              - { to: text, text: \"{OBR-1}.{$place} {OBX-5}\" }\n";
    assert_rows(rows, "reasonCode[1].text", "1.2 kaksi");
    assert_rows(rows, "reasonCode[2].text", "2.1 kolme");
}

static void any_of_several(void **state)
{
    (void)state;
    static const struct {
        const char *when, *status;
    } rows[] = {
        {"any OBX-3 = K3", "finished"},     {"OBX-3 = K3", "planned"},
        {"not any OBX-3 = K3", "planned"},  {"any OBX-3 != K1", "planned"},
        {"any PID-3 starts 8", "finished"}, {"any OBX-9", "planned"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "      - { to: status, when: \"%s\", value: finished }\n"
                 "      - { to: status, value: planned }\n",
                 rows[i].when);
        assert_rows(text, "status", rows[i].status);
    }
}

static void the_segment_that_another_stands_under(void **state)
{
    (void)state;
    const char *rows = "      - each: OBX\n"
                       "        under: [OBR, NTE]\n"
                       "        to: reasonCode\n"
                       "        rows:\n"
                       "          - { to: text, text: \"{OBR-1}.{OBX-1} {OBX-5}{NTE-1}\" }\n";
    assert_rows(rows, "reasonCode[1].text", "1.2 kaksi");
    assert_rows(rows, "reasonCode[2].text", "2.1 kolme");
}

static void repetitions_chosen_by_a_filter(void **state)
{
    (void)state;
    assert_rows("      - { to: \"identifier[].value\", from: \"PID-3[5=MR].1\" }\n",
                "identifier[0].value", "77");
    assert_rows("      - { to: \"identifier[].value\", from: \"PID-3[5!=MR].1\" }\n",
                "identifier[0].value", "88");
    assert_rows("      - { to: \"identifier[].value\", from: \"PID-3[2]\" }\n",
                "identifier[0].value", "88");
}

static void a_component_of_a_simple_field(void **state)
{
    (void)state;
    assert_rows("      - { to: \"identifier[].value\", from: PV1-19.1.1 }\n", "identifier[0].value",
                "V9");
}

static void time_and_duration(void **state)
{
    (void)state;
    assert_rows("      - { to: period.end, from: PV1-44, plus: PID-1, unit: PID-9, as: instant }\n",
                "period.end", "2026-07-02T10:16:00+03:00");
}

static void missing_and_invalid(void **state)
{
    (void)state;
    assert_refused("      - { to: status, from: PV1-40, missing: reject, reason: tarvitaan }\n",
                   "PV1-40", "tarvitaan");
    assert_refused("      - { to: period.start, from: PV1-3.1, as: dateTime }\n", "PV1-3.1",
                   "is no dateTime");
    assert_rows("      - { to: period.start, from: PV1-3.1, as: dateTime, invalid: skip }\n",
                "period.start", "");
    assert_rows("      - { to: status, from: PV1-40, default: unknown }\n", "status", "unknown");
    assert_refused("      - { when: PV1-2 = I, reject: syy, where: PV1-2 }\n", "PV1-2", "syy");
    assert_refused("      - { require: period, where: PV1-44, reason: aika }\n", "PV1-44", "aika");
}

static void tables(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "codes/luokka.csv",
                 "from,to,system,display\ni,IMP,urn:s,osasto\n*,=,urn:muu,\n");
    assert_int_equal(decode_rows(&folder,
                                 "      - { to: class, from: PV1-2, table: luokka }\n"
                                 "      - { to: type, from: PV1-3.1, table: luokka }\n"
                                 "      - { to: type, from: PV1-3.4, table: luokka }\n",
                                 &mapped),
                     PN_OK);
    const cJSON *resource = mapped.events[0].resource;
    assert_true(pn_slice_is(pn_fhir_get(resource, "class.code"), "IMP"));
    assert_true(pn_slice_is(pn_fhir_get(resource, "class.display"), "osasto"));
    assert_true(pn_slice_is(pn_fhir_get(resource, "type[0].coding[0].code"), "O1"));
    assert_true(pn_slice_is(pn_fhir_get(resource, "type[0].coding[0].system"), "urn:muu"));
    assert_true(pn_slice_is(pn_fhir_get(resource, "type[1].coding[0].code"), "S"));
    folder_free(&folder);
}

static void the_same_key_is_the_same_resource(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_mapped first, second;
    assert_int_equal(decode_rows(&folder, "      - { to: status, value: planned }\n", &first),
                     PN_OK);
    assert_int_equal(folder_decode(&folder, hl7_message, &second), PN_OK);
    assert_true(pn_slice_eq(pn_fhir_get(first.events[0].resource, "id"),
                            pn_fhir_get(second.events[0].resource, "id")));
    assert_int_equal(first.events[0].time_ms, 1782976500000);
    assert_int_equal(first.events[0].recorded_ms, 1795262400000);
    folder_free(&folder);
}

static void other_kinds_of_messages(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "in/b.yaml", "format: hl7v2\nmessage: \"ORU^*\"\nrefuse: ei oteta\n");
    folder_write(&folder, "in/c.yaml", "format: hl7v2\nmessage: \"ORM^*\"\nignore: ei tarvita\n");
    assert_int_equal(decode_rows(&folder, "      - { to: status, value: planned }\n", &mapped),
                     PN_OK);
    assert_int_equal(folder_decode(&folder, "MSH|^~\\&|A|B|C|D|2026||ORU^R01|X|P|2.3\r", &mapped),
                     PN_UNSUPPORTED);
    assert_string_equal(folder.err.text, "ei oteta");
    assert_int_equal(folder_decode(&folder, "MSH|^~\\&|A|B|C|D|2026||ORM^O01|X|P|2.3\r", &mapped),
                     PN_OK);
    assert_string_equal(mapped.ignored, "ei tarvita");
    assert_int_equal(mapped.person_count + mapped.event_count, 0);
    assert_int_equal(folder_decode(&folder, "MSH|^~\\&|A|B|C|D|2026||BAR^P01|X|P|2.3\r", &mapped),
                     PN_UNSUPPORTED);
    assert_string_equal(folder.err.where, "MSH-9");
    folder_free(&folder);
}

static const char bundle_mapping[] =
    "format: json\n"
    "message: Bundle\n"
    "message_from: resourceType\n"
    "control_id: id\n"
    "persons:\n"
    "  - each: \"/entry/resource[resourceType=Patient]\"\n"
    "    known_as: [\"{../fullUrl}\", \"Patient/{id}\"]\n"
    "    rows:\n"
    "      - { copy: ., remove: [text, contact] }\n"
    "events:\n"
    "  - type: fi.punos.visit.finished.v1\n"
    "    each: \"/entry/resource[resourceType=Encounter]\"\n"
    "    when: status = finished\n"
    "    person: subject/reference\n"
    "    key: [id]\n"
    "    time: { from: period/end, as: instant }\n"
    "    rows:\n"
    "      - { copy: ., remove: [id, text, subject, participant.individual, \"**.note\"] }\n";

static const char bundle[] =
    "{\"resourceType\":\"Bundle\",\"id\":\"B1\",\"type\":\"collection\",\"entry\":["
    "{\"fullUrl\":\"urn:uuid:1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p1\"}},"
    "{\"fullUrl\":\"urn:uuid:2\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p2\","
    "\"text\":{\"status\":\"generated\",\"div\":\"<div/>\"},\"active\":true}},"
    "{\"fullUrl\":\"urn:uuid:3\",\"resource\":{\"resourceType\":\"Encounter\",\"id\":\"e1\","
    "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"subject\":{\"reference\":\"urn:uuid:"
    "2\"},"
    "\"participant\":[{\"individual\":{\"display\":\"Nimi\"}}],"
    "\"period\":{\"end\":\"2026-11-20T10:00:00Z\"},\"length\":{\"value\":1.50}}}]}";

static void fhir_is_copied_without_what_may_not_go_on(void **state)
{
    (void)state;
    struct folder folder = folder_new("json", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "in/bundle.yaml", bundle_mapping);
    if (folder_load(&folder) != PN_OK || folder_decode(&folder, bundle, &mapped) != PN_OK) {
        fail_msg("%s: %s", folder.err.where, folder.err.text);
    }
    assert_int_equal(mapped.person_count, 2);
    assert_int_equal(mapped.event_count, 1);
    assert_int_equal(mapped.events[0].person, 1);
    assert_null(pn_fhir_at(mapped.persons[1].patient, "text"));
    assert_non_null(pn_fhir_at(mapped.persons[1].patient, "active"));
    const cJSON *visit = mapped.events[0].resource;
    assert_null(pn_fhir_at(visit, "participant"));
    assert_null(pn_fhir_at(visit, "subject"));
    assert_true(pn_slice_is(pn_fhir_get(visit, "length.value"), "1.50"));
    assert_int_equal(pn_fhir_get(visit, "id").len, 36);
    folder_free(&folder);
}

static void a_person_who_is_not_brought(void **state)
{
    (void)state;
    struct folder folder = folder_new("json", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "in/bundle.yaml", bundle_mapping);
    assert_int_equal(folder_load(&folder), PN_OK);
    const char *message = "{\"resourceType\":\"Bundle\",\"id\":\"B1\",\"entry\":[{\"resource\":{"
                          "\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\","
                          "\"subject\":{\"reference\":\"Patient/p9\"}}}]}";
    assert_int_equal(folder_decode(&folder, message, &mapped), PN_INVALID);
    assert_string_equal(folder.err.where, "subject/reference");
    folder_free(&folder);
}

static void a_form_inside_a_document(void **state)
{
    (void)state;
    struct folder folder = folder_new("xml", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "in/doc.yaml",
                 "format: xml\n"
                 "message: \"1.2.3.*\"\n"
                 "message_from: /Doc/spec/@root\n"
                 "when: form:/lomake\n"
                 "parts:\n"
                 "  - { name: form, from: /Doc/body/json, base64: true, format: json }\n"
                 "control_id: { text: \"{/Doc/id/@root}.{/Doc/version}\" }\n"
                 "persons:\n"
                 "  - each: form:/lomake/asiakas\n"
                 "    rows:\n"
                 "      - { to: \"name[].family\", from: sukunimi }\n"
                 "events:\n"
                 "  - type: fi.punos.clientship.opened.v1\n"
                 "    key: [/Doc/id/@root]\n"
                 "    rows:\n"
                 "      - { to: status, value: active }\n"
                 "      - { to: period.start, from: form:/lomake/pvm, as: date }\n");
    assert_int_equal(folder_load(&folder), PN_OK);
    // {"lomake":{"asiakas":[{"sukunimi":"Yksi"},{"sukunimi":"Kaksi"}],"pvm":"1.2.2026"}}
    const char *message =
        "<Doc xmlns=\"urn:x\"><id root=\"1.9\"/><version>2</version><spec root=\"1.2.3.4\"/><body>"
        "<json>eyJsb21ha2UiOnsiYXNpYWthcyI6W3sic3VrdW5pbWkiOiJZa3NpIn0s\n"
        "eyJzdWt1bmltaSI6Ikthay1zaSJ9XSwicHZtIjoiMS4yLjIwMjYifX0=</json></body></Doc>";
    if (folder_decode(&folder, message, &mapped) != PN_OK) {
        fail_msg("%s: %s", folder.err.where, folder.err.text);
    }
    assert_true(pn_slice_is(mapped.control_id, "1.9.2"));
    assert_true(pn_slice_is(mapped.message_type, "1.2.3.4"));
    assert_int_equal(mapped.person_count, 2);
    assert_true(pn_slice_is(pn_fhir_get(mapped.persons[0].patient, "name[0].family"), "Yksi"));
    assert_true(pn_slice_is(pn_fhir_get(mapped.events[0].resource, "period.start"), "2026-02-01"));
    folder_free(&folder);
}

static void rows_of_a_table_file(void **state)
{
    (void)state;
    struct folder folder = folder_new("csv", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "in/rows.yaml",
                 "format: csv\n"
                 "control_id: $file_name\n"
                 "persons:\n"
                 "  - each: /row\n"
                 "    known_as: [\"{tunnus}\"]\n"
                 "    rows: [{ to: \"identifier[].value\", from: tunnus }]\n"
                 "events:\n"
                 "  - type: fi.punos.contact.recorded.v1\n"
                 "    each: /row\n"
                 "    person: tunnus\n"
                 "    key: [numero]\n"
                 "    time: { from: pvm, as: instant }\n"
                 "    rows: [{ to: status, value: finished }]\n");
    assert_int_equal(folder_load(&folder), PN_OK);
    struct pn_message_in in = {
        .bytes = pn_slice_str("numero;tunnus;pvm\n1;A;1.2.2026 12:00\n2;B;2.2.2026\n"),
        .transport = PN_TRANSPORT_HTTP,
        .content_type = "",
        .file_name = "x.csv"};
    if (pn_adapter_decode(folder.adapter, folder.arena, &in, &mapped, &folder.err) != PN_OK) {
        fail_msg("%s: %s", folder.err.where, folder.err.text);
    }
    assert_int_equal(mapped.event_count, 2);
    assert_int_equal(mapped.events[1].person, 1);
    assert_int_equal(mapped.events[0].time_ms, 1769940000000);
    folder_free(&folder);
}

static const char answer_mapping[] = "format: hl7v2\n"
                                     "message: [\"ACK*\"]\n"
                                     "control_id: MSH-10\n"
                                     "events:\n"
                                     "  - type: fi.punos.delivery.answered.v1\n"
                                     "    key: [MSH-10]\n"
                                     "    person: none\n"
                                     "    rows:\n"
                                     "      - { to: focus.identifier.value, from: MSA-2 }\n"
                                     "      - { to: status, when: MSA-1 = AA, value: accepted }\n"
                                     "      - { to: status, when: MSA-1 = AR, value: rejected }\n"
                                     "      - { to: statusReason.text, from: MSA-3 }\n";

static void an_answer_is_about_no_person(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_mapped mapped;
    folder_write(&folder, "in/a.yaml", answer_mapping);
    assert_int_equal(folder_load(&folder), PN_OK);
    assert_int_equal(folder_decode(&folder,
                                   "MSH|^~\\&|A|B|C|D|20260102030405||ACK|X1|P|2.3\r"
                                   "MSA|AR|D1|lehti on lukittu\r",
                                   &mapped),
                     PN_OK);
    assert_int_equal(mapped.event_count, 1);
    assert_int_equal(mapped.person_count, 0);
    assert_int_equal(mapped.events[0].person, PN_NO_PERSON);
    assert_true(pn_slice_is(pn_fhir_get(mapped.events[0].resource, "intent"), "order"));
    assert_true(pn_slice_is(pn_fhir_get(mapped.events[0].resource, "status"), "rejected"));
    // What answers nothing, or says nothing, is no answer.
    assert_int_equal(
        folder_decode(&folder, "MSH|^~\\&|A|B|C|D|20260102030405||ACK|X1|P|2.3\rMSA|AR\r", &mapped),
        PN_INVALID);
    assert_string_equal(folder.err.where, "Task.focus.identifier.value");
    assert_int_equal(folder_decode(&folder,
                                   "MSH|^~\\&|A|B|C|D|20260102030405||ACK|X1|P|2.3\rMSA|AE|D1\r",
                                   &mapped),
                     PN_INVALID);
    assert_string_equal(folder.err.where, "Task.status");
    folder_free(&folder);
}

static void only_an_answer_is_about_no_person(void **state)
{
    (void)state;
    static const char *const files[] = {
        "format: hl7v2\nmessage: [A]\ncontrol_id: MSH-10\nevents:\n"
        "  - { type: fi.punos.visit.started.v1, key: [MSH-10], person: none }\n",
        "format: hl7v2\nmessage: [A]\ncontrol_id: MSH-10\nevents:\n"
        "  - { type: fi.punos.delivery.answered.v1, key: [MSH-10] }\n"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(files); i++) {
        struct folder folder = folder_new("hl7v2", "none");
        folder_write(&folder, "in/a.yaml", files[i]);
        assert_int_equal(folder_load(&folder), PN_INVALID);
        assert_non_null(strstr(folder.err.text, "person: none"));
        folder_free(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_source_that_has_a_text),
        cmocka_unit_test(first_row_wins),
        cmocka_unit_test(winter_time_without_a_zone),
        cmocka_unit_test(a_block_without_values_is_dropped),
        cmocka_unit_test(segments_of_a_group),
        cmocka_unit_test(any_of_several),
        cmocka_unit_test(the_segment_that_another_stands_under),
        cmocka_unit_test(repetitions_chosen_by_a_filter),
        cmocka_unit_test(a_component_of_a_simple_field),
        cmocka_unit_test(time_and_duration),
        cmocka_unit_test(missing_and_invalid),
        cmocka_unit_test(tables),
        cmocka_unit_test(the_same_key_is_the_same_resource),
        cmocka_unit_test(other_kinds_of_messages),
        cmocka_unit_test(fhir_is_copied_without_what_may_not_go_on),
        cmocka_unit_test(a_person_who_is_not_brought),
        cmocka_unit_test(a_form_inside_a_document),
        cmocka_unit_test(rows_of_a_table_file),
        cmocka_unit_test(an_answer_is_about_no_person),
        cmocka_unit_test(only_an_answer_is_about_no_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
