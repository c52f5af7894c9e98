// SPDX-License-Identifier: Apache-2.0
// The names of persons and resources → compiled.
#include "map/compile.h"

enum { NAMES_MAX = 16 };

static enum pn_code compile_name(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_name *name)
{
    static const char *const keys[] = {"each", "text", NULL};
    if (node->kind == PN_YAML_SCALAR && node->scalar.len > 0) {
        return pn_map_compile_template(compiler, node, node->scalar, &name->text);
    }
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    const struct pn_yaml *text = pn_yaml_get(node, "text");
    if (code == PN_OK && pn_yaml_text(text, "").len == 0) {
        code = pn_map_fault(compiler, node, "a name needs `text`");
    }
    if (code == PN_OK) {
        code = pn_map_enter(compiler, node, &name->each);
    }
    if (code == PN_OK) {
        code = pn_map_compile_template(compiler, text, pn_yaml_text(text, ""), &name->text);
        pn_map_leave(compiler, name->each);
    }
    return code;
}

enum pn_code pn_map_compile_names(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_map_names *ret_names)
{
    if (node == NULL) {
        return PN_OK;
    }
    bool is_list = node->kind == PN_YAML_LIST;
    const struct pn_yaml *item = is_list ? node->first_child : node;
    if (item == NULL || (is_list && node->child_count > NAMES_MAX)) {
        return pn_map_fault(compiler, node, "one name, or a list of 1 to %d", NAMES_MAX);
    }
    struct pn_map_name *names = pn_arena_alloc_array(compiler->boot, NAMES_MAX, sizeof *names);
    if (names == NULL) {
        return pn_map_no_memory(compiler);
    }
    unsigned count = 0;
    enum pn_code code = PN_OK;
    for (; code == PN_OK && item != NULL; item = is_list ? item->next : NULL) {
        code = compile_name(compiler, item, &names[count++]);
    }
    if (code == PN_OK) {
        *ret_names = (struct pn_map_names){names, count};
    }
    return code;
}
