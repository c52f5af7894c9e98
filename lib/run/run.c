// SPDX-License-Identifier: Apache-2.0
#include "run/run.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "run/run_parts.h"

enum { UNWATCHED_POLL_MS = 5, RELAY_ARENA_BYTES_MAX = 32 * 1024 * 1024 };

static int64_t second_ms = PN_MS_PER_SECOND;

void pn_run_set_second_for_test(int64_t ms)
{
    second_ms = ms;
}

const struct pn_config *pn_run_config(const struct pn_run *run)
{
    return run->config;
}

struct event_base *pn_run_base(struct pn_run *run)
{
    return run->base;
}

struct pn_store *pn_run_store(struct pn_run *run)
{
    return run->store;
}

struct pn_stream *pn_run_stream(struct pn_run *run)
{
    return run->stream;
}

struct pn_privacy *pn_run_privacy(struct pn_run *run)
{
    return run->privacy;
}

struct pn_arena *pn_run_arena(struct pn_run *run)
{
    return run->arena;
}

// --- Waiting -------------------------------------------------------------------------------------

static struct timeval after_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static void grow_backoff(struct pn_run *run)
{
    int64_t doubled = run->backoff_ms * 2;
    run->backoff_ms = doubled > PN_RUN_BACKOFF_MAX_MS ? PN_RUN_BACKOFF_MAX_MS : doubled;
    if (run->backoff_ms == 0) {
        run->backoff_ms = PN_RUN_BACKOFF_FIRST_MS;
    }
}

static void note_trouble(struct pn_run *run, const char *text, const struct pn_err *err)
{
    pn_metric_set(PN_METRIC_LAST_ERROR, NULL, NULL, pn_clock_now_ms());
    if (err->code == PN_CONFLICT) {
        // Somebody else was first: the ordinary course of several processes.
        pn_log(PN_LOG_INFO, "done again after a conflict", PN_TAG("where", err->where));
        return;
    }
    pn_log_error(text, err);
    pn_metric_set(PN_METRIC_READY, NULL, NULL, 0);
    (void)run;
}

static void unwatch_store(struct pn_run *run)
{
    if (run->wake_event != NULL) {
        event_free(run->wake_event);
        run->wake_event = NULL;
    }
}

static void back_off(struct pn_run *run, const struct pn_err *err)
{
    pn_metric_add(PN_METRIC_RETRIES, NULL, NULL, 1);
    note_trouble(run, "put back, to be tried again", err);
    grow_backoff(run);
    run->is_waiting = true;
    unwatch_store(run);
    struct timeval wait = after_ms(run->backoff_ms);
    event_add(run->step_event, &wait);
}

static void stop_with(struct pn_run *run, int exit_status)
{
    run->stops = true;
    run->exit_status = exit_status;
    event_base_loopbreak(run->base);
}

// --- The steps of the loop -----------------------------------------------------------------------

// Done anew every second: after the store has reconnected the descriptor is another one, even when
// its number is the same.
static void on_wake(int fd, short what, void *context);
static void watch_store(struct pn_run *run)
{
    unwatch_store(run);
    int fd = pn_store_wake_fd(run->store);
    if (fd >= 0) {
        run->wake_event = event_new(run->base, fd, EV_READ | EV_PERSIST, on_wake, run);
        event_add(run->wake_event, NULL);
    }
}

// True when there is more to do at once.
static bool step_once(struct pn_run *run)
{
    struct pn_err err = {0};
    size_t count = 0;
    bool more = false;
    run->outbox.is_dirty = pn_store_take_wakes(run->store) || run->outbox.is_dirty;
    enum pn_verdict verdict = pn_batch_step(run, &count, &err);
    if (verdict == PN_STOP) {
        pn_log_error("stopped by the service", &err);
        stop_with(run, PN_EXIT_BROKEN);
        return false;
    }
    if (verdict != PN_DONE || pn_outbox_relay(run, &more, &err) != PN_OK) {
        back_off(run, &err);
        return false;
    }
    run->backoff_ms = 0;
    pn_metric_set(PN_METRIC_READY, NULL, NULL, 1);
    // The answers that the step has read may have brought a wake-up with them.
    run->outbox.is_dirty = pn_store_take_wakes(run->store) || run->outbox.is_dirty;
    return count > 0 || more || run->outbox.is_dirty;
}

