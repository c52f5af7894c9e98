// SPDX-License-Identifier: Apache-2.0
/*
 * The client relationships (asiakkuus) that a records system has told of a client: an adapter
 * chooses by them where in the system a plan belongs. Open ones and ended ones, because the last
 * word on a plan also goes where the plan went while the relationship was open.
 *
 * Only the system's own: what another one told says nothing about the places in this one.
 */
#ifndef PN_DELIVER_CLIENTSHIPS_H
#define PN_DELIVER_CLIENTSHIPS_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/err.h"
#include "services/deliver/identity.h"
#include "services/deliver/ledger.h"

enum { PN_CLIENTSHIPS_MAX = 200 }; // the newest by their beginning

// A list of EpisodeOfCare, newest first, under all keys that mean the client; empty when the system
// has told none. Lives in `arena`, which is also the current JSON arena. Call it after
// pn_identity_open, whose access record it falls under.
PN_MUST_USE enum pn_code pn_clientships_read(struct pn_identity_source *source,
                                             struct pn_arena *arena,
                                             const struct pn_delivery *delivery,
                                             cJSON **ret_clientships, struct pn_err *err);

#endif
