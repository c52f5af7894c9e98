// SPDX-License-Identifier: Apache-2.0
/*
 * What the tests of the identify engine share: an engine on a store of its own, and events for it.
 */
#ifndef TEST_IDENTIFY_ENGINE_BENCH_H
#define TEST_IDENTIFY_ENGINE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ids.h"
#include "fhir/fhir.h"
#include "services/identify/engine.h"
#include "services/identify/identify_store.h"
#include "services/identify/worklist/identify_write.h"
#include "services/identify/worklist/worklist_read.h"

#define CLIENT_A "a0000000000000000000000000000001"
#define CLIENT_B "b0000000000000000000000000000002"
#define DAY PN_MS_PER_DAY

enum { TOLD_MAX = 4096, TEXT_BYTES = 1024 };

struct bench {
    char folder[64];
    struct pn_config config;
    struct pn_store *store;
    struct pn_arena *arena, *boot;
    struct pn_ruleset *rules;
    struct pn_engine *engine;
    struct pn_worklist *worklist;
    struct pn_teams *teams;
    char told[TOLD_MAX][64]; // "raised visits"
    unsigned told_count;
    char flags[TEXT_BYTES]; // "raised changed lapsed " of all clients
    char flag[TEXT_BYTES];  // the last one told
    unsigned events;
};

static struct pn_err err;

static inline int64_t at(int year, int month, int day)
{
    return pn_days_from_civil(year, month, day) * DAY;
}

static inline bool note_flag(struct bench *bench, const struct pn_event *event)
{
    if (!pn_slice_starts_with(event->type, "fi.punos.flag.")) {
        return false;
    }
    struct pn_slice rest = pn_slice_of(event->type.ptr + 14, event->type.len - 14);
    const struct pn_slice happening = pn_slice_split(rest, '.', &rest);
    const size_t used = strlen(bench->flags);
    (void)snprintf(bench->flags + used, sizeof bench->flags - used, "%.*s ",
                   PN_SLICE_FMT(happening));
    (void)snprintf(bench->flag, sizeof bench->flag, "%.*s", PN_SLICE_FMT(event->data));
    return true;
}

// Every event told is a valid DetectedIssue or Flag.
static inline enum pn_code note(void *context, const struct pn_event *event, struct pn_err *unused)
{
    (void)unused;
    struct bench *bench = context;
    cJSON *issue = NULL;
    static struct pn_fhir_report report;
    pn_json_use_arena(NULL);
    assert_int_equal(pn_json_parse(event->data, &issue, &err), PN_OK);
    if (!pn_fhir_validate(issue, &report)) {
        fail_msg("%s: %s", report.issues[0].expression, report.issues[0].diagnostics);
    }
    assert_non_null(pn_event_type_find(event->type));
    assert_int_equal(event->id.len, 36);
    assert_int_equal(event->subject.len, 32);
    if (note_flag(bench, event)) {
        cJSON_Delete(issue);
        return PN_OK;
    }
    struct pn_slice rule = pn_fhir_get(issue, "code.coding[0].code");
    struct pn_slice rest = pn_slice_of(event->type.ptr + 17, event->type.len - 17);
    struct pn_slice happening = pn_slice_split(rest, '.', &rest);
    assert_true(bench->told_count < TOLD_MAX);
    (void)snprintf(bench->told[bench->told_count++], 64, "%.*s %.*s", PN_SLICE_FMT(happening),
                   PN_SLICE_FMT(rule));
    cJSON_Delete(issue);
    return PN_OK;
}

// PN_TEST_STORE=postgres with PN_TEST_CONNINFO runs the same over PostgreSQL.
static inline void choose_store(struct pn_config *config)
{
    const char *kind = getenv("PN_TEST_STORE");
    if (kind != NULL && strcmp(kind, "postgres") == 0) {
        config->store.kind = PN_STORE_POSTGRES;
        config->store.conninfo = getenv("PN_TEST_CONNINFO");
        assert_int_equal(system("psql -qc 'SET client_min_messages = error' -c 'DROP SCHEMA IF "
                                "EXISTS " PN_IDENTIFY_STORE " CASCADE'"),
                         0);
    }
}

static inline void bench_engine(struct bench *bench)
{
    const struct pn_engine_options engine = {.store = bench->store,
                                             .rules = bench->rules,
                                             .teams = bench->teams,
                                             .emit = note,
                                             .context = bench};
    assert_int_equal(pn_teams_read(bench->boot, bench->config.teams_file, bench->teams, &err),
                     PN_OK);
    assert_int_equal(pn_engine_open(&engine, &bench->engine, &err), PN_OK);
}

