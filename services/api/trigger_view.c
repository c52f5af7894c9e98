// SPDX-License-Identifier: Apache-2.0
#include "services/api/trigger_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fhir/json.h"
#include "services/api/bundle.h"
#include "services/plan/plan_concern.h"

enum { COUNTED_MAX = 500 }; // a DetectedIssue names no more

struct counted {
    struct pn_slice reference;
    struct pn_entry entry;
};

struct view {
    struct pn_call *call;
    const struct pn_client *client;
    struct counted *counted;
    unsigned count;
    struct pn_slice *withheld; // references
    unsigned withheld_count;
    uint32_t classes; // of all events counted, shown or not
};

static bool is_among(const struct view *view, struct pn_slice reference)
{
    for (unsigned i = 0; i < view->count; i++) {
        if (pn_slice_eq(view->counted[i].reference, reference)) {
            return true;
        }
    }
    return false;
}

static bool is_withheld(const struct view *view, struct pn_slice reference)
{
    for (unsigned i = 0; i < view->withheld_count; i++) {
        if (pn_slice_eq(view->withheld[i], reference)) {
            return true;
        }
    }
    return false;
}

// Whether the caller may see the event: it is there, the client's own, and not withheld.
static bool read_entry(struct view *view, struct pn_slice reference, struct pn_entry *ret_entry)
{
    struct pn_call *call = view->call;
    struct pn_slice id = {0};
    struct pn_err err;
    const char *type = pn_arena_copy(call->arena, pn_slice_split(reference, '/', &id));
    if (type == NULL ||
        pn_timeline_entry(call->api->timeline, call->arena, type, id, ret_entry, &err) != PN_OK ||
        !pn_client_has_key(view->client, ret_entry->subject)) {
        return false;
    }
    view->classes |= ret_entry->classes;
    return pn_access_shows(&call->access, ret_entry->sector, ret_entry->classes);
}

static void take_reference(struct view *view, struct pn_slice reference)
{
    if (reference.len == 0 || is_among(view, reference) || is_withheld(view, reference) ||
        view->count + view->withheld_count == COUNTED_MAX) {
        return;
    }
    struct pn_entry entry;
    if (read_entry(view, reference, &entry)) {
        view->counted[view->count++] = (struct counted){reference, entry};
    } else {
        view->withheld[view->withheld_count++] = reference;
    }
}

static void take_evidence(struct view *view, const cJSON *issue)
{
    const cJSON *evidence = NULL, *detail = NULL;
    cJSON_ArrayForEach(evidence, cJSON_GetObjectItemCaseSensitive(issue, "evidence"))
    {
        cJSON_ArrayForEach(detail, cJSON_GetObjectItemCaseSensitive(evidence, "detail"))
        {
            take_reference(view, pn_json_text(detail, "reference"));
        }
    }
}

// A FHIR array is not empty: what has nothing left goes.
static void cut_withheld(const struct view *view, cJSON *issue)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(issue, "evidence");
    cJSON *next_evidence = NULL;
    for (cJSON *evidence = list == NULL ? NULL : list->child; evidence != NULL;
         evidence = next_evidence) {
        next_evidence = evidence->next;
        cJSON *details = cJSON_GetObjectItemCaseSensitive(evidence, "detail");
        cJSON *next = NULL;
        for (cJSON *detail = details == NULL ? NULL : details->child; detail != NULL;
             detail = next) {
            next = detail->next;
            if (is_withheld(view, pn_json_text(detail, "reference"))) {
                cJSON_DetachItemViaPointer(details, detail);
            }
        }
        if (details != NULL && details->child == NULL) {
            cJSON_DetachItemViaPointer(evidence, details);
        }
    }
}

static int newer(const void *a, const void *b)
{
    const struct counted *one = a, *two = b;
    return one->entry.start_ms < two->entry.start_ms ? 1 : -1;
}

// Who reported a concern, as far as the report says.
static enum pn_reporter reporter_of(const struct pn_entry *entry)
{
    cJSON *flag = NULL;
    struct pn_err err;
    if (entry->kind != PN_KIND_CONCERN || pn_json_parse(entry->data, &flag, &err) != PN_OK ||
        !pn_slice_is(pn_fhir_get(flag, "author.identifier.system"), PN_REPORTER_SYSTEM)) {
        return PN_REPORTER_UNKNOWN;
    }
    return pn_reporter_parse(pn_fhir_get(flag, "author.identifier.value"));
}

