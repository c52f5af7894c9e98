// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "codec/charset.h"
#include "codec/xml.h"

static bool may_stand(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' ||
           (c >= 0x20 && c < 0xFFFE && (c < 0xD800 || c > 0xDFFF)) ||
           (c >= 0x10000 && c < 0x110000);
}

static const char *escape_of(uint32_t c)
{
    static const struct {
        uint32_t character;
        const char *escape;
    } escapes[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\r', "&#13;"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(escapes); i++) {
        if (escapes[i].character == c) {
            return escapes[i].escape;
        }
    }
    return NULL;
}

void pn_xml_add_escaped(struct pn_buf *out, struct pn_slice text)
{
    while (text.len > 0) {
        uint32_t c = pn_utf8_take(&text);
        const char *escape = escape_of(c);
        if (escape != NULL) {
            pn_buf_add_str(out, escape);
        } else {
            pn_utf8_add(out, may_stand(c) ? c : 0xFFFD);
        }
    }
}

// A parser makes a space of a line end or tab in an attribute unless it is written as a number.
static void add_attribute_value(struct pn_buf *out, struct pn_slice text)
{
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n' || text.ptr[i] == '\t') {
            pn_xml_add_escaped(out, pn_slice_of(text.ptr + start, i - start));
            pn_buf_printf(out, "&#%d;", text.ptr[i]);
            start = i + 1;
        }
    }
    if (start < text.len) {
        pn_xml_add_escaped(out, pn_slice_of(text.ptr + start, text.len - start));
    }
}

void pn_xml_begin(struct pn_xml_writer *writer, struct pn_buf *out)
{
    *writer = (struct pn_xml_writer){.out = out};
    pn_buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

static void close_tag(struct pn_xml_writer *writer)
{
    if (writer->is_tag_open) {
        pn_buf_add_char(writer->out, '>');
        writer->is_tag_open = false;
    }
}

void pn_xml_open(struct pn_xml_writer *writer, const char *name)
{
    assert(writer->depth < PN_TREE_DEPTH_MAX);
    close_tag(writer);
    pn_buf_add_char(writer->out, '<');
    pn_buf_add_str(writer->out, name);
    writer->open[writer->depth++] = name;
    writer->is_tag_open = true;
}

void pn_xml_attribute(struct pn_xml_writer *writer, const char *name, struct pn_slice value)
{
    assert(writer->is_tag_open);
    pn_buf_printf(writer->out, " %s=\"", name);
    add_attribute_value(writer->out, value);
    pn_buf_add_char(writer->out, '"');
}

void pn_xml_text(struct pn_xml_writer *writer, struct pn_slice text)
{
    assert(writer->depth > 0);
    close_tag(writer);
    pn_xml_add_escaped(writer->out, text);
}

void pn_xml_close(struct pn_xml_writer *writer)
{
    assert(writer->depth > 0);
    const char *name = writer->open[--writer->depth];
    if (writer->is_tag_open) {
        pn_buf_add_str(writer->out, "/>");
        writer->is_tag_open = false;
    } else {
        pn_buf_printf(writer->out, "</%s>", name);
    }
}

void pn_xml_element(struct pn_xml_writer *writer, const char *name, struct pn_slice text)
{
    pn_xml_open(writer, name);
    pn_xml_text(writer, text);
    pn_xml_close(writer);
}
