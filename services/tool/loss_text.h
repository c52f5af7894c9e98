// SPDX-License-Identifier: Apache-2.0
/*
 * A loss report for people and for tools.
 */
#ifndef PN_SERVICES_TOOL_LOSS_TEXT_H
#define PN_SERVICES_TOOL_LOSS_TEXT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "services/plan/plan_loss.h"

// A line for each loss and below it its places.
void pn_loss_print(struct pn_arena *arena, const struct pn_loss_report *report, FILE *out);
// {"losses":[{item, kind, fi, sv, en, places}]}; NULL when memory is exhausted.
cJSON *pn_loss_json(struct pn_arena *arena, const struct pn_loss_report *report);

#endif
