// SPDX-License-Identifier: Apache-2.0
#include "conf/yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/buf.h"

struct open_node {
    struct pn_yaml *node;
    struct pn_yaml *last; // its last child so far
};

struct builder {
    struct pn_arena *arena;
    const char *name;
    struct pn_slice text;
    struct pn_yaml *root;
    struct open_node stack[PN_YAML_DEPTH_MAX];
    unsigned depth;
    unsigned node_count;
    struct pn_slice key; // read, its value not yet
    unsigned key_line;
    bool has_key;
    bool is_done;
};

static enum pn_code fault_at(const struct builder *b, size_t line, const char *text,
                             struct pn_err *err)
{
    char where[PN_ERR_WHERE_BYTES];
    snprintf(where, sizeof where, "%.100s:%zu", b->name, line);
    return pn_err_set(err, PN_INVALID, where, "%s", text);
}

static struct open_node *innermost(struct builder *b)
{
    return b->depth == 0 ? NULL : &b->stack[b->depth - 1];
}

static bool has_child(const struct pn_yaml *map, struct pn_slice key)
{
    for (const struct pn_yaml *child = map->first_child; child != NULL; child = child->next) {
        if (pn_slice_eq(child->key, key)) {
            return true;
        }
    }
    return false;
}

static enum pn_code take_key(struct builder *b, const yaml_event_t *event, struct pn_err *err)
{
    const struct pn_yaml *map = innermost(b)->node;
    unsigned line = (unsigned)event->start_mark.line + 1;
    if (event->type != YAML_SCALAR_EVENT) {
        return fault_at(b, line, "a key must be a plain word", err);
    }
    struct pn_slice key =
        pn_slice_of((const char *)event->data.scalar.value, event->data.scalar.length);
    if (map->child_count >= PN_YAML_KEYS_MAX) {
        return fault_at(b, line, "too many keys in one map", err);
    }
    if (has_child(map, key)) {
        return fault_at(b, line, "the same key twice in one map; remove one", err);
    }
    const char *copy = pn_arena_copy(b->arena, key);
    if (copy == NULL) {
        return pn_err_set(err, PN_LIMIT, b->name, "the file needs more memory than it may have");
    }
    b->key = pn_slice_of(copy, key.len);
    b->key_line = line;
    b->has_key = true;
    return PN_OK;
}

static void attach(struct builder *b, struct pn_yaml *node)
{
    struct open_node *parent = innermost(b);
    if (parent == NULL) {
        b->root = node;
        return;
    }
    if (b->has_key) {
        node->key = b->key;
        node->line = b->key_line;
        b->has_key = false;
    }
    node->parent = parent->node;
    node->place = parent->node->child_count++;
    if (parent->last == NULL) {
        parent->node->first_child = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
}

static enum pn_code add_node(struct builder *b, const yaml_event_t *event, enum pn_yaml_kind kind,
                             struct pn_yaml **ret_node, struct pn_err *err)
{
    size_t line = event->start_mark.line + 1;
    if (b->node_count++ >= PN_YAML_NODES_MAX) {
        return fault_at(b, line, "too many values in one file", err);
    }
    struct pn_yaml *node = pn_arena_alloc(b->arena, sizeof *node);
    if (node == NULL) {
        return pn_err_set(err, PN_LIMIT, b->name, "the file needs more memory than it may have");
    }
    node->kind = kind;
    node->line = (unsigned)line;
    attach(b, node);
    *ret_node = node;
    return PN_OK;
}

static enum pn_code add_scalar(struct builder *b, const yaml_event_t *event, struct pn_err *err)
{
    struct pn_slice text =
        pn_slice_of((const char *)event->data.scalar.value, event->data.scalar.length);
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        return fault_at(b, event->start_mark.line + 1, "a NUL character in a text", err);
    }
    struct pn_yaml *node = NULL;
    enum pn_code code = add_node(b, event, PN_YAML_SCALAR, &node, err);
    if (code != PN_OK) {
        return code;
    }
    const char *copy = pn_arena_copy(b->arena, text);
    if (copy == NULL) {
        return pn_err_set(err, PN_LIMIT, b->name, "the file needs more memory than it may have");
    }
    node->scalar = pn_slice_of(copy, text.len);
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return PN_OK;
}

static enum pn_code open_collection(struct builder *b, const yaml_event_t *event,
                                    enum pn_yaml_kind kind, struct pn_err *err)
{
    if (b->depth == PN_YAML_DEPTH_MAX) {
        return fault_at(b, event->start_mark.line + 1, "nested too deeply", err);
    }
    struct pn_yaml *node = NULL;
    enum pn_code code = add_node(b, event, kind, &node, err);
    if (code == PN_OK) {
        b->stack[b->depth++] = (struct open_node){.node = node};
    }
    return code;
}

