// SPDX-License-Identifier: Apache-2.0
// What nearly fires, and how complete the sources are that a trigger looked at.
#include "fhir/json.h"
#include "services/identify/rules/rule_sets.h"
#include "services/identify/triggers/sources.h"
#include "tests/unit/identify/engine_bench.h"

#define COMPLETENESS "https://punos.fi/fhir/StructureDefinition/completeness"

static unsigned near_of(struct bench *bench, const char *client,
                        struct pn_near ret_near[static PN_NEAR_MAX])
{
    unsigned count = 99;
    pn_arena_reset(bench->arena);
    assert_int_equal(pn_worklist_near(bench->worklist, bench->arena, pn_slice_str(client), ret_near,
                                      &count, &err),
                     PN_OK);
    return count;
}

static cJSON *parse(struct bench *bench, struct pn_slice text)
{
    cJSON *issue = NULL;
    static struct pn_fhir_report report;
    pn_json_use_arena(bench->arena);
    assert_int_equal(pn_json_parse(text, &issue, &err), PN_OK);
    if (!pn_fhir_validate(issue, &report)) {
        fail_msg("%s: %s", report.issues[0].expression, report.issues[0].diagnostics);
    }
    pn_json_use_arena(NULL);
    return issue;
}

static bool says(const cJSON *issue, const char *path, const char *words)
{
    struct pn_slice text = pn_fhir_get(issue, path);
    return text.len > 0 && memmem(text.ptr, text.len, words, strlen(words)) != NULL;
}

static void put_visit(struct bench *bench, unsigned number, const char *class)
{
    put(bench, (struct spec){.happening = "visit.finished",
                             .subject = CLIENT_A,
                             .number = number,
                             .start_ms = at(2026, 2, (int)number),
                             .recorded_ms = at(2026, 2, (int)number),
                             .encounter_class = class});
}

static void tells_what_one_more_would_do(void **state)
{
    struct bench *bench = *state;
    struct pn_near near[PN_NEAR_MAX];
    assert_int_equal(near_of(bench, CLIENT_A, near), 0);
    put_noshow(bench, CLIENT_A, 1);
    assert_int_equal(near_of(bench, CLIENT_A, near), 0);
    put_noshow(bench, CLIENT_A, 2);
    assert_int_equal(near_of(bench, CLIENT_A, near), 1);
    assert_true(pn_slice_is(near[0].rule_id, "no-shows"));
    assert_int_equal(near[0].count, 2);
    assert_int_equal(near[0].threshold, 3);
    cJSON *issue = parse(bench, near[0].data);
    assert_true(pn_slice_is(pn_fhir_get(issue, "status"), "preliminary"));
    assert_true(says(issue, "detail", "Yksi lisää täyttäisi ehdon."));
    assert_true(says(issue, "_detail.extension[0].extension[1].valueString", "En till skulle"));
    assert_true(says(issue, "_detail.extension[1].extension[1].valueString", "One more would"));
    assert_non_null(pn_fhir_at(issue, "evidence[0].detail[1]"));
    assert_null(pn_fhir_at(issue, "evidence[0].detail[2]"));
    // What holds is not near any more, and nobody was told of anything before.
    assert_int_equal(bench->told_count, 0);
    put_noshow(bench, CLIENT_A, 3);
    assert_int_equal(near_of(bench, CLIENT_A, near), 0);
}

static void nearest_comes_first(void **state)
{
    struct bench *bench = *state;
    struct pn_near near[PN_NEAR_MAX];
    for (unsigned i = 1; i <= 9; i++) {
        put_visit(bench, i, "EMER");
    }
    put_noshow(bench, CLIENT_A, 20);
    put_noshow(bench, CLIENT_A, 21);
    assert_int_equal(near_of(bench, CLIENT_A, near), 3);
    assert_true(pn_slice_is(near[0].rule_id, "emergency-visits")); // 9 of 10
    assert_true(pn_slice_is(near[1].rule_id, "visits"));           // 9 of 11
    assert_true(pn_slice_is(near[2].rule_id, "no-shows"));         // 2 of 3
    cJSON *issue = parse(bench, near[1].data);
    assert_true(says(issue, "detail", "Ehto täyttyisi, jos määrä olisi 11."));
}

static void an_age_is_no_matter_of_events(void **state)
{
    struct bench *bench = *state;
    struct pn_near near[PN_NEAR_MAX];
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"birthDate\":\"2015\"}");
    put_noshow(bench, CLIENT_A, 1);
    put_noshow(bench, CLIENT_A, 2);
    assert_int_equal(near_of(bench, CLIENT_A, near), 0);
}

