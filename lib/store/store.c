// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_backend.h"

enum { TRIES_MAX = 20 }; // of a transaction: whoever gets in between has got on

bool pn_store_is_guest(const struct pn_store_options *options)
{
    return options->read_only || options->migration_count == 0;
}

static bool name_is_good(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < 48 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static enum pn_code make_ready(struct pn_store *store, const struct pn_store_options *options,
                               struct pn_err *err)
{
    if (pn_store_is_guest(options)) {
        unsigned count = options->migration_count;
        int version = count == 0 ? 0 : options->migrations[count - 1].version;
        return store->backend->check_made(store, version, err);
    }
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < options->migration_count; i++) {
        assert(i == 0 || options->migrations[i].version > options->migrations[i - 1].version);
        code = store->backend->migrate(store, &options->migrations[i], err);
    }
    return code;
}

enum pn_code pn_store_open(const struct pn_config *config, const struct pn_store_options *options,
                           struct pn_store **ret_store, struct pn_err *err)
{
    assert(config != NULL && options != NULL && ret_store != NULL && err != NULL);
    if (!name_is_good(options->name)) {
        return pn_err_set(err, PN_INTERNAL, "store", "a store's name is small letters and digits");
    }
    const struct pn_store_backend *backend =
        config->store.kind == PN_STORE_POSTGRES ? &pn_store_postgres : &pn_store_sqlite;
    struct pn_store *store = NULL;
    enum pn_code code = backend->open(config, options, &store, err);
    if (code != PN_OK) {
        return code;
    }
    store->backend = backend;
    store->is_read_only = options->read_only;
    snprintf(store->name, sizeof store->name, "%s", options->name);
    code = make_ready(store, options, err);
    if (code != PN_OK) {
        pn_store_close(store);
        return code;
    }
    *ret_store = store;
    return PN_OK;
}

void pn_store_close(struct pn_store *store)
{
    if (store == NULL) {
        return;
    }
    pn_store_rollback(store);
    for (unsigned i = 0; i < PN_STORE_BUCKETS; i++) {
        struct pn_stmt *stmt = store->buckets[i];
        while (stmt != NULL) {
            struct pn_stmt *next = stmt->next;
            free(stmt->sql);
            store->backend->forget(store, stmt);
            stmt = next;
        }
    }
    store->backend->close(store);
}

// FNV-1a.
static unsigned bucket_of(const char *sql)
{
    uint32_t hash = 2166136261U;
    for (const char *c = sql; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619U;
    }
    return hash % PN_STORE_BUCKETS;
}

// Most texts are literals: their address finds the statement without reading the text twice.
static struct pn_stmt *find_stmt(struct pn_store *store, const char *sql)
{
    const unsigned place = (unsigned)((uintptr_t)sql / 16 % PN_STORE_BUCKETS);
    if (store->recent[place].sql == sql && strcmp(store->recent[place].stmt->sql, sql) == 0) {
        return store->recent[place].stmt;
    }
    struct pn_stmt *stmt = store->buckets[bucket_of(sql)];
    while (stmt != NULL && strcmp(stmt->sql, sql) != 0) {
        stmt = stmt->next;
    }
    if (stmt != NULL) {
        store->recent[place].sql = sql;
        store->recent[place].stmt = stmt;
    }
    return stmt;
}

enum pn_code pn_store_prepare(struct pn_store *store, const char *sql, struct pn_stmt **ret_stmt,
                              struct pn_err *err)
{
    assert(store != NULL && sql != NULL && ret_stmt != NULL && err != NULL);
    struct pn_stmt *found = find_stmt(store, sql);
    if (found != NULL) {
        *ret_stmt = found;
        return PN_OK;
    }
    if (store->statement_count == PN_STORE_STATEMENTS_MAX) {
        return pn_err_set(err, PN_LIMIT, store->name, "too many different statements");
    }
    char *copy = strdup(sql);
    if (copy == NULL) {
        return pn_err_set(err, PN_MEMORY, store->name, "no memory for a statement");
    }
    struct pn_stmt *stmt = NULL;
    enum pn_code code = store->backend->prepare(store, sql, &stmt, err);
    if (code != PN_OK) {
        free(copy);
        return code;
    }
    struct pn_stmt **bucket = &store->buckets[bucket_of(sql)];
    stmt->sql = copy;
    stmt->next = *bucket;
    *bucket = stmt;
    store->statement_count++;
    *ret_stmt = stmt;
    return PN_OK;
}

// What a backend has answered.
static enum pn_code heard(struct pn_store *store, enum pn_code code)
{
    store->has_conflict = store->has_conflict || code == PN_CONFLICT;
    return code;
}

enum pn_code pn_store_begin(struct pn_store *store, struct pn_err *err)
{
    assert(store != NULL && !store->in_transaction);
    store->has_conflict = false;
    enum pn_code code = heard(store, store->backend->begin(store, err));
    store->in_transaction = code == PN_OK;
    store->has_savepoint = false;
    return code;
}

enum pn_code pn_store_commit(struct pn_store *store, struct pn_err *err)
{
    assert(store != NULL && store->in_transaction);
    enum pn_code code = heard(store, store->backend->commit(store, err));
    if (code != PN_OK) {
        pn_store_rollback(store);
    }
    store->in_transaction = false;
    return code;
}

void pn_store_rollback(struct pn_store *store)
{
    if (store->in_transaction) {
        store->backend->rollback(store);
    }
    store->in_transaction = false;
}

