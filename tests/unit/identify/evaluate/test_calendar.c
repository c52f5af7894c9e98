// SPDX-License-Identifier: Apache-2.0
/*
 * A calendar that remembers days tells what is told without it: over changes to and from summer
 * time, leap days, ends of months and years, days before 1970, and days that share a place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/rules/fact.h"

enum { HOUR_MS = 3600000, ROUNDS = 200000 };

static struct pn_calendar calendar;

static int begin(void **state)
{
    (void)state;
    pn_calendar_init(&calendar);
    setenv("TZ", "Europe/Helsinki", 1);
    tzset();
    return 0;
}

static int64_t at(int year, int month, int day)
{
    return pn_days_from_civil(year, month, day) * PN_MS_PER_DAY;
}

static void months_are_the_same_at_every_hour(void **state)
{
    (void)state;
    static const int64_t months[] = {1, 6, 11, 12, 24, 60};
    // 2000 was a leap year and 1900 was none.
    static const int years[][2] = {{1899, 1901}, {1967, 1972}, {1999, 2001}, {2023, 2029}};
    for (unsigned y = 0; y < PN_ARRAY_COUNT(years); y++) {
        const int64_t end_ms = at(years[y][1], 12, 31);
        for (int64_t time_ms = at(years[y][0], 1, 1) - 1; time_ms < end_ms; time_ms += HOUR_MS) {
            for (unsigned m = 0; m < PN_ARRAY_COUNT(months); m++) {
                assert_int_equal(pn_calendar_later(&calendar, time_ms, months[m]),
                                 pn_months_later(time_ms, months[m]));
            }
        }
    }
}

static void what_is_remembered_is_not_taken_for_another_day(void **state)
{
    (void)state;
    uint64_t seed = 20261122;
    for (unsigned i = 0; i < ROUNDS; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        const int64_t time_ms = at(1960, 1, 1) + (int64_t)(seed >> 22); // to 2099
        const int64_t months = 1 + (int64_t)(seed >> 5) % 60;
        assert_int_equal(pn_calendar_later(&calendar, time_ms, months),
                         pn_months_later(time_ms, months));
        assert_int_equal(pn_calendar_day(&calendar, time_ms), pn_local_day(time_ms));
    }
}

// The C library reads the same zone by itself.
static void days_begin_at_the_clocks_midnight(void **state)
{
    (void)state;
    for (int64_t day = pn_days_from_civil(1995, 1, 1); day < pn_days_from_civil(2036, 1, 1);
         day++) {
        const int64_t midnight_ms = pn_calendar_midnight(&calendar, day);
        const time_t midnight = midnight_ms / PN_MS_PER_SECOND;
        struct tm clock;
        assert_non_null(localtime_r(&midnight, &clock));
        assert_int_equal(pn_days_from_civil(clock.tm_year + 1900, clock.tm_mon + 1, clock.tm_mday),
                         day);
        assert_int_equal(clock.tm_hour * 3600 + clock.tm_min * 60 + clock.tm_sec, 0);
        assert_int_equal(pn_calendar_day(&calendar, midnight_ms), day);
        assert_int_equal(pn_calendar_day(&calendar, midnight_ms - 1), day - 1);
        assert_int_equal(pn_calendar_midnight(&calendar, day), midnight_ms); // remembered
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(months_are_the_same_at_every_hour, begin),
        cmocka_unit_test_setup(what_is_remembered_is_not_taken_for_another_day, begin),
        cmocka_unit_test_setup(days_begin_at_the_clocks_midnight, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
