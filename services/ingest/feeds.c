// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/feeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "fhir/fhir.h"
#include "run/run.h"

// A longer time between two ticks was no listening: the process stood still, or did not run.
enum { GAP_MS = 5 * 60 * 1000, SAVE_MS = 60 * 1000 };

const char pn_feeds_sql[] =
    "CREATE TABLE feeds (source TEXT PRIMARY KEY, first_ms BIGINT NOT NULL,"
    " last_ms BIGINT NOT NULL, counted_ms BIGINT NOT NULL, listened_ms BIGINT NOT NULL,"
    " quiet_ms BIGINT NOT NULL, silent_since_ms BIGINT NOT NULL, told_ms BIGINT NOT NULL,"
    " expected_millis BIGINT NOT NULL, hours BYTEA NOT NULL)";

struct feed {
    char source[PN_FEED_SOURCE_BYTES];
    const struct pn_ingest_system *system;
    bool is_unit;
    struct pn_rhythm rhythm;
    struct pn_rhythm_options options;
    int64_t told_ms;    // the silence that was told; 0: told that it speaks
    int64_t telling_ms; // likewise, once this transaction is durable
    bool is_telling, is_changed;
};

struct pn_feeds {
    struct pn_store *store;
    const struct pn_config *config;
    struct feed *of_system[PN_SYSTEMS_MAX];
    unsigned unit_count[PN_SYSTEMS_MAX];
    struct feed *items[PN_INGEST_FEEDS_MAX];
    unsigned count;
    int64_t passed_ms, saved_ms;
};

struct pn_rhythm_options pn_feeds_options(const struct pn_config *config,
                                          const struct pn_system_conf *system)
{
    return (struct pn_rhythm_options){
        .expected_max = (double)config->feeds.expected,
        .quiet_min_ms = config->feeds.quiet_minutes * 60000,
        .learn_ms = config->feeds.learn_days * PN_MS_PER_DAY,
        .half_life_ms = config->feeds.half_life_days * PN_MS_PER_DAY,
        .burst_ms = config->feeds.burst_seconds * PN_MS_PER_SECOND,
        .silent_after_ms = system == NULL ? 0 : system->silent_after_seconds * PN_MS_PER_SECOND,
        .is_off = system != NULL && !system->tells_silence,
    };
}

// --- Which feed ----------------------------------------------------------------------------------

static struct feed *add_feed(struct pn_feeds *feeds, const struct pn_ingest_system *system,
                             struct pn_slice source)
{
    if (feeds->count == PN_INGEST_FEEDS_MAX || source.len >= PN_FEED_SOURCE_BYTES) {
        return NULL;
    }
    struct feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        return NULL;
    }
    memcpy(feed->source, source.ptr, source.len);
    feed->system = system;
    feed->options = pn_feeds_options(feeds->config, system->conf);
    size_t system_len = strlen("/adapter/") + strlen(system->conf->name);
    feed->is_unit = source.len > system_len;
    feeds->items[feeds->count++] = feed;
    if (feed->is_unit) {
        feeds->unit_count[system->index]++;
    } else {
        feeds->of_system[system->index] = feed;
    }
    return feed;
}

static struct feed *find_feed(const struct pn_feeds *feeds, struct pn_slice source)
{
    for (unsigned i = 0; i < feeds->count; i++) {
        if (pn_slice_is(source, feeds->items[i]->source)) {
            return feeds->items[i];
        }
    }
    return NULL;
}

static void seen(struct feed *feed, int64_t time_ms)
{
    if (feed != NULL) {
        (void)pn_rhythm_seen(&feed->rhythm, &feed->options, time_ms);
        feed->is_changed = true;
    }
}

void pn_feeds_seen(struct pn_feeds *feeds, const struct pn_ingest_system *system,
                   struct pn_slice source, int64_t time_ms)
{
    if (feeds == NULL) {
        return;
    }
    seen(feeds->of_system[system->index], time_ms);
    struct feed *of_system = feeds->of_system[system->index];
    if (source.len == 0 || of_system == NULL || pn_slice_is(source, of_system->source)) {
        return;
    }
    struct feed *unit = find_feed(feeds, source);
    seen(unit != NULL ? unit : add_feed(feeds, system, source), time_ms);
}

// --- Telling -------------------------------------------------------------------------------------

static bool add_moment(cJSON *parts, const char *url, int64_t time_ms)
{
    char text[PN_TIME_TEXT_BYTES];
    cJSON *part = cJSON_CreateObject();
    pn_time_format(time_ms, text);
    return part != NULL && cJSON_AddItemToArray(parts, part) &&
           cJSON_AddStringToObject(part, "url", url) != NULL &&
           cJSON_AddStringToObject(part, "valueInstant", text) != NULL;
}

