// SPDX-License-Identifier: Apache-2.0
/*
 * The form in which the embedded stream keeps an event: a fixed head, the attributes, the data.
 * Private to this folder. All numbers little-endian.
 *
 *   0  1  form, 1
 *   1 16  id
 *  17  8  time, ms       25 8 recorded, ms      33 8 appended, ms
 *  41  2  each: bytes of source, type, subject, traceparent, sector, causation id
 *  53     these, one after the other; the rest is the data
 */
#ifndef PN_STREAM_STORED_H
#define PN_STREAM_STORED_H

#include "base/buf.h"
#include "event/event.h"

enum { PN_STORED_ID_BYTES = 16, PN_STORED_ID_TEXT_BYTES = 36 };

void pn_stored_write(const struct pn_event *event, const uint8_t id[static PN_STORED_ID_BYTES],
                     int64_t appended_ms, struct pn_buf *out);

// The slices point into `stored`, the id into id_text, which is written. False when it is not one.
PN_MUST_USE bool pn_stored_read(struct pn_slice stored,
                                char id_text[static PN_STORED_ID_TEXT_BYTES],
                                struct pn_event *ret_event);

// What pruning needs of it.
PN_MUST_USE bool pn_stored_peek(struct pn_slice stored, struct pn_slice *ret_id,
                                int64_t *ret_appended_ms);

#endif
