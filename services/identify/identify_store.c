// SPDX-License-Identifier: Apache-2.0
#include "services/identify/identify_store.h"

#include <string.h>

#include "privacy/audit.h"
#include "privacy/client_index.h"
#include "services/identify/held_row.h"
#include "services/identify/rules/rule_sets.h"

enum { HELD_MAX = PN_CLIENT_LINKED_MAX, ROOM_FIRST = 8, CROWDED = 512 };

const struct pn_migration pn_identify_migrations[] = {
    {1, pn_client_index_sql},
    {2, "CREATE TABLE client_facts (owner BIGINT NOT NULL, subject BIGINT NOT NULL,"
        " facts BYTEA NOT NULL, PRIMARY KEY (owner, subject));"
        "CREATE TABLE fact_subjects (resource BYTEA PRIMARY KEY, subject BIGINT NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE people (subject BIGINT PRIMARY KEY, birth_year BIGINT NOT NULL,"
        " recorded_ms BIGINT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE triggers (client BIGINT NOT NULL, rule TEXT NOT NULL, id TEXT NOT NULL,"
        " version BIGINT NOT NULL, state BIGINT NOT NULL, counted BIGINT NOT NULL,"
        " threshold BIGINT NOT NULL, raised_ms BIGINT NOT NULL, changed_ms BIGINT NOT NULL,"
        " evaluated_ms BIGINT NOT NULL, lapses_ms BIGINT NOT NULL, class BIGINT NOT NULL,"
        " weight BIGINT NOT NULL, told BIGINT NOT NULL, serial BIGINT NOT NULL,"
        " data TEXT NOT NULL, PRIMARY KEY (client, rule));"
        "CREATE INDEX triggers_id ON triggers (id);"
        "CREATE TABLE cases (client BIGINT PRIMARY KEY, state BIGINT NOT NULL,"
        " version BIGINT NOT NULL, rank BIGINT NOT NULL, first_ms BIGINT NOT NULL,"
        " changed_ms BIGINT NOT NULL, set_by TEXT NOT NULL, trigger_count BIGINT NOT NULL,"
        " merged_into BIGINT NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX cases_rank ON cases (rank, client);"
        "CREATE TABLE due (client BIGINT PRIMARY KEY, due_ms BIGINT NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX due_time ON due (due_ms);"
        "CREATE TABLE identify_state (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"},
    {3, "ALTER TABLE client_facts ADD COLUMN form BIGINT NOT NULL DEFAULT 1"},
    {4, "CREATE TABLE sources (source TEXT PRIMARY KEY, kinds BIGINT NOT NULL,"
        " sectors BIGINT NOT NULL, since_ms BIGINT NOT NULL, told_ms BIGINT NOT NULL)"
        " WITHOUT ROWID"},
    {5, "CREATE TABLE case_log (serial BIGINT PRIMARY KEY, client BIGINT NOT NULL,"
        " at_ms BIGINT NOT NULL, was BIGINT NOT NULL, state BIGINT NOT NULL,"
        " reason TEXT NOT NULL, by TEXT NOT NULL, unit TEXT NOT NULL, team TEXT NOT NULL,"
        " rules TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX case_log_client ON case_log (client, serial);"
        "CREATE INDEX case_log_time ON case_log (at_ms);"
        "CREATE TABLE units (hash BIGINT PRIMARY KEY, code TEXT NOT NULL) WITHOUT ROWID;"
        "ALTER TABLE cases ADD COLUMN unit TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE cases ADD COLUMN team TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE cases ADD COLUMN reason TEXT NOT NULL DEFAULT ''"},
    {6, pn_rule_sets_sql},
    {7, PN_AUDIT_SQL},
    {8, "CREATE TABLE trigger_log (serial BIGINT NOT NULL, client BIGINT NOT NULL,"
        " rule TEXT NOT NULL, version BIGINT NOT NULL, happening BIGINT NOT NULL,"
        " at_ms BIGINT NOT NULL, told_ms BIGINT NOT NULL, unit TEXT NOT NULL,"
        " team TEXT NOT NULL, PRIMARY KEY (client, rule, serial)) WITHOUT ROWID;"
        "ALTER TABLE people ADD COLUMN gender BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE people ADD COLUMN gender_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE people ADD COLUMN language BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE people ADD COLUMN language_ms BIGINT NOT NULL DEFAULT 0"},
    {9, "ALTER TABLE cases ADD COLUMN set_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE cases ADD COLUMN again_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE cases ADD COLUMN back_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE cases ADD COLUMN shown_ms BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE cases ADD COLUMN carries BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE cases ADD COLUMN rules_then TEXT NOT NULL DEFAULT '*';"
        "UPDATE cases SET set_ms = changed_ms, shown_ms = changed_ms;"
        "CREATE INDEX cases_merged ON cases (merged_into) WHERE merged_into <> 0;"
        "CREATE INDEX cases_back ON cases (back_ms) WHERE back_ms > 0;"
        "CREATE INDEX cases_held ON cases (team, rank, client) WHERE state = 0 AND shown_ms = 0;"
        "CREATE TABLE case_own (client BIGINT PRIMARY KEY, state BIGINT NOT NULL,"
        " reason TEXT NOT NULL, set_by TEXT NOT NULL, set_ms BIGINT NOT NULL,"
        " again_ms BIGINT NOT NULL, back_ms BIGINT NOT NULL, rules_then TEXT NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE team_weeks (team TEXT NOT NULL, week BIGINT NOT NULL,"
        " shown BIGINT NOT NULL, PRIMARY KEY (team, week)) WITHOUT ROWID;"
        "ALTER TABLE triggers ADD COLUMN week BIGINT NOT NULL DEFAULT 0;"
        "ALTER TABLE triggers ADD COLUMN sectors BIGINT NOT NULL DEFAULT 0"},
    {10, "CREATE TABLE client_fact_parts (owner BIGINT NOT NULL, subject BIGINT NOT NULL,"
         " part BIGINT NOT NULL, form BIGINT NOT NULL, facts BYTEA NOT NULL,"
         " PRIMARY KEY (owner, subject, part));"
         "INSERT INTO client_fact_parts (owner, subject, part, form, facts)"
         " SELECT owner, subject, 0, form, facts FROM client_facts;"
         "DROP TABLE client_facts;"
         "ALTER TABLE client_fact_parts RENAME TO client_facts"},
    {11, "ALTER TABLE triggers ADD COLUMN classes BIGINT NOT NULL DEFAULT 0;"
         "UPDATE triggers SET classes = CAST(1 AS BIGINT) << CAST(class AS INTEGER);"
         "ALTER TABLE triggers DROP COLUMN class"},
    {12, "ALTER TABLE cases ADD COLUMN ended_ms BIGINT NOT NULL DEFAULT 0;"
         "ALTER TABLE cases ADD COLUMN in_error BIGINT NOT NULL DEFAULT 0;"
         "UPDATE cases SET ended_ms = COALESCE((SELECT MAX(t.changed_ms) FROM triggers t"
         " WHERE t.client = cases.client AND t.state <> 0), cases.changed_ms)"
         " WHERE trigger_count = 0"},
    {13, "UPDATE triggers SET classes = classes - 1 WHERE classes % 2 = 1"},
};
const unsigned pn_identify_migration_count = PN_ARRAY_COUNT(pn_identify_migrations);

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "identify", "a batch's clients take too much memory");
}

