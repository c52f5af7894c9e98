// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "services/ingest/drop_files.h"
#include "services/ingest/drop_receipt.h"
#include "services/ingest/receive.h"

enum {
    FILES_MAX = 1024,         // of one folder, looked at in one round
    ENTRIES_MAX = 100 * 1000, // read from a folder in one round
    IN_FLIGHT_MAX = 64,
    SCAN_MS = 1000,
    CLOSED_STABLE_MS = 200,
    ALONE_STABLE_MS = 5000,
    LISTS_MAX = 2 // files that are lists, on their way at once: each is held in memory
};

struct file {
    char name[NAME_MAX + 1];
    struct stat status;
    int64_t changed_ms; // monotonic: when it was last seen to be other than before
    bool is_moved_in;
    bool is_closed;
    bool is_in_flight;
    bool is_here; // seen in this round
    bool is_told; // that it cannot be read
};

struct folder {
    struct pn_receive_drop *receive;
    struct pn_ingest_system *system;
    char path[PATH_MAX];
    struct pn_drop_folder files_in; // fd -1 while it is away, or another process has it
    int watch;
    enum pn_code away; // why; PN_OK: it is open
    struct file *files;
    unsigned file_count;
    unsigned in_flight_count;
};

struct pn_receive_drop {
    struct pn_intake *intake;
    struct folder folders[PN_SYSTEMS_MAX];
    unsigned folder_count;
    int inotify_fd;
    struct event *watching;
    struct event *round; // every SCAN_MS
    struct event *soon;  // a round because something has happened
    struct pn_buf bytes;
    struct pn_buf list_bytes; // of a file that is a list
    unsigned list_count;      // on their way
};

// A file on its way through the intake.
struct job {
    struct folder *folder;
    char name[NAME_MAX + 1];
    struct stat status;
};

// --- The files that are known --------------------------------------------------------------------

static struct file *find_file(struct folder *folder, const char *name)
{
    for (unsigned i = 0; i < folder->file_count; i++) {
        if (strcmp(folder->files[i].name, name) == 0) {
            return &folder->files[i];
        }
    }
    return NULL;
}

static struct file *know_file(struct folder *folder, const char *name)
{
    struct file *file = find_file(folder, name);
    if (file != NULL || folder->file_count == FILES_MAX || strlen(name) > NAME_MAX) {
        return file;
    }
    file = &folder->files[folder->file_count++];
    memset(file, 0, sizeof *file);
    memcpy(file->name, name, strlen(name));
    return file;
}

static bool is_same_state(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_nlink == b->st_nlink;
}

static void look_at(struct folder *folder, const char *name, int64_t now_ms)
{
    struct stat status;
    if (pn_drop_name_is_skipped(name) ||
        fstatat(folder->files_in.fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        S_ISDIR(status.st_mode)) {
        return;
    }
    struct file *file = know_file(folder, name);
    if (file == NULL) {
        return;
    }
    file->is_here = true;
    if (!is_same_state(&file->status, &status)) {
        file->status = status;
        file->changed_ms = now_ms;
    }
}

static void forget_gone(struct folder *folder)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < folder->file_count; i++) {
        if (!folder->files[i].is_here && !folder->files[i].is_in_flight) {
            continue;
        }
        if (kept != i) {
            folder->files[kept] = folder->files[i];
        }
        kept++;
    }
    folder->file_count = kept;
}

static void look_around(struct folder *folder)
{
    int fd = openat(folder->files_in.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (unsigned i = 0; i < folder->file_count; i++) {
        folder->files[i].is_here = false;
    }
    int64_t now_ms = pn_clock_monotonic_ms();
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        look_at(folder, entry->d_name, now_ms);
    }
    closedir(dir);
    forget_gone(folder);
}

