// SPDX-License-Identifier: Apache-2.0
/*
 * A YAML document as a tree that remembers where everything stood (over libyaml).
 *
 * Used for configuration, adapters, mappings and rules, so that every complaint can name file, line
 * and field. Anchors, aliases, tags and duplicate keys are refused; size, depth and node count are
 * bounded. An empty document is an empty map. The tree lives in the arena given.
 */
#ifndef PN_CONF_YAML_H
#define PN_CONF_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    PN_YAML_BYTES_MAX = 4 * 1024 * 1024,
    PN_YAML_DEPTH_MAX = 32,
    PN_YAML_NODES_MAX = 200000,
    PN_YAML_KEYS_MAX = 4096 // of one map
};

enum pn_yaml_kind { PN_YAML_SCALAR, PN_YAML_LIST, PN_YAML_MAP };

struct pn_yaml {
    enum pn_yaml_kind kind;
    unsigned line;          // 1-based
    struct pn_slice key;    // inside a map; empty elsewhere
    struct pn_slice scalar; // PN_YAML_SCALAR; NUL-terminated
    bool is_quoted;         // a quoted scalar is always text
    const struct pn_yaml *first_child;
    const struct pn_yaml *next;
    const struct pn_yaml *parent; // NULL at the root
    unsigned place;               // 0-based, among its parent's children
    unsigned child_count;
};

// `name` is what errors call the file.
PN_MUST_USE enum pn_code pn_yaml_parse(struct pn_arena *arena, const char *name,
                                       struct pn_slice text, const struct pn_yaml **ret_root,
                                       struct pn_err *err);
PN_MUST_USE enum pn_code pn_yaml_read_file(struct pn_arena *arena, const char *path,
                                           const struct pn_yaml **ret_root, struct pn_err *err);

// The value of a key, NULL when it is not there. `node` may be NULL.
const struct pn_yaml *pn_yaml_get(const struct pn_yaml *node, const char *key);
// The scalar's text, or `otherwise` when node is NULL or not a scalar.
struct pn_slice pn_yaml_text(const struct pn_yaml *node, const char *otherwise);

// Whether a scalar is text: in quotes, or none of YAML's own numbers, truths and nulls (YAML 1.2.2,
// section 10.3.2, the core schema).
bool pn_yaml_is_text(const struct pn_yaml *node);

// PN_INVALID with `file:line field`, the field as a path (`rows[3].table`); `text` says what is
// expected there. `node` may be NULL: the file as a whole.
enum pn_code pn_yaml_fault(struct pn_err *err, const char *name, const struct pn_yaml *node,
                           const char *text, ...) PN_PRINTF(4, 5);

#endif
