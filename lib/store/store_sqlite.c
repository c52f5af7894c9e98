// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded store: one SQLite file in write-ahead mode, synced at every commit.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_backend.h"

enum { BUSY_TIMEOUT_MS = 3000 };

// Page cache 64 MiB at most, grown as used. A write-ahead log over 64 MiB is checkpointed; what a
// burst made it grow to is given back.
static const char *const settings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
    "PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=16000;"
    "PRAGMA journal_size_limit=67108864;";

struct sqlite_stmt {
    struct pn_stmt common;
    sqlite3_stmt *handle;
    struct pn_rows rows;
    bool has_row;
};

struct sqlite_store {
    struct pn_store common;
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback, *savepoint, *rollback_to;
    char wake_path[PATH_MAX];
    int wake_file; // -1 until it is needed
    int watch;
    bool wakes_on_commit;
};

static struct sqlite_store *mine(struct pn_store *store)
{
    return (struct sqlite_store *)store;
}

static enum pn_code fault(sqlite3 *db, int status, const char *doing, struct pn_err *err)
{
    static const struct {
        int status;
        enum pn_code code;
    } codes[] = {
        {SQLITE_BUSY, PN_CONFLICT},       {SQLITE_LOCKED, PN_CONFLICT},
        {SQLITE_CONSTRAINT, PN_CONFLICT}, {SQLITE_FULL, PN_UNAVAILABLE},
        {SQLITE_IOERR, PN_UNAVAILABLE},   {SQLITE_CANTOPEN, PN_UNAVAILABLE},
        {SQLITE_NOMEM, PN_MEMORY},        {SQLITE_CORRUPT, PN_IO},
        {SQLITE_NOTADB, PN_IO},           {SQLITE_READONLY, PN_DENIED},
        {SQLITE_TOOBIG, PN_LIMIT},
    };
    enum pn_code code = PN_INTERNAL;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(codes); i++) {
        if (codes[i].status == (status & 0xff)) {
            code = codes[i].code;
        }
    }
    // SQLite's texts name tables and columns, never values.
    return pn_err_set(err, code, doing, "%s", db == NULL ? "no memory" : sqlite3_errmsg(db));
}

// --- Open and close ------------------------------------------------------------------------------

static enum pn_code make_folder(const char *path, struct pn_err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return pn_err_set(err, PN_IO, path, "cannot be made: %s", strerror(errno));
    }
    return PN_OK;
}

// The file is made here so that nobody else may read it; SQLite gives its other files the same
// mode.
static enum pn_code make_file(const char *path, struct pn_err *err)
{
    if (access(path, F_OK) == 0) {
        return PN_OK;
    }
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) {
        return pn_err_set(err, PN_IO, path, "cannot be made: %s", strerror(errno));
    }
    close(file);
    return PN_OK;
}

static enum pn_code find_path(const struct pn_config *config,
                              const struct pn_store_options *options, char path[static PATH_MAX],
                              struct pn_err *err)
{
    int length = snprintf(path, PATH_MAX, "%s/store", config->data_dir);
    if (length < 0 || length > PATH_MAX - 128) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    if (!pn_store_is_guest(options)) {
        enum pn_code code = make_folder(config->data_dir, err);
        if (code == PN_OK) {
            code = make_folder(path, err);
        }
        if (code != PN_OK) {
            return code;
        }
    }
    snprintf(path + length, (size_t)(PATH_MAX - length), "/%s.db", options->name);
    if (!pn_store_is_guest(options)) {
        return make_file(path, err);
    }
    if (access(path, F_OK) != 0) {
        return pn_err_set(err, PN_UNAVAILABLE, options->name,
                          "its owner has not made it yet: start the hub first");
    }
    return PN_OK;
}

static enum pn_code prepare_own(struct sqlite_store *store, struct pn_err *err)
{
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } own[] = {
        {&store->begin, store->common.is_read_only ? "BEGIN" : "BEGIN IMMEDIATE"},
        {&store->commit, "COMMIT"},
        {&store->rollback, "ROLLBACK"},
        {&store->savepoint, "SAVEPOINT here"},
        {&store->rollback_to, "ROLLBACK TO here"},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(own); i++) {
        int status = sqlite3_prepare_v3(store->db, own[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        own[i].stmt, NULL);
        if (status != SQLITE_OK) {
            return fault(store->db, status, store->common.name, err);
        }
    }
    return PN_OK;
}

