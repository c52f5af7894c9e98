// SPDX-License-Identifier: Apache-2.0
// Values, templates and keys → compiled.
#include <string.h>

#include "map/compile.h"
#include "map/run.h"

enum { TEMPLATE_PARTS_MAX = 64, CONVERSIONS_MAX = 4, MAX_CHARS_MAX = 1000 * 1000 };

const char *const pn_map_value_keys[] = {
    "from",    "value",  "text",  "as",   "table", "column", "missing", "default",
    "invalid", "reason", "where", "plus", "unit",  "max",    "score",   NULL};

static enum pn_code find_conversion(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                    struct pn_slice name, struct pn_map_conversion *ret_conversion)
{
    const struct pn_map_conversion *known = pn_map_conversion_find(name);
    if (known != NULL) {
        *ret_conversion = *known;
        return PN_OK;
    }
    if (!pn_slice_starts_with(name, "hook:")) {
        return pn_map_fault(compiler, node, "no conversion is called '%.*s' (docs/MAPPING.md)",
                            PN_SLICE_FMT(name));
    }
    struct pn_slice wanted = pn_slice_of(name.ptr + 5, name.len - 5);
    for (size_t i = 0; pn_adapter_hooks[i].adapter != NULL; i++) {
        if (strcmp(pn_adapter_hooks[i].adapter, compiler->adapter->info.name) != 0) {
            continue;
        }
        const struct pn_adapter_hook_function *function = pn_adapter_hooks[i].hook->functions;
        for (; function->name != NULL; function++) {
            if (pn_slice_is(wanted, function->name)) {
                *ret_conversion =
                    (struct pn_map_conversion){.name = function->name, .hook = function};
                return PN_OK;
            }
        }
    }
    return pn_map_fault(compiler, node, "hook.c of this adapter has no function '%.*s'",
                        PN_SLICE_FMT(wanted));
}

static enum pn_code compile_conversions(struct pn_map_compiler *compiler,
                                        const struct pn_yaml *node, struct pn_map_value *value)
{
    const struct pn_slice *names = NULL;
    enum pn_code code =
        pn_map_texts(compiler, node, CONVERSIONS_MAX, &names, &value->conversion_count);
    if (code != PN_OK || value->conversion_count == 0) {
        return code;
    }
    struct pn_map_conversion *made =
        pn_arena_alloc_array(compiler->boot, value->conversion_count, sizeof *made);
    if (made == NULL) {
        return pn_map_no_memory(compiler);
    }
    for (unsigned i = 0; code == PN_OK && i < value->conversion_count; i++) {
        code = find_conversion(compiler, node, names[i], &made[i]);
    }
    value->conversions = made;
    return code;
}

// What stands between { and }: a path, and after `|` a conversion.
static enum pn_code compile_placeholder(struct pn_map_compiler *compiler,
                                        const struct pn_yaml *node, struct pn_slice text,
                                        struct pn_map_template_part *part)
{
    struct pn_slice name;
    struct pn_slice path = pn_slice_split(text, '|', &name);
    enum pn_code code = pn_map_compile_path(compiler, node, path, &part->path);
    if (code != PN_OK) {
        return code;
    }
    if (pn_slice_trim(name).len == 0) {
        bool is_fixed =
            part->path->root == PN_ROOT_PARAM && part->path->root_index == PN_PARAM_ADAPTER;
        part->text = is_fixed ? pn_slice_str(compiler->adapter->info.name) : part->text;
        part->path = is_fixed ? NULL : part->path;
        return PN_OK;
    }
    struct pn_map_conversion *conversion = pn_arena_alloc(compiler->boot, sizeof *conversion);
    if (conversion == NULL) {
        return pn_map_no_memory(compiler);
    }
    part->conversion = conversion;
    return find_conversion(compiler, node, pn_slice_trim(name), conversion);
}

// `{{` and `}}` stand for the braces themselves.
static enum pn_code next_part(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_slice *text, struct pn_map_template_part *part)
{
    const char *open = memchr(text->ptr, '{', text->len);
    const char *start = text->ptr;
    if (open == NULL) {
        part->text = *text;
        *text = (struct pn_slice){0};
        return PN_OK;
    }
    if (open > start) {
        part->text = pn_slice_of(start, (size_t)(open - start));
        *text = pn_slice_of(open, text->len - part->text.len);
        return PN_OK;
    }
    if (text->len > 1 && start[1] == '{') {
        part->text = pn_slice_of(start, 1);
        *text = pn_slice_of(start + 2, text->len - 2);
        return PN_OK;
    }
    const char *close = memchr(start, '}', text->len);
    if (close == NULL) {
        return pn_map_fault(compiler, node, "a { without its }");
    }
    struct pn_slice inside = pn_slice_of(start + 1, (size_t)(close - start - 1));
    *text = pn_slice_of(close + 1, text->len - inside.len - 2);
    return compile_placeholder(compiler, node, inside, part);
}

