// SPDX-License-Identifier: Apache-2.0
/*
 * The parent of a backtest's processes: starts them, lets them meet, and gathers what they found.
 */
#include "services/identify/backtest/backtest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/identify/backtest/backtest_parts.h"

enum { LOOK_MS = 200, SEEN_BYTES = (int)(PN_HEAP_SEEN_BITS / 8) };

struct run {
    const struct pn_backtest_plan *plan;
    struct pn_backtest_pipes pipes;
    pid_t pids[PN_BACKTEST_WORKERS_MAX];
    unsigned running;
    bool has_failed;
};

// --- What they share -----------------------------------------------------------------------------

static enum pn_code system_fault(struct pn_err *err)
{
    return pn_err_set(err, PN_IO, "backtest", "the system: %s", strerror(errno));
}

static void *share(size_t bytes)
{
    void *found = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return found == MAP_FAILED ? NULL : found;
}

static bool make_file(int *ret_fd)
{
    *ret_fd = memfd_create("backtest", MFD_CLOEXEC);
    return *ret_fd >= 0;
}

static bool make_worker(struct pn_backtest_pipes *pipes, unsigned me, unsigned count)
{
    bool is_good = pipe(pipes->go_on[me]) == 0;
    for (unsigned i = 0; i < count; i++) {
        is_good = is_good && make_file(&pipes->claims[me][i]) && make_file(&pipes->moved[me][i]);
    }
    for (unsigned i = 0; i < PN_OUTPUT_COUNT; i++) {
        is_good = is_good && make_file(&pipes->outputs[me][i]);
    }
    return is_good && (pipes->seen[me] = share(SEEN_BYTES)) != NULL;
}

static enum pn_code make_pipes(struct run *run, struct pn_err *err)
{
    struct pn_backtest_pipes *pipes = &run->pipes;
    memset(pipes, 0xff, sizeof *pipes); // no descriptor is -1
    memset(pipes->seen, 0, sizeof pipes->seen);
    pipes->reports = share(PN_BACKTEST_WORKERS_MAX * sizeof *pipes->reports);
    bool is_good = pipes->reports != NULL && pipe(pipes->arrived) == 0;
    for (unsigned i = 0; i < run->plan->worker_count && is_good; i++) {
        is_good = make_worker(pipes, i, run->plan->worker_count);
    }
    return is_good ? PN_OK : system_fault(err);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void close_pipes(struct run *run)
{
    struct pn_backtest_pipes *pipes = &run->pipes;
    for (unsigned i = 0; i < PN_BACKTEST_WORKERS_MAX; i++) {
        for (unsigned k = 0; k < PN_BACKTEST_WORKERS_MAX; k++) {
            close_fd(&pipes->claims[i][k]);
            close_fd(&pipes->moved[i][k]);
        }
        for (unsigned k = 0; k < PN_OUTPUT_COUNT; k++) {
            close_fd(&pipes->outputs[i][k]);
        }
        close_fd(&pipes->go_on[i][0]);
        close_fd(&pipes->go_on[i][1]);
        if (pipes->seen[i] != NULL) {
            munmap(pipes->seen[i], SEEN_BYTES);
        }
    }
    close_fd(&pipes->arrived[0]);
    close_fd(&pipes->arrived[1]);
    if (pipes->reports != NULL) {
        munmap(pipes->reports, PN_BACKTEST_WORKERS_MAX * sizeof *pipes->reports);
    }
}

// --- The processes -------------------------------------------------------------------------------

// In the child: only what is its own stays open, so that an end is seen.
static void close_foreign(struct run *run, unsigned me)
{
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        close_fd(&run->pipes.go_on[i][1]);
        if (i != me) {
            close_fd(&run->pipes.go_on[i][0]);
        }
    }
    close_fd(&run->pipes.arrived[0]);
}

static enum pn_code start(struct run *run, struct pn_err *err)
{
    (void)fflush(NULL);
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)signal(SIGPIPE, SIG_IGN);
            close_foreign(run, i);
            _exit(pn_backtest_work(run->plan, &run->pipes, i) == PN_OK ? 0 : 1);
        }
        if (pid < 0) {
            return system_fault(err);
        }
        run->pids[i] = pid;
        run->running++;
    }
    close_fd(&run->pipes.arrived[1]);
    return PN_OK;
}

static void show(const struct run *run)
{
    static const char *const names[] = {"reading", "sorting", "evaluating"};
    int64_t done = 0, all = 0;
    enum pn_backtest_phase phase = PN_BACKTEST_EVALUATES;
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        phase = run->pipes.reports[i].phase < phase ? run->pipes.reports[i].phase : phase;
    }
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        const struct pn_backtest_report *report = &run->pipes.reports[i];
        done += report->phase == phase ? report->done : report->all;
        all += report->all;
    }
    if (run->plan->progress != NULL) {
        run->plan->progress(run->plan->context, names[phase], done, all);
    }
}

// The others can't go on without one that has failed.
static void look_for_ends(struct run *run)
{
    int status = 0;
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        if (run->pids[i] > 0 && waitpid(run->pids[i], &status, WNOHANG) == run->pids[i]) {
            run->pids[i] = 0;
            run->running--;
            run->has_failed = run->has_failed || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        }
    }
    for (unsigned i = 0; i < run->plan->worker_count && run->has_failed; i++) {
        close_fd(&run->pipes.go_on[i][1]);
    }
}

