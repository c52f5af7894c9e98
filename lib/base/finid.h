// SPDX-License-Identifier: Apache-2.0
/*
 * Finnish identifiers: henkilötunnus (identity code), Y-tunnus (business id), and their OIDs.
 *
 * Decree 128/2010 2 § as amended by 690/2022: the identity code is PPKKVV, a separator that tells
 * the century, a three-digit individual number and a check character. The separator is part of
 * identity: 100190-999P and 100190Y999P are two persons, so it is never normalised and never left
 * out of a key.
 */
#ifndef PN_BASE_FINID_H
#define PN_BASE_FINID_H

#include <stdbool.h>

#include "base/slice.h"

#define PN_OID_HETU "1.2.246.21"
#define PN_URI_HETU "urn:oid:1.2.246.21"

enum { PN_HETU_LENGTH = 11 };

struct pn_hetu {
    int birth_year, birth_month, birth_day;
    bool is_female;      // even individual number
    bool is_test_number; // individual number 900–999: temporary or test, never official
};

enum pn_hetu_fault {
    PN_HETU_GOOD = 0,
    PN_HETU_LENGTH_WRONG,
    PN_HETU_SEPARATOR_WRONG,
    PN_HETU_DATE_WRONG,
    PN_HETU_NUMBER_WRONG, // individual number under 002
    PN_HETU_CHECK_WRONG
};

// Checks an identity code as written: capital letters, no white space around.
enum pn_hetu_fault pn_hetu_parse(struct pn_slice text, struct pn_hetu *ret_hetu);
// What is wrong, in words that hold nothing of the code itself.
const char *pn_hetu_fault_text(enum pn_hetu_fault fault);
// True when `text` holds an identity code at any place, in capitals or not: a real date, separator
// and check character. The guard on everything that leaves for the stream, a log or a URL. A digit
// before the six, or a digit after a check digit, makes it another kind of number (a time stamp
// with a running number would be taken too often), and so does standing inside a UUID.
bool pn_hetu_is_inside(struct pn_slice text);
// Stands for a system's own words that held one.
#define PN_WORDS_WITHHELD "(the system's words held an identity code and are not shown)"

// Y-tunnus, NNNNNNN-C (weights 7 9 10 5 8 4 2, modulo 11).
bool pn_ytunnus_is_valid(struct pn_slice text);

// True for an OID that names temporary person identifiers made by an organisation
// (1.2.246.10.<ytunnus>.22.<year> and ….10.<unit>.22.<year>): their check characters are not
// enforced.
bool pn_oid_is_temporary_person_id(struct pn_slice oid);

#endif
