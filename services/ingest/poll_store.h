// SPDX-License-Identifier: Apache-2.0
/*
 * What polling remembers, in ingest's store: until which moment each resource type of a system is
 * durable in the hub, and which process polls the system now.
 *
 * A lease ends by itself when its process does not renew it, so that another one takes over after a
 * crash. A cursor moves only forward, and only in the hands of the lease's holder.
 */
#ifndef PN_SERVICES_INGEST_POLL_STORE_H
#define PN_SERVICES_INGEST_POLL_STORE_H

#include "store/store.h"

extern const char pn_poll_sql[]; // the tables, for ingest's migrations

struct pn_poll_lease {
    const char *system;
    const char *owner;
    int64_t now_ms;
    int64_t until_ms;
};

// Takes or renews it; *ret_is_ours is false while another process holds it. *ret_success_ms is when
// the last whole round began, 0 when there was none.
PN_MUST_USE enum pn_code pn_poll_lease_take(struct pn_store *store,
                                            const struct pn_poll_lease *lease, bool *ret_is_ours,
                                            int64_t *ret_success_ms, struct pn_err *err);
// A whole round, begun at success_ms, is done.
PN_MUST_USE enum pn_code pn_poll_lease_succeed(struct pn_store *store,
                                               const struct pn_poll_lease *lease,
                                               int64_t success_ms, struct pn_err *err);
PN_MUST_USE enum pn_code pn_poll_lease_release(struct pn_store *store,
                                               const struct pn_poll_lease *lease,
                                               struct pn_err *err);

// -1 when nothing was asked for yet.
PN_MUST_USE enum pn_code pn_poll_cursor_read(struct pn_store *store, const char *system,
                                             const char *resource_type, int64_t *ret_moment_ms,
                                             struct pn_err *err);
// Renews the lease too. PN_CONFLICT when it has become another's: nothing was moved.
PN_MUST_USE enum pn_code pn_poll_cursor_move(struct pn_store *store,
                                             const struct pn_poll_lease *lease,
                                             const char *resource_type, int64_t moment_ms,
                                             struct pn_err *err);

#endif
