// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate/calendar.h"

#include "base/clock.h"
#include "services/identify/rules/fact.h"

enum {
    DAY_EARLIEST_HOURS = 3, // no zone of Finland is further ahead
    MONTHS_APART = 37       // so many days lie between the same day's places for n and n + 1 months
};
static const char zone[] = "Europe/Helsinki";

void pn_calendar_init(struct pn_calendar *calendar)
{
    for (unsigned i = 0; i < PN_CALENDAR_DAYS; i++) {
        calendar->midnights[i].day = calendar->months[i].day = INT64_MIN; // no time has that day
    }
}

static int64_t day_of(int64_t time_ms)
{
    return time_ms / PN_MS_PER_DAY - (time_ms % PN_MS_PER_DAY < 0 ? 1 : 0);
}

static int64_t midnight_of(int64_t day)
{
    int year = 0, month = 0, date = 0;
    int64_t time_ms = 0;
    pn_civil_from_days(day, &year, &month, &date);
    const struct pn_civil civil = {.year = year, .month = month, .day = date};
    return pn_civil_to_ms(&civil, zone, &time_ms) ? time_ms : day * PN_MS_PER_DAY;
}

int64_t pn_calendar_midnight(struct pn_calendar *calendar, int64_t day)
{
    const uint64_t place = (uint64_t)day % PN_CALENDAR_DAYS;
    if (calendar->midnights[place].day != day) {
        calendar->midnights[place].midnight_ms = midnight_of(day);
        calendar->midnights[place].day = day;
    }
    return calendar->midnights[place].midnight_ms;
}

int64_t pn_calendar_day(struct pn_calendar *calendar, int64_t time_ms)
{
    const int64_t day = day_of(time_ms + DAY_EARLIEST_HOURS * 3600 * PN_MS_PER_SECOND);
    return pn_calendar_midnight(calendar, day) > time_ms ? day - 1 : day;
}

// All times of a UTC day move by the same number of days.
int64_t pn_calendar_later(struct pn_calendar *calendar, int64_t time_ms, int64_t months)
{
    const int64_t day = day_of(time_ms);
    const uint64_t place = (uint64_t)(day + months * MONTHS_APART) % PN_CALENDAR_DAYS;
    if (calendar->months[place].day != day || calendar->months[place].months != months) {
        int64_t later_ms = pn_months_later(day * PN_MS_PER_DAY, months);
        calendar->months[place].later_days = (int32_t)(later_ms / PN_MS_PER_DAY - day);
        calendar->months[place].months = (int32_t)months;
        calendar->months[place].day = day;
    }
    return time_ms + calendar->months[place].later_days * PN_MS_PER_DAY;
}

int64_t pn_local_day(int64_t time_ms)
{
    const int64_t day = day_of(time_ms + DAY_EARLIEST_HOURS * 3600 * PN_MS_PER_SECOND);
    return midnight_of(day) > time_ms ? day - 1 : day;
}
