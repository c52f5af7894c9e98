// SPDX-License-Identifier: Apache-2.0
// What all of the compiling stands on: complaints, lists of texts, code tables from files.
#include "map/compile.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/near.h"
#include "codec/csv.h"
#include "map/table.h"

enum { TABLE_BYTES_MAX = 4 * 1024 * 1024, CODES_MAX = 100000 };

enum pn_code pn_map_fault(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                          const char *text, ...)
{
    char words[PN_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, text);
    vsnprintf(words, sizeof words, text, args);
    va_end(args);
    return pn_yaml_fault(compiler->err, compiler->file, node, "%s", words);
}

enum pn_code pn_map_no_memory(struct pn_map_compiler *compiler)
{
    return pn_err_set(compiler->err, PN_MEMORY, compiler->file,
                      "the adapter needs more memory than a process gives it at start");
}

enum pn_code pn_map_check_keys(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               const char *const *known)
{
    if (node == NULL || node->kind != PN_YAML_MAP) {
        return pn_map_fault(compiler, node, "`name: value` pairs are expected here");
    }
    for (const struct pn_yaml *child = node->first_child; child != NULL; child = child->next) {
        struct pn_near near;
        bool is_known = false;
        pn_near_init(&near, child->key);
        for (size_t i = 0; known[i] != NULL; i++) {
            is_known = is_known || pn_slice_is(child->key, known[i]);
            pn_near_offer(&near, known[i]);
        }
        if (!is_known) {
            return pn_map_fault(compiler, child, "no such key here%s%s%s",
                                near.best == NULL ? "" : "; did you mean `",
                                near.best == NULL ? "" : near.best, near.best == NULL ? "" : "`?");
        }
    }
    return PN_OK;
}

enum pn_code pn_map_texts(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                          unsigned max, const struct pn_slice **ret_texts, unsigned *ret_count)
{
    *ret_texts = NULL;
    *ret_count = 0;
    if (node == NULL) {
        return PN_OK;
    }
    bool is_list = node->kind == PN_YAML_LIST;
    unsigned count = is_list ? node->child_count : 1;
    if (node->kind == PN_YAML_MAP || count == 0 || count > max) {
        return pn_map_fault(compiler, node, "one text, or a list of 1 to %u", max);
    }
    struct pn_slice *texts = pn_arena_alloc_array(compiler->boot, count, sizeof *texts);
    if (texts == NULL) {
        return pn_map_no_memory(compiler);
    }
    const struct pn_yaml *item = is_list ? node->first_child : node;
    for (unsigned i = 0; i < count; i++, item = item->next) {
        if (item->kind != PN_YAML_SCALAR || item->scalar.len == 0) {
            return pn_map_fault(compiler, item, "a text is expected here");
        }
        texts[i] = item->scalar;
    }
    *ret_texts = texts;
    *ret_count = count;
    return PN_OK;
}

// --- Code tables ---------------------------------------------------------------------------------

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

enum pn_code pn_map_table_load(struct pn_arena *boot, const char *folder, struct pn_slice name,
                               const struct pn_map_table **ret_table, struct pn_err *err)
{
    struct pn_map_table *table = pn_arena_alloc(boot, sizeof *table);
    const char *file = pn_arena_printf(boot, "codes/%.*s.csv", PN_SLICE_FMT(name));
    const char *path = file == NULL ? NULL : pn_arena_printf(boot, "%s/%s", folder, file);
    if (table == NULL || path == NULL) {
        return pn_err_set(err, PN_MEMORY, "codes", "no memory for the table");
    }
    struct pn_codec_input input = {.charset_default = "UTF-8"};
    enum pn_code code = pn_file_read(boot, path, TABLE_BYTES_MAX, &input.bytes, err);
    if (code != PN_OK) {
        return pn_err_set(err, code == PN_NOT_FOUND ? PN_INVALID : code, file,
                          "the code table cannot be read; make this file");
    }
    const struct pn_node *root = NULL;
    code = pn_csv_read(boot, &input, ',', &root, err);
    if (code != PN_OK) {
        return pn_err_within(err, file);
    }
    table->name = pn_arena_copy(boot, name);
    if (table->name == NULL) {
        return pn_err_set(err, PN_MEMORY, file, "no memory for the table");
    }
    code = fill_table(boot, file, root, table, err);
    if (code == PN_OK) {
        *ret_table = table;
    }
    return code;
}

static bool is_table_name(struct pn_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return name.len > 0 && name.len < 64;
}

enum pn_code pn_map_compile_table(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_slice name, const struct pn_map_table **ret_table)
{
    if (!is_table_name(name)) {
        return pn_map_fault(compiler, node, "the name of a file in codes/, without .csv");
    }
    for (unsigned i = 0; i < compiler->table_count; i++) {
        if (pn_slice_is(name, compiler->tables[i]->name)) {
            *ret_table = compiler->tables[i];
            return PN_OK;
        }
    }
    if (compiler->table_count == PN_MAP_TABLES_MAX) {
        return pn_map_fault(compiler, node, "over %d tables", PN_MAP_TABLES_MAX);
    }
    struct pn_err inner;
    enum pn_code code =
        pn_map_table_load(compiler->boot, compiler->folder, name, ret_table, &inner);
    if (code != PN_OK) {
        return pn_map_fault(compiler, node, "%s: %s", inner.where, inner.text);
    }
    compiler->tables[compiler->table_count++] = *ret_table;
    return PN_OK;
}
