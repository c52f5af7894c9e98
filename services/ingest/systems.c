// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/systems.h"

#include "base/clock.h"

static enum pn_code load_one(struct pn_arena *boot, const struct pn_config *config,
                             struct pn_ingest_system *system, struct pn_err *err)
{
    struct pn_adapter *adapter = NULL;
    enum pn_code code = pn_adapter_open(boot, config, system->conf->adapter, &adapter, err);
    if (code != PN_OK) {
        return code;
    }
    system->adapter = adapter;
    system->info = pn_adapter_info(adapter);
    return PN_OK;
}

enum pn_code pn_ingest_systems_load(struct pn_arena *boot, const struct pn_config *config,
                                    struct pn_ingest_systems *ret_systems, struct pn_err *err)
{
    ret_systems->count = 0;
    for (unsigned i = 0; i < config->system_count; i++) {
        struct pn_ingest_system *system = &ret_systems->items[i];
        *system = (struct pn_ingest_system){.conf = &config->systems[i], .index = i};
        enum pn_code code = load_one(boot, config, system, err);
        if (code != PN_OK) {
            return code;
        }
        ret_systems->count++;
    }
    return PN_OK;
}

struct pn_ingest_system *pn_ingest_system_find(struct pn_ingest_systems *systems,
                                               struct pn_slice name)
{
    for (unsigned i = 0; i < systems->count; i++) {
        if (pn_slice_is(name, systems->items[i].conf->name)) {
            return &systems->items[i];
        }
    }
    return NULL;
}

const struct pn_conf_names *pn_ingest_system_peers(const struct pn_ingest_system *system)
{
    return system->conf->peer.count > 0 ? &system->conf->peer : &system->info->peer;
}

bool pn_ingest_system_takes(const struct pn_ingest_system *system, enum pn_transport transport)
{
    for (unsigned i = 0; i < system->info->in_count; i++) {
        if (system->info->in[i] == transport) {
            return true;
        }
    }
    return false;
}

struct pn_message_in pn_ingest_message_in(const struct pn_ingest_system *system,
                                          struct pn_slice bytes, enum pn_transport transport)
{
    const struct pn_system_conf *conf = system->conf;
    return (struct pn_message_in){
        .bytes = bytes,
        .transport = transport,
        .received_ms = pn_clock_now_ms(),
        .content_type = "",
        .file_name = "",
        .zone = conf->zone != NULL && conf->zone[0] != '\0' ? conf->zone : NULL,
        .charset = conf->charset != NULL && conf->charset[0] != '\0' ? conf->charset : NULL,
    };
}
