// SPDX-License-Identifier: Apache-2.0
#include "codec/csv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec/csv_parts.h"

struct reading {
    struct pn_arena *arena;
    struct pn_tree_maker maker;
    const char *at, *end;
    char separator;
    unsigned line;     // where reading stands
    unsigned row_line; // where the row began
    unsigned column;   // of the row, from 0
    unsigned column_count;
    struct pn_csv_options options;
    struct pn_slice columns[PN_CSV_COLUMNS_MAX];
    struct pn_err *err;
};

static const struct pn_slice row_name = {"row", 3};

static enum pn_code fault(struct reading *r, enum pn_code code, const char *text)
{
    char where[PN_ERR_WHERE_BYTES];
    // By number: in a file without a header row the names would be a person's data.
    snprintf(where, sizeof where, "line %u column %u", r->row_line, r->column + 1);
    return code == PN_LIMIT ? pn_tree_full(r->err, where)
                            : pn_err_set(r->err, code, where, "%s", text);
}

enum pn_charset pn_csv_charset(const char *charset_default, struct pn_slice *bytes)
{
    static const struct {
        const char *mark;
        size_t mark_bytes;
        enum pn_charset charset;
    } marks[] = {{"\xEF\xBB\xBF", 3, PN_CHARSET_UTF8},
                 {"\xFF\xFE", 2, PN_CHARSET_UTF16LE},
                 {"\xFE\xFF", 2, PN_CHARSET_UTF16BE}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(marks); i++) {
        if (pn_slice_starts_with(*bytes, marks[i].mark)) {
            *bytes =
                pn_slice_of(bytes->ptr + marks[i].mark_bytes, bytes->len - marks[i].mark_bytes);
            return pn_charset_choose(pn_charset_name(marks[i].charset), *bytes);
        }
    }
    return pn_charset_choose(charset_default, *bytes);
}

char pn_csv_separator(struct pn_slice text)
{
    static const char candidates[] = ";,\t|";
    unsigned counts[sizeof candidates - 1] = {0};
    bool is_quoted = false;
    while (text.len > 0 && (text.ptr[0] == '\r' || text.ptr[0] == '\n')) {
        text = pn_slice_of(text.ptr + 1, text.len - 1);
    }
    // The first line alone, so that a record taken out of a list is read as the list was.
    for (size_t i = 0; i < text.len && text.ptr[i] != '\n' && text.ptr[i] != '\r'; i++) {
        is_quoted = text.ptr[i] == '"' ? !is_quoted : is_quoted;
        const char *found = text.ptr[i] == '\0' ? NULL : strchr(candidates, text.ptr[i]);
        if (found != NULL && !is_quoted) {
            counts[found - candidates]++;
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < PN_ARRAY_COUNT(counts); i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return candidates[best];
}

static bool is_line_end(const struct reading *r)
{
    return r->at == r->end || *r->at == '\r' || *r->at == '\n';
}

static void take_line_end(struct reading *r)
{
    if (r->at < r->end && *r->at == '\r') {
        r->at++;
    }
    if (r->at < r->end && *r->at == '\n') {
        r->at++;
    }
    r->line++;
}

static enum pn_code read_quoted(struct reading *r, struct pn_slice *ret_value)
{
    const char *start = ++r->at;
    size_t doubled = 0;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '\n') {
            r->line++;
        }
        if (*r->at != '"') {
            continue;
        }
        if (r->at + 1 == r->end || r->at[1] != '"') {
            break;
        }
        r->at++;
        doubled++;
    }
    if (r->at == r->end) {
        return fault(r, PN_INVALID, "a quote is opened and not closed");
    }
    struct pn_slice raw = pn_slice_of(start, (size_t)(r->at - start));
    r->at++;
    if (!is_line_end(r) && *r->at != r->separator) {
        return fault(r, PN_INVALID, "something stands after a closing quote");
    }
    if (doubled == 0) {
        *ret_value = raw;
        return PN_OK;
    }
    char *made = pn_arena_alloc(r->arena, raw.len);
    if (made == NULL) {
        return fault(r, PN_LIMIT, "");
    }
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        made[len++] = raw.ptr[i];
        i += raw.ptr[i] == '"';
    }
    *ret_value = pn_slice_of(made, len);
    return PN_OK;
}

