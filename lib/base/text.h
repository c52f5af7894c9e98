// SPDX-License-Identifier: Apache-2.0
/*
 * Texts in and out of other encodings: hex, Base64 (RFC 4648), UTF-8, ISO 8859-1.
 */
#ifndef PN_BASE_TEXT_H
#define PN_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

void pn_hex_add(struct pn_buf *buf, const void *bytes, size_t len);
// What a hex digit counts, small or capital; -1 when it is none.
int pn_hex_value(char c);
void pn_base64_add(struct pn_buf *buf, const void *bytes, size_t len);
// White space inside is skipped (documents wrap their lines). False when it is not Base64.
PN_MUST_USE bool pn_base64_decode(struct pn_slice text, struct pn_buf *out);

PN_MUST_USE bool pn_utf8_is_valid(struct pn_slice text);
// Writes a character; returns how many bytes it took.
enum { PN_UTF8_BYTES_MAX = 4 };
size_t pn_utf8_put(char *at, uint32_t character);
// ISO 8859-1 → UTF-8. Empty slice with ptr NULL when the arena is full.
struct pn_slice pn_latin1_to_utf8(struct pn_arena *arena, struct pn_slice text);

#endif
