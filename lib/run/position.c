// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "run/run_parts.h"

static const char *topic_of_service(const struct pn_run *run, const char *topic)
{
    for (unsigned i = 0; i < run->service->topic_count; i++) {
        if (strcmp(run->service->topics[i], topic) == 0) {
            return run->service->topics[i];
        }
    }
    return NULL;
}

struct pn_position *pn_position_of(struct pn_run *run, const char *topic, int32_t partition)
{
    struct pn_positions *positions = &run->positions;
    for (unsigned i = 0; i < positions->count; i++) {
        struct pn_position *row = &positions->rows[i];
        if (row->partition == partition && strcmp(row->topic, topic) == 0) {
            return row;
        }
    }
    const char *kept = topic_of_service(run, topic);
    if (kept == NULL || positions->count == PN_RUN_PARTITIONS_MAX) {
        return NULL;
    }
    struct pn_position *row = &positions->rows[positions->count++];
    *row = (struct pn_position){.topic = kept, .partition = partition, .stored = -1};
    return row;
}

static enum pn_code read_row(struct pn_run *run, struct pn_position *row, struct pn_err *err)
{
    int64_t stored = -1;
    struct pn_value values[] = {PN_STR(row->topic), PN_INT(row->partition)};
    enum pn_code code = pn_store_number(
        run->store, "SELECT next_offset FROM punos_position WHERE topic = ?1 AND part = ?2", values,
        2, &stored, err);
    if (code == PN_OK) {
        row->stored = stored;
        row->is_changed = false;
    }
    return code;
}

enum pn_code pn_position_load(void *context, const char *topic, int32_t partition,
                              int64_t *ret_next_offset, struct pn_err *err)
{
    struct pn_run *run = context;
    struct pn_position *row = pn_position_of(run, topic, partition);
    if (row == NULL) {
        return pn_err_set(err, PN_LIMIT, topic, "more than %d partitions", PN_RUN_PARTITIONS_MAX);
    }
    enum pn_code code = read_row(run, row, err);
    if (code == PN_OK) {
        *ret_next_offset = row->stored < 0 ? 0 : row->stored;
    }
    return code;
}

static enum pn_code save_row(struct pn_run *run, const struct pn_position *row, struct pn_err *err)
{
    static const char *const insert =
        "INSERT INTO punos_position (topic, part, next_offset) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (topic, part) DO NOTHING";
    static const char *const update = "UPDATE punos_position SET next_offset = ?3 "
                                      "WHERE topic = ?1 AND part = ?2 AND next_offset = ?4";
    struct pn_stmt *stmt = NULL;
    int64_t changed = 0;
    bool is_new = row->stored < 0;
    struct pn_value values[] = {PN_STR(row->topic), PN_INT(row->partition), PN_INT(row->next),
                                PN_INT(row->stored)};
    enum pn_code code = pn_store_prepare(run->store, is_new ? insert : update, &stmt, err);
    if (code == PN_OK) {
        code = pn_store_exec(run->store, stmt, values, is_new ? 3 : 4, &changed, err);
    }
    if (code == PN_OK && changed != 1) {
        code = pn_err_set(err, PN_CONFLICT, row->topic,
                          "another process has taken the partition over");
    }
    return code;
}

enum pn_code pn_positions_note(struct pn_run *run, struct pn_err *err)
{
    for (size_t i = 0; i < run->record_count; i++) {
        const struct pn_record *record = &run->records[i];
        struct pn_position *row = pn_position_of(run, record->topic, record->partition);
        if (row == NULL) {
            return pn_err_set(err, PN_LIMIT, record->topic, "more than %d partitions",
                              PN_RUN_PARTITIONS_MAX);
        }
        row->next = record->offset + 1;
        row->is_changed = true;
    }
    return PN_OK;
}

enum pn_code pn_positions_save(struct pn_run *run, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < run->positions.count; i++) {
        if (run->positions.rows[i].is_changed) {
            code = save_row(run, &run->positions.rows[i], err);
        }
    }
    return code;
}

void pn_positions_committed(struct pn_run *run)
{
    for (unsigned i = 0; i < run->positions.count; i++) {
        struct pn_position *row = &run->positions.rows[i];
        if (row->is_changed) {
            row->stored = row->next;
            row->is_changed = false;
        }
    }
}

void pn_positions_rolled_back(struct pn_run *run)
{
    for (unsigned i = 0; i < run->positions.count; i++) {
        run->positions.rows[i].is_changed = false;
    }
}
