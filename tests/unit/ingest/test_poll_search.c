// SPDX-License-Identifier: Apache-2.0
// A walk through the pages of a search: when the cursor may move, and when to ask, follow or stop.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/ingest/poll_search.h"

#define AT(id, time)                                                                               \
    "{\"resource\":{\"resourceType\":\"Flag\",\"id\":\"" id "\",\"meta\":{\"lastUpdated\":"        \
    "\"2026-11-20T10:00:" time "Z\"}}}"
#define SORTED "{\"relation\":\"self\",\"url\":\"http://a/Flag?_sort=_lastUpdated\"}"
#define NEXT(url) "{\"relation\":\"next\",\"url\":\"" url "\"}"
#define PAGE(links, entries)                                                                       \
    "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[" links "],\"entry\":[" entries \
    "]}"

#define START_MS INT64_C(1795168800000) // 2026-11-20T10:00:00Z

static struct pn_poll_walk walk;

static enum pn_code take(const char *text, int64_t server_ms, enum pn_poll_next *ret_next)
{
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    struct pn_entries *page = NULL;
    struct pn_err err = {0};
    assert_int_equal(pn_entries_read(arena, pn_slice_str(text), &page, &err), PN_OK);
    enum pn_code code = pn_poll_walk_page(&walk, page, "Flag", server_ms, ret_next, &err);
    pn_arena_free(arena);
    return code;
}

static int start(void **state)
{
    (void)state;
    pn_poll_walk_start(&walk, START_MS);
    return 0;
}

static void a_sorted_page_moves_the_cursor_and_is_asked_on_from(void **state)
{
    (void)state;
    enum pn_poll_next next = PN_POLL_END;
    assert_int_equal(
        take(PAGE(SORTED "," NEXT("http://a/2"), AT("1", "01") "," AT("2", "05")), 0, &next),
        PN_OK);
    assert_int_equal(next, PN_POLL_ASK);
    assert_int_equal(walk.proven_ms, START_MS + 5000);
    assert_int_equal(walk.from_ms, START_MS + 5000);
    assert_int_equal(take(PAGE(SORTED, AT("2", "05") "," AT("3", "09")), 0, &next), PN_OK);
    assert_int_equal(next, PN_POLL_END);
    assert_int_equal(walk.proven_ms, START_MS + 9000);
}

static void a_page_out_of_order_moves_nothing_before_the_end(void **state)
{
    static const char *const pages[] = {
        PAGE(SORTED "," NEXT("http://a/2"), AT("1", "05") "," AT("2", "01")),
        PAGE(NEXT("http://a/2"), AT("1", "01") "," AT("2", "05")), // does not say that it sorts
        PAGE("{\"relation\":\"self\"}," NEXT("http://a/2"), AT("1", "01") "," AT("2", "05")),
    };
    (void)state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(pages); i++) {
        enum pn_poll_next next = PN_POLL_END;
        pn_poll_walk_start(&walk, START_MS);
        assert_int_equal(take(pages[i], 0, &next), PN_OK);
        assert_int_equal(next, PN_POLL_FOLLOW);
        assert_int_equal(walk.proven_ms, -1);
        assert_int_equal(take(PAGE(SORTED, AT("3", "03")), 0, &next), PN_OK);
        assert_int_equal(next, PN_POLL_END);
        assert_int_equal(walk.proven_ms, START_MS + 5000);
    }
}

static void a_moment_after_the_servers_own_clock_is_not_believed(void **state)
{
    (void)state;
    enum pn_poll_next next = PN_POLL_FOLLOW;
    assert_int_equal(take(PAGE(SORTED, AT("1", "50")), START_MS + 7000, &next), PN_OK);
    assert_int_equal(walk.proven_ms, START_MS + 7000);
}

static void pages_that_repeat_are_a_circle(void **state)
{
    (void)state;
    enum pn_poll_next next = PN_POLL_END;
    const char *page = PAGE(SORTED "," NEXT("http://a/2"), AT("1", "00") "," AT("2", "00"));
    assert_int_equal(take(page, 0, &next), PN_OK);
    assert_int_equal(next, PN_POLL_FOLLOW);
    assert_int_equal(take(page, 0, &next), PN_INVALID);
    assert_true(pn_poll_walk_visit(&walk, pn_slice_str("http://a/2")));
    assert_false(pn_poll_walk_visit(&walk, pn_slice_str("http://a/2")));
}

static void an_empty_answer_and_a_link_to_nowhere_are_the_end(void **state)
{
    (void)state;
    enum pn_poll_next next = PN_POLL_FOLLOW;
    assert_int_equal(take(PAGE(SORTED, ""), 0, &next), PN_OK);
    assert_int_equal(next, PN_POLL_END);
    assert_int_equal(walk.proven_ms, -1);
    pn_poll_walk_start(&walk, START_MS);
    assert_int_equal(take(PAGE(NEXT(""), AT("1", "01")), 0, &next), PN_OK);
    assert_int_equal(next, PN_POLL_END);
    assert_int_equal(walk.proven_ms, START_MS + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sorted_page_moves_the_cursor_and_is_asked_on_from, start),
        cmocka_unit_test_setup(a_page_out_of_order_moves_nothing_before_the_end, start),
        cmocka_unit_test_setup(a_moment_after_the_servers_own_clock_is_not_believed, start),
        cmocka_unit_test_setup(pages_that_repeat_are_a_circle, start),
        cmocka_unit_test_setup(an_empty_answer_and_a_link_to_nowhere_are_the_end, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
