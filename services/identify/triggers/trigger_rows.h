// SPDX-License-Identifier: Apache-2.0
/*
 * A client's triggers as the store has them: a row for each rule that holds or has held. What a row
 * says is as of the last telling (trigger_tell.h), but for share and classes, which follow the
 * facts. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_TRIGGER_ROWS_H
#define PN_IDENTIFY_TRIGGER_ROWS_H

#include "privacy/access.h"
#include "services/identify/triggers/rank.h"
#include "services/identify/triggers/trigger_log.h"
#include "store/store.h"

struct pn_trigger_row {
    char rule[PN_RULE_ID_BYTES];
    int64_t version;
    enum pn_trigger_state state;
    int64_t raised_ms, evaluated_ms;
    int64_t told;   // the count that was told
    int64_t serial; // of the telling
    int64_t weight;
    uint32_t classes; // of protection, of what was counted; 0: ordinary
    struct pn_rank_share share;
    bool is_seen; // the caller's mark; false when it is read
};

struct pn_trigger_rows {
    struct pn_trigger_row rows[PN_TRIGGERS_MAX];
    unsigned count;
};
PN_MUST_USE enum pn_code pn_trigger_rows_read(struct pn_store *store, int64_t client,
                                              struct pn_trigger_rows *rows, struct pn_err *err);
// NULL: the rule has none.
struct pn_trigger_row *pn_trigger_rows_find(struct pn_trigger_rows *rows, const char *rule);
// One more, empty, that the store does not have yet. PN_LIMIT when there are PN_TRIGGERS_MAX.
PN_MUST_USE enum pn_code pn_trigger_rows_add(struct pn_trigger_rows *rows,
                                             struct pn_trigger_row **ret_row, struct pn_err *err);

// Writes the row's share and classes into a row of the rule that the store has.
PN_MUST_USE enum pn_code pn_trigger_row_write_share(struct pn_store *store, int64_t client,
                                                    const struct pn_trigger_row *row,
                                                    struct pn_err *err);

#endif
