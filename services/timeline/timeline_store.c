// SPDX-License-Identifier: Apache-2.0
#include "services/timeline/timeline_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/text.h"
#include "event/facts.h"
#include "fhir/json.h"
#include "privacy/client_index.h"
#include "services/timeline/timeline_read.h"

const struct pn_migration pn_timeline_migrations[] = {
    {1, pn_client_index_sql},
    {2, "CREATE TABLE clients (client BIGINT PRIMARY KEY, birth_year BIGINT NOT NULL,"
        " gender TEXT NOT NULL, protected BIGINT NOT NULL, protected_ms BIGINT NOT NULL,"
        " recorded_ms BIGINT NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE vault (client BIGINT NOT NULL, recorded_ms BIGINT NOT NULL,"
        " event_id TEXT NOT NULL, sealed BYTEA NOT NULL,"
        " PRIMARY KEY (client, recorded_ms, event_id)) WITHOUT ROWID;"
        "CREATE TABLE entries (resource BYTEA PRIMARY KEY, client BIGINT NOT NULL,"
        " subject BIGINT NOT NULL, start_ms BIGINT NOT NULL, end_ms BIGINT NOT NULL,"
        " kind BIGINT NOT NULL, sector BIGINT NOT NULL, class BIGINT NOT NULL,"
        " withdrawn BIGINT NOT NULL, revision BIGINT NOT NULL, resource_type TEXT NOT NULL,"
        " type TEXT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL, event_id TEXT NOT NULL,"
        " unit TEXT NOT NULL, service TEXT NOT NULL, profession TEXT NOT NULL, data TEXT NOT NULL);"
        "CREATE INDEX entries_client ON entries"
        " (client, start_ms, kind, sector, class, withdrawn);"
        "CREATE TABLE feeds (source TEXT PRIMARY KEY, sector BIGINT NOT NULL,"
        " last_received_ms BIGINT NOT NULL, last_recorded_ms BIGINT NOT NULL,"
        " event_count BIGINT NOT NULL) WITHOUT ROWID"},
    {3, "CREATE TABLE silences (source TEXT PRIMARY KEY, since_ms BIGINT NOT NULL,"
        " told_ms BIGINT NOT NULL) WITHOUT ROWID"},
    {4, "ALTER TABLE entries RENAME COLUMN class TO classes;"
        "UPDATE entries SET classes = CAST(1 AS BIGINT) << CAST(classes AS INTEGER)"
        " WHERE classes > 0"},
};
const unsigned pn_timeline_migration_count = PN_ARRAY_COUNT(pn_timeline_migrations);

static const char sealed_url[] = "https://punos.fi/fhir/StructureDefinition/sealed-identity";

enum { SOURCE_BYTES_MAX = 128, SEALED_BYTES_MAX = 64 * 1024 };

// What a batch has brought of each source, until it is written at the batch's end.
struct feed {
    char source[SOURCE_BYTES_MAX];
    size_t source_len;
    enum pn_sector sector;
    int64_t last_recorded_ms;
    int64_t event_count;
};

struct pn_timeline_writer {
    struct pn_store *store;
    struct pn_client_index *index;
    struct pn_stmt *put;
    bool is_begun;
    struct feed feeds[PN_FEEDS_MAX];
    unsigned feed_count;
};

// --- Opening -------------------------------------------------------------------------------------

static enum pn_code moved(void *context, int64_t subject, int64_t before, int64_t now,
                          struct pn_err *err)
{
    const struct pn_timeline_writer *writer = context;
    const struct pn_value values[] = {PN_INT(now), PN_INT(before), PN_INT(subject)};
    return pn_store_run(writer->store,
                        "UPDATE entries SET client = ?1 WHERE client = ?2 AND subject = ?3", values,
                        3, err);
}

static const char put_sql[] =
    "INSERT INTO entries (resource, client, subject, start_ms, end_ms, kind, sector, classes,"
    " withdrawn, revision, resource_type, type, status, source, event_id, unit, service,"
    " profession, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
    " ?16, ?17, ?18, ?19) ON CONFLICT (resource) DO UPDATE SET client = excluded.client,"
    " subject = excluded.subject, start_ms = excluded.start_ms, end_ms = excluded.end_ms,"
    " kind = excluded.kind, sector = excluded.sector, classes = excluded.classes,"
    " withdrawn = excluded.withdrawn, revision = excluded.revision, type = excluded.type,"
    " status = excluded.status, source = excluded.source, event_id = excluded.event_id,"
    " unit = excluded.unit, service = excluded.service, profession = excluded.profession,"
    " data = excluded.data WHERE excluded.revision >= entries.revision";