static bool is_ready(const struct file *file, int64_t now_ms)
{
    if (file->is_in_flight || !file->is_here) {
        return false;
    }
    int64_t still_ms = now_ms - file->changed_ms;
    if (S_ISREG(file->status.st_mode) && file->status.st_nlink > 1) {
        return still_ms >= ALONE_STABLE_MS; // perhaps on its way in by link and unlink
    }
    return file->is_moved_in || !S_ISREG(file->status.st_mode) ||
           (file->is_closed && still_ms >= CLOSED_STABLE_MS) || still_ms >= ALONE_STABLE_MS;
}

// --- Receipts ------------------------------------------------------------------------------------

static void put_away(const struct job *job, bool is_accepted, struct pn_slice receipt)
{
    struct pn_err err = {0};
    enum pn_code code = receipt.len == 0
                            ? pn_err_set(&err, PN_MEMORY, "receipt", "no memory is left")
                            : pn_drop_put_away(&job->folder->files_in, job->name, &job->status,
                                               is_accepted, receipt, &err);
    if (code != PN_OK) {
        // It stays, and is taken again: the same content is the same events.
        pn_log_error("a dropped file could not be put away", &err);
    }
}

static void put_away_message(const struct job *job, const struct pn_intake_result *result)
{
    struct pn_buf receipt;
    pn_buf_init(&receipt, PN_DROP_RECEIPT_BYTES_MAX);
    const struct pn_drop_receipt about = {.system = job->folder->system->conf->name,
                                          .file_name = job->name};
    pn_drop_receipt_of_message(&about, result, &receipt);
    put_away(job, result->outcome != PN_INTAKE_REFUSED, pn_buf_slice(&receipt));
    pn_buf_release(&receipt);
}

// --- Through the intake --------------------------------------------------------------------------

// The job is over; the file is away, or stays and is taken again later.
static void end_job(struct job *job, bool is_turned_away)
{
    struct folder *folder = job->folder;
    struct file *file = find_file(folder, job->name);
    folder->in_flight_count--;
    if (file != NULL) {
        file->is_in_flight = false;
        file->is_here = false;
        file->changed_ms = pn_clock_monotonic_ms();
        file->is_moved_in = false; // what comes under this name now is another file
        file->is_closed = false;
    }
    if (!is_turned_away && folder->file_count > folder->in_flight_count) {
        event_active(folder->receive->soon, EV_TIMEOUT, 0);
    }
    free(job);
}

static void on_done(const struct pn_intake_result *result, void *context)
{
    struct job *job = context;
    bool is_turned_away = result->outcome == PN_INTAKE_TURNED_AWAY;
    if (!is_turned_away) {
        put_away_message(job, result);
    }
    end_job(job, is_turned_away);
}

static void on_list_done(const struct pn_drop_list_result *result, void *context)
{
    struct job *job = context;
    job->folder->receive->list_count--;
    if (!result->is_turned_away) {
        struct pn_buf receipt;
        pn_buf_init(&receipt, PN_DROP_RECEIPT_BYTES_MAX);
        const struct pn_drop_receipt about = {.system = job->folder->system->conf->name,
                                              .file_name = job->name};
        pn_drop_receipt_of_list(&about, result, &receipt);
        put_away(job, pn_drop_list_is_accepted(result), pn_buf_slice(&receipt));
        pn_buf_release(&receipt);
    }
    end_job(job, result->is_turned_away);
}

static struct job *job_new(struct folder *folder, const struct file *file)
{
    struct job *job = malloc(sizeof *job);
    if (job != NULL) {
        job->folder = folder;
        job->status = file->status;
        memcpy(job->name, file->name, sizeof job->name);
    }
    return job;
}

// A file that cannot even be read as a message: rejected here, there is nothing to quarantine.
static void reject_unread(const struct job *job, const struct pn_err *why)
{
    struct pn_intake_result result = {.outcome = PN_INTAKE_REFUSED, .err = *why};
    job->folder->system->counts.refused++;
    put_away_message(job, &result);
}

