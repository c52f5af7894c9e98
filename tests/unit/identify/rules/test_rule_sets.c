// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/rule_sets.h"

#include "base/file.h"
#include "tests/unit/identify/engine_bench.h"

enum { CLIENTS = 40, EVENTS = 600, BATCH_MAX = 12, ROUNDS = 12 };

static const char default_rules[] = "config/rules/start.yaml";

// --- Help ----------------------------------------------------------------------------------------

static struct pn_rules_follower *follower_of(struct bench *bench)
{
    struct pn_rules_follower *follower = NULL;
    const struct pn_rules_follower_options options = {
        .store = bench->store, .rules_file = default_rules, .makes_first = true};
    assert_int_equal(pn_rules_follower_open(&options, &follower, &err), PN_OK);
    return follower;
}

// What a reader of the trigger topic believes to hold.
struct believed {
    char name[96]; // client and rule
    bool is_raised;
};
enum { BELIEVED_MAX = CLIENTS * 16 };

struct reloading {
    struct bench *bench;
    struct pn_rules_follower *follower;
    struct believed believed[BELIEVED_MAX];
    unsigned believed_count;
};

// A trigger is raised when it was not, and changes and ends when it was.
static void believe(struct reloading *reloading, const struct pn_event *event, const char *told)
{
    char name[96], happening[16], rule[48];
    assert_int_equal(sscanf(told, "%15s %47s", happening, rule), 2);
    (void)snprintf(name, sizeof name, "%.*s %s", PN_SLICE_FMT(event->subject), rule);
    unsigned i = 0;
    while (i < reloading->believed_count && strcmp(reloading->believed[i].name, name) != 0) {
        i++;
    }
    assert_true(i < BELIEVED_MAX);
    if (i == reloading->believed_count) {
        (void)snprintf(reloading->believed[i].name, sizeof name, "%s", name);
        reloading->believed[i].is_raised = false;
        reloading->believed_count++;
    }
    const bool is_raising = strcmp(happening, "raised") == 0;
    assert_int_equal(reloading->believed[i].is_raised, !is_raising);
    reloading->believed[i].is_raised = is_raising || strcmp(happening, "changed") == 0;
}

static enum pn_code note_of(void *context, const struct pn_event *event, struct pn_err *unused)
{
    struct reloading *reloading = context;
    enum pn_code code = note(reloading->bench, event, unused);
    if (pn_slice_starts_with(event->type, "fi.punos.trigger.")) {
        believe(reloading, event, last_told(reloading->bench));
    }
    return code;
}

static enum pn_code newest(void *context, const struct pn_ruleset **ret_rules, struct pn_err *fault)
{
    struct reloading *reloading = context;
    bool is_refused = false;
    return pn_rules_follow(reloading->follower, ret_rules, &is_refused, fault);
}

static void open_reloading(struct reloading *reloading, bool judges_all)
{
    pn_engine_close(reloading->bench->engine);
    pn_rules_follower_close(reloading->follower);
    reloading->follower = follower_of(reloading->bench);
    const struct pn_engine_options options = {.store = reloading->bench->store,
                                              .rules = pn_rules_followed(reloading->follower),
                                              .newest_rules = newest,
                                              .judges_all = judges_all,
                                              .emit = note_of,
                                              .context = reloading};
    assert_int_equal(pn_engine_open(&options, &reloading->bench->engine, &err), PN_OK);
}

// start.yaml with other numbers, and one of the rules away.
static char *variant(struct bench *bench, unsigned which)
{
    struct pn_slice text;
    assert_int_equal(pn_file_read(bench->boot, default_rules, 1 << 20, &text, &err), PN_OK);
    char *copy = pn_arena_copy(bench->boot, text);
    assert_non_null(copy);
    char *noshows = strstr(copy, "where: unused, in_months: 12, at_least: 3");
    assert_non_null(noshows);
    noshows[strlen("where: unused, in_months: 12, at_least: ")] = (char)('2' + which % 4);
    if (which % 3 == 1) {
        memcpy(strstr(copy, "id: concern"), "id: consern", 11); // one goes, another comes
    }
    return copy;
}

