// SPDX-License-Identifier: Apache-2.0
/*
 * Tables of words, and which of its words a text is: the names of an enum, the values that are
 * allowed. A table is short (it is gone through), and its words differ from each other. The whole
 * text counts, case too. NULL in a table is a place without a word.
 */
#ifndef PN_BASE_WORDS_H
#define PN_BASE_WORDS_H

#include "base/slice.h"

// The place of the text among the words; `count` when it is none of them.
unsigned pn_words_find(const char *const *words, unsigned count, struct pn_slice text);
// Whether the text is one of the words of a list that ends in NULL. `words` may be NULL: no word.
bool pn_words_hold(const char *const *words, struct pn_slice text);

#endif