static void step(struct pn_run *run)
{
    if (run->is_waiting || run->stops) {
        return;
    }
    int64_t work_ms_max = run->service->work_ms_max;
    int64_t until_ms =
        pn_clock_monotonic_ms() + (work_ms_max > 0 ? work_ms_max : PN_RUN_WORK_MS_MAX);
    bool more = true;
    while (more && !run->stops && pn_clock_monotonic_ms() < until_ms) {
        more = step_once(run);
    }
    if (more && !run->stops) {
        struct timeval now = {0};
        event_add(run->step_event, &now);
    }
}

static void on_step(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_run *run = context;
    run->is_waiting = false;
    step(run);
    if (!run->is_waiting && run->consumer != NULL && pn_consumer_fd(run->consumer) < 0) {
        struct timeval wait = after_ms(UNWATCHED_POLL_MS);
        event_add(run->step_event, &wait);
    }
}

static void on_records(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_run *run = context;
    if (run->is_waiting) {
        // Not asked again before the back-off is over; otherwise the loop would spin.
        event_del(run->consumer_event);
        return;
    }
    step(run);
}

static void on_wake(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_run *run = context;
    step(run);
    if (pn_store_wake_fd(run->store) < 0) {
        unwatch_store(run); // a lost connection would wake us without end
    }
}

static void write_metrics(struct pn_run *run)
{
    struct pn_err err = {0};
    if (pn_metrics_file_write(run->metrics, &err) != PN_OK) {
        pn_log_error("metrics not written", &err);
    }
}

static void on_second(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_run *run = context;
    if (run->consumer != NULL) {
        pn_metric_set(PN_METRIC_LAG, NULL, NULL, pn_consumer_lag(run->consumer));
        if (run->consumer_event != NULL && !run->is_waiting) {
            event_add(run->consumer_event, NULL);
        }
    }
    if (!run->is_waiting) {
        watch_store(run);
    }
    // A wake-up can get lost with the process that was to give it.
    run->outbox.is_dirty = true;
    step(run);
    if (!run->is_waiting) {
        pn_outbox_measure(run);
    }
    write_metrics(run);
}

static void on_tick(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_run *run = context;
    struct pn_err err = {0};
    enum pn_verdict verdict = run->is_waiting ? PN_DONE : pn_tick_step(run, &err);
    if (verdict == PN_STOP) {
        pn_log_error("stopped by the service", &err);
        stop_with(run, PN_EXIT_BROKEN);
    } else if (verdict != PN_DONE) {
        pn_metric_add(PN_METRIC_RETRIES, NULL, NULL, 1);
        note_trouble(run, "tick not done; the next one tries again", &err);
    } else {
        step(run);
    }
}

static void on_signal(int number, short what, void *context)
{
    (void)what;
    pn_log(PN_LOG_INFO, "told to stop", PN_TAG_INT("signal", number));
    stop_with(context, PN_EXIT_DONE);
}

// --- Start ---------------------------------------------------------------------------------------

static enum pn_code make_folders(struct pn_run *run, struct pn_err *err)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/run", run->config->data_dir);
    if (length < 0 || (size_t)length >= sizeof path) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    if ((mkdir(run->config->data_dir, 0700) != 0 && errno != EEXIST) ||
        (mkdir(path, 0700) != 0 && errno != EEXIST)) {
        return pn_err_set(err, PN_IO, path, "cannot be made: %s", strerror(errno));
    }
    return PN_OK;
}

