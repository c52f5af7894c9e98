// SPDX-License-Identifier: Apache-2.0
// What rows write to (`to`) → compiled, checked against the FHIR tables.
#include <string.h>

#include "map/compile.h"

static bool ends_with_list(struct pn_slice text)
{
    return text.len > 2 && text.ptr[text.len - 2] == '[' && text.ptr[text.len - 1] == ']';
}

// A path from the resource: what enclosing blocks opened, this row's part, and more.
static const char *join(struct pn_map_compiler *compiler, struct pn_slice to, const char *more)
{
    return pn_arena_printf(compiler->boot, "%s%.*s%s", compiler->target_prefix, PN_SLICE_FMT(to),
                           more);
}

// The same place once it has been made: every `[]` is now the last item.
static const char *as_last(struct pn_map_compiler *compiler, const char *path)
{
    struct pn_buf text;
    pn_buf_init(&text, 4096);
    for (const char *at = path; *at != '\0'; at++) {
        if (at[0] == '[' && at[1] == ']') {
            pn_buf_add_str(&text, "[last]");
            at++;
        } else {
            pn_buf_add_char(&text, *at);
        }
    }
    const char *copy = pn_arena_copy(compiler->boot, pn_buf_slice(&text));
    pn_buf_release(&text);
    return copy;
}

static enum pn_code compile_fhir_path(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      const char *text, const struct pn_fhir_path **ret_path)
{
    struct pn_err inner;
    if (text == NULL) {
        return pn_map_no_memory(compiler);
    }
    if (pn_fhir_path_compile(compiler->boot, compiler->resource, text, ret_path, &inner) != PN_OK) {
        return pn_map_fault(compiler, node, "%s has no element %s: %s", compiler->resource, text,
                            inner.text);
    }
    return PN_OK;
}

static bool is_list(struct pn_map_compiler *compiler, struct pn_slice to)
{
    const struct pn_fhir_path *ignored = NULL;
    struct pn_err inner;
    const char *text = join(compiler, to, "[]");
    return text != NULL && pn_fhir_path_compile(compiler->boot, compiler->resource, text, &ignored,
                                                &inner) == PN_OK;
}

static enum pn_code compile_coding(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   struct pn_slice to, bool is_concept,
                                   struct pn_map_target *target)
{
    bool adds = !ends_with_list(to) && is_list(compiler, to);
    const char *first = join(compiler, to, adds ? "[]" : "");
    const char *later = first == NULL ? NULL : as_last(compiler, first);
    if (later == NULL) {
        return pn_map_no_memory(compiler);
    }
    const char *inside = is_concept ? ".coding" : "";
    target->shape = PN_SHAPE_CODING;
    target->appends = strstr(first, "[]") != NULL;
    enum pn_code code = compile_fhir_path(
        compiler, node, pn_arena_printf(compiler->boot, "%s%s.code", first, inside), &target->code);
    if (code == PN_OK) {
        code = compile_fhir_path(compiler, node,
                                 pn_arena_printf(compiler->boot, "%s%s.system", later, inside),
                                 &target->system);
    }
    if (code == PN_OK) {
        code = compile_fhir_path(compiler, node,
                                 pn_arena_printf(compiler->boot, "%s%s.display", later, inside),
                                 &target->display);
    }
    return code;
}

static enum pn_code compile_fhir_value(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                       enum pn_map_row_kind kind, struct pn_map_target *target)
{
    struct pn_slice to = node->scalar;
    enum pn_code code = compile_fhir_path(compiler, node, join(compiler, to, ""), &target->path);
    if (code != PN_OK || kind == PN_ROW_REQUIRE) {
        return code;
    }
    target->appends = strstr(pn_fhir_path_text(target->path), "[]") != NULL;
    if (pn_fhir_path_is_primitive(target->path)) {
        return PN_OK;
    }
    const char *type = pn_fhir_path_type_name(target->path);
    if (strcmp(type, "Reference") == 0) {
        target->shape = PN_SHAPE_REFERENCE;
        bool adds = !ends_with_list(to) && is_list(compiler, to);
        target->appends = target->appends || adds;
        return compile_fhir_path(compiler, node,
                                 join(compiler, to, adds ? "[].reference" : ".reference"),
                                 &target->path);
    }
    bool is_concept = strcmp(type, "CodeableConcept") == 0;
    if (is_concept || strcmp(type, "Coding") == 0) {
        target->path = NULL;
        return compile_coding(compiler, node, to, is_concept, target);
    }
    return pn_map_fault(compiler, node, "is a %s: say which part of it, or use a block with `rows`",
                        type);
}

