// SPDX-License-Identifier: Apache-2.0
/*
 * GET /fhir/Patient/{id}/$timeline: one client's events over all sectors, newest first.
 *
 * Parameters: from, until (dates), sector, kind (words with commas between), withdrawn=true,
 * _count, _cursor. The answer is a searchset Bundle. Each entry has the extension timeline-entry
 * (kind, sector, start, end, source, event, unit, withdrawn); the Bundle's meta has the extension
 * completeness, once per source: when it was last heard of, and since when it is silent when that
 * is longer than usual for it, so that a silent feed does not look like a well client.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/api/bundle.h"
#include "services/api/calls.h"
#include "services/api/fhir_query.h"
#include "services/api/silence.h"

#define ENTRY_URL "https://punos.fi/fhir/StructureDefinition/timeline-entry"

enum { READS_PER_PAGE_MAX = 20 };

struct timeline_page {
    struct pn_call call;
    struct pn_client client;
    struct pn_entry_filter filter;
    unsigned size;
    cJSON *bundle;
    unsigned count, withheld;
    char next[PN_CURSOR_BYTES];
};

// --- Extensions ----------------------------------------------------------------------------------

static void add_part(cJSON *extension, const char *url, const char *value_member,
                     struct pn_slice value)
{
    cJSON *part = cJSON_CreateObject();
    cJSON *parts = cJSON_GetObjectItemCaseSensitive(extension, "extension");
    if (value.len == 0 || part == NULL || !cJSON_AddItemToArray(parts, part)) {
        return;
    }
    cJSON_AddStringToObject(part, "url", url);
    pn_json_add_slice(part, value_member, value);
}

static void add_time_part(cJSON *extension, const char *url, int64_t time_ms)
{
    char text[PN_TIME_TEXT_BYTES];
    if (time_ms != 0) {
        pn_time_format(time_ms, text);
        add_part(extension, url, "valueInstant", pn_slice_str(text));
    }
}

static void add_flag_part(cJSON *extension, const char *url)
{
    cJSON *part = cJSON_CreateObject();
    cJSON *parts = cJSON_GetObjectItemCaseSensitive(extension, "extension");
    cJSON_AddItemToArray(parts, part);
    cJSON_AddStringToObject(part, "url", url);
    cJSON_AddBoolToObject(part, "valueBoolean", true);
}

// A new extension of extensions in `owner`.
static cJSON *add_extension(cJSON *owner, const char *url)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(owner, "extension");
    if (list == NULL) {
        list = cJSON_AddArrayToObject(owner, "extension");
    }
    cJSON *extension = cJSON_CreateObject();
    cJSON_AddItemToArray(list, extension);
    cJSON_AddArrayToObject(extension, "extension");
    cJSON_AddStringToObject(extension, "url", url);
    return extension;
}

static void describe_entry(cJSON *bundle_entry, const struct pn_entry *entry, bool is_protected)
{
    cJSON *extension = add_extension(bundle_entry, ENTRY_URL);
    add_part(extension, "kind", "valueCode", pn_slice_str(pn_kind_name(entry->kind)));
    add_part(extension, "sector", "valueCode", pn_slice_str(pn_sector_name(entry->sector)));
    add_time_part(extension, "start", entry->start_ms);
    add_time_part(extension, "end", entry->end_ms);
    add_part(extension, "source", "valueUri", entry->source);
    add_part(extension, "type", "valueCode", entry->type);
    add_part(extension, "event", "valueId", entry->event_id);
    if (!is_protected) {
        add_part(extension, "unit", "valueString", entry->unit);
    }
    add_part(extension, "service", "valueString", entry->service);
    add_part(extension, "profession", "valueString", entry->profession);
    if (entry->is_withdrawn) {
        add_flag_part(extension, "withdrawn");
    }
}

// --- Entries -------------------------------------------------------------------------------------

static enum pn_code add_entry(struct timeline_page *page, const struct pn_entry *entry,
                              struct pn_err *err)
{
    if (!pn_access_shows(&page->call.access, entry->sector, entry->classes)) {
        page->withheld++;
        return PN_OK;
    }
    cJSON *resource = NULL;
    enum pn_code code = pn_json_parse(entry->data, &resource, err);
    if (code != PN_OK) {
        return code;
    }
    cJSON *bundle_entry = NULL;
    if (pn_resource_set_client(resource, &page->client) &&
        pn_resource_set_meta(resource, entry->recorded_ms, entry->recorded_ms) &&
        pn_resource_add_labels(resource, entry->classes)) {
        bundle_entry = pn_bundle_add(&page->call, page->bundle, resource, "match");
    }
    if (bundle_entry == NULL) {
        return pn_err_set(err, PN_LIMIT, "_count", "the page is too large: ask for a smaller one");
    }
    describe_entry(bundle_entry, entry, page->client.is_protected);
    page->count++;
    return PN_OK;
}

static enum pn_code fill_page(struct timeline_page *page, struct pn_err *err)
{
    struct pn_entry *entries = pn_arena_alloc_array(page->call.arena, page->size, sizeof *entries);
    if (entries == NULL) {
        return pn_err_set(err, PN_LIMIT, "_count", "the page is too large: ask for a smaller one");
    }
    enum pn_code code = PN_OK;
    for (int i = 0; i < READS_PER_PAGE_MAX && page->count < page->size && code == PN_OK; i++) {
        unsigned count = 0;
        code = pn_timeline_page(page->call.api->timeline, page->call.arena,
                                pn_slice_str(page->client.key), &page->filter, entries,
                                page->size - page->count, &count, page->next, err);
        for (unsigned k = 0; k < count && code == PN_OK; k++) {
            code = add_entry(page, &entries[k], err);
        }
        if (page->next[0] == '\0') {
            break;
        }
        page->filter.after =
            pn_slice_str(pn_arena_copy(page->call.arena, pn_slice_str(page->next)));
    }
    return code;
}

static void add_silence(cJSON *extension, const struct pn_silence *silence)
{
    add_flag_part(extension, "silent");
    add_time_part(extension, "silentSince", silence->since_ms);
}

// Units that are silent though their system is heard have no feed of their own.
static void add_silent_units(cJSON *meta, const struct pn_silence *silences, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct pn_slice source = silences[i].source;
        size_t slashes = 0;
        for (size_t k = 0; k < source.len; k++) {
            slashes += source.ptr[k] == '/' ? 1 : 0;
        }
        if (slashes > 2) {
            cJSON *extension = add_extension(meta, PN_COMPLETENESS_URL);
            add_part(extension, "source", "valueUri", source);
            add_time_part(extension, "lastReceived", silences[i].since_ms);
            add_silence(extension, &silences[i]);
        }
    }
}

static enum pn_code add_completeness(struct timeline_page *page, struct pn_err *err)
{
    struct pn_feed *feeds = pn_arena_alloc_array(page->call.arena, PN_FEEDS_MAX, sizeof *feeds);
    struct pn_silence *silences =
        pn_arena_alloc_array(page->call.arena, PN_FEEDS_MAX, sizeof *silences);
    unsigned count = 0, silence_count = 0;
    if (feeds == NULL || silences == NULL) {
        return pn_err_set(err, PN_LIMIT, "completeness", "does not fit into memory");
    }
    enum pn_code code = pn_timeline_feeds(page->call.api->timeline, page->call.arena, feeds,
                                          PN_FEEDS_MAX, &count, err);
    code = code == PN_OK ? pn_timeline_silences(page->call.api->timeline, page->call.arena,
                                                silences, PN_FEEDS_MAX, &silence_count, err)
                         : code;
    cJSON *meta = cJSON_AddObjectToObject(page->bundle, "meta");
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        cJSON *extension = add_extension(meta, PN_COMPLETENESS_URL);
        add_part(extension, "source", "valueUri", feeds[i].source);
        add_part(extension, "sector", "valueCode", pn_slice_str(pn_sector_name(feeds[i].sector)));
        add_time_part(extension, "lastReceived", feeds[i].last_received_ms);
        add_time_part(extension, "lastRecorded", feeds[i].last_recorded_ms);
        for (unsigned k = 0; k < silence_count; k++) {
            if (pn_slice_eq(silences[k].source, feeds[i].source)) {
                add_silence(extension, &silences[k]);
            }
        }
    }
    if (code == PN_OK) {
        add_silent_units(meta, silences, silence_count);
    }
    return code;
}

// --- Parameters ----------------------------------------------------------------------------------

static enum pn_code read_time(const struct pn_call *call, const char *name, int64_t *ret_time_ms,
                              struct pn_err *err)
{
    struct pn_slice text = pn_http_parameter(call->exchange, name);
    if (text.len > 0 && !pn_time_parse(text, ret_time_ms)) {
        return pn_err_set(err, PN_INVALID, name, "must be a date or a moment with its zone");
    }
    return PN_OK;
}

static enum pn_code read_sectors(struct pn_slice words, uint32_t *ret_bits, struct pn_err *err)
{
    while (words.len > 0) {
        enum pn_sector sector = pn_sector_parse(pn_slice_split(words, ',', &words));
        if (sector == PN_SECTOR_UNKNOWN) {
            return pn_err_set(err, PN_INVALID, "sector",
                              "must be of primary, specialist, social, national");
        }
        *ret_bits |= UINT32_C(1) << sector;
    }
    return PN_OK;
}

static enum pn_code read_kinds(struct pn_slice words, uint32_t *ret_bits, struct pn_err *err)
{
    while (words.len > 0) {
        enum pn_entry_kind kind = pn_kind_parse(pn_slice_split(words, ',', &words));
        if (kind == PN_KIND_COUNT) {
            return pn_err_set(err, PN_INVALID, "kind", "must be of visit, contact, appointment …");
        }
        *ret_bits |= UINT32_C(1) << kind;
    }
    return PN_OK;
}

static enum pn_code read_parameters(struct timeline_page *page, struct pn_err *err)
{
    const struct pn_call *call = &page->call;
    struct pn_entry_filter *filter = &page->filter;
    enum pn_code code = read_time(call, "from", &filter->from_ms, err);
    if (code == PN_OK) {
        code = read_time(call, "until", &filter->until_ms, err);
    }
    if (code == PN_OK) {
        code = read_sectors(pn_http_parameter(call->exchange, "sector"), &filter->sectors, err);
    }
    if (code == PN_OK) {
        code = read_kinds(pn_http_parameter(call->exchange, "kind"), &filter->kinds, err);
    }
    if (code == PN_OK && !pn_page_size_parse(pn_http_parameter(call->exchange, "_count"),
                                             call->api->config->api.page_size_max, &page->size)) {
        code = pn_err_set(err, PN_INVALID, "_count", "must be a whole number, at least 1");
    }
    filter->with_withdrawn = pn_slice_is(pn_http_parameter(call->exchange, "withdrawn"), "true");
    filter->after = pn_http_parameter(call->exchange, "_cursor");
    return code;
}

static enum pn_code make_page(struct timeline_page *page, struct pn_err *err)
{
    page->bundle = pn_bundle_new("searchset");
    if (page->bundle == NULL) {
        return pn_err_set(err, PN_LIMIT, "Bundle", "does not fit into memory");
    }
    enum pn_code code = add_completeness(page, err);
    if (code == PN_OK) {
        code = fill_page(page, err);
    }
    if (code == PN_OK && page->withheld > 0) {
        char text[96];
        snprintf(text, sizeof text, "%u withheld: permit, prohibition or special protection",
                 page->withheld);
        pn_bundle_add_issue(&page->call, page->bundle, "information", "suppressed", text);
    }
    return code;
}

void pn_timeline_call(struct pn_http_exchange *exchange, void *context)
{
    struct timeline_page *page = pn_arena_alloc(pn_http_arena(exchange), sizeof *page);
    struct pn_err err;
    if (page == NULL) {
        pn_err_set(&err, PN_LIMIT, "timeline", "no memory");
        pn_http_answer_error(exchange, &err);
        return;
    }
    struct pn_call *call = &page->call;
    pn_call_begin(call, exchange, context);
    if (read_parameters(page, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    if (!pn_call_client(call, pn_http_path_value(exchange, "id"), &page->client) ||
        !pn_call_may(call, PN_ACTION_TIMELINE, &page->client, "timeline")) {
        return;
    }
    if (make_page(page, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    pn_bundle_add_links(call, page->bundle, page->next);
    pn_call_answer(call, 200, PN_TYPE_FHIR, page->bundle);
}
