// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/rhythm.h"

#include <assert.h>
#include <math.h>

#include "base/clock.h"

enum { HOURS_PER_DAY = 24, SATURDAY = 5, SUNDAY = 6, FADE_EVERY_MS = 3600 * 1000 };
#define MS_PER_HOUR INT64_C(3600000)

// --- The calendar --------------------------------------------------------------------------------

// Days since 1970 of Easter Sunday (the Gregorian computus of Meeus, Jones and Butcher).
static int64_t easter(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    int l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int n = h + l - 7 * m + 114;
    return pn_days_from_civil(year, n / 31, n % 31 + 1);
}

// Monday is 0. 1970-01-01 was a Thursday.
static int weekday(int64_t days)
{
    int day = (int)((days + 3) % 7);
    return day < 0 ? day + 7 : day;
}

bool pn_is_finnish_holiday(int year, int month, int day)
{
    static const struct {
        int month, day;
    } fixed[] = {{1, 1}, {1, 6}, {5, 1}, {12, 6}, {12, 24}, {12, 25}, {12, 26}};
    static const int after_easter[] = {-2, 0, 1, 39, 49}; // Good Friday … Ascension, Whit Sunday
    int64_t days = pn_days_from_civil(year, month, day), sunday = easter(year);
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].month == month && fixed[i].day == day) {
            return true;
        }
    }
    for (unsigned i = 0; i < sizeof after_easter / sizeof after_easter[0]; i++) {
        if (days == sunday + after_easter[i]) {
            return true;
        }
    }
    // Midsummer is the Saturday of 20 to 26 June, All Saints' that of 31 October to 6 November.
    bool is_eve = weekday(days) == SATURDAY - 1 && month == 6 && day >= 19 && day <= 25;
    bool is_midsummer = weekday(days) == SATURDAY && month == 6 && day >= 20 && day <= 26;
    bool is_all_saints =
        weekday(days) == SATURDAY && ((month == 10 && day == 31) || (month == 11 && day <= 6));
    return is_eve || is_midsummer || is_all_saints;
}

// Minutes east of UTC. Summer time is from 01:00 UTC of the last Sunday of March to that of October
// (directive 2000/84/EC).
static int helsinki_minutes(int64_t time_ms)
{
    int64_t days = time_ms / PN_MS_PER_DAY;
    int year = 0, month = 0, day = 0;
    pn_civil_from_days(days, &year, &month, &day);
    int64_t starts = pn_days_from_civil(year, 3, 31), ends = pn_days_from_civil(year, 10, 31);
    starts -= (weekday(starts) + 1) % 7;
    ends -= (weekday(ends) + 1) % 7;
    bool is_summer = time_ms >= starts * PN_MS_PER_DAY + MS_PER_HOUR &&
                     time_ms < ends * PN_MS_PER_DAY + MS_PER_HOUR;
    return is_summer ? 180 : 120;
}

unsigned pn_rhythm_hour(int64_t time_ms)
{
    int64_t local_ms = time_ms + helsinki_minutes(time_ms) * INT64_C(60000);
    int64_t days = local_ms / PN_MS_PER_DAY;
    int year = 0, month = 0, day = 0;
    pn_civil_from_days(days, &year, &month, &day);
    int of_week = pn_is_finnish_holiday(year, month, day) ? SUNDAY : weekday(days);
    return (unsigned)(of_week * HOURS_PER_DAY + (int)(local_ms % PN_MS_PER_DAY / MS_PER_HOUR));
}

// --- Learning ------------------------------------------------------------------------------------

// A few weeks are few: an hour's own figure is pulled towards that of the same hour on days of its
// kind (Monday to Friday, Saturday, Sunday), as much as one such hour weighs.
double pn_rhythm_rate(const struct pn_rhythm *rhythm, unsigned hour)
{
    assert(hour < PN_RHYTHM_HOURS);
    unsigned day = hour / HOURS_PER_DAY, of_day = hour % HOURS_PER_DAY;
    unsigned first = day < SATURDAY ? 0 : day, last = day < SATURDAY ? SATURDAY - 1 : day;
    double count = 0, hours = 0;
    for (unsigned i = first; i <= last; i++) {
        count += (double)rhythm->counts[i * HOURS_PER_DAY + of_day];
        hours += (double)rhythm->hours[i * HOURS_PER_DAY + of_day];
    }
    double usual = hours > 0 ? count / hours : 0;
    return ((double)rhythm->counts[hour] + usual) / ((double)rhythm->hours[hour] + 1);
}

static void fade(struct pn_rhythm *rhythm, const struct pn_rhythm_options *options, int64_t ms)
{
    rhythm->fading_ms += (double)ms;
    if (rhythm->fading_ms < FADE_EVERY_MS) {
        return;
    }
    float factor = (float)exp2(-rhythm->fading_ms / (double)options->half_life_ms);
    rhythm->fading_ms = 0;
    for (unsigned i = 0; i < PN_RHYTHM_HOURS; i++) {
        rhythm->counts[i] *= factor;
        rhythm->hours[i] *= factor;
    }
}

enum pn_rhythm_change pn_rhythm_seen(struct pn_rhythm *rhythm,
                                     const struct pn_rhythm_options *options, int64_t time_ms)
{
    bool was_silent = rhythm->silent_since_ms != 0;
    rhythm->first_ms = rhythm->first_ms == 0 ? time_ms : rhythm->first_ms;
    rhythm->last_ms = time_ms > rhythm->last_ms ? time_ms : rhythm->last_ms;
    rhythm->quiet_ms = 0;
    rhythm->expected = 0;
    rhythm->silent_since_ms = 0;
    if (rhythm->counted_ms == 0 || time_ms - rhythm->counted_ms >= options->burst_ms) {
        rhythm->counted_ms = time_ms;
        rhythm->counts[pn_rhythm_hour(time_ms)] += 1;
    }
    return was_silent ? PN_RHYTHM_RESUMED : PN_RHYTHM_NONE;
}

static bool is_silent(const struct pn_rhythm *rhythm, const struct pn_rhythm_options *options)
{
    if (options->is_off || rhythm->last_ms == 0) {
        return false;
    }
    if (options->silent_after_ms > 0) {
        return rhythm->quiet_ms >= options->silent_after_ms;
    }
    return rhythm->listened_ms >= options->learn_ms && rhythm->quiet_ms >= options->quiet_min_ms &&
           rhythm->expected >= options->expected_max;
}

enum pn_rhythm_change pn_rhythm_pass(struct pn_rhythm *rhythm,
                                     const struct pn_rhythm_options *options, int64_t from_ms,
                                     int64_t to_ms)
{
    // Of a source that has never sent there is nothing to learn, and of a silent one not that it
    // is silent at this hour.
    if (to_ms <= from_ms || rhythm->first_ms == 0 || rhythm->silent_since_ms != 0) {
        return PN_RHYTHM_NONE;
    }
    int64_t ms = to_ms - from_ms < MS_PER_HOUR ? to_ms - from_ms : MS_PER_HOUR;
    unsigned hour = pn_rhythm_hour(from_ms);
    double hours = (double)ms / (double)MS_PER_HOUR;
    rhythm->expected += pn_rhythm_rate(rhythm, hour) * hours;
    rhythm->hours[hour] += (float)hours;
    rhythm->listened_ms += ms;
    rhythm->quiet_ms += ms;
    fade(rhythm, options, ms);
    if (!is_silent(rhythm, options)) {
        return PN_RHYTHM_NONE;
    }
    rhythm->silent_since_ms = rhythm->last_ms;
    return PN_RHYTHM_SILENT;
}