// As after a restart with this file of teams.
static inline void bench_teams(struct bench *bench, const char *text)
{
    static char path[96];
    (void)snprintf(path, sizeof path, "%s/teams.yaml", bench->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    bench->config.teams_file = path;
    pn_engine_close(bench->engine);
    bench_engine(bench);
}

static inline struct bench *bench_new(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/punos-identify-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    pn_config_defaults(&bench->config);
    bench->config.data_dir = bench->folder;
    choose_store(&bench->config);
    bench->config.rules_file = "tests/unit/identify/plain.yaml";
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    bench->boot = pn_arena_new(16 * 1024 * 1024);
    bench->rules = pn_arena_alloc(bench->boot, sizeof *bench->rules);
    assert_int_equal(pn_rules_read(bench->boot, bench->config.rules_file, bench->rules, &err),
                     PN_OK);
    const struct pn_store_options store = {.name = PN_IDENTIFY_STORE,
                                           .migrations = pn_identify_migrations,
                                           .migration_count = pn_identify_migration_count};
    assert_int_equal(pn_store_open(&bench->config, &store, &bench->store, &err), PN_OK);
    bench->teams = pn_arena_alloc(bench->boot, sizeof *bench->teams);
    bench->config.teams_file = "config/teams.yaml";
    bench_engine(bench);
    assert_int_equal(pn_worklist_open(&bench->config, &bench->worklist, &err), PN_OK);
    return bench;
}

static inline void bench_free(struct bench *bench)
{
    pn_worklist_close(bench->worklist);
    pn_engine_close(bench->engine);
    pn_store_close(bench->store);
    pn_arena_free(bench->arena);
    pn_arena_free(bench->boot);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench);
}

static inline int open_bench(void **state)
{
    pn_clock_set_for_test(at(2026, 6, 1));
    *state = bench_new();
    return 0;
}

static inline int close_bench(void **state)
{
    bench_free(*state);
    pn_clock_set_for_test(0);
    return 0;
}

// --- Events --------------------------------------------------------------------------------------

struct spec {
    const char *happening; // "visit.finished"
    const char *subject;
    unsigned number; // of the resource
    int64_t start_ms, recorded_ms;
    const char *status;
    const char *encounter_class;
    unsigned profession;
    const char *unit; // NULL: none
};

struct made {
    char id[PN_UUID_TEXT_BYTES], type[64], data[TEXT_BYTES];
    struct pn_event event;
};

static inline void make(struct made *made, unsigned place, const struct spec *spec)
{
    char start[PN_TIME_TEXT_BYTES], number[16], place_text[16];
    pn_time_format(spec->start_ms, start);
    (void)snprintf(number, sizeof number, "%u", spec->number);
    (void)snprintf(place_text, sizeof place_text, "%u", place);
    const struct pn_slice resource = pn_slice_str(number), event = pn_slice_str(place_text);
    char resource_id[PN_UUID_TEXT_BYTES];
    pn_uuid5("resource", &resource, 1, resource_id);
    pn_uuid5("event", &event, 1, made->id);
    (void)snprintf(made->type, sizeof made->type, "fi.punos.%s.v1", spec->happening);
    const char *type = strncmp(spec->happening, "appoint", 7) == 0   ? "Appointment"
                       : strncmp(spec->happening, "concern", 7) == 0 ? "Flag"
                                                                     : "Encounter";
    (void)snprintf(made->data, sizeof made->data,
                   "{\"resourceType\":\"%s\",\"id\":\"%s\",\"status\":\"%s\",\"class\":{\"code\":"
                   "\"%s\"},\"serviceProvider\":{\"display\":\"%s\"},\"participant\":[{\"type\":[{"
                   "\"coding\":[{\"system\":\"urn:oid:"
                   "1.2.246.537.6.74\",\"code\":\"p%u\"}]}]}],\"period\":{\"start\":\"%s\"}}",
                   type, resource_id, spec->status, spec->encounter_class,
                   spec->unit == NULL ? "" : spec->unit, spec->profession, start);
    made->event = (struct pn_event){.id = pn_slice_str(made->id),
                                    .source = pn_slice_str("/adapter/lifecare/unit"),
                                    .type = pn_slice_str(made->type),
                                    .subject = pn_slice_str(spec->subject),
                                    .sector = pn_slice_str("primary"),
                                    .time_ms = spec->start_ms,
                                    .recorded_ms = spec->recorded_ms,
                                    .data = pn_slice_str(made->data)};
}

