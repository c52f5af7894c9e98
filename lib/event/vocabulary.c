// SPDX-License-Identifier: Apache-2.0
#include "event/vocabulary.h"

#include "base/words.h"

static const char *const class_names[PN_CLASS_COUNT] = {
    [PN_CLASS_ORDINARY] = "ordinary",
    [PN_CLASS_PSYCHIATRY] = "psychiatry",
    [PN_CLASS_MENTAL_HEALTH] = "mental-health",
    [PN_CLASS_SUBSTANCE] = "substance",
    [PN_CLASS_PSYCHOLOGY] = "psychology",
    [PN_CLASS_GENETICS] = "genetics",
    [PN_CLASS_SEXUAL_THERAPY] = "sexual-therapy",
    [PN_CLASS_FAMILY_LAW] = "family-law",
    [PN_CLASS_THERAPY_NOTE] = "therapy-note",
};

const char *pn_class_name(enum pn_data_class data_class)
{
    return (unsigned)data_class < PN_CLASS_COUNT ? class_names[data_class] : "";
}

static const char *const sector_names[PN_SECTOR_COUNT] = {
    [PN_SECTOR_UNKNOWN] = "",
    [PN_SECTOR_PRIMARY] = "primary",
    [PN_SECTOR_SPECIALIST] = "specialist",
    [PN_SECTOR_SOCIAL] = "social",
    [PN_SECTOR_NATIONAL] = "national",
};

const char *pn_sector_name(enum pn_sector sector)
{
    return (unsigned)sector < PN_SECTOR_COUNT ? sector_names[sector] : "";
}

enum pn_sector pn_sector_parse(struct pn_slice name)
{
    unsigned found = pn_words_find(sector_names, PN_SECTOR_COUNT, name);
    return found < PN_SECTOR_COUNT ? (enum pn_sector)found : PN_SECTOR_UNKNOWN;
}

static const char *const kind_names[PN_KIND_COUNT] = {
    [PN_KIND_OTHER] = "other",
    [PN_KIND_VISIT] = "visit",
    [PN_KIND_CONTACT] = "contact",
    [PN_KIND_APPOINTMENT] = "appointment",
    [PN_KIND_CLIENTSHIP] = "clientship",
    [PN_KIND_CONDITION] = "condition",
    [PN_KIND_REFERRAL] = "referral",
    [PN_KIND_NEED] = "need",
    [PN_KIND_OBSERVATION] = "observation",
    [PN_KIND_RESPONSE] = "response",
    [PN_KIND_CONSENT] = "consent",
    [PN_KIND_DOCUMENT] = "document",
    [PN_KIND_CONCERN] = "concern",
    [PN_KIND_PLAN] = "plan",
};

const char *pn_kind_name(enum pn_entry_kind kind)
{
    return (unsigned)kind < PN_KIND_COUNT ? kind_names[kind] : "";
}

enum pn_entry_kind pn_kind_parse(struct pn_slice name)
{
    return (enum pn_entry_kind)pn_words_find(kind_names, PN_KIND_COUNT, name);
}

enum pn_data_class pn_class_parse(struct pn_slice name)
{
    return (enum pn_data_class)pn_words_find(class_names, PN_CLASS_COUNT, name);
}

static const char *const concern_names[PN_CONCERN_COUNT] = {
    [PN_CONCERN_GENERAL] = "concern",
    [PN_CONCERN_CORE_NOT_REACHED] = "core-not-reached",
    [PN_CONCERN_CANNOT_SOLVE_ALONE] = "cannot-solve-alone",
    [PN_CONCERN_VAGUE_REASONS] = "vague-reasons",
    [PN_CONCERN_UNUSED_APPOINTMENTS] = "unused-appointments",
    [PN_CONCERN_MANY_SERVICES] = "many-services",
    [PN_CONCERN_SUSPECTED_ADDICTION] = "suspected-addiction",
    [PN_CONCERN_SUSPECTED_RISK] = "suspected-risk",
    [PN_CONCERN_ODD_BEHAVIOUR] = "odd-behaviour",
    [PN_CONCERN_UNCLEAR_WORK_ABILITY] = "unclear-work-ability",
    [PN_CONCERN_CANNOT_USE_SERVICES] = "cannot-use-services",
    [PN_CONCERN_MANY_ILLNESSES] = "many-illnesses",
    [PN_CONCERN_MENTAL_HEALTH] = "mental-health",
    [PN_CONCERN_MONEY] = "money",
    [PN_CONCERN_LIFE_SITUATION] = "life-situation",
    [PN_CONCERN_LONELINESS] = "loneliness",
    [PN_CONCERN_INSECURITY] = "insecurity",
    [PN_CONCERN_HOMELESSNESS] = "homelessness",
    [PN_CONCERN_UNEMPLOYMENT] = "unemployment",
};

const char *pn_concern_name(enum pn_concern concern)
{
    return (unsigned)concern < PN_CONCERN_COUNT ? concern_names[concern] : "";
}

bool pn_concern_is_known(struct pn_slice code)
{
    return pn_words_find(concern_names, PN_CONCERN_COUNT, code) < PN_CONCERN_COUNT;
}

enum pn_concern pn_concern_parse(struct pn_slice code)
{
    unsigned found = pn_words_find(concern_names, PN_CONCERN_COUNT, code);
    return found < PN_CONCERN_COUNT ? (enum pn_concern)found : PN_CONCERN_GENERAL;
}

static const struct {
    const char *code;
    enum pn_reporter reporter;
} reporters[] = {
    {"professional", PN_REPORTER_PROFESSIONAL},
    {"client", PN_REPORTER_CLIENT},
    {"relative", PN_REPORTER_RELATIVE},
    {"other-sector", PN_REPORTER_OTHER_SECTOR},
    {"1", PN_REPORTER_CLIENT},
    {"2", PN_REPORTER_RELATIVE}, // of the same household
    {"3", PN_REPORTER_RELATIVE},
    {"5", PN_REPORTER_RELATIVE}, // guardian
    {"6", PN_REPORTER_PROFESSIONAL},
    {"7", PN_REPORTER_PROFESSIONAL},
    {"8", PN_REPORTER_OTHER_SECTOR},  // organisations
    {"9", PN_REPORTER_OTHER_SECTOR},  // employment
    {"10", PN_REPORTER_OTHER_SECTOR}, // police
    {"12", PN_REPORTER_OTHER_SECTOR}, // emergency centre
    {"15", PN_REPORTER_OTHER_SECTOR}, // schools
    {"16", PN_REPORTER_OTHER_SECTOR}, // youth work
    {"19", PN_REPORTER_OTHER_SECTOR}, // prison service
    {"23", PN_REPORTER_OTHER_SECTOR}, // enforcement
    {"24", PN_REPORTER_OTHER_SECTOR}, // Kela
};

const char *pn_reporter_name(enum pn_reporter reporter)
{
    for (unsigned i = 0; i < PN_REPORTER_COUNT - 1; i++) {
        if (reporters[i].reporter == reporter) {
            return reporters[i].code;
        }
    }
    return "";
}

enum pn_reporter pn_reporter_parse(struct pn_slice code)
{
    for (unsigned i = 0; i < PN_ARRAY_COUNT(reporters); i++) {
        if (pn_slice_is(code, reporters[i].code)) {
            return reporters[i].reporter;
        }
    }
    return PN_REPORTER_UNKNOWN;
}
