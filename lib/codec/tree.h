// SPDX-License-Identifier: Apache-2.0
/*
 * The tree that every codec makes of a message's bytes: named nodes whose values are slices.
 *
 * What a node's name is depends on the format:
 *   hl7v2   root → segments ("PID") → fields, one node per repetition ("3") → components ("1") →
 *           subcomponents ("1"). Empty fields make no node. Escapes are resolved, text is UTF-8.
 *   xml     elements by local name, attributes as children named "@root"; namespace not kept apart.
 *   json    members by name; array items repeat the member's name.
 *   csv     root → "row" → one node per column, named by the header.
 * A node with children has value = the value of its first leaf (so PID-3 alone gives PID-3.1.1);
 * an XML element's value is its text content, trimmed.
 *
 * Nodes and values live in the arena that the codec was given (values may point into the input).
 */
#ifndef PN_CODEC_TREE_H
#define PN_CODEC_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum pn_format { PN_FORMAT_HL7V2, PN_FORMAT_XML, PN_FORMAT_JSON, PN_FORMAT_CSV };

struct pn_node {
    struct pn_slice name;
    struct pn_slice value;
    const struct pn_node *first_child;
    const struct pn_node *next; // next sibling, in document order
    const struct pn_node *parent;
    unsigned place; // 1-based line (xml, csv), segment number (hl7v2), 0 when not known
};

// First child of that name, NULL when there is none. `node` may be NULL.
const struct pn_node *pn_node_child(const struct pn_node *node, struct pn_slice name);
// Next sibling with the same name, NULL when there is none.
const struct pn_node *pn_node_next_same(const struct pn_node *node);

// What every codec's reader looks like. PN_INVALID names the place in err->where.
struct pn_codec_input {
    struct pn_slice bytes;
    const char *charset_default; // when the message does not say: "ISO-8859-1", "UTF-8"
};

#endif
