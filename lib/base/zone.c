// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ZONE_NAME_BYTES_MAX = 64 };

static bool is_known(const char *zone_name)
{
    char path[ZONE_NAME_BYTES_MAX + 32];
    if (zone_name == NULL || zone_name[0] == '\0' || zone_name[0] == '/' ||
        strlen(zone_name) > ZONE_NAME_BYTES_MAX || strstr(zone_name, "..") != NULL) {
        return false;
    }
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone_name);
    return access(path, R_OK) == 0;
}

// The offset when the clock there did show this time under that kind of time; false when it did not.
static bool offset_as(const struct tm *wall, int is_summer, long *ret_seconds)
{
    struct tm shown = *wall;
    shown.tm_isdst = is_summer;
    time_t moment = mktime(&shown);
    struct tm as_utc = *wall;
    *ret_seconds = (long)(timegm(&as_utc) - moment);
    return shown.tm_isdst == is_summer && shown.tm_hour == wall->tm_hour &&
           shown.tm_min == wall->tm_min;
}

bool pn_zone_offset(const char *zone_name, const struct pn_civil *civil, int *ret_minutes)
{
    const char *current = getenv("TZ");
    if (current == NULL || zone_name == NULL || strcmp(current, zone_name) != 0) {
        if (!is_known(zone_name) || setenv("TZ", zone_name, 1) != 0) {
            return false;
        }
        tzset();
    }
    struct tm wall = {.tm_year = civil->year - 1900,
                      .tm_mon = civil->month == 0 ? 0 : civil->month - 1,
                      .tm_mday = civil->day == 0 ? 1 : civil->day,
                      .tm_hour = civil->hour < 0 ? 0 : civil->hour,
                      .tm_min = civil->minute};
    long seconds = 0;
    // Summer time first: in the repeated hour of autumn it is the one meant. In the gap of spring
    // neither fits, and standard time is the offset before it.
    if (!offset_as(&wall, 1, &seconds)) {
        (void)offset_as(&wall, 0, &seconds);
    }
    *ret_minutes = (int)(seconds / 60);
    return true;
}
