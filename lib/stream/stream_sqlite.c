// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded stream: one SQLite file that the processes of one machine share.
 *
 * Appending is one immediate transaction, synced before it returns. After it the file `appended` is
 * written, which wakes the consumers that watch it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"
#include "stream/stream_sqlite_conn.h"

enum {
    OPEN_WAIT_MS_MAX = 20000,
    CACHE_KIB = 4096,
    SEEN_CACHE_KIB = 4096,
    PRUNE_RECORDS_MAX = 2000 // in one call
};

struct topic {
    char name[PN_STREAM_TOPIC_BYTES_MAX + 1];
    int64_t id;
    int32_t partition_count;
    bool is_loaded;        // inside an append: what follows has been read
    int64_t *next_offsets; // of each partition
    bool *is_moved;
};

struct sqlite_stream {
    struct pn_stream base;
    struct pn_conn conn; // records
    struct pn_conn seen;
    char folder[PATH_MAX];
    int appended_fd;
    int64_t partitions;
    int64_t retention_ms;
    struct topic topics[PN_STREAM_TOPICS_MAX];
    unsigned topic_count;
    struct pn_buf stored;
};

// --- The stream ----------------------------------------------------------------------------------

int pn_sqlite_open_in(const char *folder, const char *name, int flags)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, flags | O_CREAT | O_CLOEXEC, 0600);
}

static enum pn_code make_folder(const char *data_dir, char ret_folder[static PATH_MAX],
                                struct pn_err *err)
{
    int length = snprintf(ret_folder, PATH_MAX, "%s/stream", data_dir);
    if (length < 0 || length >= PATH_MAX - PN_STREAM_GROUP_BYTES_MAX - 32) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    bool made = (mkdir(data_dir, 0700) == 0 || errno == EEXIST) &&
                (mkdir(ret_folder, 0700) == 0 || errno == EEXIST);
    return made ? PN_OK : pn_err_set(err, PN_IO, ret_folder, "cannot be made: %s", strerror(errno));
}

// Setting up a new file is done by one process at a time; the descriptor returned holds the turn.
static int take_open_turn(const char *folder)
{
    int fd = pn_sqlite_open_in(folder, "open.lock", O_RDWR);
    int64_t deadline_ms = pn_clock_monotonic_ms() + OPEN_WAIT_MS_MAX;
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (pn_clock_monotonic_ms() > deadline_ms) {
            close(fd);
            return -1;
        }
        usleep(1000);
    }
    return fd;
}

// Made here for its mode, which SQLite gives to the files beside it too.
static void make_private(const char *folder, const char *name)
{
    int fd = pn_sqlite_open_in(folder, name, O_RDWR);
    if (fd >= 0) {
        close(fd);
    }
}

static enum pn_code set_up(struct sqlite_stream *stream, struct pn_err *err)
{
    int turn_fd = take_open_turn(stream->folder);
    if (turn_fd < 0) {
        return pn_err_set(err, PN_UNAVAILABLE, stream->folder, "another process is opening it");
    }
    make_private(stream->folder, pn_conn_records_file.name);
    make_private(stream->folder, pn_conn_seen_file.name);
    stream->appended_fd = pn_sqlite_open_in(stream->folder, "appended", O_WRONLY);
    enum pn_code code =
        pn_conn_open(&stream->conn, stream->folder, &pn_conn_records_file, CACHE_KIB, err);
    if (code == PN_OK) {
        code = pn_conn_make_tables(&stream->conn, err);
    }
    if (code == PN_OK) {
        code = pn_conn_open(&stream->seen, stream->folder, &pn_conn_seen_file, SEEN_CACHE_KIB, err);
    }
    if (code == PN_OK) {
        code = pn_conn_make_tables(&stream->seen, err);
    }
    close(turn_fd);
    return code;
}

static void stream_close(struct pn_stream *base)
{
    struct sqlite_stream *stream = (struct sqlite_stream *)base;
    pn_conn_close(&stream->conn);
    pn_conn_close(&stream->seen);
    if (stream->appended_fd >= 0) {
        close(stream->appended_fd);
    }
    for (unsigned i = 0; i < stream->topic_count; i++) {
        free(stream->topics[i].next_offsets);
        free(stream->topics[i].is_moved);
    }
    pn_buf_release(&stream->stored);
    free(stream);
}

