// SPDX-License-Identifier: Apache-2.0
// Resources of one message that refer to each other and to its persons, by whatever name.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/fhir.h"
#include "tests/unit/map/folder.h"

static const char shared[] =
    "header:\n"
    "  message_from: resourceType\n"
    "  persons:\n"
    "    - each: /entry/resource\n"
    "      when: resourceType = Patient\n"
    "      known_as: [\"Patient/{id}\", { each: identifier, text: \"{system}|{value}\" }]\n"
    "      rows:\n"
    "        - { copy: ., keep: [identifier] }\n"
    "    - each: [/entry/resource/subject/identifier, /subject/identifier]\n"
    "      once: true\n"
    "      known_as: \"{system}|{value}\"\n"
    "      rows:\n"
    "        - { to: identifier.value, from: value }\n"
    "  events:\n"
    "    - type: fi.punos.visit.finished.v1\n"
    "      each: [/entry/resource, /.]\n"
    "      when: resourceType = Encounter\n"
    "      person:\n"
    "        known_as: [\"{subject/reference}\", \"{subject/identifier/system}|"
    "{subject/identifier/value}\"]\n"
    "        where: Encounter.subject\n"
    "      known_as: \"Encounter/{id}\"\n"
    "      known_only: ../search/mode = include\n"
    "      key: [id]\n"
    "      rows:\n"
    "        - { copy: ., keep: [status] }\n"
    "    - type: fi.punos.condition.recorded.v1\n"
    "      each: /entry/resource\n"
    "      when: resourceType = Condition\n"
    "      key: [id]\n"
    "      rows:\n"
    "        - { to: encounter, refers: \"{encounter/reference}\" }\n";

static const char mapping[] = "format: json\nmessage: [Bundle, Encounter]\ncontrol_id: $digest\n";
static const char mapping_of_list[] =
    "format: json\nmessage: [List]\ncontrol_id: $digest\nmay_be_empty: true\n";

