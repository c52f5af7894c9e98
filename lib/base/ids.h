// SPDX-License-Identifier: Apache-2.0
/*
 * Identifiers that Punos makes: UUIDs by libuuid (RFC 4122).
 *
 * Version 5 ids are derived from their cause, so that doing a thing again gives the same id;
 * version 4 ids are random.
 */
#ifndef PN_BASE_IDS_H
#define PN_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

enum { PN_UUID_TEXT_BYTES = 37 };

// `kind` keeps the id spaces apart (`event`, `encounter`, …); `parts` are joined unambiguously.
void pn_uuid5(const char *kind, const struct pn_slice *parts, size_t part_count,
              char ret_text[static PN_UUID_TEXT_BYTES]);
void pn_uuid4(char ret_text[static PN_UUID_TEXT_BYTES]);
// The 16 bytes of a UUID's text; false when it is not one.
PN_MUST_USE bool pn_uuid_parse(struct pn_slice text, uint8_t ret_bytes[static 16]);
// The other way round, in small letters.
void pn_uuid_print(const uint8_t bytes[static 16], char ret_text[static PN_UUID_TEXT_BYTES]);

#endif
