// SPDX-License-Identifier: Apache-2.0
/*
 * The tree that every codec makes of a message's bytes: named nodes whose values are slices.
 *
 * The root is the message itself; what its children are depends on the format:
 *   hl7v2   segments ("PID") → fields, one node per repetition ("3") → components ("1") →
 *           subcomponents ("1"). Escapes are resolved. A field of one component and a component of
 *           one subcomponent are leaves; asked for its child "1" such a leaf gives itself, so
 *           PID-8, PID-8.1 and PID-8.1.1 are the same node. The value of a field with components is
 *           its first component's, the value of a component with subcomponents the first one's
 *           (PID-3 alone gives PID-3.1.1), empty when that one is empty.
 *   xml     the root is the document element. Elements by local name, attributes as children named
 *           "@root" before them; namespaces are not kept apart. The value of an element is the text
 *           inside it, that of its descendants included, trimmed.
 *   json    members by name; array items repeat the member's name (those of an array that has no
 *           member name are "item"). Numbers keep their text.
 *   csv     "row" → one node per column, named by the header.
 * What is empty or blank in hl7v2 and csv, and an empty array in json, makes no node. Other values
 * are as they were written, in valid UTF-8 without NUL.
 *
 * Nodes and values live in the arena that the codec was given; values may point into the input.
 */
#ifndef PN_CODEC_TREE_H
#define PN_CODEC_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

enum { PN_TREE_NODES_MAX = 500 * 1000 };

enum pn_format { PN_FORMAT_HL7V2, PN_FORMAT_XML, PN_FORMAT_JSON, PN_FORMAT_CSV };

enum pn_node_kind {
    PN_NODE_GROUP,   // HL7 message and segment, JSON object and nested array, CSV file and row
    PN_NODE_TEXT,    // JSON string, CSV column, HL7 subcomponent
    PN_NODE_NUMBER,  // JSON
    PN_NODE_BOOLEAN, // JSON: "true" or "false"
    PN_NODE_FIELD,   // HL7: one repetition of a field
    PN_NODE_COMPONENT,
    PN_NODE_ELEMENT,
    PN_NODE_ATTRIBUTE
};

struct pn_node {
    struct pn_slice name;
    struct pn_slice value;
    const struct pn_node *first_child;
    const struct pn_node *next; // next sibling, in document order
    const struct pn_node *parent;
    uint32_t place;  // 1-based line (xml, csv), the segment's number in the message (hl7v2), else 0
    uint16_t repeat; // hl7v2 fields: 1-based repetition, empty ones counted; 0 elsewhere
    uint8_t kind;    // enum pn_node_kind
    bool is_null; // said to be nothing: "" in HL7 v2 (delete the value), null in JSON; value empty
};

// First child of that name, NULL when there is none. `node` may be NULL.
const struct pn_node *pn_node_child(const struct pn_node *node, struct pn_slice name);
// Next sibling with the same name, NULL when there is none.
const struct pn_node *pn_node_next_same(const struct pn_node *node);
// The value of the first child of that name, the empty slice when there is none. Both take NULL.
struct pn_slice pn_node_text(const struct pn_node *node, const char *child_name);

// What every codec's reader takes. PN_INVALID names the place in err->where.
struct pn_codec_input {
    struct pn_slice bytes;
    // When the message does not say: a name such as "ISO-8859-1", or several with commas between of
    // which the first that the bytes fit is meant ("UTF-8,ISO-8859-15"). NULL: UTF-8. Bytes that
    // are no UTF-8 although they should be are read as ISO-8859-1.
    const char *charset_default;
};

// For the codecs: makes nodes in blocks; the codec links them.
struct pn_tree_maker {
    struct pn_arena *arena;
    struct pn_node *block;
    unsigned block_left;
    unsigned block_count; // nodes in the block made last
    unsigned nodes_left;
};

void pn_tree_maker_init(struct pn_tree_maker *maker, struct pn_arena *arena);
// A zeroed node with a parent and a name, not yet linked. NULL when a bound is reached.
struct pn_node *pn_tree_make(struct pn_tree_maker *maker, const struct pn_node *parent,
                             struct pn_slice name) PN_MUST_USE;
// After pn_tree_make gave NULL.
enum pn_code pn_tree_full(struct pn_err *err, const char *where);

#endif
