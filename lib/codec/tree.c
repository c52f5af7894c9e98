// SPDX-License-Identifier: Apache-2.0
#include "codec/tree.h"

#include <string.h>

// Small messages take one small block; the blocks double up to the biggest.
enum { FIRST_BLOCK_NODES = 64, BIGGEST_BLOCK_NODES = 1024 };

static bool name_is(const struct pn_node *node, struct pn_slice name)
{
    return node->name.len == name.len && memcmp(node->name.ptr, name.ptr, name.len) == 0;
}

static bool is_its_own_first(const struct pn_node *node, struct pn_slice name)
{
    return (node->kind == PN_NODE_FIELD || node->kind == PN_NODE_COMPONENT) &&
           node->first_child == NULL && name.len == 1 && name.ptr[0] == '1';
}

const struct pn_node *pn_node_child(const struct pn_node *node, struct pn_slice name)
{
    if (node == NULL || name.len == 0) {
        return NULL;
    }
    if (is_its_own_first(node, name)) {
        return node;
    }
    const struct pn_node *child = node->first_child;
    while (child != NULL && !name_is(child, name)) {
        child = child->next;
    }
    return child;
}

const struct pn_node *pn_node_next_same(const struct pn_node *node)
{
    const struct pn_node *next = node->next;
    while (next != NULL && !pn_slice_eq(next->name, node->name)) {
        next = next->next;
    }
    return next;
}

struct pn_slice pn_node_text(const struct pn_node *node, const char *child_name)
{
    const struct pn_node *child = pn_node_child(node, pn_slice_str(child_name));
    return child == NULL ? pn_slice_of(NULL, 0) : child->value;
}

void pn_tree_maker_init(struct pn_tree_maker *maker, struct pn_arena *arena)
{
    *maker = (struct pn_tree_maker){.arena = arena, .nodes_left = PN_TREE_NODES_MAX};
}

static bool make_block(struct pn_tree_maker *maker)
{
    unsigned count = maker->block_count == 0 ? FIRST_BLOCK_NODES : maker->block_count * 2;
    count = count > BIGGEST_BLOCK_NODES ? BIGGEST_BLOCK_NODES : count;
    maker->block = pn_arena_alloc_array(maker->arena, count, sizeof *maker->block);
    maker->block_left = maker->block == NULL ? 0 : count;
    maker->block_count = count;
    return maker->block != NULL;
}

struct pn_node *pn_tree_make(struct pn_tree_maker *maker, const struct pn_node *parent,
                             struct pn_slice name)
{
    if (maker->nodes_left == 0 || (maker->block_left == 0 && !make_block(maker))) {
        return NULL;
    }
    struct pn_node *node = maker->block++;
    maker->block_left--;
    maker->nodes_left--;
    node->parent = parent;
    node->name = name;
    return node;
}

enum pn_code pn_tree_full(struct pn_err *err, const char *where)
{
    return pn_err_set(err, PN_LIMIT, where,
                      "the message is too large to read: over %d parts, or "
                      "over its memory",
                      (int)PN_TREE_NODES_MAX);
}
