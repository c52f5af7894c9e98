// SPDX-License-Identifier: Apache-2.0
/*
 * punos up: every service of the hub as a child process, on one machine.
 *
 * A child that ends by itself is started again, after a growing while. One that cannot run as it is
 * configured ends the whole when it has not worked yet; later, when its configuration was changed
 * under it, it is tried again until that is mended. SIGTERM and SIGINT are
 * handed on, and what has not ended in time is killed. Children end when this process does.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/command.h"
#include "run/metrics.h"
#include "services/up/up_folders.h"
#include "stream/stream.h"

enum {
    SERVICES = 6,
    BACKOFF_FIRST_MS = 200,
    BACKOFF_MAX_MS = 30000,
    STEADY_MS = 60000, // having run this long, a child's next end is a first one again
    STOP_MS_MAX = 20000,
    LOOK_MS = 100
};

// In the order of the path.
static const char *const service_names[SERVICES] = {"ingest", "timeline", "identify",
                                                    "plan",   "deliver",  "api"};

struct child {
    struct up *up;
    const char *name;
    pid_t pid; // 0: does not run
    int64_t started_ms;
    int64_t backoff_ms;
    bool has_worked; // has been ready since the start of the whole
    bool is_ready;
    struct event *start_event;
};

struct up {
    const struct pn_config *config;
    const char *config_file;
    struct event_base *base;
    struct event *signals[3];
    struct event *look_event, *deadline_event;
    struct child children[SERVICES];
    bool stops;
    bool said_ready;
    int exit_status;
};

// --- Children ------------------------------------------------------------------------------------

// In the child: becomes the service. Only returns control to the kernel.
static void become(const struct child *child, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(PN_EXIT_BROKEN); // the parent ended before it could be watched
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const char *arguments[8] = {"punos", child->name, "--data", child->up->config->data_dir};
    if (child->up->config_file != NULL) {
        arguments[4] = "--config";
        arguments[5] = child->up->config_file;
    }
    execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
    _exit(PN_EXIT_BROKEN);
}

static void start_child(struct child *child)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(child, parent);
    }
    if (pid < 0) {
        pn_log(PN_LOG_ERROR, "service not started", PN_TAG("service", child->name),
               PN_TAG("reason", strerror(errno)));
        struct timeval again = {.tv_sec = BACKOFF_MAX_MS / 1000};
        event_add(child->start_event, &again);
        return;
    }
    child->pid = pid;
    child->started_ms = pn_clock_monotonic_ms();
}

static void on_start(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct child *child = context;
    if (child->pid == 0 && !child->up->stops) {
        start_child(child);
    }
}

static bool any_runs(const struct up *up)
{
    for (unsigned i = 0; i < SERVICES; i++) {
        if (up->children[i].pid != 0) {
            return true;
        }
    }
    return false;
}

static void signal_all(const struct up *up, int number)
{
    for (unsigned i = 0; i < SERVICES; i++) {
        if (up->children[i].pid != 0) {
            kill(up->children[i].pid, number);
        }
    }
}

static void stop_all(struct up *up)
{
    up->stops = true;
    signal_all(up, SIGTERM);
    struct timeval patience = {.tv_sec = STOP_MS_MAX / 1000};
    event_add(up->deadline_event, &patience);
    if (!any_runs(up)) {
        event_base_loopbreak(up->base);
    }
}

static void start_again_later(struct child *child, int status)
{
    if (pn_clock_monotonic_ms() - child->started_ms > STEADY_MS) {
        child->backoff_ms = 0;
    }
    int64_t doubled = child->backoff_ms * 2;
    child->backoff_ms = doubled > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : doubled;
    if (child->backoff_ms == 0) {
        child->backoff_ms = BACKOFF_FIRST_MS;
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (WIFEXITED(status) && code == PN_EXIT_USE && !child->has_worked) {
        pn_log(PN_LOG_ERROR,
               "a service cannot run as it is configured: see its line above; stopping",
               PN_TAG("service", child->name));
        child->up->exit_status = PN_EXIT_USE;
        stop_all(child->up);
        return;
    }
    pn_log(PN_LOG_WARNING, "service ended; to be started again", PN_TAG("service", child->name),
           PN_TAG_INT("status", code), PN_TAG_INT("after_ms", child->backoff_ms));
    struct timeval wait = {.tv_sec = child->backoff_ms / 1000,
                           .tv_usec = child->backoff_ms % 1000 * 1000};
    event_add(child->start_event, &wait);
}

static void on_child(int number, short what, void *context)
{
    (void)number;
    (void)what;
    struct up *up = context;
    // Each by its own id: other children of this process are none of our business.
    for (unsigned i = 0; i < SERVICES; i++) {
        struct child *child = &up->children[i];
        int status = 0;
        if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid) {
            continue;
        }
        child->pid = 0;
        child->is_ready = false;
        if (!up->stops) {
            start_again_later(child, status);
        }
    }
    if (up->stops && !any_runs(up)) {
        event_base_loopbreak(up->base);
    }
}

static void on_stop(int number, short what, void *context)
{
    (void)what;
    struct up *up = context;
    pn_log(PN_LOG_INFO, "told to stop", PN_TAG_INT("signal", number));
    stop_all(up);
}

static void on_deadline(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct up *up = context;
    pn_log(PN_LOG_WARNING, "some services did not end in time and are killed");
    up->exit_status = PN_EXIT_BROKEN;
    signal_all(up, SIGKILL);
}

// --- Readiness -----------------------------------------------------------------------------------

static void note_metric(void *context, const struct pn_metric *metric)
{
    struct up *up = context;
    if (strcmp(metric->name, PN_METRIC_READY) != 0 || !metric->is_alive || metric->value != 1) {
        return;
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        if (strcmp(up->children[i].name, metric->service) == 0) {
            up->children[i].is_ready = up->children[i].pid != 0;
            up->children[i].has_worked = up->children[i].has_worked || up->children[i].is_ready;
        }
    }
}

static void on_look(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct up *up = context;
    struct pn_err ignored = {0};
    (void)!pn_metrics_read_all(up->config->data_dir, note_metric, up, &ignored);
    bool all = true;
    for (unsigned i = 0; i < SERVICES; i++) {
        all = all && up->children[i].is_ready;
    }
    if (!all || up->stops) {
        return;
    }
    const char *scheme = up->config->api.tls.certificate[0] != '\0' ? "https" : "http";
    printf("ready: %s://%s\n", scheme, up->config->api.listen);
    fflush(stdout);
    up->said_ready = true;
    event_del(up->look_event);
}

// --- The whole -----------------------------------------------------------------------------------

static bool make_loop(struct up *up)
{
    up->base = event_base_new();
    if (up->base == NULL) {
        return false;
    }
    up->signals[0] = evsignal_new(up->base, SIGTERM, on_stop, up);
    up->signals[1] = evsignal_new(up->base, SIGINT, on_stop, up);
    up->signals[2] = evsignal_new(up->base, SIGCHLD, on_child, up);
    up->look_event = event_new(up->base, -1, EV_PERSIST, on_look, up);
    up->deadline_event = evtimer_new(up->base, on_deadline, up);
    bool made = up->look_event != NULL && up->deadline_event != NULL;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(up->signals); i++) {
        made = made && up->signals[i] != NULL && event_add(up->signals[i], NULL) == 0;
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        struct child *child = &up->children[i];
        *child = (struct child){.up = up, .name = service_names[i]};
        child->start_event = evtimer_new(up->base, on_start, child);
        made = made && child->start_event != NULL;
    }
    return made;
}

static void free_loop(struct up *up)
{
    struct event *const events[] = {up->signals[0], up->signals[1], up->signals[2], up->look_event,
                                    up->deadline_event};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        if (up->children[i].start_event != NULL) {
            event_free(up->children[i].start_event);
        }
    }
    if (up->base != NULL) {
        event_base_free(up->base);
    }
}

static enum pn_code make_topics(const struct pn_config *config, struct pn_err *err)
{
    struct pn_stream *stream = NULL;
    enum pn_code code = pn_stream_open(config, &stream, err);
    if (code == PN_OK) {
        code = pn_stream_create_topics(stream, err);
    }
    pn_stream_close(stream);
    return code;
}

static enum pn_code prepare(const struct pn_config *config, int *ret_lock, struct pn_err *err)
{
    enum pn_code code = pn_up_make_folders(config, err);
    if (code == PN_OK) {
        code = pn_up_lock(config, ret_lock, err);
    }
    // A broker that is away is no reason not to start: every service waits for it.
    if (code == PN_OK && config->stream.kind == PN_STREAM_EMBEDDED) {
        code = make_topics(config, err);
    }
    return code;
}

static int supervise(struct up *up)
{
    if (!make_loop(up)) {
        pn_log(PN_LOG_ERROR, "no memory for the loop");
        free_loop(up);
        return PN_EXIT_BROKEN;
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        start_child(&up->children[i]);
    }
    struct timeval look = {.tv_usec = LOOK_MS * 1000};
    event_add(up->look_event, &look);
    event_base_dispatch(up->base);
    free_loop(up);
    return up->exit_status;
}

static int run_up(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_err err = {0};
    int lock = -1;
    enum pn_code code = prepare(config, &lock, &err);
    if (code != PN_OK) {
        pn_log_error("cannot start", &err);
        return pn_command_exit(code);
    }
    struct up up = {.config = config, .config_file = arguments->config_file};
    int status = supervise(&up);
    close(lock);
    pn_log(PN_LOG_INFO, "stopped", PN_TAG_INT("status", status));
    return status;
}

const struct pn_command pn_command_up = {
    .name = "up",
    .summary = "run the whole hub on this machine",
    .description =
        "Starts ingest, timeline, identify, plan, deliver and api as child processes, makes the "
        "folders under the data folder, and starts a service again when it has ended by itself. "
        "When all of them work, a line `ready: http://…` is written to standard output. SIGTERM "
        "or SIGINT ends them all.",
    .run = run_up,
};
