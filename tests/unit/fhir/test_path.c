// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/fhir.h"

static int use_fresh_arena(void **state)
{
    struct pn_arena *arena = pn_arena_new(4 * 1024 * 1024);
    pn_json_use_arena(arena);
    *state = arena;
    return arena == NULL;
}

static int drop_arena(void **state)
{
    pn_json_use_arena(NULL);
    pn_arena_free(*state);
    return 0;
}

static void set(cJSON *resource, const char *path, const char *text)
{
    struct pn_err err = {0};
    if (pn_fhir_set(resource, path, pn_slice_str(text), &err) != PN_OK) {
        fail_msg("%s: %s: %s", path, err.where, err.text);
    }
}

static void assert_prints(const cJSON *resource, const char *wanted)
{
    struct pn_err err;
    struct pn_buf out;
    pn_buf_init(&out, 64 * 1024);
    assert_int_equal(pn_json_print(resource, &out, &err), PN_OK);
    assert_string_equal(out.data, wanted);
    pn_buf_release(&out);
}

static void builds_a_resource(void **state)
{
    (void)state;
    cJSON *encounter = pn_fhir_new("Encounter");
    set(encounter, "status", "finished");
    set(encounter, "class.code", "AMB");
    set(encounter, "identifier[system=urn:oid:1.2.246.10.1].value", "1");
    set(encounter, "identifier[system=urn:oid:1.2.246.10.2].value", "2");
    set(encounter, "identifier[system=urn:oid:1.2.246.10.1].use", "official");
    set(encounter, "participant[].individual.reference", "Practitioner/a");
    set(encounter, "participant[].individual.reference", "Practitioner/b");
    set(encounter, "participant[last].individual.display", "b");
    set(encounter, "participant[0].individual.display", "a");
    set(encounter, "type.coding[0].userSelected", "true");
    set(encounter, "length.value", "1.50");
    set(encounter, "diagnosis.rank", "3");
    assert_prints(
        encounter,
        "{\"resourceType\":\"Encounter\",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},"
        "\"identifier\":[{\"system\":\"urn:oid:1.2.246.10.1\",\"value\":\"1\",\"use\":"
        "\"official\"},{\"system\":\"urn:oid:1.2.246.10.2\",\"value\":\"2\"}],"
        "\"participant\":[{\"individual\":{\"reference\":\"Practitioner/a\",\"display\":"
        "\"a\"}},{\"individual\":{\"reference\":\"Practitioner/b\",\"display\":\"b\"}}],"
        "\"type\":[{\"coding\":[{\"userSelected\":true}]}],\"length\":{\"value\":1.50},"
        "\"diagnosis\":[{\"rank\":3}]}");
}

static void sets_over_what_is_there(void **state)
{
    (void)state;
    cJSON *patient = pn_fhir_new("Patient");
    set(patient, "name.given", "Aino");
    set(patient, "name.given[1]", "Testi");
    set(patient, "name.given[0]", "Aina");
    set(patient, "gender", "male");
    set(patient, "gender", "female");
    assert_prints(patient,
                  "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"Aina\",\"Testi\"]}],"
                  "\"gender\":\"female\"}");
}

static void builds_extensions_and_contained_resources(void **state)
{
    (void)state;
    cJSON *patient = pn_fhir_new("Patient");
    set(patient, "extension[url=https://punos.fi/x].valueBase64Binary", "AAAA");
    set(patient, "_birthDate.extension[url=https://punos.fi/y].valueString", "unknown");
    set(patient, "contained[resourceType=CareTeam].status", "active");
    set(patient, "contained[resourceType=CareTeam].id", "team");
    assert_prints(patient,
                  "{\"resourceType\":\"Patient\",\"extension\":[{\"url\":\"https://punos.fi/x\","
                  "\"valueBase64Binary\":\"AAAA\"}],\"_birthDate\":{\"extension\":[{\"url\":"
                  "\"https://punos.fi/y\",\"valueString\":\"unknown\"}]},\"contained\":[{"
                  "\"resourceType\":\"CareTeam\",\"status\":\"active\",\"id\":\"team\"}]}");
    assert_true(pn_slice_is(pn_fhir_get(patient, "contained[resourceType=CareTeam].id"), "team"));
    assert_true(pn_slice_is(pn_fhir_get(patient, "_birthDate.extension.valueString"), "unknown"));
}

