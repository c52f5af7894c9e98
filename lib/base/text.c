// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <string.h>

void pn_hex_add(struct pn_buf *buf, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    for (size_t i = 0; i < len; i++) {
        char pair[2] = {digits[in[i] >> 4], digits[in[i] & 15]};
        pn_buf_add(buf, pair, sizeof pair);
    }
}

int pn_hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void pn_base64_add(struct pn_buf *buf, const void *bytes, size_t len)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)in[i] << 16;
        group |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
        group |= i + 2 < len ? (uint32_t)in[i + 2] : 0;
        char out[4] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63],
                       base64_digits[group >> 6 & 63], base64_digits[group & 63]};
        if (i + 2 >= len) {
            out[3] = '=';
        }
        if (i + 1 >= len) {
            out[2] = '=';
        }
        pn_buf_add(buf, out, sizeof out);
    }
}

static int base64_value(char c)
{
    const char *found = c == '\0' ? NULL : strchr(base64_digits, c);
    return found == NULL ? -1 : (int)(found - base64_digits);
}

bool pn_base64_decode(struct pn_slice text, struct pn_buf *out)
{
    uint32_t group = 0;
    unsigned digits = 0;
    unsigned padding = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            continue;
        }
        int value = c == '=' ? 0 : base64_value(c);
        padding += c == '=';
        if (value < 0 || (padding > 0 && c != '=') || padding > 2) {
            return false;
        }
        group = group << 6 | (uint32_t)value;
        digits++;
        if (digits % 4 == 0) {
            char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
            pn_buf_add(out, bytes, 3 - padding);
            group = 0;
        }
    }
    return digits % 4 == 0 && pn_buf_ok(out);
}

// Length of the valid UTF-8 sequence at the start of `at` (RFC 3629), 0 when there is none.
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < length) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (first == 0xE0 && at[1] < 0xA0) || (first == 0xF0 && at[1] < 0x90);
    bool surrogate = first == 0xED && at[1] > 0x9F;
    bool too_high = first == 0xF4 && at[1] > 0x8F;
    return overlong || surrogate || too_high ? 0 : length;
}

bool pn_utf8_is_valid(struct pn_slice text)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    size_t i = 0;
    while (i < text.len) {
        size_t length = utf8_sequence(bytes + i, text.len - i);
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

size_t pn_utf8_put(char *at, uint32_t character)
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1;) {
        at[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    at[0] = (char)(leads[length] | character);
    return length;
}

struct pn_slice pn_latin1_to_utf8(struct pn_arena *arena, struct pn_slice text)
{
    char *out = pn_arena_alloc(arena, text.len * 2 + 1);
    if (out == NULL) {
        return pn_slice_of(NULL, 0);
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c < 0x80) {
            out[len++] = (char)c;
        } else {
            out[len++] = (char)(0xC0 | c >> 6);
            out[len++] = (char)(0x80 | (c & 0x3F));
        }
    }
    return pn_slice_of(out, len);
}
