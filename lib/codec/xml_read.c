// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "codec/charset.h"
#include "codec/xml.h"

/*
 * libxml2 calls, the tree grows. The text of the whole document goes into one buffer in document
 * order, so that the text inside an element is one piece of it, from where the element begins to
 * where it ends. Only when all is read are the pieces' addresses known for good.
 */

enum {
    NAMES_KEPT = 512, // a power of two: libxml2 gives one pointer for each different name
    TEXT_BYTES_MAX = 2 * PN_MESSAGE_BYTES_MAX
};

struct open_element {
    struct pn_node *node;
    const struct pn_node **next_child;
};

struct reading {
    struct pn_arena *arena;
    struct pn_tree_maker maker;
    xmlParserCtxtPtr parser;
    struct pn_buf text;
    struct open_element open[PN_TREE_DEPTH_MAX + 1];
    unsigned depth;
    struct pn_node *root;
    struct {
        const xmlChar *key;
        struct pn_slice name;
    } names[NAMES_KEPT];
    enum pn_code code;
    struct pn_err *err;
};

static void stop(struct reading *r, enum pn_code code, const char *text)
{
    if (r->code != PN_OK) {
        return;
    }
    char where[32];
    snprintf(where, sizeof where, "line %d", xmlSAX2GetLineNumber(r->parser));
    r->code = code == PN_LIMIT && text == NULL ? pn_tree_full(r->err, where)
                                               : pn_err_set(r->err, code, where, "%s", text);
    xmlStopParser(r->parser);
}

static struct pn_slice copy(struct reading *r, const char *start, size_t len)
{
    char *made = pn_arena_copy(r->arena, pn_slice_of(start, len));
    if (made == NULL) {
        stop(r, PN_LIMIT, NULL);
    }
    return pn_slice_of(made, made == NULL ? 0 : len);
}

// Names are libxml2's for as long as its parser lives; the tree lives longer.
static struct pn_slice keep_name(struct reading *r, const xmlChar *name, bool is_attribute)
{
    size_t slot =
        ((uintptr_t)name >> 3 ^ (uintptr_t)name >> 12 ^ (is_attribute ? 1 : 0)) & (NAMES_KEPT - 1);
    bool fits = r->names[slot].key == name && (r->names[slot].name.ptr[0] == '@') == is_attribute;
    if (fits) {
        return r->names[slot].name;
    }
    char *made = pn_arena_printf(r->arena, "%s%s", is_attribute ? "@" : "", (const char *)name);
    if (made == NULL) {
        stop(r, PN_LIMIT, NULL);
        return pn_slice_of(NULL, 0);
    }
    r->names[slot].key = name;
    r->names[slot].name = pn_slice_str(made);
    return r->names[slot].name;
}

static struct pn_node *add_node(struct reading *r, struct open_element *parent,
                                struct pn_slice name)
{
    struct pn_node *node =
        r->code != PN_OK ? NULL
                         : pn_tree_make(&r->maker, parent == NULL ? NULL : parent->node, name);
    if (node == NULL) {
        stop(r, PN_LIMIT, NULL);
        return NULL;
    }
    node->place = (uint32_t)xmlSAX2GetLineNumber(r->parser);
    if (parent != NULL) {
        *parent->next_child = node;
        parent->next_child = &node->next;
    }
    return node;
}

// libxml2 gives five pointers for each attribute: name, prefix, URI, value, end of the value.
static void add_attributes(struct reading *r, struct open_element *element, int count,
                           const xmlChar **attributes)
{
    for (int i = 0; i < count && r->code == PN_OK; i++) {
        const xmlChar **five = attributes + (ptrdiff_t)i * 5;
        struct pn_node *node = add_node(r, element, keep_name(r, five[0], true));
        if (node != NULL) {
            node->kind = PN_NODE_ATTRIBUTE;
            node->value = copy(r, (const char *)five[3], (size_t)(five[4] - five[3]));
        }
    }
}

