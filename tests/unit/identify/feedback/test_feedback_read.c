// SPDX-License-Identifier: Apache-2.0
// Feedback out of a store: what the engine and people wrote, and random logs against SQL alone.
#include "tests/unit/identify/engine_bench.h"

#include "services/identify/feedback/feedback_parts.h"
#include "services/identify/feedback/feedback_print.h"

enum { CLIENTS = 400, STEPS_MAX = 14 };

static struct pn_feedback_reader *open_reader(struct bench *bench)
{
    struct pn_feedback_reader *reader = NULL;
    assert_int_equal(pn_feedback_reader_open(&bench->config, &reader, &err), PN_OK);
    return reader;
}

static struct pn_feedback_result read_all(struct pn_feedback_reader *reader, int64_t as_of_ms)
{
    const struct pn_feedback_query query = {
        .from_ms = at(2026, 1, 1), .to_ms = at(2027, 1, 1), .as_of_ms = as_of_ms};
    struct pn_feedback_result result;
    assert_int_equal(pn_feedback_read(reader, &query, &result, &err), PN_OK);
    return result;
}

static void what_the_engine_and_people_wrote(void **state)
{
    struct bench *bench = *state;
    tell(bench, "identified",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_A "\",\"gender\":\"female\","
         "\"birthDate\":\"1961\"}");
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    struct pn_feedback_reader *reader = open_reader(bench);
    struct pn_feedback_result result = read_all(reader, at(2026, 6, 2));
    assert_int_equal(result.cell_count, 2);
    assert_int_equal(result.cells[0]->fired, 1);
    assert_int_equal(result.cells[0]->looked, 0);
    assert_int_equal(result.skews[0].whole.hits, 1);
    assert_int_equal(result.skews[0].whole.of, 1);
    pn_clock_set_for_test(at(2026, 6, 3));
    set_state(bench, CLIENT_A, PN_CASE_SEEN, "");
    pn_clock_set_for_test(at(2026, 6, 4));
    set_state(bench, CLIENT_A, PN_CASE_NOT_RELEVANT, "treated-elsewhere");
    result = read_all(reader, at(2026, 6, 5));
    assert_int_equal(result.cells[0]->looked, 1);
    assert_int_equal(result.cells[0]->not_relevant, 1);
    assert_int_equal(result.cells[0]->look_median_ms, 2 * DAY);
    assert_true(pn_slice_is(result.cells[0]->reasons[0].code, "treated-elsewhere"));
    // As it stood before the verdict.
    result = read_all(reader, at(2026, 6, 3) + DAY / 2);
    assert_int_equal(result.cells[0]->looked, 1);
    assert_int_equal(result.cells[0]->not_relevant, 0);
    pn_feedback_reader_close(reader);
}

static void days_are_those_of_finland(void **state)
{
    (void)state;
    static const char *const times[][2] = {{"2026-11-30", "2026-11-29T22:00:00Z"},
                                           {"2026-07-01", "2026-06-30T21:00:00Z"},
                                           {"2026-07", "2026-06-30T21:00:00Z"},
                                           {"2026", "2025-12-31T22:00:00Z"},
                                           {"1969-12-31", "1969-12-30T22:00:00Z"},
                                           {"2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"},
                                           {"2026-07-01T00:00:00+03:00", "2026-06-30T21:00:00Z"}};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(times); i++) {
        int64_t expected_ms = 0, time_ms = 0;
        assert_true(pn_time_parse(pn_slice_str(times[i][1]), &expected_ms));
        assert_true(pn_feedback_time_parse(pn_slice_str(times[i][0]), &time_ms));
        assert_int_equal(time_ms, expected_ms);
    }
    int64_t time_ms = 3;
    assert_false(pn_feedback_time_parse(pn_slice_str("2026-13-01"), &time_ms));
    assert_int_equal(time_ms, 3);
    // The year by which somebody is so old begins in Finland.
    assert_int_equal(pn_feedback_age(2000, at(2026, 12, 31) + 22 * 3600000), 26);
    assert_int_equal(pn_feedback_age(2000, at(2026, 12, 31) + 22 * 3600000 + 1), 27);
}

// --- Random logs ---------------------------------------------------------------------------------

static uint64_t seed = 11;

static unsigned draw(unsigned count)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % count;
}

static void exec(struct bench *bench, const char *sql, const struct pn_value *values,
                 unsigned count)
{
    struct pn_stmt *stmt = NULL;
    assert_int_equal(pn_store_prepare(bench->store, sql, &stmt, &err), PN_OK);
    assert_int_equal(pn_store_exec(bench->store, stmt, values, count, NULL, &err), PN_OK);
}

