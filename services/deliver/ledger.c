// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "privacy/audit.h"

static const char tables_sql[] =
    "CREATE TABLE delivery ("
    " id TEXT PRIMARY KEY, system TEXT NOT NULL, plan_id TEXT NOT NULL,"
    " plan_version BIGINT NOT NULL, client_key TEXT NOT NULL, is_withdrawal BIGINT NOT NULL,"
    " state BIGINT NOT NULL, position BIGINT NOT NULL, cause_id TEXT NOT NULL,"
    " sealed BYTEA NOT NULL, attempts BIGINT NOT NULL, next_try_ms BIGINT NOT NULL,"
    " queued_ms BIGINT NOT NULL, sent_ms BIGINT NOT NULL, settled_ms BIGINT NOT NULL,"
    " reason TEXT NOT NULL, words TEXT NOT NULL);"
    "CREATE INDEX delivery_open ON delivery (system, settled_ms, position);"
    "CREATE INDEX delivery_plan ON delivery (plan_id, system, plan_version);"
    "CREATE INDEX delivery_order ON delivery (position);"
    "CREATE TABLE delivery_document ("
    " delivery_id TEXT NOT NULL, ordinal BIGINT NOT NULL, receipt_id TEXT NOT NULL,"
    " is_accepted BIGINT NOT NULL, PRIMARY KEY (delivery_id, ordinal));"
    "CREATE INDEX delivery_receipt ON delivery_document (receipt_id)";

const struct pn_migration *pn_ledger_migrations(void)
{
    static struct pn_migration migrations[PN_LEDGER_MIGRATION_COUNT] = {{1, tables_sql}, {2, NULL}};
    migrations[1].sql = PN_AUDIT_SQL;
    return migrations;
}

#define ROW                                                                                        \
    " d.id, d.system, d.plan_id, d.plan_version, d.client_key, d.is_withdrawal, d.state,"          \
    " d.position, d.cause_id, d.sealed, d.attempts, d.queued_ms, d.sent_ms, d.settled_ms"

const char *pn_delivery_state_name(enum pn_delivery_state state)
{
    static const char *const names[] = {"queued", "sent", "accepted", "rejected"};
    assert((unsigned)state < PN_ARRAY_COUNT(names));
    return names[state];
}

void pn_delivery_id(const char *plan_id, int64_t plan_version, const char *system,
                    char ret_id[static PN_UUID_TEXT_BYTES])
{
    char version[24];
    snprintf(version, sizeof version, "%" PRId64, plan_version);
    struct pn_slice parts[] = {pn_slice_str(plan_id), pn_slice_str(version), pn_slice_str(system)};
    pn_uuid5("delivery", parts, PN_ARRAY_COUNT(parts), ret_id);
}

static enum pn_code exec(struct pn_store *store, const char *sql, const struct pn_value *values,
                         unsigned value_count, int64_t *ret_changed, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(store, sql, &stmt, err);
    if (code != PN_OK) {
        return code;
    }
    return pn_store_exec(store, stmt, values, value_count, ret_changed, err);
}

// One row of a query, read by `take`; *ret_found is false when there is none.
static enum pn_code query_one(struct pn_store *store, const char *sql,
                              const struct pn_value *values, unsigned value_count,
                              void (*take)(const struct pn_rows *rows, void *context),
                              void *context, bool *ret_found, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_prepare(store, sql, &stmt, err);
    if (code == PN_OK) {
        code = pn_store_query(store, stmt, values, value_count, &rows, err);
    }
    bool has_row = false;
    if (code == PN_OK) {
        code = pn_rows_next(rows, &has_row, err);
    }
    if (code == PN_OK && has_row) {
        take(rows, context);
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_found = has_row;
    }
    return code;
}

static void take_int(const struct pn_rows *rows, void *context)
{
    *(int64_t *)context = pn_rows_is_null(rows, 0) ? 0 : pn_rows_int(rows, 0);
}

struct taker {
    struct pn_arena *arena;
    struct pn_delivery *delivery;
    bool is_full;
};

static const char *kept(struct taker *taker, struct pn_slice text)
{
    const char *copy = pn_arena_copy(taker->arena, text);
    taker->is_full = taker->is_full || copy == NULL;
    return copy == NULL ? "" : copy;
}

