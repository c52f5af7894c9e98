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
