// SPDX-License-Identifier: Apache-2.0
/*
 * The outbox: events that a transaction has decided on, on their way to the stream.
 *
 * Rows are appended to the stream in their order and then dropped in the next transaction that
 * comes along. A crash in between appends them again under the same ids, which consumers drop.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/ids.h"
#include "run/run_parts.h"

enum { COLUMNS = 12, RELAY_BYTES_MAX = 8 * 1024 * 1024 };

const struct pn_migration pn_run_migrations[] = {
    {-1, "CREATE TABLE punos_position (topic TEXT NOT NULL, part BIGINT NOT NULL,"
         " next_offset BIGINT NOT NULL, PRIMARY KEY (topic, part)) WITHOUT ROWID;"
         "CREATE TABLE punos_seen (id BYTEA NOT NULL PRIMARY KEY) WITHOUT ROWID;"
         "CREATE TABLE punos_outbox (seq BIGINT NOT NULL, id BYTEA NOT NULL, topic TEXT NOT NULL,"
         " source TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL,"
         " traceparent TEXT NOT NULL, sector TEXT NOT NULL, causation TEXT NOT NULL,"
         " time_ms BIGINT NOT NULL, recorded_ms BIGINT NOT NULL, data BYTEA NOT NULL,"
         " PRIMARY KEY (seq, id)) WITHOUT ROWID;"},
    // When an id was seen; those of before this column stay.
    {0, "ALTER TABLE punos_seen ADD COLUMN seen_ms BIGINT NOT NULL DEFAULT 0;"
        "CREATE INDEX punos_seen_by_age ON punos_seen (seen_ms);"},
};
const unsigned pn_run_migration_count = PN_ARRAY_COUNT(pn_run_migrations);

// The last place given out by this process; the clock may stand still or step back.
static int64_t last_seq;

static int64_t next_seq(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t seq = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    last_seq = seq > last_seq ? seq : last_seq + 1;
    return last_seq;
}

// --- Adding --------------------------------------------------------------------------------------

static enum pn_code add_row(struct pn_store *store, const char *topic, const struct pn_event *event,
                            struct pn_err *err)
{
    uint8_t id[16];
    if (!pn_uuid_parse(event->id, id)) {
        return pn_err_set(err, PN_INTERNAL, "id", "an event's id must be a UUID");
    }
    // What the stream would refuse must not stand in the way of everything behind it.
    enum pn_code code = pn_event_check(event, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_value values[COLUMNS] = {
        PN_INT(next_seq()),
        PN_BYTES(pn_slice_of((const char *)id, sizeof id)),
        PN_STR(topic),
        PN_TEXT(event->source),
        PN_TEXT(event->type),
        PN_TEXT(event->subject),
        PN_TEXT(event->traceparent),
        PN_TEXT(event->sector),
        PN_TEXT(event->causation_id),
        PN_INT(event->time_ms),
        PN_INT(event->recorded_ms),
        PN_BYTES(event->data),
    };
    return pn_store_run(store,
                        "INSERT INTO punos_outbox VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
                        values, COLUMNS, err);
}

enum pn_code pn_outbox_add(struct pn_store *store, const char *topic, const struct pn_event *event,
                           struct pn_err *err)
{
    assert(pn_store_in_transaction(store));
    if (event->source.len == 0) {
        return pn_err_set(err, PN_INTERNAL, "source", "an event's source must be given");
    }
    enum pn_code code = add_row(store, topic, event, err);
    return code == PN_OK ? pn_store_wake_on_commit(store, err) : code;
}

static void derive_id(struct pn_run *run, const char *topic, char text[static PN_UUID_TEXT_BYTES])
{
    if (run->current == NULL) {
        pn_uuid4(text);
        return;
    }
    uint8_t place[4] = {(uint8_t)(run->emit_count >> 24), (uint8_t)(run->emit_count >> 16),
                        (uint8_t)(run->emit_count >> 8), (uint8_t)run->emit_count};
    const struct pn_slice parts[] = {pn_slice_str(run->service->name), run->current->event.id,
                                     pn_slice_str(topic),
                                     pn_slice_of((const char *)place, sizeof place)};
    pn_uuid5("emit", parts, PN_ARRAY_COUNT(parts), text);
}

enum pn_code pn_run_emit(struct pn_run *run, const char *topic, const struct pn_event *event,
                         struct pn_err *err)
{
    assert(pn_store_in_transaction(run->store));
    char id[PN_UUID_TEXT_BYTES];
    struct pn_event sent = *event;
    sent.source = pn_slice_str(run->source);
    if (sent.id.len == 0) {
        derive_id(run, topic, id);
        sent.id = pn_slice_str(id);
    }
    if (run->current != NULL && sent.causation_id.len == 0) {
        sent.causation_id = run->current->event.id;
    }
    if (run->current != NULL && sent.traceparent.len == 0) {
        sent.traceparent = run->current->event.traceparent;
    }
    if (sent.recorded_ms == 0) {
        sent.recorded_ms = pn_clock_now_ms();
    }
    enum pn_code code = add_row(run->store, topic, &sent, err);
    if (code == PN_OK) {
        run->emit_count++;
        run->outbox.is_dirty = true;
    }
    return code;
}

// --- Relaying ------------------------------------------------------------------------------------

void pn_outbox_measure(struct pn_run *run)
{
    struct pn_err ignored = {0};
    int64_t depth = 0;
    enum pn_code code = pn_store_number(
        run->store, "SELECT count(*) FROM (SELECT seq FROM punos_outbox LIMIT 10000) AS waiting",
        NULL, 0, &depth, &ignored);
    if (code == PN_OK) {
        pn_metric_set(PN_METRIC_OUTBOX, NULL, NULL, depth);
    }
}

enum pn_code pn_outbox_start(struct pn_run *run, struct pn_err *err)
{
    int64_t highest = 0;
    enum pn_code code = pn_store_number(
        run->store, "SELECT COALESCE(max(seq), 0) FROM punos_outbox", NULL, 0, &highest, err);
    if (code == PN_OK && highest > last_seq) {
        last_seq = highest;
    }
    run->outbox.is_dirty = true;
    return code;
}

// Gives *ret_text's bytes a place in the arena; false when it is full.
static bool keep(struct pn_arena *arena, struct pn_slice from, struct pn_slice *ret_text)
{
    const char *copy = pn_arena_copy(arena, from);
    *ret_text = pn_slice_of(copy, from.len);
    return copy != NULL;
}

static bool read_row(struct pn_arena *arena, const struct pn_rows *rows,
                     struct pn_record_out *ret_record)
{
    struct pn_event *event = &ret_record->event;
    uint8_t id[16] = {0};
    struct pn_slice raw = pn_rows_bytes(rows, 1);
    memcpy(id, raw.ptr, raw.len < sizeof id ? raw.len : sizeof id);
    char *id_text = pn_arena_alloc(arena, PN_UUID_TEXT_BYTES);
    struct pn_slice topic = {0};
    bool kept = id_text != NULL && keep(arena, pn_rows_text(rows, 2), &topic) &&
                keep(arena, pn_rows_text(rows, 3), &event->source) &&
                keep(arena, pn_rows_text(rows, 4), &event->type) &&
                keep(arena, pn_rows_text(rows, 5), &event->subject) &&
                keep(arena, pn_rows_text(rows, 6), &event->traceparent) &&
                keep(arena, pn_rows_text(rows, 7), &event->sector) &&
                keep(arena, pn_rows_text(rows, 8), &event->causation_id) &&
                keep(arena, pn_rows_bytes(rows, 11), &event->data);
    if (!kept) {
        return false;
    }
    pn_uuid_print(id, id_text);
    event->id = pn_slice_str(id_text);
    event->time_ms = pn_rows_int(rows, 9);
    event->recorded_ms = pn_rows_int(rows, 10);
    ret_record->topic = topic.ptr;
    return true;
}

// Reads the oldest rows, at most a batch in number and RELAY_BYTES_MAX in bytes.
static enum pn_code read_rows(struct pn_run *run, struct pn_record_out *records, unsigned *count,
                              struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct pn_value limit[] = {PN_INT(PN_BATCH_EVENTS_MAX)};
    enum pn_code code = pn_store_ask(
        run->store,
        "SELECT seq, id, topic, source, type, subject, traceparent, sector, causation, time_ms,"
        " recorded_ms, data FROM punos_outbox ORDER BY seq, id LIMIT ?1",
        limit, 1, &rows, err);
    bool has_row = code == PN_OK;
    while (has_row && pn_arena_used_bytes(run->relay_arena) < RELAY_BYTES_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        has_row = has_row && code == PN_OK;
        if (has_row && !read_row(run->relay_arena, rows, &records[*count])) {
            code = pn_err_set(err, PN_MEMORY, "outbox", "the relay's arena is full");
            has_row = false;
        } else if (has_row) {
            struct pn_outbox_key *key = &run->outbox.relayed[*count];
            key->seq = pn_rows_int(rows, 0);
            struct pn_slice id = pn_rows_bytes(rows, 1);
            memcpy(key->id, id.ptr, id.len < sizeof key->id ? id.len : sizeof key->id);
            (*count)++;
        }
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_outbox_drop_relayed(struct pn_run *run, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    if (run->outbox.relayed_count == 0) {
        return PN_OK;
    }
    enum pn_code code = pn_store_prepare(
        run->store, "DELETE FROM punos_outbox WHERE seq = ?1 AND id = ?2", &stmt, err);
    for (unsigned i = 0; code == PN_OK && i < run->outbox.relayed_count; i++) {
        const struct pn_outbox_key *key = &run->outbox.relayed[i];
        struct pn_value values[] = {PN_INT(key->seq),
                                    PN_BYTES(pn_slice_of((const char *)key->id, sizeof key->id))};
        code = pn_store_exec(run->store, stmt, values, 2, NULL, err);
    }
    return code;
}

static enum pn_code drop_rows(void *context, struct pn_err *err)
{
    return pn_outbox_drop_relayed(context, err);
}

// In a transaction of its own, when no batch came along to take it with.
static enum pn_code drop_now(struct pn_run *run, struct pn_err *err)
{
    if (run->outbox.relayed_count == 0) {
        return PN_OK;
    }
    enum pn_code code = pn_store_transact(run->store, drop_rows, run, err);
    if (code == PN_OK) {
        run->outbox.relayed_count = 0;
    }
    return code;
}

enum pn_code pn_outbox_relay(struct pn_run *run, bool *ret_more, struct pn_err *err)
{
    static struct pn_record_out records[PN_BATCH_EVENTS_MAX];
    struct pn_outbox *outbox = &run->outbox;
    unsigned count = 0;
    *ret_more = false;
    enum pn_code code = drop_now(run, err);
    if (code != PN_OK || !outbox->is_dirty) {
        return code;
    }
    pn_arena_reset(run->relay_arena);
    code = read_rows(run, records, &count, err);
    if (code == PN_OK && count > 0) {
        code = pn_stream_append(run->stream, records, count, err);
    }
    if (code != PN_OK) {
        return code;
    }
    outbox->relayed_count = count;
    outbox->is_dirty = count > 0;
    *ret_more = count > 0;
    pn_metric_add(PN_METRIC_RELAYED, NULL, NULL, count);
    return PN_OK;
}
