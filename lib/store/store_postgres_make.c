// SPDX-License-Identifier: Apache-2.0
/*
 * Connecting, making the schema and its tables, waking and being woken (LISTEN and NOTIFY).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_postgres.h"

static struct pn_pg_store *mine(struct pn_store *store)
{
    return (struct pn_pg_store *)store;
}

// --- Connection ----------------------------------------------------------------------------------

static enum pn_code set_session(struct pn_pg_store *store, struct pn_err *err)
{
    char sql[512];
    const char *name = store->common.name;
    snprintf(sql, sizeof sql,
             "SET client_min_messages = warning; SET search_path TO \"%s\";"
             "SET default_transaction_read_only = %s",
             name, store->common.is_read_only ? "on" : "off");
    enum pn_code code = pn_pg_simple(store, sql, err);
    if (code == PN_OK && store->listens) {
        snprintf(sql, sizeof sql, "LISTEN \"punos_%s\"", name);
        code = pn_pg_simple(store, sql, err);
    }
    return code;
}

static enum pn_code connect_now(struct pn_pg_store *store, struct pn_err *err)
{
    const char *const keywords[] = {
        "connect_timeout", "tcp_user_timeout", "fallback_application_name",
        "client_encoding", "dbname",           NULL};
    const char *const values[] = {"5", "10000", "punos", "UTF8", store->conninfo, NULL};
    PQfinish(store->conn);
    store->connection++;
    store->conn = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(store->conn) != CONNECTION_OK) {
        return pn_err_set(err, PN_UNAVAILABLE, store->common.name,
                          "no connection to the database server");
    }
    return set_session(store, err);
}

enum pn_code pn_pg_connect(struct pn_pg_store *store, struct pn_err *err)
{
    return PQstatus(store->conn) == CONNECTION_OK ? PN_OK : connect_now(store, err);
}

void pn_pg_close(struct pn_store *common)
{
    struct pn_pg_store *store = mine(common);
    PQfinish(store->conn);
    free(store->conninfo);
    free(store);
}

enum pn_code pn_pg_open(const struct pn_config *config, const struct pn_store_options *options,
                        struct pn_store **ret_store, struct pn_err *err)
{
    struct pn_pg_store *store = calloc(1, sizeof *store);
    if (store != NULL) {
        store->conninfo = strdup(config->store.conninfo);
    }
    if (store == NULL || store->conninfo == NULL) {
        free(store);
        return pn_err_set(err, PN_MEMORY, options->name, "no memory for a store");
    }
    snprintf(store->common.name, sizeof store->common.name, "%s", options->name);
    store->common.is_read_only = options->read_only;
    enum pn_code code = connect_now(store, err);
    if (code != PN_OK) {
        pn_pg_close(&store->common);
        return code;
    }
    *ret_store = &store->common;
    return PN_OK;
}

// --- Migrations ----------------------------------------------------------------------------------

// ?N becomes $N outside of quotes; the words that only SQLite understands go.
void pn_pg_translate(const char *sql, struct pn_buf *out)
{
    static const char words[] = "WITHOUT ROWID";
    bool is_quoted = false;
    for (const char *c = sql; *c != '\0'; c++) {
        is_quoted = is_quoted != (*c == '\'');
        if (!is_quoted && *c == '?') {
            pn_buf_add_char(out, '$');
        } else if (!is_quoted && strncmp(c, words, sizeof words - 1) == 0) {
            c += sizeof words - 2;
        } else {
            pn_buf_add_char(out, *c);
        }
    }
}

static enum pn_code apply(struct pn_pg_store *store, const struct pn_migration *migration,
                          struct pn_err *err)
{
    char sql[512];
    const char *name = store->common.name;
    // Several processes of a service may start at once: one at a time.
    snprintf(sql, sizeof sql,
             "SELECT pg_advisory_xact_lock(hashtext('punos_%s'));"
             "CREATE SCHEMA IF NOT EXISTS \"%s\";"
             "CREATE TABLE IF NOT EXISTS punos_migrations (version BIGINT PRIMARY KEY)",
             name, name);
    int64_t applied = 0;
    enum pn_code code = pn_pg_simple(store, sql, err);
    if (code == PN_OK) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM punos_migrations WHERE version = %d",
                 migration->version);
        code = pn_pg_ask(store, sql, &applied, err);
    }
    if (code != PN_OK || applied == 1) {
        return code;
    }
    struct pn_buf text;
    pn_buf_init(&text, PN_PG_SQL_BYTES_MAX);
    pn_pg_translate(migration->sql, &text);
    pn_buf_printf(&text, "; INSERT INTO punos_migrations VALUES (%d)", migration->version);
    code = pn_buf_ok(&text) ? pn_pg_simple(store, text.data, err)
                            : pn_err_set(err, PN_LIMIT, name, "a migration is too long");
    pn_buf_release(&text);
    return code;
}

enum pn_code pn_pg_migrate(struct pn_store *common, const struct pn_migration *migration,
                           struct pn_err *err)
{
    struct pn_pg_store *store = mine(common);
    enum pn_code code = pn_pg_simple(store, "BEGIN", err);
    if (code == PN_OK) {
        code = apply(store, migration, err);
    }
    if (code == PN_OK) {
        return pn_pg_simple(store, "COMMIT", err);
    }
    struct pn_err ignored = {0};
    (void)!pn_pg_simple(store, "ROLLBACK", &ignored);
    return code;
}

enum pn_code pn_pg_check_made(struct pn_store *common, int version, struct pn_err *err)
{
    struct pn_pg_store *store = mine(common);
    char sql[256];
    int64_t found = 0;
    snprintf(sql, sizeof sql, "SELECT (to_regclass('\"%s\".punos_migrations') IS NOT NULL)::int",
             common->name);
    enum pn_code code = pn_pg_ask(store, sql, &found, err);
    if (code == PN_OK && found == 1) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM punos_migrations WHERE version >= %d",
                 version);
        code = pn_pg_ask(store, sql, &found, err);
    }
    if (code == PN_OK && found < 1) {
        code = pn_err_set(err, PN_UNAVAILABLE, common->name,
                          "its owner has not made it yet: start the hub first");
    }
    return code;
}

// --- Waking --------------------------------------------------------------------------------------

int pn_pg_wake_fd(struct pn_store *common)
{
    struct pn_pg_store *store = mine(common);
    struct pn_err ignored = {0};
    if (!store->listens && PQstatus(store->conn) == CONNECTION_OK) {
        store->listens = true;
        (void)!set_session(store, &ignored);
    }
    return PQstatus(store->conn) == CONNECTION_OK ? PQsocket(store->conn) : -1;
}

bool pn_pg_take_wakes(struct pn_store *common)
{
    struct pn_pg_store *store = mine(common);
    bool woken = false;
    (void)PQconsumeInput(store->conn);
    for (PGnotify *notice = PQnotifies(store->conn); notice != NULL;
         notice = PQnotifies(store->conn)) {
        PQfreemem(notice);
        woken = true;
    }
    return woken;
}
