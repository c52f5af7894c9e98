// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/quarantine.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/words.h"
#include "fhir/fhir.h"
#include "privacy/audit.h"
#include "services/ingest/feeds.h"
#include "services/ingest/poll_store.h"

enum { SEALED_BYTES_MAX = PN_MESSAGE_BYTES_MAX + 64 * 1024 };

static const char tables_sql[] =
    "CREATE TABLE identity (system TEXT NOT NULL, client_key TEXT NOT NULL, hash TEXT NOT NULL,"
    " PRIMARY KEY (system, client_key));"
    "CREATE TABLE quarantine (id TEXT NOT NULL PRIMARY KEY, system TEXT NOT NULL,"
    " transport TEXT NOT NULL, code TEXT NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL,"
    " first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL, times BIGINT NOT NULL,"
    " closed_ms BIGINT NOT NULL, message_bytes BIGINT NOT NULL, sealed BYTEA NOT NULL);"
    "CREATE INDEX quarantine_by_time ON quarantine (first_ms, id)";

const struct pn_migration pn_ingest_migrations[] = {
    {1, tables_sql}, {2, PN_AUDIT_SQL}, {3, pn_poll_sql}, {4, pn_feeds_sql}};
const unsigned pn_ingest_migration_count = PN_ARRAY_COUNT(pn_ingest_migrations);

static const char *const transport_names[] = {
    [PN_TRANSPORT_NONE] = "none", [PN_TRANSPORT_MLLP] = "mllp", [PN_TRANSPORT_HTTP] = "http",
    [PN_TRANSPORT_DROP] = "drop", [PN_TRANSPORT_POLL] = "poll",
};

const char *pn_transport_name(enum pn_transport transport)
{
    return transport_names[transport];
}

static enum pn_transport transport_of(struct pn_slice name)
{
    const unsigned count = PN_ARRAY_COUNT(transport_names);
    unsigned found = pn_words_find(transport_names, count, name);
    return found < count ? (enum pn_transport)found : PN_TRANSPORT_NONE;
}

void pn_quarantine_id(const struct pn_privacy *privacy, const char *system, struct pn_slice bytes,
                      char ret_id[static PN_UUID_TEXT_BYTES])
{
    // Over a MAC and not the bytes: nobody without the secret can tell which message it was.
    char mac[PN_MAC_TEXT_BYTES];
    pn_privacy_mac(privacy, "quarantine-id", bytes, mac);
    const struct pn_slice parts[] = {pn_slice_str(system), pn_slice_str(mac)};
    pn_uuid5("quarantine", parts, PN_ARRAY_COUNT(parts), ret_id);
}

// What is sealed: content type, file name and message, the first two ended by NUL.
static enum pn_code seal_message(const struct pn_privacy *privacy, const char *id,
                                 const struct pn_message_in *message, struct pn_buf *sealed,
                                 struct pn_err *err)
{
    struct pn_buf plain;
    pn_buf_init(&plain, SEALED_BYTES_MAX);
    pn_buf_add(&plain, message->content_type, strlen(message->content_type) + 1);
    pn_buf_add(&plain, message->file_name, strlen(message->file_name) + 1);
    pn_buf_add_slice(&plain, message->bytes);
    enum pn_code code =
        pn_buf_ok(&plain)
            ? pn_seal(privacy, "quarantine", pn_slice_str(id), pn_buf_slice(&plain), sealed, err)
            : pn_err_set(err, PN_LIMIT, "quarantine", "the message is too large to be kept");
    pn_buf_release(&plain);
    return code;
}

