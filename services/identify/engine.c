// SPDX-License-Identifier: Apache-2.0
#include "services/identify/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "privacy/client_index.h"
#include "run/metrics.h"
#include "services/identify/due.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/people.h"
#include "services/identify/rules_seen.h"
#include "services/identify/triggers/sources.h"
#include "services/identify/verdicts.h"
#include "services/identify/worklist/units.h"

enum {
    ARENA_BYTES_MAX = 512 * 1024 * 1024,
    TABLE_ROWS = 8192,                  // clients of one batch; chained when more
    HELD_BYTES_MAX = 128 * 1024 * 1024, // of a batch's clients, before they are written early
    KEPT_MONTHS = 12, // facts older than the longest window are kept this much longer
    REPAIR_BACK_MS = 10 * 60 * 1000
};

struct pn_engine {
    struct pn_engine_options options;
    struct pn_client_index *index;
    struct pn_verdicts *verdicts;
    struct pn_sources sources;
    struct pn_units *units;
    struct pn_arena *arena; // of one batch
    struct pn_held_client *table[TABLE_ROWS];
    bool is_begun, is_same_rules;
    bool judges_all, has_made_all_due; // the second: in the open transaction
    int64_t old_ms;
};

// --- Clients of the batch ------------------------------------------------------------------------

static struct pn_held_client **row_of(struct pn_engine *engine, int64_t client)
{
    return &engine->table[(uint64_t)client % TABLE_ROWS];
}

static struct pn_held_client *find_client(struct pn_engine *engine, int64_t client)
{
    struct pn_held_client *found = *row_of(engine, client);
    while (found != NULL && found->number != client) {
        found = found->next;
    }
    return found;
}

static enum pn_code client_of(struct pn_engine *engine, int64_t number,
                              struct pn_held_client **ret_client, struct pn_err *err)
{
    struct pn_held_client *client = find_client(engine, number);
    if (client == NULL) {
        enum pn_code code =
            pn_held_load(engine->options.store, engine->arena, number, &client, err);
        if (code != PN_OK) {
            return code;
        }
        struct pn_held_client **row = row_of(engine, number);
        client->next = *row;
        *row = client;
    }
    *ret_client = client;
    return PN_OK;
}

static enum pn_code save_all(struct pn_engine *engine, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < TABLE_ROWS && code == PN_OK; i++) {
        for (struct pn_held_client *client = engine->table[i]; client != NULL && code == PN_OK;
             client = client->next) {
            code = pn_held_save(engine->options.store, client, err);
        }
    }
    return code;
}

static void drop_all(struct pn_engine *engine)
{
    memset(engine->table, 0, sizeof engine->table);
    pn_arena_reset(engine->arena);
}

// The index says that a subject is another client now: its row is re-owned, both are looked at.
// What memory holds of the two is written first; the rest of the batch reads it again.
static enum pn_code moved(void *context, int64_t subject, int64_t before, int64_t now,
                          struct pn_err *err)
{
    struct pn_engine *engine = context;
    struct pn_store *store = engine->options.store;
    struct pn_held_client *touched[2] = {NULL, NULL};
    const int64_t numbers[2] = {before, now};
    enum pn_code code = save_all(engine, err);
    const struct pn_value values[] = {PN_INT(now), PN_INT(before), PN_INT(subject)};
    struct pn_stmt *stmt = NULL;
    code = code == PN_OK ? pn_store_prepare(store,
                                            "UPDATE client_facts SET owner = ?1"
                                            " WHERE owner = ?2 AND subject = ?3",
                                            &stmt, err)
                         : code;
    code = code == PN_OK ? pn_store_exec(store, stmt, values, 3, NULL, err) : code;
    code = code == PN_OK ? pn_case_moved(store, subject, now, pn_clock_now_ms(), err) : code;
    for (unsigned i = 0; i < 2 && code == PN_OK; i++) {
        struct pn_held_client *old = find_client(engine, numbers[i]);
        if (old != NULL) {
            old->number = numbers[i];
            old->held_count = 0; // read again below
        }
        struct pn_held_client *fresh = NULL;
        code = pn_held_load(store, engine->arena, numbers[i], &fresh, err);
        if (code != PN_OK) {
            break;
        }
        if (old != NULL) {
            old->held = fresh->held;
            old->held_count = fresh->held_count;
            old->held_capacity = fresh->held_capacity;
            touched[i] = old;
        } else {
            code = client_of(engine, numbers[i], &touched[i], err);
        }
        if (code == PN_OK) {
            touched[i]->is_touched = touched[i]->had_correction = true;
        }
    }
    return code;
}

