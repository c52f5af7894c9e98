// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "fhir/fhir.h"
#include "fhir/json_node.h"
#include "fhir/types.h"

enum { STEPS_MAX = 24, INDEX_DIGITS_MAX = 6 };

enum pick { PICK_FIRST, PICK_INDEX, PICK_LAST, PICK_APPEND, PICK_WHERE, PICK_TYPE };

struct step {
    const char *name; // in the tables' texts, so nodes may point at it for ever
    uint16_t type;
    bool repeats;
    bool is_primitive;
    bool beside; // `_name`: the id and extensions of a primitive
    enum pick pick;
    int index;
    const char *where_name;
    uint16_t where_type;
    struct pn_slice where_value;
};

struct pn_fhir_path {
    const char *text;
    unsigned step_count;
    struct step *steps;
};

// --- Compiling -----------------------------------------------------------------------------------

static enum pn_code bad_path(struct pn_err *err, const char *path, const char *text)
{
    return pn_err_set(err, PN_INVALID, path, "%s", text);
}

// `name[…]` up to the next dot that stands outside brackets; false when the brackets are wrong.
static bool split_step(struct pn_slice *rest, struct pn_slice *ret_name, struct pn_slice *ret_pick,
                       bool *ret_has_pick)
{
    size_t at = 0;
    while (at < rest->len && rest->ptr[at] != '.' && rest->ptr[at] != '[') {
        at++;
    }
    *ret_name = pn_slice_of(rest->ptr, at);
    *ret_has_pick = at < rest->len && rest->ptr[at] == '[';
    if (*ret_has_pick) {
        size_t open = ++at;
        while (at < rest->len && rest->ptr[at] != ']') {
            at++;
        }
        if (at == rest->len) {
            return false;
        }
        *ret_pick = pn_slice_of(rest->ptr + open, at - open);
        at++;
    }
    if (at < rest->len && rest->ptr[at] != '.') {
        return false;
    }
    bool more = at < rest->len;
    *rest = pn_slice_of(rest->ptr + at + (more ? 1 : 0), rest->len - at - (more ? 1 : 0));
    return ret_name->len > 0 && (!more || rest->len > 0);
}

static bool find_element(unsigned type, struct pn_slice name, struct step *step)
{
    step->beside = name.ptr[0] == '_';
    if (step->beside) {
        name = pn_slice_of(name.ptr + 1, name.len - 1);
    }
    const struct pn_fhir_element *element = pn_fhir_element_find(type, name);
    if (element == NULL) {
        return false;
    }
    step->name = pn_fhir_text(element->name);
    step->type = element->type;
    step->repeats = (element->flags & PN_FHIR_REPEATS) != 0;
    step->is_primitive = (element->flags & PN_FHIR_PRIMITIVE) != 0;
    if (step->beside) {
        // The lists of a repeating primitive and of its extensions would have to be kept in step.
        if (!step->is_primitive || step->repeats) {
            return false;
        }
        step->type = PN_FHIR_T_ELEMENT;
        step->is_primitive = false;
    }
    return true;
}

static bool compile_where(struct pn_slice pick, struct step *step)
{
    struct pn_slice value = pick;
    struct pn_slice name = pn_slice_split(pick, '=', &value);
    if (name.len == pick.len || value.len == 0) {
        return false;
    }
    step->where_value = value;
    if (pn_slice_is(name, "resourceType")) {
        int type = pn_fhir_resource_find(value);
        bool is_resource = step->type == PN_FHIR_T_RESOURCE && type != PN_FHIR_NO_TYPE;
        step->pick = PICK_TYPE;
        step->where_name = "resourceType";
        step->type = is_resource ? (uint16_t)type : step->type;
        return is_resource;
    }
    const struct pn_fhir_element *member = pn_fhir_element_find(step->type, name);
    if (member == NULL || !step->repeats || (member->flags & PN_FHIR_REPEATS) != 0 ||
        (member->flags & PN_FHIR_PRIMITIVE) == 0 || !pn_fhir_primitive_fits(member->type, value)) {
        return false;
    }
    step->pick = PICK_WHERE;
    step->where_name = pn_fhir_text(member->name);
    step->where_type = member->type;
    return true;
}