static enum pn_code open_metrics(struct pn_run *run, struct pn_err *err)
{
    enum pn_code code = make_folders(run, err);
    return code == PN_OK
               ? pn_metrics_file_open(run->config->data_dir, run->service->name, &run->metrics, err)
               : code;
}

static enum pn_code open_privacy(struct pn_run *run, struct pn_err *err)
{
    return pn_privacy_open(run->config->data_dir, &run->privacy, err);
}

static enum pn_code open_store(struct pn_run *run, struct pn_err *err)
{
    enum { MIGRATIONS_MAX = 128 };
    static struct pn_migration all[MIGRATIONS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < pn_run_migration_count; i++) {
        all[count++] = pn_run_migrations[i];
    }
    assert(count + run->service->migration_count <= MIGRATIONS_MAX);
    for (unsigned i = 0; i < run->service->migration_count; i++) {
        all[count++] = run->service->migrations[i];
    }
    struct pn_store_options options = {
        .name = run->service->name, .migrations = all, .migration_count = count};
    return pn_store_open(run->config, &options, &run->store, err);
}

static enum pn_code open_stream(struct pn_run *run, struct pn_err *err)
{
    return pn_stream_open(run->config, &run->stream, err);
}

static enum pn_code create_topics(struct pn_run *run, struct pn_err *err)
{
    return pn_stream_create_topics(run->stream, err);
}

// Tells this process from the others of its group, the same after a restart: the machine, the data
// folder, and which of the service's processes there.
static void name_instance(struct pn_run *run)
{
    char host[65] = "";
    char id[PN_UUID_TEXT_BYTES];
    (void)gethostname(host, sizeof host - 1);
    const struct pn_slice part = pn_slice_str(run->config->data_dir);
    pn_uuid5("data", &part, 1, id);
    snprintf(run->instance, sizeof run->instance, "%s-%s-%u", host, id,
             pn_metrics_file_process(run->metrics));
}

static enum pn_code open_consumer(struct pn_run *run, struct pn_err *err)
{
    if (run->service->topic_count == 0) {
        return PN_OK;
    }
    name_instance(run);
    struct pn_consumer_options options = {.group = run->service->name,
                                          .instance = run->instance,
                                          .topics = run->service->topics,
                                          .topic_count = run->service->topic_count,
                                          .load_position = pn_position_load,
                                          .context = run};
    return pn_consumer_open(run->stream, &options, &run->consumer, err);
}

static enum pn_code start_service(struct pn_run *run, struct pn_err *err)
{
    enum pn_code code =
        run->service->start == NULL ? PN_OK : run->service->start(run, &run->state, err);
    run->is_started = code == PN_OK;
    return code;
}

// In this order; a step that fails in a way that can pass is tried again.
static enum pn_code (*const start_steps[])(struct pn_run *, struct pn_err *) = {
    open_metrics,  open_privacy,    open_store,    open_stream,
    create_topics, pn_outbox_start, open_consumer, start_service,
};

// Lets signals through; returns early when one says stop.
static void wait_before_trying_again(struct pn_run *run)
{
    grow_backoff(run);
    struct timeval wait = after_ms(run->backoff_ms);
    event_base_loopexit(run->base, &wait);
    event_base_dispatch(run->base);
    if (run->metrics != NULL) {
        write_metrics(run);
    }
}

static bool start(struct pn_run *run)
{
    unsigned done = 0;
    while (done < PN_ARRAY_COUNT(start_steps) && !run->stops) {
        struct pn_err err = {0};
        enum pn_code code = start_steps[done](run, &err);
        if (code == PN_OK) {
            done++;
            run->backoff_ms = 0;
        } else if (pn_code_is_retriable(code)) {
            pn_log_error("not started yet, to be tried again", &err);
            wait_before_trying_again(run);
        } else {
            pn_log_error("cannot start", &err);
            stop_with(run, code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_NOT_FOUND
                               ? PN_EXIT_USE // as it is configured it never will
                               : PN_EXIT_BROKEN);
        }
    }
    return !run->stops;
}

