// SPDX-License-Identifier: Apache-2.0
#include "services/identify/backtest/backtest.h"

#include "services/identify/backtest/backtest_report.h"
#include "stream/stream.h"
#include "tests/unit/identify/engine_bench.h"

enum { CLIENTS = 60, EVENTS = 1500, BATCH_MAX = 50, LONGEST = 1000 };

static unsigned draw(uint64_t *seed, unsigned count)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33) % count;
}

static void key_of(unsigned client, char ret_key[static PN_CLIENT_KEY_TEXT_BYTES])
{
    uint64_t half = (client + 1) * UINT64_C(0x9E3779B97F4A7C15);
    (void)snprintf(ret_key, PN_CLIENT_KEY_TEXT_BYTES, "%016llx%016llx", (unsigned long long)half,
                   (unsigned long long)half ^ client);
}

// --- Events --------------------------------------------------------------------------------------

struct random_event {
    struct made made;
    char subject[PN_CLIENT_KEY_TEXT_BYTES];
};

// Somebody is merged into somebody else, or that is taken back.
static void make_link(struct random_event *event, unsigned place, uint64_t *seed)
{
    char other[PN_CLIENT_KEY_TEXT_BYTES];
    unsigned pair = draw(seed, CLIENTS / 4) * 4; // a few pairs: merges and undoings meet
    key_of(pair, event->subject);
    key_of(pair + 1, other);
    struct made *made = &event->made;
    (void)snprintf(made->type, sizeof made->type, "fi.punos.client.%s.v1",
                   draw(seed, 3) == 0 ? "unmerged" : "merged");
    (void)snprintf(
        made->data, sizeof made->data,
        "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"link\":[{\"other\":{\"reference\":"
        "\"Patient/%s\"},\"type\":\"replaces\"}]}",
        event->subject, other);
    made->event.type = pn_slice_str(made->type);
    made->event.data = pn_slice_str(made->data);
    made->event.recorded_ms = at(2026, 5, 1) + place;
}

static void make_person(struct random_event *event, unsigned place, uint64_t *seed)
{
    struct made *made = &event->made;
    (void)snprintf(made->type, sizeof made->type, "fi.punos.client.identified.v1");
    (void)snprintf(made->data, sizeof made->data,
                   "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"birthDate\":\"%u\"}",
                   event->subject, 1940 + draw(seed, 80));
    made->event.type = pn_slice_str(made->type);
    made->event.data = pn_slice_str(made->data);
    made->event.recorded_ms = at(2026, 5, 1) + place;
}

// Few resources: they are corrected, cancelled and told of other clients; late and in any order.
static void make_random(struct random_event *event, unsigned place)
{
    static const char *const happenings[] = {"appointment.noshow", "appointment.cancelled",
                                             "concern.raised", "visit.finished"};
    uint64_t seed = UINT64_C(0xD1342543DE82EF95) * (place + 1);
    unsigned kind = draw(&seed, 20);
    kind = kind < 8 ? 0 : kind < 17 ? 3 : kind - 16;
    key_of(draw(&seed, CLIENTS), event->subject);
    const struct spec spec = {.happening = happenings[kind % 4],
                              .subject = event->subject,
                              .number = draw(&seed, EVENTS * 2 / 3),
                              .start_ms = at(2025, 5, 20) + draw(&seed, 360) * DAY,
                              .recorded_ms = at(2026, 5, 20) + draw(&seed, 5) * DAY + place,
                              .status = kind == 0   ? "noshow"
                                        : kind == 1 ? "cancelled"
                                        : kind == 2 ? "active"
                                                    : "finished",
                              .encounter_class = draw(&seed, 3) == 0 ? "EMER" : "AMB",
                              .profession = draw(&seed, 9)};
    make(&event->made, place, &spec);
    unsigned what = draw(&seed, 20);
    if (what == 0) {
        make_link(event, place, &seed);
    } else if (what < 3) {
        make_person(event, place, &seed);
    }
    event->made.event.subject = pn_slice_str(event->subject);
}

