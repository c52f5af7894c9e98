// SPDX-License-Identifier: Apache-2.0
#include "services/api/loss_systems.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

// Adapters look at the client's identifiers; which they are changes nothing of what fits.
static const char stand_in[] =
    "{\"resourceType\":\"Patient\",\"identifier\":[{\"use\":\"official\",\"system\":"
    "\"urn:oid:1.2.246.21\",\"value\":\"010181-900C\"}],\"name\":[{\"family\":\"Testinen\","
    "\"given\":[\"Tuulia\"]}],\"gender\":\"female\",\"birthDate\":\"1981-01-01\"}";

void pn_loss_systems_close(struct pn_loss_systems *systems)
{
    if (systems != NULL) {
        pn_arena_free(systems->boot);
        pn_arena_free(systems->arena);
        free(systems);
    }
}

static enum pn_code load(struct pn_loss_systems *systems, const struct pn_config *config,
                         struct pn_err *err)
{
    systems->items =
        pn_arena_alloc_array(systems->boot, config->system_count + 1, sizeof *systems->items);
    if (systems->items == NULL) {
        return pn_err_set(err, PN_MEMORY, "systems", "no memory");
    }
    for (unsigned i = 0; i < config->system_count; i++) {
        const struct pn_system_conf *conf = &config->systems[i];
        struct pn_adapter *adapter = NULL;
        if (conf->deliver == NULL || conf->deliver[0] == '\0') {
            continue;
        }
        enum pn_code code = pn_adapter_open(systems->boot, config, conf->adapter, &adapter, err);
        if (code != PN_OK) {
            return code;
        }
        if (pn_adapter_info(adapter)->out != PN_TRANSPORT_NONE) {
            systems->items[systems->count++] = (struct pn_loss_system){conf->name, adapter};
        }
    }
    return PN_OK;
}

enum pn_code pn_loss_systems_open(struct pn_api *api, struct pn_loss_systems **ret_systems,
                                  struct pn_err *err)
{
    if (api->loss_systems == NULL) {
        struct pn_loss_systems *systems = calloc(1, sizeof *systems);
        if (systems == NULL) {
            return pn_err_set(err, PN_MEMORY, "systems", "no memory");
        }
        systems->boot = pn_arena_new(BOOT_BYTES_MAX);
        systems->arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
        enum pn_code code = systems->boot == NULL || systems->arena == NULL
                                ? pn_err_set(err, PN_MEMORY, "systems", "no memory")
                                : load(systems, api->config, err);
        if (code != PN_OK) {
            pn_loss_systems_close(systems);
            return code;
        }
        api->loss_systems = systems;
    }
    *ret_systems = api->loss_systems;
    return PN_OK;
}

enum pn_code pn_loss_system_ask(struct pn_loss_systems *systems,
                                const struct pn_loss_system *system, const cJSON *plan,
                                struct pn_loss_report *ret_report, struct pn_err *err)
{
    cJSON *patient = NULL;
    pn_arena_reset(systems->arena);
    pn_json_use_arena(systems->arena);
    enum pn_code code = pn_json_parse(pn_slice_str(stand_in), &patient, err);
    struct pn_plan_out out = {.plan = plan,
                              .patient = patient,
                              .document_id = pn_slice_str("5a3c1d52-0000-5000-8000-000000000000"),
                              .system_config_name = pn_slice_str(system->name),
                              .now_ms = pn_clock_now_ms()};
    return code != PN_OK
               ? code
               : pn_plan_loss_find(systems->arena, system->adapter, &out, ret_report, err);
}
