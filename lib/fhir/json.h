// SPDX-License-Identifier: Apache-2.0
/*
 * JSON for FHIR, on cJSON.
 *
 * cJSON's allocator is pointed at the arena named by pn_json_use_arena, so a message's whole JSON
 * goes with its arena and cJSON_Delete is never needed (then it frees nothing); with NULL it uses
 * the heap. Call it again whenever the arena changes: one thread has one current arena. A tree is
 * changed and deleted only while the arena (or the heap) it was made in is current.
 *
 * Parsing (RFC 8259) is strict where cJSON is not: UTF-8, depth (PN_TREE_DEPTH_MAX), no duplicate
 * members, no NUL in a string, no trailing bytes. Numbers stay exact (FHIR R4 2.24.0.1): a whole
 * number that fits an int is a cJSON_Number; any other is a cJSON_Raw whose valuestring is the
 * text as it was written, and whose valuedouble is near it. pn_json_is_number knows both.
 */
#ifndef PN_FHIR_JSON_H
#define PN_FHIR_JSON_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

void pn_json_use_arena(struct pn_arena *arena);

// PN_INVALID or PN_LIMIT with err->where = "byte N"; PN_MEMORY when the arena is full.
PN_MUST_USE enum pn_code pn_json_parse(struct pn_slice text, cJSON **ret_json, struct pn_err *err);
// Without white space. A failed buffer gives PN_LIMIT, a number that JSON cannot say PN_INVALID.
PN_MUST_USE enum pn_code pn_json_print(const cJSON *json, struct pn_buf *out, struct pn_err *err);

bool pn_json_is_number(const cJSON *node);
// A number from its JSON text, as the parser would make it. NULL when it is none, or memory is out.
cJSON *pn_json_new_number(struct pn_slice text) PN_MUST_USE;

// The string member, or the empty slice.
struct pn_slice pn_json_text(const cJSON *object, const char *member);
// Sets (or replaces) a string member; the text is copied. False when memory is exhausted.
PN_MUST_USE bool pn_json_set_text(cJSON *object, const char *member, struct pn_slice text);

#endif
