// SPDX-License-Identifier: Apache-2.0
/*
 * What store.h promises, over both stores.
 */
#include "fixture.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static void values_come_back_as_they_went(void **state)
{
    (void)state;
    static const char raw[] = {0, 1, '\\', 'x', (char)0xff, 0};
    must(pn_store_begin(store, &err));
    struct pn_value values[] = {PN_INT(INT64_MIN),
                                PN_STR("h\xc3\xa4n 'ja' \\x"),
                                PN_BYTES(pn_slice_of(raw, sizeof raw)),
                                PN_INT(INT64_MAX),
                                PN_NULL,
                                PN_NULL};
    run(store, "INSERT INTO thing (id, name, raw) VALUES (?1, ?2, ?3), (?4, ?5, ?6)", values, 6);
    struct pn_value empty[] = {PN_INT(0), PN_TEXT(pn_slice_of(NULL, 0)),
                               PN_BYTES(pn_slice_of(NULL, 0))};
    run(store, "INSERT INTO thing (id, name, raw) VALUES (?1, ?2, ?3)", empty, 3);
    must(pn_store_commit(store, &err));

    struct pn_rows *rows = NULL;
    bool has_row = false;
    must(pn_store_query(store, prepared(store, "SELECT id, name, raw FROM thing ORDER BY id"), NULL,
                        0, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row);
    assert_true(pn_rows_int(rows, 0) == INT64_MIN);
    assert_true(pn_slice_is(pn_rows_text(rows, 1), "h\xc3\xa4n 'ja' \\x"));
    assert_true(pn_slice_eq(pn_rows_bytes(rows, 2), pn_slice_of(raw, sizeof raw)));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row);
    assert_false(pn_rows_is_null(rows, 1));
    assert_int_equal(pn_rows_text(rows, 1).len, 0);
    assert_int_equal(pn_rows_bytes(rows, 2).len, 0);
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(pn_rows_int(rows, 0) == INT64_MAX);
    assert_true(pn_rows_is_null(rows, 1));
    assert_true(pn_rows_is_null(rows, 2));
    must(pn_rows_next(rows, &has_row, &err));
    assert_false(has_row);
    pn_rows_close(rows);
}

struct sum {
    int64_t sum, rows, stop_at;
};

static enum pn_code add_row(void *context, const struct pn_rows *row, struct pn_err *ret_err)
{
    struct sum *sum = context;
    sum->sum += pn_rows_int(row, 0);
    return ++sum->rows == sum->stop_at ? pn_err_set(ret_err, PN_LIMIT, "row", "enough") : PN_OK;
}

static void each_row_is_taken(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 5; i++) {
        insert_thing(store, i, "n");
    }
    const struct pn_value values[] = {PN_INT(2)};
    struct sum sum = {0};
    struct pn_question question = {"SELECT id FROM thing WHERE id >= ?1 ORDER BY id",
                                   values,
                                   PN_ARRAY_COUNT(values),
                                   10,
                                   add_row,
                                   &sum};
    must(pn_store_each(store, &question, &err));
    assert_true(sum.sum == 14 && sum.rows == 4);

    sum = (struct sum){0};
    question.row_max = 2;
    must(pn_store_each(store, &question, &err));
    assert_true(sum.sum == 5 && sum.rows == 2);

    // The statement is free for the next one after a failure, too.
    sum = (struct sum){.stop_at = 1};
    assert_int_equal(pn_store_each(store, &question, &err), PN_LIMIT);
    assert_true(sum.rows == 1);
    sum = (struct sum){0};
    must(pn_store_each(store, &question, &err));
    assert_true(sum.rows == 2);
}

