// SPDX-License-Identifier: Apache-2.0
#include "map/dates.h"

#include <string.h>

enum {
    SECONDS_PER_MINUTE = 60,
    SECONDS_PER_HOUR = 3600,
    MINUTES_PER_HOUR = 60,
    ZONE_HOURS_MAX = 14
};

// Reads exactly `digits` digits off the front.
static bool take_number(struct pn_slice *text, unsigned digits, int *ret_number)
{
    if (text->len < digits) {
        return false;
    }
    int number = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = text->ptr[i];
        if (c < '0' || c > '9') {
            return false;
        }
        number = number * 10 + (c - '0');
    }
    *text = pn_slice_of(text->ptr + digits, text->len - digits);
    *ret_number = number;
    return true;
}

// One or two digits, as in 1.2.2026.
static bool take_short_number(struct pn_slice *text, int *ret_number)
{
    return take_number(text, 2, ret_number) || take_number(text, 1, ret_number);
}

static bool take_char(struct pn_slice *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c) {
        return false;
    }
    *text = pn_slice_of(text->ptr + 1, text->len - 1);
    return true;
}

static bool starts_with_digit(struct pn_slice text)
{
    return text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9';
}

static bool take_zone(struct pn_slice *text, struct pn_civil *civil)
{
    if (text->len == 0) {
        return true;
    }
    if (take_char(text, 'Z')) {
        civil->has_zone = true;
        return text->len == 0;
    }
    bool is_west = take_char(text, '-');
    if (!is_west && !take_char(text, '+')) {
        return false;
    }
    int hours = 0, minutes = 0;
    if (!take_number(text, 2, &hours)) {
        return false;
    }
    take_char(text, ':');
    if (text->len > 0 && !take_number(text, 2, &minutes)) {
        return false;
    }
    if (hours > ZONE_HOURS_MAX || minutes >= MINUTES_PER_HOUR) {
        return false;
    }
    civil->has_zone = true;
    civil->zone_minutes = (is_west ? -1 : 1) * (hours * MINUTES_PER_HOUR + minutes);
    return text->len == 0;
}

static bool take_fraction(struct pn_slice *text, struct pn_civil *civil)
{
    if (!take_char(text, '.') && !take_char(text, ',')) {
        return true;
    }
    if (!starts_with_digit(*text)) {
        return false;
    }
    for (int unit = 100; starts_with_digit(*text); unit /= 10) {
        int digit = 0;
        if (!take_number(text, 1, &digit)) {
            return false;
        }
        civil->millisecond += digit * unit;
    }
    return true;
}

// YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]
static bool read_hl7(struct pn_slice text, struct pn_civil *civil)
{
    if (!take_number(&text, 4, &civil->year)) {
        return false;
    }
    int *const fields[] = {&civil->month, &civil->day, &civil->hour, &civil->minute,
                           &civil->second};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(fields) && starts_with_digit(text); i++) {
        if (!take_number(&text, 2, fields[i])) {
            return false;
        }
    }
    return take_fraction(&text, civil) && take_zone(&text, civil);
}

// YYYY-MM[-DD[(T| )HH:MM[:SS[.S…]][Z|±HH:MM]]]
static bool read_iso(struct pn_slice text, struct pn_civil *civil)
{
    if (!take_number(&text, 4, &civil->year) || !take_char(&text, '-') ||
        !take_number(&text, 2, &civil->month)) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    if (!take_char(&text, '-') || !take_number(&text, 2, &civil->day)) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    if ((!take_char(&text, 'T') && !take_char(&text, ' ')) ||
        !take_number(&text, 2, &civil->hour) || !take_char(&text, ':') ||
        !take_number(&text, 2, &civil->minute)) {
        return false;
    }
    if (take_char(&text, ':') && !take_number(&text, 2, &civil->second)) {
        return false;
    }
    return take_fraction(&text, civil) && take_zone(&text, civil);
}