// --- Opening -------------------------------------------------------------------------------------

enum pn_code pn_engine_open(const struct pn_engine_options *options, struct pn_engine **ret_engine,
                            struct pn_err *err)
{
    struct pn_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL || (engine->arena = pn_arena_new(ARENA_BYTES_MAX)) == NULL) {
        free(engine);
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    engine->options = *options;
    engine->judges_all = options->judges_all;
    const struct pn_client_index_options index = {
        .store = options->store, .moved = moved, .context = engine};
    const struct pn_verdicts_options verdicts = {.store = options->store,
                                                 .rules = options->rules,
                                                 .teams = options->teams,
                                                 .sources = &engine->sources,
                                                 .emit = options->emit,
                                                 .context = options->context};
    enum pn_code code = pn_client_index_open(&index, &engine->index, err);
    code = code == PN_OK ? pn_verdicts_open(&verdicts, &engine->verdicts, err) : code;
    code = code == PN_OK ? pn_units_open(options->store, &engine->units, err) : code;
    if (code != PN_OK) {
        pn_engine_close(engine);
        return code;
    }
    *ret_engine = engine;
    return PN_OK;
}

void pn_engine_close(struct pn_engine *engine)
{
    if (engine != NULL) {
        pn_client_index_close(engine->index);
        pn_verdicts_close(engine->verdicts);
        pn_units_close(engine->units);
        pn_arena_free(engine->arena);
        free(engine);
    }
}

void pn_engine_use_teams(struct pn_engine *engine, const struct pn_teams *teams)
{
    pn_cases_use_teams(pn_verdicts_cases(engine->verdicts), teams);
}

void pn_engine_committed(struct pn_engine *engine)
{
    pn_trigger_counts_tell(pn_verdicts_counts(engine->verdicts));
    engine->is_begun = false;
    engine->judges_all = engine->judges_all && !engine->has_made_all_due;
    engine->has_made_all_due = false;
}

void pn_engine_forget(struct pn_engine *engine)
{
    pn_client_index_forget(engine->index);
    pn_trigger_counts_forget(pn_verdicts_counts(engine->verdicts));
    pn_units_forget(engine->units);
    pn_cases_forget(pn_verdicts_cases(engine->verdicts));
    drop_all(engine);
    engine->is_begun = engine->is_same_rules = engine->has_made_all_due = false;
    engine->sources.read_ms = 0;
}

// Others are in use from here on. What was found with those before is looked at again, also when
// another process has already made everybody due: this one has gone on with the old ones since.
static enum pn_code take_rules(struct pn_engine *engine, struct pn_err *err)
{
    const struct pn_ruleset *rules = engine->options.rules;
    enum pn_code code = engine->options.newest_rules == NULL
                            ? PN_OK
                            : engine->options.newest_rules(engine->options.context, &rules, err);
    if (code == PN_OK && rules != engine->options.rules) {
        engine->options.rules = rules;
        pn_verdicts_use(engine->verdicts, rules);
        engine->is_same_rules = false;
        engine->judges_all = true;
    }
    return code;
}

static enum pn_code begin(struct pn_engine *engine, struct pn_err *err)
{
    if (engine->is_begun) {
        return PN_OK;
    }
    enum pn_code code = take_rules(engine, err);
    if (code != PN_OK) {
        return code;
    }
    int64_t months = engine->options.rules->window_months_max + KEPT_MONTHS;
    engine->old_ms = pn_months_later(pn_clock_now_ms(), -months);
    code = pn_client_index_begin(engine->index, err);
    code = code == PN_OK
               ? pn_sources_refresh(&engine->sources, engine->options.store, pn_clock_now_ms(), err)
               : code;
    engine->is_begun = code == PN_OK;
    return code;
}

// --- Facts ---------------------------------------------------------------------------------------

static struct pn_fact_entry *find_fact(struct pn_held_client *client,
                                       const uint8_t id[static PN_FACT_ID_BYTES],
                                       struct pn_held **ret_held)
{
    for (unsigned h = 0; h < client->held_count; h++) {
        struct pn_held *held = &client->held[h];
        for (unsigned i = 0; i < held->count; i++) {
            if (memcmp(held->facts[i].id, id, PN_FACT_ID_BYTES) == 0) {
                *ret_held = held;
                return &held->facts[i];
            }
        }
    }
    return NULL;
}

static void touch(struct pn_held_client *client, const struct pn_event *event, bool is_correction)
{
    client->is_touched = true;
    client->had_correction = client->had_correction || is_correction;
    size_t len = event->id.len;
    len = len < sizeof client->causation ? len : sizeof client->causation - 1;
    memcpy(client->causation, event->id.ptr, len);
    client->causation[len] = '\0';
}