// A quote inside a field that does not begin with one is text.
static enum pn_code read_field(struct reading *r, struct pn_slice *ret_value)
{
    if (!is_line_end(r) && *r->at == '"') {
        return read_quoted(r, ret_value);
    }
    const char *start = r->at;
    while (!is_line_end(r) && *r->at != r->separator) {
        r->at++;
    }
    *ret_value = pn_slice_trim(pn_slice_of(start, (size_t)(r->at - start)));
    return PN_OK;
}

// True when another field follows on the row; takes the separator or the line end.
static bool field_follows(struct reading *r)
{
    if (is_line_end(r)) {
        take_line_end(r);
        return false;
    }
    r->at++;
    r->column++;
    return true;
}

struct pn_slice pn_csv_plain_name(struct pn_arena *arena, struct pn_slice name)
{
    static const struct {
        uint32_t character;
        char plain;
    } letters[] = {{0xE4, 'a'}, {0xC4, 'a'}, {0xE5, 'a'}, {0xC5, 'a'}, {0xF6, 'o'}, {0xD6, 'o'}};
    char *made = pn_arena_alloc(arena, name.len + 1);
    size_t len = 0;
    bool is_gap = false;
    while (made != NULL && name.len > 0) {
        uint32_t character = pn_utf8_take(&name);
        char plain = character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a')
                     : character < 0x80                   ? (char)character
                                                          : '\0';
        for (size_t i = 0; i < PN_ARRAY_COUNT(letters); i++) {
            plain = letters[i].character == character ? letters[i].plain : plain;
        }
        bool is_kept = (plain >= 'a' && plain <= 'z') || (plain >= '0' && plain <= '9');
        if (is_kept && is_gap && len > 0) {
            made[len++] = '_';
        }
        if (is_kept) {
            made[len++] = plain;
        }
        is_gap = !is_kept;
    }
    return pn_slice_of(made, len);
}

static enum pn_code check_name(struct reading *r, struct pn_slice name)
{
    if (name.len > PN_CSV_NAME_BYTES_MAX) {
        return fault(r, PN_INVALID, "a column's name is too long");
    }
    for (unsigned i = 0; i < r->column_count; i++) {
        if (name.len > 0 && pn_slice_eq(r->columns[i], name)) {
            return fault(r, PN_INVALID, "two columns have the same name");
        }
        if (name.len > 0 && r->columns[i].len == 0) {
            r->column = i;
            return fault(r, PN_INVALID, "a column between others has no name");
        }
    }
    return PN_OK;
}

static void skip_blank_lines(struct reading *r)
{
    while (r->at < r->end && is_line_end(r)) {
        take_line_end(r);
    }
}

static enum pn_code read_header(struct reading *r)
{
    enum pn_code code = PN_OK;
    skip_blank_lines(r);
    r->row_line = r->line;
    do {
        struct pn_slice name = {0};
        code = read_field(r, &name);
        if (code == PN_OK && r->column_count == PN_CSV_COLUMNS_MAX) {
            code = fault(r, PN_INVALID, "too many columns");
        }
        if (code == PN_OK && r->options.has_plain_names) {
            name = pn_csv_plain_name(r->arena, name);
            code = name.ptr == NULL ? fault(r, PN_LIMIT, "") : PN_OK;
        }
        code = code == PN_OK ? check_name(r, name) : code;
        if (code == PN_OK) {
            r->columns[r->column_count++] = name;
        }
    } while (code == PN_OK && field_follows(r));
    // Separators at the end are no columns.
    while (r->column_count > 0 && r->columns[r->column_count - 1].len == 0) {
        r->column_count--;
    }
    if (code == PN_OK && r->column_count == 0) {
        r->column = 0;
        code = fault(r, PN_INVALID, "the header row names no column");
    }
    return code;
}

static enum pn_code read_row(struct reading *r, struct pn_node *row)
{
    const struct pn_node **next = &row->first_child;
    r->column = 0;
    do {
        struct pn_slice value = {0};
        enum pn_code code = read_field(r, &value);
        if (code != PN_OK) {
            return code;
        }
        if (pn_slice_trim(value).len == 0) {
            continue;
        }
        if (r->column >= r->column_count) {
            return fault(r, PN_INVALID, "the row has more columns than the header");
        }
        struct pn_node *node = pn_tree_make(&r->maker, row, r->columns[r->column]);
        if (node == NULL) {
            return fault(r, PN_LIMIT, "");
        }
        node->kind = PN_NODE_TEXT;
        node->value = value;
        node->place = r->row_line;
        *next = node;
        next = &node->next;
    } while (field_follows(r));
    return PN_OK;
}

