// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"
#include "tests/unit/arena_fixture.h"

static struct pn_event good_event(void)
{
    return (struct pn_event){
        .id = pn_slice_str("0190b3a4-5c6d-5e7f-8a9b-0c1d2e3f4a5b"),
        .source = pn_slice_str("/adapter/oberon/unit"),
        .type = pn_slice_str("fi.punos.visit.finished.v1"),
        .subject = pn_slice_str("00112233445566778899aabbccddeeff"),
        .traceparent = pn_slice_str("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .sector = pn_slice_str("specialist"),
        .causation_id = pn_slice_str("MSG-1"),
        .time_ms = -1,
        .recorded_ms = INT64_C(1795297223123),
        .data = pn_slice_str("{\"resourceType\":\"Encounter\", \"n\": 1.50}"),
    };
}

static void is_same(const struct pn_event *a, const struct pn_event *b)
{
    assert_true(pn_slice_eq(a->id, b->id));
    assert_true(pn_slice_eq(a->source, b->source));
    assert_true(pn_slice_eq(a->type, b->type));
    assert_true(pn_slice_eq(a->subject, b->subject));
    assert_true(pn_slice_eq(a->traceparent, b->traceparent));
    assert_true(pn_slice_eq(a->sector, b->sector));
    assert_true(pn_slice_eq(a->causation_id, b->causation_id));
    assert_true(pn_slice_eq(a->data, b->data));
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->recorded_ms, b->recorded_ms);
}

static void comes_back_from_json(void **state)
{
    (void)state;
    struct pn_event event = good_event();
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    assert_int_equal(pn_event_write_json(&event, &out, &err), PN_OK);
    assert_string_equal(
        out.data,
        "{\"specversion\":\"1.0\",\"id\":\"0190b3a4-5c6d-5e7f-8a9b-0c1d2e3f4a5b\","
        "\"source\":\"/adapter/oberon/unit\",\"type\":\"fi.punos.visit.finished.v1\","
        "\"subject\":\"00112233445566778899aabbccddeeff\",\"time\":\"1969-12-31T23:59:59.999Z\","
        "\"datacontenttype\":\"application/fhir+json\","
        "\"recordedtime\":\"2026-11-21T21:40:23.123Z\",\"sector\":\"specialist\","
        "\"causationid\":\"MSG-1\","
        "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\","
        "\"data\":{\"resourceType\":\"Encounter\", \"n\": 1.50}}");
    struct pn_event again = {0};
    assert_int_equal(pn_event_read_json(arena, pn_buf_slice(&out), &again, &err), PN_OK);
    is_same(&event, &again);
    pn_buf_release(&out);
}

static void is_one_line_whatever_the_data(void **state)
{
    (void)state;
    struct pn_event event = good_event();
    event.source = pn_slice_str("/a\"b\\c\nd");
    event.data = pn_slice_str("{\n \"a\":\r\n \"x\\ny\"}");
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    assert_int_equal(pn_event_write_json(&event, &out, &err), PN_OK);
    assert_null(strpbrk(out.data, "\r\n"));
    struct pn_event again = {0};
    assert_int_equal(pn_event_read_json(arena, pn_buf_slice(&out), &again, &err), PN_OK);
    assert_true(pn_slice_eq(again.source, event.source));
    assert_true(pn_slice_is(again.data, "{  \"a\":   \"x\\ny\"}"));
    pn_buf_release(&out);
    pn_buf_init(&out, 100);
    assert_int_equal(pn_event_write_json(&event, &out, &err), PN_LIMIT);
    pn_buf_release(&out);
}

static void comes_back_from_headers(void **state)
{
    (void)state;
    struct pn_event event = good_event();
    struct pn_event_header headers[PN_EVENT_HEADERS_MAX];
    unsigned count = pn_event_to_headers(&event, arena, headers);
    assert_int_equal(count, 11);
    assert_string_equal(headers[0].name, "ce_specversion");
    assert_string_equal(headers[6].name, "content-type");
    struct pn_event again = {0};
    assert_int_equal(pn_event_from_headers(headers, count, event.data, &again, &err), PN_OK);
    is_same(&event, &again);
    event.traceparent = event.sector = event.causation_id = pn_slice_of(NULL, 0);
    count = pn_event_to_headers(&event, arena, headers);
    assert_int_equal(count, 8);
    assert_int_equal(pn_event_from_headers(headers, count, event.data, &again, &err), PN_OK);
    is_same(&event, &again);
    struct pn_event untouched = {.time_ms = 7};
    assert_int_equal(pn_event_from_headers(headers, 3, event.data, &untouched, &err), PN_INVALID);
    assert_string_equal(err.where, "type");
    assert_int_equal(untouched.time_ms, 7);
}

static void refuses_json(const char *text, enum pn_code code, const char *where)
{
    struct pn_event event = {.time_ms = 7};
    assert_int_equal(pn_event_read_json(arena, pn_slice_str(text), &event, &err), code);
    assert_string_equal(err.where, where);
    assert_int_equal(event.time_ms, 7);
}

#define START "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/s\",\"type\":\"t\","
#define TIMES "\"time\":\"2026-01-01T00:00:00Z\",\"recordedtime\":\"2026-01-01T00:00:00Z\","

