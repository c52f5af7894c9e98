// SPDX-License-Identifier: Apache-2.0
#include "map/write.h"

#include <string.h>

#include "codec/hl7v2.h"
#include "codec/xml.h"

static enum pn_code too_much(struct pn_err *err)
{
    return pn_err_set(err, PN_LIMIT, "document", "is over %d bytes, or over the memory it may use",
                      PN_MESSAGE_BYTES_MAX);
}

static enum pn_code keep(struct pn_arena *arena, struct pn_buf *out, struct pn_slice *ret_bytes,
                         struct pn_err *err)
{
    const char *copy = pn_buf_ok(out) ? pn_arena_copy(arena, pn_buf_slice(out)) : NULL;
    struct pn_slice bytes = pn_slice_of(copy, out->len);
    pn_buf_release(out);
    if (copy == NULL) {
        return too_much(err);
    }
    *ret_bytes = bytes;
    return PN_OK;
}

// --- HL7 v2 --------------------------------------------------------------------------------------

static enum pn_code write_field(struct pn_hl7v2_builder *builder,
                                const struct pn_map_out_node *node, struct pn_hl7v2_path *path,
                                unsigned depth, struct pn_err *err)
{
    uint16_t *const levels[] = {&path->field, &path->component, &path->subcomponent};
    int64_t number = 0;
    if (depth == PN_ARRAY_COUNT(levels) || !pn_slice_to_i64(node->name, &number) || number < 1 ||
        number > PN_HL7V2_FIELDS_MAX) {
        return pn_err_set(err, PN_INVALID, path->segment, "no such field");
    }
    *levels[depth] = (uint16_t)number;
    enum pn_code code = PN_OK;
    if (node->value.len > 0) {
        code = pn_hl7v2_set_path(builder, path, node->value, err);
    }
    const struct pn_map_out_node *child = node->first_child;
    for (; code == PN_OK && child != NULL; child = child->next) {
        code = write_field(builder, child, path, depth + 1, err);
    }
    *levels[depth] = 0;
    return code;
}

// Fields of one name after each other are repetitions.
static uint16_t repeat_of(const struct pn_map_out_node *segment,
                          const struct pn_map_out_node *field)
{
    uint16_t repeat = 1;
    for (const struct pn_map_out_node *node = segment->first_child; node != field;
         node = node->next) {
        repeat = (uint16_t)(repeat + (pn_slice_eq(node->name, field->name) ? 1 : 0));
    }
    return repeat;
}

static enum pn_code write_segment(struct pn_hl7v2_builder *builder,
                                  const struct pn_map_out_node *segment, struct pn_err *err)
{
    struct pn_hl7v2_path path = {0};
    snprintf(path.segment, sizeof path.segment, "%.*s", PN_SLICE_FMT(segment->name));
    enum pn_code code = pn_hl7v2_add_segment(builder, path.segment, err);
    const struct pn_map_out_node *field = segment->first_child;
    for (; code == PN_OK && field != NULL; field = field->next) {
        path.repeat = repeat_of(segment, field);
        code = write_field(builder, field, &path, 0, err);
    }
    return code;
}

static enum pn_code write_hl7v2(struct pn_arena *arena, const struct pn_map_out_node *top,
                                const char *charset, struct pn_buf *out, struct pn_err *err)
{
    struct pn_hl7v2_builder *builder = pn_hl7v2_builder_new(arena);
    if (builder == NULL) {
        return too_much(err);
    }
    enum pn_code code = PN_OK;
    const struct pn_map_out_node *segment = top->first_child;
    for (; code == PN_OK && segment != NULL; segment = segment->next) {
        code = write_segment(builder, segment, err);
    }
    return code != PN_OK
               ? code
               : pn_hl7v2_write(builder, pn_charset_find(pn_slice_str(charset)), out, err);
}

// --- XML -----------------------------------------------------------------------------------------

static enum pn_code write_element(struct pn_arena *arena, struct pn_xml_writer *writer,
                                  const struct pn_map_out_node *node, unsigned depth,
                                  struct pn_err *err)
{
    if (depth >= PN_TREE_DEPTH_MAX - 1) {
        return too_much(err);
    }
    for (const struct pn_map_out_node *child = node->first_child; child != NULL;
         child = child->next) {
        if (child->name.ptr[0] == '@') {
            const char *name =
                pn_arena_copy(arena, pn_slice_of(child->name.ptr + 1, child->name.len - 1));
            if (name == NULL) {
                return too_much(err);
            }
            pn_xml_attribute(writer, name, child->value);
        }
    }
    if (node->value.len > 0) {
        pn_xml_text(writer, node->value);
    }
    enum pn_code code = PN_OK;
    for (const struct pn_map_out_node *child = node->first_child; code == PN_OK && child != NULL;
         child = child->next) {
        if (child->name.ptr[0] == '@') {
            continue;
        }
        const char *name = pn_arena_copy(arena, child->name);
        if (name == NULL) {
            return too_much(err);
        }
        pn_xml_open(writer, name);
        code = write_element(arena, writer, child, depth + 1, err);
        pn_xml_close(writer);
    }
    return code;
}

