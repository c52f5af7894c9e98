// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "privacy/audit.h"
#include "services/deliver/ledger_rows.h"

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

// What answers of a system's own need.
static const char answers_sql[] =
    "ALTER TABLE delivery ADD COLUMN kind BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN round BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN is_waiting BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN committed_ms BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN acknowledged_ms BIGINT NOT NULL DEFAULT 0;"
    "UPDATE delivery SET is_waiting = 1 WHERE state = 1 AND settled_ms = 0"
    " AND EXISTS (SELECT 1 FROM delivery_document f WHERE f.delivery_id = delivery.id);"
    "CREATE INDEX delivery_client ON delivery (client_key, system, settled_ms);"
    "CREATE INDEX delivery_state ON delivery (state, system, position);"
    "ALTER TABLE delivery_document ADD COLUMN is_committed BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery_document ADD COLUMN slot BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery_document ADD COLUMN remote_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE delivery_document ADD COLUMN remote_version TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE delivery_answer ("
    " id TEXT PRIMARY KEY, system TEXT NOT NULL, receipt_id TEXT NOT NULL, status TEXT NOT NULL,"
    " words TEXT NOT NULL, why TEXT NOT NULL, received_ms BIGINT NOT NULL)";

// The order in which a system's deliveries have their turn.
static const char turns_sql[] =
    "DROP INDEX delivery_open;"
    "DROP INDEX delivery_client;"
    "CREATE INDEX delivery_turn ON delivery (system, settled_ms, is_waiting, position);"
    "CREATE INDEX delivery_client ON delivery"
    " (client_key, system, settled_ms, is_waiting, position)";

const struct pn_migration *pn_ledger_migrations(void)
{
    static struct pn_migration migrations[PN_LEDGER_MIGRATION_COUNT] = {
        {1, tables_sql}, {2, NULL}, {3, answers_sql}, {4, turns_sql}};
    migrations[1].sql = PN_AUDIT_SQL;
    return migrations;
}

static const char *const state_names[PN_DELIVERY_STATE_COUNT] = {
    [PN_DELIVERY_QUEUED] = "queued",       [PN_DELIVERY_SENT] = "sent",
    [PN_DELIVERY_ACCEPTED] = "accepted",   [PN_DELIVERY_REJECTED] = "rejected",
    [PN_DELIVERY_COMMITTED] = "committed", [PN_DELIVERY_ACKNOWLEDGED] = "acknowledged",
    [PN_DELIVERY_NEEDLESS] = "needless",
};

const char *pn_delivery_state_name(enum pn_delivery_state state)
{
    assert((unsigned)state < PN_ARRAY_COUNT(state_names));
    return state_names[state];
}

enum pn_delivery_state pn_delivery_state_parse(struct pn_slice name)
{
    return (enum pn_delivery_state)pn_words_find(state_names, PN_DELIVERY_STATE_COUNT, name);
}

bool pn_delivery_is_taken(enum pn_delivery_state state)
{
    return state == PN_DELIVERY_ACCEPTED || state == PN_DELIVERY_ACKNOWLEDGED;
}

void pn_delivery_id(const char *plan_id, int64_t plan_version, const char *system,
                    char ret_id[static PN_UUID_TEXT_BYTES])
{
    char version[24];
    snprintf(version, sizeof version, "%" PRId64, plan_version);
    struct pn_slice parts[] = {pn_slice_str(plan_id), pn_slice_str(version), pn_slice_str(system)};
    pn_uuid5("delivery", parts, PN_ARRAY_COUNT(parts), ret_id);
}

static enum pn_code query_delivery(struct pn_store *store, struct pn_arena *arena, const char *sql,
                                   const struct pn_value *values, unsigned value_count,
                                   struct pn_delivery *ret_delivery, bool *ret_found,
                                   struct pn_err *err)
{
    struct pn_delivery found_row = {0};
    struct pn_ledger_taker taker = {.arena = arena, .delivery = &found_row};
    bool found = false;
    enum pn_code code = pn_ledger_query_one(store, sql, values, value_count,
                                            pn_ledger_take_delivery, &taker, &found, err);
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
    enum pn_code code = pn_ledger_query_one(store, "SELECT MAX(position) FROM delivery", NULL, 0,
                                            pn_ledger_take_int, &last, &found, err);
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
        PN_INT(delivery->of),
    };
    int64_t changed = 0;
    code = pn_ledger_exec(
        store,
        "INSERT INTO delivery (id, system, plan_id, plan_version, client_key,"
        " is_withdrawal, state, position, cause_id, sealed, attempts, next_try_ms,"
        " queued_ms, sent_ms, settled_ms, reason, words, kind)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, 0, 0, ?10, 0, 0, '', '', ?11)"
        " ON CONFLICT (id) DO NOTHING",
        values, PN_ARRAY_COUNT(values), &changed, err);
    if (code == PN_OK) {
        *ret_is_new = changed > 0;
    }
    return code;
}