// --- Sources -------------------------------------------------------------------------------------

static void tell_feed(struct bench *bench, const char *type, const char *source, int64_t time_ms)
{
    static struct made made;
    char place[16];
    (void)snprintf(place, sizeof place, "%u", ++bench->events);
    const struct pn_slice part = pn_slice_str(place);
    pn_uuid5("event", &part, 1, made.id);
    made.event = (struct pn_event){.id = pn_slice_str(made.id),
                                   .source = pn_slice_str(source),
                                   .type = pn_slice_str(type),
                                   .subject = pn_slice_str("lifecare"),
                                   .time_ms = time_ms,
                                   .recorded_ms = time_ms + bench->events,
                                   .data = pn_slice_str("{}")};
    take_batch(bench, &made, 1);
}

static unsigned stamps_of(const cJSON *issue, bool silent_only)
{
    unsigned count = 0;
    const cJSON *extension = NULL;
    cJSON_ArrayForEach(extension, cJSON_GetObjectItemCaseSensitive(issue, "extension"))
    {
        bool is_silent = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
            cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(extension, "extension"), 1),
            "valueBoolean"));
        count +=
            pn_slice_is(pn_json_text(extension, "url"), COMPLETENESS) && (is_silent || !silent_only)
                ? 1
                : 0;
    }
    return count;
}

static void a_trigger_names_its_sources(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    struct pn_case found = case_of(bench, CLIENT_A);
    cJSON *issue = parse(bench, found.triggers[0].data);
    assert_int_equal(stamps_of(issue, false), 1);
    assert_int_equal(stamps_of(issue, true), 0);
    assert_false(says(issue, "detail", "hiljaa"));
    // A silence tells no trigger again, but is there when one is read, and when one is told.
    tell_feed(bench, PN_EVENT_FEED_SILENT, "/adapter/lifecare/other", at(2026, 5, 30));
    tell_feed(bench, PN_EVENT_FEED_SILENT, "/adapter/never-heard", at(2026, 5, 29));
    assert_int_equal(bench->told_count, 1);
    pn_clock_set_for_test(at(2026, 6, 2));
    found = case_of(bench, CLIENT_A);
    issue = parse(bench, found.triggers[0].data);
    assert_int_equal(stamps_of(issue, false), 3);
    assert_int_equal(stamps_of(issue, true), 2);
    assert_true(says(issue, "detail",
                     "Lähteet ovat hiljaa: lifecare/other 30.5.2026 alkaen, "
                     "never-heard 29.5.2026 alkaen. Määrä voi olla suurempi."));
    tell_feed(bench, PN_EVENT_FEED_RESUMED, "/adapter/never-heard", at(2026, 6, 2));
    pn_clock_set_for_test(at(2026, 6, 3));
    found = case_of(bench, CLIENT_A);
    issue = parse(bench, found.triggers[0].data);
    assert_int_equal(stamps_of(issue, true), 1);
    assert_true(says(issue, "_detail.extension[1].extension[1].valueString",
                     "A source is silent: lifecare/other since 2026-05-30."));
    assert_int_equal(bench->told_count, 1);
}

static void a_rule_does_not_mind_a_system_that_feeds_others(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    static struct pn_sources sources;
    assert_int_equal(pn_sources_refresh(&sources, bench->store, at(2026, 6, 1), &err), PN_OK);
    assert_int_equal(sources.count, 1);
    assert_string_equal(sources.items[0].name, "/adapter/lifecare");
    const struct pn_rule *noshows = pn_rules_find(bench->rules, pn_slice_str("no-shows"));
    const struct pn_rule *visits = pn_rules_find(bench->rules, pn_slice_str("visits"));
    assert_true(pn_source_feeds(&sources, 0, noshows));
    assert_false(pn_source_feeds(&sources, 0, visits));
    // What it feeds is learned again after a rollback.
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    static struct made made;
    const struct spec visit = {.happening = "visit.finished",
                               .subject = CLIENT_A,
                               .number = 50,
                               .start_ms = at(2026, 3, 1),
                               .recorded_ms = at(2026, 3, 1),
                               .status = "finished",
                               .encounter_class = "AMB"};
    make(&made, 1000, &visit);
    assert_int_equal(pn_engine_take(bench->engine, bench->arena, &made.event, &err), PN_OK);
    pn_store_rollback(bench->store);
    pn_engine_forget(bench->engine);
    take_batch(bench, &made, 1);
    pn_clock_set_for_test(at(2026, 6, 2));
    assert_int_equal(pn_sources_refresh(&sources, bench->store, at(2026, 6, 2), &err), PN_OK);
    assert_true(pn_source_feeds(&sources, 0, visits));
}

