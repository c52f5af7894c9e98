// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/identify/engine_bench.h"

#include "run/metrics.h"
#include "services/identify/feedback/feedback.h"

// "1 raised no-shows v2 HA1|2 lapsed …" of a client, in the order of the tellings.
static const char *log_of(struct bench *bench)
{
    static char text[TEXT_BYTES];
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = true;
    text[0] = '\0';
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT serial, happening, rule, version, unit, at_ms,"
                                      " told_ms FROM trigger_log ORDER BY client, rule, serial",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    while (true) {
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        if (!has_row) {
            break;
        }
        assert_true(pn_rows_int(rows, 5) <= pn_rows_int(rows, 6));
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%s%lld %s %.*s", used > 0 ? "|" : "",
                       (long long)pn_rows_int(rows, 0),
                       pn_trigger_state_name((enum pn_trigger_state)pn_rows_int(rows, 1)),
                       PN_SLICE_FMT(pn_rows_text(rows, 2)));
    }
    pn_rows_close(rows);
    return text;
}

static void each_telling_is_written_once(void **state)
{
    struct bench *bench = *state;
    const int64_t before =
        pn_metric_get("punos_triggers_total", "rule,happening", "no-shows,raised");
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    assert_string_equal(log_of(bench), "1 raised no-shows");
    // The same events again, as after a lost position, and more of them: changed is no row.
    bench->events -= 3;
    for (unsigned i = 1; i <= 8; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    assert_string_equal(last_told(bench), "changed no-shows");
    assert_string_equal(log_of(bench), "1 raised no-shows");
    tick(bench, at(2027, 3, 1));
    assert_string_equal(log_of(bench), "1 raised no-shows|3 lapsed no-shows");
    assert_int_equal(pn_metric_get("punos_triggers_total", "rule,happening", "no-shows,raised"),
                     before + 1);
}

static void nothing_is_written_of_what_was_rolled_back(void **state)
{
    struct bench *bench = *state;
    const int64_t before =
        pn_metric_get("punos_triggers_total", "rule,happening", "no-shows,raised");
    struct made made[3];
    for (unsigned i = 0; i < 3; i++) {
        const struct spec spec = {.happening = "appointment.noshow",
                                  .subject = CLIENT_A,
                                  .number = i + 1,
                                  .start_ms = at(2026, 1, (int)i + 1),
                                  .recorded_ms = at(2026, 2, 1),
                                  .status = "noshow",
                                  .encounter_class = "AMB"};
        make(&made[i], ++bench->events, &spec);
    }
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pn_engine_take(bench->engine, bench->arena, &made[i].event, &err), PN_OK);
    }
    assert_int_equal(pn_engine_batch_end(bench->engine, &err), PN_OK);
    pn_store_rollback(bench->store);
    pn_engine_forget(bench->engine);
    assert_string_equal(log_of(bench), "");
    assert_int_equal(pn_metric_get("punos_triggers_total", "rule,happening", "no-shows,raised"),
                     before);
    take_batch(bench, made, 3);
    assert_string_equal(log_of(bench), "1 raised no-shows");
    assert_int_equal(pn_metric_get("punos_triggers_total", "rule,happening", "no-shows,raised"),
                     before + 1);
}

static void person_is(struct bench *bench, int64_t year, int64_t sex, int64_t tongue)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT birth_year, gender, language FROM people", &stmt,
                                      &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    assert_true(has_row);
    assert_int_equal(pn_rows_int(rows, 0), year);
    assert_int_equal(pn_rows_int(rows, 1), sex);
    assert_int_equal(pn_rows_int(rows, 2), tongue);
    pn_rows_close(rows);
}

#define LANGUAGE(code)                                                                             \
    ",\"communication\":[{\"language\":{\"coding\":[{\"system\":\"https://punos.fi/fhir/"          \
    "CodeSystem/language-group\",\"code\":\"" code "\"}]}}]"

static void people_are_known_by_year_sex_and_language(void **state)
{
    struct bench *bench = *state;
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"gender\":\"female\","
         "\"birthDate\":\"1961\"" LANGUAGE("sv") "}");
    person_is(bench, 1961, PN_SEX_FEMALE, PN_TONGUE_SV);
    // Another system that knows less.
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"gender\":\"unknown\","
         "\"birthDate\":\"1961\"}");
    person_is(bench, 1961, PN_SEX_FEMALE, PN_TONGUE_SV);
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"gender\":\"other\","
         "\"birthDate\":\"1962\"" LANGUAGE("other") "}");
    person_is(bench, 1962, PN_SEX_OTHER, PN_TONGUE_OTHER);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(each_telling_is_written_once),
        WITH_BENCH(nothing_is_written_of_what_was_rolled_back),
        WITH_BENCH(people_are_known_by_year_sex_and_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
