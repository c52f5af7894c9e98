// SPDX-License-Identifier: Apache-2.0
/*
 * What lives while one message is mapped: the tree, the opened parts, the items that `each` stands
 * on. Internal to lib/map.
 */
#ifndef PN_MAP_RUN_H
#define PN_MAP_RUN_H

#include "map/model.h"

// A text by which the message names one of its persons, or the resource of one of its events.
struct pn_map_known {
    struct pn_slice text;
    int person;            // PN_NO_PERSON: a resource
    const char *reference; // Encounter/<id>
};

struct pn_map_run {
    const struct pn_adapter *adapter;
    struct pn_arena *arena;
    struct pn_slice bytes; // of the message
    const struct pn_node *root;
    const struct pn_node *parts[PN_MAP_PARTS_MAX];
    const struct pn_node *scopes[PN_MAP_SCOPES_MAX];
    unsigned places[PN_MAP_SCOPES_MAX]; // of each item among its kind, from 1
    unsigned scope_count;
    struct pn_slice params[PN_PARAM_COUNT];
    struct pn_map_known *known;
    unsigned known_count;
    const char *zone;
    const char *charset;
    enum pn_map_register register_kind; // of what is being made
};

// --- path.c --------------------------------------------------------------------------------------

// First match in document order; NULL when there is none (a parameter has no node).
const struct pn_node *pn_map_find(const struct pn_map_run *run, const struct pn_map_path *path);
// Its text, trimmed; empty when there is none. HL7's explicit null ("") counts as none.
struct pn_slice pn_map_text(const struct pn_map_run *run, const struct pn_map_path *path);
// All matches, in document order. PN_LIMIT over PN_MAP_ITEMS_MAX.
PN_MUST_USE enum pn_code pn_map_find_all(const struct pn_map_run *run,
                                         const struct pn_map_path *path,
                                         const struct pn_node *const **ret_nodes,
                                         unsigned *ret_count, struct pn_err *err);

// --- condition.c, table.c, convert.c, value.c
// ------------------------------------------------------

// NULL is true.
bool pn_map_holds(const struct pn_map_run *run, const struct pn_map_condition *condition);
// Exact first, then by ASCII case, then the row `*`; NULL when there is none.
const struct pn_map_code *pn_map_table_find(const struct pn_map_table *table, struct pn_slice from);
// The conversion of that name, NULL when there is none ("hook:NAME" is not looked up here).
const struct pn_map_conversion *pn_map_conversion_find(struct pn_slice name);
// The kind of text for `PATH is KIND`, NULL when there is none.
typedef bool (*pn_map_kind)(struct pn_slice text);
pn_map_kind pn_map_kind_find(struct pn_slice name);

// The value of a row. An empty *ret_text means: nothing there, and that is all right. *ret_code
// (may be NULL) is the row of the code table that it came through.
PN_MUST_USE enum pn_code pn_map_value_get(const struct pn_map_run *run,
                                          const struct pn_map_value *value,
                                          struct pn_slice *ret_text,
                                          const struct pn_map_code **ret_code, struct pn_err *err);
// Empty when too many items have no answer. PN_INVALID when an answer is none that can be counted.
PN_MUST_USE enum pn_code pn_map_score_text(const struct pn_map_run *run,
                                           const struct pn_map_score *score,
                                           struct pn_slice *ret_text, struct pn_err *err);
struct pn_slice pn_map_template_text(const struct pn_map_run *run,
                                     const struct pn_map_template *template);
PN_MUST_USE enum pn_code pn_map_value_time(const struct pn_map_run *run,
                                           const struct pn_map_value *value, int64_t otherwise_ms,
                                           int64_t *ret_time_ms, struct pn_err *err);
// UUIDv5 of the resource type, the adapter and the key's parts.
PN_MUST_USE enum pn_code pn_map_key_id(const struct pn_map_run *run, const struct pn_map_key *key,
                                       const char *resource, char ret_id[static 37],
                                       struct pn_err *err);

// --- ways.c --------------------------------------------------------------------------------------

// The way in that takes this message; PN_UNSUPPORTED when there is none.
PN_MUST_USE enum pn_code pn_map_find_intake(const struct pn_adapter *adapter,
                                            const struct pn_message_in *message,
                                            const struct pn_map_intake **ret_intake,
                                            struct pn_err *err);

// --- names.c -------------------------------------------------------------------------------------

