// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "run/metrics.h"
#include "services/ingest/poll_source.h"
#include "services/ingest/poll_store.h"
#include "services/ingest/receive.h"

enum {
    PAGE_ARENA_BYTES_MAX = 128 * 1024 * 1024,
    LEASE_MS = 120 * 1000,
    LOOK_AGAIN_MS = 15 * 1000, // whether the lease has become free
    SOON_MS = 1000,            // the hub itself has no room
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 15 * 60 * 1000,
    RETRY_AFTER_MAX_MS = 60 * 60 * 1000,
    FIRST_DAYS = 30 // back from the first start, when the configuration says nothing
};

struct pn_receive_poll {
    char owner[PN_UUID_TEXT_BYTES];
    struct pn_poll_source *sources;
    unsigned count;
};

void pn_poll_later(struct pn_poll_source *source, enum pn_poll_step step, int64_t wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    source->step = step;
    event_base_update_cache_time(source->loop);
    evtimer_add(source->timer, &wait);
}

static struct pn_poll_lease lease_of(const struct pn_poll_source *source)
{
    int64_t now_ms = pn_clock_now_ms();
    return (struct pn_poll_lease){.system = source->system->conf->name,
                                  .owner = source->owner,
                                  .now_ms = now_ms,
                                  .until_ms = now_ms + LEASE_MS};
}

// --- Trouble -------------------------------------------------------------------------------------

static int64_t doubled(int64_t backoff_ms)
{
    int64_t next_ms = backoff_ms == 0 ? BACKOFF_FIRST_MS : backoff_ms * 2;
    return next_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : next_ms;
}

// One line at its start.
static void tell(struct pn_poll_source *source, const struct pn_err *err)
{
    pn_metric_add("punos_poll_failures_total", "system", source->system->conf->name, 1);
    if (!source->is_in_trouble) {
        struct pn_err told = *err;
        (void)pn_err_within(&told, source->system->conf->name);
        pn_log_error("polling is in trouble", &told);
        source->is_in_trouble = true;
    }
}

// The system as a whole: the round ends, and begins again after a while.
void pn_poll_fail_system(struct pn_poll_source *source, const struct pn_err *err, int64_t wait_ms)
{
    tell(source, err);
    source->backoff_ms = doubled(source->backoff_ms);
    wait_ms = wait_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : wait_ms;
    pn_poll_later(source, PN_POLL_ROUND,
                  wait_ms > source->backoff_ms ? wait_ms : source->backoff_ms);
}

static void start_kind(struct pn_poll_source *source);

// This type only: the others go on.
void pn_poll_fail_kind(struct pn_poll_source *source, struct pn_err *err)
{
    struct pn_poll_kind *kind = pn_poll_kind_now(source);
    (void)pn_err_within(err, kind->resource_type);
    tell(source, err);
    source->is_whole = false;
    kind->backoff_ms = doubled(kind->backoff_ms);
    kind->not_before_ms = pn_clock_monotonic_ms() + kind->backoff_ms;
    source->kind_at++;
    start_kind(source);
}

// --- When the page is durable --------------------------------------------------------------------

static void end_kind(struct pn_poll_source *source)
{
    struct pn_poll_kind *kind = pn_poll_kind_now(source);
    kind->backoff_ms = 0;
    kind->page_size =
        kind->page_size < source->poll->page_size ? kind->page_size * 2 : source->poll->page_size;
    kind->page_size =
        kind->page_size > source->poll->page_size ? source->poll->page_size : kind->page_size;
    source->kind_at++;
    start_kind(source);
}

