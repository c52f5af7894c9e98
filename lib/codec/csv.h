// SPDX-License-Identifier: Apache-2.0
/*
 * Separated values (RFC 4180, and with ; or tab between): bytes → tree, and a writer.
 */
#ifndef PN_CODEC_CSV_H
#define PN_CODEC_CSV_H

#include "base/buf.h"
#include "codec/tree.h"

enum { PN_CSV_COLUMNS_MAX = 512, PN_CSV_NAME_BYTES_MAX = 128 };

// The first row names the columns. separator is ',' ';' '\t' '|', or 0 for whichever of them the
// header row has most of. Rows may be shorter than the header, not longer. Blank lines are skipped.
// PN_INVALID: err->where is "line N column M".
PN_MUST_USE enum pn_code pn_csv_read(struct pn_arena *arena, const struct pn_codec_input *input,
                                     char separator, const struct pn_node **ret_root,
                                     struct pn_err *err);

// One row with CRLF; quotes where they are needed.
void pn_csv_write_row(struct pn_buf *out, char separator, const struct pn_slice *columns,
                      size_t column_count);

#endif
