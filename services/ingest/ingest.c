// SPDX-License-Identifier: Apache-2.0
/*
 * The service `ingest`: receives what the records systems send and publishes it as events.
 */
#include <stdlib.h>

#include "base/log.h"
#include "run/command.h"
#include "run/run.h"
#include "run/tls.h"
#include "services/ingest/quarantine.h"
#include "services/ingest/receive.h"

enum { BOOT_BYTES_MAX = 256 * 1024 * 1024, TICK_MS = 1000, PRUNE_MS = 60 * 1000 };

struct ingest {
    struct pn_run *run;
    struct pn_arena *boot;
    struct pn_ingest_systems systems;
    struct pn_tokens *tokens;
    struct pn_feeds *feeds;
    struct pn_intake *intake;
    struct pn_receive_mllp *mllp;
    struct pn_receive_http *http;
    struct pn_receive_drop *drop;
    struct pn_receive_poll *poll;
    int64_t prune_ms; // when the stream is to be pruned next
};

static void stop(void *state)
{
    struct ingest *ingest = state;
    if (ingest == NULL) {
        return;
    }
    // The intake first: whoever still waits is told before the connections close.
    pn_intake_free(ingest->intake);
    pn_receive_mllp_close(ingest->mllp);
    pn_receive_http_close(ingest->http);
    pn_receive_drop_close(ingest->drop);
    pn_receive_poll_close(ingest->poll);
    pn_tokens_close(ingest->tokens);
    pn_feeds_close(ingest->feeds);
    pn_arena_free(ingest->boot);
    free(ingest);
}

static enum pn_code open_receivers(struct ingest *ingest, struct pn_err *err)
{
    const struct pn_receive_parts parts = {
        .base = pn_run_base(ingest->run),
        .config = pn_run_config(ingest->run),
        .systems = &ingest->systems,
        .intake = ingest->intake,
        .tokens = ingest->tokens,
        .store = pn_run_store(ingest->run),
    };
    pn_run_warn_of_listeners(parts.config, "ingest.");
    pn_run_warn_of_listeners(parts.config, "systems");
    enum pn_code code = pn_receive_mllp_open(&parts, &ingest->mllp, err);
    code = code == PN_OK ? pn_receive_http_open(&parts, &ingest->http, err) : code;
    code = code == PN_OK ? pn_receive_drop_open(&parts, &ingest->drop, err) : code;
    return code == PN_OK ? pn_receive_poll_open(&parts, &ingest->poll, err) : code;
}

static enum pn_code open_all(struct ingest *ingest, struct pn_err *err)
{
    struct pn_run *run = ingest->run;
    const struct pn_config *config = pn_run_config(run);
    struct pn_intake_parts parts = {
        .base = pn_run_base(run),
        .stream = pn_run_stream(run),
        .store = pn_run_store(run),
        .privacy = pn_run_privacy(run),
    };
    ingest->boot = pn_arena_new(BOOT_BYTES_MAX);
    if (ingest->boot == NULL) {
        return pn_err_set(err, PN_MEMORY, "ingest", "the heap is exhausted");
    }
    enum pn_code code = pn_ingest_systems_load(ingest->boot, config, &ingest->systems, err);
    if (code == PN_OK) {
        code = pn_tokens_open(config->data_dir, parts.privacy, &ingest->tokens, NULL, err);
    }
    code = code == PN_OK ? pn_feeds_open(parts.store, config, &ingest->systems, &ingest->feeds, err)
                         : code;
    parts.feeds = ingest->feeds;
    code = code == PN_OK ? pn_intake_new(&parts, &ingest->intake, err) : code;
    return code == PN_OK ? open_receivers(ingest, err) : code;
}

static enum pn_code start(struct pn_run *run, void **ret_state, struct pn_err *err)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (ingest == NULL) {
        return pn_err_set(err, PN_MEMORY, "ingest", "the heap is exhausted");
    }
    ingest->run = run;
    enum pn_code code = open_all(ingest, err);
    if (code != PN_OK) {
        stop(ingest);
        return code;
    }
    *ret_state = ingest;
    return PN_OK;
}

