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
#include "services/deliver/ledger_answer.h"

enum { WITHDRAWAL = 9 }; // the version that withdraws, in these tests

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

// Each plan is another client's.
static struct pn_delivery queue(struct fixture *f, const char *system, const char *plan,
                                int64_t version)
{
    struct pn_err err;
    struct pn_delivery delivery = {
        .system = system,
        .plan_id = plan,
        .plan_version = version,
        .client_key = plan,
        .is_withdrawal = version == WITHDRAWAL,
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
    assert_int_equal(pn_ledger_settle(f->store, id, state, 2000, pn_slice_str("ok"), NULL, &err),
                     PN_OK);
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
        pn_ledger_next(f->store, f->arena, "oberon", 5000, &ignored, &found, &due_ms, &err), PN_OK);
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

static void begin(struct fixture *f)
{
    struct pn_err err;
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
}

static void commit(struct fixture *f)
{
    struct pn_err err;
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
}

// A try: its documents are noted with these receipt ids, and it is under way.
static void send(struct fixture *f, const struct pn_delivery *delivery, const char *const *receipts,
                 unsigned count)
{
    struct pn_document_out documents[4];
    uint64_t accepted = 0;
    struct pn_err err;
    for (unsigned i = 0; i < count; i++) {
        documents[i] = (struct pn_document_out){.slot = i,
                                                .receipt_id = pn_slice_str(receipts[i]),
                                                .next = i + 1 < count ? &documents[i + 1] : NULL};
    }
    begin(f);
    assert_int_equal(pn_ledger_note_documents(f->store, delivery->id, documents, &accepted, &err),
                     PN_OK);
    assert_int_equal(pn_ledger_sent(f->store, delivery, 1500, 100000, &err), PN_OK);
    commit(f);
}

static void send_one(struct fixture *f, const struct pn_delivery *delivery, const char *receipt)
{
    send(f, delivery, &receipt, 1);
}

static enum pn_answer_effect answer(struct fixture *f, const char *system, const char *receipt,
                                    enum pn_delivery_state state)
{
    const struct pn_ledger_answer answer = {.system = system,
                                            .receipt_id = pn_slice_str(receipt),
                                            .state = state,
                                            .words = pn_slice_str("sanat"),
                                            .remote_id = pn_slice_str("77"),
                                            .remote_version = pn_slice_str("W/\"1\""),
                                            .now_ms = 2000,
                                            .overdue_ms = 9000};
    struct pn_delivery delivery;
    enum pn_answer_effect effect = PN_ANSWER_UNKNOWN;
    struct pn_err err;
    begin(f);
    assert_int_equal(pn_ledger_answer(f->store, f->arena, &answer, &delivery, &effect, &err),
                     PN_OK);
    commit(f);
    return effect;
}

static struct pn_delivery found(struct fixture *f, const char *id)
{
    struct pn_delivery delivery;
    bool is_found = false;
    struct pn_err err;
    assert_int_equal(pn_ledger_find(f->store, f->arena, id, &delivery, &is_found, &err), PN_OK);
    assert_true(is_found);
    return delivery;
}

static void settles_when_every_file_has_its_receipt(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery delivery = queue(f, "yph-effica", "plan-a", 1);
    static const char *const files[] = {"a.xml", "b.xml"};
    send(f, &delivery, files, 2);
    assert_int_equal(answer(f, "yph-effica", "b.xml", PN_DELIVERY_ACCEPTED), PN_ANSWER_NOTED);
    assert_int_equal(found(f, delivery.id).state, PN_DELIVERY_SENT);
    assert_int_equal(answer(f, "yph-effica", "a.xml", PN_DELIVERY_ACCEPTED), PN_ANSWER_CHANGED);
    assert_int_equal(found(f, delivery.id).state, PN_DELIVERY_ACCEPTED);
    assert_int_equal(answer(f, "oberon", "a.xml", PN_DELIVERY_ACCEPTED), PN_ANSWER_UNKNOWN);
}

static void an_answer_counts_once(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery delivery = queue(f, "oberon", "plan-a", 1);
    send_one(f, &delivery, "R1");
    assert_int_equal(answer(f, "oberon", "R2", PN_DELIVERY_ACCEPTED), PN_ANSWER_UNKNOWN);
    assert_int_equal(found(f, delivery.id).state, PN_DELIVERY_SENT);
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_ACCEPTED), PN_ANSWER_CHANGED);
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_ACCEPTED), PN_ANSWER_REPEATED);
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_REJECTED), PN_ANSWER_CONTRADICTS);
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_ACKNOWLEDGED), PN_ANSWER_CHANGED);
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_ACKNOWLEDGED), PN_ANSWER_REPEATED);
    assert_int_equal(found(f, delivery.id).state, PN_DELIVERY_ACKNOWLEDGED);
    assert_int_equal(found(f, delivery.id).settled_ms, 2000);
}

