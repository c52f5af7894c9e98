// SPDX-License-Identifier: Apache-2.0
/*
 * The configured systems that take plans, with their adapters, for the loss report. Opened when
 * first asked for, and kept. Inside services/api only.
 */
#ifndef PN_SERVICES_API_LOSS_SYSTEMS_H
#define PN_SERVICES_API_LOSS_SYSTEMS_H

#include "services/api/api.h"
#include "services/plan/plan_loss.h"

struct pn_loss_system {
    const char *name; // as the configuration calls it
    struct pn_adapter *adapter;
};

struct pn_loss_systems {
    struct pn_arena *boot;
    struct pn_arena *arena; // of one report
    struct pn_loss_system *items;
    unsigned count;
};

// PN_INVALID when an adapter cannot be read. Belongs to the API.
PN_MUST_USE enum pn_code
pn_loss_systems_open(struct pn_api *api, struct pn_loss_systems **ret_systems, struct pn_err *err);
void pn_loss_systems_close(struct pn_loss_systems *systems);
// The report lives until the next one. The current JSON arena is another one afterwards.
PN_MUST_USE enum pn_code pn_loss_system_ask(struct pn_loss_systems *systems,
                                            const struct pn_loss_system *system, const cJSON *plan,
                                            struct pn_loss_report *ret_report, struct pn_err *err);

#endif
