// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a whole file, with a bound.
 */
#ifndef PN_BASE_FILE_H
#define PN_BASE_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

// The bytes live in the arena and are followed by a NUL. PN_NOT_FOUND when there is no such file,
// PN_LIMIT when it is over bytes_max, PN_IO.
PN_MUST_USE enum pn_code pn_file_read(struct pn_arena *arena, const char *path, size_t bytes_max,
                                      struct pn_slice *ret_bytes, struct pn_err *err);

#endif