// The application may be quicker than the interface that only takes the message in.
static void the_later_answer_may_come_first(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery delivery = queue(f, "pegasos", "plan-a", 1);
    send_one(f, &delivery, "R1");
    assert_int_equal(answer(f, "pegasos", "R1", PN_DELIVERY_ACCEPTED), PN_ANSWER_CHANGED);
    assert_int_equal(answer(f, "pegasos", "R1", PN_DELIVERY_COMMITTED), PN_ANSWER_REPEATED);
    assert_int_equal(found(f, delivery.id).state, PN_DELIVERY_ACCEPTED);
}

static void what_is_committed_holds_back_its_own_client_only(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery one = queue(f, "pegasos", "plan-a", 1);
    struct pn_delivery two = queue(f, "pegasos", "plan-a", 2);
    struct pn_delivery other = queue(f, "pegasos", "plan-b", 1);
    send_one(f, &one, "R1");
    assert_int_equal(answer(f, "pegasos", "R1", PN_DELIVERY_COMMITTED), PN_ANSWER_CHANGED);
    assert_string_equal(next_id(f, "pegasos", 5000), other.id);
    settle(f, other.id, PN_DELIVERY_ACCEPTED);
    assert_string_equal(next_id(f, "pegasos", 5000), "");
    // Overdue: the newer version goes, the older is not sent again over it.
    assert_string_equal(next_id(f, "pegasos", 9000), two.id);
    settle(f, two.id, PN_DELIVERY_ACCEPTED);
    assert_string_equal(next_id(f, "pegasos", 9000), "");
    assert_int_equal(answer(f, "pegasos", "R1", PN_DELIVERY_ACCEPTED), PN_ANSWER_CHANGED);
}

static void what_is_overdue_is_sent_again_and_stays_committed(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery one = queue(f, "pegasos", "plan-a", 1);
    send_one(f, &one, "R1");
    assert_int_equal(answer(f, "pegasos", "R1", PN_DELIVERY_COMMITTED), PN_ANSWER_CHANGED);
    begin(f);
    assert_int_equal(pn_ledger_wake_all(f->store, &err), PN_OK); // a restart
    commit(f);
    assert_string_equal(next_id(f, "pegasos", 5000), "");
    assert_string_equal(next_id(f, "pegasos", 9000), one.id);
    send_one(f, &one, "R1");
    assert_int_equal(found(f, one.id).state, PN_DELIVERY_COMMITTED);
    put_off(f, one.id, 9500);
    assert_int_equal(found(f, one.id).state, PN_DELIVERY_COMMITTED);
}

// A system whose application never answers has ever more of them: they hold nothing new up.
static void what_is_new_goes_before_what_is_sent_again(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery one = queue(f, "pegasos", "plan-a", 1);
    struct pn_delivery two = queue(f, "pegasos", "plan-b", 1);
    send_one(f, &one, "R1");
    send_one(f, &two, "R2");
    assert_int_equal(answer(f, "pegasos", "R1", PN_DELIVERY_COMMITTED), PN_ANSWER_CHANGED);
    assert_int_equal(answer(f, "pegasos", "R2", PN_DELIVERY_COMMITTED), PN_ANSWER_CHANGED);
    struct pn_delivery fresh = queue(f, "pegasos", "plan-c", 1);
    assert_string_equal(next_id(f, "pegasos", 9000), fresh.id);
    settle(f, fresh.id, PN_DELIVERY_ACCEPTED);
    assert_string_equal(next_id(f, "pegasos", 9000), one.id);
}

static void nothing_is_withdrawn_that_was_never_sent(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    bool needless = false;
    struct pn_delivery one = queue(f, "new", "plan-a", 1);
    struct pn_delivery gone = queue(f, "new", "plan-a", WITHDRAWAL);
    assert_int_equal(pn_ledger_is_needless(f->store, &gone, &needless, &err), PN_OK);
    assert_true(needless);
    // What was tried in vain may have reached the system all the same.
    send_one(f, &one, "R1");
    put_off(f, one.id, 2000);
    assert_int_equal(pn_ledger_is_needless(f->store, &gone, &needless, &err), PN_OK);
    assert_false(needless);
}

static void retries_what_was_rejected_unless_it_is_old(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery one = queue(f, "oberon", "plan-a", 1);
    send_one(f, &one, "R1");
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_REJECTED), PN_ANSWER_CHANGED);
    one = found(f, one.id);
    begin(f);
    assert_int_equal(pn_ledger_retry(f->store, &one, &err), PN_OK);
    commit(f);
    assert_string_equal(next_id(f, "oberon", 5000), one.id);
    one = found(f, one.id);
    assert_int_equal(one.round, 1);
    begin(f);
    assert_int_equal(pn_ledger_retry(f->store, &one, &err), PN_CONFLICT);
    commit(f);
    assert_int_equal(answer(f, "oberon", "R1", PN_DELIVERY_REJECTED), PN_ANSWER_CHANGED);
    struct pn_delivery two = queue(f, "oberon", "plan-a", 2);
    send_one(f, &two, "R2");
    one = found(f, one.id);
    begin(f);
    assert_int_equal(pn_ledger_retry(f->store, &one, &err), PN_CONFLICT);
    commit(f);
}

