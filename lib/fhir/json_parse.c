// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "fhir/json.h"
#include "fhir/json_node.h"

// Objects up to this size look for a duplicate member as they grow, larger ones sort their names.
enum { SMALL_OBJECT_MEMBERS = 32 };

struct parser {
    const char *start;
    const char *at;
    const char *end;
    unsigned depth;
    struct pn_err *err;
};

static enum pn_code parse_value(struct parser *parser, cJSON **ret_node);

static enum pn_code fail(struct parser *parser, enum pn_code code, const char *text)
{
    char where[32];
    snprintf(where, sizeof where, "byte %zu", (size_t)(parser->at - parser->start));
    return pn_err_set(parser->err, code, where, "%s", text);
}

static void skip_space(struct parser *parser)
{
    const char *at = parser->at;
    while (at < parser->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    parser->at = at;
}

static bool take(struct parser *parser, char c)
{
    skip_space(parser);
    if (parser->at < parser->end && *parser->at == c) {
        parser->at++;
        return true;
    }
    return false;
}

// The four digits after \u; -1 when they are not there.
static long unicode_unit(const char *at, const char *end)
{
    if (end - at < 4) {
        return -1;
    }
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = pn_hex_value(at[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

// \uXXXX, or a surrogate pair of them; *at stands after the `u`. False when it is no character.
static bool unescape_unicode(const char **at, const char *end, char **out)
{
    long first = unicode_unit(*at, end);
    if (first <= 0 || (first >= 0xDC00 && first <= 0xDFFF)) {
        return false;
    }
    *at += 4;
    unsigned long c = (unsigned long)first;
    if (first >= 0xD800 && first <= 0xDBFF) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
            return false;
        }
        long second = unicode_unit(*at + 2, end);
        if (second < 0xDC00 || second > 0xDFFF) {
            return false;
        }
        *at += 6;
        c = 0x10000 + (((unsigned long)first - 0xD800) << 10) + ((unsigned long)second - 0xDC00);
    }
    *out += pn_utf8_put(*out, (uint32_t)c);
    return true;
}

static bool unescape(const char **at, const char *end, char **out)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char c = *(*at)++;
    if (c == 'u') {
        return unescape_unicode(at, end, out);
    }
    const char *found = c == '\0' ? NULL : strchr(escapes, c);
    if (found == NULL) {
        return false;
    }
    *(*out)++ = meanings[found - escapes];
    return true;
}

// From after the opening quote to the closing one. What is unescaped is never longer.
static enum pn_code parse_escaped(struct parser *parser, const char *close, char **ret_text)
{
    char *text = pn_json_alloc((size_t)(close - parser->at) + 1);
    if (text == NULL) {
        return fail(parser, PN_MEMORY, "memory for this message is exhausted");
    }
    char *out = text;
    const char *at = parser->at;
    while (at < close) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        parser->at = at++;
        if (!unescape(&at, close, &out)) {
            cJSON_free(text);
            return fail(parser, PN_INVALID, "the escape in a string is not one of JSON's");
        }
    }
    *out = '\0';
    parser->at = close + 1;
    *ret_text = text;
    return PN_OK;
}

static enum pn_code parse_string(struct parser *parser, char **ret_text)
{
    const char *at = parser->at;
    bool escaped = false;
    for (;;) {
        at += pn_json_plain_length(at, (size_t)(parser->end - at));
        if (at == parser->end) {
            return fail(parser, PN_INVALID, "a string does not end");
        }
        if (*at == '"') {
            break;
        }
        if (*at != '\\' || parser->end - at < 2) {
            parser->at = at;
            return fail(parser, PN_INVALID, "a control character stands in a string");
        }
        escaped = true;
        at += 2;
    }
    if (escaped) {
        return parse_escaped(parser, at, ret_text);
    }
    char *text = pn_json_copy(parser->at, (size_t)(at - parser->at));
    if (text == NULL) {
        return fail(parser, PN_MEMORY, "memory for this message is exhausted");
    }
    parser->at = at + 1;
    *ret_text = text;
    return PN_OK;
}

static void append(cJSON *parent, cJSON *child)
{
    if (parent->child == NULL) {
        parent->child = child;
        child->prev = child;
        return;
    }
    cJSON *last = parent->child->prev;
    last->next = child;
    child->prev = last;
    parent->child->prev = child;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum pn_code check_large_object(struct parser *parser, const cJSON *object, size_t count)
{
    const char **names = malloc(count * sizeof *names);
    if (names == NULL) {
        return fail(parser, PN_MEMORY, "memory is exhausted");
    }
    size_t filled = 0;
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        names[filled++] = child->string;
    }
    qsort(names, filled, sizeof *names, by_name);
    bool twice = false;
    for (size_t i = 1; i < filled; i++) {
        twice = twice || strcmp(names[i - 1], names[i]) == 0;
    }
    free(names);
    return twice ? fail(parser, PN_INVALID, "an object has the same member twice") : PN_OK;
}

// The members that an object has so far: a bit of each name's hash keeps most out of the search.
struct members {
    uint64_t seen;
    size_t count;
};