// --- Protection ----------------------------------------------------------------------------------

static uint32_t told_classes;

static enum pn_code note_class(void *context, const struct pn_event *event, struct pn_err *unused)
{
    struct pn_facts facts;
    assert_int_equal(pn_facts_read(event, &facts, unused), PN_OK);
    told_classes = facts.classes;
    return note(context, event, unused);
}

// Whoever passes the event on (the feed) reads the class off the resource.
static void a_protected_trigger_is_labelled_to_its_end(void **state)
{
    struct bench *bench = *state;
    pn_engine_close(bench->engine);
    const struct pn_engine_options options = {
        .store = bench->store, .rules = bench->rules, .emit = note_class, .context = bench};
    assert_int_equal(pn_engine_open(&options, &bench->engine, &err), PN_OK);
    static struct made made;
    const uint32_t both = pn_class_bit(PN_CLASS_SUBSTANCE) | pn_class_bit(PN_CLASS_GENETICS);
    for (unsigned i = 1; i <= 3; i++) {
        const struct spec spec = {.happening = "appointment.noshow",
                                  .subject = CLIENT_A,
                                  .number = i,
                                  .start_ms = at(2026, 1, (int)i),
                                  .recorded_ms = at(2026, 1, (int)i),
                                  .status = "noshow",
                                  .encounter_class = "AMB"};
        make(&made, ++bench->events, &spec);
        char *end = strrchr(made.data, '}');
        (void)snprintf(end, sizeof made.data - (size_t)(end - made.data),
                       ",\"meta\":{\"security\":[{\"system\":\"https://punos.fi/fhir/CodeSystem/"
                       "data-class\",\"code\":\"%s\"}]}}",
                       i == 2 ? "genetics" : "substance");
        made.event.data = pn_slice_str(made.data);
        take_batch(bench, &made, 1);
    }
    assert_string_equal(last_told(bench), "raised no-shows");
    assert_int_equal(told_classes, both);
    told_classes = 0;
    tick(bench, at(2027, 1, 2));
    assert_string_equal(last_told(bench), "lapsed no-shows");
    assert_int_equal(told_classes, both);
}

// --- Rules ---------------------------------------------------------------------------------------

static void the_reader_follows_the_rules_in_use(void **state)
{
    struct bench *bench = *state;
    struct pn_near near[PN_NEAR_MAX];
    static const char rules[] =
        "filters:\n  unused: { kinds: [appointment], noshow: true }\nrules:\n  - id: no-shows\n"
        "    version: 2\n    origin: punos\n    source: none\n"
        "    title: { fi: Toinen, sv: Andra, en: Second }\n"
        "    explanation: { fi: \"{count} {count|aika|aikaa}\", sv: \"{count}\", en: \"{count}\" "
        "}\n"
        "    when: { count: { where: unused, in_months: 12, at_least: 2 } }\n";
    put_noshow(bench, CLIENT_A, 1);
    assert_int_equal(near_of(bench, CLIENT_A, near), 0);
    char fingerprint[PN_RULES_FINGERPRINT_BYTES];
    pn_rules_fingerprint(pn_slice_str(rules), fingerprint);
    const struct pn_rule_set set = {.number = 1,
                                    .fingerprint = pn_slice_str(fingerprint),
                                    .text = pn_slice_str(rules),
                                    .file = pn_slice_str("second.yaml"),
                                    .promoted_by = pn_slice_str("somebody"),
                                    .at_ms = at(2026, 6, 1)};
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_rule_set_add(bench->store, &set, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    assert_int_equal(near_of(bench, CLIENT_A, near), 1);
    assert_true(pn_slice_is(near[0].title_en, "Second"));
    cJSON *issue = parse(bench, near[0].data);
    assert_true(says(issue, "detail", "1 aika Yksi lisää"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_what_one_more_would_do, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(nearest_comes_first, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(an_age_is_no_matter_of_events, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_trigger_names_its_sources, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_rule_does_not_mind_a_system_that_feeds_others, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(the_reader_follows_the_rules_in_use, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(a_protected_trigger_is_labelled_to_its_end, open_bench,
                                        close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
