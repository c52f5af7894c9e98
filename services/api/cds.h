// SPDX-License-Identifier: Apache-2.0
/*
 * CDS Hooks 2.0 (cds-hooks.hl7.org/2.0): what its calls share. Inside services/api only.
 */
#ifndef PN_SERVICES_API_CDS_H
#define PN_SERVICES_API_CDS_H

#include <cjson/cJSON.h>

#include "base/ids.h"
#include "services/api/api.h"

#define PN_CDS_SERVICE "punos-shared-client"

// Whether the path names the one service there is. False: it has answered 404.
PN_MUST_USE bool pn_cds_is_service(struct pn_call *call);

// The client's card, or NULL when there is nothing for the caller to see or nothing left to decide.
// After an access decision.
PN_MUST_USE enum pn_code pn_cds_card(struct pn_call *call, const struct pn_client *client,
                                     cJSON **ret_card, struct pn_err *err);

// The card's one suggestion, by the card's uuid.
void pn_cds_suggestion_id(struct pn_slice card_id, char ret_id[static PN_UUID_TEXT_BYTES]);

#endif
