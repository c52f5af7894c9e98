// SPDX-License-Identifier: Apache-2.0
/*
 * What the tests of the timeline share: a store of its own, and events for it.
 */
#ifndef TEST_TIMELINE_BENCH_H
#define TEST_TIMELINE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/config.h"
#include "fhir/json.h"
#include "services/timeline/timeline_read.h"
#include "services/timeline/timeline_store.h"

// Made-up client keys.
#define OFFICIAL_A "a0000000000000000000000000000001"
#define OFFICIAL_B "b0000000000000000000000000000002"
#define LOCAL "c0000000000000000000000000000003"
#define TEMPORARY "d0000000000000000000000000000004"
#define DAY PN_MS_PER_DAY

struct bench {
    char folder[64];
    struct pn_config config;
    struct pn_privacy *privacy;
    struct pn_store *store;
    struct pn_timeline_writer *writer;
    struct pn_timeline *reader;
    struct pn_arena *arena;
    unsigned events;
};

static struct pn_err err;

// PN_TEST_STORE=postgres with PN_TEST_CONNINFO runs the same over PostgreSQL.
static inline void choose_store(struct pn_config *config)
{
    const char *kind = getenv("PN_TEST_STORE");
    if (kind != NULL && strcmp(kind, "postgres") == 0) {
        config->store.kind = PN_STORE_POSTGRES;
        config->store.conninfo = getenv("PN_TEST_CONNINFO");
        assert_int_equal(system("psql -qc 'SET client_min_messages = error' -c 'DROP SCHEMA IF "
                                "EXISTS " PN_TIMELINE_STORE " CASCADE'"),
                         0);
    }
}

static inline void open_stores(struct bench *bench)
{
    const struct pn_store_options options = {.name = PN_TIMELINE_STORE,
                                             .migrations = pn_timeline_migrations,
                                             .migration_count = pn_timeline_migration_count};
    assert_int_equal(pn_store_open(&bench->config, &options, &bench->store, &err), PN_OK);
    assert_int_equal(pn_timeline_writer_open(bench->store, &bench->writer, &err), PN_OK);
    assert_int_equal(pn_timeline_open(&bench->config, &bench->reader, &err), PN_OK);
}

static inline void close_stores(struct bench *bench)
{
    pn_timeline_close(bench->reader);
    pn_timeline_writer_close(bench->writer);
    pn_store_close(bench->store);
}

static inline int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/punos-timeline-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    pn_config_defaults(&bench->config);
    bench->config.data_dir = bench->folder;
    choose_store(&bench->config);
    assert_int_equal(pn_privacy_open(bench->folder, &bench->privacy, &err), PN_OK);
    open_stores(bench);
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    *state = bench;
    return 0;
}

static inline int close_bench(void **state)
{
    struct bench *bench = *state;
    pn_json_use_arena(NULL);
    close_stores(bench);
    pn_privacy_close(bench->privacy);
    pn_arena_free(bench->arena);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", bench->folder);
    int status = system(command);
    free(bench);
    return status;
}

// --- Events --------------------------------------------------------------------------------------

struct spec {
    const char *type, *subject, *id, *status;
    int64_t start_ms, recorded_ms;
    const char *extra; // more members
    const char *resource;
    const char *sector;
};

static inline enum pn_code take(struct bench *bench, const struct pn_event *event)
{
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    enum pn_code code = pn_timeline_take(bench->writer, bench->arena, event, &err);
    if (code == PN_OK) {
        code = pn_timeline_batch_end(bench->writer, &err);
    }
    if (code == PN_OK) {
        assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
        pn_timeline_committed(bench->writer);
    } else {
        pn_store_rollback(bench->store);
        pn_timeline_forget(bench->writer);
    }
    return code;
}

static inline void put(struct bench *bench, struct spec spec)
{
    char data[2048], start[PN_TIME_TEXT_BYTES], id[64];
    pn_time_format(spec.start_ms, start);
    (void)snprintf(id, sizeof id, "event-%u", ++bench->events);
    (void)snprintf(data, sizeof data,
                   "{\"resourceType\":\"%s\",\"id\":\"%s\",\"status\":\"%s\",\"subject\":"
                   "{\"reference\":\"Patient/%s\"},\"period\":{\"start\":\"%s\"}%s}",
                   spec.resource == NULL ? "Encounter" : spec.resource, spec.id, spec.status,
                   spec.subject, start, spec.extra == NULL ? "" : spec.extra);
    const struct pn_event event = {
        .id = pn_slice_str(id),
        .source = pn_slice_str("/adapter/oberon/ward"),
        .type = pn_slice_str(spec.type),
        .subject = pn_slice_str(spec.subject),
        .sector = pn_slice_str(spec.sector == NULL ? "specialist" : spec.sector),
        .time_ms = spec.start_ms,
        .recorded_ms = spec.recorded_ms,
        .data = pn_slice_str(data),
    };
    assert_int_equal(take(bench, &event), PN_OK);
}

static inline void put_visit(struct bench *bench, const char *subject, const char *id, int64_t day)
{
    put(bench, (struct spec){.type = "fi.punos.visit.finished.v1",
                             .subject = subject,
                             .id = id,
                             .status = "finished",
                             .start_ms = day * DAY,
                             .recorded_ms = day * DAY + 1});
}

static inline struct pn_entry entry_of(struct bench *bench, const char *id)
{
    struct pn_entry entry;
    assert_int_equal(
        pn_timeline_entry(bench->reader, bench->arena, "Encounter", pn_slice_str(id), &entry, &err),
        PN_OK);
    return entry;
}

#endif
