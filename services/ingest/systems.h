// SPDX-License-Identifier: Apache-2.0
/*
 * The records systems that send: each with its configuration and its compiled adapter.
 */
#ifndef PN_SERVICES_INGEST_SYSTEMS_H
#define PN_SERVICES_INGEST_SYSTEMS_H

#include "base/arena.h"
#include "conf/config.h"
#include "map/adapter.h"

// Since the last time they were reported.
struct pn_ingest_counts {
    int64_t accepted, ignored, refused, repeated, turned_away, events;
};

struct pn_ingest_system {
    const struct pn_system_conf *conf;
    const struct pn_adapter *adapter;
    const struct pn_adapter_info *info;
    unsigned index;
    struct pn_ingest_counts counts;
    int64_t last_message_ms; // 0: none since the start
};

struct pn_ingest_systems {
    struct pn_ingest_system items[PN_SYSTEMS_MAX];
    unsigned count;
};

// Loads the adapter of every configured system. Everything lives in `boot`; the configuration must
// live as long.
PN_MUST_USE enum pn_code pn_ingest_systems_load(struct pn_arena *boot,
                                                const struct pn_config *config,
                                                struct pn_ingest_systems *ret_systems,
                                                struct pn_err *err);
// NULL when no system has that name.
struct pn_ingest_system *pn_ingest_system_find(struct pn_ingest_systems *systems,
                                               struct pn_slice name);
// The names that its certificates may have: the configuration's, else the adapter's. None: any.
const struct pn_conf_names *pn_ingest_system_peers(const struct pn_ingest_system *system);
bool pn_ingest_system_takes(const struct pn_ingest_system *system, enum pn_transport transport);
// The message as the adapter wants it, with the installation's overrides.
struct pn_message_in pn_ingest_message_in(const struct pn_ingest_system *system,
                                          struct pn_slice bytes, enum pn_transport transport);

#endif
