// SPDX-License-Identifier: Apache-2.0
/*
 * The decision point: may this caller do this, with this client, with this data?
 *
 * A pure function over a table of rows (access.c), in the order that FINLAND.md 8.3 lists: role,
 * relationship, permit or prohibition, special protection. Every answer, also a no, is for the
 * caller to write into the audit trail (privacy/audit.h). What a person is not shown is withheld,
 * and the answer says which data classes were, so that a view can say how much is missing.
 *
 * Acts 703/2023 9 § and 53-59 §, decree 457/2024 18 and 26 §.
 */
#ifndef PN_PRIVACY_ACCESS_H
#define PN_PRIVACY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "event/vocabulary.h"

// Roles of a bearer token; a token may have several.
enum pn_role {
    PN_ROLE_ADMIN = 1 << 0,        // runs the hub: feeds, quarantine, metrics; no client's content
    PN_ROLE_COORDINATOR = 1 << 1,  // works with flagged clients: everything but special protection
    PN_ROLE_PROFESSIONAL = 1 << 2, // treats the client: relationship needed
    PN_ROLE_INTEGRATION = 1 << 3,  // another program: event feed, deliveries, no identities
    PN_ROLE_DPO = 1 << 4           // reads the audit trail
};
enum { PN_ROLE_COUNT = 5 };
const char *pn_role_name(enum pn_role role); // "admin"
// Adds the role of that name; false when there is none.
PN_MUST_USE bool pn_role_parse(struct pn_slice name, unsigned *roles);

enum pn_action {
    PN_ACTION_METRICS,      // figures without clients
    PN_ACTION_WORKLIST,     // the list of flagged clients
    PN_ACTION_WORKLIST_SET, // a client's state on it
    PN_ACTION_TRIGGERS,     // what the rules say of one client
    PN_ACTION_TIMELINE,     // a client's events
    PN_ACTION_IDENTITY,     // open the vault: name and identity code
    PN_ACTION_PLAN_READ,
    PN_ACTION_PLAN_WRITE,
    PN_ACTION_FEED,          // the live event feed
    PN_ACTION_DELIVERY_READ, // where a plan stands in each system
    PN_ACTION_QUARANTINE_LIST,
    PN_ACTION_QUARANTINE_SHOW, // a raw message, unsealed
    PN_ACTION_QUARANTINE_REPLAY,
    PN_ACTION_MERGE_UNDO,
    PN_ACTION_AUDIT_READ,
    PN_ACTION_RULES_FEEDBACK, // figures of what came of each rule's triggers, by unit
    PN_ACTION_DELIVER,        // open the vault to send a published plan to the client's own systems
    PN_ACTION_COUNT
};
const char *pn_action_name(enum pn_action action); // "timeline"

struct pn_access_request {
    unsigned roles; // of the caller, enum pn_role together
    enum pn_action action;
    enum pn_sector caller_sector; // where the caller works; unknown: not limited by sector
    bool has_relationship;        // a verified care or client relationship (9 §)
    bool has_permit; // the client's permit covers it (53-55 §), or it is a joint service
    uint32_t permitted_classes;  // special classes that the permit names, 1 << enum pn_data_class
    uint32_t prohibited_sectors; // the client's prohibitions, 1 << enum pn_sector
};

struct pn_access {
    bool is_allowed;
    const char *reason;        // why, or why not: a constant English sentence
    const char *rule;          // the row that decided, for the audit trail
    uint32_t withheld_classes; // 1 << enum pn_data_class
    uint32_t withheld_sectors; // 1 << enum pn_sector
};

void pn_access_decide(const struct pn_access_request *request, struct pn_access *ret_access);
// Whether one entry may be shown under that decision: its sector and every class that it stands
// under. A permit for one of two classes does not open it, and one class of the two that is never
// shown is enough. `classes` as in struct pn_facts; 0: ordinary.
bool pn_access_shows(const struct pn_access *access, enum pn_sector sector, uint32_t classes);
// Whether what was made of several entries may be shown: all their classes and one of their sectors
// may be. Both are 1 << the enum; 0: not known, or ordinary.
bool pn_access_shows_all(const struct pn_access *access, uint32_t sectors, uint32_t classes);

#endif
