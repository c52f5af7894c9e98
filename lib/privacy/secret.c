// SPDX-License-Identifier: Apache-2.0
#include "privacy/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static enum pn_code write_all(int fd, const unsigned char *bytes, size_t len, struct pn_err *err)
{
    size_t done = 0;
    while (done < len) {
        ssize_t wrote = write(fd, bytes + done, len - done);
        if (wrote < 0 && errno != EINTR) {
            return pn_err_set(err, PN_IO, "secrets", "write: %s", strerror(errno));
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd) == 0 ? PN_OK : pn_err_set(err, PN_IO, "secrets", "sync: %s", strerror(errno));
}

static enum pn_code sync_folder(const char *path, struct pn_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        enum pn_code code = pn_err_set(err, PN_IO, "secrets", "sync folder: %s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    close(fd);
    return PN_OK;
}

// `must_be_new`: a link appears whole or not at all, and never over another process's file.
static enum pn_code settle(const char *draft, const char *path, bool must_be_new,
                           struct pn_err *err)
{
    if (!must_be_new) {
        return rename(draft, path) == 0
                   ? PN_OK
                   : pn_err_set(err, PN_IO, "secrets", "rename: %s", strerror(errno));
    }
    enum pn_code code = PN_OK;
    if (link(draft, path) != 0) {
        code = errno == EEXIST
                   ? pn_err_set(err, PN_CONFLICT, "secrets", "the file is there already")
                   : pn_err_set(err, PN_IO, "secrets", "link: %s", strerror(errno));
    }
    (void)unlink(draft);
    return code;
}

struct secret_file {
    const char *folder, *name;
    const void *bytes;
    size_t len;
    bool must_be_new;
};

static enum pn_code write_file(const struct secret_file *file, struct pn_err *err)
{
    char path[PATH_BYTES], draft[PATH_BYTES];
    int a = snprintf(path, sizeof path, "%s/%s", file->folder, file->name);
    int b =
        snprintf(draft, sizeof draft, "%s/%s.%ld.new", file->folder, file->name, (long)getpid());
    if (a < 0 || b < 0 || (size_t)a >= sizeof path || (size_t)b >= sizeof draft) {
        return pn_err_set(err, PN_LIMIT, "data", "the data folder's path is too long");
    }
    (void)unlink(draft); // left by a process of the same number that died here
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return pn_err_set(err, PN_IO, file->name, "create: %s", strerror(errno));
    }
    enum pn_code code = write_all(fd, file->bytes, file->len, err);
    close(fd);
    if (code != PN_OK) {
        (void)unlink(draft);
        return code;
    }
    code = settle(draft, path, file->must_be_new, err);
    return code == PN_OK ? sync_folder(file->folder, err) : code;
}

enum pn_code pn_secret_write_new(const char *folder, const char *name, const void *bytes,
                                 size_t len, struct pn_err *err)
{
    const struct secret_file file = {folder, name, bytes, len, true};
    return write_file(&file, err);
}

enum pn_code pn_secret_replace(const char *folder, const char *name, const void *bytes, size_t len,
                               struct pn_err *err)
{
    const struct secret_file file = {folder, name, bytes, len, false};
    return write_file(&file, err);
}

enum pn_code pn_secret_read(const char *folder, const char *name, void *ret_bytes, size_t bytes_max,
                            size_t *ret_len, struct pn_err *err)
{
    char path[PATH_BYTES];
    int made = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (made < 0 || (size_t)made >= sizeof path) {
        return pn_err_set(err, PN_LIMIT, "data", "the data folder's path is too long");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? pn_err_set(err, PN_NOT_FOUND, name, "there is no such file")
                               : pn_err_set(err, PN_IO, name, "open: %s", strerror(errno));
    }
    struct stat found;
    enum pn_code code = PN_OK;
    ssize_t got = 0;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        code = pn_err_set(err, PN_IO, name, "not a plain file");
    } else if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        code = pn_err_set(err, PN_DENIED, name, "others may read or write it: chmod 600");
    } else if (found.st_size > (off_t)bytes_max) {
        code = pn_err_set(err, PN_LIMIT, name, "longer than %zu bytes", bytes_max);
    } else if ((got = pread(fd, ret_bytes, bytes_max, 0)) < 0) {
        code = pn_err_set(err, PN_IO, name, "read: %s", strerror(errno));
    }
    close(fd);
    if (code == PN_OK) {
        *ret_len = (size_t)got;
    }
    return code;
}

enum pn_code pn_secret_folder(const char *data_dir, char *ret_path, size_t path_bytes,
                              struct pn_err *err)
{
    int made = snprintf(ret_path, path_bytes, "%s/secrets", data_dir);
    if (made < 0 || (size_t)made >= path_bytes) {
        return pn_err_set(err, PN_LIMIT, "data", "the data folder's path is too long");
    }
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST) {
        return pn_err_set(err, PN_IO, "data", "make folder: %s", strerror(errno));
    }
    if (mkdir(ret_path, 0700) != 0 && errno != EEXIST) {
        return pn_err_set(err, PN_IO, "secrets", "make folder: %s", strerror(errno));
    }
    return PN_OK;
}