// A block, or a whole value: a new item of a list, or the one object.
static enum pn_code compile_fhir_block(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                       struct pn_map_target *target, const char **ret_prefix)
{
    struct pn_slice to = node->scalar;
    bool adds = !ends_with_list(to) && is_list(compiler, to);
    const char *first = join(compiler, to, adds ? "[]" : "");
    const char *later = first == NULL ? NULL : as_last(compiler, first);
    if (later == NULL) {
        return pn_map_no_memory(compiler);
    }
    target->shape = PN_SHAPE_WHOLE;
    target->appends = strstr(first, "[]") != NULL;
    enum pn_code code = compile_fhir_path(compiler, node, first, &target->path);
    if (code != PN_OK) {
        return code;
    }
    if (pn_fhir_path_is_primitive(target->path)) {
        return pn_map_fault(compiler, node, "is a %s and holds no rows",
                            pn_fhir_path_type_name(target->path));
    }
    *ret_prefix = pn_arena_printf(compiler->boot, "%s.", later);
    return *ret_prefix == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

// --- Document trees ------------------------------------------------------------------------------

static enum pn_code check_step(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               struct pn_slice name, bool is_first)
{
    bool is_hl7 = compiler->sink == PN_SINK_HL7V2;
    int64_t number = 0;
    if (is_hl7 && is_first ? name.len != 3 : is_hl7 && !pn_slice_to_i64(name, &number)) {
        return pn_map_fault(compiler, node,
                            "an HL7 target is a segment and numbers: OBX-5, PID-3.4.2");
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || ((unsigned char)c >= 0x80) ||
                       (i > 0 && (c == '-' || c == '.')) || (i > 0 && c == ':') ||
                       (i == 0 && c == '@' && name.len > 1);
        if (!is_word && compiler->sink != PN_SINK_JSON) {
            return pn_map_fault(compiler, node, "'%.*s' is no name", PN_SLICE_FMT(name));
        }
    }
    return name.len > 0 ? PN_OK : pn_map_fault(compiler, node, "a step of the target is empty");
}

static enum pn_code add_out_step(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_slice text, bool is_first, struct pn_map_target *target,
                                 struct pn_map_out_step *steps)
{
    if (target->step_count == PN_MAP_STEPS_MAX) {
        return pn_map_fault(compiler, node, "over %d steps", PN_MAP_STEPS_MAX);
    }
    struct pn_map_out_step *step = &steps[target->step_count++];
    step->is_item = ends_with_list(text);
    step->name = step->is_item ? pn_slice_of(text.ptr, text.len - 2) : text;
    target->appends = target->appends || step->is_item;
    return check_step(compiler, node, step->name, is_first);
}

static enum pn_code compile_steps(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_slice text, bool is_first, struct pn_map_target *target)
{
    struct pn_map_out_step *steps =
        pn_arena_alloc_array(compiler->boot, PN_MAP_STEPS_MAX, sizeof *steps);
    if (steps == NULL) {
        return pn_map_no_memory(compiler);
    }
    while (text.len > 0) {
        size_t at = 0;
        bool is_hl7 = compiler->sink == PN_SINK_HL7V2;
        while (at < text.len &&
               (is_hl7 ? text.ptr[at] != '.' && text.ptr[at] != '-' : text.ptr[at] != '/')) {
            at++;
        }
        enum pn_code code =
            add_out_step(compiler, node, pn_slice_of(text.ptr, at), is_first, target, steps);
        if (code != PN_OK) {
            return code;
        }
        is_first = false;
        at += at < text.len ? 1 : 0;
        text = pn_slice_of(text.ptr + at, text.len - at);
    }
    target->steps = steps;
    return PN_OK;
}

static enum pn_code compile_tree_target(struct pn_map_compiler *compiler,
                                        const struct pn_yaml *node, struct pn_map_target *target,
                                        const char **ret_prefix)
{
    struct pn_slice to = node->scalar;
    const char *prefix = compiler->target_prefix;
    if (compiler->sink != PN_SINK_HL7V2 || prefix[0] == '\0') {
        struct pn_slice bare = ends_with_list(to) ? pn_slice_of(to.ptr, to.len - 2) : to;
        *ret_prefix = pn_arena_copy(compiler->boot, bare);
        return *ret_prefix == NULL
                   ? pn_map_no_memory(compiler)
                   : compile_steps(compiler, node, to, compiler->sink == PN_SINK_HL7V2, target);
    }
    size_t length = strlen(prefix);
    if (!pn_slice_starts_with(to, prefix) || to.len < length + 2) {
        return pn_map_fault(compiler, node, "inside the block of %s only its own fields can be set",
                            prefix);
    }
    struct pn_slice bare = ends_with_list(to) ? pn_slice_of(to.ptr, to.len - 2) : to;
    *ret_prefix = pn_arena_copy(compiler->boot, bare);
    to = pn_slice_of(to.ptr + length + 1, to.len - length - 1);
    return *ret_prefix == NULL ? pn_map_no_memory(compiler)
                               : compile_steps(compiler, node, to, false, target);
}

enum pn_code pn_map_compile_target(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   enum pn_map_row_kind kind,
                                   const struct pn_map_target **ret_target, const char **ret_prefix)
{
    struct pn_map_target *target = pn_arena_alloc(compiler->boot, sizeof *target);
    if (target == NULL) {
        return pn_map_no_memory(compiler);
    }
    if (node->kind != PN_YAML_SCALAR || node->scalar.len == 0) {
        return pn_map_fault(compiler, node, "the name of an element is expected here");
    }
    target->text = node->scalar.ptr;
    *ret_prefix = compiler->target_prefix;
    enum pn_code code = PN_OK;
    if (compiler->sink == PN_SINK_TEXT) {
        code = pn_map_fault(compiler, node, "a text has `line` rows, no `to`");
    } else if (compiler->sink != PN_SINK_FHIR) {
        code = compile_tree_target(compiler, node, target, ret_prefix);
    } else if (kind == PN_ROW_BLOCK || kind == PN_ROW_COPY) {
        code = compile_fhir_block(compiler, node, target, ret_prefix);
    } else {
        code = compile_fhir_value(compiler, node, kind, target);
    }
    if (code == PN_OK) {
        *ret_target = target;
    }
    return code;
}
