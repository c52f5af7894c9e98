// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <unistd.h>

#include "base/ids.h"

struct pn_config config;
char folder[64];
char store_name[64];
struct pn_store *store;
struct pn_err err;

static const struct pn_migration migrations[] = {
    {1, "CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT, raw BYTEA) WITHOUT ROWID;"
        "CREATE INDEX thing_name ON thing (name);"},
    {2, "CREATE TABLE other (id BYTEA PRIMARY KEY, n BIGINT NOT NULL DEFAULT 0);"},
};

bool is_postgres(void)
{
    const char *kind = getenv("PN_TEST_STORE");
    return kind != NULL && strcmp(kind, "postgres") == 0;
}

struct pn_store *open_store(bool read_only, unsigned migration_count)
{
    struct pn_store *opened = NULL;
    struct pn_store_options options = {.name = store_name,
                                       .migrations = migrations,
                                       .migration_count = migration_count,
                                       .read_only = read_only};
    must(pn_store_open(&config, &options, &opened, &err));
    return opened;
}

int set_up(void **state)
{
    (void)state;
    pn_config_defaults(&config);
    snprintf(folder, sizeof folder, "%s", "/tmp/punos-store-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    config.data_dir = folder;
    if (is_postgres()) {
        config.store.kind = PN_STORE_POSTGRES;
        config.store.conninfo = getenv("PN_TEST_CONNINFO");
    }
    char id[PN_UUID_TEXT_BYTES];
    pn_uuid4(id);
    snprintf(store_name, sizeof store_name, "t_%.8s", id);
    store = open_store(false, 2);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    pn_store_close(store);
    store = NULL;
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

struct pn_stmt *prepared(struct pn_store *in, const char *sql)
{
    struct pn_stmt *stmt = NULL;
    must(pn_store_prepare(in, sql, &stmt, &err));
    return stmt;
}

void run(struct pn_store *in, const char *sql, const struct pn_value *values, unsigned count)
{
    must(pn_store_exec(in, prepared(in, sql), values, count, NULL, &err));
}

int64_t number(struct pn_store *in, const char *sql)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    must(pn_store_query(in, prepared(in, sql), NULL, 0, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row);
    int64_t found = pn_rows_int(rows, 0);
    pn_rows_close(rows);
    return found;
}

void insert_thing(struct pn_store *in, int64_t id, const char *name)
{
    struct pn_value values[] = {PN_INT(id), PN_STR(name)};
    run(in, "INSERT INTO thing (id, name) VALUES (?1, ?2)", values, 2);
}
