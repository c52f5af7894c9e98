// SPDX-License-Identifier: Apache-2.0
/*
 * Months and days by the clocks of Finland (Europe/Helsinki). Inside services/identify only.
 *
 * So many months later clocks show the same time of the same day, or of the month's last day when
 * it has no such day. Of a time that clocks show twice in autumn the first is meant; one that they
 * leave out in spring is as much later as they go forward. Days that are a length, not a date, have
 * 24 hours (PN_MS_PER_DAY).
 *
 * A calendar remembers what it was asked: the same days of a client's facts are asked for again and
 * again.
 */
#ifndef PN_IDENTIFY_CALENDAR_H
#define PN_IDENTIFY_CALENDAR_H

#include <stdint.h>

enum {
    PN_CALENDAR_DAYS = 1024,      // remembered; a power of two, some years
    PN_CALENDAR_BLOCKS = 256,     // remembered: 90 years, since ages are of all years of birth
    PN_CALENDAR_BLOCK_DAYS = 128, // clocks are changed once at most in so many days
};

struct pn_calendar_block {
    uint64_t number;
    int64_t change_day;        // the first whose midnight is by the clock after the change
    int32_t before_s, after_s; // by which clocks are ahead of UTC
};
struct pn_calendar_month {
    int32_t day; // since 1970-01-01, in Finland
    int32_t later_s;
    int16_t months, begins_s; // it begins so long after a day ever begins
};
struct pn_calendar {
    struct pn_calendar_block blocks[PN_CALENDAR_BLOCKS];
    struct pn_calendar_month months[PN_CALENDAR_DAYS];
};
void pn_calendar_init(struct pn_calendar *calendar);

// When the calendar day, as days since 1970-01-01, begins.
int64_t pn_calendar_midnight(struct pn_calendar *calendar, int64_t day);
// The calendar day of a time.
int64_t pn_calendar_day(struct pn_calendar *calendar, int64_t time_ms);
// The time `months` later; 0 <= months <= INT16_MAX.
int64_t pn_calendar_later(struct pn_calendar *calendar, int64_t time_ms, int64_t months);

// The same for whoever has no calendar. Months may be negative.
int64_t pn_local_midnight(int64_t day);
int64_t pn_local_day(int64_t time_ms);
int64_t pn_months_later(int64_t time_ms, int64_t months);

#endif