static enum pn_code stream_open(const struct pn_config *config, struct pn_stream **ret_stream,
                                struct pn_err *err)
{
    struct sqlite_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return pn_err_set(err, PN_MEMORY, "stream", "out of memory");
    }
    stream->base.ops = &pn_stream_sqlite_ops;
    stream->appended_fd = -1;
    stream->partitions = config->stream.partitions;
    stream->retention_ms = config->stream.retention_days * PN_MS_PER_DAY;
    pn_buf_init(&stream->stored, PN_CONN_STORED_BYTES_MAX);
    enum pn_code code = make_folder(config->data_dir, stream->folder, err);
    if (code == PN_OK) {
        code = set_up(stream, err);
    }
    if (code != PN_OK) {
        stream_close(&stream->base);
        return code;
    }
    *ret_stream = &stream->base;
    return PN_OK;
}

static enum pn_code add_topic(struct sqlite_stream *stream, const char *name, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&stream->conn, PN_CONN_ADD_TOPIC, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, stream->partitions);
    int status = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    if (status != SQLITE_DONE) {
        return pn_conn_fault(&stream->conn, status, err);
    }
    int64_t id = sqlite3_last_insert_rowid(stream->conn.db);
    for (int32_t i = 0; i < stream->partitions && code == PN_OK; i++) {
        code = pn_conn_run(&stream->conn, PN_CONN_ADD_HEAD, (int64_t[]){pn_conn_key_of(id, i)}, 1,
                           err);
    }
    return code;
}

static enum pn_code stream_create_topics(struct pn_stream *base, struct pn_err *err)
{
    struct sqlite_stream *stream = (struct sqlite_stream *)base;
    enum pn_code code = pn_conn_run(&stream->conn, PN_CONN_BEGIN, NULL, 0, err);
    for (size_t i = 0; code == PN_OK && pn_stream_topic_names[i] != NULL; i++) {
        int64_t id = 0;
        int32_t partitions = 0;
        code = pn_conn_find_topic(&stream->conn, pn_stream_topic_names[i], &id, &partitions, err);
        if (code == PN_NOT_FOUND) {
            code = add_topic(stream, pn_stream_topic_names[i], err);
        }
    }
    if (code == PN_OK) {
        code = pn_conn_run(&stream->conn, PN_CONN_COMMIT, NULL, 0, err);
    }
    pn_conn_rollback(&stream->conn);
    return code;
}

// --- Appending -----------------------------------------------------------------------------------

static enum pn_code get_topic(struct sqlite_stream *stream, const char *name,
                              struct topic **ret_topic, struct pn_err *err)
{
    for (unsigned i = 0; i < stream->topic_count; i++) {
        if (strcmp(stream->topics[i].name, name) == 0) {
            *ret_topic = &stream->topics[i];
            return PN_OK;
        }
    }
    if (stream->topic_count == PN_STREAM_TOPICS_MAX) {
        return pn_err_set(err, PN_LIMIT, name, "more than %d topics", PN_STREAM_TOPICS_MAX);
    }
    struct topic *topic = &stream->topics[stream->topic_count];
    enum pn_code code =
        pn_conn_find_topic(&stream->conn, name, &topic->id, &topic->partition_count, err);
    if (code != PN_OK) {
        return code;
    }
    topic->next_offsets = calloc((size_t)topic->partition_count, sizeof *topic->next_offsets);
    topic->is_moved = calloc((size_t)topic->partition_count, sizeof *topic->is_moved);
    if (topic->next_offsets == NULL || topic->is_moved == NULL) {
        free(topic->next_offsets);
        free(topic->is_moved);
        return pn_err_set(err, PN_MEMORY, name, "out of memory");
    }
    snprintf(topic->name, sizeof topic->name, "%s", name);
    stream->topic_count++;
    *ret_topic = topic;
    return PN_OK;
}