static void promote(struct bench *bench, const char *text)
{
    int64_t number = 0;
    char fingerprint[PN_RULES_FINGERPRINT_BYTES];
    pn_rules_fingerprint(pn_slice_str(text), fingerprint);
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_rule_sets_newest(bench->store, &number, &err), PN_OK);
    const struct pn_rule_set set = {.number = number + 1,
                                    .fingerprint = pn_slice_str(fingerprint),
                                    .text = pn_slice_str(text),
                                    .file = pn_slice_str("variant.yaml"),
                                    .promoted_by = pn_slice_str("a test"),
                                    .at_ms = pn_clock_now_ms()};
    assert_int_equal(pn_rule_set_add(bench->store, &set, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
}

static unsigned draw(uint64_t *seed, unsigned count)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33) % count;
}

// The same seed gives the same event at the same place.
static void make_random(struct made *made, unsigned place)
{
    static char subjects[BATCH_MAX][PN_CLIENT_KEY_TEXT_BYTES];
    static unsigned used;
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15) * (place + 1);
    char *subject = subjects[used++ % BATCH_MAX];
    unsigned client = draw(&seed, CLIENTS);
    (void)snprintf(subject, PN_CLIENT_KEY_TEXT_BYTES, "%016x%016x", 0xa0000000U + client, client);
    static const char *const happenings[] = {"appointment.noshow", "appointment.cancelled",
                                             "concern.raised", "visit.finished"};
    unsigned kind = draw(&seed, 12);
    kind = kind < 8 ? 0 : kind - 8;
    const struct spec spec = {.happening = happenings[kind],
                              .subject = subject,
                              .number = kind == 3 ? 1000 + place : draw(&seed, EVENTS / 2),
                              .start_ms = at(2026, 1, 1) + draw(&seed, 140) * DAY,
                              .recorded_ms = at(2026, 5, 20) + place,
                              .status = kind == 0   ? "noshow"
                                        : kind == 1 ? "cancelled"
                                        : kind == 2 ? "active"
                                                    : "finished",
                              .encounter_class = "AMB",
                              .profession = draw(&seed, 8)};
    make(made, place, &spec);
}

static struct made batch[BATCH_MAX];

static unsigned fill_batch(unsigned from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        make_random(&batch[i], from + i);
    }
    return from + count;
}

// The process dies before its commit.
static void lose_batch(struct reloading *reloading, unsigned count)
{
    struct bench *bench = reloading->bench;
    static struct reloading before;
    before = *reloading;
    unsigned told = bench->told_count;
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    for (unsigned i = 0; i < count; i++) {
        pn_arena_reset(bench->arena);
        assert_int_equal(pn_engine_take(bench->engine, bench->arena, &batch[i].event, &err), PN_OK);
    }
    assert_int_equal(pn_engine_batch_end(bench->engine, &err), PN_OK);
    pn_store_rollback(bench->store);
    pn_engine_forget(bench->engine);
    bench->told_count = told;
    *reloading = before;
}

static void settle(struct bench *bench)
{
    for (unsigned i = 0; i < 4; i++) {
        tick(bench, pn_clock_now_ms() + 1000);
    }
}

// "client rule" of each trigger that is raised, in order.
static struct pn_slice raised(struct bench *bench)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    struct pn_buf text;
    bool has_row = true;
    pn_buf_init(&text, 1 << 20);
    assert_int_equal(pn_store_prepare(bench->store,
                                      "SELECT client, rule, counted, version FROM triggers"
                                      " WHERE state = 0 ORDER BY client, rule",
                                      &stmt, &err),
                     PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    while (has_row) {
        assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
        if (has_row) {
            pn_buf_printf(&text, "%lld %.*s\n", (long long)pn_rows_int(rows, 0),
                          PN_SLICE_FMT(pn_rows_text(rows, 1)));
        }
    }
    pn_rows_close(rows);
    struct pn_slice kept = pn_buf_slice(&text);
    kept.ptr = pn_arena_copy(bench->boot, kept);
    pn_buf_release(&text);
    return kept;
}

