// SPDX-License-Identifier: Apache-2.0
/*
 * The store of one service: SQLite (one file per service) or PostgreSQL (one schema per service).
 *
 * SQL is written once, in the subset that both understand: types BIGINT, TEXT, BYTEA; parameters
 * ?1 ?2 …; INSERT … ON CONFLICT … DO UPDATE/NOTHING; RETURNING; no AUTOINCREMENT, no dates (moments
 * are BIGINT milliseconds). Table names are unqualified. A parameter has one type wherever it
 * stands in a statement.
 *
 * A table that is found by its key only ends in `WITHOUT ROWID`: SQLite then stores it in the order
 * of the key, at half the size; PostgreSQL does not see the words.
 *
 * One thread per handle. A handle has at most one transaction. PN_CONFLICT means that another
 * process got in between (serialisation failure, locked): roll back and do the whole transaction
 * again, which pn_store_transact does. A transaction sees one moment of the store (SQLite: the only
 * writer; PostgreSQL: repeatable read). After any error inside a transaction roll it back.
 * PN_UNAVAILABLE means that the database is away; the handle reconnects at the next begin or at the
 * next call outside of a transaction.
 */
#ifndef PN_STORE_STORE_H
#define PN_STORE_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "conf/config.h"

struct pn_store;
struct pn_stmt; // a prepared statement, owned by the store
struct pn_rows; // a running query

// Migrations are applied in order, each once, each in its own transaction; they are never edited.
struct pn_migration {
    int version;
    const char *sql; // several statements, separated by ';'
};

struct pn_store_options {
    const char *name; // file NAME.db or schema NAME
    const struct pn_migration *migrations;
    unsigned migration_count;
    // Another process owns it: no migrations are applied. PN_UNAVAILABLE until that one has made
    // it, up to the last of `migrations` when they are given. Without migrations a handle that may
    // write is a guest too: it does not make the store.
    bool read_only;
};
PN_MUST_USE enum pn_code pn_store_open(const struct pn_config *config,
                                       const struct pn_store_options *options,
                                       struct pn_store **ret_store, struct pn_err *err);
void pn_store_close(struct pn_store *store); // takes NULL; rolls back what is open

// Prepared once per distinct text and kept; asking again for the same text is cheap.
PN_MUST_USE enum pn_code pn_store_prepare(struct pn_store *store, const char *sql,
                                          struct pn_stmt **ret_stmt, struct pn_err *err);

PN_MUST_USE enum pn_code pn_store_begin(struct pn_store *store, struct pn_err *err);
PN_MUST_USE enum pn_code pn_store_commit(struct pn_store *store, struct pn_err *err); // durable
void pn_store_rollback(struct pn_store *store); // does nothing without a transaction

// A whole transaction: begins, calls `work`, commits. When the store says that another process got
// in between, everything is rolled back and `work` is called again from the start; after many
// times, or when the store can't even begin for that reason, PN_UNAVAILABLE. A PN_CONFLICT that
// `work` itself decides on is handed on at once, as is any other failure. So `work` sets what it
// hands out anew at each call, and leaves to its caller what a rollback does not undo (metrics,
// answers, wake-ups).
typedef enum pn_code pn_store_work(void *context, struct pn_err *err);
PN_MUST_USE enum pn_code pn_store_transact(struct pn_store *store, pn_store_work *work,
                                           void *context, struct pn_err *err);

// A place inside the transaction to go back to. One at a time: setting it again moves it.
PN_MUST_USE enum pn_code pn_store_savepoint(struct pn_store *store, struct pn_err *err);
PN_MUST_USE enum pn_code pn_store_rollback_to_savepoint(struct pn_store *store, struct pn_err *err);

