// SPDX-License-Identifier: Apache-2.0
/*
 * Separated values (RFC 4180, and with ; or tab between): bytes → tree, and a writer.
 */
#ifndef PN_CODEC_CSV_H
#define PN_CODEC_CSV_H

#include "base/buf.h"
#include "codec/tree.h"

enum { PN_CSV_COLUMNS_MAX = 512, PN_CSV_NAME_BYTES_MAX = 128 };

struct pn_csv_options {
    char separator; // ',' ';' '\t' '|'; 0: whichever of them the header row has most of
    // Columns are called by their plain names: in lower case, å ä ö as a a o, each run of other
    // signs one `_` ("Käynnin nro " is kaynnin_nro).
    bool has_plain_names;
    unsigned first_row_line; // where the row after the header stood; 0: right after the header
};

// The first row that is not blank names the columns; those at its end may be without a name, and
// then hold nothing. Rows may be shorter than the header, not longer. Blank lines are skipped.
// `options` may be NULL. PN_INVALID: err->where is "line N column M".
PN_MUST_USE enum pn_code pn_csv_read(struct pn_arena *arena, const struct pn_codec_input *input,
                                     const struct pn_csv_options *options,
                                     const struct pn_node **ret_root, struct pn_err *err);

// The plain name; the empty slice when nothing is left of it. ptr NULL: the arena is full.
struct pn_slice pn_csv_plain_name(struct pn_arena *arena, struct pn_slice name);

// One row with CRLF; quotes where they are needed.
void pn_csv_write_row(struct pn_buf *out, char separator, const struct pn_slice *columns,
                      size_t column_count);

#endif
