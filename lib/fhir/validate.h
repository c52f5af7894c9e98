// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the validator share. Only lib/fhir includes this.
 */
#ifndef PN_FHIR_VALIDATE_H
#define PN_FHIR_VALIDATE_H

#include "fhir/fhir.h"
#include "fhir/types.h"

// Where the validator is: a chain on the stack, made a text only when there is something to say.
struct pn_fhir_place {
    const struct pn_fhir_place *above;
    const char *name;
    unsigned name_length;
    int index;           // -1 when the element does not repeat
    const char *of_type; // the chosen type of a choice, else NULL
};

// Texts that point into the resource, sorted.
struct pn_fhir_text_set {
    const char **items;
    size_t count;
    size_t capacity;
    bool failed;
};

struct pn_fhir_check {
    struct pn_fhir_report *report;
    unsigned depth;
    bool is_contained;                        // inside a contained resource
    const struct pn_fhir_text_set *contained; // ids of the root resource's contained resources
};

void pn_fhir_issue_add(struct pn_fhir_check *check, const struct pn_fhir_place *place,
                       const char *code, const char *format, ...) PN_PRINTF(4, 5);
void pn_fhir_warning_add(struct pn_fhir_check *check, const struct pn_fhir_place *place,
                         const char *code, const char *format, ...) PN_PRINTF(4, 5);

// A primitive: JSON kind, lexical rule, required binding of a code.
void pn_fhir_check_primitive(struct pn_fhir_check *check, const struct pn_fhir_element *element,
                             const cJSON *node, const struct pn_fhir_place *place);
// A complex element beyond its members: bindings of concepts, form and target of references.
void pn_fhir_check_element(struct pn_fhir_check *check, const struct pn_fhir_element *element,
                           const cJSON *node, const struct pn_fhir_place *place);
// The invariants of the type (fhir/invariants.c).
void pn_fhir_check_invariants(struct pn_fhir_check *check, unsigned type, const cJSON *node,
                              const struct pn_fhir_place *place);
// Those that look over a whole resource: dom-2 to dom-5 of a container, bdl-7.
void pn_fhir_check_container(struct pn_fhir_check *check, const cJSON *resource,
                             const struct pn_fhir_place *place);
void pn_fhir_check_full_urls(struct pn_fhir_check *check, const cJSON *bundle,
                             const struct pn_fhir_place *place);

void pn_fhir_text_set_add(struct pn_fhir_text_set *set, const char *text);
void pn_fhir_text_set_sort(struct pn_fhir_text_set *set);
bool pn_fhir_text_set_has(const struct pn_fhir_text_set *set, const char *text);
void pn_fhir_text_set_release(struct pn_fhir_text_set *set);
// The ids of a resource's contained resources, sorted.
void pn_fhir_contained_ids(const cJSON *resource, struct pn_fhir_text_set *ret_ids);

// What is wrong with a narrative's div (txt-1, txt-2), NULL when nothing is.
const char *pn_fhir_narrative_fault(struct pn_slice div);
// What the primitive's text should look like, for people.
const char *pn_fhir_primitive_hint(unsigned type);

// How a literal reference names its target.
enum pn_fhir_reference_form {
    PN_FHIR_REFERENCE_WRONG,
    PN_FHIR_REFERENCE_CONTAINED, // #id
    PN_FHIR_REFERENCE_RELATIVE,  // Patient/1, Patient/1/_history/2, Patient?identifier=…
    PN_FHIR_REFERENCE_ABSOLUTE   // any absolute URI
};
// *ret_type is the resource type that it names, PN_FHIR_NO_TYPE when it does not tell.
enum pn_fhir_reference_form pn_fhir_reference_read(struct pn_slice reference, int *ret_type);

// One invariant: a rule over which members are there, or a function.
enum pn_fhir_rule {
    PN_FHIR_RULE_CALL,
    PN_FHIR_RULE_ANY_OF,   // at least one of names
    PN_FHIR_RULE_NOT_BOTH, // not names[0] and names[1]
    PN_FHIR_RULE_IMPLIES,  // names[0] only with names[1]
    PN_FHIR_RULE_ONE_OF,   // names[0] or names[1], not both
    PN_FHIR_RULE_ALIKE     // names[0] and names[1], or neither
};
enum { PN_FHIR_RULE_NAMES_MAX = 4 };
struct pn_fhir_invariant {
    uint16_t type;
    bool is_warning;
    const char *key;
    const char *human;
    enum pn_fhir_rule rule;
    const char *names[PN_FHIR_RULE_NAMES_MAX]; // `value[x]` is any type of the choice
    bool (*holds)(const cJSON *node, const struct pn_fhir_check *check);
};
// Sorted by type.
extern const struct pn_fhir_invariant pn_fhir_invariants[];
extern const unsigned pn_fhir_invariant_count;

// For the functions: whether a member (or its extensions) is there, `value[x]` for a choice.
bool pn_fhir_has(const cJSON *node, const char *name);
bool pn_fhir_is(const cJSON *node, const char *name, const char *text);
// Whether the CodeableConcept member has that coding; system NULL for any.
bool pn_fhir_has_coding(const cJSON *node, const char *name, const char *system, const char *code);
// False only when `first` is certainly later than `second`: dateTimes of any precision.
bool pn_fhir_is_in_order(struct pn_slice first, struct pn_slice second);

#endif
