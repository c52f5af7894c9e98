// SPDX-License-Identifier: Apache-2.0
#include "services/identify/held_row.h"
#include "tests/unit/identify/engine_bench.h"

enum { HOUR_MS = 3600000 };

// --- Tests ---------------------------------------------------------------------------------------

static void raises_with_the_events_counted(void **state)
{
    struct bench *bench = *state;
    put_noshow(bench, CLIENT_A, 1);
    put_noshow(bench, CLIENT_A, 2);
    assert_int_equal(bench->told_count, 0);
    put_noshow(bench, CLIENT_A, 3);
    assert_int_equal(bench->told_count, 1);
    assert_string_equal(last_told(bench), "raised no-shows");
    struct pn_case found = case_of(bench, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_NEW);
    assert_int_equal(found.trigger_count, 1);
    assert_int_equal(found.triggers[0].count, 3);
    assert_int_equal(found.triggers[0].lapses_ms, at(2027, 1, 1));
    cJSON *issue = NULL;
    pn_json_use_arena(bench->arena);
    assert_int_equal(pn_json_parse(found.triggers[0].data, &issue, &err), PN_OK);
    assert_true(pn_slice_starts_with(pn_fhir_get(issue, "evidence[0].detail[2].reference"),
                                     "Appointment/"));
    assert_int_equal(pn_fhir_at(issue, "evidence[0].detail[3]") == NULL, true);
    struct pn_fhir_report report;
    cJSON *flag = pn_worklist_flag(&found);
    assert_true(pn_fhir_validate(flag, &report));
    assert_string_equal(pn_fhir_get(flag, "status").ptr, "active");
    pn_json_use_arena(NULL);
    // The same again changes nothing.
    bench->events--;
    put_noshow(bench, CLIENT_A, 3);
    assert_int_equal(bench->told_count, 1);
}

static void retracts_when_its_evidence_is_gone(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    put(bench, (struct spec){.happening = "appointment.cancelled",
                             .subject = CLIENT_A,
                             .number = 2,
                             .start_ms = at(2026, 1, 2),
                             .recorded_ms = at(2026, 2, 2),
                             .status = "cancelled"});
    assert_string_equal(last_told(bench), "retracted no-shows");
    struct pn_case found = case_of(bench, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_LAPSED);
    assert_int_equal(found.triggers[0].state, PN_TRIGGER_RETRACTED);
    put_noshow(bench, CLIENT_A, 4);
    assert_string_equal(last_told(bench), "raised no-shows");
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NEW);
}

static void follows_an_event_to_another_client(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    for (unsigned i = 4; i <= 5; i++) {
        put_noshow(bench, CLIENT_B, i);
    }
    struct spec moved = {.happening = "appointment.changed",
                         .subject = CLIENT_B,
                         .number = 3,
                         .start_ms = at(2026, 1, 3),
                         .recorded_ms = at(2026, 2, 1),
                         .status = "noshow"};
    put(bench, moved);
    assert_int_equal(case_of(bench, CLIENT_A).triggers[0].state, PN_TRIGGER_RETRACTED);
    assert_int_equal(case_of(bench, CLIENT_B).triggers[0].state, PN_TRIGGER_RAISED);
    // What was said before, coming late, does not take it back.
    put_noshow(bench, CLIENT_A, 3);
    assert_int_equal(case_of(bench, CLIENT_A).triggers[0].state, PN_TRIGGER_RETRACTED);
    assert_int_equal(case_of(bench, CLIENT_B).triggers[0].count, 3);
}

static void follows_a_merge_and_its_undo(void **state)
{
    struct bench *bench = *state;
    static const char patient[] =
        "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A
        "\",\"link\":[{\"other\":{\"reference\":\"Patient/" CLIENT_B "\"},\"type\":\"replaces\"}]}";
    put_noshow(bench, CLIENT_A, 1);
    put_noshow(bench, CLIENT_A, 2);
    put_noshow(bench, CLIENT_B, 3);
    assert_int_equal(bench->told_count, 0);
    tell(bench, "merged", patient);
    assert_string_equal(last_told(bench), "raised no-shows");
    put_noshow(bench, CLIENT_B, 4);
    assert_string_equal(case_of(bench, CLIENT_B).client, CLIENT_A);
    assert_int_equal(case_of(bench, CLIENT_B).triggers[0].count, 4);
    tell(bench, "unmerged", patient);
    assert_string_equal(last_told(bench), "retracted no-shows");
    put_noshow(bench, CLIENT_B, 5);
    assert_string_equal(last_told(bench), "raised no-shows");
    assert_string_equal(case_of(bench, CLIENT_B).client, CLIENT_B);
    assert_int_equal(case_of(bench, CLIENT_A).triggers[0].state, PN_TRIGGER_RETRACTED);
}

