// SPDX-License-Identifier: Apache-2.0
// punos adapter new: a folder to start from, copied from the template under its own name.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "fhir/json.h"
#include "run/command.h"
#include "services/tool/adapter_samples.h"

enum {
    OPTION_FROM,
    OPTION_SECTOR,
    OPTION_IN,
    OPTION_OUT,
    OPTION_COUNT,
    NAME_CHARS_MAX = 40,
    DEPTH_MAX = 8,
    FILE_BYTES_MAX = 4 * 1024 * 1024
};

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

// What the copy is of, and what it is to be.
struct copy {
    struct pn_arena *arena;
    const char *from_name, *name;
    const char *sector, *in, *out; // NULL: as in the template
    struct pn_err *err;
};

static enum pn_code no_memory(struct copy *copy)
{
    return pn_err_set(copy->err, PN_MEMORY, "", "no memory");
}

// --- Names ---------------------------------------------------------------------------------------

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    bool is_good = length > 1 && length <= NAME_CHARS_MAX && name[0] >= 'a' && name[0] <= 'z' &&
                   name[length - 1] != '-';
    for (size_t i = 0; is_good && i < length; i++) {
        char c = name[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  (c == '-' && name[i - (i > 0)] != '-');
    }
    return is_good;
}

static enum pn_code check_choice(struct copy *copy, const char *option, const char *value,
                                 const char *const *known)
{
    struct pn_buf words;
    pn_buf_init(&words, PN_ERR_TEXT_BYTES);
    bool is_known = value == NULL;
    for (size_t i = 0; known[i] != NULL; i++) {
        is_known = is_known || strcmp(value, known[i]) == 0;
        pn_buf_printf(&words, "%s%s", i == 0 ? "" : ", ", known[i]);
    }
    enum pn_code code = is_known ? PN_OK
                                 : pn_err_set(copy->err, PN_INVALID, option, "one of %.*s",
                                              PN_SLICE_FMT(pn_buf_slice(&words)));
    pn_buf_release(&words);
    return code;
}

static enum pn_code check(struct copy *copy)
{
    static const char *const sectors[] = {"primary", "specialist", "social", "national", NULL};
    static const char *const ways[] = {"mllp", "http", "drop", NULL};
    static const char *const outs[] = {"mllp", "http", "drop", "none", NULL};
    if (!is_name(copy->name)) {
        return pn_err_set(copy->err, PN_INVALID, "NAME",
                          "2 to %d small letters a-z, digits and single hyphens, beginning with a "
                          "letter",
                          NAME_CHARS_MAX);
    }
    enum pn_code code = check_choice(copy, "--sector", copy->sector, sectors);
    if (code == PN_OK) {
        code = check_choice(copy, "--in", copy->in, ways);
    }
    return code != PN_OK ? code : check_choice(copy, "--out", copy->out, outs);
}

// --- Text ----------------------------------------------------------------------------------------

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The old name where it stands as a whole word. `template` in a web address too: it is the same
// word there, without its mark.
static void rename_in(const struct copy *copy, struct pn_slice text, struct pn_buf *out)
{
    const char *bare = copy->from_name[0] == '_' ? copy->from_name + 1 : copy->from_name;
    size_t whole_length = strlen(copy->from_name), bare_length = strlen(bare);
    for (size_t at = 0; at < text.len; at++) {
        bool starts = at == 0 || !is_word(text.ptr[at - 1]);
        struct pn_slice rest = pn_slice_of(text.ptr + at, text.len - at);
        bool is_whole = starts && pn_slice_starts_with(rest, copy->from_name) &&
                        (rest.len == whole_length || !is_word(rest.ptr[whole_length]));
        bool is_bare = at > 0 && text.ptr[at - 1] == '/' && pn_slice_starts_with(rest, bare) &&
                       rest.len > bare_length && rest.ptr[bare_length] == '/';
        if (is_whole || is_bare) {
            pn_buf_add_str(out, copy->name);
            at += (is_whole ? whole_length : bare_length) - 1;
        } else {
            pn_buf_add_char(out, text.ptr[at]);
        }
    }
}

