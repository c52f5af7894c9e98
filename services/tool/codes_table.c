// SPDX-License-Identifier: Apache-2.0
#include "services/tool/codes_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/words.h"
#include "codec/csv.h"
#include "map/table.h"

enum { COLUMNS = 6, PATH_BYTES = 4096 };

static const char *const columns[COLUMNS] = {"from", "to", "system", "display", "note", "source"};

// --- Places --------------------------------------------------------------------------------------

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

enum pn_code pn_codes_place(struct pn_arena *arena, const struct pn_config *config,
                            const char *name, struct pn_codes_place *ret_place, struct pn_err *err)
{
    if (!pn_map_table_name_is_valid(pn_slice_str(name))) {
        return pn_err_set(err, PN_INVALID, "table",
                          "small letters, digits, hyphens and underscores are expected");
    }
    struct pn_codes_place place = {
        .name = name,
        .loaded = pn_arena_printf(arena, "%s/codes/%s.csv", config->data_dir, name),
        .previous = pn_arena_printf(arena, "%s/codes/%s.csv.previous", config->data_dir, name),
        .shipped = pn_arena_printf(arena, "%s/%s.csv", config->codes_dir, name),
    };
    if (place.loaded == NULL || place.previous == NULL || place.shipped == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "no memory");
    }
    place.is_loaded = exists(place.loaded);
    place.has_previous = exists(place.previous);
    place.is_shipped = exists(place.shipped);
    *ret_place = place;
    return PN_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum pn_code add_names(struct pn_arena *arena, const char *folder, const char **names,
                              unsigned *count, struct pn_err *err)
{
    DIR *directory = opendir(folder);
    enum pn_code code = PN_OK;
    struct dirent *entry;
    while (directory != NULL && code == PN_OK && (entry = readdir(directory)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length <= 4 || strcmp(entry->d_name + length - 4, ".csv") != 0) {
            continue;
        }
        struct pn_slice name = pn_slice_of(entry->d_name, length - 4);
        if (!pn_map_table_name_is_valid(name) || pn_words_find(names, *count, name) < *count) {
            continue;
        }
        const char *copy = pn_arena_copy(arena, name);
        if (copy == NULL || *count == PN_CODES_TABLES_MAX) {
            code = pn_err_set(err, PN_LIMIT, folder, "over %d tables", PN_CODES_TABLES_MAX);
        } else {
            names[(*count)++] = copy;
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return code;
}

enum pn_code pn_codes_names(struct pn_arena *arena, const struct pn_config *config,
                            const char **names, unsigned *ret_count, struct pn_err *err)
{
    unsigned count = 0;
    const char *loaded = pn_arena_printf(arena, "%s/codes", config->data_dir);
    enum pn_code code = loaded == NULL ? pn_err_set(err, PN_MEMORY, "codes", "no memory") : PN_OK;
    code = code == PN_OK ? add_names(arena, config->codes_dir, names, &count, err) : code;
    code = code == PN_OK ? add_names(arena, loaded, names, &count, err) : code;
    if (code == PN_OK) {
        qsort(names, count, sizeof *names, compare_names);
        *ret_count = count;
    }
    return code;
}

// --- Rows ----------------------------------------------------------------------------------------

static int compare_text(struct pn_slice a, struct pn_slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_rows(const void *a, const void *b)
{
    const struct pn_codes_row *left = a, *right = b;
    return compare_text(left->from, right->from);
}

void pn_codes_sort(struct pn_codes *codes)
{
    qsort(codes->rows, codes->count, sizeof *codes->rows, compare_rows);
}

const struct pn_codes_row *pn_codes_find(const struct pn_codes *codes, struct pn_slice from)
{
    struct pn_codes_row wanted = {.from = from};
    return codes->count == 0
               ? NULL
               : bsearch(&wanted, codes->rows, codes->count, sizeof *codes->rows, compare_rows);
}

enum pn_code pn_codes_read(struct pn_arena *arena, const struct pn_codes_place *place,
                           struct pn_codes *ret_codes, struct pn_err *err)
{
    const char *path = place->is_loaded ? place->loaded : place->shipped;
    struct pn_codec_input input = {.charset_default = "UTF-8"};
    const struct pn_node *root = NULL;
    if (!place->is_loaded && !place->is_shipped) {
        *ret_codes = (struct pn_codes){0};
        return PN_OK;
    }
    enum pn_code code = pn_file_read(arena, path, PN_MAP_TABLE_BYTES_MAX, &input.bytes, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_csv_options options = {.separator = ','};
    code = pn_csv_read(arena, &input, &options, &root, err);
    if (code != PN_OK) {
        return pn_err_within(err, path);
    }
    struct pn_codes codes = {0};
    for (const struct pn_node *row = root->first_child; row != NULL; row = row->next) {
        codes.count++;
    }
    codes.rows = codes.count > PN_CODES_MAX
                     ? NULL
                     : pn_arena_alloc_array(arena, codes.count + 1, sizeof *codes.rows);
    if (codes.rows == NULL) {
        return pn_err_set(err, PN_LIMIT, path, "at most %d codes in one table", PN_CODES_MAX);
    }
    unsigned at = 0;
    for (const struct pn_node *row = root->first_child; row != NULL; row = row->next) {
        codes.rows[at++] = (struct pn_codes_row){pn_node_text(row, "from"),
                                                 pn_node_text(row, "to"),
                                                 pn_node_text(row, "system"),
                                                 pn_node_text(row, "display"),
                                                 pn_node_text(row, "note"),
                                                 pn_node_text(row, "source"),
                                                 row->place};
    }
    pn_codes_sort(&codes);
    *ret_codes = codes;
    return PN_OK;
}

// --- Writing -------------------------------------------------------------------------------------

static enum pn_code no(struct pn_err *err, const char *path)
{
    return pn_err_set(err, PN_IO, path, "%s", strerror(errno));
}

static enum pn_code write_draft(const char *path, struct pn_slice text, struct pn_err *err)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return no(err, path);
    }
    bool good = fwrite(text.ptr, 1, text.len, file) == text.len && fflush(file) == 0 &&
                fsync(fileno(file)) == 0;
    good = fclose(file) == 0 && good;
    return good ? PN_OK : no(err, path);
}

static void add_rows(struct pn_buf *out, const struct pn_codes *codes)
{
    struct pn_slice names[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        names[i] = pn_slice_str(columns[i]);
    }
    pn_csv_write_row(out, ',', names, COLUMNS);
    for (unsigned i = 0; i < codes->count; i++) {
        const struct pn_codes_row *row = &codes->rows[i];
        struct pn_slice values[COLUMNS] = {row->from,    row->to,   row->system,
                                           row->display, row->note, row->source};
        pn_csv_write_row(out, ',', values, COLUMNS);
    }
}

static enum pn_code make_folder(const char *file, struct pn_err *err)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(file, '/') - file), file);
    return mkdir(folder, 0755) == 0 || errno == EEXIST ? PN_OK : no(err, folder);
}