static bool is_known_name(const cJSON *object, const char *name, struct members *members)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    }
    uint64_t bit = UINT64_C(1) << (hash >> 26);
    bool maybe = (members->seen & bit) != 0;
    members->seen |= bit;
    if (++members->count > SMALL_OBJECT_MEMBERS || !maybe) {
        return false;
    }
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        if (strcmp(child->string, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum pn_code parse_member(struct parser *parser, cJSON *object, struct members *members)
{
    char *name = NULL;
    cJSON *value = NULL;
    if (!take(parser, '"')) {
        return fail(parser, PN_INVALID, "a member's name in quotes should stand here");
    }
    enum pn_code code = parse_string(parser, &name);
    if (code != PN_OK) {
        return code;
    }
    if (is_known_name(object, name, members)) {
        code = fail(parser, PN_INVALID, "an object has the same member twice");
    } else if (!take(parser, ':')) {
        code = fail(parser, PN_INVALID, "a colon should stand here");
    } else {
        code = parse_value(parser, &value);
    }
    if (code != PN_OK) {
        cJSON_free(name);
        return code;
    }
    value->string = name;
    append(object, value);
    return PN_OK;
}

static enum pn_code parse_object(struct parser *parser, cJSON *object)
{
    struct members members = {0};
    if (take(parser, '}')) {
        return PN_OK;
    }
    do {
        enum pn_code code = parse_member(parser, object, &members);
        if (code != PN_OK) {
            return code;
        }
    } while (take(parser, ','));
    if (!take(parser, '}')) {
        return fail(parser, PN_INVALID, "a comma or } should stand here");
    }
    return members.count > SMALL_OBJECT_MEMBERS ? check_large_object(parser, object, members.count)
                                                : PN_OK;
}

static enum pn_code parse_array(struct parser *parser, cJSON *array)
{
    if (take(parser, ']')) {
        return PN_OK;
    }
    do {
        cJSON *value = NULL;
        enum pn_code code = parse_value(parser, &value);
        if (code != PN_OK) {
            return code;
        }
        append(array, value);
    } while (take(parser, ','));
    return take(parser, ']') ? PN_OK : fail(parser, PN_INVALID, "a comma or ] should stand here");
}

static enum pn_code parse_children(struct parser *parser, cJSON *node)
{
    if (parser->depth >= PN_TREE_DEPTH_MAX) {
        return fail(parser, PN_LIMIT, "objects and arrays are nested too deep");
    }
    parser->depth++;
    parser->at++;
    enum pn_code code =
        cJSON_IsObject(node) ? parse_object(parser, node) : parse_array(parser, node);
    parser->depth--;
    return code;
}

static enum pn_code parse_number(struct parser *parser, cJSON **ret_node)
{
    struct pn_slice rest = pn_slice_of(parser->at, (size_t)(parser->end - parser->at));
    size_t length = pn_json_number_length(rest);
    if (length == 0) {
        return fail(parser, PN_INVALID, "a JSON value should stand here");
    }
    if (length > PN_JSON_NUMBER_BYTES_MAX) {
        return fail(parser, PN_LIMIT, "a number has too many digits");
    }
    *ret_node = pn_json_new_number(pn_slice_of(parser->at, length));
    if (*ret_node == NULL) {
        return fail(parser, PN_MEMORY, "memory for this message is exhausted");
    }
    parser->at += length;
    return PN_OK;
}

static bool take_word(struct parser *parser, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

// The node's type from the value's first words; 0 when it can only be a number.
static int type_of_value(struct parser *parser)
{
    static const struct {
        const char *word;
        int type;
    } words[] = {{"true", cJSON_True}, {"false", cJSON_False}, {"null", cJSON_NULL}};
    switch (*parser->at) {
    case '{':
        return cJSON_Object;
    case '[':
        return cJSON_Array;
    case '"':
        return cJSON_String;
    default:
        break;
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(words); i++) {
        if (take_word(parser, words[i].word)) {
            return words[i].type;
        }
    }
    return 0;
}

static enum pn_code parse_value(struct parser *parser, cJSON **ret_node)
{
    skip_space(parser);
    if (parser->at == parser->end) {
        return fail(parser, PN_INVALID, "the JSON ends too early");
    }
    int type = type_of_value(parser);
    if (type == 0) {
        return parse_number(parser, ret_node);
    }
    cJSON *node = pn_json_node_new(type);
    if (node == NULL) {
        return fail(parser, PN_MEMORY, "memory for this message is exhausted");
    }
    enum pn_code code = PN_OK;
    if (type == cJSON_String) {
        parser->at++;
        code = parse_string(parser, &node->valuestring);
    } else if (type == cJSON_Object || type == cJSON_Array) {
        code = parse_children(parser, node);
    }
    if (code != PN_OK) {
        cJSON_Delete(node);
        return code;
    }
    *ret_node = node;
    return PN_OK;
}

static bool has_high_bit(struct pn_slice text)
{
    uint64_t any = 0;
    size_t at = 0;
    for (; at + sizeof any <= text.len; at += sizeof any) {
        uint64_t word;
        memcpy(&word, text.ptr + at, sizeof word);
        any |= word;
    }
    for (; at < text.len; at++) {
        any |= (unsigned char)text.ptr[at];
    }
    return (any & UINT64_C(0x8080808080808080)) != 0;
}

enum pn_code pn_json_parse(struct pn_slice text, cJSON **ret_json, struct pn_err *err)
{
    struct parser parser = {
        .start = text.ptr, .at = text.ptr, .end = text.ptr + text.len, .err = err};
    if (text.len == 0) {
        return pn_err_set(err, PN_INVALID, "byte 0", "there is no JSON");
    }
    if (has_high_bit(text) && !pn_utf8_is_valid(text)) {
        return pn_err_set(err, PN_INVALID, "text", "the JSON is not UTF-8");
    }
    cJSON *json = NULL;
    enum pn_code code = parse_value(&parser, &json);
    if (code != PN_OK) {
        return code;
    }
    skip_space(&parser);
    if (parser.at != parser.end) {
        cJSON_Delete(json);
        return fail(&parser, PN_INVALID, "something stands after the end of the JSON");
    }
    *ret_json = json;
    return PN_OK;
}
