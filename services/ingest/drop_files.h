// SPDX-License-Identifier: Apache-2.0
/*
 * Files of a watched folder, by name relative to open descriptors: no path is ever put together
 * from a name that somebody else chose, no link is followed.
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
};

// Makes the folder, done/ and rejected/ when they are missing.
PN_MUST_USE enum pn_code pn_drop_folder_open(const char *path, struct pn_drop_folder *ret_folder,
                                             struct pn_err *err);
void pn_drop_folder_close(struct pn_drop_folder *folder);

// A name that a sender is still writing under, or that is not a message's.
bool pn_drop_name_is_skipped(const char *name);

// Reads an ordinary file. PN_INVALID: it is none (a link, a pipe), PN_LIMIT: over
// ret_bytes->max_bytes, PN_IO.
PN_MUST_USE enum pn_code pn_drop_read(const struct pn_drop_folder *folder, const char *name,
                                      struct pn_buf *ret_bytes, struct stat *ret_status,
                                      struct pn_err *err);

// Writes the receipt, then moves the file beside it (done/ or rejected/), under a name of its own
// when another file there has it. A file that is not `expected` any more (somebody put another one
// in its place) stays where it is: PN_CONFLICT.
PN_MUST_USE enum pn_code pn_drop_put_away(const struct pn_drop_folder *folder, const char *name,
                                          const struct stat *expected, bool is_accepted,
                                          struct pn_slice receipt, struct pn_err *err);

#endif
