// SPDX-License-Identifier: Apache-2.0
#include "services/identify/identify_write.h"

#include <stdlib.h>

#include "base/clock.h"
#include "privacy/client_index.h"
#include "services/identify/identify_store.h"

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

// Today's client may be another than the one whose row the caller read: then that is a conflict
// too.
static enum pn_code read_version(struct pn_store *store, int64_t client, int64_t *ret_version,
                                 struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(client)};
    enum pn_code code =
        pn_store_prepare(store, "SELECT version FROM cases WHERE client = ?1", &stmt, err);
    code = code == PN_OK ? pn_store_query(store, stmt, values, 1, &rows, err) : code;
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "client", "never on the work list");
    }
    if (code == PN_OK) {
        *ret_version = pn_rows_int(rows, 0);
    }
    pn_rows_close(rows);
    return code;
}

static enum pn_code change_row(struct pn_store *store, const struct pn_case_change *change,
                               int64_t *ret_version, struct pn_err *err)
{
    int64_t client = 0, version = 0;
    enum pn_code code = pn_client_find(store, change->client, &client, err);
    code = code == PN_OK ? read_version(store, client, &version, err) : code;
    if (code == PN_OK && change->expected_version >= 0 && change->expected_version != version) {
        code = pn_err_set(err, PN_CONFLICT, "version",
                          "somebody has changed it: read it again and decide anew");
    }
    if (code != PN_OK) {
        return code;
    }
    const struct pn_value values[] = {PN_INT(client), PN_INT(change->state), PN_INT(version + 1),
                                      PN_INT(pn_clock_now_ms()), PN_TEXT(change->set_by)};
    struct pn_stmt *stmt = NULL;
    code = pn_store_prepare(store,
                            "UPDATE cases SET state = ?2, version = ?3, changed_ms = ?4,"
                            " set_by = ?5 WHERE client = ?1",
                            &stmt, err);
    code = code == PN_OK ? pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), NULL, err)
                         : code;
    if (code == PN_OK) {
        *ret_version = version + 1;
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
