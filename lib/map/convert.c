// SPDX-License-Identifier: Apache-2.0
// Conversions (`as`): one text into another. docs/MAPPING.md lists them.
#include "base/finid.h"
#include "base/text.h"
#include "fhir/entries.h"
#include "map/dates.h"
#include "map/run.h"

static enum pn_code give(struct pn_slice text, struct pn_slice *ret_text, struct pn_err *err)
{
    if (text.ptr == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
    }
    *ret_text = text;
    return PN_OK;
}

static enum pn_code wrong(const struct pn_map_conversion *conversion, struct pn_err *err)
{
    return pn_err_set(err, PN_INVALID, "", "is no %s", conversion->name);
}

static enum pn_code convert_date_to(const struct pn_map_run *run,
                                    const struct pn_map_conversion *conversion,
                                    struct pn_slice text, enum pn_map_date_form form,
                                    struct pn_slice *ret_text, struct pn_err *err)
{
    struct pn_civil civil;
    if (!pn_map_date_read(text, &civil)) {
        return wrong(conversion, err);
    }
    return give(pn_slice_str(pn_map_date_write(run->arena, &civil, run->zone, form)), ret_text,
                err);
}

#define PN_DATE_CONVERSION(name, form)                                                             \
    static enum pn_code name(const struct pn_map_run *run,                                         \
                             const struct pn_map_conversion *conversion, struct pn_slice text,     \
                             struct pn_slice *ret_text, struct pn_err *err)                        \
    {                                                                                              \
        return convert_date_to(run, conversion, text, form, ret_text, err);                        \
    }

PN_DATE_CONVERSION(to_date, PN_DATE_FHIR_DATE)
PN_DATE_CONVERSION(to_datetime, PN_DATE_FHIR_DATETIME)
PN_DATE_CONVERSION(to_instant, PN_DATE_FHIR_INSTANT)
PN_DATE_CONVERSION(to_hl7_date, PN_DATE_HL7_DATE)
PN_DATE_CONVERSION(to_hl7_datetime, PN_DATE_HL7_DATETIME)
PN_DATE_CONVERSION(to_finnish_date, PN_DATE_FINNISH_DATE)
PN_DATE_CONVERSION(to_finnish_datetime, PN_DATE_FINNISH_DATETIME)
PN_DATE_CONVERSION(to_finnish_time, PN_DATE_FINNISH_TIME)

static enum pn_code change_case(const struct pn_map_run *run, struct pn_slice text, char first,
                                struct pn_slice *ret_text, struct pn_err *err)
{
    char *changed = pn_arena_copy(run->arena, text);
    for (size_t i = 0; changed != NULL && i < text.len; i++) {
        if (changed[i] >= first && changed[i] <= first + 25) {
            changed[i] = (char)(changed[i] ^ 0x20);
        }
    }
    return give(pn_slice_of(changed, text.len), ret_text, err);
}

static enum pn_code to_upper(const struct pn_map_run *run,
                             const struct pn_map_conversion *conversion, struct pn_slice text,
                             struct pn_slice *ret_text, struct pn_err *err)
{
    (void)conversion;
    return change_case(run, text, 'a', ret_text, err);
}

static enum pn_code to_lower(const struct pn_map_run *run,
                             const struct pn_map_conversion *conversion, struct pn_slice text,
                             struct pn_slice *ret_text, struct pn_err *err)
{
    (void)conversion;
    return change_case(run, text, 'A', ret_text, err);
}

static enum pn_code to_oid_uri(const struct pn_map_run *run,
                               const struct pn_map_conversion *conversion, struct pn_slice text,
                               struct pn_slice *ret_text, struct pn_err *err)
{
    struct pn_slice bare = text;
    if (pn_slice_starts_with(text, "urn:oid:")) {
        bare = pn_slice_of(text.ptr + 8, text.len - 8);
    }
    if (!pn_map_kind_find(pn_slice_str("oid"))(bare)) {
        return wrong(conversion, err);
    }
    return give(pn_slice_str(pn_arena_printf(run->arena, "urn:oid:%.*s", PN_SLICE_FMT(bare))),
                ret_text, err);
}

