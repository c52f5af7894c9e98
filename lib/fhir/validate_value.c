// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "fhir/validate.h"

// --- Primitives and bindings ---------------------------------------------------------------------

static bool has_json_kind(unsigned type, const cJSON *node)
{
    switch (pn_fhir_primitive_json(type)) {
    case PN_FHIR_JSON_BOOLEAN:
        return cJSON_IsBool(node);
    case PN_FHIR_JSON_NUMBER:
        return pn_json_is_number(node);
    case PN_FHIR_JSON_STRING:
    default:
        return cJSON_IsString(node);
    }
}

// Says which codes there are, as many as fit: a code list is part of the standard, not of a
// message.
static void add_code_issue(struct pn_fhir_check *check, unsigned number,
                           const struct pn_fhir_place *place)
{
    const struct pn_fhir_binding *binding = &pn_fhir_bindings[number];
    const char *value_set = pn_fhir_text(binding->value_set);
    const char *name = strrchr(value_set, '/');
    char codes[120] = "";
    size_t used = 0;
    for (unsigned i = 0; i < binding->count; i++) {
        const char *code = pn_fhir_text(pn_fhir_codes[binding->first + i].code);
        if (used + strlen(code) + 7 > sizeof codes) {
            snprintf(codes + used, sizeof codes - used, ", ...");
            break;
        }
        int wrote = snprintf(codes + used, sizeof codes - used, "%s%s", i == 0 ? ": " : ", ", code);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    pn_fhir_issue_add(check, place, "code-invalid",
                      "the code is not in the required value set %s%s",
                      name == NULL ? value_set : name + 1, codes);
}

void pn_fhir_check_primitive(struct pn_fhir_check *check, const struct pn_fhir_element *element,
                             const cJSON *node, const struct pn_fhir_place *place)
{
    static const char *const kinds[] = {"string", "number", "boolean"};
    const char *type_name = pn_fhir_text(pn_fhir_types[element->type].name);
    if (!has_json_kind(element->type, node)) {
        pn_fhir_issue_add(check, place, "value", "%s is written as a JSON %s", type_name,
                          kinds[pn_fhir_primitive_json(element->type)]);
        return;
    }
    struct pn_slice text = pn_fhir_primitive_text(node);
    if (!pn_fhir_primitive_fits(element->type, text)) {
        pn_fhir_issue_add(check, place, "value", "this is no %s: %s", type_name,
                          pn_fhir_primitive_hint(element->type));
        return;
    }
    if (element->binding != 0 && !pn_fhir_code_is_bound(element->binding, text.ptr, NULL)) {
        add_code_issue(check, element->binding, place);
    }
    if (element->type == PN_FHIR_T_XHTML) {
        const char *fault = pn_fhir_narrative_fault(text);
        if (fault != NULL) {
            pn_fhir_issue_add(check, place, "invariant", "%s", fault);
        }
    }
}

static bool is_coding_bound(const cJSON *coding, unsigned binding)
{
    const cJSON *code = cJSON_IsObject(coding) ? pn_fhir_member(coding, "code") : NULL;
    const cJSON *system = cJSON_IsObject(coding) ? pn_fhir_member(coding, "system") : NULL;
    return cJSON_IsString(code) && cJSON_IsString(system) &&
           pn_fhir_code_is_bound(binding, code->valuestring, system->valuestring);
}

static void check_concept(struct pn_fhir_check *check, unsigned binding, const cJSON *node,
                          const struct pn_fhir_place *place)
{
    if (pn_fhir_bindings[binding].kind == PN_FHIR_CODES_NONE) {
        return;
    }
    const cJSON *codings = pn_fhir_member(node, "coding");
    const cJSON *coding = cJSON_IsArray(codings) ? codings->child : NULL;
    for (; coding != NULL; coding = coding->next) {
        if (is_coding_bound(coding, binding)) {
            return;
        }
    }
    add_code_issue(check, binding, place);
}

// --- References ----------------------------------------------------------------------------------

static struct pn_slice slice_to(struct pn_slice text, const char *stops)
{
    size_t at = 0;
    while (at < text.len && strchr(stops, text.ptr[at]) == NULL) {
        at++;
    }
    return pn_slice_of(text.ptr, at);
}

// scheme ":" something (RFC 3986 3.1).
static bool has_scheme(struct pn_slice text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '\0' && strchr(allowed, text.ptr[at]) != NULL) {
        at++;
    }
    return at > 0 && at + 1 < text.len && text.ptr[at] == ':';
}

// Type/id and what may follow; false when it is not of that form.
static bool read_typed(struct pn_slice text, int *ret_type)
{
    struct pn_slice name = slice_to(text, "/?");
    int type = pn_fhir_resource_find(name);
    if (type == PN_FHIR_NO_TYPE || name.len + 1 >= text.len) {
        return false;
    }
    if (text.ptr[name.len] == '/') {
        struct pn_slice rest = pn_slice_of(text.ptr + name.len + 1, text.len - name.len - 1);
        struct pn_slice id = slice_to(rest, "/#");
        struct pn_slice after = pn_slice_of(rest.ptr + id.len, rest.len - id.len);
        static const char history[] = "/_history/";
        bool is_version = pn_slice_starts_with(after, history) && after.len > sizeof history - 1;
        if (!pn_fhir_primitive_fits(PN_FHIR_T_ID, id) ||
            (after.len > 0 && !is_version && after.ptr[0] != '#')) {
            return false;
        }
    }
    *ret_type = type;
    return true;
}

