// SPDX-License-Identifier: Apache-2.0
#include "base/words.h"

unsigned pn_words_find(const char *const *words, unsigned count, struct pn_slice text)
{
    unsigned i = 0;
    while (i < count && (words[i] == NULL || !pn_slice_is(text, words[i]))) {
        i++;
    }
    return i;
}

bool pn_words_hold(const char *const *words, struct pn_slice text)
{
    for (; words != NULL && *words != NULL; words++) {
        if (pn_slice_is(text, *words)) {
            return true;
        }
    }
    return false;
}