static bool is_decorated(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static bool is_value(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT || event->type == YAML_SEQUENCE_START_EVENT ||
           event->type == YAML_MAPPING_START_EVENT;
}

static enum pn_code take_event(struct builder *b, const yaml_event_t *event, struct pn_err *err)
{
    size_t line = event->start_mark.line + 1;
    if (is_decorated(event)) {
        return fault_at(b, line, "anchors, aliases and tags are not taken; write it out", err);
    }
    const struct open_node *inner = innermost(b);
    if (is_value(event) && inner != NULL && inner->node->kind == PN_YAML_MAP && !b->has_key) {
        return take_key(b, event, err);
    }
    switch ((int)event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->root == NULL ? PN_OK : fault_at(b, line, "one document a file, no more", err);
    case YAML_SCALAR_EVENT:
        return add_scalar(b, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(b, event, PN_YAML_LIST, err);
    case YAML_MAPPING_START_EVENT:
        return open_collection(b, event, PN_YAML_MAP, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(b->depth > 0);
        b->depth--;
        return PN_OK;
    default:
        b->is_done = event->type == YAML_STREAM_END_EVENT;
        return PN_OK;
    }
}

static enum pn_code parser_fault(const struct builder *b, const yaml_parser_t *parser,
                                 struct pn_err *err)
{
    size_t line = parser->problem_mark.line + 1;
    const char *problem = parser->problem == NULL ? "not YAML" : parser->problem;
    char text[PN_ERR_TEXT_BYTES];
    if (parser->error == YAML_READER_ERROR) { // the bytes are no text: it tells where, not the line
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < b->text.len; i++) {
            line += b->text.ptr[i] == '\n' ? 1 : 0;
        }
        (void)snprintf(text, sizeof text, "%s: save the file as UTF-8", problem);
    } else {
        (void)snprintf(text, sizeof text,
                       "%s: look at the indentation, quotes and brackets here"
                       " and above",
                       problem);
    }
    return fault_at(b, line, text, err);
}

static enum pn_code run_parser(struct builder *b, yaml_parser_t *parser, struct pn_err *err)
{
    // Each event consumes input or ends the stream, and the input is bounded.
    while (!b->is_done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return parser_fault(b, parser, err);
        }
        enum pn_code code = take_event(b, &event, err);
        yaml_event_delete(&event);
        if (code != PN_OK) {
            return code;
        }
    }
    if (b->root != NULL) {
        return PN_OK;
    }
    b->root = pn_arena_alloc(b->arena, sizeof *b->root);
    if (b->root == NULL) {
        return pn_err_set(err, PN_LIMIT, b->name, "the file needs more memory than it may have");
    }
    *b->root = (struct pn_yaml){.kind = PN_YAML_MAP, .line = 1};
    return PN_OK;
}

enum pn_code pn_yaml_parse(struct pn_arena *arena, const char *name, struct pn_slice text,
                           const struct pn_yaml **ret_root, struct pn_err *err)
{
    assert(arena != NULL && name != NULL && ret_root != NULL && err != NULL);
    if (text.len > PN_YAML_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, name, "larger than %d bytes", PN_YAML_BYTES_MAX);
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return pn_err_set(err, PN_MEMORY, name, "no memory for the YAML parser");
    }
    static const unsigned char nothing[1];
    const unsigned char *bytes = text.len == 0 ? nothing : (const unsigned char *)text.ptr;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, bytes, text.len);
    struct builder builder = {.arena = arena, .name = name, .text = text};
    enum pn_code code = run_parser(&builder, &parser, err);
    yaml_parser_delete(&parser);
    if (code == PN_OK) {
        *ret_root = builder.root;
    }
    return code;
}

static enum pn_code read_all(FILE *file, const char *path, struct pn_buf *out, struct pn_err *err)
{
    char chunk[16 * 1024];
    size_t count;
    while ((count = fread(chunk, 1, sizeof chunk, file)) > 0 && pn_buf_ok(out)) {
        pn_buf_add(out, chunk, count);
    }
    if (ferror(file)) {
        return pn_err_set(err, PN_IO, path, "cannot be read: %s", strerror(errno));
    }
    if (!pn_buf_ok(out)) {
        return pn_err_set(err, PN_LIMIT, path, "larger than %d bytes", PN_YAML_BYTES_MAX);
    }
    return PN_OK;
}

