// SPDX-License-Identifier: Apache-2.0
/*
 * What of a plan a records system's form cannot hold, said before it is sent.
 *
 * Found by encoding the plan as it would be sent and asking the engine which of its content no row
 * took, or took only in part (map/reads.h). Nothing is sent and nothing stored. A report names
 * items and places, never the plan's words.
 */
#ifndef PN_SERVICES_PLAN_PLAN_LOSS_H
#define PN_SERVICES_PLAN_PLAN_LOSS_H

#include "map/reads.h"
#include "services/plan/plan_items.h"

enum pn_loss_kind {
    PN_LOSS_LEFT_OUT,   // nothing in the form holds it
    PN_LOSS_FIRST_ONLY, // the form holds one of several, and this is another
    PN_LOSS_CUT,        // its text is cut short
    PN_LOSS_COARSER,    // only as a coarser code
    PN_LOSS_PART_OF_TIME,
    PN_LOSS_PATIENT_ONLY, // its label names this register (schemas/plan.md, "Registers")
    PN_LOSS_SOCIAL_ONLY,
    PN_LOSS_KIND_COUNT
};

// One item lost in one way; `places` are FHIRPath expressions of where.
struct pn_plan_loss {
    const struct pn_plan_item *item;
    enum pn_loss_kind kind;
    const struct pn_loss_reason *reason; // the adapter's own words; NULL: none
    const char **places;
    unsigned place_count;
};

struct pn_loss_report {
    struct pn_plan_loss *losses;
    unsigned count;
    // No loss: what the document of one register holds and that of the other leaves out.
    struct pn_plan_loss *apart;
    unsigned apart_count;
    const struct pn_document_out *documents; // what would be sent
};

// PN_INVALID and PN_UNSUPPORTED as pn_adapter_encode: the adapter does not take this plan at all.
// Lives in `arena`, which `plan` should live in too; the current JSON arena is `arena` afterwards.
PN_MUST_USE enum pn_code pn_plan_loss_find(struct pn_arena *arena, struct pn_adapter *adapter,
                                           const struct pn_plan_out *plan,
                                           struct pn_loss_report *ret_report, struct pn_err *err);

const char *pn_loss_kind_code(enum pn_loss_kind kind); // left-out
// "Osallistujan rooli: ei mahdu" in fi, sv or en; in the arena, "" when memory is exhausted.
const char *pn_loss_text(struct pn_arena *arena, const struct pn_plan_loss *loss,
                         const char *language);

#endif
