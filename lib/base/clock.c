// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t test_now_ms;

int64_t pn_clock_now_ms(void)
{
    if (test_now_ms != 0) {
        return test_now_ms;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * PN_MS_PER_SECOND + now.tv_nsec / 1000000;
}

void pn_clock_set_for_test(int64_t now_ms)
{
    test_now_ms = now_ms;
}

int64_t pn_clock_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * PN_MS_PER_SECOND + now.tv_nsec / 1000000;
}

// The two conversions are the well-known arithmetic on a year that starts in March.
enum {
    EPOCH_DAYS = 719468, // from 0000-03-01, where a year of these sums begins
    QUICK_YEARS = 1000000,
    QUICK_DAYS = 1 << 29
};

int64_t pn_days_from_civil(int year, int month, int day)
{
    if (year > 0 && year < QUICK_YEARS) { // the same in 32 bits, by Neri and Schneider (2022)
        const uint32_t before_march = month <= 2 ? 1 : 0;
        const uint32_t y = (uint32_t)year - before_march, century = y / 100;
        const uint32_t m = (uint32_t)month + 12 * before_march;
        return (int64_t)(1461 * (uint64_t)y / 4 - century + century / 4 + (979 * m - 2919) / 32) +
               day - 1 - EPOCH_DAYS;
    }
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - EPOCH_DAYS;
}

void pn_civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    if (days > -EPOCH_DAYS && days < QUICK_DAYS) {
        const uint32_t n = 4 * (uint32_t)(days + EPOCH_DAYS) + 3, century = n / 146097;
        const uint64_t scaled = UINT64_C(2939745) * (n % 146097 / 4 * 4 + 3);
        const uint32_t day_of_year = (uint32_t)scaled / 2939745 / 4;
        const uint32_t month = 2141 * day_of_year + 197913;
        const bool is_next_year = day_of_year >= 306;
        *ret_year = (int)(100 * century + (uint32_t)(scaled >> 32)) + (is_next_year ? 1 : 0);
        *ret_month = (int)(month >> 16) - (is_next_year ? 12 : 0);
        *ret_day = (int)((month & 0xffff) / 2141) + 1;
        return;
    }
    days += EPOCH_DAYS;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0));
}

void pn_time_format(int64_t time_ms, char ret_text[static PN_TIME_TEXT_BYTES])
{
    int64_t days = time_ms / PN_MS_PER_DAY;
    int64_t rest = time_ms % PN_MS_PER_DAY;
    if (rest < 0) {
        rest += PN_MS_PER_DAY;
        days--;
    }
    int year = 0;
    int month = 0;
    int day = 0;
    pn_civil_from_days(days, &year, &month, &day);
    snprintf(ret_text, PN_TIME_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year % 10000,
             month, day, (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60),
             (int)(rest % 1000));
}

