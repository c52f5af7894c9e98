// SPDX-License-Identifier: Apache-2.0
/*
 * The client's permits and prohibitions, out of the Consent resources on the timeline (act 703/2023
 * 53-59 §): newest wins, a withdrawn one no longer counts.
 *
 * A permit (provision.type permit) covers ordinary data between the sectors; special protection
 * only for the data classes that its provision.securityLabel names (CodeSystem data-class). One
 * whose recipients (provision.actor, CodeSystem sector) are among the sectors that its
 * provision.class names opens nothing here. A prohibition (deny) withholds the sectors that its
 * provision.class names (CodeSystem sector), all when it names none; its own withdrawal lifts
 * nothing that another one withholds.
 */
#ifndef PN_SERVICES_API_PERMIT_H
#define PN_SERVICES_API_PERMIT_H

#include <cjson/cJSON.h>

#include "base/err.h"
#include "privacy/access.h"
#include "services/timeline/timeline_read.h"

struct pn_permits {
    bool has_permit;
    uint32_t classes;            // 1 << enum pn_data_class
    uint32_t prohibited_sectors; // 1 << enum pn_sector
};

// Takes one Consent into account, after those that are older.
void pn_permits_add(struct pn_permits *permits, const cJSON *consent);

PN_MUST_USE enum pn_code pn_permits_read(struct pn_timeline *timeline, struct pn_arena *arena,
                                         struct pn_slice client_key, struct pn_permits *ret_permits,
                                         struct pn_err *err);

#endif
