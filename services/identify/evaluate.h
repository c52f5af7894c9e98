// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a rule holds for a client: a pure function of the client's facts and a moment.
 *
 * The order of facts does not matter, and nothing is remembered between calls but what the caller
 * passes in, so late, repeated, corrected and withdrawn events come to the same answer as events in
 * order would.
 */
#ifndef PN_IDENTIFY_EVALUATE_H
#define PN_IDENTIFY_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/facts.h"
#include "event/vocabulary.h"

enum { PN_FACT_ID_BYTES = 16, PN_CLIENT_FACTS_MAX = 4096 };

// What one event said, as small as it goes. Codes are hashes (pn_fact_code): they are only
// compared.
struct pn_fact_entry {
    uint8_t id[PN_FACT_ID_BYTES]; // the resource's UUID
    int64_t start_ms;
    int64_t revision;
    uint32_t service, profession, contact, status; // 0: none
    uint8_t resource_type;                         // pn_fact_type_name
    uint8_t kind, sector, data_class, urgency;
    uint8_t flags; // enum pn_fact_flag together
};
enum pn_fact_flag {
    PN_FACT_WITHDRAWN = 1 << 0,
    PN_FACT_NOSHOW = 1 << 1,
    PN_FACT_CLIENT_CONTACT = 1 << 2
};

uint32_t pn_fact_code(struct pn_slice code); // 0 for the empty code, never 0 for another
const char *pn_fact_type_name(uint8_t resource_type);
// False when the resource is none that rules count, or its id is no UUID.
PN_MUST_USE bool pn_fact_entry_make(const struct pn_facts *facts, struct pn_fact_entry *ret_entry);

enum pn_rule_count { PN_COUNT_EVENTS, PN_COUNT_PROFESSIONS, PN_COUNT_SERVICES };

enum { PN_RULE_CODES_MAX = 64, PN_RULES_MAX = 64 };
struct pn_rule_codes {
    uint32_t codes[PN_RULE_CODES_MAX];
    unsigned count; // 0: any
};
enum pn_language { PN_LANGUAGE_FI, PN_LANGUAGE_SV, PN_LANGUAGE_EN, PN_LANGUAGE_COUNT };

struct pn_rule {
    const char *id;
    int64_t version;
    const char *source;
    bool is_from_source; // the source gives the number; else it is ours
    const char *title[PN_LANGUAGE_COUNT];
    const char *explanation[PN_LANGUAGE_COUNT];
    bool adults_only;
    enum pn_rule_count count;
    int64_t window_months;
    int64_t threshold, lapse_below;
    int64_t weight;
    // Filters
    uint32_t kinds, sectors; // 1 << enum; sectors 0: any
    enum pn_urgency urgency; // unknown: any
    bool noshow_only, client_contacts_only;
    struct pn_rule_codes services, professions, contacts, statuses;
};

struct pn_finding {
    bool holds;
    int64_t count;
    int64_t lapses_ms; // when it stops holding if nothing comes; 0: it does not hold
    int64_t due_ms;    // when to look again: it lapses, or a fact of the future begins to count
    int64_t newest_ms; // start of the newest fact counted
    enum pn_data_class data_class;
    unsigned evidence_count; // facts counted, by index, oldest first
    uint16_t evidence[PN_CLIENT_FACTS_MAX];
};

struct pn_evaluation {
    const struct pn_rule *rule;
    const struct pn_fact_entry *facts;
    unsigned fact_count; // at most PN_CLIENT_FACTS_MAX
    int64_t moment_ms;
    bool did_hold; // it held before: hysteresis applies
};
void pn_evaluate(const struct pn_evaluation *evaluation, struct pn_finding *ret_finding);

// The same day and time of day `months` later, or the month's last day when it has no such day.
int64_t pn_months_later(int64_t time_ms, int64_t months);

#endif
