// SPDX-License-Identifier: Apache-2.0
/*
 * A growing byte buffer that is born with a maximum.
 *
 * Once an append would pass the maximum (or the heap is exhausted) the buffer is `failed` and stays
 * so until cleared; further appends do nothing. So a writer appends freely and checks once, at the
 * end, with pn_buf_ok. The bytes are always NUL-terminated for a library's edge.
 */
#ifndef PN_BASE_BUF_H
#define PN_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct pn_buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max_bytes;
    bool failed;
};

void pn_buf_init(struct pn_buf *buf, size_t max_bytes);
// Frees the bytes; the buffer can be used again.
void pn_buf_release(struct pn_buf *buf);
// Keeps the memory, forgets the bytes and the failure.
void pn_buf_clear(struct pn_buf *buf);

void pn_buf_add(struct pn_buf *buf, const void *bytes, size_t len);
void pn_buf_add_slice(struct pn_buf *buf, struct pn_slice text);
void pn_buf_add_str(struct pn_buf *buf, const char *text);
void pn_buf_add_char(struct pn_buf *buf, char c);
void pn_buf_printf(struct pn_buf *buf, const char *format, ...) PN_PRINTF(2, 3);
// Drops `len` bytes from the front (what a reader has consumed).
void pn_buf_consume(struct pn_buf *buf, size_t len);

PN_MUST_USE bool pn_buf_ok(const struct pn_buf *buf);
struct pn_slice pn_buf_slice(const struct pn_buf *buf);

#endif
