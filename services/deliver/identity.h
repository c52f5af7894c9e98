// SPDX-License-Identifier: Apache-2.0
/*
 * Who the plan is about: opens the vault of the timeline service for a delivery, after an access
 * decision, and writes the access record.
 */
#ifndef PN_DELIVER_IDENTITY_H
#define PN_DELIVER_IDENTITY_H

#include <cjson/cJSON.h>

#include "base/err.h"
#include "conf/config.h"
#include "privacy/privacy.h"
#include "services/deliver/ledger.h"
#include "services/timeline/timeline_read.h"
#include "store/store.h"

struct pn_identity_source;

PN_MUST_USE enum pn_code pn_identity_source_open(const struct pn_config *config,
                                                 const struct pn_privacy *privacy,
                                                 struct pn_identity_source **ret_source,
                                                 struct pn_err *err);
void pn_identity_source_close(struct pn_identity_source *source); // takes NULL

// The timeline's store, opened when it is first asked for; the source's own.
PN_MUST_USE enum pn_code pn_identity_timeline(struct pn_identity_source *source,
                                              struct pn_timeline **ret_timeline,
                                              struct pn_err *err);

// The client's Patient, allocated from the current JSON arena. The access record goes into `store`,
// in the open transaction. PN_UNAVAILABLE: the timeline does not know the client yet, try later.
PN_MUST_USE enum pn_code pn_identity_open(struct pn_identity_source *source, struct pn_store *store,
                                          const struct pn_delivery *delivery, cJSON **ret_patient,
                                          struct pn_err *err);

#endif
