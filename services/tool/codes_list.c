// SPDX-License-Identifier: Apache-2.0
#include "services/tool/codes_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/near.h"
#include "codec/csv.h"
#include "map/dates.h"

enum { CODE_BYTES_MAX = 64, NAMES_MAX = 5 };

enum column {
    COLUMN_CODE,
    COLUMN_NAME,
    COLUMN_SHORT,
    COLUMN_BEGIN,
    COLUMN_END,
    COLUMN_OID,
    COLUMN_COUNT
};

static const struct {
    const char *name; // in --map
    const char *usual[NAMES_MAX];
} meanings[COLUMN_COUNT] = {
    [COLUMN_CODE] = {"code", {"CodeId", "Id", "Code", "Koodi"}},
    [COLUMN_NAME] = {"name", {"LongName", "Long name", "Name", "Nimi"}},
    [COLUMN_SHORT] = {"short", {"ShortName", "Short name", "Abbreviation"}},
    [COLUMN_BEGIN] = {"begin", {"BeginningDate", "BeginDate", "Beginning date"}},
    [COLUMN_END] = {"end", {"ExpiringDate", "ExpirationDate", "Expiring date"}},
    [COLUMN_OID] = {"oid", {"OID"}},
};

struct entry {
    struct pn_slice code, name, oid;
    int64_t begin_day, end_day; // since 1970; begin 0 and end INT64_MAX when not given
    unsigned line;
};

struct reading {
    struct pn_arena *arena;
    const struct pn_codes_list_options *options;
    struct pn_slice columns[COLUMN_COUNT]; // the file's own names; empty when it has none
    struct entry *entries;
    unsigned count;
    struct pn_err *err;
};

// --- Columns -------------------------------------------------------------------------------------

static enum pn_code set_mapped(struct reading *reading, struct pn_slice pair)
{
    struct pn_slice value;
    struct pn_slice name = pn_slice_trim(pn_slice_split(pair, '=', &value));
    struct pn_near near;
    pn_near_init(&near, name);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (pn_slice_is(name, meanings[i].name) && pn_slice_trim(value).len > 0) {
            reading->columns[i] = pn_slice_trim(value);
            return PN_OK;
        }
        pn_near_offer(&near, meanings[i].name);
    }
    return pn_err_set(reading->err, PN_INVALID, "--map",
                      "code=COLUMN, and likewise name, short, begin, end, oid%s%s",
                      near.best == NULL ? "" : "; did you mean ",
                      near.best == NULL ? "" : near.best);
}

// The header's columns are those that some row has; which the header alone has cannot be seen.
static bool has_column(const struct pn_node *root, const char *name)
{
    for (const struct pn_node *row = root->first_child; row != NULL; row = row->next) {
        if (pn_node_child(row, pn_slice_str(name)) != NULL) {
            return true;
        }
    }
    return false;
}

static enum pn_code find_columns(struct reading *reading, const struct pn_node *root)
{
    struct pn_slice rest = pn_slice_str(reading->options->map);
    while (rest.len > 0) {
        enum pn_code code = set_mapped(reading, pn_slice_split(rest, ',', &rest));
        if (code != PN_OK) {
            return code;
        }
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        for (size_t k = 0; k < NAMES_MAX && meanings[i].usual[k] != NULL; k++) {
            if (reading->columns[i].len == 0 && has_column(root, meanings[i].usual[k])) {
                reading->columns[i] = pn_slice_str(meanings[i].usual[k]);
            }
        }
    }
    bool has_code = reading->columns[COLUMN_CODE].len > 0;
    if (!has_code ||
        (reading->columns[COLUMN_NAME].len == 0 && reading->columns[COLUMN_SHORT].len == 0)) {
        return pn_err_set(reading->err, PN_INVALID, reading->options->file,
                          "has no column for the %s that is known; name it with --map %s=COLUMN",
                          has_code ? "name" : "code", has_code ? "name" : "code");
    }
    return PN_OK;
}

// --- Rows ----------------------------------------------------------------------------------------

static enum pn_code fault(const struct reading *reading, const struct pn_node *row,
                          enum column column, const char *text)
{
    char where[PN_ERR_WHERE_BYTES];
    snprintf(where, sizeof where, "%.80s:%u %.*s", reading->options->file, row->place,
             PN_SLICE_FMT(reading->columns[column]));
    return pn_err_set(reading->err, PN_INVALID, where, "%s", text);
}

static struct pn_slice text_of(const struct reading *reading, const struct pn_node *row,
                               enum column column)
{
    const struct pn_node *node =
        reading->columns[column].len == 0 ? NULL : pn_node_child(row, reading->columns[column]);
    return node == NULL ? (struct pn_slice){0} : pn_slice_trim(node->value);
}

