// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/drop_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/limits.h"

enum {
    NAME_KEPT_BYTES_MAX = 200, // a longer name leaves no room for what is added to it
    SAME_NAME_MAX = 1000,
    FINAL_BYTES = 256
};

static enum pn_code io_fault(struct pn_err *err, const char *what)
{
    return pn_err_set(err, PN_IO, "drop folder", "%s: %s", what, strerror(errno));
}

// Makes every missing folder of the path.
static bool make_folders(const char *path)
{
    char partial[PATH_MAX];
    int len = snprintf(partial, sizeof partial, "%s", path);
    if (len <= 0 || (size_t)len >= sizeof partial) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *at = partial + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(partial, 0750) != 0 && errno != EEXIST) {
                return false;
            }
            *at = '/';
        }
    }
    return mkdir(partial, 0750) == 0 || errno == EEXIST;
}

static int open_inside(int fd, const char *name)
{
    if (mkdirat(fd, name, 0750) != 0 && errno != EEXIST) {
        return -1;
    }
    return openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Where there are no locks (some network mounts) it goes without.
static enum pn_code lock_folder(struct pn_drop_folder *folder, struct pn_err *err)
{
    folder->lock_fd = openat(folder->done_fd, ".punos-lock",
                             O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (folder->lock_fd < 0) {
        return io_fault(err, "cannot be locked");
    }
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        return PN_OK;
    }
    if (errno == EWOULDBLOCK) {
        return pn_err_set(err, PN_CONFLICT, "drop folder", "another process takes its files");
    }
    close(folder->lock_fd);
    folder->lock_fd = -1;
    return PN_OK;
}

enum pn_code pn_drop_folder_open(const char *path, struct pn_drop_folder *ret_folder,
                                 struct pn_err *err)
{
    struct pn_drop_folder folder = {.fd = -1, .done_fd = -1, .rejected_fd = -1, .lock_fd = -1};
    if (make_folders(path)) {
        folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (folder.fd >= 0) {
        folder.done_fd = open_inside(folder.fd, "done");
        folder.rejected_fd = open_inside(folder.fd, "rejected");
    }
    if (folder.fd < 0 || folder.done_fd < 0 || folder.rejected_fd < 0) {
        enum pn_code code = io_fault(err, "cannot be made or opened");
        pn_drop_folder_close(&folder);
        return code;
    }
    enum pn_code code = lock_folder(&folder, err);
    if (code != PN_OK) {
        pn_drop_folder_close(&folder);
        return code;
    }
    *ret_folder = folder;
    return PN_OK;
}

bool pn_drop_folder_is_at(const struct pn_drop_folder *folder, const char *path)
{
    struct stat open_one;
    struct stat named_one;
    return folder->fd >= 0 && fstat(folder->fd, &open_one) == 0 && stat(path, &named_one) == 0 &&
           open_one.st_ino == named_one.st_ino && open_one.st_dev == named_one.st_dev;
}

void pn_drop_folder_close(struct pn_drop_folder *folder)
{
    int *fds[] = {&folder->fd, &folder->done_fd, &folder->rejected_fd, &folder->lock_fd};
    for (size_t i = 0; i < PN_ARRAY_COUNT(fds); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

static bool ends_with(const char *name, const char *end)
{
    size_t name_len = strlen(name);
    size_t end_len = strlen(end);
    return name_len >= end_len && strcmp(name + name_len - end_len, end) == 0;
}

bool pn_drop_name_is_skipped(const char *name)
{
    return name[0] == '.' || ends_with(name, ".part") || ends_with(name, ".tmp") ||
           ends_with(name, ".receipt.json");
}

static enum pn_code read_all(int fd, size_t bytes, struct pn_buf *ret_bytes, struct pn_err *err)
{
    char piece[64 * 1024];
    pn_buf_clear(ret_bytes);
    while (ret_bytes->len <= bytes) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return io_fault(err, "cannot be read");
        }
        if (got == 0) {
            break;
        }
        pn_buf_add(ret_bytes, piece, (size_t)got);
    }
    return pn_buf_ok(ret_bytes)
               ? PN_OK
               : pn_err_set(err, PN_LIMIT, "file", "over %zu bytes", ret_bytes->max_bytes);
}

static bool is_same_state(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum pn_code check_kind(const struct stat *status, size_t bytes_max, struct pn_err *err)
{
    if (S_ISLNK(status->st_mode)) {
        return pn_err_set(err, PN_INVALID, "file", "a link is not followed: drop the file itself");
    }
    if (!S_ISREG(status->st_mode)) {
        return pn_err_set(err, PN_INVALID, "file", "it is not an ordinary file");
    }
    if (status->st_nlink > 1) {
        return pn_err_set(err, PN_INVALID, "file", "it has other names (hard links): drop a copy");
    }
    if ((size_t)status->st_size > bytes_max) {
        return pn_err_set(err, PN_LIMIT, "file", "over %zu bytes", bytes_max);
    }
    return PN_OK;
}

static enum pn_code read_open(int fd, struct pn_buf *ret_bytes, struct stat *ret_status,
                              struct pn_err *err)
{
    struct stat before;
    struct stat after;
    if (fstat(fd, &before) != 0) {
        return io_fault(err, "cannot be looked at");
    }
    enum pn_code code = check_kind(&before, ret_bytes->max_bytes, err);
    code = code == PN_OK ? read_all(fd, (size_t)before.st_size, ret_bytes, err) : code;
    if (code != PN_OK) {
        return code;
    }
    if (fstat(fd, &after) != 0 || !is_same_state(&before, &after) ||
        (size_t)after.st_size != ret_bytes->len) {
        return pn_err_set(err, PN_CONFLICT, "file", "it changed while it was read");
    }
    *ret_status = after;
    return PN_OK;
}

enum pn_code pn_drop_read(const struct pn_drop_folder *folder, const char *name,
                          struct pn_buf *ret_bytes, struct stat *ret_status, struct pn_err *err)
{
    // Looked at first: to open a device may do something.
    struct stat status;
    if (fstatat(folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return io_fault(err, "cannot be looked at");
    }
    enum pn_code code = check_kind(&status, ret_bytes->max_bytes, err);
    if (code != PN_OK) {
        return code;
    }
    int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return io_fault(err, "cannot be opened");
    }
    code = read_open(fd, ret_bytes, ret_status, err);
    close(fd);
    return code;
}

static bool is_free(int fd, const char *name)
{
    struct stat status;
    return fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

static void receipt_name(const char *final, char ret_name[static FINAL_BYTES + 16])
{
    (void)snprintf(ret_name, FINAL_BYTES + 16, "%s.receipt.json", final);
}

// A name that neither a file nor a receipt in that folder has.
static void choose_name(int fd, const char *name, char ret_final[static FINAL_BYTES])
{
    char receipt[FINAL_BYTES + 16];
    char base[NAME_KEPT_BYTES_MAX + 1];
    (void)snprintf(base, sizeof base, "%.*s", NAME_KEPT_BYTES_MAX, name);
    (void)snprintf(ret_final, FINAL_BYTES, "%s", base);
    for (int i = 1; i < SAME_NAME_MAX; i++) {
        receipt_name(ret_final, receipt);
        if (is_free(fd, ret_final) && is_free(fd, receipt)) {
            return;
        }
        (void)snprintf(ret_final, FINAL_BYTES, "%s.%d", base, i);
    }
    char unique[PN_UUID_TEXT_BYTES];
    pn_uuid4(unique);
    (void)snprintf(ret_final, FINAL_BYTES, "%.100s.%s", base, unique);
}

static enum pn_code write_receipt(int fd, const char *final, struct pn_slice receipt,
                                  struct pn_err *err)
{
    char temporary[PN_UUID_TEXT_BYTES + 8];
    char unique[PN_UUID_TEXT_BYTES];
    char name[FINAL_BYTES + 16];
    pn_uuid4(unique);
    (void)snprintf(temporary, sizeof temporary, ".%s", unique);
    receipt_name(final, name);
    int out = openat(fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (out < 0) {
        return io_fault(err, "the receipt cannot be made");
    }
    ssize_t written = write(out, receipt.ptr, receipt.len);
    bool is_written = written == (ssize_t)receipt.len && fsync(out) == 0;
    is_written = close(out) == 0 && is_written;
    if (!is_written || !pn_file_move_new(fd, temporary, fd, name)) {
        enum pn_code code = io_fault(err, "the receipt cannot be written");
        (void)unlinkat(fd, temporary, 0);
        return code;
    }
    return PN_OK;
}

enum pn_code pn_drop_put_away(const struct pn_drop_folder *folder, const char *name,
                              const struct stat *expected, bool is_accepted,
                              struct pn_slice receipt, struct pn_err *err)
{
    int to_fd = is_accepted ? folder->done_fd : folder->rejected_fd;
    struct stat now;
    if (fstatat(folder->fd, name, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
        !is_same_state(&now, expected)) {
        return pn_err_set(err, PN_CONFLICT, "drop folder",
                          "the file has changed, or another one has taken its place");
    }
    char final[FINAL_BYTES];
    choose_name(to_fd, name, final);
    enum pn_code code = write_receipt(to_fd, final, receipt, err);
    if (code == PN_OK && !pn_file_move_new(folder->fd, name, to_fd, final)) {
        code = io_fault(err, "the file cannot be moved");
        char unneeded[FINAL_BYTES + 16];
        receipt_name(final, unneeded);
        (void)unlinkat(to_fd, unneeded, 0);
    }
    if (code == PN_OK && (fsync(to_fd) != 0 || fsync(folder->fd) != 0)) {
        code = io_fault(err, "the folders cannot be synced");
    }
    return code;
}