// Due, nothing of the same client still to be sent before it, no earlier version of the same plan
// that lies at the system and may yet be answered in time, and no newer version of what lies there
// itself: it would overwrite that one. What is new goes before what lies there and is asked for
// again.
#define NOTHING_BEFORE                                                                             \
    " AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.client_key = d.client_key"                  \
    "  AND e.system = d.system AND e.settled_ms = 0 AND e.position < d.position"                   \
    "  AND e.is_waiting = 0)"                                                                      \
    " AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.plan_id = d.plan_id"                        \
    "  AND e.system = d.system AND e.settled_ms = 0 AND e.position < d.position"                   \
    "  AND (e.is_waiting = 0 OR e.next_try_ms > ?2))"
static const char next_sql[] =
    "SELECT" PN_LEDGER_ROW " FROM delivery d WHERE d.system = ?1 AND d.settled_ms = 0"
    " AND d.next_try_ms <= ?2" NOTHING_BEFORE
    " AND (d.is_waiting = 0 OR NOT EXISTS (SELECT 1 FROM delivery l WHERE l.plan_id = d.plan_id"
    "  AND l.system = d.system AND l.plan_version > d.plan_version))"
    " ORDER BY d.is_waiting, d.position LIMIT 1";

enum pn_code pn_ledger_next(struct pn_store *store, struct pn_arena *arena, const char *system,
                            int64_t now_ms, struct pn_delivery *ret_delivery, bool *ret_found,
                            int64_t *ret_due_ms, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(system), PN_INT(now_ms)};
    bool found = false;
    enum pn_code code =
        query_delivery(store, arena, next_sql, values, 2, ret_delivery, &found, err);
    if (code != PN_OK) {
        return code;
    }
    int64_t due_ms = 0;
    if (!found) {
        bool any = false;
        code = pn_ledger_query_one(store,
                                   "SELECT MIN(next_try_ms) FROM delivery"
                                   " WHERE system = ?1 AND settled_ms = 0 AND next_try_ms > ?2",
                                   values, 2, pn_ledger_take_int, &due_ms, &any, err);
        if (code != PN_OK) {
            return code;
        }
    }
    *ret_found = found;
    *ret_due_ms = due_ms;
    return PN_OK;
}

enum pn_code pn_ledger_probe(struct pn_store *store, struct pn_arena *arena, const char *system,
                             int64_t now_ms, struct pn_delivery *ret_delivery, bool *ret_found,
                             struct pn_err *err)
{
    static const char sql[] =
        "SELECT" PN_LEDGER_ROW " FROM delivery d WHERE d.system = ?1 AND d.settled_ms = 0"
        " AND d.next_try_ms > ?2 AND d.is_waiting = 0" NOTHING_BEFORE
        " ORDER BY d.sent_ms, d.position LIMIT 1";
    struct pn_value values[] = {PN_STR(system), PN_INT(now_ms)};
    return query_delivery(store, arena, sql, values, 2, ret_delivery, ret_found, err);
}

enum pn_code pn_ledger_wake_system(struct pn_store *store, const char *system, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(system)};
    return pn_ledger_exec(store,
                          "UPDATE delivery SET next_try_ms = 0 WHERE system = ?1"
                          " AND settled_ms = 0 AND is_waiting = 0 AND next_try_ms > 0",
                          values, 1, NULL, err);
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
    struct pn_value values[] = {PN_STR(delivery->plan_id),        PN_STR(delivery->system),
                                PN_INT(delivery->plan_version),   PN_INT(PN_DELIVERY_ACCEPTED),
                                PN_INT(PN_DELIVERY_ACKNOWLEDGED), PN_INT(PN_DELIVERY_COMMITTED)};
    struct accepted_taker taker = {.arena = arena};
    bool found = false;
    enum pn_code code =
        pn_ledger_query_one(store,
                            "SELECT plan_version, sealed FROM delivery WHERE plan_id = ?1"
                            " AND system = ?2 AND plan_version < ?3 AND state IN (?4, ?5, ?6)"
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

enum pn_code pn_ledger_is_needless(struct pn_store *store, const struct pn_delivery *delivery,
                                   bool *ret_is_needless, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(delivery->plan_id), PN_STR(delivery->system)};
    int64_t tried = 0;
    bool found = false;
    enum pn_code code = pn_ledger_query_one(store,
                                            "SELECT COUNT(*) FROM delivery WHERE plan_id = ?1"
                                            " AND system = ?2 AND attempts > 0",
                                            values, 2, pn_ledger_take_int, &tried, &found, err);
    if (code == PN_OK) {
        *ret_is_needless = tried == 0;
    }
    return code;
}

