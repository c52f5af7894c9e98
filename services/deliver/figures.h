// SPDX-License-Identifier: Apache-2.0
/*
 * The ledger's figures, per system: punos_deliveries_queued, _sent, _committed, _rejected, and
 * punos_delivery_oldest_waiting_seconds.
 */
#ifndef PN_DELIVER_FIGURES_H
#define PN_DELIVER_FIGURES_H

#include "base/err.h"
#include "store/store.h"

PN_MUST_USE enum pn_code pn_delivery_figures(struct pn_store *store, const char *system,
                                             int64_t now_ms, struct pn_err *err);

#endif
