// SPDX-License-Identifier: Apache-2.0
/*
 * XML: whatever the bytes, the reader ends, its tree is valid UTF-8 and hangs together, and what
 * was read can be written and read again with the same text.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_node(const struct pn_node *node)
{
    assert(node->name.len > 0 && pn_utf8_is_valid(node->name) && pn_utf8_is_valid(node->value));
    for (const struct pn_node *child = node->first_child; child != NULL; child = child->next) {
        assert(child->parent == node);
        check_node(child);
    }
}

static void write_node(struct pn_xml_writer *writer, const struct pn_node *node)
{
    pn_xml_open(writer, "e");
    for (const struct pn_node *child = node->first_child; child != NULL; child = child->next) {
        if (child->kind == PN_NODE_ATTRIBUTE && child == node->first_child) {
            pn_xml_attribute(writer, "a", child->value);
        } else if (child->kind == PN_NODE_ELEMENT) {
            write_node(writer, child);
        }
    }
    if (node->first_child == NULL || node->first_child->kind == PN_NODE_ATTRIBUTE) {
        pn_xml_text(writer, node->value);
    }
    pn_xml_close(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    arena = arena == NULL ? pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX) : arena;
    pn_arena_reset(arena);
    struct pn_codec_input input = {pn_slice_of((const char *)data, size), "UTF-8,ISO-8859-1"};
    const struct pn_node *root = NULL;
    struct pn_err err = {0};
    if (pn_xml_read(arena, &input, &root, &err) != PN_OK) {
        assert(root == NULL && err.text[0] != '\0');
        return 0;
    }
    check_node(root);
    struct pn_buf out;
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    struct pn_xml_writer writer;
    pn_xml_begin(&writer, &out);
    write_node(&writer, root);
    struct pn_codec_input again = {pn_buf_slice(&out), NULL};
    const struct pn_node *copy = NULL;
    enum pn_code code = pn_xml_read(arena, &again, &copy, &err);
    assert(code == PN_OK || code == PN_LIMIT);
    bool has_attribute = root->first_child != NULL && root->first_child->kind == PN_NODE_ATTRIBUTE;
    assert(code != PN_OK || !has_attribute ||
           pn_slice_eq(pn_node_text(copy, "@a"), root->first_child->value));
    pn_buf_release(&out);
    return 0;
}
