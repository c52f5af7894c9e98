// SPDX-License-Identifier: Apache-2.0
/*
 * Months and days by the clocks of Finland, as the C library reckons them by itself, and with what
 * is remembered as without: over changes to and from summer time, leap days, ends of months and
 * years, days before 1970, and days that share a place.
 */
#include <inttypes.h>
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

static int64_t moment(const char *text)
{
    int64_t time_ms = 0;
    assert_true(pn_time_parse(pn_slice_str(text), &time_ms));
    return time_ms;
}

static void months_end_at_the_same_time_of_a_finnish_day(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        int64_t months;
        const char *to;
    } times[] = {
        // Just after a Finnish midnight, when UTC still has the day and the month before.
        {"2026-03-01T00:30:00+02:00", 6, "2026-09-01T00:30:00+03:00"},
        {"2026-07-01T02:59:59.999+03:00", 8, "2027-03-01T02:59:59.999+02:00"},
        {"2025-12-01T00:00:00+02:00", 12, "2026-12-01T00:00:00+02:00"},
        {"2025-11-30T23:59:59+02:00", 12, "2026-11-30T23:59:59+02:00"},
        {"2025-05-31T00:10:00+03:00", 4, "2025-09-30T00:10:00+03:00"},
        {"2025-08-31T00:15:00+03:00", 6, "2026-02-28T00:15:00+02:00"},
        {"2026-01-01T01:00:00+02:00", 1, "2026-02-01T01:00:00+02:00"},
        // Leap days.
        {"2024-02-29T00:30:00+02:00", 12, "2025-02-28T00:30:00+02:00"},
        {"2024-03-01T00:30:00+02:00", 12, "2025-03-01T00:30:00+02:00"},
        {"2023-02-28T00:30:00+02:00", 12, "2024-02-28T00:30:00+02:00"},
        {"2024-02-29T23:30:00+02:00", 48, "2028-02-29T23:30:00+02:00"},
        {"2096-02-29T01:30:00+02:00", 48, "2100-02-28T01:30:00+02:00"},
        // Over a change of the clocks.
        {"2026-03-15T12:00:00+02:00", 1, "2026-04-15T12:00:00+03:00"},
        {"2026-10-15T12:00:00+03:00", 1, "2026-11-15T12:00:00+02:00"},
        // A time that spring leaves out is as much later as the clocks go forward.
        {"2025-03-29T02:59:59+02:00", 12, "2026-03-29T02:59:59+02:00"},
        {"2025-03-29T03:00:00+02:00", 12, "2026-03-29T04:00:00+03:00"},
        {"2025-03-29T03:30:00+02:00", 12, "2026-03-29T04:30:00+03:00"},
        {"2025-03-29T04:00:00+02:00", 12, "2026-03-29T04:00:00+03:00"},
        {"2025-09-29T03:30:00+03:00", 6, "2026-03-29T04:30:00+03:00"},
        // Of a time that comes twice in autumn the first.
        {"2025-10-25T02:59:59+03:00", 12, "2026-10-25T02:59:59+03:00"},
        {"2025-10-25T03:00:00+03:00", 12, "2026-10-25T03:00:00+03:00"},
        {"2025-10-25T03:30:00+03:00", 12, "2026-10-25T03:30:00+03:00"},
        {"2026-01-25T03:59:59+02:00", 9, "2026-10-25T03:59:59+03:00"},
        {"2025-10-25T04:00:00+03:00", 12, "2026-10-25T04:00:00+02:00"},
        // From each of the two.
        {"2026-10-25T03:30:00+03:00", 12, "2027-10-25T03:30:00+03:00"},
        {"2026-10-25T03:30:00+02:00", 12, "2027-10-25T03:30:00+03:00"},
        {"2026-10-25T03:30:00+02:00", 1, "2026-11-25T03:30:00+02:00"},
        {"2026-10-25T03:30:00+03:00", 1, "2026-11-25T03:30:00+02:00"},
        // From 1943 to 1980 the clocks of Finland were not changed; in 1942 at midnight.
        {"1975-03-31T00:10:00+02:00", 3, "1975-06-30T00:10:00+02:00"},
        {"1942-03-03T00:30:00+02:00", 1, "1942-04-03T01:30:00+03:00"},
        {"1942-09-04T00:30:00+03:00", 1, "1942-10-04T00:30:00+03:00"},
        // Backwards.
        {"2026-03-31T00:30:00+03:00", -1, "2026-02-28T00:30:00+02:00"},
        {"2026-01-01T00:30:00+02:00", -13, "2024-12-01T00:30:00+02:00"},
        {"2026-11-22T12:00:00+02:00", 0, "2026-11-22T12:00:00+02:00"},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(times); i++) {
        const int64_t from_ms = moment(times[i].from), to_ms = moment(times[i].to);
        if (pn_months_later(from_ms, times[i].months) != to_ms) {
            fail_msg("%s, %d months", times[i].from, (int)times[i].months);
        }
        if (times[i].months > 0) {
            assert_int_equal(pn_calendar_later(&calendar, from_ms, times[i].months), to_ms);
            assert_int_equal(pn_calendar_later(&calendar, from_ms, times[i].months), to_ms);
        }
    }
}

// --- The C library reads the same zone by itself -------------------------------------------------

static struct tm clock_of(int64_t utc_s)
{
    const time_t second = (time_t)utc_s;
    struct tm clock;
    assert_non_null(localtime_r(&second, &clock));
    return clock;
}

static int64_t shown(int64_t utc_s)
{
    return utc_s + clock_of(utc_s).tm_gmtoff;
}

