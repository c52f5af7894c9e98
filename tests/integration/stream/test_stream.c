// SPDX-License-Identifier: Apache-2.0
/*
 * One suite over both implementations of the stream.
 *   PN_TEST_STREAM=embedded|kafka   which one (default embedded)
 *   PN_TEST_BROKERS, PN_TEST_KAFKA  bootstrap address and the folder that kafka.sh start printed
 * Each test has topics of its own: a folder of its own, or a topic prefix of its own.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ids.h"
#include "stream/stream_impl.h"

enum { PARTITIONS = 8, BATCH_MAX = 1000, EVENTS_MAX = 20000, CLIENTS = 20, PATIENCE_MS = 60000 };

struct reader {
    struct pn_consumer *consumer;
    int64_t positions[PARTITIONS]; // what load_position answers
    int count, duplicates;         // of the events read
    bool seen[EVENTS_MAX];
    int64_t last_offset[PARTITIONS];
    int last_of_client[CLIENTS];
    bool is_mixed; // several processes append: no order between their events
};

struct fixture {
    char folder[64];
    char prefix[64];
    struct pn_config config;
    struct pn_stream *stream;
};

static bool is_kafka(void)
{
    const char *which = getenv("PN_TEST_STREAM");
    return which != NULL && strcmp(which, "kafka") == 0;
}

static void must(enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        fail_msg("%s: %s %s", pn_code_name(code), err->where, err->text);
    }
}

static void set_config(struct fixture *fixture)
{
    fixture->config = (struct pn_config){.data_dir = fixture->folder};
    fixture->config.stream.kind = is_kafka() ? PN_STREAM_KAFKA : PN_STREAM_EMBEDDED;
    fixture->config.stream.brokers = is_kafka() ? getenv("PN_TEST_BROKERS") : "";
    fixture->config.stream.topic_prefix = fixture->prefix;
    fixture->config.stream.partitions = PARTITIONS;
}

static int set_up(void **state)
{
    static int number;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/punos-stream.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->prefix, sizeof fixture->prefix, "t%d-%d.", (int)getpid(), ++number);
    set_config(fixture);
    struct pn_err err;
    must(pn_stream_open(&fixture->config, &fixture->stream, &err), &err);
    must(pn_stream_create_topics(fixture->stream, &err), &err);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    pn_stream_close(fixture->stream);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    int status = system(command);
    free(fixture);
    return status;
}

static void must_fail(enum pn_code code, enum pn_code expected)
{
    assert_string_equal(pn_code_name(code), pn_code_name(expected));
}

// --- Events: event `number` is of client `number % CLIENTS`, and its data begins and ends with it
// --

#define END "\",\"end\":%d}"

static void make_data(struct pn_buf *data, int number, size_t bytes)
{
    static const char filling[] =
        "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789";
    pn_buf_printf(data, "{\"resourceType\":\"Basic\",\"begin\":%d,\"fill\":\"", number);
    while (data->len + 32 < bytes) {
        size_t left = bytes - 32 - data->len;
        pn_buf_add(data, filling, left < sizeof filling - 1 ? left : sizeof filling - 1);
    }
    pn_buf_printf(data, END, number);
    assert_true(pn_buf_ok(data));
}

// The attributes of the events, made once: appends of many do not copy them.
static char ids[EVENTS_MAX][PN_UUID_TEXT_BYTES];
static char subjects[CLIENTS][PN_CLIENT_KEY_TEXT_BYTES];

static struct pn_record_out make_record(int number, struct pn_slice data)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    const struct pn_slice part = pn_slice_str(text);
    pn_uuid5("test", &part, 1, ids[number]);
    char *subject = subjects[number % CLIENTS];
    snprintf(subject, PN_CLIENT_KEY_TEXT_BYTES, "%032x", (unsigned)number % CLIENTS + 0xabc0);
    struct pn_event event = {
        .id = pn_slice_str(ids[number]),
        .source = pn_slice_str("/adapter/oberon/ward-1"),
        .type = pn_slice_str("fi.punos.visit.finished.v1"),
        .subject = pn_slice_str(subject),
        .traceparent = pn_slice_str("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        .sector = pn_slice_str("specialist"),
        .causation_id = pn_slice_str("2dd9ac23-0f4d-5d02-a3d2-1b2f4b7c8d9e"),
        .time_ms = INT64_C(1795298400000) + number,
        .recorded_ms = INT64_C(1795298500000) + number,
        .data = data,
    };
    return (struct pn_record_out){.topic = PN_TOPIC_EVENT, .event = event};
}

// Appends the events from `first`, in one batch.
static enum pn_code append(struct pn_stream *stream, int first, int count, size_t bytes,
                           struct pn_err *err)
{
    static struct pn_record_out records[BATCH_MAX];
    static struct pn_buf data[BATCH_MAX];
    for (int i = 0; i < count; i++) {
        pn_buf_init(&data[i], 2 * PN_EVENT_BYTES_MAX);
        make_data(&data[i], first + i, bytes);
        records[i] = make_record(first + i, pn_buf_slice(&data[i]));
    }
    enum pn_code code = pn_stream_append(stream, records, (size_t)count, err);
    for (int i = 0; i < count; i++) {
        pn_buf_release(&data[i]);
    }
    return code;
}

// --- Reading -------------------------------------------------------------------------------------

static enum pn_code load_position(void *context, const char *topic, int32_t partition,
                                  int64_t *ret_next_offset, struct pn_err *err)
{
    (void)err;
    struct reader *reader = context;
    assert_string_equal(topic, PN_TOPIC_EVENT);
    assert_in_range(partition, 0, PARTITIONS - 1);
    *ret_next_offset = reader->positions[partition];
    return PN_OK;
}

static enum pn_code try_open(struct reader *reader, struct pn_stream *stream, const char *group,
                             struct pn_err *err)
{
    static const char *const topics[] = {PN_TOPIC_EVENT};
    const struct pn_consumer_options options = {
        .group = group,
        .topics = topics,
        .topic_count = 1,
        .load_position = load_position,
        .context = reader,
    };
    return pn_consumer_open(stream, &options, &reader->consumer, err);
}

static struct reader *open_reader(struct pn_stream *stream, const char *group)
{
    struct reader *reader = calloc(1, sizeof *reader);
    assert_non_null(reader);
    struct pn_err err;
    must(try_open(reader, stream, group, &err), &err);
    return reader;
}

static void forget(struct reader *reader)
{
    reader->count = 0;
    reader->duplicates = 0;
    memset(reader->seen, 0, sizeof reader->seen);
    memset(reader->last_offset, 0xff, sizeof reader->last_offset);
    memset(reader->last_of_client, 0xff, sizeof reader->last_of_client);
}

static void close_reader(struct reader *reader)
{
    pn_consumer_close(reader->consumer);
    free(reader);
}

// The event's number, after everything in it has been compared with what was appended.
static int check_event(const struct pn_event *event)
{
    int number = (int)(event->time_ms - INT64_C(1795298400000));
    assert_in_range(number, 0, EVENTS_MAX - 1);
    struct pn_buf data;
    pn_buf_init(&data, 2 * PN_EVENT_BYTES_MAX);
    make_data(&data, number, event->data.len + 32 - (size_t)snprintf(NULL, 0, END, number));
    assert_true(pn_slice_eq(event->data, pn_buf_slice(&data)));
    pn_buf_release(&data);
    struct pn_record_out expected = make_record(number, pn_slice_of(NULL, 0));
    assert_true(pn_slice_eq(event->id, expected.event.id));
    assert_true(pn_slice_eq(event->source, expected.event.source));
    assert_true(pn_slice_eq(event->type, expected.event.type));
    assert_true(pn_slice_eq(event->subject, expected.event.subject));
    assert_true(pn_slice_eq(event->traceparent, expected.event.traceparent));
    assert_true(pn_slice_eq(event->sector, expected.event.sector));
    assert_true(pn_slice_eq(event->causation_id, expected.event.causation_id));
    assert_int_equal(event->recorded_ms, expected.event.recorded_ms);
    return number;
}

static void take(struct reader *reader, const struct pn_record *record)
{
    int number = check_event(&record->event);
    assert_string_equal(record->topic, PN_TOPIC_EVENT);
    assert_int_equal(record->partition, pn_stream_partition_of(record->event.subject, PARTITIONS));
    assert_true(record->offset > reader->last_offset[record->partition]);
    reader->last_offset[record->partition] = record->offset;
    if (reader->seen[number]) {
        reader->duplicates++;
        return;
    }
    reader->seen[number] = true;
    reader->count++;
    assert_true(reader->is_mixed || number > reader->last_of_client[number % CLIENTS]);
    reader->last_of_client[number % CLIENTS] = number;
}

static size_t poll_once(struct reader *reader, int timeout_ms, size_t record_max)
{
    static struct pn_record records[BATCH_MAX];
    size_t count = 0;
    struct pn_err err;
    enum pn_code code =
        pn_consumer_poll(reader->consumer, timeout_ms, records, record_max, &count, &err);
    if (code == PN_UNAVAILABLE) {
        return 0;
    }
    must(code, &err);
    for (size_t i = 0; i < count; i++) {
        take(reader, &records[i]);
    }
    return count;
}

// Until `count` different events have been read since forget.
static void read_until(struct reader *reader, int count)
{
    int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    while (reader->count < count) {
        poll_once(reader, 200, BATCH_MAX);
        if (pn_clock_monotonic_ms() > deadline_ms) {
            fail_msg("%d events of %d came", reader->count, count);
        }
    }
}

static void keep_positions(struct reader *reader)
{
    for (int p = 0; p < PARTITIONS; p++) {
        if (reader->last_offset[p] >= 0) {
            reader->positions[p] = reader->last_offset[p] + 1;
        }
    }
}

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
        must(pn_consumer_rewind(reader->consumer, &err), &err);
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

// --- Several processes ---------------------------------------------------------------------------

struct child {
    pid_t pid;
    FILE *answers; // after each append that was acknowledged: the number that comes next
};

// This program again, as run_child below.
static struct child start_child(const struct fixture *fixture, int first, int count, int batch)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    char texts[3][16];
    snprintf(texts[0], sizeof texts[0], "%d", first);
    snprintf(texts[1], sizeof texts[1], "%d", count);
    snprintf(texts[2], sizeof texts[2], "%d", batch);
    struct child child = {.pid = fork()};
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        close(pipe_fds[0]);
        execl("/proc/self/exe", "test_stream", fixture->folder, fixture->prefix, texts[0], texts[1],
              texts[2], (char *)NULL);
        _exit(127);
    }
    close(pipe_fds[1]);
    child.answers = fdopen(pipe_fds[0], "r");
    assert_non_null(child.answers);
    return child;
}

static int end_child(struct child *child)
{
    int status = 0;
    fclose(child->answers);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

static int run_child(char **arguments)
{
    struct fixture fixture = {0};
    snprintf(fixture.folder, sizeof fixture.folder, "%s", arguments[1]);
    snprintf(fixture.prefix, sizeof fixture.prefix, "%s", arguments[2]);
    int next = (int)strtol(arguments[3], NULL, 10);
    int end = next + (int)strtol(arguments[4], NULL, 10);
    int batch = (int)strtol(arguments[5], NULL, 10);
    set_config(&fixture);
    struct pn_err err;
    enum pn_code code = pn_stream_open(&fixture.config, &fixture.stream, &err);
    while (code == PN_OK && next < end) {
        code = append(fixture.stream, next, batch, 400, &err);
        next += batch;
        if (code == PN_OK) {
            printf("%d\n", next);
            fflush(stdout);
        }
    }
    if (code != PN_OK) {
        fprintf(stderr, "appender: %s %s %s\n", pn_code_name(code), err.where, err.text);
    }
    pn_stream_close(fixture.stream);
    return code == PN_OK ? 0 : 1;
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

static void control_broker(const char *command)
{
    char line[512];
    const char *folder = getenv("PN_TEST_KAFKA");
    assert_non_null(folder);
    snprintf(line, sizeof line, "%s/tests/integration/kafka.sh %s %s", PN_SOURCE_DIR, command,
             folder);
    assert_int_equal(system(line), 0);
}

// The same batch again until it is taken, as every caller does.
static void append_at_last(struct pn_stream *stream, int first, int count)
{
    struct pn_err err;
    int64_t deadline_ms = pn_clock_monotonic_ms() + 2 * PATIENCE_MS;
    enum pn_code code = PN_UNAVAILABLE;
    while (code == PN_UNAVAILABLE && pn_clock_monotonic_ms() < deadline_ms) {
        code = append(stream, first, count, 300, &err);
    }
    must(code, &err);
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

// For kcat.sh, which appends by run_child.
static int make_topics(char **arguments)
{
    struct fixture fixture = {0};
    snprintf(fixture.folder, sizeof fixture.folder, "%s", arguments[2]);
    snprintf(fixture.prefix, sizeof fixture.prefix, "%s", arguments[3]);
    set_config(&fixture);
    struct pn_err err;
    enum pn_code code = pn_stream_open(&fixture.config, &fixture.stream, &err);
    if (code == PN_OK) {
        code = pn_stream_create_topics(fixture.stream, &err);
        pn_stream_close(fixture.stream);
    }
    return code == PN_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--make-topics") == 0) {
        return make_topics(argv);
    }
    if (argc == 6) {
        return run_child(argv);
    }
#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STREAM_TEST(reads_back_in_order_per_client),
        STREAM_TEST(same_event_again),
        STREAM_TEST(goes_on_from_stored_positions),
        STREAM_TEST(rewinds_to_stored_positions),
        STREAM_TEST(every_group_reads_all),
        STREAM_TEST(second_consumer_of_a_group),
        STREAM_TEST(large_event),
        STREAM_TEST(unknown_topic_and_bad_records),
        STREAM_TEST(position_past_the_end_starts_over),
        STREAM_TEST(tells_the_lag),
        STREAM_TEST(prunes_what_is_over_age),
        STREAM_TEST(killed_appender_loses_nothing),
        STREAM_TEST(several_processes_append),
        STREAM_TEST(wakes_up_for_another_process),
        STREAM_TEST(broker_goes_away_and_comes_back),
    };
    return cmocka_run_group_tests_name(is_kafka() ? "stream: kafka" : "stream: embedded", tests,
                                       NULL, NULL);
}
