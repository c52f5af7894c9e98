// SPDX-License-Identifier: Apache-2.0
// Writing values to where rows say: into a FHIR resource, or into the tree of a document.
#include <assert.h>

#include "map/run.h"

// --- Document trees ------------------------------------------------------------------------------

struct pn_map_out_node *pn_map_out_add(struct pn_arena *arena, struct pn_map_out_node *parent,
                                       struct pn_slice name)
{
    struct pn_map_out_node *node = pn_arena_alloc(arena, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->name = name;
    if (parent->last_child == NULL) {
        parent->first_child = node;
    } else {
        parent->last_child->next = node;
    }
    parent->last_child = node;
    return node;
}

static struct pn_map_out_node *last_named(const struct pn_map_out_node *parent,
                                          struct pn_slice name)
{
    struct pn_map_out_node *found = NULL;
    for (struct pn_map_out_node *node = parent->first_child; node != NULL; node = node->next) {
        if (pn_slice_eq(node->name, name)) {
            found = node;
        }
    }
    return found;
}

// Walks to the target, making what is missing; the last step is always new when `is_new`.
static struct pn_map_out_node *reach(struct pn_arena *arena, const struct pn_map_target *target,
                                     struct pn_map_out_node *top, bool is_new)
{
    struct pn_map_out_node *node = top;
    for (unsigned i = 0; node != NULL && i < target->step_count; i++) {
        const struct pn_map_out_step *step = &target->steps[i];
        bool must_add = step->is_item || (is_new && i + 1 == target->step_count);
        struct pn_map_out_node *next = must_add ? NULL : last_named(node, step->name);
        if (next == NULL) {
            next = pn_map_out_add(arena, node, step->name);
            if (next != NULL) {
                next->is_item = step->is_item;
            }
        }
        node = next;
    }
    return node;
}

static const struct pn_map_out_node *look(const struct pn_map_target *target,
                                          const struct pn_map_out_node *top)
{
    const struct pn_map_out_node *node = top;
    for (unsigned i = 0; node != NULL && i < target->step_count; i++) {
        node = last_named(node, target->steps[i].name);
    }
    return node;
}

static enum pn_code no_memory(const struct pn_map_target *target, struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, target->text, "the message needs too much memory");
}

// --- FHIR ----------------------------------------------------------------------------------------

static enum pn_code set_coding(const struct pn_map_row *row, cJSON *resource, struct pn_slice text,
                               const struct pn_map_code *code_row, struct pn_err *err)
{
    const struct pn_map_target *target = row->target;
    enum pn_code code = pn_fhir_set_compiled(resource, target->code, text, err);
    if (code == PN_OK && code_row != NULL && code_row->system.len > 0) {
        code = pn_fhir_set_compiled(resource, target->system, code_row->system, err);
    }
    if (code == PN_OK && code_row != NULL && code_row->display.len > 0) {
        code = pn_fhir_set_compiled(resource, target->display, code_row->display, err);
    }
    return code;
}

const struct pn_map_out_node *pn_map_sink_node(const struct pn_map_target *target,
                                               const struct pn_map_out *out)
{
    return out->resource == NULL ? look(target, out->top) : NULL;
}

bool pn_map_sink_is_set(const struct pn_map_target *target, const struct pn_map_out *out)
{
    if (out->resource == NULL) {
        return look(target, out->top) != NULL;
    }
    const struct pn_fhir_path *path = target->path != NULL ? target->path : target->code;
    return pn_fhir_at_compiled(out->resource, path) != NULL;
}

enum pn_code pn_map_sink_set(const struct pn_map_run *run, const struct pn_map_row *row,
                             const struct pn_map_out *out, struct pn_slice text,
                             const struct pn_map_code *code_row, bool *ret_wrote,
                             struct pn_err *err)
{
    const struct pn_map_target *target = row->target;
    if (out->resource == NULL) {
        struct pn_map_out_node *node = reach(run->arena, target, out->top, target->appends);
        if (node == NULL) {
            return no_memory(target, err);
        }
        const struct pn_map_value *value = &row->value;
        node->value = text;
        node->is_bare =
            value->conversion_count > 0 && value->conversions[value->conversion_count - 1].is_bare;
        *ret_wrote = true;
        return PN_OK;
    }
    enum pn_code code = target->shape == PN_SHAPE_CODING
                            ? set_coding(row, out->resource, text, code_row, err)
                            : pn_fhir_set_compiled(out->resource, target->path, text, err);
    if (code == PN_INVALID && row->value.invalid == PN_POLICY_SKIP) {
        return PN_OK;
    }
    if (code != PN_OK) {
        if (row->value.where != NULL) {
            pn_err_within(err, row->value.where);
        }
        return code;
    }
    *ret_wrote = true;
    return PN_OK;
}

