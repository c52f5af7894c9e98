// SPDX-License-Identifier: Apache-2.0
/*
 * Dropping events that this service has done before.
 *
 * On Kafka an event can stand on the stream twice (a producer that did not hear the answer appends
 * again), so the ids done are kept. The embedded stream never holds an id twice in one topic: there
 * the position alone proves that an event is new, and no ids are kept.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "run/run_parts.h"

enum { ID_BYTES = 16, CHUNK = 100, SLOTS = 4096, PRUNE_MS = 60 * 1000 };
_Static_assert(SLOTS >= 2 * PN_BATCH_EVENTS_MAX && (SLOTS & (SLOTS - 1)) == 0, "half full at most");

// The batch's ids by hash; a slot holds the record's number plus one.
struct id_set {
    uint8_t ids[PN_BATCH_EVENTS_MAX][ID_BYTES];
    uint16_t slots[SLOTS];
};

// The slot of the id, or the free one where it belongs.
static unsigned slot_of(const struct id_set *set, const uint8_t *id)
{
    uint32_t hash = 0;
    memcpy(&hash, id, sizeof hash);
    unsigned slot = hash % SLOTS;
    while (set->slots[slot] != 0 && memcmp(set->ids[set->slots[slot] - 1], id, ID_BYTES) != 0) {
        slot = (slot + 1) % SLOTS;
    }
    return slot;
}

// A record that is no event of ours has no id; it goes to quarantine, once.
static void name_by_place(const struct pn_record *record, uint8_t id[static ID_BYTES])
{
    char text[PN_UUID_TEXT_BYTES];
    const struct pn_slice parts[] = {
        pn_slice_str(record->topic),
        pn_slice_of((const char *)&record->partition, sizeof record->partition),
        pn_slice_of((const char *)&record->offset, sizeof record->offset)};
    pn_uuid5("place", parts, PN_ARRAY_COUNT(parts), text);
    bool parsed = pn_uuid_parse(pn_slice_str(text), id);
    assert(parsed);
    (void)parsed;
}

static void gather(struct pn_run *run, struct id_set *set)
{
    memset(set->slots, 0, sizeof set->slots);
    for (size_t i = 0; i < run->record_count; i++) {
        if (!pn_uuid_parse(run->records[i].event.id, set->ids[i])) {
            name_by_place(&run->records[i], set->ids[i]);
        }
        unsigned slot = slot_of(set, set->ids[i]);
        run->is_dropped[i] = set->slots[slot] != 0;
        if (set->slots[slot] == 0) {
            set->slots[slot] = (uint16_t)(i + 1);
        }
    }
}

// `count` is CHUNK or 1, so that two texts are prepared and no more.
static enum pn_code prepare(struct pn_run *run, bool is_insert, size_t count,
                            struct pn_stmt **ret_stmt, struct pn_err *err)
{
    char sql[2048];
    int len = snprintf(sql, sizeof sql, "%s",
                       is_insert ? "INSERT INTO punos_seen (id, seen_ms) VALUES "
                                 : "SELECT id FROM punos_seen WHERE id IN (");
    for (size_t i = 0; i < count; i++) {
        len += is_insert ? snprintf(sql + len, sizeof sql - (size_t)len, "%s(?%zu,?%zu)",
                                    i == 0 ? "" : ",", i + 1, count + 1)
                         : snprintf(sql + len, sizeof sql - (size_t)len, "%s?%zu",
                                    i == 0 ? "" : ",", i + 1);
    }
    len += snprintf(sql + len, sizeof sql - (size_t)len, "%s", is_insert ? "" : ")");
    assert(len > 0 && (size_t)len < sizeof sql);
    return pn_store_prepare(run->store, sql, ret_stmt, err);
}

static enum pn_code find_chunk(struct pn_run *run, struct id_set *set,
                               const struct pn_value *values, size_t count, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    enum pn_code code = prepare(run, false, count, &stmt, err);
    if (code == PN_OK) {
        code = pn_store_query(run->store, stmt, values, (unsigned)count, &rows, err);
    }
    bool has_row = code == PN_OK;
    while (has_row) {
        code = pn_rows_next(rows, &has_row, err);
        has_row = code == PN_OK && has_row;
        struct pn_slice id = has_row ? pn_rows_bytes(rows, 0) : pn_slice_of(NULL, 0);
        if (id.len == ID_BYTES) {
            unsigned slot = slot_of(set, (const uint8_t *)id.ptr);
            if (set->slots[slot] != 0) {
                run->is_dropped[set->slots[slot] - 1] = true;
            }
        }
    }
    pn_rows_close(rows);
    return code;
}

static enum pn_code insert_chunk(struct pn_run *run, const struct pn_value *values, size_t count,
                                 struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_value all[CHUNK + 1];
    memcpy(all, values, count * sizeof *all);
    all[count] = PN_INT(pn_clock_now_ms());
    enum pn_code code = prepare(run, true, count, &stmt, err);
    return code == PN_OK ? pn_store_exec(run->store, stmt, all, (unsigned)count + 1, NULL, err)
                         : code;
}

// Once a minute, and at every batch while there are more.
static enum pn_code prune(struct pn_run *run, struct pn_err *err)
{
    int64_t now_ms = pn_clock_monotonic_ms();
    if (now_ms < run->seen_prune_ms) {
        return PN_OK;
    }
    int64_t age_ms = (int64_t)PN_SEEN_DAYS_MAX * 24 * 3600 * PN_MS_PER_SECOND;
    const struct pn_value values[] = {PN_INT(pn_clock_now_ms() - age_ms),
                                      PN_INT(PN_SEEN_PRUNED_MAX)};
    struct pn_stmt *stmt = NULL;
    int64_t dropped = 0;
    enum pn_code code =
        pn_store_prepare(run->store,
                         "DELETE FROM punos_seen WHERE id IN (SELECT id FROM punos_seen"
                         " WHERE seen_ms > 0 AND seen_ms < ?1 ORDER BY seen_ms LIMIT ?2)",
                         &stmt, err);
    if (code == PN_OK) {
        code = pn_store_exec(run->store, stmt, values, PN_ARRAY_COUNT(values), &dropped, err);
    }
    if (code == PN_OK && dropped < PN_SEEN_PRUNED_MAX) {
        run->seen_prune_ms = now_ms + PRUNE_MS;
    }
    return code;
}

// Over the ids that are not dropped, as many at a time as a statement takes. Asking for an id twice
// does no harm, so the last chunk of a search is filled up with its first id: one round trip.
static enum pn_code in_chunks(struct pn_run *run, struct id_set *set, bool is_insert,
                              struct pn_err *err)
{
    static struct pn_value values[PN_BATCH_EVENTS_MAX + CHUNK];
    size_t count = 0;
    for (size_t i = 0; i < run->record_count; i++) {
        if (!run->is_dropped[i]) {
            values[count++] = PN_BYTES(pn_slice_of((const char *)set->ids[i], ID_BYTES));
        }
    }
    enum pn_code code = PN_OK;
    for (size_t done = 0; code == PN_OK && done < count;) {
        size_t left = count - done;
        size_t take = left >= CHUNK || (!is_insert && left > 1) ? CHUNK : 1;
        for (size_t i = left; i < take; i++) {
            values[done + i] = values[done];
        }
        code = is_insert ? insert_chunk(run, values + done, take, err)
                         : find_chunk(run, set, values + done, take, err);
        done += take;
    }
    return code;
}

enum pn_code pn_dedupe(struct pn_run *run, struct pn_err *err)
{
    static struct id_set set; // 32 kB: not for the stack of a loop
    memset(run->is_dropped, 0, run->record_count * sizeof *run->is_dropped);
    if (run->config->stream.kind == PN_STREAM_EMBEDDED) {
        return PN_OK;
    }
    gather(run, &set);
    enum pn_code code = in_chunks(run, &set, false, err);
    code = code == PN_OK ? in_chunks(run, &set, true, err) : code;
    return code == PN_OK ? prune(run, err) : code;
}
