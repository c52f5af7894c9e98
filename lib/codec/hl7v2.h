// SPDX-License-Identifier: Apache-2.0
/*
 * HL7 v2 (chapter 2, "Control"; versions 2.1 to 2.8): bytes → tree, building of messages, and
 * acknowledgements in original and enhanced mode.
 *
 * Reading is tolerant where senders differ and strict where meaning would change. Segments end with
 * CR, LF or CRLF, the last one may lack its end; a BOM and white space before MSH are skipped; any
 * distinct ASCII punctuation may be the delimiters. A line feed inside a field stays text when the
 * segments end with CR and what follows it is no segment. The character set is MSH-18's first that
 * is not ASCII, else charset_default; text that is not in the set it claims is read as ISO-8859-1.
 *
 * MSH is numbered as the standard does: MSH-1 is the field separator, MSH-2 the encoding
 * characters.
 *
 * Escapes: \F\ \S\ \T\ \R\ \E\ the delimiters, \P\ '#', \Xdd..\ bytes in the message's set, \.br\ a
 * line end, \.sp<n>\ line ends, \.sk<n>\ spaces, \.ce\ a line end; \H\ \N\ \.fi\ \.nf\ \.in<n>\
 * \.ti<n>\ (highlighting, filling, indents) are left out. Any other stays as it was written.
 */
#ifndef PN_CODEC_HL7V2_H
#define PN_CODEC_HL7V2_H

#include "base/buf.h"
#include "codec/charset.h"
#include "codec/tree.h"

enum {
    PN_HL7V2_SEGMENTS_MAX = 10000,
    PN_HL7V2_FIELDS_MAX = 999,    // fields of a segment, components, subcomponents
    PN_HL7V2_REPEATS_MAX = 10000, // repetitions of one field
    PN_HL7V2_ACK_TEXT_BYTES_MAX = 256
};

struct pn_hl7v2_delimiters {
    char field, component, repeat, escape, subcomponent; // 0: this message has none
};

// What routes and acknowledges a message: MSH-3…12, as written (escapes not resolved), in the
// message's own character set. Empty slices for what is not there.
struct pn_hl7v2_header {
    struct pn_hl7v2_delimiters delimiters;
    struct pn_slice sending_application, sending_facility;     // MSH-3, MSH-4
    struct pn_slice receiving_application, receiving_facility; // MSH-5, MSH-6
    struct pn_slice type, trigger;                             // MSH-9.1, MSH-9.2
    struct pn_slice control_id;                                // MSH-10
    struct pn_slice processing_id;                             // MSH-11
    struct pn_slice version;                                   // MSH-12.1
    struct pn_slice accept_ack, application_ack;               // MSH-15, MSH-16
    struct pn_slice charset;                                   // MSH-18
};

struct pn_hl7v2 {
    const struct pn_node *root;
    struct pn_hl7v2_header header; // in UTF-8
    enum pn_charset charset;       // the one that the bytes were read in
    bool is_charset_wrong;         // they were not in the one that was said
};

// PN_INVALID: err->where is the segment and field (`MSH-2`, `segment 7`, `OBX[2]-5`).
// PN_UNSUPPORTED: a batch or file (FHS, BHS), or a character set that is not known here (MSH-18).
PN_MUST_USE enum pn_code pn_hl7v2_read(struct pn_arena *arena, const struct pn_codec_input *input,
                                       struct pn_hl7v2 *ret_message, struct pn_err *err);

// Finds what it can in even a broken message, so that it can be refused by its control id. False
// when there is no MSH within the first bytes. Slices point into `bytes`.
bool pn_hl7v2_peek(struct pn_slice bytes, struct pn_hl7v2_header *ret_header);

// --- Paths ---------------------------------------------------------------------------------------

// `PID`, `PID-3`, `PID-3.1`, `PID-3[2].4.2`, `OBX[2]-5`. 0 where nothing is said: the first.
struct pn_hl7v2_path {
    char segment[4];
    uint16_t segment_repeat, field, repeat, component, subcomponent;
};

PN_MUST_USE enum pn_code pn_hl7v2_path_compile(struct pn_slice text, struct pn_hl7v2_path *ret_path,
                                               struct pn_err *err);
// From the message's root. NULL when it is not there.
const struct pn_node *pn_hl7v2_find(const struct pn_node *root, const struct pn_hl7v2_path *path);
// From one segment: the path's own segment name and number are not looked at.
const struct pn_node *pn_hl7v2_find_in(const struct pn_node *segment,
                                       const struct pn_hl7v2_path *path);