static enum pn_code to_bare_oid(const struct pn_map_run *run,
                                const struct pn_map_conversion *conversion, struct pn_slice text,
                                struct pn_slice *ret_text, struct pn_err *err)
{
    (void)run;
    if (pn_slice_starts_with(text, "urn:oid:")) {
        text = pn_slice_of(text.ptr + 8, text.len - 8);
    }
    if (!pn_map_kind_find(pn_slice_str("oid"))(text)) {
        return wrong(conversion, err);
    }
    return give(text, ret_text, err);
}

// "12" of "Patient/12", of "https://…/Patient/12" and of "Patient/12/_history/3".
static enum pn_code to_reference_id(const struct pn_map_run *run,
                                    const struct pn_map_conversion *conversion,
                                    struct pn_slice text, struct pn_slice *ret_text,
                                    struct pn_err *err)
{
    (void)run;
    struct pn_slice id = {0};
    (void)pn_slice_split(pn_entries_relative(text), '/', &id);
    return id.len == 0 ? wrong(conversion, err) : give(id, ret_text, err);
}

static enum pn_code to_boolean(const struct pn_map_run *run,
                               const struct pn_map_conversion *conversion, struct pn_slice text,
                               struct pn_slice *ret_text, struct pn_err *err)
{
    (void)run;
    static const struct {
        const char *text;
        const char *value;
    } words[] = {{"true", "true"}, {"1", "true"},      {"y", "true"},  {"k", "true"},
                 {"yes", "true"},  {"false", "false"}, {"0", "false"}, {"n", "false"},
                 {"e", "false"},   {"no", "false"}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(words); i++) {
        if (pn_slice_is_nocase(text, words[i].text)) {
            return give(pn_slice_str(words[i].value), ret_text, err);
        }
    }
    return wrong(conversion, err);
}

static enum pn_code to_integer(const struct pn_map_run *run,
                               const struct pn_map_conversion *conversion, struct pn_slice text,
                               struct pn_slice *ret_text, struct pn_err *err)
{
    int64_t number = 0;
    if (!pn_slice_to_i64(text, &number)) {
        return wrong(conversion, err);
    }
    return give(pn_slice_str(pn_arena_printf(run->arena, "%lld", (long long)number)), ret_text,
                err);
}

// Digits with a comma or a point and spaces between thousands: 1 234,50 → 1234.50
static enum pn_code to_decimal(const struct pn_map_run *run,
                               const struct pn_map_conversion *conversion, struct pn_slice text,
                               struct pn_slice *ret_text, struct pn_err *err)
{
    char *made = pn_arena_alloc(run->arena, text.len + 1);
    size_t len = 0, points = 0;
    bool is_good = made != NULL && text.len > 0;
    for (size_t i = 0; is_good && i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ') {
            continue;
        }
        bool is_point = c == ',' || c == '.';
        points += is_point;
        is_good = (c >= '0' && c <= '9') || (c == '-' && len == 0) || (is_point && len > 0);
        made[len++] = is_point ? '.' : c;
    }
    is_good = is_good && len > 0 && points <= 1 && made[len - 1] >= '0' && made[len - 1] <= '9';
    return is_good ? give(pn_slice_of(made, len), ret_text, err) : wrong(conversion, err);
}

// An identity code as Finland writes it; lower-case letters are accepted.
static enum pn_code to_hetu(const struct pn_map_run *run,
                            const struct pn_map_conversion *conversion, struct pn_slice text,
                            struct pn_slice *ret_text, struct pn_err *err)
{
    struct pn_slice upper;
    struct pn_hetu hetu;
    enum pn_code code = to_upper(run, conversion, text, &upper, err);
    if (code != PN_OK) {
        return code;
    }
    enum pn_hetu_fault fault = pn_hetu_parse(upper, &hetu);
    if (fault != PN_HETU_GOOD) {
        return pn_err_set(err, PN_INVALID, "", "is no identity code: %s",
                          pn_hetu_fault_text(fault));
    }
    return give(upper, ret_text, err);
}

static enum pn_code parse_hetu(const struct pn_map_run *run,
                               const struct pn_map_conversion *conversion, struct pn_slice text,
                               struct pn_hetu *ret_hetu, struct pn_err *err)
{
    enum pn_code code = to_hetu(run, conversion, text, &text, err);
    if (code == PN_OK && pn_hetu_parse(text, ret_hetu) != PN_HETU_GOOD) {
        code = wrong(conversion, err);
    }
    return code;
}