static void sqlite_close_store(struct pn_store *common)
{
    struct sqlite_store *store = mine(common);
    sqlite3_stmt *own[] = {store->begin, store->commit, store->rollback, store->savepoint,
                           store->rollback_to};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(own); i++) {
        sqlite3_finalize(own[i]);
    }
    sqlite3_close_v2(store->db);
    if (store->wake_file >= 0) {
        close(store->wake_file);
    }
    if (store->watch >= 0) {
        close(store->watch);
    }
    free(store);
}

static enum pn_code set_up(struct sqlite_store *store, const char *path, struct pn_err *err)
{
    int status =
        sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (status == SQLITE_OK) {
        sqlite3_extended_result_codes(store->db, 1);
        sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
        status = sqlite3_exec(store->db, settings, NULL, NULL, NULL);
    }
    if (status == SQLITE_OK && store->common.is_read_only) {
        status = sqlite3_exec(store->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    }
    return status == SQLITE_OK ? prepare_own(store, err)
                               : fault(store->db, status, store->common.name, err);
}

static enum pn_code sqlite_open_store(const struct pn_config *config,
                                      const struct pn_store_options *options,
                                      struct pn_store **ret_store, struct pn_err *err)
{
    char path[PATH_MAX];
    enum pn_code code = find_path(config, options, path, err);
    if (code != PN_OK) {
        return code;
    }
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return pn_err_set(err, PN_MEMORY, options->name, "no memory for a store");
    }
    store->wake_file = -1;
    store->watch = -1;
    snprintf(store->wake_path, sizeof store->wake_path, "%.*s.wake", PATH_MAX - 8, path);
    store->common.is_read_only = options->read_only;
    snprintf(store->common.name, sizeof store->common.name, "%s", options->name);
    code = set_up(store, path, err);
    if (code != PN_OK) {
        sqlite_close_store(&store->common);
        return code;
    }
    *ret_store = &store->common;
    return PN_OK;
}

// --- Statements ----------------------------------------------------------------------------------

static enum pn_code sqlite_prepare_stmt(struct pn_store *common, const char *sql,
                                        struct pn_stmt **ret_stmt, struct pn_err *err)
{
    struct sqlite_store *store = mine(common);
    struct sqlite_stmt *stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL) {
        return pn_err_set(err, PN_MEMORY, common->name, "no memory for a statement");
    }
    int status =
        sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, NULL);
    if (status != SQLITE_OK || stmt->handle == NULL) {
        free(stmt);
        return fault(store->db, status, common->name, err);
    }
    *ret_stmt = &stmt->common;
    return PN_OK;
}

static void sqlite_forget_stmt(struct pn_store *common, struct pn_stmt *stmt)
{
    (void)common;
    sqlite3_finalize(((struct sqlite_stmt *)stmt)->handle);
    free(stmt);
}