// The name for adapters, who look at its ending: bytes that are not text are underlined.
static void make_safe_name(const char *name, char ret_name[static NAME_MAX + 1])
{
    bool is_text = pn_utf8_is_valid(pn_slice_str(name));
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        ret_name[i] = is_text || (unsigned char)name[i] < 0x80 ? name[i] : '_';
    }
    ret_name[len] = '\0';
}

// One message: what it became, or why it was refused, comes back through on_done.
static void submit_message(struct job *job, struct pn_message_in *in, const struct pn_err *refusal)
{
    const struct pn_intake_message message = {.system = job->folder->system,
                                              .in = *in,
                                              .refusal = refusal,
                                              .can_wait = true,
                                              .done = on_done,
                                              .context = job};
    pn_intake_submit(job->folder->receive->intake, &message);
}

// A list that cannot be taken apart lies in quarantine as a whole, unless it is too large for that.
static void submit_list(struct job *job, struct pn_message_in *in, struct pn_buf *bytes)
{
    struct pn_receive_drop *receive = job->folder->receive;
    struct pn_err err = {0};
    const struct pn_drop_list_parts parts = {.intake = receive->intake,
                                             .system = job->folder->system,
                                             .file_name = in->file_name,
                                             .done = on_list_done,
                                             .context = job};
    receive->list_count++;
    if (pn_drop_list_start(&parts, bytes, &err) == PN_OK) {
        return;
    }
    receive->list_count--;
    in->bytes = pn_buf_slice(bytes);
    if (in->bytes.len <= PN_MESSAGE_BYTES_MAX) {
        submit_message(job, in, &err);
    } else {
        reject_unread(job, &err);
        end_job(job, false);
    }
    pn_buf_release(bytes);
}

// A file that could not be read: later again, or away with it.
static void give_up(struct file *file, struct job *job, const struct pn_err *err)
{
    if (err->code == PN_IO || err->code == PN_CONFLICT) {
        if (err->code == PN_IO && !file->is_told) {
            pn_log_error("a dropped file cannot be read", err);
            file->is_told = true;
        }
        file->changed_ms = pn_clock_monotonic_ms();
        file->is_moved_in = false;
    } else {
        reject_unread(job, err);
    }
    free(job);
}

static void submit(struct folder *folder, struct file *file)
{
    struct pn_receive_drop *receive = folder->receive;
    struct pn_err err = {0};
    char safe_name[NAME_MAX + 1];
    make_safe_name(file->name, safe_name);
    struct pn_message_in in =
        pn_ingest_message_in(folder->system, pn_slice_of(NULL, 0), PN_TRANSPORT_DROP);
    in.file_name = safe_name;
    bool is_list = pn_adapter_splits(folder->system->adapter, &in);
    struct job *job = is_list && receive->list_count == LISTS_MAX ? NULL : job_new(folder, file);
    if (job == NULL) {
        return; // the next round tries again
    }
    struct pn_buf *bytes = is_list ? &receive->list_bytes : &receive->bytes;
    enum pn_code code = pn_drop_read(&folder->files_in, file->name, bytes, &job->status, &err);
    if (code == PN_OK && bytes->len == 0) {
        code = pn_err_set(&err, PN_INVALID, "file", "it is empty");
    }
    if (code != PN_OK) {
        give_up(file, job, &err);
        return;
    }
    file->is_in_flight = true;
    folder->in_flight_count++;
    if (is_list) {
        submit_list(job, &in, bytes);
    } else {
        in.bytes = pn_buf_slice(bytes);
        submit_message(job, &in, NULL);
    }
}

static int by_age(const void *a, const void *b)
{
    const struct file *first = *(const struct file *const *)a;
    const struct file *second = *(const struct file *const *)b;
    const struct timespec *x = &first->status.st_mtim;
    const struct timespec *y = &second->status.st_mtim;
    if (x->tv_sec != y->tv_sec) {
        return x->tv_sec < y->tv_sec ? -1 : 1;
    }
    if (x->tv_nsec != y->tv_nsec) {
        return x->tv_nsec < y->tv_nsec ? -1 : 1;
    }
    return strcmp(first->name, second->name);
}

