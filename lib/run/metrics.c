// SPDX-License-Identifier: Apache-2.0
#include "run/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { SLOTS = 1024, FILE_BYTES_MAX = 256 * 1024, PROCESSES_MAX = 256 };
_Static_assert((int)SLOTS >= 2 * (int)PN_METRICS_MAX, "half full at most");

struct metric {
    char name[PN_METRIC_TEXT_BYTES];
    char label[PN_METRIC_TEXT_BYTES];
    char label_value[PN_METRIC_TEXT_BYTES];
    int64_t value;
};

static struct {
    struct metric slots[SLOTS];
    unsigned count;
} metrics;

static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 16777619U;
    }
    return (hash ^ 0xff) * 16777619U;
}

static bool is_same(const char *kept, const char *text)
{
    return strncmp(kept, text, PN_METRIC_TEXT_BYTES - 1) == 0;
}

// NULL when there is none and none may be made.
static struct metric *find(const char *name, const char *label, const char *label_value, bool make)
{
    label = label == NULL ? "" : label;
    label_value = label_value == NULL ? "" : label_value;
    uint32_t hash = hash_text(hash_text(hash_text(2166136261U, name), label), label_value);
    unsigned slot = hash % SLOTS;
    while (metrics.slots[slot].name[0] != '\0') {
        struct metric *metric = &metrics.slots[slot];
        if (is_same(metric->name, name) && is_same(metric->label, label) &&
            is_same(metric->label_value, label_value)) {
            return metric;
        }
        slot = (slot + 1) % SLOTS;
    }
    if (!make || metrics.count == PN_METRICS_MAX) {
        return NULL;
    }
    metrics.count++;
    struct metric *metric = &metrics.slots[slot];
    snprintf(metric->name, sizeof metric->name, "%s", name);
    snprintf(metric->label, sizeof metric->label, "%s", label);
    snprintf(metric->label_value, sizeof metric->label_value, "%s", label_value);
    return metric;
}

void pn_metric_add(const char *name, const char *label, const char *label_value, int64_t amount)
{
    struct metric *metric = find(name, label, label_value, true);
    if (metric != NULL) {
        metric->value += amount;
    }
}

void pn_metric_set(const char *name, const char *label, const char *label_value, int64_t value)
{
    struct metric *metric = find(name, label, label_value, true);
    if (metric != NULL) {
        metric->value = value;
    }
}

int64_t pn_metric_get(const char *name, const char *label, const char *label_value)
{
    const struct metric *metric = find(name, label, label_value, false);
    return metric == NULL ? 0 : metric->value;
}

// --- The file ------------------------------------------------------------------------------------

struct pn_metrics_file {
    char path[PATH_MAX];
    char new_path[PATH_MAX];
    char lock_path[PATH_MAX];
    int lock;
    unsigned process;
};

static bool take_lock(struct pn_metrics_file *file, const char *data_dir, const char *service,
                      unsigned process)
{
    int length =
        snprintf(file->path, sizeof file->path, "%s/run/%s.%u.metrics", data_dir, service, process);
    if (length < 0 || length > PATH_MAX - 16) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(file->new_path, sizeof file->new_path, "%.*s.new", length, file->path);
    snprintf(file->lock_path, sizeof file->lock_path, "%.*s.lock", length, file->path);
    file->lock = open(file->lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file->lock >= 0 && flock(file->lock, LOCK_EX | LOCK_NB) == 0) {
        return true;
    }
    int reason = errno;
    if (file->lock >= 0) {
        close(file->lock);
    }
    errno = reason;
    return false;
}

enum pn_code pn_metrics_file_open(const char *data_dir, const char *service,
                                  struct pn_metrics_file **ret_file, struct pn_err *err)
{
    struct pn_metrics_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return pn_err_set(err, PN_MEMORY, "metrics", "no memory");
    }
    for (unsigned process = 0; process < PROCESSES_MAX; process++) {
        if (take_lock(file, data_dir, service, process)) {
            file->process = process;
            *ret_file = file;
            return PN_OK;
        }
        if (errno != EWOULDBLOCK) {
            break;
        }
    }
    enum pn_code code =
        pn_err_set(err, PN_IO, file->lock_path, "cannot be taken: %s", strerror(errno));
    free(file);
    return code;
}

unsigned pn_metrics_file_process(const struct pn_metrics_file *file)
{
    return file->process;
}

