// SPDX-License-Identifier: Apache-2.0
// Elements right below the document element, each inside a document of its own.
#include <libxml/xmlreader.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/charset.h"
#include "codec/split_parts.h"
#include "codec/xml.h"

enum { COMMON_BYTES_MAX = 64 * 1024, LINE_BYTES = 32 };

struct pn_xml_split {
    struct pn_split_options options;
    xmlTextReaderPtr reader;
    xmlDocPtr frame;   // the document element with what all records have in common
    xmlNodePtr record; // in the frame now
    xmlChar *text;     // of the record given last
    bool is_at_node;   // the reader stands on a node that is not looked at yet
};

static void swallow_error(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error; // its text may hold the document's
}

static const char *encoding_of(const char *charset_default, struct pn_slice bytes)
{
    return pn_xml_is_undeclared(bytes)
               ? pn_charset_name(pn_charset_choose(charset_default, bytes))
               : NULL;
}

static xmlTextReaderPtr open_reader(const struct pn_split_options *options, struct pn_slice bytes)
{
    xmlTextReaderPtr reader = xmlReaderForMemory(bytes.ptr, (int)bytes.len, NULL,
                                                 encoding_of(options->charset_default, bytes),
                                                 XML_PARSE_NONET | XML_PARSE_BIG_LINES);
    if (reader != NULL) {
        xmlTextReaderSetStructuredErrorHandler(reader, swallow_error, NULL);
    }
    return reader;
}

static enum pn_code broken(xmlTextReaderPtr reader, struct pn_err *err)
{
    char where[LINE_BYTES];
    (void)snprintf(where, sizeof where, "line %d", xmlTextReaderGetParserLineNumber(reader));
    return pn_err_set(err, PN_INVALID, where,
                      "the file is not well-formed XML: nothing of it is taken");
}

static bool is_named(const xmlChar *name, const char *text)
{
    return name != NULL && strcmp((const char *)name, text) == 0;
}

static bool is_common(const struct pn_xml_split *split, const xmlChar *name)
{
    for (unsigned i = 0; i < split->options.common_count; i++) {
        if (is_named(name, split->options.common[i])) {
            return true;
        }
    }
    return false;
}

// --- The first time through: is it whole, and what have the records in common? -------------------

static enum pn_code keep_common(struct pn_xml_split *split, xmlTextReaderPtr reader,
                                struct pn_err *err)
{
    xmlNodePtr node = xmlTextReaderExpand(reader);
    if (node == NULL) {
        return broken(reader, err);
    }
    xmlNodePtr copy = xmlDocCopyNode(node, split->frame, 1);
    xmlNodePtr root = xmlDocGetRootElement(split->frame);
    return copy != NULL && xmlAddChild(root, copy) != NULL
               ? PN_OK
               : pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
}

