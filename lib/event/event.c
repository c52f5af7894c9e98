// SPDX-License-Identifier: Apache-2.0
#include "event/event.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "codec/json_scan.h"
#include "event/vocabulary.h"

// Attributes are short words; a source names an adapter and its sending unit.
enum { ATTRIBUTE_BYTES_MAX = 256, CLIENT_KEY_BYTES = 32, TRACEPARENT_BYTES = 55 };

static const char spec_version[] = "1.0";
static const char content_type[] = "application/fhir+json";

enum attribute_kind { KIND_TEXT, KIND_TIME, KIND_SPEC_VERSION, KIND_CONTENT_TYPE };

// The envelope: one row for each attribute, in the order they are written.
static const struct attribute {
    const char *name;
    const char *header;
    size_t offset; // of a slice, or of an int64_t for a time
    enum attribute_kind kind;
    bool is_required;
} attributes[] = {
    {"specversion", "ce_specversion", 0, KIND_SPEC_VERSION, true},
    {"id", "ce_id", offsetof(struct pn_event, id), KIND_TEXT, true},
    {"source", "ce_source", offsetof(struct pn_event, source), KIND_TEXT, true},
    {"type", "ce_type", offsetof(struct pn_event, type), KIND_TEXT, true},
    {"subject", "ce_subject", offsetof(struct pn_event, subject), KIND_TEXT, true},
    {"time", "ce_time", offsetof(struct pn_event, time_ms), KIND_TIME, true},
    {"datacontenttype", "content-type", 0, KIND_CONTENT_TYPE, false},
    {"recordedtime", "ce_recordedtime", offsetof(struct pn_event, recorded_ms), KIND_TIME, true},
    {"sector", "ce_sector", offsetof(struct pn_event, sector), KIND_TEXT, false},
    {"causationid", "ce_causationid", offsetof(struct pn_event, causation_id), KIND_TEXT, false},
    {"traceparent", "ce_traceparent", offsetof(struct pn_event, traceparent), KIND_TEXT, false},
};
_Static_assert(PN_ARRAY_COUNT(attributes) <= PN_EVENT_HEADERS_MAX, "one header each");

static struct pn_slice text_of(const struct pn_event *event, const struct attribute *attribute)
{
    struct pn_slice text;
    memcpy(&text, (const char *)event + attribute->offset, sizeof text);
    return text;
}

static int64_t time_of(const struct pn_event *event, const struct attribute *attribute)
{
    int64_t time_ms = 0;
    memcpy(&time_ms, (const char *)event + attribute->offset, sizeof time_ms);
    return time_ms;
}

// --- Checks --------------------------------------------------------------------------------------

static bool is_lower_hex(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return true;
}

// Printable ASCII without quotes and blanks, within the bound.
static bool is_word(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\') {
            return false;
        }
    }
    return text.len > 0 && text.len <= ATTRIBUTE_BYTES_MAX;
}

static bool is_uuid(struct pn_slice text)
{
    uint8_t bytes[16];
    return pn_uuid_parse(text, bytes);
}

// W3C Trace Context: version 00, trace id, parent id, flags.
static bool is_traceparent(struct pn_slice text)
{
    static const size_t lengths[] = {2, 32, 16, 2};
    struct pn_slice rest = text;
    for (size_t i = 0; i < PN_ARRAY_COUNT(lengths); i++) {
        struct pn_slice part = pn_slice_split(rest, '-', &rest);
        if (part.len != lengths[i] || !is_lower_hex(part)) {
            return false;
        }
    }
    return text.len == TRACEPARENT_BYTES;
}

static bool is_time(int64_t time_ms)
{
    static const int64_t first_ms = INT64_C(-62135596800000); // year 1
    static const int64_t last_ms = INT64_C(253402300799999);  // end of year 9999
    return time_ms >= first_ms && time_ms <= last_ms;
}

static bool is_subject(struct pn_slice subject, const struct pn_event_type *type)
{
    if (pn_slice_starts_with(pn_slice_str(type->topic), "punos.quarantine.") ||
        strcmp(type->name, "fi.punos.delivery.answered.v1") == 0) {
        return is_word(subject);
    }
    return subject.len == CLIENT_KEY_BYTES && is_lower_hex(subject);
}