// By the offsets of the day before and the day after: the first of two moments, and in a gap what
// the offset before it tells.
static int64_t reckoned(int64_t time_ms, int64_t months)
{
    const int64_t rest_ms = ((time_ms % 1000) + 1000) % 1000;
    struct tm clock = clock_of((time_ms - rest_ms) / 1000);
    const int64_t month = clock.tm_year * INT64_C(12) + clock.tm_mon + months;
    struct tm wanted = {.tm_year = (int)(month / 12), .tm_mon = (int)(month % 12)};
    if (wanted.tm_mon < 0) { // years are told from 1900
        wanted.tm_mon += 12;
        wanted.tm_year--;
    }
    struct tm last = {.tm_year = wanted.tm_year, .tm_mon = wanted.tm_mon + 1, .tm_mday = 0};
    (void)timegm(&last); // makes of the next month's day 0 this month's last
    wanted.tm_mday = clock.tm_mday < last.tm_mday ? clock.tm_mday : last.tm_mday;
    wanted.tm_hour = clock.tm_hour;
    wanted.tm_min = clock.tm_min;
    wanted.tm_sec = clock.tm_sec;
    const int64_t local_s = timegm(&wanted);
    const int64_t first_s = local_s - clock_of(local_s - 86400).tm_gmtoff;
    const int64_t second_s = local_s - clock_of(local_s + 86400).tm_gmtoff;
    const bool is_second = shown(first_s) != local_s && shown(second_s) == local_s;
    return (is_second ? second_s : first_s) * 1000 + rest_ms;
}

static void months_are_the_c_librarys_at_all_hours(void **state)
{
    (void)state;
    static const int64_t months[] = {1, 6, 11, 12, 24, 60};
    // 2000 was a leap year and 1900 was none; clocks changed in 1921, 1942 and since 1981.
    static const int years[][3] = {{1899, 1901, 7},  {1921, 1921, 5},  {1941, 1943, 5},
                                   {1967, 1982, 11}, {1999, 2001, 7},  {2023, 2029, 5},
                                   {2030, 2110, 61}, {1710, 1898, 97}, {2111, 2600, 301}};
    for (unsigned y = 0; y < PN_ARRAY_COUNT(years); y++) {
        const int64_t end_ms = at(years[y][1], 12, 31);
        for (int64_t time_ms = at(years[y][0], 1, 1) - 1; time_ms < end_ms;
             time_ms += years[y][2] * (int64_t)HOUR_MS) {
            for (unsigned m = 0; m < PN_ARRAY_COUNT(months); m++) {
                const int64_t later_ms = reckoned(time_ms, months[m]);
                if (pn_calendar_later(&calendar, time_ms, months[m]) != later_ms ||
                    pn_months_later(time_ms, months[m]) != later_ms) {
                    fail_msg("%" PRId64 ", %" PRId64 " months", time_ms, months[m]);
                }
            }
            assert_int_equal(pn_months_later(time_ms, -7), reckoned(time_ms, -7));
        }
    }
}

// Days of which a change is some months ahead or behind: the time that it leaves out or tells twice
// begins and ends windows, at any minute.
static void changes_are_the_c_librarys_at_every_minute(void **state)
{
    (void)state;
    static const int changes[][3] = {{1942, 4, 2},   {1942, 10, 3},  {1981, 3, 29}, {1981, 9, 27},
                                     {2024, 3, 31},  {2024, 10, 27}, {2026, 3, 29}, {2026, 10, 25},
                                     {2043, 10, 25}, {2096, 3, 25}};
    enum { MINUTES = 30 * 60, MONTHS = 24 };
    for (unsigned c = 0; c < PN_ARRAY_COUNT(changes); c++) {
        for (int months = -MONTHS; months <= MONTHS; months++) {
            const int at_month = changes[c][0] * 12 + changes[c][1] - 1 - months;
            const int64_t day_ms = at(at_month / 12, at_month % 12 + 1, changes[c][2]);
            for (int64_t k = -3 * 60; k < MINUTES; k += months % 12 == 0 ? 1 : 10) {
                const int64_t time_ms = day_ms + k * 60000 + (k % 7 == 0 ? 59999 : 0);
                const int64_t later_ms = reckoned(time_ms, months);
                assert_int_equal(pn_months_later(time_ms, months), later_ms);
                if (months >= 0) {
                    assert_int_equal(pn_calendar_later(&calendar, time_ms, months), later_ms);
                }
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

// Nothing is read beyond what there is: the first years of the calendar, and none of it.
static void far_years_are_reckoned(void **state)
{
    (void)state;
    const int64_t earliest_ms = moment("0001-01-01T00:00:00Z");
    int64_t time_ms = earliest_ms;
    for (unsigned i = 0; i < 40; i++) {
        time_ms = pn_months_later(time_ms, -1);
        assert_true(time_ms < earliest_ms);
    }
    assert_int_equal(pn_months_later(time_ms, 40), earliest_ms);
    // Longer than what is remembered can be.
    const int64_t from_ms = moment("1950-06-15T12:00:00+02:00");
    assert_int_equal(pn_calendar_later(&calendar, from_ms, 12 * 2500),
                     pn_months_later(from_ms, 12 * 2500));
    assert_int_equal(pn_months_later(from_ms, 12 * 2500), reckoned(from_ms, 12 * 2500));
}

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
        cmocka_unit_test_setup(months_end_at_the_same_time_of_a_finnish_day, begin),
        cmocka_unit_test_setup(months_are_the_c_librarys_at_all_hours, begin),
        cmocka_unit_test_setup(changes_are_the_c_librarys_at_every_minute, begin),
        cmocka_unit_test_setup(far_years_are_reckoned, begin),
        cmocka_unit_test_setup(what_is_remembered_is_not_taken_for_another_day, begin),
        cmocka_unit_test_setup(days_begin_at_the_clocks_midnight, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