static bool compile_pick(struct pn_slice pick, struct step *step)
{
    int64_t index = 0;
    if (memchr(pick.len == 0 ? "" : pick.ptr, '=', pick.len) != NULL) {
        return compile_where(pick, step);
    }
    if (!step->repeats) {
        return false;
    }
    if (pick.len == 0) {
        step->pick = PICK_APPEND;
        return true;
    }
    if (pn_slice_is(pick, "last")) {
        step->pick = PICK_LAST;
        return true;
    }
    step->pick = PICK_INDEX;
    if (pick.len > INDEX_DIGITS_MAX || !pn_slice_to_i64(pick, &index) || index < 0) {
        return false;
    }
    step->index = (int)index;
    return true;
}

// Fills steps (of STEPS_MAX) and their count; the steps' slices point into the path's text.
static enum pn_code compile(const char *type_name, struct pn_fhir_path *path, struct pn_err *err)
{
    int type = pn_fhir_type_find(pn_slice_str(type_name));
    struct pn_slice rest = pn_slice_str(path->text);
    if (type == PN_FHIR_NO_TYPE) {
        return bad_path(err, type_name, "there is no such FHIR type");
    }
    path->step_count = 0;
    do {
        struct pn_slice name = {0};
        struct pn_slice pick = {0};
        bool has_pick = false;
        if (path->step_count == STEPS_MAX || !split_step(&rest, &name, &pick, &has_pick)) {
            return bad_path(err, path->text, "the path is malformed or too long");
        }
        struct step *step = &path->steps[path->step_count++];
        *step = (struct step){0};
        if (!find_element((unsigned)type, name, step)) {
            return pn_err_set(err, PN_INVALID, path->text, "%s has no element %.*s",
                              pn_fhir_text(pn_fhir_types[type].name), PN_SLICE_FMT(name));
        }
        if (has_pick && !compile_pick(pick, step)) {
            return pn_err_set(err, PN_INVALID, path->text,
                              "what stands in brackets after %.*s "
                              "does not fit it",
                              PN_SLICE_FMT(name));
        }
        type = step->type;
    } while (rest.len > 0);
    return PN_OK;
}

enum pn_code pn_fhir_path_compile(struct pn_arena *arena, const char *type_name, const char *path,
                                  const struct pn_fhir_path **ret_path, struct pn_err *err)
{
    struct step steps[STEPS_MAX];
    struct pn_fhir_path *compiled = pn_arena_alloc(arena, sizeof *compiled);
    char *text = pn_arena_copy(arena, pn_slice_str(path));
    if (compiled == NULL || text == NULL) {
        return pn_err_set(err, PN_MEMORY, path, "memory is exhausted");
    }
    *compiled = (struct pn_fhir_path){.text = text, .steps = steps};
    enum pn_code code = compile(type_name, compiled, err);
    if (code != PN_OK) {
        return code;
    }
    compiled->steps = pn_arena_alloc_array(arena, compiled->step_count, sizeof *steps);
    if (compiled->steps == NULL) {
        return pn_err_set(err, PN_MEMORY, path, "memory is exhausted");
    }
    memcpy(compiled->steps, steps, compiled->step_count * sizeof *steps);
    *ret_path = compiled;
    return PN_OK;
}

static const struct step *last_step(const struct pn_fhir_path *path)
{
    return &path->steps[path->step_count - 1];
}

const char *pn_fhir_path_type_name(const struct pn_fhir_path *path)
{
    return pn_fhir_type_public_name(last_step(path)->type);
}

const char *pn_fhir_path_text(const struct pn_fhir_path *path)
{
    return path->text;
}

bool pn_fhir_path_is_primitive(const struct pn_fhir_path *path)
{
    return last_step(path)->is_primitive;
}

// --- Reading -------------------------------------------------------------------------------------

static cJSON *find_member(const cJSON *node, const struct step *step)
{
    if (!step->beside) {
        return pn_fhir_member(node, step->name);
    }
    for (cJSON *child = node->child; child != NULL; child = child->next) {
        if (child->string != NULL && child->string[0] == '_' &&
            strcmp(child->string + 1, step->name) == 0) {
            return child;
        }
    }
    return NULL;
}

