// SPDX-License-Identifier: Apache-2.0
// Libraries: rows, keys, events, header and tables that several adapters share.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/json.h"
#include "tests/unit/map/folder.h"

static const char library_rows[] =
    "format: hl7v2\n"
    "header:\n"
    "  control_id: MSH-10\n"
    "  persons:\n"
    "    - rows: [ { to: birthDate, from: PID-7, as: date } ]\n"
    "keys:\n"
    "  visit: PV1-19\n"
    "events:\n"
    "  visits:\n"
    "    - type: fi.punos.visit.started.v1\n"
    "      key: visit\n"
    "      rows: [ { to: status, value: in-progress }, { include: place } ]\n"
    "rows:\n"
    "  place:\n"
    "    - { to: class, from: PV1-2, table: class }\n"
    "    - to: serviceProvider\n"
    "      rows:\n"
    "        - { to: identifier.system, text: \"urn:{$adapter}:unit\" }\n"
    "        - { to: identifier.value, from: PV1-3 }\n";

static const char message[] = "MSH|^~\\&|A|B|C|D|20261121||ADT^A01|1|P|2.3\r"
                              "PID|||||||19810101\r"
                              "PV1||I|||||||||||||||||V1\r";

// A folder with the adapter `one` and the library `_std` in it; the adapter's path from now on.
static struct folder library_new(void)
{
    static const char *const inside[] = {"one",  "one/in",  "one/codes",
                                         "_std", "_std/in", "_std/codes"};
    struct folder folder = folder_new("hl7v2", "none");
    for (size_t i = 0; i < PN_ARRAY_COUNT(inside); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder.path, inside[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    folder_write(&folder, "_std/in/visit.yaml", library_rows);
    folder_write(&folder, "_std/codes/class.csv",
                 "from,to,system\nI,IMP,http://terminology.hl7.org/CodeSystem/v3-ActCode\n");
    folder_write(&folder, "one/adapter.yaml",
                 "name: one\nsector: social\nlibrary: std\n"
                 "in: [ { transport: http, format: hl7v2 } ]\n");
    folder_write(&folder, "one/in/visit.yaml",
                 "format: hl7v2\nmessage: [ADT^A01]\nevents: [ { include: visits } ]\n");
    return folder;
}

static enum pn_code library_load(struct folder *folder)
{
    const char *path = pn_arena_printf(folder->boot, "%s/one", folder->path);
    return pn_adapter_load(folder->boot, path, &folder->adapter, &folder->err);
}

static const cJSON *decode_visit(struct folder *folder)
{
    struct pn_mapped mapped;
    if (library_load(folder) != PN_OK || folder_decode(folder, message, &mapped) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    assert_int_equal(mapped.person_count, 1);
    assert_int_equal(mapped.event_count, 1);
    return mapped.events[0].resource;
}

static const char *text_at(const cJSON *resource, const char *one, const char *two)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(resource, one);
    found = cJSON_IsArray(found) ? cJSON_GetArrayItem(found, 0) : found;
    found = two == NULL ? found : cJSON_GetObjectItemCaseSensitive(found, two);
    return cJSON_GetStringValue(found);
}

static void an_adapter_uses_it(void **state)
{
    (void)state;
    struct folder folder = library_new();
    const cJSON *visit = decode_visit(&folder);
    assert_string_equal(text_at(visit, "class", "code"), "IMP");
    // Without a unit in the message its fixed text stays out too.
    assert_null(cJSON_GetObjectItemCaseSensitive(visit, "serviceProvider"));
    unsigned own = 0;
    for (unsigned i = 0; i < pn_adapter_row_count(folder.adapter); i++) {
        own += pn_adapter_row(folder.adapter, i).is_library ? 0 : 1;
    }
    assert_int_equal(own, 0);
    folder_free(&folder);
}

static void the_adapters_own_goes_before(void **state)
{
    (void)state;
    struct folder folder = library_new();
    folder_write(&folder, "one/codes/class.csv",
                 "from,to,system\nI,AMB,http://terminology.hl7.org/CodeSystem/v3-ActCode\n");
    folder_write(&folder, "one/in/_own.yaml",
                 "rows:\n"
                 "  place:\n"
                 "    - { to: serviceProvider.display, value: own }\n"
                 "    - include: std/place\n");
    const cJSON *visit = decode_visit(&folder);
    assert_string_equal(text_at(visit, "class", "code"), "AMB");
    assert_string_equal(text_at(visit, "serviceProvider", "display"), "own");
    assert_null(text_at(visit, "serviceProvider", "reference"));
    folder_free(&folder);
}

static void a_table_of_the_library_by_name(void **state)
{
    (void)state;
    struct folder folder = library_new();
    folder_write(&folder, "one/codes/class.csv", "from,to\nI,AMB\n");
    folder_write(&folder, "one/in/_own.yaml",
                 "rows:\n  place: [ { to: class, from: PV1-2, table: std/class } ]\n");
    assert_string_equal(text_at(decode_visit(&folder), "class", "code"), "IMP");
    folder_free(&folder);
}

// A shared file that names a format is not for messages of others.
static void a_format_of_its_own(void **state)
{
    (void)state;
    struct folder folder = library_new();
    folder_write(&folder, "one/in/_json.yaml",
                 "format: json\nheader: { control_id: /id }\nkeys: { visit: /id }\n");
    assert_string_equal(text_at(decode_visit(&folder), "status", NULL), "in-progress");
    folder_free(&folder);
}

static const struct {
    const char *file, *content, *where, *text;
} faults[] = {
    {"one/adapter.yaml", "name: one\nsector: social\nlibrary: none\n", "adapter.yaml:3",
     "no folder _none"},
    {"one/adapter.yaml", "name: one\nsector: social\nlibrary: ../std\n", "adapter.yaml:3",
     "library's name"},
    {"one/in/visit.yaml", "format: hl7v2\nevents: [ { include: nothing } ]\n", "in/visit.yaml:2",
     "`events` of that name"},
    {"one/in/visit.yaml", "format: hl7v2\nevents: [ { include: other/visits } ]\n",
     "in/visit.yaml:2", "`events` of that name"},
    {"one/in/_own.yaml", "rows: { place: [ { to: class, from: PV1-2, table: other/class } ] }\n",
     "in/_own.yaml:1", "names no library other"},
    {"one/in/_own.yaml", "rows: { place: [ { to: class, from: PV1-2, table: std/nothing } ] }\n",
     "in/_own.yaml:1", "../_std/codes/nothing.csv"},
    {"one/in/_own.yaml", "rows: { place: [ { include: place } ] }\n", "in/_own.yaml:1",
     "includes itself"},
    {"one/in/_own.yaml", "events: { visits: [ { include: visits } ] }\n", "in/_own.yaml:1",
     "includes itself"},
    {"_std/in/visit.yaml", "row: 1\n", "../_std/in/visit.yaml:1", "no such key"},
};

static void each_fault_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(faults); i++) {
        struct folder folder = library_new();
        folder_write(&folder, faults[i].file, faults[i].content);
        assert_int_not_equal(library_load(&folder), PN_OK);
        if (strstr(folder.err.where, faults[i].where) == NULL ||
            strstr(folder.err.text, faults[i].text) == NULL) {
            fail_msg("%zu gave '%s': %s", i, folder.err.where, folder.err.text);
        }
        folder_free(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adapter_uses_it),
        cmocka_unit_test(the_adapters_own_goes_before),
        cmocka_unit_test(a_table_of_the_library_by_name),
        cmocka_unit_test(a_format_of_its_own),
        cmocka_unit_test(each_fault_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
