// SPDX-License-Identifier: Apache-2.0
// The engine of the invariants; the table is in invariant_table.c.
#include <string.h>

#include "base/clock.h"
#include "fhir/validate.h"

enum { DATE_LENGTH = 10 };

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool has_choice(const cJSON *node, const char *base, size_t length)
{
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        const char *name = child->string;
        name += *name == '_' ? 1 : 0;
        if (strncmp(name, base, length) == 0 && is_capital(name[length])) {
            return true;
        }
    }
    return false;
}

bool pn_fhir_has(const cJSON *node, const char *name)
{
    size_t length = strlen(name);
    if (length > 3 && name[length - 1] == ']') {
        return has_choice(node, name, length - 3);
    }
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        const char *found = child->string;
        found += *found == '_' ? 1 : 0;
        if (strcmp(found, name) == 0) {
            return true;
        }
    }
    return false;
}

bool pn_fhir_is(const cJSON *node, const char *name, const char *text)
{
    return pn_slice_is(pn_fhir_primitive_text(pn_fhir_member(node, name)), text);
}

static bool concept_has(const cJSON *concept, const char *system, const char *code)
{
    const cJSON *list = cJSON_IsObject(concept) ? pn_fhir_member(concept, "coding") : NULL;
    const cJSON *coding = cJSON_IsArray(list) ? list->child : NULL;
    for (; coding != NULL; coding = coding->next) {
        if (cJSON_IsObject(coding) && pn_fhir_is(coding, "code", code) &&
            (system == NULL || pn_fhir_is(coding, "system", system))) {
            return true;
        }
    }
    return false;
}

bool pn_fhir_has_coding(const cJSON *node, const char *name, const char *system, const char *code)
{
    const cJSON *found = pn_fhir_member(node, name);
    if (!cJSON_IsArray(found)) {
        return concept_has(found, system, code);
    }
    for (const cJSON *one = found->child; one != NULL; one = one->next) {
        if (concept_has(one, system, code)) {
            return true;
        }
    }
    return false;
}

// Where the precisions differ the shared part decides; alike in that part, nothing can be said.
bool pn_fhir_is_in_order(struct pn_slice first, struct pn_slice second)
{
    int64_t first_ms = 0;
    int64_t second_ms = 0;
    if (first.len > DATE_LENGTH && second.len > DATE_LENGTH) {
        return !pn_time_parse(first, &first_ms) || !pn_time_parse(second, &second_ms) ||
               first_ms <= second_ms;
    }
    size_t shared = first.len < second.len ? first.len : second.len;
    shared = shared < DATE_LENGTH ? shared : DATE_LENGTH;
    return shared == 0 || memcmp(first.ptr, second.ptr, shared) <= 0;
}

static bool has_any(const cJSON *node, const struct pn_fhir_invariant *rule)
{
    for (unsigned i = 0; i < PN_FHIR_RULE_NAMES_MAX && rule->names[i] != NULL; i++) {
        if (pn_fhir_has(node, rule->names[i])) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct pn_fhir_invariant *rule, const cJSON *node,
                  const struct pn_fhir_check *check)
{
    switch (rule->rule) {
    case PN_FHIR_RULE_ANY_OF:
        return has_any(node, rule);
    case PN_FHIR_RULE_NOT_BOTH:
        return !pn_fhir_has(node, rule->names[0]) || !pn_fhir_has(node, rule->names[1]);
    case PN_FHIR_RULE_IMPLIES:
        return !pn_fhir_has(node, rule->names[0]) || pn_fhir_has(node, rule->names[1]);
    case PN_FHIR_RULE_ONE_OF:
        return pn_fhir_has(node, rule->names[0]) != pn_fhir_has(node, rule->names[1]);
    case PN_FHIR_RULE_ALIKE:
        return pn_fhir_has(node, rule->names[0]) == pn_fhir_has(node, rule->names[1]);
    case PN_FHIR_RULE_CALL:
    default:
        return rule->holds(node, check);
    }
}

static unsigned first_of(unsigned type)
{
    unsigned low = 0;
    unsigned high = pn_fhir_invariant_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (pn_fhir_invariants[middle].type < type) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void pn_fhir_check_invariants(struct pn_fhir_check *check, unsigned type, const cJSON *node,
                              const struct pn_fhir_place *place)
{
    for (unsigned i = first_of(type); i < pn_fhir_invariant_count; i++) {
        const struct pn_fhir_invariant *rule = &pn_fhir_invariants[i];
        if (rule->type != type) {
            return;
        }
        if (holds(rule, node, check)) {
            continue;
        }
        if (rule->is_warning) {
            pn_fhir_warning_add(check, place, "invariant", "%s: %s", rule->key, rule->human);
        } else {
            pn_fhir_issue_add(check, place, "invariant", "%s: %s", rule->key, rule->human);
        }
    }
}
