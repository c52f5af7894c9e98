// SPDX-License-Identifier: Apache-2.0
/*
 * Answers that come when they like: the application's after the commit (HL7 enhanced mode), one
 * that its time-out has passed, a receipt file. Each goes to the delivery that it names and to no
 * other.
 */
#ifndef PN_DELIVER_LATE_H
#define PN_DELIVER_LATE_H

#include "map/adapter.h"
#include "run/run.h"
#include "services/deliver/transport.h"

struct pn_late {
    struct pn_run *run;
    const struct pn_system_conf *system;
    const struct pn_adapter *adapter;
    struct pn_arena *arena; // its own: reset for each answer
    // Something has changed in the ledger.
    void (*changed)(void *context);
    void *context;
};

// An answer by MLLP that is not to what is under way. `of`: what it is probably about. When the
// store is away it is lost: what it answers is sent again when its answer is overdue.
void pn_late_answer(const struct pn_late *late, enum pn_out_of of, const struct pn_answer *answer);
// A receipt file for what was sent as `name`.
enum pn_receipt_fate pn_late_receipt(const struct pn_late *late, struct pn_slice name,
                                     struct pn_slice bytes);

#endif
