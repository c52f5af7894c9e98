// SPDX-License-Identifier: Apache-2.0
/*
 * From a delivery in the ledger to the documents that its system gets: opens the plan's seal and
 * the client's identity, and lets the adapter write the system's own form.
 */
#ifndef PN_DELIVER_DOCUMENT_H
#define PN_DELIVER_DOCUMENT_H

#include "map/adapter.h"
#include "run/run.h"
#include "services/deliver/identity.h"
#include "services/deliver/ledger.h"

struct pn_document_request {
    struct pn_run *run;
    const struct pn_adapter *adapter;
    const struct pn_system_conf *system;
    struct pn_identity_source *identities;
    const struct pn_delivery *delivery;
};

// Inside the caller's transaction (the access record goes there). Everything lives in `arena`,
// which is also the current JSON arena.
PN_MUST_USE enum pn_code pn_document_make(const struct pn_document_request *request,
                                          struct pn_arena *arena,
                                          const struct pn_document_out **ret_document,
                                          struct pn_err *err);

#endif