// --- Loading and saving --------------------------------------------------------------------------

static bool make_room(struct pn_arena *arena, struct pn_held *held, unsigned count)
{
    if (count <= held->capacity) {
        return true;
    }
    unsigned capacity = held->capacity * 2 > count ? held->capacity * 2 : count;
    struct pn_fact_entry *grown = pn_arena_alloc_array(arena, capacity, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    if (held->count > 0) {
        memcpy(grown, held->facts, held->count * sizeof *grown);
    }
    held->facts = grown;
    held->capacity = capacity;
    return true;
}

// A row that was written before there were parts has all facts: it is cut when it is written next.
static enum pn_code load_row(struct pn_arena *arena, const struct pn_rows *rows,
                             struct pn_held_client *client, struct pn_err *err)
{
    struct pn_held *held = pn_held_of(arena, client, pn_rows_int(rows, 0));
    const int64_t part = pn_rows_int(rows, 1), form = pn_rows_int(rows, 3);
    struct pn_slice bytes = pn_rows_bytes(rows, 2);
    if (held == NULL) {
        return no_memory(err);
    }
    unsigned count = 0;
    const bool is_next = (uint64_t)part * PN_HELD_PART == held->count;
    if (!pn_held_row_count(form, bytes, &count) || !is_next) {
        return pn_err_set(err, PN_INTERNAL, "client_facts", "a row is damaged");
    }
    if (!make_room(arena, held, held->count + count + ROOM_FIRST)) {
        return no_memory(err);
    }
    pn_held_row_read(form, bytes, held->facts + held->count);
    held->dirty = count > PN_HELD_PART ? UINT64_MAX : 0;
    held->count += count;
    held->parts = (unsigned)part + 1;
    return PN_OK;
}

enum pn_code pn_held_load(struct pn_store *store, struct pn_arena *arena, int64_t client,
                          struct pn_held_client **ret_client, struct pn_err *err)
{
    struct pn_held_client *made = pn_arena_alloc(arena, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    made->number = client;
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(client)};
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT subject, part, facts, form FROM client_facts WHERE owner = ?1"
                     " ORDER BY subject, part",
                     values, 1, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = load_row(arena, rows, made, err);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_client = made;
    }
    return code;
}