// "3" for 3, 0 … PN_HL7V2_FIELDS_MAX: the names of nodes.
struct pn_slice pn_hl7v2_number(unsigned number);

// --- Building ------------------------------------------------------------------------------------

// Builds a message with the usual delimiters |^~\&. Segments stand in the order they were added;
// values may be set in any order. Everything lives in the arena; texts are UTF-8 and not copied.
struct pn_hl7v2_builder;

// NULL when the arena is full.
struct pn_hl7v2_builder *pn_hl7v2_builder_new(struct pn_arena *arena);
// `name` is three characters, MSH first. PN_MEMORY, PN_INVALID.
PN_MUST_USE enum pn_code pn_hl7v2_add_segment(struct pn_hl7v2_builder *builder, const char *name,
                                              struct pn_err *err);
// `path` with a field: `PID-3[2].4`. Without a segment number it means the segment of that name
// added last. Setting again replaces; an empty text unsets. PN_INVALID, PN_NOT_FOUND, PN_MEMORY.
PN_MUST_USE enum pn_code pn_hl7v2_set(struct pn_hl7v2_builder *builder, const char *path,
                                      struct pn_slice text, struct pn_err *err);
PN_MUST_USE enum pn_code pn_hl7v2_set_path(struct pn_hl7v2_builder *builder,
                                           const struct pn_hl7v2_path *path, struct pn_slice text,
                                           struct pn_err *err);
// The explicit null `""`: the receiver shall delete the value.
PN_MUST_USE enum pn_code pn_hl7v2_set_null(struct pn_hl7v2_builder *builder, const char *path,
                                           struct pn_err *err);
// Segments end with CR. Escapes delimiters and control characters, line ends become \.br\.
// Characters that the set lacks are replaced (pn_charset_add). MSH-18 is the caller's to set.
PN_MUST_USE enum pn_code pn_hl7v2_write(const struct pn_hl7v2_builder *builder,
                                        enum pn_charset charset, struct pn_buf *out,
                                        struct pn_err *err);

// --- Acknowledgements ----------------------------------------------------------------------------

enum pn_hl7v2_ack_code {
    PN_HL7V2_AA,
    PN_HL7V2_AE,
    PN_HL7V2_AR,
    PN_HL7V2_CA, // commit: enhanced mode
    PN_HL7V2_CE,
    PN_HL7V2_CR
};

// Which acknowledgements a message asks for (chapter 2, MSH-15 and MSH-16, table 0155). With
// neither field it is original mode: an application acknowledgement alone. A field that is absent
// beside the other counts as NE, and so does a word that the table does not have.
struct pn_hl7v2_ack_wish {
    bool is_enhanced;
    bool commit; // on CA; `commit_no`: on CE and CR
    bool commit_no;
    bool application; // on AA; `application_no`: on AE and AR
    bool application_no;
};
struct pn_hl7v2_ack_wish pn_hl7v2_ack_wish_of(const struct pn_hl7v2_header *header);

struct pn_hl7v2_ack {
    const struct pn_hl7v2_header *header; // of the message, from pn_hl7v2_peek
    enum pn_hl7v2_ack_code code;
    const char *control_id; // of the acknowledgement itself
    int64_t now_ms;
    const char *zone;  // for MSH-7; NULL: UTC
    const char *where; // err->where: becomes ERR-2 when it is a path
    const char *text;  // err->text; "" when all is well
};

// MSA-2 is the message's MSH-10, sender and receiver change places. The text stands in MSA-3 up to
// version 2.6 and in ERR from 2.5. In enhanced mode it asks for no acknowledgement of itself. With
// no header at all (nothing found) a plain 2.3 AR.
PN_MUST_USE enum pn_code pn_hl7v2_write_ack(const struct pn_hl7v2_ack *ack, struct pn_buf *out,
                                            struct pn_err *err);

struct pn_hl7v2_answer {
    enum pn_hl7v2_ack_code code; // AA, AE or AR; CA, CE and CR count as these
    struct pn_slice control_id;  // MSA-2: the message that it answers
    struct pn_slice text;        // MSA-3, or ERR-8, ERR-7, ERR-3, ERR-1; may be empty
};

// PN_INVALID when it is no acknowledgement. Slices live in the arena or the input.
PN_MUST_USE enum pn_code pn_hl7v2_read_ack(struct pn_arena *arena,
                                           const struct pn_codec_input *input,
                                           struct pn_hl7v2_answer *ret_answer, struct pn_err *err);

#endif
