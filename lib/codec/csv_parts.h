// SPDX-License-Identifier: Apache-2.0
/*
 * What the reader of separated values and the one who takes such a file apart agree on. Internal to
 * lib/codec.
 */
#ifndef PN_CODEC_CSV_PARTS_H
#define PN_CODEC_CSV_PARTS_H

#include "codec/charset.h"
#include "codec/csv.h"

// By the byte order mark, which is taken off, else the first of the names that the bytes can be.
enum pn_charset pn_csv_charset(const char *charset_default, struct pn_slice *bytes);
// Whichever of ; , tab | the first line that is not blank has most of, outside quotes.
char pn_csv_separator(struct pn_slice text);
// The names that the header row gives the columns; they live in the arena.
enum pn_code pn_csv_read_names(struct pn_arena *arena, struct pn_slice text,
                               const struct pn_csv_options *options,
                               const struct pn_slice **ret_names, unsigned *ret_count,
                               struct pn_err *err);

#endif
