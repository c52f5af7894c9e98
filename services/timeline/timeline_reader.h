// SPDX-License-Identifier: Apache-2.0
/*
 * What the two halves of the reader share. Inside services/timeline only.
 */
#ifndef PN_TIMELINE_READER_H
#define PN_TIMELINE_READER_H

#include "services/timeline/timeline_read.h"
#include "store/store.h"

struct pn_timeline {
    struct pn_store *store;
};

PN_MUST_USE enum pn_code pn_timeline_ask(struct pn_timeline *timeline, const char *sql,
                                         const struct pn_value *values, unsigned value_count,
                                         struct pn_rows **ret_rows, struct pn_err *err);
// Copies what a row shows into the arena; false when that is full.
PN_MUST_USE bool pn_timeline_keep(struct pn_arena *arena, struct pn_slice *text);

#endif