static enum pn_code to_hetu_gender(const struct pn_map_run *run,
                                   const struct pn_map_conversion *conversion, struct pn_slice text,
                                   struct pn_slice *ret_text, struct pn_err *err)
{
    struct pn_hetu hetu;
    enum pn_code code = parse_hetu(run, conversion, text, &hetu, err);
    if (code != PN_OK) {
        return code;
    }
    return give(pn_slice_str(hetu.is_female ? "female" : "male"), ret_text, err);
}

static enum pn_code to_hetu_birth_date(const struct pn_map_run *run,
                                       const struct pn_map_conversion *conversion,
                                       struct pn_slice text, struct pn_slice *ret_text,
                                       struct pn_err *err)
{
    struct pn_hetu hetu;
    enum pn_code code = parse_hetu(run, conversion, text, &hetu, err);
    if (code != PN_OK) {
        return code;
    }
    return give(pn_slice_str(pn_arena_printf(run->arena, "%04d-%02d-%02d", hetu.birth_year,
                                             hetu.birth_month, hetu.birth_day)),
                ret_text, err);
}

static enum pn_code to_base64(const struct pn_map_run *run,
                              const struct pn_map_conversion *conversion, struct pn_slice text,
                              struct pn_slice *ret_text, struct pn_err *err)
{
    (void)conversion;
    struct pn_buf out;
    pn_buf_init(&out, 2 * (size_t)PN_MESSAGE_BYTES_MAX);
    pn_base64_add(&out, text.ptr, text.len);
    struct pn_slice copy = {0};
    if (pn_buf_ok(&out)) {
        copy = pn_slice_of(pn_arena_copy(run->arena, pn_buf_slice(&out)), out.len);
    }
    pn_buf_release(&out);
    return give(copy, ret_text, err);
}

static enum pn_code to_one_line(const struct pn_map_run *run,
                                const struct pn_map_conversion *conversion, struct pn_slice text,
                                struct pn_slice *ret_text, struct pn_err *err)
{
    (void)conversion;
    char *line = pn_arena_copy(run->arena, text);
    for (size_t i = 0; line != NULL && i < text.len; i++) {
        if (line[i] == '\n' || line[i] == '\r' || line[i] == '\t') {
            line[i] = ' ';
        }
    }
    return give(pn_slice_of(line, text.len), ret_text, err);
}

// `visit 12/3` → `visit-12-3`: safe in a file name.
static enum pn_code to_file_name(const struct pn_map_run *run,
                                 const struct pn_map_conversion *conversion, struct pn_slice text,
                                 struct pn_slice *ret_text, struct pn_err *err)
{
    (void)conversion;
    char *name = pn_arena_copy(run->arena, text);
    for (size_t i = 0; name != NULL && i < text.len; i++) {
        char c = name[i];
        bool is_safe = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || (c == '.' && i > 0);
        name[i] = is_safe ? c : '-';
    }
    return give(pn_slice_of(name, text.len), ret_text, err);
}

// The first 20 letters and digits: HL7 v2 message control ids are no longer up to 2.5 (MSH-10).
static enum pn_code to_id_20(const struct pn_map_run *run,
                             const struct pn_map_conversion *conversion, struct pn_slice text,
                             struct pn_slice *ret_text, struct pn_err *err)
{
    enum { ID_LENGTH = 20 };
    (void)conversion;
    char *id = pn_arena_alloc(run->arena, ID_LENGTH + 1);
    size_t length = 0;
    for (size_t i = 0; id != NULL && i < text.len && length < ID_LENGTH; i++) {
        char c = text.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            id[length++] = c;
        }
    }
    return give(pn_slice_of(id, length), ret_text, err);
}

// A UUID as an OID: its number under 2.25 (ITU-T X.667, clause 7).
static enum pn_code to_uuid_oid(const struct pn_map_run *run,
                                const struct pn_map_conversion *conversion, struct pn_slice text,
                                struct pn_slice *ret_text, struct pn_err *err)
{
    enum { HEX_DIGITS = 32, DECIMAL_DIGITS = 39 };
    unsigned char digits[DECIMAL_DIGITS] = {0}; // the last is the lowest
    unsigned hex_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = pn_hex_value(text.ptr[i]);
        if (text.ptr[i] == '-') {
            continue;
        }
        if (digit < 0 || ++hex_count > HEX_DIGITS) {
            return wrong(conversion, err);
        }
        unsigned carry = (unsigned)digit;
        for (unsigned k = DECIMAL_DIGITS; k-- > 0;) {
            carry += digits[k] * 16U;
            digits[k] = (unsigned char)(carry % 10);
            carry /= 10;
        }
    }
    if (hex_count != HEX_DIGITS) {
        return wrong(conversion, err);
    }
    char number[DECIMAL_DIGITS + 1] = {0};
    size_t length = 0;
    for (unsigned k = 0; k < DECIMAL_DIGITS; k++) {
        if (length > 0 || digits[k] > 0 || k + 1 == DECIMAL_DIGITS) {
            number[length++] = (char)('0' + digits[k]);
        }
    }
    return give(pn_slice_str(pn_arena_printf(run->arena, "2.25.%s", number)), ret_text, err);
}

