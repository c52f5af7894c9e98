// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "fhir/json.h"
#include "fhir/json_node.h"

static enum pn_code print_node(const cJSON *node, struct pn_buf *out, unsigned depth,
                               struct pn_err *err);

static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        return NULL;
    }
}

static void print_string(const char *text, struct pn_buf *out)
{
    pn_buf_add_char(out, '"');
    size_t length = strlen(text);
    for (;;) {
        size_t plain = pn_json_plain_length(text, length);
        pn_buf_add(out, text, plain);
        if (plain == length) {
            break;
        }
        const char *escape = short_escape((unsigned char)text[plain]);
        if (escape != NULL) {
            pn_buf_add_str(out, escape);
        } else {
            pn_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)text[plain]);
        }
        text += plain + 1;
        length -= plain + 1;
    }
    pn_buf_add_char(out, '"');
}

// A number that code made: the shortest of two forms that reads back as the same double.
static enum pn_code print_number(double number, struct pn_buf *out, struct pn_err *err)
{
    if (!isfinite(number)) {
        return pn_err_set(err, PN_INVALID, "number", "JSON has no infinite numbers");
    }
    char text[40];
    snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) < number || strtod(text, NULL) > number) {
        snprintf(text, sizeof text, "%.17g", number);
    }
    pn_buf_add_str(out, text);
    return PN_OK;
}

static enum pn_code print_children(const cJSON *node, struct pn_buf *out, unsigned depth,
                                   struct pn_err *err)
{
    bool is_object = cJSON_IsObject(node);
    pn_buf_add_char(out, is_object ? '{' : '[');
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (child != node->child) {
            pn_buf_add_char(out, ',');
        }
        if (is_object) {
            print_string(child->string == NULL ? "" : child->string, out);
            pn_buf_add_char(out, ':');
        }
        enum pn_code code = print_node(child, out, depth + 1, err);
        if (code != PN_OK) {
            return code;
        }
    }
    pn_buf_add_char(out, is_object ? '}' : ']');
    return PN_OK;
}

static enum pn_code print_node(const cJSON *node, struct pn_buf *out, unsigned depth,
                               struct pn_err *err)
{
    if (depth > PN_TREE_DEPTH_MAX) {
        return pn_err_set(err, PN_LIMIT, "json", "objects and arrays are nested too deep");
    }
    switch (node->type & 0xFF) {
    case cJSON_Object:
    case cJSON_Array:
        return print_children(node, out, depth, err);
    case cJSON_String:
        print_string(node->valuestring == NULL ? "" : node->valuestring, out);
        return PN_OK;
    case cJSON_Number:
        return print_number(node->valuedouble, out, err);
    case cJSON_Raw:
        pn_buf_add_str(out, node->valuestring == NULL ? "null" : node->valuestring);
        return PN_OK;
    case cJSON_True:
        pn_buf_add_str(out, "true");
        return PN_OK;
    case cJSON_False:
        pn_buf_add_str(out, "false");
        return PN_OK;
    case cJSON_NULL:
        pn_buf_add_str(out, "null");
        return PN_OK;
    default:
        return pn_err_set(err, PN_INTERNAL, "json", "a node of an unknown kind");
    }
}

enum pn_code pn_json_print(const cJSON *json, struct pn_buf *out, struct pn_err *err)
{
    enum pn_code code = print_node(json, out, 0, err);
    if (code == PN_OK && !pn_buf_ok(out)) {
        return pn_err_set(err, PN_LIMIT, "json", "the JSON is larger than %zu bytes",
                          out->max_bytes);
    }
    return code;
}