// NOLINTNEXTLINE(bugprone-easily-swappable-parameters): libxml2's own order
static void start_element(void *context, const xmlChar *name, const xmlChar *prefix,
                          const xmlChar *uri, int namespace_count, const xmlChar **namespaces,
                          int attribute_count, int default_count, const xmlChar **attributes)
{
    (void)prefix;
    (void)uri;
    (void)namespace_count;
    (void)namespaces;
    (void)default_count;
    struct reading *r = context;
    if (r->depth >= PN_TREE_DEPTH_MAX) {
        stop(r, PN_LIMIT, "elements are nested too deep");
    }
    struct open_element *parent = r->depth == 0 ? NULL : &r->open[r->depth - 1];
    struct pn_node *node = add_node(r, parent, keep_name(r, name, false));
    if (node == NULL) {
        return;
    }
    node->kind = PN_NODE_ELEMENT;
    node->value.len = r->text.len; // where its text begins, until it ends
    r->root = r->root == NULL ? node : r->root;
    struct open_element *element = &r->open[r->depth++];
    *element = (struct open_element){.node = node, .next_child = &node->first_child};
    add_attributes(r, element, attribute_count, attributes);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void end_element(void *context, const xmlChar *name, const xmlChar *prefix,
                        const xmlChar *uri)
{
    (void)name;
    (void)prefix;
    (void)uri;
    struct reading *r = context;
    if (r->code != PN_OK || r->depth == 0) {
        return;
    }
    struct pn_node *node = r->open[--r->depth].node;
    size_t start = node->value.len;
    size_t end = r->text.len;
    while (start < end && is_space(r->text.data[start])) {
        start++;
    }
    while (end > start && is_space(r->text.data[end - 1])) {
        end--;
    }
    // An offset for now (from 1, so that it is not NULL); resolve() makes it an address.
    node->value = pn_slice_of((const char *)(uintptr_t)(start + 1), end - start);
}

static void characters(void *context, const xmlChar *text, int len)
{
    struct reading *r = context;
    if (r->code != PN_OK) {
        return;
    }
    pn_buf_add(&r->text, text, (size_t)len);
    if (!pn_buf_ok(&r->text)) {
        stop(r, PN_LIMIT, NULL);
    }
}

// A document type without declarations (XHTML) is let by; a declared entity never.
static void refuse_entity(void *context, const xmlChar *name, int type, const xmlChar *public_id,
                          const xmlChar *system_id, xmlChar *content)
{
    (void)name;
    (void)type;
    (void)public_id;
    (void)system_id;
    (void)content;
    stop(context, PN_INVALID, "declares an entity: not taken");
}

static xmlEntityPtr find_entity(void *context, const xmlChar *name)
{
    (void)context;
    return xmlGetPredefinedEntity(name);
}

// What XHTML's own document type would declare (&nbsp;, &auml;) is known without fetching it.
static void reference(void *context, const xmlChar *name)
{
    struct reading *r = context;
    const htmlEntityDesc *entity = htmlEntityLookup(name);
    if (entity == NULL) {
        stop(r, PN_INVALID, "uses an entity that is not known");
    } else if (r->code == PN_OK) {
        pn_utf8_add(&r->text, entity->value);
    }
}

static void swallow_error(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error; // its text may hold the document's; the parser keeps its number
}

// Depth-first, without recursion.
static void resolve(struct pn_node *root, const char *text)
{
    struct pn_node *node = root;
    while (node != NULL) {
        if (node->kind == PN_NODE_ELEMENT) {
            size_t offset = (size_t)(uintptr_t)node->value.ptr - 1;
            node->value.ptr = text + offset;
        }
        // The tree is this reader's own until it is handed over, const or not.
        const struct pn_node *next = node->first_child;
        const struct pn_node *at = node;
        while (next == NULL && at != root) {
            next = at->next;
            at = at->parent;
        }
        node = (struct pn_node *)(uintptr_t)next;
    }
}

static xmlParserCtxtPtr make_parser(struct reading *r, struct pn_slice bytes)
{
    static const xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                                          .startElementNs = start_element,
                                          .endElementNs = end_element,
                                          .characters = characters,
                                          .ignorableWhitespace = characters,
                                          .cdataBlock = characters,
                                          .entityDecl = refuse_entity,
                                          .getEntity = find_entity,
                                          .reference = reference,
                                          .serror = swallow_error};
    xmlParserCtxtPtr parser = xmlCreateMemoryParserCtxt(bytes.ptr, (int)bytes.len);
    if (parser != NULL) {
        *parser->sax = handler;
        parser->userData = r;
        // NOENT here only makes `&amp;` in an attribute come as `&`: no other entity gets as far as
        // being declared, and nothing is set that could load an external one.
        xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOENT);
    }
    return parser;
}