static void page_done(struct pn_poll_source *source)
{
    struct pn_err err = {0};
    enum pn_poll_next next = PN_POLL_END;
    if (source->was_turned_away) { // what was taken is known when it comes again
        pn_poll_walk_start(&source->walk, source->walk.from_ms);
        pn_poll_later(source, PN_POLL_QUESTION, SOON_MS);
        return;
    }
    const char *type = pn_poll_kind_now(source)->resource_type;
    enum pn_code walked =
        pn_poll_walk_page(&source->walk, source->page, type, source->server_ms, &next, &err);
    if (source->walk.proven_ms >= 0) {
        const struct pn_poll_lease lease = lease_of(source);
        struct pn_err store_err = {0};
        if (pn_poll_cursor_move(source->store, &lease, type, source->walk.proven_ms, &store_err) !=
            PN_OK) {
            pn_poll_fail_system(source, &store_err, 0);
            return;
        }
    }
    if (walked != PN_OK) {
        pn_poll_fail_kind(source, &err);
    } else if (next == PN_POLL_ASK) {
        pn_poll_ask(source);
    } else if (next == PN_POLL_FOLLOW) {
        pn_poll_follow(source);
    } else {
        end_kind(source);
    }
}

// --- Rounds --------------------------------------------------------------------------------------

// Read for each round: a new token needs no restart.
static enum pn_code read_token(struct pn_poll_source *source, struct pn_err *err)
{
    const char *path = source->system->conf->poll_token_file;
    struct stat status;
    struct pn_slice text;
    source->authorization[0] = '\0';
    if (path[0] == '\0') {
        return PN_OK;
    }
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & 077) != 0) {
        return pn_err_set(err, PN_INVALID, "poll_token_file",
                          "must be a file that its owner alone can read (mode 0600)");
    }
    enum pn_code code = pn_file_read(source->arena, path, PN_POLL_TOKEN_BYTES_MAX, &text, err);
    if (code != PN_OK) {
        return pn_err_set(err, code, "poll_token_file", "cannot be read");
    }
    text = pn_slice_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return pn_err_set(err, PN_INVALID, "poll_token_file", "holds more than one token");
        }
    }
    (void)snprintf(source->authorization, sizeof source->authorization,
                   "Authorization: Bearer %.*s", PN_SLICE_FMT(text));
    return PN_OK;
}

static void end_round(struct pn_poll_source *source)
{
    const struct pn_poll_lease lease = lease_of(source);
    struct pn_err err = {0};
    source->backoff_ms = 0;
    if (source->is_whole) {
        source->success_ms = source->round_ms;
        if (pn_poll_lease_succeed(source->store, &lease, source->round_ms, &err) != PN_OK) {
            pn_poll_fail_system(source, &err, 0);
            return;
        }
        if (source->is_in_trouble) {
            source->is_in_trouble = false;
            pn_log(PN_LOG_INFO, "polling goes on", PN_TAG("system", source->system->conf->name));
        }
    }
    int64_t spent_ms = pn_clock_now_ms() - source->round_ms;
    int64_t wait_ms = source->every_ms - spent_ms;
    pn_poll_later(source, PN_POLL_ROUND, wait_ms > SOON_MS ? wait_ms : SOON_MS);
}

// From when on, for a type that was never asked for.
static int64_t first_moment(const struct pn_poll_source *source)
{
    int64_t from_ms = 0;
    bool is_said = pn_time_parse(pn_slice_str(source->system->conf->poll_from), &from_ms);
    return is_said ? from_ms : pn_clock_now_ms() - FIRST_DAYS * PN_MS_PER_DAY;
}

// The current type, or the next one that is not being left alone.
static void start_kind(struct pn_poll_source *source)
{
    struct pn_err err = {0};
    int64_t cursor_ms = -1;
    while (source->kind_at < source->poll->resource_count &&
           pn_poll_kind_now(source)->not_before_ms > pn_clock_monotonic_ms()) {
        source->is_whole = false;
        source->kind_at++;
    }
    if (source->kind_at == source->poll->resource_count) {
        end_round(source);
        return;
    }
    if (pn_poll_cursor_read(source->store, source->system->conf->name,
                            pn_poll_kind_now(source)->resource_type, &cursor_ms, &err) != PN_OK) {
        pn_poll_fail_system(source, &err, 0);
        return;
    }
    pn_poll_walk_start(&source->walk, cursor_ms < 0
                                          ? first_moment(source)
                                          : cursor_ms - source->poll->overlap_s * PN_MS_PER_SECOND);
    pn_poll_later(source, PN_POLL_QUESTION, 0); // others have their turn between two types
}

