// SPDX-License-Identifier: Apache-2.0
#include "event/facts.h"
#include "services/identify/worklist/flag.h"
#include "tests/unit/identify/engine_bench.h"

static void put_emergency(struct bench *bench, const char *client, unsigned number)
{
    put(bench, (struct spec){.happening = "visit.finished",
                             .subject = client,
                             .number = 100 + number,
                             .start_ms = at(2026, 3, (int)number),
                             .recorded_ms = at(2026, 3, (int)number),
                             .encounter_class = "EMER"});
}

static int64_t rank_told(const struct bench *bench)
{
    const char *found = strstr(bench->flag, "flag-rank\",\"valueInteger\":");
    return found == NULL ? -1 : strtoll(strchr(found, ':') + 1, NULL, 10);
}

static void it_is_told_when_a_trigger_begins_or_ends(void **state)
{
    struct bench *bench = *state;
    put_noshow(bench, CLIENT_A, 1);
    put_noshow(bench, CLIENT_A, 2);
    assert_string_equal(bench->flags, "");
    put_noshow(bench, CLIENT_A, 3);
    assert_string_equal(bench->flags, "raised ");
    const int64_t rank = rank_told(bench);
    assert_int_equal(rank, case_of(bench, CLIENT_A).rank);
    for (unsigned i = 4; i <= 12; i++) {
        put_noshow(bench, CLIENT_A, i); // told as a changed trigger when it has doubled
    }
    assert_string_equal(last_told(bench), "changed no-shows");
    assert_string_equal(bench->flags, "raised ");
    set_state(bench, CLIENT_A, PN_CASE_SEEN, NULL);
    for (unsigned i = 1; i <= 10; i++) {
        put_emergency(bench, CLIENT_A, i);
    }
    assert_string_equal(bench->flags, "raised changed ");
    assert_true(rank_told(bench) > rank);
    assert_null(strstr(bench->flag, "seen"));
    assert_null(strstr(bench->flag, "coordinator"));
    tick(bench, at(2027, 1, 20)); // the no-shows are a year old
    assert_string_equal(bench->flags, "raised changed changed ");
    tick(bench, at(2027, 4, 1));
    assert_string_equal(bench->flags, "raised changed changed lapsed ");
    assert_int_equal(rank_told(bench), -1);
    assert_non_null(strstr(bench->flag, "\"status\":\"inactive\""));
    assert_non_null(strstr(bench->flag, "\"end\":\"2027-04-01"));
    tick(bench, at(2027, 4, 2));
    assert_string_equal(bench->flags, "raised changed changed lapsed ");
}

static void assert_told_is_read(struct bench *bench)
{
    const struct pn_case found = case_of(bench, CLIENT_A);
    pn_json_use_arena(bench->arena);
    struct pn_buf text;
    pn_buf_init(&text, TEXT_BYTES);
    assert_int_equal(pn_json_print(pn_worklist_flag(&found), &text, &err), PN_OK);
    if (!pn_slice_is(pn_buf_slice(&text), bench->flag)) {
        fail_msg("read %.*s, told %s", PN_SLICE_FMT(pn_buf_slice(&text)), bench->flag);
    }
    pn_buf_release(&text);
}

static void what_is_told_is_what_is_read(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    assert_told_is_read(bench);
    const int64_t version = case_of(bench, CLIENT_A).version;
    set_state(bench, CLIENT_A, PN_CASE_HAS_WORKER,
              NULL); // the case goes on, the Flag ends all the same
    tick(bench, at(2027, 4, 1));
    assert_string_equal(bench->flags, "raised lapsed ");
    assert_non_null(strstr(bench->flag, "\"status\":\"inactive\""));
    assert_told_is_read(bench);
    assert_int_equal(case_of(bench, CLIENT_A).version, version + 2);
    set_state(bench, CLIENT_A, PN_CASE_IN_DISCUSSION, NULL); // a person's change moves no end
    assert_told_is_read(bench);
}

static void put_cancelled(struct bench *bench, unsigned number)
{
    put(bench, (struct spec){.happening = "appointment.cancelled",
                             .subject = CLIENT_A,
                             .number = number,
                             .start_ms = at(2026, 1, (int)number),
                             .recorded_ms = at(2026, 5, 1),
                             .status = "cancelled"});
}

static void what_was_withdrawn_was_in_error(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    put_cancelled(bench, 3);
    assert_string_equal(bench->flags, "raised lapsed ");
    assert_non_null(strstr(bench->flag, "\"status\":\"entered-in-error\""));
    assert_non_null(strstr(bench->flag, "\"end\":"));
    assert_told_is_read(bench);
    put_noshow(bench, CLIENT_A, 4);
    assert_string_equal(bench->flags, "raised lapsed raised ");
    assert_told_is_read(bench);
    // What has held rightly once is no error later.
    tick(bench, at(2027, 4, 1));
    assert_non_null(strstr(bench->flag, "\"status\":\"inactive\""));
}

static void it_follows_a_merge(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    tell(bench, "merged",
         "{\"resourceType\":\"Patient\",\"id\":\"" CLIENT_B "\",\"link\":[{\"type\":\"replaces\","
         "\"other\":{\"reference\":\"Patient/" CLIENT_A "\"}}]}");
    assert_true(strcmp(bench->flags, "raised lapsed raised ") == 0 ||
                strcmp(bench->flags, "raised raised lapsed ") == 0);
}

static void a_name_that_is_held_back_is_a_raised_flag(void **state)
{
    struct bench *bench = *state;
    bench_teams(bench,
                "teams: [{ id: one, name: { fi: a, sv: b, en: c }, units: ['*'],"
                " new_names_a_week: 0 }]\n"
                "reasons: [{ id: other, name: { fi: a, sv: b, en: c }, states: [refuses] }]\n");
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
    assert_true(case_of(bench, CLIENT_A).is_held);
    assert_string_equal(bench->flags, "raised ");
}

static void it_is_labelled_with_its_classes(void **state)
{
    (void)state;
    const uint32_t both = pn_class_bit(PN_CLASS_SUBSTANCE) | pn_class_bit(PN_CLASS_FAMILY_LAW);
    struct pn_buf text;
    struct pn_facts facts;
    const struct pn_flag_view view = {
        .client_key = CLIENT_A, .is_active = true, .rank = 5, .classes = both};
    pn_buf_init(&text, TEXT_BYTES);
    pn_flag_print(&view, &text);
    const struct pn_event event = {.type = pn_slice_str("fi.punos.flag.raised.v1"),
                                   .subject = pn_slice_str(CLIENT_A),
                                   .data = pn_buf_slice(&text)};
    assert_int_equal(pn_facts_read(&event, &facts, &err), PN_OK);
    assert_int_equal(facts.classes, both);
    pn_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_told_when_a_trigger_begins_or_ends, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(what_is_told_is_what_is_read, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(what_was_withdrawn_was_in_error, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(it_follows_a_merge, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_name_that_is_held_back_is_a_raised_flag, open_bench,
                                        close_bench),
        cmocka_unit_test(it_is_labelled_with_its_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
