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
    static const int days[][3] = {{2023, 10, 29}, {2024, 3, 31}, {2024, 10, 27}, {2025, 3, 30}};
    const int *day = days[draw(PN_ARRAY_COUNT(days))];
    const int month = day[0] * 12 + day[1] - 1 - (draw(2) == 0 ? 0 : (int)draw(MONTHS_BACK));
    const int64_t time_ms = pn_days_from_civil(month / 12, month % 12 + 1, day[2]) * PN_MS_PER_DAY +
                            (int64_t)draw(6) * HALF_HOUR_MS;
    return time_ms < begin_ms() ? begin_ms() : time_ms;
}

#endif
