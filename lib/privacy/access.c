// SPDX-License-Identifier: Apache-2.0
#include "privacy/access.h"

#include <string.h>

#include "base/words.h"

#define BIT(n) (UINT32_C(1) << (n))

static const char *const role_names[PN_ROLE_COUNT] = {"admin", "coordinator", "professional",
                                                      "integration", "dpo"};

const char *pn_role_name(enum pn_role role)
{
    for (unsigned i = 0; i < PN_ROLE_COUNT; i++) {
        if ((unsigned)role == BIT(i)) {
            return role_names[i];
        }
    }
    return "";
}

bool pn_role_parse(struct pn_slice name, unsigned *roles)
{
    unsigned found = pn_words_find(role_names, PN_ROLE_COUNT, name);
    *roles |= found < PN_ROLE_COUNT ? BIT(found) : 0;
    return found < PN_ROLE_COUNT;
}

// --- The policy ----------------------------------------------------------------------------------

enum need {
    NEED_NOTHING,      // no client's content
    NEED_RELATIONSHIP, // a verified care or client relationship, or the coordinator's assignment
};

// One row: which roles may do the action at all, and what else it takes. A row more is how the
// policy grows; the first row whose action and role fit decides.
struct row {
    const char *name;
    enum pn_action action;
    unsigned roles;
    enum need need;
    bool is_content; // a client's content: permits, prohibitions and special protection apply
};

#define CARE (PN_ROLE_COORDINATOR | PN_ROLE_PROFESSIONAL)
#define ANY_ROLE (CARE | PN_ROLE_ADMIN | PN_ROLE_INTEGRATION | PN_ROLE_DPO)

static const struct row rows[] = {
    {"metrics", PN_ACTION_METRICS, ANY_ROLE, NEED_NOTHING, false},
    {"worklist-coordinator", PN_ACTION_WORKLIST, PN_ROLE_COORDINATOR, NEED_NOTHING, true},
    {"worklist-set", PN_ACTION_WORKLIST_SET, PN_ROLE_COORDINATOR, NEED_NOTHING, false},
    {"triggers-coordinator", PN_ACTION_TRIGGERS, PN_ROLE_COORDINATOR, NEED_NOTHING, true},
    {"triggers-care", PN_ACTION_TRIGGERS, PN_ROLE_PROFESSIONAL, NEED_RELATIONSHIP, true},
    {"triggers-program", PN_ACTION_TRIGGERS, PN_ROLE_INTEGRATION, NEED_RELATIONSHIP, true},
    {"timeline-coordinator", PN_ACTION_TIMELINE, PN_ROLE_COORDINATOR, NEED_NOTHING, true},
    {"timeline-care", PN_ACTION_TIMELINE, PN_ROLE_PROFESSIONAL, NEED_RELATIONSHIP, true},
    {"timeline-program", PN_ACTION_TIMELINE, PN_ROLE_INTEGRATION, NEED_RELATIONSHIP, true},
    {"identity-coordinator", PN_ACTION_IDENTITY, PN_ROLE_COORDINATOR, NEED_NOTHING, false},
    {"identity-care", PN_ACTION_IDENTITY, PN_ROLE_PROFESSIONAL, NEED_RELATIONSHIP, false},
    {"plan-coordinator", PN_ACTION_PLAN_READ, PN_ROLE_COORDINATOR, NEED_NOTHING, false},
    {"plan-care", PN_ACTION_PLAN_READ, PN_ROLE_PROFESSIONAL, NEED_RELATIONSHIP, false},
    {"plan-write-coordinator", PN_ACTION_PLAN_WRITE, PN_ROLE_COORDINATOR, NEED_NOTHING, false},
    {"plan-write-care", PN_ACTION_PLAN_WRITE, PN_ROLE_PROFESSIONAL, NEED_RELATIONSHIP, false},
    {"feed", PN_ACTION_FEED, PN_ROLE_INTEGRATION | PN_ROLE_COORDINATOR, NEED_NOTHING, true},
    {"delivery", PN_ACTION_DELIVERY_READ, CARE | PN_ROLE_ADMIN | PN_ROLE_INTEGRATION, NEED_NOTHING,
     false},
    {"quarantine-list", PN_ACTION_QUARANTINE_LIST, PN_ROLE_ADMIN, NEED_NOTHING, false},
    {"quarantine-show", PN_ACTION_QUARANTINE_SHOW, PN_ROLE_ADMIN, NEED_NOTHING, false},
    {"quarantine-replay", PN_ACTION_QUARANTINE_REPLAY, PN_ROLE_ADMIN, NEED_NOTHING, false},
    {"merge-undo", PN_ACTION_MERGE_UNDO, PN_ROLE_ADMIN, NEED_NOTHING, false},
    {"rules-feedback", PN_ACTION_RULES_FEEDBACK, PN_ROLE_COORDINATOR | PN_ROLE_DPO | PN_ROLE_ADMIN,
     NEED_NOTHING, false},
    {"audit", PN_ACTION_AUDIT_READ, PN_ROLE_DPO, NEED_NOTHING, false},
    {"deliver-plan", PN_ACTION_DELIVER, PN_ROLE_INTEGRATION, NEED_RELATIONSHIP, false},
};

