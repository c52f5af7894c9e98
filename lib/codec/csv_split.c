// SPDX-License-Identifier: Apache-2.0
// Rows of a file of separated values, each with the header before it.
#include <stdlib.h>
#include <string.h>

#include "codec/csv_parts.h"
#include "codec/split_parts.h"

enum { HEADER_BYTES_MAX = 64 * 1024 };

struct pn_csv_split {
    struct pn_arena *boot; // a file that had to be converted as a whole
    struct pn_arena *row;  // reset for each row
    enum pn_charset charset;
    const char *at, *end;
    char separator;
    unsigned line;
    struct pn_buf record;
    size_t header_bytes; // of the record: the mark of UTF-8 and the header row
};

// --- Where a row ends ----------------------------------------------------------------------------

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

static const char *line_end(const char *at, const char *end)
{
    while (at < end && !is_line_end(*at)) {
        at++;
    }
    return at;
}

// After the closing quote; NULL when there is none in reach.
static const char *quote_end(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at != '"') {
            continue;
        }
        if (at + 1 == end || at[1] != '"') {
            return at + 1;
        }
        at++;
    }
    return NULL;
}

// Where the row's text ends. Quotes that do not match would take the following rows along: such a
// row ends with its line, and is refused by whoever reads it.
static const char *row_end(const struct pn_csv_split *split)
{
    const char *at = split->at;
    size_t left = (size_t)(split->end - at);
    const char *limit = at + (left < PN_SPLIT_RECORD_BYTES_MAX ? left : PN_SPLIT_RECORD_BYTES_MAX);
    for (;;) {
        if (at < limit && *at == '"') {
            at = quote_end(at, limit);
            if (at == NULL || (at < limit && !is_line_end(*at) && *at != split->separator)) {
                return line_end(split->at, split->end);
            }
        }
        while (at < limit && !is_line_end(*at) && *at != split->separator) {
            at++;
        }
        if (at == limit || is_line_end(*at)) {
            return line_end(at, split->end);
        }
        at++;
    }
}

static bool is_blank(struct pn_slice row, char separator)
{
    for (size_t i = 0; i < row.len; i++) {
        if (row.ptr[i] != separator && row.ptr[i] != ' ' && row.ptr[i] != '\t') {
            return false;
        }
    }
    return true;
}

// Takes the row and its line end; *ret_line is where it began.
static struct pn_slice take_row(struct pn_csv_split *split, unsigned *ret_line)
{
    const char *start = split->at;
    const char *end = row_end(split);
    *ret_line = split->line;
    for (const char *at = start; at < end; at++) {
        split->line += *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
    }
    split->at = end;
    if (split->at < split->end && *split->at == '\r') {
        split->at++;
    }
    if (split->at < split->end && *split->at == '\n') {
        split->at++;
    }
    split->line++;
    return pn_slice_of(start, (size_t)(end - start));
}

// --- The file ------------------------------------------------------------------------------------

static enum pn_code check_columns(struct pn_csv_split *split,
                                  const struct pn_split_options *options, struct pn_slice header,
                                  struct pn_err *err)
{
    const struct pn_csv_options plain = {.separator = split->separator, .has_plain_names = true};
    const struct pn_slice *names = NULL;
    unsigned count = 0;
    enum pn_code code = pn_csv_read_names(split->row, header, &plain, &names, &count, err);
    for (unsigned i = 0; code == PN_OK && i < options->column_count; i++) {
        bool is_there = false;
        for (unsigned k = 0; k < count && !is_there; k++) {
            is_there = pn_slice_is(names[k], options->columns[i]);
        }
        if (!is_there) {
            code = pn_err_set(err, PN_INVALID, "line 1", "the header row has no column %s",
                              options->columns[i]);
        }
    }
    return code;
}

static struct pn_slice to_utf8(struct pn_csv_split *split, struct pn_slice row)
{
    return row.len == 0 ? row : pn_charset_to_utf8(split->row, split->charset, row);
}

