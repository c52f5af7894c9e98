// SPDX-License-Identifier: Apache-2.0
#include "services/api/silence.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

void pn_silences_read(struct pn_call *call, struct pn_silences *ret_silences)
{
    struct pn_err err;
    unsigned count = 0;
    enum pn_code code = pn_api_open_timeline(call->api, &err);
    if (code == PN_OK) {
        code = pn_timeline_silences(call->api->timeline, call->arena, ret_silences->items,
                                    PN_FEEDS_MAX, &count, &err);
    }
    if (code != PN_OK) {
        pn_log_error("the silent sources could not be read", &err);
    }
    ret_silences->count = code == PN_OK ? count : 0;
}

// "/adapter/oberon/PPK1" → "oberon/PPK1".
static struct pn_slice name_of(struct pn_slice source)
{
    static const char prefix[] = "/adapter/";
    size_t length = sizeof prefix - 1;
    return pn_slice_starts_with(source, prefix)
               ? pn_slice_of(source.ptr + length, source.len - length)
               : source;
}

void pn_silences_list(const struct pn_silences *silences, cJSON *object)
{
    cJSON *list = silences->count == 0 ? NULL : cJSON_AddArrayToObject(object, "silent");
    for (unsigned i = 0; list != NULL && i < silences->count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(list, item);
        pn_json_add_slice(item, "source", name_of(silences->items[i].source));
        pn_json_add_time(item, "since", silences->items[i].since_ms);
    }
}

static void add_part(cJSON *parts, const char *url, const char *member, struct pn_slice value)
{
    cJSON *part = cJSON_CreateObject();
    cJSON_AddItemToArray(parts, part);
    cJSON_AddStringToObject(part, "url", url);
    pn_json_add_slice(part, member, value);
}

void pn_silences_stamp(const struct pn_silences *silences, cJSON *resource)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(resource, "extension");
    if (list == NULL && silences->count > 0) {
        list = cJSON_AddArrayToObject(resource, "extension");
    }
    for (unsigned i = 0; i < silences->count; i++) {
        char since[PN_TIME_TEXT_BYTES];
        cJSON *extension = cJSON_CreateObject();
        pn_time_format(silences->items[i].since_ms, since);
        cJSON_AddItemToArray(list, extension);
        cJSON_AddStringToObject(extension, "url", PN_COMPLETENESS_URL);
        cJSON *parts = cJSON_AddArrayToObject(extension, "extension");
        add_part(parts, "source", "valueUri", silences->items[i].source);
        add_part(parts, "silentSince", "valueInstant", pn_slice_str(since));
    }
}

void pn_silences_stamp_now(struct pn_call *call, cJSON *resource)
{
    struct pn_silences *silences = pn_arena_alloc(call->arena, sizeof *silences);
    if (silences != NULL) {
        pn_silences_read(call, silences);
        pn_silences_stamp(silences, resource);
    }
}
