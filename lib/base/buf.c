// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

void pn_buf_init(struct pn_buf *buf, size_t max_bytes)
{
    *buf = (struct pn_buf){.max_bytes = max_bytes};
}

void pn_buf_release(struct pn_buf *buf)
{
    free(buf->data);
    pn_buf_init(buf, buf->max_bytes);
}

void pn_buf_clear(struct pn_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

static bool make_room(struct pn_buf *buf, size_t more)
{
    if (buf->failed || more > buf->max_bytes - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t needed = buf->len + more + 1;
    if (needed <= buf->capacity) {
        return true;
    }
    size_t capacity = buf->capacity == 0 ? FIRST_BYTES : buf->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *grown = realloc(buf->data, capacity);
    if (grown == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = grown;
    buf->capacity = capacity;
    return true;
}

void pn_buf_add(struct pn_buf *buf, const void *bytes, size_t len)
{
    assert(buf != NULL);
    if (!make_room(buf, len)) {
        return;
    }
    if (len > 0) {
        memcpy(buf->data + buf->len, bytes, len);
    }
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void pn_buf_add_slice(struct pn_buf *buf, struct pn_slice text)
{
    pn_buf_add(buf, text.ptr, text.len);
}

void pn_buf_add_str(struct pn_buf *buf, const char *text)
{
    pn_buf_add(buf, text, strlen(text));
}

void pn_buf_add_char(struct pn_buf *buf, char c)
{
    pn_buf_add(buf, &c, 1);
}

void pn_buf_printf(struct pn_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        buf->failed = true;
    } else if (make_room(buf, (size_t)length)) {
        vsnprintf(buf->data + buf->len, (size_t)length + 1, format, again);
        buf->len += (size_t)length;
    }
    va_end(again);
}

void pn_buf_consume(struct pn_buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len == 0) {
        return;
    }
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
    buf->data[buf->len] = '\0';
}

bool pn_buf_ok(const struct pn_buf *buf)
{
    return !buf->failed;
}

struct pn_slice pn_buf_slice(const struct pn_buf *buf)
{
    return pn_slice_of(buf->data, buf->len);
}
