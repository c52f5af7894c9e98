// SPDX-License-Identifier: Apache-2.0
/*
 * Separated values and JSON trees: whatever the bytes, the readers end and give valid UTF-8; rows
 * that were read can be written and read again to the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/csv.h"
#include "codec/json_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_node(const struct pn_node *node)
{
    assert(pn_utf8_is_valid(node->value) && pn_utf8_is_valid(node->name));
    for (const struct pn_node *child = node->first_child; child != NULL; child = child->next) {
        assert(child->parent == node);
        check_node(child);
    }
}

// The first row, as a file of its own.
static void write_again(struct pn_arena *arena, const struct pn_node *row)
{
    // A column of our own comes first: the others may begin with what a reader takes for a BOM.
    struct pn_slice names[PN_CSV_COLUMNS_MAX] = {pn_slice_str("our own")};
    struct pn_slice values[PN_CSV_COLUMNS_MAX] = {pn_slice_str("1")};
    size_t count = 1;
    for (const struct pn_node *each = row->first_child; each != NULL; each = each->next) {
        if (count == PN_CSV_COLUMNS_MAX || pn_slice_eq(each->name, names[0])) {
            return;
        }
        names[count] = each->name;
        values[count++] = each->value;
    }
    struct pn_buf out;
    struct pn_err err;
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    pn_csv_write_row(&out, ';', names, count);
    pn_csv_write_row(&out, ';', values, count);
    struct pn_codec_input input = {pn_buf_slice(&out), NULL};
    const struct pn_node *root = NULL;
    const struct pn_csv_options options = {.separator = ';'};
    enum pn_code code = pn_csv_read(arena, &input, &options, &root, &err);
    assert(code == PN_OK);
    const struct pn_node *again = root->first_child->first_child;
    for (size_t i = 0; i < count; i++, again = again->next) {
        assert(pn_slice_eq(again->name, names[i]) && pn_slice_eq(again->value, values[i]));
    }
    assert(again == NULL);
    pn_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    static const char separators[] = {0, ',', ';', '\t'};
    if (size == 0) {
        return 0;
    }
    arena = arena == NULL ? pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX) : arena;
    pn_arena_reset(arena);
    struct pn_codec_input input = {pn_slice_of((const char *)data + 1, size - 1), "UTF-8"};
    const struct pn_node *root = NULL;
    struct pn_err err = {0};
    if (pn_json_tree_read(arena, &input, &root, &err) == PN_OK) {
        check_node(root);
    }
    root = NULL;
    const struct pn_csv_options options = {.separator = separators[data[0] % 4],
                                           .has_plain_names = (data[0] & 4) != 0};
    if (pn_csv_read(arena, &input, &options, &root, &err) != PN_OK) {
        assert(root == NULL && err.where[0] != '\0');
        return 0;
    }
    check_node(root);
    if (root->first_child != NULL && root->first_child->first_child != NULL) {
        write_again(arena, root->first_child);
    }
    return 0;
}