bool pn_store_in_transaction(const struct pn_store *store);
// Waking another process that listens to this store: the commit of a transaction that asked for it
// makes the listener's descriptor readable, within milliseconds. A wake-up can get lost when a
// process dies between its commit and the wake-up: look now and then all the same.
PN_MUST_USE enum pn_code pn_store_wake_on_commit(struct pn_store *store, struct pn_err *err);
// The descriptor to wait for, -1 when there is none now; it may change whenever the store
// reconnects.
int pn_store_wake_fd(struct pn_store *store);
// Whether there was a wake-up since the last call. Ask before waiting for the descriptor: an answer
// from the server may have brought one along.
bool pn_store_take_wakes(struct pn_store *store);

enum pn_value_kind { PN_VALUE_NULL, PN_VALUE_INT, PN_VALUE_TEXT, PN_VALUE_BYTES };
struct pn_value {
    enum pn_value_kind kind;
    int64_t number;
    struct pn_slice bytes;
};
#define PN_NULL ((struct pn_value){.kind = PN_VALUE_NULL})
#define PN_INT(n) ((struct pn_value){.kind = PN_VALUE_INT, .number = (int64_t)(n)})
#define PN_TEXT(slice) ((struct pn_value){.kind = PN_VALUE_TEXT, .bytes = (slice)})
#define PN_STR(text) ((struct pn_value){.kind = PN_VALUE_TEXT, .bytes = pn_slice_str(text)})
#define PN_BYTES(slice) ((struct pn_value){.kind = PN_VALUE_BYTES, .bytes = (slice)})

// A statement without rows. *ret_changed (may be NULL) is how many rows it changed; asking for it
// costs a round trip on PostgreSQL, otherwise writes are pipelined and an error may come from
// commit.
PN_MUST_USE enum pn_code pn_store_exec(struct pn_store *store, struct pn_stmt *stmt,
                                       const struct pn_value *values, unsigned value_count,
                                       int64_t *ret_changed, struct pn_err *err);

// The same of a text, prepared as above, where nobody asks how many rows it changed.
PN_MUST_USE enum pn_code pn_store_run(struct pn_store *store, const char *sql,
                                      const struct pn_value *values, unsigned value_count,
                                      struct pn_err *err);

// A query. Step until *ret_has_row is false; close always. Only one query per statement at a time.
PN_MUST_USE enum pn_code pn_store_query(struct pn_store *store, struct pn_stmt *stmt,
                                        const struct pn_value *values, unsigned value_count,
                                        struct pn_rows **ret_rows, struct pn_err *err);
PN_MUST_USE enum pn_code pn_rows_next(struct pn_rows *rows, bool *ret_has_row, struct pn_err *err);
bool pn_rows_is_null(const struct pn_rows *rows, unsigned column);
int64_t pn_rows_int(const struct pn_rows *rows, unsigned column);
struct pn_slice pn_rows_text(const struct pn_rows *rows, unsigned column); // until the next step
struct pn_slice pn_rows_bytes(const struct pn_rows *rows, unsigned column);
void pn_rows_close(struct pn_rows *rows); // takes NULL

// The same of a text, prepared as above. The caller closes the rows, also after a failure.
PN_MUST_USE enum pn_code pn_store_ask(struct pn_store *store, const char *sql,
                                      const struct pn_value *values, unsigned value_count,
                                      struct pn_rows **ret_rows, struct pn_err *err);

// One number: the first column of the first row. Without a row *number stays what it was.
PN_MUST_USE enum pn_code pn_store_number(struct pn_store *store, const char *sql,
                                         const struct pn_value *values, unsigned value_count,
                                         int64_t *number, struct pn_err *err);

// A query whose rows go one by one to `take`, at most row_max of them. The first failure ends it.
struct pn_question {
    const char *sql;
    const struct pn_value *values;
    unsigned value_count;
    size_t row_max;
    enum pn_code (*take)(void *context, const struct pn_rows *row, struct pn_err *err);
    void *context;
};
PN_MUST_USE enum pn_code pn_store_each(struct pn_store *store, const struct pn_question *question,
                                       struct pn_err *err);

#endif