static enum pn_code read_rows(struct reading *r, struct pn_node *root)
{
    const struct pn_node **next = &root->first_child;
    while (r->at < r->end) {
        r->row_line = r->line;
        if (is_line_end(r)) {
            take_line_end(r);
            continue;
        }
        struct pn_node *row = pn_tree_make(&r->maker, root, row_name);
        if (row == NULL) {
            r->column = 0;
            return fault(r, PN_LIMIT, "");
        }
        row->place = r->row_line;
        enum pn_code code = read_row(r, row);
        if (code != PN_OK) {
            return code;
        }
        *next = row;
        next = &row->next;
    }
    return PN_OK;
}

static enum pn_code read_all(struct reading *r, const struct pn_node **ret_root)
{
    struct pn_node *root = pn_tree_make(&r->maker, NULL, pn_slice_of(NULL, 0));
    enum pn_code code = root == NULL ? pn_tree_full(r->err, "file") : read_header(r);
    if (code == PN_OK && r->options.first_row_line > 0) {
        skip_blank_lines(r);
        r->line = r->options.first_row_line;
    }
    code = code == PN_OK ? read_rows(r, root) : code;
    if (code == PN_OK) {
        *ret_root = root;
    }
    return code;
}

static void begin(struct reading *r, struct pn_arena *arena, struct pn_slice text,
                  const struct pn_csv_options *options)
{
    *r = (struct reading){.arena = arena, .at = text.ptr, .end = text.ptr + text.len};
    r->line = r->row_line = 1;
    r->options = options == NULL ? (struct pn_csv_options){0} : *options;
    r->separator = r->options.separator != '\0' ? r->options.separator : pn_csv_separator(text);
    pn_tree_maker_init(&r->maker, arena);
}

enum pn_code pn_csv_read_names(struct pn_arena *arena, struct pn_slice text,
                               const struct pn_csv_options *options,
                               const struct pn_slice **ret_names, unsigned *ret_count,
                               struct pn_err *err)
{
    struct reading *r = pn_arena_alloc(arena, sizeof *r);
    if (r == NULL) {
        return pn_tree_full(err, "file");
    }
    begin(r, arena, text, options);
    r->err = err;
    enum pn_code code = read_header(r);
    if (code == PN_OK) {
        *ret_names = r->columns;
        *ret_count = r->column_count;
    }
    return code;
}

enum pn_code pn_csv_read(struct pn_arena *arena, const struct pn_codec_input *input,
                         const struct pn_csv_options *options, const struct pn_node **ret_root,
                         struct pn_err *err)
{
    assert(arena != NULL && input != NULL);
    struct pn_slice bytes = input->bytes;
    enum pn_charset charset = pn_csv_charset(input->charset_default, &bytes);
    struct pn_slice text = bytes.len == 0 ? bytes : pn_charset_to_utf8(arena, charset, bytes);
    struct reading *r = pn_arena_alloc(arena, sizeof *r);
    if (r == NULL || (text.ptr == NULL && bytes.len > 0)) {
        return pn_tree_full(err, "file");
    }
    if (pn_slice_trim(text).len == 0) {
        return pn_err_set(err, PN_INVALID, "line 1", "the file has no header row");
    }
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        return pn_err_set(err, PN_INVALID, "file", "holds a NUL character");
    }
    begin(r, arena, text, options);
    r->err = err;
    return read_all(r, ret_root);
}

void pn_csv_write_row(struct pn_buf *out, char separator, const struct pn_slice *columns,
                      size_t column_count)
{
    for (size_t i = 0; i < column_count; i++) {
        struct pn_slice text = columns[i];
        bool has_edge_space = pn_slice_trim(text).len != text.len;
        bool needs_quotes = has_edge_space;
        for (size_t c = 0; c < text.len && !needs_quotes; c++) {
            char each = text.ptr[c];
            needs_quotes = each == separator || each == '"' || each == '\r' || each == '\n';
        }
        if (i > 0) {
            pn_buf_add_char(out, separator);
        }
        if (!needs_quotes) {
            pn_buf_add_slice(out, text);
            continue;
        }
        pn_buf_add_char(out, '"');
        for (size_t c = 0; c < text.len; c++) {
            pn_buf_add(out, "\"\"", text.ptr[c] == '"' ? 2 : 0);
            pn_buf_add(out, text.ptr + c, text.ptr[c] == '"' ? 0 : 1);
        }
        pn_buf_add_char(out, '"');
    }
    pn_buf_add_str(out, "\r\n");
}