static void take_delivery(const struct pn_rows *rows, void *context)
{
    struct taker *taker = context;
    struct pn_delivery *d = taker->delivery;
    *d = (struct pn_delivery){.system = kept(taker, pn_rows_text(rows, 1))};
    snprintf(d->id, sizeof d->id, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 0)));
    d->plan_id = kept(taker, pn_rows_text(rows, 2));
    d->plan_version = pn_rows_int(rows, 3);
    d->client_key = kept(taker, pn_rows_text(rows, 4));
    d->is_withdrawal = pn_rows_int(rows, 5) != 0;
    d->state = (enum pn_delivery_state)pn_rows_int(rows, 6);
    d->position = pn_rows_int(rows, 7);
    d->cause_id = kept(taker, pn_rows_text(rows, 8));
    struct pn_slice sealed = pn_rows_bytes(rows, 9);
    d->sealed = pn_slice_of(kept(taker, sealed), sealed.len);
    d->attempts = pn_rows_int(rows, 10);
    d->queued_ms = pn_rows_int(rows, 11);
    d->sent_ms = pn_rows_int(rows, 12);
    d->settled_ms = pn_rows_int(rows, 13);
}

static enum pn_code query_delivery(struct pn_store *store, struct pn_arena *arena, const char *sql,
                                   const struct pn_value *values, unsigned value_count,
                                   struct pn_delivery *ret_delivery, bool *ret_found,
                                   struct pn_err *err)
{
    struct pn_delivery found_row = {0};
    struct taker taker = {.arena = arena, .delivery = &found_row};
    bool found = false;
    enum pn_code code =
        query_one(store, sql, values, value_count, take_delivery, &taker, &found, err);
    if (code != PN_OK) {
        return code;
    }
    if (taker.is_full) {
        return pn_err_set(err, PN_LIMIT, "delivery", "the plan does not fit into the arena");
    }
    if (found) {
        *ret_delivery = found_row;
    }
    *ret_found = found;
    return PN_OK;
}

enum pn_code pn_ledger_queue(struct pn_store *store, struct pn_delivery *delivery, bool *ret_is_new,
                             struct pn_err *err)
{
    pn_delivery_id(delivery->plan_id, delivery->plan_version, delivery->system, delivery->id);
    int64_t last = 0;
    bool found = false;
    enum pn_code code = query_one(store, "SELECT MAX(position) FROM delivery", NULL, 0, take_int,
                                  &last, &found, err);
    if (code != PN_OK) {
        return code;
    }
    delivery->position = last + 1;
    struct pn_value values[] = {
        PN_STR(delivery->id),         PN_STR(delivery->system),
        PN_STR(delivery->plan_id),    PN_INT(delivery->plan_version),
        PN_STR(delivery->client_key), PN_INT(delivery->is_withdrawal),
        PN_INT(delivery->position),   PN_STR(delivery->cause_id),
        PN_BYTES(delivery->sealed),   PN_INT(delivery->queued_ms),
    };
    int64_t changed = 0;
    code = exec(store,
                "INSERT INTO delivery (id, system, plan_id, plan_version, client_key,"
                " is_withdrawal, state, position, cause_id, sealed, attempts, next_try_ms,"
                " queued_ms, sent_ms, settled_ms, reason, words)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, 0, 0, ?10, 0, 0, '', '')"
                " ON CONFLICT (id) DO NOTHING",
                values, PN_ARRAY_COUNT(values), &changed, err);
    if (code == PN_OK) {
        *ret_is_new = changed > 0;
    }
    return code;
}

enum pn_code pn_ledger_next(struct pn_store *store, struct pn_arena *arena, const char *system,
                            int64_t now_ms, struct pn_delivery *ret_delivery, bool *ret_found,
                            int64_t *ret_due_ms, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(system), PN_INT(now_ms)};
    bool found = false;
    enum pn_code code =
        query_delivery(store, arena,
                       "SELECT" ROW " FROM delivery d WHERE d.system = ?1 AND d.settled_ms = 0"
                       " AND d.next_try_ms <= ?2 AND NOT EXISTS (SELECT 1 FROM delivery e"
                       " WHERE e.plan_id = d.plan_id AND e.system = d.system AND e.settled_ms = 0"
                       " AND e.position < d.position) ORDER BY d.position LIMIT 1",
                       values, 2, ret_delivery, &found, err);
    if (code != PN_OK) {
        return code;
    }
    int64_t due_ms = 0;
    if (!found) {
        bool any = false;
        code = query_one(store,
                         "SELECT MIN(next_try_ms) FROM delivery"
                         " WHERE system = ?1 AND settled_ms = 0 AND next_try_ms > ?2",
                         values, 2, take_int, &due_ms, &any, err);
        if (code != PN_OK) {
            return code;
        }
    }
    *ret_found = found;
    *ret_due_ms = due_ms;
    return PN_OK;
}

struct accepted_taker {
    struct pn_arena *arena;
    int64_t version;
    struct pn_slice sealed;
};

static void take_accepted(const struct pn_rows *rows, void *context)
{
    struct accepted_taker *taker = context;
    struct pn_slice sealed = pn_rows_bytes(rows, 1);
    taker->version = pn_rows_int(rows, 0);
    taker->sealed = pn_slice_of(pn_arena_copy(taker->arena, sealed), sealed.len);
}

