// SPDX-License-Identifier: Apache-2.0
/*
 * What stands behind store.h: the functions of one kind of store, and what both kinds share. Only
 * store.c and the backends include this.
 */
#ifndef PN_STORE_BACKEND_H
#define PN_STORE_BACKEND_H

#include "store/store.h"

enum { PN_STORE_STATEMENTS_MAX = 1024, PN_STORE_BUCKETS = 256, PN_STORE_PARAMETERS_MAX = 256 };

struct pn_stmt {
    struct pn_stmt *next; // in its bucket
    char *sql;
    bool has_open_rows;
};

struct pn_rows {
    struct pn_store *store;
    struct pn_stmt *stmt;
};

struct pn_store_call {
    struct pn_stmt *stmt;
    const struct pn_value *values;
    unsigned value_count;
};

struct pn_store_backend {
    // Fills in its own part of *ret_store, which it allocates; the common part is store.c's.
    enum pn_code (*open)(const struct pn_config *config, const struct pn_store_options *options,
                         struct pn_store **ret_store, struct pn_err *err);
    void (*close)(struct pn_store *store);
    // Makes the table of migrations when it is not there, and applies one when it is not yet.
    enum pn_code (*migrate)(struct pn_store *store, const struct pn_migration *migration,
                            struct pn_err *err);
    // PN_OK when the owner of the store has made it up to that migration; PN_UNAVAILABLE.
    enum pn_code (*check_made)(struct pn_store *store, int version, struct pn_err *err);
    enum pn_code (*prepare)(struct pn_store *store, const char *sql, struct pn_stmt **ret_stmt,
                            struct pn_err *err);
    void (*forget)(struct pn_store *store, struct pn_stmt *stmt);
    enum pn_code (*begin)(struct pn_store *store, struct pn_err *err);
    enum pn_code (*commit)(struct pn_store *store, struct pn_err *err);
    void (*rollback)(struct pn_store *store);
    enum pn_code (*savepoint)(struct pn_store *store, struct pn_err *err);
    enum pn_code (*rollback_to)(struct pn_store *store, struct pn_err *err);
    enum pn_code (*wake_on_commit)(struct pn_store *store, struct pn_err *err);
    int (*wake_fd)(struct pn_store *store);
    bool (*take_wakes)(struct pn_store *store);
    enum pn_code (*exec)(struct pn_store *store, const struct pn_store_call *call,
                         int64_t *ret_changed, struct pn_err *err);
    enum pn_code (*query)(struct pn_store *store, const struct pn_store_call *call,
                          struct pn_rows **ret_rows, struct pn_err *err);
    enum pn_code (*rows_next)(struct pn_rows *rows, bool *ret_has_row, struct pn_err *err);
    bool (*rows_is_null)(const struct pn_rows *rows, unsigned column);
    int64_t (*rows_int)(const struct pn_rows *rows, unsigned column);
    struct pn_slice (*rows_text)(const struct pn_rows *rows, unsigned column);
    struct pn_slice (*rows_bytes)(const struct pn_rows *rows, unsigned column);
    void (*rows_close)(struct pn_rows *rows);
};

struct pn_store {
    const struct pn_store_backend *backend;
    char name[64];
    bool is_read_only;
    bool in_transaction;
    bool has_savepoint;
    bool has_conflict; // another process got in between, says the backend, in this transaction
    struct pn_stmt *buckets[PN_STORE_BUCKETS];
    struct {
        const char *sql; // where the text stood that was asked for last
        struct pn_stmt *stmt;
    } recent[PN_STORE_BUCKETS];
    unsigned statement_count;
};

// Another process makes the store.
bool pn_store_is_guest(const struct pn_store_options *options);

extern const struct pn_store_backend pn_store_sqlite;
extern const struct pn_store_backend pn_store_postgres;

#endif