// Opens the folder, or opens it anew. What stands in its way is logged when it begins.
static enum pn_code open_files(struct folder *folder, struct pn_err *err)
{
    struct pn_receive_drop *receive = folder->receive;
    const char *name = folder->system->conf->name;
    enum pn_code code = pn_drop_folder_open(folder->path, &folder->files_in, err);
    if (code == PN_OK) {
        folder->watch =
            inotify_add_watch(receive->inotify_fd, folder->path, IN_CLOSE_WRITE | IN_MOVED_TO);
        pn_log(PN_LOG_INFO, "watching", PN_TAG("system", name), PN_TAG("by", "drop"));
    } else if (code == PN_CONFLICT && folder->away != code) {
        pn_log(PN_LOG_INFO, "another process watches this folder; standing by",
               PN_TAG("system", name));
    } else if (folder->away != code) {
        pn_log_error("a drop folder is away", err);
    }
    folder->away = code;
    return code;
}

// A folder may be a network mount that comes and goes, or be moved and made anew.
static bool have_folder(struct folder *folder)
{
    if (pn_drop_folder_is_at(&folder->files_in, folder->path)) {
        return true;
    }
    if (folder->files_in.fd >= 0) {
        (void)inotify_rm_watch(folder->receive->inotify_fd, folder->watch);
        pn_drop_folder_close(&folder->files_in);
    }
    struct pn_err err = {0};
    return open_files(folder, &err) == PN_OK;
}

// Oldest first.
static void scan(struct folder *folder)
{
    struct file *ready[FILES_MAX];
    unsigned ready_count = 0;
    if (!have_folder(folder)) {
        return;
    }
    look_around(folder);
    int64_t now_ms = pn_clock_monotonic_ms();
    for (unsigned i = 0; i < folder->file_count; i++) {
        if (is_ready(&folder->files[i], now_ms)) {
            ready[ready_count++] = &folder->files[i];
        }
    }
    qsort(ready, ready_count, sizeof *ready, by_age);
    for (unsigned i = 0; i < ready_count && folder->in_flight_count < IN_FLIGHT_MAX; i++) {
        submit(folder, ready[i]);
    }
}

// --- Events --------------------------------------------------------------------------------------

static void on_round(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_receive_drop *receive = context;
    for (unsigned i = 0; i < receive->folder_count; i++) {
        scan(&receive->folders[i]);
    }
}

static void note_event(struct pn_receive_drop *receive, const struct inotify_event *event)
{
    for (unsigned i = 0; i < receive->folder_count && event->len > 0; i++) {
        struct folder *folder = &receive->folders[i];
        if (folder->watch != event->wd || pn_drop_name_is_skipped(event->name)) {
            continue;
        }
        struct file *file = know_file(folder, event->name);
        if (file == NULL) {
            return;
        }
        file->is_here = true;
        file->is_moved_in = file->is_moved_in || (event->mask & IN_MOVED_TO) != 0;
        file->is_closed = file->is_closed || (event->mask & IN_CLOSE_WRITE) != 0;
    }
}

static void on_watching(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct pn_receive_drop *receive = context;
    _Alignas(struct inotify_event) char events[16 * 1024];
    ssize_t got = read(fd, events, sizeof events);
    bool is_moved = false;
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const void *)(events + at);
        note_event(receive, event);
        is_moved = is_moved || (event->mask & IN_MOVED_TO) != 0;
        at += (ssize_t)(sizeof *event + event->len);
    }
    const struct timeval stable = {.tv_usec = (CLOSED_STABLE_MS + 20) * 1000};
    if (is_moved) {
        event_active(receive->soon, EV_TIMEOUT, 0);
    } else if (!evtimer_pending(receive->soon, NULL)) {
        evtimer_add(receive->soon, &stable);
    }
}