static void knows_what_the_system_calls_it(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery one = queue(f, "lifecare", "plan-a", 1);
    struct pn_delivery two = queue(f, "lifecare", "plan-a", 2);
    send_one(f, &one, "R1");
    assert_int_equal(answer(f, "lifecare", "R1", PN_DELIVERY_ACCEPTED), PN_ANSWER_CHANGED);
    struct pn_remote remotes[4];
    unsigned count = 0;
    assert_int_equal(pn_ledger_remotes(f->store, f->arena, &two, remotes, 4, &count, &err), PN_OK);
    assert_int_equal(count, 1);
    assert_int_equal(remotes[0].slot, 0);
    assert_true(pn_slice_is(remotes[0].id, "77"));
    assert_true(pn_slice_is(remotes[0].version, "W/\"1\""));
    assert_int_equal(pn_ledger_remotes(f->store, f->arena, &one, remotes, 4, &count, &err), PN_OK);
    assert_int_equal(count, 0);
}

static void words_with_an_identity_code_are_not_kept(void **state)
{
    (void)state;
    assert_true(pn_slice_is(pn_words_kept(pn_slice_str("lehti on lukittu")), "lehti on lukittu"));
    struct pn_slice kept = pn_words_kept(pn_slice_str("ei asiakasta 010181-900C"));
    assert_null(memmem(kept.ptr, kept.len, "010181", 6));
    char longer[2 * PN_WORDS_BYTES_MAX];
    memset(longer, 'a', sizeof longer);
    memcpy(longer + PN_WORDS_BYTES_MAX - 1, "\xC3\xA4", 2);
    kept = pn_words_kept(pn_slice_of(longer, sizeof longer));
    assert_int_equal(kept.len, PN_WORDS_BYTES_MAX - 1);
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

// The id of what is tried to see whether the system is well again.
static const char *probe_id(struct fixture *f, const char *system, int64_t now_ms)
{
    static struct pn_delivery delivery;
    struct pn_err err;
    bool found = false;
    assert_int_equal(pn_ledger_probe(f->store, f->arena, system, now_ms, &delivery, &found, &err),
                     PN_OK);
    return found ? delivery.id : "";
}

static void put_off_at(struct fixture *f, const struct pn_delivery *delivery, int64_t now_ms)
{
    struct pn_err err;
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    assert_int_equal(pn_ledger_sent(f->store, delivery, now_ms, now_ms + 60000, &err), PN_OK);
    assert_int_equal(pn_ledger_put_off(f->store, delivery->id, now_ms + 60000, "busy", &err),
                     PN_OK);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
}

static void probes_in_turn_and_wakes_all(void **state)
{
    struct fixture *f = *state;
    struct pn_err err;
    struct pn_delivery one = queue(f, "a", "p1", 1), two = queue(f, "a", "p2", 1);
    struct pn_delivery later = queue(f, "a", "p1", 2), other = queue(f, "b", "p1", 1);
    put_off_at(f, &one, 2000);
    put_off_at(f, &two, 2001);
    put_off_at(f, &other, 1500);
    assert_string_equal(next_id(f, "a", 3000), "");
    assert_string_equal(probe_id(f, "a", 3000), one.id);
    put_off_at(f, &one, 3000);
    assert_string_equal(probe_id(f, "a", 4000), two.id);
    put_off_at(f, &two, 4000);
    assert_string_equal(probe_id(f, "a", 5000), one.id); // never `later`, which comes after `one`
    assert_int_equal(pn_store_begin(f->store, &err), PN_OK);
    assert_int_equal(pn_ledger_wake_system(f->store, "a", &err), PN_OK);
    assert_int_equal(pn_store_commit(f->store, &err), PN_OK);
    assert_string_equal(next_id(f, "a", 5000), one.id);
    assert_string_equal(next_id(f, "b", 5000), "");
    assert_string_not_equal(later.id, one.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queues_each_version_once, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_versions_of_a_plan_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(probes_in_turn_and_wakes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_systems_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_when_the_next_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_the_version_that_a_system_has, setup, teardown),
        cmocka_unit_test_setup_teardown(settles_when_every_file_has_its_receipt, setup, teardown),
        cmocka_unit_test(counts_versions_behind),
        cmocka_unit_test_setup_teardown(an_answer_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_later_answer_may_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_committed_holds_back_its_own_client_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_overdue_is_sent_again_and_stays_committed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_new_goes_before_what_is_sent_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_withdrawn_that_was_never_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(retries_what_was_rejected_unless_it_is_old, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(knows_what_the_system_calls_it, setup, teardown),
        cmocka_unit_test(words_with_an_identity_code_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
