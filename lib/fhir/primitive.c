// SPDX-License-Identifier: Apache-2.0
// The lexical rules of R4 2.24.0.1, each a scanner of its own: they stand on every message's way.
#include <string.h>

#include "fhir/fhir.h"
#include "fhir/json_node.h"
#include "fhir/types.h"
#include "fhir/validate.h"

typedef bool scanner(struct pn_slice text);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool has_no_space(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7F) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_boolean(struct pn_slice text)
{
    return pn_slice_is(text, "true") || pn_slice_is(text, "false");
}

// Reads exactly `count` digits from *rest.
static bool take_digits(struct pn_slice *rest, unsigned count, int *ret_value)
{
    int value = 0;
    if (rest->len < count) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_digit(rest->ptr[i])) {
            return false;
        }
        value = value * 10 + (rest->ptr[i] - '0');
    }
    *rest = pn_slice_of(rest->ptr + count, rest->len - count);
    *ret_value = value;
    return true;
}

static bool take_char(struct pn_slice *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) {
        return false;
    }
    *rest = pn_slice_of(rest->ptr + 1, rest->len - 1);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

// YYYY, YYYY-MM or YYYY-MM-DD, a real date; *ret_parts says how many parts there were.
static bool take_date(struct pn_slice *rest, int *ret_parts)
{
    int year = 0;
    int month = 0;
    int day = 0;
    if (!take_digits(rest, 4, &year) || year == 0) {
        return false;
    }
    *ret_parts = 1;
    if (!take_char(rest, '-')) {
        return true;
    }
    if (!take_digits(rest, 2, &month) || month < 1 || month > 12) {
        return false;
    }
    *ret_parts = 2;
    if (!take_char(rest, '-')) {
        return true;
    }
    *ret_parts = 3;
    return take_digits(rest, 2, &day) && day >= 1 && day <= days_in_month(year, month);
}

// hh:mm:ss with any fraction; second 60 is a leap second.
static bool take_time(struct pn_slice *rest)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_digits(rest, 2, &hour) || !take_char(rest, ':') || !take_digits(rest, 2, &minute) ||
        !take_char(rest, ':') || !take_digits(rest, 2, &second) || hour > 23 || minute > 59 ||
        second > 60) {
        return false;
    }
    if (!take_char(rest, '.')) {
        return true;
    }
    int digit = 0;
    bool any = false;
    while (take_digits(rest, 1, &digit)) {
        any = true;
    }
    return any;
}

static bool take_zone(struct pn_slice *rest)
{
    int hours = 0;
    int minutes = 0;
    if (take_char(rest, 'Z')) {
        return true;
    }
    if (!take_char(rest, '+') && !take_char(rest, '-')) {
        return false;
    }
    return take_digits(rest, 2, &hours) && take_char(rest, ':') && take_digits(rest, 2, &minutes) &&
           minutes <= 59 && hours * 60 + minutes <= 14 * 60;
}

static bool is_date(struct pn_slice text)
{
    int parts = 0;
    return take_date(&text, &parts) && text.len == 0;
}

static bool is_moment(struct pn_slice text, bool may_be_partial)
{
    int parts = 0;
    if (!take_date(&text, &parts)) {
        return false;
    }
    if (text.len == 0) {
        return may_be_partial;
    }
    return parts == 3 && take_char(&text, 'T') && take_time(&text) && take_zone(&text) &&
           text.len == 0;
}

static bool is_date_time(struct pn_slice text)
{
    return is_moment(text, true);
}

static bool is_instant(struct pn_slice text)
{
    return is_moment(text, false);
}

static bool is_time(struct pn_slice text)
{
    return take_time(&text) && text.len == 0;
}

static bool is_code(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool space = is_space(text.ptr[i]);
        bool at_edge = i == 0 || i + 1 == text.len;
        if (((unsigned char)text.ptr[i] < ' ' && !space) ||
            (space && (at_edge || is_space(text.ptr[i + 1])))) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_id(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_digit(c) && !is_letter(c) && c != '-' && c != '.') {
            return false;
        }
    }
    return text.len >= 1 && text.len <= 64;
}

static bool is_string(struct pn_slice text)
{
    unsigned bad = 0; // no early exit: so the compiler looks at many bytes at once
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bad |= (unsigned)(c < ' ') & (unsigned)(c != '\t') & (unsigned)(c != '\n') &
               (unsigned)(c != '\r');
    }
    return bad == 0 && text.len > 0 && text.len <= (size_t)1024 * 1024;
}

static bool is_oid(struct pn_slice text)
{
    static const char prefix[] = "urn:oid:";
    if (!pn_slice_starts_with(text, prefix)) {
        return false;
    }
    size_t at = sizeof prefix - 1;
    if (at == text.len || text.ptr[at] < '0' || text.ptr[at] > '2') {
        return false;
    }
    at++;
    size_t arcs = 0;
    for (; at < text.len; arcs++) {
        size_t start = at + 1;
        if (text.ptr[at] != '.') {
            return false;
        }
        for (at = start; at < text.len && is_digit(text.ptr[at]); at++) {
        }
        if (at == start || (text.ptr[start] == '0' && at > start + 1)) {
            return false;
        }
    }
    return arcs > 0;
}

static bool is_uuid(struct pn_slice text)
{
    static const char form[] = "urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.len != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_hex = is_digit(c) || (c >= 'a' && c <= 'f');
        if (form[i] == 'x' ? !is_hex : c != form[i]) {
            return false;
        }
    }
    return true;
}

