// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void formats_and_parses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *again;
    } times[] = {
        {"1970-01-01T00:00:00.000Z", 0, NULL},
        {"2026-11-21T21:40:23.123Z", INT64_C(1795297223123), NULL},
        {"1969-12-31T23:59:59.999Z", -1, NULL},
        {"2000-02-29T12:00:00.000Z", INT64_C(951825600000), NULL},
        {"2026-11-21T23:40:23.1+02:00", INT64_C(1795297223100), "2026-11-21T21:40:23.100Z"},
        {"2026-11-21T16:10:23-05:30", INT64_C(1795297223000), "2026-11-21T21:40:23.000Z"},
        {"2026-11-21T21:40:23.123456789Z", INT64_C(1795297223123), "2026-11-21T21:40:23.123Z"},
        {"2026", INT64_C(1767225600000), "2026-01-01T00:00:00.000Z"},
        {"2026-11", INT64_C(1793491200000), "2026-11-01T00:00:00.000Z"},
        {"2026-11-21", INT64_C(1795219200000), "2026-11-21T00:00:00.000Z"},
        {"0001-01-01T00:00:00.000Z", INT64_C(-62135596800000), NULL},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999), NULL},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(times); i++) {
        int64_t ms = 0;
        char text[PN_TIME_TEXT_BYTES];
        assert_true(pn_time_parse(pn_slice_str(times[i].text), &ms));
        assert_int_equal(ms, times[i].ms);
        pn_time_format(ms, text);
        assert_string_equal(text, times[i].again == NULL ? times[i].text : times[i].again);
    }
}

static void refuses_what_is_no_time(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "20",
        "2026-",
        "2026-13",
        "2026-00",
        "2026-02-29",
        "2100-02-29",
        "2026-11-31",
        "2026-11-00",
        "2026-11-21T",
        "2026-11-21T21:40:23",
        "2026-11-21T24:00:00Z",
        "2026-11-21T21:60:00Z",
        "2026-11-21T21:40:23.Z",
        "2026-11-21T21:40:23+2:00",
        "2026-11-21T21:40:23+15:00",
        "2026-11-21 21:40:23Z",
        "2026-11-21T21:40Z",
        "2026-11-21x",
        "0000-01-01",
        "20261121",
        "2026-11-21T21:40:23+02:60",
        " 2026",
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        int64_t ms = 7;
        if (pn_time_parse(pn_slice_str(wrong[i]), &ms) || ms != 7) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
}

