// SPDX-License-Identifier: Apache-2.0
/*
 * Code tables of an adapter, codes/NAME.csv: what a local code means. Internal to lib/map.
 *
 * Columns by header: `from` and `to`; `system`, `display` and `note` when wanted. The row whose
 * `from` is `*` takes every other code. `to` = `=` means the code as it came.
 */
#ifndef PN_MAP_TABLE_H
#define PN_MAP_TABLE_H

#include "map/model.h"

PN_MUST_USE enum pn_code pn_map_table_load(struct pn_arena *boot, const char *folder,
                                           struct pn_slice name,
                                           const struct pn_map_table **ret_table,
                                           struct pn_err *err);
// ASCII case left out.
int pn_map_compare_nocase(struct pn_slice a, struct pn_slice b);

#endif
