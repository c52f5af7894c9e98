// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fhir/fhir.h"
#include "fhir/validate.h"

static struct pn_fhir_report report;

static int use_fresh_arena(void **state)
{
    struct pn_arena *arena = pn_arena_new(16 * 1024 * 1024);
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

// The texts here are written with ' for ", so that they can be read.
static bool validate(const char *quoted)
{
    struct pn_buf text;
    struct pn_err err;
    cJSON *json = NULL;
    pn_buf_init(&text, 1024 * 1024);
    for (const char *c = quoted; *c != '\0'; c++) {
        pn_buf_add_char(&text, *c == '\'' ? '"' : *c);
    }
    if (pn_json_parse(pn_buf_slice(&text), &json, &err) != PN_OK) {
        fail_msg("%s %s: %s", err.where, err.text, quoted);
    }
    pn_buf_release(&text);
    return pn_fhir_validate(json, &report);
}

static void assert_valid(const char *quoted)
{
    if (!validate(quoted)) {
        fail_msg("refused: %s\n%s: %s", quoted, report.issues[0].expression,
                 report.issues[0].diagnostics);
    }
}

static void assert_issue(const char *quoted, const char *code, const char *expression)
{
    bool good = validate(quoted);
    for (unsigned i = 0; i < report.issue_count; i++) {
        const struct pn_fhir_issue *issue = &report.issues[i];
        if (issue->severity == PN_FHIR_ERROR && strcmp(issue->code, code) == 0 &&
            strcmp(issue->expression, expression) == 0) {
            return;
        }
    }
    fail_msg("%s at %s was not found in %s\nfirst of %u: %s %s: %s", code, expression, quoted,
             report.issue_count, good ? "none" : report.issues[0].code, report.issues[0].expression,
             report.issues[0].diagnostics);
}

#define ENCOUNTER_HEAD "{'resourceType':'Encounter','status':'finished','class':{'code':'AMB'}"
#define OBSERVATION_HEAD                                                                           \
    "{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'urn:x','code':"   \
    "'1'}]}"

static void takes_what_is_valid(void **state)
{
    (void)state;
    assert_valid(ENCOUNTER_HEAD "}");
    assert_valid(ENCOUNTER_HEAD
                 ",'id':'a-1','meta':{'lastUpdated':'2026-11-21T10:00:00Z'},"
                 "'text':{'status':'generated','div':'<div xmlns=\\'http://www.w3.org/"
                 "1999/xhtml\\'>x</div>'},'subject':{'reference':'Patient/1'},"
                 "'period':{'start':'2026-11-20','end':'2026-11-21T08:00:00+02:00'},"
                 "'participant':[{'individual':{'identifier':{'value':'7'}}}],"
                 "'length':{'value':1.50,'unit':'h','system':"
                 "'http://unitsofmeasure.org','code':'h'}}");
    assert_valid("{'resourceType':'Patient','name':[{'given':['Aino',null],'_given':[null,{"
                 "'extension':[{'url':'urn:x','valueCode':'y'}]}]}],'_birthDate':{'extension':[{"
                 "'url':'urn:x','valueDateTime':'2020'}]},'deceasedBoolean':false}");
    assert_valid(
        "{'resourceType':'QuestionnaireResponse','status':'completed','item':[{'linkId':'1',"
        "'answer':[{'valueInteger':3,'item':[{'linkId':'1.1'}]}]}]}");
}

static void finds_what_is_not_in_the_tables(void **state)
{
    (void)state;
    assert_issue("[]", "structure", "Resource");
    assert_issue("{}", "structure", "Resource");
    assert_issue("{'resourceType':'Nothing'}", "structure", "Resource");
    assert_issue(ENCOUNTER_HEAD ",'nothing':1}", "structure", "Encounter.nothing");
    assert_issue(ENCOUNTER_HEAD ",'_class':{'id':'x'}}", "structure", "Encounter.class");
    assert_issue(ENCOUNTER_HEAD ",'period':{'begin':'2020'}}", "structure",
                 "Encounter.period.begin");
    assert_issue(ENCOUNTER_HEAD ",'participant':[{},{'x':1}]}", "structure",
                 "Encounter.participant[1].x");
    assert_issue(ENCOUNTER_HEAD ",'010190-999X':1}", "structure", "Encounter.?");
}

static void finds_what_is_missing(void **state)
{
    (void)state;
    assert_issue("{'resourceType':'Encounter','class':{'code':'AMB'}}", "required",
                 "Encounter.status");
    assert_issue("{'resourceType':'Encounter','status':'finished'}", "required", "Encounter.class");
    assert_issue(ENCOUNTER_HEAD ",'statusHistory':[{'status':'arrived'}]}", "required",
                 "Encounter.statusHistory[0].period");
    assert_issue(
        "{'resourceType':'MedicationRequest','status':'active','intent':'order','subject':{"
        "'reference':'Patient/1'}}",
        "required", "MedicationRequest.medication");
    // An extension in its place is enough for a required primitive.
    assert_valid("{'resourceType':'Encounter','_status':{'extension':[{'url':'urn:x','valueCode':"
                 "'unknown'}]},'class':{'code':'AMB'}}");
}

static void finds_wrong_shapes(void **state)
{
    (void)state;
    assert_issue(ENCOUNTER_HEAD ",'participant':{}}", "structure", "Encounter.participant");
    assert_issue(ENCOUNTER_HEAD ",'participant':[]}", "structure", "Encounter.participant");
    assert_issue(ENCOUNTER_HEAD ",'period':[{'start':'2020'}]}", "structure", "Encounter.period");
    assert_issue(ENCOUNTER_HEAD ",'period':'2020'}", "structure", "Encounter.period");
    assert_issue(ENCOUNTER_HEAD ",'period':null}", "structure", "Encounter.period");
    assert_issue(ENCOUNTER_HEAD ",'period':{}}", "invariant", "Encounter.period");
    assert_issue(ENCOUNTER_HEAD ",'period':{'id':'x'}}", "invariant", "Encounter.period");
    assert_issue("{'resourceType':'Patient','name':[{'given':['a',null]}]}", "structure",
                 "Patient.name[0].given[1]");
    assert_issue("{'resourceType':'Patient','birthDate':null}", "value", "Patient.birthDate");
}

static void finds_wrong_primitives(void **state)
{
    (void)state;
    assert_issue(ENCOUNTER_HEAD ",'period':{'start':'20.11.2026'}}", "value",
                 "Encounter.period.start");
    assert_issue(ENCOUNTER_HEAD ",'period':{'start':2026}}", "value", "Encounter.period.start");
    assert_issue("{'resourceType':'Patient','active':'true'}", "value", "Patient.active");
    assert_issue("{'resourceType':'Patient','multipleBirthInteger':1.5}", "value",
                 "Patient.multipleBirth.ofType(integer)");
    assert_issue("{'resourceType':'Patient','gender':''}", "value", "Patient.gender");
    assert_issue("{'resourceType':'Patient','id':'a_b'}", "value", "Patient.id");
    assert_issue(OBSERVATION_HEAD ",'valueQuantity':{'value':'1'}}", "value",
                 "Observation.value.ofType(Quantity).value");
}

static void finds_two_types_of_one_choice(void **state)
{
    (void)state;
    assert_issue(OBSERVATION_HEAD ",'valueString':'a','valueInteger':1}", "structure",
                 "Observation.value.ofType(integer)");
    assert_valid(OBSERVATION_HEAD ",'valueString':'a','_valueString':{'id':'x'}}");
}

static void finds_wrong_codes(void **state)
{
    (void)state;
    assert_issue("{'resourceType':'Encounter','status':'done','class':{'code':'AMB'}}",
                 "code-invalid", "Encounter.status");
    assert_non_null(strstr(report.issues[0].diagnostics, "planned"));
    assert_null(strstr(report.issues[0].diagnostics, "done"));
#define CONDITION_STATUS(system, code)                                                             \
    "{'resourceType':'Condition','subject':{'reference':'Patient/1'},'clinicalStatus':{'coding':[" \
    "{'system':'" system "','code':'" code "'}]}}"
    assert_valid(
        CONDITION_STATUS("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"));
    assert_issue(CONDITION_STATUS("http://terminology.hl7.org/CodeSystem/condition-clinical", "x"),
                 "code-invalid", "Condition.clinicalStatus");
    assert_issue(CONDITION_STATUS("urn:x", "active"), "code-invalid", "Condition.clinicalStatus");
    assert_issue("{'resourceType':'Binary','contentType':'nothing'}", "code-invalid",
                 "Binary.contentType");
    assert_issue("{'resourceType':'Binary','contentType':'text/ plain'}", "code-invalid",
                 "Binary.contentType");
}

static void checks_references(void **state)
{
    (void)state;
    static const char *const good[] = {"Patient/1",
                                       "Patient/1/_history/2",
                                       "https://example.org/fhir/Patient/1",
                                       "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
                                       "urn:oid:1.2.3",
                                       "Patient?identifier=x|y"};
    static const char *const wrong[] = {"patient/1",  "Patient/",      "Patient",
                                        "Patient/a_", "urn:uuid:1",    "Nothing/1",
                                        "1",          "Patient/1/2/3", "urn:oid:x"};
    char text[256];
    for (size_t i = 0; i < PN_ARRAY_COUNT(good); i++) {
        snprintf(text, sizeof text, ENCOUNTER_HEAD ",'subject':{'reference':'%s'}}", good[i]);
        assert_valid(text);
        assert_int_equal(report.issue_count, 0);
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        snprintf(text, sizeof text, ENCOUNTER_HEAD ",'subject':{'reference':'%s'}}", wrong[i]);
        assert_issue(text, "value", "Encounter.subject.reference");
    }
    assert_valid(ENCOUNTER_HEAD ",'subject':{'reference':'Practitioner/1'}}");
    assert_int_equal(report.issue_count, 1);
    assert_int_equal(report.issues[0].severity, PN_FHIR_WARNING);
}

#define PLAN(contained, more)                                                                      \
    "{'resourceType':'CarePlan','status':'active','intent':'plan','subject':{'reference':"         \
    "'Patient/1'},'contained':[" contained "]" more "}"

static void checks_contained_resources(void **state)
{
    (void)state;
    assert_valid(PLAN("{'resourceType':'CareTeam','id':'t'}", ",'careTeam':[{'reference':'#t'}]"));
    assert_valid(PLAN("{'resourceType':'Provenance','target':[{'reference':'#'}],'recorded':"
                      "'2026-11-21T10:00:00Z','agent':[{'who':{'display':'x'}}]}",
                      ""));
    assert_issue(PLAN("{'resourceType':'CareTeam','id':'t'}", ""), "invariant",
                 "CarePlan.contained[0]");
    assert_issue(PLAN("{'resourceType':'CareTeam','id':'t'}", ",'careTeam':[{'reference':'#u'}]"),
                 "invariant", "CarePlan.careTeam[0].reference");
    assert_issue(PLAN("{'resourceType':'CareTeam','id':'t','contained':[{'resourceType':'Group'}]}",
                      ",'careTeam':[{'reference':'#t'}]"),
                 "invariant", "CarePlan.contained[0].contained[0]");
    assert_issue(PLAN("{'resourceType':'CareTeam','id':'t','meta':{'versionId':'1'}}",
                      ",'careTeam':[{'reference':'#t'}]"),
                 "invariant", "CarePlan.contained[0]");
    assert_issue(PLAN("{'resourceType':'CareTeam','id':'t','status':'x'}",
                      ",'careTeam':[{'reference':'#t'}]"),
                 "code-invalid", "CarePlan.contained[0].status");
    assert_issue(PLAN("{'id':'t'}", ",'careTeam':[{'reference':'#t'}]"), "structure",
                 "CarePlan.contained[0]");
    assert_issue(ENCOUNTER_HEAD ",'subject':{'reference':'#p'}}", "invariant",
                 "Encounter.subject.reference");
}

static void checks_bundles(void **state)
{
    (void)state;
#define BUNDLE(type, entries) "{'resourceType':'Bundle','type':'" type "','entry':[" entries "]}"
    assert_valid(BUNDLE("collection", "{'fullUrl':'urn:x:1','resource':" ENCOUNTER_HEAD "}}"));
    assert_issue(BUNDLE("collection", "{'resource':{'resourceType':'Patient','x':1}}"), "structure",
                 "Bundle.entry[0].resource.x");
    assert_issue(BUNDLE("collection", "{'fullUrl':'urn:x:1'}"), "invariant", "Bundle.entry[0]");
    assert_issue(BUNDLE("batch", "{'resource':" ENCOUNTER_HEAD "}}"), "invariant", "Bundle");
    assert_issue(BUNDLE("batch-response", "{'fullUrl':'urn:x:1','response':{'status':'200'}},{"
                                          "'fullUrl':'urn:x:1','response':{'status':'200'}}"),
                 "invariant", "Bundle");
    assert_issue(BUNDLE("document", "{'resource':" ENCOUNTER_HEAD "}}"), "invariant", "Bundle");
    // Each entry has contained resources of its own.
    assert_issue(BUNDLE("collection",
                        "{'resource':" PLAN(
                            "{'resourceType':'CareTeam','id':'t'}",
                            ",'careTeam':[{'reference':'#t'}]") "},{'resource':" ENCOUNTER_HEAD
                                                                ",'subject':{'reference':'#t'}}}"),
                 "invariant", "Bundle.entry[1].resource.subject.reference");
}

struct broken {
    const char *key;
    const char *text;
};

// Each breaks one invariant; the key must be named.
static const struct broken broken[] = {
    {"ext-1", ENCOUNTER_HEAD ",'extension':[{'url':'urn:x'}]}"},
    {"ext-1", ENCOUNTER_HEAD ",'extension':[{'url':'urn:x','valueCode':'a','extension':[{'url':'y',"
                             "'valueCode':'b'}]}]}"},
    {"per-1", ENCOUNTER_HEAD ",'period':{'start':'2026-11-22','end':'2026-11-21T23:00:00Z'}}"},
    {"per-1", ENCOUNTER_HEAD ",'period':{'start':'2026-11-21T10:00:00+02:00','end':"
                             "'2026-11-21T07:59:59Z'}}"},
    {"qty-3", OBSERVATION_HEAD ",'valueQuantity':{'value':1,'code':'h'}}"},
    {"drt-1", ENCOUNTER_HEAD ",'length':{'value':1,'system':'urn:x','code':'h'}}"},
    {"rng-2", OBSERVATION_HEAD ",'valueRange':{'low':{'value':2},'high':{'value':1.5}}}"},
    {"rat-1", OBSERVATION_HEAD ",'valueRatio':{'numerator':{'value':1}}}"},
    {"obs-3", OBSERVATION_HEAD ",'referenceRange':[{'type':{'text':'x'}}]}"},
    {"obs-6", OBSERVATION_HEAD ",'valueString':'x','dataAbsentReason':{'text':'y'}}"},
    {"obs-7", OBSERVATION_HEAD ",'valueString':'x','component':[{'code':{'coding':[{'system':"
                               "'urn:x','code':'1'}]}}]}"},
    {"app-1", "{'resourceType':'Appointment','status':'proposed','participant':[{'status':"
              "'accepted'}]}"},
    {"app-2", "{'resourceType':'Appointment','status':'proposed','start':'2026-11-21T10:00:00Z',"
              "'participant':[{'status':'accepted','actor':{'reference':'Patient/1'}}]}"},
    {"app-3", "{'resourceType':'Appointment','status':'booked','participant':[{'status':'accepted',"
              "'actor':{'reference':'Patient/1'}}]}"},
    {"app-4", "{'resourceType':'Appointment','status':'proposed','cancelationReason':{'text':'x'},"
              "'participant':[{'status':'accepted','actor':{'reference':'Patient/1'}}]}"},
    {"con-2", "{'resourceType':'Condition','subject':{'reference':'Patient/1'},'evidence':[{'id':"
              "'x','extension':[{'url':'y','valueCode':'b'}]}]}"},
    {"con-4", "{'resourceType':'Condition','subject':{'reference':'Patient/1'},'abatementDateTime':"
              "'2026'}"},
    {"con-5",
     "{'resourceType':'Condition','subject':{'reference':'Patient/1'},'clinicalStatus':{"
     "'coding':[{'system':'http://terminology.hl7.org/CodeSystem/condition-clinical','code':"
     "'active'}]},'verificationStatus':{'coding':[{'system':'http://terminology.hl7.org/"
     "CodeSystem/condition-ver-status','code':'entered-in-error'}]}}"},
    {"ppc-1",
     "{'resourceType':'Consent','status':'active','scope':{'text':'x'},'category':[{'text':"
     "'y'}]}"},
    {"cpl-3", "{'resourceType':'CarePlan','status':'active','intent':'plan','subject':{'reference':"
              "'Patient/1'},'activity':[{'reference':{'reference':'Task/1'},'detail':{'status':"
              "'scheduled'}}]}"},
    {"ctm-1", "{'resourceType':'CareTeam','participant':[{'member':{'reference':'Patient/1'},"
              "'onBehalfOf':{'reference':'Organization/1'}}]}"},
    {"gol-1", "{'resourceType':'Goal','lifecycleStatus':'active','description':{'text':'x'},"
              "'subject':{'reference':'Patient/1'},'target':[{'detailString':'x'}]}"},
    {"org-1", "{'resourceType':'Organization','active':true}"},
    {"org-2", "{'resourceType':'Organization','name':'x','address':[{'use':'home','city':'y'}]}"},
    {"org-3", "{'resourceType':'Organization','name':'x','telecom':[{'use':'home'}]}"},
    {"pat-1", "{'resourceType':'Patient','contact':[{'gender':'male'}]}"},
    {"cpt-2", "{'resourceType':'Patient','telecom':[{'value':'x'}]}"},
    {"att-1", "{'resourceType':'Patient','photo':[{'data':'QUJD'}]}"},
    {"qrs-1", "{'resourceType':'QuestionnaireResponse','status':'completed','item':[{'linkId':'1',"
              "'answer':[{'valueInteger':3}],'item':[{'linkId':'2'}]}]}"},
    {"prr-1", "{'resourceType':'ServiceRequest','status':'active','intent':'order','subject':{"
              "'reference':'Patient/1'},'orderDetail':[{'text':'x'}]}"},
    {"inv-1", "{'resourceType':'Task','status':'draft','intent':'order','authoredOn':'2026-11-21',"
              "'lastModified':'2026-11-20'}"},
    {"inv-1", "{'resourceType':'Parameters','parameter':[{'name':'x'}]}"},
    {"ras-2",
     "{'resourceType':'RiskAssessment','status':'final','subject':{'reference':'Patient/1'},"
     "'prediction':[{'probabilityDecimal':101}]}"},
    {"grp-1", "{'resourceType':'Group','type':'person','actual':false,'member':[{'entity':{"
              "'reference':'Patient/1'}}]}"},
    {"sev-1",
     "{'resourceType':'AuditEvent','type':{'code':'x'},'recorded':'2026-11-21T10:00:00Z',"
     "'agent':[{'requestor':true}],'source':{'observer':{'display':'x'}},'entity':[{'name':"
     "'x','query':'QUJD'}]}"},
    {"txt-1", ENCOUNTER_HEAD ",'text':{'status':'generated','div':'<p>x</p>'}}"},
    {"tim-2", "{'resourceType':'ServiceRequest','status':'active','intent':'order','subject':{"
              "'reference':'Patient/1'},'occurrenceTiming':{'repeat':{'period':1}}}"},
    {"tim-9", "{'resourceType':'ServiceRequest','status':'active','intent':'order','subject':{"
              "'reference':'Patient/1'},'occurrenceTiming':{'repeat':{'offset':1,'when':['C']}}}"},
};

static void names_the_invariant_that_is_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(broken); i++) {
        bool found = false;
        if (validate(broken[i].text)) {
            fail_msg("taken: %s %s", broken[i].key, broken[i].text);
        }
        for (unsigned j = 0; j < report.issue_count; j++) {
            const char *text = report.issues[j].diagnostics;
            size_t length = strlen(broken[i].key);
            found = found || (strncmp(text, broken[i].key, length) == 0 && text[length] == ':');
        }
        if (!found || report.error_count != 1) {
            fail_msg("%s: %u errors, the first: %s", broken[i].key, report.error_count,
                     report.issues[0].diagnostics);
        }
    }
}