static int bind_one(sqlite3_stmt *handle, int place, const struct pn_value *value,
                    sqlite3_destructor_type keep)
{
    // A NULL pointer would bind NULL where an empty value is meant.
    const char *bytes = value->bytes.ptr == NULL ? "" : value->bytes.ptr;
    switch (value->kind) {
    case PN_VALUE_INT:
        return sqlite3_bind_int64(handle, place, value->number);
    case PN_VALUE_TEXT:
        return sqlite3_bind_text64(handle, place, bytes, value->bytes.len, keep, SQLITE_UTF8);
    case PN_VALUE_BYTES:
        return sqlite3_bind_blob64(handle, place, bytes, value->bytes.len, keep);
    case PN_VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(handle, place);
}

static int bind_all(const struct pn_store_call *call, sqlite3_destructor_type keep)
{
    sqlite3_stmt *handle = ((struct sqlite_stmt *)call->stmt)->handle;
    int status = SQLITE_OK;
    for (unsigned i = 0; status == SQLITE_OK && i < call->value_count; i++) {
        status = bind_one(handle, (int)i + 1, &call->values[i], keep);
    }
    return status;
}

static enum pn_code sqlite_exec_stmt(struct pn_store *common, const struct pn_store_call *call,
                                     int64_t *ret_changed, struct pn_err *err)
{
    struct sqlite_store *store = mine(common);
    sqlite3_stmt *handle = ((struct sqlite_stmt *)call->stmt)->handle;
    int status = bind_all(call, SQLITE_STATIC);
    if (status == SQLITE_OK) {
        status = SQLITE_ROW;
        while (status == SQLITE_ROW) {
            status = sqlite3_step(handle);
        }
    }
    enum pn_code code = status == SQLITE_DONE ? PN_OK : fault(store->db, status, common->name, err);
    if (code == PN_OK && ret_changed != NULL) {
        *ret_changed = sqlite3_changes64(store->db);
    }
    sqlite3_reset(handle);
    sqlite3_clear_bindings(handle);
    return code;
}

// --- Transactions --------------------------------------------------------------------------------

static enum pn_code step_own(struct sqlite_store *store, sqlite3_stmt *stmt, struct pn_err *err)
{
    int status = sqlite3_step(stmt);
    enum pn_code code =
        status == SQLITE_DONE ? PN_OK : fault(store->db, status, store->common.name, err);
    sqlite3_reset(stmt);
    return code;
}

static enum pn_code sqlite_begin(struct pn_store *common, struct pn_err *err)
{
    mine(common)->wakes_on_commit = false;
    return step_own(mine(common), mine(common)->begin, err);
}

static enum pn_code sqlite_commit(struct pn_store *common, struct pn_err *err)
{
    struct sqlite_store *store = mine(common);
    enum pn_code code = step_own(store, store->commit, err);
    if (code == PN_OK && store->wakes_on_commit) {
        // Only a wake-up: the listener finds out without it too, later.
        (void)!pwrite(store->wake_file, "\n", 1, 0);
    }
    return code;
}

static void sqlite_rollback(struct pn_store *common)
{
    struct sqlite_store *store = mine(common);
    // Some failures roll back by themselves.
    if (sqlite3_get_autocommit(store->db) == 0) {
        struct pn_err ignored = {0};
        (void)step_own(store, store->rollback, &ignored);
    }
}

static enum pn_code sqlite_savepoint(struct pn_store *common, struct pn_err *err)
{
    struct sqlite_store *store = mine(common);
    if (common->has_savepoint) {
        int status = sqlite3_exec(store->db, "RELEASE here", NULL, NULL, NULL);
        if (status != SQLITE_OK) {
            return fault(store->db, status, common->name, err);
        }
    }
    return step_own(store, store->savepoint, err);
}

static enum pn_code sqlite_rollback_to(struct pn_store *common, struct pn_err *err)
{
    return step_own(mine(common), mine(common)->rollback_to, err);
}

// --- Waking --------------------------------------------------------------------------------------

static enum pn_code sqlite_wake_on_commit(struct pn_store *common, struct pn_err *err)
{
    struct sqlite_store *store = mine(common);
    if (store->wake_file < 0) {
        store->wake_file = open(store->wake_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    }
    if (store->wake_file < 0) {
        return pn_err_set(err, PN_IO, common->name, "the wake-up file: %s", strerror(errno));
    }
    store->wakes_on_commit = true;
    return PN_OK;
}

static int sqlite_wake_fd(struct pn_store *common)
{
    struct sqlite_store *store = mine(common);
    if (store->watch >= 0) {
        return store->watch;
    }
    int file = open(store->wake_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) {
        close(file);
    }
    store->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (store->watch >= 0 && inotify_add_watch(store->watch, store->wake_path, IN_MODIFY) < 0) {
        close(store->watch);
        store->watch = -1;
    }
    return store->watch;
}

static bool sqlite_take_wakes(struct pn_store *common)
{
    char events[1024];
    int taken = 0;
    while (mine(common)->watch >= 0 && taken < 64 &&
           read(mine(common)->watch, events, sizeof events) > 0) {
        taken++;
    }
    return taken > 0;
}

// --- Migrations ----------------------------------------------------------------------------------

// -1 when it could not be asked.
static int64_t ask_number(struct sqlite_store *store, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        number = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return number;
}

static int run_migration(struct sqlite_store *store, const struct pn_migration *migration)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM punos_migrations WHERE version = %d",
             migration->version);
    if (ask_number(store, sql) == 1) {
        return SQLITE_OK;
    }
    int status = sqlite3_exec(store->db, migration->sql, NULL, NULL, NULL);
    if (status == SQLITE_OK) {
        snprintf(sql, sizeof sql, "INSERT INTO punos_migrations VALUES (%d)", migration->version);
        status = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    }
    return status;
}