static void refuses_what_is_no_event(void **state)
{
    (void)state;
    refuses_json("", PN_INVALID, "event");
    refuses_json("[]", PN_INVALID, "event");
    refuses_json("{}", PN_INVALID, "specversion");
    refuses_json("{\"specversion\":\"0.3\"}", PN_UNSUPPORTED, "specversion");
    refuses_json("{\"specversion\":1.0}", PN_INVALID, "specversion");
    refuses_json(START "\"subject\":\"s\",\"data\":{}}", PN_INVALID, "time");
    refuses_json(START TIMES "\"data\":{}}", PN_INVALID, "subject");
    refuses_json(START TIMES "\"subject\":\"s\"}", PN_INVALID, "data");
    refuses_json(START TIMES "\"subject\":\"s\",\"data\":\"{}\"}", PN_INVALID, "data");
    refuses_json(START TIMES "\"subject\":\"s\",\"data\":{\"a\":}}", PN_INVALID, "data");
    refuses_json(START TIMES "\"subject\":\"s\",\"subject\":\"s\",\"data\":{}}", PN_INVALID,
                 "subject");
    refuses_json(START TIMES "\"subject\":\"s\",\"data\":{}} x", PN_INVALID, "event");
    refuses_json(START "\"time\":\"yesterday\"}", PN_INVALID, "time");
    struct pn_event event = {0};
    struct pn_slice good =
        pn_slice_str(START TIMES "\"subject\":\"s\",\"later\":[{}],\"data\":{\"a\":1}}\n");
    assert_int_equal(pn_event_read_json(arena, good, &event, &err), PN_OK);
    assert_true(pn_slice_is(event.data, "{\"a\":1}"));
}

static void checks(const struct pn_event *event, const char *where)
{
    enum pn_code code = pn_event_check(event, &err);
    if (where == NULL) {
        assert_int_equal(code, PN_OK);
    } else {
        assert_int_not_equal(code, PN_OK);
        assert_string_equal(err.where, where);
    }
}

static void checks_each_attribute(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        const char *text, *where;
    } cases[] = {
        {offsetof(struct pn_event, type), "fi.punos.visit.finished.v2", "type"},
        {offsetof(struct pn_event, type), "", "type"},
        {offsetof(struct pn_event, id), "1", "id"},
        {offsetof(struct pn_event, source), "oberon", "source"},
        {offsetof(struct pn_event, source), "/a b", "source"},
        {offsetof(struct pn_event, subject), "00112233445566778899AABBCCDDEEFF", "subject"},
        {offsetof(struct pn_event, subject), "010185-901E", "subject"},
        {offsetof(struct pn_event, subject), "", "subject"},
        {offsetof(struct pn_event, sector), "private", "sector"},
        {offsetof(struct pn_event, sector), "", NULL},
        {offsetof(struct pn_event, causation_id), "a b", "causationid"},
        {offsetof(struct pn_event, causation_id), "", NULL},
        {offsetof(struct pn_event, traceparent), "00-0af7-b7ad-01", "traceparent"},
        {offsetof(struct pn_event, traceparent), "", NULL},
        {offsetof(struct pn_event, data), "", "data"},
        {offsetof(struct pn_event, data), "[]", "data"},
    };
    struct pn_event event = good_event();
    checks(&event, NULL);
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        event = good_event();
        struct pn_slice text = pn_slice_str(cases[i].text);
        memcpy((char *)&event + cases[i].offset, &text, sizeof text);
        checks(&event, cases[i].where);
    }
    event = good_event();
    event.time_ms = INT64_MAX;
    checks(&event, "time");
    event = good_event();
    event.recorded_ms = INT64_MIN;
    checks(&event, "recordedtime");
    event = good_event();
    event.data.len = PN_EVENT_BYTES_MAX + 1;
    assert_int_equal(pn_event_check(&event, &err), PN_LIMIT);
    event = good_event();
    event.type = pn_slice_str("fi.punos.message.quarantined.v1");
    event.subject = pn_slice_str("oberon");
    checks(&event, NULL);
}

static void knows_the_types(void **state)
{
    (void)state;
    size_t count = 0;
    const struct pn_event_type *types = pn_event_types(&count);
    assert_true(count >= 37);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(pn_event_type_find(pn_slice_str(types[i].name)), &types[i]);
        assert_true(i == 0 || strcmp(types[i - 1].name, types[i].name) < 0);
    }
    const struct pn_event_type *noshow =
        pn_event_type_find(pn_slice_str("fi.punos.appointment.noshow.v1"));
    assert_string_equal(noshow->topic, "punos.event.v1");
    assert_string_equal(noshow->resource, "Appointment");
    static const char *const unknown[] = {"",   "fi", "fi.punos.visit.finished.v1x",
                                          "zz", "a",  "fi.punos.visit.finished.v"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(unknown); i++) {
        assert_null(pn_event_type_find(pn_slice_str(unknown[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_from_json),    cmocka_unit_test(is_one_line_whatever_the_data),
        cmocka_unit_test(comes_back_from_headers), cmocka_unit_test(refuses_what_is_no_event),
        cmocka_unit_test(checks_each_attribute),   cmocka_unit_test(knows_the_types),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
