// SPDX-License-Identifier: Apache-2.0
/*
 * GET /fhir/<type>?patient=… and POST /fhir/<type>/_search: one client's resources of a type.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/api/fhir_query.h"
#include "services/api/plan_view.h"
#include "services/api/trigger_view.h"
#include "services/plan/plan_case.h"

// How often a page is filled up when filters leave out much of what was read.
enum { READS_PER_PAGE_MAX = 20, CURSOR_BYTES = 96, PLANS_PER_READ = 20, CASES_MAX = 50 };

struct search {
    struct pn_call call;
    struct pn_query query;
    struct pn_client client;
    cJSON *bundle;
    unsigned count;        // matches on the page
    unsigned withheld;     // that the caller may not see
    unsigned place, begin; // of what rules said: which one it is, and where the page begins
    char next[CURSOR_BYTES];
};

static const char too_large[] = "the page is too large: ask for a smaller one";

static bool is_full(const struct search *search)
{
    return search->count >= search->query.page_size;
}

static enum pn_code add_match(struct search *search, cJSON *resource, int64_t version,
                              int64_t updated_ms, struct pn_err *err)
{
    if (!pn_query_fits(&search->query, resource, updated_ms)) {
        return PN_OK;
    }
    if (!pn_resource_set_client(resource, &search->client) ||
        !pn_resource_set_meta(resource, version, updated_ms) ||
        pn_bundle_add(&search->call, search->bundle, resource, "match") == NULL) {
        return pn_err_set(err, PN_LIMIT, "_count", "%s", too_large);
    }
    search->count++;
    return PN_OK;
}

// --- What the systems sent -----------------------------------------------------------------------

static enum pn_code add_entries(struct search *search, const struct pn_entry *entries,
                                unsigned entry_count, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < entry_count && code == PN_OK; i++) {
        const struct pn_entry *entry = &entries[i];
        if (!pn_access_shows(&search->call.access, entry->sector, entry->classes)) {
            search->withheld++;
            continue;
        }
        cJSON *resource = NULL;
        code = pn_json_parse(entry->data, &resource, err);
        if (code == PN_OK && !pn_resource_add_labels(resource, entry->classes)) {
            code = pn_err_set(err, PN_LIMIT, "_count", "%s", too_large);
        }
        if (code == PN_OK) {
            code = add_match(search, resource, entry->recorded_ms, entry->recorded_ms, err);
        }
    }
    return code;
}

static enum pn_code search_timeline(struct search *search, struct pn_err *err)
{
    struct pn_entry_filter filter = {.resource_type = search->query.type->name,
                                     .with_withdrawn = true,
                                     .after = search->query.cursor};
    pn_query_narrow(&search->query, &filter.from_ms, &filter.until_ms);
    // A period that began before the asked time may reach into it.
    filter.from_ms = 0;
    struct pn_entry *entries =
        pn_arena_alloc_array(search->call.arena, search->query.page_size, sizeof *entries);
    if (entries == NULL) {
        return pn_err_set(err, PN_LIMIT, "_count", "%s", too_large);
    }
    enum pn_code code = PN_OK;
    char next[PN_CURSOR_BYTES] = "";
    for (int i = 0; i < READS_PER_PAGE_MAX && !is_full(search) && code == PN_OK; i++) {
        unsigned count = 0;
        code = pn_timeline_page(search->call.api->timeline, search->call.arena,
                                pn_slice_str(search->client.key), &filter, entries,
                                search->query.page_size - search->count, &count, next, err);
        if (code == PN_OK) {
            code = add_entries(search, entries, count, err);
        }
        if (next[0] == '\0') {
            break;
        }
        filter.after = pn_slice_str(pn_arena_copy(search->call.arena, pn_slice_str(next)));
    }
    snprintf(search->next, sizeof search->next, "%s", next);
    return code;
}

// --- What the rules said -------------------------------------------------------------------------

// As add_match, when it stands on this page: the cursor is a place.
static enum pn_code add_in_turn(struct search *search, cJSON *resource, int64_t version,
                                int64_t updated_ms, struct pn_err *err)
{
    unsigned place = search->place++;
    if (place < search->begin) {
        return PN_OK;
    }
    if (!is_full(search)) {
        return add_match(search, resource, version, updated_ms, err);
    }
    if (search->next[0] == '\0' && pn_query_fits(&search->query, resource, updated_ms)) {
        snprintf(search->next, sizeof search->next, "%u", place);
    }
    return PN_OK;
}

static bool has_entry(const cJSON *bundle, const char *reference)
{
    size_t len = strlen(reference);
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(bundle, "entry"))
    {
        struct pn_slice url = pn_json_text(entry, "fullUrl");
        if (url.len > len && memcmp(url.ptr + url.len - len, reference, len) == 0) {
            return true;
        }
    }
    return false;
}

// One event that a trigger counted; what the caller may not see stays away.
static enum pn_code include(struct search *search, const char *reference, struct pn_err *err)
{
    struct pn_call *call = &search->call;
    struct pn_slice id = {0};
    const char *type =
        pn_arena_copy(call->arena, pn_slice_split(pn_slice_str(reference), '/', &id));
    struct pn_entry entry;
    struct pn_err ignored;
    cJSON *resource = NULL;
    if (type == NULL || has_entry(search->bundle, reference) ||
        pn_timeline_entry(call->api->timeline, call->arena, type, id, &entry, &ignored) != PN_OK ||
        !pn_client_has_key(&search->client, entry.subject) ||
        !pn_access_shows(&call->access, entry.sector, entry.classes)) {
        return PN_OK;
    }
    enum pn_code code = pn_json_parse(entry.data, &resource, err);
    if (code != PN_OK) {
        return code;
    }
    return pn_resource_set_client(resource, &search->client) &&
                   pn_resource_set_meta(resource, entry.recorded_ms, entry.recorded_ms) &&
                   pn_resource_add_labels(resource, entry.classes) &&
                   pn_bundle_add(call, search->bundle, resource, "include") != NULL
               ? PN_OK
               : pn_err_set(err, PN_LIMIT, "_count", "%s", too_large);
}

static enum pn_code include_evidence(struct search *search, const cJSON *issue, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    const cJSON *evidence = NULL, *detail = NULL;
    cJSON_ArrayForEach(evidence, cJSON_GetObjectItemCaseSensitive(issue, "evidence"))
    {
        cJSON_ArrayForEach(detail, cJSON_GetObjectItemCaseSensitive(evidence, "detail"))
        {
            struct pn_slice text = pn_json_text(detail, "reference");
            const char *reference = pn_arena_copy(search->call.arena, text);
            code = code == PN_OK && reference != NULL ? include(search, reference, err) : code;
        }
    }
    return code;
}

static enum pn_code add_trigger(struct search *search, const struct pn_trigger *trigger,
                                struct pn_err *err)
{
    cJSON *issue = pn_access_shows_all(&search->call.access, trigger->sectors, trigger->classes)
                       ? pn_trigger_issue(&search->call, &search->client, trigger->data)
                       : NULL;
    if (issue == NULL) {
        search->withheld++;
        return PN_OK;
    }
    const unsigned before = search->count;
    enum pn_code code = add_in_turn(search, issue, trigger->changed_ms, trigger->changed_ms, err);
    return code == PN_OK && search->query.with_include && search->count > before
               ? include_evidence(search, issue, err)
               : code;
}

// The client's cases as a shared client; none while the plan service has made no store.
static enum pn_code add_cases(struct search *search, struct pn_err *err)
{
    struct pn_plan_case cases[CASES_MAX];
    size_t count = 0;
    enum pn_code code = pn_api_open_plans(search->call.api, err);
    if (code == PN_UNAVAILABLE) {
        return PN_OK;
    }
    if (code == PN_OK) {
        code = pn_plan_cases_of(search->call.api->plans, pn_slice_str(search->client.key), cases,
                                CASES_MAX, &count, err);
    }
    for (size_t i = 0; i < count && code == PN_OK; i++) {
        int64_t changed_ms = cases[i].ended_ms != 0 ? cases[i].ended_ms : cases[i].opened_ms;
        cJSON *flag = pn_plan_case_flag(&cases[i]);
        code = flag == NULL ? pn_err_set(err, PN_LIMIT, "Flag", "does not fit into memory")
                            : add_in_turn(search, flag, cases[i].version, changed_ms, err);
    }
    return code;
}

static int newer(const void *a, const void *b)
{
    const struct pn_trigger *one = a, *two = b;
    if (one->raised_ms != two->raised_ms) {
        return one->raised_ms < two->raised_ms ? 1 : -1;
    }
    // UUIDs
    return memcmp(one->id.ptr, two->id.ptr, one->id.len < two->id.len ? one->id.len : two->id.len);
}

static enum pn_code add_triggers(struct search *search, const struct pn_case *found,
                                 struct pn_err *err)
{
    const unsigned count = found->trigger_count;
    struct pn_trigger *triggers =
        pn_arena_alloc_array(search->call.arena, count == 0 ? 1 : count, sizeof *triggers);
    if (triggers == NULL) {
        return pn_err_set(err, PN_LIMIT, "DetectedIssue", "does not fit into memory");
    }
    memcpy(triggers, found->triggers, count * sizeof *triggers);
    qsort(triggers, count, sizeof *triggers, newer);
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        code = add_trigger(search, &triggers[i], err);
    }
    return code;
}

static enum pn_code read_place(struct search *search, struct pn_err *err)
{
    int64_t begin = 0;
    struct pn_slice cursor = search->query.cursor;
    if (cursor.len > 0 && (!pn_slice_to_i64(cursor, &begin) || begin > UINT16_MAX)) {
        return pn_err_set(err, PN_INVALID, "_cursor", "is not one that a next link gave");
    }
    search->begin = (unsigned)begin;
    return PN_OK;
}

static enum pn_code search_worklist(struct search *search, struct pn_err *err)
{
    struct pn_case found;
    const bool is_flag = strcmp(search->query.type->name, "Flag") == 0;
    const struct pn_slice key = pn_slice_str(search->client.key);
    enum pn_code code = read_place(search, err);
    code = code == PN_OK ? pn_api_open_worklist(search->call.api, err) : code;
    code = code == PN_OK && is_flag ? add_cases(search, err) : code;
    if (code == PN_OK) {
        struct pn_worklist *worklist = search->call.api->worklist;
        code = (is_flag ? pn_worklist_case : pn_worklist_triggers)(worklist, search->call.arena,
                                                                   key, &found, err);
    }
    if (code == PN_NOT_FOUND) {
        return PN_OK;
    }
    if (code != PN_OK) {
        return code;
    }
    if (is_flag) {
        cJSON *flag = pn_worklist_flag(&found);
        return flag == NULL ? pn_err_set(err, PN_LIMIT, "Flag", "does not fit into memory")
                            : add_in_turn(search, flag, found.version, found.changed_ms, err);
    }
    return add_triggers(search, &found, err);
}

// --- The shared plans ----------------------------------------------------------------------------

static bool parse_plan_cursor(struct pn_slice cursor, struct pn_plan_query *query)
{
    struct pn_slice id = {0};
    struct pn_slice time = pn_slice_split(cursor, '.', &id);
    query->after_id = id;
    return cursor.len == 0 || (pn_slice_to_i64(time, &query->after_written_ms) && id.len > 0);
}

static enum pn_code add_plans(struct search *search, const struct pn_plan_row *rows, size_t count,
                              struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (size_t i = 0; i < count && code == PN_OK && !is_full(search); i++) {
        cJSON *resource = NULL;
        code = pn_plan_view(&search->call, &rows[i], search->query.type->name, &resource, err);
        if (code == PN_OK) {
            code = add_match(search, resource, rows[i].version, rows[i].written_ms, err);
        }
        snprintf(search->next, sizeof search->next, "%lld.%.36s", (long long)rows[i].written_ms,
                 rows[i].id);
    }
    return code;
}

static enum pn_code search_plans(struct search *search, struct pn_err *err)
{
    struct pn_plan_query plans = {.client_key = pn_slice_str(search->client.key)};
    if (!parse_plan_cursor(search->query.cursor, &plans)) {
        return pn_err_set(err, PN_INVALID, "_cursor", "is not one that a next link gave");
    }
    struct pn_plan_row rows[PLANS_PER_READ];
    enum pn_code code = pn_api_open_plans(search->call.api, err);
    size_t count = PLANS_PER_READ;
    while (code == PN_OK && count == PLANS_PER_READ && !is_full(search)) {
        code = pn_plan_list(search->call.api->plans, &plans, rows, PLANS_PER_READ, &count, err);
        if (code == PN_OK) {
            code = add_plans(search, rows, count, err);
        }
        if (count > 0) {
            plans.after_written_ms = rows[count - 1].written_ms;
            plans.after_id =
                pn_slice_str(pn_arena_copy(search->call.arena, pn_slice_str(rows[count - 1].id)));
        }
    }
    if (!is_full(search)) {
        search->next[0] = '\0';
    }
    return code;
}

// --- The call ------------------------------------------------------------------------------------

// What rules say of one client is for those who may see what they counted; who is on the list is
// for those who work it.
static enum pn_action action_of(const struct pn_api_type *type)
{
    if (strcmp(type->name, "DetectedIssue") == 0) {
        return PN_ACTION_TRIGGERS;
    }
    static const enum pn_action actions[] = {
        [PN_FROM_TIMELINE] = PN_ACTION_TIMELINE,
        [PN_FROM_WORKLIST] = PN_ACTION_WORKLIST,
        [PN_FROM_PLANS] = PN_ACTION_PLAN_READ,
    };
    return actions[type->source];
}

static enum pn_code run_search(struct search *search, struct pn_err *err)
{
    static enum pn_code (*const sources[])(struct search *, struct pn_err *) = {
        [PN_FROM_TIMELINE] = search_timeline,
        [PN_FROM_WORKLIST] = search_worklist,
        [PN_FROM_PLANS] = search_plans,
    };
    search->bundle = pn_bundle_new("searchset");
    if (search->bundle == NULL) {
        return pn_err_set(err, PN_LIMIT, "Bundle", "does not fit into memory");
    }
    return sources[search->query.type->source](search, err);
}

static void add_warnings(struct search *search)
{
    if (search->query.ignored_count > 0) {
        pn_bundle_add_issue(
            &search->call, search->bundle, "warning", "not-supported",
            "a search parameter that is not known was left out: see /fhir/metadata");
    }
    if (search->withheld > 0) {
        char text[128];
        snprintf(text, sizeof text, "%u withheld: permit, prohibition or special protection",
                 search->withheld);
        pn_bundle_add_issue(&search->call, search->bundle, "information", "suppressed", text);
    }
}

void pn_fhir_search_call(struct pn_http_exchange *exchange, void *context)
{
    struct search *search = pn_arena_alloc(pn_http_arena(exchange), sizeof *search);
    struct pn_err err;
    if (search == NULL) {
        pn_err_set(&err, PN_LIMIT, "search", "no memory");
        pn_http_answer_error(exchange, &err);
        return;
    }
    struct pn_call *call = &search->call;
    pn_call_begin(call, exchange, context);
    const struct pn_api_type *type = pn_api_type_of_path(pn_http_path(exchange));
    if (type == NULL || pn_query_read(call, type, &search->query, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    if (search->query.client_key.len == 0) {
        pn_err_set(&err, PN_INVALID, "patient", "is needed: searches are of one client");
        pn_call_answer_error(call, &err);
        return;
    }
    char what[64];
    snprintf(what, sizeof what, "%s search", type->name);
    if (!pn_call_client(call, search->query.client_key, &search->client) ||
        !pn_call_may(call, action_of(type), &search->client, what)) {
        return;
    }
    if (run_search(search, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    add_warnings(search);
    pn_bundle_add_links(call, search->bundle, search->next);
    pn_call_answer(call, 200, PN_TYPE_FHIR, search->bundle);
}