// D.M.YYYY[ [klo ]H(.|:)MM[(.|:)SS]]
static bool read_finnish(struct pn_slice text, struct pn_civil *civil)
{
    if (!take_short_number(&text, &civil->day) || !take_char(&text, '.') ||
        !take_short_number(&text, &civil->month) || !take_char(&text, '.') ||
        !take_number(&text, 4, &civil->year)) {
        return false;
    }
    text = pn_slice_trim(text);
    if (text.len == 0) {
        return true;
    }
    if (pn_slice_starts_with(text, "klo")) {
        text = pn_slice_trim(pn_slice_of(text.ptr + 3, text.len - 3));
    }
    if (!take_short_number(&text, &civil->hour) ||
        (!take_char(&text, '.') && !take_char(&text, ':')) ||
        !take_number(&text, 2, &civil->minute)) {
        return false;
    }
    if ((take_char(&text, '.') || take_char(&text, ':')) &&
        !take_number(&text, 2, &civil->second)) {
        return false;
    }
    return text.len == 0;
}

bool pn_map_date_read(struct pn_slice text, struct pn_civil *ret_civil)
{
    struct pn_civil civil = {.hour = -1};
    text = pn_slice_trim(text);
    bool is_dotted = (text.len > 1 && text.ptr[1] == '.') || (text.len > 2 && text.ptr[2] == '.');
    bool is_iso = text.len > 4 && text.ptr[4] == '-' && text.len != 9; // 9: a year and a zone
    bool is_read = is_dotted ? read_finnish(text, &civil)
                   : is_iso  ? read_iso(text, &civil)
                             : read_hl7(text, &civil);
    if (!is_read || !pn_civil_is_valid(&civil)) {
        return false;
    }
    *ret_civil = civil;
    return true;
}

// Dates are the most frequent values there are: digits by hand, not by printf.
enum { DATE_TEXT_BYTES = 40 };

