// SPDX-License-Identifier: Apache-2.0
/*
 * Which of the two registers a document is written into, and what of a plan does not belong there
 * (act 703/2023 18, 46-47 §). Internal to lib/map.
 *
 * An item of a plan (an activity, a remark) that names one register by its security label
 * (schemas/plan.md, "Registers") is not there for documents of the other one: no path finds it, and
 * no copy holds it. An item without a label belongs to both.
 */
#ifndef PN_MAP_REGISTER_H
#define PN_MAP_REGISTER_H

#include <cjson/cJSON.h>

#include "codec/tree.h"
#include "map/model.h"

// "patient", "social"; PN_REGISTER_ANY for everything else.
enum pn_map_register pn_map_register_find(struct pn_slice name);
bool pn_map_register_hides(enum pn_map_register own, const struct pn_node *node);
// Takes the other register's items out of the lists that `object` has.
void pn_map_register_prune(enum pn_map_register own, cJSON *object);

#endif
