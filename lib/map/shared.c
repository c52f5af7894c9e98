// SPDX-License-Identifier: Apache-2.0
// An adapter's files, and what several of them share: its own `_*.yaml` and those of its libraries.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "map/compile.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_yaml(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && name[0] != '.' && strcmp(name + length - 5, ".yaml") == 0;
}

enum pn_code pn_map_list_files(struct pn_map_compiler *compiler, const char *folder,
                               const char **names, unsigned *ret_count)
{
    const char *path = pn_arena_printf(compiler->boot, "%s/%s", compiler->folder, folder);
    DIR *directory = path == NULL ? NULL : opendir(path);
    *ret_count = 0;
    if (directory == NULL) {
        return path == NULL || errno == ENOMEM ? pn_map_no_memory(compiler) : PN_OK;
    }
    enum pn_code code = PN_OK;
    struct dirent *entry;
    while (code == PN_OK && (entry = readdir(directory)) != NULL) {
        if (!is_yaml(entry->d_name)) {
            continue;
        }
        if (*ret_count == PN_MAP_FILES_MAX) {
            code = pn_err_set(compiler->err, PN_LIMIT, folder, "over %d files", PN_MAP_FILES_MAX);
            break;
        }
        const char *copy = pn_arena_copy(compiler->boot, pn_slice_str(entry->d_name));
        if (copy == NULL) {
            code = pn_map_no_memory(compiler);
        }
        names[(*ret_count)++] = copy;
    }
    closedir(directory);
    qsort(names, *ret_count, sizeof *names, compare_names);
    return code;
}

enum pn_code pn_map_read_yaml(struct pn_map_compiler *compiler, const char *name,
                              const struct pn_yaml **ret_root)
{
    const char *path = pn_arena_printf(compiler->boot, "%s/%s", compiler->folder, name);
    struct pn_slice text;
    if (path == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = pn_file_read(compiler->boot, path, FILE_BYTES_MAX, &text, compiler->err);
    if (code != PN_OK) {
        return code;
    }
    compiler->file = name;
    return pn_yaml_parse(compiler->boot, name, text, ret_root, compiler->err);
}

// --- Shared files --------------------------------------------------------------------------------

static enum pn_code add_shared(struct pn_map_compiler *compiler, const char *folder,
                               const char *name, const char *library)
{
    static const char *const keys[] = {"format", "header", "keys", "rows", "events", NULL};
    static const char *const header_keys[] = {"message_from", "control_id", "sender",
                                              "recorded",     "sector",     "checks",
                                              "persons",      "events",     NULL};
    if (compiler->shared_count == PN_MAP_SHARED_MAX) {
        return pn_err_set(compiler->err, PN_LIMIT, folder, "over %d shared files",
                          PN_MAP_SHARED_MAX);
    }
    struct pn_map_shared *shared = &compiler->shared[compiler->shared_count++];
    shared->library = library;
    shared->file = pn_arena_printf(compiler->boot, "%s/%s", folder, name);
    if (shared->file == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = pn_map_read_yaml(compiler, shared->file, &shared->root);
    if (code == PN_OK) {
        code = pn_map_check_keys(compiler, shared->root, keys);
    }
    const struct pn_yaml *header = code == PN_OK ? pn_yaml_get(shared->root, "header") : NULL;
    return header == NULL ? code : pn_map_check_keys(compiler, header, header_keys);
}

static enum pn_code add_library(struct pn_map_compiler *compiler, const char *folder,
                                const char *library)
{
    const char *names[PN_MAP_FILES_MAX];
    unsigned count = 0;
    const char *path = pn_arena_printf(compiler->boot, "../_%s/%s", library, folder);
    if (path == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = pn_map_list_files(compiler, path, names, &count);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        code = add_shared(compiler, path, names[i], library);
    }
    return code;
}

enum pn_code pn_map_load_shared(struct pn_map_compiler *compiler, const char *folder,
                                const char *const *names, unsigned count)
{
    enum pn_code code = PN_OK;
    compiler->shared_count = 0;
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        if (names[i][0] == '_') {
            code = add_shared(compiler, folder, names[i], NULL);
        }
    }
    for (unsigned i = 0; code == PN_OK && i < compiler->adapter->library_count; i++) {
        code = add_library(compiler, folder, compiler->adapter->libraries[i]);
    }
    return code;
}

// A file that says its format is for messages of that format only.
bool pn_map_is_for_format(const struct pn_map_compiler *compiler,
                          const struct pn_map_shared *shared)
{
    struct pn_slice format = pn_yaml_text(pn_yaml_get(shared->root, "format"), "");
    return format.len == 0 || pn_slice_eq(format, pn_slice_str(pn_map_formats[compiler->format]));
}

const struct pn_yaml *pn_map_find_shared(const struct pn_map_compiler *compiler,
                                         const char *section, struct pn_slice name,
                                         const char **ret_file)
{
    char wanted[64];
    struct pn_slice bare = name, library = {0};
    bool names_library = name.len > 0 && memchr(name.ptr, '/', name.len) != NULL;
    if (names_library) {
        library = pn_slice_split(name, '/', &bare);
    }
    snprintf(wanted, sizeof wanted, "%.*s", PN_SLICE_FMT(bare));
    for (unsigned i = 0; i < compiler->shared_count; i++) {
        const struct pn_map_shared *shared = &compiler->shared[i];
        bool is_elsewhere =
            names_library && (shared->library == NULL || !pn_slice_is(library, shared->library));
        if (is_elsewhere || !pn_map_is_for_format(compiler, shared)) {
            continue;
        }
        const struct pn_yaml *found = pn_yaml_get(pn_yaml_get(shared->root, section), wanted);
        if (found != NULL) {
            *ret_file = shared->file;
            return found;
        }
    }
    return NULL;
}
