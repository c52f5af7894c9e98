// SPDX-License-Identifier: Apache-2.0
/*
 * One suite over both implementations of the stream.
 *   PN_TEST_STREAM=embedded|kafka   which one (default embedded)
 *   PN_TEST_BROKERS, PN_TEST_KAFKA  bootstrap address and the folder that kafka.sh start printed
 * Each test has topics of its own: a folder of its own, or a topic prefix of its own.
 */
#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "tests/integration/stream/harness.h"

// --- Tests ---------------------------------------------------------------------------------------

static void reads_back_in_order_per_client(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 1, 300, &err), &err);
    must(append(fixture->stream, 1, 999, 600, &err), &err);
    must(append(fixture->stream, 1000, 1000, 1500, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 2000);
    assert_int_equal(reader->duplicates, 0);
    assert_int_equal(poll_once(reader, 100, BATCH_MAX), 0);
    close_reader(reader);
}

static void same_event_again(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 100, 300, &err), &err);
    must(append(fixture->stream, 50, 100, 300, &err), &err);
    must(append(fixture->stream, 0, 150, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 150);
    while (poll_once(reader, 300, BATCH_MAX) > 0) {
    }
    assert_int_equal(reader->count, 150);
    assert_int_equal(reader->duplicates, is_kafka() ? 200 : 0);
    close_reader(reader);
}

static void goes_on_from_stored_positions(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 500, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    while (reader->count < 100 && pn_clock_monotonic_ms() < deadline_ms) {
        poll_once(reader, 200, 40);
    }
    int first_count = reader->count;
    assert_in_range(first_count, 100, 139);
    keep_positions(reader);
    pn_consumer_close(reader->consumer);
    must(try_open(reader, fixture->stream, "timeline", &err), &err);
    read_until(reader, 500);
    assert_int_equal(reader->duplicates, 0);
    close_reader(reader);
}

static void rewinds_to_stored_positions(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 300, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 300);
    keep_positions(reader);
    must(append(fixture->stream, 300, 200, 300, &err), &err);
    read_until(reader, 500);
    for (int round = 0; round < 3; round++) {
        rewind_at_last(reader);
        forget(reader);
        read_until(reader, 200);
        assert_int_equal(reader->count, 200);
        assert_int_equal(reader->duplicates, 0);
        assert_false(reader->seen[299]);
    }
    close_reader(reader);
}

static void every_group_reads_all(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    struct reader *timeline = open_reader(fixture->stream, "timeline");
    struct reader *identify = open_reader(fixture->stream, "identify");
    forget(timeline);
    forget(identify);
    must(append(fixture->stream, 0, 400, 300, &err), &err);
    read_until(timeline, 400);
    read_until(identify, 400);
    close_reader(timeline);
    close_reader(identify);
}

// Without the group's handing out: at once, and nobody else's coming moves them.
static void shares_are_apart_and_make_all(void **state)
{
    enum { SHARES = 3, COUNT = 400 };
    static const char *const groups[SHARES] = {"share-0", "share-1", "share-2"};
    struct fixture *fixture = *state;
    struct reader *readers[SHARES];
    struct pn_err err;
    int64_t lag = 0;
    int count = 0;
    must(append(fixture->stream, 0, COUNT, 300, &err), &err);
    for (unsigned i = 0; i < SHARES; i++) {
        readers[i] = open_share(fixture->stream, groups[i], i, SHARES);
        forget(readers[i]);
        lag += pn_consumer_lag(readers[i]->consumer); // known before the first poll
    }
    assert_int_equal(lag, COUNT);
    for (unsigned i = 0; i < SHARES; i++) {
        int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
        while (pn_consumer_lag(readers[i]->consumer) > 0) {
            poll_once(readers[i], 200, BATCH_MAX);
            assert_true(pn_clock_monotonic_ms() < deadline_ms);
        }
        assert_true(readers[i]->count > 0);
        assert_int_equal(readers[i]->duplicates, 0);
        count += readers[i]->count;
        for (unsigned k = 0; k < i; k++) {
            for (unsigned n = 0; n < COUNT; n++) {
                assert_false(readers[i]->seen[n] && readers[k]->seen[n]);
            }
        }
    }
    assert_int_equal(count, COUNT);
    for (unsigned i = 0; i < SHARES; i++) {
        close_reader(readers[i]);
    }
}

static void second_consumer_of_a_group(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    struct reader *first = open_reader(fixture->stream, "timeline");
    struct reader second = {0};
    if (!is_kafka()) {
        must_fail(try_open(&second, fixture->stream, "timeline", &err), PN_CONFLICT);
        close_reader(first);
        must(try_open(&second, fixture->stream, "timeline", &err), &err);
        pn_consumer_close(second.consumer);
        return;
    }
    must(try_open(&second, fixture->stream, "timeline", &err), &err);
    forget(first);
    forget(&second);
    must(append(fixture->stream, 0, 400, 300, &err), &err);
    // The partitions move while both poll; what both read meanwhile is a duplicate, nothing is
    // lost.
    int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    int next = 400;
    while (second.count == 0 && pn_clock_monotonic_ms() < deadline_ms) {
        must(append(fixture->stream, next, CLIENTS, 300, &err), &err);
        next += CLIENTS;
        poll_once(first, 100, BATCH_MAX);
        keep_positions(first);
        memcpy(second.positions, first->positions, sizeof second.positions);
        poll_once(&second, 100, BATCH_MAX);
    }
    assert_true(second.count > 0);
    for (int number = 0; number < next; number++) {
        while (!first->seen[number] && !second.seen[number]) {
            poll_once(first, 50, BATCH_MAX);
            poll_once(&second, 50, BATCH_MAX);
            assert_true(pn_clock_monotonic_ms() < deadline_ms);
        }
    }
    pn_consumer_close(second.consumer);
    close_reader(first);
}

