// SPDX-License-Identifier: Apache-2.0
/*
 * A client's facts in identify's store: what is written is read, only rows of facts that changed
 * are written, and rows from before there were parts are read.
 */
#include "engine_bench.h"

#include "services/identify/held_row.h"

enum { OWNER = 7, SUBJECT = 9, MANY = 4 * PN_HELD_PART + 5, BEFORE_PARTS = 9, ONE_CODE = 80 };

static struct pn_fact_entry fact_of(unsigned number)
{
    struct pn_fact_entry fact = {.start_ms = at(2026, 1, 1) + number, .revision = 1};
    memcpy(fact.id, &number, sizeof number);
    fact.end_ms = fact.start_ms;
    fact.concern = 3; // the last field before the codes
    for (unsigned i = 0; i < number % (PN_CODES_MAX + 1); i++) {
        fact.codes[i] = number * 10 + i + 1;
    }
    for (unsigned i = 0; i < number % 11 % PN_PROFESSIONS_MAX; i++) {
        fact.more_professions[i] = number + i + 1;
    }
    return fact;
}

// As facts were while they had one code, among their other fields.
static size_t write_one_code(unsigned number, char *ret_row)
{
    const struct pn_fact_entry fact = fact_of(number);
    memcpy(ret_row, &fact, 40);
    memcpy(ret_row + 40, fact.codes, 8);
    memcpy(ret_row + 48, (const char *)&fact + 40, ONE_CODE - 48);
    return ONE_CODE;
}

static struct pn_held_client *load(struct bench *bench)
{
    struct pn_held_client *client = NULL;
    pn_arena_reset(bench->arena);
    assert_int_equal(pn_held_load(bench->store, bench->arena, OWNER, &client, &err), PN_OK);
    return client;
}

static void add(struct bench *bench, struct pn_held_client *client, unsigned first, unsigned count)
{
    struct pn_held *held = pn_held_of(bench->arena, client, SUBJECT);
    assert_non_null(held);
    for (unsigned i = first; i < first + count; i++) {
        const struct pn_fact_entry fact = fact_of(i);
        assert_int_equal(pn_held_add(bench->arena, held, &fact, at(2025, 1, 1), &err), PN_OK);
    }
}

static void save(struct bench *bench, struct pn_held_client *client)
{
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_held_save(bench->store, client, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
}

static void exec(struct pn_store *store, const char *sql, struct pn_slice bytes)
{
    struct pn_stmt *stmt = NULL;
    const struct pn_value value = PN_BYTES(bytes);
    const unsigned count = strchr(sql, '?') == NULL ? 0 : 1;
    assert_int_equal(pn_store_begin(store, &err), PN_OK);
    assert_int_equal(pn_store_prepare(store, sql, &stmt, &err), PN_OK);
    assert_int_equal(pn_store_exec(store, stmt, &value, count, NULL, &err), PN_OK);
    assert_int_equal(pn_store_commit(store, &err), PN_OK);
}

static int64_t number_of(struct bench *bench, const char *sql)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    assert_int_equal(pn_store_prepare(bench->store, sql, &stmt, &err), PN_OK);
    assert_int_equal(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err), PN_OK);
    assert_int_equal(pn_rows_next(rows, &has_row, &err), PN_OK);
    assert_true(has_row);
    int64_t number = pn_rows_int(rows, 0);
    pn_rows_close(rows);
    return number;
}

// Each of the numbers is there once but for `without`.
static void assert_facts(const struct pn_held_client *client, unsigned count, unsigned without)
{
    static struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    static bool is_seen[PN_CLIENT_FACTS_MAX];
    memset(is_seen, 0, sizeof is_seen);
    assert_int_equal(pn_held_gather(client, facts), without < count ? count - 1 : count);
    for (unsigned i = 0; i < (without < count ? count - 1 : count); i++) {
        unsigned number = 0;
        memcpy(&number, facts[i].id, sizeof number);
        assert_true(number < count && number != without && !is_seen[number]);
        is_seen[number] = true;
        const struct pn_fact_entry fact = fact_of(number);
        assert_memory_equal(&facts[i], &fact, sizeof fact);
    }
}

// The first `count` facts have lost all codes but the first.
static void assert_one_code_each(const struct pn_held_client *client, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct pn_fact_entry fact = fact_of(i);
        memset(fact.codes + 1, 0, sizeof fact.codes - sizeof fact.codes[0]);
        memset(fact.more_professions, 0, sizeof fact.more_professions);
        assert_memory_equal(&client->held[0].facts[i], &fact, sizeof fact);
    }
}