static void let_go_on(struct run *run)
{
    char byte = 1;
    for (unsigned i = 0; i < run->plan->worker_count && !run->has_failed; i++) {
        (void)!write(run->pipes.go_on[i][1], &byte, 1);
    }
}

static void attend(struct run *run)
{
    unsigned arrived = 0;
    char bytes[PN_BACKTEST_WORKERS_MAX];
    while (run->running > 0) {
        struct pollfd watched = {.fd = run->pipes.arrived[0], .events = POLLIN};
        bool is_closed = false;
        if (poll(&watched, 1, LOOK_MS) > 0) {
            ssize_t got = read(run->pipes.arrived[0], bytes, sizeof bytes);
            is_closed = got == 0;
            arrived += got > 0 ? (unsigned)got : 0;
        }
        if (arrived == run->plan->worker_count) {
            arrived = 0;
            let_go_on(run);
        }
        look_for_ends(run);
        show(run);
        if (is_closed && run->running > 0) {
            usleep(1000); // it has closed its pipe and is about to end
        }
    }
}

static void stop_all(struct run *run)
{
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        if (run->pids[i] > 0) {
            (void)kill(run->pids[i], SIGTERM);
            (void)waitpid(run->pids[i], NULL, 0);
        }
    }
}

// --- Gathering -----------------------------------------------------------------------------------

static bool append_file(int fd, void **rows, size_t *count, size_t row_bytes)
{
    struct stat found;
    if (fstat(fd, &found) != 0) {
        return false;
    }
    size_t more = (size_t)found.st_size / row_bytes;
    void *grown = more == 0 ? *rows : reallocarray(*rows, *count + more, row_bytes);
    if (more > 0 && grown == NULL) {
        return false;
    }
    *rows = grown;
    for (size_t done = 0; done < more * row_bytes;) {
        ssize_t got = pread(fd, (char *)grown + *count * row_bytes + done, more * row_bytes - done,
                            (off_t)done);
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    *count += more;
    return true;
}

static void add_totals(struct pn_backtest_totals *sum, const struct pn_backtest_totals *more)
{
    sum->events += more->events;
    sum->refused += more->refused;
    sum->facts += more->facts;
    sum->clients += more->clients;
    sum->crowded += more->crowded;
    // A partition is read by one process only.
    for (unsigned i = 0; i < PN_BACKTEST_PARTITIONS_MAX; i++) {
        sum->begins[i] += more->begins[i];
        sum->ends[i] += more->ends[i];
    }
    for (unsigned i = 0; i < PN_BACKTEST_DAYS_MAX; i++) {
        sum->days[i] += more->days[i];
    }
    for (unsigned i = 0; i < PN_BACKTEST_VARIANTS_MAX; i++) {
        sum->variant_rule[i] += more->variant_rule[i];
        sum->variant_set[i] += more->variant_set[i];
    }
}

static enum pn_code gather(struct run *run, struct pn_backtest_result *ret_result,
                           struct pn_err *err)
{
    struct pn_backtest_result result = {0};
    bool is_good = true;
    for (unsigned i = 0; i < run->plan->worker_count && is_good; i++) {
        const int *outputs = run->pipes.outputs[i];
        is_good = append_file(outputs[PN_OUTPUT_CLIENTS], (void **)&result.clients,
                              &result.client_count, sizeof *result.clients) &&
                  append_file(outputs[PN_OUTPUT_ARRIVALS], (void **)&result.arrivals,
                              &result.arrival_count, sizeof *result.arrivals) &&
                  append_file(outputs[PN_OUTPUT_UNITS], (void **)&result.units, &result.unit_count,
                              sizeof *result.units);
        add_totals(&result.totals, &run->pipes.reports[i].totals);
    }
    if (!is_good || result.client_count > PN_BACKTEST_CLIENTS_MAX) {
        pn_backtest_result_release(&result);
        return pn_err_set(err, PN_MEMORY, "backtest", "what was found takes too much memory");
    }
    *ret_result = result;
    return PN_OK;
}

static enum pn_code failure(const struct run *run, struct pn_err *err)
{
    const struct pn_err *found = NULL;
    for (unsigned i = 0; i < run->plan->worker_count; i++) {
        const struct pn_err *one = &run->pipes.reports[i].err;
        bool is_cause = one->code != PN_OK && strcmp(one->text, "another process ended") != 0;
        found = is_cause ? one : found;
    }
    if (found == NULL) {
        return pn_err_set(err, PN_INTERNAL, "backtest", "one of its processes died");
    }
    *err = *found;
    return err->code;
}

enum pn_code pn_backtest_run(const struct pn_backtest_plan *plan,
                             struct pn_backtest_result *ret_result, struct pn_err *err)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return pn_err_set(err, PN_MEMORY, "backtest", "no memory");
    }
    run->plan = plan;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    enum pn_code code = make_pipes(run, err);
    code = code == PN_OK ? start(run, err) : code;
    if (code == PN_OK) {
        attend(run);
        code = run->has_failed ? failure(run, err) : gather(run, ret_result, err);
    }
    stop_all(run);
    close_pipes(run);
    (void)signal(SIGPIPE, before);
    free(run);
    return code;
}

void pn_backtest_result_release(struct pn_backtest_result *result)
{
    free(result->clients);
    free(result->arrivals);
    free(result->units);
    *result = (struct pn_backtest_result){0};
}
