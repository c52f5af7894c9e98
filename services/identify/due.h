// SPDX-License-Identifier: Apache-2.0
/*
 * When clients are to be looked at again because time alone changes something. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_DUE_H
#define PN_IDENTIFY_DUE_H

#include "services/identify/engine.h"
#include "store/store.h"

struct pn_due {
    int64_t client, due_ms;
    bool is_of_all; // else of some of the rules, and another may be due earlier
};
PN_MUST_USE enum pn_code pn_due_put(struct pn_store *store, const struct pn_due *due,
                                    struct pn_err *err);
// Everybody, at once.
PN_MUST_USE enum pn_code pn_due_all(struct pn_store *store, struct pn_err *err);
// Clients to be looked at by now, each told once.
PN_MUST_USE enum pn_code pn_due_take(struct pn_store *store, int64_t now_ms,
                                     int64_t ret_clients[static PN_DUE_MAX], unsigned *ret_count,
                                     struct pn_err *err);

#endif
