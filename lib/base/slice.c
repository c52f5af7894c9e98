// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

#include <string.h>
#include <strings.h>

struct pn_slice pn_slice_str(const char *text)
{
    return pn_slice_of(text, text == NULL ? 0 : strlen(text));
}

bool pn_slice_eq(struct pn_slice a, struct pn_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool pn_slice_is(struct pn_slice a, const char *text)
{
    return pn_slice_eq(a, pn_slice_str(text));
}

bool pn_slice_is_nocase(struct pn_slice a, const char *text)
{
    size_t len = strlen(text);
    return a.len == len && (len == 0 || strncasecmp(a.ptr, text, len) == 0);
}

bool pn_slice_starts_with(struct pn_slice a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && (len == 0 || memcmp(a.ptr, prefix, len) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct pn_slice pn_slice_trim(struct pn_slice a)
{
    while (a.len > 0 && is_space(a.ptr[0])) {
        a.ptr++;
        a.len--;
    }
    while (a.len > 0 && is_space(a.ptr[a.len - 1])) {
        a.len--;
    }
    return a;
}

struct pn_slice pn_slice_split(struct pn_slice a, char separator, struct pn_slice *rest)
{
    const char *found = a.len == 0 ? NULL : memchr(a.ptr, separator, a.len);
    if (found == NULL) {
        *rest = pn_slice_of(NULL, 0);
        return a;
    }
    size_t head = (size_t)(found - a.ptr);
    *rest = pn_slice_of(found + 1, a.len - head - 1);
    return pn_slice_of(a.ptr, head);
}

bool pn_slice_to_i64(struct pn_slice a, int64_t *ret_value)
{
    bool negative = a.len > 0 && a.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == a.len) {
        return false;
    }
    int64_t value = 0;
    for (; i < a.len; i++) {
        if (a.ptr[i] < '0' || a.ptr[i] > '9') {
            return false;
        }
        int64_t digit = a.ptr[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    // Summed downwards, so that INT64_MIN fits.
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *ret_value = negative ? value : -value;
    return true;
}
