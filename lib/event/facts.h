// SPDX-License-Identifier: Apache-2.0
/*
 * The few facts that the timeline and the rules need of an event, read in one pass over its JSON.
 *
 * It is not a parser for FHIR (that is fhir/): it makes no tree and allocates nothing, because a
 * rebuild reads every event that there ever was. Where an element may repeat, the first one that
 * has something counts; only reasons and diagnoses, and the professions of those who took part, are
 * several. facts_rows.c lists which element becomes which fact.
 */
#ifndef PN_EVENT_FACTS_H
#define PN_EVENT_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "event/event.h"
#include "event/vocabulary.h"

enum pn_urgency { PN_URGENCY_UNKNOWN, PN_URGENCY_PLANNED, PN_URGENCY_EMERGENCY, PN_URGENCY_COUNT };

// Whose code a reason or a diagnosis is.
enum pn_code_system { PN_SYSTEM_NONE, PN_SYSTEM_ICPC2, PN_SYSTEM_ICD10, PN_SYSTEM_SOCIAL };
struct pn_system_code {
    enum pn_code_system system;
    struct pn_slice code;
};
enum {
    PN_CODES_MAX = 6,      // of one event: more than there are systems
    PN_PROFESSIONS_MAX = 5 // of one event: the first ones
};

// Slices point into the event.
struct pn_facts {
    struct pn_slice resource_type;
    struct pn_slice id;
    struct pn_slice status;
    enum pn_entry_kind kind; // from the event's type
    enum pn_sector sector;
    uint32_t classes; // of protection, all that any of its codes or labels means; 0: ordinary
    enum pn_urgency urgency;
    int64_t start_ms; // when it happened; the event's time when the resource does not say
    int64_t end_ms;   // 0 when open or not known
    // Codes as the resource has them; empty when it has none.
    struct pn_slice unit;       // service unit: identifier, else name
    struct pn_slice service;    // service, specialty or palvelutehtävä
    struct pn_slice profession; // of the first participant with one
    // Each different one of those who took part, in their order; one of a participant.
    struct pn_slice professions[PN_PROFESSIONS_MAX];
    unsigned profession_count;
    struct pn_slice contact; // yhteystapa: R10 …
    struct pn_slice reason;  // of a cancellation
    struct pn_slice setting; // class: EMER, AMB, IMP …
    // Reasons and diagnoses in systems that are known, each once, in the event's order (a main
    // diagnosis stands before others). Of more than there is place for: the first of each system,
    // then the first of the others.
    struct pn_system_code codes[PN_CODES_MAX];
    unsigned code_count;
    enum pn_concern concern;   // of a concern
    enum pn_reporter reporter; // of a concern or a need
    bool is_withdrawn;         // cancelled, deleted or entered in error
    bool is_noshow;
    bool is_client_contact; // the client was met or talked to: not R60, R70, R71, R72, not planned
    // Orders what a resource's events say: a later recorded time wins; at the same time (sources
    // write seconds) an end wins over a beginning, and taking back over both.
    int64_t revision;
};
static inline int64_t pn_revision_recorded_ms(int64_t revision)
{
    return revision >> 2;
}

// Whether a resource of that status is cancelled, revoked or entered in error.
bool pn_status_is_withdrawn(struct pn_slice status);
// PN_INVALID when the data is not a JSON object with resourceType and id.
PN_MUST_USE enum pn_code pn_facts_read(const struct pn_event *event, struct pn_facts *ret_facts,
                                       struct pn_err *err);
// Only the classes of protection, of any JSON object: an event written out, a resource.
PN_MUST_USE enum pn_code pn_facts_classes(struct pn_slice json, uint32_t *ret_classes,
                                          struct pn_err *err);

#endif
