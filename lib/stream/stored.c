// SPDX-License-Identifier: Apache-2.0
#include "stream/stored.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

enum {
    FORM = 1,
    ID_AT = 1,
    TIME_AT = ID_AT + PN_STORED_ID_BYTES,
    RECORDED_AT = TIME_AT + 8,
    APPENDED_AT = RECORDED_AT + 8,
    LENGTHS_AT = APPENDED_AT + 8,
    ATTRIBUTE_COUNT = 6,
    HEAD_BYTES = LENGTHS_AT + 2 * ATTRIBUTE_COUNT
};

static void put_i64(char *at, int64_t value)
{
    uint64_t bytes = htole64((uint64_t)value);
    memcpy(at, &bytes, sizeof bytes);
}

static int64_t get_i64(const char *at)
{
    uint64_t bytes = 0;
    memcpy(&bytes, at, sizeof bytes);
    return (int64_t)le64toh(bytes);
}

void pn_stored_write(const struct pn_event *event, const uint8_t id[static PN_STORED_ID_BYTES],
                     int64_t appended_ms, struct pn_buf *out)
{
    const struct pn_slice attributes[ATTRIBUTE_COUNT] = {
        event->source,      event->type,   event->subject,
        event->traceparent, event->sector, event->causation_id,
    };
    char head[HEAD_BYTES];
    head[0] = FORM;
    memcpy(head + ID_AT, id, PN_STORED_ID_BYTES);
    put_i64(head + TIME_AT, event->time_ms);
    put_i64(head + RECORDED_AT, event->recorded_ms);
    put_i64(head + APPENDED_AT, appended_ms);
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        assert(attributes[i].len <= UINT16_MAX);
        uint16_t bytes = htole16((uint16_t)attributes[i].len);
        memcpy(head + LENGTHS_AT + 2 * i, &bytes, sizeof bytes);
    }
    pn_buf_add(out, head, sizeof head);
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        pn_buf_add_slice(out, attributes[i]);
    }
    pn_buf_add_slice(out, event->data);
}

static void write_id_text(const char *id, char text[static PN_STORED_ID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < PN_STORED_ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[(uint8_t)id[i] >> 4];
        text[at++] = digits[(uint8_t)id[i] & 15];
    }
}

bool pn_stored_read(struct pn_slice stored, char id_text[static PN_STORED_ID_TEXT_BYTES],
                    struct pn_event *ret_event)
{
    if (stored.len < HEAD_BYTES || stored.ptr[0] != FORM) {
        return false;
    }
    struct pn_event event = {
        .time_ms = get_i64(stored.ptr + TIME_AT),
        .recorded_ms = get_i64(stored.ptr + RECORDED_AT),
    };
    struct pn_slice *const attributes[ATTRIBUTE_COUNT] = {
        &event.source,      &event.type,   &event.subject,
        &event.traceparent, &event.sector, &event.causation_id,
    };
    size_t at = HEAD_BYTES;
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        uint16_t bytes = 0;
        memcpy(&bytes, stored.ptr + LENGTHS_AT + 2 * i, sizeof bytes);
        size_t length = le16toh(bytes);
        if (length > stored.len - at) {
            return false;
        }
        *attributes[i] = pn_slice_of(stored.ptr + at, length);
        at += length;
    }
    event.data = pn_slice_of(stored.ptr + at, stored.len - at);
    write_id_text(stored.ptr + ID_AT, id_text);
    event.id = pn_slice_of(id_text, PN_STORED_ID_TEXT_BYTES);
    *ret_event = event;
    return true;
}

bool pn_stored_peek(struct pn_slice stored, struct pn_slice *ret_id, int64_t *ret_appended_ms)
{
    if (stored.len < HEAD_BYTES || stored.ptr[0] != FORM) {
        return false;
    }
    *ret_id = pn_slice_of(stored.ptr + ID_AT, PN_STORED_ID_BYTES);
    *ret_appended_ms = get_i64(stored.ptr + APPENDED_AT);
    return true;
}