// An OperationOutcome: what is the matter with the feed, since when.
static cJSON *new_outcome(const struct feed *feed, bool is_silent)
{
    const struct pn_slice parts[] = {pn_slice_str(feed->source)};
    char id[PN_UUID_TEXT_BYTES];
    pn_uuid5("feed", parts, PN_ARRAY_COUNT(parts), id);
    cJSON *outcome = pn_fhir_new("OperationOutcome");
    cJSON *extension = cJSON_AddObjectToObject(outcome, "extension");
    cJSON *issue = cJSON_AddObjectToObject(outcome, "issue");
    // Lists of one.
    cJSON *extensions = cJSON_CreateArray(), *issues = cJSON_CreateArray();
    if (outcome == NULL || extension == NULL || issue == NULL || extensions == NULL ||
        issues == NULL) {
        return NULL;
    }
    cJSON_AddItemToArray(extensions, cJSON_DetachItemViaPointer(outcome, extension));
    cJSON_AddItemToArray(issues, cJSON_DetachItemViaPointer(outcome, issue));
    cJSON_AddItemToObject(outcome, "extension", extensions);
    cJSON_AddItemToObject(outcome, "issue", issues);
    cJSON *inner = cJSON_AddArrayToObject(extension, "extension");
    cJSON_AddStringToObject(extension, "url", PN_FEED_URL);
    cJSON *details = cJSON_AddObjectToObject(issue, "details");
    bool good =
        pn_json_set_text(outcome, "id", pn_slice_str(id)) && inner != NULL &&
        add_moment(inner, "silentSince",
                   is_silent ? feed->rhythm.silent_since_ms : feed->told_ms) &&
        (is_silent || add_moment(inner, "heardAgain", feed->rhythm.last_ms)) &&
        pn_json_set_text(issue, "severity", pn_slice_str(is_silent ? "warning" : "information")) &&
        pn_json_set_text(issue, "code", pn_slice_str(is_silent ? "incomplete" : "informational")) &&
        pn_json_set_text(details, "text",
                         pn_slice_str(is_silent ? "nothing has come for longer than usual"
                                                : "messages come again"));
    return good ? outcome : NULL;
}

static enum pn_code emit(struct pn_feeds *feeds, const struct feed *feed, const cJSON *outcome,
                         int64_t now_ms, struct pn_err *err)
{
    bool is_silent = feed->rhythm.silent_since_ms != 0;
    int64_t since = is_silent ? feed->rhythm.silent_since_ms : feed->told_ms;
    char id[PN_UUID_TEXT_BYTES], moment[PN_TIME_TEXT_BYTES];
    pn_time_format(since, moment);
    const struct pn_slice parts[] = {pn_slice_str(feed->source), pn_slice_str(moment)};
    pn_uuid5(is_silent ? "feed-silent" : "feed-resumed", parts, PN_ARRAY_COUNT(parts), id);
    struct pn_buf text;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    enum pn_code code = pn_json_print(outcome, &text, err);
    const struct pn_event event = {
        .id = pn_slice_str(id),
        .source = pn_slice_str(feed->source),
        .type = pn_slice_str(is_silent ? "fi.punos.feed.silent.v1" : "fi.punos.feed.resumed.v1"),
        .subject = pn_slice_str(feed->system->conf->name),
        .sector = pn_slice_str(feed->system->info->sector),
        .time_ms = is_silent ? since : feed->rhythm.last_ms,
        .recorded_ms = now_ms,
        .data = pn_buf_slice(&text)};
    code = code == PN_OK ? pn_outbox_add(feeds->store, PN_TOPIC_QUARANTINE, &event, err) : code;
    pn_buf_release(&text);
    return code;
}

static enum pn_code tell(struct pn_feeds *feeds, struct feed *feed, int64_t now_ms,
                         struct pn_err *err)
{
    bool is_silent = feed->rhythm.silent_since_ms != 0;
    cJSON *outcome = new_outcome(feed, is_silent);
    enum pn_code code = outcome != NULL ? emit(feeds, feed, outcome, now_ms, err)
                                        : pn_err_set(err, PN_MEMORY, "feeds", "no memory is left");
    cJSON_Delete(outcome);
    if (code == PN_OK) {
        if (is_silent) {
            pn_log(PN_LOG_WARNING, "a feed has fallen silent", PN_TAG("source", feed->source));
        } else {
            pn_log(PN_LOG_INFO, "a feed is heard again", PN_TAG("source", feed->source));
        }
        feed->telling_ms = feed->rhythm.silent_since_ms;
        feed->is_telling = true;
        feed->is_changed = true;
    }
    return code;
}

