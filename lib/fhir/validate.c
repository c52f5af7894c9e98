// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

static void check_object(struct pn_fhir_check *check, unsigned type, const cJSON *node,
                         const struct pn_fhir_place *place);
static void check_resource(struct pn_fhir_check *check, const cJSON *node,
                           const struct pn_fhir_place *place);

static const struct pn_fhir_element *rows_of(unsigned type)
{
    return pn_fhir_elements + pn_fhir_types[type].first;
}

// --- One value -----------------------------------------------------------------------------------

static void check_contained(struct pn_fhir_check *check, const cJSON *node,
                            const struct pn_fhir_place *place)
{
    if (check->is_contained) {
        pn_fhir_issue_add(check, place, "invariant",
                          "dom-2: a contained resource holds no contained resources");
        return;
    }
    check->is_contained = true;
    check_resource(check, node, place);
    check->is_contained = false;
}

static void check_value(struct pn_fhir_check *check, const struct pn_fhir_element *element,
                        const cJSON *node, const struct pn_fhir_place *place)
{
    if ((element->flags & PN_FHIR_PRIMITIVE) != 0) {
        pn_fhir_check_primitive(check, element, node, place);
        return;
    }
    if (!cJSON_IsObject(node)) {
        pn_fhir_issue_add(check, place, "structure", "%s is written as an object",
                          pn_fhir_type_public_name(element->type));
        return;
    }
    if (check->depth >= PN_TREE_DEPTH_MAX) {
        pn_fhir_issue_add(check, place, "too-long", "elements are nested too deep");
        return;
    }
    check->depth++;
    if (element->type == PN_FHIR_T_RESOURCE) {
        if (strcmp(pn_fhir_text(element->name), "contained") == 0) {
            check_contained(check, node, place);
        } else {
            check_resource(check, node, place);
        }
    } else {
        check_object(check, element->type, node, place);
        pn_fhir_check_element(check, element, node, place);
    }
    check->depth--;
}

// --- One member ----------------------------------------------------------------------------------

struct member {
    const struct pn_fhir_element *element;
    const cJSON *node;
    const cJSON *parent;
    bool beside; // `_name`
    struct pn_fhir_place place;
};

// A null in a list of primitives stands for one that has only extensions (or only a value).
static bool has_twin(const struct member *member, int index)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s", member->beside ? "" : "_",
             pn_fhir_text(member->element->name));
    const cJSON *twin = pn_fhir_member(member->parent, name);
    const cJSON *item = cJSON_IsArray(twin) ? cJSON_GetArrayItem(twin, index) : NULL;
    return item != NULL && !cJSON_IsNull(item);
}

static void check_one(struct pn_fhir_check *check, struct member *member, const cJSON *node)
{
    static const struct pn_fhir_element beside = {.type = PN_FHIR_T_ELEMENT};
    check_value(check, member->beside ? &beside : member->element, node, &member->place);
}

static void check_items(struct pn_fhir_check *check, struct member *member)
{
    bool is_primitive = (member->element->flags & PN_FHIR_PRIMITIVE) != 0;
    int index = 0;
    if (member->node->child == NULL) {
        pn_fhir_issue_add(check, &member->place, "structure",
                          "an empty list: leave the element out");
    }
    for (const cJSON *item = member->node->child; item != NULL; item = item->next, index++) {
        member->place.index = index;
        if (!is_primitive || !cJSON_IsNull(item)) {
            check_one(check, member, item);
        } else if (!has_twin(member, index)) {
            pn_fhir_issue_add(check, &member->place, "structure",
                              "null has no twin that says more");
        }
    }
}

static void check_member_value(struct pn_fhir_check *check, struct member *member)
{
    bool repeats = (member->element->flags & PN_FHIR_REPEATS) != 0;
    if (repeats != (bool)cJSON_IsArray(member->node)) {
        pn_fhir_issue_add(check, &member->place, "structure",
                          repeats ? "the element repeats: it is written as a list"
                                  : "the element does not repeat: it is not written as a list");
    } else if (repeats) {
        check_items(check, member);
    } else {
        check_one(check, member, member->node);
    }
}

// What an object has had so far: its slots, and which of their names.
struct seen {
    uint64_t slots;
    uint64_t beside;
    const struct pn_fhir_element *choices[64];
};

// Two members of one name (a tree built by hand), or two types of one choice.
static bool is_too_many(struct seen *seen, const struct member *member)
{
    const struct pn_fhir_element *element = member->element;
    uint64_t bit = UINT64_C(1) << element->slot;
    uint64_t *mine = member->beside ? &seen->beside : &seen->slots;
    bool any = ((seen->slots | seen->beside) & bit) != 0;
    bool too_many = (*mine & bit) != 0 || (any && seen->choices[element->slot] != element);
    *mine |= bit;
    seen->choices[element->slot] = element;
    return too_many;
}