// The line of adapter.yaml with the value changed, its comment kept.
static void add_line(struct pn_buf *out, struct pn_slice line, const char *key, const char *value)
{
    const char *comment = memchr(line.ptr, '#', line.len);
    struct pn_slice rest = comment == NULL
                               ? (struct pn_slice){0}
                               : pn_slice_of(comment, line.len - (size_t)(comment - line.ptr));
    size_t column = comment == NULL ? 0 : (size_t)(comment - line.ptr);
    int room = (int)column - (int)strlen(key) - 2;
    pn_buf_printf(out, "%s: %-*s%.*s\n", key, room > 0 ? room : 0, value, PN_SLICE_FMT(rest));
}

static void add_way_in(struct pn_buf *out, struct pn_slice line, const char *way)
{
    static const char mark[] = "transport: ";
    const char *at = memmem(line.ptr, line.len, mark, sizeof mark - 1);
    size_t before = at == NULL ? line.len : (size_t)(at - line.ptr) + sizeof mark - 1;
    size_t after = before;
    while (after < line.len && line.ptr[after] != ',' && line.ptr[after] != ' ') {
        after++;
    }
    pn_buf_printf(out, "%.*s%s%.*s\n", (int)before, line.ptr, at == NULL ? "" : way,
                  (int)(line.len - after), line.ptr + after);
}

// adapter.yaml is the one file in which options change a value.
static void set_options(const struct copy *copy, struct pn_slice text, struct pn_buf *out)
{
    while (text.len > 0) {
        struct pn_slice line = pn_slice_split(text, '\n', &text);
        bool is_way = pn_slice_starts_with(pn_slice_trim(line), "- { transport: ");
        if (pn_slice_starts_with(line, "sector: ") && copy->sector != NULL) {
            add_line(out, line, "sector", copy->sector);
        } else if (pn_slice_starts_with(line, "out: ") && copy->out != NULL) {
            add_line(out, line, "out", copy->out);
        } else if (is_way && copy->in != NULL) {
            add_way_in(out, line, copy->in);
        } else {
            pn_buf_printf(out, "%.*s\n", PN_SLICE_FMT(line));
        }
    }
}

// --- Files ---------------------------------------------------------------------------------------

static enum pn_code write_file(struct copy *copy, const char *path, struct pn_slice text)
{
    FILE *file = fopen(path, "wxe");
    bool is_written = file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file != NULL && fclose(file) != 0) {
        is_written = false;
    }
    return is_written ? PN_OK : pn_err_set(copy->err, PN_IO, path, "cannot be written");
}

static enum pn_code copy_file(struct copy *copy, const char *from, const char *to)
{
    struct pn_slice text;
    enum pn_code code = pn_file_read(copy->arena, from, FILE_BYTES_MAX, &text, copy->err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_buf renamed, made;
    pn_buf_init(&renamed, 2 * (size_t)FILE_BYTES_MAX);
    pn_buf_init(&made, 2 * (size_t)FILE_BYTES_MAX);
    rename_in(copy, text, &renamed);
    bool is_adapter = strcmp(strrchr(to, '/'), "/adapter.yaml") == 0;
    if (is_adapter) {
        set_options(copy, pn_buf_slice(&renamed), &made);
    }
    const struct pn_buf *done = is_adapter ? &made : &renamed;
    code = pn_buf_ok(done) ? write_file(copy, to, pn_buf_slice(done)) : no_memory(copy);
    pn_buf_release(&renamed);
    pn_buf_release(&made);
    return code;
}

static enum pn_code copy_folder(struct copy *copy, const char *from, const char *to, unsigned depth)
{
    DIR *directory = depth == DEPTH_MAX ? NULL : opendir(from);
    struct dirent *entry;
    enum pn_code code = PN_OK;
    if (directory == NULL) {
        return pn_err_set(copy->err, PN_IO, from, "cannot be read");
    }
    if (mkdir(to, 0777) != 0) {
        code = pn_err_set(copy->err, PN_IO, to, "cannot be made");
    }
    while (code == PN_OK && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        const char *source = pn_arena_printf(copy->arena, "%s/%s", from, entry->d_name);
        const char *target = pn_arena_printf(copy->arena, "%s/%s", to, entry->d_name);
        struct stat about;
        if (source == NULL || target == NULL) {
            code = no_memory(copy);
        } else if (stat(source, &about) == 0 && S_ISDIR(about.st_mode)) {
            code = copy_folder(copy, source, target, depth + 1);
        } else {
            code = copy_file(copy, source, target);
        }
    }
    closedir(directory);
    return code;
}

// The ids of resources are made with the adapter's name: under a new one they are others, so what
// is expected is made anew. This gives what `adapter check --update` gives.
static enum pn_code update_samples(struct copy *copy, const struct pn_config *config,
                                   const char *folder)
{
    const char *names[PN_SAMPLES_MAX];
    struct pn_adapter *adapter = NULL;
    unsigned count = 0;
    enum pn_code code = pn_adapter_open(copy->arena, config, copy->name, &adapter, copy->err);
    if (code == PN_OK) {
        code = pn_adapter_samples(copy->arena, folder, names, &count, copy->err);
    }
    struct pn_arena *arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        if (arena == NULL) {
            return no_memory(copy);
        }
        pn_arena_reset(arena);
        code = pn_adapter_sample_run(adapter, arena, folder, names[i], true, copy->err);
    }
    pn_arena_free(arena);
    return code;
}

