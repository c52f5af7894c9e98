// SPDX-License-Identifier: Apache-2.0
/*
 * HL7 v2: whatever the bytes, the reader ends, its tree is valid UTF-8 and hangs together, what was
 * read can be written and read again to the same, and anything can be acknowledged.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/hl7v2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const charsets[] = {NULL, "ISO-8859-1", "UTF-8,ISO-8859-15", "windows-1252"};

static void check_node(const struct pn_node *node)
{
    assert(pn_utf8_is_valid(node->value));
    assert(pn_utf8_is_valid(node->name));
    assert(!node->is_null || node->value.len == 0);
    for (const struct pn_node *child = node->first_child; child != NULL; child = child->next) {
        assert(child->parent == node);
        check_node(child);
    }
}

static unsigned number_of(struct pn_slice name)
{
    int64_t number = 0;
    bool is_number = pn_slice_to_i64(name, &number);
    assert(is_number && number > 0 && number <= PN_HL7V2_FIELDS_MAX);
    return (unsigned)number;
}

static void set_leaf(struct pn_hl7v2_builder *builder, const struct pn_node *leaf,
                     struct pn_hl7v2_path path)
{
    struct pn_err err;
    bool is_settable = strcmp(path.segment, "MSH") != 0 || path.field > 2;
    if (is_settable && !leaf->is_null) {
        enum pn_code code = pn_hl7v2_set_path(builder, &path, leaf->value, &err);
        assert(code == PN_OK || code == PN_MEMORY);
    }
}

// Every leaf of a segment into a message that is built anew.
static void copy_segment(struct pn_hl7v2_builder *builder, const struct pn_node *segment)
{
    struct pn_hl7v2_path path = {0};
    memcpy(path.segment, segment->name.ptr, 3);
    for (const struct pn_node *f = segment->first_child; f != NULL; f = f->next) {
        path.field = (uint16_t)number_of(f->name);
        path.repeat = f->repeat;
        path.component = path.subcomponent = 0;
        if (f->first_child == NULL) {
            set_leaf(builder, f, path);
        }
        for (const struct pn_node *c = f->first_child; c != NULL; c = c->next) {
            path.component = (uint16_t)number_of(c->name);
            path.subcomponent = 0;
            if (c->first_child == NULL) {
                set_leaf(builder, c, path);
            }
            for (const struct pn_node *s = c->first_child; s != NULL; s = s->next) {
                path.subcomponent = (uint16_t)number_of(s->name);
                set_leaf(builder, s, path);
            }
        }
    }
}

static void write_again(struct pn_arena *arena, const struct pn_node *root)
{
    struct pn_err err;
    struct pn_hl7v2_builder *builder = pn_hl7v2_builder_new(arena);
    for (const struct pn_node *s = root->first_child; s != NULL; s = s->next) {
        char name[4] = {0};
        memcpy(name, s->name.ptr, 3);
        if (pn_hl7v2_add_segment(builder, name, &err) != PN_OK) {
            return;
        }
        copy_segment(builder, s);
    }
    struct pn_buf out;
    pn_buf_init(&out, 4 * PN_MESSAGE_BYTES_MAX);
    enum pn_code code = pn_hl7v2_write(builder, PN_CHARSET_UTF8, &out, &err);
    assert(code == PN_OK);
    char *bytes = malloc(out.len);
    memcpy(bytes, out.data, out.len);
    struct pn_codec_input input = {pn_slice_of(bytes, out.len), "UTF-8"};
    struct pn_hl7v2 again;
    code = pn_hl7v2_read(arena, &input, &again, &err);
    // MSH-18 of the original may name a set that this text is not in.
    assert(code == PN_OK || code == PN_LIMIT || strcmp(err.where, "MSH-18") == 0);
    free(bytes);
    pn_buf_release(&out);
}

static void acknowledge(struct pn_arena *arena, struct pn_slice bytes)
{
    struct pn_err err;
    struct pn_hl7v2_header header;
    bool has_header = pn_hl7v2_peek(bytes, &header);
    struct pn_hl7v2_ack ack = {.header = has_header ? &header : NULL,
                               .code = PN_HL7V2_AE,
                               .control_id = "1",
                               .where = "PID-3.1",
                               .text = "wrong"};
    struct pn_buf out;
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    enum pn_code code = pn_hl7v2_write_ack(&ack, &out, &err);
    assert(code == PN_OK && memchr(out.data, 0x1C, out.len) == NULL);
    struct pn_codec_input input = {pn_buf_slice(&out), NULL};
    struct pn_hl7v2_answer answer;
    (void)pn_hl7v2_read_ack(arena, &input, &answer, &err);
    pn_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static struct pn_arena *arena;
    arena = arena == NULL ? pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX) : arena;
    pn_arena_reset(arena);
    struct pn_codec_input input = {pn_slice_of((const char *)data + 1, size - 1),
                                   charsets[data[0] % PN_ARRAY_COUNT(charsets)]};
    struct pn_hl7v2 message = {0};
    struct pn_err err = {0};
    if (pn_hl7v2_read(arena, &input, &message, &err) == PN_OK) {
        check_node(message.root);
        write_again(arena, message.root);
    } else {
        assert(err.text[0] != '\0' && err.where[0] != '\0');
    }
    acknowledge(arena, input.bytes);
    return 0;
}
