// SPDX-License-Identifier: Apache-2.0
// What the loader says of a wrong mapping file: file, line, field, and what is expected.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/map/folder.h"

static const char start[] = "format: hl7v2\n"      // 1
                            "message: [ADT^A01]\n" // 2
                            "control_id: MSH-10\n" // 3
                            "events:\n"            // 4
                            "  - type: fi.punos.visit.started.v1\n"
                            "    key: [PV1-19]\n" // 6
                            "    rows:\n";        // 7; the row stands on line 8

static const struct {
    const char *row;
    const char *where;
    const char *text;
} faults[] = {
    {"{ to: nonsuch, from: PV1-2 }", "in/a.yaml:8", "Encounter has no element nonsuch"},
    {"{ to: period, from: PV1-2 }", "in/a.yaml:8", "is a Period"},
    {"{ to: status, from: 3PV }", "in/a.yaml:8", "is no HL7 path"},
    {"{ to: status, from: PV1-x }", "in/a.yaml:8", "stand numbers"},
    {"{ to: status, form: PV1-2 }", "in/a.yaml:8", "did you mean `from`"},
    {"{ to: status, from: PV1-2, value: x }", "in/a.yaml:8", "exactly one of"},
    {"{ to: status, from: PV1-2, as: datum }", "in/a.yaml:8", "no conversion is called 'datum'"},
    {"{ to: status, from: PV1-2, as: \"hook:x\" }", "in/a.yaml:8", "no function 'x'"},
    {"{ to: status, from: PV1-2, table: puuttuu }", "in/a.yaml:8", "codes/puuttuu.csv"},
    {"{ to: status, from: PV1-2, missing: maybe }", "in/a.yaml:8", "skip, reject, default"},
    {"{ to: status, from: PV1-2, missing: default }", "in/a.yaml:8", "`default:`"},
    {"{ to: status, when: PV1-2 ~ X, value: x }", "in/a.yaml:8", "PATH = A|B"},
    {"{ to: status, when: PV1-2 is odd, value: x }", "in/a.yaml:8", "no kind of text"},
    {"{ to: status, text: \"{PV1-2\" }", "in/a.yaml:8", "without its }"},
    {"{ include: nothing }", "in/a.yaml:8", "`rows` of that name"},
    {"{ copy: PV1 }", "in/a.yaml:8", "only JSON"},
    {"{ to: status, from: $nothing }", "in/a.yaml:8", "no parameter"},
    {"{ to: subject, reference: Patient, key: nothing }", "in/a.yaml:8", "`keys`"},
    {"{ reject: x }", "in/a.yaml:8", "`where`"},
    {"{ line: x }", "in/a.yaml:8", "format: text"},
    {"{ with: [OBX], to: status, value: x }", "in/a.yaml:8", "beside `each`"},
    {"{ under: [OBR], to: status, value: x }", "in/a.yaml:8", "beside `each`"},
};

static void each_fault_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(faults); i++) {
        struct folder folder = folder_new("hl7v2", "none");
        char text[1024];
        snprintf(text, sizeof text, "%s      - %s\n", start, faults[i].row);
        folder_write(&folder, "in/a.yaml", text);
        assert_int_equal(folder_load(&folder), PN_INVALID);
        if (strstr(folder.err.where, faults[i].where) == NULL ||
            strstr(folder.err.text, faults[i].text) == NULL) {
            fail_msg("%s gave '%s': %s", faults[i].row, folder.err.where, folder.err.text);
        }
        folder_free(&folder);
    }
}

static void assert_file_fault(const char *file, const char *content, const char *where,
                              const char *text)
{
    struct folder folder = folder_new("hl7v2", "none");
    folder_write(&folder, file, content);
    assert_int_not_equal(folder_load(&folder), PN_OK);
    if (strstr(folder.err.where, where) == NULL || strstr(folder.err.text, text) == NULL) {
        fail_msg("'%s': %s", folder.err.where, folder.err.text);
    }
    folder_free(&folder);
}

static void files(void **state)
{
    (void)state;
    assert_file_fault("adapter.yaml", "name: test\nsector: church\n", "adapter.yaml:2", "primary");
    assert_file_fault("adapter.yaml", "sector: social\n", "adapter.yaml", "`name`");
    assert_file_fault("adapter.yaml", "name: test\nsector: social\nzone: Mars/Base\n",
                      "adapter.yaml:3", "time zone");
    assert_file_fault("in/a.yaml", "format: edifact\n", "in/a.yaml:1", "hl7v2, xml, json, csv");
    assert_file_fault("in/a.yaml", "format: hl7v2\nnonsense: 1\n", "in/a.yaml:2", "no such key");
    assert_file_fault("in/a.yaml",
                      "format: hl7v2\ncontrol_id: MSH-10\nevents:\n  - type: fi.punos.x.y.v1\n",
                      "in/a.yaml:4", "no such event type");
    assert_file_fault("in/a.yaml", "format: hl7v2\nrefuse: x\nignore: x\n", "in/a.yaml:3",
                      "either");
    assert_file_fault("in/a.yaml", "format: hl7v2\nignore: \"\"\n", "in/a.yaml:2", "say why");
    assert_file_fault("in/_s.yaml", "rows:\n  a: [{ include: a }]\nrow: 1\n", "in/_s.yaml:3",
                      "no such key");
    assert_file_fault("adapter.yaml", "name: test\nsector: social\nout: mllp\n", "adapter.yaml out",
                      "no mapping");
}

static void names_of_certificates(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    folder_write(&folder, "adapter.yaml",
                 "name: test\nsector: social\npeer: [a.example.fi, 'urn:example:b']\n");
    assert_int_equal(folder_load(&folder), PN_OK);
    const struct pn_conf_names *peer = &pn_adapter_info(folder.adapter)->peer;
    assert_int_equal(peer->count, 2);
    assert_string_equal(peer->items[1], "urn:example:b");
    folder_free(&folder);
    assert_file_fault("adapter.yaml", "name: test\nsector: social\npeer: {a: b}\n",
                      "adapter.yaml:3 peer", "list");
}

static void an_include_that_never_ends(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    char text[1024];
    snprintf(text, sizeof text, "%s      - include: a\n", start);
    folder_write(&folder, "in/_s.yaml", "rows:\n  a:\n    - include: a\n");
    folder_write(&folder, "in/a.yaml", text);
    assert_int_equal(folder_load(&folder), PN_INVALID);
    assert_non_null(strstr(folder.err.text, "includes itself"));
    folder_free(&folder);
}

static void a_table_with_a_code_twice(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    char text[1024];
    snprintf(text, sizeof text, "%s      - { to: status, from: PV1-2, table: t }\n", start);
    folder_write(&folder, "codes/t.csv", "from,to\nA,planned\nA,finished\n");
    folder_write(&folder, "in/a.yaml", text);
    assert_int_equal(folder_load(&folder), PN_INVALID);
    assert_non_null(strstr(folder.err.text, "stands twice"));
    folder_free(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(files),
        cmocka_unit_test(names_of_certificates),
        cmocka_unit_test(an_include_that_never_ends),
        cmocka_unit_test(a_table_with_a_code_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
