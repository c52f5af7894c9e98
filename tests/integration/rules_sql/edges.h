// SPDX-License-Identifier: Apache-2.0
/*
 * Moments at which windows of months by the clocks of Finland end elsewhere than by UTC's, drawn
 * for the streams of test_rules_sql.
 */
#ifndef TEST_RULES_SQL_EDGES_H
#define TEST_RULES_SQL_EDGES_H

#include <stdint.h>

#include "base/clock.h"

enum {
    HALF_HOUR_MS = 30 * 60 * 1000,
    STREAM_MONTHS = 22, // in which things begin
    MONTHS_BACK = 13    // more than a window has
};

static inline int64_t begin_ms(void)
{
    return pn_days_from_civil(2023, 9, 1) * PN_MS_PER_DAY;
}

static const int change_days[][3] = {{2023, 10, 29}, {2024, 3, 31}, {2024, 10, 27}, {2025, 3, 30}};

// From 23:00 of a month's last day in winter to 04:00 of the first.
static inline int64_t month_begins_ms(uint32_t (*draw)(uint32_t below))
{
    const int month = 2023 * 12 + 8 + (int)draw(STREAM_MONTHS);
    return pn_days_from_civil(month / 12, month % 12 + 1, 1) * PN_MS_PER_DAY +
           ((int64_t)draw(11) - 6) * HALF_HOUR_MS;
}

// The last day of a February, or the day before or after.
static inline int64_t leap_day_ms(uint32_t (*draw)(uint32_t below))
{
    return pn_days_from_civil(2023 + (int)draw(3), 2, 28 + (int)draw(3)) * PN_MS_PER_DAY +
           ((int64_t)draw(60) - 6) * HALF_HOUR_MS;
}

// Near 01:00 UTC, when the clocks of the whole Union change, of a day that is whole months before.
static inline int64_t change_ms(uint32_t (*draw)(uint32_t below))
{
    const int *day = change_days[draw(PN_ARRAY_COUNT(change_days))];
    const int month = day[0] * 12 + day[1] - 1 - (draw(2) == 0 ? 0 : (int)draw(MONTHS_BACK));
    const int64_t time_ms = pn_days_from_civil(month / 12, month % 12 + 1, day[2]) * PN_MS_PER_DAY +
                            (int64_t)draw(6) * HALF_HOUR_MS;
    return time_ms < begin_ms() ? begin_ms() : time_ms;
}

// The first time after one at which a window has ended in the hour that autumn tells twice, if its
// first is meant, and has not, if its second is; and the same for the hour that spring leaves out,
// if the clock before it or the one after it is meant. INT64_MAX: there is no more.
static inline int64_t between_ms(int64_t after_ms)
{
    int64_t found_ms = INT64_MAX;
    for (unsigned i = PN_ARRAY_COUNT(change_days); i > 0; i--) {
        const int64_t day_ms = pn_days_from_civil(change_days[i - 1][0], change_days[i - 1][1],
                                                  change_days[i - 1][2]) *
                               PN_MS_PER_DAY;
        const int64_t time_ms = day_ms + HALF_HOUR_MS * 3 / 2; // 00:45 UTC
        found_ms = time_ms > after_ms ? time_ms : found_ms;
    }
    return found_ms;
}

#endif
