// SPDX-License-Identifier: Apache-2.0
// Rows → compiled.
#include <string.h>

#include "map/compile.h"

enum { REMOVE_MAX = 128 };

static const char *const row_keys[] = {
    "when", "each", "with",   "to",     "rows",    "require", "reject",   "refuse", "reference",
    "key",  "copy", "keep",   "remove", "line",    "include", "resource", "from",   "value",
    "text", "as",   "table",  "column", "missing", "default", "invalid",  "reason", "where",
    "plus", "unit", "refers", "max",    "score",   "under",   NULL};

enum pn_code pn_map_number(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                           unsigned *ret_number)
{
    for (unsigned i = compiler->place_count; i-- > 0;) {
        if (compiler->places[i].node == node) {
            *ret_number = i;
            return PN_OK;
        }
    }
    if (compiler->place_count == PN_MAP_ROWS_MAX) {
        return pn_map_fault(compiler, node, "the adapter has over %d rows", PN_MAP_ROWS_MAX);
    }
    compiler->places[compiler->place_count] = (struct pn_map_place){node, compiler->file};
    *ret_number = compiler->place_count++;
    return PN_OK;
}

// The paths that `each` goes over, chained.
static enum pn_code compile_each(struct pn_map_compiler *compiler, const struct pn_yaml *each,
                                 struct pn_map_scope *scope, const struct pn_map_path **ret_path)
{
    const struct pn_slice *paths = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_texts(compiler, each, PN_MAP_ALTERNATIVES_MAX, &paths, &count);
    const struct pn_map_path *also = NULL;
    for (unsigned i = count; code == PN_OK && i-- > 0;) {
        struct pn_map_path *path = NULL;
        code = pn_map_compile_path(compiler, each, paths[i], ret_path);
        path = code == PN_OK ? pn_arena_alloc(compiler->boot, sizeof *path) : NULL;
        if (code == PN_OK && path == NULL) {
            return pn_map_no_memory(compiler);
        }
        if (code == PN_OK) {
            *path = **ret_path;
            path->also = also;
            also = path;
        }
    }
    if (code == PN_OK) {
        *ret_path = also;
        scope->path = pn_slice_trim(paths[0]);
    }
    return code;
}

static enum pn_code compile_relatives(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                                      struct pn_map_relatives *relatives)
{
    const struct pn_slice *names = NULL;
    enum pn_code code = pn_map_texts(compiler, list, PN_MAP_WITH_MAX, &names, &relatives->count);
    for (unsigned i = 0; code == PN_OK && i < relatives->count; i++) {
        relatives->names[i] = names[i];
    }
    return code;
}

enum pn_code pn_map_enter(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                          const struct pn_map_path **ret_path)
{
    const struct pn_yaml *each = pn_yaml_get(node, "each");
    const struct pn_yaml *with = pn_yaml_get(node, "with");
    const struct pn_yaml *under = pn_yaml_get(node, "under");
    if (each == NULL) {
        *ret_path = NULL;
        const struct pn_yaml *alone = with != NULL ? with : under;
        return alone == NULL ? PN_OK : pn_map_fault(compiler, alone, "only beside `each`");
    }
    if (compiler->scope_count == PN_MAP_SCOPES_MAX) {
        return pn_map_fault(compiler, each, "`each` inside `each` over %d deep", PN_MAP_SCOPES_MAX);
    }
    struct pn_map_scope scope = {.path = {0}};
    enum pn_code code = compile_each(compiler, each, &scope, ret_path);
    if (code == PN_OK) {
        code = compile_relatives(compiler, with, &scope.with);
    }
    if (code == PN_OK) {
        code = compile_relatives(compiler, under, &scope.under);
    }
    if (code == PN_OK) {
        compiler->scopes[compiler->scope_count++] = scope;
    }
    return code;
}

void pn_map_leave(struct pn_map_compiler *compiler, const struct pn_map_path *each)
{
    if (each != NULL) {
        compiler->scope_count--;
    }
}

// --- Kinds of rows -------------------------------------------------------------------------------

