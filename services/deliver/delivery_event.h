// SPDX-License-Identifier: Apache-2.0
/*
 * A change in the ledger as an event on punos.delivery.v1: a FHIR Task per plan version and system.
 *
 * The system's own words stay in the ledger: they may hold anything, so they never go on the
 * stream.
 */
#ifndef PN_DELIVER_DELIVERY_EVENT_H
#define PN_DELIVER_DELIVERY_EVENT_H

#include "base/arena.h"
#include "base/err.h"
#include "services/deliver/ledger.h"
#include "store/store.h"

// Puts the event for `state` into the outbox of `store`, in the open transaction.
PN_MUST_USE enum pn_code pn_delivery_event_add(struct pn_store *store, struct pn_arena *arena,
                                               const struct pn_delivery *delivery,
                                               enum pn_delivery_state state, int64_t now_ms,
                                               struct pn_err *err);

// How a FHIR Task says it: "received", and "withdraw plan".
const char *pn_delivery_task_status(enum pn_delivery_state state);
const char *pn_delivery_task_code(enum pn_out_of of, bool is_withdrawal);

#endif
