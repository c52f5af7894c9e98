// SPDX-License-Identifier: Apache-2.0
/*
 * Making single cJSON nodes in the current arena, inside lib/fhir.
 */
#ifndef PN_FHIR_JSON_NODE_H
#define PN_FHIR_JSON_NODE_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/slice.h"

enum { PN_JSON_NUMBER_BYTES_MAX = 128 };

// How many bytes at the start of `text` are one JSON number; 0 when there is none.
size_t pn_json_number_length(struct pn_slice text);

// How many bytes at the start stand for themselves in a JSON string: up to a quote, a backslash or
// a control character.
size_t pn_json_plain_length(const char *text, size_t length);

// Memory of the current arena or the heap, as cJSON's.
void *pn_json_alloc(size_t bytes);
// A node of `type` with everything else zero; NULL when memory is exhausted.
cJSON *pn_json_node_new(int type);
// A NUL-terminated copy; NULL when memory is exhausted.
char *pn_json_copy(const char *text, size_t length);

#endif