static void what_is_written_is_read(void **state)
{
    struct bench *bench = *state;
    for (unsigned first = 0; first < MANY; first += 31) {
        struct pn_held_client *client = load(bench);
        assert_facts(client, first, MANY);
        add(bench, client, first, MANY - first < 31 ? MANY - first : 31);
        save(bench, client);
    }
    assert_facts(load(bench), MANY, MANY);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts"), 5);
    assert_int_equal(number_of(bench, "SELECT MAX(part) FROM client_facts"), 4);
    assert_int_equal(number_of(bench, "SELECT LENGTH(facts) FROM client_facts WHERE part = 4"),
                     5 * (PN_ROW_HEAD_BYTES + 1) + (3 + 4 + 5 + 6 + 0) * 8 +
                         (3 + 4 + 0 + 1 + 2) * 4);
}

// A row that the store alone has changed stays as it is when another is written.
static void rows_of_the_same_facts_are_not_written(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, MANY);
    save(bench, client);
    client = load(bench);
    exec(bench->store, "UPDATE client_facts SET form = 1", pn_slice_str(""));
    add(bench, client, MANY, 1);
    pn_held_mark(&client->held[0], &client->held[0].facts[PN_HELD_PART]);
    save(bench, client);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts WHERE form = 5"), 2);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts WHERE form = 5"
                                      " AND part IN (1, 4)"),
                     2);
    exec(bench->store, "UPDATE client_facts SET form = 5", pn_slice_str(""));
    assert_facts(load(bench), MANY + 1, MANY + 1);
}

static void what_is_removed_is_gone(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, 2 * PN_HELD_PART + 1);
    save(bench, client);
    client = load(bench);
    pn_held_remove(&client->held[0], &client->held[0].facts[3]);
    save(bench, client);
    assert_facts(load(bench), 2 * PN_HELD_PART + 1, 3);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts"), 2);
    client = load(bench);
    while (client->held[0].count > 0) {
        pn_held_remove(&client->held[0], &client->held[0].facts[0]);
    }
    save(bench, client);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts"), 1);
    client = load(bench);
    assert_facts(client, 0, 1);
    add(bench, client, 0, 2);
    save(bench, client);
    assert_facts(load(bench), 2, 2);
}

#define OLD_TRIGGER_VALUES(rule_and_class)                                                         \
    "(7, " rule_and_class ", 'i', 1, 0, 3, 3, 1, 1, 1, 0, 10, 3, 1, '{}')"
#define OLD_TRIGGER(rule_and_class)                                                                \
    "INSERT INTO triggers (client, rule, class, id, version, state, counted, threshold,"           \
    " raised_ms, changed_ms, evaluated_ms, lapses_ms, weight, told, serial, data) "                \
    "VALUES " OLD_TRIGGER_VALUES(rule_and_class)

// One row of everything, as it was; it is cut into parts when it is written.
static void rows_from_before_there_were_parts_are_read(void **state)
{
    struct bench *bench = *state;
    pn_worklist_close(bench->worklist);
    pn_engine_close(bench->engine);
    pn_store_close(bench->store);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s/store", bench->folder);
    assert_int_equal(system(command), 0);
    choose_store(&bench->config);
    struct pn_store_options store = {.name = PN_IDENTIFY_STORE,
                                     .migrations = pn_identify_migrations,
                                     .migration_count = BEFORE_PARTS};
    assert_int_equal(pn_store_open(&bench->config, &store, &bench->store, &err), PN_OK);
    static char row[MANY * ONE_CODE];
    for (unsigned i = 0; i < MANY; i++) {
        (void)write_one_code(i, row + i * (size_t)ONE_CODE);
    }
    exec(bench->store,
         "INSERT INTO client_facts (owner, subject, form, facts) VALUES (7, 9, 2, ?1)",
         pn_slice_of(row, sizeof row));
    exec(bench->store, OLD_TRIGGER("'a', 0") "," OLD_TRIGGER_VALUES("'b', 3"), pn_slice_str(""));
    pn_store_close(bench->store);
    store.migration_count = pn_identify_migration_count;
    assert_int_equal(pn_store_open(&bench->config, &store, &bench->store, &err), PN_OK);
    bench_engine(bench);
    assert_int_equal(pn_worklist_open(&bench->config, &bench->worklist, &err), PN_OK);

    struct pn_held_client *client = load(bench);
    assert_one_code_each(client, MANY);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts"), 1);
    // A trigger's class is a set now too; that of ordinary data is empty.
    assert_int_equal(number_of(bench, "SELECT classes FROM triggers WHERE rule = 'a'"), 0);
    assert_int_equal(number_of(bench, "SELECT classes FROM triggers WHERE rule = 'b'"), 1 << 3);
    add(bench, client, MANY, 1);
    save(bench, client);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts WHERE form = 5"), 5);
    assert_one_code_each(load(bench), MANY);
}