enum pn_code pn_map_compile_template(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                     struct pn_slice text,
                                     const struct pn_map_template **ret_template)
{
    struct pn_map_template *template = pn_arena_alloc(compiler->boot, sizeof *template);
    struct pn_map_template_part *parts =
        pn_arena_alloc_array(compiler->boot, TEMPLATE_PARTS_MAX, sizeof *parts);
    if (template == NULL || parts == NULL) {
        return pn_map_no_memory(compiler);
    }
    while (text.len > 0) {
        if (template->part_count == TEMPLATE_PARTS_MAX) {
            return pn_map_fault(compiler, node, "over %d parts in one text", TEMPLATE_PARTS_MAX);
        }
        enum pn_code code = next_part(compiler, node, &text, &parts[template->part_count]);
        if (code != PN_OK) {
            return code;
        }
        template->part_count++;
    }
    template->parts = parts;
    *ret_template = template;
    return PN_OK;
}

static enum pn_code compile_policy(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   enum pn_map_policy otherwise, enum pn_map_policy *ret_policy)
{
    struct pn_slice text = pn_yaml_text(node, "");
    if (node == NULL) {
        *ret_policy = otherwise;
    } else if (pn_slice_is(text, "skip")) {
        *ret_policy = PN_POLICY_SKIP;
    } else if (pn_slice_is(text, "reject")) {
        *ret_policy = PN_POLICY_REJECT;
    } else if (pn_slice_is(text, "default")) {
        *ret_policy = PN_POLICY_DEFAULT;
    } else {
        return pn_map_fault(compiler, node, "one of skip, reject, default");
    }
    return PN_OK;
}