static void start_round(struct pn_poll_source *source)
{
    const struct pn_poll_lease lease = lease_of(source);
    struct pn_err err = {0};
    if (pn_intake_is_away(source->intake)) {
        pn_poll_later(source, PN_POLL_ROUND, SOON_MS);
        return;
    }
    pn_arena_reset(source->arena);
    enum pn_code code =
        pn_poll_lease_take(source->store, &lease, &source->is_ours, &source->success_ms, &err);
    if (code == PN_OK && !source->is_ours) {
        pn_poll_later(source, PN_POLL_ROUND, LOOK_AGAIN_MS);
        return;
    }
    code = code == PN_OK ? read_token(source, &err) : code;
    if (code != PN_OK) {
        pn_poll_fail_system(source, &err, 0);
        return;
    }
    source->round_ms = pn_clock_now_ms();
    source->is_whole = true;
    source->kind_at = 0;
    start_kind(source);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct pn_poll_source *source = context;
    (void)fd;
    (void)what;
    switch (source->step) {
    case PN_POLL_ROUND:
        start_round(source);
        return;
    case PN_POLL_QUESTION:
        pn_poll_ask(source);
        return;
    case PN_POLL_PAGE_DONE:
        page_done(source);
        return;
    }
}

void pn_receive_poll_report(struct pn_receive_poll *receive, int64_t now_ms)
{
    for (unsigned i = 0; receive != NULL && i < receive->count; i++) {
        struct pn_poll_source *source = &receive->sources[i];
        const char *name = source->system->conf->name;
        int64_t known_ms = source->success_ms > 0 ? source->success_ms : source->start_ms;
        pn_metric_set("punos_poll_is_ours", "system", name, source->is_ours);
        pn_metric_set("punos_poll_last_success_seconds", "system", name,
                      source->success_ms / PN_MS_PER_SECOND);
        pn_metric_set("punos_poll_behind_seconds", "system", name,
                      (now_ms - known_ms) / PN_MS_PER_SECOND);
        pn_metric_set("punos_poll_in_trouble", "system", name, source->is_in_trouble);
        pn_metric_add("punos_poll_pages_total", "system", name, source->page_count);
        pn_metric_add("punos_poll_resources_total", "system", name, source->match_count);
        source->page_count = 0;
        source->match_count = 0;
    }
}

// --- Opening and closing -------------------------------------------------------------------------

static bool is_loopback(const char *url)
{
    static const char *const starts[] = {"http://127.", "http://localhost:", "http://localhost/",
                                         "http://[::1]"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(starts); i++) {
        if (pn_slice_starts_with(pn_slice_str(url), starts[i])) {
            return true;
        }
    }
    return false;
}

static enum pn_code check_base(struct pn_poll_source *source, struct pn_err *err)
{
    const struct pn_system_conf *conf = source->system->conf;
    struct pn_slice url = pn_slice_str(conf->poll);
    int64_t from_ms = 0;
    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    bool is_https = pn_slice_starts_with(url, "https://");
    if ((!is_https && !pn_slice_starts_with(url, "http://")) || url.len >= PN_POLL_BASE_BYTES_MAX ||
        strpbrk(conf->poll, "?#@ \r\n") != NULL) {
        return pn_err_set(err, PN_INVALID, "poll", "must be the FHIR server's base URL");
    }
    if (conf->poll_token_file[0] != '\0' && !is_https && !is_loopback(conf->poll)) {
        return pn_err_set(err, PN_INVALID, "poll", "a token goes over https only");
    }
    if (conf->poll_from[0] != '\0' && !pn_time_parse(pn_slice_str(conf->poll_from), &from_ms)) {
        return pn_err_set(err, PN_INVALID, "poll_from", "must be a date, as 2026-01-01");
    }
    (void)snprintf(source->base, sizeof source->base, "%.*s", PN_SLICE_FMT(url));
    return PN_OK;
}