enum pn_code pn_event_check(const struct pn_event *event, struct pn_err *err)
{
    const struct pn_event_type *type = pn_event_type_find(event->type);
    const struct {
        const char *name;
        bool is_good;
        const char *expected;
    } checks[] = {
        {"type", type != NULL, "is not one of schemas/event-types.yaml"},
        {"id", is_uuid(event->id), "is not a UUID"},
        {"source", is_word(event->source) && event->source.ptr[0] == '/',
         "is not a path such as /adapter/oberon/unit"},
        {"subject", type != NULL && is_subject(event->subject, type), "is not a client key"},
        {"time", is_time(event->time_ms), "is out of range"},
        {"recordedtime", is_time(event->recorded_ms), "is out of range"},
        {"sector", event->sector.len == 0 || pn_sector_parse(event->sector) != PN_SECTOR_UNKNOWN,
         "is not primary, specialist, social or national"},
        {"causationid", event->causation_id.len == 0 || is_word(event->causation_id),
         "is not a word"},
        {"traceparent", event->traceparent.len == 0 || is_traceparent(event->traceparent),
         "is not a W3C trace context"},
        {"data", event->data.len > 0 && event->data.ptr[0] == '{', "is not a JSON object"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(checks); i++) {
        if (!checks[i].is_good) {
            return pn_err_set(err, PN_INVALID, checks[i].name, "%s", checks[i].expected);
        }
    }
    if (event->data.len > PN_EVENT_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, "data", "over %d bytes", (int)PN_EVENT_BYTES_MAX);
    }
    return PN_OK;
}

// --- Structured JSON -----------------------------------------------------------------------------

static void add_json_text(struct pn_buf *out, struct pn_slice text)
{
    pn_buf_add_char(out, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        pn_buf_add(out, text.ptr + start, i - start);
        pn_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
        start = i + 1;
    }
    pn_buf_add(out, text.ptr + start, text.len - start);
    pn_buf_add_char(out, '"');
}

// Line ends in JSON are only white space: strings have them escaped.
static void add_on_one_line(struct pn_buf *out, struct pn_slice json)
{
    size_t start = 0;
    for (size_t i = 0; i < json.len; i++) {
        if (json.ptr[i] == '\n' || json.ptr[i] == '\r') {
            pn_buf_add(out, json.ptr + start, i - start);
            pn_buf_add_char(out, ' ');
            start = i + 1;
        }
    }
    pn_buf_add(out, json.ptr + start, json.len - start);
}

enum pn_code pn_event_write_json(const struct pn_event *event, struct pn_buf *out,
                                 struct pn_err *err)
{
    const char *separator = "{";
    for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
        const struct attribute *attribute = &attributes[i];
        char time[PN_TIME_TEXT_BYTES];
        struct pn_slice text = {0};
        if (attribute->kind == KIND_TIME) {
            pn_time_format(time_of(event, attribute), time);
            text = pn_slice_str(time);
        } else if (attribute->kind == KIND_TEXT) {
            text = text_of(event, attribute);
        } else {
            bool is_version = attribute->kind == KIND_SPEC_VERSION;
            text = pn_slice_str(is_version ? spec_version : content_type);
        }
        if (text.len > 0) {
            pn_buf_printf(out, "%s\"%s\":", separator, attribute->name);
            add_json_text(out, text);
            separator = ",";
        }
    }
    pn_buf_add_str(out, ",\"data\":");
    add_on_one_line(out, event->data);
    pn_buf_add_char(out, '}');
    if (!pn_buf_ok(out)) {
        return pn_err_set(err, PN_LIMIT, "event", "does not fit into %zu bytes", out->max_bytes);
    }
    return PN_OK;
}

// Puts one attribute's text where it belongs.
static enum pn_code set_attribute(struct pn_event *event, const struct attribute *attribute,
                                  struct pn_slice text, struct pn_err *err)
{
    char *at = (char *)event + attribute->offset;
    if (text.len > ATTRIBUTE_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, attribute->name, "over %d bytes",
                          (int)ATTRIBUTE_BYTES_MAX);
    }
    if (attribute->kind == KIND_SPEC_VERSION && !pn_slice_is(text, spec_version)) {
        return pn_err_set(err, PN_UNSUPPORTED, attribute->name, "is not %s", spec_version);
    }
    if (attribute->kind == KIND_TEXT) {
        memcpy(at, &text, sizeof text);
    }
    int64_t time_ms = 0;
    if (attribute->kind == KIND_TIME) {
        if (!pn_time_parse(text, &time_ms)) {
            return pn_err_set(err, PN_INVALID, attribute->name, "is not an RFC 3339 time");
        }
        memcpy(at, &time_ms, sizeof time_ms);
    }
    return PN_OK;
}

