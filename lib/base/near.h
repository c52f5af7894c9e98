// SPDX-License-Identifier: Apache-2.0
/*
 * The nearest name, for "did you mean": unknown keys, commands and options.
 */
#ifndef PN_BASE_NEAR_H
#define PN_BASE_NEAR_H

#include <stddef.h>

#include "base/slice.h"

enum { PN_NEAR_BYTES_MAX = 64 }; // longer words have no near name

// Keeps the best of the candidates that it was given.
struct pn_near {
    struct pn_slice word;
    const char *best; // NULL: none was close enough
    unsigned distance;
};

void pn_near_init(struct pn_near *near, struct pn_slice word);
// `candidate` must live as long as `near` is used.
void pn_near_offer(struct pn_near *near, const char *candidate);

#endif