// Whether a revision changes anything that a rule may look at.
static bool is_correction(const struct pn_fact_entry *before, const struct pn_fact_entry *after)
{
    struct pn_fact_entry same = *after;
    same.revision = before->revision;
    return memcmp(&same, before, sizeof same) != 0;
}

// The resource had been told of another subject: there it goes away, if what is told now is newer.
static enum pn_code leave_other(struct pn_engine *engine, const struct pn_event *event,
                                const struct pn_fact_entry *fact, int64_t subject,
                                bool *ret_is_older, struct pn_err *err)
{
    struct pn_held_client *other = NULL;
    struct pn_held *held = NULL;
    int64_t owner = subject;
    const struct pn_value value = PN_INT(subject);
    enum pn_code code = pn_store_number(engine->options.store,
                                        "SELECT canonical FROM client_keys WHERE client = ?1",
                                        &value, 1, &owner, err);
    code = code == PN_OK ? client_of(engine, owner, &other, err) : code;
    if (code != PN_OK) {
        return code;
    }
    struct pn_fact_entry *found = find_fact(other, fact->id, &held);
    *ret_is_older = found != NULL && found->revision > fact->revision;
    if (found != NULL && !*ret_is_older) {
        pn_held_remove(held, found);
        touch(other, event, true);
    }
    return PN_OK;
}

static enum pn_code claim(struct pn_engine *engine, const struct pn_event *event,
                          const struct pn_fact_entry *fact, int64_t subject, bool *ret_is_older,
                          struct pn_err *err)
{
    struct pn_store *store = engine->options.store;
    struct pn_stmt *stmt = NULL;
    int64_t changed = 0, before = subject;
    const struct pn_value values[] = {
        PN_BYTES(pn_slice_of((const char *)fact->id, PN_FACT_ID_BYTES)), PN_INT(subject)};
    enum pn_code code = pn_store_prepare(store,
                                         "INSERT INTO fact_subjects (resource, subject)"
                                         " VALUES (?1, ?2) ON CONFLICT (resource) DO NOTHING",
                                         &stmt, err);
    code = code == PN_OK ? pn_store_exec(store, stmt, values, 2, &changed, err) : code;
    *ret_is_older = false;
    if (code != PN_OK || changed > 0) {
        return code;
    }
    code = pn_store_number(store, "SELECT subject FROM fact_subjects WHERE resource = ?1", values,
                           1, &before, err);
    if (code != PN_OK || before == subject) {
        return code;
    }
    code = leave_other(engine, event, fact, before, ret_is_older, err);
    if (code != PN_OK || *ret_is_older) {
        return code;
    }
    return pn_store_run(store, "UPDATE fact_subjects SET subject = ?2 WHERE resource = ?1", values,
                        2, err);
}

static enum pn_code put_fact(struct pn_engine *engine, const struct pn_event *event,
                             const struct pn_fact_entry *fact, struct pn_err *err)
{
    int64_t subject = 0, number = 0;
    struct pn_held_client *client = NULL;
    struct pn_held *held = NULL;
    enum pn_code code =
        pn_client_index_resolve(engine->index, event->subject, &subject, &number, err);
    code = code == PN_OK ? client_of(engine, number, &client, err) : code;
    if (code != PN_OK) {
        return code;
    }
    struct pn_fact_entry *found = find_fact(client, fact->id, &held);
    if (found != NULL && held->subject == subject) {
        if (fact->revision >= found->revision) {
            touch(client, event, is_correction(found, fact));
            *found = *fact;
            pn_held_mark(held, found);
        }
        return PN_OK;
    }
    bool is_older = false;
    code = claim(engine, event, fact, subject, &is_older, err);
    if (code != PN_OK || is_older) {
        return code;
    }
    held = pn_held_of(engine->arena, client, subject);
    if (held == NULL) {
        return pn_err_set(err, PN_LIMIT, "subject", "the client has too many keys");
    }
    touch(client, event, false);
    client->rules |= pn_rules_touched(engine->options.rules, fact);
    return pn_held_add(engine->arena, held, fact, engine->old_ms, err);
}