// A unit is told of only beside others, and only while its system speaks.
static bool may_fall_silent(const struct pn_feeds *feeds, const struct feed *feed)
{
    unsigned index = feed->system->index;
    const struct feed *system = feeds->of_system[index];
    return !feed->is_unit || (feeds->unit_count[index] > 1 && system->rhythm.silent_since_ms == 0);
}

// --- Keeping -------------------------------------------------------------------------------------

static enum pn_code save(struct pn_feeds *feeds, const struct feed *feed, struct pn_err *err)
{
    static const char sql[] =
        "INSERT INTO feeds (source, first_ms, last_ms, counted_ms, listened_ms, quiet_ms,"
        " silent_since_ms, told_ms, expected_millis, hours)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (source) DO UPDATE SET"
        " first_ms = excluded.first_ms, last_ms = excluded.last_ms,"
        " counted_ms = excluded.counted_ms, listened_ms = excluded.listened_ms,"
        " quiet_ms = excluded.quiet_ms, silent_since_ms = excluded.silent_since_ms,"
        " told_ms = excluded.told_ms, expected_millis = excluded.expected_millis,"
        " hours = excluded.hours";
    const struct pn_rhythm *rhythm = &feed->rhythm;
    float hours[2][PN_RHYTHM_HOURS];
    memcpy(hours[0], rhythm->counts, sizeof hours[0]);
    memcpy(hours[1], rhythm->hours, sizeof hours[1]);
    const struct pn_value values[] = {PN_STR(feed->source),
                                      PN_INT(rhythm->first_ms),
                                      PN_INT(rhythm->last_ms),
                                      PN_INT(rhythm->counted_ms),
                                      PN_INT(rhythm->listened_ms),
                                      PN_INT(rhythm->quiet_ms),
                                      PN_INT(rhythm->silent_since_ms),
                                      PN_INT(feed->is_telling ? feed->telling_ms : feed->told_ms),
                                      PN_INT(rhythm->expected * 1000),
                                      PN_BYTES(pn_slice_of((const char *)hours, sizeof hours))};
    return pn_store_run(feeds->store, sql, values, PN_ARRAY_COUNT(values), err);
}

static const char all_sql[] =
    "SELECT source, first_ms, last_ms, counted_ms, listened_ms, quiet_ms, silent_since_ms,"
    " told_ms, expected_millis, hours FROM feeds ORDER BY source";

static void read_row(const struct pn_rows *rows, struct pn_rhythm *rhythm, int64_t *told_ms)
{
    struct pn_slice hours = pn_rows_bytes(rows, 9);
    *rhythm = (struct pn_rhythm){.first_ms = pn_rows_int(rows, 1),
                                 .last_ms = pn_rows_int(rows, 2),
                                 .counted_ms = pn_rows_int(rows, 3),
                                 .listened_ms = pn_rows_int(rows, 4),
                                 .quiet_ms = pn_rows_int(rows, 5),
                                 .silent_since_ms = pn_rows_int(rows, 6),
                                 .expected = (double)pn_rows_int(rows, 8) / 1000};
    *told_ms = pn_rows_int(rows, 7);
    if (hours.len == sizeof rhythm->counts + sizeof rhythm->hours) {
        memcpy(rhythm->counts, hours.ptr, sizeof rhythm->counts);
        memcpy(rhythm->hours, hours.ptr + sizeof rhythm->counts, sizeof rhythm->hours);
    }
}

// A source of a system that is configured no longer is left where it is.
static const struct pn_ingest_system *system_of(const struct pn_ingest_systems *systems,
                                                struct pn_slice source)
{
    struct pn_slice rest, unit;
    (void)pn_slice_split(source, '/', &rest);
    (void)pn_slice_split(rest, '/', &rest);
    struct pn_slice name = pn_slice_split(rest, '/', &unit);
    for (unsigned i = 0; i < systems->count; i++) {
        if (pn_slice_is(name, systems->items[i].conf->name)) {
            return &systems->items[i];
        }
    }
    return NULL;
}

