// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

enum { PIECE_BYTES = 64 * 1024 };

static enum pn_code read_all(FILE *file, const char *path, struct pn_buf *out, struct pn_err *err)
{
    char piece[PIECE_BYTES];
    size_t got = 0;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && pn_buf_ok(out)) {
        pn_buf_add(out, piece, got);
    }
    if (ferror(file)) {
        return pn_err_set(err, PN_IO, path, "cannot be read: %s", strerror(errno));
    }
    if (!pn_buf_ok(out)) {
        return pn_err_set(err, PN_LIMIT, path, "is over %zu bytes", out->max_bytes);
    }
    return PN_OK;
}

enum pn_code pn_file_read(struct pn_arena *arena, const char *path, size_t bytes_max,
                          struct pn_slice *ret_bytes, struct pn_err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        enum pn_code code = errno == ENOENT ? PN_NOT_FOUND : PN_IO;
        return pn_err_set(err, code, path, "cannot be opened: %s", strerror(errno));
    }
    struct pn_buf bytes;
    pn_buf_init(&bytes, bytes_max);
    enum pn_code code = read_all(file, path, &bytes, err);
    fclose(file);
    if (code == PN_OK) {
        char *copy = pn_arena_copy(arena, pn_buf_slice(&bytes));
        if (copy == NULL) {
            code = pn_err_set(err, PN_MEMORY, path, "needs too much memory");
        } else {
            *ret_bytes = pn_slice_of(copy, bytes.len);
        }
    }
    pn_buf_release(&bytes);
    return code;
}

bool pn_file_move_new(int from_folder, const char *from, int to_folder, const char *to)
{
    if (renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    struct stat there;
    if (fstatat(to_folder, to, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat(from_folder, from, to_folder, to) == 0;
}
