// SPDX-License-Identifier: Apache-2.0
/*
 * Figures of the identify service for /metrics, besides those that are counted as they happen:
 * punos_flags{state}, the cases in each state; punos_rules_number and punos_rules_fingerprint, the
 * rule set in use. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_GAUGES_H
#define PN_IDENTIFY_GAUGES_H

#include "base/err.h"
#include "services/identify/rules/rules.h"
#include "store/store.h"

struct pn_gauges {
    int64_t told_ms; // when the cases were counted last; 0: never
};

// In a tick; counts the cases every half a minute.
PN_MUST_USE enum pn_code pn_gauges_tell(struct pn_gauges *gauges, struct pn_store *store,
                                        const struct pn_ruleset *rules, int64_t now_ms,
                                        struct pn_err *err);

#endif