static void reads_by_path(void **state)
{
    (void)state;
    cJSON *observation = pn_fhir_new("Observation");
    set(observation, "valueQuantity.value", "36.60");
    set(observation, "component[].valueInteger", "-4");
    set(observation, "component[].valueBoolean", "false");
    assert_true(pn_slice_is(pn_fhir_get(observation, "valueQuantity.value"), "36.60"));
    assert_true(pn_slice_is(pn_fhir_get(observation, "component.valueInteger"), "-4"));
    assert_true(pn_slice_is(pn_fhir_get(observation, "component[last].valueBoolean"), "false"));
    assert_int_equal(pn_fhir_get(observation, "component[2].valueBoolean").len, 0);
    assert_int_equal(pn_fhir_get(observation, "valueQuantity").len, 0);
    assert_true(cJSON_IsObject(pn_fhir_at(observation, "valueQuantity")));
    assert_null(pn_fhir_at(observation, "nothing.here"));
    cJSON_AddNumberToObject(observation, "made", 1);
    cJSON *made = cJSON_AddObjectToObject(observation, "valueSampledData");
    cJSON_AddNumberToObject(made, "period", 2.5);
    assert_true(pn_slice_is(pn_fhir_get(observation, "valueSampledData.period"), "2.5"));
}

static void refuses_paths_that_fhir_has_not(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "nothing",
        "status.x",
        ".status",
        "status.",
        "status[0]",
        "onset",
        "period..start",
        "type[",
        "type[x]",
        "type[-1]",
        "type[9999999]",
        "type]",
        "identifier[nothing=1].value",
        "period[start=2020].end",
        "_class.id",
        "identifier[system=].value",
        "contained[resourceType=Nothing].id",
        "type[0]x",
        "identifier[use=a b ].value",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        if (pn_fhir_path_exists("Encounter", wrong[i], NULL)) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    const char *type = NULL;
    assert_false(pn_fhir_path_exists("Nothing", "id", &type));
    assert_null(type);
    assert_true(pn_fhir_path_exists("Encounter", "participant[].individual", &type));
    assert_string_equal(type, "Reference");
    assert_true(pn_fhir_path_exists("Encounter", "participant", &type));
    assert_string_equal(type, "BackboneElement");
    // A content reference: item inside item.
    assert_true(pn_fhir_path_exists("QuestionnaireResponse", "item.item.item.linkId", &type));
    assert_string_equal(type, "string");
}

static void refuses_texts_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *path, *text;
    } wrong[] = {{"period.start", "21.11.2026"},
                 {"period.start", ""},
                 {"diagnosis.rank", "0"},
                 {"period", "2026"},
                 {"type.coding.userSelected", "1"},
                 {"participant[3].individual.display", "x"},
                 {"length.value", "1,5"}};
    cJSON *encounter = pn_fhir_new("Encounter");
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        struct pn_err err = {0};
        assert_int_equal(pn_fhir_set(encounter, wrong[i].path, pn_slice_str(wrong[i].text), &err),
                         PN_INVALID);
        assert_string_equal(err.where, wrong[i].path);
    }
}

static void compiles_once_and_uses_often(void **state)
{
    struct pn_arena *arena = *state;
    const struct pn_fhir_path *path = NULL;
    struct pn_err err;
    char text[] = "identifier[system=urn:oid:1.2].value";
    assert_int_equal(pn_fhir_path_compile(arena, "Encounter", text, &path, &err), PN_OK);
    memset(text, 'x', sizeof text - 1);
    assert_string_equal(pn_fhir_path_type_name(path), "string");
    assert_true(pn_fhir_path_is_primitive(path));
    for (int i = 0; i < 3; i++) {
        cJSON *encounter = pn_fhir_new("Encounter");
        assert_int_equal(pn_fhir_set_compiled(encounter, path, pn_slice_str("7"), &err), PN_OK);
        assert_true(pn_slice_is(pn_fhir_get_compiled(encounter, path), "7"));
    }
    const struct pn_fhir_path *untouched = path;
    assert_int_equal(pn_fhir_path_compile(arena, "Encounter", "nothing", &path, &err), PN_INVALID);
    assert_ptr_equal(path, untouched);
}

