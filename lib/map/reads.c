// SPDX-License-Identifier: Apache-2.0
// Asking what became of the nodes of a message or a plan.
#include "map/reads.h"

#include <string.h>

#include "base/words.h"
#include "map/reads_store.h"
#include "map/register.h"

bool pn_adapter_reads_whole(const struct pn_adapter_reads *reads)
{
    return !reads->is_over;
}

unsigned pn_adapter_reads_trees(const struct pn_adapter_reads *reads,
                                const struct pn_read_tree **ret_trees)
{
    *ret_trees = reads->trees;
    return reads->tree_count;
}

const struct pn_adapter_read *pn_adapter_reads_last(const struct pn_adapter_reads *reads,
                                                    const struct pn_node *node)
{
    unsigned last = reads->slot_room == 0 ? 0 : pn_map_node_slot(reads, node)->last;
    return last == 0 ? NULL : &reads->reads[last - 1];
}

const struct pn_adapter_read *pn_adapter_reads_before(const struct pn_adapter_reads *reads,
                                                      const struct pn_adapter_read *read)
{
    return read->before == 0 ? NULL : &reads->reads[read->before - 1];
}

bool pn_adapter_reads_refusal(const struct pn_adapter_reads *reads, const char **ret_file,
                              unsigned *ret_line)
{
    *ret_file = reads->refusal.file;
    *ret_line = reads->refusal.node == NULL ? 0 : reads->refusal.node->line;
    return reads->refusal.file != NULL;
}

const struct pn_loss_reason *pn_adapter_reads_reason(const struct pn_adapter_reads *reads,
                                                     const struct pn_node *node)
{
    for (; node != NULL; node = node->parent) {
        for (unsigned i = 0; i < reads->reason_count; i++) {
            if (reads->reasons[i].node == node) {
                return reads->reasons[i].reason;
            }
        }
    }
    return NULL;
}

// --- Registers -----------------------------------------------------------------------------------

unsigned pn_adapter_reads_registers(const struct pn_adapter_reads *reads)
{
    return reads->registers;
}

unsigned pn_adapter_reads_label(const struct pn_node *node)
{
    unsigned label = 0;
    for (; node != NULL && label == 0; node = node->parent) {
        label |= pn_map_register_hides(PN_REGISTER_PATIENT, node) ? PN_READ_SOCIAL_REGISTER : 0;
        label |= pn_map_register_hides(PN_REGISTER_SOCIAL, node) ? PN_READ_PATIENT_REGISTER : 0;
    }
    return label;
}

// --- Copies --------------------------------------------------------------------------------------

// Whether the pattern (`a.*.b`, `**.c`) names the member or something that it stands in.
static bool removes(struct pn_slice pattern, const struct pn_slice *names, unsigned count)
{
    struct pn_slice rest;
    struct pn_slice step = pn_slice_split(pattern, '.', &rest);
    if (pn_slice_is(step, "**")) {
        for (unsigned i = 0; i < count; i++) {
            if (removes(rest, names + i, count - i)) {
                return true;
            }
        }
        return false;
    }
    if (count == 0 || !(pn_slice_is(step, "*") || pn_slice_eq(step, names[0]))) {
        return false;
    }
    return rest.len == 0 || removes(rest, names + 1, count - 1);
}

bool pn_adapter_read_copies(const struct pn_adapter_read *read, const struct pn_node *leaf)
{
    struct pn_slice names[PN_TREE_DEPTH_MAX];
    unsigned start = PN_TREE_DEPTH_MAX;
    if (read->use != PN_READ_COPIED || read->target == NULL) {
        return false;
    }
    for (; leaf != NULL && leaf != read->node && start > 0; leaf = leaf->parent) {
        if (pn_map_register_hides((enum pn_map_register)read->register_kind, leaf)) {
            return false;
        }
        names[--start] = leaf->name;
    }
    if (leaf != read->node) {
        return false;
    }
    unsigned count = PN_TREE_DEPTH_MAX - start;
    const struct pn_map_row *row = read->row;
    if (count > 0 && ((row->keep != NULL && !pn_words_hold(row->keep, names[start])) ||
                      pn_words_hold(read->already, names[start]))) {
        return false;
    }
    for (size_t i = 0; row->remove != NULL && row->remove[i] != NULL; i++) {
        if (removes(pn_slice_str(row->remove[i]), names + start, count)) {
            return false;
        }
    }
    return true;
}

