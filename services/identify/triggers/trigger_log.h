// SPDX-License-Identifier: Apache-2.0
/*
 * trigger_log: one row for each trigger that was told to have risen, lapsed or been retracted. With
 * case_log it is what feedback is made of. Inside services/identify only.
 *
 * A row is written in the transaction that tells, and its key is the client, the rule and the
 * telling's number, of which the event's id is made too: neither a restart nor an event that comes
 * twice writes it again. A trigger that is only told anew (changed) writes nothing. A row names the
 * unit and the team that the client's case has at that moment, so a case that moves later takes no
 * figure along.
 */
#ifndef PN_IDENTIFY_TRIGGER_LOG_H
#define PN_IDENTIFY_TRIGGER_LOG_H

#include <stdint.h>

#include "base/err.h"
#include "services/identify/triggers/trigger_state.h"
#include "store/store.h"

enum { PN_RULE_ID_BYTES = 64 };

struct pn_trigger_told {
    const char *rule;
    char rule_text[PN_RULE_ID_BYTES]; // where `rule` points to once it was added
    int64_t version, serial;
    enum pn_trigger_state happening;
    bool is_change; // told anew: counted, and no row
    int64_t at_ms;  // when it came to be so, in the clients' time
};

// Those of one client in one moment.
struct pn_trigger_tellings {
    struct pn_trigger_told told[PN_TRIGGERS_MAX];
    unsigned count;
};
void pn_trigger_tellings_add(struct pn_trigger_tellings *tellings,
                             const struct pn_trigger_told *told);

// After the client's case is settled, inside the same transaction.
PN_MUST_USE enum pn_code pn_trigger_log_write(struct pn_store *store, int64_t client,
                                              int64_t told_ms,
                                              const struct pn_trigger_tellings *tellings,
                                              struct pn_err *err);

// How many of each rule, for the metric punos_triggers_total{rule,happening} (raised, lapsed,
// retracted, changed): gathered while a transaction is open, told when it is committed.
enum { PN_TRIGGER_HAPPENINGS = PN_TRIGGER_RETRACTED + 2 };
struct pn_trigger_counts {
    struct {
        char rule[PN_RULE_ID_BYTES];
        int64_t counts[PN_TRIGGER_HAPPENINGS];
    } rules[PN_TRIGGERS_MAX];
    unsigned count;
};
void pn_trigger_counts_add(struct pn_trigger_counts *counts,
                           const struct pn_trigger_tellings *tellings);
void pn_trigger_counts_tell(struct pn_trigger_counts *counts); // and forget
void pn_trigger_counts_forget(struct pn_trigger_counts *counts);

#endif