// Rows of both forms stand side by side until all facts have been told again.
static void rows_of_facts_with_one_code_are_read(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, 2 * PN_HELD_PART);
    save(bench, client);
    char row[PN_HELD_PART * ONE_CODE];
    for (unsigned i = 0; i < PN_HELD_PART; i++) {
        (void)write_one_code(i, row + i * (size_t)ONE_CODE);
    }
    exec(bench->store, "UPDATE client_facts SET form = 2, facts = ?1 WHERE part = 0",
         pn_slice_of(row, sizeof row));
    client = load(bench);
    assert_one_code_each(client, PN_HELD_PART);
    assert_int_equal(client->held[0].count, 2 * PN_HELD_PART);
    const struct pn_fact_entry last = fact_of(2 * PN_HELD_PART - 1);
    assert_memory_equal(&client->held[0].facts[2 * PN_HELD_PART - 1], &last, sizeof last);
    const struct pn_fact_entry seventh = fact_of(7);
    client->held[0].facts[7] = seventh; // told again, with all its codes
    pn_held_mark(&client->held[0], &client->held[0].facts[7]);
    save(bench, client);
    client = load(bench);
    assert_memory_equal(&client->held[0].facts[7], &seventh, sizeof last);
    assert_one_code_each(client, 7);
    assert_int_equal(number_of(bench, "SELECT COUNT(*) FROM client_facts WHERE form = 5"), 2);
}

// The form before had one profession of each fact, and else the same bytes.
static void rows_of_facts_with_one_profession_are_read(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, PN_HELD_PART);
    for (unsigned i = 0; i < PN_HELD_PART; i++) {
        struct pn_fact_entry *fact = &client->held[0].facts[i];
        fact->profession = i;
        memset(fact->more_professions, 0, sizeof fact->more_professions);
    }
    save(bench, client);
    exec(bench->store, "UPDATE client_facts SET form = 4", pn_slice_str(""));
    client = load(bench);
    for (unsigned i = 0; i < PN_HELD_PART; i++) {
        const struct pn_fact_entry *fact = &client->held[0].facts[i];
        assert_int_equal(pn_fact_profession(fact, 0), i);
        assert_int_equal(pn_fact_profession(fact, 1), 0);
        assert_int_equal(pn_fact_profession(fact, PN_PROFESSIONS_MAX), 0);
    }
}

// The one class that an earlier version kept of a fact is a set of one; with a damaged one nothing
// of the fact is shown.
static void rows_of_facts_with_one_class_are_read(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, 2 * PN_HELD_PART);
    for (unsigned i = 0; i < PN_HELD_PART; i++) {
        client->held[0].facts[i].classes = (uint8_t)(i % (PN_CLASS_COUNT + 1));
    }
    save(bench, client);
    exec(bench->store, "UPDATE client_facts SET form = 3 WHERE part = 0", pn_slice_str(""));
    client = load(bench);
    for (unsigned i = 0; i < PN_HELD_PART; i++) {
        const unsigned stored = i % (PN_CLASS_COUNT + 1);
        const uint32_t expected = stored == 0 ? 0 : 1U << stored;
        const struct pn_fact_entry *fact = &client->held[0].facts[i];
        assert_int_equal(pn_fact_classes(fact), stored == PN_CLASS_COUNT ? 0x1fe : expected);
    }
    struct pn_fact_entry *fact = &client->held[0].facts[1]; // told again
    const uint32_t both = pn_class_bit(PN_CLASS_SUBSTANCE) | pn_class_bit(PN_CLASS_THERAPY_NOTE);
    fact->classes = pn_fact_pack_classes(both);
    pn_held_mark(&client->held[0], fact);
    save(bench, client);
    client = load(bench);
    assert_int_equal(pn_fact_classes(&client->held[0].facts[1]), both);
    assert_int_equal(pn_fact_classes(&client->held[0].facts[2]), 1U << 2);
}

