// SPDX-License-Identifier: Apache-2.0
// Code tables from files: the adapter's own and the national ones.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/csv.h"
#include "map/compile.h"
#include "map/table.h"

enum { CODES_MAX = 100000 };

static int compare_codes(const void *a, const void *b)
{
    const struct pn_map_code *left = a, *right = b;
    int order = pn_map_compare_nocase(left->from, right->from);
    if (order == 0 && left->from.len > 0) {
        order = memcmp(left->from.ptr, right->from.ptr, left->from.len);
    }
    return order;
}

static struct pn_slice column(const struct pn_node *row, const char *name)
{
    const struct pn_node *found = pn_node_child(row, pn_slice_str(name));
    return found == NULL ? (struct pn_slice){0} : pn_slice_trim(found->value);
}

static enum pn_code fill_table(struct pn_arena *boot, const char *file, const struct pn_node *root,
                               struct pn_map_table *table, struct pn_err *err)
{
    unsigned count = 0;
    for (const struct pn_node *row = root->first_child; row != NULL; row = row->next) {
        count++;
    }
    struct pn_map_code *codes = pn_arena_alloc_array(boot, count + 1, sizeof *codes);
    struct pn_map_code *others = pn_arena_alloc(boot, sizeof *others);
    if (codes == NULL || others == NULL || count > CODES_MAX) {
        return pn_err_set(err, PN_LIMIT, file, "at most %d codes in one table", CODES_MAX);
    }
    for (const struct pn_node *row = root->first_child; row != NULL; row = row->next) {
        struct pn_map_code code = {column(row, "from"), column(row, "to"), column(row, "system"),
                                   column(row, "display")};
        if (code.from.len == 0) {
            char where[PN_ERR_WHERE_BYTES];
            snprintf(where, sizeof where, "%.100s:%u from", file, row->place);
            return pn_err_set(err, PN_INVALID, where, "the code that comes in is missing");
        }
        if (pn_slice_is(code.from, "*")) {
            *others = code;
            table->others = others;
        } else {
            codes[table->code_count++] = code;
        }
    }
    qsort(codes, table->code_count, sizeof *codes, compare_codes);
    for (unsigned i = 1; i < table->code_count; i++) {
        if (pn_slice_eq(codes[i - 1].from, codes[i].from)) {
            return pn_err_set(err, PN_INVALID, file, "the code '%.*s' stands twice",
                              PN_SLICE_FMT(codes[i].from));
        }
    }
    table->codes = codes;
    return PN_OK;
}

enum pn_code pn_map_table_load(struct pn_arena *boot, const struct pn_map_table_file *file,
                               const struct pn_map_table **ret_table, struct pn_err *err)
{
    struct pn_map_table *table = pn_arena_alloc(boot, sizeof *table);
    if (table == NULL) {
        return pn_err_set(err, PN_MEMORY, file->shown, "no memory for the table");
    }
    struct pn_codec_input input = {.charset_default = "UTF-8"};
    enum pn_code code = pn_file_read(boot, file->path, PN_MAP_TABLE_BYTES_MAX, &input.bytes, err);
    if (code != PN_OK) {
        return pn_err_set(err, code == PN_NOT_FOUND ? PN_INVALID : code, file->shown,
                          "the code table cannot be read; make this file");
    }
    const struct pn_node *root = NULL;
    const struct pn_csv_options options = {.separator = ','};
    code = pn_csv_read(boot, &input, &options, &root, err);
    if (code != PN_OK) {
        return pn_err_within(err, file->shown);
    }
    table->name = file->name;
    table->file = file->shown;
    code = fill_table(boot, file->shown, root, table, err);
    if (code == PN_OK) {
        *ret_table = table;
    }
    return code;
}

bool pn_map_table_name_is_valid(struct pn_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return name.len > 0 && name.len < 64;
}

// The file of a national table: of the first of the folders that has it.
static enum pn_code find_national(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_slice name, struct pn_map_table_file *file)
{
    for (const char *const *folder = compiler->national; folder != NULL && *folder != NULL;
         folder++) {
        file->path = pn_arena_printf(compiler->boot, "%s/%.*s.csv", *folder, PN_SLICE_FMT(name));
        if (file->path == NULL) {
            return pn_map_no_memory(compiler);
        }
        if (access(file->path, F_OK) == 0) {
            file->shown = file->path;
            return PN_OK;
        }
    }
    return pn_map_fault(compiler, node, "no national table of that name; see punos codes list");
}