static enum pn_code read_day(const struct reading *reading, const struct pn_node *row,
                             enum column column, int64_t *day)
{
    struct pn_slice text = text_of(reading, row, column);
    struct pn_civil civil;
    if (text.len == 0) {
        return PN_OK;
    }
    if (!pn_map_date_read(text, &civil) || civil.month == 0 || civil.day == 0) {
        return fault(reading, row, column, "is no date such as 31.12.2030");
    }
    *day = pn_days_from_civil(civil.year, civil.month, civil.day);
    return PN_OK;
}

static enum pn_code read_entry(struct reading *reading, const struct pn_node *row)
{
    struct entry entry = {.code = text_of(reading, row, COLUMN_CODE),
                          .name = text_of(reading, row, COLUMN_NAME),
                          .oid = text_of(reading, row, COLUMN_OID),
                          .end_day = INT64_MAX,
                          .line = row->place};
    if (entry.code.len == 0 || entry.code.len > CODE_BYTES_MAX) {
        return fault(reading, row, COLUMN_CODE, "holds no code of 1 to 64 characters");
    }
    if (pn_slice_is(entry.code, "*")) {
        return fault(reading, row, COLUMN_CODE, "a table's * means every other code");
    }
    if (entry.name.len == 0) {
        entry.name = text_of(reading, row, COLUMN_SHORT);
    }
    if (entry.name.len == 0) {
        return fault(reading, row, COLUMN_NAME, "the code has no name");
    }
    enum pn_code code = read_day(reading, row, COLUMN_BEGIN, &entry.begin_day);
    code = code == PN_OK ? read_day(reading, row, COLUMN_END, &entry.end_day) : code;
    if (code == PN_OK && entry.end_day < entry.begin_day) {
        code = fault(reading, row, COLUMN_END, "is before the beginning");
    }
    if (code == PN_OK) {
        reading->entries[reading->count++] = entry;
    }
    return code;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    size_t shorter = left->code.len < right->code.len ? left->code.len : right->code.len;
    int order = memcmp(left->code.ptr, right->code.ptr, shorter);
    order = order != 0 ? order
                       : (left->code.len > right->code.len) - (left->code.len < right->code.len);
    return order != 0 ? order
                      : (left->begin_day > right->begin_day) - (left->begin_day < right->begin_day);
}

// A code that has had several times of validity is what it was in the last of them.
static enum pn_code join_repeated(struct reading *reading)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < reading->count; i++) {
        struct entry *entry = &reading->entries[i];
        struct entry *before = kept > 0 ? &reading->entries[kept - 1] : NULL;
        bool repeats = before != NULL && pn_slice_eq(before->code, entry->code);
        if (repeats && before->begin_day == entry->begin_day) {
            char where[PN_ERR_WHERE_BYTES];
            snprintf(where, sizeof where, "%.80s:%u %.*s", reading->options->file, entry->line,
                     PN_SLICE_FMT(reading->columns[COLUMN_CODE]));
            return pn_err_set(reading->err, PN_INVALID, where, "the code stands twice");
        }
        kept += repeats ? 0 : 1;
        reading->entries[kept - 1] = *entry;
    }
    reading->count = kept;
    return PN_OK;
}

static enum pn_code read_entries(struct reading *reading)
{
    const char *charset = reading->options->charset;
    struct pn_codec_input input = {.bytes = reading->options->bytes,
                                   .charset_default =
                                       charset != NULL ? charset : "UTF-8,ISO-8859-1"};
    const struct pn_node *root = NULL;
    enum pn_code code = pn_csv_read(reading->arena, &input, NULL, &root, reading->err);
    if (code != PN_OK) {
        return pn_err_within(reading->err, reading->options->file);
    }
    unsigned rows = 0;
    for (const struct pn_node *row = root->first_child; row != NULL; row = row->next) {
        rows++;
    }
    reading->entries = rows == 0 || rows > PN_CODES_MAX
                           ? NULL
                           : pn_arena_alloc_array(reading->arena, rows, sizeof *reading->entries);
    if (reading->entries == NULL) {
        return pn_err_set(reading->err, PN_INVALID, reading->options->file,
                          "has no codes, or over %d", PN_CODES_MAX);
    }
    code = find_columns(reading, root);
    for (const struct pn_node *row = root->first_child; code == PN_OK && row != NULL;
         row = row->next) {
        code = read_entry(reading, row);
    }
    if (code != PN_OK) {
        return code;
    }
    qsort(reading->entries, reading->count, sizeof *reading->entries, compare_entries);
    return join_repeated(reading);
}

// --- Against today -------------------------------------------------------------------------------

// Of the codes: as asked for, as today, or what the list's own OIDs begin with.
static struct pn_slice system_of(const struct reading *reading, const struct pn_codes *today)
{
    if (reading->options->system != NULL) {
        return pn_slice_str(reading->options->system);
    }
    struct pn_slice system = today->count == 0 ? (struct pn_slice){0} : today->rows[0].system;
    for (unsigned i = 1; i < today->count; i++) {
        if (!pn_slice_eq(system, today->rows[i].system)) {
            return (struct pn_slice){0};
        }
    }
    struct pn_slice oid = reading->count == 0 ? (struct pn_slice){0} : reading->entries[0].oid;
    const char *last = oid.len == 0 ? NULL : memrchr(oid.ptr, '.', oid.len);
    if (system.len > 0 || last == NULL) {
        return system;
    }
    return pn_slice_str(
        pn_arena_printf(reading->arena, "urn:oid:%.*s", (int)(last - oid.ptr), oid.ptr));
}