static char *put_number(char *at, int number, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

static char *put_char(char *at, char c)
{
    *at = c;
    return at + 1;
}

static char *put_date(char *at, const struct pn_civil *civil, bool is_hl7)
{
    at = put_number(at, civil->year, 4);
    if (civil->month == 0) {
        return at;
    }
    at = put_number(is_hl7 ? at : put_char(at, '-'), civil->month, 2);
    if (civil->day == 0) {
        return at;
    }
    return put_number(is_hl7 ? at : put_char(at, '-'), civil->day, 2);
}

static char *put_zone(char *at, int zone_minutes, bool is_hl7)
{
    int minutes = zone_minutes < 0 ? -zone_minutes : zone_minutes;
    at = put_number(put_char(at, zone_minutes < 0 ? '-' : '+'), minutes / MINUTES_PER_HOUR, 2);
    return put_number(is_hl7 ? at : put_char(at, ':'), minutes % MINUTES_PER_HOUR, 2);
}

static char *write_date(struct pn_arena *arena, const struct pn_civil *civil, bool is_hl7)
{
    char *text = pn_arena_alloc(arena, DATE_TEXT_BYTES);
    if (text != NULL) {
        put_date(text, civil, is_hl7);
    }
    return text;
}

struct pn_civil pn_map_date_from_ms(int64_t time_ms, int zone_minutes)
{
    struct pn_civil civil = {.has_zone = true, .zone_minutes = zone_minutes};
    int64_t local_ms = time_ms + (int64_t)zone_minutes * SECONDS_PER_MINUTE * PN_MS_PER_SECOND;
    int64_t days = local_ms / PN_MS_PER_DAY - (local_ms % PN_MS_PER_DAY < 0 ? 1 : 0);
    int64_t day_ms = local_ms - days * PN_MS_PER_DAY;
    int64_t seconds = day_ms / PN_MS_PER_SECOND;
    pn_civil_from_days(days, &civil.year, &civil.month, &civil.day);
    civil.hour = (int)(seconds / SECONDS_PER_HOUR);
    civil.minute = (int)(seconds / SECONDS_PER_MINUTE % MINUTES_PER_HOUR);
    civil.second = (int)(seconds % SECONDS_PER_MINUTE);
    civil.millisecond = (int)(day_ms % PN_MS_PER_SECOND);
    return civil;
}

// The same moment on the clocks of `zone`.
static bool move_to_zone(const struct pn_civil *civil, const char *zone, struct pn_civil *ret_moved)
{
    struct pn_civil moved = *civil;
    if (!moved.has_zone) {
        moved.has_zone = pn_zone_offset(zone, civil, &moved.zone_minutes);
        *ret_moved = moved;
        return moved.has_zone;
    }
    int64_t time_ms = 0;
    if (!pn_civil_to_ms(civil, zone, &time_ms)) {
        return false;
    }
    // The offset at a civil time is asked for twice: the first answer is right but near a change.
    int offset = civil->zone_minutes;
    for (int i = 0; i < 2; i++) {
        moved = pn_map_date_from_ms(time_ms, offset);
        moved.has_zone = false;
        if (!pn_zone_offset(zone, &moved, &offset)) {
            return false;
        }
    }
    moved.has_zone = true;
    moved.zone_minutes = offset;
    *ret_moved = moved;
    return true;
}

static char *write_fhir_time(struct pn_arena *arena, const struct pn_civil *civil)
{
    char *text = pn_arena_alloc(arena, DATE_TEXT_BYTES);
    if (text == NULL) {
        return NULL;
    }
    char *at = put_char(put_date(text, civil, false), 'T');
    at = put_char(put_number(at, civil->hour, 2), ':');
    at = put_char(put_number(at, civil->minute, 2), ':');
    at = put_number(at, civil->second, 2);
    if (civil->millisecond != 0) {
        at = put_number(put_char(at, '.'), civil->millisecond, 3);
    }
    put_zone(at, civil->zone_minutes, false);
    return text;
}

static char *write_hl7_time(struct pn_arena *arena, const struct pn_civil *civil)
{
    char *text = pn_arena_alloc(arena, DATE_TEXT_BYTES);
    if (text == NULL) {
        return NULL;
    }
    char *at = put_number(put_date(text, civil, true), civil->hour, 2);
    at = put_number(put_number(at, civil->minute, 2), civil->second, 2);
    put_zone(at, civil->zone_minutes, true);
    return text;
}

static char *write_local_time(struct pn_arena *arena, const struct pn_civil *civil,
                              enum pn_map_date_form form)
{
    if (form == PN_DATE_HL7_DATETIME) {
        return write_hl7_time(arena, civil);
    }
    if (form == PN_DATE_FINNISH_TIME) {
        return pn_arena_printf(arena, "%d.%02d", civil->hour, civil->minute);
    }
    return pn_arena_printf(arena, "%d.%d.%d klo %d.%02d", civil->day, civil->month, civil->year,
                           civil->hour, civil->minute);
}

char *pn_map_date_write(struct pn_arena *arena, const struct pn_civil *civil, const char *zone,
                        enum pn_map_date_form form)
{
    struct pn_civil full = *civil;
    bool is_fhir_time = form == PN_DATE_FHIR_DATETIME || form == PN_DATE_FHIR_INSTANT;
    if (form == PN_DATE_FHIR_DATE || (form == PN_DATE_FHIR_DATETIME && full.hour < 0)) {
        return write_date(arena, civil, false);
    }
    if (full.hour < 0 && form == PN_DATE_FHIR_INSTANT) {
        full.hour = 0;
        full.month = full.month == 0 ? 1 : full.month;
        full.day = full.day == 0 ? 1 : full.day;
    }
    if (is_fhir_time && full.has_zone) {
        return write_fhir_time(arena, &full);
    }
    if (full.hour >= 0 && !move_to_zone(&full, zone, &full)) {
        return NULL;
    }
    if (is_fhir_time) {
        return write_fhir_time(arena, &full);
    }
    if (form == PN_DATE_HL7_DATE || (form == PN_DATE_HL7_DATETIME && full.hour < 0)) {
        return write_date(arena, &full, true);
    }
    if (form == PN_DATE_FINNISH_DATE || full.hour < 0) {
        return full.day == 0 ? write_date(arena, &full, false)
                             : pn_arena_printf(arena, "%d.%d.%d", full.day, full.month, full.year);
    }
    return write_local_time(arena, &full, form);
}
