// SPDX-License-Identifier: Apache-2.0
/*
 * Files of a watched folder, by name relative to open descriptors: no path is ever put together
 * from a name that somebody else chose, no link is followed, nothing is written over another file.
 *
 * One process at a time takes the files of a folder: it holds a lock on done/.punos-lock (where
 * the file system has locks). Without it a file might be taken twice, which does no harm but to its
 * receipt: the same content is the same events.
 */
#ifndef PN_SERVICES_INGEST_DROP_FILES_H
#define PN_SERVICES_INGEST_DROP_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

struct pn_drop_folder {
    int fd;
    int done_fd;
    int rejected_fd;
    int lock_fd; // -1: the file system has no locks
};

// Makes the folder, done/ and rejected/ when they are missing. PN_CONFLICT: another process takes
// its files.
PN_MUST_USE enum pn_code pn_drop_folder_open(const char *path, struct pn_drop_folder *ret_folder,
                                             struct pn_err *err);
void pn_drop_folder_close(struct pn_drop_folder *folder);
// Whether the path still leads to the folder that is open: it may have been moved away, made anew,
// or be a mount that came or went.
bool pn_drop_folder_is_at(const struct pn_drop_folder *folder, const char *path);

// A name that a sender is still writing under, or that is not a message's.
bool pn_drop_name_is_skipped(const char *name);

// Reads an ordinary file, as large as ret_bytes may be. PN_INVALID: it is none (a link, a pipe), or
// has other names by which it could still change (hard links). PN_LIMIT: too large. PN_CONFLICT: it
// changed while it was read. PN_IO.
PN_MUST_USE enum pn_code pn_drop_read(const struct pn_drop_folder *folder, const char *name,
                                      struct pn_buf *ret_bytes, struct stat *ret_status,
                                      struct pn_err *err);

// Writes the receipt, then moves the file beside it (done/ or rejected/), under a name of its own
// when another file there has it; synced when it returns. A file that is not `expected` any more
// (somebody wrote on, or put another one in its place) stays where it is: PN_CONFLICT.
PN_MUST_USE enum pn_code pn_drop_put_away(const struct pn_drop_folder *folder, const char *name,
                                          const struct stat *expected, bool is_accepted,
                                          struct pn_slice receipt, struct pn_err *err);

#endif
