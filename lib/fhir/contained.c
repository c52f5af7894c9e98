// SPDX-License-Identifier: Apache-2.0
// The rules that look over a whole resource: its contained resources, a Bundle's full URLs.
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fhir/validate.h"

enum { FIRST_ITEMS = 16 };

void pn_fhir_text_set_add(struct pn_fhir_text_set *set, const char *text)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? FIRST_ITEMS : set->capacity * 2;
        const char **grown = realloc(set->items, capacity * sizeof *grown);
        if (grown == NULL) {
            set->failed = true;
            return;
        }
        set->items = grown;
        set->capacity = capacity;
    }
    set->items[set->count++] = text;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void pn_fhir_text_set_sort(struct pn_fhir_text_set *set)
{
    if (set->count > 1) {
        qsort(set->items, set->count, sizeof *set->items, by_text);
    }
}

bool pn_fhir_text_set_has(const struct pn_fhir_text_set *set, const char *text)
{
    return set->count > 0 &&
           bsearch(&text, set->items, set->count, sizeof *set->items, by_text) != NULL;
}

void pn_fhir_text_set_release(struct pn_fhir_text_set *set)
{
    free(set->items);
    *set = (struct pn_fhir_text_set){0};
}

static bool has_twice(const struct pn_fhir_text_set *set)
{
    for (size_t i = 1; i < set->count; i++) {
        if (strcmp(set->items[i - 1], set->items[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_IsObject(object) ? pn_fhir_member(object, name) : NULL;
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

void pn_fhir_contained_ids(const cJSON *resource, struct pn_fhir_text_set *ret_ids)
{
    const cJSON *list = pn_fhir_member(resource, "contained");
    *ret_ids = (struct pn_fhir_text_set){0};
    if (!cJSON_IsArray(list)) {
        return;
    }
    for (const cJSON *one = list->child; one != NULL; one = one->next) {
        const char *id = text_of(one, "id");
        if (id != NULL) {
            pn_fhir_text_set_add(ret_ids, id);
        }
    }
    pn_fhir_text_set_sort(ret_ids);
}

// Every text that could be a local reference, whatever the type of its element: dom-3 counts
// references as well as canonicals and URIs.
static void collect_local(const cJSON *node, struct pn_fhir_text_set *set, unsigned depth)
{
    if (depth > PN_TREE_DEPTH_MAX) {
        return;
    }
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (cJSON_IsString(child) && child->valuestring[0] == '#') {
            pn_fhir_text_set_add(set, child->valuestring);
        } else if (child->child != NULL) {
            collect_local(child, set, depth + 1);
        }
    }
}

static bool points_at_container(const cJSON *contained)
{
    struct pn_fhir_text_set own = {0};
    collect_local(contained, &own, 0);
    pn_fhir_text_set_sort(&own);
    bool found = pn_fhir_text_set_has(&own, "#");
    pn_fhir_text_set_release(&own);
    return found;
}

static bool is_pointed_at(const struct pn_fhir_text_set *local, const char *id)
{
    char reference[72];
    if (id == NULL || strlen(id) > 64) {
        return false;
    }
    snprintf(reference, sizeof reference, "#%s", id);
    return pn_fhir_text_set_has(local, reference);
}

static void check_one(struct pn_fhir_check *check, const cJSON *contained,
                      const struct pn_fhir_text_set *local, const struct pn_fhir_place *place)
{
    const cJSON *meta = cJSON_IsObject(contained) ? pn_fhir_member(contained, "meta") : NULL;
    if (!is_pointed_at(local, text_of(contained, "id")) && !points_at_container(contained)) {
        pn_fhir_issue_add(check, place, "invariant",
                          "dom-3: If the resource is contained in another resource, it SHALL be "
                          "referred to from elsewhere in the resource or SHALL refer to the "
                          "containing resource");
    }
    if (meta != NULL && (pn_fhir_has(meta, "versionId") || pn_fhir_has(meta, "lastUpdated"))) {
        pn_fhir_issue_add(check, place, "invariant",
                          "dom-4: If a resource is contained in another resource, it SHALL NOT "
                          "have a meta.versionId or a meta.lastUpdated");
    }
    if (meta != NULL && pn_fhir_has(meta, "security")) {
        pn_fhir_issue_add(check, place, "invariant",
                          "dom-5: If a resource is contained in another resource, it SHALL NOT "
                          "have a security label");
    }
}

void pn_fhir_check_container(struct pn_fhir_check *check, const cJSON *resource,
                             const struct pn_fhir_place *place)
{
    const cJSON *list = pn_fhir_member(resource, "contained");
    struct pn_fhir_text_set local = {0};
    if (!cJSON_IsArray(list)) {
        return;
    }
    collect_local(resource, &local, 0);
    pn_fhir_text_set_sort(&local);
    struct pn_fhir_place inner = {
        .above = place, .name = "contained", .name_length = 9, .index = -1};
    if (check->contained != NULL && has_twice(check->contained)) {
        pn_fhir_issue_add(check, &inner, "invariant", "two contained resources have the same id");
    }
    if (local.failed || (check->contained != NULL && check->contained->failed)) {
        pn_fhir_issue_add(check, &inner, "exception", "memory is exhausted");
    }
    for (const cJSON *one = list->child; one != NULL; one = one->next) {
        inner.index++;
        check_one(check, one, &local, &inner);
    }
    pn_fhir_text_set_release(&local);
}

// bdl-7 takes the version into account: entries of one URL in different versions are told apart by
// a second look, which is rarely needed.
struct entry {
    const char *full_url;
    const char *version;
};

static int by_url(const void *a, const void *b)
{
    const struct entry *first = a;
    const struct entry *second = b;
    int order = strcmp(first->full_url, second->full_url);
    return order != 0 ? order : strcmp(first->version, second->version);
}

static size_t collect_entries(const cJSON *list, struct entry *entries)
{
    size_t count = 0;
    for (const cJSON *entry = list->child; entry != NULL; entry = entry->next) {
        const char *url = text_of(entry, "fullUrl");
        const cJSON *resource = cJSON_IsObject(entry) ? pn_fhir_member(entry, "resource") : NULL;
        const cJSON *meta = cJSON_IsObject(resource) ? pn_fhir_member(resource, "meta") : NULL;
        const char *version = text_of(meta, "versionId");
        if (url != NULL) {
            entries[count++] = (struct entry){url, version == NULL ? "" : version};
        }
    }
    return count;
}

// In a collection only a warning: HL7's own collection of data elements has URLs twice.
static void add_bdl_7(struct pn_fhir_check *check, const cJSON *bundle,
                      const struct pn_fhir_place *place)
{
    static const char text[] =
        "bdl-7: FullUrl must be unique in a bundle, or else entries with the "
        "same fullUrl must have different meta.versionId";
    if (pn_fhir_is(bundle, "type", "collection")) {
        pn_fhir_warning_add(check, place, "invariant", "%s", text);
    } else {
        pn_fhir_issue_add(check, place, "invariant", "%s", text);
    }
}

void pn_fhir_check_full_urls(struct pn_fhir_check *check, const cJSON *bundle,
                             const struct pn_fhir_place *place)
{
    const cJSON *list = pn_fhir_member(bundle, "entry");
    if (!cJSON_IsArray(list) || list->child == NULL || pn_fhir_is(bundle, "type", "history")) {
        return;
    }
    struct entry *entries = calloc((size_t)cJSON_GetArraySize(list), sizeof *entries);
    if (entries == NULL) {
        pn_fhir_issue_add(check, place, "exception", "memory is exhausted");
        return;
    }
    size_t count = collect_entries(list, entries);
    qsort(entries, count, sizeof *entries, by_url);
    for (size_t i = 1; i < count; i++) {
        if (by_url(&entries[i - 1], &entries[i]) == 0) {
            add_bdl_7(check, bundle, place);
            break;
        }
    }
    free(entries);
}
