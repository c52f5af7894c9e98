// SPDX-License-Identifier: Apache-2.0
/*
 * National code tables as files: config/codes/NAME.csv as shipped, and DATA/codes/NAME.csv that an
 * installation has loaded over it (punos codes load).
 *
 * Texts live in the arena that the rows were read into.
 */
#ifndef PN_SERVICES_TOOL_CODES_TABLE_H
#define PN_SERVICES_TOOL_CODES_TABLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "conf/config.h"

enum { PN_CODES_MAX = 100000, PN_CODES_TABLES_MAX = 256 };

struct pn_codes_row {
    struct pn_slice from, to, system, display, note, source;
    unsigned line;
};

struct pn_codes {
    struct pn_codes_row *rows; // ordered by `from`, byte by byte
    unsigned count;
};

// Where a table stands: in DATA/codes when one was loaded, else as shipped.
struct pn_codes_place {
    const char *name;
    const char *loaded;   // DATA/codes/NAME.csv
    const char *previous; // what the last load put aside
    const char *shipped;  // config/codes/NAME.csv
    bool is_loaded, is_shipped, has_previous;
};

// PN_INVALID when `name` is no table's name; a table that is nowhere is no fault.
PN_MUST_USE enum pn_code pn_codes_place(struct pn_arena *arena, const struct pn_config *config,
                                        const char *name, struct pn_codes_place *ret_place,
                                        struct pn_err *err);
// Names of all tables, ordered; at most PN_CODES_TABLES_MAX.
PN_MUST_USE enum pn_code pn_codes_names(struct pn_arena *arena, const struct pn_config *config,
                                        const char **names, unsigned *ret_count,
                                        struct pn_err *err);
// The table as it is used now; no rows when it is nowhere.
PN_MUST_USE enum pn_code pn_codes_read(struct pn_arena *arena, const struct pn_codes_place *place,
                                       struct pn_codes *ret_codes, struct pn_err *err);
void pn_codes_sort(struct pn_codes *codes);
const struct pn_codes_row *pn_codes_find(const struct pn_codes *codes, struct pn_slice from);
// Puts what was loaded before aside and the rows in its place: a reader sees the old file or the
// new one.
PN_MUST_USE enum pn_code pn_codes_write(const struct pn_codes_place *place,
                                        const struct pn_codes *codes, struct pn_err *err);
// The table that the last load put aside is used again; or, when there was none, the shipped one.
PN_MUST_USE enum pn_code pn_codes_restore(const struct pn_codes_place *place, struct pn_err *err);

#endif
