// SPDX-License-Identifier: Apache-2.0
#include "base/near.h"

#include <limits.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

// Levenshtein's distance, one row at a time.
static unsigned distance(struct pn_slice a, struct pn_slice b)
{
    unsigned row[PN_NEAR_BYTES_MAX + 1];
    for (unsigned i = 0; i <= b.len; i++) {
        row[i] = i;
    }
    for (unsigned i = 0; i < a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (unsigned j = 0; j < b.len; j++) {
            unsigned replace = diagonal + (a.ptr[i] != b.ptr[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(replace, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[b.len];
}

void pn_near_init(struct pn_near *near, struct pn_slice word)
{
    *near = (struct pn_near){.word = word, .distance = UINT_MAX};
}

void pn_near_offer(struct pn_near *near, const char *candidate)
{
    struct pn_slice name = pn_slice_str(candidate);
    if (near->word.len > PN_NEAR_BYTES_MAX || name.len > PN_NEAR_BYTES_MAX) {
        return;
    }
    unsigned found = distance(near->word, name);
    // One slip in three letters is still the same word.
    unsigned allowed = (unsigned)name.len / 3 + 1;
    if (found <= allowed && found < near->distance) {
        near->best = candidate;
        near->distance = found;
    }
}
