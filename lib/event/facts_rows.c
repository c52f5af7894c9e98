// SPDX-License-Identifier: Apache-2.0
#include "event/facts_rows.h"

#define PATH(text) text, sizeof(text) - 1

const struct pn_fact_row pn_fact_rows[] = {
    {PATH("resourceType"), PN_FACT_RESOURCE_TYPE},
    {PATH("id"), PN_FACT_ID},
    {PATH("status"), PN_FACT_STATUS},
    {PATH("period.start"), PN_FACT_START},
    {PATH("start"), PN_FACT_START},
    {PATH("onsetDateTime"), PN_FACT_START},
    {PATH("onsetPeriod.start"), PN_FACT_START},
    {PATH("occurrenceDateTime"), PN_FACT_START},
    {PATH("effectiveDateTime"), PN_FACT_START},
    {PATH("effectivePeriod.start"), PN_FACT_START},
    {PATH("context.period.start"), PN_FACT_START},
    {PATH("requestedPeriod.start"), PN_FACT_START},
    {PATH("authored"), PN_FACT_START},
    {PATH("authoredOn"), PN_FACT_START},
    {PATH("dateTime"), PN_FACT_START},
    {PATH("date"), PN_FACT_START},
    {PATH("recordedDate"), PN_FACT_START},
    {PATH("created"), PN_FACT_START},
    {PATH("issued"), PN_FACT_START},
    {PATH("period.end"), PN_FACT_END},
    {PATH("end"), PN_FACT_END},
    {PATH("abatementDateTime"), PN_FACT_END},
    {PATH("effectivePeriod.end"), PN_FACT_END},
    {PATH("context.period.end"), PN_FACT_END},
    {PATH("class.code"), PN_FACT_CLASS},
    {PATH("participant.type.text"), PN_FACT_PROFESSION},
    {PATH("serviceProvider.display"), PN_FACT_UNIT},
    {PATH("location.location.display"), PN_FACT_UNIT},
    {PATH("managingOrganization.display"), PN_FACT_UNIT},
    {PATH("participant.actor.display"), PN_FACT_UNIT},
    {PATH("custodian.display"), PN_FACT_UNIT},
};
const unsigned pn_fact_row_count = PN_ARRAY_COUNT(pn_fact_rows);

// Any other national code that a visit has as its reason is one of social care.
#define NATIONAL "1.2.246.537.6"
#define ICD10 "1.2.246.537.6.1"
#define ICD10_HL7 "http://hl7.org/fhir/sid/icd-10"
#define ICPC2 "1.2.246.537.6.31"
#define ICPC2_HL7 "http://hl7.org/fhir/sid/icpc-2"

#define CONCERN "https://punos.fi/fhir/CodeSystem/concern"
#define REPORTER "https://punos.fi/fhir/CodeSystem/reporter"
#define NATIONAL_REPORTER "1.2.246.537.6.1243"

// Yhteystapa has three registered systems (FINLAND.md 4.1).
const struct pn_code_row pn_code_rows[] = {
    {PATH("clinicalStatus.coding"), NULL, NULL, PN_FACT_STATUS, PN_SYSTEM_NONE},
    {PATH("verificationStatus.coding"), NULL, NULL, PN_FACT_VERIFICATION, PN_SYSTEM_NONE},
    {PATH("type.coding"), "1.2.246.537.6.127", NULL, PN_FACT_CONTACT, PN_SYSTEM_NONE},
    {PATH("type.coding"), "1.2.246.537.6.1308", NULL, PN_FACT_CONTACT, PN_SYSTEM_NONE},
    {PATH("appointmentType.coding"), "1.2.246.537.6.127", NULL, PN_FACT_CONTACT, PN_SYSTEM_NONE},
    {PATH("serviceType.coding"), NULL, NULL, PN_FACT_SERVICE, PN_SYSTEM_NONE},
    {PATH("specialty.coding"), NULL, NULL, PN_FACT_SERVICE, PN_SYSTEM_NONE},
    {PATH("serviceCategory.coding"), NULL, NULL, PN_FACT_SERVICE, PN_SYSTEM_NONE},
    {PATH("type.coding"), "1.2.246.537.6.1221", NULL, PN_FACT_SERVICE, PN_SYSTEM_NONE},
    {PATH("type.coding"), "1.2.246.537.6.1222", NULL, PN_FACT_SERVICE, PN_SYSTEM_NONE},
    {PATH("participant.type.coding"), NULL, "ParticipationType", PN_FACT_PROFESSION,
     PN_SYSTEM_NONE},
    {PATH("performerType.coding"), NULL, NULL, PN_FACT_PROFESSION, PN_SYSTEM_NONE},
    {PATH("participant.individual.type.coding"), NULL, NULL, PN_FACT_PROFESSION, PN_SYSTEM_NONE},
    {PATH("cancelationReason.coding"), NULL, NULL, PN_FACT_REASON, PN_SYSTEM_NONE},
    {PATH("serviceProvider.identifier"), NULL, NULL, PN_FACT_UNIT, PN_SYSTEM_NONE},
    {PATH("location.location.identifier"), NULL, NULL, PN_FACT_UNIT, PN_SYSTEM_NONE},
    {PATH("managingOrganization.identifier"), NULL, NULL, PN_FACT_UNIT, PN_SYSTEM_NONE},
    {PATH("custodian.identifier"), NULL, NULL, PN_FACT_UNIT, PN_SYSTEM_NONE},
    {PATH("code.coding"), ICPC2, NULL, PN_FACT_CODE, PN_SYSTEM_ICPC2},
    {PATH("code.coding"), ICPC2_HL7, NULL, PN_FACT_CODE, PN_SYSTEM_ICPC2},
    {PATH("code.coding"), ICD10, NULL, PN_FACT_CODE, PN_SYSTEM_ICD10},
    {PATH("code.coding"), ICD10_HL7, NULL, PN_FACT_CODE, PN_SYSTEM_ICD10},
    {PATH("reasonCode.coding"), ICPC2, NULL, PN_FACT_CODE, PN_SYSTEM_ICPC2},
    {PATH("reasonCode.coding"), ICPC2_HL7, NULL, PN_FACT_CODE, PN_SYSTEM_ICPC2},
    {PATH("reasonCode.coding"), ICD10, NULL, PN_FACT_CODE, PN_SYSTEM_ICD10},
    {PATH("reasonCode.coding"), ICD10_HL7, NULL, PN_FACT_CODE, PN_SYSTEM_ICD10},
    {PATH("reasonCode.coding"), NATIONAL, NULL, PN_FACT_CODE, PN_SYSTEM_SOCIAL},
    {PATH("code.coding"), CONCERN, NULL, PN_FACT_CONCERN, PN_SYSTEM_NONE},
    {PATH("author.identifier"), REPORTER, NULL, PN_FACT_REPORTER, PN_SYSTEM_NONE},
    {PATH("requester.identifier"), REPORTER, NULL, PN_FACT_REPORTER, PN_SYSTEM_NONE},
    {PATH("requester.identifier"), NATIONAL_REPORTER, NULL, PN_FACT_REPORTER, PN_SYSTEM_NONE},
};
const unsigned pn_code_row_count = PN_ARRAY_COUNT(pn_code_rows);

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
    {CONCERN, "suspected-addiction", "suspected-addiction", PN_CLASS_SUBSTANCE},
    {CONCERN, "mental-health", "mental-health", PN_CLASS_MENTAL_HEALTH},
    {"1.2.246.537.6.1506", "19014", "19015", PN_CLASS_THERAPY_NOTE},
};
const unsigned pn_class_row_count = PN_ARRAY_COUNT(pn_class_rows);
