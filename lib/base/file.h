// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a whole file, with a bound; moving one without loss.
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

// Renames within one file system, never over another file: then errno is EEXIST. Where the file
// system cannot promise that (NFS, CIFS) it looks first. False with errno when it did not move.
PN_MUST_USE bool pn_file_move_new(int from_folder, const char *from, int to_folder, const char *to);

#endif