static void check_member(struct pn_fhir_check *check, unsigned type, const cJSON *parent,
                         const cJSON *node, const struct pn_fhir_place *above, struct seen *seen)
{
    struct pn_slice name = pn_slice_str(node->string);
    struct member member = {.node = node, .parent = parent};
    member.beside = name.len > 1 && name.ptr[0] == '_';
    if (member.beside) {
        name = pn_slice_of(name.ptr + 1, name.len - 1);
    }
    member.place = (struct pn_fhir_place){
        .above = above, .name = name.ptr, .name_length = (unsigned)name.len, .index = -1};
    member.element = pn_fhir_element_find(type, name);
    const struct pn_fhir_element *element = member.element;
    if (element == NULL || (member.beside && (element->flags & PN_FHIR_PRIMITIVE) == 0)) {
        pn_fhir_issue_add(check, &member.place, "structure", "%s has no such element",
                          pn_fhir_text(pn_fhir_types[type].name));
        return;
    }
    if ((element->flags & PN_FHIR_CHOICE) != 0) {
        member.place.name_length = element->base_length;
        member.place.of_type = pn_fhir_text(pn_fhir_types[element->type].name);
    }
    if (is_too_many(seen, &member)) {
        pn_fhir_issue_add(check, &member.place, "structure",
                          "the element stands here more than once, or in more than one type");
        return;
    }
    check_member_value(check, &member);
}

// --- One object ----------------------------------------------------------------------------------

static void check_required(struct pn_fhir_check *check, unsigned type, uint64_t missing,
                           const struct pn_fhir_place *place)
{
    const struct pn_fhir_element *rows = rows_of(type);
    for (unsigned i = 0; i < pn_fhir_types[type].count && missing != 0; i++) {
        uint64_t bit = UINT64_C(1) << rows[i].slot;
        if ((missing & bit) == 0) {
            continue;
        }
        missing &= ~bit;
        struct pn_fhir_place absent = {.above = place,
                                       .name = pn_fhir_text(rows[i].name),
                                       .name_length = rows[i].base_length,
                                       .index = -1};
        pn_fhir_issue_add(check, &absent, "required", "%s must have the element %.*s%s",
                          pn_fhir_text(pn_fhir_types[type].name), (int)rows[i].base_length,
                          pn_fhir_text(rows[i].name),
                          (rows[i].flags & PN_FHIR_CHOICE) != 0 ? "[x]" : "");
    }
}

static void check_object(struct pn_fhir_check *check, unsigned type, const cJSON *node,
                         const struct pn_fhir_place *place)
{
    struct seen seen;
    seen.slots = 0;
    seen.beside = 0;
    bool is_resource = pn_fhir_types[type].kind == PN_FHIR_KIND_RESOURCE;
    bool has_content = is_resource;
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (is_resource && strcmp(child->string, "resourceType") == 0) {
            continue;
        }
        // Element itself is what stands beside a primitive, whose value may be the content.
        has_content = has_content || type == PN_FHIR_T_ELEMENT || strcmp(child->string, "id") != 0;
        check_member(check, type, node, child, place, &seen);
    }
    uint64_t missing = pn_fhir_types[type].required_slots & ~(seen.slots | seen.beside);
    if (!has_content) {
        pn_fhir_issue_add(check, place, "invariant",
                          "ele-1: All FHIR elements must have a @value or children");
    } else if (missing != 0) {
        check_required(check, type, missing, place);
    }
    pn_fhir_check_invariants(check, type, node, place);
}

// --- One resource --------------------------------------------------------------------------------

static void check_as_root(struct pn_fhir_check *check, unsigned type, const cJSON *node,
                          const struct pn_fhir_place *place)
{
    struct pn_fhir_text_set ids;
    const struct pn_fhir_text_set *outer = check->contained;
    bool outer_is_contained = check->is_contained;
    bool has_contained = pn_fhir_member(node, "contained") != NULL;
    if (has_contained) {
        pn_fhir_contained_ids(node, &ids);
    }
    check->contained = has_contained ? &ids : NULL;
    check->is_contained = false;
    check_object(check, type, node, place);
    if (has_contained) {
        pn_fhir_check_container(check, node, place);
        pn_fhir_text_set_release(&ids);
    }
    check->contained = outer;
    check->is_contained = outer_is_contained;
}

static void check_resource(struct pn_fhir_check *check, const cJSON *node,
                           const struct pn_fhir_place *place)
{
    struct pn_slice name = pn_json_text(node, "resourceType");
    int type = pn_fhir_resource_find(name);
    if (type == PN_FHIR_NO_TYPE) {
        pn_fhir_issue_add(check, place, "structure",
                          name.len == 0 ? "a resource must have its resourceType"
                                        : "the resourceType is none of R4's");
        return;
    }
    if (check->is_contained) {
        check_object(check, (unsigned)type, node, place);
    } else {
        check_as_root(check, (unsigned)type, node, place);
    }
    if (type == PN_FHIR_T_BUNDLE) {
        pn_fhir_check_full_urls(check, node, place);
    }
}

bool pn_fhir_validate(const cJSON *resource, struct pn_fhir_report *report)
{
    assert(report != NULL);
    report->issue_count = 0;
    report->error_count = 0;
    struct pn_fhir_check check = {.report = report};
    struct pn_slice name = pn_json_text(resource, "resourceType");
    bool known = pn_fhir_is_resource_type(name);
    struct pn_fhir_place place = {.name = known ? name.ptr : "Resource", .index = -1};
    place.name_length = (unsigned)strlen(place.name);
    if (!cJSON_IsObject(resource)) {
        pn_fhir_issue_add(&check, &place, "structure", "a resource is a JSON object");
    } else {
        check_resource(&check, resource, &place);
    }
    return report->error_count == 0;
}
