// SPDX-License-Identifier: Apache-2.0
/*
 * Words that several stations share about events: kinds, sectors, classes of protection.
 */
#ifndef PN_EVENT_VOCABULARY_H
#define PN_EVENT_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

// In the order of the event types; the kind's name is the first word of its event type.
enum pn_entry_kind {
    PN_KIND_OTHER,
    PN_KIND_VISIT,
    PN_KIND_CONTACT,
    PN_KIND_APPOINTMENT,
    PN_KIND_CLIENTSHIP,
    PN_KIND_CONDITION,
    PN_KIND_REFERRAL,
    PN_KIND_NEED,
    PN_KIND_OBSERVATION,
    PN_KIND_RESPONSE,
    PN_KIND_CONSENT,
    PN_KIND_DOCUMENT,
    PN_KIND_CONCERN,
    PN_KIND_PLAN,
    PN_KIND_COUNT
};
const char *pn_kind_name(enum pn_entry_kind kind);      // "visit"; "other"
enum pn_entry_kind pn_kind_parse(struct pn_slice name); // PN_KIND_COUNT when there is none

// What protection an entry's data stands under (decree 457/2024 26 §; the first is ordinary data).
// It may be several at once: a set of classes is the bits (pn_class_bit) of all of them together,
// and that of ordinary data is 0. The places are stored: a new class goes to the end.
enum pn_data_class {
    PN_CLASS_ORDINARY,
    PN_CLASS_PSYCHIATRY,
    PN_CLASS_MENTAL_HEALTH,
    PN_CLASS_SUBSTANCE,
    PN_CLASS_PSYCHOLOGY,
    PN_CLASS_GENETICS,
    PN_CLASS_SEXUAL_THERAPY,
    PN_CLASS_FAMILY_LAW,   // social care that is never shown to health care (decree 18 §)
    PN_CLASS_THERAPY_NOTE, // 19014, 19015: therapeutic work, examinations in social care
    PN_CLASS_COUNT
};
static inline uint32_t pn_class_bit(enum pn_data_class data_class)
{
    return data_class == PN_CLASS_ORDINARY ? 0 : UINT32_C(1) << data_class;
}
#define PN_DATA_CLASS_SYSTEM "https://punos.fi/fhir/CodeSystem/data-class"
const char *pn_class_name(enum pn_data_class data_class); // "mental-health"
enum pn_data_class pn_class_parse(struct pn_slice name);  // PN_CLASS_COUNT when there is none

enum pn_sector {
    PN_SECTOR_UNKNOWN,
    PN_SECTOR_PRIMARY,
    PN_SECTOR_SPECIALIST,
    PN_SECTOR_SOCIAL,
    PN_SECTOR_NATIONAL,
    PN_SECTOR_COUNT
};
const char *pn_sector_name(enum pn_sector sector); // "primary"; "" for unknown
enum pn_sector pn_sector_parse(struct pn_slice name);

// What a reported concern is about: the triggers of the source documents that no event shows.
// https://punos.fi/fhir/CodeSystem/concern
enum pn_concern {
    PN_CONCERN_GENERAL, // a concern or a feeling of inadequacy; also what is not known here
    PN_CONCERN_CORE_NOT_REACHED,
    PN_CONCERN_CANNOT_SOLVE_ALONE,
    PN_CONCERN_VAGUE_REASONS,
    PN_CONCERN_UNUSED_APPOINTMENTS,
    PN_CONCERN_MANY_SERVICES,
    PN_CONCERN_SUSPECTED_ADDICTION,
    PN_CONCERN_SUSPECTED_RISK, // memory, violence, accidents, exclusion
    PN_CONCERN_ODD_BEHAVIOUR,
    PN_CONCERN_UNCLEAR_WORK_ABILITY,
    PN_CONCERN_CANNOT_USE_SERVICES,
    PN_CONCERN_MANY_ILLNESSES,
    PN_CONCERN_MENTAL_HEALTH,
    PN_CONCERN_MONEY,
    PN_CONCERN_LIFE_SITUATION,
    PN_CONCERN_LONELINESS,
    PN_CONCERN_INSECURITY,
    PN_CONCERN_HOMELESSNESS,
    PN_CONCERN_UNEMPLOYMENT,
    PN_CONCERN_COUNT
};
const char *pn_concern_name(enum pn_concern concern);   // "core-not-reached"
enum pn_concern pn_concern_parse(struct pn_slice code); // general when it is none of them
bool pn_concern_is_known(struct pn_slice code);

// Who reported a concern or a need. https://punos.fi/fhir/CodeSystem/reporter
enum pn_reporter {
    PN_REPORTER_UNKNOWN,
    PN_REPORTER_PROFESSIONAL, // of social or health care
    PN_REPORTER_CLIENT,
    PN_REPORTER_RELATIVE, // and others close to the client
    PN_REPORTER_OTHER_SECTOR,
    PN_REPORTER_COUNT
};
const char *pn_reporter_name(enum pn_reporter reporter); // "other-sector"; "" for unknown
// Also the national codes of who notified of a need (1.2.246.537.6.1243).
enum pn_reporter pn_reporter_parse(struct pn_slice code);

#endif