enum pn_code pn_quarantine_put(struct pn_store *store, const struct pn_privacy *privacy,
                               const struct pn_quarantine_message *message, struct pn_err *err)
{
    const struct pn_message_in *in = message->message;
    char id[PN_UUID_TEXT_BYTES];
    pn_quarantine_id(privacy, message->system, in->bytes, id);
    struct pn_buf sealed;
    pn_buf_init(&sealed, SEALED_BYTES_MAX);
    struct pn_stmt *stmt = NULL;
    enum pn_code code = seal_message(privacy, id, in, &sealed, err);
    if (code == PN_OK) {
        code = pn_store_prepare(
            store,
            "INSERT INTO quarantine (id, system, transport, code, place, reason, first_ms, last_ms,"
            " times, closed_ms, message_bytes, sealed)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1, 0, ?8, ?9)"
            " ON CONFLICT (id) DO UPDATE SET times = quarantine.times + 1,"
            " last_ms = excluded.last_ms, closed_ms = 0, code = excluded.code,"
            " place = excluded.place, reason = excluded.reason",
            &stmt, err);
    }
    if (code == PN_OK) {
        const struct pn_value values[] = {PN_STR(id),
                                          PN_STR(message->system),
                                          PN_STR(pn_transport_name(in->transport)),
                                          PN_STR(pn_code_name(message->why->code)),
                                          PN_STR(message->why->where),
                                          PN_STR(message->why->text),
                                          PN_INT(in->received_ms),
                                          PN_INT(in->bytes.len),
                                          PN_BYTES(pn_buf_slice(&sealed))};
        code = pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), NULL, err);
    }
    pn_buf_release(&sealed);
    return code;
}

enum pn_code pn_quarantine_close(struct pn_store *store, const char *id, int64_t now_ms,
                                 struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(id), PN_INT(now_ms)};
    return pn_store_run(store, "UPDATE quarantine SET closed_ms = ?2 WHERE id = ?1", values,
                        PN_ARRAY_COUNT(values), err);
}

// --- Events --------------------------------------------------------------------------------------

static bool add_sealed(cJSON *outcome, struct pn_slice base64)
{
    cJSON *list = cJSON_AddArrayToObject(outcome, "extension");
    cJSON *item = cJSON_CreateObject();
    return list != NULL && item != NULL && cJSON_AddItemToArray(list, item) &&
           pn_json_set_text(item, "url", pn_slice_str(PN_SEALED_MESSAGE_URL)) &&
           pn_json_set_text(item, "valueBase64Binary", base64);
}

static enum pn_code add_sealed_message(const struct pn_privacy *privacy, const char *id,
                                       const struct pn_message_in *message, cJSON *outcome,
                                       struct pn_err *err)
{
    if (message->bytes.len > PN_QUARANTINE_EVENT_BYTES_MAX) {
        return PN_OK;
    }
    struct pn_buf sealed;
    struct pn_buf base64;
    pn_buf_init(&sealed, SEALED_BYTES_MAX);
    pn_buf_init(&base64, PN_EVENT_BYTES_MAX);
    enum pn_code code = seal_message(privacy, id, message, &sealed, err);
    if (code == PN_OK) {
        pn_base64_add(&base64, sealed.data, sealed.len);
        bool is_added = pn_buf_ok(&base64) && add_sealed(outcome, pn_buf_slice(&base64));
        code = is_added ? PN_OK : pn_err_set(err, PN_MEMORY, "quarantine", "no memory is left");
    }
    pn_buf_release(&sealed);
    pn_buf_release(&base64);
    return code;
}

static enum pn_code add_outcome_event(const struct pn_event *envelope, const cJSON *outcome,
                                      struct pn_outgoing *outgoing, struct pn_err *err)
{
    struct pn_buf text;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    struct pn_event event = *envelope;
    enum pn_code code = pn_json_print(outcome, &text, err);
    event.data = pn_buf_slice(&text);
    code = code == PN_OK ? pn_event_check(&event, err) : code;
    code = code == PN_OK ? pn_outgoing_add(outgoing, PN_TOPIC_QUARANTINE, &event, err) : code;
    pn_buf_release(&text);
    return code;
}

