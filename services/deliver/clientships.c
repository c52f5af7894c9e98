// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/clientships.h"

#include "fhir/json.h"
#include "services/timeline/timeline_read.h"

// "/adapter/<system>/<unit>", or without a unit.
static bool is_of_system(struct pn_slice source, const char *system)
{
    struct pn_slice rest = {0};
    struct pn_slice name = pn_slice_split(source, '/', &rest);
    if (name.len != 0) {
        return false;
    }
    name = pn_slice_split(rest, '/', &rest);
    return pn_slice_is(name, "adapter") && pn_slice_is(pn_slice_split(rest, '/', &rest), system);
}

static enum pn_code add(cJSON *list, const struct pn_entry *entry, struct pn_err *err)
{
    cJSON *clientship = NULL;
    enum pn_code code = pn_json_parse(entry->data, &clientship, err);
    if (code == PN_OK && !cJSON_AddItemToArray(list, clientship)) {
        code = pn_err_set(err, PN_LIMIT, "EpisodeOfCare", "the client relationships do not fit");
    }
    return code;
}

enum pn_code pn_clientships_read(struct pn_identity_source *source, struct pn_arena *arena,
                                 const struct pn_delivery *delivery, cJSON **ret_clientships,
                                 struct pn_err *err)
{
    struct pn_timeline *timeline = NULL;
    enum pn_code code = pn_identity_timeline(source, &timeline, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_entry_filter filter = {.kinds = UINT32_C(1) << PN_KIND_CLIENTSHIP,
                                     .resource_type = "EpisodeOfCare"};
    struct pn_entry *entries = pn_arena_alloc_array(arena, PN_CLIENTSHIPS_MAX, sizeof *entries);
    cJSON *list = cJSON_CreateArray();
    if (entries == NULL || list == NULL) {
        return pn_err_set(err, PN_LIMIT, "EpisodeOfCare", "no memory for client relationships");
    }
    char next[PN_CURSOR_BYTES];
    unsigned count = 0;
    code = pn_timeline_page(timeline, arena, pn_slice_str(delivery->client_key), &filter, entries,
                            PN_CLIENTSHIPS_MAX, &count, next, err);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        if (is_of_system(entries[i].source, delivery->system)) {
            code = add(list, &entries[i], err);
        }
    }
    if (code == PN_OK) {
        *ret_clientships = list;
    }
    return code;
}