static enum pn_code compile_policies(struct pn_map_compiler *compiler, const struct pn_yaml *row,
                                     struct pn_map_value *value)
{
    const struct pn_yaml *otherwise = pn_yaml_get(row, "default");
    const struct pn_yaml *missing = pn_yaml_get(row, "missing");
    const struct pn_yaml *invalid = pn_yaml_get(row, "invalid");
    enum pn_code code = compile_policy(
        compiler, missing, otherwise == NULL ? PN_POLICY_SKIP : PN_POLICY_DEFAULT, &value->missing);
    if (code == PN_OK) {
        code = compile_policy(compiler, invalid, PN_POLICY_REJECT, &value->invalid);
    }
    if (code != PN_OK) {
        return code;
    }
    bool needs = value->missing == PN_POLICY_DEFAULT || value->invalid == PN_POLICY_DEFAULT;
    if (needs && otherwise == NULL) {
        return pn_map_fault(compiler, missing != NULL ? missing : invalid,
                            "give the value with `default:`");
    }
    value->otherwise = pn_yaml_text(otherwise, "");
    const char *reason = "must be there";
    value->reason = pn_arena_copy(compiler->boot, pn_yaml_text(pn_yaml_get(row, "reason"), reason));
    return value->reason == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

static enum pn_code compile_from(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_value *value)
{
    const struct pn_slice *texts = NULL;
    enum pn_code code =
        pn_map_texts(compiler, node, PN_MAP_ALTERNATIVES_MAX, &texts, &value->from_count);
    if (code != PN_OK || value->from_count == 0) {
        return code;
    }
    const struct pn_map_path **paths =
        pn_arena_alloc_array(compiler->boot, value->from_count, sizeof *paths);
    if (paths == NULL) {
        return pn_map_no_memory(compiler);
    }
    for (unsigned i = 0; code == PN_OK && i < value->from_count; i++) {
        code = pn_map_compile_path(compiler, node, texts[i], &paths[i]);
    }
    value->from = paths;
    if (code == PN_OK) {
        value->where = paths[0]->text;
    }
    return code;
}

static enum pn_code compile_table(struct pn_map_compiler *compiler, const struct pn_yaml *row,
                                  struct pn_map_value *value)
{
    const struct pn_yaml *table = pn_yaml_get(row, "table");
    const struct pn_yaml *column = pn_yaml_get(row, "column");
    if (table == NULL) {
        return column == NULL ? PN_OK : pn_map_fault(compiler, column, "only beside `table`");
    }
    struct pn_slice name = pn_yaml_text(column, "to");
    if (pn_slice_is(name, "system")) {
        value->column = PN_COLUMN_SYSTEM;
    } else if (pn_slice_is(name, "display")) {
        value->column = PN_COLUMN_DISPLAY;
    } else if (!pn_slice_is(name, "to")) {
        return pn_map_fault(compiler, column, "one of to, system, display");
    }
    return pn_map_compile_table(compiler, table, pn_yaml_text(table, ""), &value->table);
}

static enum pn_code compile_plus(struct pn_map_compiler *compiler, const struct pn_yaml *row,
                                 struct pn_map_value *value)
{
    const struct pn_yaml *plus = pn_yaml_get(row, "plus");
    const struct pn_yaml *unit = pn_yaml_get(row, "unit");
    if (plus == NULL) {
        return unit == NULL ? PN_OK : pn_map_fault(compiler, unit, "only beside `plus`");
    }
    value->plus_unit_literal = pn_slice_str("min");
    enum pn_code code = pn_map_compile_path(compiler, plus, pn_yaml_text(plus, ""), &value->plus);
    if (code == PN_OK && unit != NULL) {
        code = pn_map_compile_path(compiler, unit, pn_yaml_text(unit, ""), &value->plus_unit);
    }
    return code;
}

// A text in which nothing depends on the message is a fixed one.
static enum pn_code compile_text(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_value *value)
{
    value->where = "text";
    enum pn_code code =
        pn_map_compile_template(compiler, node, pn_yaml_text(node, ""), &value->text);
    if (code != PN_OK) {
        return code;
    }
    struct pn_buf fixed;
    pn_buf_init(&fixed, node->scalar.len + TEMPLATE_PARTS_MAX * PN_ERR_WHERE_BYTES);
    bool is_fixed = true;
    for (unsigned i = 0; i < value->text->part_count; i++) {
        is_fixed = is_fixed && value->text->parts[i].path == NULL;
        pn_buf_add_slice(&fixed, value->text->parts[i].text);
    }
    if (is_fixed && fixed.len > 0) {
        const char *copy = pn_arena_copy(compiler->boot, pn_buf_slice(&fixed));
        value->literal = pn_slice_of(copy, fixed.len);
        value->is_literal = true;
        value->text = NULL;
        code = copy == NULL || !pn_buf_ok(&fixed) ? pn_map_no_memory(compiler) : PN_OK;
    }
    pn_buf_release(&fixed);
    return code;
}

enum pn_code pn_map_compile_max(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_value *value)
{
    int64_t max = 0;
    if (node == NULL) {
        return PN_OK;
    }
    if (!compiler->is_out) {
        return pn_map_fault(compiler, node, "only in out/: what comes in is never cut");
    }
    if (!pn_slice_to_i64(pn_yaml_text(node, ""), &max) || max < 1 || max > MAX_CHARS_MAX) {
        return pn_map_fault(compiler, node, "a number of characters, from 1 to %d", MAX_CHARS_MAX);
    }
    value->max_chars = (unsigned)max;
    return PN_OK;
}

static enum pn_code compile_source(struct pn_map_compiler *compiler, const struct pn_yaml *row,
                                   struct pn_map_value *value)
{
    const struct pn_yaml *from = pn_yaml_get(row, "from");
    const struct pn_yaml *literal = pn_yaml_get(row, "value");
    const struct pn_yaml *text = pn_yaml_get(row, "text");
    const struct pn_yaml *score = pn_yaml_get(row, "score");
    if ((from != NULL) + (literal != NULL) + (text != NULL) + (score != NULL) != 1) {
        return pn_map_fault(compiler, row,
                            "exactly one of `from`, `value`, `text` and `score` says the value");
    }
    if (score != NULL) {
        value->where = "score";
        return pn_map_compile_score(compiler, score, &value->score);
    }
    if (from != NULL) {
        return compile_from(compiler, from, value);
    }
    if (literal != NULL) {
        if (literal->kind != PN_YAML_SCALAR) {
            return pn_map_fault(compiler, literal, "one fixed text");
        }
        value->is_literal = true;
        value->literal = literal->scalar;
        value->where = "value";
        return PN_OK;
    }
    return compile_text(compiler, text, value);
}

enum pn_code pn_map_compile_value(struct pn_map_compiler *compiler, const struct pn_yaml *row,
                                  struct pn_map_value *ret_value)
{
    struct pn_map_value value = {.place = {row, compiler->file}};
    enum pn_code code = compile_source(compiler, row, &value);
    if (code == PN_OK) {
        code = compile_conversions(compiler, pn_yaml_get(row, "as"), &value);
    }
    if (code == PN_OK) {
        code = compile_table(compiler, row, &value);
    }
    if (code == PN_OK) {
        code = compile_plus(compiler, row, &value);
    }
    if (code == PN_OK) {
        code = compile_policies(compiler, row, &value);
    }
    if (code == PN_OK) {
        code = pn_map_compile_max(compiler, pn_yaml_get(row, "max"), &value);
    }
    const struct pn_yaml *where = pn_yaml_get(row, "where");
    if (code == PN_OK && where != NULL) {
        value.where = pn_arena_copy(compiler->boot, pn_yaml_text(where, ""));
        code = value.where == NULL ? pn_map_no_memory(compiler) : PN_OK;
    }
    if (code == PN_OK) {
        *ret_value = value;
    }
    return code;
}

enum pn_code pn_map_compile_short(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_map_value *ret_value)
{
    struct pn_map_value value = {
        .place = {node, compiler->file}, .where = "", .reason = "must be there"};
    enum pn_code code = PN_OK;
    if (node != NULL && node->kind == PN_YAML_MAP) {
        code = pn_map_check_keys(compiler, node, pn_map_value_keys);
        return code != PN_OK ? code : pn_map_compile_value(compiler, node, ret_value);
    }
    if (node != NULL) {
        code = compile_from(compiler, node, &value);
        value.invalid = PN_POLICY_REJECT;
    }
    if (code == PN_OK) {
        *ret_value = value;
    }
    return code;
}

// --- Keys ----------------------------------------------------------------------------------------

static const struct pn_yaml *find_key(const struct pn_map_compiler *compiler, struct pn_slice name,
                                      const char **ret_file)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%.*s", PN_SLICE_FMT(name));
    const struct pn_yaml *found = pn_yaml_get(compiler->keys, wanted);
    *ret_file = compiler->file;
    return found != NULL ? found : pn_map_find_shared(compiler, "keys", name, ret_file);
}