static void one_number_is_asked_for(void **state)
{
    (void)state;
    static const char sql[] = "SELECT id FROM thing WHERE name = ?1 ORDER BY id";
    const struct pn_value values[] = {PN_STR("n")};
    int64_t found = -1;
    must(pn_store_number(store, sql, values, 1, &found, &err));
    assert_true(found == -1);

    insert_thing(store, 7, "n");
    insert_thing(store, 8, "n");
    must(pn_store_number(store, sql, values, 1, &found, &err));
    assert_true(found == 7);

    // The statement is free for the next one.
    struct pn_rows *rows = NULL;
    bool has_row = false;
    must(pn_store_ask(store, sql, values, 1, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row && pn_rows_int(rows, 0) == 7);
    pn_rows_close(rows);

    assert_int_not_equal(pn_store_number(store, "SELECT no FROM thing", NULL, 0, &found, &err),
                         PN_OK);
    assert_true(found == 7);
}

static void sums_and_counts_are_numbers(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 200; i++) {
        insert_thing(store, i * 1000000, "n");
    }
    assert_true(number(store, "SELECT count(*) FROM thing") == 200);
    assert_true(number(store, "SELECT sum(id) FROM thing") == INT64_C(20100000000));
    assert_true(number(store, "SELECT -sum(id) FROM thing") == INT64_C(-20100000000));
    assert_true(number(store, "SELECT COALESCE(sum(id), 0) FROM thing WHERE id < 0") == 0);
    assert_true(number(store, "SELECT 7") == 7);
}

static void a_rollback_leaves_nothing(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    assert_true(pn_store_in_transaction(store));
    insert_thing(store, 1, "a");
    assert_true(number(store, "SELECT count(*) FROM thing") == 1);
    pn_store_rollback(store);
    assert_false(pn_store_in_transaction(store));
    pn_store_rollback(store);
    assert_true(number(store, "SELECT count(*) FROM thing") == 0);
}

static void a_savepoint_takes_back_its_part(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    insert_thing(store, 1, "a");
    must(pn_store_savepoint(store, &err));
    insert_thing(store, 2, "b");
    must(pn_store_rollback_to_savepoint(store, &err));
    insert_thing(store, 3, "c");
    must(pn_store_savepoint(store, &err));
    insert_thing(store, 4, "d");
    must(pn_store_rollback_to_savepoint(store, &err));
    must(pn_store_commit(store, &err));
    assert_true(number(store, "SELECT sum(id) FROM thing") == 4);
}

static void tells_how_many_rows_changed(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    insert_thing(store, 1, "a");
    insert_thing(store, 2, "a");
    struct pn_value values[] = {PN_STR("a")};
    int64_t changed = -1;
    must(pn_store_exec(store, prepared(store, "UPDATE thing SET name = 'b' WHERE name = ?1"),
                       values, 1, &changed, &err));
    assert_true(changed == 2);
    must(pn_store_exec(store, prepared(store, "UPDATE thing SET name = 'b' WHERE name = ?1"),
                       values, 1, &changed, &err));
    assert_true(changed == 0);
    must(pn_store_commit(store, &err));
}