static enum pn_code compile_set(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_row *row)
{
    const struct pn_yaml *to = pn_yaml_get(node, "to");
    const char *ignored = NULL;
    row->kind = PN_ROW_SET;
    if (to == NULL) {
        return pn_map_fault(compiler, node, "a row needs `to` (or is a block with `rows`)");
    }
    enum pn_code code = pn_map_compile_target(compiler, to, PN_ROW_SET, &row->target, &ignored);
    return code != PN_OK ? code : pn_map_compile_value(compiler, node, &row->value);
}

static bool reads_message(const struct pn_map_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bool reads = rows[i].kind == PN_ROW_BLOCK ? rows[i].has_sources
                     : rows[i].kind == PN_ROW_SET || rows[i].kind == PN_ROW_LINE
                         ? !rows[i].value.is_literal
                         : rows[i].kind == PN_ROW_COPY;
        if (reads) {
            return true;
        }
    }
    return false;
}

static enum pn_code compile_block_rows(struct pn_map_compiler *compiler, const struct pn_yaml *rows,
                                       const char *prefix, struct pn_map_row *row)
{
    const char *own_prefix = compiler->target_prefix;
    const char *own_resource = compiler->resource;
    compiler->target_prefix = prefix;
    if (row->resource != NULL) {
        compiler->resource = row->resource;
        compiler->target_prefix = "";
    }
    enum pn_code code = pn_map_compile_rows(compiler, rows, &row->rows, &row->row_count);
    compiler->target_prefix = own_prefix;
    compiler->resource = own_resource;
    row->has_sources = code == PN_OK && reads_message(row->rows, row->row_count);
    return code;
}

static enum pn_code compile_block(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_map_row *row)
{
    const struct pn_yaml *to = pn_yaml_get(node, "to");
    const struct pn_yaml *resource = pn_yaml_get(node, "resource");
    const char *prefix = compiler->target_prefix;
    row->kind = PN_ROW_BLOCK;
    enum pn_code code = PN_OK;
    if (to != NULL) {
        code = pn_map_compile_target(compiler, to, PN_ROW_BLOCK, &row->target, &prefix);
    }
    if (code == PN_OK && resource != NULL) {
        if (to == NULL || compiler->sink != PN_SINK_FHIR ||
            !pn_fhir_is_resource_type(pn_yaml_text(resource, ""))) {
            return pn_map_fault(compiler, resource,
                                "a FHIR resource type, beside a `to` that holds resources");
        }
        row->resource = resource->scalar.ptr;
    }
    return code != PN_OK ? code
                         : compile_block_rows(compiler, pn_yaml_get(node, "rows"), prefix, row);
}

static enum pn_code compile_include(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                    struct pn_map_row *row)
{
    const struct pn_yaml *name = pn_yaml_get(node, "include");
    const char *file = NULL;
    const struct pn_yaml *rows =
        pn_map_find_shared(compiler, "rows", pn_yaml_text(name, ""), &file);
    if (rows == NULL) {
        return pn_map_fault(compiler, name,
                            "no file _*.yaml beside this one, and no library, has `rows` of that "
                            "name");
    }
    if (compiler->include_depth == PN_MAP_INCLUDES_MAX) {
        return pn_map_fault(compiler, name, "includes itself, or over %d deep",
                            PN_MAP_INCLUDES_MAX);
    }
    const char *own_file = compiler->file;
    compiler->file = file;
    compiler->include_depth++;
    row->kind = PN_ROW_BLOCK;
    enum pn_code code = compile_block_rows(compiler, rows, compiler->target_prefix, row);
    compiler->include_depth--;
    compiler->file = own_file;
    return code;
}

