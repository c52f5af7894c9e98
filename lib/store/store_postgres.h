// SPDX-License-Identifier: Apache-2.0
/*
 * The parts of the PostgreSQL store, private to its files: the pipeline, the statements, the
 * making.
 */
#ifndef PN_STORE_POSTGRES_H
#define PN_STORE_POSTGRES_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "store/store_backend.h"

enum {
    // Their answers, some 50 bytes each, fit in the sockets' buffers: neither side can block the
    // other.
    PN_PG_PIPELINED_MAX = 400,
    PN_PG_PIPELINED_BYTES_MAX = 256 * 1024,
    PN_PG_SQL_BYTES_MAX = 1024 * 1024
};

struct pn_pg_rows {
    struct pn_rows common;
    PGresult *result;
    int row; // -1 before the first
};

struct pn_pg_stmt {
    struct pn_stmt common;
    char name[16];
    char *sql;           // with $N
    unsigned connection; // the one that it is prepared on
    struct pn_pg_rows rows;
};

struct pn_pg_store {
    struct pn_store common;
    PGconn *conn;
    char *conninfo;
    unsigned connection; // counts the connections made
    unsigned statement_number;
    unsigned pipelined;
    size_t pipelined_bytes;
    bool listens;
    bool has_failed; // this transaction
    struct pn_err failure;
};

// --- store_postgres_pipe.c
// ------------------------------------------------------------------------

enum pn_code pn_pg_fault(struct pn_pg_store *store, const PGresult *result, struct pn_err *err);
bool pn_pg_is_good(const PGresult *result);
// Outside of a transaction, in one round trip.
enum pn_code pn_pg_simple(struct pn_pg_store *store, const char *sql, struct pn_err *err);
// The one number that the query answers.
enum pn_code pn_pg_ask(struct pn_pg_store *store, const char *sql, int64_t *ret_number,
                       struct pn_err *err);
// Into the pipeline, without waiting for the answer.
enum pn_code pn_pg_send_text(struct pn_pg_store *store, const char *sql, struct pn_err *err);
// After each PQsend…: counts it, and reads the answers when there are many.
enum pn_code pn_pg_sent(struct pn_pg_store *store, int was_sent, size_t bytes, struct pn_err *err);
// Reads the answers of everything that was sent. The last command's result goes to *ret_last, which
// may be NULL.
enum pn_code pn_pg_drain(struct pn_pg_store *store, PGresult **ret_last, struct pn_err *err);

// --- store_postgres_make.c
// ------------------------------------------------------------------------

// Connects when the connection is lost.
enum pn_code pn_pg_connect(struct pn_pg_store *store, struct pn_err *err);
enum pn_code pn_pg_open(const struct pn_config *config, const struct pn_store_options *options,
                        struct pn_store **ret_store, struct pn_err *err);
void pn_pg_close(struct pn_store *common);
enum pn_code pn_pg_migrate(struct pn_store *common, const struct pn_migration *migration,
                           struct pn_err *err);
enum pn_code pn_pg_check_made(struct pn_store *common, int version, struct pn_err *err);
int pn_pg_wake_fd(struct pn_store *common);
bool pn_pg_take_wakes(struct pn_store *common);
// ?N becomes $N outside of quotes; the words that only SQLite understands go.
void pn_pg_translate(const char *sql, struct pn_buf *out);

// --- store_postgres_rows.c
// ------------------------------------------------------------------------

enum pn_code pn_pg_rows_next(struct pn_rows *rows, bool *ret_has_row, struct pn_err *err);
bool pn_pg_rows_is_null(const struct pn_rows *rows, unsigned column);
int64_t pn_pg_rows_int(const struct pn_rows *rows, unsigned column);
struct pn_slice pn_pg_rows_bytes(const struct pn_rows *rows, unsigned column);
void pn_pg_rows_close(struct pn_rows *rows);

#endif
