// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the delivery ledger from another process (the API): where each version of a plan stands
 * in each system.
 */
#ifndef PN_DELIVER_READ_H
#define PN_DELIVER_READ_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/config.h"
#include "services/deliver/ledger.h"
#include "store/store.h"

// The ledger for reading: PN_UNAVAILABLE until the deliver service has made it.
PN_MUST_USE enum pn_code pn_deliver_store_open(const struct pn_config *config,
                                               struct pn_store **ret_store, struct pn_err *err);

// One row of the ledger for people. `words` are the system's own, `reason` why it was put off; both
// may be "". Strings live in the arena.
struct pn_delivery_line {
    const char *system;
    int64_t plan_version;
    bool is_withdrawal;
    enum pn_delivery_state state;
    int64_t attempts;
    int64_t queued_ms, sent_ms, settled_ms; // 0: not yet
    const char *words;
    const char *reason;
};

// All lines of a plan, by system and version, at most `line_max`.
PN_MUST_USE enum pn_code pn_deliver_lines(struct pn_store *store, struct pn_arena *arena,
                                          const char *plan_id, struct pn_delivery_line *ret_lines,
                                          unsigned line_max, unsigned *ret_count,
                                          struct pn_err *err);

// How a system stands with one plan: the newest version it has accepted (0: none), the newest there
// is, and so how many versions behind it is.
struct pn_delivery_standing {
    const char *system;
    int64_t accepted_version;
    int64_t newest_version;
    int64_t versions_behind;
};
enum { PN_DELIVERY_SYSTEMS_MAX = PN_SYSTEMS_MAX };
// From the lines above, pure.
unsigned pn_deliver_standings(const struct pn_delivery_line *lines, unsigned line_count,
                              struct pn_delivery_standing ret_standings[PN_DELIVERY_SYSTEMS_MAX]);

#endif