enum pn_code pn_ledger_accepted(struct pn_store *store, struct pn_arena *arena,
                                const struct pn_delivery *delivery, int64_t *ret_version,
                                struct pn_slice *ret_sealed, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(delivery->plan_id), PN_STR(delivery->system),
                                PN_INT(delivery->plan_version), PN_INT(PN_DELIVERY_ACCEPTED)};
    struct accepted_taker taker = {.arena = arena};
    bool found = false;
    enum pn_code code =
        query_one(store,
                  "SELECT plan_version, sealed FROM delivery WHERE plan_id = ?1"
                  " AND system = ?2 AND plan_version < ?3 AND state = ?4"
                  " ORDER BY plan_version DESC LIMIT 1",
                  values, PN_ARRAY_COUNT(values), take_accepted, &taker, &found, err);
    if (code != PN_OK) {
        return code;
    }
    if (found && taker.sealed.ptr == NULL) {
        return pn_err_set(err, PN_LIMIT, "delivery", "the plan does not fit into the arena");
    }
    *ret_version = taker.version;
    *ret_sealed = taker.sealed;
    return PN_OK;
}

enum pn_code pn_ledger_sent(struct pn_store *store, const struct pn_delivery *delivery,
                            int64_t now_ms, int64_t again_ms, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(delivery->id), PN_INT(PN_DELIVERY_SENT), PN_INT(now_ms),
                                PN_INT(again_ms)};
    return exec(store,
                "UPDATE delivery SET state = ?2, attempts = attempts + 1, sent_ms = ?3,"
                " next_try_ms = ?4 WHERE id = ?1 AND settled_ms = 0",
                values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_put_off(struct pn_store *store, const char *id, int64_t again_ms,
                               const char *reason, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(PN_DELIVERY_QUEUED), PN_INT(again_ms),
                                PN_STR(reason)};
    return exec(store,
                "UPDATE delivery SET state = ?2, next_try_ms = ?3, reason = ?4"
                " WHERE id = ?1 AND settled_ms = 0",
                values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_settle(struct pn_store *store, const char *id, enum pn_delivery_state state,
                              int64_t now_ms, struct pn_slice words, struct pn_err *err)
{
    assert(state == PN_DELIVERY_ACCEPTED || state == PN_DELIVERY_REJECTED);
    struct pn_value values[] = {PN_STR(id), PN_INT(state), PN_INT(now_ms), PN_TEXT(words)};
    return exec(store,
                "UPDATE delivery SET state = ?2, settled_ms = ?3, words = ?4, reason = ''"
                " WHERE id = ?1 AND settled_ms = 0",
                values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_wake_all(struct pn_store *store, struct pn_err *err)
{
    return exec(store, "UPDATE delivery SET next_try_ms = 0 WHERE settled_ms = 0", NULL, 0, NULL,
                err);
}

enum pn_code pn_ledger_document_sent(struct pn_store *store, const char *id, unsigned ordinal,
                                     struct pn_slice receipt_id, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(ordinal), PN_TEXT(receipt_id)};
    return exec(store,
                "INSERT INTO delivery_document (delivery_id, ordinal, receipt_id, is_accepted)"
                " VALUES (?1, ?2, ?3, 0) ON CONFLICT (delivery_id, ordinal) DO NOTHING",
                values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_by_receipt(struct pn_store *store, struct pn_arena *arena,
                                  const char *system, struct pn_slice receipt_id,
                                  struct pn_delivery *ret_delivery, bool *ret_found,
                                  struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(system), PN_TEXT(receipt_id)};
    return query_delivery(store, arena,
                          "SELECT" ROW " FROM delivery d JOIN delivery_document f"
                          " ON f.delivery_id = d.id WHERE d.system = ?1 AND f.receipt_id = ?2"
                          " AND f.is_accepted = 0 AND d.settled_ms = 0 LIMIT 1",
                          values, PN_ARRAY_COUNT(values), ret_delivery, ret_found, err);
}

enum pn_code pn_ledger_document_accepted(struct pn_store *store, const char *id,
                                         struct pn_slice receipt_id, int64_t *ret_left,
                                         struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_TEXT(receipt_id)};
    enum pn_code code = exec(store,
                             "UPDATE delivery_document SET is_accepted = 1"
                             " WHERE delivery_id = ?1 AND receipt_id = ?2",
                             values, 2, NULL, err);
    if (code != PN_OK) {
        return code;
    }
    bool found = false;
    return query_one(store,
                     "SELECT COUNT(*) FROM delivery_document"
                     " WHERE delivery_id = ?1 AND is_accepted = 0",
                     values, 1, take_int, ret_left, &found, err);
}
