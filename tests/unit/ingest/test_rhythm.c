// SPDX-License-Identifier: Apache-2.0
// Feeds that fall silent, on a simulated clock: the calendar, Poisson feeds with the rhythm of a
// day and a week (false alarms, how long until a silence is told), the hub's own absence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "services/ingest/rhythm.h"

#define HOUR INT64_C(3600000)
#define START (pn_days_from_civil(2026, 1, 5) * PN_MS_PER_DAY) // a Monday
enum { STEP_MS = 60 * 1000, SEED = 7 };

static const struct pn_rhythm_options options = {.expected_max = 14,
                                                 .quiet_min_ms = 30 * 60000,
                                                 .learn_ms = 14 * PN_MS_PER_DAY,
                                                 .half_life_ms = 28 * PN_MS_PER_DAY,
                                                 .burst_ms = 60000};

static double next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

// --- The calendar --------------------------------------------------------------------------------

static void holidays_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int year, month, day;
        bool is_holiday;
    } days[] = {
        {2026, 1, 1, true},    {2026, 1, 6, true},   {2026, 4, 3, true},   {2026, 4, 5, true},
        {2026, 4, 6, true},    {2026, 5, 1, true},   {2026, 5, 14, true},  {2026, 5, 24, true},
        {2026, 6, 19, true},   {2026, 6, 20, true},  {2026, 10, 31, true}, {2026, 12, 6, true},
        {2026, 12, 24, true},  {2026, 12, 25, true}, {2026, 12, 26, true}, {2026, 4, 2, false},
        {2026, 4, 7, false},   {2026, 6, 18, false}, {2026, 6, 27, false}, {2026, 11, 7, false},
        {2026, 12, 23, false}, {2025, 4, 18, true},  {2025, 4, 21, true},  {2025, 6, 21, true},
        {2025, 11, 1, true},   {2027, 3, 26, true},  {2027, 3, 29, true},  {2027, 6, 26, true},
        {2027, 11, 6, true},   {2024, 3, 29, true},  {2038, 4, 25, true},
    };
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        if (pn_is_finnish_holiday(days[i].year, days[i].month, days[i].day) != days[i].is_holiday) {
            fail_msg("%d-%d-%d", days[i].year, days[i].month, days[i].day);
        }
    }
}

static void hours_are_those_of_clocks_in_finland(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        unsigned hour;
    } times[] = {
        {"2026-11-23T06:30:00Z", 8},           // a Monday in winter
        {"2026-08-03T06:30:00Z", 9},           // and in summer
        {"2026-03-29T00:59:59Z", 6 * 24 + 2},  // the last second before summer time
        {"2026-03-29T01:00:00Z", 6 * 24 + 4},  // 3 o'clock is left out
        {"2026-10-25T00:30:00Z", 6 * 24 + 3},  // 3:30, for the first time
        {"2026-10-25T01:30:00Z", 6 * 24 + 3},  // and for the second
        {"2026-12-25T08:00:00Z", 6 * 24 + 10}, // a Friday, and Christmas
        {"2026-06-19T09:00:00Z", 6 * 24 + 12}, // the eve of Midsummer
        {"2026-11-22T22:30:00Z", 0},           // Monday has begun here
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        int64_t time_ms = 0;
        assert_true(pn_time_parse(pn_slice_str(times[i].time), &time_ms));
        if (pn_rhythm_hour(time_ms) != times[i].hour) {
            fail_msg("%s: %u", times[i].time, pn_rhythm_hour(time_ms));
        }
    }
}

// --- Feeds ---------------------------------------------------------------------------------------

struct feed {
    struct pn_rhythm rhythm;
    double per_day; // on a working day
    unsigned burst; // messages that come together
    uint64_t random;
    unsigned alarms, ends;
    int64_t last_alarm_ms;
};

// Busy from 7 to 16, little in the evening, next to nothing at night; a fifth on Saturdays and
// Sundays.
static double shape(int64_t time_ms)
{
    unsigned hour = pn_rhythm_hour(time_ms);
    unsigned day = hour / 24, of_day = hour % 24;
    double weight = of_day >= 7 && of_day < 16 ? 0.095 : of_day >= 16 && of_day < 22 ? 0.02 : 0.003;
    return day >= 5 ? weight / 5 : weight;
}

static void count_change(struct feed *feed, enum pn_rhythm_change change, int64_t now_ms)
{
    feed->alarms += change == PN_RHYTHM_SILENT ? 1 : 0;
    feed->ends += change == PN_RHYTHM_RESUMED ? 1 : 0;
    feed->last_alarm_ms = change == PN_RHYTHM_SILENT ? now_ms : feed->last_alarm_ms;
}

static void run(struct feed *feed, int64_t from_ms, int64_t to_ms, bool sends)
{
    for (int64_t now = from_ms; now < to_ms; now += STEP_MS) {
        double chance = feed->per_day * shape(now) * STEP_MS / (double)HOUR;
        if (sends && next_random(&feed->random) < 1 - exp(-chance)) {
            for (unsigned i = 0; i < feed->burst; i++) {
                count_change(feed, pn_rhythm_seen(&feed->rhythm, &options, now + i), now);
            }
        }
        count_change(feed, pn_rhythm_pass(&feed->rhythm, &options, now, now + STEP_MS), now);
    }
}

static struct feed new_feed(double per_day, unsigned burst, uint64_t seed)
{
    return (struct feed){.per_day = per_day, .burst = burst, .random = seed};
}