static enum pn_code set_file(struct pn_map_compiler *compiler, const char *folder,
                             struct pn_slice name, struct pn_map_table_file *file)
{
    file->shown = pn_arena_printf(compiler->boot, "%scodes/%.*s.csv", folder, PN_SLICE_FMT(name));
    file->path = file->shown == NULL
                     ? NULL
                     : pn_arena_printf(compiler->boot, "%s/%s", compiler->folder, file->shown);
    return file->path == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

// The adapter's own table goes before a library's of that name; `LIBRARY/name` is the library's.
static enum pn_code find_own(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                             struct pn_slice library, struct pn_slice name,
                             struct pn_map_table_file *file)
{
    bool is_named = library.len == 0;
    enum pn_code code = set_file(compiler, "", name, file);
    bool is_found = code == PN_OK && is_named && access(file->path, F_OK) == 0;
    for (unsigned i = 0; code == PN_OK && !is_found && i < compiler->adapter->library_count; i++) {
        const char *other = compiler->adapter->libraries[i];
        const char *folder = pn_arena_printf(compiler->boot, "../_%s/", other);
        if (library.len > 0 && !pn_slice_is(library, other)) {
            continue;
        }
        is_named = true;
        struct pn_map_table_file found = *file;
        code =
            folder == NULL ? pn_map_no_memory(compiler) : set_file(compiler, folder, name, &found);
        is_found = code == PN_OK && access(found.path, F_OK) == 0;
        *file = is_found || library.len > 0 ? found : *file;
    }
    if (code == PN_OK && !is_named) {
        return pn_map_fault(
            compiler, node,
            "adapter.yaml names no library %.*s; else the name of a file in codes/, "
            "without .csv, or national/NAME",
            PN_SLICE_FMT(library));
    }
    return code;
}

static enum pn_code find_table(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               struct pn_slice name, struct pn_map_table_file *file)
{
    struct pn_slice bare = name, library = {0};
    bool is_national = pn_slice_starts_with(name, PN_MAP_NATIONAL);
    if (is_national) {
        size_t prefix = sizeof PN_MAP_NATIONAL - 1;
        bare = pn_slice_of(name.ptr + prefix, name.len - prefix);
    } else if (name.len > 0 && memchr(name.ptr, '/', name.len) != NULL) {
        library = pn_slice_split(name, '/', &bare);
    }
    if (!pn_map_table_name_is_valid(bare)) {
        return pn_map_fault(compiler, node,
                            "the name of a file in codes/, without .csv, or national/NAME");
    }
    file->name = pn_arena_copy(compiler->boot, name);
    if (is_national) {
        return file->name == NULL ? pn_map_no_memory(compiler)
                                  : find_national(compiler, node, bare, file);
    }
    return file->name == NULL ? pn_map_no_memory(compiler)
                              : find_own(compiler, node, library, bare, file);
}

enum pn_code pn_map_compile_table(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_slice name, const struct pn_map_table **ret_table)
{
    for (unsigned i = 0; i < compiler->table_count; i++) {
        if (pn_slice_is(name, compiler->tables[i]->name)) {
            *ret_table = compiler->tables[i];
            return PN_OK;
        }
    }
    if (compiler->table_count == PN_MAP_TABLES_MAX) {
        return pn_map_fault(compiler, node, "over %d tables", PN_MAP_TABLES_MAX);
    }
    struct pn_map_table_file file = {0};
    enum pn_code code = find_table(compiler, node, name, &file);
    if (code != PN_OK) {
        return code;
    }
    struct pn_err inner;
    code = pn_map_table_load(compiler->boot, &file, ret_table, &inner);
    if (code != PN_OK) {
        return pn_map_fault(compiler, node, "%s: %s", inner.where, inner.text);
    }
    compiler->tables[compiler->table_count++] = *ret_table;
    return PN_OK;
}
