// SPDX-License-Identifier: Apache-2.0
#include "codec/mllp.h"

#include <assert.h>
#include <string.h>

// What a framer keeps between frames: thousands of idle connections must not each hold a big one.
enum { IDLE_BYTES_MAX = 64 * 1024 };

static const char start_byte = '\x0B';
static const char end_byte = '\x1C';

void pn_mllp_framer_init(struct pn_mllp_framer *framer, size_t frame_bytes_max)
{
    assert(frame_bytes_max > 0);
    *framer = (struct pn_mllp_framer){.frame_bytes_max = frame_bytes_max};
    size_t kept = frame_bytes_max > PN_MLLP_HEAD_BYTES ? frame_bytes_max : PN_MLLP_HEAD_BYTES;
    pn_buf_init(&framer->frame, kept);
}

void pn_mllp_framer_release(struct pn_mllp_framer *framer)
{
    pn_buf_release(&framer->frame);
}

static struct pn_slice take(struct pn_slice *input, size_t len)
{
    struct pn_slice taken = pn_slice_of(input->ptr, len);
    *input = pn_slice_of(input->ptr + len, input->len - len);
    return taken;
}

// Skips what stands before a start byte, and the start byte. False when there is none.
static bool find_start(struct pn_mllp_framer *framer, struct pn_slice *input)
{
    while (framer->is_after_end && input->len > 0) {
        if (input->ptr[0] != '\r' && input->ptr[0] != '\n') {
            framer->is_after_end = false;
            break;
        }
        (void)take(input, 1);
    }
    const char *start = input->len == 0 ? NULL : memchr(input->ptr, start_byte, input->len);
    size_t noise = start == NULL ? input->len : (size_t)(start - input->ptr);
    framer->noise_bytes += noise;
    if (input->len > 0) {
        (void)take(input, start == NULL ? noise : noise + 1);
    }
    framer->in_frame = start != NULL;
    framer->is_too_large = false;
    return framer->in_frame;
}

// The part after the last start byte that a message follows: what stands before it was cut off.
static struct pn_slice after_cut(struct pn_mllp_framer *framer, struct pn_slice bytes)
{
    struct pn_slice message = bytes;
    const char *found = NULL;
    while (message.len > 0 && (found = memrchr(message.ptr, start_byte, message.len)) != NULL) {
        size_t before = (size_t)(found - bytes.ptr) + 1;
        struct pn_slice rest = pn_slice_of(found + 1, bytes.len - before);
        if (pn_slice_starts_with(rest, "MSH")) {
            framer->noise_bytes += before;
            return rest;
        }
        message.len = (size_t)(found - message.ptr);
    }
    return bytes;
}

static void keep(struct pn_mllp_framer *framer, struct pn_slice part)
{
    size_t room = framer->frame_bytes_max - framer->frame.len;
    if (!framer->is_too_large && part.len <= room) {
        pn_buf_add_slice(&framer->frame, part);
        return;
    }
    if (!framer->is_too_large && framer->frame.len > PN_MLLP_HEAD_BYTES) {
        framer->frame.len = PN_MLLP_HEAD_BYTES;
    }
    framer->is_too_large = true;
    size_t more = PN_MLLP_HEAD_BYTES - framer->frame.len;
    pn_buf_add(&framer->frame, part.ptr, part.len < more ? part.len : more);
}

static void finish(struct pn_mllp_framer *framer, struct pn_slice part,
                   struct pn_mllp_piece *ret_piece)
{
    bool is_whole_here =
        framer->frame.len == 0 && !framer->is_too_large && part.len <= framer->frame_bytes_max;
    if (!is_whole_here) {
        keep(framer, part);
    }
    struct pn_slice bytes = is_whole_here ? part : pn_buf_slice(&framer->frame);
    ret_piece->kind = framer->is_too_large ? PN_MLLP_TOO_LARGE : PN_MLLP_FRAME;
    ret_piece->bytes = framer->is_too_large ? bytes : after_cut(framer, bytes);
    framer->in_frame = false;
    framer->is_given = true;
    framer->is_after_end = true;
}

bool pn_mllp_framer_next(struct pn_mllp_framer *framer, struct pn_slice *input,
                         struct pn_mllp_piece *ret_piece)
{
    if (framer->is_given) {
        if (framer->frame.capacity > IDLE_BYTES_MAX) {
            pn_buf_release(&framer->frame);
        }
        pn_buf_clear(&framer->frame);
        framer->is_given = false;
        framer->is_too_large = false;
    }
    if (!framer->in_frame && !find_start(framer, input)) {
        return false;
    }
    const char *end = input->len == 0 ? NULL : memchr(input->ptr, end_byte, input->len);
    if (end == NULL) {
        if (input->len > 0) {
            keep(framer, take(input, input->len));
        }
        return false;
    }
    struct pn_slice part = take(input, (size_t)(end - input->ptr));
    (void)take(input, 1);
    finish(framer, part, ret_piece);
    return true;
}

bool pn_mllp_framer_is_inside(const struct pn_mllp_framer *framer)
{
    return framer->in_frame;
}

void pn_mllp_encode(struct pn_buf *out, struct pn_slice message)
{
    pn_buf_add_char(out, start_byte);
    pn_buf_add_slice(out, message);
    pn_buf_add(out, "\x1C\r", 2);
}