// `seen` has a bit for each row of the table.
static enum pn_code check_complete(unsigned seen, const struct pn_event *event, struct pn_err *err)
{
    for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
        if (attributes[i].is_required && (seen & 1U << i) == 0) {
            return pn_err_set(err, PN_INVALID, attributes[i].name, "is missing");
        }
    }
    if (event->data.len == 0 || event->data.ptr[0] != '{') {
        return pn_err_set(err, PN_INVALID, "data", "is not a JSON object");
    }
    if (event->data.len > PN_EVENT_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, "data", "over %d bytes", (int)PN_EVENT_BYTES_MAX);
    }
    return PN_OK;
}

static enum pn_code read_member(struct pn_json_scan *scan, struct pn_slice name,
                                struct pn_event *event, unsigned *seen, struct pn_err *err)
{
    struct pn_slice text;
    for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
        if (!pn_slice_is(name, attributes[i].name)) {
            continue;
        }
        if ((*seen & 1U << i) != 0) {
            return pn_err_set(err, PN_INVALID, attributes[i].name, "stands twice");
        }
        *seen |= 1U << i;
        return pn_json_scan_string(scan, &text) ? set_attribute(event, &attributes[i], text, err)
                                                : pn_json_scan_err(scan, attributes[i].name, err);
    }
    bool is_data = pn_slice_is(name, "data");
    if (!pn_json_scan_raw(scan, is_data ? &event->data : &text)) {
        return pn_json_scan_err(scan, is_data ? "data" : "event", err);
    }
    return PN_OK;
}

enum pn_code pn_event_read_json(struct pn_arena *arena, struct pn_slice text,
                                struct pn_event *ret_event, struct pn_err *err)
{
    struct pn_json_scan scan;
    struct pn_event event = {0};
    struct pn_slice name;
    unsigned seen = 0;
    bool is_first = true;
    pn_json_scan_init(&scan, arena, text);
    if (pn_json_scan_kind(&scan) != PN_JSON_OBJECT) {
        return pn_err_set(err, PN_INVALID, "event", "is not a JSON object");
    }
    bool is_good = pn_json_scan_enter(&scan);
    while (is_good && pn_json_scan_member(&scan, &is_first, &name)) {
        enum pn_code code = read_member(&scan, name, &event, &seen, err);
        if (code != PN_OK) {
            return code;
        }
    }
    if (scan.fault != NULL || !pn_json_scan_end(&scan)) {
        return pn_json_scan_err(&scan, "event", err);
    }
    enum pn_code code = check_complete(seen, &event, err);
    if (code == PN_OK) {
        *ret_event = event;
    }
    return code;
}

// --- Kafka headers -------------------------------------------------------------------------------

unsigned pn_event_to_headers(const struct pn_event *event, struct pn_arena *arena,
                             struct pn_event_header ret_headers[static PN_EVENT_HEADERS_MAX])
{
    unsigned count = 0;
    for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
        const struct attribute *attribute = &attributes[i];
        struct pn_slice value = {0};
        if (attribute->kind == KIND_TIME) {
            char *text = pn_arena_alloc(arena, PN_TIME_TEXT_BYTES);
            if (text == NULL) {
                return 0;
            }
            pn_time_format(time_of(event, attribute), text);
            value = pn_slice_str(text);
        } else if (attribute->kind == KIND_TEXT) {
            value = text_of(event, attribute);
        } else {
            bool is_version = attribute->kind == KIND_SPEC_VERSION;
            value = pn_slice_str(is_version ? spec_version : content_type);
        }
        if (value.len > 0) {
            ret_headers[count++] = (struct pn_event_header){attribute->header, value};
        }
    }
    return count;
}

enum pn_code pn_event_from_headers(const struct pn_event_header *headers, unsigned header_count,
                                   struct pn_slice data, struct pn_event *ret_event,
                                   struct pn_err *err)
{
    struct pn_event event = {.data = data};
    unsigned seen = 0;
    for (unsigned h = 0; h < header_count; h++) {
        for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
            if (strcmp(headers[h].name, attributes[i].header) != 0) {
                continue;
            }
            enum pn_code code = set_attribute(&event, &attributes[i], headers[h].value, err);
            if (code != PN_OK) {
                return code;
            }
            seen |= 1U << i;
        }
    }
    enum pn_code code = check_complete(seen, &event, err);
    if (code == PN_OK) {
        *ret_event = event;
    }
    return code;
}
