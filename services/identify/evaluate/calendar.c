// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/calendar.h"

#include <assert.h>
#include <stdbool.h>

#include "base/clock.h"

enum {
    DAY_EARLIEST_HOURS = 3, // no zone of Finland is further ahead
    MONTHS_APART = 37,      // so many days lie between the same day's places for n and n + 1 months
    MONTHS_A_YEAR = 12,
    UNEVEN = INT32_MIN // later_s: the day's times are not all as much later
};
#define FIRST_DAY (INT64_C(1) << 36) // so many days before 1970: further back nothing is reckoned
static const char zone[] = "Europe/Helsinki";

// --- Without remembering -------------------------------------------------------------------------

static int64_t day_of(int64_t local_ms)
{
    return (int64_t)((uint64_t)(local_ms + FIRST_DAY * PN_MS_PER_DAY) / PN_MS_PER_DAY) - FIRST_DAY;
}

// Without a table of zones UTC's clocks are better than none.
static int64_t clock_at(int64_t time_ms)
{
    int64_t local_ms = 0;
    return pn_zone_local(zone, time_ms, &local_ms) ? local_ms : time_ms;
}

static int64_t moment_of(int64_t local_ms)
{
    int64_t time_ms = 0;
    return pn_zone_moment(zone, local_ms, &time_ms) ? time_ms : local_ms;
}

static int64_t date_later(int64_t day, int64_t months)
{
    int year = 0, month = 0, date = 0;
    pn_civil_from_days(day, &year, &month, &date);
    const int64_t at = (int64_t)year * MONTHS_A_YEAR + month - 1 + months;
    const int64_t at_year = at / MONTHS_A_YEAR - (at % MONTHS_A_YEAR < 0 ? 1 : 0);
    const int64_t at_month = at - at_year * MONTHS_A_YEAR + 1;
    const bool is_last = at_month == MONTHS_A_YEAR;
    const int64_t first = pn_days_from_civil((int)at_year, (int)at_month, 1);
    const int64_t after =
        pn_days_from_civil((int)at_year + (is_last ? 1 : 0), is_last ? 1 : (int)at_month + 1, 1);
    return first + date - 1 < after ? first + date - 1 : after - 1;
}

// The day that has begun in Finland at that time, or is the next to begin; and before when it never
// begins.
static int64_t latest_day(int64_t time_ms)
{
    return day_of(time_ms + DAY_EARLIEST_HOURS * 3600 * PN_MS_PER_SECOND);
}

static int64_t earliest_ms(int64_t day)
{
    return day * PN_MS_PER_DAY - DAY_EARLIEST_HOURS * 3600 * PN_MS_PER_SECOND;
}

int64_t pn_local_midnight(int64_t day)
{
    return moment_of(day * PN_MS_PER_DAY);
}

int64_t pn_local_day(int64_t time_ms)
{
    const int64_t day = latest_day(time_ms);
    return pn_local_midnight(day) > time_ms ? day - 1 : day;
}

int64_t pn_months_later(int64_t time_ms, int64_t months)
{
    const int64_t local_ms = clock_at(time_ms), day = day_of(local_ms);
    return moment_of(local_ms + (date_later(day, months) - day) * PN_MS_PER_DAY);
}

// --- Remembering ---------------------------------------------------------------------------------

void pn_calendar_init(struct pn_calendar *calendar)
{
    for (unsigned i = 0; i < PN_CALENDAR_DAYS; i++) {
        calendar->months[i].day = INT32_MIN; // no time has that day
    }
    for (unsigned i = 0; i < PN_CALENDAR_BLOCKS; i++) {
        calendar->blocks[i].number = UINT64_MAX;
    }
}

// By how much clocks are ahead of UTC when the day begins.
static int32_t ahead_s(int64_t day)
{
    return (int32_t)((day * PN_MS_PER_DAY - pn_local_midnight(day)) / PN_MS_PER_SECOND);
}

static void fill_block(struct pn_calendar_block *block, uint64_t number)
{
    int64_t low = (int64_t)number * PN_CALENDAR_BLOCK_DAYS - FIRST_DAY;
    int64_t high = low + PN_CALENDAR_BLOCK_DAYS; // a change is after low, and by high
    block->number = number;
    block->before_s = ahead_s(low);
    block->after_s = ahead_s(high);
    while (block->before_s != block->after_s && high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (ahead_s(middle) == block->before_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    block->change_day = block->before_s != block->after_s ? high : INT64_MAX;
}

static inline const struct pn_calendar_block *block_of(struct pn_calendar *calendar, int64_t day)
{
    const uint64_t number = (uint64_t)(day + FIRST_DAY) / PN_CALENDAR_BLOCK_DAYS;
    struct pn_calendar_block *block = &calendar->blocks[number % PN_CALENDAR_BLOCKS];
    if (block->number != number) {
        fill_block(block, number);
    }
    return block;
}

static inline int64_t midnight_in(const struct pn_calendar_block *block, int64_t day)
{
    const int64_t by_s = day < block->change_day ? block->before_s : block->after_s;
    return day * PN_MS_PER_DAY - by_s * PN_MS_PER_SECOND;
}

int64_t pn_calendar_midnight(struct pn_calendar *calendar, int64_t day)
{
    return midnight_in(block_of(calendar, day), day);
}

int64_t pn_calendar_day(struct pn_calendar *calendar, int64_t time_ms)
{
    const int64_t day = latest_day(time_ms);
    return pn_calendar_midnight(calendar, day) > time_ms ? day - 1 : day;
}

// By how much all times of the day are later, when clocks change on neither day.
static int32_t seconds_later(struct pn_calendar *calendar, int64_t day, int64_t months)
{
    const int64_t later = date_later(day, months);
    const struct pn_calendar_block *from = block_of(calendar, day);
    const bool is_even = day + 1 != from->change_day;
    const int64_t from_ms = midnight_in(from, day);
    const struct pn_calendar_block *to = block_of(calendar, later); // may take the other's place
    const int64_t by_s = (midnight_in(to, later) - from_ms) / PN_MS_PER_SECOND;
    return is_even && later + 1 != to->change_day && by_s < INT32_MAX ? (int32_t)by_s : UNEVEN;
}

static inline const struct pn_calendar_month *month_of(struct pn_calendar *calendar, int64_t day,
                                                       int64_t months)
{
    const uint64_t place = (uint64_t)(day + months * MONTHS_APART) % PN_CALENDAR_DAYS;
    struct pn_calendar_month *month = &calendar->months[place];
    if (month->day != day || month->months != months) {
        const int64_t begins_ms = pn_calendar_midnight(calendar, day) - earliest_ms(day);
        *month = (struct pn_calendar_month){.day = (int32_t)day,
                                            .months = (int16_t)months,
                                            .begins_s = (int16_t)(begins_ms / PN_MS_PER_SECOND),
                                            .later_s = seconds_later(calendar, day, months)};
    }
    return month;
}

int64_t pn_calendar_later(struct pn_calendar *calendar, int64_t time_ms, int64_t months)
{
    assert(months >= 0 && months <= INT16_MAX);
    const int64_t day = latest_day(time_ms);
    const struct pn_calendar_month *month = month_of(calendar, day, months);
    if (time_ms - earliest_ms(day) < month->begins_s * PN_MS_PER_SECOND) {
        month = month_of(calendar, day - 1, months);
    }
    return month->later_s == UNEVEN ? pn_months_later(time_ms, months)
                                    : time_ms + month->later_s * PN_MS_PER_SECOND;
}
