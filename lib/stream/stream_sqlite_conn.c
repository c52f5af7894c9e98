// SPDX-License-Identifier: Apache-2.0
#include "stream/stream_sqlite_conn.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

// How long one writer waits for the others: senders hear of it before they give up.
enum { TURN_WAIT_MS_MAX = 3000 };
_Static_assert(PN_STREAM_PARTITIONS_MAX <= 1 << (PN_CONN_TOPIC_SHIFT - PN_CONN_PARTITION_SHIFT),
               "a partition fits in the key");

const struct pn_conn_file pn_conn_records_file = {
    .name = "stream.db",
    .pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
               "PRAGMA wal_autocheckpoint = 16000; PRAGMA journal_size_limit = 67108864;",
    .schema = "CREATE TABLE IF NOT EXISTS topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
              " partitions INTEGER NOT NULL);"
              "CREATE TABLE IF NOT EXISTS head (key INTEGER PRIMARY KEY,"
              " next_offset INTEGER NOT NULL);"
              "CREATE TABLE IF NOT EXISTS record (key INTEGER PRIMARY KEY, event BLOB NOT NULL);",
};

const struct pn_conn_file pn_conn_seen_file = {
    .name = "seen.db",
    .pragmas = "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
               "PRAGMA wal_autocheckpoint = 32000; PRAGMA journal_size_limit = 67108864;",
    .schema = "CREATE TABLE IF NOT EXISTS head (key INTEGER PRIMARY KEY,"
              " next_offset INTEGER NOT NULL);"
              "CREATE TABLE IF NOT EXISTS seen (topic INTEGER NOT NULL, id BLOB NOT NULL,"
              " PRIMARY KEY (topic, id)) WITHOUT ROWID;",
};

static const char *const statement_sql[PN_CONN_STATEMENT_COUNT] = {
    [PN_CONN_BEGIN] = "BEGIN IMMEDIATE",
    [PN_CONN_COMMIT] = "COMMIT",
    [PN_CONN_ROLLBACK] = "ROLLBACK",
    [PN_CONN_FIND_TOPIC] = "SELECT id, partitions FROM topic WHERE name = ?1",
    [PN_CONN_ADD_TOPIC] = "INSERT INTO topic (name, partitions) VALUES (?1, ?2)",
    [PN_CONN_ADD_HEAD] = "INSERT INTO head (key, next_offset) VALUES (?1, 0)",
    [PN_CONN_GET_HEAD] = "SELECT next_offset FROM head WHERE key = ?1",
    [PN_CONN_ALL_HEADS] = "SELECT key, next_offset FROM head",
    [PN_CONN_MOVE_HEAD] = "INSERT INTO head (key, next_offset) VALUES (?1, ?2)"
                          " ON CONFLICT (key) DO UPDATE SET next_offset = excluded.next_offset",
    [PN_CONN_ADD_SEEN] = "INSERT OR IGNORE INTO seen (topic, id) VALUES (?1, ?2)",
    [PN_CONN_ADD_RECORD] = "INSERT INTO record (key, event) VALUES (?1, ?2)",
    [PN_CONN_READ_RANGE] = "SELECT key, event FROM record WHERE key >= ?1 AND key < ?2 ORDER BY key"
                           " LIMIT ?3",
    [PN_CONN_OLDEST] = "SELECT key, substr(event, 1, 64) FROM record WHERE key >= ?1 AND key < ?2"
                       " ORDER BY key LIMIT ?3",
    [PN_CONN_DROP_SEEN] = "DELETE FROM seen WHERE topic = ?1 AND id = ?2",
    [PN_CONN_FORGET_TOPIC] = "DELETE FROM seen WHERE topic = ?1",
    [PN_CONN_DROP_RECORDS] = "DELETE FROM record WHERE key >= ?1 AND key <= ?2",
    [PN_CONN_DATA_VERSION] = "PRAGMA data_version",
};

enum pn_code pn_conn_fault(struct pn_conn *conn, int status, struct pn_err *err)
{
    switch (status & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return pn_err_set(err, PN_UNAVAILABLE, conn->file->name, "other processes keep it locked");
    case SQLITE_NOMEM:
        return pn_err_set(err, PN_MEMORY, conn->file->name, "out of memory");
    default:
        return pn_err_set(err, PN_IO, conn->file->name, "%s", sqlite3_errmsg(conn->db));
    }
}

// SQLite's own waits grow to 100 ms; writers here hold the lock for about one sync.
static int wait_for_turn(void *context, int tries)
{
    struct pn_conn *conn = context;
    int64_t now_ms = pn_clock_monotonic_ms();
    if (tries == 0) {
        conn->waiting_since_ms = now_ms;
    }
    if (now_ms - conn->waiting_since_ms > TURN_WAIT_MS_MAX) {
        return 0;
    }
    usleep(200 + (unsigned)(tries * 97 + getpid()) % 400);
    return 1;
}

