// SPDX-License-Identifier: Apache-2.0
/*
 * Where the reads are kept: watch.c writes it, reads.c answers from it. Internal to lib/map.
 */
#ifndef PN_MAP_READS_STORE_H
#define PN_MAP_READS_STORE_H

#include "map/watch.h"

struct pn_map_node_slot {
    const struct pn_node *node;
    unsigned last; // read, from 1
};

// A made part: its tree, and which line of it each node of the tree was made of.
struct pn_map_part_made {
    const struct pn_map_out_node *top;
    const struct pn_node *root;
};

struct pn_map_reason_at {
    const struct pn_node *node;
    const struct pn_loss_reason *reason;
};

enum { PN_MAP_REASONS_MAX = 4096 };

struct pn_adapter_reads {
    struct pn_adapter_read *reads;
    unsigned count, room;
    bool is_over; // more than it may hold
    struct pn_map_node_slot *slots;
    unsigned slot_count, slot_room; // room is a power of two
    struct pn_read_tree trees[PN_ADAPTER_TREES_MAX];
    unsigned tree_count;
    struct pn_map_part_made parts[PN_MAP_PARTS_MAX];
    struct pn_map_reason_at reasons[PN_MAP_REASONS_MAX];
    unsigned reason_count;
    unsigned registers; // of the documents made
    // now
    struct pn_made made;
    unsigned made_counts[PN_MADE_DOCUMENT + 1];
    enum pn_map_sink sink;
    enum pn_read_use use;
    bool is_muted;
    struct pn_map_place place;
    struct pn_map_frame *frame;
    unsigned writes;
    struct pn_map_place refusal;
};

// The node's slot, or the empty one where it would stand. There is always an empty one.
struct pn_map_node_slot *pn_map_node_slot(const struct pn_adapter_reads *reads,
                                          const struct pn_node *node);

#endif
