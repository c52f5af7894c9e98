// SPDX-License-Identifier: Apache-2.0
/*
 * A slice: bytes that somebody else owns, passed by value. Not NUL-terminated.
 *
 * An empty slice has len 0; its ptr may be NULL. A slice never outlives what it points into.
 */
#ifndef PN_BASE_SLICE_H
#define PN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct pn_slice {
    const char *ptr;
    size_t len;
};

// For printf: `"%.*s", PN_SLICE_FMT(slice)`.
#define PN_SLICE_FMT(slice) (int)(slice).len, (slice).ptr == NULL ? "" : (slice).ptr

static inline struct pn_slice pn_slice_of(const char *ptr, size_t len)
{
    return (struct pn_slice){.ptr = ptr, .len = len};
}
// NULL gives the empty slice.
struct pn_slice pn_slice_str(const char *text);
bool pn_slice_eq(struct pn_slice a, struct pn_slice b);
bool pn_slice_is(struct pn_slice a, const char *text);
// ASCII case only.
bool pn_slice_is_nocase(struct pn_slice a, const char *text);
bool pn_slice_starts_with(struct pn_slice a, const char *prefix);
// Without leading and trailing ASCII white space.
struct pn_slice pn_slice_trim(struct pn_slice a);
// The part before the first `separator`; *rest becomes what follows it (empty when there is none).
struct pn_slice pn_slice_split(struct pn_slice a, char separator, struct pn_slice *rest);
// Decimal digits only, the whole slice; false when it is not a number or does not fit.
PN_MUST_USE bool pn_slice_to_i64(struct pn_slice a, int64_t *ret_value);

#endif
