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
    const char *id;
    enum pn_out_of of;
    const char *system;
    const char *plan_id; // of a case: its Flag's id
    int64_t plan_version;
    bool is_withdrawal;
    enum pn_delivery_state state;
    int64_t attempts;
    int64_t position;                       // the order of queueing
    int64_t queued_ms, sent_ms, settled_ms; // 0: not yet
    int64_t committed_ms, acknowledged_ms;  // likewise
    const char *words;
    const char *reason;
};

// All lines of a plan, by system and version, at most `line_max`.
PN_MUST_USE enum pn_code pn_deliver_lines(struct pn_store *store, struct pn_arena *arena,
                                          const char *plan_id, struct pn_delivery_line *ret_lines,
                                          unsigned line_max, unsigned *ret_count,
                                          struct pn_err *err);

// What of the ledger to list; unset members do not filter.
struct pn_delivery_filter {
    uint32_t states;    // 1 << enum pn_delivery_state
    const char *system; // "" or NULL: all
    int64_t before;     // position of the last line of the page before; 0: from the newest
};
// The newest first, of all plans and cases.
PN_MUST_USE enum pn_code pn_deliver_list(struct pn_store *store, struct pn_arena *arena,
                                         const struct pn_delivery_filter *filter,
                                         struct pn_delivery_line *ret_lines, unsigned line_max,
                                         unsigned *ret_count, struct pn_err *err);
// Answers of systems that fitted nothing that waited.
PN_MUST_USE enum pn_code pn_deliver_odd_count(struct pn_store *store, int64_t *ret_count,
                                              struct pn_err *err);

// How a system stands with one plan: the newest version it has accepted (0: none), the newest there
// is, and so how many versions behind it is.
struct pn_delivery_standing {
    const char *system;
    enum pn_delivery_state newest_state;
    int64_t accepted_version;
    int64_t newest_version;
    int64_t versions_behind;
};
enum { PN_DELIVERY_SYSTEMS_MAX = PN_SYSTEMS_MAX };
// From the lines above, pure.
unsigned pn_deliver_standings(const struct pn_delivery_line *lines, unsigned line_count,
                              struct pn_delivery_standing ret_standings[PN_DELIVERY_SYSTEMS_MAX]);

#endif
