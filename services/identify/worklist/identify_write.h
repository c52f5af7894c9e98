// SPDX-License-Identifier: Apache-2.0
/*
 * Writing a person's decision into identify's store from another process (the API).
 */
#ifndef PN_IDENTIFY_WRITE_H
#define PN_IDENTIFY_WRITE_H

#include "base/err.h"
#include "conf/config.h"
#include "services/identify/worklist/worklist_read.h"

struct pn_identify_writer;

PN_MUST_USE enum pn_code pn_identify_writer_open(const struct pn_config *config,
                                                 struct pn_identify_writer **ret_writer,
                                                 struct pn_err *err);
void pn_identify_writer_close(struct pn_identify_writer *writer); // takes NULL

struct pn_case_change {
    struct pn_slice client;
    enum pn_case_state state; // lapsed is the service's own: PN_INVALID
    int64_t expected_version; // PN_CONFLICT when it is another by now; -1: whatever it is
    struct pn_slice set_by;   // the token's name
    struct pn_slice reason;   // of the file of teams; empty: none, not-relevant needs one
    int64_t again_ms;         // thinking and refuses: not before this on the list; 0: no date
};
// One transaction. PN_INVALID when that state does not follow on today's (pn_case_may_become), or
// the reason or date is none for it. PN_NOT_FOUND when the client was never flagged.
PN_MUST_USE enum pn_code pn_worklist_set_state(struct pn_identify_writer *writer,
                                               const struct pn_case_change *change,
                                               int64_t *ret_version, struct pn_err *err);

#endif