static void add_counted(const struct view *view, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "counted");
    for (unsigned i = 0; i < view->count; i++) {
        const struct pn_entry *entry = &view->counted[i].entry;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(list, item);
        pn_json_add_slice(item, "reference", view->counted[i].reference);
        pn_json_add_time(item, "start", entry->start_ms);
        pn_json_add_time(item, "end", entry->end_ms);
        cJSON_AddStringToObject(item, "kind", pn_kind_name(entry->kind));
        cJSON_AddStringToObject(item, "sector", pn_sector_name(entry->sector));
        if (!view->client->is_protected) {
            pn_json_add_slice(item, "unit", entry->unit);
        }
        pn_json_add_slice(item, "status", entry->status);
        const enum pn_reporter reporter = reporter_of(entry);
        if (reporter != PN_REPORTER_UNKNOWN) {
            cJSON_AddStringToObject(item, "reportedBy", pn_reporter_name(reporter));
        }
    }
    cJSON_AddNumberToObject(object, "countedWithheld", view->withheld_count);
}

// The DetectedIssue as the caller may see it; NULL: not at all.
static cJSON *make_issue(struct view *view, struct pn_slice issue)
{
    struct pn_err err;
    cJSON *resource = NULL;
    struct pn_arena *arena = view->call->arena;
    view->counted = pn_arena_alloc_array(arena, COUNTED_MAX, sizeof *view->counted);
    view->withheld = pn_arena_alloc_array(arena, COUNTED_MAX, sizeof *view->withheld);
    if (view->counted == NULL || view->withheld == NULL) {
        return NULL;
    }
    if (pn_json_parse(issue, &resource, &err) != PN_OK) {
        pn_log_error("a trigger could not be read", &err);
        return NULL;
    }
    if (!pn_resource_set_client(resource, view->client)) {
        return NULL;
    }
    take_evidence(view, resource);
    // The timeline may know of a class that the rules' own facts, of an earlier version, lack.
    const bool is_protected = !pn_access_shows_all(&view->call->access, 0, view->classes);
    if (is_protected || (view->count == 0 && view->withheld_count > 0)) {
        return NULL;
    }
    cut_withheld(view, resource);
    return resource;
}

cJSON *pn_trigger_issue(struct pn_call *call, const struct pn_client *client, struct pn_slice issue)
{
    struct view view = {.call = call, .client = client};
    return make_issue(&view, issue);
}

bool pn_trigger_view(struct pn_call *call, const struct pn_client *client, struct pn_slice issue,
                     cJSON *object)
{
    struct view view = {.call = call, .client = client};
    cJSON *resource = make_issue(&view, issue);
    if (resource == NULL) {
        return false;
    }
    qsort(view.counted, view.count, sizeof *view.counted, newer);
    cJSON_AddItemToObject(object, "issue", resource);
    add_counted(&view, object);
    return true;
}

void pn_trigger_add_title(cJSON *object, struct pn_slice fi, struct pn_slice sv, struct pn_slice en)
{
    cJSON *title = cJSON_AddObjectToObject(object, "title");
    pn_json_add_slice(title, "fi", fi);
    pn_json_add_slice(title, "sv", sv);
    pn_json_add_slice(title, "en", en);
}

void pn_trigger_add_head(cJSON *object, const struct pn_trigger *trigger)
{
    pn_json_add_slice(object, "id", trigger->id);
    pn_json_add_slice(object, "rule", trigger->rule_id);
    cJSON_AddNumberToObject(object, "ruleVersion", (double)trigger->rule_version);
    pn_trigger_add_title(object, trigger->title_fi, trigger->title_sv, trigger->title_en);
    cJSON_AddStringToObject(object, "state", pn_trigger_state_name(trigger->state));
    cJSON_AddBoolToObject(object, "supports", trigger->is_support);
    cJSON_AddNumberToObject(object, "count", (double)trigger->count);
    cJSON_AddNumberToObject(object, "threshold", (double)trigger->threshold);
    pn_json_add_time(object, "raised", trigger->raised_ms);
    pn_json_add_time(object, "changed", trigger->changed_ms);
}