// The header row goes before each record.
static enum pn_code take_header(struct pn_csv_split *split, const struct pn_split_options *options,
                                struct pn_err *err)
{
    struct pn_slice header = {0};
    unsigned line = 0;
    while (split->at < split->end && header.len == 0) {
        header = take_row(split, &line);
    }
    if (pn_slice_trim(header).len == 0) {
        return pn_err_set(err, PN_INVALID, "line 1", "the file has no header row");
    }
    if (header.len > HEADER_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, "line 1", "the header row is over %d bytes",
                          (int)HEADER_BYTES_MAX);
    }
    header = to_utf8(split, header);
    if (header.ptr == NULL) {
        return pn_tree_full(err, "line 1");
    }
    enum pn_code code = check_columns(split, options, header, err);
    pn_buf_clear(&split->record);
    pn_buf_add_str(&split->record, "\xEF\xBB\xBF");
    pn_buf_add_slice(&split->record, header);
    pn_buf_add_str(&split->record, "\r\n");
    split->header_bytes = split->record.len;
    return code == PN_OK && !pn_buf_ok(&split->record) ? pn_tree_full(err, "line 1") : code;
}

// Two bytes a character cannot be looked through for separators: all of it becomes UTF-8 first.
static enum pn_code narrow(struct pn_csv_split *split, struct pn_slice bytes, struct pn_err *err)
{
    bool is_wide = split->charset == PN_CHARSET_UTF16LE || split->charset == PN_CHARSET_UTF16BE;
    if (is_wide) {
        bytes = pn_charset_to_utf8(split->boot, split->charset, bytes);
        split->charset = PN_CHARSET_UTF8;
    }
    if (is_wide && bytes.ptr == NULL) {
        return pn_tree_full(err, "file");
    }
    split->at = bytes.ptr;
    split->end = bytes.ptr + bytes.len;
    split->separator = pn_csv_separator(bytes);
    return PN_OK;
}

enum pn_code pn_csv_split_open(const struct pn_split_options *options, struct pn_slice bytes,
                               struct pn_csv_split **ret_split, struct pn_err *err)
{
    struct pn_csv_split *split = calloc(1, sizeof *split);
    if (split == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    split->line = 1;
    split->boot = pn_arena_new((size_t)4 * PN_FILE_BYTES_MAX);
    split->row = pn_arena_new((size_t)8 * PN_SPLIT_RECORD_BYTES_MAX);
    split->charset = pn_csv_charset(options->charset_default, &bytes);
    pn_buf_init(&split->record, (size_t)8 * PN_SPLIT_RECORD_BYTES_MAX);
    enum pn_code code = split->boot == NULL || split->row == NULL
                            ? pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted")
                            : narrow(split, bytes, err);
    code = code == PN_OK ? take_header(split, options, err) : code;
    if (code != PN_OK) {
        pn_csv_split_close(split);
        return code;
    }
    *ret_split = split;
    return PN_OK;
}

enum pn_code pn_csv_split_next(struct pn_csv_split *split, struct pn_split_record *ret_record,
                               bool *ret_has, struct pn_err *err)
{
    struct pn_slice row = {0};
    unsigned line = 0;
    while (split->at < split->end && is_blank(row, split->separator)) {
        row = take_row(split, &line);
    }
    *ret_has = !is_blank(row, split->separator);
    if (!*ret_has) {
        return PN_OK;
    }
    pn_arena_reset(split->row);
    struct pn_slice text = to_utf8(split, row);
    split->record.len = split->header_bytes;
    pn_buf_add_slice(&split->record, text);
    pn_buf_add_str(&split->record, "\r\n");
    if (text.ptr == NULL || !pn_buf_ok(&split->record)) {
        return pn_err_set(err, PN_LIMIT, "file", "line %u is over %d bytes", line,
                          (int)PN_SPLIT_RECORD_BYTES_MAX);
    }
    *ret_record = (struct pn_split_record){.bytes = pn_buf_slice(&split->record), .line = line};
    return PN_OK;
}

void pn_csv_split_close(struct pn_csv_split *split)
{
    if (split == NULL) {
        return;
    }
    pn_arena_free(split->boot);
    pn_arena_free(split->row);
    pn_buf_release(&split->record);
    free(split);
}