enum pn_code pn_quarantine_put_event(const struct pn_privacy *privacy,
                                     const struct pn_quarantine_message *message,
                                     struct pn_outgoing *outgoing, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    char event_id[PN_UUID_TEXT_BYTES];
    char source[128];
    pn_quarantine_id(privacy, message->system, message->message->bytes, id);
    const struct pn_slice parts[] = {pn_slice_str(id), pn_slice_str(message->why->where),
                                     pn_slice_str(message->why->text)};
    pn_uuid5("quarantined", parts, PN_ARRAY_COUNT(parts), event_id);
    (void)snprintf(source, sizeof source, "/adapter/%s", message->system);
    pn_json_use_arena(outgoing->arena);
    cJSON *outcome = pn_fhir_error_outcome(message->why);
    enum pn_code code = outcome != NULL && pn_json_set_text(outcome, "id", pn_slice_str(id))
                            ? add_sealed_message(privacy, id, message->message, outcome, err)
                            : pn_err_set(err, PN_MEMORY, "quarantine", "no memory is left");
    if (code == PN_OK) {
        const struct pn_event event = {.id = pn_slice_str(event_id),
                                       .source = pn_slice_str(source),
                                       .type = pn_slice_str("fi.punos.message.quarantined.v1"),
                                       .subject = pn_slice_str(message->system),
                                       .sector = pn_slice_str(message->sector),
                                       .causation_id = pn_slice_str(id),
                                       .time_ms = message->message->received_ms,
                                       .recorded_ms = message->message->received_ms};
        code = add_outcome_event(&event, outcome, outgoing, err);
    }
    pn_json_use_arena(NULL);
    return code;
}

enum pn_code pn_quarantine_replayed_event(const char *id, const char *system, int64_t now_ms,
                                          struct pn_outgoing *outgoing, struct pn_err *err)
{
    char event_id[PN_UUID_TEXT_BYTES];
    char source[128];
    char moment[24];
    (void)snprintf(moment, sizeof moment, "%lld", (long long)now_ms);
    (void)snprintf(source, sizeof source, "/adapter/%s", system);
    const struct pn_slice parts[] = {pn_slice_str(id), pn_slice_str(moment)};
    pn_uuid5("replayed", parts, PN_ARRAY_COUNT(parts), event_id);
    pn_json_use_arena(outgoing->arena);
    struct pn_fhir_report nothing = {.issue_count = 0};
    cJSON *outcome = pn_fhir_report_outcome(&nothing);
    enum pn_code code = outcome != NULL && pn_json_set_text(outcome, "id", pn_slice_str(id))
                            ? PN_OK
                            : pn_err_set(err, PN_MEMORY, "quarantine", "no memory is left");
    if (code == PN_OK) {
        const struct pn_event event = {.id = pn_slice_str(event_id),
                                       .source = pn_slice_str(source),
                                       .type = pn_slice_str("fi.punos.message.replayed.v1"),
                                       .subject = pn_slice_str(system),
                                       .causation_id = pn_slice_str(id),
                                       .time_ms = now_ms,
                                       .recorded_ms = now_ms};
        code = add_outcome_event(&event, outcome, outgoing, err);
    }
    pn_json_use_arena(NULL);
    return code;
}

// --- Reading -------------------------------------------------------------------------------------

#define ENTRY_COLUMNS                                                                              \
    "id, system, transport, code, place, reason, first_ms, last_ms, times, closed_ms,"             \
    " message_bytes"

static enum pn_code read_entry(struct pn_rows *rows, struct pn_arena *arena,
                               struct pn_quarantine_entry *ret_entry, struct pn_err *err)
{
    struct pn_quarantine_entry entry = {
        .first_ms = pn_rows_int(rows, 6),
        .last_ms = pn_rows_int(rows, 7),
        .times = pn_rows_int(rows, 8),
        .closed_ms = pn_rows_int(rows, 9),
        .message_bytes = pn_rows_int(rows, 10),
    };
    struct pn_slice *texts[] = {&entry.id,   &entry.system, &entry.transport,
                                &entry.code, &entry.place,  &entry.reason};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        struct pn_slice text = pn_rows_text(rows, i);
        *texts[i] = pn_slice_of(pn_arena_copy(arena, text), text.len);
        if (texts[i]->ptr == NULL) {
            return pn_err_set(err, PN_MEMORY, "quarantine", "no memory is left");
        }
    }
    *ret_entry = entry;
    return PN_OK;
}

