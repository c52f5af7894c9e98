// SPDX-License-Identifier: Apache-2.0
/*
 * YAML: whatever the bytes, the reader ends, and every node of what it gives knows its place.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "conf/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pn_yaml *node, unsigned depth)
{
    unsigned count = 0;
    assert(depth <= PN_YAML_DEPTH_MAX + 1 && node->line > 0);
    assert(node->kind != PN_YAML_SCALAR || strlen(node->scalar.ptr) == node->scalar.len);
    for (const struct pn_yaml *child = node->first_child; child != NULL; child = child->next) {
        assert(child->parent == node && child->place == count);
        assert(node->kind != PN_YAML_MAP || child->key.ptr != NULL);
        count++;
        check(child, depth + 1);
    }
    assert(count == node->child_count);
    struct pn_err err;
    enum pn_code code = pn_yaml_fault(&err, "fuzz", node, "said of each node");
    assert(code == PN_INVALID);
    (void)code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    if (arena == NULL) {
        arena = pn_arena_new(64 * 1024 * 1024);
    }
    pn_arena_reset(arena);
    const struct pn_yaml *root = NULL;
    struct pn_err err = {0};
    enum pn_code code =
        pn_yaml_parse(arena, "fuzz", pn_slice_of((const char *)data, size), &root, &err);
    if (code == PN_OK) {
        check(root, 0);
    } else {
        assert(root == NULL && err.code == code && err.text[0] != '\0');
    }
    return 0;
}