// The type in http://server/base/Patient/1: the last part but one (but three with a version).
static int type_of_url(struct pn_slice url)
{
    int type = PN_FHIR_NO_TYPE;
    if (!pn_slice_starts_with(url, "http://") && !pn_slice_starts_with(url, "https://")) {
        return type;
    }
    for (size_t at = url.len; at > 0; at--) {
        struct pn_slice tail = pn_slice_of(url.ptr + at, url.len - at);
        if (url.ptr[at - 1] == '/' && read_typed(tail, &type)) {
            return type;
        }
        // Nothing further left can be Type/id.
        if (tail.len > 256) {
            break;
        }
    }
    return type;
}

enum pn_fhir_reference_form pn_fhir_reference_read(struct pn_slice reference, int *ret_type)
{
    *ret_type = PN_FHIR_NO_TYPE;
    if (reference.len > 0 && reference.ptr[0] == '#') {
        return PN_FHIR_REFERENCE_CONTAINED;
    }
    if (read_typed(reference, ret_type)) {
        return PN_FHIR_REFERENCE_RELATIVE;
    }
    if (!has_scheme(reference)) {
        return PN_FHIR_REFERENCE_WRONG;
    }
    if ((pn_slice_starts_with(reference, "urn:uuid:") &&
         !pn_fhir_primitive_fits(PN_FHIR_T_UUID, reference)) ||
        (pn_slice_starts_with(reference, "urn:oid:") &&
         !pn_fhir_primitive_fits(PN_FHIR_T_OID, reference))) {
        return PN_FHIR_REFERENCE_WRONG;
    }
    *ret_type = type_of_url(reference);
    return PN_FHIR_REFERENCE_ABSOLUTE;
}

static bool may_point_at(unsigned targets, int type)
{
    if (targets == 0 || type == PN_FHIR_NO_TYPE) {
        return true;
    }
    for (const uint16_t *row = pn_fhir_targets + targets; *row != PN_FHIR_TARGETS_END; row++) {
        if (*row == type) {
            return true;
        }
    }
    return false;
}

// A warning: what the target really is, only its server can say, and HL7's own examples err in it.
static void add_target_issue(struct pn_fhir_check *check, unsigned targets, int type,
                             const struct pn_fhir_place *place)
{
    char names[120] = "";
    size_t used = 0;
    for (const uint16_t *row = pn_fhir_targets + targets; *row != PN_FHIR_TARGETS_END; row++) {
        const char *name = pn_fhir_text(pn_fhir_types[*row].name);
        if (used + strlen(name) + 7 > sizeof names) {
            snprintf(names + used, sizeof names - used, ", ...");
            break;
        }
        int wrote =
            snprintf(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ", name);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    pn_fhir_warning_add(check, place, "value", "a reference to %s does not fit; it may be to: %s",
                        pn_fhir_text(pn_fhir_types[type].name), names);
}

static void check_literal(struct pn_fhir_check *check, unsigned targets, struct pn_slice literal,
                          const struct pn_fhir_place *place)
{
    int type = PN_FHIR_NO_TYPE;
    switch (pn_fhir_reference_read(literal, &type)) {
    case PN_FHIR_REFERENCE_WRONG:
        pn_fhir_issue_add(check, place, "value",
                          "a reference is #id, Type/id of an R4 type, or an absolute URI");
        return;
    case PN_FHIR_REFERENCE_CONTAINED:
        // "#" alone is the container, seen from inside it.
        if (literal.len == 1 ? !check->is_contained
                             : check->contained == NULL ||
                                   !pn_fhir_text_set_has(check->contained, literal.ptr + 1)) {
            pn_fhir_issue_add(check, place, "invariant",
                              "ref-1: SHALL have a contained resource if a local reference is "
                              "provided");
        }
        return;
    case PN_FHIR_REFERENCE_RELATIVE:
    case PN_FHIR_REFERENCE_ABSOLUTE:
    default:
        if (!may_point_at(targets, type)) {
            add_target_issue(check, targets, type, place);
        }
    }
}

static void check_reference(struct pn_fhir_check *check, unsigned targets, const cJSON *node,
                            const struct pn_fhir_place *place)
{
    const cJSON *literal = pn_fhir_member(node, "reference");
    if (cJSON_IsString(literal)) {
        struct pn_fhir_place inner = {
            .above = place, .name = "reference", .name_length = 9, .index = -1};
        check_literal(check, targets, pn_slice_str(literal->valuestring), &inner);
    } else if (!pn_fhir_has(node, "reference") && !pn_fhir_has(node, "identifier") &&
               !pn_fhir_has(node, "display") && !pn_fhir_has(node, "extension")) {
        pn_fhir_warning_add(check, place, "required",
                            "a Reference has at least one of reference, identifier and display");
    }
}

void pn_fhir_check_element(struct pn_fhir_check *check, const struct pn_fhir_element *element,
                           const cJSON *node, const struct pn_fhir_place *place)
{
    if (element->type == PN_FHIR_T_REFERENCE) {
        check_reference(check, element->targets, node, place);
    } else if (element->binding != 0 && element->type == PN_FHIR_T_CODEABLE_CONCEPT) {
        check_concept(check, element->binding, node, place);
    }
}
