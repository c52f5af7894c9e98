// SPDX-License-Identifier: Apache-2.0
// What of a plan a system's form cannot hold: found truthfully, named by item and place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "fhir/json.h"
#include "services/plan/plan_loss.h"
#include "tests/unit/map/folder.h"

#define LABEL                                                                                      \
    "[{\"url\":\"http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/"                  \
    "extension-inline-sec-label\",\"valueCoding\":{\"code\":\"%s\","                               \
    "\"system\":\"https://punos.fi/fhir/CodeSystem/register\"}}]"

struct fixture {
    struct folder folder;
    struct pn_loss_report report;
    enum pn_code code;
};

// `label`: the register that the second step is for; NULL: both.
static struct fixture report_of_labelled(const char *mapping, const char *label)
{
    struct fixture fixture = {.folder = folder_new("hl7v2", "http")};
    struct folder *folder = &fixture.folder;
    struct pn_slice text;
    cJSON *plan = NULL;
    folder_write(folder, "codes/role.csv",
                 "from,to\nclient,person\nclose-person,person\nprofessional,worker\nother,else\n");
    folder_write(folder, "out/plan.yaml", mapping);
    if (folder_load(folder) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    pn_json_use_arena(folder->arena);
    assert_int_equal(
        pn_file_read(folder->arena, "schemas/plan-example.json", 1024 * 1024, &text, &folder->err),
        PN_OK);
    assert_int_equal(pn_json_parse(text, &plan, &folder->err), PN_OK);
    if (label != NULL) {
        char extension[512];
        cJSON *labels = NULL;
        snprintf(extension, sizeof extension, LABEL, label);
        assert_int_equal(pn_json_parse(pn_slice_str(extension), &labels, &folder->err), PN_OK);
        cJSON *activities = cJSON_GetObjectItemCaseSensitive(plan, "activity");
        assert_true(cJSON_AddItemToObject(cJSON_GetArrayItem(activities, 1), "extension", labels));
    }
    struct pn_plan_out out = {.plan = plan,
                              .document_id = pn_slice_str("D1"),
                              .system_config_name = pn_slice_str("test"),
                              .now_ms = 1795262400000};
    fixture.code =
        pn_plan_loss_find(folder->arena, folder->adapter, &out, &fixture.report, &folder->err);
    pn_json_use_arena(NULL);
    return fixture;
}

static struct fixture report_of(const char *mapping)
{
    return report_of_labelled(mapping, NULL);
}

static struct pn_plan_loss find(const struct fixture *fixture, const char *item)
{
    for (unsigned i = 0; i < fixture->report.count; i++) {
        if (strcmp(fixture->report.losses[i].item->code, item) == 0) {
            return fixture->report.losses[i];
        }
    }
    return (struct pn_plan_loss){.kind = PN_LOSS_KIND_COUNT};
}

static void a_whole_copy_loses_nothing(void **state)
{
    (void)state;
    struct fixture fixture = report_of("documents:\n"
                                       "  - format: fhir\n"
                                       "    resource: CarePlan\n"
                                       "    rows: [{ copy: /plan }]\n");
    assert_int_equal(fixture.code, PN_OK);
    assert_int_equal(fixture.report.count, 0);
    folder_free(&fixture.folder);
}

static void what_a_copy_removes_is_lost(void **state)
{
    (void)state;
    struct fixture fixture = report_of("documents:\n"
                                       "  - format: fhir\n"
                                       "    resource: CarePlan\n"
                                       "    rows:\n"
                                       "      - copy: /plan\n"
                                       "        remove: [description, id, meta, supportingInfo]\n");
    assert_int_equal(fixture.report.count, 1);
    assert_int_equal(find(&fixture, "situation").kind, PN_LOSS_LEFT_OUT);
    folder_free(&fixture.folder);
}

static void each_way_of_losing_has_its_kind(void **state)
{
    (void)state;
    struct fixture fixture =
        report_of("documents:\n"
                  "  - format: json\n"
                  "    rows:\n"
                  "      - { to: a, from: /plan/description, max: 20 }\n"
                  "      - { to: b, from: \"/plan/contained[resourceType=Appointment]/start\", "
                  "as: date }\n"
                  "      - { to: c, from: \"/plan/activity[detail/code/coding/code=next-step]"
                  "/detail/description\" }\n"
                  "      - each: \"/plan/contained[resourceType=Appointment]/participant"
                  "[type/coding/code!=place]\"\n"
                  "        to: \"list[]\"\n"
                  "        rows: [{ to: r, from: type/coding/code, table: role }]\n");
    assert_int_equal(find(&fixture, "situation").kind, PN_LOSS_CUT);
    assert_int_equal(find(&fixture, "meeting-start").kind, PN_LOSS_PART_OF_TIME);
    struct pn_plan_loss next = find(&fixture, "next-step");
    assert_int_equal(next.kind, PN_LOSS_FIRST_ONLY);
    assert_int_equal(next.place_count, 2);
    assert_string_equal(next.places[0], "CarePlan.activity[1].detail.description");
    // Professionals and others keep their code; the client and the sister become one.
    struct pn_plan_loss role = find(&fixture, "attendee-role");
    assert_int_equal(role.kind, PN_LOSS_COARSER);
    assert_int_equal(role.place_count, 2);
    assert_int_equal(find(&fixture, "goal").kind, PN_LOSS_LEFT_OUT);
    assert_string_equal(pn_loss_text(fixture.folder.arena, &next, "fi"),
                        "Mitä seuraavaksi: kaikki eivät mahdu");
    folder_free(&fixture.folder);
}

static void a_time_in_two_halves_is_whole(void **state)
{
    (void)state;
    struct fixture fixture = report_of(
        "documents:\n"
        "  - format: json\n"
        "    rows:\n"
        "      - to: a\n"
        "        text: \"{/plan/contained[resourceType=Appointment]/start|finnish-date} klo "
        "{/plan/contained[resourceType=Appointment]/start|finnish-time}\"\n");
    assert_int_equal(find(&fixture, "meeting-start").kind, PN_LOSS_KIND_COUNT);
    assert_int_equal(find(&fixture, "meeting-end").kind, PN_LOSS_LEFT_OUT);
    folder_free(&fixture.folder);
}

// A row for one role says the role; a row for all but one does not say which.
static void a_test_that_tells_the_value_holds_it(void **state)
{
    (void)state;
    struct fixture fixture =
        report_of("documents:\n"
                  "  - format: json\n"
                  "    rows:\n"
                  "      - each: \"/plan/contained[resourceType=CareTeam]/participant"
                  "[role/coding/code=responsible]\"\n"
                  "        to: \"first[]\"\n"
                  "        rows: [{ to: n, from: member/display }]\n"
                  "      - each: \"/plan/contained[resourceType=CareTeam]/participant"
                  "[role/coding/code!=responsible]\"\n"
                  "        to: \"others[]\"\n"
                  "        rows: [{ to: n, from: member/display }]\n"
                  "      - { to: own, when: \"/plan/contained[resourceType=Goal]/expressedBy\", "
                  "value: x }\n");
    assert_int_equal(find(&fixture, "member").kind, PN_LOSS_KIND_COUNT);
    assert_int_equal(find(&fixture, "goal-own").kind, PN_LOSS_KIND_COUNT);
    struct pn_plan_loss role = find(&fixture, "team-role");
    assert_int_equal(role.place_count, 2);
    assert_string_equal(role.places[0],
                        "CarePlan.contained[2].participant[1].role[0].coding[0].code");
    folder_free(&fixture.folder);
}

static void an_adapter_may_say_it_in_its_own_words(void **state)
{
    (void)state;
    struct fixture fixture = report_of("documents:\n"
                                       "  - format: json\n"
                                       "    rows: [{ to: a, from: /plan/description }]\n"
                                       "losses:\n"
                                       "  - path: /plan/period\n"
                                       "    reason: { fi: ei kenttää, sv: inget, en: none }\n");
    struct pn_plan_loss loss = find(&fixture, "valid-to");
    assert_string_equal(pn_loss_text(fixture.folder.arena, &loss, "en"),
                        "Reviewed at the latest: none");
    folder_free(&fixture.folder);
}

static void a_plan_that_is_refused_has_no_report(void **state)
{
    (void)state;
    struct fixture fixture =
        report_of("documents:\n"
                  "  - format: json\n"
                  "    rows: [{ to: a, from: /patient/name/family, missing: reject }]\n");
    assert_int_equal(fixture.code, PN_INVALID);
    assert_int_equal(fixture.report.count, 0);
    folder_free(&fixture.folder);
}

#define COPY_INTO(name)                                                                            \
    "  - format: fhir\n    resource: CarePlan\n    register: " name                                \
    "\n    rows: [{ copy: /plan }]\n"

// What is for the other register is lost, and the report says why; with a document for each it is
// not lost, and the report says which of them has it.
static void a_label_says_which_register_has_it(void **state)
{
    (void)state;
    struct fixture one = report_of_labelled("documents:\n" COPY_INTO("patient"), "social");
    assert_int_equal(one.code, PN_OK);
    assert_int_equal(one.report.count, 3); // what, who, by when
    assert_int_equal(one.report.apart_count, 0);
    struct pn_plan_loss step = find(&one, "next-step");
    assert_int_equal(step.kind, PN_LOSS_SOCIAL_ONLY);
    assert_string_equal(step.places[0], "CarePlan.activity[1].detail.description");
    folder_free(&one.folder);
    struct fixture own = report_of_labelled("documents:\n" COPY_INTO("social"), "social");
    assert_int_equal(own.report.count + own.report.apart_count, 0);
    folder_free(&own.folder);
    struct fixture both =
        report_of_labelled("documents:\n" COPY_INTO("patient") COPY_INTO("social"), "patient");
    assert_int_equal(both.report.count, 0);
    assert_int_equal(both.report.apart_count, 3);
    assert_int_equal(both.report.apart[0].kind, PN_LOSS_PATIENT_ONLY);
    folder_free(&both.folder);
    // The label is not why a form without a place for steps loses one.
    struct fixture none = report_of_labelled("documents:\n"
                                             "  - format: json\n"
                                             "    register: social\n"
                                             "    rows: [{ to: a, from: /plan/description }]\n",
                                             "social");
    assert_int_equal(find(&none, "next-step").kind, PN_LOSS_LEFT_OUT);
    folder_free(&none.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_copy_loses_nothing),
        cmocka_unit_test(what_a_copy_removes_is_lost),
        cmocka_unit_test(each_way_of_losing_has_its_kind),
        cmocka_unit_test(a_time_in_two_halves_is_whole),
        cmocka_unit_test(a_test_that_tells_the_value_holds_it),
        cmocka_unit_test(a_label_says_which_register_has_it),
        cmocka_unit_test(an_adapter_may_say_it_in_its_own_words),
        cmocka_unit_test(a_plan_that_is_refused_has_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
