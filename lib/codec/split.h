// SPDX-License-Identifier: Apache-2.0
/*
 * A file that is a list of records (rows of a CSV file, elements of an XML file) → one small file
 * of the same form for each record, in UTF-8: with the header row, or inside the document element
 * with what the records have in common. A record that is not well formed is given as it is: whoever
 * reads it says what is wrong, and the others are not touched.
 *
 * Memory does not grow with the number of records: one is held at a time.
 */
#ifndef PN_CODEC_SPLIT_H
#define PN_CODEC_SPLIT_H

#include "codec/tree.h"

// One record; a row whose quotes do not match ends with its line, so that it takes no other along.
enum { PN_SPLIT_RECORD_BYTES_MAX = 256 * 1024 };

struct pn_split;

struct pn_split_options {
    enum pn_format format;       // csv or xml
    const char *charset_default; // as pn_codec_input's
    const char *const *columns;  // csv: plain names that the header must have
    const char *root;            // xml: the document element's name; NULL: any
    const char *const *common;   // xml: elements right below it that belong to every record;
    unsigned column_count, common_count; // all others are records
};

struct pn_split_record {
    struct pn_slice bytes; // until the next call
    unsigned line;         // of the file, where the record begins
};

// `bytes` must live as long as the split; so must what the options point to. Refuses the file as a
// whole: no header, a column missing, XML that is not well formed (the file is cut off).
PN_MUST_USE enum pn_code pn_split_open(const struct pn_split_options *options,
                                       struct pn_slice bytes, struct pn_split **ret_split,
                                       struct pn_err *err);
// *ret_has is false at the end.
PN_MUST_USE enum pn_code pn_split_next(struct pn_split *split, struct pn_split_record *ret_record,
                                       bool *ret_has, struct pn_err *err);
void pn_split_close(struct pn_split *split); // takes NULL

#endif