static enum pn_code keep_root(struct pn_xml_split *split, xmlTextReaderPtr reader,
                              struct pn_err *err)
{
    const char *wanted = split->options.root;
    if (wanted != NULL && !is_named(xmlTextReaderConstLocalName(reader), wanted)) {
        return pn_err_set(err, PN_UNSUPPORTED, "file", "its document element is not %s", wanted);
    }
    // Its attributes and namespaces, not what is inside.
    xmlNodePtr copy = xmlDocCopyNode(xmlTextReaderCurrentNode(reader), split->frame, 2);
    if (copy == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    (void)xmlDocSetRootElement(split->frame, copy);
    return PN_OK;
}

static enum pn_code look_at(struct pn_xml_split *split, xmlTextReaderPtr reader, struct pn_err *err)
{
    int kind = xmlTextReaderNodeType(reader);
    int depth = xmlTextReaderDepth(reader);
    if (kind == XML_READER_TYPE_DOCUMENT_TYPE) {
        return pn_err_set(err, PN_INVALID, "file", "declares a document type: not taken");
    }
    if (kind != XML_READER_TYPE_ELEMENT || depth > 1) {
        return PN_OK;
    }
    if (depth == 0) {
        return keep_root(split, reader, err);
    }
    return is_common(split, xmlTextReaderConstLocalName(reader)) ? keep_common(split, reader, err)
                                                                 : PN_OK;
}

static enum pn_code look_through(struct pn_xml_split *split, xmlTextReaderPtr reader,
                                 struct pn_err *err)
{
    enum pn_code code = PN_OK;
    int got = xmlTextReaderRead(reader);
    while (code == PN_OK && got == 1) {
        code = look_at(split, reader, err);
        got = code == PN_OK ? xmlTextReaderRead(reader) : got;
    }
    if (code == PN_OK && (got != 0 || xmlDocGetRootElement(split->frame) == NULL)) {
        code = broken(reader, err);
    }
    return code;
}

static enum pn_code check_common(struct pn_xml_split *split, struct pn_err *err)
{
    xmlChar *text = NULL;
    int bytes = 0;
    xmlDocDumpMemoryEnc(split->frame, &text, &bytes, "UTF-8");
    xmlFree(text);
    return text != NULL && bytes <= COMMON_BYTES_MAX
               ? PN_OK
               : pn_err_set(err, PN_LIMIT, "file",
                            "what its records have in common is over %d bytes",
                            (int)COMMON_BYTES_MAX);
}

// Some of libxml2's complaints go past the reader's own handler to the thread's, which prints bytes
// of the document on standard error.
static enum pn_code prepare(struct pn_xml_split *split, struct pn_slice bytes, struct pn_err *err)
{
    xmlStructuredErrorFunc before = xmlStructuredError;
    void *before_context = xmlStructuredErrorContext;
    xmlSetStructuredErrorFunc(NULL, swallow_error);
    xmlTextReaderPtr first = open_reader(&split->options, bytes);
    split->reader = open_reader(&split->options, bytes);
    enum pn_code code = first == NULL || split->reader == NULL
                            ? pn_err_set(err, PN_MEMORY, "file", "no memory for the XML reader")
                            : look_through(split, first, err);
    if (first != NULL) {
        xmlFreeTextReader(first);
    }
    xmlSetStructuredErrorFunc(before_context, before);
    return code == PN_OK ? check_common(split, err) : code;
}

enum pn_code pn_xml_split_open(const struct pn_split_options *options, struct pn_slice bytes,
                               struct pn_xml_split **ret_split, struct pn_err *err)
{
    struct pn_xml_split *split = calloc(1, sizeof *split);
    if (split == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    split->options = *options;
    split->frame = xmlNewDoc((const xmlChar *)"1.0");
    enum pn_code code = split->frame == NULL
                            ? pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted")
                            : prepare(split, bytes, err);
    if (code != PN_OK) {
        pn_xml_split_close(split);
        return code;
    }
    *ret_split = split;
    return PN_OK;
}

// --- One by one ----------------------------------------------------------------------------------

static void drop_record(struct pn_xml_split *split)
{
    if (split->record != NULL) {
        xmlUnlinkNode(split->record);
        xmlFreeNode(split->record);
        split->record = NULL;
    }
    xmlFree(split->text);
    split->text = NULL;
}

static enum pn_code give(struct pn_xml_split *split, struct pn_split_record *ret_record,
                         struct pn_err *err)
{
    xmlNodePtr node = xmlTextReaderExpand(split->reader);
    xmlNodePtr root = xmlDocGetRootElement(split->frame);
    int bytes = 0;
    if (node == NULL) {
        return broken(split->reader, err);
    }
    split->record = xmlDocCopyNode(node, split->frame, 1);
    if (split->record == NULL || xmlAddChild(root, split->record) == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    xmlDocDumpMemoryEnc(split->frame, &split->text, &bytes, "UTF-8");
    if (split->text == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    long line = xmlGetLineNo(node);
    *ret_record = (struct pn_split_record){
        .bytes = pn_slice_of((const char *)split->text, (size_t)bytes),
        .line = line > 0 ? (unsigned)line : 0,
    };
    return PN_OK;
}

enum pn_code pn_xml_split_next(struct pn_xml_split *split, struct pn_split_record *ret_record,
                               bool *ret_has, struct pn_err *err)
{
    drop_record(split);
    int got = split->is_at_node ? 1 : xmlTextReaderRead(split->reader);
    while (got == 1) {
        bool is_record = xmlTextReaderNodeType(split->reader) == XML_READER_TYPE_ELEMENT &&
                         xmlTextReaderDepth(split->reader) == 1;
        bool is_left_out =
            is_record && is_common(split, xmlTextReaderConstLocalName(split->reader));
        if (is_record && !is_left_out) {
            *ret_has = true;
            enum pn_code code = give(split, ret_record, err);
            split->is_at_node = xmlTextReaderNext(split->reader) == 1;
            return code;
        }
        got = is_left_out ? xmlTextReaderNext(split->reader) : xmlTextReaderRead(split->reader);
    }
    split->is_at_node = false;
    *ret_has = false;
    return got == 0 ? PN_OK : broken(split->reader, err);
}

void pn_xml_split_close(struct pn_xml_split *split)
{
    if (split == NULL) {
        return;
    }
    drop_record(split);
    if (split->reader != NULL) {
        xmlFreeTextReader(split->reader);
    }
    xmlFreeDoc(split->frame);
    free(split);
}