enum pn_code pn_timeline_writer_open(struct pn_store *store, struct pn_timeline_writer **ret_writer,
                                     struct pn_err *err)
{
    struct pn_timeline_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return pn_err_set(err, PN_MEMORY, "timeline", "no memory");
    }
    writer->store = store;
    const struct pn_client_index_options options = {
        .store = store, .moved = moved, .context = writer};
    enum pn_code code = pn_client_index_open(&options, &writer->index, err);
    code = code == PN_OK ? pn_store_prepare(store, put_sql, &writer->put, err) : code;
    if (code != PN_OK) {
        pn_timeline_writer_close(writer);
        return code;
    }
    *ret_writer = writer;
    return PN_OK;
}

void pn_timeline_writer_close(struct pn_timeline_writer *writer)
{
    if (writer != NULL) {
        pn_client_index_close(writer->index);
        free(writer);
    }
}

void pn_timeline_forget(struct pn_timeline_writer *writer)
{
    pn_client_index_forget(writer->index);
    writer->feed_count = 0;
    writer->is_begun = false;
}

void pn_timeline_committed(struct pn_timeline_writer *writer)
{
    writer->is_begun = false;
}

static enum pn_code begin(struct pn_timeline_writer *writer, struct pn_err *err)
{
    if (writer->is_begun) {
        return PN_OK;
    }
    enum pn_code code = pn_client_index_begin(writer->index, err);
    writer->is_begun = code == PN_OK;
    return code;
}

// --- Feeds ---------------------------------------------------------------------------------------

// "/adapter/oberon/unit" → "/adapter/oberon".
static struct pn_slice system_of(struct pn_slice source)
{
    size_t slashes = 0, len = 0;
    while (len < source.len && len < SOURCE_BYTES_MAX) {
        slashes += source.ptr[len] == '/' ? 1 : 0;
        if (slashes == 3) {
            break;
        }
        len++;
    }
    return pn_slice_of(source.ptr, len);
}

static void count_feed(struct pn_timeline_writer *writer, const struct pn_event *event)
{
    struct pn_slice source = system_of(event->source);
    unsigned at = 0;
    while (at < writer->feed_count &&
           (writer->feeds[at].source_len != source.len ||
            memcmp(writer->feeds[at].source, source.ptr, source.len) != 0)) {
        at++;
    }
    if (at == PN_FEEDS_MAX || source.len == 0) {
        return;
    }
    struct feed *feed = &writer->feeds[at];
    if (at == writer->feed_count) {
        *feed = (struct feed){.source_len = source.len};
        memcpy(feed->source, source.ptr, source.len);
        writer->feed_count++;
    }
    enum pn_sector sector = pn_sector_parse(event->sector);
    feed->sector = sector == PN_SECTOR_UNKNOWN ? feed->sector : sector;
    feed->event_count++;
    if (event->recorded_ms > feed->last_recorded_ms) {
        feed->last_recorded_ms = event->recorded_ms;
    }
}

// A source has fallen silent or is heard again: the newest word on it counts. since_ms 0: heard.
enum pn_code pn_timeline_take_feed(struct pn_timeline_writer *writer, const struct pn_event *event,
                                   struct pn_err *err)
{
    bool is_silent = pn_slice_is(event->type, PN_EVENT_FEED_SILENT);
    const struct pn_value values[] = {
        PN_TEXT(event->source), PN_INT(is_silent ? event->time_ms : 0), PN_INT(event->recorded_ms)};
    return pn_store_run(writer->store,
                        "INSERT INTO silences (source, since_ms, told_ms) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (source) DO UPDATE SET since_ms = excluded.since_ms,"
                        " told_ms = excluded.told_ms WHERE excluded.told_ms >= silences.told_ms",
                        values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_timeline_batch_end(struct pn_timeline_writer *writer, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < writer->feed_count && code == PN_OK; i++) {
        const struct feed *feed = &writer->feeds[i];
        const struct pn_value values[] = {
            PN_TEXT(pn_slice_of(feed->source, feed->source_len)), PN_INT(feed->sector),
            PN_INT(pn_clock_now_ms()), PN_INT(feed->last_recorded_ms), PN_INT(feed->event_count)};
        code = pn_store_run(
            writer->store,
            "INSERT INTO feeds (source, sector, last_received_ms, last_recorded_ms,"
            " event_count) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (source) DO UPDATE SET"
            " sector = excluded.sector, last_received_ms = excluded.last_received_ms,"
            " last_recorded_ms = CASE WHEN excluded.last_recorded_ms >"
            " feeds.last_recorded_ms THEN excluded.last_recorded_ms"
            " ELSE feeds.last_recorded_ms END,"
            " event_count = feeds.event_count + excluded.event_count",
            values, PN_ARRAY_COUNT(values), err);
    }
    writer->feed_count = 0;
    return code;
}

enum pn_code pn_timeline_repair(struct pn_timeline_writer *writer, int64_t since_ms,
                                struct pn_err *err)
{
    return pn_client_index_repair(writer->index, since_ms, err);
}

// --- Entries -------------------------------------------------------------------------------------

// FNV-1a of the type over the first bytes: ids of two types are two rows.
static void mix(struct pn_slice resource_type, uint8_t key[static PN_ENTRY_KEY_BYTES])
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < resource_type.len; i++) {
        hash = (hash ^ (unsigned char)resource_type.ptr[i]) * 16777619U;
    }
    for (unsigned i = 0; i < 4; i++) {
        key[i] ^= (uint8_t)(hash >> (8 * i));
    }
}