// --- Opening -------------------------------------------------------------------------------------

static enum pn_code open_folder(struct pn_receive_drop *receive,
                                const struct pn_receive_parts *parts,
                                struct pn_ingest_system *system, struct pn_err *err)
{
    struct folder *folder = &receive->folders[receive->folder_count];
    *folder = (struct folder){.receive = receive, .system = system, .files_in = {-1, -1, -1, -1}};
    const char *given = system->conf->drop_folder;
    int len = given[0] != '\0' ? snprintf(folder->path, sizeof folder->path, "%s", given)
                               : snprintf(folder->path, sizeof folder->path, "%s/drop/%s/in",
                                          parts->config->data_dir, system->conf->name);
    if (len < 0 || (size_t)len >= sizeof folder->path) {
        return pn_err_set(err, PN_LIMIT, "drop_folder", "the folder's name is too long");
    }
    folder->files = calloc(FILES_MAX, sizeof *folder->files);
    if (folder->files == NULL) {
        return pn_err_set(err, PN_MEMORY, system->conf->name, "the heap is exhausted");
    }
    receive->folder_count++;
    enum pn_code code = open_files(folder, err);
    return code == PN_OK || code == PN_CONFLICT ? PN_OK : pn_err_within(err, system->conf->name);
}

static enum pn_code open_events(struct pn_receive_drop *receive, struct event_base *base,
                                struct pn_err *err)
{
    const struct timeval every = {.tv_sec = SCAN_MS / 1000};
    receive->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    receive->watching =
        event_new(base, receive->inotify_fd, EV_READ | EV_PERSIST, on_watching, receive);
    receive->round = event_new(base, -1, EV_PERSIST, on_round, receive);
    receive->soon = evtimer_new(base, on_round, receive);
    if (receive->inotify_fd < 0 || receive->watching == NULL || receive->round == NULL ||
        receive->soon == NULL) {
        return pn_err_set(err, PN_IO, "drop", "folders cannot be watched");
    }
    event_add(receive->watching, NULL);
    event_add(receive->round, &every);
    return PN_OK;
}

enum pn_code pn_receive_drop_open(const struct pn_receive_parts *parts,
                                  struct pn_receive_drop **ret_receive, struct pn_err *err)
{
    struct pn_receive_drop *receive = calloc(1, sizeof *receive);
    if (receive == NULL) {
        return pn_err_set(err, PN_MEMORY, "drop", "the heap is exhausted");
    }
    receive->intake = parts->intake;
    pn_buf_init(&receive->bytes, PN_MESSAGE_BYTES_MAX);
    pn_buf_init(&receive->list_bytes, PN_FILE_BYTES_MAX);
    enum pn_code code = open_events(receive, parts->base, err);
    for (unsigned i = 0; code == PN_OK && i < parts->systems->count; i++) {
        struct pn_ingest_system *system = &parts->systems->items[i];
        if (pn_ingest_system_takes(system, PN_TRANSPORT_DROP)) {
            code = open_folder(receive, parts, system, err);
        }
    }
    if (code != PN_OK) {
        pn_receive_drop_close(receive);
        return code;
    }
    *ret_receive = receive;
    return PN_OK;
}

void pn_receive_drop_close(struct pn_receive_drop *receive)
{
    if (receive == NULL) {
        return;
    }
    struct event *events[] = {receive->watching, receive->round, receive->soon};
    for (size_t i = 0; i < PN_ARRAY_COUNT(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    for (unsigned i = 0; i < receive->folder_count; i++) {
        pn_drop_folder_close(&receive->folders[i].files_in);
        free(receive->folders[i].files);
    }
    if (receive->inotify_fd >= 0) {
        close(receive->inotify_fd);
    }
    pn_buf_release(&receive->bytes);
    pn_buf_release(&receive->list_bytes);
    free(receive);
}