static enum pn_code write_xml(struct pn_arena *arena, const struct pn_map_out_node *top,
                              const char *root, struct pn_buf *out, struct pn_err *err)
{
    struct pn_xml_writer writer;
    pn_xml_begin(&writer, out);
    pn_xml_open(&writer, root);
    enum pn_code code = write_element(arena, &writer, top, 0, err);
    pn_xml_close(&writer);
    return code;
}

// --- JSON ----------------------------------------------------------------------------------------

static cJSON *make_json(const struct pn_map_out_node *node, unsigned depth);

static bool add_member(cJSON *object, const char *name, const struct pn_map_out_node *node,
                       cJSON *item)
{
    cJSON *there = cJSON_GetObjectItemCaseSensitive(object, name);
    if (there == NULL && !node->is_item) {
        return cJSON_AddItemToObject(object, name, item);
    }
    if (there == NULL) {
        there = cJSON_AddArrayToObject(object, name);
    }
    return cJSON_IsArray(there) && cJSON_AddItemToArray(there, item);
}

static cJSON *make_object(const struct pn_map_out_node *node, unsigned depth)
{
    cJSON *object = cJSON_CreateObject();
    for (const struct pn_map_out_node *child = node->first_child; child != NULL;
         child = child->next) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", PN_SLICE_FMT(child->name));
        cJSON *item = make_json(child, depth + 1);
        if (object == NULL || item == NULL || !add_member(object, name, child, item)) {
            return NULL;
        }
    }
    return object;
}

static cJSON *make_json(const struct pn_map_out_node *node, unsigned depth)
{
    if (depth >= PN_TREE_DEPTH_MAX) {
        return NULL;
    }
    if (node->whole != NULL) {
        return cJSON_Duplicate(node->whole, true);
    }
    if (node->first_child != NULL || node->value.ptr == NULL) {
        return make_object(node, depth);
    }
    if (pn_slice_is(node->value, "true") && node->is_bare) {
        return cJSON_CreateTrue();
    }
    if (pn_slice_is(node->value, "false") && node->is_bare) {
        return cJSON_CreateFalse();
    }
    if (node->is_bare) {
        return pn_json_new_number(node->value);
    }
    cJSON *holder = cJSON_CreateObject();
    return holder != NULL && pn_json_set_text(holder, "v", node->value)
               ? cJSON_DetachItemFromObjectCaseSensitive(holder, "v")
               : NULL;
}

static enum pn_code print_json(const cJSON *json, struct pn_buf *out, struct pn_err *err)
{
    return json == NULL ? too_much(err) : pn_json_print(json, out, err);
}

enum pn_code pn_map_write_json(struct pn_arena *arena, const cJSON *json,
                               struct pn_slice *ret_bytes, struct pn_err *err)
{
    struct pn_buf out;
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    enum pn_code code = print_json(json, &out, err);
    if (code != PN_OK) {
        pn_buf_release(&out);
        return code;
    }
    return keep(arena, &out, ret_bytes, err);
}

// --- Text ----------------------------------------------------------------------------------------

static void write_text(const struct pn_map_out_node *top, struct pn_buf *out)
{
    for (const struct pn_map_out_node *line = top->first_child; line != NULL; line = line->next) {
        if (line != top->first_child) {
            pn_buf_add_char(out, '\n');
        }
        pn_buf_add_slice(out, line->value);
    }
}

enum pn_code pn_map_write(struct pn_arena *arena, enum pn_map_sink sink,
                          const struct pn_map_out_node *top, const char *root, const char *charset,
                          struct pn_slice *ret_bytes, struct pn_err *err)
{
    struct pn_buf out;
    enum pn_code code = PN_OK;
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    switch (sink) {
    case PN_SINK_HL7V2:
        code = write_hl7v2(arena, top, charset, &out, err);
        break;
    case PN_SINK_XML:
        code = write_xml(arena, top, root, &out, err);
        break;
    case PN_SINK_JSON:
        code = print_json(make_object(top, 0), &out, err);
        break;
    case PN_SINK_TEXT:
        write_text(top, &out);
        break;
    case PN_SINK_FHIR:
        code = pn_err_set(err, PN_INTERNAL, "document", "a FHIR document is no tree");
        break;
    }
    if (code != PN_OK) {
        pn_buf_release(&out);
        return code;
    }
    return keep(arena, &out, ret_bytes, err);
}