enum pn_code pn_conn_open(struct pn_conn *conn, const char *folder, const struct pn_conn_file *file,
                          int cache_kib, struct pn_err *err)
{
    char path[PATH_MAX];
    char cache[64];
    conn->file = file;
    snprintf(path, sizeof path, "%s/%s", folder, file->name);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int status = sqlite3_open_v2(path, &conn->db, flags, NULL);
    if (status != SQLITE_OK) {
        return pn_err_set(err, PN_IO, path, "cannot be opened");
    }
    sqlite3_busy_handler(conn->db, wait_for_turn, conn);
    snprintf(cache, sizeof cache, "PRAGMA cache_size = -%d", cache_kib);
    status = sqlite3_exec(conn->db, file->pragmas, NULL, NULL, NULL);
    if (status == SQLITE_OK) {
        status = sqlite3_exec(conn->db, cache, NULL, NULL, NULL);
    }
    return status == SQLITE_OK ? PN_OK : pn_conn_fault(conn, status, err);
}

void pn_conn_close(struct pn_conn *conn)
{
    for (size_t i = 0; i < PN_CONN_STATEMENT_COUNT; i++) {
        sqlite3_finalize(conn->statements[i]);
    }
    sqlite3_close(conn->db);
}

// The statement, ready for binding.
enum pn_code pn_conn_get(struct pn_conn *conn, enum pn_conn_statement which,
                         sqlite3_stmt **ret_stmt, struct pn_err *err)
{
    if (conn->statements[which] == NULL) {
        int status = sqlite3_prepare_v3(conn->db, statement_sql[which], -1,
                                        SQLITE_PREPARE_PERSISTENT, &conn->statements[which], NULL);
        if (status != SQLITE_OK) {
            return pn_conn_fault(conn, status, err);
        }
    }
    *ret_stmt = conn->statements[which];
    return PN_OK;
}

// Runs a statement without rows whose parameters are these numbers.
enum pn_code pn_conn_run(struct pn_conn *conn, enum pn_conn_statement which, const int64_t *numbers,
                         int number_count, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(conn, which, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    for (int i = 0; i < number_count; i++) {
        sqlite3_bind_int64(stmt, i + 1, numbers[i]);
    }
    int status = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return status == SQLITE_DONE || status == SQLITE_ROW ? PN_OK : pn_conn_fault(conn, status, err);
}

enum pn_code pn_conn_number(struct pn_conn *conn, enum pn_conn_statement which,
                            const int64_t *parameter, int64_t otherwise, int64_t *ret_number,
                            struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(conn, which, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    if (parameter != NULL) {
        sqlite3_bind_int64(stmt, 1, *parameter);
    }
    int status = sqlite3_step(stmt);
    if (status == SQLITE_ROW) {
        *ret_number = sqlite3_column_int64(stmt, 0);
    } else if (status == SQLITE_DONE) {
        *ret_number = otherwise;
    } else {
        code = pn_conn_fault(conn, status, err);
    }
    sqlite3_reset(stmt);
    return code;
}

void pn_conn_rollback(struct pn_conn *conn)
{
    struct pn_err ignored;
    if (sqlite3_get_autocommit(conn->db) == 0) {
        (void)!pn_conn_run(conn, PN_CONN_ROLLBACK, NULL, 0, &ignored);
    }
}

// PN_NOT_FOUND, with err filled, when there is no such topic.
enum pn_code pn_conn_find_topic(struct pn_conn *conn, const char *name, int64_t *ret_id,
                                int32_t *ret_partitions, struct pn_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum pn_code code = pn_conn_get(conn, PN_CONN_FIND_TOPIC, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    int status = sqlite3_step(stmt);
    if (status == SQLITE_ROW) {
        *ret_id = sqlite3_column_int64(stmt, 0);
        *ret_partitions = sqlite3_column_int(stmt, 1);
    } else if (status == SQLITE_DONE) {
        code = pn_err_set(err, PN_NOT_FOUND, name, "there is no such topic");
    } else {
        code = pn_conn_fault(conn, status, err);
    }
    sqlite3_reset(stmt);
    return code;
}

int64_t pn_conn_key_of(int64_t topic_id, int32_t partition)
{
    return topic_id << PN_CONN_TOPIC_SHIFT | (int64_t)partition << PN_CONN_PARTITION_SHIFT;
}

enum pn_code pn_conn_make_tables(struct pn_conn *conn, struct pn_err *err)
{
    int status = sqlite3_exec(conn->db, conn->file->schema, NULL, NULL, NULL);
    return status == SQLITE_OK ? PN_OK : pn_conn_fault(conn, status, err);
}