static void counts_days_both_ways(void **state)
{
    (void)state;
    assert_int_equal(pn_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(pn_days_from_civil(2000, 3, 1) - pn_days_from_civil(2000, 2, 28), 2);
    assert_int_equal(pn_days_from_civil(1900, 3, 1) - pn_days_from_civil(1900, 2, 28), 1);
    for (int64_t days = -720000; days < 2932000; days += 37) {
        int year = 0;
        int month = 0;
        int day = 0;
        pn_civil_from_days(days, &year, &month, &day);
        assert_int_equal(pn_days_from_civil(year, month, day), days);
    }
}

static struct pn_civil civil_of(const char *text)
{
    struct pn_civil civil = {.hour = -1};
    int got = sscanf(text, "%d-%d-%dT%d:%d:%d", &civil.year, &civil.month, &civil.day, &civil.hour,
                     &civil.minute, &civil.second);
    assert_true(got >= 1);
    return civil;
}

static void knows_the_zones(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *time;
        int minutes;
    } times[] = {
        {"Europe/Helsinki", "2026-01-15T12:00:00", 120},
        {"Europe/Helsinki", "2026-07-15T12:00:00", 180},
        {"Europe/Helsinki", "2026", 120},
        {"Europe/Helsinki", "2026-07-15", 180},
        // Spring: 03:00 … 04:00 does not exist; read with the offset before.
        {"Europe/Helsinki", "2026-03-29T02:59:59", 120},
        {"Europe/Helsinki", "2026-03-29T03:30:00", 120},
        {"Europe/Helsinki", "2026-03-29T04:00:00", 180},
        // Autumn: 03:00 … 04:00 comes twice; the first is meant.
        {"Europe/Helsinki", "2026-10-25T03:00:00", 180},
        {"Europe/Helsinki", "2026-10-25T03:59:59", 180},
        {"Europe/Helsinki", "2026-10-25T04:00:00", 120},
        // Beyond the table: the rule.
        {"Europe/Helsinki", "2099-03-29T03:30:00", 120},
        {"Europe/Helsinki", "2099-03-29T04:00:00", 180},
        {"Europe/Helsinki", "2099-10-25T03:59:59", 180},
        {"Europe/Helsinki", "2099-10-25T04:00:00", 120},
        // No summer time in Finland from 1943 to 1980.
        {"Europe/Helsinki", "1970-07-01T12:00:00", 120},
        {"Europe/Helsinki", "1942-07-01T12:00:00", 180},
        {"Europe/Helsinki", "1900-01-01T12:00:00", 99},
        {"Australia/Sydney", "2026-01-15T12:00:00", 660},
        {"Australia/Sydney", "2090-01-15T12:00:00", 660},
        {"Australia/Sydney", "2090-07-15T12:00:00", 600},
        {"Europe/Dublin", "2090-07-15T12:00:00", 60},
        {"Europe/Dublin", "2090-01-15T12:00:00", 0},
        {"Asia/Kolkata", "2026-01-15T12:00:00", 330},
        {"America/St_Johns", "2026-01-15T12:00:00", -210},
        {"Etc/GMT+5", "2026-01-15T12:00:00", -300},
        {"UTC", "2026-07-15T12:00:00", 0},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(times); i++) {
        struct pn_civil civil = civil_of(times[i].time);
        int minutes = -9999;
        assert_true(pn_zone_offset(times[i].zone, &civil, &minutes));
        if (minutes != times[i].minutes) {
            fail_msg("%s %s: %d", times[i].zone, times[i].time, minutes);
        }
    }
}

static int64_t clock_of(int64_t utc_s)
{
    const time_t moment = (time_t)utc_s;
    struct tm clock;
    assert_non_null(localtime_r(&moment, &clock));
    return utc_s + clock.tm_gmtoff;
}

// Of two moments at which clocks show the same the first: by the offset of the day before.
static int64_t first_of(int64_t utc_s)
{
    const int64_t before_s = utc_s - 86400,
                  first_s = clock_of(utc_s) - (clock_of(before_s) - before_s);
    return first_s < utc_s && clock_of(first_s) == clock_of(utc_s) ? first_s : utc_s;
}

static void check_clock(const char *zone, int64_t utc_s)
{
    int64_t local_ms = 0, first_ms = 0;
    assert_true(pn_zone_local(zone, utc_s * 1000 + 7, &local_ms));
    assert_int_equal(local_ms, clock_of(utc_s) * 1000 + 7);
    assert_true(pn_zone_moment(zone, local_ms, &first_ms));
    assert_int_equal(first_ms, first_of(utc_s) * 1000 + 7);
}

// The C library reads the same zones by itself: a time of each day, and every ten minutes near each
// change.
static void shows_what_the_c_library_shows(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Helsinki", "Australia/Sydney", "Asia/Kolkata"};
    enum { STEP_S = 600, ODD_DAY_S = 86400 - 977 };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(names); i++) {
        setenv("TZ", names[i], 1);
        tzset();
        const int64_t end_s = pn_days_from_civil(2120, 1, 1) * 86400;
        for (int64_t s = pn_days_from_civil(1875, 1, 1) * 86400; s < end_s; s += ODD_DAY_S) {
            check_clock(names[i], s);
            bool has_change = clock_of(s + ODD_DAY_S) != clock_of(s) + ODD_DAY_S;
            for (int64_t near_s = s; has_change && near_s < s + 2 * ODD_DAY_S; near_s += STEP_S) {
                check_clock(names[i], near_s);
            }
        }
    }
    setenv("TZ", "UTC", 1);
    tzset();
}