static enum pn_code take_client(struct pn_engine *engine, struct pn_arena *arena,
                                const struct pn_event *event, struct pn_err *err)
{
    cJSON *patient = NULL;
    int64_t subject = 0, number = 0;
    bool is_new_year = false;
    pn_json_use_arena(arena);
    enum pn_code code = pn_json_parse(event->data, &patient, err);
    code = code == PN_OK
               ? pn_client_index_resolve(engine->index, event->subject, &subject, &number, err)
               : code;
    if (code == PN_OK && pn_slice_is(event->type, "fi.punos.client.identified.v1")) {
        code = pn_people_take(engine->options.store, event, patient, subject, &is_new_year, err);
    }
    const struct pn_client_statement statement = {event, patient};
    code = code == PN_OK ? pn_client_index_handle(engine->index, &statement, err) : code;
    pn_json_use_arena(NULL);
    if (code == PN_OK && is_new_year) {
        struct pn_held_client *client = NULL;
        code = pn_client_index_resolve(engine->index, event->subject, &subject, &number, err);
        code = code == PN_OK ? client_of(engine, number, &client, err) : code;
        if (code == PN_OK) {
            touch(client, event, true);
        }
    }
    return code;
}

enum pn_code pn_engine_take(struct pn_engine *engine, struct pn_arena *arena,
                            const struct pn_event *event, struct pn_err *err)
{
    enum pn_code code = begin(engine, err);
    if (code == PN_OK && pn_arena_used_bytes(engine->arena) > HELD_BYTES_MAX) {
        code = pn_engine_batch_end(engine, err);
    }
    if (code != PN_OK) {
        return code;
    }
    if (pn_slice_starts_with(event->type, "fi.punos.client.")) {
        return take_client(engine, arena, event, err);
    }
    if (pn_slice_is(event->type, PN_EVENT_FEED_SILENT) ||
        pn_slice_is(event->type, PN_EVENT_FEED_RESUMED)) {
        return pn_sources_take_feed(&engine->sources, engine->options.store, event, err);
    }
    struct pn_facts facts;
    struct pn_fact_entry fact;
    code = pn_facts_read(event, &facts, err);
    if (code != PN_OK || !pn_fact_entry_make(&facts, &fact)) {
        return code;
    }
    code = pn_sources_heard(&engine->sources, engine->options.store, event, &fact, err);
    code = code == PN_OK ? pn_units_note(engine->units, fact.unit, facts.unit, err) : code;
    return code == PN_OK ? put_fact(engine, event, &fact, err) : code;
}

// --- Ends and ticks ------------------------------------------------------------------------------

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum pn_code judge_all(struct pn_engine *engine, int64_t moment_ms, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    const int64_t begin_us = now_us();
    int64_t judged = 0;
    for (unsigned i = 0; i < TABLE_ROWS && code == PN_OK; i++) {
        for (struct pn_held_client *client = engine->table[i]; client != NULL && code == PN_OK;
             client = client->next) {
            if (client->is_touched) {
                judged++;
                code = pn_verdicts_judge(engine->verdicts, client, moment_ms, err);
            }
        }
    }
    if (judged > 0) {
        pn_metric_add("punos_evaluations_total", NULL, NULL, judged);
        pn_metric_add("punos_evaluation_microseconds_total", NULL, NULL, now_us() - begin_us);
    }
    return code;
}

enum pn_code pn_engine_batch_end(struct pn_engine *engine, struct pn_err *err)
{
    enum pn_code code = save_all(engine, err);
    code = code == PN_OK
               ? pn_sources_refresh(&engine->sources, engine->options.store, pn_clock_now_ms(), err)
               : code;
    code = code == PN_OK ? judge_all(engine, pn_clock_now_ms(), err) : code;
    if (code == PN_OK) {
        drop_all(engine);
    }
    return code;
}

enum pn_code pn_engine_tick(struct pn_engine *engine, int64_t now_ms, struct pn_err *err)
{
    enum pn_code code = begin(engine, err);
    if (code == PN_OK && !engine->is_same_rules) {
        code = pn_rules_seen_check(engine->options.store, engine->options.rules, engine->judges_all,
                                   err);
        engine->is_same_rules = engine->has_made_all_due = code == PN_OK;
    }
    code =
        code == PN_OK ? pn_client_index_repair(engine->index, now_ms - REPAIR_BACK_MS, err) : code;
    int64_t due[PN_DUE_MAX];
    unsigned count = 0;
    code = code == PN_OK ? pn_due_take(engine->options.store, now_ms, due, &count, err) : code;
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        struct pn_held_client *client = NULL;
        code = client_of(engine, due[i], &client, err);
        if (code == PN_OK) {
            client->is_touched = client->is_due = true;
        }
    }
    code = code == PN_OK ? save_all(engine, err) : code;
    code = code == PN_OK ? judge_all(engine, now_ms, err) : code;
    code = code == PN_OK ? pn_cases_tick(pn_verdicts_cases(engine->verdicts), now_ms, err) : code;
    drop_all(engine);
    return code;
}