// A consumer may be closed at any moment of its joining a group.
static void closes_while_it_joins(void **state)
{
    struct fixture *fixture = *state;
    for (int patience_ms = 0; patience_ms < 240; patience_ms += 8) {
        struct reader *reader = open_reader(fixture->stream, "timeline");
        (void)poll_once(reader, patience_ms, BATCH_MAX);
        close_reader(reader);
    }
}

static void large_event(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 12, PN_EVENT_BYTES_MAX, &err), &err);
    must_fail(append(fixture->stream, 12, 1, PN_EVENT_BYTES_MAX + 100, &err), PN_LIMIT);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 12);
    close_reader(reader);
}

static void unknown_topic_and_bad_records(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    struct pn_record_out record = make_record(0, pn_slice_str("{}"));
    record.topic = "punos.nothing.v1";
    must_fail(pn_stream_append(fixture->stream, &record, 1, &err), PN_NOT_FOUND);
    record.topic = PN_TOPIC_EVENT;
    record.event.id = pn_slice_str("not-a-uuid");
    must_fail(pn_stream_append(fixture->stream, &record, 1, &err), PN_INVALID);
    must(pn_stream_append(fixture->stream, &record, 0, &err), &err);
}

static void position_past_the_end_starts_over(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 100, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    for (int p = 0; p < PARTITIONS; p++) {
        reader->positions[p] = 1000000;
    }
    read_until(reader, 100);
    close_reader(reader);
}

static void tells_the_lag(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    must(append(fixture->stream, 0, 500, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    // Kafka's partitions tell their ends one after the other.
    int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    while (reader->count + pn_consumer_lag(reader->consumer) != 500 || reader->count < 40) {
        poll_once(reader, 100, 10);
        assert_true(pn_clock_monotonic_ms() < deadline_ms);
    }
    read_until(reader, 500);
    assert_int_equal(pn_consumer_lag(reader->consumer), 0);
    close_reader(reader);
}

static void prunes_what_is_over_age(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    if (is_kafka()) {
        skip();
    }
    fixture->config.stream.retention_days = 30;
    pn_stream_close(fixture->stream);
    must(pn_stream_open(&fixture->config, &fixture->stream, &err), &err);
    int64_t now_ms = pn_clock_now_ms();
    pn_clock_set_for_test(now_ms - 31 * PN_MS_PER_DAY);
    for (int first = 0; first < 5000; first += BATCH_MAX) {
        must(append(fixture->stream, first, BATCH_MAX, 300, &err), &err);
    }
    pn_clock_set_for_test(0);
    must(append(fixture->stream, 5000, 300, 300, &err), &err);
    bool more = true;
    for (int i = 0; i < 100 && more; i++) {
        must(pn_stream_prune(fixture->stream, &more, &err), &err);
    }
    assert_false(more);
    must(append(fixture->stream, 5300, 10, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 310);
    assert_false(reader->seen[4999]);
    assert_true(reader->seen[5309]);
    assert_int_equal(pn_consumer_lag(reader->consumer), 0);
    // What was pruned has been forgotten: it may be appended again.
    must(append(fixture->stream, 0, 10, 300, &err), &err);
    memset(reader->last_of_client, 0xff, sizeof reader->last_of_client);
    read_until(reader, 320);
    close_reader(reader);
}

static void remove_and_reopen(struct fixture *fixture, const char *pattern)
{
    char command[160];
    struct pn_err err;
    pn_stream_close(fixture->stream);
    snprintf(command, sizeof command, "rm %s/stream/%s", fixture->folder, pattern);
    assert_int_equal(system(command), 0);
    must(pn_stream_open(&fixture->config, &fixture->stream, &err), &err);
    must(pn_stream_create_topics(fixture->stream, &err), &err);
}

static void known_ids_follow_the_records(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    if (is_kafka()) {
        skip();
    }
    must(append(fixture->stream, 0, 300, 300, &err), &err);
    // They are read again from the records …
    remove_and_reopen(fixture, "seen.db*");
    must(append(fixture->stream, 0, 400, 300, &err), &err);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 400);
    assert_int_equal(poll_once(reader, 0, BATCH_MAX), 0);
    assert_int_equal(reader->duplicates, 0);
    close_reader(reader);
    // … and those of a stream that is no more keep nothing out.
    remove_and_reopen(fixture, "stream.db*");
    must(append(fixture->stream, 0, 100, 300, &err), &err);
    reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, 100);
    close_reader(reader);
}

static void killed_appender_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    int acknowledged = 0;
    for (int round = 0; round < 12; round++) {
        struct child child = start_child(fixture, acknowledged, 10000, 7);
        char line[32];
        // Another place every round: 7 is not a divisor of it.
        for (int i = 0; i < 3 + round * 5 && fgets(line, sizeof line, child.answers) != NULL; i++) {
            acknowledged = (int)strtol(line, NULL, 10);
        }
        kill(child.pid, SIGKILL);
        while (fgets(line, sizeof line, child.answers) != NULL) {
            acknowledged = (int)strtol(line, NULL, 10);
        }
        end_child(&child);
    }
    assert_true(acknowledged > 300);
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    read_until(reader, acknowledged);
    for (int number = 0; number < acknowledged; number++) {
        assert_true(reader->seen[number]);
    }
    assert_true(is_kafka() || reader->duplicates == 0);
    close_reader(reader);
}

