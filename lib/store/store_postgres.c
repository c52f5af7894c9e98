// SPDX-License-Identifier: Apache-2.0
/*
 * The store at scale: PostgreSQL by libpq, one schema per service.
 *
 * Inside a transaction the connection is in pipeline mode: writes are sent without waiting for
 * their answers, which are read together by the next query, the commit, or after
 * PN_PG_PIPELINED_MAX of them. So a batch of a thousand writes costs a few round trips. The first
 * error of a transaction is kept and answers everything after it.
 *
 * Numbers and texts travel as text, so that the server reads them as whatever type the place in the
 * statement has; bytes travel in binary. Answers come in binary.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_postgres.h"

enum { NUMBER_TEXT_BYTES = 24 };

static struct pn_pg_store *mine(struct pn_store *store)
{
    return (struct pn_pg_store *)store;
}

// --- Transactions --------------------------------------------------------------------------------

static enum pn_code postgres_begin(struct pn_store *common, struct pn_err *err)
{
    struct pn_pg_store *store = mine(common);
    store->has_failed = false;
    store->pipelined = 0;
    store->pipelined_bytes = 0;
    enum pn_code code = pn_pg_connect(store, err);
    if (code != PN_OK) {
        return code;
    }
    if (PQenterPipelineMode(store->conn) != 1) {
        return pn_err_set(err, PN_INTERNAL, common->name, "rows are still open");
    }
    code = pn_pg_send_text(store, "BEGIN ISOLATION LEVEL REPEATABLE READ", err);
    if (code != PN_OK) {
        (void)PQexitPipelineMode(store->conn);
    }
    return code;
}

static void leave_pipeline(struct pn_pg_store *store)
{
    if (PQstatus(store->conn) == CONNECTION_OK && PQexitPipelineMode(store->conn) != 1) {
        // Answers are still on their way that nobody will read: start afresh.
        PQfinish(store->conn);
        store->conn = NULL;
    }
}

static enum pn_code postgres_commit(struct pn_store *common, struct pn_err *err)
{
    struct pn_pg_store *store = mine(common);
    PGresult *last = NULL;
    enum pn_code code = pn_pg_send_text(store, "COMMIT", err);
    if (code == PN_OK) {
        code = pn_pg_drain(store, &last, err);
    }
    // A transaction that had failed answers COMMIT with ROLLBACK.
    if (code == PN_OK && (last == NULL || strcmp(PQcmdStatus(last), "COMMIT") != 0)) {
        code = pn_err_set(err, PN_INTERNAL, common->name, "the transaction had failed");
    }
    PQclear(last);
    if (code == PN_OK) {
        leave_pipeline(store);
    }
    return code;
}

static void postgres_rollback(struct pn_store *common)
{
    struct pn_pg_store *store = mine(common);
    struct pn_err ignored = {0};
    if (PQstatus(store->conn) == CONNECTION_OK) {
        (void)!pn_pg_drain(store, NULL, &ignored);
        leave_pipeline(store);
    }
    if (PQstatus(store->conn) == CONNECTION_OK &&
        PQtransactionStatus(store->conn) != PQTRANS_IDLE) {
        (void)!pn_pg_simple(store, "ROLLBACK", &ignored);
    }
    store->has_failed = false;
}

static enum pn_code postgres_savepoint(struct pn_store *common, struct pn_err *err)
{
    struct pn_pg_store *store = mine(common);
    enum pn_code code = common->has_savepoint ? pn_pg_send_text(store, "RELEASE here", err) : PN_OK;
    return code == PN_OK ? pn_pg_send_text(store, "SAVEPOINT here", err) : code;
}

static enum pn_code postgres_rollback_to(struct pn_store *common, struct pn_err *err)
{
    return pn_pg_send_text(mine(common), "ROLLBACK TO here", err);
}

static enum pn_code postgres_wake_on_commit(struct pn_store *common, struct pn_err *err)
{
    char sql[128];
    snprintf(sql, sizeof sql, "NOTIFY \"punos_%s\"", common->name);
    return pn_pg_send_text(mine(common), sql, err);
}

// --- Statements ----------------------------------------------------------------------------------

static enum pn_code postgres_prepare(struct pn_store *common, const char *sql,
                                     struct pn_stmt **ret_stmt, struct pn_err *err)
{
    struct pn_pg_store *store = mine(common);
    struct pn_pg_stmt *stmt = calloc(1, sizeof *stmt);
    struct pn_buf text;
    pn_buf_init(&text, PN_PG_SQL_BYTES_MAX);
    pn_pg_translate(sql, &text);
    if (stmt == NULL || !pn_buf_ok(&text)) {
        free(stmt);
        pn_buf_release(&text);
        return pn_err_set(err, PN_MEMORY, common->name, "no memory for a statement");
    }
    snprintf(stmt->name, sizeof stmt->name, "s%u", ++store->statement_number);
    stmt->sql = text.data;
    *ret_stmt = &stmt->common;
    return PN_OK;
}

static void postgres_forget(struct pn_store *common, struct pn_stmt *stmt)
{
    (void)common;
    free(((struct pn_pg_stmt *)stmt)->sql);
    free(stmt);
}

// On the server, once per connection. Inside a transaction its answer is waited for, so that it is
// known to be there.
static enum pn_code prepare_on_server(struct pn_pg_store *store, struct pn_pg_stmt *stmt,
                                      struct pn_err *err)
{
    if (stmt->connection == store->connection) {
        return PN_OK;
    }
    enum pn_code code = PN_OK;
    if (store->common.in_transaction) {
        code =
            pn_pg_sent(store, PQsendPrepare(store->conn, stmt->name, stmt->sql, 0, NULL), 0, err);
        code = code == PN_OK ? pn_pg_drain(store, NULL, err) : code;
    } else {
        PGresult *result = PQprepare(store->conn, stmt->name, stmt->sql, 0, NULL);
        code = pn_pg_is_good(result) ? PN_OK : pn_pg_fault(store, result, err);
        PQclear(result);
    }
    if (code == PN_OK) {
        stmt->connection = store->connection;
    }
    return code;
}

struct parameters {
    const char *values[PN_STORE_PARAMETERS_MAX];
    int lengths[PN_STORE_PARAMETERS_MAX];
    int formats[PN_STORE_PARAMETERS_MAX];
    char numbers[PN_STORE_PARAMETERS_MAX][NUMBER_TEXT_BYTES];
    struct pn_buf texts; // NUL-terminated copies, as libpq wants texts
    size_t bytes;
};

static void set_parameters(const struct pn_store_call *call, struct parameters *parameters)
{
    size_t starts[PN_STORE_PARAMETERS_MAX];
    for (unsigned i = 0; i < call->value_count; i++) {
        const struct pn_value *value = &call->values[i];
        parameters->formats[i] = value->kind == PN_VALUE_BYTES;
        parameters->lengths[i] = (int)value->bytes.len;
        parameters->bytes += value->bytes.len;
        starts[i] = parameters->texts.len;
        if (value->kind == PN_VALUE_TEXT) {
            pn_buf_add_slice(&parameters->texts, value->bytes);
            pn_buf_add_char(&parameters->texts, '\0');
        }
    }
    for (unsigned i = 0; i < call->value_count; i++) {
        const struct pn_value *value = &call->values[i];
        switch (value->kind) {
        case PN_VALUE_NULL:
            parameters->values[i] = NULL;
            break;
        case PN_VALUE_INT:
            snprintf(parameters->numbers[i], NUMBER_TEXT_BYTES, "%" PRId64, value->number);
            parameters->values[i] = parameters->numbers[i];
            break;
        case PN_VALUE_TEXT:
            parameters->values[i] = parameters->texts.data + starts[i];
            break;
        case PN_VALUE_BYTES:
            parameters->values[i] = value->bytes.ptr == NULL ? "" : value->bytes.ptr;
            break;
        }
    }
}

// Sends the statement into the pipeline, or runs it at once outside of a transaction.
static enum pn_code start(struct pn_pg_store *store, const struct pn_store_call *call,
                          PGresult **ret_result, struct pn_err *err)
{
    static struct parameters parameters;
    struct pn_pg_stmt *stmt = (struct pn_pg_stmt *)call->stmt;
    pn_buf_clear(&parameters.texts);
    parameters.texts.max_bytes = SIZE_MAX / 2;
    parameters.bytes = 0;
    set_parameters(call, &parameters);
    int count = (int)call->value_count;
    if (!pn_buf_ok(&parameters.texts)) {
        return pn_err_set(err, PN_MEMORY, store->common.name, "no memory for parameters");
    }
    if (store->common.in_transaction) {
        return pn_pg_sent(store,
                          PQsendQueryPrepared(store->conn, stmt->name, count, parameters.values,
                                              parameters.lengths, parameters.formats, 1),
                          parameters.bytes, err);
    }
    PGresult *result = PQexecPrepared(store->conn, stmt->name, count, parameters.values,
                                      parameters.lengths, parameters.formats, 1);
    if (!pn_pg_is_good(result)) {
        enum pn_code code = pn_pg_fault(store, result, err);
        PQclear(result);
        return code;
    }
    *ret_result = result;
    return PN_OK;
}

// Outside of a transaction; connects when there is no connection.
static enum pn_code run_alone(struct pn_pg_store *store, const struct pn_store_call *call,
                              PGresult **ret_result, struct pn_err *err)
{
    enum pn_code code = pn_pg_connect(store, err);
    if (code == PN_OK) {
        code = prepare_on_server(store, (struct pn_pg_stmt *)call->stmt, err);
    }
    return code == PN_OK ? start(store, call, ret_result, err) : code;
}

static bool only_reads(const struct pn_store_call *call)
{
    const struct pn_pg_stmt *stmt = (const struct pn_pg_stmt *)call->stmt;
    return pn_slice_starts_with(pn_slice_str(stmt->sql), "SELECT");
}

// A server that was away and came back is noticed by the first call on the old connection: a read
// is then done again on a new one, so that nobody sees it.
static enum pn_code run_alone_or_again(struct pn_pg_store *store, const struct pn_store_call *call,
                                       PGresult **ret_result, struct pn_err *err)
{
    enum pn_code code = run_alone(store, call, ret_result, err);
    if (code == PN_OK || PQstatus(store->conn) == CONNECTION_OK || !only_reads(call)) {
        return code;
    }
    return run_alone(store, call, ret_result, err);
}

static enum pn_code run_statement(struct pn_pg_store *store, const struct pn_store_call *call,
                                  bool wants_result, PGresult **ret_result, struct pn_err *err)
{
    if (!store->common.in_transaction) {
        return run_alone_or_again(store, call, ret_result, err);
    }
    if (store->has_failed) {
        *err = store->failure;
        return err->code;
    }
    enum pn_code code = prepare_on_server(store, (struct pn_pg_stmt *)call->stmt, err);
    if (code == PN_OK && wants_result && store->pipelined + 1 >= PN_PG_PIPELINED_MAX) {
        code = pn_pg_drain(store, NULL, err); // so that `sent` does not take the result
    }
    size_t room = store->pipelined_bytes;
    store->pipelined_bytes = wants_result ? 0 : room;
    if (code == PN_OK) {
        code = start(store, call, ret_result, err);
    }
    if (code == PN_OK && wants_result && store->pipelined > 0) {
        code = pn_pg_drain(store, ret_result, err);
    }
    return code;
}

static enum pn_code postgres_exec(struct pn_store *common, const struct pn_store_call *call,
                                  int64_t *ret_changed, struct pn_err *err)
{
    PGresult *result = NULL;
    enum pn_code code = run_statement(mine(common), call, ret_changed != NULL, &result, err);
    int64_t changed = 0;
    if (code == PN_OK && ret_changed != NULL && result != NULL &&
        pn_slice_to_i64(pn_slice_str(PQcmdTuples(result)), &changed)) {
        *ret_changed = changed;
    }
    PQclear(result);
    return code;
}

static enum pn_code postgres_query(struct pn_store *common, const struct pn_store_call *call,
                                   struct pn_rows **ret_rows, struct pn_err *err)
{
    struct pn_pg_stmt *stmt = (struct pn_pg_stmt *)call->stmt;
    PGresult *result = NULL;
    enum pn_code code = run_statement(mine(common), call, true, &result, err);
    if (code == PN_OK && result == NULL) {
        code = pn_err_set(err, PN_INTERNAL, common->name, "a query without a result");
    }
    if (code != PN_OK) {
        PQclear(result);
        return code;
    }
    stmt->rows = (struct pn_pg_rows){
        .common = {.store = common, .stmt = &stmt->common}, .result = result, .row = -1};
    *ret_rows = &stmt->rows.common;
    return PN_OK;
}

const struct pn_store_backend pn_store_postgres = {
    .open = pn_pg_open,
    .close = pn_pg_close,
    .migrate = pn_pg_migrate,
    .check_made = pn_pg_check_made,
    .prepare = postgres_prepare,
    .forget = postgres_forget,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .savepoint = postgres_savepoint,
    .rollback_to = postgres_rollback_to,
    .wake_on_commit = postgres_wake_on_commit,
    .wake_fd = pn_pg_wake_fd,
    .take_wakes = pn_pg_take_wakes,
    .exec = postgres_exec,
    .query = postgres_query,
    .rows_next = pn_pg_rows_next,
    .rows_is_null = pn_pg_rows_is_null,
    .rows_int = pn_pg_rows_int,
    .rows_text = pn_pg_rows_bytes,
    .rows_bytes = pn_pg_rows_bytes,
    .rows_close = pn_pg_rows_close,
};
