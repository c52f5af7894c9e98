// SPDX-License-Identifier: Apache-2.0
#include "codec/json_scan.h"

#include <string.h>

#include "base/text.h"
#include "codec/charset.h"

static bool wrong(struct pn_json_scan *scan, const char *fault)
{
    if (scan->fault == NULL) {
        scan->fault = fault;
    }
    return false;
}

void pn_json_scan_init(struct pn_json_scan *scan, struct pn_arena *arena, struct pn_slice text)
{
    if (pn_slice_starts_with(text, "\xEF\xBB\xBF")) {
        text = pn_slice_of(text.ptr + 3, text.len - 3);
    }
    const char *start = text.ptr == NULL ? "" : text.ptr;
    *scan = (struct pn_json_scan){.arena = arena, .at = start, .end = start + text.len};
    if (!pn_text_is_ascii(text) && !pn_utf8_is_valid(text)) {
        wrong(scan, "is not UTF-8");
    }
}

static void skip_space(struct pn_json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')) {
        scan->at++;
    }
}

static bool take(struct pn_json_scan *scan, char c)
{
    skip_space(scan);
    if (scan->fault != NULL || scan->at == scan->end || *scan->at != c) {
        return false;
    }
    scan->at++;
    return true;
}

enum pn_json_kind pn_json_scan_kind(struct pn_json_scan *scan)
{
    static const struct {
        char first;
        enum pn_json_kind kind;
    } firsts[] = {
        {'{', PN_JSON_OBJECT}, {'[', PN_JSON_ARRAY}, {'"', PN_JSON_STRING}, {'t', PN_JSON_TRUE},
        {'f', PN_JSON_FALSE},  {'n', PN_JSON_NULL},  {'-', PN_JSON_NUMBER},
    };
    skip_space(scan);
    if (scan->fault != NULL || scan->at == scan->end) {
        wrong(scan, "ends where a value should be");
        return PN_JSON_WRONG;
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(firsts); i++) {
        if (*scan->at == firsts[i].first) {
            return firsts[i].kind;
        }
    }
    if (*scan->at >= '0' && *scan->at <= '9') {
        return PN_JSON_NUMBER;
    }
    wrong(scan, "has something else where a value should be");
    return PN_JSON_WRONG;
}

static bool take_hex4(struct pn_json_scan *scan, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    if (scan->end - scan->at < 4) {
        return wrong(scan, "has a broken \\u escape");
    }
    for (int i = 0; i < 4; i++) {
        int digit = pn_hex_value(scan->at[i]);
        if (digit < 0) {
            return wrong(scan, "has a broken \\u escape");
        }
        unit = unit << 4 | (uint32_t)digit;
    }
    scan->at += 4;
    *ret_unit = unit;
    return true;
}

static bool take_unicode(struct pn_json_scan *scan, uint32_t *ret_character)
{
    uint32_t c = 0;
    uint32_t low = 0;
    if (!take_hex4(scan, &c)) {
        return false;
    }
    if (c >= 0xD800 && c < 0xDC00) {
        bool is_pair = scan->end - scan->at >= 2 && scan->at[0] == '\\' && scan->at[1] == 'u';
        scan->at += is_pair ? 2 : 0;
        if (!is_pair || !take_hex4(scan, &low) || low < 0xDC00 || low > 0xDFFF) {
            return wrong(scan, "has half a surrogate pair");
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c < 0xE000) {
        return wrong(scan, "has half a surrogate pair");
    }
    if (c == 0) {
        return wrong(scan, "has a NUL character");
    }
    *ret_character = c;
    return true;
}

static bool take_escape(struct pn_json_scan *scan, uint32_t *ret_character)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (scan->at == scan->end) {
        return wrong(scan, "ends inside a string");
    }
    char c = *scan->at++;
    if (c == 'u') {
        return take_unicode(scan, ret_character);
    }
    const char *found = c == '\0' ? NULL : strchr(letters, c);
    if (found == NULL) {
        return wrong(scan, "has an unknown escape");
    }
    *ret_character = (uint32_t)meanings[found - letters];
    return true;
}

// Finds the closing quote; false when there is none or something forbidden stands before it.
static bool find_end(struct pn_json_scan *scan, const char **ret_end, bool *ret_has_escape)
{
    bool has_escape = false;
    const char *at = scan->at;
    for (; at < scan->end && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) {
            return wrong(scan, "has a control character in a string");
        }
        if (*at == '\\') {
            has_escape = true;
            at++;
        }
    }
    if (at >= scan->end) {
        return wrong(scan, "ends inside a string");
    }
    *ret_end = at;
    *ret_has_escape = has_escape;
    return true;
}

static bool unescape(struct pn_json_scan *scan, const char *end, struct pn_slice *ret_text)
{
    // No escape is shorter than what it stands for.
    char *out = pn_arena_alloc(scan->arena, (size_t)(end - scan->at));
    if (out == NULL) {
        scan->is_memory = true;
        return wrong(scan, "is too large for its memory");
    }
    size_t len = 0;
    while (scan->at < end) {
        char c = *scan->at++;
        uint32_t character = 0;
        if (c != '\\') {
            out[len++] = c;
        } else if (take_escape(scan, &character)) {
            len += pn_utf8_put(out + len, character);
        } else {
            return false;
        }
    }
    *ret_text = pn_slice_of(out, len);
    return true;
}

