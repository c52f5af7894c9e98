// SPDX-License-Identifier: Apache-2.0
/*
 * Errors: one must-use code, and the detail in a struct on the caller's stack.
 *
 * A function that can fail returns enum pn_code and takes `struct pn_err *err` as its last
 * argument. Outputs (ret_…) are not touched on failure. `err` may not be NULL.
 *
 * `where` names the place (`PID-3.1`, `Patient.birthDate`, `mapping.yaml:12 rows[3].table`), `text`
 * says what is wrong and what to do. Neither may ever hold a value that came out of a message:
 * field names, never field values.
 */
#ifndef PN_BASE_ERR_H
#define PN_BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

enum pn_code {
    PN_OK = 0,
    PN_INVALID,     // the input is wrong and will stay wrong: reject it
    PN_UNSUPPORTED, // well formed, but nothing here handles it: reject it
    PN_LIMIT,       // over a named bound
    PN_NOT_FOUND,   // what was asked for does not exist
    PN_CONFLICT,    // somebody else changed it first (ETag, position, unique key)
    PN_DENIED,      // not allowed
    PN_UNAVAILABLE, // another party is away: try again later
    PN_IO,          // the operating system said no
    PN_MEMORY,      // an arena or the heap is exhausted
    PN_INTERNAL     // a promise inside Punos was broken
};

enum { PN_ERR_WHERE_BYTES = 128, PN_ERR_TEXT_BYTES = 320 };

struct pn_err {
    enum pn_code code;
    char where[PN_ERR_WHERE_BYTES];
    char text[PN_ERR_TEXT_BYTES];
};

// Fills err and returns code, so that a caller can `return pn_err_set(err, …)`.
enum pn_code pn_err_set(struct pn_err *err, enum pn_code code, const char *where, const char *text,
                        ...) PN_PRINTF(4, 5);

// Puts `prefix` and a separator before err->where (outer places are added as the error travels up).
// Returns err->code.
enum pn_code pn_err_within(struct pn_err *err, const char *prefix);

// True when trying the same thing again later may succeed.
bool pn_code_is_retriable(enum pn_code code);

// The constant name, `invalid`, `not-found`, … for logs, metrics and files.
const char *pn_code_name(enum pn_code code);

#endif
