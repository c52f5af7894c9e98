// SPDX-License-Identifier: Apache-2.0
/*
 * Code tables: what a code means. An adapter's own stand in its codes/NAME.csv; those that are the
 * same for all (`national/NAME`) in DATA/codes/NAME.csv, when an installation has loaded one, else
 * in config/codes/NAME.csv.
 *
 * Columns by header: `from` and `to`; `system`, `display`, `note` and `source` when wanted. The row
 * whose `from` is `*` takes every other code. `to` = `=` means the code as it came.
 */
#ifndef PN_MAP_TABLE_H
#define PN_MAP_TABLE_H

#include "map/model.h"

#define PN_MAP_NATIONAL "national/"

enum { PN_MAP_TABLE_BYTES_MAX = 16 * 1024 * 1024 };

// Texts live as long as the table.
struct pn_map_table_file {
    const char *name;  // as a mapping names it
    const char *path;  // where it is read from
    const char *shown; // what errors call it
};

PN_MUST_USE enum pn_code pn_map_table_load(struct pn_arena *boot,
                                           const struct pn_map_table_file *file,
                                           const struct pn_map_table **ret_table,
                                           struct pn_err *err);
// Small letters, digits, hyphens and underscores; what a file of codes/ may be called.
bool pn_map_table_name_is_valid(struct pn_slice name);
// ASCII case left out.
int pn_map_compare_nocase(struct pn_slice a, struct pn_slice b);

#endif
