// SPDX-License-Identifier: Apache-2.0
/*
 * The skeleton under a service that is killed at random places while events flow: its effects are
 * there exactly once. PN_TEST_STREAM=kafka (with PN_TEST_BROKERS) and PN_TEST_STORE=postgres (with
 * PN_TEST_CONNINFO) choose what stands behind; the default is everything embedded.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "run/run.h"

enum {
    CLIENTS = 20,
    EVENTS = 20000,
    APPEND_AT_ONCE = 50,
    KILLS = 50,
    REJECT_EVERY = 97,
    PATIENCE_MS = 120000
};

static char folder[64];
static char store_name[32];
static char prefix[40];
static struct pn_config config;
static struct pn_err err;

#define must(expression)                                                                           \
    do {                                                                                           \
        if ((expression) != PN_OK) {                                                               \
            fail_msg("%s: %s %s: %s", #expression, pn_code_name(err.code), err.where, err.text);   \
        }                                                                                          \
    } while (0)

static bool is_env(const char *name, const char *value)
{
    const char *found = getenv(name);
    return found != NULL && strcmp(found, value) == 0;
}

// --- The service ---------------------------------------------------------------------------------

static const struct pn_migration migrations[] = {
    {1, "CREATE TABLE effect (n BIGINT PRIMARY KEY, times BIGINT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE client (id TEXT PRIMARY KEY, last BIGINT NOT NULL, faults BIGINT NOT NULL)"
        " WITHOUT ROWID;"},
};

struct state {
    struct pn_run *run;
};

static enum pn_code exec(struct pn_store *store, const char *sql, const struct pn_value *values,
                         unsigned count, struct pn_err *reason)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(store, sql, &stmt, reason);
    return code == PN_OK ? pn_store_exec(store, stmt, values, count, NULL, reason) : code;
}

static int64_t ask(struct pn_store *store, const char *sql, const struct pn_value *values,
                   unsigned count)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    int64_t number = -1;
    if (pn_store_prepare(store, sql, &stmt, &err) == PN_OK &&
        pn_store_query(store, stmt, values, count, &rows, &err) == PN_OK &&
        pn_rows_next(rows, &has_row, &err) == PN_OK && has_row) {
        number = pn_rows_int(rows, 0);
    }
    pn_rows_close(rows);
    return number;
}

static int64_t number_of(struct pn_slice data)
{
    int64_t n = -1;
    const char *start = memchr(data.ptr, ':', data.len);
    struct pn_slice rest;
    assert_non_null(start);
    struct pn_slice digits = pn_slice_split(
        pn_slice_of(start + 1, data.len - (size_t)(start + 1 - data.ptr)), '}', &rest);
    return pn_slice_to_i64(digits, &n) ? n : -1;
}

static enum pn_code service_start(struct pn_run *run, void **ret_state, struct pn_err *reason)
{
    static struct state state;
    (void)reason;
    state.run = run;
    srandom((unsigned)getpid());
    *ret_state = &state;
    return PN_OK;
}

static enum pn_verdict service_handle(void *context, const struct pn_record *record,
                                      struct pn_err *reason)
{
    struct state *state = context;
    struct pn_store *store = pn_run_store(state->run);
    int64_t n = number_of(record->event.data);
    const struct pn_value values[] = {PN_INT(n), PN_TEXT(record->event.subject)};
    int64_t last = ask(store, "SELECT last FROM client WHERE id = ?1", &values[1], 1);
    const struct pn_value client[] = {values[1], PN_INT(n), PN_INT(n <= last)};
    enum pn_code code = exec(store,
                             "INSERT INTO effect (n, times) VALUES (?1, 1) ON CONFLICT (n) DO "
                             "UPDATE SET times = effect.times + 1",
                             values, 1, reason);
    if (code == PN_OK) {
        code = exec(store,
                    "INSERT INTO client (id, last, faults) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO "
                    "UPDATE SET last = excluded.last, faults = client.faults + excluded.faults",
                    client, 3, reason);
    }
    struct pn_event out = {.type = pn_slice_str("fi.punos.trigger.raised.v1"),
                           .subject = record->event.subject,
                           .time_ms = record->event.time_ms,
                           .data = record->event.data};
    if (code == PN_OK) {
        code = pn_run_emit(state->run, PN_TOPIC_TRIGGER, &out, reason);
    }
    if (code == PN_OK && n % REJECT_EVERY == 0) {
        pn_err_set(reason, PN_INVALID, "n", "is one of those");
        return PN_REJECT;
    }
    if (code == PN_OK && random() % 3000 == 0) {
        pn_err_set(reason, PN_UNAVAILABLE, "n", "at random");
        return PN_RETRY;
    }
    return code == PN_OK ? PN_DONE : PN_RETRY;
}

static const char *const topics[] = {PN_TOPIC_EVENT};

static pid_t start_service(void)
{
    pid_t child = fork();
    if (child != 0) {
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static struct pn_service service = {.topics = topics,
                                        .topic_count = 1,
                                        .migrations = migrations,
                                        .migration_count = 1,
                                        .start = service_start,
                                        .handle = service_handle};
    service.name = store_name;
    pn_log_setup("child", is_env("PN_TEST_LOG", "1") ? PN_LOG_INFO : PN_LOG_ERROR + 1, false);
    _exit(pn_run_service(&service, &config));
}

// --- Around it -----------------------------------------------------------------------------------

static int set_up(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, "%s", "/tmp/punos-run-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    char id[PN_UUID_TEXT_BYTES];
    pn_uuid4(id);
    snprintf(store_name, sizeof store_name, "t_%.8s", id);
    snprintf(prefix, sizeof prefix, "%.8s.", id);
    pn_config_defaults(&config);
    config.data_dir = folder;
    config.stream.topic_prefix = prefix;
    if (is_env("PN_TEST_STREAM", "kafka")) {
        config.stream.kind = PN_STREAM_KAFKA;
        config.stream.brokers = getenv("PN_TEST_BROKERS");
    }
    if (is_env("PN_TEST_STORE", "postgres")) {
        config.store.kind = PN_STORE_POSTGRES;
        config.store.conninfo = getenv("PN_TEST_CONNINFO");
    }
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void append(struct pn_stream *stream, int from, int count)
{
    static struct pn_record_out records[APPEND_AT_ONCE];
    static char ids[APPEND_AT_ONCE][PN_UUID_TEXT_BYTES], data[APPEND_AT_ONCE][40],
        subjects[APPEND_AT_ONCE][PN_CLIENT_KEY_TEXT_BYTES];
    for (int i = 0; i < count; i++) {
        int n = from + i;
        snprintf(data[i], sizeof data[i], "{\"n\":%d}", n);
        snprintf(subjects[i], sizeof subjects[i], "%032x", n % CLIENTS);
        struct pn_slice part = pn_slice_str(data[i]);
        pn_uuid5("test", &part, 1, ids[i]);
        records[i] =
            (struct pn_record_out){.topic = PN_TOPIC_EVENT,
                                   .event = {.id = pn_slice_str(ids[i]),
                                             .source = pn_slice_str("/adapter/test/unit"),
                                             .type = pn_slice_str("fi.punos.visit.finished.v1"),
                                             .subject = pn_slice_str(subjects[i]),
                                             .time_ms = n + 1,
                                             .recorded_ms = n + 1,
                                             .data = part}};
    }
    enum pn_code code = PN_UNAVAILABLE;
    for (int tries = 0; code != PN_OK && tries < 100; tries++) {
        code = pn_stream_append(stream, records, (size_t)count, &err);
    }
    assert_int_equal(code, PN_OK);
}

struct audience {
    struct pn_consumer *consumer;
    uint8_t *seen; // by n
    int64_t last[CLIENTS];
    int different, out_of_order, quarantined;
    uint8_t quarantine_seen[EVENTS];
};

static void take(struct audience *audience, const struct pn_record *record)
{
    if (strcmp(record->topic, PN_TOPIC_QUARANTINE) == 0) {
        audience->quarantined++;
        return;
    }
    int64_t n = number_of(record->event.data);
    assert_in_range(n, 0, EVENTS - 1);
    if (audience->seen[n] != 0) {
        return; // relayed again after a crash: the same id, which a consumer drops
    }
    audience->seen[n] = 1;
    audience->different++;
    int64_t *last = &audience->last[n % CLIENTS];
    audience->out_of_order += n <= *last;
    *last = n;
}

static void listen_for(struct audience *audience, int expected, int quarantined)
{
    static struct pn_record records[PN_BATCH_EVENTS_MAX];
    int64_t until_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    while ((audience->different < expected || audience->quarantined < quarantined) &&
           pn_clock_monotonic_ms() < until_ms) {
        size_t count = 0;
        must(pn_consumer_poll(audience->consumer, 50, records, PN_BATCH_EVENTS_MAX, &count, &err));
        for (size_t i = 0; i < count; i++) {
            take(audience, &records[i]);
        }
    }
}

static void open_audience(struct pn_stream *stream, struct audience *audience)
{
    static const char *const heard[] = {PN_TOPIC_TRIGGER, PN_TOPIC_QUARANTINE};
    struct pn_consumer_options options = {.group = "audience",
                                          .topics = heard,
                                          .topic_count = 2,
                                          .load_position = pn_stream_from_start};
    *audience = (struct audience){.seen = calloc(EVENTS, 1)};
    memset(audience->last, 0xff, sizeof audience->last);
    must(pn_consumer_open(stream, &options, &audience->consumer, &err));
}

static struct pn_store *open_store(bool read_only)
{
    struct pn_store *store = NULL;
    struct pn_store_options options = {.name = store_name,
                                       .migrations = migrations,
                                       .migration_count = read_only ? 1 : 0,
                                       .read_only = read_only};
    int64_t until_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    while (pn_store_open(&config, &options, &store, &err) != PN_OK) {
        assert_true(pn_clock_monotonic_ms() < until_ms);
        usleep(2000);
    }
    return store;
}

static void end_service(pid_t child)
{
    int status = 0;
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

// All events up to `events` were handled once, in order per client, and what they caused was heard.
static void check_effects(struct pn_stream *stream, int events)
{
    int rejected = (events + REJECT_EVERY - 1) / REJECT_EVERY;
    struct audience audience;
    open_audience(stream, &audience);
    listen_for(&audience, events - rejected, rejected);
    assert_int_equal(audience.different, events - rejected);
    assert_int_equal(audience.out_of_order, 0);
    assert_in_range(audience.quarantined, rejected, 2 * rejected);
    struct pn_store *store = open_store(true);
    assert_int_equal(ask(store, "SELECT count(*) FROM effect", NULL, 0), events - rejected);
    assert_int_equal(ask(store, "SELECT sum(times) FROM effect", NULL, 0), events - rejected);
    assert_int_equal(ask(store, "SELECT sum(faults) FROM client", NULL, 0), 0);
    pn_store_close(store);
    pn_consumer_close(audience.consumer);
    free(audience.seen);
}

// --- The tests -----------------------------------------------------------------------------------

static void killed_at_random_its_effects_are_there_once(void **unused)
{
    (void)unused;
    struct pn_stream *stream = NULL;
    must(pn_stream_open(&config, &stream, &err));
    must(pn_stream_create_topics(stream, &err));
    int appended = 0;
    bool is_far = config.stream.kind == PN_STREAM_KAFKA;
    srandom(7);
    for (int kills = 0; kills < KILLS; kills++) {
        pid_t child = start_service();
        int64_t until_ms = pn_clock_monotonic_ms() + random() % (is_far ? 900 : 150);
        while (pn_clock_monotonic_ms() < until_ms) {
            if (appended < EVENTS * (kills + 1) / KILLS) {
                append(stream, appended, APPEND_AT_ONCE);
                appended += APPEND_AT_ONCE;
            } else {
                usleep(500);
            }
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    for (; appended < EVENTS; appended += APPEND_AT_ONCE) {
        append(stream, appended, APPEND_AT_ONCE);
    }
    pid_t child = start_service();
    check_effects(stream, EVENTS);
    end_service(child);
    pn_stream_close(stream);
}

// PN_TEST_POSTGRES and PN_TEST_KAFKA name the servers that this test stops and starts.
static void server(const char *script, const char *what, const char *variable)
{
    char command[256];
    snprintf(command, sizeof command, "tests/integration/%s.sh %s '%s'", script, what,
             getenv(variable));
    assert_int_equal(system(command), 0);
}

static void append_many(struct pn_stream *stream, int from, int to)
{
    for (; from < to; from += APPEND_AT_ONCE) {
        append(stream, from, APPEND_AT_ONCE);
    }
}

static void outages_are_waited_out(void **unused)
{
    (void)unused;
    if (getenv("PN_TEST_POSTGRES") == NULL || getenv("PN_TEST_KAFKA") == NULL) {
        return;
    }
    struct pn_stream *stream = NULL;
    must(pn_stream_open(&config, &stream, &err));
    must(pn_stream_create_topics(stream, &err));
    pid_t child = start_service();
    append_many(stream, 0, 1000);
    server("postgres", "kill", "PN_TEST_POSTGRES");
    append_many(stream, 1000, 2000);
    server("kafka", "kill", "PN_TEST_KAFKA");
    server("postgres", "restart", "PN_TEST_POSTGRES");
    server("kafka", "restart", "PN_TEST_KAFKA");
    append_many(stream, 2000, 3000);
    check_effects(stream, 3000);
    end_service(child);
    pn_stream_close(stream);
}

// Woken each time: what a service finds by itself once a second, it would find here in an hour.
static void another_process_uses_the_outbox(void **unused)
{
    (void)unused;
    pn_run_set_second_for_test(3600 * PN_MS_PER_SECOND);
    struct pn_stream *stream = NULL;
    must(pn_stream_open(&config, &stream, &err));
    must(pn_stream_create_topics(stream, &err));
    pid_t child = start_service();
    pn_run_set_second_for_test(PN_MS_PER_SECOND);
    struct pn_store *store = open_store(false);
    struct audience audience;
    open_audience(stream, &audience);
    int64_t slowest_ms = 0;
    for (int n = 0; n < 20; n++) {
        char id[PN_UUID_TEXT_BYTES], data[40];
        pn_uuid4(id);
        snprintf(data, sizeof data, "{\"n\":%d}", n);
        struct pn_event event = {.id = pn_slice_str(id),
                                 .source = pn_slice_str("/service/api"),
                                 .type = pn_slice_str("fi.punos.trigger.raised.v1"),
                                 .subject = pn_slice_str("00000000000000000000000000000001"),
                                 .time_ms = 1,
                                 .recorded_ms = 1,
                                 .data = pn_slice_str(data)};
        must(pn_store_begin(store, &err));
        must(pn_outbox_add(store, PN_TOPIC_TRIGGER, &event, &err));
        must(pn_store_commit(store, &err));
        int64_t start_ms = pn_clock_monotonic_ms();
        listen_for(&audience, n + 1, 0);
        assert_int_equal(audience.different, n + 1);
        int64_t took_ms = pn_clock_monotonic_ms() - start_ms;
        slowest_ms = n > 0 && took_ms > slowest_ms ? took_ms : slowest_ms;
    }
    print_message("outbox of another process, slowest: %lld ms\n", (long long)slowest_ms);
    pn_store_close(store);
    end_service(child);
    pn_consumer_close(audience.consumer);
    free(audience.seen);
    pn_stream_close(stream);
}

struct told {
    int64_t done, relayed, lag, outbox, ready;
};

static void note_metric(void *context, const struct pn_metric *metric)
{
    struct told *told = context;
    const struct {
        const char *name;
        int64_t *value;
    } wanted[] = {{PN_METRIC_RELAYED, &told->relayed},
                  {PN_METRIC_LAG, &told->lag},
                  {PN_METRIC_OUTBOX, &told->outbox},
                  {PN_METRIC_READY, &told->ready}};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(wanted); i++) {
        if (strcmp(metric->name, wanted[i].name) == 0) {
            *wanted[i].value = metric->value;
        }
    }
    if (strcmp(metric->name, PN_METRIC_EVENTS) == 0 && strcmp(metric->label_value, "done") == 0) {
        told->done = metric->value;
    }
}

// Waits for the second in which the service tells it.
static void check_metrics(void)
{
    struct told told = {0};
    int64_t until_ms = pn_clock_monotonic_ms() + PATIENCE_MS;
    do {
        told = (struct told){.outbox = -1, .lag = -1};
        must(pn_metrics_read_all(folder, note_metric, &told, &err));
        usleep(1000);
    } while ((told.relayed < 90 || told.outbox < 0 || told.lag != 0) &&
             pn_clock_monotonic_ms() < until_ms);
    assert_int_equal(told.done, 90);
    assert_int_equal(told.relayed, 90);
    assert_int_equal(told.lag, 0);
    assert_in_range(told.outbox, 0, 1);
    assert_int_equal(told.ready, 1);
}

static void tells_how_it_does(void **unused)
{
    (void)unused;
    struct pn_stream *stream = NULL;
    must(pn_stream_open(&config, &stream, &err));
    must(pn_stream_create_topics(stream, &err));
    pid_t child = start_service();
    struct audience audience;
    open_audience(stream, &audience);
    append(stream, 1, APPEND_AT_ONCE);
    listen_for(&audience, APPEND_AT_ONCE, 0);
    int64_t slowest_ms = 0;
    for (int n = 51; n < 91; n++) {
        append(stream, n, 1);
        int64_t start_ms = pn_clock_monotonic_ms();
        listen_for(&audience, n, 0);
        int64_t took_ms = pn_clock_monotonic_ms() - start_ms;
        slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
    }
    check_metrics();
    print_message("from append to what was emitted for it, slowest: %lld ms\n",
                  (long long)slowest_ms);
    end_service(child);
    pn_consumer_close(audience.consumer);
    free(audience.seen);
    pn_stream_close(stream);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(tells_how_it_does),
        test(another_process_uses_the_outbox),
        test(killed_at_random_its_effects_are_there_once),
        test(outages_are_waited_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