// Tab-separated: name, label, its value, the number.
static void print_all(struct pn_buf *out)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct metric *metric = &metrics.slots[i];
        if (metric->name[0] != '\0') {
            pn_buf_printf(out, "%s\t%s\t%s\t%" PRId64 "\n", metric->name, metric->label,
                          metric->label_value, metric->value);
        }
    }
}

static bool write_whole(const char *path, struct pn_slice text)
{
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    ssize_t written = write(file, text.ptr, text.len);
    return close(file) == 0 && written == (ssize_t)text.len;
}

enum pn_code pn_metrics_file_write(struct pn_metrics_file *file, struct pn_err *err)
{
    pn_metric_set(PN_METRIC_HEARTBEAT, NULL, NULL, pn_clock_now_ms());
    struct pn_buf text;
    pn_buf_init(&text, FILE_BYTES_MAX);
    print_all(&text);
    bool written = pn_buf_ok(&text) && write_whole(file->new_path, pn_buf_slice(&text)) &&
                   rename(file->new_path, file->path) == 0;
    pn_buf_release(&text);
    return written ? PN_OK
                   : pn_err_set(err, PN_IO, file->path, "cannot be written: %s", strerror(errno));
}

void pn_metrics_file_close(struct pn_metrics_file *file)
{
    if (file == NULL) {
        return;
    }
    unlink(file->path);
    close(file->lock);
    free(file);
}

// --- Reading those of all ------------------------------------------------------------------------

struct reading {
    struct pn_metric metric;
    char service[PN_METRIC_TEXT_BYTES];
    void (*found)(void *context, const struct pn_metric *metric);
    void *context;
};

// Cuts the next field off; NULL when there is none.
static char *take_field(char **rest)
{
    char *field = *rest;
    char *tab = field == NULL ? NULL : strchr(field, '\t');
    *rest = tab == NULL ? NULL : tab + 1;
    if (tab != NULL) {
        *tab = '\0';
    }
    return field;
}

static void read_line(struct reading *reading, char *line)
{
    char *rest = line;
    const char *name = take_field(&rest);
    const char *label = take_field(&rest);
    const char *label_value = take_field(&rest);
    const char *number = take_field(&rest);
    int64_t value = 0;
    if (number == NULL || !pn_slice_to_i64(pn_slice_str(number), &value)) {
        return;
    }
    reading->metric.name = name;
    reading->metric.label = label;
    reading->metric.label_value = label_value;
    reading->metric.value = value;
    reading->found(reading->context, &reading->metric);
}

static bool is_locked(const char *metrics_path)
{
    char path[PATH_MAX + NAME_MAX + 8];
    snprintf(path, sizeof path, "%s.lock", metrics_path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool taken = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(file);
    return taken;
}

static void read_file(struct reading *reading, const char *path)
{
    static char text[FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return; // its process has just ended
    }
    size_t len = fread(text, 1, FILE_BYTES_MAX, file);
    fclose(file);
    text[len] = '\0';
    reading->metric.is_alive = is_locked(path);
    char *line = text;
    for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
        *end = '\0';
        read_line(reading, line);
        line = end + 1;
    }
}

// SERVICE.N.metrics
static bool take_name(struct reading *reading, const char *name)
{
    struct pn_slice rest = {0};
    struct pn_slice service = pn_slice_split(pn_slice_str(name), '.', &rest);
    struct pn_slice number = pn_slice_split(rest, '.', &rest);
    int64_t process = 0;
    if (!pn_slice_is(rest, "metrics") || service.len >= sizeof reading->service ||
        !pn_slice_to_i64(number, &process) || process < 0 || process > PROCESSES_MAX) {
        return false;
    }
    snprintf(reading->service, sizeof reading->service, "%.*s", PN_SLICE_FMT(service));
    reading->metric.service = reading->service;
    reading->metric.process = (unsigned)process;
    return true;
}

enum pn_code pn_metrics_read_all(const char *data_dir,
                                 void (*found)(void *context, const struct pn_metric *metric),
                                 void *context, struct pn_err *err)
{
    char folder[PATH_MAX];
    int length = snprintf(folder, sizeof folder, "%s/run", data_dir);
    if (length < 0 || length > PATH_MAX - NAME_MAX - 2) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return pn_err_set(err, PN_UNAVAILABLE, folder, "cannot be read: %s", strerror(errno));
    }
    struct reading reading = {.found = found, .context = context};
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (take_name(&reading, entry->d_name)) {
            char path[PATH_MAX + NAME_MAX + 2];
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            read_file(&reading, path);
        }
    }
    closedir(entries);
    return PN_OK;
}