// Where the last word of a trimmed text starts.
static size_t last_word_at(struct pn_slice text)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ' ') {
        at--;
    }
    return at;
}

static enum pn_code to_last_word(const struct pn_map_run *run,
                                 const struct pn_map_conversion *conversion, struct pn_slice text,
                                 struct pn_slice *ret_text, struct pn_err *err)
{
    (void)run;
    (void)conversion;
    size_t at = last_word_at(text);
    return give(pn_slice_of(text.ptr + at, text.len - at), ret_text, err);
}

// All but the last word; no value when there is one only.
static enum pn_code to_first_words(const struct pn_map_run *run,
                                   const struct pn_map_conversion *conversion, struct pn_slice text,
                                   struct pn_slice *ret_text, struct pn_err *err)
{
    (void)run;
    (void)conversion;
    return give(pn_slice_trim(pn_slice_of(text.ptr, last_word_at(text))), ret_text, err);
}

// Whole years from a birth date to now. No value without a clock: only documents out have one.
static enum pn_code to_age(const struct pn_map_run *run, const struct pn_map_conversion *conversion,
                           struct pn_slice text, struct pn_slice *ret_text, struct pn_err *err)
{
    struct pn_civil born, now;
    struct pn_slice clock = run->params[PN_PARAM_NOW];
    if (clock.len == 0) {
        return give((struct pn_slice){"", 0}, ret_text, err);
    }
    if (!pn_map_date_read(text, &born) || !pn_map_date_read(clock, &now)) {
        return wrong(conversion, err);
    }
    bool is_before_birthday =
        now.month < born.month || (now.month == born.month && now.day < born.day);
    int years = now.year - born.year - (is_before_birthday ? 1 : 0);
    if (years < 0) {
        return wrong(conversion, err);
    }
    return give(pn_slice_str(pn_arena_printf(run->arena, "%d", years)), ret_text, err);
}

const struct pn_map_conversion *pn_map_conversion_find(struct pn_slice name)
{
    static const struct pn_map_conversion conversions[] = {
        {"date", to_date, NULL, false},
        {"dateTime", to_datetime, NULL, false},
        {"instant", to_instant, NULL, false},
        {"hl7-date", to_hl7_date, NULL, false},
        {"hl7-dateTime", to_hl7_datetime, NULL, false},
        {"finnish-date", to_finnish_date, NULL, false},
        {"finnish-dateTime", to_finnish_datetime, NULL, false},
        {"finnish-time", to_finnish_time, NULL, false},
        {"upper", to_upper, NULL, false},
        {"lower", to_lower, NULL, false},
        {"oid-uri", to_oid_uri, NULL, false},
        {"oid", to_bare_oid, NULL, false},
        {"reference-id", to_reference_id, NULL, false},
        {"boolean", to_boolean, NULL, true},
        {"integer", to_integer, NULL, true},
        {"decimal", to_decimal, NULL, true},
        {"hetu", to_hetu, NULL, false},
        {"hetu-gender", to_hetu_gender, NULL, false},
        {"hetu-birth-date", to_hetu_birth_date, NULL, false},
        {"base64", to_base64, NULL, false},
        {"one-line", to_one_line, NULL, false},
        {"file-name", to_file_name, NULL, false},
        {"id-20", to_id_20, NULL, false},
        {"uuid-oid", to_uuid_oid, NULL, false},
        {"last-word", to_last_word, NULL, false},
        {"first-words", to_first_words, NULL, false},
        {"age", to_age, NULL, false},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(conversions); i++) {
        if (pn_slice_is(name, conversions[i].name)) {
            return &conversions[i];
        }
    }
    return NULL;
}
