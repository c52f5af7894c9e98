// SPDX-License-Identifier: Apache-2.0
// The content rules of the shared plan (schemas/plan.md), on the example beside them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "services/plan/plan_content.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, FILE_BYTES_MAX = 64 * 1024 };

static struct pn_arena *arena;
static char example_text[FILE_BYTES_MAX];

static int set_up(void **state)
{
    (void)state;
    arena = pn_arena_new(ARENA_BYTES);
    pn_json_use_arena(arena);
    FILE *file = fopen("schemas/plan-example.json", "rb");
    assert_non_null(file);
    size_t length = fread(example_text, 1, sizeof example_text - 1, file);
    example_text[length] = '\0';
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pn_json_use_arena(NULL);
    pn_arena_free(arena);
    return 0;
}

static cJSON *example(void)
{
    cJSON *plan = NULL;
    struct pn_err err;
    assert_int_equal(pn_json_parse(pn_slice_str(example_text), &plan, &err), PN_OK);
    return plan;
}

static const struct pn_plan_stamp stamp = {.id = "6f0c2a52-7a0e-5d53-9c1b-2f4e8d1a7b30",
                                           .version = 3,
                                           .client_key = "0123456789abcdef0123456789abcdef",
                                           .author = "tester",
                                           .author_display = "Tester",
                                           .created_ms = INT64_C(1700000000000),
                                           .written_ms = INT64_C(1800000000000)};

static void test_the_example_is_right(void **state)
{
    (void)state;
    struct pn_fhir_report report;
    struct pn_err err;
    cJSON *plan = example();
    assert_true(pn_fhir_validate(plan, &report));
    assert_int_equal(pn_plan_content_check(plan, &report, &err), PN_OK);
}

// One change to the example, as a JSON merge at a path, and the place that the report must name.
struct wrong {
    const char *path;
    const char *value; // NULL: the element is taken away
    const char *place;
};

static const struct wrong wrongs[] = {
    {"description", NULL, "CarePlan.description"},
    {"description", "\"  \"", "CarePlan.description"},
    {"description", "7", "CarePlan.description"},
    {"period.end", NULL, "CarePlan.period.end"},
    {"period.end", "\"2027-05-21\"", "CarePlan.period.end"},
    {"period.end", "\"2026-11-19\"", "CarePlan.period.end"},
    {"period.end", "\"2027-02-30\"", "CarePlan.period.end"},
    {"status", "\"draft\"", "CarePlan.status"},
    {"intent", "\"order\"", "CarePlan.intent"},
    {"subject.reference", "\"Patient/someone\"", "CarePlan.subject.reference"},
    {"encounter", "{\"reference\":\"Encounter/1\"}", "CarePlan"},
    {"contained.0.start", NULL, "CarePlan.contained[0].start"},
    {"contained.0.start", "\"2026-11-20\"", "CarePlan.contained[0].start"},
    {"contained.0.comment", "\"x\"", "CarePlan.contained[0]"},
    {"contained.1.description", NULL, "CarePlan.contained[1].description"},
    {"contained.1.expressedBy.reference", "\"Patient/00000000000000000000000000000000\"",
     "CarePlan.contained.where($this is Goal).expressedBy"},
    {"contained.2.participant", NULL, "CarePlan.contained[2].participant"},
    {"contained.2.resourceType", "\"Goal\"", "CarePlan.contained[2]"},
    {"activity.0.detail.performer", NULL, "CarePlan.activity[0].detail.performer"},
    {"activity.0.detail.scheduledPeriod", NULL, "CarePlan.activity[0].detail.scheduledPeriod"},
    {"activity.0.detail.status", "\"unknown\"", "CarePlan.activity[0].detail.status"},
    {"activity.0.detail.description", "\"call 150604B903N back\"",
     "CarePlan.activity[0].detail.description"},
    {"activity.0.extension", "[{\"url\":\"" PN_PLAN_LABEL_URL "\"}]",
     "CarePlan.activity[0].extension[0].valueCoding"},
    {"activity.0.extension", "[{\"url\":\"urn:elsewhere\"}]",
     "CarePlan.activity[0].extension[0].url"},
    {"activity.3.detail.code.coding.0.code", "\"next-step\"", "CarePlan.activity"},
    {"contained.0.participant.0.type.0.coding.0.code", "\"other\"",
     "CarePlan.contained.where($this is Appointment).participant"},
    {"contained.2.participant.1.role.0.coding.0.code", "\"responsible\"",
     "CarePlan.contained.where($this is CareTeam).participant"},
    {"contained.2.participant.0.role.0.coding.0.system", "\"urn:elsewhere\"",
     "CarePlan.contained.where($this is CareTeam).participant"},
};

