// SPDX-License-Identifier: Apache-2.0
/*
 * The content items of a shared plan (schemas/plan.md) by name, and where each stands in a
 * CarePlan.
 *
 * What no item names is made by the hub (ids, references, meta, displays of codes) and is no
 * content of the plan.
 */
#ifndef PN_SERVICES_PLAN_PLAN_ITEMS_H
#define PN_SERVICES_PLAN_PLAN_ITEMS_H

#include "codec/tree.h"

enum { PN_PLAN_CODES_MAX = 8 };

struct pn_plan_item {
    const char *code; // next-step-who; of the code system plan-item
    const char *path; // members' names from the CarePlan, without places
    const char *in;   // which contained resource, "" for none
    const char *role; // of the participant or activity it stands in; "!x": not x; "" any
    const char *fi, *sv, *en;
    const char *plain;                    // a value that needs no saying; NULL: none
    const char *codes[PN_PLAN_CODES_MAX]; // all that it can be; none: free text
    bool is_presence;                     // that it is there says all
};

// The item of a leaf below `plan`; NULL when it is no content.
const struct pn_plan_item *pn_plan_item_of(const struct pn_node *plan, const struct pn_node *leaf);

#endif
