// SPDX-License-Identifier: Apache-2.0
// Conditions as text → compiled.
#include "map/compile.h"
#include "map/run.h"

enum { VALUES_MAX = 64, CHILDREN_MAX = 32 };

static struct pn_slice take_word(struct pn_slice *text)
{
    struct pn_slice left = pn_slice_trim(*text);
    size_t at = 0;
    int depth = 0;
    while (at < left.len && (depth > 0 || left.ptr[at] != ' ')) {
        depth += left.ptr[at] == '[' ? 1 : (left.ptr[at] == ']' ? -1 : 0);
        at++;
    }
    *text = pn_slice_of(left.ptr + at, left.len - at);
    return pn_slice_of(left.ptr, at);
}

// A|B|C
static enum pn_code compile_values(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   struct pn_slice text, struct pn_map_condition *condition)
{
    struct pn_slice *values = pn_arena_alloc_array(compiler->boot, VALUES_MAX, sizeof *values);
    if (values == NULL) {
        return pn_map_no_memory(compiler);
    }
    text = pn_slice_trim(text);
    if (text.len == 0) {
        return pn_map_fault(compiler, node, "what should it be? PATH = VALUE, or A|B for either");
    }
    while (text.len > 0) {
        if (condition->value_count == VALUES_MAX) {
            return pn_map_fault(compiler, node, "over %d values: use a table", VALUES_MAX);
        }
        struct pn_slice rest;
        values[condition->value_count++] = pn_slice_trim(pn_slice_split(text, '|', &rest));
        text = rest;
    }
    condition->values = values;
    return PN_OK;
}

static enum pn_code compile_is(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               struct pn_slice rest, struct pn_map_condition *condition)
{
    condition->test = PN_TEST_IS;
    condition->kind = pn_map_kind_find(pn_slice_trim(rest));
    if (condition->kind == NULL) {
        return pn_map_fault(compiler, node, "no kind of text is called '%.*s' (docs/MAPPING.md)",
                            PN_SLICE_FMT(rest));
    }
    return PN_OK;
}

static enum pn_code compile_in(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               struct pn_slice rest, struct pn_map_condition *condition)
{
    if (!pn_slice_is(take_word(&rest), "table")) {
        return pn_map_fault(compiler, node, "PATH in table NAME, PATH contains table NAME");
    }
    return pn_map_compile_table(compiler, node, pn_slice_trim(rest), &condition->table);
}

static enum pn_code compile_test(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_slice rest, struct pn_map_condition *condition)
{
    struct pn_slice word = take_word(&rest);
    if (word.len == 0) {
        condition->test = PN_TEST_THERE;
        return PN_OK;
    }
    if (pn_slice_is(word, "not")) {
        condition->is_not = !condition->is_not;
        word = take_word(&rest);
    }
    if (pn_slice_is(word, "=") || pn_slice_is(word, "!=")) {
        condition->test = PN_TEST_EQUALS;
        condition->is_not = condition->is_not != pn_slice_is(word, "!=");
        return compile_values(compiler, node, rest, condition);
    }
    if (pn_slice_is(word, "starts")) {
        condition->test = PN_TEST_STARTS;
        return compile_values(compiler, node, rest, condition);
    }
    if (pn_slice_is(word, "is")) {
        return compile_is(compiler, node, rest, condition);
    }
    if (pn_slice_is(word, "in") || pn_slice_is(word, "contains")) {
        condition->test = pn_slice_is(word, "in") ? PN_TEST_IN_TABLE : PN_TEST_CONTAINS;
        return compile_in(compiler, node, rest, condition);
    }
    if (pn_slice_is(word, "among") || pn_slice_is(word, "before")) {
        condition->test = pn_slice_is(word, "among") ? PN_TEST_AMONG : PN_TEST_BEFORE;
        return pn_map_compile_path(compiler, node, rest, &condition->others);
    }
    return pn_map_fault(
        compiler, node,
        "PATH, PATH = A|B, PATH != A, PATH starts A, PATH among PATH, PATH before PATH, PATH in "
        "table NAME, PATH contains table NAME or PATH is KIND; `not` before the "
        "path turns it round");
}

static enum pn_code compile_text(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_condition *condition)
{
    struct pn_slice rest = node->scalar;
    struct pn_slice path = take_word(&rest);
    if (pn_slice_is(path, "not")) {
        condition->is_not = true;
        path = take_word(&rest);
    }
    if (pn_slice_is(path, "any")) {
        condition->is_any = true;
        path = take_word(&rest);
    }
    enum pn_code code = pn_map_compile_path(compiler, node, path, &condition->path);
    return code != PN_OK ? code : compile_test(compiler, node, rest, condition);
}

static enum pn_code compile_one(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_condition *condition);

static enum pn_code compile_list(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                                 enum pn_map_test test, struct pn_map_condition *condition)
{
    if (list->kind != PN_YAML_LIST || list->child_count == 0 || list->child_count > CHILDREN_MAX) {
        return pn_map_fault(compiler, list, "a list of 1 to %d conditions", CHILDREN_MAX);
    }
    struct pn_map_condition *children =
        pn_arena_alloc_array(compiler->boot, list->child_count, sizeof *children);
    if (children == NULL) {
        return pn_map_no_memory(compiler);
    }
    condition->test = test;
    condition->children = children;
    for (const struct pn_yaml *item = list->first_child; item != NULL; item = item->next) {
        enum pn_code code = compile_one(compiler, item, &children[condition->child_count++]);
        if (code != PN_OK) {
            return code;
        }
    }
    return PN_OK;
}

static enum pn_code compile_one(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_condition *condition)
{
    static const char *const keys[] = {"any", "all", NULL};
    if (node->kind == PN_YAML_SCALAR) {
        return compile_text(compiler, node, condition);
    }
    if (node->kind == PN_YAML_LIST) {
        return compile_list(compiler, node, PN_TEST_ALL, condition);
    }
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_yaml *any = pn_yaml_get(node, "any");
    const struct pn_yaml *all = pn_yaml_get(node, "all");
    if ((any == NULL) == (all == NULL)) {
        return pn_map_fault(compiler, node, "either `any` or `all`");
    }
    return compile_list(compiler, any != NULL ? any : all, any != NULL ? PN_TEST_ANY : PN_TEST_ALL,
                        condition);
}

enum pn_code pn_map_compile_condition(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      const struct pn_map_condition **ret_condition)
{
    if (node == NULL) {
        *ret_condition = NULL;
        return PN_OK;
    }
    struct pn_map_condition *condition = pn_arena_alloc(compiler->boot, sizeof *condition);
    if (condition == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = compile_one(compiler, node, condition);
    if (code == PN_OK) {
        *ret_condition = condition;
    }
    return code;
}