// They are looked up by halving.
static void keeps_the_invariants_sorted_by_type(void **state)
{
    (void)state;
    for (unsigned i = 1; i < pn_fhir_invariant_count; i++) {
        assert_true(pn_fhir_invariants[i - 1].type <= pn_fhir_invariants[i].type);
    }
}

static void says_nothing_about_periods_that_may_be_in_order(void **state)
{
    (void)state;
    assert_valid(ENCOUNTER_HEAD ",'period':{'start':'2026-11-21','end':'2026-11'}}");
    assert_valid(ENCOUNTER_HEAD ",'period':{'start':'2026-11-21T10:00:00Z','end':'2026-11-21'}}");
    assert_valid(ENCOUNTER_HEAD ",'period':{'start':'2026','end':'2026'}}");
    assert_valid(ENCOUNTER_HEAD ",'period':{'end':'2026'}}");
}

static void checks_narratives(void **state)
{
    (void)state;
#define XHTML(body) "<div xmlns=\\'http://www.w3.org/1999/xhtml\\'>" body "</div>"
    static const char *const good[] = {XHTML("x"), XHTML("<p class=\\'a\\'>x<br/>&amp;</p>"),
                                       XHTML("<img src=\\'#a\\'/>"), XHTML("<!-- c -->x"),
                                       XHTML("<a href=\\'https://punos.fi\\'>x</a>")};
    static const char *const wrong[] = {XHTML(""),
                                        XHTML("  "),
                                        XHTML("<script>x</script>"),
                                        XHTML("<b>x</i>"),
                                        XHTML("<p>x"),
                                        XHTML("a & b"),
                                        XHTML("<p onclick=\\'x\\'>y</p>"),
                                        XHTML("<a href=\\' javascript:x\\'>y</a>"),
                                        XHTML("x") "y",
                                        "<div>x</div>",
                                        "<div xmlns=\\'http://www.w3.org/1999/xhtml\\'>x",
                                        XHTML("<p a>x</p>"),
                                        XHTML("<!DOCTYPE x>y"),
                                        XHTML("<iframe/>x"),
                                        XHTML("<!-- x"),
                                        "<div xmlns=\\'http"};
    char text[512];
    for (size_t i = 0; i < PN_ARRAY_COUNT(good) + PN_ARRAY_COUNT(wrong); i++) {
        bool is_good = i < PN_ARRAY_COUNT(good);
        snprintf(text, sizeof text, ENCOUNTER_HEAD ",'text':{'status':'generated','div':'%s'}}",
                 is_good ? good[i] : wrong[i - PN_ARRAY_COUNT(good)]);
        if (is_good) {
            assert_valid(text);
        } else {
            assert_issue(text, "invariant", "Encounter.text.div");
        }
    }
}

