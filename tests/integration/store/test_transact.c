// SPDX-License-Identifier: Apache-2.0
/*
 * Whole transactions, done again when another process got in between, over both stores.
 */
#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

struct attempt {
    unsigned calls;
    unsigned conflict_count; // the first so many calls meet a key that is there already
    enum pn_code code;       // what the others end with
};

static enum pn_code attempt(void *context, struct pn_err *ret_err)
{
    struct attempt *attempt = context;
    const struct pn_value values[] = {PN_INT(attempt->calls++ < attempt->conflict_count ? 1 : 7)};
    enum pn_code code =
        pn_store_run(store, "INSERT INTO other (id) VALUES ('a')", NULL, 0, ret_err);
    code = code == PN_OK
               ? pn_store_run(store, "INSERT INTO thing (id) VALUES (?1)", values, 1, ret_err)
               : code;
    return code == PN_OK && attempt->code != PN_OK
               ? pn_err_set(ret_err, attempt->code, "test", "it says so")
               : code;
}

static void a_transaction_is_done_again_after_a_conflict(void **state)
{
    (void)state;
    insert_thing(store, 1, "there");
    struct attempt twice = {.conflict_count = 2};
    must(pn_store_transact(store, attempt, &twice, &err));
    assert_int_equal(twice.calls, 3);
    assert_int_equal(number(store, "SELECT COUNT(*) FROM thing WHERE id = 7"), 1);
    assert_int_equal(number(store, "SELECT COUNT(*) FROM other"), 1);
}

static void a_transaction_without_end_is_given_up(void **state)
{
    (void)state;
    insert_thing(store, 1, "there");
    struct attempt for_ever = {.conflict_count = 1000};
    assert_int_equal(pn_store_transact(store, attempt, &for_ever, &err), PN_UNAVAILABLE);
    assert_in_range(for_ever.calls, 2, 999);
    assert_false(pn_store_in_transaction(store));
    assert_int_equal(number(store, "SELECT COUNT(*) FROM other"), 0);
}

// A conflict that the work itself decides on stays one.
static void what_the_work_says_is_handed_on(void **state)
{
    (void)state;
    insert_thing(store, 1, "there");
    const enum pn_code said[] = {PN_CONFLICT, PN_INVALID, PN_UNAVAILABLE};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(said); i++) {
        struct attempt own = {.code = said[i]};
        assert_int_equal(pn_store_transact(store, attempt, &own, &err), said[i]);
        assert_int_equal(own.calls, 1);
        assert_string_equal(err.where, "test");
    }
    assert_int_equal(number(store, "SELECT COUNT(*) FROM other"), 0);
}

enum { WRITERS = 4, WRITES = 100 };

// As rows of a trail: each takes the number after the last one.
static enum pn_code add_next(void *context, struct pn_err *ret_err)
{
    struct pn_store *in = context;
    int64_t last = 0;
    enum pn_code code =
        pn_store_number(in, "SELECT COALESCE(MAX(id), 0) FROM thing", NULL, 0, &last, ret_err);
    const struct pn_value values[] = {PN_INT(last + 1)};
    return code == PN_OK
               ? pn_store_run(in, "INSERT INTO thing (id) VALUES (?1)", values, 1, ret_err)
               : code;
}

static int write_many(void)
{
    struct pn_store_options options = {.name = store_name};
    struct pn_store *own = NULL;
    struct pn_err own_err = {0};
    enum pn_code code = pn_store_open(&config, &options, &own, &own_err);
    for (unsigned written = 0; code == PN_OK && written < WRITES;) {
        code = pn_store_transact(own, add_next, own, &own_err);
        written += code == PN_OK;
        code = code == PN_UNAVAILABLE ? PN_OK : code; // told to come again
    }
    pn_store_close(own);
    return code == PN_OK ? 0 : 1;
}

static void writers_side_by_side_leave_no_gap(void **state)
{
    (void)state;
    pid_t writers[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        assert_true(writers[i] >= 0);
        if (writers[i] == 0) {
            _exit(write_many());
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(number(store, "SELECT COUNT(*) FROM thing"), WRITERS * WRITES);
    assert_int_equal(number(store, "SELECT MAX(id) FROM thing"), WRITERS * WRITES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_transaction_is_done_again_after_a_conflict),
        test(a_transaction_without_end_is_given_up),
        test(what_the_work_says_is_handed_on),
        test(writers_side_by_side_leave_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
