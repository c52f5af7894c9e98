// SPDX-License-Identifier: Apache-2.0
// A way in of adapter.yaml where the hub asks: which resources, how many at once, how often.
#include "map/compile.h"

enum {
    PAGE_SIZE_DEFAULT = 100,
    PAGE_SIZE_MAX = 1000,
    EVERY_S_DEFAULT = 60,
    EVERY_S_MAX = 24 * 3600,
    OVERLAP_S_DEFAULT = 120
};

static enum pn_code read_number(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                int64_t max, int64_t *number)
{
    int64_t read = 0;
    if (node == NULL) {
        return PN_OK;
    }
    if (!pn_slice_to_i64(pn_yaml_text(node, ""), &read) || read < 1 || read > max) {
        return pn_map_fault(compiler, node, "a number from 1 to %lld", (long long)max);
    }
    *number = read;
    return PN_OK;
}

static enum pn_code read_resources(struct pn_map_compiler *compiler, const struct pn_yaml *poll,
                                   struct pn_adapter_poll *ret_poll)
{
    const struct pn_yaml *list = pn_yaml_get(poll, "resources");
    if (list == NULL || list->kind != PN_YAML_LIST || list->child_count == 0 ||
        list->child_count > PN_ADAPTER_POLL_RESOURCES_MAX) {
        return pn_map_fault(compiler, list == NULL ? poll : list,
                            "`resources` is a list of 1 to %d FHIR resource types",
                            PN_ADAPTER_POLL_RESOURCES_MAX);
    }
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        struct pn_slice type = pn_yaml_text(node, "");
        if (!pn_fhir_is_resource_type(type)) {
            return pn_map_fault(compiler, node, "no FHIR resource type that the hub knows");
        }
        ret_poll->resources[ret_poll->resource_count++] = type.ptr;
    }
    return PN_OK;
}

enum pn_code pn_map_load_poll(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_adapter_poll *ret_poll)
{
    static const char *const keys[] = {"resources", "page_size", "every_s", "overlap_s"};
    struct pn_adapter_poll poll = {
        .page_size = PAGE_SIZE_DEFAULT, .every_s = EVERY_S_DEFAULT, .overlap_s = OVERLAP_S_DEFAULT};
    bool is_poll = pn_slice_is(pn_yaml_text(pn_yaml_get(node, "transport"), ""), "poll");
    for (size_t i = 0; !is_poll && i < PN_ARRAY_COUNT(keys); i++) {
        if (pn_yaml_get(node, keys[i]) != NULL) {
            return pn_map_fault(compiler, pn_yaml_get(node, keys[i]), "goes with transport: poll");
        }
    }
    if (!is_poll) {
        return PN_OK;
    }
    const struct pn_yaml *format = pn_yaml_get(node, "format");
    if (!pn_slice_is(pn_yaml_text(format, ""), "json") || ret_poll->resource_count > 0) {
        return pn_map_fault(compiler, format, "what is polled is json, and stands here once");
    }
    enum pn_code code = read_resources(compiler, node, &poll);
    if (code == PN_OK) {
        code =
            read_number(compiler, pn_yaml_get(node, "page_size"), PAGE_SIZE_MAX, &poll.page_size);
    }
    if (code == PN_OK) {
        code = read_number(compiler, pn_yaml_get(node, "every_s"), EVERY_S_MAX, &poll.every_s);
    }
    if (code == PN_OK) {
        code = read_number(compiler, pn_yaml_get(node, "overlap_s"), EVERY_S_MAX, &poll.overlap_s);
    }
    if (code == PN_OK) {
        *ret_poll = poll;
    }
    return code;
}