// A second name for what is there; the first one stays until the new file takes it over.
static enum pn_code put_aside(const struct pn_codes_place *place, struct pn_err *err)
{
    if (unlink(place->previous) != 0 && errno != ENOENT) {
        return no(err, place->previous);
    }
    return !place->is_loaded || link(place->loaded, place->previous) == 0
               ? PN_OK
               : no(err, place->previous);
}

enum pn_code pn_codes_write(const struct pn_codes_place *place, const struct pn_codes *codes,
                            struct pn_err *err)
{
    char draft[PATH_BYTES];
    struct pn_buf text;
    snprintf(draft, sizeof draft, "%s.draft", place->loaded);
    pn_buf_init(&text, PN_MAP_TABLE_BYTES_MAX);
    add_rows(&text, codes);
    enum pn_code code = pn_buf_ok(&text)
                            ? make_folder(place->loaded, err)
                            : pn_err_set(err, PN_LIMIT, place->loaded, "the table is over %d bytes",
                                         PN_MAP_TABLE_BYTES_MAX);
    code = code == PN_OK ? write_draft(draft, pn_buf_slice(&text), err) : code;
    code = code == PN_OK ? put_aside(place, err) : code;
    if (code == PN_OK && rename(draft, place->loaded) != 0) {
        code = no(err, place->loaded);
    }
    pn_buf_release(&text);
    return code;
}

enum pn_code pn_codes_restore(const struct pn_codes_place *place, struct pn_err *err)
{
    if (!place->is_loaded) {
        return pn_err_set(err, PN_NOT_FOUND, place->name, "nothing was loaded over this table");
    }
    int failed =
        place->has_previous ? rename(place->previous, place->loaded) : unlink(place->loaded);
    return failed == 0 ? PN_OK : no(err, place->loaded);
}