static enum pn_code open_source(struct pn_receive_poll *receive,
                                const struct pn_receive_parts *parts,
                                struct pn_ingest_system *system, struct pn_err *err)
{
    struct pn_poll_source *source = &receive->sources[receive->count];
    source->intake = parts->intake;
    source->store = parts->store;
    source->loop = parts->base;
    source->owner = receive->owner;
    source->system = system;
    source->poll = &system->info->poll;
    enum pn_code code = check_base(source, err);
    if (code != PN_OK) {
        (void)pn_err_within(err, system->conf->name);
        return code;
    }
    receive->count++;
    source->every_ms =
        (system->conf->poll_every_s > 0 ? system->conf->poll_every_s : source->poll->every_s) *
        PN_MS_PER_SECOND;
    source->start_ms = pn_clock_now_ms();
    for (unsigned i = 0; i < source->poll->resource_count; i++) {
        source->kinds[i] = (struct pn_poll_kind){.resource_type = source->poll->resources[i],
                                                 .page_size = source->poll->page_size};
    }
    pn_buf_init(&source->url, PN_POLL_URL_BYTES_MAX);
    source->arena = pn_arena_new(PAGE_ARENA_BYTES_MAX);
    source->timer = evtimer_new(source->loop, on_timer, source);
    if (source->arena == NULL || source->timer == NULL) {
        return pn_err_set(err, PN_MEMORY, "poll", "the heap is exhausted");
    }
    code = pn_http_client_open(source->loop, &source->client, err);
    if (code != PN_OK) {
        return code;
    }
    pn_http_client_use_tls(source->client, &system->conf->tls);
    pn_log(PN_LOG_INFO, "polling", PN_TAG("system", system->conf->name));
    pn_poll_later(source, PN_POLL_ROUND, 0);
    return PN_OK;
}

static bool polls(const struct pn_ingest_system *system)
{
    return system->conf->poll[0] != '\0' && pn_ingest_system_takes(system, PN_TRANSPORT_POLL);
}

enum pn_code pn_receive_poll_open(const struct pn_receive_parts *parts,
                                  struct pn_receive_poll **ret_receive, struct pn_err *err)
{
    unsigned count = 0;
    for (unsigned i = 0; i < parts->systems->count; i++) {
        count += polls(&parts->systems->items[i]);
    }
    *ret_receive = NULL;
    if (count == 0) {
        return PN_OK;
    }
    struct pn_receive_poll *receive = calloc(1, sizeof *receive);
    struct pn_poll_source *sources = calloc(count, sizeof *sources);
    if (receive == NULL || sources == NULL) {
        free(receive);
        free(sources);
        return pn_err_set(err, PN_MEMORY, "poll", "the heap is exhausted");
    }
    receive->sources = sources;
    pn_uuid4(receive->owner);
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < parts->systems->count; i++) {
        if (polls(&parts->systems->items[i])) {
            code = open_source(receive, parts, &parts->systems->items[i], err);
        }
    }
    if (code != PN_OK) {
        pn_receive_poll_close(receive);
        return code;
    }
    *ret_receive = receive;
    return PN_OK;
}

static void close_source(struct pn_poll_source *source)
{
    const struct pn_poll_lease lease = lease_of(source);
    struct pn_err ignored = {0};
    pn_http_client_close(source->client);
    if (source->is_ours) { // otherwise another process waits until it ends by itself
        (void)!(pn_poll_lease_release(source->store, &lease, &ignored) == PN_OK);
    }
    if (source->timer != NULL) {
        event_free(source->timer);
    }
    pn_buf_release(&source->url);
    pn_arena_free(source->arena);
}

void pn_receive_poll_close(struct pn_receive_poll *receive)
{
    if (receive == NULL) {
        return;
    }
    for (unsigned i = 0; i < receive->count; i++) {
        close_source(&receive->sources[i]);
    }
    free(receive->sources);
    free(receive);
}
