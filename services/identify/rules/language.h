// SPDX-License-Identifier: Apache-2.0
/*
 * The languages that rules, teams and reasons have their texts in.
 */
#ifndef PN_IDENTIFY_LANGUAGE_H
#define PN_IDENTIFY_LANGUAGE_H

#include "base/slice.h"

enum pn_language { PN_LANGUAGE_FI, PN_LANGUAGE_SV, PN_LANGUAGE_EN, PN_LANGUAGE_COUNT };

const char *pn_language_code(enum pn_language language); // "fi"
// False when it is none of them.
PN_MUST_USE bool pn_language_parse(struct pn_slice code, enum pn_language *ret_language);

#endif