static const char *const action_names[PN_ACTION_COUNT] = {
    [PN_ACTION_METRICS] = "metrics",
    [PN_ACTION_WORKLIST] = "worklist",
    [PN_ACTION_WORKLIST_SET] = "worklist-set",
    [PN_ACTION_TRIGGERS] = "triggers",
    [PN_ACTION_TIMELINE] = "timeline",
    [PN_ACTION_IDENTITY] = "identity",
    [PN_ACTION_PLAN_READ] = "plan-read",
    [PN_ACTION_PLAN_WRITE] = "plan-write",
    [PN_ACTION_FEED] = "feed",
    [PN_ACTION_DELIVERY_READ] = "delivery-read",
    [PN_ACTION_QUARANTINE_LIST] = "quarantine-list",
    [PN_ACTION_QUARANTINE_SHOW] = "quarantine-show",
    [PN_ACTION_QUARANTINE_REPLAY] = "quarantine-replay",
    [PN_ACTION_MERGE_UNDO] = "merge-undo",
    [PN_ACTION_AUDIT_READ] = "audit-read",
    [PN_ACTION_RULES_FEEDBACK] = "rules-feedback",
    [PN_ACTION_DELIVER] = "deliver",
};

const char *pn_action_name(enum pn_action action)
{
    return (unsigned)action < PN_ACTION_COUNT ? action_names[action] : "";
}

#define SPECIAL                                                                                    \
    (BIT(PN_CLASS_PSYCHIATRY) | BIT(PN_CLASS_MENTAL_HEALTH) | BIT(PN_CLASS_SUBSTANCE) |            \
     BIT(PN_CLASS_PSYCHOLOGY) | BIT(PN_CLASS_GENETICS) | BIT(PN_CLASS_SEXUAL_THERAPY))
// Decree 457/2024 18 §: health care never gets these of social care, permit or not.
#define NEVER_TO_HEALTH (BIT(PN_CLASS_FAMILY_LAW) | BIT(PN_CLASS_THERAPY_NOTE))
#define ALL_SECTORS                                                                                \
    (BIT(PN_SECTOR_PRIMARY) | BIT(PN_SECTOR_SPECIALIST) | BIT(PN_SECTOR_SOCIAL) |                  \
     BIT(PN_SECTOR_NATIONAL))

static bool is_health(enum pn_sector sector)
{
    return sector == PN_SECTOR_PRIMARY || sector == PN_SECTOR_SPECIALIST;
}

// 53 §: between social and health care only by a joint service or a permit. 54 §: within health
// care the permit that covers all of it is presumed to have been checked by the caller's own
// system.
static uint32_t sectors_without_permit(enum pn_sector caller)
{
    if (caller == PN_SECTOR_UNKNOWN) {
        return 0;
    }
    return is_health(caller) ? BIT(PN_SECTOR_SOCIAL)
                             : ALL_SECTORS & ~(BIT(PN_SECTOR_SOCIAL) | BIT(PN_SECTOR_NATIONAL));
}

static void withhold(const struct pn_access_request *request, struct pn_access *access)
{
    access->withheld_sectors = request->prohibited_sectors & ALL_SECTORS;
    if (!request->has_permit) {
        access->withheld_sectors |= sectors_without_permit(request->caller_sector);
    }
    access->withheld_classes = SPECIAL & ~request->permitted_classes;
    if (request->caller_sector != PN_SECTOR_SOCIAL) {
        access->withheld_classes |= NEVER_TO_HEALTH;
    }
}

void pn_access_decide(const struct pn_access_request *request, struct pn_access *ret_access)
{
    struct pn_access access = {.reason = "No role of the caller allows this action.",
                               .rule = "no-row",
                               .withheld_classes = UINT32_MAX,
                               .withheld_sectors = UINT32_MAX};
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        if (row->action != request->action || (row->roles & request->roles) == 0) {
            continue;
        }
        access.rule = row->name;
        if (row->need == NEED_RELATIONSHIP && !request->has_relationship) {
            access.reason = "No care or client relationship has been verified.";
            continue;
        }
        access.is_allowed = true;
        access.reason = "The caller's role allows it.";
        access.withheld_classes = access.withheld_sectors = 0;
        if (row->is_content) {
            withhold(request, &access);
        }
        break;
    }
    *ret_access = access;
}

bool pn_access_shows(const struct pn_access *access, enum pn_sector sector, uint32_t classes)
{
    return access->is_allowed && (access->withheld_sectors & BIT(sector)) == 0 &&
           (access->withheld_classes & classes) == 0;
}

bool pn_access_shows_all(const struct pn_access *access, uint32_t sectors, uint32_t classes)
{
    return access->is_allowed && (access->withheld_classes & classes) == 0 &&
           (sectors == 0 || (sectors & ~access->withheld_sectors) != 0);
}
