// SPDX-License-Identifier: Apache-2.0
/*
 * The languages that rules, teams and reasons have their texts in.
 */
#ifndef PN_IDENTIFY_LANGUAGE_H
#define PN_IDENTIFY_LANGUAGE_H

enum pn_language { PN_LANGUAGE_FI, PN_LANGUAGE_SV, PN_LANGUAGE_EN, PN_LANGUAGE_COUNT };

#endif
