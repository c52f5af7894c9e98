// SPDX-License-Identifier: Apache-2.0
#include "timeline_bench.h"

static enum pn_code tell(struct bench *bench, const char *type, const char *patient,
                         int64_t recorded_ms)
{
    char id[64];
    (void)snprintf(id, sizeof id, "event-%u", ++bench->events);
    const char *subject = strstr(patient, "\"id\":\"");
    const struct pn_event event = {
        .id = pn_slice_str(id),
        .source = pn_slice_str("/adapter/lifecare/unit"),
        .type = pn_slice_str(type),
        .subject = pn_slice_of(subject + 6, 32),
        .time_ms = recorded_ms,
        .recorded_ms = recorded_ms,
        .data = pn_slice_str(patient),
    };
    return take(bench, &event);
}

static void identify(struct bench *bench, const char *own, const char *other, int64_t recorded_ms)
{
    char patient[1024];
    bool is_official = own[0] == 'a' || own[0] == 'b';
    bool other_is_official = other != NULL && (other[0] == 'a' || other[0] == 'b');
    (void)snprintf(patient, sizeof patient,
                   "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"birthDate\":\"1961\",\"gender\":"
                   "\"female\",\"identifier\":[{\"use\":\"%s\",\"system\":\"urn:punos:client-key\","
                   "\"value\":\"%s\"},{\"use\":\"%s\",\"system\":\"urn:punos:client-key\","
                   "\"value\":\"%s\"}]}",
                   own, is_official ? "official" : "secondary", own,
                   other_is_official ? "official" : "secondary", other == NULL ? own : other);
    assert_int_equal(tell(bench, "fi.punos.client.identified.v1", patient, recorded_ms), PN_OK);
}

static void merge(struct bench *bench, const char *own, const char *old, bool is_undo,
                  int64_t recorded_ms)
{
    char patient[512];
    (void)snprintf(patient, sizeof patient,
                   "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"link\":[{\"other\":"
                   "{\"reference\":\"Patient/%s\"},\"type\":\"replaces\"}]}",
                   own, old);
    assert_int_equal(tell(bench,
                          is_undo ? "fi.punos.client.unmerged.v1" : "fi.punos.client.merged.v1",
                          patient, recorded_ms),
                     PN_OK);
}

// --- Looking -------------------------------------------------------------------------------------

// The ids of a client's entries, newest first, as "x y z".
static const char *ids_of(struct bench *bench, const char *key)
{
    static char text[4096];
    static struct pn_entry entries[PN_TIMELINE_PAGE_MAX];
    unsigned count = 0;
    char next[PN_CURSOR_BYTES];
    const struct pn_entry_filter filter = {0};
    pn_arena_reset(bench->arena);
    text[0] = '\0';
    if (pn_timeline_page(bench->reader, bench->arena, pn_slice_str(key), &filter, entries,
                         PN_TIMELINE_PAGE_MAX, &count, next, &err) != PN_OK) {
        return "none";
    }
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i == 0 ? "" : " ",
                                PN_SLICE_FMT(entries[i].id));
    }
    return text;
}

static const char *key_of(struct bench *bench, const char *key)
{
    static struct pn_client client;
    return pn_timeline_client(bench->reader, pn_slice_str(key), &client, &err) == PN_OK ? client.key
                                                                                        : "none";
}

// --- Tests ---------------------------------------------------------------------------------------