static bool is_base64(struct pn_slice text)
{
    size_t count = 0;
    size_t padding = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_space(c)) {
            continue;
        }
        count++;
        if (c == '=') {
            padding++;
        } else if (padding > 0 || (!is_digit(c) && !is_letter(c) && c != '+' && c != '/')) {
            return false;
        }
    }
    return count > 0 && count % 4 == 0 && padding <= 2;
}

// [+-]?digits without leading zeros, in 32 bits.
static bool integer_value(struct pn_slice text, int64_t *ret_value)
{
    bool minus = text.len > 0 && text.ptr[0] == '-';
    struct pn_slice digits = text;
    if (minus || (text.len > 0 && text.ptr[0] == '+')) {
        digits = pn_slice_of(text.ptr + 1, text.len - 1);
    }
    int64_t value = 0;
    if (digits.len == 0 || digits.len > 10 || !is_digit(digits.ptr[0]) ||
        (digits.ptr[0] == '0' && (digits.len > 1 || text.len > 1)) ||
        !pn_slice_to_i64(digits, &value)) {
        return false;
    }
    *ret_value = minus ? -value : value;
    return *ret_value >= INT32_MIN && *ret_value <= INT32_MAX;
}

static bool is_integer(struct pn_slice text)
{
    int64_t value = 0;
    return integer_value(text, &value);
}

static bool is_unsigned(struct pn_slice text)
{
    int64_t value = 0;
    return integer_value(text, &value) && value >= 0;
}

static bool is_positive(struct pn_slice text)
{
    int64_t value = 0;
    return integer_value(text, &value) && value >= 1;
}

static bool is_decimal(struct pn_slice text)
{
    return text.len > 0 && pn_json_number_length(text) == text.len;
}

static const struct {
    scanner *scan;
    enum pn_fhir_json_kind json;
    const char *hint;
} primitives[PN_FHIR_TYPE_COUNT] = {
    [PN_FHIR_T_BASE64_BINARY] = {is_base64, PN_FHIR_JSON_STRING,
                                 "Base64, four characters to three bytes"},
    [PN_FHIR_T_BOOLEAN] = {is_boolean, PN_FHIR_JSON_BOOLEAN, "true or false"},
    [PN_FHIR_T_CANONICAL] = {has_no_space, PN_FHIR_JSON_STRING, "a URI without spaces"},
    [PN_FHIR_T_CODE] = {is_code, PN_FHIR_JSON_STRING, "no spaces at the ends, single ones inside"},
    [PN_FHIR_T_DATE] = {is_date, PN_FHIR_JSON_STRING, "YYYY, YYYY-MM or YYYY-MM-DD, a real date"},
    [PN_FHIR_T_DATE_TIME] = {is_date_time, PN_FHIR_JSON_STRING,
                             "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone"},
    [PN_FHIR_T_DECIMAL] = {is_decimal, PN_FHIR_JSON_NUMBER, "a decimal number"},
    [PN_FHIR_T_ID] = {is_id, PN_FHIR_JSON_STRING, "1 to 64 of A-Z a-z 0-9 - ."},
    [PN_FHIR_T_INSTANT] = {is_instant, PN_FHIR_JSON_STRING, "YYYY-MM-DDThh:mm:ss with a zone"},
    [PN_FHIR_T_INTEGER] = {is_integer, PN_FHIR_JSON_NUMBER, "a whole number of 32 bits"},
    [PN_FHIR_T_MARKDOWN] = {is_string, PN_FHIR_JSON_STRING, "some text without control characters"},
    [PN_FHIR_T_OID] = {is_oid, PN_FHIR_JSON_STRING, "urn:oid: and the arcs"},
    [PN_FHIR_T_POSITIVE_INT] = {is_positive, PN_FHIR_JSON_NUMBER, "a whole number from 1 up"},
    [PN_FHIR_T_STRING] = {is_string, PN_FHIR_JSON_STRING, "some text without control characters"},
    [PN_FHIR_T_TIME] = {is_time, PN_FHIR_JSON_STRING, "hh:mm:ss"},
    [PN_FHIR_T_UNSIGNED_INT] = {is_unsigned, PN_FHIR_JSON_NUMBER, "a whole number from 0 up"},
    [PN_FHIR_T_URI] = {has_no_space, PN_FHIR_JSON_STRING, "a URI without spaces"},
    [PN_FHIR_T_URL] = {has_no_space, PN_FHIR_JSON_STRING, "a URL without spaces"},
    [PN_FHIR_T_UUID] = {is_uuid, PN_FHIR_JSON_STRING, "urn:uuid: and lower-case hex"},
    [PN_FHIR_T_XHTML] = {is_string, PN_FHIR_JSON_STRING, "some text without control characters"},
};

bool pn_fhir_primitive_fits(unsigned type, struct pn_slice text)
{
    return primitives[type].scan != NULL && primitives[type].scan(text);
}

enum pn_fhir_json_kind pn_fhir_primitive_json(unsigned type)
{
    return primitives[type].json;
}

const char *pn_fhir_primitive_hint(unsigned type)
{
    return primitives[type].hint;
}

bool pn_fhir_primitive_is_valid(const char *type_name, struct pn_slice text)
{
    int type = pn_fhir_type_find(pn_slice_str(type_name));
    return type != PN_FHIR_NO_TYPE && pn_fhir_primitive_fits((unsigned)type, text);
}
