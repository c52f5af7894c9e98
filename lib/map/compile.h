// SPDX-License-Identifier: Apache-2.0
/*
 * Compiling mapping files: YAML → the tables of model.h. Internal to lib/map.
 *
 * Every complaint goes through pn_map_fault and names file, line and field.
 */
#ifndef PN_MAP_COMPILE_H
#define PN_MAP_COMPILE_H

#include "map/model.h"

enum {
    PN_MAP_SHARED_MAX = 32,
    PN_MAP_TABLES_MAX = 128,
    PN_MAP_WITH_MAX = 12,
    PN_MAP_FILES_MAX = 64
};

// Segments that belong to the item of an `each`.
struct pn_map_relatives {
    struct pn_slice names[PN_MAP_WITH_MAX];
    unsigned count;
};

// What an enclosing `each` stands on.
struct pn_map_scope {
    struct pn_slice path;          // as written
    struct pn_map_relatives with;  // those that follow it
    struct pn_map_relatives under; // those that it follows
};

// A file of shared rows, keys, events and header (`_name.yaml`, or any file of a library).
struct pn_map_shared {
    const char *file;
    const struct pn_yaml *root;
    const char *library; // NULL: the adapter's own
};

struct pn_map_compiler {
    struct pn_arena *boot;
    struct pn_adapter *adapter;
    const char *folder;
    const char *const *national; // folders of national tables, in order; ends with NULL
    const char *file;            // of the node that is being compiled
    struct pn_err *err;
    // the message
    bool is_out; // the plan
    enum pn_format format;
    struct pn_map_part parts[PN_MAP_PARTS_MAX];
    unsigned part_count;
    struct pn_map_scope scopes[PN_MAP_SCOPES_MAX];
    unsigned scope_count;
    // the target
    enum pn_map_sink sink;
    const char *resource;      // PN_SINK_FHIR
    const char *target_prefix; // what enclosing blocks opened: "participant[last].", "OBX-"
    unsigned include_depth;
    const struct pn_yaml *keys;                     // of the mapping file
    struct pn_map_shared shared[PN_MAP_SHARED_MAX]; // the adapter's own first
    unsigned shared_count;
    const struct pn_map_table *tables[PN_MAP_TABLES_MAX];
    unsigned table_count;
    struct pn_map_place *places;
    unsigned place_count;
};

// Always PN_INVALID (PN_MEMORY has its own, below).
enum pn_code pn_map_fault(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                          const char *text, ...) PN_PRINTF(3, 4);
enum pn_code pn_map_no_memory(struct pn_map_compiler *compiler);
// Refuses keys that are not in `known` (ends with NULL), and what is no map.
PN_MUST_USE enum pn_code pn_map_check_keys(struct pn_map_compiler *compiler,
                                           const struct pn_yaml *node, const char *const *known);
// A scalar, or a list of scalars, as slices. A missing node gives none.
PN_MUST_USE enum pn_code pn_map_texts(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      unsigned max, const struct pn_slice **ret_texts,
                                      unsigned *ret_count);

// Names by enum pn_format.
extern const char *const pn_map_formats[];
PN_MUST_USE enum pn_code pn_map_compile_format(struct pn_map_compiler *compiler,
                                               const struct pn_yaml *node,
                                               enum pn_format *ret_format);

// Names of the .yaml files of a folder of the adapter, ordered. No folder: none.
PN_MUST_USE enum pn_code pn_map_list_files(struct pn_map_compiler *compiler, const char *folder,
                                           const char **names, unsigned *ret_count);
// `name` is relative to the adapter's folder, and what complaints call the file.
PN_MUST_USE enum pn_code pn_map_read_yaml(struct pn_map_compiler *compiler, const char *name,
                                          const struct pn_yaml **ret_root);
// Those of `names` that begin with _, and those of the libraries.
PN_MUST_USE enum pn_code pn_map_load_shared(struct pn_map_compiler *compiler, const char *folder,
                                            const char *const *names, unsigned count);
// A shared file that says its format is for messages of that format only.
bool pn_map_is_for_format(const struct pn_map_compiler *compiler,
                          const struct pn_map_shared *shared);