void pn_entry_key(struct pn_slice resource_type, struct pn_slice id,
                  uint8_t ret_key[static PN_ENTRY_KEY_BYTES])
{
    if (!pn_uuid_parse(id, ret_key)) {
        char text[PN_UUID_TEXT_BYTES];
        pn_uuid5("entry", &id, 1, text);
        if (!pn_uuid_parse(pn_slice_str(text), ret_key)) {
            abort();
        }
    }
    mix(resource_type, ret_key);
}

void pn_entry_unmix(struct pn_slice resource_type, const uint8_t key[static PN_ENTRY_KEY_BYTES],
                    uint8_t ret_uuid[static PN_ENTRY_KEY_BYTES])
{
    memcpy(ret_uuid, key, PN_ENTRY_KEY_BYTES);
    mix(resource_type, ret_uuid);
}

static enum pn_code take_entry(struct pn_timeline_writer *writer, const struct pn_event *event,
                               struct pn_err *err)
{
    struct pn_facts facts;
    int64_t subject = 0, client = 0;
    enum pn_code code = pn_facts_read(event, &facts, err);
    code = code == PN_OK
               ? pn_client_index_resolve(writer->index, event->subject, &subject, &client, err)
               : code;
    if (code != PN_OK) {
        return code;
    }
    uint8_t key[PN_ENTRY_KEY_BYTES];
    pn_entry_key(facts.resource_type, facts.id, key);
    const struct pn_value values[] = {
        PN_BYTES(pn_slice_of((const char *)key, sizeof key)),
        PN_INT(client),
        PN_INT(subject),
        PN_INT(facts.start_ms),
        PN_INT(facts.end_ms),
        PN_INT(facts.kind),
        PN_INT(facts.sector),
        PN_INT(facts.classes),
        PN_INT(facts.is_withdrawn ? 1 : 0),
        PN_INT(facts.revision),
        PN_TEXT(facts.resource_type),
        PN_TEXT(event->type),
        PN_TEXT(facts.status),
        PN_TEXT(event->source),
        PN_TEXT(event->id),
        PN_TEXT(facts.unit),
        PN_TEXT(facts.service),
        PN_TEXT(facts.profession),
        PN_TEXT(event->data),
    };
    return pn_store_exec(writer->store, writer->put, values, PN_ARRAY_COUNT(values), NULL, err);
}

// --- Clients -------------------------------------------------------------------------------------

enum protection { PROTECTION_NOT_STATED, PROTECTION_LIFTED, PROTECTION_IN_FORCE };

// Most messages say nothing of a turvakielto: those neither set nor lift it.
static enum protection stated_protection(const cJSON *patient)
{
    enum protection stated = PROTECTION_NOT_STATED;
    const cJSON *label = NULL;
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(patient, "meta");
    cJSON_ArrayForEach(label, cJSON_GetObjectItemCaseSensitive(meta, "security"))
    {
        struct pn_slice code = pn_json_text(label, "code");
        if (pn_slice_is(code, "TURVAKIELTO")) {
            return PROTECTION_IN_FORCE;
        }
        if (pn_slice_is(code, "EI-TURVAKIELTOA")) {
            stated = PROTECTION_LIFTED;
        }
    }
    return stated;
}

static struct pn_slice sealed_text(const cJSON *patient)
{
    const cJSON *extension = NULL;
    cJSON_ArrayForEach(extension, cJSON_GetObjectItemCaseSensitive(patient, "extension"))
    {
        if (pn_slice_is(pn_json_text(extension, "url"), sealed_url)) {
            return pn_json_text(extension, "valueBase64Binary");
        }
    }
    return pn_slice_of(NULL, 0);
}

