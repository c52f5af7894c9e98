// SPDX-License-Identifier: Apache-2.0
/*
 * What a client's shared plan and the client's case on the work list say to each other.
 *
 * A plan names a responsible professional, and is made with the client: whoever writes one does not
 * set a state on the list first, the list follows. A client who refuses has said so to somebody: no
 * plan begins before the list has another answer.
 */
#ifndef PN_API_PLAN_STANDING_H
#define PN_API_PLAN_STANDING_H

#include "services/api/api.h"
#include "services/plan/plan_read.h"

// Before a plan is made. False: it has answered, 409 when the client refuses.
bool pn_plan_may_begin(struct pn_call *call, const struct pn_client *client);

// After a plan was written: of an active one the client's case becomes has-worker, by the writer;
// never from `refuses`. The plan stands when that can't be written: the log says so, and the plan's
// next version does it again.
void pn_plan_tell_worklist(struct pn_call *call, const struct pn_client *client,
                           const struct pn_plan_row *row);

// Whether the client has an active plan, as far as the caller may read plans.
bool pn_plan_is_active(struct pn_call *call, const char *client_key);

#endif