static void a_merge_puts_the_other_case_aside(void **state)
{
    struct bench *bench = *state;
    static const char patient[] =
        "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A
        "\",\"link\":[{\"other\":{\"reference\":\"Patient/" CLIENT_B "\"},\"type\":\"replaces\"}]}";
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_B, i);
    }
    const struct pn_worklist_filter filter = {0};
    struct pn_case cases[4];
    unsigned count = 0;
    char next[PN_WORKLIST_CURSOR_BYTES];
    tell(bench, "merged", patient);
    assert_int_equal(
        pn_worklist_page(bench->worklist, bench->arena, &filter, cases, 4, &count, next, &err),
        PN_OK);
    assert_int_equal(count, 1);
    assert_string_equal(cases[0].client, CLIENT_A);
    tell(bench, "unmerged", patient);
    assert_int_equal(
        pn_worklist_page(bench->worklist, bench->arena, &filter, cases, 4, &count, next, &err),
        PN_OK);
    assert_int_equal(count, 1);
    assert_string_equal(cases[0].client, CLIENT_B);
}

static void lapses_by_time(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 4; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    tick(bench, at(2026, 7, 1));
    tick(bench, at(2027, 1, 2) - 1);
    unsigned before = bench->told_count;
    tick(bench, at(2027, 1, 2));
    assert_int_equal(bench->told_count, before + 1);
    assert_string_equal(last_told(bench), "lapsed no-shows");
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_LAPSED);
    tick(bench, at(2027, 6, 1));
    assert_int_equal(bench->told_count, before + 1);
}

static void tells_of_what_ended_and_rose_unseen(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    // Nobody looks between the 1st of January 2027, when it ends, and the events of June.
    pn_clock_set_for_test(at(2027, 7, 1));
    struct made made[3];
    for (unsigned i = 0; i < 3; i++) {
        make(&made[i], ++bench->events,
             &(struct spec){.happening = "appointment.noshow",
                            .subject = CLIENT_A,
                            .number = 10 + i,
                            .start_ms = at(2027, 6, 1 + (int)i),
                            .recorded_ms = at(2027, 6, 1 + (int)i),
                            .status = "noshow",
                            .encounter_class = ""});
    }
    take_batch(bench, made, 3);
    assert_string_equal(last_told(bench), "changed no-shows");
}

static void minors_come_on_the_list_when_they_are_adults(void **state)
{
    struct bench *bench = *state;
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"birthDate\":\"2009\"}");
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    assert_int_equal(bench->told_count, 0);
    tick(bench, at(2026, 12, 31));
    assert_int_equal(bench->told_count, 0);
    tick(bench, at(2027, 1, 1) - 2 * HOUR_MS - 1); // the year has not begun in Finland
    assert_int_equal(bench->told_count, 0);
    // Told of another year of birth: an adult all the time.
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"birthDate\":\"1990\"}");
    assert_string_equal(last_told(bench), "raised no-shows");
}

static int64_t ask(struct bench *bench, const char *sql)
{
    int64_t number = 0;
    assert_int_equal(pn_store_number(bench->store, sql, NULL, 0, &number, &err), PN_OK);
    return number;
}

