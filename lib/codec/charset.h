// SPDX-License-Identifier: Apache-2.0
/*
 * The character sets that Finnish records systems use, to and from UTF-8.
 */
#ifndef PN_CODEC_CHARSET_H
#define PN_CODEC_CHARSET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum pn_charset {
    PN_CHARSET_UNKNOWN,
    PN_CHARSET_ASCII,
    PN_CHARSET_UTF8,
    PN_CHARSET_LATIN1,  // ISO 8859-1
    PN_CHARSET_LATIN9,  // ISO 8859-15: with the euro sign
    PN_CHARSET_WINDOWS, // windows-1252
    PN_CHARSET_UTF16LE,
    PN_CHARSET_UTF16BE
};

// By its usual names and those of HL7 table 0211 (`8859/1`, `UNICODE UTF-8`, …); no case.
enum pn_charset pn_charset_find(struct pn_slice name);
// The IANA name.
const char *pn_charset_name(enum pn_charset charset);

bool pn_text_is_ascii(struct pn_slice text);
// One of a list of names with commas between: the first whose bytes these can be, at last
// ISO-8859-1.
enum pn_charset pn_charset_choose(const char *names, struct pn_slice bytes);

// Bytes that are UTF-8 already stay where they are. What is no character becomes U+FFFD. Slice with
// ptr NULL when the arena is full.
struct pn_slice pn_charset_to_utf8(struct pn_arena *arena, enum pn_charset charset,
                                   struct pn_slice bytes);
// The character at the front of valid UTF-8, which is taken off. 0 when text is empty.
uint32_t pn_utf8_take(struct pn_slice *text);
void pn_utf8_add(struct pn_buf *out, uint32_t character);
// One character in ASCII, UTF8, LATIN1, LATIN9 or WINDOWS. Dashes, quotes and the like that the set
// lacks get their plain twins, others '?'. False when something had to be replaced.
bool pn_charset_add(struct pn_buf *out, enum pn_charset charset, uint32_t character);

#endif