static struct random_event batch[BATCH_MAX];

// The same events to the engine, as the service would get them, and onto the stream.
static void tell_all(struct bench *bench)
{
    struct pn_stream *stream = NULL;
    static struct pn_record_out records[BATCH_MAX];
    static struct made made[BATCH_MAX];
    bench->config.stream.partitions = 5;
    assert_int_equal(pn_stream_open(&bench->config, &stream, &err), PN_OK);
    assert_int_equal(pn_stream_create_topics(stream, &err), PN_OK);
    for (unsigned place = 0; place < EVENTS;) {
        unsigned count = EVENTS - place < BATCH_MAX ? EVENTS - place : BATCH_MAX;
        for (unsigned i = 0; i < count; i++) {
            make_random(&batch[i], place + i);
            records[i] =
                (struct pn_record_out){.topic = PN_TOPIC_EVENT, .event = batch[i].made.event};
            made[i].event = batch[i].made.event;
        }
        assert_int_equal(pn_stream_append(stream, records, count, &err), PN_OK);
        take_batch(bench, made, count);
        place += count;
    }
    pn_stream_close(stream);
}

// --- What both say -------------------------------------------------------------------------------

static void read_aliases(struct bench *bench, struct pn_backtest_alias *aliases,
                         struct pn_backtest_plan *plan)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = true;
    assert_int_equal(
        pn_store_prepare(bench->store,
                         "SELECT client, canonical FROM client_keys WHERE canonical IN (SELECT"
                         " canonical FROM client_keys WHERE client <> canonical) ORDER BY client",
                         &stmt, &err),
        PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    while (has_row) {
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        if (has_row) {
            assert_true(plan->alias_count < CLIENTS);
            aliases[plan->alias_count++] = (struct pn_backtest_alias){
                .subject = pn_rows_int(rows, 0), .client = pn_rows_int(rows, 1)};
        }
    }
    pn_rows_close(rows);
    plan->aliases = aliases;
}

static bool is_raised(struct bench *bench, int64_t client, const char *rule)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(client), PN_STR(rule)};
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT 1 FROM triggers WHERE state = 0 AND client = ?1"
                                      " AND rule = ?2",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, values, 2, &rows, &err), PN_OK);
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    pn_rows_close(rows);
    return has_row;
}

static int64_t count_raised(struct bench *bench)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    assert_int_equal(pn_store_prepare(bench->store, "SELECT count(*) FROM triggers WHERE state = 0",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    int64_t count = pn_rows_int(rows, 0);
    pn_rows_close(rows);
    return count;
}

static int64_t count_listed(struct bench *bench)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value lapsed = PN_INT(PN_CASE_LAPSED);
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT count(*) FROM cases WHERE merged_into = 0 AND"
                                      " trigger_count > 0 AND state <> ?1",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, &lapsed, 1, &rows, &err), PN_OK);
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    int64_t count = pn_rows_int(rows, 0);
    pn_rows_close(rows);
    return count;
}

static void compare_at_end(struct bench *bench, const struct pn_backtest_plan *plan,
                           const struct pn_backtest_result *result)
{
    int64_t held = 0, listed = 0;
    const struct pn_ruleset *rules = plan->rules[PN_BACKTEST_TODAY];
    for (size_t i = 0; i < result->client_count; i++) {
        const struct pn_backtest_client *client = &result->clients[i];
        for (unsigned r = 0; r < rules->count; r++) {
            bool holds = (client->at_end[PN_BACKTEST_TODAY] >> r & 1) != 0;
            bool raised = is_raised(bench, client->number, rules->rules[r].id);
            assert_int_equal(holds, raised);
            held += holds ? 1 : 0;
        }
        listed += client->is_flagged_at_end[PN_BACKTEST_TODAY] ? 1 : 0;
    }
    assert_int_equal(held, count_raised(bench));
    assert_int_equal(listed, count_listed(bench));
    assert_true(listed > 5);
    assert_true(held > 20);
}