bool pn_xml_is_undeclared(struct pn_slice bytes)
{
    struct pn_slice head = bytes;
    head.len = head.len > 256 ? 256 : head.len;
    const char *end = memmem(head.ptr, head.len, "?>", 2);
    head.len = end == NULL ? 0 : (size_t)(end - head.ptr);
    bool says = head.len > 0 && memmem(head.ptr, head.len, "encoding", 8) != NULL;
    bool is_wide = memchr(bytes.ptr, '\0', bytes.len > 4 ? 4 : bytes.len) != NULL;
    return !says && !is_wide && !pn_slice_starts_with(bytes, "\xFF\xFE") &&
           !pn_slice_starts_with(bytes, "\xFE\xFF") && !pn_utf8_is_valid(bytes);
}

static struct pn_slice in_known_encoding(struct pn_arena *arena, const struct pn_codec_input *input)
{
    struct pn_slice bytes = input->bytes;
    return pn_xml_is_undeclared(bytes)
               ? pn_charset_to_utf8(arena, pn_charset_choose(input->charset_default, bytes), bytes)
               : bytes;
}

// Some of libxml2's complaints go past the parser's own handler to one of the thread, which prints
// bytes of the document on standard error.
static void parse_silently(xmlParserCtxtPtr parser)
{
    xmlStructuredErrorFunc before = xmlStructuredError;
    void *before_context = xmlStructuredErrorContext;
    xmlSetStructuredErrorFunc(NULL, swallow_error);
    xmlParseDocument(parser);
    xmlSetStructuredErrorFunc(before_context, before);
}

static enum pn_code finish(struct reading *r, const struct pn_node **ret_root)
{
    if (r->code == PN_OK && (!r->parser->wellFormed || r->root == NULL)) {
        char where[32];
        snprintf(where, sizeof where, "line %d", r->parser->lastError.line);
        return pn_err_set(r->err, PN_INVALID, where, "is not well-formed XML (libxml2 error %d)",
                          r->parser->errNo);
    }
    if (r->code == PN_OK) {
        char *text = pn_arena_copy(r->arena, pn_buf_slice(&r->text));
        if (text == NULL) {
            return pn_tree_full(r->err, "document");
        }
        resolve(r->root, text);
        *ret_root = r->root;
    }
    return r->code;
}

enum pn_code pn_xml_read(struct pn_arena *arena, const struct pn_codec_input *input,
                         const struct pn_node **ret_root, struct pn_err *err)
{
    assert(arena != NULL && input != NULL);
    if (input->bytes.len == 0) {
        return pn_err_set(err, PN_INVALID, "line 1", "the document is empty");
    }
    if (input->bytes.len > PN_MESSAGE_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, "document", "over %d bytes", (int)PN_MESSAGE_BYTES_MAX);
    }
    struct pn_slice bytes = in_known_encoding(arena, input);
    struct reading *r = pn_arena_alloc(arena, sizeof *r);
    if (bytes.ptr == NULL || r == NULL) {
        return pn_tree_full(err, "document");
    }
    r->arena = arena;
    r->err = err;
    pn_tree_maker_init(&r->maker, arena);
    pn_buf_init(&r->text, TEXT_BYTES_MAX);
    r->parser = make_parser(r, bytes);
    if (r->parser == NULL) {
        return pn_err_set(err, PN_MEMORY, "document", "no memory for the XML parser");
    }
    parse_silently(r->parser);
    enum pn_code code = finish(r, ret_root);
    xmlFreeDoc(r->parser->myDoc);
    xmlFreeParserCtxt(r->parser);
    pn_buf_release(&r->text);
    return code;
}