static void change(cJSON *plan, const struct wrong *wrong)
{
    struct pn_slice rest = pn_slice_str(wrong->path);
    cJSON *at = plan;
    char name[64] = "";
    while (rest.len > 0) {
        struct pn_slice part = pn_slice_split(rest, '.', &rest);
        snprintf(name, sizeof name, "%.*s", PN_SLICE_FMT(part));
        int64_t index = 0;
        if (rest.len == 0) {
            break;
        }
        at = pn_slice_to_i64(part, &index) ? cJSON_GetArrayItem(at, (int)index)
                                           : cJSON_GetObjectItemCaseSensitive(at, name);
        assert_non_null(at);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(at, name);
    if (wrong->value != NULL) {
        cJSON_AddItemToObject(at, name, cJSON_Parse(wrong->value));
    }
}

static void test_each_wrong_place_is_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(wrongs); i++) {
        struct pn_fhir_report report;
        struct pn_err err;
        cJSON *plan = example();
        change(plan, &wrongs[i]);
        if (pn_plan_content_check(plan, &report, &err) == PN_OK) {
            fail_msg("accepted although %s is wrong", wrongs[i].path);
        }
        bool is_named = false;
        for (unsigned k = 0; k < report.issue_count; k++) {
            is_named = is_named || strcmp(report.issues[k].expression, wrongs[i].place) == 0;
        }
        if (!is_named) {
            fail_msg("%s: the first place named is %s", wrongs[i].path,
                     report.issues[0].expression);
        }
    }
}

static void test_an_error_never_holds_the_value(void **state)
{
    (void)state;
    struct pn_fhir_report report;
    struct pn_err err;
    cJSON *plan = example();
    change(plan, &(struct wrong){"description", "\"his code is 150604B903N\"", NULL});
    assert_int_equal(pn_plan_content_check(plan, &report, &err), PN_INVALID);
    assert_null(strstr(report.issues[0].diagnostics, "150604B903N"));
    assert_null(strstr(err.text, "150604B903N"));
}

