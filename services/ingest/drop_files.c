// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/drop_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

enum pn_code pn_drop_folder_open(const char *path, struct pn_drop_folder *ret_folder,
                                 struct pn_err *err)
{
    struct pn_drop_folder folder = {.fd = -1, .done_fd = -1, .rejected_fd = -1};
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
    *ret_folder = folder;
    return PN_OK;
}

void pn_drop_folder_close(struct pn_drop_folder *folder)
{
    int *fds[] = {&folder->fd, &folder->done_fd, &folder->rejected_fd};
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

enum pn_code pn_drop_read(const struct pn_drop_folder *folder, const char *name,
                          struct pn_buf *ret_bytes, struct stat *ret_status, struct pn_err *err)
{
    int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status = {0};
    if (fd < 0 && errno == ELOOP) {
        return pn_err_set(err, PN_INVALID, "file", "a link is not followed: drop the file itself");
    }
    if (fd < 0 || fstat(fd, &status) != 0) {
        enum pn_code fault = io_fault(err, "cannot be opened");
        if (fd >= 0) {
            close(fd);
        }
        return fault;
    }
    enum pn_code code = PN_OK;
    if (!S_ISREG(status.st_mode)) {
        code = pn_err_set(err, PN_INVALID, "file", "it is not an ordinary file");
    } else if ((size_t)status.st_size > ret_bytes->max_bytes) {
        code = pn_err_set(err, PN_LIMIT, "file", "over %zu bytes", ret_bytes->max_bytes);
    } else {
        code = read_all(fd, (size_t)status.st_size, ret_bytes, err);
    }
    close(fd);
    if (code == PN_OK) {
        *ret_status = status;
    }
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
    close(out);
    if (!is_written || renameat(fd, temporary, fd, name) != 0) {
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
        now.st_ino != expected->st_ino || now.st_dev != expected->st_dev) {
        return pn_err_set(err, PN_CONFLICT, "drop folder", "another file has taken its place");
    }
    char final[FINAL_BYTES];
    choose_name(to_fd, name, final);
    enum pn_code code = write_receipt(to_fd, final, receipt, err);
    if (code == PN_OK && renameat2(folder->fd, name, to_fd, final, RENAME_NOREPLACE) != 0) {
        code = io_fault(err, "the file cannot be moved");
    }
    return code;
}