static void later_recorded_wins_in_any_order(void **state)
{
    struct bench *bench = *state;
    const struct spec started = {.type = "fi.punos.visit.started.v1",
                                 .subject = OFFICIAL_A,
                                 .id = "v",
                                 .status = "in-progress",
                                 .start_ms = DAY,
                                 .recorded_ms = 1000};
    struct spec finished = started;
    finished.type = "fi.punos.visit.finished.v1";
    finished.status = "finished";
    put(bench, finished); // same second as the start, which comes late and twice
    put(bench, started);
    put(bench, started);
    assert_true(pn_slice_is(entry_of(bench, "v").status, "finished"));
    struct spec cancelled = started;
    cancelled.type = "fi.punos.visit.cancelled.v1";
    cancelled.status = "cancelled";
    cancelled.recorded_ms = 2000;
    put(bench, cancelled);
    put(bench, finished);
    struct pn_entry entry = entry_of(bench, "v");
    assert_true(entry.is_withdrawn);
    assert_int_equal(entry.recorded_ms, 2000);
    assert_string_equal(ids_of(bench, OFFICIAL_A), "");
    struct pn_entry_counts counts;
    assert_int_equal(pn_timeline_counts(bench->reader, pn_slice_str(OFFICIAL_A), &counts, &err),
                     PN_OK);
    assert_int_equal(counts.all, 1);
    assert_int_equal(counts.withdrawn, 1);
    // A correction may move the visit to another client.
    cancelled.subject = OFFICIAL_B;
    cancelled.type = "fi.punos.visit.changed.v1";
    cancelled.status = "finished";
    cancelled.recorded_ms = 3000;
    put(bench, cancelled);
    assert_string_equal(ids_of(bench, OFFICIAL_B), "v");
    assert_string_equal(ids_of(bench, OFFICIAL_A), "");
}

static void a_temporary_key_becomes_an_official_one(void **state)
{
    struct bench *bench = *state;
    put_visit(bench, TEMPORARY, "t1", 1);
    assert_string_equal(key_of(bench, TEMPORARY), TEMPORARY);
    identify(bench, OFFICIAL_A, TEMPORARY, 5000);
    put_visit(bench, TEMPORARY, "t2", 2);
    put_visit(bench, OFFICIAL_A, "a3", 3);
    assert_string_equal(key_of(bench, TEMPORARY), OFFICIAL_A);
    assert_string_equal(ids_of(bench, TEMPORARY), "a3 t2 t1");
    assert_string_equal(ids_of(bench, OFFICIAL_A), "a3 t2 t1");
    struct pn_client client;
    assert_int_equal(pn_timeline_client(bench->reader, pn_slice_str(TEMPORARY), &client, &err),
                     PN_OK);
    assert_int_equal(client.key_count, 2);
    assert_int_equal(client.birth_year, 1961);
    assert_string_equal(client.gender, "female");
}

static void a_merge_is_undone_exactly(void **state)
{
    struct bench *bench = *state;
    put_visit(bench, OFFICIAL_A, "a1", 1);
    put_visit(bench, OFFICIAL_B, "b2", 2);
    put_visit(bench, TEMPORARY, "t3", 3);
    identify(bench, OFFICIAL_B, TEMPORARY, 1000);
    merge(bench, OFFICIAL_A, OFFICIAL_B, false, 2000);
    assert_string_equal(key_of(bench, TEMPORARY), OFFICIAL_A);
    put_visit(bench, OFFICIAL_B, "b4", 4); // comes meanwhile under the old key
    put_visit(bench, OFFICIAL_A, "a5", 5);
    assert_string_equal(ids_of(bench, OFFICIAL_B), "a5 b4 t3 b2 a1");
    merge(bench, OFFICIAL_A, OFFICIAL_B, true, 3000);
    assert_string_equal(ids_of(bench, OFFICIAL_A), "a5 a1");
    assert_string_equal(ids_of(bench, OFFICIAL_B), "b4 t3 b2");
    assert_string_equal(key_of(bench, TEMPORARY), OFFICIAL_B);
    merge(bench, OFFICIAL_A, OFFICIAL_B, false, 2000); // the merge once more: it is older
    assert_string_equal(ids_of(bench, OFFICIAL_A), "a5 a1");
    merge(bench, OFFICIAL_B, OFFICIAL_A, false, 4000);
    assert_string_equal(key_of(bench, OFFICIAL_A), OFFICIAL_B);
    assert_string_equal(ids_of(bench, OFFICIAL_A), "a5 b4 t3 b2 a1");
}

