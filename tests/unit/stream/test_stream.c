// SPDX-License-Identifier: Apache-2.0
// What needs no stream: the partitioner and the stored form. tests/integration/stream has the rest.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/ids.h"
#include "stream/stored.h"
#include "stream/stream_impl.h"

// The values of Apache Kafka's own test of its murmur2 (UtilsTest), made positive.
static void partitions_as_kafka_does(void **state)
{
    (void)state;
    const struct {
        const char *key;
        int32_t murmur2;
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(known); i++) {
        int32_t positive = known[i].murmur2 & INT32_MAX;
        assert_int_equal(pn_stream_partition_of(pn_slice_str(known[i].key), INT32_MAX), positive);
        assert_int_equal(pn_stream_partition_of(pn_slice_str(known[i].key), 8), positive % 8);
    }
}

static void assert_slice(struct pn_slice found, struct pn_slice expected)
{
    assert_int_equal(found.len, expected.len);
    assert_true(pn_slice_eq(found, expected));
}

static void stored_form_keeps_the_event(void **state)
{
    (void)state;
    struct pn_event event = {
        .id = pn_slice_str("0190b3a4-5c6d-5e7f-8a9b-0c1d2e3f4a5b"),
        .source = pn_slice_str("/adapter/oberon/unit"),
        .type = pn_slice_str("fi.punos.visit.finished.v1"),
        .subject = pn_slice_str("00112233445566778899aabbccddeeff"),
        .sector = pn_slice_str("specialist"),
        .time_ms = -1,
        .recorded_ms = INT64_C(1795298400123),
        .data = pn_slice_str("{\"resourceType\":\"Encounter\"}"),
    };
    uint8_t id[PN_STORED_ID_BYTES];
    assert_true(pn_uuid_parse(event.id, id));
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    pn_stored_write(&event, id, 77, &out);
    assert_true(pn_buf_ok(&out));

    struct pn_event found;
    char id_text[PN_STORED_ID_TEXT_BYTES];
    assert_true(pn_stored_read(pn_buf_slice(&out), id_text, &found));
    assert_slice(found.id, event.id);
    assert_slice(found.source, event.source);
    assert_slice(found.type, event.type);
    assert_slice(found.subject, event.subject);
    assert_slice(found.traceparent, event.traceparent);
    assert_slice(found.sector, event.sector);
    assert_slice(found.causation_id, event.causation_id);
    assert_slice(found.data, event.data);
    assert_int_equal(found.time_ms, event.time_ms);
    assert_int_equal(found.recorded_ms, event.recorded_ms);

    struct pn_slice peeked_id;
    int64_t appended_ms = 0;
    assert_true(pn_stored_peek(pn_buf_slice(&out), &peeked_id, &appended_ms));
    assert_memory_equal(peeked_id.ptr, id, sizeof id);
    assert_int_equal(appended_ms, 77);
    pn_buf_release(&out);
}

static void stored_form_refuses_what_is_cut(void **state)
{
    (void)state;
    struct pn_event event = {.subject = pn_slice_str("00112233445566778899aabbccddeeff")};
    const uint8_t id[PN_STORED_ID_BYTES] = {1};
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    pn_stored_write(&event, id, 0, &out);
    for (size_t length = 0; length < out.len; length++) {
        struct pn_event found;
        char id_text[PN_STORED_ID_TEXT_BYTES];
        assert_false(pn_stored_read(pn_slice_of(out.data, length), id_text, &found));
    }
    pn_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_as_kafka_does),
        cmocka_unit_test(stored_form_keeps_the_event),
        cmocka_unit_test(stored_form_refuses_what_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
