// SPDX-License-Identifier: Apache-2.0
/*
 * MLLP framing: the same bytes in one write and in many give the same frames, within the bounds.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/mllp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_MAX = 64 };

static void feed(struct pn_mllp_framer *framer, struct pn_slice input, struct pn_buf *seen)
{
    struct pn_mllp_piece piece;
    while (pn_mllp_framer_next(framer, &input, &piece)) {
        assert(piece.kind == PN_MLLP_TOO_LARGE ? piece.bytes.len <= PN_MLLP_HEAD_BYTES
                                               : piece.bytes.len <= FRAME_MAX);
        pn_buf_add_char(seen, (char)piece.kind);
        pn_buf_printf(seen, "%zu:", piece.bytes.len);
        pn_buf_add_slice(seen, piece.bytes);
    }
    assert(input.len == 0);
}

static void run(const uint8_t *data, size_t size, size_t step, struct pn_buf *seen,
                uint64_t *ret_noise)
{
    struct pn_mllp_framer framer;
    pn_mllp_framer_init(&framer, FRAME_MAX);
    for (size_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? size - at : step;
        char *copy = malloc(part);
        memcpy(copy, data + at, part);
        feed(&framer, pn_slice_of(copy, part), seen);
        free(copy);
    }
    *ret_noise = framer.noise_bytes;
    pn_mllp_framer_release(&framer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct pn_buf whole;
    struct pn_buf parts;
    uint64_t whole_noise = 0;
    uint64_t parts_noise = 0;
    pn_buf_init(&whole, 1024 * 1024);
    pn_buf_init(&parts, 1024 * 1024);
    run(data + 1, size - 1, size, &whole, &whole_noise);
    run(data + 1, size - 1, data[0] % 16 + 1U, &parts, &parts_noise);
    assert(pn_slice_eq(pn_buf_slice(&whole), pn_buf_slice(&parts)));
    assert(whole_noise == parts_noise && whole_noise <= size);
    pn_buf_release(&whole);
    pn_buf_release(&parts);
    return 0;
}