static void an_undo_before_its_merge_holds(void **state)
{
    struct bench *bench = *state;
    put_visit(bench, OFFICIAL_A, "a1", 1);
    merge(bench, OFFICIAL_A, TEMPORARY, true, 3000);
    merge(bench, OFFICIAL_A, TEMPORARY, false, 2000);
    assert_string_equal(key_of(bench, TEMPORARY), TEMPORARY);
    // An identity that still lists the key does not do it again either.
    identify(bench, OFFICIAL_A, TEMPORARY, 4000);
    assert_string_equal(key_of(bench, TEMPORARY), TEMPORARY);
}

static void two_official_codes_are_not_linked_by_a_local_key(void **state)
{
    struct bench *bench = *state;
    identify(bench, OFFICIAL_A, LOCAL, 1000);
    identify(bench, OFFICIAL_B, LOCAL, 2000);
    assert_string_equal(key_of(bench, LOCAL), OFFICIAL_A);
    assert_string_equal(key_of(bench, OFFICIAL_B), OFFICIAL_B);
    struct pn_client_conflict conflicts[4];
    unsigned count = 0;
    assert_int_equal(pn_timeline_conflicts(bench->reader, bench->arena, conflicts, 4, &count, &err),
                     PN_OK);
    assert_int_equal(count, 1);
    assert_true(pn_slice_is(conflicts[0].local_key, LOCAL));
    assert_true(pn_slice_is(conflicts[0].kept_key, OFFICIAL_A));
    assert_true(pn_slice_is(conflicts[0].refused_key, OFFICIAL_B));
}

// `label`: TURVAKIELTO, EI-TURVAKIELTOA, or NULL when the message says nothing of it.
static void state_protection(struct bench *bench, const char *label, int64_t recorded_ms)
{
    char patient[512];
    char meta[128] = "";
    if (label != NULL) {
        (void)snprintf(meta, sizeof meta, ",\"meta\":{\"security\":[{\"code\":\"%s\"}]}", label);
    }
    (void)snprintf(
        patient, sizeof patient,
        "{\"resourceType\":\"Patient\",\"id\":\"" OFFICIAL_A "\"%s,%s\"identifier\":["
        "{\"use\":\"official\",\"system\":\"urn:punos:client-key\",\"value\":\"" OFFICIAL_A "\"}]}",
        meta, label == NULL ? "" : "\"birthDate\":\"1961\",\"gender\":\"female\",");
    assert_int_equal(tell(bench, "fi.punos.client.identified.v1", patient, recorded_ms), PN_OK);
}

static struct pn_client client_now(struct bench *bench)
{
    struct pn_client client;
    assert_int_equal(pn_timeline_client(bench->reader, pn_slice_str(OFFICIAL_A), &client, &err),
                     PN_OK);
    return client;
}

static void what_a_message_leaves_out_stays(void **state)
{
    struct bench *bench = *state;
    state_protection(bench, "TURVAKIELTO", 1000);
    state_protection(bench, NULL, 2000);
    assert_true(client_now(bench).is_protected);
    assert_int_equal(client_now(bench).birth_year, 1961);
    assert_string_equal(client_now(bench).gender, "female");
    state_protection(bench, "EI-TURVAKIELTOA", 3000);
    assert_false(client_now(bench).is_protected);
    // Late: it was recorded before it was lifted.
    state_protection(bench, "TURVAKIELTO", 2500);
    assert_false(client_now(bench).is_protected);
    state_protection(bench, "TURVAKIELTO", 4000);
    assert_true(client_now(bench).is_protected);
}