// Remembers what the names give now; empty ones are no names.
PN_MUST_USE enum pn_code pn_map_names_keep(struct pn_map_run *run, const struct pn_map_names *names,
                                           int person, const char *reference, struct pn_err *err);
// The first of the names that is known: a resource when `is_resource`, else a person. *ret_known is
// NULL when none is.
PN_MUST_USE enum pn_code pn_map_names_find(struct pn_map_run *run, const struct pn_map_names *names,
                                           bool is_resource, const struct pn_map_known **ret_known,
                                           struct pn_err *err);
const struct pn_map_known *pn_map_known_find(const struct pn_map_run *run, struct pn_slice text,
                                             bool is_resource);

// --- trees.c -------------------------------------------------------------------------------------

PN_MUST_USE enum pn_code pn_map_read(struct pn_arena *arena, enum pn_format format,
                                     struct pn_slice bytes, const char *charset,
                                     const struct pn_node **ret_root, struct pn_err *err);
// A row that was taken out of a file, where it stood at `line`.
PN_MUST_USE enum pn_code pn_map_read_row(struct pn_arena *arena, struct pn_slice bytes,
                                         unsigned line, const struct pn_node **ret_root,
                                         struct pn_err *err);
const struct pn_node *pn_map_node_of_json(struct pn_arena *arena, const cJSON *json);
// The JSON that a node was made of; only for nodes of pn_map_node_of_json's trees (the loader sees
// to it that `copy` names no other).
const cJSON *pn_map_json_of_node(const struct pn_node *node);

// --- rows.c --------------------------------------------------------------------------------------

// A node of the document that is being made (hl7v2, xml, json, text).
struct pn_map_out_node {
    struct pn_slice name;
    struct pn_slice value;
    const cJSON *whole; // JSON: this value, as it is
    bool is_bare;       // JSON: a number or boolean
    bool is_item;       // JSON: in a list
    struct pn_map_out_node *first_child, *last_child, *next;
};

// What rows write into: a FHIR resource, or the node where a target starts.
struct pn_map_out {
    cJSON *resource;
    const cJSON *opened; // what a block made in it
    struct pn_map_out_node *top;
};

// *ret_wrote becomes true when a row that reads the message wrote something; else it stays.
PN_MUST_USE enum pn_code pn_map_rows_run(struct pn_map_run *run, const struct pn_map_row *rows,
                                         unsigned row_count, const struct pn_map_out *out,
                                         bool *ret_wrote, struct pn_err *err);
void pn_map_hit(const struct pn_map_run *run, unsigned number);
PN_MUST_USE enum pn_code pn_map_push(struct pn_map_run *run, const struct pn_node *item,
                                     unsigned place, struct pn_err *err);
void pn_map_pop(struct pn_map_run *run);

// --- sink.c, copy.c ------------------------------------------------------------------------------

// The caller has seen to it that no earlier row was first. *ret_wrote says whether the target took
// it: FHIR may refuse the text of a row with `invalid: skip`.
PN_MUST_USE enum pn_code pn_map_sink_set(const struct pn_map_run *run, const struct pn_map_row *row,
                                         const struct pn_map_out *out, struct pn_slice text,
                                         const struct pn_map_code *code, bool *ret_wrote,
                                         struct pn_err *err);
// Opens what a block writes into; pn_map_sink_drop takes it away again.
PN_MUST_USE enum pn_code pn_map_sink_open(const struct pn_map_run *run,
                                          const struct pn_map_target *target,
                                          const struct pn_map_out *out, struct pn_map_out *ret_out,
                                          struct pn_err *err);
void pn_map_sink_drop(const struct pn_map_target *target, const struct pn_map_out *out,
                      const struct pn_map_out *opened);
PN_MUST_USE enum pn_code pn_map_sink_put(const struct pn_map_run *run, const struct pn_map_row *row,
                                         const struct pn_map_out *out, cJSON *whole,
                                         struct pn_err *err);
struct pn_map_out_node *pn_map_out_add(struct pn_arena *arena, struct pn_map_out_node *parent,
                                       struct pn_slice name);
// In a document's tree: what stands at the target now (the last there); NULL in FHIR.
const struct pn_map_out_node *pn_map_sink_node(const struct pn_map_target *target,
                                               const struct pn_map_out *out);
bool pn_map_sink_is_set(const struct pn_map_target *target, const struct pn_map_out *out);

// A copy of `json` without what `remove` names and with only the members that `keep` names (NULL:
// all); NULL when memory is exhausted.
cJSON *pn_map_copy(const cJSON *json, const char *const *keep, const char *const *remove);

#endif
