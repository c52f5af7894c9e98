// SPDX-License-Identifier: Apache-2.0
/*
 * Consumers of the embedded stream. Each has a connection of its own, so that PRAGMA data_version
 * tells of every append, its own process's too. It is woken by the file `appended`, and looks by
 * itself now and then, in case an appender died between its commit and the wake-up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/stream_sqlite_conn.h"

enum {
    LOOK_AGAIN_MS = 100, // when nothing woke the consumer
    LOOK_AGAIN_UNWATCHED_MS = 5,
    STAY_POLLS_MAX = 32, // full ones in a row from one partition
    CACHE_KIB = 2048
};
_Static_assert((int)PN_STREAM_POLL_BYTES_MAX > (int)PN_CONN_STORED_BYTES_MAX + 64,
               "a poll always gives something");

struct slot {
    const char *topic;
    int64_t key; // of offset 0
    int32_t partition;
    int64_t next;
    int64_t head;
};

struct sqlite_consumer {
    struct pn_consumer base;
    struct pn_conn conn;
    int watch_fd; // inotify on `appended`, -1 when there is none
    int claim_fd;
    char *topics[PN_STREAM_TOPICS_MAX];
    bool is_assigned[PN_STREAM_TOPICS_MAX];
    unsigned topic_count;
    struct slot *slots;
    size_t slot_count;
    size_t turn;     // the slot that the next poll begins with
    unsigned stayed; // polls that it has begun with it
    unsigned share, share_count;
    bool heads_are_read;
    int64_t data_version;
    char *bytes; // what the last poll gave
    enum pn_code (*load_position)(void *, const char *, int32_t, int64_t *, struct pn_err *);
    void *context;
};

// --- Opening and closing -------------------------------------------------------------------------

static enum pn_code claim_group(struct sqlite_consumer *consumer, const char *folder,
                                const char *group, struct pn_err *err)
{
    char name[PN_STREAM_GROUP_BYTES_MAX + 16];
    snprintf(name, sizeof name, "group-%s.lock", group);
    consumer->claim_fd = pn_sqlite_open_in(folder, name, O_RDWR);
    if (consumer->claim_fd < 0) {
        return pn_err_set(err, PN_IO, name, "cannot be opened: %s", strerror(errno));
    }
    if (flock(consumer->claim_fd, LOCK_EX | LOCK_NB) != 0) {
        return pn_err_set(err, PN_CONFLICT, name, "another process consumes as this group");
    }
    return PN_OK;
}

// Without a watch (the system's limit is reached) the consumer looks more often instead.
static int watch(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/appended", folder);
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void pn_sqlite_consumer_close(struct pn_consumer *base)
{
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)base;
    pn_conn_close(&consumer->conn);
    if (consumer->watch_fd >= 0) {
        close(consumer->watch_fd);
    }
    if (consumer->claim_fd >= 0) {
        close(consumer->claim_fd);
    }
    for (unsigned i = 0; i < consumer->topic_count; i++) {
        free(consumer->topics[i]);
    }
    free(consumer->slots);
    free(consumer->bytes);
    free(consumer);
}

static enum pn_code take_options(struct sqlite_consumer *consumer,
                                 const struct pn_consumer_options *options, struct pn_err *err)
{
    consumer->load_position = options->load_position;
    consumer->context = options->context;
    consumer->share = options->share;
    consumer->share_count = options->share_count;
    consumer->bytes = malloc(PN_STREAM_POLL_BYTES_MAX);
    for (unsigned i = 0; i < options->topic_count; i++) {
        consumer->topics[i] = strdup(options->topics[i]);
        if (consumer->topics[i] == NULL) {
            return pn_err_set(err, PN_MEMORY, "consumer", "out of memory");
        }
        consumer->topic_count++;
    }
    return consumer->bytes != NULL ? PN_OK
                                   : pn_err_set(err, PN_MEMORY, "consumer", "out of memory");
}

enum pn_code pn_sqlite_consumer_open(struct pn_stream *stream,
                                     const struct pn_consumer_options *options,
                                     struct pn_consumer **ret_consumer, struct pn_err *err)
{
    const char *folder = pn_sqlite_stream_folder(stream);
    struct sqlite_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL) {
        return pn_err_set(err, PN_MEMORY, "consumer", "out of memory");
    }
    consumer->base.ops = &pn_stream_sqlite_ops;
    consumer->claim_fd = -1;
    consumer->watch_fd = watch(folder);
    enum pn_code code = take_options(consumer, options, err);
    if (code == PN_OK) {
        code = claim_group(consumer, folder, options->group, err);
    }
    if (code == PN_OK) {
        code = pn_conn_open(&consumer->conn, folder, &pn_conn_records_file, CACHE_KIB, err);
    }
    if (code != PN_OK) {
        pn_sqlite_consumer_close(&consumer->base);
        return code;
    }
    *ret_consumer = &consumer->base;
    return PN_OK;
}

// --- Assignment and heads ------------------------------------------------------------------------

static enum pn_code place(struct sqlite_consumer *consumer, struct slot *slot, struct pn_err *err)
{
    int64_t next = 0;
    enum pn_code code =
        consumer->load_position(consumer->context, slot->topic, slot->partition, &next, err);
    if (code == PN_OK) {
        slot->next = next;
    }
    return code;
}

// Past the end: the stream is not the one that the position was stored for.
static void start_over_if_past_end(struct slot *slot)
{
    if (slot->next > slot->head || slot->next < 0) {
        slot->next = 0;
    }
}

static enum pn_code assign_topic(struct sqlite_consumer *consumer, unsigned which,
                                 struct pn_err *err)
{
    int64_t id = 0;
    int32_t partitions = 0;
    const char *name = consumer->topics[which];
    enum pn_code code = pn_conn_find_topic(&consumer->conn, name, &id, &partitions, err);
    if (code != PN_OK) {
        return code == PN_NOT_FOUND ? PN_OK : code; // it is assigned when it is made
    }
    size_t count = consumer->slot_count;
    struct slot *slots = reallocarray(consumer->slots, count + (size_t)partitions, sizeof *slots);
    if (slots == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "out of memory");
    }
    consumer->slots = slots;
    for (int32_t p = 0; p < partitions; p++) {
        if (consumer->share_count > 0 && (unsigned)p % consumer->share_count != consumer->share) {
            continue;
        }
        struct slot *slot = &slots[count++];
        *slot = (struct slot){.topic = name, .key = pn_conn_key_of(id, p), .partition = p};
        code = place(consumer, slot, err);
        if (code == PN_OK) {
            code =
                pn_conn_number(&consumer->conn, PN_CONN_GET_HEAD, &slot->key, 0, &slot->head, err);
        }
        if (code != PN_OK) {
            return code;
        }
        start_over_if_past_end(slot);
    }
    consumer->slot_count = count;
    consumer->is_assigned[which] = true;
    return PN_OK;
}

static enum pn_code assign(struct sqlite_consumer *consumer, struct pn_err *err)
{
    for (unsigned i = 0; i < consumer->topic_count; i++) {
        enum pn_code code = consumer->is_assigned[i] ? PN_OK : assign_topic(consumer, i, err);
        if (code != PN_OK) {
            return code;
        }
    }
    return PN_OK;
}

static void set_head(struct sqlite_consumer *consumer, int64_t key, int64_t next_offset)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        if (consumer->slots[i].key == key) {
            consumer->slots[i].head = next_offset;
            return;
        }
    }
}

static enum pn_code read_heads(struct sqlite_consumer *consumer, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&consumer->conn, PN_CONN_ALL_HEADS, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    int status = SQLITE_ROW;
    while ((status = sqlite3_step(stmt)) == SQLITE_ROW) {
        set_head(consumer, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
    }
    sqlite3_reset(stmt);
    return status == SQLITE_DONE ? PN_OK : pn_conn_fault(&consumer->conn, status, err);
}

// Brings assignment and heads up to date, when anything was committed since the last time.
static enum pn_code refresh(struct sqlite_consumer *consumer, struct pn_err *err)
{
    int64_t version = 0;
    enum pn_code code =
        pn_conn_number(&consumer->conn, PN_CONN_DATA_VERSION, NULL, 0, &version, err);
    if (code != PN_OK || (consumer->heads_are_read && version == consumer->data_version)) {
        return code;
    }
    code = assign(consumer, err);
    if (code == PN_OK) {
        code = read_heads(consumer, err);
    }
    if (code == PN_OK) {
        consumer->data_version = version;
        consumer->heads_are_read = true;
    }
    return code;
}

// --- Polling -------------------------------------------------------------------------------------

// What one poll gives.
struct taking {
    struct pn_record *records;
    size_t record_max;
    size_t count;
    size_t bytes_used; // of the consumer's bytes
    bool is_full;
};

// Copies the row that the statement stands on; false when it is damaged.
static bool take_row(struct sqlite_consumer *consumer, struct slot *slot, sqlite3_stmt *stmt,
                     struct taking *taking)
{
    size_t stored_bytes = (size_t)sqlite3_column_bytes(stmt, 1);
    if (stored_bytes + PN_STORED_ID_TEXT_BYTES > PN_STREAM_POLL_BYTES_MAX - taking->bytes_used) {
        taking->is_full = true;
        return taking->count > 0;
    }
    char *bytes = consumer->bytes + taking->bytes_used;
    const void *stored = sqlite3_column_blob(stmt, 1);
    if (stored == NULL) {
        return false;
    }
    memcpy(bytes, stored, stored_bytes);
    struct pn_record *record = &taking->records[taking->count];
    if (!pn_stored_read(pn_slice_of(bytes, stored_bytes), bytes + stored_bytes, &record->event)) {
        return false;
    }
    record->topic = slot->topic;
    record->partition = slot->partition;
    record->offset = sqlite3_column_int64(stmt, 0) - slot->key;
    slot->next = record->offset + 1;
    taking->bytes_used += stored_bytes + PN_STORED_ID_TEXT_BYTES;
    taking->count++;
    return true;
}

static enum pn_code take_slot(struct sqlite_consumer *consumer, struct slot *slot,
                              struct taking *taking, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(&consumer->conn, PN_CONN_READ_RANGE, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_int64(stmt, 1, slot->key + slot->next);
    sqlite3_bind_int64(stmt, 2, slot->key + slot->head);
    sqlite3_bind_int64(stmt, 3, (int64_t)(taking->record_max - taking->count));
    int status = SQLITE_ROW;
    while (!taking->is_full && (status = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!take_row(consumer, slot, stmt, taking)) {
            sqlite3_reset(stmt);
            return pn_err_set(err, PN_INTERNAL, slot->topic, "a stored record is damaged");
        }
    }
    sqlite3_reset(stmt);
    if (status == SQLITE_DONE && taking->count < taking->record_max) {
        slot->next = slot->head; // what lay before it was pruned
    }
    return status == SQLITE_ROW || status == SQLITE_DONE
               ? PN_OK
               : pn_conn_fault(&consumer->conn, status, err);
}

// None is held up by the rest; yet one that has much is read on for a while: who catches up meets
// the same clients again before the commit.
static void pass_turn(struct sqlite_consumer *consumer, size_t which, bool is_full)
{
    bool stays = is_full && consumer->turn == which && ++consumer->stayed < STAY_POLLS_MAX;
    if (!stays) {
        consumer->turn = (which + 1) % consumer->slot_count;
        consumer->stayed = 0;
    }
}

// From each partition in turn.
static enum pn_code take(struct sqlite_consumer *consumer, struct taking *taking,
                         struct pn_err *err)
{
    enum pn_code code = PN_OK;
    size_t first = consumer->turn;
    for (size_t i = 0; i < consumer->slot_count && code == PN_OK; i++) {
        size_t which = (first + i) % consumer->slot_count;
        struct slot *slot = &consumer->slots[which];
        if (taking->is_full || taking->count == taking->record_max) {
            break;
        }
        if (slot->next < slot->head) {
            code = take_slot(consumer, slot, taking, err);
            pass_turn(consumer, which, i == 0 && taking->count == taking->record_max);
        }
    }
    // What was taken before a failure is given; the failure comes again with the next poll.
    return taking->count > 0 ? PN_OK : code;
}

static void forget_wake_ups(struct sqlite_consumer *consumer)
{
    char events[1024];
    for (int i = 0; consumer->watch_fd >= 0 && i < 64; i++) {
        if (read(consumer->watch_fd, events, sizeof events) <= 0) {
            return;
        }
    }
}

static void wait_for_append(struct sqlite_consumer *consumer, int64_t wait_ms)
{
    struct pollfd watched = {.fd = consumer->watch_fd, .events = POLLIN};
    int64_t most_ms = consumer->watch_fd >= 0 ? LOOK_AGAIN_MS : LOOK_AGAIN_UNWATCHED_MS;
    poll(&watched, 1, (int)(wait_ms < most_ms ? wait_ms : most_ms));
}

enum pn_code pn_sqlite_consumer_poll(struct pn_consumer *base, int timeout_ms,
                                     struct pn_record *ret_records, size_t record_max,
                                     size_t *ret_count, struct pn_err *err)
{
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)base;
    int64_t deadline_ms = pn_clock_monotonic_ms() + timeout_ms;
    struct taking taking = {.records = ret_records, .record_max = record_max};
    for (;;) {
        // Before the look: what is committed after it wakes us again.
        forget_wake_ups(consumer);
        enum pn_code code = refresh(consumer, err);
        if (code == PN_OK) {
            code = take(consumer, &taking, err);
        }
        if (code != PN_OK) {
            return code;
        }
        int64_t left_ms = deadline_ms - pn_clock_monotonic_ms();
        if (taking.count > 0 || left_ms <= 0) {
            *ret_count = taking.count;
            return PN_OK;
        }
        wait_for_append(consumer, left_ms);
    }
}

int pn_sqlite_consumer_fd(const struct pn_consumer *base)
{
    return ((const struct sqlite_consumer *)base)->watch_fd;
}

enum pn_code pn_sqlite_consumer_rewind(struct pn_consumer *base, struct pn_err *err)
{
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)base;
    for (size_t i = 0; i < consumer->slot_count; i++) {
        enum pn_code code = place(consumer, &consumer->slots[i], err);
        if (code != PN_OK) {
            return code;
        }
        start_over_if_past_end(&consumer->slots[i]);
    }
    return PN_OK;
}

int64_t pn_sqlite_consumer_lag(struct pn_consumer *base)
{
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)base;
    struct pn_err ignored;
    (void)!refresh(consumer, &ignored);
    int64_t lag = 0;
    for (size_t i = 0; i < consumer->slot_count; i++) {
        lag += consumer->slots[i].head - consumer->slots[i].next;
    }
    return lag;
}