static enum pn_code copy_text(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              const char *otherwise, const char **ret_text)
{
    *ret_text = pn_arena_copy(compiler->boot, pn_yaml_text(node, otherwise));
    return *ret_text == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

static enum pn_code compile_require(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                    struct pn_map_row *row)
{
    const struct pn_yaml *require = pn_yaml_get(node, "require");
    const char *ignored = NULL;
    row->kind = PN_ROW_REQUIRE;
    enum pn_code code =
        pn_map_compile_target(compiler, require, PN_ROW_REQUIRE, &row->target, &ignored);
    if (code == PN_OK) {
        code = copy_text(compiler, pn_yaml_get(node, "where"), row->target->text, &row->where);
    }
    return code != PN_OK
               ? code
               : copy_text(compiler, pn_yaml_get(node, "reason"), "must be there", &row->reason);
}

static enum pn_code compile_reject(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   struct pn_map_row *row)
{
    const struct pn_yaml *reject = pn_yaml_get(node, "reject");
    const struct pn_yaml *where = pn_yaml_get(node, "where");
    row->kind = PN_ROW_REJECT;
    row->code = reject != NULL ? PN_INVALID : PN_UNSUPPORTED;
    if (where == NULL) {
        return pn_map_fault(compiler, node, "say with `where` which field is at fault");
    }
    enum pn_code code = copy_text(compiler, where, "", &row->where);
    return code != PN_OK
               ? code
               : copy_text(compiler, reject != NULL ? reject : pn_yaml_get(node, "refuse"), "",
                           &row->reason);
}

static enum pn_code compile_reference(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      struct pn_map_row *row)
{
    const struct pn_yaml *reference = pn_yaml_get(node, "reference");
    const struct pn_yaml *to = pn_yaml_get(node, "to");
    const char *ignored = NULL;
    row->kind = PN_ROW_REFERENCE;
    if (to == NULL || !pn_fhir_is_resource_type(pn_yaml_text(reference, ""))) {
        return pn_map_fault(compiler, reference, "`reference: TYPE` with `to` and `key`");
    }
    row->resource = reference->scalar.ptr;
    enum pn_code code =
        pn_map_compile_target(compiler, to, PN_ROW_REFERENCE, &row->target, &ignored);
    return code != PN_OK ? code : pn_map_compile_key(compiler, pn_yaml_get(node, "key"), &row->key);
}

static enum pn_code compile_refers(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   struct pn_map_row *row)
{
    const struct pn_yaml *to = pn_yaml_get(node, "to");
    const char *ignored = NULL;
    row->kind = PN_ROW_REFERS;
    if (to == NULL) {
        return pn_map_fault(compiler, node, "`refers: NAMES` with `to`");
    }
    enum pn_code code =
        pn_map_compile_target(compiler, to, PN_ROW_REFERENCE, &row->target, &ignored);
    return code != PN_OK
               ? code
               : pn_map_compile_names(compiler, pn_yaml_get(node, "refers"), &row->refers);
}

static enum pn_code compile_members(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                    const char *const **ret_names)
{
    const struct pn_slice *texts = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_texts(compiler, node, REMOVE_MAX, &texts, &count);
    if (code != PN_OK || node == NULL) {
        return code;
    }
    const char **names = pn_arena_alloc_array(compiler->boot, count + 1, sizeof *names);
    for (unsigned i = 0; names != NULL && i < count; i++) {
        names[i] = texts[i].ptr;
        bool is_exact = compiler->sink == PN_SINK_FHIR && compiler->resource != NULL &&
                        strchr(names[i], '*') == NULL;
        const char *type = NULL;
        if (is_exact && !pn_fhir_path_exists(compiler->resource, names[i], &type)) {
            return pn_map_fault(compiler, node, "%s has no element %s", compiler->resource,
                                names[i]);
        }
    }
    *ret_names = names;
    return names == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

static enum pn_code compile_copy(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_row *row)
{
    static const struct pn_map_target whole = {.text = "copy", .shape = PN_SHAPE_WHOLE};
    const struct pn_yaml *copy = pn_yaml_get(node, "copy");
    const struct pn_yaml *to = pn_yaml_get(node, "to");
    const char *ignored = NULL;
    row->kind = PN_ROW_COPY;
    row->target = &whole;
    enum pn_code code = pn_map_compile_path(compiler, copy, pn_yaml_text(copy, ""), &row->copy);
    if (code != PN_OK) {
        return code;
    }
    if (!row->copy->is_json || compiler->sink == PN_SINK_XML || compiler->sink == PN_SINK_HL7V2 ||
        (to == NULL && compiler->sink != PN_SINK_FHIR)) {
        return pn_map_fault(compiler, copy, "only JSON can be copied, and only into JSON or FHIR");
    }
    if (to != NULL) {
        code = pn_map_compile_target(compiler, to, PN_ROW_COPY, &row->target, &ignored);
    }
    const char *resource = compiler->resource;
    compiler->resource = to == NULL ? resource : NULL;
    if (code == PN_OK) {
        code = compile_members(compiler, pn_yaml_get(node, "keep"), &row->keep);
    }
    if (code == PN_OK) {
        code = compile_members(compiler, pn_yaml_get(node, "remove"), &row->remove);
    }
    compiler->resource = resource;
    return code;
}

static enum pn_code compile_line(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_row *row)
{
    const struct pn_yaml *line = pn_yaml_get(node, "line");
    row->kind = PN_ROW_LINE;
    if (compiler->sink != PN_SINK_TEXT || line->kind != PN_YAML_SCALAR) {
        return pn_map_fault(compiler, line, "a line of text; only in a part with `format: text`");
    }
    row->value = (struct pn_map_value){.where = "line", .reason = ""};
    bool is_fixed = true;
    for (size_t i = 0; i < line->scalar.len; i++) {
        is_fixed = is_fixed && line->scalar.ptr[i] != '{';
    }
    row->value.is_literal = is_fixed;
    row->value.literal = line->scalar;
    enum pn_code code = pn_map_compile_max(compiler, pn_yaml_get(node, "max"), &row->value);
    return code != PN_OK || is_fixed
               ? code
               : pn_map_compile_template(compiler, line, line->scalar, &row->value.text);
}

static enum pn_code compile_kind(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_row *row)
{
    static const struct {
        const char *key;
        enum pn_code (*compile)(struct pn_map_compiler *, const struct pn_yaml *,
                                struct pn_map_row *);
    } kinds[] = {
        {"rows", compile_block},    {"include", compile_include}, {"require", compile_require},
        {"reject", compile_reject}, {"refuse", compile_reject},   {"reference", compile_reference},
        {"refers", compile_refers}, {"copy", compile_copy},       {"line", compile_line},
        {"to", compile_set},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(kinds); i++) {
        if (pn_yaml_get(node, kinds[i].key) != NULL) {
            return kinds[i].compile(compiler, node, row);
        }
    }
    return compile_set(compiler, node, row);
}

static enum pn_code compile_row(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_row *row)
{
    enum pn_code code = pn_map_check_keys(compiler, node, row_keys);
    if (code == PN_OK) {
        code = pn_map_number(compiler, node, &row->number);
    }
    if (code == PN_OK) {
        code = pn_map_enter(compiler, node, &row->each);
    }
    if (code == PN_OK) {
        code = pn_map_compile_condition(compiler, pn_yaml_get(node, "when"), &row->when);
    }
    if (code == PN_OK) {
        code = compile_kind(compiler, node, row);
    }
    if (code == PN_OK) {
        pn_map_leave(compiler, row->each);
    }
    return code;
}

enum pn_code pn_map_compile_rows(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                                 const struct pn_map_row **ret_rows, unsigned *ret_count)
{
    *ret_rows = NULL;
    *ret_count = 0;
    if (list == NULL) {
        return PN_OK;
    }
    if (list->kind != PN_YAML_LIST) {
        return pn_map_fault(compiler, list, "a list of rows is expected here");
    }
    struct pn_map_row *rows =
        pn_arena_alloc_array(compiler->boot, list->child_count + 1, sizeof *rows);
    if (rows == NULL) {
        return pn_map_no_memory(compiler);
    }
    unsigned count = 0;
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        enum pn_code code = compile_row(compiler, node, &rows[count++]);
        if (code != PN_OK) {
            return code;
        }
    }
    *ret_rows = rows;
    *ret_count = count;
    return PN_OK;
}
