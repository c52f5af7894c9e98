// SPDX-License-Identifier: Apache-2.0
#include "base/finid.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

static const char check_characters[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";

// Where the parts stand: PPKKVV, separator, NNN, check.
enum { SEPARATOR_AT = 6, NUMBER_AT = 7, CHECK_AT = 10 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter_or_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// -1 when one of them is no digit.
static int digits(const char *at, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(at[i])) {
            return -1;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

// 0 when it is no separator.
static int century_of(char separator)
{
    static const struct {
        const char *separators;
        int century;
    } table[] = {{"+", 1800}, {"-YXWVU", 1900}, {"ABCDEF", 2000}};
    for (size_t i = 0; separator != '\0' && i < PN_ARRAY_COUNT(table); i++) {
        if (strchr(table[i].separators, separator) != NULL) {
            return table[i].century;
        }
    }
    return 0;
}

enum pn_hetu_fault pn_hetu_parse(struct pn_slice text, struct pn_hetu *ret_hetu)
{
    if (text.len != PN_HETU_LENGTH) {
        return PN_HETU_LENGTH_WRONG;
    }
    int century = century_of(text.ptr[SEPARATOR_AT]);
    if (century == 0) {
        return PN_HETU_SEPARATOR_WRONG;
    }
    int day = digits(text.ptr, 2);
    int month = digits(text.ptr + 2, 2);
    int year = digits(text.ptr + 4, 2);
    struct pn_civil birth = {
        .year = century + year, .month = month, .day = day, .hour = -1, .has_zone = true};
    if (day < 1 || month < 1 || year < 0 || !pn_civil_is_valid(&birth)) {
        return PN_HETU_DATE_WRONG;
    }
    int number = digits(text.ptr + NUMBER_AT, 3);
    if (number < 2) {
        return PN_HETU_NUMBER_WRONG;
    }
    int all = ((day * 100 + month) * 100 + year) * 1000 + number;
    if (text.ptr[CHECK_AT] != check_characters[all % 31]) {
        return PN_HETU_CHECK_WRONG;
    }
    *ret_hetu = (struct pn_hetu){.birth_year = birth.year,
                                 .birth_month = month,
                                 .birth_day = day,
                                 .is_female = number % 2 == 0,
                                 .is_test_number = number >= 900};
    return PN_HETU_GOOD;
}

const char *pn_hetu_fault_text(enum pn_hetu_fault fault)
{
    static const char *const texts[] = {
        [PN_HETU_GOOD] = "is good",
        [PN_HETU_LENGTH_WRONG] = "an identity code has 11 characters",
        [PN_HETU_SEPARATOR_WRONG] =
            "the seventh character is no separator (+ - Y X W V U A B C D E F)",
        [PN_HETU_DATE_WRONG] = "the first six characters are no date (DDMMYY) of that century",
        [PN_HETU_NUMBER_WRONG] = "the individual number is not from 002 to 999",
        [PN_HETU_CHECK_WRONG] = "the check character does not fit the rest",
    };
    assert((unsigned)fault < PN_ARRAY_COUNT(texts));
    return texts[fault];
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

// 8-4-4-4-12 hexadecimal digits around a hyphen that stands at place 8.
static bool is_in_uuid(struct pn_slice text, size_t hyphen)
{
    enum { UUID_BYTES = 36 };
    if (hyphen < 8 || text.len - (hyphen - 8) < UUID_BYTES) {
        return false;
    }
    const char *at = text.ptr + hyphen - 8;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        bool is_hyphen_place = i == 8 || i == 13 || i == 18 || i == 23;
        char c = upper(at[i]);
        if (is_hyphen_place ? c != '-' : !is_digit(c) && (c < 'A' || c > 'F')) {
            return false;
        }
    }
    return true;
}

/*
 * A code at `start`, in capitals or not. Lower-case a–f as separators are looked at only in a word
 * of exactly that length: elsewhere they are hexadecimal. A longer run of digits on either side is
 * a number of another kind (a time stamp with a running number has the shape too often).
 */
static bool is_code_at(struct pn_slice text, size_t start)
{
    size_t end = start + PN_HETU_LENGTH;
    char code[PN_HETU_LENGTH];
    for (size_t i = 0; i < PN_HETU_LENGTH; i++) {
        code[i] = upper(text.ptr[start + i]);
    }
    char separator = text.ptr[start + SEPARATOR_AT];
    if (separator >= 'a' && separator <= 'f' &&
        ((start > 0 && is_letter_or_digit(text.ptr[start - 1])) ||
         (end < text.len && is_letter_or_digit(text.ptr[end])))) {
        return false;
    }
    if (is_digit(code[CHECK_AT]) && end < text.len && is_digit(text.ptr[end])) {
        return false;
    }
    struct pn_hetu hetu;
    return pn_hetu_parse(pn_slice_of(code, sizeof code), &hetu) == PN_HETU_GOOD &&
           !(separator == '-' && is_in_uuid(text, start + SEPARATOR_AT));
}

bool pn_hetu_is_inside(struct pn_slice text)
{
    // Six digits in a row always cover a place that is a multiple of six, so only those are looked
    // at.
    for (size_t at = SEPARATOR_AT - 1; at < text.len; at += SEPARATOR_AT) {
        if (!is_digit(text.ptr[at])) {
            continue;
        }
        size_t start = at;
        size_t end = at + 1;
        while (start > 0 && is_digit(text.ptr[start - 1]) && at - start < SEPARATOR_AT) {
            start--;
        }
        while (end < text.len && is_digit(text.ptr[end]) && end - at <= SEPARATOR_AT) {
            end++;
        }
        bool is_run_of_six = end - start == SEPARATOR_AT;
        if (is_run_of_six && text.len - start >= PN_HETU_LENGTH && is_code_at(text, start)) {
            return true;
        }
    }
    return false;
}

bool pn_ytunnus_is_valid(struct pn_slice text)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2};
    if (text.len != 9 || text.ptr[7] != '-' || !is_digit(text.ptr[8])) {
        return false;
    }
    int sum = 0;
    for (size_t i = 0; i < PN_ARRAY_COUNT(weights); i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
        sum += weights[i] * (text.ptr[i] - '0');
    }
    int rest = sum % 11;
    int check = rest == 0 ? 0 : 11 - rest;
    return rest != 1 && check == text.ptr[8] - '0';
}

// One arc of digits without a leading zero.
static bool take_arc(struct pn_slice *oid, struct pn_slice *ret_arc)
{
    *ret_arc = pn_slice_split(*oid, '.', oid);
    if (ret_arc->len == 0 || (ret_arc->len > 1 && ret_arc->ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < ret_arc->len; i++) {
        if (!is_digit(ret_arc->ptr[i])) {
            return false;
        }
    }
    return true;
}

bool pn_oid_is_temporary_person_id(struct pn_slice oid)
{
    if (pn_slice_starts_with(oid, "urn:oid:")) {
        oid = pn_slice_of(oid.ptr + 8, oid.len - 8);
    }
    static const char root[] = "1.2.246.10.";
    if (!pn_slice_starts_with(oid, root) || oid.ptr[oid.len - 1] == '.') {
        return false;
    }
    struct pn_slice rest = pn_slice_of(oid.ptr + sizeof root - 1, oid.len - (sizeof root - 1));
    struct pn_slice arcs[6];
    size_t count = 0;
    while (rest.len > 0 && count < PN_ARRAY_COUNT(arcs)) {
        if (!take_arc(&rest, &arcs[count++])) {
            return false;
        }
    }
    bool is_own = count == 3 && pn_slice_is(arcs[1], "22");
    bool is_of_unit = count == 5 && pn_slice_is(arcs[1], "10") && pn_slice_is(arcs[3], "22");
    return rest.len == 0 && arcs[count - 1].len == 4 && (is_own || is_of_unit);
}