static void several_processes_append(void **state)
{
    enum { CHILDREN = 4, EACH = 1000 };
    struct fixture *fixture = *state;
    struct child children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_child(fixture, i * EACH, EACH, i % 2 == 0 ? 1 : 50);
    }
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    reader->is_mixed = true;
    read_until(reader, CHILDREN * EACH);
    for (int i = 0; i < CHILDREN; i++) {
        assert_int_equal(end_child(&children[i]), 0);
    }
    assert_int_equal(reader->duplicates, 0);
    close_reader(reader);
}

static void wakes_up_for_another_process(void **state)
{
    struct fixture *fixture = *state;
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    poll_once(reader, 0, BATCH_MAX);
    struct child child = start_child(fixture, 0, 1, 1);
    int64_t started_ms = pn_clock_monotonic_ms();
    // Kafka's first polls also find the group; the last one waits for the record.
    while (reader->count == 0) {
        poll_once(reader, PATIENCE_MS, BATCH_MAX);
        assert_true(pn_clock_monotonic_ms() - started_ms < PATIENCE_MS);
    }
    assert_int_equal(end_child(&child), 0);

    struct pollfd watched = {.fd = pn_consumer_fd(reader->consumer), .events = POLLIN};
    assert_true(watched.fd >= 0);
    while (poll_once(reader, 0, BATCH_MAX) > 0) {
    }
    child = start_child(fixture, 1, 1, 1);
    while (reader->count == 1) {
        assert_int_equal(poll(&watched, 1, PATIENCE_MS), 1);
        poll_once(reader, 0, BATCH_MAX);
    }
    assert_int_equal(end_child(&child), 0);
    close_reader(reader);
}

static void broker_goes_away_and_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err;
    if (!is_kafka()) {
        skip();
    }
    static const char *const ways[][2] = {{"pause", "resume"}, {"kill", "restart"}};
    struct reader *reader = open_reader(fixture->stream, "timeline");
    forget(reader);
    int next = 0;
    for (size_t i = 0; i < PN_ARRAY_COUNT(ways); i++) {
        append_at_last(fixture->stream, next, 100);
        next += 100;
        read_until(reader, next);
        // The group forgets a member that could not tell that it lives, and assigns it anew.
        keep_positions(reader);
        control_broker(ways[i][0]);
        int64_t started_ms = pn_clock_monotonic_ms();
        must_fail(append(fixture->stream, next, 100, 300, &err), PN_UNAVAILABLE);
        assert_true(pn_clock_monotonic_ms() - started_ms < 40000);
        assert_int_equal(poll_once(reader, 500, BATCH_MAX), 0);
        control_broker(ways[i][1]);
        append_at_last(fixture->stream, next, 100);
        next += 100;
        read_until(reader, next);
    }
    close_reader(reader);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--make-topics") == 0) {
        return make_topics(argv);
    }
    if (argc == 6) {
        return run_child(argv);
    }
    if (argc == 2) {
        cmocka_set_test_filter(argv[1]);
    }
#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STREAM_TEST(reads_back_in_order_per_client),
        STREAM_TEST(same_event_again),
        STREAM_TEST(goes_on_from_stored_positions),
        STREAM_TEST(rewinds_to_stored_positions),
        STREAM_TEST(every_group_reads_all),
        STREAM_TEST(shares_are_apart_and_make_all),
        STREAM_TEST(second_consumer_of_a_group),
        STREAM_TEST(closes_while_it_joins),
        STREAM_TEST(large_event),
        STREAM_TEST(unknown_topic_and_bad_records),
        STREAM_TEST(position_past_the_end_starts_over),
        STREAM_TEST(tells_the_lag),
        STREAM_TEST(prunes_what_is_over_age),
        STREAM_TEST(known_ids_follow_the_records),
        STREAM_TEST(killed_appender_loses_nothing),
        STREAM_TEST(several_processes_append),
        STREAM_TEST(wakes_up_for_another_process),
        STREAM_TEST(broker_goes_away_and_comes_back),
    };
    return cmocka_run_group_tests_name(is_kafka() ? "stream: kafka" : "stream: embedded", tests,
                                       NULL, NULL);
}