static uint64_t bit_of(size_t part)
{
    return UINT64_C(1) << (part < 63 ? part : 63);
}

static enum pn_code write_part(struct pn_store *store, int64_t client, const struct pn_held *held,
                               unsigned part, struct pn_err *err)
{
    const unsigned from = part * PN_HELD_PART, left = held->count - from;
    const unsigned count = left < PN_HELD_PART ? left : PN_HELD_PART;
    char row[PN_HELD_PART * PN_ROW_FACT_BYTES_MAX];
    const size_t bytes = pn_held_row_write(held->facts + from, count, row);
    const struct pn_value values[] = {PN_INT(client), PN_INT(held->subject), PN_INT(part),
                                      PN_BYTES(pn_slice_of(row, bytes)), PN_INT(PN_ROW_FORM)};
    return pn_store_run(
        store,
        "INSERT INTO client_facts (owner, subject, part, facts, form) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (owner, subject, part) DO UPDATE SET facts = excluded.facts,"
        " form = excluded.form",
        values, PN_ARRAY_COUNT(values), err);
}

static enum pn_code delete_parts(struct pn_store *store, int64_t client, int64_t subject,
                                 unsigned from, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(client), PN_INT(subject), PN_INT(from)};
    return pn_store_run(store,
                        "DELETE FROM client_facts WHERE owner = ?1 AND subject = ?2 AND part >= ?3",
                        values, PN_ARRAY_COUNT(values), err);
}

static enum pn_code save_held(struct pn_store *store, int64_t client, struct pn_held *held,
                              struct pn_err *err)
{
    // Who has no facts left keeps a row: everybody who ever had some is evaluated with new rules.
    const unsigned needed = held->count == 0 ? 1 : (held->count - 1) / PN_HELD_PART + 1;
    enum pn_code code = PN_OK;
    for (unsigned part = 0; part < needed && code == PN_OK; part++) {
        if ((held->dirty & bit_of(part)) != 0) {
            code = write_part(store, client, held, part, err);
        }
    }
    if (code == PN_OK && held->parts > needed) {
        code = delete_parts(store, client, held->subject, needed, err);
    }
    if (code == PN_OK) {
        held->parts = needed;
        held->dirty = 0;
    }
    return code;
}

enum pn_code pn_held_save(struct pn_store *store, struct pn_held_client *client, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < client->held_count; i++) {
        if (client->held[i].dirty != 0) {
            code = save_held(store, client->number, &client->held[i], err);
        }
    }
    return code;
}

// --- In memory -----------------------------------------------------------------------------------