// A hub that reckoned months in UTC has written that somebody is due up to three days too late, and
// nothing of how it reckoned.
static void due_times_of_another_reckoning_are_reckoned_anew(void **state)
{
    struct bench *bench = *state;
    const int64_t began_ms = at(2026, 1, 31) + 22 * HOUR_MS + HOUR_MS / 2; // 1 February 00:30
    const int64_t ends_ms = at(2027, 1, 31) + 22 * HOUR_MS + HOUR_MS / 2;
    for (unsigned i = 1; i <= 3; i++) {
        put(bench, (struct spec){.happening = "appointment.noshow",
                                 .subject = CLIENT_A,
                                 .number = i,
                                 .start_ms = began_ms,
                                 .recorded_ms = began_ms,
                                 .status = "noshow"});
    }
    tick(bench, at(2026, 6, 1));
    assert_string_equal(last_told(bench), "raised no-shows");
    assert_int_equal(ask(bench, "SELECT due_ms FROM due"), ends_ms);
    assert_int_equal(
        pn_store_run(bench->store, "UPDATE due SET due_ms = due_ms + 259200000", NULL, 0, &err),
        PN_OK);
    assert_int_equal(pn_store_run(bench->store,
                                  "DELETE FROM identify_state WHERE name = 'reckoning'", NULL, 0,
                                  &err),
                     PN_OK);
    const unsigned before = bench->told_count;
    pn_engine_close(bench->engine);
    bench_engine(bench);
    tick(bench, at(2026, 6, 2));
    assert_int_equal(ask(bench, "SELECT due_ms FROM due"), ends_ms);
    assert_int_equal(bench->told_count, before); // what holds is not told again
    tick(bench, ends_ms - 1);
    assert_int_equal(bench->told_count, before);
    tick(bench, ends_ms);
    assert_int_equal(bench->told_count, before + 1);
    assert_string_equal(last_told(bench), "lapsed no-shows");
    // The next start finds everything as it is.
    pn_engine_close(bench->engine);
    bench_engine(bench);
    tick(bench, ends_ms + 1);
    assert_int_equal(bench->told_count, before + 1);
}

static void what_a_person_set_stays(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    struct pn_identify_writer *writer = NULL;
    assert_int_equal(pn_identify_writer_open(&bench->config, &writer, &err), PN_OK);
    int64_t version = case_of(bench, CLIENT_A).version;
    struct pn_case_change change = {.client = pn_slice_str(CLIENT_A),
                                    .state = PN_CASE_SEEN,
                                    .expected_version = version,
                                    .set_by = pn_slice_str("coordinator-1")};
    assert_int_equal(pn_worklist_set_state(writer, &change, &version, &err), PN_OK);
    assert_int_equal(pn_worklist_set_state(writer, &change, &version, &err), PN_CONFLICT);
    change.state = PN_CASE_THINKING;
    change.expected_version = version;
    assert_int_equal(pn_worklist_set_state(writer, &change, &version, &err), PN_OK);
    change.state = PN_CASE_LAPSED;
    assert_int_equal(pn_worklist_set_state(writer, &change, &version, &err), PN_INVALID);
    change.state = PN_CASE_SEEN;
    change.client = pn_slice_str(CLIENT_B);
    assert_int_equal(pn_worklist_set_state(writer, &change, &version, &err), PN_NOT_FOUND);
    pn_identify_writer_close(writer);
    tick(bench, at(2027, 3, 1)); // lapses
    struct pn_case found = case_of(bench, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_THINKING);
    assert_int_equal(found.version, version + 1); // the Flag has ended
    assert_true(pn_slice_is(found.set_by, "coordinator-1"));
    int64_t counts[PN_CASE_STATE_COUNT];
    assert_int_equal(pn_worklist_counts(bench->worklist, counts, &err), PN_OK);
    assert_int_equal(counts[PN_CASE_THINKING], 1);
}

static void other_rules_are_put_to_everybody(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    tick(bench, at(2026, 6, 1));
    unsigned before = bench->told_count;
    pn_engine_close(bench->engine);
    struct pn_ruleset fewer = *bench->rules;
    fewer.fingerprint++;
    for (unsigned i = 0; i < fewer.count; i++) {
        if (strcmp(fewer.rules[i].id, "no-shows") == 0) {
            fewer.rules[i].id = "no-shows-anew";
        }
    }
    const struct pn_engine_options options = {
        .store = bench->store, .rules = &fewer, .emit = note, .context = bench};
    assert_int_equal(pn_engine_open(&options, &bench->engine, &err), PN_OK);
    tick(bench, at(2026, 6, 2));
    assert_int_equal(bench->told_count, before + 2);
    assert_string_equal(bench->told[before], "raised no-shows-anew");
    assert_string_equal(bench->told[before + 1], "retracted no-shows");
    tick(bench, at(2026, 6, 3));
    assert_int_equal(bench->told_count, before + 2);
}

