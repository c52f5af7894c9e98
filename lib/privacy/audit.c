// SPDX-License-Identifier: Apache-2.0
#include "privacy/audit.h"

#include <string.h>

#include "base/clock.h"

const char pn_audit_sql[] =
    "CREATE TABLE audit (number BIGINT PRIMARY KEY, time_ms BIGINT NOT NULL,"
    " user_name TEXT NOT NULL, role TEXT NOT NULL, action TEXT NOT NULL, purpose TEXT NOT NULL,"
    " client TEXT NOT NULL, what TEXT NOT NULL, provider TEXT NOT NULL, recipient TEXT NOT NULL,"
    " basis TEXT NOT NULL, rule TEXT NOT NULL, allowed BIGINT NOT NULL, mac TEXT NOT NULL);"
    "CREATE INDEX audit_client ON audit (client, number);"
    "CREATE INDEX audit_user ON audit (user_name, number)";

enum { ROW_BYTES_MAX = 16 * 1024, TEXT_FIELDS = 10 };

#define COLUMNS                                                                                    \
    "number, time_ms, user_name, role, action, purpose, client, what, provider, recipient, basis," \
    " rule, allowed, mac"

// Text columns in the order of the table, which is the order of the MAC too.
static void text_fields(const struct pn_audit_record *record,
                        struct pn_slice ret_fields[static TEXT_FIELDS])
{
    const struct pn_slice fields[TEXT_FIELDS] = {
        record->user, record->role,     record->action,    record->purpose, record->client,
        record->what, record->provider, record->recipient, record->basis,   record->rule};
    memcpy(ret_fields, fields, sizeof fields);
}

// Every field with its length before it: no two records print alike.
static enum pn_code chain(const struct pn_privacy *privacy, const struct pn_audit_record *record,
                          struct pn_slice mac_before, char ret_mac[static PN_MAC_TEXT_BYTES],
                          struct pn_err *err)
{
    struct pn_slice fields[TEXT_FIELDS];
    text_fields(record, fields);
    struct pn_buf row;
    pn_buf_init(&row, ROW_BYTES_MAX);
    pn_buf_add_slice(&row, mac_before);
    pn_buf_printf(&row, "|%lld|%lld|%d", (long long)record->number, (long long)record->time_ms,
                  record->is_allowed ? 1 : 0);
    for (unsigned i = 0; i < TEXT_FIELDS; i++) {
        pn_buf_printf(&row, "|%zu:", fields[i].len);
        pn_buf_add_slice(&row, fields[i]);
    }
    enum pn_code code = PN_OK;
    if (pn_buf_ok(&row)) {
        pn_privacy_mac(privacy, "audit", pn_buf_slice(&row), ret_mac);
    } else {
        code = pn_err_set(err, PN_LIMIT, "audit", "the record is too long");
    }
    pn_buf_release(&row);
    return code;
}

static enum pn_code read_head(struct pn_store *store, struct pn_audit_head *ret_head,
                              struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    struct pn_audit_head head = {0};
    enum pn_code code = pn_store_ask(
        store, "SELECT number, mac FROM audit ORDER BY number DESC LIMIT 1", NULL, 0, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        struct pn_slice mac = pn_rows_text(rows, 1);
        head.number = pn_rows_int(rows, 0);
        memcpy(head.mac, mac.ptr, mac.len < PN_MAC_TEXT_BYTES ? mac.len : PN_MAC_TEXT_BYTES - 1);
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_head = head;
    }
    return code;
}