struct pn_held *pn_held_of(struct pn_arena *arena, struct pn_held_client *client, int64_t subject)
{
    for (unsigned i = 0; i < client->held_count; i++) {
        if (client->held[i].subject == subject) {
            return &client->held[i];
        }
    }
    if (client->held_count == client->held_capacity) {
        unsigned capacity = client->held_capacity == 0 ? 2 : client->held_capacity * 2;
        struct pn_held *grown =
            capacity > HELD_MAX ? NULL : pn_arena_alloc_array(arena, capacity, sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        if (client->held_count > 0) {
            memcpy(grown, client->held, client->held_count * sizeof *grown);
        }
        client->held = grown;
        client->held_capacity = capacity;
    }
    struct pn_held *held = &client->held[client->held_count++];
    held->subject = subject;
    return held;
}

void pn_held_mark(struct pn_held *held, const struct pn_fact_entry *fact)
{
    held->dirty |= bit_of((size_t)(fact - held->facts) / PN_HELD_PART);
}

void pn_held_remove(struct pn_held *held, struct pn_fact_entry *fact)
{
    const struct pn_fact_entry *last = &held->facts[held->count - 1];
    pn_held_mark(held, fact);
    pn_held_mark(held, last);
    *fact = *last;
    held->count--;
}

static void drop_old(struct pn_held *held, int64_t old_ms)
{
    unsigned kept = 0, oldest = 0;
    for (unsigned i = 0; i < held->count; i++) {
        if (held->facts[i].end_ms >= old_ms) {
            held->facts[kept++] = held->facts[i];
        }
    }
    if (kept < held->count) {
        held->count = kept;
        held->dirty = UINT64_MAX;
    }
    if (kept < PN_CLIENT_FACTS_MAX) {
        return;
    }
    for (unsigned i = 1; i < kept; i++) {
        oldest = held->facts[i].end_ms < held->facts[oldest].end_ms ? i : oldest;
    }
    pn_held_remove(held, &held->facts[oldest]);
}

enum pn_code pn_held_add(struct pn_arena *arena, struct pn_held *held,
                         const struct pn_fact_entry *fact, int64_t old_ms, struct pn_err *err)
{
    // By the number alone, so that it is no matter how events are cut into batches.
    if (held->count >= CROWDED && held->count % PN_HELD_PART == 0) {
        drop_old(held, old_ms);
    }
    if (!make_room(arena, held, held->count == 0 ? ROOM_FIRST : held->count + 1)) {
        return no_memory(err);
    }
    held->facts[held->count] = *fact;
    pn_held_mark(held, &held->facts[held->count++]);
    return PN_OK;
}

// Takes the place of the oldest one, if it is newer.
static void replace_oldest(struct pn_fact_entry *facts, const struct pn_fact_entry *fact)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < PN_CLIENT_FACTS_MAX; i++) {
        oldest = facts[i].end_ms < facts[oldest].end_ms ? i : oldest;
    }
    if (fact->end_ms > facts[oldest].end_ms) {
        facts[oldest] = *fact;
    }
}

unsigned pn_held_gather(const struct pn_held_client *client,
                        struct pn_fact_entry ret_facts[static PN_CLIENT_FACTS_MAX])
{
    unsigned count = 0;
    for (unsigned h = 0; h < client->held_count; h++) {
        const struct pn_held *held = &client->held[h];
        for (unsigned i = 0; i < held->count; i++) {
            if (count < PN_CLIENT_FACTS_MAX) {
                ret_facts[count++] = held->facts[i];
            } else {
                replace_oldest(ret_facts, &held->facts[i]);
            }
        }
    }
    return count;
}

// --- People --------------------------------------------------------------------------------------

enum pn_code pn_held_birth_year(struct pn_store *store, int64_t client, int *ret_year,
                                struct pn_err *err)
{
    int64_t year = 0;
    const struct pn_value value = PN_INT(client);
    enum pn_code code = pn_store_number(store,
                                        "SELECT p.birth_year FROM people p JOIN client_keys k"
                                        " ON k.client = p.subject WHERE k.canonical = ?1"
                                        " AND p.birth_year > 0"
                                        " ORDER BY p.recorded_ms DESC, p.subject LIMIT 1",
                                        &value, 1, &year, err);
    if (code == PN_OK) {
        *ret_year = (int)year;
    }
    return code;
}
