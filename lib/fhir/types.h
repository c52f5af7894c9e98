// SPDX-License-Identifier: Apache-2.0
/*
 * Look-ups in the generated tables. Only lib/fhir includes this.
 */
#ifndef PN_FHIR_TYPES_H
#define PN_FHIR_TYPES_H

#include <stdbool.h>

#include "base/slice.h"
#include "fhir/fhir_tables.h"
#include "fhir/json.h"

enum { PN_FHIR_NO_TYPE = -1 };

// The type's number, PN_FHIR_NO_TYPE when there is none of that name.
int pn_fhir_type_find(struct pn_slice name);
// The number of a resource type that can stand as a resource, else PN_FHIR_NO_TYPE.
int pn_fhir_resource_find(struct pn_slice name);
// The member of that name, NULL when the type has none.
const struct pn_fhir_element *pn_fhir_element_find(unsigned type, struct pn_slice name);
// The type's name as FHIR says it: "BackboneElement" for Encounter.participant.
const char *pn_fhir_type_public_name(unsigned type);
// Whether the code (with its system, unless that is NULL) is in the set.
bool pn_fhir_code_is_bound(unsigned binding, const char *code, const char *system);
// Whether `text` keeps the primitive type's lexical rule.
bool pn_fhir_primitive_fits(unsigned type, struct pn_slice text);

enum pn_fhir_json_kind { PN_FHIR_JSON_STRING, PN_FHIR_JSON_NUMBER, PN_FHIR_JSON_BOOLEAN };
// How JSON writes that primitive.
enum pn_fhir_json_kind pn_fhir_primitive_json(unsigned type);

// A node for that text, which must fit; NULL when memory is exhausted.
cJSON *pn_fhir_primitive_new(unsigned type, struct pn_slice text);

// An object's member by exact name, NULL when absent.
cJSON *pn_fhir_member(const cJSON *object, const char *name);
// The text of a primitive node: a string's, a number's, `true`, `false`; else empty. For a number
// that code made (cJSON_AddNumberToObject) the text stands in a small ring of buffers of the
// thread, until eight more such numbers have been read.
struct pn_slice pn_fhir_primitive_text(const cJSON *node);

#endif
