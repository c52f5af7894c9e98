// SPDX-License-Identifier: Apache-2.0
/*
 * A document's tree → its bytes. Internal to lib/map.
 */
#ifndef PN_MAP_WRITE_H
#define PN_MAP_WRITE_H

#include "map/run.h"

// `charset` is for hl7v2; the others are UTF-8. `root` is the XML document element.
PN_MUST_USE enum pn_code pn_map_write(struct pn_arena *arena, enum pn_map_sink sink,
                                      const struct pn_map_out_node *top, const char *root,
                                      const char *charset, struct pn_slice *ret_bytes,
                                      struct pn_err *err);
// A FHIR resource, or any JSON.
PN_MUST_USE enum pn_code pn_map_write_json(struct pn_arena *arena, const cJSON *json,
                                           struct pn_slice *ret_bytes, struct pn_err *err);

#endif