static void opens_the_newest_identity(void **state)
{
    struct bench *bench = *state;
    static const char *const names[] = {"{\"name\":\"newer\"}", "{\"name\":\"older\"}"};
    static const char *const owners[] = {OFFICIAL_A, TEMPORARY};
    for (unsigned i = 0; i < 2; i++) {
        struct pn_buf sealed, patient;
        pn_buf_init(&sealed, 4096);
        pn_buf_init(&patient, 8192);
        assert_int_equal(pn_seal(bench->privacy, "identity", pn_slice_str(owners[i]),
                                 pn_slice_str(names[i]), &sealed, &err),
                         PN_OK);
        pn_buf_printf(&patient,
                      "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"extension\":[{\"url\":"
                      "\"https://punos.fi/fhir/StructureDefinition/sealed-identity\","
                      "\"valueBase64Binary\":\"",
                      owners[i]);
        pn_base64_add(&patient, sealed.data, sealed.len);
        pn_buf_add_str(&patient, "\"}]}");
        assert_int_equal(
            tell(bench, "fi.punos.client.identified.v1", patient.data, 2000 - 1000 * (int)i),
            PN_OK);
        pn_buf_release(&sealed);
        pn_buf_release(&patient);
    }
    merge(bench, OFFICIAL_A, TEMPORARY, false, 3000);
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    assert_int_equal(
        pn_timeline_identity(bench->reader, bench->privacy, pn_slice_str(TEMPORARY), &out, &err),
        PN_OK);
    assert_string_equal(out.data, names[0]);
    assert_int_equal(
        pn_timeline_identity(bench->reader, bench->privacy, pn_slice_str(OFFICIAL_B), &out, &err),
        PN_NOT_FOUND);
    pn_buf_release(&out);
}

static void pages_go_through_every_entry_once(void **state)
{
    struct bench *bench = *state;
    char id[40];
    for (unsigned i = 0; i < 57; i++) {
        (void)snprintf(id, sizeof id, "00000000-0000-5000-8000-%012u", i);
        put(bench, (struct spec){.type = i % 3 == 0 ? "fi.punos.appointment.noshow.v1"
                                                    : "fi.punos.visit.finished.v1",
                                 .subject = OFFICIAL_A,
                                 .id = id,
                                 .status = i % 3 == 0 ? "noshow" : "finished",
                                 .resource = i % 3 == 0 ? "Appointment" : "Encounter",
                                 .sector = i % 2 == 0 ? "social" : "primary",
                                 .start_ms = (int64_t)(i / 5) * DAY, // ties of five
                                 .recorded_ms = 1000 + i});
    }
    for (unsigned size = 1; size <= 60; size += 7) {
        struct pn_entry entries[60];
        char next[PN_CURSOR_BYTES] = "";
        unsigned total = 0, count = 0;
        bool seen[57] = {false};
        int64_t last_ms = INT64_MAX;
        do {
            const struct pn_entry_filter filter = {.after = pn_slice_str(next),
                                                   .without_data = true};
            char following[PN_CURSOR_BYTES];
            assert_int_equal(pn_timeline_page(bench->reader, bench->arena, pn_slice_str(OFFICIAL_A),
                                              &filter, entries, size, &count, following, &err),
                             PN_OK);
            memcpy(next, following, sizeof next);
            for (unsigned i = 0; i < count; i++) {
                int64_t number = 0;
                struct pn_slice tail = pn_slice_of(entries[i].id.ptr + 24, 12);
                assert_true(pn_slice_to_i64(tail, &number));
                assert_false(seen[number]);
                seen[number] = true;
                assert_true(entries[i].start_ms <= last_ms);
                last_ms = entries[i].start_ms;
                assert_true(pn_slice_is(entries[i].subject, OFFICIAL_A));
            }
            total += count;
        } while (next[0] != '\0');
        assert_int_equal(total, 57);
    }
    struct pn_entry entries[60];
    unsigned count = 0;
    char next[PN_CURSOR_BYTES];
    const struct pn_entry_filter filter = {.kinds = 1U << PN_KIND_APPOINTMENT,
                                           .sectors = 1U << PN_SECTOR_SOCIAL,
                                           .from_ms = DAY,
                                           .until_ms = 5 * DAY,
                                           .resource_type = "Appointment"};
    assert_int_equal(pn_timeline_page(bench->reader, bench->arena, pn_slice_str(OFFICIAL_A),
                                      &filter, entries, 60, &count, next, &err),
                     PN_OK);
    assert_int_equal(count, 4); // 6, 12, 18, 24: what both 2 and 3 divide of 5…24
    const struct pn_entry_filter bad = {.after = pn_slice_str("12.zz")};
    assert_int_equal(pn_timeline_page(bench->reader, bench->arena, pn_slice_str(OFFICIAL_A), &bad,
                                      entries, 60, &count, next, &err),
                     PN_INVALID);
}