static void settle(cJSON *body, cJSON **plan)
{
    struct pn_fhir_report report;
    struct pn_err err;
    enum pn_code code = pn_plan_content_settle(body, &stamp, plan, &report, &err);
    if (code != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
}

static void test_the_stored_form_is_in_order(void **state)
{
    (void)state;
    cJSON *body = example();
    cJSON *plan = NULL;
    // Contained resources, roles and activities in another order than the stored one.
    cJSON *contained = cJSON_GetObjectItemCaseSensitive(body, "contained");
    cJSON_AddItemToArray(contained, cJSON_DetachItemFromArray(contained, 0));
    cJSON *team = cJSON_GetArrayItem(contained, 1);
    cJSON *members = cJSON_GetObjectItemCaseSensitive(team, "participant");
    cJSON_AddItemToArray(members, cJSON_DetachItemFromArray(members, 0));
    cJSON *activities = cJSON_GetObjectItemCaseSensitive(body, "activity");
    cJSON_InsertItemInArray(activities, 0, cJSON_DetachItemFromArray(activities, 3));
    cJSON_DeleteItemFromObjectCaseSensitive(body, "note");
    cJSON_DeleteItemFromObjectCaseSensitive(body, "language");
    settle(body, &plan);
    assert_true(pn_slice_is(pn_fhir_get(plan, "contained[0].id"), "meeting"));
    assert_true(pn_slice_is(pn_fhir_get(plan, "contained[1].id"), "goal"));
    assert_true(pn_slice_is(pn_fhir_get(plan, "contained[2].id"), "team"));
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(plan, "activity"), 0);
    const cJSON *last = cJSON_GetArrayItem(cJSON_GetObjectItem(plan, "activity"), 3);
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetObjectItem(first, "detail"), "status")->valuestring,
        "scheduled");
    assert_non_null(
        strstr(cJSON_GetObjectItem(cJSON_GetObjectItem(last, "detail"), "description")->valuestring,
               "soittaa"));
    assert_true(pn_slice_is(pn_fhir_get(plan, "note[0].text"),
                            "Tämä suunnitelma ei korvaa lakisääteisiä suunnitelmia."));
    assert_true(pn_slice_is(pn_fhir_get(plan, "language"), "fi"));
    assert_true(pn_slice_is(pn_fhir_get(plan, "meta.versionId"), "3"));
}

static void test_the_client_is_the_stamped_one(void **state)
{
    (void)state;
    cJSON *plan = NULL;
    settle(example(), &plan);
    char *text = cJSON_PrintUnformatted(plan);
    assert_non_null(strstr(text, "Patient/0123456789abcdef0123456789abcdef"));
    assert_null(strstr(text, "a3f1c07e5b2d49688e90d1c2b3a4f506"));
}

static void test_settling_a_stored_plan_changes_nothing(void **state)
{
    (void)state;
    cJSON *once = NULL;
    cJSON *twice = NULL;
    settle(example(), &once);
    char *before = cJSON_PrintUnformatted(once);
    settle(once, &twice);
    assert_string_equal(before, cJSON_PrintUnformatted(twice));
}

static void test_the_fixed_sentence_follows_the_language(void **state)
{
    (void)state;
    cJSON *body = example();
    cJSON *plan = NULL;
    assert_true(pn_json_set_text(body, "language", pn_slice_str("sv")));
    settle(body, &plan);
    assert_true(pn_slice_is(pn_fhir_get(plan, "note[0].text"),
                            "Denna plan ersätter inte de lagstadgade planerna."));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(plan, "note")), 1);
}

#define LABEL(code)                                                                                \
    "{\"url\":\"" PN_PLAN_LABEL_URL                                                               \
    "\",\"valueCoding\":{\"system\":\"" PN_PLAN_REGISTER_SYSTEM "\",\"code\":\"" code "\"}}"

static void test_items_may_belong_to_one_register(void **state)
{
    (void)state;
    cJSON *body = example();
    cJSON *plan = NULL;
    struct pn_fhir_report report;
    struct pn_err err;
    const struct wrong labels[] = {
        {"activity.0.extension", "[" LABEL("social") "]", NULL},
        {"note", "[{\"extension\":[" LABEL("patient") "],\"text\":\"huomio\"}]", NULL},
    };
    change(body, &labels[0]);
    change(body, &labels[1]);
    assert_int_equal(pn_plan_content_check(body, &report, &err), PN_OK);
    settle(body, &plan);
    assert_true(pn_slice_is(pn_fhir_get(plan, "activity[0].extension[0].valueCoding.code"),
                            "social"));
    assert_true(pn_slice_is(pn_fhir_get(plan, "note[1].extension[0].valueCoding.code"), "patient"));
    assert_true(pn_slice_is(pn_fhir_get(plan, "meta.security[0].code"), "PROCESSINLINELABEL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_example_is_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_wrong_place_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_error_never_holds_the_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_stored_form_is_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_client_is_the_stamped_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_settling_a_stored_plan_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_items_may_belong_to_one_register, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_fixed_sentence_follows_the_language, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
