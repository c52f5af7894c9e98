// SPDX-License-Identifier: Apache-2.0
/*
 * A memory arena with a ceiling: allocate many, free all at once.
 *
 * A boot arena holds what lives as long as the process; a message arena is reset for each message
 * or batch. Reset keeps the first block, so a steady state does not touch the heap. Under ASan
 * freed parts are poisoned. Not thread safe.
 */
#ifndef PN_BASE_ARENA_H
#define PN_BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct pn_arena;

// ceiling_bytes bounds all blocks together. NULL only when the heap is exhausted.
struct pn_arena *pn_arena_new(size_t ceiling_bytes);
void pn_arena_free(struct pn_arena *arena);
void pn_arena_reset(struct pn_arena *arena);

// Zeroed, aligned for any type. NULL when the ceiling is reached: answer PN_LIMIT.
void *pn_arena_alloc(struct pn_arena *arena, size_t bytes) PN_MUST_USE;
void *pn_arena_alloc_array(struct pn_arena *arena, size_t count, size_t each_bytes) PN_MUST_USE;
// NUL-terminated copies. NULL when the ceiling is reached.
char *pn_arena_copy(struct pn_arena *arena, struct pn_slice text) PN_MUST_USE;
char *pn_arena_printf(struct pn_arena *arena, const char *format, ...) PN_PRINTF(2, 3) PN_MUST_USE;

size_t pn_arena_used_bytes(const struct pn_arena *arena);

#endif
