// SPDX-License-Identifier: Apache-2.0
#include "services/up/up_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// With the folders above it.
static enum pn_code make_folder(const char *path, struct pn_err *err)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t len = slash == NULL ? strlen(path) : (size_t)(slash - path);
        snprintf(part, sizeof part, "%.*s", (int)len, path);
        // The owner's own: what is in here concerns nobody else on this machine.
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return pn_err_set(err, PN_IO, part, "cannot be made: %s", strerror(errno));
        }
        if (slash == NULL) {
            return PN_OK;
        }
    }
}

static enum pn_code make_inside(const struct pn_config *config, const char *name,
                                struct pn_err *err)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", config->data_dir, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    return make_folder(path, err);
}

enum pn_code pn_up_make_folders(const struct pn_config *config, struct pn_err *err)
{
    static const char *const inside[] = {"store", "stream", "run", "secrets", "drop"};
    enum pn_code code = make_folder(config->data_dir, err);
    for (unsigned i = 0; code == PN_OK && i < PN_ARRAY_COUNT(inside); i++) {
        code = make_inside(config, inside[i], err);
    }
    for (unsigned i = 0; code == PN_OK && i < config->system_count; i++) {
        const struct pn_system_conf *system = &config->systems[i];
        char name[128];
        snprintf(name, sizeof name, "drop/%.100s", system->name);
        code = system->drop_folder[0] != '\0' ? make_folder(system->drop_folder, err)
                                              : make_inside(config, name, err);
    }
    return code;
}

enum pn_code pn_up_lock(const struct pn_config *config, int *ret_lock, struct pn_err *err)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/run/up.lock", config->data_dir);
    if (length < 0 || (size_t)length >= sizeof path) {
        return pn_err_set(err, PN_LIMIT, "data", "the folder's name is too long");
    }
    int lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (lock < 0) {
        return pn_err_set(err, PN_IO, path, "cannot be opened: %s", strerror(errno));
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        return pn_err_set(err, PN_CONFLICT, path, "another hub runs on this data folder");
    }
    *ret_lock = lock;
    return PN_OK;
}

bool pn_up_is_running(const struct pn_config *config)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/run/up.lock", config->data_dir);
    int lock = open(path, O_RDWR | O_CLOEXEC);
    bool is_held = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0;
    if (lock >= 0) {
        close(lock);
    }
    return is_held;
}