enum pn_code pn_map_sink_open(const struct pn_map_run *run, const struct pn_map_target *target,
                              const struct pn_map_out *out, struct pn_map_out *ret_out,
                              struct pn_err *err)
{
    if (out->resource == NULL) {
        struct pn_map_out_node *node = reach(run->arena, target, out->top, true);
        if (node == NULL) {
            return no_memory(target, err);
        }
        *ret_out = (struct pn_map_out){.top = node};
        return PN_OK;
    }
    cJSON *object = cJSON_CreateObject();
    if (object == NULL) {
        return no_memory(target, err);
    }
    enum pn_code code = pn_fhir_put_compiled(out->resource, target->path, object, err);
    if (code == PN_OK) {
        *ret_out = (struct pn_map_out){.resource = out->resource, .opened = object};
    }
    return code;
}

static void drop_node(struct pn_map_out_node *parent, const struct pn_map_out_node *node)
{
    struct pn_map_out_node *before = NULL;
    for (struct pn_map_out_node *child = parent->first_child; child != NULL; child = child->next) {
        if (child != node) {
            before = child;
            continue;
        }
        if (before == NULL) {
            parent->first_child = child->next;
        } else {
            before->next = child->next;
        }
        parent->last_child = parent->last_child == child ? before : parent->last_child;
        return;
    }
}

// Takes `child` out wherever it hangs below `node`, and what is empty because of it; but not
// `keep`, which the enclosing block still writes into.
static bool drop_json(cJSON *node, const cJSON *child, const cJSON *keep)
{
    for (cJSON *item = node->child; item != NULL; item = item->next) {
        bool is_child = item == child;
        if (!is_child && !drop_json(item, child, keep)) {
            continue;
        }
        if (is_child || (item->child == NULL && item != keep)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(node, item));
        }
        return true;
    }
    return false;
}

void pn_map_sink_drop(const struct pn_map_target *target, const struct pn_map_out *out,
                      const struct pn_map_out *opened)
{
    if (out->resource != NULL) {
        drop_json(out->resource, opened->opened, out->opened);
        return;
    }
    struct pn_map_out_node *parent = out->top;
    for (unsigned i = 0; parent != NULL && i + 1 < target->step_count; i++) {
        parent = last_named(parent, target->steps[i].name);
    }
    if (parent != NULL) {
        drop_node(parent, opened->top);
    }
}

// Members that no row has set.
static enum pn_code merge(const struct pn_map_target *target, cJSON *resource, cJSON *whole,
                          struct pn_err *err)
{
    cJSON *next = NULL;
    for (cJSON *member = whole->child; member != NULL; member = next) {
        next = member->next;
        if (cJSON_GetObjectItemCaseSensitive(resource, member->string) != NULL) {
            continue;
        }
        cJSON *moved = cJSON_DetachItemViaPointer(whole, member);
        if (!cJSON_AddItemToObject(resource, moved->string, moved)) {
            return no_memory(target, err);
        }
    }
    return PN_OK;
}

enum pn_code pn_map_sink_put(const struct pn_map_run *run, const struct pn_map_row *row,
                             const struct pn_map_out *out, cJSON *whole, struct pn_err *err)
{
    const struct pn_map_target *target = row->target;
    if (out->resource == NULL) {
        struct pn_map_out_node *node = reach(run->arena, target, out->top, true);
        if (node == NULL) {
            return no_memory(target, err);
        }
        node->whole = whole;
        return PN_OK;
    }
    if (target->path == NULL) {
        return merge(target, out->resource, whole, err);
    }
    return pn_fhir_put_compiled(out->resource, target->path, whole, err);
}
