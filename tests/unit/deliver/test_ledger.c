// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/deliver/deliver_read.h"
#include "services/deliver/ledger.h"

struct fixture {
    char folder[64];
    struct pn_config config;
    struct pn_store *store;
    struct pn_arena *arena;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct pn_err err;
    strcpy(f->folder, "/tmp/punos-ledger-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    pn_config_defaults(&f->config);
    f->config.data_dir = f->folder;
    struct pn_store_options options = {.name = "deliver",
                                       .migrations = pn_ledger_migrations(),
                                       .migration_count = PN_LEDGER_MIGRATION_COUNT};
    assert_int_equal(pn_store_open(&f->config, &options, &f->store, &err), PN_OK);
    f->arena = pn_arena_new(16 * 1024 * 1024);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pn_store_close(f->store);
    pn_arena_free(f->arena);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static struct pn_delivery queue(struct fixture *f, const char *system, const char *plan,
                                int64_t version)
{
    struct pn_err err;
    struct pn_delivery delivery = {
        .system = system,
        .plan_id = plan,
        .plan_version = version,
        .client_key = "0123456789abcdef0123456789abcdef",
        .cause_id = "cause",
        .sealed = pn_slice_str("sealed"),
        .queued_ms = 1000,
    };
    bool is_new = false;
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    assert_int_equal(pn_ledger_queue(f->store, &delivery, &is_new, &err), PN_OK);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
    assert_true(is_new);
    return delivery;
}

// The id of the next due delivery, "" when none is.
static const char *next_id(struct fixture *f, const char *system, int64_t now_ms)
{
    static struct pn_delivery delivery;
    struct pn_err err;
    bool found = false;
    int64_t due_ms = 0;
    assert_int_equal(
        pn_ledger_next(f->store, f->arena, system, now_ms, &delivery, &found, &due_ms, &err),
        PN_OK);
    return found ? delivery.id : "";
}

static void settle(struct fixture *f, const char *id, enum pn_delivery_state state)
{
    struct pn_err err;
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    assert_int_equal(pn_ledger_settle(f->store, id, state, 2000, pn_slice_str("ok"), &err), PN_OK);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
}

static void put_off(struct fixture *f, const char *id, int64_t again_ms)
{
    struct pn_err err;
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    assert_int_equal(pn_ledger_put_off(f->store, id, again_ms, "away", &err), PN_OK);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
}

static void queues_each_version_once(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery first = queue(f, "oberon", "plan-a", 1);
    struct pn_delivery again = first;
    bool is_new = true;
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    assert_int_equal(pn_ledger_queue(f->store, &again, &is_new, &err), PN_OK);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
    assert_false(is_new);
    assert_string_equal(again.id, first.id);
    assert_string_equal(next_id(f, "oberon", 5000), first.id);
    settle(f, first.id, PN_DELIVERY_ACCEPTED);
    assert_string_equal(next_id(f, "oberon", 5000), "");
}

static void keeps_versions_of_a_plan_in_order(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery one = queue(f, "oberon", "plan-a", 1);
    struct pn_delivery two = queue(f, "oberon", "plan-a", 2);
    struct pn_delivery other = queue(f, "oberon", "plan-b", 1);
    assert_string_equal(next_id(f, "oberon", 5000), one.id);
    // While version 1 waits, version 2 may not pass it; another client's plan may.
    put_off(f, one.id, 9000);
    assert_string_equal(next_id(f, "oberon", 5000), other.id);
    settle(f, other.id, PN_DELIVERY_ACCEPTED);
    assert_string_equal(next_id(f, "oberon", 5000), "");
    assert_string_equal(next_id(f, "oberon", 9000), one.id);
    settle(f, one.id, PN_DELIVERY_REJECTED);
    assert_string_equal(next_id(f, "oberon", 9000), two.id);
}

static void keeps_systems_apart(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery dead = queue(f, "oberon", "plan-a", 1);
    struct pn_delivery alive = queue(f, "lifecare", "plan-a", 1);
    put_off(f, dead.id, INT64_MAX);
    assert_string_equal(next_id(f, "lifecare", 5000), alive.id);
    assert_string_not_equal(dead.id, alive.id);
}

static void tells_when_the_next_is_due(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery one = queue(f, "oberon", "plan-a", 1);
    (void)queue(f, "oberon", "plan-a", 2);
    put_off(f, one.id, 7000);
    struct pn_delivery ignored;
    bool found = true;
    int64_t due_ms = 0;
    assert_int_equal(
        pn_ledger_next(f->store, f->arena, "oberon", 5000, &ignored, &found, &due_ms, &err),
        PN_OK);
    assert_false(found);
    assert_int_equal(due_ms, 7000);
}

static void finds_the_version_that_a_system_has(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery one = queue(f, "oberon", "plan-a", 1);
    struct pn_delivery two = queue(f, "oberon", "plan-a", 2);
    struct pn_delivery three = queue(f, "oberon", "plan-a", 3);
    settle(f, one.id, PN_DELIVERY_ACCEPTED);
    settle(f, two.id, PN_DELIVERY_REJECTED);
    int64_t version = -1;
    struct pn_slice sealed = {0};
    assert_int_equal(pn_ledger_accepted(f->store, f->arena, &three, &version, &sealed, &err),
                     PN_OK);
    assert_int_equal(version, 1);
    assert_true(pn_slice_is(sealed, "sealed"));
}

static void settles_when_every_file_has_its_receipt(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery delivery = queue(f, "yph-effica", "plan-a", 1);
    struct pn_slice files[] = {pn_slice_str("a.xml"), pn_slice_str("b.xml")};
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pn_ledger_document_sent(f->store, delivery.id, i, files[i], &err), PN_OK);
    }
    struct pn_delivery found_row;
    bool found = false;
    assert_int_equal(pn_ledger_by_receipt(f->store, f->arena, "yph-effica", files[1], &found_row,
                                          &found, &err),
                     PN_OK);
    assert_true(found);
    assert_string_equal(found_row.id, delivery.id);
    int64_t left = -1;
    assert_int_equal(pn_ledger_document_accepted(f->store, delivery.id, files[1], &left, &err),
                     PN_OK);
    assert_int_equal(left, 1);
    assert_int_equal(pn_ledger_document_accepted(f->store, delivery.id, files[0], &left, &err),
                     PN_OK);
    assert_int_equal(left, 0);
    assert_int_equal(pn_ledger_by_receipt(f->store, f->arena, "oberon", files[1], &found_row,
                                          &found, &err),
                     PN_OK);
    assert_false(found);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
}

