// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/poll_store.h"

const char pn_poll_sql[] =
    "CREATE TABLE poll_lease (system TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL,"
    " until_ms BIGINT NOT NULL, success_ms BIGINT NOT NULL);"
    "CREATE TABLE poll_cursor (system TEXT NOT NULL, resource_type TEXT NOT NULL,"
    " moment_ms BIGINT NOT NULL, PRIMARY KEY (system, resource_type))";

static const char take_sql[] =
    "INSERT INTO poll_lease (system, owner, until_ms, success_ms) VALUES (?1, ?2, ?3, 0)"
    " ON CONFLICT (system) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms"
    " WHERE poll_lease.owner = excluded.owner OR poll_lease.until_ms < ?4";
static const char success_sql[] = "SELECT success_ms FROM poll_lease WHERE system = ?1";
static const char succeed_sql[] =
    "UPDATE poll_lease SET success_ms = ?3 WHERE system = ?1 AND owner = ?2";
static const char release_sql[] =
    "UPDATE poll_lease SET until_ms = 0 WHERE system = ?1 AND owner = ?2";
static const char cursor_sql[] =
    "SELECT moment_ms FROM poll_cursor WHERE system = ?1 AND resource_type = ?2";
static const char move_sql[] =
    "INSERT INTO poll_cursor (system, resource_type, moment_ms) VALUES (?1, ?2, ?3)"
    " ON CONFLICT (system, resource_type) DO UPDATE SET moment_ms = excluded.moment_ms"
    " WHERE poll_cursor.moment_ms < excluded.moment_ms";

static enum pn_code take(struct pn_store *store, const struct pn_poll_lease *lease,
                         bool *ret_is_ours, struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(lease->system), PN_STR(lease->owner),
                                      PN_INT(lease->until_ms), PN_INT(lease->now_ms)};
    struct pn_stmt *stmt = NULL;
    int64_t changed = 0;
    enum pn_code code = pn_store_prepare(store, take_sql, &stmt, err);
    code = code == PN_OK ? pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), &changed, err)
                         : code;
    *ret_is_ours = code == PN_OK && changed > 0;
    return code;
}

enum pn_code pn_poll_lease_take(struct pn_store *store, const struct pn_poll_lease *lease,
                                bool *ret_is_ours, int64_t *ret_success_ms, struct pn_err *err)
{
    const struct pn_value system = PN_STR(lease->system);
    bool is_ours = false;
    int64_t success_ms = 0;
    enum pn_code code = take(store, lease, &is_ours, err);
    code = code == PN_OK ? pn_store_number(store, success_sql, &system, 1, &success_ms, err) : code;
    if (code == PN_OK) {
        *ret_is_ours = is_ours;
        *ret_success_ms = success_ms;
    }
    return code;
}

enum pn_code pn_poll_lease_succeed(struct pn_store *store, const struct pn_poll_lease *lease,
                                   int64_t success_ms, struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(lease->system), PN_STR(lease->owner),
                                      PN_INT(success_ms)};
    return pn_store_run(store, succeed_sql, values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_poll_lease_release(struct pn_store *store, const struct pn_poll_lease *lease,
                                   struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(lease->system), PN_STR(lease->owner)};
    return pn_store_run(store, release_sql, values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_poll_cursor_read(struct pn_store *store, const char *system,
                                 const char *resource_type, int64_t *ret_moment_ms,
                                 struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(system), PN_STR(resource_type)};
    int64_t moment_ms = -1;
    enum pn_code code =
        pn_store_number(store, cursor_sql, values, PN_ARRAY_COUNT(values), &moment_ms, err);
    if (code == PN_OK) {
        *ret_moment_ms = moment_ms;
    }
    return code;
}

enum pn_code pn_poll_cursor_move(struct pn_store *store, const struct pn_poll_lease *lease,
                                 const char *resource_type, int64_t moment_ms, struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(lease->system), PN_STR(resource_type),
                                      PN_INT(moment_ms)};
    bool is_ours = false;
    enum pn_code code = take(store, lease, &is_ours, err);
    if (code == PN_OK && !is_ours) {
        code = pn_err_set(err, PN_CONFLICT, lease->system, "another process polls this system now");
    }
    // Whoever took the lease in this very moment moves it further: it never goes back.
    return code == PN_OK ? pn_store_run(store, move_sql, values, PN_ARRAY_COUNT(values), err)
                         : code;
}