static enum pn_code compile_key_parts(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                                      struct pn_map_key *key)
{
    struct pn_map_value *parts =
        pn_arena_alloc_array(compiler->boot, PN_MAP_KEY_PARTS_MAX, sizeof *parts);
    if (parts == NULL) {
        return pn_map_no_memory(compiler);
    }
    const struct pn_yaml *item = list->kind == PN_YAML_LIST ? list->first_child : list;
    for (; item != NULL; item = list->kind == PN_YAML_LIST ? item->next : NULL) {
        if (key->part_count == PN_MAP_KEY_PARTS_MAX) {
            return pn_map_fault(compiler, item, "a key has at most %d parts", PN_MAP_KEY_PARTS_MAX);
        }
        struct pn_map_value *part = &parts[key->part_count++];
        enum pn_code code = pn_map_compile_short(compiler, item, part);
        if (code != PN_OK) {
            return code;
        }
        if (pn_yaml_get(item, "missing") == NULL && pn_yaml_get(item, "default") == NULL) {
            part->missing = PN_POLICY_REJECT;
            if (pn_yaml_get(item, "reason") == NULL) {
                part->reason = "must be there: it is part of the identifier";
            }
        }
    }
    key->parts = parts;
    return PN_OK;
}

enum pn_code pn_map_compile_key(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                const struct pn_map_key **ret_key)
{
    struct pn_map_key *key = pn_arena_alloc(compiler->boot, sizeof *key);
    if (key == NULL) {
        return pn_map_no_memory(compiler);
    }
    if (node == NULL) {
        return pn_map_fault(compiler, node, "`key` is needed");
    }
    const char *file = compiler->file;
    const struct pn_yaml *parts = node;
    if (node->kind == PN_YAML_SCALAR) {
        parts = find_key(compiler, node->scalar, &file);
        if (parts == NULL) {
            return pn_map_fault(compiler, node, "no key of that name under `keys`");
        }
    }
    const char *own_file = compiler->file;
    compiler->file = file;
    enum pn_code code = compile_key_parts(compiler, parts, key);
    compiler->file = own_file;
    if (code == PN_OK) {
        *ret_key = key;
    }
    return code;
}
