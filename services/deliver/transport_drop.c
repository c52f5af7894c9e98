// SPDX-License-Identifier: Apache-2.0
/*
 * A folder that the records system picks files from. A document is written under a hidden name,
 * synced and renamed, so that nobody sees half of it; the system leaves NAME.receipt.json beside
 * it, or NAME with the ending that its adapter names. The same document sent again is the same
 * file, and is not written again while it or its receipt still lies there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "run/metrics.h"
#include "services/deliver/transport.h"

enum {
    NAME_BYTES_MAX = 200,
    RECEIPT_BYTES_MAX = 64 * 1024,
    RECEIPTS_PER_SCAN_MAX = 1000,
    HALF_WRITTEN_SECONDS = 5, // a receipt that can't be read for so long stays so
    SAME_NAMES_MAX = 1000     // kept aside
};

static const char usual_ending[] = ".receipt.json";

struct pn_delivery_transport {
    struct pn_transport_callbacks callbacks;
    const char *system;
    const char *folder; // the configuration's
    int folder_fd;      // -1 while the folder is away
    const char *receipt_ending;
};

static enum pn_code open_drop(struct event_base *base, const struct pn_system_conf *conf,
                              const struct pn_transport_callbacks *callbacks,
                              struct pn_delivery_transport **ret_transport, struct pn_err *err)
{
    (void)base;
    struct pn_delivery_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) {
        return pn_err_set(err, PN_MEMORY, conf->name, "no memory for a folder");
    }
    transport->callbacks = *callbacks;
    transport->system = conf->name;
    transport->folder = conf->deliver;
    transport->folder_fd = -1;
    transport->receipt_ending =
        callbacks->receipt_ending != NULL ? callbacks->receipt_ending : usual_ending;
    *ret_transport = transport;
    return PN_OK;
}

// A folder may be a network mount that comes and goes, or be moved: opened anew whenever the path
// no longer leads to the one that was open.
static bool have_folder(struct pn_delivery_transport *transport)
{
    if (transport->folder_fd >= 0) {
        struct stat open_one;
        struct stat named_one;
        if (fstat(transport->folder_fd, &open_one) == 0 &&
            stat(transport->folder, &named_one) == 0 && open_one.st_ino == named_one.st_ino &&
            open_one.st_dev == named_one.st_dev) {
            return true;
        }
        close(transport->folder_fd);
    }
    transport->folder_fd = open(transport->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return transport->folder_fd >= 0;
}

static bool name_is_safe(struct pn_slice name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX || name.ptr[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}

static bool write_all(int fd, struct pn_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes = pn_slice_of(bytes.ptr + written, bytes.len - (size_t)written);
    }
    return true;
}

// False when it could not be written whole. Whatever else already bears the name stays, and counts
// as written.
static bool write_file(int folder_fd, const char *name, struct pn_slice bytes)
{
    char part[NAME_BYTES_MAX + 16];
    snprintf(part, sizeof part, ".%s.part", name);
    (void)unlinkat(folder_fd, part, 0); // half of an earlier try, or what somebody put there
    int fd = openat(folder_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0) {
        return false;
    }
    bool ok = write_all(fd, bytes) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && (pn_file_move_new(folder_fd, part, folder_fd, name) || errno == EEXIST);
    (void)unlinkat(folder_fd, part, 0);
    return ok && fsync(folder_fd) == 0;
}

static bool exists(int folder_fd, const char *name)
{
    return faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum pn_code send_drop(struct pn_delivery_transport *transport,
                              const struct pn_document_out *document, struct pn_err *err)
{
    if (!name_is_safe(document->path)) {
        return pn_err_set(err, PN_INVALID, "out path",
                          "a file's name may hold letters, digits, dot, dash and underscore only");
    }
    char name[NAME_BYTES_MAX + 1];
    snprintf(name, sizeof name, "%.*s", PN_SLICE_FMT(document->path));
    char receipt[NAME_BYTES_MAX + PN_RECEIPT_ENDING_BYTES_MAX + 1];
    snprintf(receipt, sizeof receipt, "%s%s", name, transport->receipt_ending);
    struct pn_transport_result result = {.outcome = PN_TRANSPORT_LEFT};
    if (!have_folder(transport)) {
        result.outcome = PN_TRANSPORT_AWAY;
        result.reason = "the folder can't be opened";
    } else if (!exists(transport->folder_fd, name) && !exists(transport->folder_fd, receipt) &&
               !write_file(transport->folder_fd, name, document->bytes)) {
        result.outcome = PN_TRANSPORT_AWAY;
        result.reason = "the file can't be written";
    }
    (void)transport->callbacks.result(&result, transport->callbacks.context);
    return PN_OK;
}

// Nothing that a system says is lost: a person can look at it in receipts/odd.
static void keep_aside(struct pn_delivery_transport *transport, const char *name)
{
    int folder_fd = transport->folder_fd;
    bool is_made = (mkdirat(folder_fd, "receipts", 0750) == 0 || errno == EEXIST) &&
                   (mkdirat(folder_fd, "receipts/odd", 0750) == 0 || errno == EEXIST);
    for (unsigned i = 0; is_made && i < SAME_NAMES_MAX; i++) {
        char to[NAME_BYTES_MAX + PN_RECEIPT_ENDING_BYTES_MAX + 64];
        snprintf(to, sizeof to, i == 0 ? "receipts/odd/%s" : "receipts/odd/%s.%u", name, i);
        if (renameat2(folder_fd, name, folder_fd, to, RENAME_NOREPLACE) == 0) {
            pn_log(PN_LOG_WARNING,
                   "a receipt file fits nothing that waits: it lies in receipts/odd",
                   PN_TAG("system", transport->system));
            pn_metric_add("punos_receipts_odd_total", "system", transport->system, 1);
            return;
        }
        is_made = errno == EEXIST;
    }
}

static void settle_receipt(struct pn_delivery_transport *transport, const char *name,
                           const struct stat *info, enum pn_receipt_fate fate)
{
    bool is_old = time(NULL) - info->st_mtime >= HALF_WRITTEN_SECONDS;
    if (fate == PN_RECEIPT_RECORDED) {
        unlinkat(transport->folder_fd, name, 0);
    } else if (fate == PN_RECEIPT_ODD || (fate == PN_RECEIPT_UNREADABLE && is_old)) {
        keep_aside(transport, name);
    }
}

static void read_receipt(struct pn_delivery_transport *transport, const char *name)
{
    int fd = openat(transport->folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    if (fd < 0) {
        return;
    }
    char bytes[RECEIPT_BYTES_MAX + 1];
    ssize_t length = -1;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) {
        length = read(fd, bytes, sizeof bytes);
    }
    close(fd);
    if (length < 0) {
        return; // the next scan sees it again
    }
    struct pn_slice sent = pn_slice_of(name, strlen(name) - strlen(transport->receipt_ending));
    enum pn_receipt_fate fate =
        length == 0 || length > RECEIPT_BYTES_MAX
            ? PN_RECEIPT_UNREADABLE
            : transport->callbacks.receipt(sent, pn_slice_of(bytes, (size_t)length),
                                           transport->callbacks.context);
    settle_receipt(transport, name, &info, fate);
}

static void scan_drop(struct pn_delivery_transport *transport)
{
    if (!have_folder(transport)) {
        return;
    }
    int fd = openat(transport->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    struct dirent *entry = NULL;
    unsigned found = 0;
    while (found < RECEIPTS_PER_SCAN_MAX && (entry = readdir(folder)) != NULL) {
        size_t length = strlen(entry->d_name);
        size_t ending = strlen(transport->receipt_ending);
        if (entry->d_name[0] != '.' && length > ending && length <= NAME_BYTES_MAX + ending &&
            strcmp(entry->d_name + length - ending, transport->receipt_ending) == 0) {
            found++;
            read_receipt(transport, entry->d_name);
        }
    }
    closedir(folder);
}

static void close_drop(struct pn_delivery_transport *transport)
{
    if (transport == NULL) {
        return;
    }
    if (transport->folder_fd >= 0) {
        close(transport->folder_fd);
    }
    free(transport);
}

const struct pn_transport_ops pn_transport_drop = {
    .open = open_drop, .send = send_drop, .scan = scan_drop, .close = close_drop};
