// SPDX-License-Identifier: Apache-2.0
#include "services/identify/case_log.h"
#include "services/identify/units.h"
#include "tests/unit/identify/engine_bench.h"

// "lapsed>new  no-shows" lines of the log, oldest first: was>state reason by unit rules.
static void read_log(struct bench *bench, char *ret_text, size_t size)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = true;
    struct pn_buf out;
    pn_buf_init(&out, size);
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT was, state, reason, by, unit, rules FROM case_log"
                                      " ORDER BY serial",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    while (true) {
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        if (!has_row) {
            break;
        }
        int64_t was = pn_rows_int(rows, 0);
        pn_buf_printf(&out, "%s>%s %.*s %.*s %.*s %.*s\n",
                      was < 0 ? "" : pn_case_state_name((enum pn_case_state)was),
                      pn_case_state_name((enum pn_case_state)pn_rows_int(rows, 1)),
                      PN_SLICE_FMT(pn_rows_text(rows, 2)), PN_SLICE_FMT(pn_rows_text(rows, 3)),
                      PN_SLICE_FMT(pn_rows_text(rows, 4)), PN_SLICE_FMT(pn_rows_text(rows, 5)));
    }
    pn_rows_close(rows);
    (void)snprintf(ret_text, size, "%.*s", PN_SLICE_FMT(pn_buf_slice(&out)));
    pn_buf_release(&out);
}

static void set_state(struct bench *bench, const char *client, enum pn_case_state state,
                      const char *reason)
{
    struct pn_identify_writer *writer = NULL;
    int64_t version = 0;
    const struct pn_case_change change = {.client = pn_slice_str(client),
                                          .state = state,
                                          .expected_version = -1,
                                          .set_by = pn_slice_str("coordinator-1"),
                                          .reason = pn_slice_str(reason)};
    assert_int_equal(pn_identify_writer_open(&bench->config, &writer, &err), PN_OK);
    assert_int_equal(pn_worklist_set_state(writer, &change, &version, &err), PN_OK);
    pn_identify_writer_close(writer);
}

static void put_visits(struct bench *bench, unsigned from, unsigned count, const char *unit)
{
    for (unsigned i = from; i < from + count; i++) {
        put(bench, (struct spec){.happening = "appointment.noshow",
                                 .subject = CLIENT_A,
                                 .number = i,
                                 .start_ms = at(2026, 1, (int)i),
                                 .recorded_ms = at(2026, 1, (int)i),
                                 .status = "noshow",
                                 .unit = unit});
    }
}

static void every_change_is_written_down(void **state)
{
    struct bench *bench = *state;
    char log[1024];
    put_visits(bench, 1, 3, "station-1");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    set_state(bench, CLIENT_A, PN_CASE_NOT_RELEVANT, "single-episode");
    read_log(bench, log, sizeof log);
    assert_string_equal(log, ">new   station-1 no-shows\n"
                             "new>seen  coordinator-1 station-1 no-shows\n"
                             "seen>not-relevant single-episode coordinator-1 station-1 no-shows\n");
}

static void the_service_lapses_in_the_log(void **state)
{
    struct bench *bench = *state;
    char log[1024];
    put_visits(bench, 1, 3, "station-1");
    tick(bench, at(2027, 3, 1));
    read_log(bench, log, sizeof log);
    assert_string_equal(log, ">new   station-1 no-shows\nnew>lapsed   station-1 \n");
}

static uint32_t unit_of(const struct pn_fact_entry *facts, unsigned count)
{
    struct pn_counted counted = {.end = 0};
    for (unsigned i = 0; i < count; i++) {
        pn_counted_add(&counted, i);
    }
    return pn_unit_of(&counted, facts, 100);
}

static void the_unit_is_that_of_most_counted_events(void **state)
{
    (void)state;
    const struct pn_fact_entry most[] = {
        {.unit = 1, .start_ms = 200}, {.unit = 2, .start_ms = 201},
        {.unit = 1, .start_ms = 202}, {.unit = 2, .start_ms = 50}, // too old
        {.unit = 2, .start_ms = 60},  {.unit = 0, .start_ms = 300}};
    assert_int_equal(unit_of(most, 6), 1);
    const struct pn_fact_entry tie[] = {{.unit = 1, .start_ms = 200},
                                        {.unit = 2, .start_ms = 201},
                                        {.unit = 1, .start_ms = 202},
                                        {.unit = 2, .start_ms = 203}};
    assert_int_equal(unit_of(tie, 4), 2);
    assert_int_equal(unit_of(tie, 0), 0);
    struct pn_counted one = {.end = 0};
    pn_counted_add(&one, 2); // the others were not counted
    assert_int_equal(pn_unit_of(&one, tie, 100), 1);
}

static void lists_of_rules(void **state)
{
    (void)state;
    char rules[PN_CASE_RULES_BYTES] = "";
    pn_case_rules_add(rules, pn_slice_str("visits"));
    pn_case_rules_add(rules, pn_slice_str("no-shows"));
    assert_string_equal(rules, "visits,no-shows");
    assert_true(pn_case_rules_has(pn_slice_str(rules), pn_slice_str("no-shows")));
    assert_false(pn_case_rules_has(pn_slice_str(rules), pn_slice_str("shows")));
    assert_false(pn_case_rules_has(pn_slice_str(""), pn_slice_str("visits")));
    for (unsigned i = 0; i < 2000; i++) {
        pn_case_rules_add(rules, pn_slice_str("more"));
    }
    assert_true(strlen(rules) < PN_CASE_RULES_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_change_is_written_down, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(the_service_lapses_in_the_log, open_bench, close_bench),
        cmocka_unit_test(the_unit_is_that_of_most_counted_events),
        cmocka_unit_test(lists_of_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
