// SPDX-License-Identifier: Apache-2.0
/*
 * One connection to the embedded stream's SQLite file. Private to this folder.
 *
 * A record's key is one integer, topic | partition | offset, so that a partition lies in order in
 * one B-tree. `head` holds the next offset of every partition, `seen` the ids that a topic holds.
 */
#ifndef PN_STREAM_STREAM_SQLITE_CONN_H
#define PN_STREAM_STREAM_SQLITE_CONN_H

#include <sqlite3.h>

#include "stream/stored.h"
#include "stream/stream_impl.h"

enum {
    PN_CONN_TOPIC_SHIFT = 52,
    PN_CONN_PARTITION_SHIFT = 40,
    PN_CONN_STORED_BYTES_MAX = PN_EVENT_BYTES_MAX + 7 * PN_STREAM_ATTRIBUTE_BYTES_MAX
};

enum pn_conn_statement {
    PN_CONN_BEGIN,
    PN_CONN_COMMIT,
    PN_CONN_ROLLBACK,
    PN_CONN_FIND_TOPIC,
    PN_CONN_ADD_TOPIC,
    PN_CONN_ADD_HEAD,
    PN_CONN_GET_HEAD,
    PN_CONN_ALL_HEADS,
    PN_CONN_MOVE_HEAD,
    PN_CONN_ADD_SEEN,
    PN_CONN_ADD_RECORD,
    PN_CONN_READ_RANGE,
    PN_CONN_OLDEST,
    PN_CONN_DROP_SEEN,
    PN_CONN_FORGET_TOPIC,
    PN_CONN_DROP_RECORDS,
    PN_CONN_DATA_VERSION,
    PN_CONN_STATEMENT_COUNT
};

// Statements are prepared when they are first used.
struct pn_conn {
    sqlite3 *db;
    sqlite3_stmt *statements[PN_CONN_STATEMENT_COUNT];
    const struct pn_conn_file *file;
    int64_t waiting_since_ms;
};

struct pn_conn_file {
    const char *name;
    const char *pragmas; // before the first table is made, and at every opening
    const char *schema;
};
extern const struct pn_conn_file pn_conn_records_file;
extern const struct pn_conn_file pn_conn_seen_file;

// conn is zeroed before; closing is needed after a failed opening too. The cache is bounded.
enum pn_code pn_conn_open(struct pn_conn *conn, const char *folder, const struct pn_conn_file *file,
                          int cache_kib, struct pn_err *err);
void pn_conn_close(struct pn_conn *conn);
enum pn_code pn_conn_make_tables(struct pn_conn *conn, struct pn_err *err);

// The error that an SQLite status is.
enum pn_code pn_conn_fault(struct pn_conn *conn, int status, struct pn_err *err);

// The statement, ready for binding.
enum pn_code pn_conn_get(struct pn_conn *conn, enum pn_conn_statement which,
                         sqlite3_stmt **ret_stmt, struct pn_err *err);
// Runs a statement without rows whose parameters are these numbers.
enum pn_code pn_conn_run(struct pn_conn *conn, enum pn_conn_statement which, const int64_t *numbers,
                         int number_count, struct pn_err *err);
// The first column of the first row, `otherwise` when there is none. The parameter may be NULL.
enum pn_code pn_conn_number(struct pn_conn *conn, enum pn_conn_statement which,
                            const int64_t *parameter, int64_t otherwise, int64_t *ret_number,
                            struct pn_err *err);
// Does nothing without a transaction.
void pn_conn_rollback(struct pn_conn *conn);
// PN_NOT_FOUND, with err filled, when there is no such topic.
enum pn_code pn_conn_find_topic(struct pn_conn *conn, const char *name, int64_t *ret_id,
                                int32_t *ret_partitions, struct pn_err *err);
// Of offset 0.
int64_t pn_conn_key_of(int64_t topic_id, int32_t partition);

// For the two files of the implementation.
enum pn_code pn_sqlite_consumer_open(struct pn_stream *stream,
                                     const struct pn_consumer_options *options,
                                     struct pn_consumer **ret_consumer, struct pn_err *err);
void pn_sqlite_consumer_close(struct pn_consumer *consumer);
enum pn_code pn_sqlite_consumer_poll(struct pn_consumer *consumer, int timeout_ms,
                                     struct pn_record *ret_records, size_t record_max,
                                     size_t *ret_count, struct pn_err *err);
int pn_sqlite_consumer_fd(const struct pn_consumer *consumer);
enum pn_code pn_sqlite_consumer_rewind(struct pn_consumer *consumer, struct pn_err *err);
int64_t pn_sqlite_consumer_lag(struct pn_consumer *consumer);

// DATA/stream, of an embedded stream's handle.
const char *pn_sqlite_stream_folder(const struct pn_stream *stream);
// Opens or makes a file of that folder, mode 0600. -1 with errno.
int pn_sqlite_open_in(const char *folder, const char *name, int flags);

#endif