static void counts_versions_behind(void **state)
{
    (void)state;
    const struct pn_delivery_line lines[] = {
        {.system = "lifecare", .plan_version = 1, .state = PN_DELIVERY_ACCEPTED},
        {.system = "lifecare", .plan_version = 2, .state = PN_DELIVERY_ACCEPTED},
        {.system = "oberon", .plan_version = 1, .state = PN_DELIVERY_REJECTED},
        {.system = "oberon", .plan_version = 2, .state = PN_DELIVERY_QUEUED},
    };
    struct pn_delivery_standing standings[PN_DELIVERY_SYSTEMS_MAX];
    assert_int_equal(pn_deliver_standings(lines, PN_ARRAY_COUNT(lines), standings), 2);
    assert_string_equal(standings[0].system, "lifecare");
    assert_int_equal(standings[0].versions_behind, 0);
    assert_int_equal(standings[0].accepted_version, 2);
    assert_string_equal(standings[1].system, "oberon");
    assert_int_equal(standings[1].accepted_version, 0);
    assert_int_equal(standings[1].versions_behind, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queues_each_version_once, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_versions_of_a_plan_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_systems_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_when_the_next_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_the_version_that_a_system_has, setup, teardown),
        cmocka_unit_test_setup_teardown(settles_when_every_file_has_its_receipt, setup, teardown),
        cmocka_unit_test(counts_versions_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