static void puts_whole_values(void **state)
{
    struct pn_arena *arena = *state;
    const struct pn_fhir_path *code = NULL;
    const struct pn_fhir_path *coding = NULL;
    struct pn_err err;
    assert_int_equal(pn_fhir_path_compile(arena, "Condition", "code", &code, &err), PN_OK);
    assert_int_equal(pn_fhir_path_compile(arena, "CodeableConcept", "coding[].code", &coding, &err),
                     PN_OK);
    cJSON *condition = pn_fhir_new("Condition");
    for (int i = 0; i < 2; i++) {
        cJSON *concept = cJSON_CreateObject();
        assert_int_equal(pn_fhir_set_compiled(concept, coding, pn_slice_str(i ? "b" : "a"), &err),
                         PN_OK);
        assert_int_equal(pn_fhir_put_compiled(condition, code, concept, &err), PN_OK);
    }
    assert_prints(condition,
                  "{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{\"code\":\"b\"}]}}");
}

// The arena ends at every possible place: each time there is an error and no crash.
static void survives_the_end_of_memory(void **state)
{
    static const char *const paths[] = {"identifier[system=urn:oid:1.2].value",
                                        "participant[].individual.reference", "status"};
    enum { CEILING_MAX = 4096 };
    unsigned done = 0;
    for (size_t ceiling = 16; ceiling <= CEILING_MAX; ceiling += 16) {
        struct pn_arena *small = pn_arena_new(ceiling);
        struct pn_fhir_report report;
        struct pn_err err;
        pn_json_use_arena(small);
        cJSON *encounter = pn_fhir_new("Encounter");
        enum pn_code code = encounter == NULL ? PN_MEMORY : PN_OK;
        for (size_t i = 0; i < PN_ARRAY_COUNT(paths) && code == PN_OK; i++) {
            code = pn_fhir_set(encounter, paths[i], pn_slice_str("planned"), &err);
        }
        assert_true(code == PN_OK || code == PN_MEMORY);
        if (code == PN_OK) {
            assert_false(pn_fhir_validate(encounter, &report));
            cJSON *outcome = pn_fhir_report_outcome(&report);
            done += outcome != NULL ? 1 : 0;
        }
        pn_json_use_arena(*state);
        pn_arena_free(small);
    }
    assert_true(done > 0 && done < CEILING_MAX / 16);
}

static void gives_back_heap_memory(void **state)
{
    pn_json_use_arena(NULL);
    cJSON *patient = pn_fhir_new("Patient");
    set(patient, "name[].family", "Testinen");
    set(patient, "name[0].family", "Koe");
    set(patient, "_birthDate.extension[url=https://punos.fi/y].valueString", "unknown");
    struct pn_err err;
    assert_int_equal(pn_fhir_set(patient, "name[5].family", pn_slice_str("x"), &err), PN_INVALID);
    cJSON_Delete(patient);
    pn_json_use_arena(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_a_resource),
        cmocka_unit_test(sets_over_what_is_there),
        cmocka_unit_test(builds_extensions_and_contained_resources),
        cmocka_unit_test(reads_by_path),
        cmocka_unit_test(refuses_paths_that_fhir_has_not),
        cmocka_unit_test(refuses_texts_that_do_not_fit),
        cmocka_unit_test(compiles_once_and_uses_often),
        cmocka_unit_test(puts_whole_values),
        cmocka_unit_test(survives_the_end_of_memory),
        cmocka_unit_test(gives_back_heap_memory),
    };
    return cmocka_run_group_tests(tests, use_fresh_arena, drop_arena);
}
