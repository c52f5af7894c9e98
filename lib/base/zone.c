// SPDX-License-Identifier: Apache-2.0
/*
 * Time zones from the system's tz database: TZif files (RFC 8536), version 2 or later. Moments
 * after the last in the table follow the rule in the file's footer (POSIX TZ, RFC 8536
 * section 3.3).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    ZONES_KEPT = 16,
    ZONE_NAME_BYTES = 48,
    ZONE_FILE_BYTES_MAX = 64 * 1024,
    TRANSITIONS_MAX = 1024,
    HEADER_BYTES = 44,
    SECONDS_PER_DAY = 86400
};

static const char zone_folder[] = "/usr/share/zoneinfo";

struct transition {
    int64_t utc_s;
    int64_t local_s; // from this wall-clock time on the offset after it holds (see pn_zone_offset)
    int32_t offset_s;
};

// When summer time begins or ends in a year: `Mm.w.d/time`, `Jn` or `n`.
struct rule_date {
    char form; // 'M', 'J' or '0' (day of the year from 0)
    int month, week, day;
    int32_t time_s;
};

struct zone {
    char name[ZONE_NAME_BYTES];
    struct transition *transitions;
    unsigned transition_count;
    int32_t first_offset_s;
    bool has_rule; // the footer names an offset for all later times
    bool has_summer;
    int32_t standard_s, summer_s;
    struct rule_date begins, ends;
};

static struct zone zones[ZONES_KEPT];
static unsigned zone_count;

// --- The footer ----------------------------------------------------------------------------------

static bool take_number(const char **at, int *ret_value)
{
    int value = 0;
    const char *start = *at;
    while (**at >= '0' && **at <= '9' && *at - start < 4) {
        value = value * 10 + (**at - '0');
        (*at)++;
    }
    *ret_value = value;
    return *at != start;
}

// [+-]hh[:mm[:ss]]
static bool take_time(const char **at, int32_t *ret_seconds)
{
    int sign = **at == '-' ? -1 : 1;
    *at += **at == '-' || **at == '+';
    int parts[3] = {0};
    if (!take_number(at, &parts[0])) {
        return false;
    }
    for (int i = 1; i < 3 && **at == ':'; i++) {
        (*at)++;
        if (!take_number(at, &parts[i])) {
            return false;
        }
    }
    *ret_seconds = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return true;
}

static bool take_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        while (**at != '\0' && **at != '>') {
            (*at)++;
        }
        return *(*at)++ == '>';
    }
    while ((**at >= 'A' && **at <= 'Z') || (**at >= 'a' && **at <= 'z')) {
        (*at)++;
    }
    return *at - start >= 3;
}

static bool take_date(const char **at, struct rule_date *date)
{
    *date = (struct rule_date){.form = '0', .time_s = 2 * 3600};
    if (*(*at)++ != ',') {
        return false;
    }
    if (**at == 'M' || **at == 'J') {
        date->form = *(*at)++;
    }
    bool is_good = take_number(at, date->form == 'M' ? &date->month : &date->day);
    if (date->form == 'M') {
        is_good = is_good && *(*at)++ == '.' && take_number(at, &date->week) && *(*at)++ == '.' &&
                  take_number(at, &date->day) && date->month >= 1 && date->month <= 12 &&
                  date->week >= 1 && date->week <= 5 && date->day <= 6;
    }
    if (is_good && **at == '/') {
        (*at)++;
        is_good = take_time(at, &date->time_s);
    }
    return is_good;
}

// `EET-2EEST,M3.5.0/3,M10.5.0/4`: offsets are west of UTC.
static bool read_rule(const char *text, struct zone *zone)
{
    int32_t west = 0;
    if (!take_name(&text) || !take_time(&text, &west)) {
        return false;
    }
    zone->standard_s = -west;
    zone->has_rule = true;
    if (*text == '\0') {
        return true;
    }
    if (!take_name(&text)) {
        return false;
    }
    west -= 3600;
    if (*text != ',' && !take_time(&text, &west)) {
        return false;
    }
    zone->summer_s = -west;
    zone->has_summer = true;
    return take_date(&text, &zone->begins) && take_date(&text, &zone->ends) && *text == '\0';
}

// The wall-clock second at which the change stands in `year`, by the clock before it.
static int64_t rule_local_s(const struct rule_date *date, int year)
{
    int64_t day = pn_days_from_civil(year, 1, 1);
    bool is_leap = pn_days_from_civil(year, 3, 1) - day == 60;
    if (date->form == 'M') {
        int next_month = date->month == 12 ? 1 : date->month + 1;
        int64_t first = pn_days_from_civil(year, date->month, 1);
        int64_t after = pn_days_from_civil(date->month == 12 ? year + 1 : year, next_month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; // 1970-01-01 was a Thursday
        day = first + (date->day - weekday + 7) % 7 + (date->week - 1) * INT64_C(7);
        day = day >= after ? day - 7 : day;
    } else if (date->form == 'J') {
        day += date->day - 1 + (is_leap && date->day >= 60 ? 1 : 0);
    } else {
        day += date->day;
    }
    return day * SECONDS_PER_DAY + date->time_s;
}

// --- The file ------------------------------------------------------------------------------------

static int64_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t value = (at[0] & 0x80) != 0 ? ~UINT64_C(0) : 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

struct tzif {
    const uint8_t *times, *types, *infos, *after;
    size_t time_count, type_count;
    unsigned time_bytes;
};

// One block: its header at `at`. False when it does not fit into what is left.
static bool read_block(const uint8_t *at, const uint8_t *end, unsigned time_bytes, struct tzif *ret)
{
    if (end - at < HEADER_BYTES || memcmp(at, "TZif", 4) != 0) {
        return false;
    }
    size_t counts[6]; // UT/local, standard/wall, leap seconds, times, types, designations
    for (size_t i = 0; i < 6; i++) {
        int64_t count = big_endian(at + 20 + i * 4, 4);
        if (count < 0 || count > ZONE_FILE_BYTES_MAX) {
            return false;
        }
        counts[i] = (size_t)count;
    }
    ret->time_bytes = time_bytes;
    ret->time_count = counts[3];
    ret->type_count = counts[4];
    ret->times = at + HEADER_BYTES;
    size_t size = counts[3] * time_bytes;
    ret->types = ret->times + size;
    size += counts[3];
    ret->infos = ret->times + size;
    size += counts[4] * 6 + counts[5] + counts[2] * (time_bytes + 4) + counts[1] + counts[0];
    ret->after = ret->times + size;
    return size <= (size_t)(end - ret->times) && ret->type_count > 0;
}

static int32_t offset_of(const struct tzif *file, size_t type)
{
    return type < file->type_count ? (int32_t)big_endian(file->infos + type * 6, 4) : 0;
}

static bool fill_transitions(const struct tzif *file, struct zone *zone)
{
    if (file->time_count > TRANSITIONS_MAX) {
        return false;
    }
    struct transition *made = calloc(file->time_count + 1, sizeof *made);
    if (made == NULL) {
        return false;
    }
    zone->first_offset_s = offset_of(file, 0);
    int32_t before = zone->first_offset_s;
    for (size_t i = 0; i < file->time_count; i++) {
        int64_t utc_s = big_endian(file->times + i * file->time_bytes, file->time_bytes);
        int32_t after = offset_of(file, file->types[i]);
        // A first transition at the beginning of all time must not overflow.
        utc_s = utc_s < INT64_MIN / 2 ? INT64_MIN / 2 : utc_s;
        made[i].utc_s = utc_s;
        made[i].local_s = utc_s + (before > after ? before : after);
        made[i].offset_s = after;
        before = after;
    }
    zone->transitions = made;
    zone->transition_count = (unsigned)file->time_count;
    return true;
}

static bool parse_zone(const uint8_t *bytes, size_t len, struct zone *zone)
{
    struct tzif file;
    const uint8_t *end = bytes + len;
    if (!read_block(bytes, end, 4, &file) || bytes[4] < '2' ||
        !read_block(file.after, end, 8, &file) || file.after == end || *file.after != '\n') {
        return false;
    }
    char footer[128];
    const uint8_t *line = file.after + 1;
    const uint8_t *line_end = memchr(line, '\n', (size_t)(end - line));
    if (line_end == NULL || (size_t)(line_end - line) >= sizeof footer) {
        return false;
    }
    memcpy(footer, line, (size_t)(line_end - line));
    footer[line_end - line] = '\0';
    return (footer[0] == '\0' || read_rule(footer, zone)) && fill_transitions(&file, zone);
}

static bool is_zone_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len >= ZONE_NAME_BYTES || name[0] == '/' || strstr(name, "..") != NULL) {
        return false;
    }
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
           len;
}

static bool load_zone(const char *name, struct zone *zone)
{
    char path[sizeof zone_folder + ZONE_NAME_BYTES + 1];
    snprintf(path, sizeof path, "%s/%s", zone_folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    uint8_t *bytes = malloc(ZONE_FILE_BYTES_MAX);
    size_t len = 0;
    ssize_t got = bytes == NULL ? -1 : read(fd, bytes, ZONE_FILE_BYTES_MAX);
    while (got > 0) {
        len += (size_t)got;
        got = read(fd, bytes + len, ZONE_FILE_BYTES_MAX - len);
    }
    close(fd);
    bool is_good = got == 0 && len < ZONE_FILE_BYTES_MAX && parse_zone(bytes, len, zone);
    free(bytes);
    if (is_good) {
        snprintf(zone->name, sizeof zone->name, "%s", name);
    }
    return is_good;
}

static const struct zone *find_zone(const char *name)
{
    for (unsigned i = 0; i < zone_count; i++) {
        if (strcmp(zones[i].name, name) == 0) {
            return &zones[i];
        }
    }
    struct zone zone = {0};
    if (zone_count == ZONES_KEPT || !is_zone_name(name) || !load_zone(name, &zone)) {
        return NULL;
    }
    zones[zone_count] = zone;
    return &zones[zone_count++];
}

// --- The answer ----------------------------------------------------------------------------------

/*
 * A transition at UTC second t from offset a to b: wall clocks read t+a before it and t+b after it.
 * Forward (b > a) nothing reads t+a … t+b: read with a. Backward the times t+b … t+a come twice:
 * the first is meant, which is a. Either way b holds from t + max(a, b) on.
 */