static enum pn_code sqlite_migrate(struct pn_store *common, const struct pn_migration *migration,
                                   struct pn_err *err)
{
    struct sqlite_store *store = mine(common);
    char where[PN_ERR_WHERE_BYTES];
    snprintf(where, sizeof where, "%s migration %d", common->name, migration->version);
    int status = sqlite3_exec(store->db,
                              "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS punos_migrations "
                              "(version BIGINT PRIMARY KEY)",
                              NULL, NULL, NULL);
    if (status == SQLITE_OK) {
        status = run_migration(store, migration);
    }
    if (status == SQLITE_OK) {
        status = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    }
    if (status == SQLITE_OK) {
        return PN_OK;
    }
    enum pn_code code = fault(store->db, status, where, err);
    sqlite_rollback(common);
    return code;
}

static enum pn_code sqlite_check_made(struct pn_store *common, int version, struct pn_err *err)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM punos_migrations WHERE version >= %d", version);
    if (ask_number(mine(common), sql) < 1) {
        return pn_err_set(err, PN_UNAVAILABLE, common->name,
                          "its owner has not made it yet: start the hub first");
    }
    return PN_OK;
}

// --- Rows ----------------------------------------------------------------------------------------

static enum pn_code sqlite_query(struct pn_store *common, const struct pn_store_call *call,
                                 struct pn_rows **ret_rows, struct pn_err *err)
{
    struct sqlite_stmt *stmt = (struct sqlite_stmt *)call->stmt;
    int status = bind_all(call, SQLITE_TRANSIENT);
    if (status != SQLITE_OK) {
        return fault(mine(common)->db, status, common->name, err);
    }
    stmt->rows = (struct pn_rows){.store = common, .stmt = &stmt->common};
    *ret_rows = &stmt->rows;
    return PN_OK;
}

static sqlite3_stmt *handle_of(const struct pn_rows *rows)
{
    return ((const struct sqlite_stmt *)rows->stmt)->handle;
}

static enum pn_code sqlite_rows_next(struct pn_rows *rows, bool *ret_has_row, struct pn_err *err)
{
    int status = sqlite3_step(handle_of(rows));
    if (status != SQLITE_ROW && status != SQLITE_DONE) {
        return fault(mine(rows->store)->db, status, rows->store->name, err);
    }
    *ret_has_row = status == SQLITE_ROW;
    return PN_OK;
}

static bool sqlite_rows_is_null(const struct pn_rows *rows, unsigned column)
{
    return sqlite3_column_type(handle_of(rows), (int)column) == SQLITE_NULL;
}

static int64_t sqlite_rows_int(const struct pn_rows *rows, unsigned column)
{
    return sqlite3_column_int64(handle_of(rows), (int)column);
}

static struct pn_slice sqlite_rows_text(const struct pn_rows *rows, unsigned column)
{
    const char *text = (const char *)sqlite3_column_text(handle_of(rows), (int)column);
    return pn_slice_of(text, (size_t)sqlite3_column_bytes(handle_of(rows), (int)column));
}

static struct pn_slice sqlite_rows_bytes(const struct pn_rows *rows, unsigned column)
{
    const char *bytes = sqlite3_column_blob(handle_of(rows), (int)column);
    return pn_slice_of(bytes, (size_t)sqlite3_column_bytes(handle_of(rows), (int)column));
}

static void sqlite_rows_close(struct pn_rows *rows)
{
    sqlite3_reset(handle_of(rows));
    sqlite3_clear_bindings(handle_of(rows));
}

const struct pn_store_backend pn_store_sqlite = {
    .open = sqlite_open_store,
    .close = sqlite_close_store,
    .migrate = sqlite_migrate,
    .check_made = sqlite_check_made,
    .prepare = sqlite_prepare_stmt,
    .forget = sqlite_forget_stmt,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .rollback_to = sqlite_rollback_to,
    .wake_on_commit = sqlite_wake_on_commit,
    .wake_fd = sqlite_wake_fd,
    .take_wakes = sqlite_take_wakes,
    .exec = sqlite_exec_stmt,
    .query = sqlite_query,
    .rows_next = sqlite_rows_next,
    .rows_is_null = sqlite_rows_is_null,
    .rows_int = sqlite_rows_int,
    .rows_text = sqlite_rows_text,
    .rows_bytes = sqlite_rows_bytes,
    .rows_close = sqlite_rows_close,
};
