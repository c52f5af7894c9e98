// SPDX-License-Identifier: Apache-2.0
/*
 * Words that several stations share about events: kinds, sectors, classes of protection.
 */
#ifndef PN_EVENT_VOCABULARY_H
#define PN_EVENT_VOCABULARY_H

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

#endif