enum pn_code pn_ledger_sent(struct pn_store *store, const struct pn_delivery *delivery,
                            int64_t now_ms, int64_t again_ms, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(delivery->id), PN_INT(PN_DELIVERY_SENT), PN_INT(now_ms),
                                PN_INT(again_ms), PN_INT(PN_DELIVERY_COMMITTED)};
    // What the system holds stays committed while it is asked again.
    return pn_ledger_exec(store,
                          "UPDATE delivery SET state = CASE WHEN state = ?5 THEN ?5 ELSE ?2 END,"
                          " is_waiting = CASE WHEN state = ?5 THEN 1 ELSE 0 END,"
                          " attempts = attempts + 1, sent_ms = ?3, next_try_ms = ?4"
                          " WHERE id = ?1 AND settled_ms = 0",
                          values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_put_off(struct pn_store *store, const char *id, int64_t again_ms,
                               const char *reason, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(PN_DELIVERY_QUEUED), PN_INT(again_ms),
                                PN_STR(reason), PN_INT(PN_DELIVERY_COMMITTED)};
    return pn_ledger_exec(store,
                          "UPDATE delivery SET state = CASE WHEN state = ?5 THEN ?5 ELSE ?2 END,"
                          " next_try_ms = ?3, reason = ?4 WHERE id = ?1 AND settled_ms = 0",
                          values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_wait(struct pn_store *store, const char *id, int64_t again_ms,
                            struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(again_ms)};
    return pn_ledger_exec(store,
                          "UPDATE delivery SET is_waiting = 1, next_try_ms = ?2, reason = ''"
                          " WHERE id = ?1 AND settled_ms = 0",
                          values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_settle(struct pn_store *store, const char *id, enum pn_delivery_state state,
                              int64_t now_ms, struct pn_slice words, bool *ret_changed,
                              struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(state), PN_INT(now_ms), PN_TEXT(words)};
    int64_t changed = 0;
    enum pn_code code =
        pn_ledger_exec(store,
                       "UPDATE delivery SET state = ?2, settled_ms = ?3, words = ?4, reason = '',"
                       " is_waiting = 0 WHERE id = ?1 AND settled_ms = 0",
                       values, PN_ARRAY_COUNT(values), &changed, err);
    if (code == PN_OK && ret_changed != NULL) {
        *ret_changed = changed > 0;
    }
    return code;
}

enum pn_code pn_ledger_wake_all(struct pn_store *store, struct pn_err *err)
{
    return pn_ledger_exec(store,
                          "UPDATE delivery SET next_try_ms = 0"
                          " WHERE settled_ms = 0 AND is_waiting = 0",
                          NULL, 0, NULL, err);
}

enum pn_code pn_ledger_find(struct pn_store *store, struct pn_arena *arena, const char *id,
                            struct pn_delivery *ret_delivery, bool *ret_found, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id)};
    return query_delivery(store, arena, "SELECT" PN_LEDGER_ROW " FROM delivery d WHERE d.id = ?1",
                          values, 1, ret_delivery, ret_found, err);
}

static enum pn_code refuse_overwriting(struct pn_store *store, const struct pn_delivery *delivery,
                                       struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(delivery->plan_id), PN_STR(delivery->system),
                                PN_INT(delivery->plan_version)};
    int64_t later = 0;
    bool found = false;
    enum pn_code code = pn_ledger_query_one(store,
                                            "SELECT COUNT(*) FROM delivery WHERE plan_id = ?1"
                                            " AND system = ?2 AND plan_version > ?3"
                                            " AND attempts > 0",
                                            values, PN_ARRAY_COUNT(values), pn_ledger_take_int,
                                            &later, &found, err);
    if (code == PN_OK && later > 0) {
        return pn_err_set(err, PN_CONFLICT, "delivery",
                          "a later version has gone to %s since: retry that one", delivery->system);
    }
    return code;
}

enum pn_code pn_ledger_retry(struct pn_store *store, const struct pn_delivery *delivery,
                             struct pn_err *err)
{
    if (delivery->state != PN_DELIVERY_REJECTED) {
        return pn_err_set(err, PN_CONFLICT, "delivery", "it is %s: only a rejected one is retried",
                          pn_delivery_state_name(delivery->state));
    }
    enum pn_code code = refuse_overwriting(store, delivery, err);
    struct pn_value values[] = {PN_STR(delivery->id), PN_INT(PN_DELIVERY_QUEUED),
                                PN_INT(PN_DELIVERY_REJECTED)};
    return code == PN_OK ? pn_ledger_exec(store,
                                          "UPDATE delivery SET state = ?2, settled_ms = 0,"
                                          " next_try_ms = 0, round = round + 1, is_waiting = 0"
                                          " WHERE id = ?1 AND state = ?3",
                                          values, PN_ARRAY_COUNT(values), NULL, err)
                         : code;
}
