// SPDX-License-Identifier: Apache-2.0
#include "codec/json_tree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec/json_scan.h"

struct reading {
    struct pn_json_scan scan;
    struct pn_tree_maker maker;
    const struct pn_node *here; // the innermost node under way: the place of an error
    size_t looked_at;           // siblings compared in the search for duplicates
    bool is_full;
};

// Bounds the time that the search for duplicate members may take.
enum { LOOKED_AT_MAX = 50 * 1000 * 1000 };

static const struct pn_slice item_name = {"item", 4};

static bool read_value(struct reading *r, struct pn_node *node);

static struct pn_node *add_child(struct reading *r, struct pn_node *parent, struct pn_slice name,
                                 const struct pn_node ***next)
{
    struct pn_node *node = pn_tree_make(&r->maker, parent, name);
    if (node == NULL) {
        r->is_full = true;
        return NULL;
    }
    **next = node;
    *next = &node->next;
    return node;
}

static bool is_there(struct reading *r, const struct pn_node *parent, struct pn_slice name)
{
    for (const struct pn_node *each = parent->first_child; each != NULL; each = each->next) {
        r->looked_at++;
        if (pn_slice_eq(each->name, name)) {
            return true;
        }
    }
    return false;
}

// The items become children of `parent`, under the member's name.
static bool read_items(struct reading *r, struct pn_node *parent, struct pn_slice name,
                       const struct pn_node ***next)
{
    bool is_first = true;
    if (!pn_json_scan_enter(&r->scan)) {
        return false;
    }
    while (pn_json_scan_item(&r->scan, &is_first)) {
        struct pn_node *child = add_child(r, parent, name, next);
        if (child == NULL || !read_value(r, child)) {
            return false;
        }
    }
    return r->scan.fault == NULL;
}

static bool read_member(struct reading *r, struct pn_node *parent, struct pn_slice name,
                        const struct pn_node ***next)
{
    if (pn_json_scan_kind(&r->scan) == PN_JSON_ARRAY) {
        return read_items(r, parent, name, next);
    }
    struct pn_node *child = add_child(r, parent, name, next);
    return child != NULL && read_value(r, child);
}

static bool read_object(struct reading *r, struct pn_node *node)
{
    bool is_first = true;
    struct pn_slice name;
    const struct pn_node **next = &node->first_child;
    unsigned members = 0;
    if (!pn_json_scan_enter(&r->scan)) {
        return false;
    }
    while (pn_json_scan_member(&r->scan, &is_first, &name)) {
        if (is_there(r, node, name)) {
            r->scan.fault = "has a member twice";
            return false;
        }
        if (++members > PN_JSON_MEMBERS_MAX || r->looked_at > LOOKED_AT_MAX) {
            r->scan.fault = "has an object with too many members";
            return false;
        }
        if (!read_member(r, node, name, &next)) {
            return false;
        }
    }
    return r->scan.fault == NULL;
}

static bool read_scalar(struct reading *r, struct pn_node *node, enum pn_json_kind kind)
{
    if (kind == PN_JSON_STRING) {
        node->kind = PN_NODE_TEXT;
        return pn_json_scan_string(&r->scan, &node->value);
    }
    if (kind == PN_JSON_NUMBER) {
        node->kind = PN_NODE_NUMBER;
        return pn_json_scan_number(&r->scan, &node->value);
    }
    node->is_null = kind == PN_JSON_NULL;
    if (!node->is_null) {
        node->kind = PN_NODE_BOOLEAN;
        node->value = pn_slice_str(kind == PN_JSON_TRUE ? "true" : "false");
    }
    return pn_json_scan_word(&r->scan);
}

static bool read_value(struct reading *r, struct pn_node *node)
{
    r->here = node;
    enum pn_json_kind kind = pn_json_scan_kind(&r->scan);
    if (kind == PN_JSON_WRONG) {
        return false;
    }
    bool is_good = false;
    if (kind == PN_JSON_OBJECT) {
        is_good = read_object(r, node);
    } else if (kind == PN_JSON_ARRAY) {
        const struct pn_node **next = &node->first_child;
        is_good = read_items(r, node, item_name, &next);
    } else {
        is_good = read_scalar(r, node, kind);
    }
    if (is_good && node->parent != NULL) {
        r->here = node->parent;
    }
    return is_good;
}

// The member names from the root to where reading stopped. A name that is no plain word may be data
// and is not told.
static void tell_place(const struct pn_node *node, char *text, size_t bytes)
{
    const struct pn_node *line[PN_TREE_DEPTH_MAX + 2];
    size_t depth = 0;
    for (; node != NULL && depth < PN_ARRAY_COUNT(line); node = node->parent) {
        line[depth++] = node;
    }
    size_t len = 0;
    text[0] = '\0';
    while (depth-- > 0 && len + 1 < bytes) {
        struct pn_slice name = line[depth]->name;
        bool is_plain = name.len > 0 && name.len <= 64;
        for (size_t i = 0; is_plain && i < name.len; i++) {
            char lower = (char)(name.ptr[i] | 0x20);
            is_plain = (lower >= 'a' && lower <= 'z') || name.ptr[i] == '_';
        }
        if (name.len > 0) {
            int written = snprintf(text + len, bytes - len, "%s%.*s", len == 0 ? "" : ".",
                                   is_plain ? (int)name.len : 1, is_plain ? name.ptr : "?");
            len += written < 0 ? 0 : (size_t)written;
        }
    }
}

enum pn_code pn_json_tree_read(struct pn_arena *arena, const struct pn_codec_input *input,
                               const struct pn_node **ret_root, struct pn_err *err)
{
    assert(arena != NULL && input != NULL);
    struct reading r = {0};
    pn_tree_maker_init(&r.maker, arena);
    pn_json_scan_init(&r.scan, arena, input->bytes);
    struct pn_node *root = pn_tree_make(&r.maker, NULL, pn_slice_of(NULL, 0));
    if (root == NULL) {
        return pn_tree_full(err, "");
    }
    if (read_value(&r, root) && pn_json_scan_end(&r.scan)) {
        *ret_root = root;
        return PN_OK;
    }
    char where[PN_ERR_WHERE_BYTES];
    tell_place(r.here, where, sizeof where);
    return r.is_full ? pn_tree_full(err, where) : pn_json_scan_err(&r.scan, where, err);
}
