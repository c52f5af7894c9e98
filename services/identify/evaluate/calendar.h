// SPDX-License-Identifier: Apache-2.0
/*
 * Dates of a client's facts, remembered: the same days are asked for again and again. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_CALENDAR_H
#define PN_IDENTIFY_CALENDAR_H

#include <stdint.h>

enum { PN_CALENDAR_DAYS = 512 }; // remembered; a power of two, more than a year has

struct pn_calendar {
    struct {
        int64_t day, midnight_ms;
    } midnights[PN_CALENDAR_DAYS];
    struct {
        int64_t day; // since 1970-01-01, of UTC
        int32_t months, later_days;
    } months[PN_CALENDAR_DAYS];
};
void pn_calendar_init(struct pn_calendar *calendar);

// When the calendar day, as days since 1970-01-01, begins in Finland.
int64_t pn_calendar_midnight(struct pn_calendar *calendar, int64_t day);
// The calendar day of a time in Finland.
int64_t pn_calendar_day(struct pn_calendar *calendar, int64_t time_ms);
// pn_months_later; 0 <= months.
int64_t pn_calendar_later(struct pn_calendar *calendar, int64_t time_ms, int64_t months);

// pn_calendar_day for whoever has no calendar.
int64_t pn_local_day(int64_t time_ms);

#endif