static void upserts_and_returning(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    struct pn_value values[] = {PN_BYTES(pn_slice_str("0123456789abcdef")), PN_INT(5)};
    for (int i = 0; i < 3; i++) {
        run(store,
            "INSERT INTO other (id, n) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET n = other.n "
            "+ excluded.n",
            values, 2);
    }
    struct pn_rows *rows = NULL;
    bool has_row = false;
    must(pn_store_query(store,
                        prepared(store, "UPDATE other SET n = n + ?2 WHERE id = ?1 RETURNING n"),
                        values, 2, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row);
    assert_true(pn_rows_int(rows, 0) == 20);
    pn_rows_close(rows);
    must(pn_store_commit(store, &err));
    assert_true(number(store, "SELECT n FROM other") == 20);
}

static void a_key_twice_is_a_conflict(void **state)
{
    (void)state;
    insert_thing(store, 1, "a");
    must(pn_store_begin(store, &err));
    struct pn_value values[] = {PN_INT(1), PN_STR("again")};
    struct pn_stmt *stmt = prepared(store, "INSERT INTO thing (id, name) VALUES (?1, ?2)");
    enum pn_code code = pn_store_exec(store, stmt, values, 2, NULL, &err);
    if (code == PN_OK) {
        // Writes are pipelined: the answer may come with the commit.
        code = pn_store_commit(store, &err);
    }
    assert_int_equal(code, PN_CONFLICT);
    pn_store_rollback(store);
    must(pn_store_begin(store, &err));
    insert_thing(store, 2, "b");
    must(pn_store_commit(store, &err));
    assert_true(number(store, "SELECT count(*) FROM thing") == 2);
}

static void wrong_sql_is_an_error_and_the_store_lives_on(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(store, "SELECT nothing FROM nowhere", &stmt, &err);
    if (code == PN_OK) {
        struct pn_rows *rows = NULL;
        code = pn_store_query(store, stmt, NULL, 0, &rows, &err);
    }
    assert_int_not_equal(code, PN_OK);
    pn_store_rollback(store);
    insert_thing(store, 9, "z");
    assert_true(number(store, "SELECT count(*) FROM thing") == 1);
}

static void a_statement_is_kept(void **state)
{
    (void)state;
    const char *sql = "SELECT count(*) FROM thing WHERE id = ?1";
    char again[64];
    snprintf(again, sizeof again, "%s", sql);
    assert_ptr_equal(prepared(store, sql), prepared(store, again));
}

static void two_queries_at_once(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    insert_thing(store, 1, "a");
    insert_thing(store, 2, "b");
    struct pn_rows *outer = NULL;
    bool has_row = false;
    int64_t sum = 0;
    struct pn_stmt *list = prepared(store, "SELECT id FROM thing ORDER BY id");
    must(pn_store_query(store, list, NULL, 0, &outer, &err));
    must(pn_rows_next(outer, &has_row, &err));
    while (has_row) {
        sum += pn_rows_int(outer, 0) * number(store, "SELECT count(*) FROM thing");
        must(pn_rows_next(outer, &has_row, &err));
    }
    struct pn_rows *second = NULL;
    assert_int_equal(pn_store_query(store, list, NULL, 0, &second, &err), PN_INTERNAL);
    pn_rows_close(outer);
    assert_true(sum == 6);
    must(pn_store_commit(store, &err));
}

static void migrations_run_once_each(void **state)
{
    (void)state;
    insert_thing(store, 1, "kept");
    pn_store_close(store);
    store = open_store(false, 2);
    assert_true(number(store, "SELECT count(*) FROM thing") == 1);
    assert_true(number(store, "SELECT count(*) FROM punos_migrations") == 2);
}

static void a_reader_sees_commits_and_can_not_write(void **state)
{
    (void)state;
    struct pn_store *reader = open_store(true, 0);
    insert_thing(store, 1, "a");
    assert_true(number(reader, "SELECT count(*) FROM thing") == 1);
    must(pn_store_begin(reader, &err));
    assert_true(number(reader, "SELECT count(*) FROM thing") == 1);
    insert_thing(store, 2, "b");
    // One moment of the store for as long as the transaction is open.
    assert_true(number(reader, "SELECT count(*) FROM thing") == 1);
    must(pn_store_commit(reader, &err));
    assert_true(number(reader, "SELECT count(*) FROM thing") == 2);
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(reader, "INSERT INTO thing (id) VALUES (99)", &stmt, &err);
    if (code == PN_OK) {
        code = pn_store_exec(reader, stmt, NULL, 0, NULL, &err);
    }
    assert_int_equal(code, PN_DENIED);
    pn_store_close(reader);
}

static void a_reader_waits_for_its_owner(void **state)
{
    (void)state;
    struct pn_store *reader = NULL;
    struct pn_store_options options = {.name = "not_made", .read_only = true};
    assert_int_equal(pn_store_open(&config, &options, &reader, &err), PN_UNAVAILABLE);
    assert_null(reader);
}

static void two_writers_of_one_row_do_not_lose_an_update(void **state)
{
    (void)state;
    if (!is_postgres()) {
        // SQLite has one writer: the second waits at begin, which one thread can't show.
        return;
    }
    run(store, "INSERT INTO other (id, n) VALUES ('a', 1)", NULL, 0);
    struct pn_store *rival = open_store(false, 2);
    must(pn_store_begin(store, &err));
    assert_true(number(store, "SELECT n FROM other") == 1);
    run(rival, "UPDATE other SET n = 10", NULL, 0);
    struct pn_stmt *stmt = prepared(store, "UPDATE other SET n = 2");
    enum pn_code code = pn_store_exec(store, stmt, NULL, 0, NULL, &err);
    if (code == PN_OK) {
        code = pn_store_commit(store, &err);
    }
    assert_int_equal(code, PN_CONFLICT);
    pn_store_rollback(store);
    assert_true(number(store, "SELECT n FROM other") == 10);
    pn_store_close(rival);
}

static void a_thousand_writes_in_one_transaction(void **state)
{
    (void)state;
    must(pn_store_begin(store, &err));
    for (int64_t i = 0; i < 3000; i++) {
        insert_thing(store, i, "a name of some length, so that buffers fill up on the way");
    }
    assert_true(number(store, "SELECT count(*) FROM thing") == 3000);
    for (int64_t i = 3000; i < 5000; i++) {
        insert_thing(store, i, "b");
    }
    must(pn_store_commit(store, &err));
    assert_true(number(store, "SELECT count(*) FROM thing") == 5000);
}

static void a_lost_connection_comes_back(void **state)
{
    (void)state;
    if (!is_postgres()) {
        return;
    }
    struct pn_store *rival = open_store(false, 2);
    const char *cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                      "WHERE pid <> pg_backend_pid() AND datname = current_database()";
    // In the middle of a transaction: it is gone as a whole, and the next one begins afresh.
    insert_thing(store, 1, "before");
    must(pn_store_begin(store, &err));
    insert_thing(store, 2, "in the middle");
    assert_true(number(store, "SELECT count(*) FROM thing") == 2);
    assert_true(number(rival, cut) >= 1);
    struct pn_stmt *stmt = prepared(store, "INSERT INTO thing (id, name) VALUES (3, 'later')");
    enum pn_code code = pn_store_exec(store, stmt, NULL, 0, NULL, &err);
    if (code == PN_OK) {
        code = pn_store_commit(store, &err);
    }
    assert_int_equal(code, PN_UNAVAILABLE);
    pn_store_rollback(store);
    must(pn_store_begin(store, &err));
    insert_thing(store, 4, "after");
    must(pn_store_commit(store, &err));
    assert_true(number(store, "SELECT sum(id) FROM thing") == 5);
    // Between transactions: a read is done again on a new connection, a write tells and is not.
    assert_true(number(rival, cut) >= 1);
    assert_true(number(store, "SELECT sum(id) FROM thing") == 5);
    assert_true(number(rival, cut) >= 1);
    stmt = prepared(store, "INSERT INTO thing (id, name) VALUES (5, 'alone')");
    assert_int_equal(pn_store_exec(store, stmt, NULL, 0, NULL, &err), PN_UNAVAILABLE);
    assert_true(number(store, "SELECT sum(id) FROM thing") == 5);
    pn_store_close(rival);
}

static void a_commit_wakes_the_listener(void **state)
{
    (void)state;
    struct pn_store *listener = open_store(false, 2);
    int fd = pn_store_wake_fd(listener);
    assert_true(fd >= 0);
    (void)pn_store_take_wakes(listener);
    must(pn_store_begin(store, &err));
    insert_thing(store, 1, "quiet");
    must(pn_store_commit(store, &err));
    must(pn_store_begin(store, &err));
    must(pn_store_wake_on_commit(store, &err));
    pn_store_rollback(store);
    assert_false(pn_store_take_wakes(listener));
    must(pn_store_begin(store, &err));
    insert_thing(store, 2, "loud");
    must(pn_store_wake_on_commit(store, &err));
    must(pn_store_commit(store, &err));
    struct pollfd waited = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waited, 1, 10000), 1);
    assert_true(pn_store_take_wakes(listener));
    assert_false(pn_store_take_wakes(listener));
    pn_store_close(listener);
}

static void files_are_private(void **state)
{
    (void)state;
    if (is_postgres()) {
        return;
    }
    char path[256];
    struct stat found;
    snprintf(path, sizeof path, "%s/store/%s.db", folder, store_name);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/store", folder);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(values_come_back_as_they_went),
        test(each_row_is_taken),
        test(one_number_is_asked_for),
        test(sums_and_counts_are_numbers),
        test(a_rollback_leaves_nothing),
        test(a_savepoint_takes_back_its_part),
        test(tells_how_many_rows_changed),
        test(upserts_and_returning),
        test(a_key_twice_is_a_conflict),
        test(wrong_sql_is_an_error_and_the_store_lives_on),
        test(a_statement_is_kept),
        test(two_queries_at_once),
        test(migrations_run_once_each),
        test(a_reader_sees_commits_and_can_not_write),
        test(a_reader_waits_for_its_owner),
        test(two_writers_of_one_row_do_not_lose_an_update),
        test(a_thousand_writes_in_one_transaction),
        test(a_lost_connection_comes_back),
        test(a_commit_wakes_the_listener),
        test(files_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
