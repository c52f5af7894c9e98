// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_read.h"

#include <stdio.h>

#include "services/plan/plan_content.h"
#include "services/plan/plan_seal.h"

enum { ALIAS_CHAIN_MAX = 16 };

#define ROW_COLUMNS                                                                                \
    "p.plan_id, p.client_key, v.version, v.status, v.period_start, v.period_end, v.author,"        \
    " p.created_ms, v.written_ms"
#define ROW_TABLES " FROM plan p JOIN plan_version v ON v.plan_id = p.plan_id AND v.version = "

enum pn_code pn_plan_store_open(const struct pn_config *config, struct pn_store **ret_store,
                                struct pn_err *err)
{
    // The service owns the tables: a writer that came first would make them without its outbox.
    const struct pn_store_options look = {.name = "plan", .read_only = true};
    struct pn_store *store = NULL;
    enum pn_code code = pn_store_open(config, &look, &store, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_stmt *stmt = NULL;
    code =
        pn_store_prepare(store, "SELECT plan_id FROM plan_version WHERE version = 0", &stmt, err);
    pn_store_close(store);
    if (code != PN_OK) {
        return pn_err_set(err, PN_UNAVAILABLE, "plan store", "the plan service has not made it");
    }
    const struct pn_store_options options = {.name = "plan"};
    return pn_store_open(config, &options, ret_store, err);
}

static void copy_text(char *to, size_t to_bytes, struct pn_slice text)
{
    snprintf(to, to_bytes, "%.*s", PN_SLICE_FMT(text));
}

struct plans {
    struct pn_plan_row *rows;
    size_t count;
};

static enum pn_code take_plan(void *context, const struct pn_rows *row, struct pn_err *err)
{
    (void)err;
    struct plans *plans = context;
    struct pn_plan_row *found = &plans->rows[plans->count++];
    copy_text(found->id, sizeof found->id, pn_rows_text(row, 0));
    copy_text(found->client_key, sizeof found->client_key, pn_rows_text(row, 1));
    found->version = pn_rows_int(row, 2);
    copy_text(found->status, sizeof found->status, pn_rows_text(row, 3));
    copy_text(found->period_start, sizeof found->period_start, pn_rows_text(row, 4));
    copy_text(found->period_end, sizeof found->period_end, pn_rows_text(row, 5));
    copy_text(found->author, sizeof found->author, pn_rows_text(row, 6));
    found->created_ms = pn_rows_int(row, 7);
    found->written_ms = pn_rows_int(row, 8);
    return PN_OK;
}

// As many rows as there are, at most row_max.
static enum pn_code read_rows(struct pn_store *store, const char *sql,
                              const struct pn_value *values, unsigned value_count,
                              struct pn_plan_row *ret_rows, size_t row_max, size_t *ret_count,
                              struct pn_err *err)
{
    struct plans plans = {.rows = ret_rows};
    const struct pn_question question = {sql, values, value_count, row_max, take_plan, &plans};
    enum pn_code code = pn_store_each(store, &question, err);
    if (code == PN_OK) {
        *ret_count = plans.count;
    }
    return code;
}

static enum pn_code read_one(struct pn_store *store, const char *sql, const struct pn_value *values,
                             unsigned value_count, struct pn_plan_row *ret_row, struct pn_err *err)
{
    struct pn_plan_row row;
    size_t count = 0;
    enum pn_code code = read_rows(store, sql, values, value_count, &row, 1, &count, err);
    if (code != PN_OK) {
        return code;
    }
    if (count == 0) {
        return pn_err_set(err, PN_NOT_FOUND, "CarePlan", "there is no such plan or version");
    }
    *ret_row = row;
    return PN_OK;
}

enum pn_code pn_plan_current(struct pn_store *store, struct pn_slice id,
                             struct pn_plan_row *ret_row, struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(id)};
    return read_one(store, "SELECT " ROW_COLUMNS ROW_TABLES "p.version WHERE p.plan_id = ?1",
                    values, 1, ret_row, err);
}

enum pn_code pn_plan_version(struct pn_store *store, struct pn_slice id, int64_t version,
                             struct pn_plan_row *ret_row, struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(id), PN_INT(version)};
    return read_one(store, "SELECT " ROW_COLUMNS ROW_TABLES "?2 WHERE p.plan_id = ?1", values, 2,
                    ret_row, err);
}

