// SPDX-License-Identifier: Apache-2.0
/*
 * XML 1.0 on libxml2: bytes → tree, and a writer.
 *
 * Nothing outside the bytes is ever fetched: no network, no external subset; a document that
 * declares entities is refused. Depth and node count are bounded (PN_TREE_DEPTH_MAX,
 * PN_TREE_NODES_MAX). The encoding is what the document says (any that libxml2 knows).
 */
#ifndef PN_CODEC_XML_H
#define PN_CODEC_XML_H

#include "base/buf.h"
#include "codec/tree.h"

// True when the bytes neither say their encoding nor are UTF-8 or UTF-16: a sender that forgot to
// say may mean another set. Whole documents and lists taken apart ask the same.
bool pn_xml_is_undeclared(struct pn_slice bytes);

// *ret_root is the document element. PN_INVALID: err->where is "line N".
PN_MUST_USE enum pn_code pn_xml_read(struct pn_arena *arena, const struct pn_codec_input *input,
                                     const struct pn_node **ret_root, struct pn_err *err);

// Writes elements in UTF-8 into a buffer. A name is a literal and lives as long as the writer.
// Mistakes of the caller (an attribute after text, a close too many) assert; a full buffer shows at
// pn_buf_ok. Characters that XML 1.0 cannot hold become U+FFFD.
struct pn_xml_writer {
    struct pn_buf *out;
    const char *open[PN_TREE_DEPTH_MAX];
    unsigned depth;
    bool is_tag_open; // `<name` is written and not yet `>`
};

void pn_xml_begin(struct pn_xml_writer *writer, struct pn_buf *out); // with the XML declaration
void pn_xml_open(struct pn_xml_writer *writer, const char *name);
void pn_xml_attribute(struct pn_xml_writer *writer, const char *name, struct pn_slice value);
void pn_xml_text(struct pn_xml_writer *writer, struct pn_slice text);
void pn_xml_close(struct pn_xml_writer *writer);
// <name>text</name>
void pn_xml_element(struct pn_xml_writer *writer, const char *name, struct pn_slice text);

// Text with & < > " and forbidden characters made harmless, for content and for quoted attributes.
void pn_xml_add_escaped(struct pn_buf *out, struct pn_slice text);

#endif