static bool has_text(const cJSON *object, const char *name, struct pn_slice text)
{
    return cJSON_IsObject(object) &&
           pn_slice_eq(pn_fhir_primitive_text(pn_fhir_member(object, name)), text);
}

static cJSON *pick_item(const cJSON *array, const struct step *step)
{
    cJSON *item = array->child;
    switch (step->pick) {
    case PICK_LAST:
        return item == NULL ? NULL : item->prev;
    case PICK_INDEX:
        return cJSON_GetArrayItem(array, step->index);
    case PICK_WHERE:
    case PICK_TYPE:
        while (item != NULL && !has_text(item, step->where_name, step->where_value)) {
            item = item->next;
        }
        return item;
    case PICK_FIRST:
    case PICK_APPEND:
    default:
        return item;
    }
}

static cJSON *step_into(const cJSON *node, const struct step *step)
{
    cJSON *found = cJSON_IsObject(node) ? find_member(node, step) : NULL;
    if (found == NULL) {
        return NULL;
    }
    if (cJSON_IsArray(found)) {
        return pick_item(found, step);
    }
    bool fits = step->pick != PICK_TYPE || has_text(found, "resourceType", step->where_value);
    return fits ? found : NULL;
}

const cJSON *pn_fhir_at_compiled(const cJSON *node, const struct pn_fhir_path *path)
{
    for (unsigned i = 0; i < path->step_count && node != NULL; i++) {
        node = step_into(node, &path->steps[i]);
    }
    return node;
}

struct pn_slice pn_fhir_get_compiled(const cJSON *node, const struct pn_fhir_path *path)
{
    return pn_fhir_primitive_text(pn_fhir_at_compiled(node, path));
}

// --- Building ------------------------------------------------------------------------------------

static bool add_member(cJSON *object, const struct step *step, cJSON *value)
{
    if (!step->beside) {
        return cJSON_AddItemToObjectCS(object, step->name, value);
    }
    char name[80];
    snprintf(name, sizeof name, "_%s", step->name);
    return cJSON_AddItemToObject(object, name, value);
}

// An empty item, with what its filter asks for already in it.
static cJSON *new_item(const struct step *step)
{
    cJSON *item = pn_json_node_new(cJSON_Object);
    if (item == NULL || (step->pick != PICK_WHERE && step->pick != PICK_TYPE)) {
        return item;
    }
    cJSON *member = step->pick == PICK_TYPE
                        ? pn_fhir_primitive_new(PN_FHIR_T_CODE, step->where_value)
                        : pn_fhir_primitive_new(step->where_type, step->where_value);
    if (member == NULL || !cJSON_AddItemToObjectCS(item, step->where_name, member)) {
        cJSON_Delete(member);
        cJSON_Delete(item);
        return NULL;
    }
    return item;
}

// The array of a repeating member, made when it is not there.
static cJSON *array_of(cJSON *node, const struct step *step)
{
    cJSON *array = find_member(node, step);
    if (array != NULL) {
        return cJSON_IsArray(array) ? array : NULL;
    }
    array = pn_json_node_new(cJSON_Array);
    if (array != NULL && !add_member(node, step, array)) {
        cJSON_Delete(array);
        return NULL;
    }
    return array;
}

static enum pn_code out_of_memory(const struct pn_fhir_path *path, struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, path->text, "memory for this message is exhausted");
}

static enum pn_code wrong_place(const struct pn_fhir_path *path, struct pn_err *err)
{
    return pn_err_set(err, PN_INVALID, path->text,
                      "the resource has something else at this place, or too few items");
}

// Puts `value` where the step leads, over what is there. The value is the tree's when it is PN_OK.
static enum pn_code place(cJSON *node, const struct step *step, cJSON *value,
                          const struct pn_fhir_path *path, struct pn_err *err)
{
    if (!cJSON_IsObject(node)) {
        return wrong_place(path, err);
    }
    cJSON *parent = node;
    cJSON *old = NULL;
    if (step->repeats) {
        parent = array_of(node, step);
        if (parent == NULL) {
            return find_member(node, step) == NULL ? out_of_memory(path, err)
                                                   : wrong_place(path, err);
        }
        old = step->pick == PICK_APPEND ? NULL : pick_item(parent, step);
        if (old == NULL && step->pick == PICK_INDEX && cJSON_GetArraySize(parent) != step->index) {
            return wrong_place(path, err);
        }
    } else {
        old = find_member(node, step);
    }
    if (old != NULL) {
        value->string = old->string;
        value->type |= old->type & cJSON_StringIsConst;
        old->string = NULL;
        cJSON_ReplaceItemViaPointer(parent, old, value);
        return PN_OK;
    }
    bool done =
        step->repeats ? cJSON_AddItemToArray(parent, value) : add_member(parent, step, value);
    return done ? PN_OK : out_of_memory(path, err);
}

