// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/finid.h"

// Codes are put together here, so that none outside the numbers for tests stands in the tree.
static enum pn_hetu_fault parse(const char *date, const char *number, struct pn_hetu *ret_hetu)
{
    char code[32];
    snprintf(code, sizeof code, "%s%s", date, number);
    return pn_hetu_parse(pn_slice_str(code), ret_hetu);
}

static void takes_good_codes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int year, month, day;
        bool is_female;
    } good[] = {
        {"290200A900B", 2000, 2, 29, true},  {"010185-901E", 1985, 1, 1, false},
        {"311299+902A", 1899, 12, 31, true}, {"150604B903N", 2004, 6, 15, false},
        {"150604F904P", 2004, 6, 15, true},  {"030372U9054", 1972, 3, 3, false},
        {"020516C903K", 2016, 5, 2, false},  {"010594Y9032", 1994, 5, 1, false},
        {"010594Y9021", 1994, 5, 1, true},   {"020594X903P", 1994, 5, 2, false},
        {"010181-900C", 1981, 1, 1, true},   {"200111A904P", 2011, 1, 20, true},
        {"180418A903L", 2018, 4, 18, false}, {"100190-999P", 1990, 1, 10, false},
        {"100190Y999P", 1990, 1, 10, false},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(good); i++) {
        struct pn_hetu hetu = {0};
        assert_int_equal(pn_hetu_parse(pn_slice_str(good[i].code), &hetu), PN_HETU_GOOD);
        assert_int_equal(hetu.birth_year, good[i].year);
        assert_int_equal(hetu.birth_month, good[i].month);
        assert_int_equal(hetu.birth_day, good[i].day);
        assert_int_equal(hetu.is_female, good[i].is_female);
        assert_true(hetu.is_test_number);
        assert_true(pn_hetu_is_inside(pn_slice_str(good[i].code)));
    }
}

static void takes_official_numbers(void **state)
{
    (void)state;
    struct pn_hetu hetu = {0};
    assert_int_equal(parse("131052-", "308T", &hetu), PN_HETU_GOOD);
    assert_true(hetu.is_female);
    assert_false(hetu.is_test_number);
    assert_int_equal(parse("111111-", "111C", &hetu), PN_HETU_GOOD);
    assert_int_equal(parse("010101-", "0101", &hetu), PN_HETU_GOOD);
    assert_int_equal(parse("210887-", "222L", &hetu), PN_HETU_GOOD);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *date, *number;
        enum pn_hetu_fault fault;
    } wrong[] = {
        {"010101-", "0102", PN_HETU_CHECK_WRONG},
        {"320101-", "0101", PN_HETU_DATE_WRONG},
        {"010101-", "0011", PN_HETU_NUMBER_WRONG},
        {"290200-", "900B", PN_HETU_DATE_WRONG},
        {"010190-", "999X", PN_HETU_CHECK_WRONG},
        {"010185G", "901E", PN_HETU_SEPARATOR_WRONG},
        {"0101859", "01E", PN_HETU_LENGTH_WRONG},
        {"010185-", "901E ", PN_HETU_LENGTH_WRONG},
        {"010185-", "901e", PN_HETU_CHECK_WRONG},
        {"010185a", "901E", PN_HETU_SEPARATOR_WRONG},
        {"0l0185-", "901E", PN_HETU_DATE_WRONG},
        {"010185-", "9O1E", PN_HETU_NUMBER_WRONG},
        {"010085-", "901E", PN_HETU_DATE_WRONG},
        {"001085-", "901E", PN_HETU_DATE_WRONG},
        {"", "", PN_HETU_LENGTH_WRONG},
        {"0101--1", "901E", PN_HETU_SEPARATOR_WRONG},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        struct pn_hetu hetu = {.birth_year = 1};
        enum pn_hetu_fault fault = parse(wrong[i].date, wrong[i].number, &hetu);
        if (fault != wrong[i].fault) {
            fail_msg("%s%s: %d", wrong[i].date, wrong[i].number, (int)fault);
        }
        assert_int_equal(hetu.birth_year, 1);
        assert_non_null(pn_hetu_fault_text(fault));
    }
    struct pn_hetu hetu;
    assert_int_equal(pn_hetu_parse(pn_slice_of("010185\0"
                                               "901E",
                                               11),
                                   &hetu),
                     PN_HETU_SEPARATOR_WRONG);
}