// --- By way of a part ----------------------------------------------------------------------------

// How much of a node's text is left in what is sent; `is_there` false: nothing of it goes.
struct sent {
    bool is_there;
    size_t kept_bytes;
};

static struct sent sent_of_node(const struct pn_adapter_reads *reads, const struct pn_node *node)
{
    struct sent best = {0};
    const struct pn_adapter_read *read = pn_adapter_reads_last(reads, node);
    for (; read != NULL; read = pn_adapter_reads_before(reads, read)) {
        size_t kept = 0;
        if (read->use == PN_READ_TAKEN && pn_adapter_read_is_sent(reads, read, &kept) &&
            (!best.is_there || kept > best.kept_bytes)) {
            best = (struct sent){true, kept};
        }
    }
    return best;
}

// The node of the part's tree that stands for what a row wrote; the two trees have the same form.
static const struct pn_node *node_of(const struct pn_map_out_node *made, const struct pn_node *node,
                                     const void *place)
{
    const struct pn_map_out_node *child = made->first_child;
    const struct pn_node *twin = node->first_child;
    for (; child != NULL && twin != NULL; child = child->next, twin = twin->next) {
        const struct pn_node *found = child == place ? twin : node_of(child, twin, place);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static struct sent sent_below(const struct pn_adapter_reads *reads, const struct pn_node *node)
{
    struct sent any = sent_of_node(reads, node);
    for (node = node->first_child; node != NULL && !any.is_there; node = node->next) {
        any = sent_below(reads, node);
    }
    return any;
}

// Where a line begins in the part's whole text.
static size_t line_at(const struct pn_node *line)
{
    size_t at = 0;
    for (const struct pn_node *node = line->parent->first_child; node != line; node = node->next) {
        at += node->value.len + 1;
    }
    return at;
}

// What is left of a text at `at` of a whole of which so much is kept.
static size_t left_at(size_t kept, size_t at, size_t length)
{
    if (kept == SIZE_MAX || kept >= at + length) {
        return SIZE_MAX;
    }
    return kept > at ? kept - at : 0;
}

bool pn_adapter_read_is_sent(const struct pn_adapter_reads *reads,
                             const struct pn_adapter_read *read, size_t *ret_kept_bytes)
{
    *ret_kept_bytes = read->kept_bytes;
    if (read->target == NULL || read->made.kind != PN_MADE_PART) {
        return read->target != NULL && read->made.kind == PN_MADE_DOCUMENT;
    }
    const struct pn_map_part_made *part = &reads->parts[read->made.number - 1];
    const struct pn_node *line = NULL; // the root's child on the way up
    if (part->root == NULL) {
        return false;
    }
    const struct pn_node *node = read->place_in_part == NULL || part->top == NULL
                                     ? NULL
                                     : node_of(part->top, part->root, read->place_in_part);
    if (node == NULL) {
        return sent_below(reads, part->root).is_there;
    }
    struct sent best = {0};
    for (; node != NULL; node = node->parent) {
        struct sent sent = sent_of_node(reads, node);
        bool is_line = node->parent == NULL && line != NULL;
        size_t at = read->at + (is_line ? line_at(line) : 0);
        size_t kept = left_at(sent.kept_bytes, at, read->length);
        if (sent.is_there && kept > best.kept_bytes) {
            best = (struct sent){true, kept};
        }
        line = node->parent != NULL && node->parent->parent == NULL ? node : NULL;
    }
    *ret_kept_bytes = best.kept_bytes < read->kept_bytes ? best.kept_bytes : read->kept_bytes;
    return best.is_there && *ret_kept_bytes > 0;
}