static struct pn_backtest_plan plan_of(struct bench *bench, const struct pn_ruleset *fresh,
                                       struct pn_backtest_alias *aliases)
{
    struct pn_backtest_plan plan = {.config = &bench->config,
                                    .rules = {fresh, bench->rules},
                                    .from_ms = at(2026, 1, 1),
                                    .to_ms = at(2026, 6, 1)};
    read_aliases(bench, aliases, &plan);
    assert_int_equal(pn_backtest_plan_weeks(&plan, &err), PN_OK);
    assert_int_equal(pn_backtest_plan_variants(&plan, bench->boot, &err), PN_OK);
    return plan;
}

static int by_number(const void *a, const void *b)
{
    const struct pn_backtest_client *one = a, *two = b;
    return one->number < two->number ? -1 : one->number > two->number;
}

// --- Tests ---------------------------------------------------------------------------------------

// Two rules that only support: alone one puts nobody on the list, both do.
static void use_supports(struct bench *bench)
{
    for (unsigned i = 0; i < bench->rules->count; i++) {
        struct pn_rule *rule = &bench->rules->rules[i];
        rule->is_support = strcmp(rule->id, "visits") == 0 || strcmp(rule->id, "no-shows") == 0;
    }
    bench->rules->supports_needed = 2;
}