static void finds_codes_at_any_place(void **state)
{
    (void)state;
    char text[64];
    // Every offset against the stride of six, and every distance from the end.
    for (size_t before = 0; before < 20; before++) {
        for (size_t after = 0; after < 3; after++) {
            memset(text, 'x', sizeof text);
            memcpy(text + before, "010185-901E", 11);
            assert_true(pn_hetu_is_inside(pn_slice_of(text, before + 11 + after)));
            assert_false(pn_hetu_is_inside(pn_slice_of(text, before + 10)));
        }
    }
    static const char *const found[] = {
        "{\"value\":\"010185-901E\"}",
        "hetu:010185-901e,",
        "urn:oid:1.2.246.21.010185-901E",
        "010185-901E2",
        "a290200a900b",
        " 290200a900b ",
        "010594y9032",
        "03037 030372U9054",
        "12345-010185-901E",
    };
    static const bool expected[] = {true, true, true, true, false, true, true, true, true};
    for (size_t i = 0; i < PN_ARRAY_COUNT(found); i++) {
        if (pn_hetu_is_inside(pn_slice_str(found[i])) != expected[i]) {
            fail_msg("%s", found[i]);
        }
    }
}

static void leaves_other_numbers_alone(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "010185-901F",
        "20010185-901E", // a time stamp with a running number
        "030372-90549",  // a longer number
        "ab010185-9014-4f00-8000-000000000000",
        "ffffffffffffffffffffffffffffffff",
        "2026-11-21T21:40:23.123Z",
        "1.2.246.10.2048198.10.40",
        "320185-901E",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(others); i++) {
        if (pn_hetu_is_inside(pn_slice_str(others[i]))) {
            fail_msg("%s", others[i]);
        }
    }
    assert_false(pn_hetu_is_inside(pn_slice_of(NULL, 0)));
}

static void a_uuid_is_no_code(void **state)
{
    (void)state;
    // 030372-9054 is a good code; in a UUID it is chance.
    assert_true(pn_hetu_is_inside(pn_slice_str("x030372-9054-")));
    assert_false(pn_hetu_is_inside(pn_slice_str("id ab030372-9054-4f00-8000-0123456789ab.")));
    assert_true(pn_hetu_is_inside(pn_slice_str("id ab030372-9054-4f00-8000-0123456789a.")));
}

static void checks_business_ids(void **state)
{
    (void)state;
    static const char *const good[] = {"0737546-2", "0000001-9", "0204819-8", "0201256-6",
                                       "3221356-1"};
    static const char *const wrong[] = {"0737546-1", "737546-2",  "0737546-22", "073754602",
                                        "",          "O737546-2", "0737546- ",  "0000006-0"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(good); i++) {
        assert_true(pn_ytunnus_is_valid(pn_slice_str(good[i])));
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        assert_false(pn_ytunnus_is_valid(pn_slice_str(wrong[i])));
    }
}

static void knows_temporary_identifiers(void **state)
{
    (void)state;
    static const char *const temporary[] = {"1.2.246.10.2012566.22.2026",
                                            "1.2.246.10.2012566.10.40.22.2026",
                                            "urn:oid:1.2.246.10.2012566.22.2026"};
    static const char *const others[] = {
        "1.2.246.21",
        "",
        "urn:oid:1.2.246.21",
        "1.2.246.10.2012566.10.40",
        "1.2.246.10.2012566.22",
        "1.2.246.10.2012566.22.2026.1",
        "1.2.246.10.2012566.11.40.22.2026",
        "1.2.246.10.2012566.22.",
        "1.2.246.10.2012566..2026",
        "1.2.246.10.2012566.22.x",
        "1.2.246.10.02012566.22.2026",
        "1.2.246.10.1.2.3.4.5.6.7.8",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(temporary); i++) {
        assert_true(pn_oid_is_temporary_person_id(pn_slice_str(temporary[i])));
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(others); i++) {
        assert_false(pn_oid_is_temporary_person_id(pn_slice_str(others[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_good_codes),           cmocka_unit_test(takes_official_numbers),
        cmocka_unit_test(says_what_is_wrong),         cmocka_unit_test(finds_codes_at_any_place),
        cmocka_unit_test(leaves_other_numbers_alone), cmocka_unit_test(a_uuid_is_no_code),
        cmocka_unit_test(checks_business_ids),        cmocka_unit_test(knows_temporary_identifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
