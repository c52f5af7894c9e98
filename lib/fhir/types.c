// SPDX-License-Identifier: Apache-2.0
#include "fhir/types.h"

#include <stdio.h>
#include <string.h>

#include "fhir/fhir.h"
#include "fhir/json_node.h"

enum { NUMBER_TEXTS = 8, NUMBER_TEXT_BYTES = 40 };

// As strcmp of a slice with a text of the pool.
static int compare(struct pn_slice name, uint32_t offset)
{
    const char *text = pn_fhir_text(offset);
    int order = strncmp(name.ptr, text, name.len);
    return order != 0 || text[name.len] == '\0' ? order : -1;
}

int pn_fhir_type_find(struct pn_slice name)
{
    int low = 0;
    int high = PN_FHIR_TYPE_COUNT;
    if (name.len == 0) {
        return PN_FHIR_NO_TYPE;
    }
    while (low < high) {
        int middle = (low + high) / 2;
        int order = compare(name, pn_fhir_types[middle].name);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return PN_FHIR_NO_TYPE;
}

int pn_fhir_resource_find(struct pn_slice name)
{
    int type = pn_fhir_type_find(name);
    bool is_one = type != PN_FHIR_NO_TYPE && pn_fhir_types[type].kind == PN_FHIR_KIND_RESOURCE;
    return is_one ? type : PN_FHIR_NO_TYPE;
}

bool pn_fhir_is_resource_type(struct pn_slice name)
{
    return pn_fhir_resource_find(name) != PN_FHIR_NO_TYPE;
}

const char *const *pn_fhir_resource_types(size_t *ret_count)
{
    static const char *names[PN_FHIR_RESOURCE_COUNT];
    // Filled anew by every caller with the same texts, so it does not matter who was first.
    for (size_t i = 0; i < PN_FHIR_RESOURCE_COUNT; i++) {
        names[i] = pn_fhir_text(pn_fhir_types[pn_fhir_resources[i]].name);
    }
    *ret_count = PN_FHIR_RESOURCE_COUNT;
    return names;
}

const struct pn_fhir_element *pn_fhir_element_find(unsigned type, struct pn_slice name)
{
    const struct pn_fhir_element *rows = pn_fhir_elements + pn_fhir_types[type].first;
    int low = 0;
    int high = pn_fhir_types[type].count;
    if (name.len == 0) {
        return NULL;
    }
    while (low < high) {
        int middle = (low + high) / 2;
        int order = compare(name, rows[middle].name);
        if (order == 0) {
            return &rows[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const char *pn_fhir_type_public_name(unsigned type)
{
    return pn_fhir_types[type].kind == PN_FHIR_KIND_BACKBONE
               ? "BackboneElement"
               : pn_fhir_text(pn_fhir_types[type].name);
}

// R4 3.1.0.1.11 gives its own formats short names; HL7's CapabilityStatements use them.
static bool is_mime(const char *code)
{
    static const char *const short_names[] = {"json", "xml", "ttl"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(short_names); i++) {
        if (strcmp(code, short_names[i]) == 0) {
            return true;
        }
    }
    const char *slash = strchr(code, '/');
    return slash != NULL && slash != code && slash[1] != '\0' &&
           strcspn(code, " \t\r\n") >= (size_t)(slash - code) + 2;
}

static bool is_language(const char *code)
{
    size_t length = 0;
    for (const char *c = code;; c++) {
        if (*c == '-' || *c == '\0') {
            if (length == 0 || length > 8) {
                return false;
            }
            length = 0;
            if (*c == '\0') {
                return true;
            }
        } else if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *c)) {
            length++;
        } else {
            return false;
        }
    }
}

static bool is_currency(const char *code)
{
    return strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3 && code[3] == '\0';
}

static bool is_listed(const struct pn_fhir_binding *binding, const char *code, const char *system)
{
    unsigned low = binding->first;
    unsigned high = low + binding->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct pn_fhir_code *row = &pn_fhir_codes[middle];
        int order = strcmp(code, pn_fhir_text(row->code));
        if (order == 0 && system != NULL) {
            order = strcmp(system, pn_fhir_text(row->system));
        }
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

bool pn_fhir_code_is_bound(unsigned number, const char *code, const char *system)
{
    const struct pn_fhir_binding *binding = &pn_fhir_bindings[number];
    switch (binding->kind) {
    case PN_FHIR_CODES_LIST:
        return is_listed(binding, code, system);
    case PN_FHIR_CODES_MIME:
        return is_mime(code);
    case PN_FHIR_CODES_LANGUAGE:
        return is_language(code);
    case PN_FHIR_CODES_CURRENCY:
        return is_currency(code);
    case PN_FHIR_CODES_UCUM:
        return *code != '\0' && strcspn(code, " \t\r\n") == strlen(code);
    default:
        return true;
    }
}

cJSON *pn_fhir_primitive_new(unsigned type, struct pn_slice text)
{
    enum pn_fhir_json_kind kind = pn_fhir_primitive_json(type);
    if (kind == PN_FHIR_JSON_BOOLEAN) {
        return pn_json_node_new(pn_slice_is(text, "true") ? cJSON_True : cJSON_False);
    }
    if (kind == PN_FHIR_JSON_NUMBER) {
        // FHIR's integers may have a plus, JSON's numbers may not.
        bool plus = pn_slice_starts_with(text, "+");
        return pn_json_new_number(plus ? pn_slice_of(text.ptr + 1, text.len - 1) : text);
    }
    cJSON *node = pn_json_node_new(cJSON_String);
    if (node != NULL) {
        node->valuestring = pn_json_copy(text.ptr, text.len);
    }
    if (node != NULL && node->valuestring == NULL) {
        cJSON_Delete(node);
        return NULL;
    }
    return node;
}

cJSON *pn_fhir_new(const char *resource_type)
{
    cJSON *resource = pn_json_node_new(cJSON_Object);
    cJSON *type = pn_fhir_primitive_new(PN_FHIR_T_CODE, pn_slice_str(resource_type));
    if (resource == NULL || type == NULL ||
        !cJSON_AddItemToObjectCS(resource, "resourceType", type)) {
        cJSON_Delete(type);
        cJSON_Delete(resource);
        return NULL;
    }
    return resource;
}

cJSON *pn_fhir_member(const cJSON *object, const char *name)
{
    for (cJSON *child = object->child; child != NULL; child = child->next) {
        if (child->string != NULL && (child->string == name || strcmp(child->string, name) == 0)) {
            return child;
        }
    }
    return NULL;
}

static struct pn_slice number_text(const cJSON *node)
{
    static _Thread_local char texts[NUMBER_TEXTS][NUMBER_TEXT_BYTES];
    static _Thread_local unsigned next;
    if (node->valuestring != NULL) {
        return pn_slice_str(node->valuestring);
    }
    char *text = texts[next++ % NUMBER_TEXTS];
    snprintf(text, NUMBER_TEXT_BYTES, "%.15g", node->valuedouble);
    return pn_slice_str(text);
}

struct pn_slice pn_fhir_primitive_text(const cJSON *node)
{
    if (node == NULL) {
        return pn_slice_str(NULL);
    }
    switch (node->type & 0xFF) {
    case cJSON_String:
    case cJSON_Raw:
        return pn_slice_str(node->valuestring);
    case cJSON_Number:
        return number_text(node);
    case cJSON_True:
        return pn_slice_str("true");
    case cJSON_False:
        return pn_slice_str("false");
    default:
        return pn_slice_str(NULL);
    }
}