static void stops_at_its_bounds(void **state)
{
    (void)state;
    struct pn_err err;
    cJSON *root = pn_fhir_new("QuestionnaireResponse");
    assert_int_equal(pn_fhir_set(root, "status", pn_slice_str("completed"), &err), PN_OK);
    cJSON *node = root;
    for (int i = 0; i < 2 * PN_TREE_DEPTH_MAX; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(cJSON_AddArrayToObject(node, "item"), item);
        cJSON_AddStringToObject(item, "linkId", "1");
        node = item;
    }
    assert_false(pn_fhir_validate(root, &report));
    assert_string_equal(report.issues[0].code, "too-long");

    cJSON *patient = pn_fhir_new("Patient");
    cJSON *names = cJSON_AddArrayToObject(patient, "name");
    for (int i = 0; i < 3 * PN_FHIR_ISSUES_MAX; i++) {
        cJSON_AddItemToArray(names, cJSON_CreateTrue());
    }
    assert_false(pn_fhir_validate(patient, &report));
    assert_int_equal(report.issue_count, PN_FHIR_ISSUES_MAX);
    assert_int_equal(report.error_count, 3 * PN_FHIR_ISSUES_MAX);
}

static void gives_outcomes_that_are_valid_themselves(void **state)
{
    (void)state;
    struct pn_fhir_report own;
    assert_valid(ENCOUNTER_HEAD "}");
    cJSON *outcome = pn_fhir_report_outcome(&report);
    assert_true(pn_fhir_validate(outcome, &own));
    assert_true(pn_slice_is(pn_fhir_get(outcome, "issue.severity"), "information"));

    assert_false(validate("{'resourceType':'Encounter','status':'done','x':1}"));
    outcome = pn_fhir_report_outcome(&report);
    assert_true(pn_fhir_validate(outcome, &own));
    assert_true(pn_slice_is(pn_fhir_get(outcome, "issue[0].expression"), "Encounter.status"));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(outcome, "issue")), 3);

    for (enum pn_code code = PN_INVALID; code <= PN_INTERNAL; code++) {
        struct pn_err err;
        (void)pn_err_set(&err, code, "PID-3.1", "should be a number");
        outcome = pn_fhir_error_outcome(&err);
        assert_true(pn_fhir_validate(outcome, &own));
        assert_true(
            pn_slice_is(pn_fhir_get(outcome, "issue.diagnostics"), "PID-3.1: should be a number"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_valid),
        cmocka_unit_test(finds_what_is_not_in_the_tables),
        cmocka_unit_test(finds_what_is_missing),
        cmocka_unit_test(finds_wrong_shapes),
        cmocka_unit_test(finds_wrong_primitives),
        cmocka_unit_test(finds_two_types_of_one_choice),
        cmocka_unit_test(finds_wrong_codes),
        cmocka_unit_test(checks_references),
        cmocka_unit_test(checks_contained_resources),
        cmocka_unit_test(checks_bundles),
        cmocka_unit_test(names_the_invariant_that_is_broken),
        cmocka_unit_test(keeps_the_invariants_sorted_by_type),
        cmocka_unit_test(says_nothing_about_periods_that_may_be_in_order),
        cmocka_unit_test(checks_narratives),
        cmocka_unit_test(stops_at_its_bounds),
        cmocka_unit_test(gives_outcomes_that_are_valid_themselves),
    };
    return cmocka_run_group_tests(tests, use_fresh_arena, drop_arena);
}
