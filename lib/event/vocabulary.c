// SPDX-License-Identifier: Apache-2.0
#include "event/vocabulary.h"

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
    for (unsigned i = PN_SECTOR_PRIMARY; i < PN_SECTOR_COUNT; i++) {
        if (pn_slice_is(name, sector_names[i])) {
            return (enum pn_sector)i;
        }
    }
    return PN_SECTOR_UNKNOWN;
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
    unsigned i = 0;
    while (i < PN_KIND_COUNT && !pn_slice_is(name, kind_names[i])) {
        i++;
    }
    return (enum pn_entry_kind)i;
}

enum pn_data_class pn_class_parse(struct pn_slice name)
{
    unsigned i = 0;
    while (i < PN_CLASS_COUNT && !pn_slice_is(name, class_names[i])) {
        i++;
    }
    return (enum pn_data_class)i;
}
