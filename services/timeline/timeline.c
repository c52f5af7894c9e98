// SPDX-License-Identifier: Apache-2.0
/*
 * Station 5, timeline: one consolidated timeline per client, and who is who.
 */
#include "services/timeline/timeline.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/timeline/timeline_store.h"

enum { TICK_MS = 60 * 1000, REPAIR_BACK_MS = 10 * 60 * 1000 };

struct timeline {
    struct pn_run *run;
    struct pn_timeline_writer *writer;
};

static void stop(void *state)
{
    struct timeline *timeline = state;
    if (timeline != NULL) {
        pn_timeline_writer_close(timeline->writer);
        free(timeline);
    }
}

static enum pn_code start(struct pn_run *run, void **ret_state, struct pn_err *err)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    if (timeline == NULL) {
        return pn_err_set(err, PN_MEMORY, "timeline", "no memory");
    }
    timeline->run = run;
    enum pn_code code = pn_timeline_writer_open(pn_run_store(run), &timeline->writer, err);
    if (code != PN_OK) {
        stop(timeline);
        return code;
    }
    *ret_state = timeline;
    return PN_OK;
}

// What can't be understood goes to quarantine; whatever else is wrong may pass, or needs a person.
static enum pn_verdict verdict_of(enum pn_code code)
{
    if (code == PN_OK) {
        return PN_DONE;
    }
    if (code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_LIMIT) {
        return PN_REJECT;
    }
    return pn_code_is_retriable(code) || code == PN_CONFLICT ? PN_RETRY : PN_STOP;
}

static enum pn_verdict handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    struct timeline *timeline = state;
    struct pn_slice type = record->event.type;
    if (pn_slice_is(type, PN_EVENT_FEED_SILENT) || pn_slice_is(type, PN_EVENT_FEED_RESUMED)) {
        return verdict_of(pn_timeline_take_feed(timeline->writer, &record->event, err));
    }
    // The rest of that topic are messages that nobody could understand.
    if (pn_slice_starts_with(type, "fi.punos.message.")) {
        return PN_DONE;
    }
    enum pn_code code =
        pn_timeline_take(timeline->writer, pn_run_arena(timeline->run), &record->event, err);
    return verdict_of(code);
}

static enum pn_verdict batch_end(void *state, struct pn_err *err)
{
    struct timeline *timeline = state;
    return verdict_of(pn_timeline_batch_end(timeline->writer, err));
}

static enum pn_verdict tick(void *state, int64_t now_ms, struct pn_err *err)
{
    struct timeline *timeline = state;
    enum pn_code code = pn_timeline_repair(timeline->writer, now_ms - REPAIR_BACK_MS, err);
    return verdict_of(code);
}

static void committed(void *state)
{
    struct timeline *timeline = state;
    pn_timeline_committed(timeline->writer);
}

static void rolled_back(void *state)
{
    struct timeline *timeline = state;
    pn_timeline_forget(timeline->writer);
}

const struct pn_service *pn_service_timeline(void)
{
    static const char *const topics[] = {PN_TOPIC_EVENT, PN_TOPIC_QUARANTINE};
    static struct pn_service service = {
        .name = PN_TIMELINE_STORE,
        .topics = topics,
        .topic_count = PN_ARRAY_COUNT(topics),
        .migrations = pn_timeline_migrations,
        .start = start,
        .handle = handle,
        .batch_end = batch_end,
        .tick = tick,
        .tick_ms = TICK_MS,
        .committed = committed,
        .rolled_back = rolled_back,
        .stop = stop,
    };
    service.migration_count = pn_timeline_migration_count;
    return &service;
}

PN_SERVICE_COMMAND(
    timeline, pn_service_timeline(), "one consolidated timeline per client, and who is who",
    "Reads the event topic and keeps the timeline, the client index and the vault of "
    "identities in its own store. Run as many as there are partitions; one is enough "
    "on one machine.")