static enum pn_code put_vault(struct pn_timeline_writer *writer, const struct pn_event *event,
                              const cJSON *patient, int64_t subject, struct pn_err *err)
{
    struct pn_slice text = sealed_text(patient);
    if (text.len == 0) {
        return PN_OK;
    }
    struct pn_buf sealed;
    pn_buf_init(&sealed, SEALED_BYTES_MAX);
    enum pn_code code = PN_OK;
    if (!pn_base64_decode(text, &sealed) || !pn_buf_ok(&sealed)) {
        code = pn_err_set(err, PN_INVALID, "Patient.extension.valueBase64Binary",
                          "not Base64 of at most %d bytes", SEALED_BYTES_MAX);
    } else {
        const struct pn_value values[] = {PN_INT(subject), PN_INT(event->recorded_ms),
                                          PN_TEXT(event->id), PN_BYTES(pn_buf_slice(&sealed))};
        code = pn_store_run(writer->store,
                            "INSERT INTO vault (client, recorded_ms, event_id, sealed)"
                            " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                            values, PN_ARRAY_COUNT(values), err);
    }
    pn_buf_release(&sealed);
    return code;
}

static enum pn_code put_client(struct pn_timeline_writer *writer, const struct pn_event *event,
                               const cJSON *patient, int64_t subject, struct pn_err *err)
{
    int64_t year = 0;
    struct pn_slice birth = pn_json_text(patient, "birthDate");
    birth.len = birth.len > 4 ? 4 : birth.len;
    if (!pn_slice_to_i64(birth, &year)) {
        year = 0;
    }
    enum protection stated = stated_protection(patient);
    int64_t protected_ms = stated == PROTECTION_NOT_STATED ? 0 : event->recorded_ms;
    const struct pn_value values[] = {PN_INT(subject),
                                      PN_INT(year),
                                      PN_TEXT(pn_json_text(patient, "gender")),
                                      PN_INT(stated == PROTECTION_IN_FORCE),
                                      PN_INT(protected_ms),
                                      PN_INT(event->recorded_ms)};
    // What a message leaves out stays as it was; what it says stands until a later one says
    // otherwise, in whichever order they come.
    return pn_store_run(
        writer->store,
        "INSERT INTO clients (client, birth_year, gender, protected, protected_ms,"
        " recorded_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (client) DO UPDATE SET"
        " birth_year = CASE WHEN clients.birth_year = 0 OR (excluded.birth_year <> 0"
        " AND excluded.recorded_ms >= clients.recorded_ms)"
        " THEN excluded.birth_year ELSE clients.birth_year END,"
        " gender = CASE WHEN clients.gender = '' OR (excluded.gender <> ''"
        " AND excluded.recorded_ms >= clients.recorded_ms)"
        " THEN excluded.gender ELSE clients.gender END,"
        " protected = CASE WHEN excluded.protected_ms >= clients.protected_ms"
        " AND excluded.protected_ms > 0 THEN excluded.protected"
        " ELSE clients.protected END,"
        " protected_ms = CASE WHEN excluded.protected_ms >= clients.protected_ms"
        " THEN excluded.protected_ms ELSE clients.protected_ms END,"
        " recorded_ms = CASE WHEN excluded.recorded_ms >= clients.recorded_ms"
        " THEN excluded.recorded_ms ELSE clients.recorded_ms END",
        values, PN_ARRAY_COUNT(values), err);
}

static enum pn_code take_client(struct pn_timeline_writer *writer, struct pn_arena *arena,
                                const struct pn_event *event, struct pn_err *err)
{
    cJSON *patient = NULL;
    pn_json_use_arena(arena);
    enum pn_code code = pn_json_parse(event->data, &patient, err);
    if (code == PN_OK && !pn_slice_eq(pn_json_text(patient, "id"), event->subject)) {
        code = pn_err_set(err, PN_INVALID, "Patient.id", "not the event's subject");
    }
    int64_t subject = 0, client = 0;
    code = code == PN_OK
               ? pn_client_index_resolve(writer->index, event->subject, &subject, &client, err)
               : code;
    if (code == PN_OK && pn_slice_is(event->type, "fi.punos.client.identified.v1")) {
        code = put_client(writer, event, patient, subject, err);
        code = code == PN_OK ? put_vault(writer, event, patient, subject, err) : code;
    }
    const struct pn_client_statement statement = {event, patient};
    code = code == PN_OK ? pn_client_index_handle(writer->index, &statement, err) : code;
    pn_json_use_arena(NULL);
    return code;
}

enum pn_code pn_timeline_take(struct pn_timeline_writer *writer, struct pn_arena *arena,
                              const struct pn_event *event, struct pn_err *err)
{
    enum pn_code code = begin(writer, err);
    if (code != PN_OK) {
        return code;
    }
    code = pn_slice_starts_with(event->type, "fi.punos.client.")
               ? take_client(writer, arena, event, err)
               : take_entry(writer, event, err);
    if (code == PN_OK) {
        count_feed(writer, event);
    }
    return code;
}