static inline void take_batch(struct bench *bench, const struct made *made, unsigned count)
{
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    for (unsigned i = 0; i < count; i++) {
        pn_arena_reset(bench->arena);
        assert_int_equal(pn_engine_take(bench->engine, bench->arena, &made[i].event, &err), PN_OK);
    }
    assert_int_equal(pn_engine_batch_end(bench->engine, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    pn_engine_committed(bench->engine);
}

static inline void put(struct bench *bench, struct spec spec)
{
    static struct made made;
    spec.status = spec.status == NULL ? "finished" : spec.status;
    spec.encounter_class = spec.encounter_class == NULL ? "AMB" : spec.encounter_class;
    make(&made, ++bench->events, &spec);
    take_batch(bench, &made, 1);
}

static inline void put_noshow(struct bench *bench, const char *subject, unsigned number)
{
    put(bench, (struct spec){.happening = "appointment.noshow",
                             .subject = subject,
                             .number = number,
                             .start_ms = at(2026, 1, (int)number),
                             .recorded_ms = at(2026, 1, (int)number),
                             .status = "noshow"});
}

static inline void tell(struct bench *bench, const char *happening, const char *patient)
{
    static struct made made;
    const char *id = strstr(patient, "\"id\":\"") + 6;
    char place[16];
    (void)snprintf(place, sizeof place, "%u", ++bench->events);
    const struct pn_slice part = pn_slice_str(place);
    pn_uuid5("event", &part, 1, made.id);
    (void)snprintf(made.type, sizeof made.type, "fi.punos.client.%s.v1", happening);
    made.event = (struct pn_event){.id = pn_slice_str(made.id),
                                   .source = pn_slice_str("/adapter/lifecare/unit"),
                                   .type = pn_slice_str(made.type),
                                   .subject = pn_slice_of(id, 32),
                                   .recorded_ms = 1000 + bench->events,
                                   .data = pn_slice_str(patient)};
    take_batch(bench, &made, 1);
}

static inline void tick(struct bench *bench, int64_t now_ms)
{
    pn_clock_set_for_test(now_ms);
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_engine_tick(bench->engine, now_ms, &err), PN_OK);
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    pn_engine_committed(bench->engine);
}

static inline struct pn_case case_of(struct bench *bench, const char *client)
{
    struct pn_case found;
    pn_arena_reset(bench->arena);
    assert_int_equal(
        pn_worklist_case(bench->worklist, bench->arena, pn_slice_str(client), &found, &err), PN_OK);
    return found;
}

static inline const char *last_told(const struct bench *bench)
{
    return bench->told_count == 0 ? "" : bench->told[bench->told_count - 1];
}

// --- What people do, and common events
// ------------------------------------------------------------

static inline enum pn_code try_change(struct bench *bench, const struct pn_case_change *change)
{
    struct pn_identify_writer *writer = NULL;
    int64_t version = 0;
    assert_int_equal(pn_identify_writer_open(&bench->config, &writer, &err), PN_OK);
    enum pn_code code = pn_worklist_set_state(writer, change, &version, &err);
    pn_identify_writer_close(writer);
    return code;
}

static inline void set_state(struct bench *bench, const char *client, enum pn_case_state state,
                             const char *reason)
{
    const struct pn_case_change change = {.client = pn_slice_str(client),
                                          .state = state,
                                          .expected_version = -1,
                                          .set_by = pn_slice_str("coordinator-1"),
                                          .reason = pn_slice_str(reason)};
    assert_int_equal(try_change(bench, &change), PN_OK);
}

static inline void put_visits_of(struct bench *bench, const char *client, unsigned from,
                                 const char *unit)
{
    for (unsigned i = from; i < from + 3; i++) {
        put(bench, (struct spec){.happening = "appointment.noshow",
                                 .subject = client,
                                 .number = i,
                                 .start_ms = at(2026, 1, (int)(i % 27) + 1),
                                 .recorded_ms = at(2026, 1, (int)(i % 27) + 1),
                                 .status = "noshow",
                                 .unit = unit});
    }
}

// Ten in the emergency room: another rule.
static inline void put_emergencies(struct bench *bench, const char *client, unsigned from)
{
    for (unsigned i = from; i < from + 10; i++) {
        put(bench, (struct spec){.happening = "visit.finished",
                                 .subject = client,
                                 .number = i,
                                 .start_ms = at(2026, 3, (int)(i - from) + 1),
                                 .recorded_ms = at(2026, 3, (int)(i - from) + 1),
                                 .encounter_class = "EMER"});
    }
}

#endif
