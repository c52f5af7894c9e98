// SPDX-License-Identifier: Apache-2.0
/*
 * An answer of a system, by whichever way it came: into the ledger, and told on punos.delivery.v1.
 */
#ifndef PN_DELIVER_ANSWERS_H
#define PN_DELIVER_ANSWERS_H

#include "run/run.h"
#include "services/deliver/ledger_answer.h"

// In the open transaction. What changed is told by an event; what ought to have changed something
// and did not is kept under `keep_id`.
PN_MUST_USE enum pn_code pn_answer_write(struct pn_run *run, struct pn_arena *arena,
                                         const struct pn_ledger_answer *answer, const char *keep_id,
                                         enum pn_answer_effect *ret_effect, struct pn_err *err);
// Log and figures, once it is durable.
void pn_answer_tell(const struct pn_ledger_answer *answer, enum pn_answer_effect effect);

// An event of type fi.punos.delivery.answered.v1, in the open transaction.
PN_MUST_USE enum pn_code pn_answer_from_event(struct pn_run *run, const struct pn_event *event,
                                              enum pn_answer_effect *ret_effect,
                                              struct pn_err *err);

#endif