enum pn_code pn_plan_history(struct pn_store *store, struct pn_slice id,
                             struct pn_plan_row *ret_rows, size_t row_max, size_t *ret_count,
                             struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(id), PN_INT(row_max)};
    return read_rows(store,
                     "SELECT " ROW_COLUMNS ROW_TABLES
                     "v.version WHERE p.plan_id = ?1 ORDER BY v.version DESC LIMIT ?2",
                     values, 2, ret_rows, row_max, ret_count, err);
}

struct content {
    const struct pn_privacy *privacy;
    const struct pn_plan_row *row;
    cJSON *plan; // NULL: there is no such version
};

static enum pn_code take_content(void *context, const struct pn_rows *row, struct pn_err *err)
{
    struct content *content = context;
    return pn_plan_unseal(content->privacy, content->row->id, content->row->version,
                          pn_rows_bytes(row, 0), &content->plan, err);
}

enum pn_code pn_plan_content(struct pn_store *store, const struct pn_privacy *privacy,
                             const struct pn_plan_row *row, cJSON **ret_plan, struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(row->id), PN_INT(row->version)};
    struct content content = {.privacy = privacy, .row = row};
    const struct pn_question question = {
        "SELECT sealed FROM plan_version WHERE plan_id = ?1 AND version = ?2",
        values,
        PN_ARRAY_COUNT(values),
        1,
        take_content,
        &content};
    enum pn_code code = pn_store_each(store, &question, err);
    if (code == PN_OK && content.plan == NULL) {
        return pn_err_set(err, PN_NOT_FOUND, "CarePlan", "there is no such version");
    }
    if (code == PN_OK) {
        code = pn_plan_content_set_client(content.plan, row->client_key, err);
    }
    if (code == PN_OK) {
        *ret_plan = content.plan;
    }
    return code;
}

enum pn_code pn_plan_list(struct pn_store *store, const struct pn_plan_query *query,
                          struct pn_plan_row *ret_rows, size_t row_max, size_t *ret_count,
                          struct pn_err *err)
{
    static const char sql[] =
        "SELECT " ROW_COLUMNS ROW_TABLES "p.version"
        " WHERE (?1 = '' OR p.client_key = ?1) AND (?2 = '' OR p.status = ?2)"
        " AND p.written_ms >= ?3 AND p.written_ms < ?4"
        " AND (?5 = '' OR p.period_end >= ?5) AND (?6 = '' OR p.period_start <= ?6)"
        " AND (p.written_ms < ?7 OR (p.written_ms = ?7 AND p.plan_id < ?8))"
        " ORDER BY p.written_ms DESC, p.plan_id DESC LIMIT ?9";
    bool is_first = query->after_written_ms == 0;
    const struct pn_value values[] = {
        PN_TEXT(query->client_key),
        PN_STR(query->status == NULL ? "" : query->status),
        PN_INT(query->written_from_ms),
        PN_INT(query->written_to_ms == 0 ? INT64_MAX : query->written_to_ms),
        PN_TEXT(query->period_from),
        PN_TEXT(query->period_to),
        PN_INT(is_first ? INT64_MAX : query->after_written_ms),
        PN_TEXT(query->after_id),
        PN_INT(row_max)};
    return read_rows(store, sql, values, PN_ARRAY_COUNT(values), ret_rows, row_max, ret_count, err);
}

enum pn_code pn_plan_client_present(struct pn_store *store, struct pn_slice client_key,
                                    char ret_key[static PN_CLIENT_KEY_TEXT_BYTES],
                                    struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_store_prepare(
        store, "SELECT new_key FROM plan_client_alias WHERE old_key = ?1", &stmt, err);
    char key[PN_CLIENT_KEY_TEXT_BYTES];
    copy_text(key, sizeof key, client_key);
    bool has_row = code == PN_OK;
    for (int step = 0; has_row && step < ALIAS_CHAIN_MAX; step++) {
        const struct pn_value values[] = {PN_STR(key)};
        struct pn_rows *rows = NULL;
        code = pn_store_query(store, stmt, values, 1, &rows, err);
        if (code == PN_OK) {
            code = pn_rows_next(rows, &has_row, err);
        }
        has_row = has_row && code == PN_OK;
        if (has_row) {
            copy_text(key, sizeof key, pn_rows_text(rows, 0));
        }
        pn_rows_close(rows);
    }
    if (code == PN_OK) {
        copy_text(ret_key, PN_CLIENT_KEY_TEXT_BYTES, pn_slice_str(key));
    }
    return code;
}
