// SPDX-License-Identifier: Apache-2.0
/*
 * FHIR R4 (4.0.1) in C: typed access, building and validation over cJSON.
 *
 * The element tables (fhir_tables.c) are generated from HL7's official definitions by
 * lib/fhir/generate/; CI checks that they are fresh. They cover every resource type that
 * Punos handles (pn_fhir_resource_types) and all their data types.
 *
 * Paths name elements as FHIR does, without the resource type: `name[0].family`. After an element
 * that repeats stands which item is meant:
 *   [2]                            that item; building pads nothing, it may be one past the end
 *   [last]                         the last item; building makes the first when there is none
 *   []                             building: appends a new item; reading: the first
 *   [system=urn:oid:1.2.246.21]    the item whose primitive member has that text; building appends
 *                                  one with the member set when there is none
 *   (nothing)                      the first item; building makes it
 * A choice element is named with its type (`onsetDateTime`), a primitive's own id and extensions
 * with an underscore (`_birthDate.extension[0].valueString`), an element of a contained resource
 * with its type as the member (`contained[resourceType=CareTeam].status`).
 */
#ifndef PN_FHIR_FHIR_H
#define PN_FHIR_FHIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "fhir/json.h"

// --- Building and reading ------------------------------------------------------------------------

// {"resourceType": …}; NULL when memory is exhausted.
cJSON *pn_fhir_new(const char *resource_type) PN_MUST_USE;
// The text of the primitive at `path`, empty when absent. Numbers and booleans give their JSON
// text.
struct pn_slice pn_fhir_get(const cJSON *resource, const char *path);
// The node at `path`, NULL when absent.
const cJSON *pn_fhir_at(const cJSON *resource, const char *path);

// Sets a primitive from its text, making what is missing on the way: arrays where the tables say
// so, JSON booleans and numbers where the type is boolean, integer or decimal. PN_INVALID when the
// tables know no such element or the text is no such primitive; err->where is the path.
PN_MUST_USE enum pn_code pn_fhir_set(cJSON *resource, const char *path, struct pn_slice text,
                                     struct pn_err *err);

// Whether the tables have this element, for checking a mapping before any message has come. `path`
// as in pn_fhir_set. *ret_type_name (may be NULL) is the FHIR type: "dateTime", "CodeableConcept".
PN_MUST_USE bool pn_fhir_path_exists(const char *resource_type, const char *path,
                                     const char **ret_type_name);
bool pn_fhir_is_resource_type(struct pn_slice name);
const char *const *pn_fhir_resource_types(size_t *ret_count);

// --- Compiled paths, for what is built or read many times ----------------------------------------

// A path that has been checked and resolved against the tables once. It lives in the arena it was
// compiled in, is never written to, and holds no pointer into its source text.
struct pn_fhir_path;

// `type_name` is a resource type or a data type ("Encounter", "CodeableConcept"); PN_INVALID when
// the tables know no such type or element, or the path is malformed; err->where is the path.
PN_MUST_USE enum pn_code pn_fhir_path_compile(struct pn_arena *arena, const char *type_name,
                                              const char *path,
                                              const struct pn_fhir_path **ret_path,
                                              struct pn_err *err);
// The FHIR type of the element: "dateTime", "CodeableConcept", "BackboneElement", "Resource".
const char *pn_fhir_path_type_name(const struct pn_fhir_path *path);
// The text that was compiled, for error messages.
const char *pn_fhir_path_text(const struct pn_fhir_path *path);
bool pn_fhir_path_is_primitive(const struct pn_fhir_path *path);

// As pn_fhir_set, pn_fhir_at and pn_fhir_get, on a node of the type that the path was compiled for.
PN_MUST_USE enum pn_code pn_fhir_set_compiled(cJSON *node, const struct pn_fhir_path *path,
                                              struct pn_slice text, struct pn_err *err);
const cJSON *pn_fhir_at_compiled(const cJSON *node, const struct pn_fhir_path *path);
struct pn_slice pn_fhir_get_compiled(const cJSON *node, const struct pn_fhir_path *path);
// Hangs a whole value (an object, a resource) at the place, replacing what was there; `value` then
// belongs to the tree, on failure it stays the caller's. The value's members are not checked here.
PN_MUST_USE enum pn_code pn_fhir_put_compiled(cJSON *node, const struct pn_fhir_path *path,
                                              cJSON *value, struct pn_err *err);

// A primitive's lexical rule (R4 2.24.0.1): "date", "dateTime", "instant", "code", "id", "uri", …
PN_MUST_USE bool pn_fhir_primitive_is_valid(const char *type_name, struct pn_slice text);

// --- Validation ----------------------------------------------------------------------------------

// Cardinality, unknown elements, types, primitive formats, choice types, required bindings,
// contained resources and Bundle entries, and the invariants listed in docs/decisions.
enum pn_fhir_severity { PN_FHIR_ERROR, PN_FHIR_WARNING };
struct pn_fhir_issue {
    enum pn_fhir_severity severity;
    const char *code; // OperationOutcome.issue.code: structure, required, value, code-invalid …
    char expression[128];  // FHIRPath of the place: Encounter.participant[0].actor
    char diagnostics[192]; // what is wrong and what is expected; never the value
};
enum { PN_FHIR_ISSUES_MAX = 100 };
struct pn_fhir_report {
    struct pn_fhir_issue issues[PN_FHIR_ISSUES_MAX];
    unsigned issue_count;
    unsigned error_count; // counts on past the array
};

// True when there is no error. `report` is filled from scratch.
PN_MUST_USE bool pn_fhir_validate(const cJSON *resource, struct pn_fhir_report *report);
// The report as an OperationOutcome; one information issue when it is empty.
cJSON *pn_fhir_report_outcome(const struct pn_fhir_report *report) PN_MUST_USE;
// IssueType (R4) of an error.
const char *pn_fhir_issue_type(enum pn_code code);
// One error as an OperationOutcome, issue.code from the pn_code.
cJSON *pn_fhir_error_outcome(const struct pn_err *err) PN_MUST_USE;

#endif
