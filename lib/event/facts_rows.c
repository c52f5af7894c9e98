// SPDX-License-Identifier: Apache-2.0
#include "event/facts_rows.h"

const struct pn_fact_row pn_fact_rows[] = {
    {"resourceType", PN_FACT_RESOURCE_TYPE},
    {"id", PN_FACT_ID},
    {"status", PN_FACT_STATUS},
    {"period.start", PN_FACT_START},
    {"start", PN_FACT_START},
    {"onsetDateTime", PN_FACT_START},
    {"onsetPeriod.start", PN_FACT_START},
    {"occurrenceDateTime", PN_FACT_START},
    {"effectiveDateTime", PN_FACT_START},
    {"effectivePeriod.start", PN_FACT_START},
    {"context.period.start", PN_FACT_START},
    {"requestedPeriod.start", PN_FACT_START},
    {"authored", PN_FACT_START},
    {"authoredOn", PN_FACT_START},
    {"dateTime", PN_FACT_START},
    {"date", PN_FACT_START},
    {"recordedDate", PN_FACT_START},
    {"created", PN_FACT_START},
    {"issued", PN_FACT_START},
    {"period.end", PN_FACT_END},
    {"end", PN_FACT_END},
    {"abatementDateTime", PN_FACT_END},
    {"effectivePeriod.end", PN_FACT_END},
    {"context.period.end", PN_FACT_END},
    {"class.code", PN_FACT_CLASS},
    {"participant.type.text", PN_FACT_PROFESSION},
    {"serviceProvider.display", PN_FACT_UNIT},
    {"location.location.display", PN_FACT_UNIT},
    {"managingOrganization.display", PN_FACT_UNIT},
    {"participant.actor.display", PN_FACT_UNIT},
    {"custodian.display", PN_FACT_UNIT},
};
const unsigned pn_fact_row_count = PN_ARRAY_COUNT(pn_fact_rows);

// Yhteystapa has three registered systems (FINLAND.md 4.1).
const struct pn_code_row pn_code_rows[] = {
    {"clinicalStatus.coding", NULL, NULL, PN_FACT_STATUS},
    {"verificationStatus.coding", NULL, NULL, PN_FACT_VERIFICATION},
    {"type.coding", "1.2.246.537.6.127", NULL, PN_FACT_CONTACT},
    {"type.coding", "1.2.246.537.6.1308", NULL, PN_FACT_CONTACT},
    {"appointmentType.coding", "1.2.246.537.6.127", NULL, PN_FACT_CONTACT},
    {"serviceType.coding", NULL, NULL, PN_FACT_SERVICE},
    {"specialty.coding", NULL, NULL, PN_FACT_SERVICE},
    {"serviceCategory.coding", NULL, NULL, PN_FACT_SERVICE},
    {"type.coding", "1.2.246.537.6.1221", NULL, PN_FACT_SERVICE},
    {"type.coding", "1.2.246.537.6.1222", NULL, PN_FACT_SERVICE},
    {"participant.type.coding", NULL, "ParticipationType", PN_FACT_PROFESSION},
    {"performerType.coding", NULL, NULL, PN_FACT_PROFESSION},
    {"participant.individual.type.coding", NULL, NULL, PN_FACT_PROFESSION},
    {"cancelationReason.coding", NULL, NULL, PN_FACT_REASON},
    {"serviceProvider.identifier", NULL, NULL, PN_FACT_UNIT},
    {"location.location.identifier", NULL, NULL, PN_FACT_UNIT},
    {"managingOrganization.identifier", NULL, NULL, PN_FACT_UNIT},
    {"custodian.identifier", NULL, NULL, PN_FACT_UNIT},
};
const unsigned pn_code_row_count = PN_ARRAY_COUNT(pn_code_rows);

#define ICD10 "1.2.246.537.6.1"
#define ICD10_HL7 "http://hl7.org/fhir/sid/icd-10"
#define ICPC2 "1.2.246.537.6.31"
#define ICPC2_HL7 "http://hl7.org/fhir/sid/icpc-2"
#define SPECIALTY "1.2.246.537.6.24"
#define SERVICE_FORM "1.2.246.537.6.125"

// FINLAND.md 4.8, 4.9, 4.11; tobacco (F17, P17) is not specially protected.
const struct pn_class_row pn_class_rows[] = {
    {ICD10, "F10", "F16", PN_CLASS_SUBSTANCE},
    {ICD10, "F18", "F19", PN_CLASS_SUBSTANCE},
    {ICD10, "F20", "F99", PN_CLASS_MENTAL_HEALTH},
    {ICD10, "T51", "T51", PN_CLASS_SUBSTANCE},
    {ICD10, "X60", "X84", PN_CLASS_MENTAL_HEALTH},
    {ICD10_HL7, "F10", "F16", PN_CLASS_SUBSTANCE},
    {ICD10_HL7, "F18", "F19", PN_CLASS_SUBSTANCE},
    {ICD10_HL7, "F20", "F99", PN_CLASS_MENTAL_HEALTH},
    {ICD10_HL7, "T51", "T51", PN_CLASS_SUBSTANCE},
    {ICD10_HL7, "X60", "X84", PN_CLASS_MENTAL_HEALTH},
    {ICPC2, "P01", "P04", PN_CLASS_MENTAL_HEALTH},
    {ICPC2, "P15", "P16", PN_CLASS_SUBSTANCE},
    {ICPC2, "P18", "P19", PN_CLASS_SUBSTANCE},
    {ICPC2, "P71", "P99", PN_CLASS_MENTAL_HEALTH},
    {ICPC2_HL7, "P01", "P04", PN_CLASS_MENTAL_HEALTH},
    {ICPC2_HL7, "P15", "P16", PN_CLASS_SUBSTANCE},
    {ICPC2_HL7, "P18", "P19", PN_CLASS_SUBSTANCE},
    {ICPC2_HL7, "P71", "P99", PN_CLASS_MENTAL_HEALTH},
    {SPECIALTY, "70", "75", PN_CLASS_PSYCHIATRY},
    {SERVICE_FORM, "T71", "T71", PN_CLASS_MENTAL_HEALTH},
    {SERVICE_FORM, "T73", "T73", PN_CLASS_SUBSTANCE},
    {"1.2.246.537.6.1221", "15", "15", PN_CLASS_SUBSTANCE},
    {"1.2.246.537.6.1506", "19014", "19015", PN_CLASS_THERAPY_NOTE},
};
const unsigned pn_class_row_count = PN_ARRAY_COUNT(pn_class_rows);
