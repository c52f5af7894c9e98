// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the HL7 v2 codec share; nobody else includes it.
 */
#ifndef PN_CODEC_HL7V2_PARTS_H
#define PN_CODEC_HL7V2_PARTS_H

#include "codec/hl7v2.h"

// The first segment's bytes after any BOM and white space, up to its end; empty when it is not MSH.
struct pn_slice pn_hl7v2_msh(struct pn_slice bytes);
// MSH-1 and MSH-2 of an MSH segment. NULL, or what is wrong with them.
const char *pn_hl7v2_delimiters(struct pn_slice msh, struct pn_hl7v2_delimiters *ret_delimiters);

// Resolves the escapes of one value; the value itself when there are none. ptr NULL when the arena
// is full.
struct pn_slice pn_hl7v2_unescape(struct pn_arena *arena, struct pn_slice raw,
                                  const struct pn_hl7v2_delimiters *delimiters,
                                  enum pn_charset charset);
// Adds one text, escaped for the delimiters |^~\& and in the character set.
void pn_hl7v2_add_escaped(struct pn_buf *out, struct pn_slice text, enum pn_charset charset);

#endif
