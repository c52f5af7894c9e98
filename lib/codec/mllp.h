// SPDX-License-Identifier: Apache-2.0
/*
 * MLLP framing (HL7 Minimal Lower Layer Protocol release 1): 0x0B message 0x1C 0x0D, bytes only.
 *
 *   struct pn_slice input = …what came from the socket…;
 *   struct pn_mllp_piece piece;
 *   while (pn_mllp_framer_next(&framer, &input, &piece)) { …a frame, or one too large… }
 *
 * A frame ends at 0x1C: a peer that forgets the 0x0D is not waited for. A start byte inside a frame
 * that is followed by "MSH" means that the frame before it was cut: what came before is dropped as
 * noise. Bytes outside frames are skipped and counted. A frame over the maximum is skipped without
 * being kept but for its first bytes, so that it can be refused by its control id.
 */
#ifndef PN_CODEC_MLLP_H
#define PN_CODEC_MLLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { PN_MLLP_HEAD_BYTES = 2048 }; // what is kept of a frame that is too large

enum pn_mllp_kind { PN_MLLP_FRAME, PN_MLLP_TOO_LARGE };

struct pn_mllp_piece {
    enum pn_mllp_kind kind;
    struct pn_slice bytes; // the message, or the head of one too large
};

struct pn_mllp_framer {
    struct pn_buf frame; // what has come of the frame under way
    size_t frame_bytes_max;
    bool in_frame;
    bool is_too_large;
    bool is_given;        // the frame in the buffer was handed out: forget it at the next call
    bool is_after_end;    // an 0x0D or 0x0A now belongs to the frame before
    uint64_t noise_bytes; // skipped since the framer was made
};

void pn_mllp_framer_init(struct pn_mllp_framer *framer, size_t frame_bytes_max);
void pn_mllp_framer_release(struct pn_mllp_framer *framer);
// Takes bytes off *input up to the next whole frame. False when all are taken and no frame is
// whole. ret_piece->bytes point into the framer or into the input: valid until the next call on
// either.
PN_MUST_USE bool pn_mllp_framer_next(struct pn_mllp_framer *framer, struct pn_slice *input,
                                     struct pn_mllp_piece *ret_piece);
// True when a frame has begun and not ended.
bool pn_mllp_framer_is_inside(const struct pn_mllp_framer *framer);

// The message as a frame.
void pn_mllp_encode(struct pn_buf *out, struct pn_slice message);

#endif
