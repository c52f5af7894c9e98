// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_store.h"

const struct pn_migration pn_plan_migrations[] = {
    {1, "CREATE TABLE plan ("
        "  plan_id TEXT PRIMARY KEY, client_key TEXT NOT NULL, version BIGINT NOT NULL,"
        "  status TEXT NOT NULL, period_start TEXT NOT NULL, period_end TEXT NOT NULL,"
        "  author TEXT NOT NULL, created_ms BIGINT NOT NULL, written_ms BIGINT NOT NULL);"
        "CREATE INDEX plan_by_client ON plan (client_key, written_ms);"
        "CREATE INDEX plan_by_time ON plan (written_ms, plan_id);"
        "CREATE TABLE plan_version ("
        "  plan_id TEXT NOT NULL, version BIGINT NOT NULL, status TEXT NOT NULL,"
        "  period_start TEXT NOT NULL, period_end TEXT NOT NULL, author TEXT NOT NULL,"
        "  written_ms BIGINT NOT NULL, sealed BYTEA NOT NULL, PRIMARY KEY (plan_id, version));"
        "CREATE TABLE plan_client_alias ("
        "  old_key TEXT PRIMARY KEY, new_key TEXT NOT NULL, merged_ms BIGINT NOT NULL);"
        "CREATE TABLE plan_move ("
        "  plan_id TEXT NOT NULL, move_no BIGINT NOT NULL, old_key TEXT NOT NULL,"
        "  new_key TEXT NOT NULL, PRIMARY KEY (plan_id, move_no));"
        "CREATE INDEX plan_move_by_key ON plan_move (old_key, new_key);"},
    // Cases move with their client as plans do; their moves stand in plan_move too.
    {2, "CREATE TABLE plan_case ("
        "  case_id TEXT PRIMARY KEY, client_key TEXT NOT NULL, version BIGINT NOT NULL,"
        "  opened_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL, opened_by TEXT NOT NULL,"
        "  ended_by TEXT NOT NULL);"
        "CREATE INDEX plan_case_by_client ON plan_case (client_key, ended_ms);"},
};
const unsigned pn_plan_migration_count = PN_ARRAY_COUNT(pn_plan_migrations);

enum pn_code pn_plan_follow_merge(struct pn_store *store, struct pn_slice old_key,
                                  struct pn_slice new_key, int64_t now_ms, struct pn_err *err)
{
    if (pn_slice_eq(old_key, new_key)) {
        return PN_OK;
    }
    const struct pn_value values[] = {PN_TEXT(old_key), PN_TEXT(new_key), PN_INT(now_ms)};
    enum pn_code code =
        pn_store_run(store,
                     "INSERT INTO plan_client_alias (old_key, new_key, merged_ms)"
                     " VALUES (?1, ?2, ?3) ON CONFLICT (old_key) DO UPDATE"
                     " SET new_key = excluded.new_key, merged_ms = excluded.merged_ms",
                     values, 3, err);
    if (code == PN_OK) {
        // Each plan's moves are numbered, so that an undo knows which ones came after it.
        code = pn_store_run(
            store,
            "INSERT INTO plan_move (plan_id, move_no, old_key, new_key)"
            " SELECT plan_id, 1 + (SELECT COALESCE(MAX(m.move_no), 0) FROM plan_move m"
            "  WHERE m.plan_id = plan.plan_id), ?1, ?2 FROM plan WHERE client_key = ?1",
            values, 2, err);
    }
    if (code == PN_OK) {
        code =
            pn_store_run(store,
                         "INSERT INTO plan_move (plan_id, move_no, old_key, new_key)"
                         " SELECT case_id, 1 + (SELECT COALESCE(MAX(m.move_no), 0) FROM plan_move m"
                         "  WHERE m.plan_id = plan_case.case_id), ?1, ?2 FROM plan_case"
                         " WHERE client_key = ?1",
                         values, 2, err);
    }
    if (code == PN_OK) {
        code = pn_store_run(store, "UPDATE plan SET client_key = ?2 WHERE client_key = ?1", values,
                            2, err);
    }
    if (code == PN_OK) {
        code = pn_store_run(store, "UPDATE plan_case SET client_key = ?2 WHERE client_key = ?1",
                            values, 2, err);
    }
    return code;
}

enum pn_code pn_plan_follow_unmerge(struct pn_store *store, struct pn_slice old_key,
                                    struct pn_slice new_key, struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(old_key), PN_TEXT(new_key)};
    enum pn_code code =
        pn_store_run(store,
                     "UPDATE plan SET client_key = ?1 WHERE plan_id IN (SELECT plan_id"
                     " FROM plan_move WHERE old_key = ?1 AND new_key = ?2)",
                     values, 2, err);
    if (code == PN_OK) {
        code = pn_store_run(store,
                            "UPDATE plan_case SET client_key = ?1 WHERE case_id IN (SELECT plan_id"
                            " FROM plan_move WHERE old_key = ?1 AND new_key = ?2)",
                            values, 2, err);
    }
    if (code == PN_OK) {
        // Moves that followed from the undone one are undone with it.
        code = pn_store_run(
            store,
            "DELETE FROM plan_move WHERE EXISTS (SELECT 1 FROM plan_move m"
            " WHERE m.plan_id = plan_move.plan_id AND m.old_key = ?1 AND m.new_key = ?2"
            " AND m.move_no <= plan_move.move_no)",
            values, 2, err);
    }
    if (code == PN_OK) {
        code =
            pn_store_run(store, "DELETE FROM plan_client_alias WHERE old_key = ?1 AND new_key = ?2",
                         values, 2, err);
    }
    return code;
}
