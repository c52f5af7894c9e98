// SPDX-License-Identifier: Apache-2.0
// Copying a whole resource, less what may not go on.
#include <string.h>

#include "map/run.h"

#include "base/words.h"

static void remove_below(cJSON *json, struct pn_slice path, unsigned depth);

static bool step_names(struct pn_slice step, const cJSON *member)
{
    return pn_slice_is(step, "*") || (member->string != NULL && pn_slice_is(step, member->string));
}

// `rest` is the path after `step`; empty: the member itself goes.
static void remove_members(cJSON *object, struct pn_slice step, struct pn_slice rest,
                           unsigned depth)
{
    cJSON *next = NULL;
    for (cJSON *member = object->child; member != NULL; member = next) {
        next = member->next;
        if (!step_names(step, member)) {
            continue;
        }
        if (rest.len == 0) {
            cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
        } else {
            remove_below(member, rest, depth + 1);
        }
    }
}

static void remove_anywhere(cJSON *json, struct pn_slice rest, unsigned depth)
{
    remove_below(json, rest, depth + 1);
    for (cJSON *child = json->child; child != NULL && depth < PN_TREE_DEPTH_MAX;
         child = child->next) {
        remove_anywhere(child, rest, depth + 1);
    }
}

static void remove_below(cJSON *json, struct pn_slice path, unsigned depth)
{
    if (depth > 2 * PN_TREE_DEPTH_MAX) {
        return;
    }
    if (cJSON_IsArray(json)) {
        for (cJSON *item = json->child; item != NULL; item = item->next) {
            remove_below(item, path, depth + 1);
        }
        return;
    }
    if (!cJSON_IsObject(json)) {
        return;
    }
    struct pn_slice rest;
    struct pn_slice step = pn_slice_split(path, '.', &rest);
    if (pn_slice_is(step, "**")) {
        remove_anywhere(json, rest, depth);
    } else {
        remove_members(json, step, rest, depth);
    }
}

// FHIR knows no empty objects and lists (R4 2.6.2).
static void prune(cJSON *json, unsigned depth)
{
    cJSON *next = NULL;
    for (cJSON *child = json->child; child != NULL; child = next) {
        next = child->next;
        if (depth < PN_TREE_DEPTH_MAX) {
            prune(child, depth + 1);
        }
        if ((cJSON_IsObject(child) || cJSON_IsArray(child)) && child->child == NULL) {
            cJSON_Delete(cJSON_DetachItemViaPointer(json, child));
        }
    }
}

cJSON *pn_map_copy(const cJSON *json, const char *const *keep, const char *const *remove)
{
    cJSON *copy = cJSON_Duplicate(json, true);
    if (copy == NULL) {
        return NULL;
    }
    cJSON *next = NULL;
    for (cJSON *member = copy->child; keep != NULL && member != NULL; member = next) {
        next = member->next;
        if (member->string != NULL && !pn_words_hold(keep, pn_slice_str(member->string))) {
            cJSON_Delete(cJSON_DetachItemViaPointer(copy, member));
        }
    }
    for (size_t i = 0; remove != NULL && remove[i] != NULL; i++) {
        remove_below(copy, pn_slice_str(remove[i]), 0);
    }
    prune(copy, 0);
    return copy;
}
