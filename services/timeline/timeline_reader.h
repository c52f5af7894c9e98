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

// Copies what a row shows into the arena; false when that is full.
PN_MUST_USE bool pn_timeline_keep(struct pn_arena *arena, struct pn_slice *text);

#endif
