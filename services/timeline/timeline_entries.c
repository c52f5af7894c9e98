// SPDX-License-Identifier: Apache-2.0
/*
 * Reading entries: pages, single ones, counts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "event/facts.h"
#include "privacy/client_index.h"
#include "services/timeline/timeline_reader.h"
#include "services/timeline/timeline_store.h"

#define COLUMNS                                                                                    \
    "resource, subject, start_ms, end_ms, kind, sector, classes, withdrawn, revision,"             \
    " resource_type, type, status, source, event_id, unit, service, profession, "
enum { DATA_COLUMN = 17 };

static const char *resource_type_of(struct pn_slice name)
{
    static const char *const known[] = {"Encounter",
                                        "Appointment",
                                        "EpisodeOfCare",
                                        "Condition",
                                        "ServiceRequest",
                                        "Observation",
                                        "QuestionnaireResponse",
                                        "Consent",
                                        "DocumentReference",
                                        "Flag",
                                        "CarePlan",
                                        "Patient",
                                        "DetectedIssue",
                                        "Task"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(known); i++) {
        if (pn_slice_is(name, known[i])) {
            return known[i];
        }
    }
    return "Basic";
}

// --- Rows ----------------------------------------------------------------------------------------

// The id stands in the data, or is the row's key unmixed when the data was left out. A row that an
// earlier version wrote has one class at most: the others stand in the data too.
static bool row_id(struct pn_arena *arena, const struct pn_rows *rows, struct pn_entry *entry)
{
    struct pn_slice key = pn_rows_bytes(rows, 0);
    if (key.len != PN_ENTRY_KEY_BYTES) {
        return false;
    }
    struct pn_event event = {.type = entry->type, .data = entry->data};
    struct pn_facts facts;
    struct pn_err ignored;
    if (entry->data.len > 0 && pn_facts_read(&event, &facts, &ignored) == PN_OK) {
        entry->id = facts.id;
        entry->classes |= facts.classes;
        return true;
    }
    uint8_t bytes[PN_ENTRY_KEY_BYTES];
    pn_entry_unmix(pn_rows_text(rows, 9), (const uint8_t *)key.ptr, bytes);
    char *text = pn_arena_printf(
        arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", bytes[0],
        bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
        bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
    entry->id = pn_slice_str(text);
    return text != NULL;
}

// Subjects repeat from row to row: the key of the last one is remembered.
struct subject_memory {
    int64_t number;
    struct pn_slice key;
};

static enum pn_code row_subject(struct pn_timeline *timeline, struct pn_arena *arena,
                                int64_t number, struct subject_memory *memory, struct pn_err *err)
{
    if (memory->key.len > 0 && memory->number == number) {
        return PN_OK;
    }
    char key[PN_CLIENT_KEY_TEXT_BYTES] = "";
    enum pn_code code = pn_client_key_of(timeline->store, number, key, err);
    if (code != PN_OK) {
        return code;
    }
    *memory = (struct subject_memory){number, pn_slice_str(key)};
    return pn_timeline_keep(arena, &memory->key)
               ? PN_OK
               : pn_err_set(err, PN_MEMORY, "timeline", "the arena is full");
}

static enum pn_code read_row(struct pn_arena *arena, const struct pn_rows *rows, bool with_data,
                             struct pn_entry *ret_entry, struct pn_err *err)
{
    struct pn_entry entry = {
        .resource_type = resource_type_of(pn_rows_text(rows, 9)),
        .start_ms = pn_rows_int(rows, 2),
        .end_ms = pn_rows_int(rows, 3),
        .kind = (enum pn_entry_kind)pn_rows_int(rows, 4),
        .sector = (enum pn_sector)pn_rows_int(rows, 5),
        .classes = (uint32_t)pn_rows_int(rows, 6),
        .is_withdrawn = pn_rows_int(rows, 7) != 0,
        .recorded_ms = pn_revision_recorded_ms(pn_rows_int(rows, 8)),
        .type = pn_rows_text(rows, 10),
        .status = pn_rows_text(rows, 11),
        .source = pn_rows_text(rows, 12),
        .event_id = pn_rows_text(rows, 13),
        .unit = pn_rows_text(rows, 14),
        .service = pn_rows_text(rows, 15),
        .profession = pn_rows_text(rows, 16),
    };
    struct pn_slice *const texts[] = {&entry.type,      &entry.status, &entry.source,
                                      &entry.event_id,  &entry.unit,   &entry.service,
                                      &entry.profession};
    bool is_good = true;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        is_good = pn_timeline_keep(arena, texts[i]) && is_good;
    }
    if (with_data) {
        entry.data = pn_rows_text(rows, DATA_COLUMN);
        is_good = is_good && pn_timeline_keep(arena, &entry.data);
    }
    if (!is_good || !row_id(arena, rows, &entry)) {
        return pn_err_set(err, PN_MEMORY, "timeline", "the arena is full");
    }
    *ret_entry = entry;
    return PN_OK;
}

// --- Pages ---------------------------------------------------------------------------------------

static void print_cursor(int64_t start_ms, struct pn_slice key,
                         char ret_text[static PN_CURSOR_BYTES])
{
    struct pn_buf text;
    pn_buf_init(&text, PN_CURSOR_BYTES);
    pn_buf_printf(&text, "%" PRId64 ".", start_ms);
    pn_hex_add(&text, key.ptr, key.len);
    (void)snprintf(ret_text, PN_CURSOR_BYTES, "%.*s", PN_SLICE_FMT(pn_buf_slice(&text)));
    pn_buf_release(&text);
}

static bool parse_cursor(struct pn_slice text, int64_t *ret_start_ms,
                         uint8_t ret_key[static PN_ENTRY_KEY_BYTES])
{
    struct pn_slice rest;
    struct pn_slice time = pn_slice_split(text, '.', &rest);
    bool is_negative = time.len > 1 && time.ptr[0] == '-';
    if (is_negative) {
        time = pn_slice_of(time.ptr + 1, time.len - 1);
    }
    if (!pn_slice_to_i64(time, ret_start_ms) || rest.len != 2 * PN_ENTRY_KEY_BYTES) {
        return false;
    }
    *ret_start_ms = is_negative ? -*ret_start_ms : *ret_start_ms;
    for (unsigned i = 0; i < PN_ENTRY_KEY_BYTES; i++) {
        int high = pn_hex_value(rest.ptr[2 * i]), low = pn_hex_value(rest.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

// A set as bits: the bit of the row's number is asked for, so one statement serves every filter.
static const char page_sql[] =
    "SELECT " COLUMNS "CASE WHEN CAST(?9 AS BIGINT) = 1 THEN data ELSE '' END FROM entries"
    " WHERE client = ?1 AND start_ms <= ?2 AND start_ms >= ?3 AND start_ms < ?4"
    " AND (start_ms < ?2 OR resource < ?5)"
    " AND ((CAST(?6 AS BIGINT) >> CAST(sector AS INTEGER)) & 1) = 1"
    " AND ((CAST(?7 AS BIGINT) >> CAST(kind AS INTEGER)) & 1) = 1"
    " AND withdrawn <= ?8 AND (CAST(?10 AS TEXT) = '' OR resource_type = ?10)"
    " ORDER BY start_ms DESC, resource DESC LIMIT ?11";

struct page {
    struct pn_timeline *timeline;
    struct pn_arena *arena;
    struct pn_entry *entries;
    unsigned max, count;
    bool with_data;
    int64_t subjects[PN_TIMELINE_PAGE_MAX];
    char *next;
};

static enum pn_code read_page(struct page *page, struct pn_rows *rows, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    bool has_row = true;
    page->next[0] = '\0';
    while (code == PN_OK && has_row && page->count <= page->max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        if (page->count == page->max) {
            return PN_OK; // there is more: `next` names the last one shown
        }
        code = read_row(page->arena, rows, page->with_data, &page->entries[page->count], err);
        if (code == PN_OK) {
            print_cursor(pn_rows_int(rows, 2), pn_rows_bytes(rows, 0), page->next);
            page->subjects[page->count++] = pn_rows_int(rows, 1);
        }
    }
    if (code == PN_OK) {
        page->next[0] = '\0';
    }
    return code;
}

static enum pn_code fill_subjects(struct page *page, struct pn_err *err)
{
    struct subject_memory memory = {0};
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < page->count && code == PN_OK; i++) {
        code = row_subject(page->timeline, page->arena, page->subjects[i], &memory, err);
        page->entries[i].subject = memory.key;
    }
    return code;
}

static enum pn_code ask_page(struct page *page, int64_t client,
                             const struct pn_entry_filter *filter, struct pn_rows **ret_rows,
                             struct pn_err *err)
{
    uint8_t key[PN_ENTRY_KEY_BYTES];
    int64_t start_ms = INT64_MAX;
    memset(key, 0xFF, sizeof key);
    if (filter->after.len > 0 && !parse_cursor(filter->after, &start_ms, key)) {
        return pn_err_set(err, PN_INVALID, "cursor", "not a cursor that this page gave");
    }
    bool is_all = filter->from_ms == 0 && filter->until_ms == 0;
    const struct pn_value values[] = {
        PN_INT(client),
        PN_INT(start_ms),
        PN_INT(is_all ? INT64_MIN : filter->from_ms),
        PN_INT(is_all || filter->until_ms == 0 ? INT64_MAX : filter->until_ms),
        PN_BYTES(pn_slice_of((const char *)key, sizeof key)),
        PN_INT(filter->sectors == 0 ? UINT32_MAX : filter->sectors),
        PN_INT(filter->kinds == 0 ? UINT32_MAX : filter->kinds),
        PN_INT(filter->with_withdrawn ? 1 : 0),
        PN_INT(filter->without_data ? 0 : 1),
        PN_STR(filter->resource_type == NULL ? "" : filter->resource_type),
        PN_INT(page->max + 1),
    };
    return pn_store_ask(page->timeline->store, page_sql, values, PN_ARRAY_COUNT(values), ret_rows,
                        err);
}

enum pn_code pn_timeline_page(struct pn_timeline *timeline, struct pn_arena *arena,
                              struct pn_slice client_key, const struct pn_entry_filter *filter,
                              struct pn_entry *ret_entries, unsigned entry_max, unsigned *ret_count,
                              char ret_next[static PN_CURSOR_BYTES], struct pn_err *err)
{
    char next[PN_CURSOR_BYTES] = "";
    struct page page = {
        .timeline = timeline,
        .arena = arena,
        .entries = ret_entries,
        .max = entry_max < PN_TIMELINE_PAGE_MAX ? entry_max : PN_TIMELINE_PAGE_MAX,
        .with_data = !filter->without_data,
        .next = next,
    };
    int64_t client = 0;
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_client_find(timeline->store, client_key, &client, err);
    code = code == PN_OK ? ask_page(&page, client, filter, &rows, err) : code;
    code = code == PN_OK ? read_page(&page, rows, err) : code;
    pn_rows_close(rows);
    code = code == PN_OK ? fill_subjects(&page, err) : code;
    if (code == PN_OK) {
        *ret_count = page.count;
        memcpy(ret_next, next, sizeof next);
    }
    return code;
}

// --- Single entries ------------------------------------------------------------------------------

static enum pn_code read_one(struct pn_timeline *timeline, struct pn_arena *arena,
                             struct pn_rows *rows, struct pn_entry *ret_entry, struct pn_err *err)
{
    bool has_row = false;
    struct pn_entry entry;
    int64_t subject = 0;
    struct subject_memory memory = {0};
    enum pn_code code = pn_rows_next(rows, &has_row, err);
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "entry", "there is no such entry");
    }
    code = code == PN_OK ? read_row(arena, rows, true, &entry, err) : code;
    subject = code == PN_OK ? pn_rows_int(rows, 1) : 0;
    pn_rows_close(rows);
    code = code == PN_OK ? row_subject(timeline, arena, subject, &memory, err) : code;
    if (code == PN_OK) {
        entry.subject = memory.key;
        *ret_entry = entry;
    }
    return code;
}

enum pn_code pn_timeline_entry(struct pn_timeline *timeline, struct pn_arena *arena,
                               const char *resource_type, struct pn_slice id,
                               struct pn_entry *ret_entry, struct pn_err *err)
{
    uint8_t key[PN_ENTRY_KEY_BYTES];
    pn_entry_key(pn_slice_str(resource_type), id, key);
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_BYTES(pn_slice_of((const char *)key, sizeof key)),
                                      PN_STR(resource_type)};
    enum pn_code code = pn_store_ask(timeline->store,
                                     "SELECT " COLUMNS
                                     "data FROM entries WHERE resource = ?1 AND resource_type = ?2",
                                     values, 2, &rows, err);
    return code == PN_OK ? read_one(timeline, arena, rows, ret_entry, err) : code;
}

enum pn_code pn_timeline_by_event(struct pn_timeline *timeline, struct pn_arena *arena,
                                  struct pn_slice subject, struct pn_slice event_id,
                                  struct pn_entry *ret_entry, struct pn_err *err)
{
    int64_t client = 0;
    enum pn_code code = pn_client_find(timeline->store, subject, &client, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(client), PN_TEXT(event_id)};
    code = pn_store_ask(timeline->store,
                        "SELECT " COLUMNS
                        "data FROM entries WHERE client = ?1 AND event_id = ?2 LIMIT 1",
                        values, 2, &rows, err);
    return code == PN_OK ? read_one(timeline, arena, rows, ret_entry, err) : code;
}

// --- Counts --------------------------------------------------------------------------------------

static void count_row(const struct pn_rows *rows, struct pn_entry_counts *counts)
{
    int64_t kind = pn_rows_int(rows, 0), sector = pn_rows_int(rows, 1);
    const uint32_t classes = (uint32_t)pn_rows_int(rows, 2);
    const int64_t count = pn_rows_int(rows, 4);
    counts->all += count;
    if (pn_rows_int(rows, 3) != 0) {
        counts->withdrawn += count;
        return;
    }
    counts->by_kind[kind >= 0 && kind < PN_KIND_COUNT ? kind : 0] += count;
    counts->by_sector[sector >= 0 && sector < PN_SECTOR_COUNT ? sector : 0] += count;
    for (unsigned i = PN_CLASS_ORDINARY + 1; i < PN_CLASS_COUNT; i++) {
        counts->by_class[i] += (classes >> i & 1) != 0 ? count : 0;
    }
    counts->by_class[PN_CLASS_ORDINARY] += classes == 0 ? count : 0;
    counts->special += classes == 0 ? 0 : count;
    int64_t first_ms = pn_rows_int(rows, 5), last_ms = pn_rows_int(rows, 6);
    bool is_first = counts->first_ms == 0 && counts->last_ms == 0;
    counts->first_ms = is_first || first_ms < counts->first_ms ? first_ms : counts->first_ms;
    counts->last_ms = is_first || last_ms > counts->last_ms ? last_ms : counts->last_ms;
}

enum pn_code pn_timeline_counts(struct pn_timeline *timeline, struct pn_slice client_key,
                                struct pn_entry_counts *ret_counts, struct pn_err *err)
{
    int64_t client = 0;
    struct pn_rows *rows = NULL;
    struct pn_entry_counts counts = {0};
    enum pn_code code = pn_client_find(timeline->store, client_key, &client, err);
    const struct pn_value values[] = {PN_INT(client)};
    code = code == PN_OK
               ? pn_store_ask(timeline->store,
                              "SELECT kind, sector, classes, withdrawn, count(*), min(start_ms),"
                              " max(start_ms) FROM entries WHERE client = ?1"
                              " GROUP BY kind, sector, classes, withdrawn",
                              values, 1, &rows, err)
               : code;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            count_row(rows, &counts);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_counts = counts;
    }
    return code;
}
