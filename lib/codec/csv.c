// SPDX-License-Identifier: Apache-2.0
#include "codec/csv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec/charset.h"

struct reading {
    struct pn_arena *arena;
    struct pn_tree_maker maker;
    const char *at, *end;
    char separator;
    unsigned line;     // where reading stands
    unsigned row_line; // where the row began
    unsigned column;   // of the row, from 0
    unsigned column_count;
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

// Whichever the first line has most of, outside quotes.
static char detect_separator(struct pn_slice text)
{
    static const char candidates[] = ";,\t|";
    unsigned counts[sizeof candidates - 1] = {0};
    bool is_quoted = false;
    for (size_t i = 0; i < text.len && (is_quoted || text.ptr[i] != '\n'); i++) {
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

static enum pn_code check_name(struct reading *r, struct pn_slice name)
{
    if (name.len == 0 || name.len > PN_CSV_NAME_BYTES_MAX) {
        return fault(r, PN_INVALID, "a column of the header has no name, or one that is too long");
    }
    for (unsigned i = 0; i < r->column_count; i++) {
        if (pn_slice_eq(r->columns[i], name)) {
            return fault(r, PN_INVALID, "two columns have the same name");
        }
    }
    return PN_OK;
}

static enum pn_code read_header(struct reading *r)
{
    enum pn_code code = PN_OK;
    do {
        struct pn_slice name = {0};
        code = read_field(r, &name);
        if (code == PN_OK && r->column_count == PN_CSV_COLUMNS_MAX) {
            code = fault(r, PN_INVALID, "too many columns");
        }
        code = code == PN_OK ? check_name(r, name) : code;
        if (code == PN_OK) {
            r->columns[r->column_count++] = name;
        }
    } while (code == PN_OK && field_follows(r));
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

enum pn_code pn_csv_read(struct pn_arena *arena, const struct pn_codec_input *input, char separator,
                         const struct pn_node **ret_root, struct pn_err *err)
{
    assert(arena != NULL && input != NULL);
    struct pn_slice bytes = input->bytes;
    bool has_bom = pn_slice_starts_with(bytes, "\xEF\xBB\xBF");
    bytes = has_bom ? pn_slice_of(bytes.ptr + 3, bytes.len - 3) : bytes;
    enum pn_charset charset = pn_charset_choose(has_bom ? "UTF-8" : input->charset_default, bytes);
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
    *r = (struct reading){.arena = arena, .at = text.ptr, .end = text.ptr + text.len, .err = err};
    r->line = r->row_line = 1;
    r->separator = separator != '\0' ? separator : detect_separator(text);
    pn_tree_maker_init(&r->maker, arena);
    struct pn_node *root = pn_tree_make(&r->maker, NULL, pn_slice_of(NULL, 0));
    enum pn_code code = root == NULL ? pn_tree_full(err, "file") : read_header(r);
    code = code == PN_OK ? read_rows(r, root) : code;
    if (code == PN_OK) {
        *ret_root = root;
    }
    return code;
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
