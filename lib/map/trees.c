// SPDX-License-Identifier: Apache-2.0
// Bytes of any format → tree.
#include "codec/csv.h"
#include "codec/hl7v2.h"
#include "codec/xml.h"
#include "map/run.h"

// JSON keeps its cJSON beside the tree, so that a resource can be copied whole, types and all.
struct json_node {
    struct pn_node node;
    const cJSON *json;
};

static bool add_children(struct pn_arena *arena, struct json_node *parent, unsigned depth);

static struct json_node *make_node(struct pn_arena *arena, const cJSON *json, struct pn_slice name,
                                   unsigned depth)
{
    struct json_node *made = depth < PN_TREE_DEPTH_MAX ? pn_arena_alloc(arena, sizeof *made) : NULL;
    if (made == NULL) {
        return NULL;
    }
    made->node.name = name;
    made->json = json;
    if (cJSON_IsString(json) || cJSON_IsRaw(json)) {
        made->node.value = pn_slice_str(json->valuestring);
    } else if (cJSON_IsBool(json)) {
        made->node.value = pn_slice_str(cJSON_IsTrue(json) ? "true" : "false");
    } else if (cJSON_IsNumber(json)) {
        char *text = pn_arena_printf(arena, "%.15g", json->valuedouble);
        if (text == NULL) {
            return NULL;
        }
        made->node.value = pn_slice_str(text);
    }
    return add_children(arena, made, depth) ? made : NULL;
}

static bool append(struct pn_arena *arena, struct json_node *parent, struct pn_node **last,
                   const cJSON *json, unsigned depth)
{
    struct pn_slice name = json->string == NULL ? parent->node.name : pn_slice_str(json->string);
    const cJSON *item = cJSON_IsArray(json) ? json->child : json;
    for (; item != NULL; item = cJSON_IsArray(json) ? item->next : NULL) {
        if (cJSON_IsNull(item)) {
            continue;
        }
        struct json_node *made = make_node(arena, item, name, depth + 1);
        if (made == NULL) {
            return false;
        }
        made->node.parent = &parent->node;
        if (*last == NULL) {
            parent->node.first_child = &made->node;
        } else {
            (*last)->next = &made->node;
        }
        *last = &made->node;
    }
    return true;
}

static bool add_children(struct pn_arena *arena, struct json_node *parent, unsigned depth)
{
    if (!cJSON_IsObject(parent->json) && !cJSON_IsArray(parent->json)) {
        return true;
    }
    struct pn_node *last = NULL;
    for (const cJSON *child = parent->json->child; child != NULL; child = child->next) {
        if (!append(arena, parent, &last, child, depth)) {
            return false;
        }
    }
    if (parent->node.first_child != NULL) {
        parent->node.value = parent->node.first_child->value;
    }
    return true;
}

const struct pn_node *pn_map_node_of_json(struct pn_arena *arena, const cJSON *json)
{
    struct json_node *made = make_node(arena, json, (struct pn_slice){0}, 0);
    return made == NULL ? NULL : &made->node;
}

const cJSON *pn_map_json_of_node(const struct pn_node *node)
{
    return ((const struct json_node *)(const void *)node)->json;
}

static enum pn_code read_json(struct pn_arena *arena, struct pn_slice bytes,
                              const struct pn_node **ret_root, struct pn_err *err)
{
    cJSON *json = NULL;
    enum pn_code code = pn_json_parse(bytes, &json, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_node *root = pn_map_node_of_json(arena, json);
    if (root == NULL) {
        return pn_err_set(err, PN_LIMIT, "", "the JSON nests too deep or needs too much memory");
    }
    *ret_root = root;
    return PN_OK;
}

enum pn_code pn_map_read(struct pn_arena *arena, enum pn_format format, struct pn_slice bytes,
                         const char *charset, const struct pn_node **ret_root, struct pn_err *err)
{
    struct pn_codec_input input = {.bytes = bytes, .charset_default = charset};
    switch (format) {
    case PN_FORMAT_HL7V2: {
        struct pn_hl7v2 message;
        enum pn_code code = pn_hl7v2_read(arena, &input, &message, err);
        if (code == PN_OK) {
            *ret_root = message.root;
        }
        return code;
    }
    case PN_FORMAT_XML:
        return pn_xml_read(arena, &input, ret_root, err);
    case PN_FORMAT_CSV:
        return pn_csv_read(arena, &input, &(struct pn_csv_options){.has_plain_names = true},
                           ret_root, err);
    case PN_FORMAT_JSON:
        return read_json(arena, bytes, ret_root, err);
    }
    return pn_err_set(err, PN_INTERNAL, "", "no such format");
}

enum pn_code pn_map_read_row(struct pn_arena *arena, struct pn_slice bytes, unsigned line,
                             const struct pn_node **ret_root, struct pn_err *err)
{
    const struct pn_codec_input input = {.bytes = bytes, .charset_default = "UTF-8"};
    const struct pn_csv_options options = {.has_plain_names = true, .first_row_line = line};
    return pn_csv_read(arena, &input, &options, ret_root, err);
}