static void a_damaged_row_is_told(void **state)
{
    (void)state;
    struct pn_fact_entry facts[3] = {fact_of(1), fact_of(4), fact_of(5)}, read[3];
    char row[3 * PN_ROW_FACT_BYTES_MAX];
    unsigned count = 77;
    const size_t bytes = pn_held_row_write(facts, 3, row);
    for (size_t len = 0; len <= bytes; len++) {
        const bool is_whole = len == 0 || len == 85 || len == 85 + 121 || len == bytes;
        assert_int_equal(pn_held_row_count(PN_ROW_FORM, pn_slice_of(row, len), &count), is_whole);
    }
    assert_int_equal(count, 3);
    pn_held_row_read(PN_ROW_FORM, pn_slice_of(row, bytes), read);
    assert_memory_equal(read, facts, sizeof facts);
    row[PN_ROW_HEAD_BYTES] = PN_PROFESSIONS_MAX << 4;
    assert_false(pn_held_row_count(PN_ROW_FORM, pn_slice_of(row, bytes), &count));
    row[PN_ROW_HEAD_BYTES] = PN_CODES_MAX + 1;
    assert_false(pn_held_row_count(PN_ROW_FORM, pn_slice_of(row, bytes), &count));
    assert_false(pn_held_row_count(PN_ROW_ONE_CODE, pn_slice_of(row, 79), &count));
    assert_false(pn_held_row_count(PN_ROW_FIRST, pn_slice_of(row, 57), &count));
    assert_false(pn_held_row_count(0, pn_slice_of(row, 0), &count));
    assert_false(pn_held_row_count(PN_ROW_FORM + 1, pn_slice_of(row, 0), &count));
}

// However its events are cut into batches, a client has a bounded number of facts: the newest.
static void the_oldest_make_place(void **state)
{
    struct bench *bench = *state;
    const unsigned most = PN_CLIENT_FACTS_MAX + PN_HELD_PART;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, PN_CLIENT_FACTS_MAX);
    save(bench, client);
    for (unsigned i = 0; i < 3 * PN_HELD_PART; i++) {
        client = load(bench);
        add(bench, client, PN_CLIENT_FACTS_MAX + i, 1);
        save(bench, client);
        assert_true(client->held[0].count <= most);
    }
    assert_in_range(load(bench)->held[0].count, PN_CLIENT_FACTS_MAX, most);
    static struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    assert_int_equal(pn_held_gather(load(bench), facts), PN_CLIENT_FACTS_MAX);
    for (unsigned i = 0; i < PN_CLIENT_FACTS_MAX; i++) {
        assert_true(facts[i].start_ms >= fact_of(3 * PN_HELD_PART).start_ms);
    }
}

// What began long ago and goes on is counted still.
static void what_goes_on_is_kept(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    struct pn_held *held = pn_held_of(bench->arena, client, SUBJECT);
    struct pn_fact_entry open = fact_of(PN_CLIENT_FACTS_MAX * 2), ended = open, still = open;
    open.start_ms = ended.start_ms = ended.end_ms = still.start_ms = at(2020, 1, 1);
    open.end_ms = PN_FACT_OPEN;
    still.end_ms = at(2026, 2, 1);
    const struct pn_fact_entry old[] = {ended, open, still};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(old); i++) {
        assert_int_equal(pn_held_add(bench->arena, held, &old[i], at(2025, 1, 1), &err), PN_OK);
    }
    add(bench, client, 0, PN_CLIENT_FACTS_MAX + 3 * PN_HELD_PART);
    static struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    unsigned kept = 0, count = pn_held_gather(client, facts);
    for (unsigned i = 0; i < count; i++) {
        assert_memory_not_equal(&facts[i], &ended, sizeof ended);
        kept += facts[i].start_ms == at(2020, 1, 1) ? 1 : 0;
    }
    assert_int_equal(kept, 2);
}

static void a_row_out_of_order_is_refused(void **state)
{
    struct bench *bench = *state;
    struct pn_held_client *client = load(bench);
    add(bench, client, 0, MANY);
    save(bench, client);
    exec(bench->store, "DELETE FROM client_facts WHERE part = 1", pn_slice_str(""));
    pn_arena_reset(bench->arena);
    assert_int_equal(pn_held_load(bench->store, bench->arena, OWNER, &client, &err), PN_INTERNAL);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(what_is_written_is_read),
        WITH_BENCH(rows_of_the_same_facts_are_not_written),
        WITH_BENCH(what_is_removed_is_gone),
        WITH_BENCH(rows_from_before_there_were_parts_are_read),
        WITH_BENCH(rows_of_facts_with_one_code_are_read),
        WITH_BENCH(rows_of_facts_with_one_class_are_read),
        WITH_BENCH(rows_of_facts_with_one_profession_are_read),
        cmocka_unit_test(a_damaged_row_is_told),
        WITH_BENCH(the_oldest_make_place),
        WITH_BENCH(what_goes_on_is_kept),
        WITH_BENCH(a_row_out_of_order_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