// What stands under `name` in the `section` (rows, keys, events) of the first shared file that has
// it; `LIBRARY/name` looks in that library only. NULL when none has.
const struct pn_yaml *pn_map_find_shared(const struct pn_map_compiler *compiler,
                                         const char *section, struct pn_slice name,
                                         const char **ret_file);

// What a way in of adapter.yaml says of polling; untouched when it does not poll.
PN_MUST_USE enum pn_code pn_map_load_poll(struct pn_map_compiler *compiler,
                                          const struct pn_yaml *node,
                                          struct pn_adapter_poll *ret_poll);
PN_MUST_USE enum pn_code pn_map_compile_path(struct pn_map_compiler *compiler,
                                             const struct pn_yaml *node, struct pn_slice text,
                                             const struct pn_map_path **ret_path);
// `node` may be NULL: no condition.
PN_MUST_USE enum pn_code pn_map_compile_condition(struct pn_map_compiler *compiler,
                                                  const struct pn_yaml *node,
                                                  const struct pn_map_condition **ret_condition);
PN_MUST_USE enum pn_code pn_map_compile_template(struct pn_map_compiler *compiler,
                                                 const struct pn_yaml *node, struct pn_slice text,
                                                 const struct pn_map_template **ret_template);
// Texts with placeholders, or maps { each, text }. NULL: no names.
PN_MUST_USE enum pn_code pn_map_compile_names(struct pn_map_compiler *compiler,
                                              const struct pn_yaml *node,
                                              struct pn_map_names *ret_names);
// From a row (`from`, `value`, `text`, `table`, `as`, `missing`, …).
PN_MUST_USE enum pn_code pn_map_compile_value(struct pn_map_compiler *compiler,
                                              const struct pn_yaml *row,
                                              struct pn_map_value *ret_value);
PN_MUST_USE enum pn_code pn_map_compile_score(struct pn_map_compiler *compiler,
                                              const struct pn_yaml *node,
                                              const struct pn_map_score **ret_score);
// Where only a value is wanted: a path, a list of paths, or a map as in a row. NULL: no value.
PN_MUST_USE enum pn_code pn_map_compile_short(struct pn_map_compiler *compiler,
                                              const struct pn_yaml *node,
                                              struct pn_map_value *ret_value);
// `max`; NULL: none.
PN_MUST_USE enum pn_code pn_map_compile_max(struct pn_map_compiler *compiler,
                                            const struct pn_yaml *node, struct pn_map_value *value);
extern const char *const pn_map_value_keys[];
PN_MUST_USE enum pn_code pn_map_compile_table(struct pn_map_compiler *compiler,
                                              const struct pn_yaml *node, struct pn_slice name,
                                              const struct pn_map_table **ret_table);
// A name of `keys`, or the parts themselves.
PN_MUST_USE enum pn_code pn_map_compile_key(struct pn_map_compiler *compiler,
                                            const struct pn_yaml *node,
                                            const struct pn_map_key **ret_key);
PN_MUST_USE enum pn_code pn_map_compile_target(struct pn_map_compiler *compiler,
                                               const struct pn_yaml *node,
                                               enum pn_map_row_kind kind,
                                               const struct pn_map_target **ret_target,
                                               const char **ret_prefix);
// A list of rows; NULL gives none.
PN_MUST_USE enum pn_code pn_map_compile_rows(struct pn_map_compiler *compiler,
                                             const struct pn_yaml *list,
                                             const struct pn_map_row **ret_rows,
                                             unsigned *ret_count);
// `each`, `with` and `under` of a node: from now on paths mean the current item.
PN_MUST_USE enum pn_code pn_map_enter(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      const struct pn_map_path **ret_path);
void pn_map_leave(struct pn_map_compiler *compiler, const struct pn_map_path *each);
PN_MUST_USE enum pn_code pn_map_number(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                       unsigned *ret_number);

PN_MUST_USE enum pn_code pn_map_load_in(struct pn_map_compiler *compiler,
                                        const struct pn_yaml *root, struct pn_map_in *ret_in);
PN_MUST_USE enum pn_code pn_map_load_out(struct pn_map_compiler *compiler,
                                         const struct pn_yaml *root);

// `national` lives as long as the call.
PN_MUST_USE enum pn_code pn_map_adapter_load(struct pn_arena *boot, const char *folder,
                                             const char *const *national,
                                             struct pn_adapter **ret_adapter, struct pn_err *err);

#endif