// A table that says what codes mean elsewhere (`to` is another code): then a new code has no
// meaning yet.
static bool translates(const struct pn_codes *today)
{
    for (unsigned i = 0; i < today->count; i++) {
        if (!pn_slice_eq(today->rows[i].from, today->rows[i].to)) {
            return true;
        }
    }
    return false;
}

static const char *day_text(struct pn_arena *arena, const char *word, int64_t day)
{
    int year = 0, month = 0, number = 0;
    pn_civil_from_days(day, &year, &month, &number);
    return pn_arena_printf(arena, "%s %04d-%02d-%02d", word, year, month, number);
}

static struct pn_slice note_of(const struct reading *reading, const struct entry *entry,
                               const struct pn_codes_row *was)
{
    int64_t today = reading->options->now_ms / PN_MS_PER_DAY;
    if (entry->end_day < today) {
        return pn_slice_str(day_text(reading->arena, "expired", entry->end_day));
    }
    if (entry->begin_day > today) {
        return pn_slice_str(day_text(reading->arena, "from", entry->begin_day));
    }
    return was == NULL ? (struct pn_slice){0} : was->note;
}

static void add_change(struct pn_codes_news *news, enum pn_codes_change_kind kind,
                       const struct pn_codes_row *was, const struct pn_codes_row *is)
{
    struct pn_codes_change *change = &news->changes[news->change_count++];
    *change = (struct pn_codes_change){.kind = kind, .code = is != NULL ? is->from : was->from};
    change->was = was == NULL ? (struct pn_slice){0} : was->display;
    change->is = is == NULL ? (struct pn_slice){0} : is->display;
    news->counts[kind]++;
}

static void compare_row(struct pn_codes_news *news, const struct pn_codes_row *was,
                        const struct pn_codes_row *is)
{
    if (was == NULL) {
        add_change(news, PN_CODES_ADDED, NULL, is);
    } else if (!pn_slice_eq(was->display, is->display)) {
        add_change(news, PN_CODES_RENAMED, was, is);
    } else {
        news->same++;
    }
}

static struct pn_slice source_of(const struct reading *reading)
{
    const char *slash = strrchr(reading->options->file, '/');
    const char *name = slash == NULL ? reading->options->file : slash + 1;
    return pn_slice_str(day_text(reading->arena,
                                 pn_arena_printf(reading->arena, "%.200s, loaded", name),
                                 reading->options->now_ms / PN_MS_PER_DAY));
}

static void make_rows(const struct reading *reading, const struct pn_codes *today,
                      struct pn_codes_news *news)
{
    struct pn_slice system = system_of(reading, today), source = source_of(reading);
    bool is_translation = translates(today);
    for (unsigned i = 0; i < reading->count; i++) {
        const struct entry *entry = &reading->entries[i];
        const struct pn_codes_row *was = pn_codes_find(today, entry->code);
        struct pn_codes_row *row = &news->codes.rows[news->codes.count++];
        *row = (struct pn_codes_row){.from = entry->code,
                                     .to = entry->code,
                                     .system = system,
                                     .display = entry->name,
                                     .note = note_of(reading, entry, was),
                                     .source = source};
        if (is_translation) {
            row->to = was == NULL ? (struct pn_slice){0} : was->to;
            row->system = was == NULL ? system : was->system;
            news->unexplained += was == NULL ? 1 : 0;
        }
        news->expired += entry->end_day < reading->options->now_ms / PN_MS_PER_DAY ? 1 : 0;
        compare_row(news, was, row);
    }
    for (unsigned i = 0; i < today->count; i++) {
        if (pn_codes_find(&news->codes, today->rows[i].from) == NULL) {
            add_change(news, PN_CODES_REMOVED, &today->rows[i], NULL);
        }
    }
}

enum pn_code pn_codes_list_read(struct pn_arena *arena, const struct pn_codes_list_options *options,
                                const struct pn_codes *today, struct pn_codes_news *ret_news,
                                struct pn_err *err)
{
    struct reading reading = {.arena = arena, .options = options, .err = err};
    enum pn_code code = read_entries(&reading);
    if (code != PN_OK) {
        return code;
    }
    size_t most = (size_t)reading.count + today->count;
    struct pn_codes_news news = {
        .codes = {.rows = pn_arena_alloc_array(arena, most, sizeof *news.codes.rows)},
        .changes = pn_arena_alloc_array(arena, most, sizeof *news.changes)};
    if (news.codes.rows == NULL || news.changes == NULL) {
        return pn_err_set(err, PN_MEMORY, options->file, "the list needs too much memory");
    }
    make_rows(&reading, today, &news);
    *ret_news = news;
    return PN_OK;
}