// Another try makes sense as long as the store could begin: it has waited for that already.
static enum pn_code transact_once(struct pn_store *store, pn_store_work *work, void *context,
                                  bool *ret_may_again, struct pn_err *err)
{
    enum pn_code code = pn_store_begin(store, err);
    *ret_may_again = code == PN_OK;
    code = code == PN_OK ? work(context, err) : code;
    code = code == PN_OK ? pn_store_commit(store, err) : code;
    if (code != PN_OK) {
        pn_store_rollback(store);
    }
    return code;
}

enum pn_code pn_store_transact(struct pn_store *store, pn_store_work *work, void *context,
                               struct pn_err *err)
{
    bool may_again = true;
    for (unsigned i = 0; may_again && i < TRIES_MAX; i++) {
        enum pn_code code = transact_once(store, work, context, &may_again, err);
        if (code != PN_CONFLICT || !store->has_conflict) {
            return code;
        }
    }
    return pn_err_set(err, PN_UNAVAILABLE, store->name,
                      "other processes write into it all the time: try again later");
}

enum pn_code pn_store_savepoint(struct pn_store *store, struct pn_err *err)
{
    assert(store->in_transaction);
    enum pn_code code = heard(store, store->backend->savepoint(store, err));
    store->has_savepoint = code == PN_OK;
    return code;
}

enum pn_code pn_store_rollback_to_savepoint(struct pn_store *store, struct pn_err *err)
{
    assert(store->in_transaction && store->has_savepoint);
    return heard(store, store->backend->rollback_to(store, err));
}

bool pn_store_in_transaction(const struct pn_store *store)
{
    return store->in_transaction;
}

enum pn_code pn_store_wake_on_commit(struct pn_store *store, struct pn_err *err)
{
    assert(store->in_transaction);
    return heard(store, store->backend->wake_on_commit(store, err));
}

int pn_store_wake_fd(struct pn_store *store)
{
    return store->backend->wake_fd(store);
}

bool pn_store_take_wakes(struct pn_store *store)
{
    return store->backend->take_wakes(store);
}

static enum pn_code check_call(const struct pn_store *store, const struct pn_stmt *stmt,
                               unsigned value_count, struct pn_err *err)
{
    if (value_count > PN_STORE_PARAMETERS_MAX) {
        return pn_err_set(err, PN_LIMIT, store->name, "more than %d parameters",
                          PN_STORE_PARAMETERS_MAX);
    }
    if (stmt->has_open_rows) {
        return pn_err_set(err, PN_INTERNAL, store->name, "the statement's rows are still open");
    }
    return PN_OK;
}

enum pn_code pn_store_exec(struct pn_store *store, struct pn_stmt *stmt,
                           const struct pn_value *values, unsigned value_count,
                           int64_t *ret_changed, struct pn_err *err)
{
    enum pn_code code = check_call(store, stmt, value_count, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_store_call call = {.stmt = stmt, .values = values, .value_count = value_count};
    return heard(store, store->backend->exec(store, &call, ret_changed, err));
}

enum pn_code pn_store_query(struct pn_store *store, struct pn_stmt *stmt,
                            const struct pn_value *values, unsigned value_count,
                            struct pn_rows **ret_rows, struct pn_err *err)
{
    enum pn_code code = check_call(store, stmt, value_count, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_store_call call = {.stmt = stmt, .values = values, .value_count = value_count};
    code = heard(store, store->backend->query(store, &call, ret_rows, err));
    stmt->has_open_rows = code == PN_OK;
    return code;
}

enum pn_code pn_rows_next(struct pn_rows *rows, bool *ret_has_row, struct pn_err *err)
{
    return heard(rows->store, rows->store->backend->rows_next(rows, ret_has_row, err));
}

bool pn_rows_is_null(const struct pn_rows *rows, unsigned column)
{
    return rows->store->backend->rows_is_null(rows, column);
}

int64_t pn_rows_int(const struct pn_rows *rows, unsigned column)
{
    return rows->store->backend->rows_int(rows, column);
}

struct pn_slice pn_rows_text(const struct pn_rows *rows, unsigned column)
{
    return rows->store->backend->rows_text(rows, column);
}

struct pn_slice pn_rows_bytes(const struct pn_rows *rows, unsigned column)
{
    return rows->store->backend->rows_bytes(rows, column);
}

void pn_rows_close(struct pn_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    rows->stmt->has_open_rows = false;
    rows->store->backend->rows_close(rows);
}

enum pn_code pn_store_run(struct pn_store *store, const char *sql, const struct pn_value *values,
                          unsigned value_count, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(store, sql, &stmt, err);
    return code == PN_OK ? pn_store_exec(store, stmt, values, value_count, NULL, err) : code;
}

enum pn_code pn_store_ask(struct pn_store *store, const char *sql, const struct pn_value *values,
                          unsigned value_count, struct pn_rows **ret_rows, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(store, sql, &stmt, err);
    return code == PN_OK ? pn_store_query(store, stmt, values, value_count, ret_rows, err) : code;
}

enum pn_code pn_store_number(struct pn_store *store, const char *sql, const struct pn_value *values,
                             unsigned value_count, int64_t *number, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    enum pn_code code = pn_store_ask(store, sql, values, value_count, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        *number = pn_rows_int(rows, 0);
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_store_each(struct pn_store *store, const struct pn_question *question,
                           struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    enum pn_code code =
        pn_store_ask(store, question->sql, question->values, question->value_count, &rows, err);
    bool has_row = code == PN_OK;
    for (size_t i = 0; has_row && i < question->row_max; i++) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = question->take(question->context, rows, err);
        }
        has_row = has_row && code == PN_OK;
    }
    pn_rows_close(rows);
    return code;
}
