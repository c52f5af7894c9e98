// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/language.h"

#include "base/words.h"

static const char *const codes[PN_LANGUAGE_COUNT] = {
    [PN_LANGUAGE_FI] = "fi", [PN_LANGUAGE_SV] = "sv", [PN_LANGUAGE_EN] = "en"};

const char *pn_language_code(enum pn_language language)
{
    return codes[language];
}

bool pn_language_parse(struct pn_slice code, enum pn_language *ret_language)
{
    unsigned found = pn_words_find(codes, PN_LANGUAGE_COUNT, code);
    if (found < PN_LANGUAGE_COUNT) {
        *ret_language = (enum pn_language)found;
    }
    return found < PN_LANGUAGE_COUNT;
}