static enum pn_code insert(struct pn_store *store, const struct pn_audit_record *record,
                           const char *mac, struct pn_err *err)
{
    struct pn_slice fields[TEXT_FIELDS];
    text_fields(record, fields);
    struct pn_value values[TEXT_FIELDS + 4];
    values[0] = PN_INT(record->number);
    values[1] = PN_INT(record->time_ms);
    for (unsigned i = 0; i < TEXT_FIELDS; i++) {
        values[2 + i] = PN_TEXT(fields[i].len == 0 ? pn_slice_str("") : fields[i]);
    }
    values[TEXT_FIELDS + 2] = PN_INT(record->is_allowed ? 1 : 0);
    values[TEXT_FIELDS + 3] = PN_STR(mac);
    return pn_store_run(store,
                        "INSERT INTO audit (" COLUMNS
                        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                        values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_audit_add(struct pn_store *store, const struct pn_privacy *privacy,
                          const struct pn_audit_record *record, struct pn_err *err)
{
    struct pn_slice fields[TEXT_FIELDS];
    text_fields(record, fields);
    for (unsigned i = 0; i < TEXT_FIELDS; i++) {
        if (fields[i].len > PN_AUDIT_FIELD_BYTES_MAX) {
            return pn_err_set(err, PN_LIMIT, "audit", "a field is longer than %d bytes",
                              PN_AUDIT_FIELD_BYTES_MAX);
        }
    }
    struct pn_audit_head head;
    enum pn_code code = read_head(store, &head, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_audit_record added = *record;
    added.number = head.number + 1;
    added.time_ms = record->time_ms == 0 ? pn_clock_now_ms() : record->time_ms;
    char mac[PN_MAC_TEXT_BYTES];
    code = chain(privacy, &added, pn_slice_str(head.mac), mac, err);
    return code == PN_OK ? insert(store, &added, mac, err) : code;
}

struct writing {
    struct pn_store *store;
    const struct pn_privacy *privacy;
    const struct pn_audit_record *record;
};

static enum pn_code write_once(void *context, struct pn_err *err)
{
    const struct writing *writing = context;
    return pn_audit_add(writing->store, writing->privacy, writing->record, err);
}

enum pn_code pn_audit_write(struct pn_store *store, const struct pn_privacy *privacy,
                            const struct pn_audit_record *record, struct pn_err *err)
{
    struct writing writing = {.store = store, .privacy = privacy, .record = record};
    return pn_store_transact(store, write_once, &writing, err);
}

// --- Reading -------------------------------------------------------------------------------------

static void row_record(const struct pn_rows *rows, struct pn_audit_record *ret_record)
{
    *ret_record = (struct pn_audit_record){
        .number = pn_rows_int(rows, 0),
        .time_ms = pn_rows_int(rows, 1),
        .user = pn_rows_text(rows, 2),
        .role = pn_rows_text(rows, 3),
        .action = pn_rows_text(rows, 4),
        .purpose = pn_rows_text(rows, 5),
        .client = pn_rows_text(rows, 6),
        .what = pn_rows_text(rows, 7),
        .provider = pn_rows_text(rows, 8),
        .recipient = pn_rows_text(rows, 9),
        .basis = pn_rows_text(rows, 10),
        .rule = pn_rows_text(rows, 11),
        .is_allowed = pn_rows_int(rows, 12) != 0,
    };
}

static bool keep(struct pn_arena *arena, struct pn_slice *text)
{
    char *copy = pn_arena_copy(arena, *text);
    *text = pn_slice_of(copy, text->len);
    return copy != NULL;
}

static bool keep_record(struct pn_arena *arena, struct pn_audit_record *record)
{
    struct pn_slice *const fields[TEXT_FIELDS] = {
        &record->user, &record->role,     &record->action,    &record->purpose, &record->client,
        &record->what, &record->provider, &record->recipient, &record->basis,   &record->rule};
    bool is_good = true;
    for (unsigned i = 0; i < TEXT_FIELDS; i++) {
        is_good = keep(arena, fields[i]) && is_good;
    }
    return is_good;
}

// One statement per combination, so that each can use its index.
static const char *const read_sql[4] = {
    "SELECT " COLUMNS " FROM audit WHERE number < ?1 AND time_ms >= ?2 AND time_ms < ?3"
    " ORDER BY number DESC LIMIT ?4",
    "SELECT " COLUMNS " FROM audit WHERE number < ?1 AND time_ms >= ?2 AND time_ms < ?3"
    " AND client = ?5 ORDER BY number DESC LIMIT ?4",
    "SELECT " COLUMNS " FROM audit WHERE number < ?1 AND time_ms >= ?2 AND time_ms < ?3"
    " AND user_name = ?5 ORDER BY number DESC LIMIT ?4",
    "SELECT " COLUMNS " FROM audit WHERE number < ?1 AND time_ms >= ?2 AND time_ms < ?3"
    " AND client = ?5 AND user_name = ?6 ORDER BY number DESC LIMIT ?4",
};

enum pn_code pn_audit_read(struct pn_store *store, struct pn_arena *arena,
                           const struct pn_audit_filter *filter,
                           struct pn_audit_record *ret_records, unsigned record_max,
                           unsigned *ret_count, struct pn_err *err)
{
    struct pn_value values[6] = {
        PN_INT(filter->before_number > 0 ? filter->before_number : INT64_MAX),
        PN_INT(filter->from_ms),
        PN_INT(filter->until_ms > 0 ? filter->until_ms : INT64_MAX),
        PN_INT(record_max),
    };
    unsigned value_count = 4;
    unsigned which = 0;
    if (filter->client.len > 0) {
        values[value_count++] = PN_TEXT(filter->client);
        which |= 1;
    }
    if (filter->user.len > 0) {
        values[value_count++] = PN_TEXT(filter->user);
        which |= 2;
    }
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(store, read_sql[which], values, value_count, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && count < record_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        row_record(rows, &ret_records[count]);
        if (!keep_record(arena, &ret_records[count++])) {
            code = pn_err_set(err, PN_MEMORY, "audit", "the arena is full");
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

static enum pn_code verify_row(const struct pn_rows *rows, const struct pn_privacy *privacy,
                               struct pn_audit_head *head, struct pn_err *err)
{
    struct pn_audit_record record;
    row_record(rows, &record);
    char mac[PN_MAC_TEXT_BYTES];
    enum pn_code code = chain(privacy, &record, pn_slice_str(head->mac), mac, err);
    if (code != PN_OK) {
        return code;
    }
    if (record.number != head->number + 1 || !pn_slice_is(pn_rows_text(rows, 13), mac)) {
        code = pn_err_set(err, PN_INVALID, "",
                          "the chain is broken: a row was changed, put in or"
                          " taken away here");
        (void)snprintf(err->where, sizeof err->where, "audit row %lld",
                       (long long)(head->number + 1));
        return code;
    }
    head->number = record.number;
    memcpy(head->mac, mac, sizeof mac);
    return PN_OK;
}

enum pn_code pn_audit_verify(struct pn_store *store, const struct pn_privacy *privacy,
                             struct pn_audit_head *ret_head, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct pn_audit_head head = {0};
    enum pn_code code =
        pn_store_ask(store, "SELECT " COLUMNS " FROM audit ORDER BY number", NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = verify_row(rows, privacy, &head, err);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_head = head;
    }
    return code;
}