enum pn_code pn_quarantine_list(struct pn_store *store, struct pn_arena *arena,
                                const struct pn_quarantine_filter *filter,
                                struct pn_quarantine_entry *ret_entries, unsigned entry_max,
                                unsigned *ret_count, struct pn_err *err)
{
    const struct pn_value values[] = {
        PN_STR(filter->system == NULL ? "" : filter->system),
        PN_INT(filter->with_closed ? 1 : 0),
        PN_INT(filter->after_id == NULL ? INT64_MIN : filter->after_ms),
        PN_STR(filter->after_id == NULL ? "" : filter->after_id),
        PN_INT(entry_max),
    };
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(
        store,
        "SELECT " ENTRY_COLUMNS " FROM quarantine WHERE (?1 = '' OR system = ?1)"
        " AND (?2 = 1 OR closed_ms = 0) AND (first_ms > ?3 OR (first_ms = ?3 AND id > ?4))"
        " ORDER BY first_ms, id LIMIT ?5",
        values, PN_ARRAY_COUNT(values), &rows, err);
    unsigned count = 0;
    bool has_row = false;
    while (code == PN_OK && count < entry_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        code = read_entry(rows, arena, &ret_entries[count++], err);
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

enum pn_code pn_quarantine_get(struct pn_store *store, struct pn_arena *arena, const char *id,
                               struct pn_quarantine_entry *ret_entry, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_STR(id)};
    bool has_row = false;
    enum pn_code code = pn_store_ask(
        store, "SELECT " ENTRY_COLUMNS " FROM quarantine WHERE id = ?1", values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK) {
        code = has_row ? read_entry(rows, arena, ret_entry, err)
                       : pn_err_set(err, PN_NOT_FOUND, "quarantine", "no entry has this id");
    }
    pn_rows_close(rows);
    return code;
}

// Takes the text up to its NUL off the front.
static const char *take_text(struct pn_arena *arena, struct pn_slice *rest)
{
    return pn_arena_copy(arena, pn_slice_split(*rest, '\0', rest));
}

static enum pn_code unpack(struct pn_arena *arena, struct pn_slice plain, struct pn_slice transport,
                           struct pn_message_in *ret_message, struct pn_err *err)
{
    struct pn_message_in message = {.transport = transport_of(transport)};
    message.content_type = take_text(arena, &plain);
    message.file_name = take_text(arena, &plain);
    message.bytes = pn_slice_of(pn_arena_copy(arena, plain), plain.len);
    if (message.content_type == NULL || message.file_name == NULL || message.bytes.ptr == NULL) {
        return pn_err_set(err, PN_MEMORY, "quarantine", "no memory is left");
    }
    *ret_message = message;
    return PN_OK;
}

enum pn_code pn_quarantine_open(struct pn_store *store, const struct pn_privacy *privacy,
                                struct pn_arena *arena, const char *id,
                                struct pn_message_in *ret_message, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct pn_buf plain;
    const struct pn_value values[] = {PN_STR(id)};
    bool has_row = false;
    pn_buf_init(&plain, SEALED_BYTES_MAX);
    enum pn_code code = pn_store_ask(
        store, "SELECT transport, sealed FROM quarantine WHERE id = ?1", values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "quarantine", "no entry has this id");
    }
    if (code == PN_OK) {
        code =
            pn_unseal(privacy, "quarantine", pn_slice_str(id), pn_rows_bytes(rows, 1), &plain, err);
    }
    if (code == PN_OK) {
        code = unpack(arena, pn_buf_slice(&plain), pn_rows_text(rows, 0), ret_message, err);
    }
    pn_rows_close(rows);
    pn_buf_release(&plain);
    return code;
}