// --- Figures -------------------------------------------------------------------------------------

static void report(struct pn_ingest_system *system)
{
    const char *name = system->conf->name;
    struct pn_ingest_counts *counts = &system->counts;
    const struct {
        const char *metric;
        int64_t *count;
    } rows[] = {
        {"punos_ingest_accepted_total", &counts->accepted},
        {"punos_ingest_ignored_total", &counts->ignored},
        {"punos_ingest_repeated_total", &counts->repeated},
        {"punos_ingest_refused_total", &counts->refused},
        {"punos_ingest_turned_away_total", &counts->turned_away},
        {"punos_ingest_events_total", &counts->events},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        if (*rows[i].count > 0) {
            pn_metric_add(rows[i].metric, "system", name, *rows[i].count);
            *rows[i].count = 0;
        }
    }
    if (system->last_message_ms > 0) {
        pn_metric_set("punos_ingest_last_message_seconds", "system", name,
                      system->last_message_ms / 1000);
    }
}

// The embedded stream has no broker that ages it, so the process that fills it does: some thousands
// of records a tick while there are more, else once a minute.
static void prune_stream(struct ingest *ingest, int64_t now_ms)
{
    const struct pn_config *config = pn_run_config(ingest->run);
    if (config->stream.kind != PN_STREAM_EMBEDDED || config->stream.retention_days == 0 ||
        now_ms < ingest->prune_ms) {
        return;
    }
    struct pn_err err = {0};
    bool more = false;
    if (pn_stream_prune(pn_run_stream(ingest->run), &more, &err) != PN_OK) {
        pn_log_error("the stream could not be pruned", &err);
        more = false;
    }
    ingest->prune_ms = more ? now_ms : now_ms + PRUNE_MS;
}

static enum pn_verdict tick(void *state, int64_t now_ms, struct pn_err *err)
{
    struct ingest *ingest = state;
    prune_stream(ingest, now_ms);
    for (unsigned i = 0; i < ingest->systems.count; i++) {
        report(&ingest->systems.items[i]);
    }
    pn_receive_poll_report(ingest->poll, now_ms);
    pn_metric_set("punos_ingest_waiting", "kind", "message",
                  (int64_t)pn_intake_waiting_count(ingest->intake));
    struct pn_err ignored = {0};
    if (pn_tokens_refresh(ingest->tokens, &ignored) != PN_OK) {
        pn_log_error("the tokens could not be read again", &ignored);
    }
    pn_feeds_report(ingest->feeds, now_ms);
    enum pn_code code = pn_feeds_tick(ingest->feeds, now_ms, err);
    code = code == PN_OK ? pn_intake_save(ingest->intake, err) : code;
    return code == PN_OK ? PN_DONE : PN_RETRY;
}

static void committed(void *state)
{
    struct ingest *ingest = state;
    pn_intake_saved(ingest->intake);
    pn_feeds_committed(ingest->feeds);
}

// Nothing is consumed here.
static enum pn_verdict handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    (void)state;
    (void)record;
    (void)err;
    return PN_DONE;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)arguments;
    const struct pn_service service = {
        .name = "ingest",
        .migrations = pn_ingest_migrations,
        .migration_count = pn_ingest_migration_count,
        .start = start,
        .handle = handle,
        .tick = tick,
        .tick_ms = TICK_MS,
        .committed = committed,
        .stop = stop,
    };
    return pn_run_service(&service, config);
}

const struct pn_command pn_command_ingest = {
    .name = "ingest",
    .operands = "",
    .summary = "receives what the records systems send and publishes it as events",
    .description =
        "Listens for HL7 v2 over MLLP, for FHIR resources and documents over HTTP and for files "
        "in\n"
        "watched folders, and asks FHIR servers for what has changed, as the configuration's "
        "systems\n"
        "say. Each message is decoded by its\n"
        "system's adapter and acknowledged only after its events are durable on the stream. What\n"
        "cannot be understood is refused with the reason and lies in quarantine: see\n"
        "`punos quarantine list` and `punos replay`.",
    .run = run,
};
