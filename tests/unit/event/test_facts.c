// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "event/facts.h"

static struct pn_facts read_facts(const char *type, const char *data)
{
    struct pn_event event = {.type = pn_slice_str(type),
                             .sector = pn_slice_str("primary"),
                             .time_ms = 77,
                             .data = pn_slice_str(data)};
    struct pn_facts facts;
    struct pn_err err;
    assert_int_equal(pn_facts_read(&event, &facts, &err), PN_OK);
    return facts;
}

#define assert_text(slice, text) assert_true(pn_slice_is((slice), (text)))

static void reads_a_visit(void **state)
{
    (void)state;
    struct pn_facts facts = read_facts(
        "fi.punos.visit.finished.v1",
        "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\","
        "\"class\":{\"code\":\"EMER\",\"system\":\"s\"},\"type\":[{\"coding\":[{\"code\":\"R10\","
        "\"system\":\"urn:oid:1.2.246.537.6.127.201801\"}]}],"
        "\"serviceType\":{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.125.2008\","
        "\"code\":\"T11\"}]},\"participant\":[{\"type\":[{\"coding\":[{\"system\":"
        "\"http://terminology.hl7.org/CodeSystem/v3-ParticipationType\",\"code\":\"ATND\"},"
        "{\"system\":\"urn:oid:1.2.246.537.6.74.2001\",\"code\":\"22\"}]}]}],"
        "\"period\":{\"start\":\"2026-03-01T10:00:00Z\",\"end\":\"2026-03-01T11:00:00Z\"},"
        "\"serviceProvider\":{\"identifier\":{\"system\":\"x\",\"value\":\"U7\"},"
        "\"display\":\"a name with \\\"quotes\\\\\"}}");
    assert_text(facts.resource_type, "Encounter");
    assert_text(facts.id, "e1");
    assert_text(facts.status, "finished");
    assert_int_equal(facts.kind, PN_KIND_VISIT);
    assert_int_equal(facts.sector, PN_SECTOR_PRIMARY);
    assert_int_equal(facts.urgency, PN_URGENCY_EMERGENCY);
    assert_text(facts.contact, "R10");
    assert_text(facts.service, "T11");
    assert_text(facts.profession, "22");
    assert_text(facts.unit, "U7");
    assert_true(facts.is_client_contact);
    assert_false(facts.is_withdrawn);
    assert_int_equal(facts.end_ms - facts.start_ms, 3600 * 1000);
    assert_int_equal(facts.data_class, PN_CLASS_ORDINARY);
}

static void tells_noshow_from_cancelled(void **state)
{
    (void)state;
    struct pn_facts facts = read_facts(
        "fi.punos.appointment.noshow.v1",
        "{\"resourceType\":\"Appointment\",\"id\":\"a\",\"status\":\"noshow\",\"start\":\"2026\"}");
    assert_true(facts.is_noshow && !facts.is_withdrawn);
    facts = read_facts("fi.punos.appointment.cancelled.v1",
                       "{\"resourceType\":\"Appointment\",\"id\":\"a\",\"status\":\"cancelled\","
                       "\"cancelationReason\":{\"coding\":[{\"code\":\"Y30\"}]}}");
    assert_true(!facts.is_noshow && facts.is_withdrawn);
    assert_text(facts.reason, "Y30");
    assert_int_equal(facts.start_ms, 77);
    facts = read_facts("fi.punos.appointment.deleted.v1",
                       "{\"resourceType\":\"Appointment\",\"id\":\"a\",\"status\":\"noshow\"}");
    assert_true(!facts.is_noshow && facts.is_withdrawn);
    facts = read_facts("fi.punos.condition.recorded.v1",
                       "{\"resourceType\":\"Condition\",\"id\":\"c\",\"verificationStatus\":"
                       "{\"coding\":[{\"code\":\"entered-in-error\"}]}}");
    assert_true(facts.is_withdrawn);
}

static void knows_what_is_specially_protected(void **state)
{
    (void)state;
    static const struct {
        const char *system, *code;
        enum pn_data_class data_class;
    } rows[] = {
        {"urn:oid:1.2.246.537.6.1.1999", "F10.2", PN_CLASS_SUBSTANCE},
        {"urn:oid:1.2.246.537.6.1", "F17.1", PN_CLASS_ORDINARY},
        {"urn:oid:1.2.246.537.6.1", "F32.9", PN_CLASS_MENTAL_HEALTH},
        {"urn:oid:1.2.246.537.6.31.2007", "P16", PN_CLASS_SUBSTANCE},
        {"urn:oid:1.2.246.537.6.31.2007", "P76", PN_CLASS_MENTAL_HEALTH},
        {"urn:oid:1.2.246.537.6.24.2003", "70F", PN_CLASS_PSYCHIATRY},
        {"urn:oid:1.2.246.537.6.240", "70F", PN_CLASS_ORDINARY},
        {"https://punos.fi/fhir/CodeSystem/data-class", "genetics", PN_CLASS_GENETICS},
        {"https://punos.fi/fhir/CodeSystem/data-class", "no-such", PN_CLASS_ORDINARY},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        char data[400];
        (void)snprintf(data, sizeof data,
                       "{\"resourceType\":\"Condition\",\"id\":\"c\",\"code\":{\"coding\":"
                       "[{\"system\":\"%s\",\"code\":\"%s\"}]}}",
                       rows[i].system, rows[i].code);
        assert_int_equal(read_facts("fi.punos.condition.recorded.v1", data).data_class,
                         rows[i].data_class);
    }
}

static void leaves_out_what_is_not_a_client_contact(void **state)
{
    (void)state;
    struct pn_facts facts = read_facts(
        "fi.punos.contact.recorded.v1",
        "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"type\":[{\"coding\":[{\"system\":"
        "\"urn:oid:1.2.246.537.6.1308\",\"code\":\"R71\"}]}]}");
    assert_int_equal(facts.kind, PN_KIND_CONTACT);
    assert_false(facts.is_client_contact);
    facts = read_facts("fi.punos.visit.changed.v1",
                       "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"status\":\"planned\"}");
    assert_false(facts.is_client_contact);
}

static void refuses_what_is_no_resource(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"id\":\"1\"}",
                                      "{\"resourceType\":\"Encounter\"}",
                                      "{\"resourceType\":\"Encounter\",\"id\":\"1\"",
                                      "{\"resourceType\":\"Encounter\",\"id\":\"1",
                                      "{\"resourceType\":\"Encounter\",\"id\":\"1\\\"}"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(bad); i++) {
        struct pn_event event = {.data = pn_slice_str(bad[i])};
        struct pn_facts facts;
        struct pn_err err;
        assert_int_equal(pn_facts_read(&event, &facts, &err), PN_INVALID);
    }
    // A name that holds a NUL is not the name before it.
    static const char nul[] = "{\"resourceType\0\0\":\"Encounter\",\"id\":\"1\"}";
    struct pn_event odd = {.data = pn_slice_of(nul, sizeof nul - 1)};
    struct pn_facts none;
    struct pn_err why;
    assert_int_equal(pn_facts_read(&odd, &none, &why), PN_INVALID);
    char deep[4096];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    struct pn_event event = {.data = pn_slice_of(deep, sizeof deep)};
    struct pn_facts facts;
    struct pn_err err;
    assert_int_equal(pn_facts_read(&event, &facts, &err), PN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_visit),
        cmocka_unit_test(tells_noshow_from_cancelled),
        cmocka_unit_test(knows_what_is_specially_protected),
        cmocka_unit_test(leaves_out_what_is_not_a_client_contact),
        cmocka_unit_test(refuses_what_is_no_resource),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