static enum pn_code make(struct copy *copy, const struct pn_config *config)
{
    const char *from = pn_arena_printf(copy->arena, "%s/%s", config->adapters_dir, copy->from_name);
    const char *to = pn_arena_printf(copy->arena, "%s/%s", config->adapters_dir, copy->name);
    enum pn_code code = check(copy);
    if (code != PN_OK) {
        return code;
    }
    if (from == NULL || to == NULL) {
        return no_memory(copy);
    }
    if (strchr(copy->from_name, '/') != NULL || access(from, R_OK | X_OK) != 0) {
        return pn_err_set(copy->err, PN_NOT_FOUND, "--from", "there is no adapter of that name");
    }
    if (access(to, F_OK) == 0) {
        return pn_err_set(copy->err, PN_CONFLICT, to,
                          "is there already: choose another name, or remove it first");
    }
    code = copy_folder(copy, from, to, 0);
    if (code == PN_OK) {
        code = update_samples(copy, config, to);
    }
    if (code == PN_OK) {
        printf("%s is made. Now `punos adapter check %s` is green; next: %s/adapter.yaml\n", to,
               copy->name, to);
    }
    return code;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_err err = {0};
    const char *from = arguments->values[OPTION_FROM];
    struct copy copy = {.arena = pn_arena_new(BOOT_BYTES_MAX),
                        .from_name = from == NULL ? "_template" : from,
                        .name = arguments->operands[0],
                        .sector = arguments->values[OPTION_SECTOR],
                        .in = arguments->values[OPTION_IN],
                        .out = arguments->values[OPTION_OUT],
                        .err = &err};
    enum pn_code code = copy.arena == NULL ? no_memory(&copy) : make(&copy, config);
    if (code != PN_OK) {
        fprintf(stderr, "punos adapter new: %s: %s\n", err.where, err.text);
    }
    pn_arena_free(copy.arena);
    return pn_command_exit(code);
}

static const struct pn_option options[OPTION_COUNT] = {
    [OPTION_FROM] = {"from", PN_OPTION_TEXT, "ADAPTER", "copy this one instead of _template"},
    [OPTION_SECTOR] = {"sector", PN_OPTION_TEXT, "SECTOR",
                       "primary, specialist, social or national"},
    [OPTION_IN] = {"in", PN_OPTION_TEXT, "WAY", "how its messages come: mllp, http or drop"},
    [OPTION_OUT] = {"out", PN_OPTION_TEXT, "WAY", "how the plan goes out: mllp, http, drop, none"},
};

const struct pn_command pn_command_adapter_new = {
    .name = "adapter new",
    .operands = "NAME",
    .summary = "make a folder for another records system, to start from",
    .description =
        "Copies the template (or the adapter that --from names) to a folder of the name NAME "
        "beside it, with the name changed everywhere, and writes the samples' expected results "
        "under the new name: `punos adapter check NAME` is green at once, and a place to start "
        "from. A folder that is there already is never touched. docs/CONNECTING-A-SYSTEM.md goes "
        "on from there.",
    .options = options,
    .option_count = OPTION_COUNT,
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