static void what_was_rolled_back_is_not_remembered(void **state)
{
    struct bench *bench = *state;
    const struct pn_event event = {
        .id = pn_slice_str("e"),
        .source = pn_slice_str("/adapter/x/y"),
        .type = pn_slice_str("fi.punos.visit.finished.v1"),
        .subject = pn_slice_str(OFFICIAL_A),
        .data = pn_slice_str("{\"resourceType\":\"Encounter\",\"id\":\"e\"}"),
    };
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    assert_int_equal(pn_timeline_take(bench->writer, bench->arena, &event, &err), PN_OK);
    assert_int_equal(pn_timeline_batch_end(bench->writer, &err), PN_OK);
    pn_store_rollback(bench->store);
    pn_timeline_forget(bench->writer);
    assert_string_equal(key_of(bench, OFFICIAL_A), "none");
    assert_int_equal(take(bench, &event), PN_OK);
    assert_string_equal(ids_of(bench, OFFICIAL_A), "e");
    struct pn_feed feeds[4];
    unsigned count = 0;
    assert_int_equal(pn_timeline_feeds(bench->reader, bench->arena, feeds, 4, &count, &err), PN_OK);
    assert_int_equal(count, 1);
    assert_true(pn_slice_is(feeds[0].source, "/adapter/x"));
    assert_int_equal(feeds[0].event_count, 1);
}

static void finds_what_an_event_became(void **state)
{
    struct bench *bench = *state;
    put_visit(bench, OFFICIAL_A, "v", 1);
    struct pn_entry entry;
    assert_int_equal(pn_timeline_by_event(bench->reader, bench->arena, pn_slice_str(OFFICIAL_A),
                                          pn_slice_str("event-1"), &entry, &err),
                     PN_OK);
    assert_true(pn_slice_is(entry.id, "v"));
    assert_true(pn_slice_is(entry.type, "fi.punos.visit.finished.v1"));
    assert_int_equal(pn_timeline_by_event(bench->reader, bench->arena, pn_slice_str(OFFICIAL_A),
                                          pn_slice_str("event-2"), &entry, &err),
                     PN_NOT_FOUND);
}

static void refuses_what_names_no_client(void **state)
{
    struct bench *bench = *state;
    struct pn_event event = {
        .id = pn_slice_str("e"),
        .source = pn_slice_str("/adapter/x/y"),
        .type = pn_slice_str("fi.punos.visit.finished.v1"),
        .subject = pn_slice_str("not a key"),
        .data = pn_slice_str("{\"resourceType\":\"Encounter\",\"id\":\"e\"}"),
    };
    assert_int_equal(take(bench, &event), PN_INVALID);
    event.subject = pn_slice_str(OFFICIAL_A);
    event.data = pn_slice_str("{\"resourceType\":\"Encounter\"");
    assert_int_equal(take(bench, &event), PN_INVALID);
    assert_string_equal(key_of(bench, OFFICIAL_A), "none");
    // The same first half of the key, another person.
    event.data = pn_slice_str("{\"resourceType\":\"Encounter\",\"id\":\"e\"}");
    assert_int_equal(take(bench, &event), PN_OK);
    event.subject = pn_slice_str("a0000000000000000000000000000009");
    assert_int_equal(take(bench, &event), PN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(later_recorded_wins_in_any_order, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_temporary_key_becomes_an_official_one, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(a_merge_is_undone_exactly, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(an_undo_before_its_merge_holds, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(two_official_codes_are_not_linked_by_a_local_key,
                                        open_bench, close_bench),
        cmocka_unit_test_setup_teardown(what_a_message_leaves_out_stays, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(opens_the_newest_identity, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(pages_go_through_every_entry_once, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(what_was_rolled_back_is_not_remembered, open_bench,
                                        close_bench),
        cmocka_unit_test_setup_teardown(finds_what_an_event_became, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(refuses_what_names_no_client, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
