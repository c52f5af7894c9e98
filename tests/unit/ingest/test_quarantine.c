// SPDX-License-Identifier: Apache-2.0
#include "ingest_fixture.h"

static void put(struct installation *here, const char *text, const char *file_name)
{
    struct pn_err why = {0};
    (void)pn_err_set(&why, PN_INVALID, "PID-3", "the check character does not fit the rest");
    const struct pn_message_in message = {.bytes = pn_slice_str(text),
                                          .transport = PN_TRANSPORT_DROP,
                                          .received_ms = 1000,
                                          .content_type = "text/plain",
                                          .file_name = file_name};
    const struct pn_quarantine_message quarantined = {
        .system = "hospital", .sector = "specialist", .message = &message, .why = &why};
    struct pn_err *err = &here->err;
    assert_int_equal(pn_store_begin(here->store, err), PN_OK);
    assert_int_equal(pn_quarantine_put(here->store, here->privacy, &quarantined, err), PN_OK);
    assert_int_equal(pn_store_commit(here->store, err), PN_OK);
    struct pn_outgoing outgoing = {.arena = pn_arena_new(16 * 1024 * 1024)};
    assert_int_equal(pn_quarantine_put_event(here->privacy, &quarantined, &outgoing, err), PN_OK);
    assert_int_equal(outgoing.count, 1);
    assert_null(strstr(outgoing.records[0].event.data.ptr, text));
    assert_int_equal(pn_outgoing_append(&outgoing, here->stream, err), PN_OK);
    pn_outgoing_release(&outgoing);
}

static unsigned list(struct installation *here, bool with_closed,
                     struct pn_quarantine_entry *entries)
{
    const struct pn_quarantine_filter filter = {.system = "hospital", .with_closed = with_closed};
    unsigned count = 0;
    assert_int_equal(
        pn_quarantine_list(here->store, here->boot, &filter, entries, 10, &count, &here->err),
        PN_OK);
    return count;
}

static void the_same_bad_message_is_one_entry(void **state)
{
    struct installation *here = *state;
    struct pn_quarantine_entry entries[10];
    put(here, "one bad message", "a.txt");
    put(here, "one bad message", "a.txt");
    put(here, "another", "b.txt");
    assert_int_equal(list(here, false, entries), 2);
    assert_int_equal(entries[0].times + entries[1].times, 3);
    assert_true(pn_slice_is(entries[0].place, "PID-3"));
    assert_true(pn_slice_is(entries[0].code, "invalid"));
}

static void opens_what_was_sealed(void **state)
{
    struct installation *here = *state;
    char id[PN_UUID_TEXT_BYTES];
    struct pn_message_in message;
    put(here, "the raw bytes", "name.txt");
    pn_quarantine_id(here->privacy, "hospital", pn_slice_str("the raw bytes"), id);
    assert_int_equal(
        pn_quarantine_open(here->store, here->privacy, here->boot, id, &message, &here->err),
        PN_OK);
    assert_true(pn_slice_is(message.bytes, "the raw bytes"));
    assert_string_equal(message.file_name, "name.txt");
    assert_string_equal(message.content_type, "text/plain");
    assert_int_equal(message.transport, PN_TRANSPORT_DROP);
    assert_int_equal(
        pn_quarantine_open(here->store, here->privacy, here->boot, "no", &message, &here->err),
        PN_NOT_FOUND);
}

static void closes_and_opens_again(void **state)
{
    struct installation *here = *state;
    struct pn_quarantine_entry entries[10];
    char id[PN_UUID_TEXT_BYTES];
    put(here, "a bad one", "");
    pn_quarantine_id(here->privacy, "hospital", pn_slice_str("a bad one"), id);
    assert_int_equal(pn_store_begin(here->store, &here->err), PN_OK);
    assert_int_equal(pn_quarantine_close(here->store, id, 5000, &here->err), PN_OK);
    assert_int_equal(pn_store_commit(here->store, &here->err), PN_OK);
    assert_int_equal(list(here, false, entries), 0);
    assert_int_equal(list(here, true, entries), 1);
    assert_int_equal(entries[0].closed_ms, 5000);
    put(here, "a bad one", "");
    assert_int_equal(list(here, false, entries), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INSTALLED(the_same_bad_message_is_one_entry),
        INSTALLED(opens_what_was_sealed),
        INSTALLED(closes_and_opens_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