static const char *const rule_ids[] = {"no-shows", "visits", "concern"};
enum { RULES = 3 };

struct history {
    int64_t client, at_ms, serials[RULES];
    bool holds[RULES];
};

static void write_telling(struct bench *bench, struct history *history, unsigned rule)
{
    history->holds[rule] = !history->holds[rule];
    const unsigned happening = history->holds[rule] ? PN_TRIGGER_RAISED : 1 + draw(2);
    const struct pn_value values[] = {
        PN_INT(++history->serials[rule]),  PN_INT(history->client), PN_STR(rule_ids[rule]),
        PN_INT(1 + (history->client & 1)), PN_INT(happening),       PN_INT(history->at_ms),
        PN_STR(draw(2) == 0 ? "U1" : "U2")};
    exec(bench,
         "INSERT INTO trigger_log (serial, client, rule, version, happening, at_ms, told_ms, unit,"
         " team) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, 'all')",
         values, PN_ARRAY_COUNT(values));
}

static void write_case(struct bench *bench, struct history *history)
{
    static int64_t serial;
    char rules[128] = "";
    const unsigned state = draw(PN_CASE_STATE_COUNT);
    bool is_service = state == PN_CASE_LAPSED || (state == PN_CASE_NEW && draw(2) == 0);
    for (unsigned i = 0; i < RULES; i++) {
        size_t used = strlen(rules);
        if (history->holds[i]) {
            (void)snprintf(rules + used, sizeof rules - used, "%s%s", used > 0 ? "," : "",
                           rule_ids[i]);
        }
    }
    const struct pn_value values[] = {PN_INT(++serial),
                                      PN_INT(history->client),
                                      PN_INT(history->at_ms),
                                      PN_INT(state),
                                      PN_STR(is_service ? "" : "somebody"),
                                      PN_STR(rules)};
    exec(bench,
         "INSERT INTO case_log (serial, client, at_ms, was, state, reason, by, unit, team, rules)"
         " VALUES (?1, ?2, ?3, 0, ?4, 'other', ?5, 'U1', 'all', ?6)",
         values, PN_ARRAY_COUNT(values));
}

// Spread over all numbers, as clients' are.
static int64_t number_of(unsigned place)
{
    return (int64_t)(place * UINT64_C(0x9E3779B97F4A7C15));
}

static void write_histories(struct bench *bench)
{
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct history history = {.client = number_of(i), .at_ms = at(2025, 10, 1)};
        for (unsigned step = draw(STEPS_MAX); step > 0; step--) {
            history.at_ms += (1 + draw(90)) * DAY;
            if (draw(2) == 0) {
                write_telling(bench, &history, draw(RULES));
            } else {
                write_case(bench, &history);
            }
        }
    }
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
}