// A year each, of feeds from two messages a day to two thousand.
static void feeds_that_send_raise_few_alarms(void **state)
{
    (void)state;
    static const double sizes[] = {2, 10, 50, 200, 2000};
    unsigned alarms = 0, years = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (unsigned k = 0; k < 2; k++) {
            struct feed feed = new_feed(sizes[i], k % 2 == 0 ? 1 : 20, SEED + 100 * i + k);
            run(&feed, START, START + 365 * PN_MS_PER_DAY, true);
            assert_int_equal(feed.alarms - feed.ends, feed.rhythm.silent_since_ms != 0 ? 1 : 0);
            alarms += feed.alarms;
            years++;
        }
    }
    print_message("false alarms: %u in %u source-years\n", alarms, years);
    assert_true(alarms <= years / 10);
}

// Falls silent on a Wednesday at 9 after two months: how long until it is told?
static void a_silence_is_told_in_time(void **state)
{
    (void)state;
    static const struct {
        double per_day;
        int64_t hours_max;
    } sizes[] = {{2, 14 * 24}, {10, 4 * 24}, {50, 24}, {200, 3}, {2000, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct feed feed = new_feed(sizes[i].per_day, 1, SEED + i);
        int64_t stops = START + 58 * PN_MS_PER_DAY + 7 * HOUR;
        run(&feed, START, stops, true);
        assert_int_equal(feed.alarms, 0);
        run(&feed, stops, stops + 30 * PN_MS_PER_DAY, false);
        assert_int_equal(feed.alarms, 1); // once, however long it lasts
        double hours = (double)(feed.last_alarm_ms - stops) / (double)HOUR;
        print_message("%.0f messages a day: told after %.1f h\n", sizes[i].per_day, hours);
        assert_true(hours <= (double)sizes[i].hours_max);
        assert_int_equal(feed.rhythm.silent_since_ms, feed.rhythm.last_ms);
        run(&feed, stops + 30 * PN_MS_PER_DAY, stops + 60 * PN_MS_PER_DAY, true);
        assert_int_equal(feed.ends, 1);
        assert_int_equal(feed.alarms, 1); // the rhythm was not forgotten meanwhile
    }
}

static void the_hub_being_down_is_not_the_feeds_silence(void **state)
{
    (void)state;
    struct feed feed = new_feed(200, 1, SEED);
    int64_t stops = START + 58 * PN_MS_PER_DAY + 7 * HOUR;
    run(&feed, START, stops, true);
    // A week during which nothing is told, as when the process does not run.
    run(&feed, stops + 7 * PN_MS_PER_DAY, stops + 9 * PN_MS_PER_DAY, true);
    assert_int_equal(feed.alarms, 0);
}

static void nothing_is_said_before_it_is_learned(void **state)
{
    (void)state;
    struct feed feed = new_feed(200, 1, SEED);
    run(&feed, START, START + 5 * PN_MS_PER_DAY, true);
    run(&feed, START + 5 * PN_MS_PER_DAY, START + 13 * PN_MS_PER_DAY, false);
    assert_int_equal(feed.alarms, 0);
    run(&feed, START + 13 * PN_MS_PER_DAY, START + 15 * PN_MS_PER_DAY, false);
    assert_int_equal(feed.alarms, 1);
}

static void a_holiday_is_a_sunday(void **state)
{
    (void)state;
    // Sends on weekdays only; Easter of 2026 has four days without any.
    struct feed feed = new_feed(0, 1, SEED);
    int64_t easter = pn_days_from_civil(2026, 4, 3) * PN_MS_PER_DAY;
    for (int64_t now = START; now < easter + 6 * PN_MS_PER_DAY; now += STEP_MS) {
        unsigned hour = pn_rhythm_hour(now);
        if (hour / 24 < 5 && hour % 24 >= 8 && hour % 24 < 16 && now % (10 * STEP_MS) == 0) {
            count_change(&feed, pn_rhythm_seen(&feed.rhythm, &options, now), now);
        }
        count_change(&feed, pn_rhythm_pass(&feed.rhythm, &options, now, now + STEP_MS), now);
    }
    assert_int_equal(feed.alarms, 0);
}

static void a_system_may_have_its_own_bound_or_none(void **state)
{
    (void)state;
    struct pn_rhythm_options fixed = options, off = options;
    fixed.silent_after_ms = 2 * HOUR;
    off.is_off = true;
    struct pn_rhythm a = {0}, b = {0};
    unsigned alarms = 0;
    assert_int_equal(pn_rhythm_seen(&a, &fixed, START), PN_RHYTHM_NONE);
    assert_int_equal(pn_rhythm_seen(&b, &off, START), PN_RHYTHM_NONE);
    for (int64_t now = START; now < START + 40 * PN_MS_PER_DAY; now += STEP_MS) {
        if (pn_rhythm_pass(&a, &fixed, now, now + STEP_MS) == PN_RHYTHM_SILENT) {
            alarms++;
            assert_int_equal(now + STEP_MS, START + 2 * HOUR);
        }
        assert_int_equal(pn_rhythm_pass(&b, &off, now, now + STEP_MS), PN_RHYTHM_NONE);
    }
    assert_int_equal(alarms, 1);
    assert_int_equal(pn_rhythm_seen(&a, &fixed, START + 41 * PN_MS_PER_DAY), PN_RHYTHM_RESUMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holidays_are_those_of_the_calendar),
        cmocka_unit_test(hours_are_those_of_clocks_in_finland),
        cmocka_unit_test(feeds_that_send_raise_few_alarms),
        cmocka_unit_test(a_silence_is_told_in_time),
        cmocka_unit_test(the_hub_being_down_is_not_the_feeds_silence),
        cmocka_unit_test(nothing_is_said_before_it_is_learned),
        cmocka_unit_test(a_holiday_is_a_sunday),
        cmocka_unit_test(a_system_may_have_its_own_bound_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
