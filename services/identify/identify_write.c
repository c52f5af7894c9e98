// SPDX-License-Identifier: Apache-2.0
#include "services/identify/identify_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "privacy/client_index.h"
#include "services/identify/case_log.h"
#include "services/identify/identify_store.h"
#include "services/identify/units.h"

enum { SET_BY_BYTES_MAX = 128 };

struct pn_identify_writer {
    struct pn_store *store;
};

enum pn_code pn_identify_writer_open(const struct pn_config *config,
                                     struct pn_identify_writer **ret_writer, struct pn_err *err)
{
    struct pn_identify_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    const struct pn_store_options options = {.name = PN_IDENTIFY_STORE,
                                             .migrations = pn_identify_migrations,
                                             .migration_count = pn_identify_migration_count};
    enum pn_code code = pn_store_open(config, &options, &writer->store, err);
    if (code != PN_OK) {
        free(writer);
        return code;
    }
    *ret_writer = writer;
    return PN_OK;
}

void pn_identify_writer_close(struct pn_identify_writer *writer)
{
    if (writer != NULL) {
        pn_store_close(writer->store);
        free(writer);
    }
}

// What the case was.
struct before {
    int64_t client, version;
    int state;
    char unit[PN_UNIT_BYTES], team[PN_UNIT_BYTES];
};

static enum pn_code read_before(struct pn_store *store, struct before *before, struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(before->client)};
    enum pn_code code = pn_store_prepare(
        store, "SELECT version, state, unit, team FROM cases WHERE client = ?1", &stmt, err);
    code = code == PN_OK ? pn_store_query(store, stmt, values, 1, &rows, err) : code;
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "client", "never on the work list");
    }
    if (code == PN_OK) {
        before->version = pn_rows_int(rows, 0);
        before->state = (int)pn_rows_int(rows, 1);
        (void)snprintf(before->unit, sizeof before->unit, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 2)));
        (void)snprintf(before->team, sizeof before->team, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 3)));
    }
    pn_rows_close(rows);
    return code;
}

static enum pn_code write_log(struct pn_store *store, const struct pn_case_change *change,
                              const struct before *before, int64_t now_ms, struct pn_err *err)
{
    char rules[PN_CASE_RULES_BYTES];
    enum pn_code code = pn_case_rules_now(store, before->client, rules, err);
    const struct pn_case_entry entry = {.client = before->client,
                                        .at_ms = now_ms,
                                        .was = before->state,
                                        .state = change->state,
                                        .reason = change->reason,
                                        .by = change->set_by,
                                        .unit = pn_slice_str(before->unit),
                                        .team = pn_slice_str(before->team),
                                        .rules = pn_slice_str(rules)};
    return code == PN_OK ? pn_case_log_add(store, &entry, err) : code;
}

// Today's client may be another than the one whose row the caller read: then that is a conflict
// too.
static enum pn_code change_row(struct pn_store *store, const struct pn_case_change *change,
                               int64_t *ret_version, struct pn_err *err)
{
    struct before before = {.version = 0};
    const int64_t now_ms = pn_clock_now_ms();
    enum pn_code code = pn_client_find(store, change->client, &before.client, err);
    code = code == PN_OK ? read_before(store, &before, err) : code;
    if (code == PN_OK && change->expected_version >= 0 &&
        change->expected_version != before.version) {
        code = pn_err_set(err, PN_CONFLICT, "version",
                          "somebody has changed it: read it again and decide anew");
    }
    if (code != PN_OK) {
        return code;
    }
    const struct pn_value values[] = {PN_INT(before.client),      PN_INT(change->state),
                                      PN_INT(before.version + 1), PN_INT(now_ms),
                                      PN_TEXT(change->set_by),    PN_TEXT(change->reason)};
    struct pn_stmt *stmt = NULL;
    code = pn_store_prepare(store,
                            "UPDATE cases SET state = ?2, version = ?3, changed_ms = ?4,"
                            " set_by = ?5, reason = ?6 WHERE client = ?1",
                            &stmt, err);
    code = code == PN_OK ? pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), NULL, err)
                         : code;
    code = code == PN_OK ? write_log(store, change, &before, now_ms, err) : code;
    if (code == PN_OK) {
        *ret_version = before.version + 1;
    }
    return code;
}

enum pn_code pn_worklist_set_state(struct pn_identify_writer *writer,
                                   const struct pn_case_change *change, int64_t *ret_version,
                                   struct pn_err *err)
{
    if ((unsigned)change->state >= PN_CASE_LAPSED || change->set_by.len == 0 ||
        change->set_by.len > SET_BY_BYTES_MAX) {
        return pn_err_set(err, PN_INVALID, "state",
                          "a state that a person can set, and who sets it, are expected");
    }
    int64_t version = 0;
    enum pn_code code = pn_store_begin(writer->store, err);
    if (code != PN_OK) {
        return code;
    }
    code = change_row(writer->store, change, &version, err);
    code = code == PN_OK ? pn_store_commit(writer->store, err) : code;
    if (code != PN_OK) {
        pn_store_rollback(writer->store);
        return code;
    }
    *ret_version = version;
    return PN_OK;
}
