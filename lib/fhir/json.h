// SPDX-License-Identifier: Apache-2.0
/*
 * JSON for FHIR, on cJSON.
 *
 * cJSON's allocator is pointed at the arena named by pn_json_use_arena, so a message's whole JSON
 * goes with its arena and cJSON_Delete is never needed; with NULL it uses the heap. Call it again
 * whenever the arena changes: one thread has one current arena.
 *
 * Parsing is strict where cJSON is not: UTF-8, depth (PN_TREE_DEPTH_MAX), no duplicate members, no
 * trailing bytes. Numbers stay exact: a decimal's text is kept as it was written (FHIR R4 2.24.0.1).
 */
#ifndef PN_FHIR_JSON_H
#define PN_FHIR_JSON_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

void pn_json_use_arena(struct pn_arena *arena);

PN_MUST_USE enum pn_code pn_json_parse(struct pn_slice text, cJSON **ret_json, struct pn_err *err);
// Without white space. A failed buffer gives PN_LIMIT.
PN_MUST_USE enum pn_code pn_json_print(const cJSON *json, struct pn_buf *out, struct pn_err *err);

// The string member, or the empty slice.
struct pn_slice pn_json_text(const cJSON *object, const char *member);
// Sets (or replaces) a string member; the text is copied. False when memory is exhausted.
PN_MUST_USE bool pn_json_set_text(cJSON *object, const char *member, struct pn_slice text);

#endif
