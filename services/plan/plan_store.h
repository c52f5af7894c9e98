// SPDX-License-Identifier: Apache-2.0
/*
 * The plan store's own side: its tables and what follows merged clients. Inside services/plan only;
 * others use plan_read.h and plan_write.h.
 */
#ifndef PN_SERVICES_PLAN_STORE_H
#define PN_SERVICES_PLAN_STORE_H

#include "services/plan/plan_read.h"

extern const struct pn_migration pn_plan_migrations[];
extern const unsigned pn_plan_migration_count;

// Re-points the plans of `old_key` to `new_key`, and remembers which; doing it again changes
// nothing.
PN_MUST_USE enum pn_code pn_plan_follow_merge(struct pn_store *store, struct pn_slice old_key,
                                              struct pn_slice new_key, int64_t now_ms,
                                              struct pn_err *err);
// Gives back to `old_key` the plans that its merge into `new_key` took; plans written since stay.
PN_MUST_USE enum pn_code pn_plan_follow_unmerge(struct pn_store *store, struct pn_slice old_key,
                                                struct pn_slice new_key, struct pn_err *err);

#endif