// Rows that were written before facts had ends and codes: without them they count as they did.
static void reads_rows_of_the_first_form(void **state)
{
    struct bench *bench = *state;
    put_noshow(bench, CLIENT_A, 1);
    put_noshow(bench, CLIENT_A, 2);
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    uint8_t old[2 * 56];
    assert_int_equal(pn_store_prepare(bench->store, "SELECT facts FROM client_facts", &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    struct pn_fact_entry facts[2];
    unsigned count = 0;
    assert_true(pn_held_row_count(PN_ROW_FORM, pn_rows_bytes(rows, 0), &count));
    assert_int_equal(count, 2);
    pn_held_row_read(PN_ROW_FORM, pn_rows_bytes(rows, 0), facts);
    for (unsigned i = 0; i < 2; i++) {
        const struct pn_fact_entry fact = facts[i];
        memcpy(old + i * 56L, fact.id, 16);
        memcpy(old + i * 56L + 16, &fact.start_ms, 8);
        memcpy(old + i * 56L + 24, &fact.revision, 8);
        memcpy(old + i * 56L + 32, &fact.service, 16); // service, profession, contact, status
        memcpy(old + i * 56L + 48, &fact.resource_type, 8);
    }
    pn_rows_close(rows);
    const struct pn_value value = PN_BYTES(pn_slice_of((const char *)old, sizeof old));
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(
        pn_store_prepare(bench->store, "UPDATE client_facts SET form = 1, facts = ?1", &stmt, &err),
        PN_OK);
    assert_int_equal(pn_store_exec(bench->store, stmt, &value, 1, NULL, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    put_noshow(bench, CLIENT_A, 3);
    assert_string_equal(last_told(bench), "raised no-shows");
    assert_int_equal(case_of(bench, CLIENT_A).triggers[0].count, 3);
}

static void pages_by_rank(void **state)
{
    struct bench *bench = *state;
    char key[PN_CLIENT_KEY_TEXT_BYTES];
    for (unsigned i = 0; i < 23; i++) {
        (void)snprintf(key, sizeof key, "%02x000000000000000000000000000000", i * 11 + 1);
        for (unsigned k = 0; k < 3 + i % 3; k++) {
            put(bench, (struct spec){.happening = "appointment.noshow",
                                     .subject = key,
                                     .number = 10 * i + k,
                                     .start_ms = at(2026, 1, 1 + (int)k),
                                     .recorded_ms = at(2026, 2, 1),
                                     .status = "noshow"});
        }
    }
    const struct pn_worklist_filter all = {.states = (1U << PN_CASE_STATE_COUNT) - 1};
    struct pn_case cases[8];
    unsigned total = 0, count = 0;
    int64_t rank = INT64_MAX;
    char next[PN_WORKLIST_CURSOR_BYTES] = "", following[PN_WORKLIST_CURSOR_BYTES];
    struct pn_worklist_filter filter = all;
    do {
        filter.after = pn_slice_str(next);
        assert_int_equal(pn_worklist_page(bench->worklist, bench->arena, &filter, cases, 4, &count,
                                          following, &err),
                         PN_OK);
        memcpy(next, following, sizeof next);
        for (unsigned i = 0; i < count; i++) {
            assert_true(cases[i].rank <= rank);
            rank = cases[i].rank;
        }
        total += count;
    } while (next[0] != '\0');
    int64_t counts[PN_CASE_STATE_COUNT];
    assert_int_equal(pn_worklist_counts(bench->worklist, counts, &err), PN_OK);
    int64_t stored = 0;
    for (unsigned i = 0; i < PN_CASE_STATE_COUNT; i++) {
        stored += counts[i];
    }
    assert_int_equal(total, 23);
    assert_int_equal(stored, 23);
    filter = (struct pn_worklist_filter){.after = pn_slice_str("x")};
    assert_int_equal(
        pn_worklist_page(bench->worklist, bench->arena, &filter, cases, 4, &count, following, &err),
        PN_INVALID);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(raises_with_the_events_counted),
        WITH_BENCH(retracts_when_its_evidence_is_gone),
        WITH_BENCH(follows_an_event_to_another_client),
        WITH_BENCH(follows_a_merge_and_its_undo),
        WITH_BENCH(a_merge_puts_the_other_case_aside),
        WITH_BENCH(lapses_by_time),
        WITH_BENCH(tells_of_what_ended_and_rose_unseen),
        WITH_BENCH(minors_come_on_the_list_when_they_are_adults),
        WITH_BENCH(due_times_of_another_reckoning_are_reckoned_anew),
        WITH_BENCH(what_a_person_set_stays),
        WITH_BENCH(other_rules_are_put_to_everybody),
        WITH_BENCH(reads_rows_of_the_first_form),
        WITH_BENCH(pages_by_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