// --- Tests ---------------------------------------------------------------------------------------

static void the_file_is_the_first_set(void **state)
{
    struct bench *bench = *state;
    struct pn_rules_follower *follower = follower_of(bench);
    struct pn_rule_set set;
    assert_int_equal(pn_rule_set_read(bench->store, bench->boot, 0, &set, &err), PN_OK);
    assert_int_equal(set.number, 1);
    assert_true(pn_slice_is(set.promoted_by, PN_RULES_INSTALLATION));
    struct pn_slice text;
    assert_int_equal(pn_file_read(bench->boot, default_rules, 1 << 20, &text, &err), PN_OK);
    assert_true(pn_slice_eq(set.text, text));
    // The second opening, with another file, changes nothing.
    pn_rules_follower_close(follower);
    const struct pn_rules_follower_options options = {
        .store = bench->store, .rules_file = "no/such/file.yaml", .makes_first = true};
    assert_int_equal(pn_rules_follower_open(&options, &follower, &err), PN_OK);
    assert_int_equal(pn_rules_followed(follower)->number, 1);
    pn_rules_follower_close(follower);
}

static void without_a_good_file_there_is_no_first_set(void **state)
{
    struct bench *bench = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/bad.yaml", bench->folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("rules:\n  - id: visits\n    version: 0\n", file) > 0);
    assert_int_equal(fclose(file), 0);
    struct pn_rules_follower *follower = NULL;
    struct pn_rules_follower_options options = {.store = bench->store, .rules_file = path};
    assert_int_equal(pn_rules_follower_open(&options, &follower, &err), PN_NOT_FOUND);
    options.makes_first = true;
    assert_int_equal(pn_rules_follower_open(&options, &follower, &err), PN_INVALID);
    assert_non_null(strstr(err.where, "bad.yaml:"));
    assert_null(follower);
}

static void a_set_that_cannot_be_read_is_left_alone(void **state)
{
    struct bench *bench = *state;
    struct pn_rules_follower *follower = follower_of(bench);
    const struct pn_ruleset *rules = NULL;
    bool is_refused = false;
    promote(bench, "rules: [ { id: from-the-future } ]");
    assert_int_equal(pn_rules_follow(follower, &rules, &is_refused, &err), PN_OK);
    assert_true(is_refused);
    assert_int_equal(rules->number, 1);
    assert_non_null(strstr(err.where, "rule set 2"));
    assert_int_equal(pn_rules_follow(follower, &rules, &is_refused, &err), PN_OK);
    assert_false(is_refused); // told once
    promote(bench, variant(bench, 1));
    assert_int_equal(pn_rules_follow(follower, &rules, &is_refused, &err), PN_OK);
    assert_int_equal(rules->number, 3);
    pn_rules_follower_close(follower);
}

// What was told adds up to what stands in the store.
static void told_is_what_is(const struct reloading *reloading, struct pn_slice list)
{
    unsigned told = 0, lines = 0;
    for (unsigned i = 0; i < reloading->believed_count; i++) {
        told += reloading->believed[i].is_raised ? 1 : 0;
    }
    for (size_t i = 0; i < list.len; i++) {
        lines += list.ptr[i] == '\n' ? 1 : 0;
    }
    assert_int_equal(told, lines);
}

