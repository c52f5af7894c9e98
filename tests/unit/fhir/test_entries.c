// SPDX-License-Identifier: Apache-2.0
// A Bundle's entries as messages of their own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/entries.h"

#define PATIENT                                                                                    \
    "{\"fullUrl\":\"https://a.example/fhir/Patient/1\",\"resource\":{\"resourceType\":"            \
    "\"Patient\",\"id\":\"1\",\"identifier\":[{\"system\":\"urn:x\",\"value\":\"7\"}]}}"
#define VISIT                                                                                      \
    "{\"fullUrl\":\"urn:uuid:v\",\"resource\":{\"resourceType\":\"Encounter\",\"id\":\"e\","       \
    "\"subject\":{\"reference\":\"Patient/1\"}}}"

struct here {
    struct pn_arena *arena;
    struct pn_entries *entries;
    struct pn_buf out;
    struct pn_err err;
};

static int set_up(void **state)
{
    struct here *here = test_malloc(sizeof *here);
    *here = (struct here){.arena = pn_arena_new(4 * 1024 * 1024)};
    pn_buf_init(&here->out, 64 * 1024);
    *state = here;
    return here->arena == NULL;
}

static int tear_down(void **state)
{
    struct here *here = *state;
    pn_arena_free(here->arena);
    pn_buf_release(&here->out);
    test_free(here);
    return 0;
}

static void read_bundle(struct here *here, const char *text)
{
    assert_int_equal(
        pn_entries_read(here->arena, pn_slice_str(text), &here->entries, &here->err), PN_OK);
}

static const char *written(struct here *here, unsigned at)
{
    pn_buf_clear(&here->out);
    assert_int_equal(pn_entries_write(here->entries, at, &here->out, &here->err), PN_OK);
    return here->out.data;
}

static void an_entry_takes_along_whom_it_is_about(void **state)
{
    struct here *here = *state;
    read_bundle(here, "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"id\":\"b\","
                      "\"timestamp\":\"2026-11-21T10:00:00Z\",\"entry\":[" PATIENT "," VISIT
                      ",{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"c\",\"meta\":{"
                      "\"versionId\":\"3\"},\"rate\":1.50,\"encounter\":{\"reference\":"
                      "\"urn:uuid:v\"}}}]}");
    assert_true(pn_entries_stand_alone(here->entries));
    assert_int_equal(here->entries->count, 3);
    // The condition brings its visit, and that its patient; numbers stay as they were written.
    const char *text = written(here, 2);
    assert_non_null(strstr(text, "\"value\":\"Condition/c/3/\""));
    assert_non_null(strstr(text, "\"timestamp\":\"2026-11-21T10:00:00Z\""));
    assert_non_null(strstr(text, "\"rate\":1.50"));
    assert_non_null(strstr(text, "\"fullUrl\":\"urn:uuid:v\",\"search\":{\"mode\":\"include\"}"));
    assert_non_null(strstr(text, "Patient/1\",\"search\":{\"mode\":\"include\"}"));
    struct pn_entries *again = NULL;
    assert_int_equal(pn_entries_read(here->arena, pn_slice_str(text), &again, &here->err), PN_OK);
    assert_int_equal(again->count, 3);
    // A patient alone: nothing else, and no version, so no identifier.
    text = written(here, 0);
    assert_null(strstr(text, "Encounter"));
    assert_null(strstr(text, "fhir/entry"));
}

static void references_of_every_form_are_found(void **state)
{
    static const char *const forms[] = {
        "Patient/1", "https://a.example/fhir/Patient/1",
        "https://a.example/fhir/Patient/1/_history/2", "http://inside.example:8080/x/Patient/1",
        "Patient?identifier=urn:x|7"};
    struct here *here = *state;
    read_bundle(here,
                "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[" PATIENT "]}");
    for (size_t i = 0; i < PN_ARRAY_COUNT(forms); i++) {
        const struct pn_entry *found = pn_entries_find(here->entries, pn_slice_str(forms[i]));
        assert_ptr_equal(found, &here->entries->items[0]);
    }
    assert_null(pn_entries_find(here->entries, pn_slice_str("Patient/2")));
    assert_null(pn_entries_find(here->entries, pn_slice_str("#Patient/1")));
    assert_null(pn_entries_find(here->entries, pn_slice_of(NULL, 0)));
}

static void links_tell_where_to_go_on(void **state)
{
    struct here *here = *state;
    read_bundle(here, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":["
                      "{\"relation\":\"self\",\"url\":\"http://a/x?_sort=_lastUpdated\"},"
                      "{\"relation\":\"next\",\"url\":\"\"}]}");
    assert_true(here->entries->has_next && here->entries->next.len == 0);
    assert_true(pn_slice_is(here->entries->self, "http://a/x?_sort=_lastUpdated"));
    assert_int_equal(here->entries->count, 0);
}

static void a_transaction_is_one_whole(void **state)
{
    static const char *const types[] = {"transaction", "message", "document", "searchsets", ""};
    struct here *here = *state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(types); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "{\"resourceType\":\"Bundle\",\"type\":\"%s\"}",
                       types[i]);
        read_bundle(here, text);
        assert_false(pn_entries_stand_alone(here->entries));
    }
}

static void what_is_no_bundle_is_told_from_what_is_broken(void **state)
{
    struct here *here = *state;
    const struct {
        const char *text;
        enum pn_code code;
    } cases[] = {
        {"{\"resourceType\":\"OperationOutcome\"}", PN_UNSUPPORTED},
        {"[1,2]", PN_UNSUPPORTED},
        {"", PN_INVALID},
        {"<html>", PN_INVALID},
        {"{\"resourceType\":\"Bundle\",\"entry\":[{]}", PN_INVALID},
        {"{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{}}]} x", PN_INVALID},
        {"{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":", PN_INVALID},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        assert_int_equal(pn_entries_read(here->arena, pn_slice_str(cases[i].text), &here->entries,
                                         &here->err),
                         cases[i].code);
    }
    // Odd shapes are nobody's fault here: the mapping refuses them by name.
    read_bundle(here, "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[7,{\"resource\":"
                      "\"x\",\"fullUrl\":{}},{}],\"link\":3,\"meta\":[]}");
    assert_int_equal(here->entries->count, 3);
    assert_non_null(strstr(written(here, 0), "\"entry\":[7]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_takes_along_whom_it_is_about, set_up, tear_down),
        cmocka_unit_test_setup_teardown(references_of_every_form_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_tell_where_to_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_transaction_is_one_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_bundle_is_told_from_what_is_broken, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