static enum pn_code decode(struct folder *folder, const char *message, struct pn_mapped *mapped)
{
    *folder = folder_new("json", "none");
    folder_write(folder, "in/_shared.yaml", shared);
    folder_write(folder, "in/all.yaml", mapping);
    folder_write(folder, "in/list.yaml", mapping_of_list);
    if (folder_load(folder) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    return folder_decode(folder, message, mapped);
}

#define PATIENT(id, value)                                                                         \
    "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"identifier\":["               \
    "{\"system\":\"s\",\"value\":\"old\"},{\"system\":\"s\",\"value\":\"" value "\"}]}}"
#define ENCOUNTER(id, subject)                                                                     \
    "{\"resource\":{\"resourceType\":\"Encounter\",\"id\":\"" id                                   \
    "\",\"status\":\"finished\",\"subject\":" subject "}}"
#define NAMED(value) "{\"identifier\":{\"system\":\"s\",\"value\":\"" value "\"}}"
#define BUNDLE "{\"resourceType\":\"Bundle\",\"entry\":["

static void persons_have_many_names(void **state)
{
    (void)state;
    struct folder folder;
    struct pn_mapped mapped;
    assert_int_equal(decode(
                         &folder,
                         BUNDLE PATIENT("p1", "1") "," ENCOUNTER("e1", "{\"reference\":\"Patient/"
                                                                       "p1\"}") "," ENCOUNTER(
                             "e2",
                             NAMED("1")) "," ENCOUNTER("e3",
                                                       NAMED("2")) "," ENCOUNTER("e4",
                                                                                 NAMED("2")) "]}",
                         &mapped),
                     PN_OK);
    // One that the message brings, and one that is only named, twice.
    assert_int_equal(mapped.person_count, 2);
    assert_int_equal(mapped.event_count, 4);
    static const int persons[] = {0, 0, 1, 1};
    for (unsigned i = 0; i < mapped.event_count; i++) {
        assert_int_equal(mapped.events[i].person, persons[i]);
    }
    folder_free(&folder);
}

static void a_resource_alone(void **state)
{
    (void)state;
    struct folder folder;
    struct pn_mapped mapped;
    assert_int_equal(decode(&folder,
                            "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\","
                            "\"subject\":" NAMED("7") "}",
                            &mapped),
                     PN_OK);
    assert_int_equal(mapped.person_count, 1);
    assert_int_equal(mapped.event_count, 1);
    folder_free(&folder);
}

static void a_person_whom_nothing_names(void **state)
{
    (void)state;
    struct folder folder;
    struct pn_mapped mapped;
    assert_int_equal(
        decode(&folder,
               BUNDLE PATIENT("p1", "1") "," ENCOUNTER("e1", "{\"reference\":\"Patient/p2\"}") "]}",
               &mapped),
        PN_INVALID);
    assert_string_equal(folder.err.where, "Encounter.subject");
    assert_null(strstr(folder.err.text, "p2"));
    folder_free(&folder);
}

#define CONDITION(reference)                                                                       \
    "{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"c\",\"encounter\":{\"reference\":"     \
    "\"" reference "\"}}}"

static void an_event_refers_to_another(void **state)
{
    (void)state;
    struct folder folder;
    struct pn_mapped mapped;
    assert_int_equal(decode(&folder,
                            BUNDLE PATIENT("p1", "1") "," CONDITION("Encounter/e1") "," CONDITION(
                                "Encounter/e9") "," ENCOUNTER("e1", NAMED("1")) "]}",
                            &mapped),
                     PN_OK);
    char expected[64];
    snprintf(expected, sizeof expected, "Encounter/%.*s",
             PN_SLICE_FMT(pn_fhir_get(mapped.events[0].resource, "id")));
    assert_true(
        pn_slice_is(pn_fhir_get(mapped.events[1].resource, "encounter.reference"), expected));
    assert_null(pn_fhir_at(mapped.events[2].resource, "encounter"));
    folder_free(&folder);
}

#define CONTEXT(reference)                                                                         \
    "{\"search\":{\"mode\":\"include\"},\"resource\":{\"resourceType\":\"Encounter\",\"id\":"   \
    "\"e1\",\"subject\":{\"reference\":\"" reference "\"}}}"

static void what_is_only_referred_to_makes_no_event(void **state)
{
    (void)state;
    struct folder folder;
    struct pn_mapped mapped;
    assert_int_equal(decode(&folder,
                            BUNDLE PATIENT("p1", "1") "," CONTEXT("Patient/p1") "," CONDITION(
                                "Encounter/e1") "]}",
                            &mapped),
                     PN_OK);
    assert_int_equal(mapped.event_count, 1);
    assert_string_equal(mapped.events[0].type, "fi.punos.condition.recorded.v1");
    assert_non_null(pn_fhir_at(mapped.events[0].resource, "encounter.reference"));
    folder_free(&folder);
}

static void a_message_without_content_is_a_fault_unless_said(void **state)
{
    (void)state;
    struct folder folder;
    struct pn_mapped mapped;
    assert_int_equal(decode(&folder, "{\"resourceType\":\"Bundle\"}", &mapped), PN_INVALID);
    folder_free(&folder);
    assert_int_equal(decode(&folder, "{\"resourceType\":\"List\"}", &mapped), PN_OK);
    assert_int_equal(mapped.event_count, 0);
    folder_free(&folder);
}

static void the_same_bytes_are_the_same_message(void **state)
{
    (void)state;
    static const char *const messages[] = {BUNDLE PATIENT("p1", "1") "]}",
                                           BUNDLE PATIENT("p1", "1") "]}",
                                           BUNDLE PATIENT("p1", "2") "]}"};
    char ids[3][64];
    for (size_t i = 0; i < 3; i++) {
        struct folder folder;
        struct pn_mapped mapped;
        assert_int_equal(decode(&folder, messages[i], &mapped), PN_OK);
        snprintf(ids[i], sizeof ids[i], "%.*s", PN_SLICE_FMT(mapped.control_id));
        folder_free(&folder);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(persons_have_many_names),
        cmocka_unit_test(a_resource_alone),
        cmocka_unit_test(a_person_whom_nothing_names),
        cmocka_unit_test(an_event_refers_to_another),
        cmocka_unit_test(what_is_only_referred_to_makes_no_event),
        cmocka_unit_test(a_message_without_content_is_a_fault_unless_said),
        cmocka_unit_test(the_same_bytes_are_the_same_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
