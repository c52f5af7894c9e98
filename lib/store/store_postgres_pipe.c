// SPDX-License-Identifier: Apache-2.0
/*
 * Sending many commands and reading their answers together; what errors mean.
 */
#include "store/store_postgres.h"

#include <string.h>

// --- Errors --------------------------------------------------------------------------------------

static enum pn_code code_of_state(const char *state)
{
    // SQLSTATE, PostgreSQL's appendix A: the longest prefix that fits comes first.
    static const struct {
        const char *prefix;
        enum pn_code code;
    } codes[] = {
        {"40", PN_CONFLICT},     // serialisation failure, deadlock
        {"23505", PN_CONFLICT},  // unique violation
        {"55P03", PN_CONFLICT},  // lock not available
        {"08", PN_UNAVAILABLE},  // connection
        {"57P", PN_UNAVAILABLE}, // the server shuts down or starts up
        {"53", PN_UNAVAILABLE},  // out of disk, memory, connections
        {"58", PN_UNAVAILABLE},  // system error
        {"25006", PN_DENIED},    // read-only transaction
        {"42501", PN_DENIED},    // privilege
        {"22", PN_INVALID},      {"54", PN_LIMIT},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(codes); i++) {
        if (strncmp(state, codes[i].prefix, strlen(codes[i].prefix)) == 0) {
            return codes[i].code;
        }
    }
    return PN_INTERNAL;
}

// The server's primary message names tables and columns; the detail, which quotes values, is left
// out.
enum pn_code pn_pg_fault(struct pn_pg_store *store, const PGresult *result, struct pn_err *err)
{
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || PQstatus(store->conn) == CONNECTION_BAD) {
        return pn_err_set(err, PN_UNAVAILABLE, store->common.name, "the connection was lost");
    }
    enum pn_code code = code_of_state(state);
    // Class 22 messages quote the value that was wrong.
    bool quotes = strncmp(state, "22", 2) == 0;
    return pn_err_set(err, code, store->common.name, "%s (SQLSTATE %s)",
                      text == NULL || quotes ? "refused by the server" : text, state);
}

bool pn_pg_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static enum pn_code fail(struct pn_pg_store *store, const struct pn_err *err)
{
    if (!store->has_failed) {
        store->has_failed = true;
        store->failure = *err;
    }
    return err->code;
}

// Outside of a transaction, in one round trip.
enum pn_code pn_pg_simple(struct pn_pg_store *store, const char *sql, struct pn_err *err)
{
    PGresult *result = PQexec(store->conn, sql);
    enum pn_code code = pn_pg_is_good(result) ? PN_OK : pn_pg_fault(store, result, err);
    PQclear(result);
    return code;
}

enum pn_code pn_pg_ask(struct pn_pg_store *store, const char *sql, int64_t *ret_number,
                       struct pn_err *err)
{
    PGresult *result = PQexec(store->conn, sql);
    enum pn_code code = pn_pg_is_good(result) ? PN_OK : pn_pg_fault(store, result, err);
    if (code == PN_OK && PQntuples(result) == 1) {
        (void)!pn_slice_to_i64(pn_slice_str(PQgetvalue(result, 0, 0)), ret_number);
    }
    PQclear(result);
    return code;
}

// --- The pipeline --------------------------------------------------------------------------------

// Takes the results of one pipelined command; the last of them is kept in *ret_last when asked for.
static enum pn_code take_results(struct pn_pg_store *store, PGresult **ret_last, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    // A command has one result here, and a NULL that ends it.
    for (PGresult *result = PQgetResult(store->conn); result != NULL;
         result = PQgetResult(store->conn)) {
        ExecStatusType status = PQresultStatus(result);
        if (code == PN_OK && !pn_pg_is_good(result) && status != PGRES_PIPELINE_ABORTED) {
            code = pn_pg_fault(store, result, err);
        } else if (status == PGRES_PIPELINE_ABORTED && code == PN_OK) {
            code = store->has_failed ? store->failure.code : PN_INTERNAL;
        }
        if (ret_last != NULL && pn_pg_is_good(result)) {
            PQclear(*ret_last);
            *ret_last = result;
        } else {
            PQclear(result);
        }
    }
    if (code != PN_OK && !store->has_failed) {
        (void)fail(store, err);
    }
    return code;
}

static bool take_sync(struct pn_pg_store *store)
{
    PGresult *result = PQgetResult(store->conn);
    bool is_sync = result != NULL && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return is_sync;
}

static enum pn_code lost(struct pn_pg_store *store, struct pn_err *err)
{
    pn_err_set(err, PN_UNAVAILABLE, store->common.name, "the connection was lost");
    return fail(store, err);
}

// Reads the answers of everything that was sent. The last command's result goes to *ret_last, which
// may be NULL.
enum pn_code pn_pg_drain(struct pn_pg_store *store, PGresult **ret_last, struct pn_err *err)
{
    unsigned waiting = store->pipelined;
    store->pipelined = 0;
    store->pipelined_bytes = 0;
    if (PQpipelineSync(store->conn) != 1) {
        return lost(store, err);
    }
    for (; waiting > 0; waiting--) {
        struct pn_err ignored = {0};
        (void)take_results(store, waiting == 1 ? ret_last : NULL, &ignored);
        if (PQstatus(store->conn) != CONNECTION_OK) {
            return lost(store, err);
        }
    }
    if (!take_sync(store)) {
        return lost(store, err);
    }
    if (store->has_failed) {
        *err = store->failure;
        return err->code;
    }
    return PN_OK;
}

enum pn_code pn_pg_sent(struct pn_pg_store *store, int was_sent, size_t bytes, struct pn_err *err)
{
    if (was_sent != 1) {
        return lost(store, err);
    }
    store->pipelined++;
    store->pipelined_bytes += bytes;
    if (store->pipelined >= PN_PG_PIPELINED_MAX ||
        store->pipelined_bytes >= PN_PG_PIPELINED_BYTES_MAX) {
        return pn_pg_drain(store, NULL, err);
    }
    return PN_OK;
}

enum pn_code pn_pg_send_text(struct pn_pg_store *store, const char *sql, struct pn_err *err)
{
    if (store->has_failed) {
        *err = store->failure;
        return err->code;
    }
    return pn_pg_sent(store, PQsendQueryParams(store->conn, sql, 0, NULL, NULL, NULL, NULL, 1), 0,
                      err);
}