bool pn_civil_is_valid(const struct pn_civil *civil)
{
    static const int days_in[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (civil->year < 1 || civil->year > 9999 || civil->month < 0 || civil->month > 12) {
        return false;
    }
    if (civil->month == 0 || civil->day == 0) {
        return civil->day == 0 && civil->hour < 0;
    }
    bool leap = (civil->year % 4 == 0 && civil->year % 100 != 0) || civil->year % 400 == 0;
    int last_day = civil->month == 2 && !leap ? 28 : days_in[civil->month - 1];
    if (civil->day < 0 || civil->day > last_day) {
        return false;
    }
    bool time_ok = civil->hour >= 0 && civil->hour <= 23 && civil->minute >= 0 &&
                   civil->minute <= 59 && civil->second >= 0 && civil->second <= 60 &&
                   civil->millisecond >= 0 && civil->millisecond <= 999;
    bool zone_ok = civil->zone_minutes >= -14 * 60 && civil->zone_minutes <= 14 * 60;
    return (civil->hour < 0 || time_ok) && zone_ok;
}

static int64_t civil_as_utc_ms(const struct pn_civil *civil)
{
    int month = civil->month == 0 ? 1 : civil->month;
    int day = civil->day == 0 ? 1 : civil->day;
    int64_t ms = pn_days_from_civil(civil->year, month, day) * PN_MS_PER_DAY;
    if (civil->hour >= 0) {
        ms += ((civil->hour * INT64_C(60) + civil->minute) * 60 + civil->second) * 1000 +
              civil->millisecond;
    }
    return ms;
}

bool pn_civil_to_ms(const struct pn_civil *civil, const char *zone_name, int64_t *ret_time_ms)
{
    if (!pn_civil_is_valid(civil)) {
        return false;
    }
    int minutes = civil->zone_minutes;
    if (!civil->has_zone && !pn_zone_offset(zone_name, civil, &minutes)) {
        return false;
    }
    *ret_time_ms = civil_as_utc_ms(civil) - minutes * INT64_C(60000);
    return true;
}

struct reader {
    struct pn_slice left;
    bool ok;
};

static int read_digits(struct reader *reader, size_t count)
{
    int value = 0;
    if (!reader->ok || reader->left.len < count) {
        reader->ok = false;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        char c = reader->left.ptr[i];
        if (c < '0' || c > '9') {
            reader->ok = false;
            return 0;
        }
        value = value * 10 + (c - '0');
    }
    reader->left = pn_slice_of(reader->left.ptr + count, reader->left.len - count);
    return value;
}

static bool take(struct reader *reader, char c)
{
    if (!reader->ok || reader->left.len == 0 || reader->left.ptr[0] != c) {
        return false;
    }
    reader->left = pn_slice_of(reader->left.ptr + 1, reader->left.len - 1);
    return true;
}

static void must_take(struct reader *reader, char c)
{
    if (!take(reader, c)) {
        reader->ok = false;
    }
}

static void read_fraction(struct reader *reader, struct pn_civil *civil)
{
    if (!take(reader, '.')) {
        return;
    }
    int scale = 100;
    size_t digits = 0;
    while (reader->left.len > 0 && reader->left.ptr[0] >= '0' && reader->left.ptr[0] <= '9') {
        int digit = read_digits(reader, 1);
        civil->millisecond += digit * scale;
        scale /= 10;
        digits++;
    }
    reader->ok = reader->ok && digits > 0 && digits <= 9;
}

static void read_zone(struct reader *reader, struct pn_civil *civil)
{
    civil->has_zone = true;
    if (take(reader, 'Z')) {
        return;
    }
    int sign = take(reader, '-') ? -1 : 1;
    if (sign == 1) {
        must_take(reader, '+');
    }
    int hours = read_digits(reader, 2);
    must_take(reader, ':');
    int minutes = read_digits(reader, 2);
    reader->ok = reader->ok && minutes < 60;
    civil->zone_minutes = sign * (hours * 60 + minutes);
}

bool pn_time_parse(struct pn_slice text, int64_t *ret_time_ms)
{
    struct reader reader = {.left = text, .ok = true};
    struct pn_civil civil = {.hour = -1, .has_zone = true};
    civil.year = read_digits(&reader, 4);
    if (take(&reader, '-')) {
        civil.month = read_digits(&reader, 2);
        reader.ok = reader.ok && civil.month > 0;
        if (take(&reader, '-')) {
            civil.day = read_digits(&reader, 2);
            reader.ok = reader.ok && civil.day > 0;
        }
    }
    if (civil.day > 0 && take(&reader, 'T')) {
        civil.hour = read_digits(&reader, 2);
        must_take(&reader, ':');
        civil.minute = read_digits(&reader, 2);
        must_take(&reader, ':');
        civil.second = read_digits(&reader, 2);
        read_fraction(&reader, &civil);
        read_zone(&reader, &civil);
    }
    if (!reader.ok || reader.left.len != 0) {
        return false;
    }
    return pn_civil_to_ms(&civil, "UTC", ret_time_ms);
}