static enum pn_code load(struct pn_feeds *feeds, const struct pn_ingest_systems *systems,
                         struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(feeds->store, all_sql, NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && (code = pn_rows_next(rows, &has_row, err)) == PN_OK && has_row) {
        struct pn_slice source = pn_rows_text(rows, 0);
        const struct pn_ingest_system *system = system_of(systems, source);
        struct feed *feed = system == NULL ? NULL : find_feed(feeds, source);
        feed = feed == NULL && system != NULL ? add_feed(feeds, system, source) : feed;
        if (feed != NULL) {
            read_row(rows, &feed->rhythm, &feed->told_ms);
        }
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_feeds_read(struct pn_store *store, struct pn_arena *arena,
                           struct pn_feed_state *ret_states, unsigned state_max,
                           unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    enum pn_code code = pn_store_ask(store, all_sql, NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && count < state_max &&
           (code = pn_rows_next(rows, &has_row, err)) == PN_OK && has_row) {
        struct pn_feed_state *state = &ret_states[count++];
        int64_t told_ms = 0;
        struct pn_slice source = pn_rows_text(rows, 0);
        read_row(rows, &state->rhythm, &told_ms);
        const char *copy = pn_arena_copy(arena, source);
        state->source = pn_slice_of(copy, source.len);
        code = copy == NULL ? pn_err_set(err, PN_MEMORY, "feeds", "the arena is full") : code;
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

// --- The clock -----------------------------------------------------------------------------------

static void pass(struct pn_feeds *feeds, int64_t now_ms)
{
    int64_t from_ms = feeds->passed_ms;
    feeds->passed_ms = now_ms;
    if (from_ms == 0 || now_ms <= from_ms || now_ms - from_ms > GAP_MS) {
        return;
    }
    // The systems before their units.
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < feeds->count; i++) {
            struct feed *feed = feeds->items[i];
            if (feed->is_unit == (round == 1) && may_fall_silent(feeds, feed)) {
                (void)pn_rhythm_pass(&feed->rhythm, &feed->options, from_ms, now_ms);
                feed->is_changed = true;
            }
        }
    }
}

enum pn_code pn_feeds_tick(struct pn_feeds *feeds, int64_t now_ms, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    pass(feeds, now_ms);
    bool must_save = now_ms - feeds->saved_ms >= SAVE_MS || now_ms < feeds->saved_ms;
    for (unsigned i = 0; i < feeds->count && code == PN_OK; i++) {
        struct feed *feed = feeds->items[i];
        bool tells = (feed->rhythm.silent_since_ms != 0) != (feed->told_ms != 0);
        if (tells) {
            code = tell(feeds, feed, now_ms, err);
        }
        if (code == PN_OK && (tells || (must_save && feed->is_changed))) {
            code = save(feeds, feed, err);
            feed->is_changed = code != PN_OK;
        }
    }
    feeds->saved_ms = must_save ? now_ms : feeds->saved_ms;
    return code;
}

void pn_feeds_committed(struct pn_feeds *feeds)
{
    for (unsigned i = 0; i < feeds->count; i++) {
        struct feed *feed = feeds->items[i];
        if (feed->is_telling) {
            feed->told_ms = feed->telling_ms;
            feed->is_telling = false;
        }
    }
}

// --- Figures -------------------------------------------------------------------------------------

static void report(const struct feed *feed, int64_t now_ms)
{
    const char *name = feed->system->conf->name;
    if (feed->is_unit || feed->rhythm.last_ms == 0) {
        return;
    }
    pn_metric_set("punos_feed_silent", "system", name, feed->rhythm.silent_since_ms != 0 ? 1 : 0);
    pn_metric_set("punos_feed_last_message_age_seconds", "system", name,
                  (now_ms - feed->rhythm.last_ms) / 1000);
}

void pn_feeds_report(const struct pn_feeds *feeds, int64_t now_ms)
{
    for (unsigned i = 0; i < feeds->count; i++) {
        report(feeds->items[i], now_ms);
    }
}

// --- Making and freeing --------------------------------------------------------------------------

enum pn_code pn_feeds_open(struct pn_store *store, const struct pn_config *config,
                           const struct pn_ingest_systems *systems, struct pn_feeds **ret_feeds,
                           struct pn_err *err)
{
    struct pn_feeds *feeds = calloc(1, sizeof *feeds);
    if (feeds == NULL) {
        return pn_err_set(err, PN_MEMORY, "feeds", "the heap is exhausted");
    }
    feeds->store = store;
    feeds->config = config;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < systems->count && code == PN_OK; i++) {
        char source[PN_FEED_SOURCE_BYTES];
        (void)snprintf(source, sizeof source, "/adapter/%s", systems->items[i].conf->name);
        if (add_feed(feeds, &systems->items[i], pn_slice_str(source)) == NULL) {
            code = pn_err_set(err, PN_MEMORY, "feeds", "the heap is exhausted");
        }
    }
    code = code == PN_OK ? load(feeds, systems, err) : code;
    if (code != PN_OK) {
        pn_feeds_close(feeds);
        return code;
    }
    *ret_feeds = feeds;
    return PN_OK;
}

void pn_feeds_close(struct pn_feeds *feeds)
{
    for (unsigned i = 0; feeds != NULL && i < feeds->count; i++) {
        free(feeds->items[i]);
    }
    free(feeds);
}