// What the clocks leave out in spring is as much later as they go forward.
static void reads_what_no_clock_shows(void **state)
{
    (void)state;
    static const char *const times[][2] = {{"2026-03-29T02:59:59Z", "2026-03-29T02:59:59+02:00"},
                                           {"2026-03-29T03:00:00Z", "2026-03-29T04:00:00+03:00"},
                                           {"2026-03-29T03:30:00Z", "2026-03-29T04:30:00+03:00"},
                                           {"2026-03-29T03:59:59Z", "2026-03-29T04:59:59+03:00"},
                                           {"2026-03-29T04:00:00Z", "2026-03-29T04:00:00+03:00"},
                                           {"2099-03-29T03:30:00Z", "2099-03-29T04:30:00+03:00"}};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(times); i++) {
        int64_t local_ms = 0, expected_ms = 0, time_ms = 0;
        assert_true(pn_time_parse(pn_slice_str(times[i][0]), &local_ms));
        assert_true(pn_time_parse(pn_slice_str(times[i][1]), &expected_ms));
        assert_true(pn_zone_moment("Europe/Helsinki", local_ms, &time_ms));
        assert_int_equal(time_ms, expected_ms);
    }
    int64_t unknown_ms = 3;
    assert_false(pn_zone_moment("Europe/Nowhere", 0, &unknown_ms));
    assert_false(pn_zone_local("Europe/Nowhere", 0, &unknown_ms));
    assert_false(pn_zone_local(NULL, 0, &unknown_ms));
    assert_int_equal(unknown_ms, 3);
    assert_true(pn_zone_local("UTC", 5, &unknown_ms));
    assert_int_equal(unknown_ms, 5);
}

static void refuses_what_is_no_zone(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",       "Europe/Nowhere", "../../etc/passwd", "/etc/passwd",
        "Europe", "zone.tab",       "Europe/../UTC",    "a b",
        NULL};
    struct pn_civil civil = civil_of("2026-07-15T12:00:00");
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        int minutes = 7;
        assert_false(pn_zone_offset(wrong[i], &civil, &minutes));
        assert_int_equal(minutes, 7);
    }
}

static void converts_civil_times(void **state)
{
    (void)state;
    struct pn_civil civil = civil_of("2026-07-15T12:00:00");
    int64_t ms = 0;
    char text[PN_TIME_TEXT_BYTES];
    assert_true(pn_civil_to_ms(&civil, "Europe/Helsinki", &ms));
    pn_time_format(ms, text);
    assert_string_equal(text, "2026-07-15T09:00:00.000Z");
    civil.has_zone = true;
    civil.zone_minutes = 0;
    assert_true(pn_civil_to_ms(&civil, "Europe/Helsinki", &ms));
    pn_time_format(ms, text);
    assert_string_equal(text, "2026-07-15T12:00:00.000Z");
    civil.day = 32;
    assert_false(pn_civil_to_ms(&civil, "Europe/Helsinki", &ms));
}

static void tests_may_set_the_time(void **state)
{
    (void)state;
    pn_clock_set_for_test(123);
    assert_int_equal(pn_clock_now_ms(), 123);
    pn_clock_set_for_test(0);
    assert_true(pn_clock_now_ms() > INT64_C(1700000000000));
    int64_t first = pn_clock_monotonic_ms();
    assert_true(pn_clock_monotonic_ms() >= first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_parses),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(counts_days_both_ways),
        cmocka_unit_test(knows_the_zones),
        cmocka_unit_test(refuses_what_is_no_zone),
        cmocka_unit_test(converts_civil_times),
        cmocka_unit_test(tests_may_set_the_time),
        cmocka_unit_test(shows_what_the_c_library_shows),
        cmocka_unit_test(reads_what_no_clock_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