enum pn_code pn_yaml_read_file(struct pn_arena *arena, const char *path,
                               const struct pn_yaml **ret_root, struct pn_err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        enum pn_code code = errno == ENOENT ? PN_NOT_FOUND : PN_IO;
        return pn_err_set(err, code, path, "cannot be opened: %s", strerror(errno));
    }
    struct pn_buf text;
    pn_buf_init(&text, PN_YAML_BYTES_MAX);
    enum pn_code code = read_all(file, path, &text, err);
    fclose(file);
    if (code == PN_OK) {
        code = pn_yaml_parse(arena, path, pn_buf_slice(&text), ret_root, err);
    }
    pn_buf_release(&text);
    return code;
}

const struct pn_yaml *pn_yaml_get(const struct pn_yaml *node, const char *key)
{
    if (node == NULL || node->kind != PN_YAML_MAP) {
        return NULL;
    }
    for (const struct pn_yaml *child = node->first_child; child != NULL; child = child->next) {
        if (pn_slice_is(child->key, key)) {
            return child;
        }
    }
    return NULL;
}

struct pn_slice pn_yaml_text(const struct pn_yaml *node, const char *otherwise)
{
    return node != NULL && node->kind == PN_YAML_SCALAR ? node->scalar : pn_slice_str(otherwise);
}

static size_t skip_digits(const char *text)
{
    return strspn(text, "0123456789");
}

// [-+]?[0-9]+, 0o17, 0x1F, [-+]?1.5e3
static bool is_number(const char *text)
{
    const size_t radix = strncmp(text, "0x", 2) == 0   ? strspn(text + 2, "0123456789abcdefABCDEF")
                         : strncmp(text, "0o", 2) == 0 ? strspn(text + 2, "01234567")
                                                       : 0;
    if (radix > 0 && text[2 + radix] == '\0') {
        return true;
    }
    text += *text == '-' || *text == '+' ? 1 : 0;
    const size_t whole = skip_digits(text);
    text += whole;
    const size_t part = *text == '.' ? skip_digits(text + 1) : 0;
    text += *text == '.' ? 1 + part : 0;
    if (whole + part > 0 && (*text == 'e' || *text == 'E')) {
        const size_t sign = text[1] == '-' || text[1] == '+' ? 1 : 0;
        const size_t power = skip_digits(text + 1 + sign);
        text += power > 0 ? 1 + sign + power : 0;
    }
    return whole + part > 0 && *text == '\0';
}

bool pn_yaml_is_text(const struct pn_yaml *node)
{
    static const char *const words[] = {"",     "~",     "null",  "Null",  "NULL", "true", "True",
                                        "TRUE", "false", "False", "FALSE", ".nan", ".NaN", ".NAN"};
    if (node->kind != PN_YAML_SCALAR || node->is_quoted) {
        return node->kind == PN_YAML_SCALAR;
    }
    const char *text = node->scalar.ptr;
    for (size_t i = 0; i < PN_ARRAY_COUNT(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            return false;
        }
    }
    const char *unsigned_text = text + (*text == '-' || *text == '+' ? 1 : 0);
    bool is_infinite = strcasecmp(unsigned_text, ".inf") == 0;
    return !is_infinite && !is_number(text);
}

static void add_path(struct pn_buf *out, const struct pn_yaml *node)
{
    const struct pn_yaml *chain[PN_YAML_DEPTH_MAX + 1];
    unsigned count = 0;
    for (; node != NULL && node->parent != NULL && count < PN_ARRAY_COUNT(chain);
         node = node->parent) {
        chain[count++] = node;
    }
    while (count > 0) {
        const struct pn_yaml *step = chain[--count];
        if (step->parent->kind == PN_YAML_LIST) {
            pn_buf_printf(out, "[%u]", step->place);
        } else {
            pn_buf_printf(out, "%s%.*s", out->len == 0 ? "" : ".", PN_SLICE_FMT(step->key));
        }
    }
}

enum pn_code pn_yaml_fault(struct pn_err *err, const char *name, const struct pn_yaml *node,
                           const char *text, ...)
{
    char detail[PN_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, text);
    vsnprintf(detail, sizeof detail, text, args);
    va_end(args);
    if (node == NULL) {
        return pn_err_set(err, PN_INVALID, name, "%s", detail);
    }
    struct pn_buf path;
    pn_buf_init(&path, 4096);
    add_path(&path, node);
    char where[PN_ERR_WHERE_BYTES];
    // A long name keeps its end, which tells the file; the path keeps its start.
    size_t name_len = strlen(name);
    const char *name_end = name_len > 60 ? name + name_len - 60 : name;
    snprintf(where, sizeof where, "%s:%u%s%.*s", name_end, node->line, path.len == 0 ? "" : " ",
             (int)(path.len > 55 ? 55 : path.len), path.data == NULL ? "" : path.data);
    pn_buf_release(&path);
    return pn_err_set(err, PN_INVALID, where, "%s", detail);
}
