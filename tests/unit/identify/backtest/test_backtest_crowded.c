// SPDX-License-Identifier: Apache-2.0
/*
 * A client with more facts than the service keeps: the backtest comes to what the service has, also
 * at an end that lies before the newest of them.
 */
#include "services/identify/backtest/backtest.h"

#include "stream/stream.h"
#include "tests/unit/identify/engine_bench.h"

enum { FACTS = 5600, FIRST_DAYS = 640, STAYS = 3, BATCH_MAX = 70 };

static const char rules_text[] = "filters:\n"
                                 "  visits: { kinds: [visit] }\n"
                                 "  emergency: { kinds: [visit], settings: [EMER] }\n"
                                 "  stays: { kinds: [visit], settings: [IMP] }\n"
                                 "rules:\n"
#define RULE(id, when)                                                                             \
    "  - id: " id "\n    version: 1\n    origin: punos\n    source: s\n"                           \
    "    title: { fi: a, sv: b, en: c }\n    explanation: { fi: a, sv: b, en: c }\n"               \
    "    when: { " when " }\n"
    RULE("many", "count: { where: visits, in_months: 4, at_least: 1000 }")
        RULE("most", "days: { where: visits, in_months: 20, at_least: 480 }")
            RULE("calm", "absent: { where: emergency, in_months: 24 }")
                RULE("hurt", "count: { where: emergency, in_months: 24, at_least: 1 }")
                    RULE("stays", "open: { where: stays, at_least: 3 }")
                        RULE("since", "gap: { where: emergency, at_least_days: 200 }");
enum { RULES = 6 };

static int64_t first_ms(void)
{
    return at(2026, 6, 1) - FIRST_DAYS * DAY;
}

// Stays that began first and go on, one visit in a hurry soon after, and visits ever after; told in
// another order than they happened.
static void make_one(struct made *made, unsigned place)
{
    const unsigned number = (unsigned)((uint64_t)place * 3079 % FACTS);
    const bool is_stay = number < STAYS, is_emergency = number == STAYS;
    const struct spec spec = {
        .happening = is_stay ? "visit.started" : "visit.finished",
        .subject = CLIENT_A,
        .number = number,
        .start_ms = first_ms() + (int64_t)number * (FIRST_DAYS * DAY / FACTS),
        .recorded_ms = at(2026, 6, 1) + number,
        .status = is_stay ? "in-progress" : "finished",
        .encounter_class = is_stay        ? "IMP"
                           : is_emergency ? "EMER"
                                          : "AMB",
    };
    make(made, place, &spec);
}

static void use_rules(struct bench *bench)
{
    struct pn_err fault;
    assert_int_equal(pn_rules_parse(bench->boot, "rules",
                                    pn_slice_of(rules_text, sizeof rules_text - 1), bench->rules,
                                    &fault),
                     PN_OK);
    assert_int_equal(bench->rules->count, RULES);
}

// What has begun by `now_ms`, to the service; all of it onto the stream.
static void tell_all(struct bench *bench, struct pn_stream *stream, int64_t now_ms)
{
    static struct pn_record_out records[BATCH_MAX];
    static struct made made[BATCH_MAX], taken[BATCH_MAX];
    pn_clock_set_for_test(now_ms);
    for (unsigned place = 0; place < FACTS; place += BATCH_MAX) {
        unsigned count = 0;
        for (unsigned i = 0; i < BATCH_MAX; i++) {
            make_one(&made[i], place + i);
            records[i] = (struct pn_record_out){.topic = PN_TOPIC_EVENT, .event = made[i].event};
            if (made[i].event.time_ms <= now_ms) {
                taken[count++].event = made[i].event;
            }
        }
        if (stream != NULL) {
            assert_int_equal(pn_stream_append(stream, records, BATCH_MAX, &err), PN_OK);
        }
        take_batch(bench, taken, count);
    }
    tick(bench, now_ms);
}

static uint64_t raised(struct bench *bench)
{
    uint64_t found = 0;
    for (unsigned r = 0; r < RULES; r++) {
        struct pn_stmt *stmt = NULL;
        struct pn_rows *rows = NULL;
        bool has_row = false;
        const struct pn_value value = PN_STR(bench->rules->rules[r].id);
        assert_int_equal(pn_store_prepare(bench->store,
                                          "SELECT 1 FROM triggers WHERE state = 0 AND rule = ?1",
                                          &stmt, &err),
                         PN_OK);
        assert_int_equal(pn_store_query(bench->store, stmt, &value, 1, &rows, &err), PN_OK);
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        pn_rows_close(rows);
        found |= has_row ? UINT64_C(1) << r : 0;
    }
    return found;
}

static void comes_to(struct bench *bench, int64_t to_ms, bool is_crowded, uint64_t expected)
{
    struct pn_backtest_result result;
    struct pn_backtest_plan plan = {.config = &bench->config,
                                    .rules = {bench->rules, bench->rules},
                                    .from_ms = to_ms - 100 * DAY,
                                    .to_ms = to_ms,
                                    .worker_count = 2};
    assert_int_equal(pn_backtest_plan_weeks(&plan, &err), PN_OK);
    assert_int_equal(pn_backtest_plan_variants(&plan, bench->boot, &err), PN_OK);
    assert_int_equal(pn_backtest_run(&plan, &result, &err), PN_OK);
    assert_int_equal(result.totals.crowded, is_crowded ? 1 : 0);
    assert_int_equal(result.client_count, 1);
    assert_int_equal(result.clients[0].at_end[PN_BACKTEST_NEW], expected);
    pn_backtest_result_release(&result);
}

static void a_crowded_client_is_as_the_service_has_it(void **state)
{
    struct bench *bench = *state;
    struct pn_stream *stream = NULL;
    const int64_t end_ms = at(2026, 6, 1);
    static const int64_t days[] = {300, 500}; // the client is not crowded yet, and is
    assert_int_equal(pn_stream_open(&bench->config, &stream, &err), PN_OK);
    assert_int_equal(pn_stream_create_topics(stream, &err), PN_OK);
    use_rules(bench);
    tell_all(bench, stream, end_ms);
    pn_stream_close(stream);
    // The stays are kept though they began first, the visit in a hurry is not.
    const uint64_t held = raised(bench);
    assert_true((held >> 4 & 1) != 0 && (held >> 2 & 1) != 0 && (held >> 3 & 1) == 0);
    comes_to(bench, end_ms, true, held);

    // As the service was on a day before the newest of them.
    uint64_t before[PN_ARRAY_COUNT(days)] = {0};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(days); i++) {
        const int64_t then_ms = first_ms() + days[i] * DAY;
        struct bench *other = bench_new();
        use_rules(other);
        tell_all(other, NULL, then_ms);
        before[i] = raised(other);
        bench_free(other);
        comes_to(bench, then_ms, i > 0, before[i]);
    }
    assert_true((before[0] >> 3 & 1) != 0 && before[0] != held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crowded_client_is_as_the_service_has_it, open_bench,
                                        close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