// The same figures, each rising of a client who was ever on the list by itself: what follows it,
// until the rule rises again (`until`) or the case begins anew after its end.
static const char in_sql[] =
    "WITH rising AS (SELECT client, rule, version, unit, serial, told_ms,"
    " COALESCE((SELECT MIN(n.told_ms) FROM trigger_log n WHERE n.client = t.client"
    "  AND n.rule = t.rule AND n.serial > t.serial AND n.happening = 0), ?3) AS until,"
    " COALESCE((SELECT MIN(n.told_ms) FROM trigger_log n WHERE n.client = t.client"
    "  AND n.rule = t.rule AND n.serial = t.serial + 1 AND n.told_ms <= ?3), ?3) AS ended,"
    " COALESCE((SELECT n.happening FROM trigger_log n WHERE n.client = t.client"
    "  AND n.rule = t.rule AND n.serial = t.serial + 1 AND n.told_ms <= ?3), 0) AS ending,"
    " COALESCE((SELECT c.state FROM case_log c WHERE c.client = t.client AND c.at_ms < t.told_ms"
    "  ORDER BY c.at_ms DESC LIMIT 1), 0) AS before"
    " FROM trigger_log t WHERE happening = 0 AND told_ms >= ?1 AND told_ms < ?2"
    " AND client IN (SELECT client FROM case_log)),"
    " looked AS (SELECT rising.*, (SELECT MIN(c.at_ms) FROM case_log c"
    "  WHERE c.client = rising.client AND c.by <> '' AND c.state <> 0"
    "  AND c.at_ms > rising.told_ms AND c.at_ms < rising.ended AND c.at_ms <= ?3"
    "  AND ',' || c.rules || ',' LIKE '%,' || rising.rule || ',%') AS look,"
    " COALESCE((SELECT MIN(c.at_ms) FROM case_log c WHERE c.client = rising.client"
    "  AND c.state = 0 AND c.at_ms > rising.ended), ?3 + 1) AS anew FROM rising),"
    " judged AS (SELECT looked.*, (SELECT c.state FROM case_log c"
    "  WHERE c.client = looked.client AND c.by <> '' AND c.state <> 0 AND c.at_ms >= looked.look"
    "  AND c.at_ms < looked.until AND c.at_ms < looked.anew AND c.at_ms <= ?3"
    "  ORDER BY c.at_ms DESC LIMIT 1) AS verdict, (SELECT COUNT(*) FROM case_log c"
    "  WHERE c.client = looked.client AND c.state = 0 AND c.at_ms > looked.told_ms"
    "  AND c.at_ms < looked.ended AND c.at_ms < looked.until AND c.at_ms <= ?3"
    "  AND c.at_ms < COALESCE(looked.look, ?3 + 1)) AS again FROM looked)"
    " SELECT rule, version, unit, COUNT(*), SUM(CASE WHEN ending = 1 THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN ending = 2 THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN before NOT IN (0, 1, 8) AND again = 0 THEN 1 ELSE 0 END), COUNT(look),"
    " SUM(CASE WHEN verdict IN (2, 3, 5, 6) THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN verdict = 4 THEN 1 ELSE 0 END), SUM(CASE WHEN verdict = 7 THEN 1 ELSE 0 END)"
    " FROM judged GROUP BY rule, version, unit ORDER BY rule, version, unit";

static void figures_are_those_of_sql(void **state)
{
    struct bench *bench = *state;
    const int64_t as_of_ms = at(2027, 6, 1);
    write_histories(bench);
    struct pn_feedback_reader *reader = open_reader(bench);
    struct pn_feedback_result result = read_all(reader, as_of_ms);
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    unsigned compared = 0;
    int64_t judged = 0;
    const struct pn_value values[] = {PN_INT(at(2026, 1, 1)), PN_INT(at(2027, 1, 1)),
                                      PN_INT(as_of_ms)};
    assert_int_equal(pn_store_prepare(bench->store, in_sql, &stmt, &err), PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, values, 3, &rows, &err), PN_OK);
    for (unsigned i = 0; i < result.cell_count; i++) {
        const struct pn_feedback_cell *cell = result.cells[i];
        if (cell->is_all_units) {
            continue;
        }
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        assert_true(has_row);
        assert_true(pn_slice_eq(pn_rows_text(rows, 0), cell->rule));
        assert_int_equal(pn_rows_int(rows, 1), cell->version);
        assert_true(pn_slice_eq(pn_rows_text(rows, 2), cell->unit));
        const int64_t figures[] = {cell->fired,   cell->lapsed,      cell->retracted,
                                   cell->decided, cell->looked,      cell->accepted,
                                   cell->refused, cell->not_relevant};
        for (unsigned k = 0; k < PN_ARRAY_COUNT(figures); k++) {
            assert_int_equal(pn_rows_int(rows, 3 + k), figures[k]);
        }
        compared++;
        judged += cell->accepted + cell->refused + cell->not_relevant;
    }
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    assert_false(has_row);
    pn_rows_close(rows);
    assert_int_equal(compared, RULES * 2 * 2);
    assert_true(judged > 100);
    pn_feedback_reader_close(reader);
}

static void csv_is_whole(void **state)
{
    struct bench *bench = *state;
    struct pn_buf out;
    write_histories(bench);
    struct pn_feedback_reader *reader = open_reader(bench);
    struct pn_feedback_result result = read_all(reader, at(2027, 6, 1));
    pn_buf_init(&out, 1 << 20);
    pn_feedback_csv(&result, &out);
    unsigned lines = 0;
    for (size_t i = 0; i < out.len; i++) {
        lines += out.data[i] == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, result.cell_count + 1);
    assert_true(pn_slice_starts_with(pn_buf_slice(&out), "rule,version,scope,unit,fired,"));
    pn_buf_release(&out);
    pn_feedback_reader_close(reader);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(what_the_engine_and_people_wrote),
        WITH_BENCH(figures_are_those_of_sql),
        WITH_BENCH(csv_is_whole),
        cmocka_unit_test(days_are_those_of_finland),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
