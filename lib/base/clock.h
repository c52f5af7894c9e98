// SPDX-License-Identifier: Apache-2.0
/*
 * Time. Moments are milliseconds since 1970-01-01T00:00:00Z (int64_t, `…_ms`).
 *
 * The text form is RFC 3339 in UTC with milliseconds, `2026-11-21T21:40:23.123Z`, which is also a
 * valid FHIR instant. Wall-clock texts without a zone are read in a named zone of the system's tz
 * database (Finnish systems: Europe/Helsinki).
 */
#ifndef PN_BASE_CLOCK_H
#define PN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

enum { PN_TIME_TEXT_BYTES = 32 };

#define PN_MS_PER_SECOND INT64_C(1000)
#define PN_MS_PER_DAY (INT64_C(86400) * PN_MS_PER_SECOND)

// The wall clock; tests may set a fixed one (0 gives the real one back).
int64_t pn_clock_now_ms(void);
void pn_clock_set_for_test(int64_t now_ms);
// Never goes backwards; for durations and time-outs only.
int64_t pn_clock_monotonic_ms(void);

void pn_time_format(int64_t time_ms, char ret_text[static PN_TIME_TEXT_BYTES]);

// Reads a FHIR date, dateTime or instant: YYYY, YYYY-MM, YYYY-MM-DD, or with time and zone. A
// partial date gives its first moment, in UTC. False when it is none of these or not a real date.
PN_MUST_USE bool pn_time_parse(struct pn_slice text, int64_t *ret_time_ms);

// A civil date and time as a source system wrote it.
struct pn_civil {
    int year, month, day;     // month and day 0 when not given
    int hour, minute, second; // hour -1 when not given
    int millisecond;
    bool has_zone;
    int zone_minutes; // east of UTC
};

PN_MUST_USE bool pn_civil_is_valid(const struct pn_civil *civil);
// Days since 1970-01-01 of a proleptic Gregorian date.
int64_t pn_days_from_civil(int year, int month, int day);
void pn_civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

// Offset of `zone_name` at that civil time, minutes east of UTC, for a time without a zone. In the
// hour that is repeated in autumn the first (summer time) is meant; a time inside the gap of spring
// is read with the offset before it. False when the zone is unknown.
PN_MUST_USE bool pn_zone_offset(const char *zone_name, const struct pn_civil *civil,
                                int *ret_minutes);
// What the zone's clocks show at a moment, as the moment that would be in UTC; and the moment at
// which they show it, of two the first. A time inside the gap of spring is read with the offset
// before it, so it is as much later as the clocks go forward. False when the zone is unknown.
PN_MUST_USE bool pn_zone_local(const char *zone_name, int64_t time_ms, int64_t *ret_local_ms);
PN_MUST_USE bool pn_zone_moment(const char *zone_name, int64_t local_ms, int64_t *ret_time_ms);

// Fills in the zone when it is missing and converts.
PN_MUST_USE bool pn_civil_to_ms(const struct pn_civil *civil, const char *zone_name,
                                int64_t *ret_time_ms);

#endif