static void reloading_loses_and_doubles_nothing(void **state)
{
    struct bench *bench = *state;
    static struct reloading reloading;
    reloading.bench = bench;
    uint64_t seed = 7;
    open_reloading(&reloading, false);
    char *last = variant(bench, 0);
    unsigned place = 0;
    for (unsigned round = 0; place < EVENTS - BATCH_MAX; round++) {
        unsigned count = 1 + draw(&seed, BATCH_MAX);
        count = count < EVENTS - BATCH_MAX - place ? count : EVENTS - BATCH_MAX - place;
        place = fill_batch(place, count);
        if (round % ROUNDS == 3 || round % ROUNDS == 4) {
            last = variant(bench, round / 2);
            promote(bench, last);
        }
        if (round % 5 == 3) {
            lose_batch(&reloading, count);
        }
        if (round % 17 == 9) {
            open_reloading(&reloading, round % 2 == 0);
        }
        take_batch(bench, batch, count);
        if (draw(&seed, 3) == 0) {
            tick(bench, pn_clock_now_ms() + 1000);
        }
    }
    // There and back without a tick between; somebody is evaluated with what is in between.
    settle(bench);
    promote(bench, variant(bench, 7));
    place = fill_batch(place, BATCH_MAX);
    take_batch(bench, batch, BATCH_MAX);
    promote(bench, last);
    settle(bench);
    struct pn_slice reloaded = raised(bench);
    assert_true(reloaded.len > 200);
    told_is_what_is(&reloading, reloaded);

    // A hub that had the last rules from the start.
    static struct reloading fresh;
    fresh.bench = bench;
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    static const char *const tables[] = {"DELETE FROM client_facts",
                                         "DELETE FROM fact_subjects",
                                         "DELETE FROM triggers",
                                         "DELETE FROM due",
                                         "DELETE FROM identify_state",
                                         "DELETE FROM cases",
                                         "DELETE FROM rule_sets WHERE number > 0"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(tables); i++) {
        struct pn_stmt *stmt = NULL;
        assert_int_equal(pn_store_prepare(bench->store, tables[i], &stmt, &err), PN_OK);
        assert_int_equal(pn_store_exec(bench->store, stmt, NULL, 0, NULL, &err), PN_OK);
    }
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    promote(bench, last);
    pn_rules_follower_close(reloading.follower);
    open_reloading(&fresh, false);
    for (place = 0; place < EVENTS;) {
        unsigned count = EVENTS - place < BATCH_MAX ? EVENTS - place : BATCH_MAX;
        place = fill_batch(place, count);
        take_batch(bench, batch, count);
    }
    settle(bench);
    struct pn_slice expected = raised(bench);
    assert_int_equal(expected.len, reloaded.len);
    assert_memory_equal(expected.ptr, reloaded.ptr, reloaded.len);
    pn_rules_follower_close(fresh.follower);
}

static void backtests_are_found_by_their_file(void **state)
{
    struct bench *bench = *state;
    struct pn_backtest found;
    assert_int_equal(pn_backtest_find(bench->store, bench->boot, pn_slice_str("ab"), &found, &err),
                     PN_NOT_FOUND);
    const struct pn_backtest made = {.fingerprint = pn_slice_str("ab"),
                                     .made_by = pn_slice_str("shell:test"),
                                     .figures = pn_slice_str("{}"),
                                     .from_ms = 1,
                                     .to_ms = 2,
                                     .at_ms = 3};
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_backtest_add(bench->store, &made, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    assert_int_equal(pn_backtest_find(bench->store, bench->boot, pn_slice_str("ab"), &found, &err),
                     PN_OK);
    assert_int_equal(found.at_ms, 3);
    assert_true(pn_slice_is(found.figures, "{}"));
    char a[PN_RULES_FINGERPRINT_BYTES], b[PN_RULES_FINGERPRINT_BYTES];
    pn_rules_fingerprint(pn_slice_str("rules: []\n"), a);
    pn_rules_fingerprint(pn_slice_str("rules: [] \n"), b);
    assert_string_not_equal(a, b);
    pn_rules_fingerprint(pn_slice_str("abc"), a);
    assert_string_equal(a, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
#define IN_A_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)
    const struct CMUnitTest tests[] = {
        IN_A_BENCH(the_file_is_the_first_set),
        IN_A_BENCH(without_a_good_file_there_is_no_first_set),
        IN_A_BENCH(a_set_that_cannot_be_read_is_left_alone),
        IN_A_BENCH(reloading_loses_and_doubles_nothing),
        IN_A_BENCH(backtests_are_found_by_their_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