static int32_t rule_offset(const struct zone *zone, int64_t local_s, int year)
{
    if (!zone->has_summer) {
        return zone->standard_s;
    }
    int32_t forward = zone->summer_s > zone->standard_s ? zone->summer_s - zone->standard_s : 0;
    int32_t backward = forward == 0 ? zone->standard_s - zone->summer_s : 0;
    int64_t begins = rule_local_s(&zone->begins, year) + forward;
    int64_t ends = rule_local_s(&zone->ends, year) + backward;
    bool is_summer =
        begins < ends ? local_s >= begins && local_s < ends : local_s >= begins || local_s < ends;
    return is_summer ? zone->summer_s : zone->standard_s;
}

// How many changes the table has up to that second, of UTC or as clocks show it.
static unsigned changes_until(const struct zone *zone, int64_t second, bool is_local)
{
    unsigned low = 0;
    unsigned high = zone->transition_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct transition *change = &zone->transitions[middle];
        if ((is_local ? change->local_s : change->utc_s) <= second) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int32_t offset_after(const struct zone *zone, unsigned changes)
{
    return changes == 0 ? zone->first_offset_s : zone->transitions[changes - 1].offset_s;
}

static int32_t zone_offset_s(const struct zone *zone, int64_t local_s, int year)
{
    const unsigned changes = changes_until(zone, local_s, true);
    return changes == zone->transition_count && zone->has_rule ? rule_offset(zone, local_s, year)
                                                               : offset_after(zone, changes);
}

static int64_t floored(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static int year_of(int64_t local_s)
{
    int year = 0, month = 0, day = 0;
    pn_civil_from_days(floored(local_s, SECONDS_PER_DAY), &year, &month, &day);
    return year;
}

// A change stands in the rule by the clock before it.
static int32_t rule_offset_at(const struct zone *zone, int64_t utc_s)
{
    if (!zone->has_summer) {
        return zone->standard_s;
    }
    const int year = year_of(utc_s + zone->standard_s);
    const int64_t begins = rule_local_s(&zone->begins, year) - zone->standard_s;
    const int64_t ends = rule_local_s(&zone->ends, year) - zone->summer_s;
    bool is_summer =
        begins < ends ? utc_s >= begins && utc_s < ends : utc_s >= begins || utc_s < ends;
    return is_summer ? zone->summer_s : zone->standard_s;
}

static int32_t zone_offset_at(const struct zone *zone, int64_t utc_s)
{
    const unsigned changes = changes_until(zone, utc_s, false);
    return changes == zone->transition_count && zone->has_rule ? rule_offset_at(zone, utc_s)
                                                               : offset_after(zone, changes);
}

// NULL for UTC, which needs no file.
static bool find(const char *name, const struct zone **ret_zone)
{
    if (name == NULL) {
        return false;
    }
    *ret_zone = strcmp(name, "UTC") == 0 ? NULL : find_zone(name);
    return *ret_zone != NULL || strcmp(name, "UTC") == 0;
}

bool pn_zone_local(const char *zone_name, int64_t time_ms, int64_t *ret_local_ms)
{
    const struct zone *zone = NULL;
    if (!find(zone_name, &zone)) {
        return false;
    }
    const int64_t utc_s = floored(time_ms, PN_MS_PER_SECOND);
    const int32_t offset_s = zone == NULL ? 0 : zone_offset_at(zone, utc_s);
    *ret_local_ms = time_ms + offset_s * PN_MS_PER_SECOND;
    return true;
}

bool pn_zone_moment(const char *zone_name, int64_t local_ms, int64_t *ret_time_ms)
{
    const struct zone *zone = NULL;
    if (!find(zone_name, &zone)) {
        return false;
    }
    const int64_t local_s = floored(local_ms, PN_MS_PER_SECOND);
    const int32_t offset_s = zone == NULL ? 0 : zone_offset_s(zone, local_s, year_of(local_s));
    *ret_time_ms = local_ms - offset_s * PN_MS_PER_SECOND;
    return true;
}

bool pn_zone_offset(const char *zone_name, const struct pn_civil *civil, int *ret_minutes)
{
    const struct zone *zone = NULL;
    if (!find(zone_name, &zone)) {
        return false;
    }
    if (zone == NULL) {
        *ret_minutes = 0;
        return true;
    }
    int month = civil->month == 0 ? 1 : civil->month;
    int day = civil->day == 0 ? 1 : civil->day;
    int64_t local_s = pn_days_from_civil(civil->year, month, day) * SECONDS_PER_DAY;
    if (civil->hour >= 0) {
        local_s += (civil->hour * INT64_C(60) + civil->minute) * 60 + civil->second;
    }
    *ret_minutes = zone_offset_s(zone, local_s, civil->year) / 60;
    return true;
}