static bool make_loop(struct pn_run *run)
{
    static const int signals[] = {SIGTERM, SIGINT};
    signal(SIGPIPE, SIG_IGN);
    run->base = event_base_new();
    run->arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    run->relay_arena = pn_arena_new(RELAY_ARENA_BYTES_MAX);
    run->records = calloc(PN_BATCH_EVENTS_MAX, sizeof *run->records);
    run->is_dropped = calloc(PN_BATCH_EVENTS_MAX, sizeof *run->is_dropped);
    if (run->base == NULL || run->arena == NULL || run->relay_arena == NULL ||
        run->records == NULL || run->is_dropped == NULL) {
        return false;
    }
    for (unsigned i = 0; i < PN_ARRAY_COUNT(signals); i++) {
        run->signal_events[i] = evsignal_new(run->base, signals[i], on_signal, run);
        if (run->signal_events[i] == NULL || event_add(run->signal_events[i], NULL) != 0) {
            return false;
        }
    }
    run->step_event = evtimer_new(run->base, on_step, run);
    run->second_event = event_new(run->base, -1, EV_PERSIST, on_second, run);
    run->tick_event = event_new(run->base, -1, EV_PERSIST, on_tick, run);
    return run->step_event != NULL && run->second_event != NULL && run->tick_event != NULL;
}

static void add_events(struct pn_run *run)
{
    struct timeval now = {0};
    struct timeval second = after_ms(second_ms);
    int fd = run->consumer == NULL ? -1 : pn_consumer_fd(run->consumer);
    if (fd >= 0) {
        run->consumer_event = event_new(run->base, fd, EV_READ | EV_PERSIST, on_records, run);
        event_add(run->consumer_event, NULL);
    }
    if (run->service->tick != NULL && run->service->tick_ms > 0) {
        struct timeval tick = after_ms(run->service->tick_ms);
        event_add(run->tick_event, &tick);
    }
    event_add(run->second_event, &second);
    event_add(run->step_event, &now);
    watch_store(run);
}

// --- The whole -----------------------------------------------------------------------------------

static void close_all(struct pn_run *run)
{
    if (run->is_started && run->service->stop != NULL) {
        run->service->stop(run->state);
    }
    struct event *const events[] = {
        run->step_event, run->consumer_event,   run->wake_event,      run->second_event,
        run->tick_event, run->signal_events[0], run->signal_events[1]};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    pn_consumer_close(run->consumer);
    pn_store_close(run->store);
    pn_stream_close(run->stream);
    pn_privacy_close(run->privacy);
    pn_metrics_file_close(run->metrics);
    pn_arena_free(run->arena);
    pn_arena_free(run->relay_arena);
    free(run->records);
    free(run->is_dropped);
    if (run->base != NULL) {
        event_base_free(run->base);
    }
    free(run);
}

int pn_run_service(const struct pn_service *service, const struct pn_config *config)
{
    assert(service != NULL && config != NULL);
    assert(service->topic_count == 0 || service->handle != NULL);
    struct pn_run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return PN_EXIT_BROKEN;
    }
    run->service = service;
    run->config = config;
    snprintf(run->source, sizeof run->source, "/service/%s", service->name);
    if (!make_loop(run)) {
        pn_log(PN_LOG_ERROR, "no memory for the loop");
        stop_with(run, PN_EXIT_BROKEN);
    } else if (start(run)) {
        add_events(run);
        pn_metric_set(PN_METRIC_READY, NULL, NULL, 1);
        write_metrics(run);
        pn_log(PN_LOG_INFO, "ready");
        event_base_dispatch(run->base);
    }
    int exit_status = run->exit_status;
    close_all(run);
    pn_log(PN_LOG_INFO, "stopped", PN_TAG_INT("status", exit_status));
    return exit_status;
}
