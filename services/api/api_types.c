// SPDX-License-Identifier: Apache-2.0
#include "services/api/api_types.h"

#define PATIENT_PARAM                                                                              \
    {                                                                                              \
        "patient", PN_SEARCH_PATIENT, {"subject"}, "The client: Patient/<key>"                     \
    }
#define SUBJECT_PARAM                                                                              \
    {                                                                                              \
        "subject", PN_SEARCH_PATIENT, {"subject"}, "The same as patient"                           \
    }

static const struct pn_search_param encounter_params[] = {
    PATIENT_PARAM,
    SUBJECT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "planned, arrived, in-progress, finished, cancelled …"},
    {"class", PN_SEARCH_TOKEN, {"class"}, "Classification: EMER, AMB, IMP, VR …"},
    {"type", PN_SEARCH_TOKEN, {"type"}, "Specific type of the encounter"},
    {"service-type", PN_SEARCH_TOKEN, {"serviceType"}, "Service or specialty"},
    {"date", PN_SEARCH_DATE, {"period"}, "A date within the period of the encounter"},
};

static const struct pn_search_param appointment_params[] = {
    PATIENT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "booked, fulfilled, cancelled, noshow …"},
    {"service-type", PN_SEARCH_TOKEN, {"serviceType"}, "Service that is booked"},
    {"appointment-type", PN_SEARCH_TOKEN, {"appointmentType"}, "Style of the appointment"},
    {"date", PN_SEARCH_DATE, {"start"}, "When the appointment starts"},
};

static const struct pn_search_param episode_params[] = {
    PATIENT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "planned, active, finished, cancelled …"},
    {"type", PN_SEARCH_TOKEN, {"type"}, "Service task (palvelutehtävä)"},
    {"date", PN_SEARCH_DATE, {"period"}, "A date within the period of the clientship"},
};

static const struct pn_search_param condition_params[] = {
    PATIENT_PARAM,
    SUBJECT_PARAM,
    {"clinical-status", PN_SEARCH_TOKEN, {"clinicalStatus"}, "active, resolved …"},
    {"code", PN_SEARCH_TOKEN, {"code"}, "Diagnosis or reason"},
    {"category", PN_SEARCH_TOKEN, {"category"}, "Category of the condition"},
    {"onset-date", PN_SEARCH_DATE, {"onsetDateTime", "onsetPeriod"}, "When it began"},
    {"recorded-date", PN_SEARCH_DATE, {"recordedDate"}, "When it was recorded"},
};

static const struct pn_search_param issue_params[] = {
    PATIENT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "preliminary, final, cancelled, entered-in-error"},
    {"code", PN_SEARCH_TOKEN, {"code"}, "The rule that fired"},
    {"identified", PN_SEARCH_DATE, {"identifiedDateTime", "identifiedPeriod"}, "When it fired"},
    {"_include", PN_SEARCH_INCLUDE, {NULL}, "DetectedIssue:evidence, the events counted"},
};

static const struct pn_search_param flag_params[] = {
    PATIENT_PARAM,
    SUBJECT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "active, inactive, entered-in-error"},
    {"date", PN_SEARCH_DATE, {"period"}, "A date within the time when the flag is active"},
};

static const struct pn_search_param plan_params[] = {
    PATIENT_PARAM,
    SUBJECT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "active, completed, revoked, entered-in-error"},
    {"category", PN_SEARCH_TOKEN, {"category"}, "Type of plan"},
    {"date", PN_SEARCH_DATE, {"period"}, "A date within the plan's period"},
};

static const struct pn_search_param team_params[] = {
    PATIENT_PARAM,
    SUBJECT_PARAM,
    {"status", PN_SEARCH_TOKEN, {"status"}, "proposed, active, suspended, inactive"},
};

#define PARAMS(table) (table), PN_ARRAY_COUNT(table)

const struct pn_api_type pn_api_types[] = {
    {"Encounter", PN_FROM_TIMELINE, PARAMS(encounter_params), "-date", NULL},
    {"Appointment", PN_FROM_TIMELINE, PARAMS(appointment_params), "-date", NULL},
    {"EpisodeOfCare", PN_FROM_TIMELINE, PARAMS(episode_params), "-date", NULL},
    {"Condition", PN_FROM_TIMELINE, PARAMS(condition_params), "-recorded-date", NULL},
    {"DetectedIssue", PN_FROM_WORKLIST, PARAMS(issue_params), "-identified",
     "DetectedIssue:evidence"},
    {"Flag", PN_FROM_WORKLIST, PARAMS(flag_params), "-date", NULL},
    {"CarePlan", PN_FROM_PLANS, PARAMS(plan_params), "-_lastUpdated", NULL},
    {"CareTeam", PN_FROM_PLANS, PARAMS(team_params), "-_lastUpdated", NULL},
};
const unsigned pn_api_type_count = PN_ARRAY_COUNT(pn_api_types);

const struct pn_search_param pn_search_common[] = {
    {"_id", PN_SEARCH_ID, {"id"}, "Logical id"},
    {"_lastUpdated", PN_SEARCH_LAST_UPDATED, {"meta.lastUpdated"}, "When it last changed"},
    {"_count", PN_SEARCH_COUNT, {NULL}, "Resources on a page"},
    {"_sort", PN_SEARCH_SORT, {NULL}, "Newest first is the only order"},
    {"_cursor", PN_SEARCH_CURSOR, {NULL}, "Where a page begins; only from a next link"},
    {"_format", PN_SEARCH_FORMAT, {NULL}, "JSON only"},
};
const unsigned pn_search_common_count = PN_ARRAY_COUNT(pn_search_common);

const struct pn_api_type *pn_api_type_find(struct pn_slice name)
{
    for (unsigned i = 0; i < pn_api_type_count; i++) {
        if (pn_slice_is(name, pn_api_types[i].name)) {
            return &pn_api_types[i];
        }
    }
    return NULL;
}

const struct pn_api_type *pn_api_type_of_path(struct pn_slice path)
{
    struct pn_slice rest = path;
    for (int i = 0; i < 2; i++) {
        pn_slice_split(rest, '/', &rest);
    }
    return pn_api_type_find(pn_slice_split(rest, '/', &rest));
}

static const struct pn_search_param *find_in(const struct pn_search_param *params, unsigned count,
                                             struct pn_slice name)
{
    for (unsigned i = 0; i < count; i++) {
        if (pn_slice_is(name, params[i].name)) {
            return &params[i];
        }
    }
    return NULL;
}

const struct pn_search_param *pn_search_param_find(const struct pn_api_type *type,
                                                   struct pn_slice name)
{
    const struct pn_search_param *own = find_in(type->params, type->param_count, name);
    return own != NULL ? own : find_in(pn_search_common, pn_search_common_count, name);
}

const char *pn_search_kind_name(enum pn_search_kind kind)
{
    static const char *const names[] = {
        [PN_SEARCH_PATIENT] = "reference", [PN_SEARCH_TOKEN] = "token",
        [PN_SEARCH_DATE] = "date",         [PN_SEARCH_LAST_UPDATED] = "date",
        [PN_SEARCH_ID] = "token",          [PN_SEARCH_COUNT] = "number",
        [PN_SEARCH_SORT] = "special",      [PN_SEARCH_CURSOR] = "special",
        [PN_SEARCH_INCLUDE] = "special",   [PN_SEARCH_FORMAT] = "special",
    };
    return names[kind];
}
