// SPDX-License-Identifier: Apache-2.0
// Code tables: the adapter's own, the national ones, and what an installation has loaded over them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/fhir.h"
#include "tests/unit/map/folder.h"

// One folder is all: the adapter `test-…` itself, and in it the national tables and the data
// folder.
struct place {
    struct folder folder;
    struct pn_config config;
    char codes[96], data[96], loaded[128];
    const char *name;
};

static void make(struct place *place, const char *table)
{
    place->folder = folder_new("json", "none");
    place->name = strrchr(place->folder.path, '/') + 1;
    snprintf(place->codes, sizeof place->codes, "%s/national", place->folder.path);
    snprintf(place->data, sizeof place->data, "%s/data", place->folder.path);
    snprintf(place->loaded, sizeof place->loaded, "%s/codes", place->data);
    assert_int_equal(mkdir(place->codes, 0700), 0);
    assert_int_equal(mkdir(place->data, 0700), 0);
    assert_int_equal(mkdir(place->loaded, 0700), 0);
    place->config = (struct pn_config){
        .adapters_dir = "/tmp", .data_dir = place->data, .codes_dir = place->codes};
    char text[512];
    snprintf(
        text, sizeof text,
        "format: json\ncontrol_id: /id\npersons:\n  - rows:\n      - { to: gender, value: other }\n"
        "events:\n  - type: fi.punos.visit.started.v1\n    key: [/id]\n    rows:\n"
        "      - { to: status, value: finished }\n"
        "      - { to: serviceType, from: /code, table: %s }\n",
        table);
    folder_write(&place->folder, "in/a.yaml", text);
}

static enum pn_code load(struct place *place)
{
    return pn_adapter_open(place->folder.boot, &place->config, place->name, &place->folder.adapter,
                           &place->folder.err);
}

// The display that the code 1 gets.
static const char *display(struct place *place)
{
    struct pn_mapped mapped;
    if (load(place) != PN_OK ||
        folder_decode(&place->folder, "{\"id\":\"1\",\"code\":\"1\"}", &mapped) != PN_OK) {
        fail_msg("%s: %s", place->folder.err.where, place->folder.err.text);
    }
    const cJSON *type = cJSON_GetObjectItem(mapped.events[0].resource, "serviceType");
    const cJSON *coding = cJSON_GetArrayItem(cJSON_GetObjectItem(type, "coding"), 0);
    return cJSON_GetStringValue(cJSON_GetObjectItem(coding, "display"));
}

static void a_national_table_is_found_by_its_name(void **state)
{
    (void)state;
    struct place place;
    make(&place, "national/way");
    folder_write(&place.folder, "national/way.csv",
                 "from,to,system,display,note,source\n1,1,urn:oid:1.2,shipped,,FINLAND.md\n");
    folder_write(&place.folder, "codes/way.csv", "from,to,display\n1,1,own\n");
    assert_string_equal(display(&place), "shipped");
    folder_write(&place.folder, "data/codes/way.csv", "from,to,display\n1,1,loaded\n");
    assert_string_equal(display(&place), "loaded");
    folder_free(&place.folder);
}

static void the_own_table_keeps_its_plain_name(void **state)
{
    (void)state;
    struct place place;
    make(&place, "way");
    folder_write(&place.folder, "national/way.csv", "from,to,display\n1,1,shipped\n");
    folder_write(&place.folder, "codes/way.csv", "from,to,display\n1,1,own\n");
    assert_string_equal(display(&place), "own");
    folder_free(&place.folder);
}

static void faults_are_named(void **state)
{
    (void)state;
    struct pn_mapped mapped;
    struct place place;
    make(&place, "national/way");
    assert_int_equal(load(&place), PN_INVALID);
    assert_non_null(strstr(place.folder.err.text, "punos codes list"));
    folder_write(&place.folder, "data/codes/way.csv", "from,to\n1,1\n1,2\n");
    assert_int_equal(load(&place), PN_INVALID);
    assert_non_null(strstr(place.folder.err.text, "data/codes/way.csv"));
    assert_non_null(strstr(place.folder.err.text, "stands twice"));
    folder_write(&place.folder, "data/codes/way.csv", "from,to\n2,2\n");
    assert_int_equal(load(&place), PN_OK);
    assert_int_equal(folder_decode(&place.folder, "{\"id\":\"1\",\"code\":\"1\"}", &mapped),
                     PN_INVALID);
    assert_non_null(strstr(place.folder.err.text, "punos codes load"));
    folder_free(&place.folder);
}

static void a_table_stands_in_no_other_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"national/../way", "../way", "other/way", "national/",
                                        "national/national/way"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(names); i++) {
        struct place place;
        make(&place, names[i]);
        assert_int_equal(load(&place), PN_INVALID);
        assert_non_null(strstr(place.folder.err.text, "codes/"));
        folder_free(&place.folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_national_table_is_found_by_its_name),
        cmocka_unit_test(the_own_table_keeps_its_plain_name),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(a_table_stands_in_no_other_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
