// SPDX-License-Identifier: Apache-2.0
/*
 * The event envelope: an event that was read can be written and read again to the same, as JSON and
 * as headers. The guard against identity codes agrees with a plain search.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/finid.h"
#include "base/text.h"
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_same(const struct pn_event *a, const struct pn_event *b)
{
    assert(pn_slice_eq(a->id, b->id) && pn_slice_eq(a->source, b->source));
    assert(pn_slice_eq(a->type, b->type) && pn_slice_eq(a->subject, b->subject));
    assert(pn_slice_eq(a->sector, b->sector) && pn_slice_eq(a->causation_id, b->causation_id));
    assert(pn_slice_eq(a->traceparent, b->traceparent));
    assert(a->time_ms == b->time_ms && a->recorded_ms == b->recorded_ms);
}

static void write_again(struct pn_arena *arena, const struct pn_event *event)
{
    struct pn_buf out;
    struct pn_err err;
    struct pn_event again = {0};
    pn_buf_init(&out, 4 * PN_EVENT_BYTES_MAX);
    enum pn_code code = pn_event_write_json(event, &out, &err);
    assert(code == PN_OK && memchr(out.data, '\n', out.len) == NULL);
    // An attribute that is empty is not written; one that must be there is then missing.
    code = pn_event_read_json(arena, pn_buf_slice(&out), &again, &err);
    if (code == PN_OK) {
        is_same(event, &again);
        assert(event->data.len == again.data.len);
    }
    struct pn_event_header headers[PN_EVENT_HEADERS_MAX];
    unsigned count = pn_event_to_headers(event, arena, headers);
    if (pn_event_from_headers(headers, count, event->data, &again, &err) == PN_OK) {
        is_same(event, &again);
        assert(pn_slice_eq(event->data, again.data));
    }
    pn_buf_release(&out);
}

static bool is_digit_at(struct pn_slice text, size_t at)
{
    return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

// A code in capitals with nothing of a longer number around it is always found.
static void check_guard(struct pn_slice text)
{
    bool is_found = pn_hetu_is_inside(text);
    for (size_t i = 0; i + PN_HETU_LENGTH <= text.len; i++) {
        struct pn_hetu hetu;
        size_t end = i + PN_HETU_LENGTH;
        bool is_code =
            pn_hetu_parse(pn_slice_of(text.ptr + i, PN_HETU_LENGTH), &hetu) == PN_HETU_GOOD;
        bool is_alone = (i == 0 || !is_digit_at(text, i - 1)) && !is_digit_at(text, end);
        bool may_be_uuid = text.ptr[i + 6] == '-' && text.len >= 36;
        assert(is_found || !is_code || !is_alone || may_be_uuid);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    arena = arena == NULL ? pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX) : arena;
    pn_arena_reset(arena);
    struct pn_slice text = pn_slice_of((const char *)data, size);
    struct pn_event event = {0};
    struct pn_err err = {0};
    check_guard(text);
    if (pn_event_read_json(arena, text, &event, &err) == PN_OK) {
        write_again(arena, &event);
        (void)pn_event_check(&event, &err);
    } else {
        assert(err.where[0] != '\0' && event.data.len == 0);
    }
    return 0;
}
