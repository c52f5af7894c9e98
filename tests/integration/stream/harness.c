// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/stream/harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"

bool is_kafka(void)
{
    const char *which = getenv("PN_TEST_STREAM");
    return which != NULL && strcmp(which, "kafka") == 0;
}

void must(enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        fail_msg("%s: %s %s", pn_code_name(code), err->where, err->text);
    }
}

void set_config(struct fixture *fixture)
{
    fixture->config = (struct pn_config){.data_dir = fixture->folder};
    fixture->config.stream.kind = is_kafka() ? PN_STREAM_KAFKA : PN_STREAM_EMBEDDED;
    fixture->config.stream.brokers = is_kafka() ? getenv("PN_TEST_BROKERS") : "";
    fixture->config.stream.topic_prefix = fixture->prefix;
    fixture->config.stream.partitions = PARTITIONS;
}

int set_up(void **state)
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

int tear_down(void **state)
{
    struct fixture *fixture = *state;
    pn_stream_close(fixture->stream);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    int status = system(command);
    free(fixture);
    return status;
}

void must_fail(enum pn_code code, enum pn_code expected)
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

struct pn_record_out make_record(int number, struct pn_slice data)
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
enum pn_code append(struct pn_stream *stream, int first, int count, size_t bytes,
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

static enum pn_code open_part(struct reader *reader, struct pn_stream *stream,
                              const struct pn_consumer_options *part, struct pn_err *err)
{
    static const char *const topics[] = {PN_TOPIC_EVENT};
    const struct pn_consumer_options options = {
        .group = part->group,
        .share = part->share,
        .share_count = part->share_count,
        .topics = topics,
        .topic_count = 1,
        .load_position = load_position,
        .context = reader,
    };
    return pn_consumer_open(stream, &options, &reader->consumer, err);
}

enum pn_code try_open(struct reader *reader, struct pn_stream *stream, const char *group,
                      struct pn_err *err)
{
    const struct pn_consumer_options all = {.group = group};
    return open_part(reader, stream, &all, err);
}

struct reader *open_reader(struct pn_stream *stream, const char *group)
{
    struct reader *reader = calloc(1, sizeof *reader);
    assert_non_null(reader);
    struct pn_err err;
    must(try_open(reader, stream, group, &err), &err);
    return reader;
}

struct reader *open_share(struct pn_stream *stream, const char *group, unsigned share,
                          unsigned share_count)
{
    struct reader *reader = calloc(1, sizeof *reader);
    assert_non_null(reader);
    struct pn_err err;
    const struct pn_consumer_options part = {
        .group = group, .share = share, .share_count = share_count};
    must(open_part(reader, stream, &part, &err), &err);
    return reader;
}

void forget(struct reader *reader)
{
    reader->count = 0;
    reader->duplicates = 0;
    memset(reader->seen, 0, sizeof reader->seen);
    memset(reader->last_offset, 0xff, sizeof reader->last_offset);
    memset(reader->last_of_client, 0xff, sizeof reader->last_of_client);
}

void close_reader(struct reader *reader)
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

size_t poll_once(struct reader *reader, int timeout_ms, size_t record_max)
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
void read_until(struct reader *reader, int count)
{
    int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    while (reader->count < count) {
        poll_once(reader, 200, BATCH_MAX);
        if (pn_clock_monotonic_ms() > deadline_ms) {
            fail_msg("%d events of %d came, %d twice", reader->count, count, reader->duplicates);
        }
    }
}

void keep_positions(struct reader *reader)
{
    for (int p = 0; p < PARTITIONS; p++) {
        if (reader->last_offset[p] >= 0) {
            reader->positions[p] = reader->last_offset[p] + 1;
        }
    }
}

// --- Several processes ---------------------------------------------------------------------------

// This program again, as run_child below.
struct child start_child(const struct fixture *fixture, int first, int count, int batch)
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

int end_child(struct child *child)
{
    int status = 0;
    char line[32];
    // To its end: a child that nobody listens to is ended by its own answer.
    while (fgets(line, sizeof line, child->answers) != NULL) {
    }
    fclose(child->answers);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

int run_child(char **arguments)
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

void control_broker(const char *command)
{
    char line[512];
    const char *folder = getenv("PN_TEST_KAFKA");
    assert_non_null(folder);
    snprintf(line, sizeof line, "%s/tests/integration/kafka.sh %s %s", PN_SOURCE_DIR, command,
             folder);
    assert_int_equal(system(line), 0);
}

// The same batch again until it is taken, as every caller does.
void append_at_last(struct pn_stream *stream, int first, int count)
{
    struct pn_err err;
    int64_t deadline_ms = pn_clock_monotonic_ms() + 2 * PATIENCE_MS;
    enum pn_code code = PN_UNAVAILABLE;
    while (code == PN_UNAVAILABLE && pn_clock_monotonic_ms() < deadline_ms) {
        code = append(stream, first, count, 300, &err);
    }
    must(code, &err);
}

// Again until the broker has heard it, as a service does.
void rewind_at_last(struct reader *reader)
{
    struct pn_err err;
    int64_t deadline_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    enum pn_code code = PN_UNAVAILABLE;
    while (code == PN_UNAVAILABLE && pn_clock_monotonic_ms() < deadline_ms) {
        code = pn_consumer_rewind(reader->consumer, &err);
    }
    must(code, &err);
}

// For kcat.sh, which appends by run_child.
int make_topics(char **arguments)
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