bool pn_json_scan_string(struct pn_json_scan *scan, struct pn_slice *ret_text)
{
    const char *end = NULL;
    bool has_escape = false;
    if (!take(scan, '"')) {
        return wrong(scan, "has something else where a string should be");
    }
    if (!find_end(scan, &end, &has_escape)) {
        return false;
    }
    struct pn_slice text = pn_slice_of(scan->at, (size_t)(end - scan->at));
    if (has_escape && !unescape(scan, end, &text)) {
        return false;
    }
    scan->at = end + 1;
    *ret_text = text;
    return true;
}

static size_t count_digits(struct pn_json_scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        scan->at++;
    }
    return (size_t)(scan->at - start);
}

static bool next_is(const struct pn_json_scan *scan, const char *set)
{
    return scan->at < scan->end && *scan->at != '\0' && strchr(set, *scan->at) != NULL;
}

bool pn_json_scan_number(struct pn_json_scan *scan, struct pn_slice *ret_text)
{
    skip_space(scan);
    if (scan->fault != NULL) {
        return false;
    }
    const char *start = scan->at;
    scan->at += next_is(scan, "-");
    bool is_zero = next_is(scan, "0");
    size_t digits = count_digits(scan);
    bool is_good = digits > 0 && (!is_zero || digits == 1);
    if (is_good && next_is(scan, ".")) {
        scan->at++;
        is_good = count_digits(scan) > 0;
    }
    if (is_good && next_is(scan, "eE")) {
        scan->at++;
        scan->at += next_is(scan, "+-");
        is_good = count_digits(scan) > 0;
    }
    if (!is_good) {
        return wrong(scan, "has a malformed number");
    }
    *ret_text = pn_slice_of(start, (size_t)(scan->at - start));
    return true;
}

bool pn_json_scan_word(struct pn_json_scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    skip_space(scan);
    struct pn_slice left = pn_slice_of(scan->at, (size_t)(scan->end - scan->at));
    for (size_t i = 0; scan->fault == NULL && i < PN_ARRAY_COUNT(words); i++) {
        if (pn_slice_starts_with(left, words[i])) {
            scan->at += strlen(words[i]);
            return true;
        }
    }
    return wrong(scan, "has something else where a value should be");
}

bool pn_json_scan_enter(struct pn_json_scan *scan)
{
    if (!take(scan, '{') && !take(scan, '[')) {
        return wrong(scan, "has something else where an object or array should be");
    }
    if (++scan->depth > PN_TREE_DEPTH_MAX) {
        return wrong(scan, "is nested too deep");
    }
    return true;
}

// True when another member or item follows.
static bool follows(struct pn_json_scan *scan, bool *is_first, char closing)
{
    if (take(scan, closing)) {
        scan->depth--;
        return false;
    }
    if (!*is_first && !take(scan, ',')) {
        return wrong(scan, "lacks a comma or a closing bracket");
    }
    *is_first = false;
    return scan->fault == NULL;
}

bool pn_json_scan_member(struct pn_json_scan *scan, bool *is_first, struct pn_slice *ret_name)
{
    if (!follows(scan, is_first, '}') || !pn_json_scan_string(scan, ret_name)) {
        return false;
    }
    return take(scan, ':') || wrong(scan, "lacks a colon after a member's name");
}

bool pn_json_scan_item(struct pn_json_scan *scan, bool *is_first)
{
    return follows(scan, is_first, ']');
}

static bool skip_value(struct pn_json_scan *scan);

static bool skip_object(struct pn_json_scan *scan)
{
    bool is_first = true;
    struct pn_slice name;
    if (!pn_json_scan_enter(scan)) {
        return false;
    }
    while (pn_json_scan_member(scan, &is_first, &name) && skip_value(scan)) {
    }
    return scan->fault == NULL;
}

static bool skip_array(struct pn_json_scan *scan)
{
    bool is_first = true;
    if (!pn_json_scan_enter(scan)) {
        return false;
    }
    while (pn_json_scan_item(scan, &is_first) && skip_value(scan)) {
    }
    return scan->fault == NULL;
}

static bool skip_value(struct pn_json_scan *scan)
{
    struct pn_slice text;
    switch (pn_json_scan_kind(scan)) {
    case PN_JSON_OBJECT:
        return skip_object(scan);
    case PN_JSON_ARRAY:
        return skip_array(scan);
    case PN_JSON_STRING:
        return pn_json_scan_string(scan, &text);
    case PN_JSON_NUMBER:
        return pn_json_scan_number(scan, &text);
    case PN_JSON_TRUE:
    case PN_JSON_FALSE:
    case PN_JSON_NULL:
        return pn_json_scan_word(scan);
    case PN_JSON_WRONG:
        break;
    }
    return false;
}

bool pn_json_scan_raw(struct pn_json_scan *scan, struct pn_slice *ret_text)
{
    skip_space(scan);
    const char *start = scan->at;
    if (!skip_value(scan)) {
        return false;
    }
    *ret_text = pn_slice_of(start, (size_t)(scan->at - start));
    return true;
}

bool pn_json_scan_end(struct pn_json_scan *scan)
{
    skip_space(scan);
    if (scan->fault == NULL && scan->at != scan->end) {
        wrong(scan, "has something after its end");
    }
    return scan->fault == NULL;
}

enum pn_code pn_json_scan_err(const struct pn_json_scan *scan, const char *where,
                              struct pn_err *err)
{
    return pn_err_set(err, scan->is_memory ? PN_LIMIT : PN_INVALID, where, "the JSON %s",
                      scan->fault == NULL ? "is malformed" : scan->fault);
}