// Whether the topic has not held the id until now.
static enum pn_code mark_seen(struct sqlite_stream *stream, const struct topic *topic,
                              const void *id, bool *ret_is_new, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&stream->seen, PN_CONN_ADD_SEEN, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_int64(stmt, 1, topic->id);
    sqlite3_bind_blob(stmt, 2, id, PN_STORED_ID_BYTES, SQLITE_STATIC);
    int status = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    if (status != SQLITE_DONE) {
        return pn_conn_fault(&stream->seen, status, err);
    }
    *ret_is_new = sqlite3_changes(stream->seen.db) > 0;
    return PN_OK;
}

// Marks the ids of the records that seen.db does not know of: their appender died before it could.
static enum pn_code catch_up(struct sqlite_stream *stream, const struct topic *topic,
                             int32_t partition, int64_t first, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int64_t key = pn_conn_key_of(topic->id, partition);
    enum pn_code code = pn_conn_get(&stream->conn, PN_CONN_OLDEST, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_int64(stmt, 1, key + first);
    sqlite3_bind_int64(stmt, 2, key + topic->next_offsets[partition]);
    sqlite3_bind_int64(stmt, 3, -1); // all
    int status = SQLITE_DONE;
    while (code == PN_OK && (status = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct pn_slice id;
        int64_t appended_ms = 0;
        bool is_new = false;
        struct pn_slice stored =
            pn_slice_of(sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
        if (pn_stored_peek(stored, &id, &appended_ms)) {
            code = mark_seen(stream, topic, id.ptr, &is_new, err);
        }
    }
    sqlite3_reset(stmt);
    if (code == PN_OK && status != SQLITE_DONE) {
        code = pn_conn_fault(&stream->conn, status, err);
    }
    const int64_t numbers[] = {key, topic->next_offsets[partition]};
    return code == PN_OK ? pn_conn_run(&stream->seen, PN_CONN_MOVE_HEAD, numbers, 2, err) : code;
}

// seen.db is ahead of the records: it belongs to another stream.db, which this one has replaced.
static enum pn_code forget_topic(struct sqlite_stream *stream, const struct topic *topic,
                                 struct pn_err *err)
{
    enum pn_code code = pn_conn_run(&stream->seen, PN_CONN_FORGET_TOPIC, &topic->id, 1, err);
    for (int32_t p = 0; p < topic->partition_count && code == PN_OK; p++) {
        code = catch_up(stream, topic, p, 0, err);
    }
    return code;
}

static enum pn_code load_topic(struct sqlite_stream *stream, struct topic *topic,
                               struct pn_err *err)
{
    enum pn_code code = PN_OK;
    bool is_foreign = false;
    for (int32_t p = 0; p < topic->partition_count && code == PN_OK; p++) {
        int64_t key = pn_conn_key_of(topic->id, p);
        int64_t *next = &topic->next_offsets[p];
        int64_t marked = 0;
        topic->is_moved[p] = false;
        code = pn_conn_number(&stream->conn, PN_CONN_GET_HEAD, &key, 0, next, err);
        if (code == PN_OK) {
            code = pn_conn_number(&stream->seen, PN_CONN_GET_HEAD, &key, 0, &marked, err);
        }
        if (code == PN_OK && marked < *next) {
            code = catch_up(stream, topic, p, marked, err);
        }
        is_foreign = is_foreign || (code == PN_OK && marked > *next);
    }
    if (is_foreign && code == PN_OK) {
        code = forget_topic(stream, topic, err);
    }
    topic->is_loaded = code == PN_OK;
    return code;
}

static enum pn_code add_record(struct sqlite_stream *stream, int64_t key, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&stream->conn, PN_CONN_ADD_RECORD, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_int64(stmt, 1, key);
    sqlite3_bind_blob64(stmt, 2, stream->stored.data, stream->stored.len, SQLITE_STATIC);
    int status = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return status == SQLITE_DONE ? PN_OK : pn_conn_fault(&stream->conn, status, err);
}

static enum pn_code append_one(struct sqlite_stream *stream, const struct pn_record_out *record,
                               int64_t now_ms, struct pn_err *err)
{
    struct topic *topic = NULL;
    enum pn_code code = get_topic(stream, record->topic, &topic, err);
    if (code == PN_OK && !topic->is_loaded) {
        code = load_topic(stream, topic, err);
    }
    if (code != PN_OK) {
        return code;
    }
    uint8_t id[PN_STORED_ID_BYTES];
    if (!pn_uuid_parse(record->event.id, id)) {
        return pn_err_set(err, PN_INTERNAL, "id", "was not checked");
    }
    bool is_new = false;
    code = mark_seen(stream, topic, id, &is_new, err);
    if (code != PN_OK || !is_new) {
        return code;
    }
    int32_t partition = pn_stream_partition_of(record->event.subject, topic->partition_count);
    int64_t key = pn_conn_key_of(topic->id, partition) | topic->next_offsets[partition]++;
    topic->is_moved[partition] = true;
    pn_buf_clear(&stream->stored);
    pn_stored_write(&record->event, id, now_ms, &stream->stored);
    if (!pn_buf_ok(&stream->stored)) {
        return pn_err_set(err, PN_MEMORY, "event", "out of memory");
    }
    return add_record(stream, key, err);
}

// Writes the heads that moved, in both files.
static enum pn_code move_heads(struct sqlite_stream *stream, const struct topic *topic,
                               struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (int32_t p = 0; p < topic->partition_count && code == PN_OK; p++) {
        if (!topic->is_moved[p]) {
            continue;
        }
        const int64_t numbers[] = {pn_conn_key_of(topic->id, p), topic->next_offsets[p]};
        code = pn_conn_run(&stream->conn, PN_CONN_MOVE_HEAD, numbers, 2, err);
        if (code == PN_OK) {
            code = pn_conn_run(&stream->seen, PN_CONN_MOVE_HEAD, numbers, 2, err);
        }
    }
    return code;
}

static enum pn_code append_all(struct sqlite_stream *stream, const struct pn_record_out *records,
                               size_t record_count, struct pn_err *err)
{
    int64_t now_ms = pn_clock_now_ms();
    enum pn_code code = PN_OK;
    for (size_t i = 0; i < record_count && code == PN_OK; i++) {
        code = append_one(stream, &records[i], now_ms, err);
    }
    for (unsigned i = 0; i < stream->topic_count && code == PN_OK; i++) {
        if (stream->topics[i].is_loaded) {
            code = move_heads(stream, &stream->topics[i], err);
        }
    }
    return code;
}

static enum pn_code begin(struct sqlite_stream *stream, struct pn_err *err)
{
    // Every process in this order.
    enum pn_code code = pn_conn_run(&stream->conn, PN_CONN_BEGIN, NULL, 0, err);
    return code == PN_OK ? pn_conn_run(&stream->seen, PN_CONN_BEGIN, NULL, 0, err) : code;
}

// The records first: an id must not be known of a record that is not there.
static enum pn_code commit(struct sqlite_stream *stream, struct pn_err *err)
{
    struct pn_err ignored;
    enum pn_code code = pn_conn_run(&stream->conn, PN_CONN_COMMIT, NULL, 0, err);
    if (code == PN_OK) {
        // What fails here is caught up with by the next append.
        (void)!pn_conn_run(&stream->seen, PN_CONN_COMMIT, NULL, 0, &ignored);
    }
    return code;
}

static void end(struct sqlite_stream *stream)
{
    pn_conn_rollback(&stream->conn);
    pn_conn_rollback(&stream->seen);
}

static enum pn_code stream_append(struct pn_stream *base, const struct pn_record_out *records,
                                  size_t record_count, struct pn_err *err)
{
    struct sqlite_stream *stream = (struct sqlite_stream *)base;
    enum pn_code code = begin(stream, err);
    for (unsigned i = 0; i < stream->topic_count; i++) {
        stream->topics[i].is_loaded = false; // other processes append too
    }
    if (code == PN_OK) {
        code = append_all(stream, records, record_count, err);
    }
    if (code == PN_OK) {
        code = commit(stream, err);
    }
    end(stream);
    if (code == PN_OK) {
        // Only a wake-up: consumers find the records without it too, later.
        (void)!pwrite(stream->appended_fd, "\n", 1, 0);
    }
    return code;
}

// --- Pruning -------------------------------------------------------------------------------------

static enum pn_code forget_id(struct sqlite_stream *stream, int64_t topic_id, struct pn_slice id,
                              struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&stream->seen, PN_CONN_DROP_SEEN, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_int64(stmt, 1, topic_id);
    sqlite3_bind_blob(stmt, 2, id.ptr, (int)id.len, SQLITE_STATIC);
    int status = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return status == SQLITE_DONE ? PN_OK : pn_conn_fault(&stream->seen, status, err);
}

// Forgets the ids of the partition's oldest records that are over age, at most *count of them, and
// tells how many they are and the last one's key.
static enum pn_code forget_overdue(struct sqlite_stream *stream, int64_t topic_id,
                                   int64_t first_key, int64_t *count, int64_t *ret_last_key,
                                   struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&stream->conn, PN_CONN_OLDEST, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    int64_t limit_ms = pn_clock_now_ms() - stream->retention_ms;
    sqlite3_bind_int64(stmt, 1, first_key);
    sqlite3_bind_int64(stmt, 2, first_key + (INT64_C(1) << PN_CONN_PARTITION_SHIFT));
    sqlite3_bind_int64(stmt, 3, *count);
    int64_t found = 0;
    int status = SQLITE_DONE;
    while (code == PN_OK && (status = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct pn_slice id;
        int64_t appended_ms = 0;
        struct pn_slice stored =
            pn_slice_of(sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
        if (!pn_stored_peek(stored, &id, &appended_ms) || appended_ms >= limit_ms) {
            break;
        }
        code = forget_id(stream, topic_id, id, err);
        *ret_last_key = sqlite3_column_int64(stmt, 0);
        found++;
    }
    sqlite3_reset(stmt);
    *count = found;
    if (code == PN_OK && status != SQLITE_ROW && status != SQLITE_DONE) {
        code = pn_conn_fault(&stream->conn, status, err);
    }
    return code;
}

static enum pn_code prune_topic(struct sqlite_stream *stream, const char *name, int64_t *left,
                                struct pn_err *err)
{
    int64_t id = 0;
    int32_t partitions = 0;
    enum pn_code code = pn_conn_find_topic(&stream->conn, name, &id, &partitions, err);
    if (code == PN_NOT_FOUND) {
        return PN_OK;
    }
    for (int32_t p = 0; p < partitions && *left > 0 && code == PN_OK; p++) {
        int64_t range[2] = {pn_conn_key_of(id, p), 0};
        int64_t count = *left;
        code = forget_overdue(stream, id, range[0], &count, &range[1], err);
        if (code == PN_OK && count > 0) {
            code = pn_conn_run(&stream->conn, PN_CONN_DROP_RECORDS, range, 2, err);
        }
        *left -= count;
    }
    return code;
}

static enum pn_code stream_prune(struct pn_stream *base, bool *ret_more, struct pn_err *err)
{
    struct sqlite_stream *stream = (struct sqlite_stream *)base;
    int64_t left = PRUNE_RECORDS_MAX;
    if (stream->retention_ms == 0) {
        *ret_more = false;
        return PN_OK;
    }
    enum pn_code code = begin(stream, err);
    for (size_t i = 0; code == PN_OK && pn_stream_topic_names[i] != NULL; i++) {
        code = prune_topic(stream, pn_stream_topic_names[i], &left, err);
    }
    if (code == PN_OK) {
        code = commit(stream, err);
    }
    end(stream);
    if (code == PN_OK) {
        *ret_more = left == 0;
    }
    return code;
}

const char *pn_sqlite_stream_folder(const struct pn_stream *stream)
{
    return ((const struct sqlite_stream *)stream)->folder;
}

const struct pn_stream_ops pn_stream_sqlite_ops = {
    .open = stream_open,
    .close = stream_close,
    .create_topics = stream_create_topics,
    .append = stream_append,
    .prune = stream_prune,
    .consumer_open = pn_sqlite_consumer_open,
    .consumer_close = pn_sqlite_consumer_close,
    .consumer_poll = pn_sqlite_consumer_poll,
    .consumer_fd = pn_sqlite_consumer_fd,
    .consumer_rewind = pn_sqlite_consumer_rewind,
    .consumer_lag = pn_sqlite_consumer_lag,
};