static enum pn_code step_building(cJSON **node, const struct step *step,
                                  const struct pn_fhir_path *path, struct pn_err *err)
{
    cJSON *found = step->pick == PICK_APPEND ? NULL : step_into(*node, step);
    if (found == NULL) {
        found = new_item(step);
        if (found == NULL) {
            return out_of_memory(path, err);
        }
        enum pn_code code = place(*node, step, found, path, err);
        if (code != PN_OK) {
            cJSON_Delete(found);
            return code;
        }
    }
    *node = found;
    return PN_OK;
}

enum pn_code pn_fhir_put_compiled(cJSON *node, const struct pn_fhir_path *path, cJSON *value,
                                  struct pn_err *err)
{
    for (unsigned i = 0; i + 1 < path->step_count; i++) {
        enum pn_code code = step_building(&node, &path->steps[i], path, err);
        if (code != PN_OK) {
            return code;
        }
    }
    return place(node, last_step(path), value, path, err);
}

enum pn_code pn_fhir_set_compiled(cJSON *node, const struct pn_fhir_path *path,
                                  struct pn_slice text, struct pn_err *err)
{
    const struct step *last = last_step(path);
    const char *type_name = pn_fhir_type_public_name(last->type);
    if (!last->is_primitive) {
        return pn_err_set(err, PN_INVALID, path->text,
                          "%s is no primitive: name one of its elements", type_name);
    }
    if (!pn_fhir_primitive_fits(last->type, text)) {
        return pn_err_set(err, PN_INVALID, path->text, "the text is no %s", type_name);
    }
    cJSON *value = pn_fhir_primitive_new(last->type, text);
    if (value == NULL) {
        return out_of_memory(path, err);
    }
    enum pn_code code = pn_fhir_put_compiled(node, path, value, err);
    if (code != PN_OK) {
        cJSON_Delete(value);
    }
    return code;
}

// --- Paths that are used once --------------------------------------------------------------------

static enum pn_code compile_here(const cJSON *resource, struct pn_fhir_path *path,
                                 struct pn_err *err)
{
    struct pn_slice type = pn_json_text(resource, "resourceType");
    if (type.len == 0) {
        return bad_path(err, path->text, "the node is no resource");
    }
    return compile(type.ptr, path, err);
}

const cJSON *pn_fhir_at(const cJSON *resource, const char *path)
{
    struct step steps[STEPS_MAX];
    struct pn_fhir_path compiled = {.text = path, .steps = steps};
    struct pn_err err;
    return compile_here(resource, &compiled, &err) == PN_OK
               ? pn_fhir_at_compiled(resource, &compiled)
               : NULL;
}

struct pn_slice pn_fhir_get(const cJSON *resource, const char *path)
{
    return pn_fhir_primitive_text(pn_fhir_at(resource, path));
}

enum pn_code pn_fhir_set(cJSON *resource, const char *path, struct pn_slice text,
                         struct pn_err *err)
{
    struct step steps[STEPS_MAX];
    struct pn_fhir_path compiled = {.text = path, .steps = steps};
    enum pn_code code = compile_here(resource, &compiled, err);
    return code == PN_OK ? pn_fhir_set_compiled(resource, &compiled, text, err) : code;
}

bool pn_fhir_path_exists(const char *resource_type, const char *path, const char **ret_type_name)
{
    struct step steps[STEPS_MAX];
    struct pn_fhir_path compiled = {.text = path, .steps = steps};
    struct pn_err err;
    if (compile(resource_type, &compiled, &err) != PN_OK) {
        return false;
    }
    if (ret_type_name != NULL) {
        *ret_type_name = pn_fhir_path_type_name(&compiled);
    }
    return true;
}
