// SPDX-License-Identifier: Apache-2.0
#include "map/register.h"

#include "base/words.h"
#include "fhir/json.h"

#define LABEL_URL                                                                                  \
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
#define REGISTER_SYSTEM "https://punos.fi/fhir/CodeSystem/register"

static const char *const names[] = {
    [PN_REGISTER_PATIENT] = "patient", [PN_REGISTER_SOCIAL] = "social"};

enum pn_map_register pn_map_register_find(struct pn_slice name)
{
    unsigned found = pn_words_find(names, PN_ARRAY_COUNT(names), name);
    return found < PN_ARRAY_COUNT(names) ? (enum pn_map_register)found : PN_REGISTER_ANY;
}

// A label that names a register, and not this one.
static bool is_others(enum pn_map_register own, struct pn_slice url, struct pn_slice system,
                      struct pn_slice code)
{
    enum pn_map_register named = pn_map_register_find(code);
    return pn_slice_is(url, LABEL_URL) && pn_slice_is(system, REGISTER_SYSTEM) &&
           named != PN_REGISTER_ANY && named != own;
}

static const struct pn_node *child_of(const struct pn_node *node, const char *name)
{
    const struct pn_node *child = node == NULL ? NULL : node->first_child;
    while (child != NULL && !pn_slice_is(child->name, name)) {
        child = child->next;
    }
    return child;
}

static struct pn_slice text_of(const struct pn_node *node, const char *name)
{
    const struct pn_node *child = child_of(node, name);
    return child == NULL ? (struct pn_slice){0} : child->value;
}

bool pn_map_register_hides(enum pn_map_register own, const struct pn_node *node)
{
    if (own == PN_REGISTER_ANY) {
        return false;
    }
    for (const struct pn_node *child = node->first_child; child != NULL; child = child->next) {
        const struct pn_node *label =
            pn_slice_is(child->name, "extension") ? child_of(child, "valueCoding") : NULL;
        if (label != NULL && is_others(own, text_of(child, "url"), text_of(label, "system"),
                                       text_of(label, "code"))) {
            return true;
        }
    }
    return false;
}

static bool hides_item(enum pn_map_register own, const cJSON *item)
{
    const cJSON *extension = NULL;
    cJSON_ArrayForEach(extension, cJSON_GetObjectItemCaseSensitive(item, "extension"))
    {
        const cJSON *label = cJSON_GetObjectItemCaseSensitive(extension, "valueCoding");
        if (is_others(own, pn_json_text(extension, "url"), pn_json_text(label, "system"),
                      pn_json_text(label, "code"))) {
            return true;
        }
    }
    return false;
}

void pn_map_register_prune(enum pn_map_register own, cJSON *object)
{
    if (own == PN_REGISTER_ANY || !cJSON_IsObject(object)) {
        return;
    }
    for (cJSON *list = object->child; list != NULL; list = list->next) {
        cJSON *next = NULL;
        for (cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item != NULL; item = next) {
            next = item->next;
            if (hides_item(own, item)) {
                cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
            }
        }
    }
}