static void compare(struct bench *bench)
{
    static struct pn_backtest_alias aliases[CLIENTS];
    tell_all(bench);
    tick(bench, at(2026, 6, 1));
    tick(bench, at(2026, 6, 1));
    struct pn_backtest_plan plan = plan_of(bench, bench->rules, aliases);
    assert_true(plan.alias_count >= 4);
    struct pn_backtest_result results[3];
    static const unsigned workers[] = {1, 2, 5};
    for (unsigned i = 0; i < 3; i++) {
        plan.worker_count = workers[i];
        assert_int_equal(pn_backtest_run(&plan, &results[i], &err), PN_OK);
        compare_at_end(bench, &plan, &results[i]);
        assert_int_equal(results[i].totals.events, EVENTS);
        assert_int_equal(results[i].totals.refused, 0);
        assert_int_equal(results[i].client_count, results[0].client_count);
        assert_int_equal(results[i].arrival_count, results[0].arrival_count);
        assert_memory_equal(results[i].totals.variant_set, results[0].totals.variant_set,
                            sizeof results[0].totals.variant_set);
        qsort(results[i].clients, results[i].client_count, sizeof *results[i].clients, by_number);
        for (size_t k = 0; k < results[i].client_count; k++) {
            const struct pn_backtest_client *client = &results[i].clients[k];
            // The same rules on both sides.
            assert_int_equal(client->held[PN_BACKTEST_NEW], client->held[PN_BACKTEST_TODAY]);
            assert_int_equal(client->number, results[0].clients[k].number);
            assert_int_equal(client->held[PN_BACKTEST_NEW],
                             results[0].clients[k].held[PN_BACKTEST_NEW]);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        pn_backtest_result_release(&results[i]);
    }
}

static void comes_to_what_the_service_has(void **state)
{
    compare(*state);
}

static void so_with_rules_that_support(void **state)
{
    use_supports(*state);
    compare(*state);
}

static void try_thresholds(struct bench *bench)
{
    static struct pn_backtest_alias aliases[CLIENTS];
    tell_all(bench);
    struct pn_backtest_plan plan = plan_of(bench, bench->rules, aliases);
    plan.worker_count = 2;
    struct pn_backtest_result base, other;
    assert_int_equal(pn_backtest_run(&plan, &base, &err), PN_OK);
    unsigned tried = 0;
    for (unsigned i = 0; i < plan.variant_count; i++) {
        const struct pn_backtest_variant *variant = &plan.variants[i];
        if (variant->step == 0 || i % 3 != 0) {
            continue;
        }
        // Its figure is what the changed set comes to when it is run itself.
        struct pn_ruleset changed = *bench->rules;
        changed.rules[variant->place] = variant->rule;
        struct pn_backtest_plan with = plan;
        with.rules[PN_BACKTEST_NEW] = &changed;
        with.variant_count = 0;
        assert_int_equal(pn_backtest_run(&with, &other, &err), PN_OK);
        int64_t of_rule = 0, of_set = 0;
        for (size_t k = 0; k < other.client_count; k++) {
            uint64_t held = other.clients[k].held[PN_BACKTEST_NEW];
            of_rule += (int64_t)(held >> variant->place & 1);
            of_set += other.clients[k].is_flagged[PN_BACKTEST_NEW] ? 1 : 0;
        }
        assert_int_equal(base.totals.variant_rule[i], of_rule);
        assert_int_equal(base.totals.variant_set[i], of_set);
        pn_backtest_result_release(&other);
        tried++;
    }
    assert_true(tried > 4);
    pn_backtest_result_release(&base);
}

static void tells_what_a_threshold_would_do(void **state)
{
    try_thresholds(*state);
}

static void tells_it_of_rules_that_support(void **state)
{
    use_supports(*state);
    try_thresholds(*state);
}

static void tells_of_a_stream_that_is_away(void **state)
{
    struct bench *bench = *state;
    static struct pn_backtest_alias aliases[CLIENTS];
    struct pn_backtest_plan plan = plan_of(bench, bench->rules, aliases);
    struct pn_backtest_result result;
    plan.worker_count = 2;
    struct pn_config elsewhere = bench->config;
    elsewhere.data_dir = "no/such/folder";
    plan.config = &elsewhere;
    assert_int_not_equal(pn_backtest_run(&plan, &result, &err), PN_OK);
    assert_true(err.text[0] != '\0');
}

static void weeks_begin_on_mondays_in_finland(void **state)
{
    (void)state;
    struct pn_backtest_plan plan = {.from_ms = at(2026, 3, 25), .to_ms = at(2026, 4, 7)};
    assert_int_equal(pn_backtest_plan_weeks(&plan, &err), PN_OK);
    assert_int_equal(plan.week_count, 3);
    const int64_t hour = 3600000;
    assert_int_equal(plan.weeks[0], at(2026, 3, 22) + 22 * hour); // 2026-03-23 in winter time
    assert_int_equal(plan.weeks[1], at(2026, 3, 29) + 21 * hour); // summer time since the 29th
    assert_int_equal(plan.weeks[2], at(2026, 4, 5) + 21 * hour);
    plan.from_ms = at(2000, 1, 1);
    assert_int_equal(pn_backtest_plan_weeks(&plan, &err), PN_LIMIT);
}

// --- The report ----------------------------------------------------------------------------------

static struct pn_backtest_team team_of(const void *context, struct pn_slice unit)
{
    (void)context;
    bool is_north = pn_slice_is(unit, "north");
    return (struct pn_backtest_team){.id = is_north ? "n" : "rest",
                                     .name = {"Pohjoinen & <muut>", "Norr", "North"},
                                     .new_names_a_week = 1};
}

static struct pn_backtest_client clients[] = {{.number = 5,
                                               .rest = 7,
                                               .held = {1, 0},
                                               .at_end = {1, 0},
                                               .is_flagged = {true, false},
                                               .is_flagged_at_end = {true, false}},
                                              {.number = 3,
                                               .rest = 7,
                                               .held = {3, 1},
                                               .at_end = {2, 0},
                                               .is_flagged = {true, true},
                                               .is_flagged_at_end = {true, false}},
                                              {.number = 4,
                                               .rest = 7,
                                               .held = {0, 1},
                                               .at_end = {0, 1},
                                               .is_flagged = {false, true},
                                               .is_flagged_at_end = {false, true}}};

static void the_report_tells_all_and_escapes(void **state)
{
    struct bench *bench = *state;
    struct pn_backtest_plan plan = {
        .rules = {bench->rules, bench->rules}, .from_ms = at(2026, 1, 5), .to_ms = at(2026, 1, 18)};
    assert_int_equal(pn_backtest_plan_weeks(&plan, &err), PN_OK);
    assert_int_equal(pn_backtest_plan_variants(&plan, bench->boot, &err), PN_OK);
    struct pn_backtest_arrival arrivals[] = {{0, 0, 9}, {0, 0, 9}, {1, 1, 0}};
    struct pn_backtest_unit units[] = {{9, "north"}};
    const struct pn_backtest_result result = {.totals = {.events = 10, .clients = 100},
                                              .clients = clients,
                                              .client_count = 3,
                                              .arrivals = arrivals,
                                              .arrival_count = 3,
                                              .units = units,
                                              .unit_count = 1};
    const struct pn_backtest_verdict verdicts[] = {{3, 1, PN_CASE_CONSENTS},
                                                   {4, 1, PN_CASE_NOT_RELEVANT}};
    const struct pn_backtest_input input = {.plan = &plan,
                                            .result = &result,
                                            .verdicts = verdicts,
                                            .verdict_count = 2,
                                            .team_of = team_of};
    struct pn_backtest_figures *figures = NULL;
    assert_int_equal(pn_backtest_figures_make(bench->boot, &input, &figures, &err), PN_OK);
    assert_int_equal(figures->fates[PN_FATE_BOTH], 1);
    assert_int_equal(figures->comes, 2);
    assert_int_equal(figures->goes, 1);
    assert_int_equal(figures->unit_count, 2);
    assert_int_equal(figures->teams[1].weeks_over[PN_BACKTEST_NEW], 1);
    assert_int_equal(figures->budget, 2);
    assert_int_equal(figures->verdicts[PN_CASE_CONSENTS][PN_FATE_BOTH], 1);
    assert_int_equal(figures->verdicts[PN_CASE_NOT_RELEVANT][PN_FATE_TODAY_ONLY], 1);
    struct pn_sheet sheets[PN_SHEET_COUNT];
    struct pn_buf text;
    pn_buf_init(&text, 1 << 20);
    for (unsigned language = 0; language < PN_LANGUAGE_COUNT; language++) {
        const struct pn_backtest_report_input report = {.input = &input,
                                                        .figures = figures,
                                                        .file = "a \"new\",.yaml",
                                                        .fingerprint = "ab",
                                                        .language = (enum pn_language)language};
        assert_int_equal(pn_backtest_sheets(bench->boot, &report, sheets, &err), PN_OK);
        pn_buf_clear(&text);
        pn_backtest_html(&report, sheets, &text);
        assert_true(pn_buf_ok(&text));
        assert_null(strstr(text.data, "<muut>"));
        assert_null(strstr(text.data, "http://"));
        assert_null(strstr(text.data, "https://"));
        assert_non_null(strstr(text.data, "</html>"));
    }
    pn_buf_clear(&text);
    pn_sheet_csv(&sheets[PN_SHEET_PEOPLE], &text);
    assert_string_equal(text.data,
                        "client,what,rules\r\n"
                        "00000000000000030000000000000007,Would come,visits\r\n"
                        "00000000000000040000000000000007,Would go,emergency-visits\r\n"
                        "00000000000000050000000000000007,Would come,emergency-visits\r\n");
    pn_buf_clear(&text);
    pn_sheet_csv(&sheets[PN_SHEET_FIGURES], &text);
    assert_non_null(strstr(text.data, "\"a \"\"new\"\",.yaml\""));
    pn_buf_release(&text);
}

int main(void)
{
#define IN_A_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)
    const struct CMUnitTest tests[] = {
        IN_A_BENCH(comes_to_what_the_service_has),
        IN_A_BENCH(so_with_rules_that_support),
        IN_A_BENCH(tells_what_a_threshold_would_do),
        IN_A_BENCH(tells_it_of_rules_that_support),
        IN_A_BENCH(tells_of_a_stream_that_is_away),
        cmocka_unit_test(weeks_begin_on_mondays_in_finland),
        IN_A_BENCH(the_report_tells_all_and_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
