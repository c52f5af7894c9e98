// SPDX-License-Identifier: Apache-2.0
// Versions, optimistic locking, withdrawal and merged clients, on a real store.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "run/run.h"
#include "services/plan/plan_case.h"
#include "services/plan/plan_content.h"
#include "services/plan/plan_seal.h"
#include "services/plan/plan_store.h"
#include "services/plan/plan_write.h"

#define CLIENT_A "a0000000000000000000000000000001"
#define CLIENT_B "b0000000000000000000000000000002"
#define CLIENT_C "c0000000000000000000000000000003"

enum { FILE_BYTES_MAX = 64 * 1024, MIGRATIONS_MAX = 8 };

struct bench {
    char folder[64];
    struct pn_config config;
    struct pn_privacy *privacy;
    struct pn_store *owner; // the plan service's handle
    struct pn_store *store; // the API's
    struct pn_arena *arena;
    struct pn_fhir_report report;
    struct pn_plan_writer writer;
};

static struct pn_err err;
static char example_text[FILE_BYTES_MAX];

#define must(expression)                                                                           \
    do {                                                                                           \
        if ((expression) != PN_OK) {                                                               \
            fail_msg("%s: %s: %s", #expression, err.where, err.text);                              \
        }                                                                                          \
    } while (0)

static void read_example(void)
{
    FILE *file = fopen("schemas/plan-example.json", "rb");
    assert_non_null(file);
    example_text[fread(example_text, 1, sizeof example_text - 1, file)] = '\0';
    fclose(file);
}

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    read_example();
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/punos-plan-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    pn_config_defaults(&bench->config);
    bench->config.data_dir = bench->folder;
    must(pn_privacy_open(bench->folder, &bench->privacy, &err));
    struct pn_migration migrations[MIGRATIONS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < pn_run_migration_count; i++) {
        migrations[count++] = pn_run_migrations[i];
    }
    for (unsigned i = 0; i < pn_plan_migration_count; i++) {
        migrations[count++] = pn_plan_migrations[i];
    }
    const struct pn_store_options options = {
        .name = "plan", .migrations = migrations, .migration_count = count};
    assert_int_equal(pn_plan_store_open(&bench->config, &bench->store, &err), PN_UNAVAILABLE);
    must(pn_store_open(&bench->config, &options, &bench->owner, &err));
    must(pn_plan_store_open(&bench->config, &bench->store, &err));
    bench->arena = pn_arena_new(64 * 1024 * 1024);
    pn_json_use_arena(bench->arena);
    bench->writer = (struct pn_plan_writer){.store = bench->store,
                                            .privacy = bench->privacy,
                                            .author = "tester",
                                            .author_display = "Tester",
                                            .report = &bench->report};
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    pn_json_use_arena(NULL);
    pn_store_close(bench->store);
    pn_store_close(bench->owner);
    pn_privacy_close(bench->privacy);
    pn_arena_free(bench->arena);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", bench->folder);
    int status = system(command);
    free(bench);
    return status;
}

static cJSON *body_for(const char *client)
{
    cJSON *body = NULL;
    must(pn_json_parse(pn_slice_str(example_text), &body, &err));
    must(pn_plan_content_set_client(body, client, &err));
    return body;
}

static struct pn_plan_row create(struct bench *bench, const char *client)
{
    struct pn_plan_row row;
    cJSON *plan = NULL;
    must(pn_plan_create(&bench->writer, body_for(client), &row, &plan, &err));
    return row;
}

static enum pn_code update(struct bench *bench, const struct pn_plan_row *row, int64_t expected,
                           const char *situation, struct pn_plan_row *ret_row)
{
    cJSON *plan = NULL;
    cJSON *body = body_for(row->client_key);
    assert_true(pn_json_set_text(body, "description", pn_slice_str(situation)));
    return pn_plan_update(&bench->writer, pn_slice_str(row->id), expected, body, ret_row, &plan,
                          &err);
}

static int64_t count_rows(struct pn_store *store, const char *sql)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    must(pn_store_prepare(store, sql, &stmt, &err));
    must(pn_store_query(store, stmt, NULL, 0, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    int64_t number = pn_rows_int(rows, 0);
    pn_rows_close(rows);
    return number;
}

// --- Versions ------------------------------------------------------------------------------------

static void versions_are_kept(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row first = create(bench, CLIENT_A);
    struct pn_plan_row second, rows[4];
    size_t count = 0;
    assert_int_equal(first.version, 1);
    must(update(bench, &first, 1, "Toinen tilanne", &second));
    assert_int_equal(second.version, 2);
    assert_int_equal(second.created_ms, first.created_ms);
    must(pn_plan_history(bench->store, pn_slice_str(first.id), rows, 4, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].version, 2);
    assert_string_equal(rows[1].author, "tester");
    cJSON *plan = NULL;
    must(pn_plan_content(bench->store, bench->privacy, &rows[1], &plan, &err));
    assert_true(pn_slice_starts_with(pn_json_text(plan, "description"), "Asuu yksin"));
    must(pn_plan_content(bench->store, bench->privacy, &rows[0], &plan, &err));
    assert_true(pn_slice_is(pn_json_text(plan, "description"), "Toinen tilanne"));
}

static void a_stale_writer_is_told(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row row = create(bench, CLIENT_A);
    struct pn_plan_row ignored;
    must(update(bench, &row, 1, "Ensin", &ignored));
    assert_int_equal(update(bench, &row, 1, "Liian myöhään", &ignored), PN_CONFLICT);
    assert_string_equal(err.where, "CarePlan.meta.versionId");
    must(pn_plan_current(bench->store, pn_slice_str(row.id), &row, &err));
    assert_int_equal(row.version, 2);
    assert_int_equal(count_rows(bench->store, "SELECT COUNT(*) FROM punos_outbox WHERE type ="
                                              " 'fi.punos.plan.published.v1'"),
                     2);
}

static void a_wrong_body_writes_nothing(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row row;
    cJSON *plan = NULL;
    cJSON *body = body_for(CLIENT_A);
    cJSON_DeleteItemFromObjectCaseSensitive(body, "description");
    assert_int_equal(pn_plan_create(&bench->writer, body, &row, &plan, &err), PN_INVALID);
    assert_int_equal(bench->report.error_count, 1);
    assert_string_equal(bench->report.issues[0].expression, "CarePlan.description");
    assert_int_equal(count_rows(bench->store, "SELECT COUNT(*) FROM plan"), 0);
    assert_int_equal(count_rows(bench->store, "SELECT COUNT(*) FROM punos_outbox"), 0);
}

static void a_client_has_one_active_plan(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row first = create(bench, CLIENT_A);
    struct pn_plan_row row;
    cJSON *plan = NULL;
    assert_int_equal(pn_plan_create(&bench->writer, body_for(CLIENT_A), &row, &plan, &err),
                     PN_CONFLICT);
    assert_non_null(strstr(err.text, first.id));
    create(bench, CLIENT_B);
    must(pn_plan_withdraw(&bench->writer, pn_slice_str(first.id), 1, "revoked", &row, &err));
    create(bench, CLIENT_A);
}

static void the_client_of_a_plan_does_not_change(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row row = create(bench, CLIENT_A);
    cJSON *plan = NULL;
    assert_int_equal(pn_plan_update(&bench->writer, pn_slice_str(row.id), 1, body_for(CLIENT_B),
                                    &row, &plan, &err),
                     PN_INVALID);
    assert_string_equal(err.where, "CarePlan.subject");
}

static void nothing_readable_lies_in_the_store(void **state)
{
    struct bench *bench = *state;
    create(bench, CLIENT_A);
    assert_int_equal(count_rows(bench->store, "SELECT COUNT(*) FROM plan_version WHERE"
                                              " INSTR(sealed, CAST('Asuu yksin' AS BLOB)) > 0"),
                     0);
    assert_int_equal(count_rows(bench->store, "SELECT COUNT(*) FROM punos_outbox WHERE"
                                              " INSTR(data, CAST('Mallikas' AS BLOB)) > 0"),
                     0);
}

// --- Events --------------------------------------------------------------------------------------

static void the_event_opens_to_the_plan(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row row = create(bench, CLIENT_A);
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    must(pn_store_prepare(bench->store, "SELECT type, subject, data FROM punos_outbox ORDER BY seq",
                          &stmt, &err));
    must(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row);
    assert_true(pn_slice_is(pn_rows_text(rows, 0), "fi.punos.case.opened.v1"));
    must(pn_rows_next(rows, &has_row, &err));
    assert_true(has_row);
    assert_true(pn_slice_is(pn_rows_text(rows, 0), "fi.punos.plan.published.v1"));
    const struct pn_event event = {.subject = pn_rows_text(rows, 1),
                                   .data = pn_rows_bytes(rows, 2)};
    cJSON *carried = NULL;
    cJSON *plan = NULL;
    struct pn_fhir_report report;
    must(pn_json_parse(event.data, &carried, &err));
    assert_true(pn_fhir_validate(carried, &report));
    must(pn_plan_unseal_event(bench->privacy, &event, &plan, &err));
    assert_true(pn_slice_is(pn_json_text(plan, "id"), row.id));
    assert_true(pn_fhir_validate(plan, &report));
    pn_rows_close(rows);
}

static void a_withdrawal_is_its_own_event(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row row = create(bench, CLIENT_A);
    must(pn_plan_withdraw(&bench->writer, pn_slice_str(row.id), 1, "entered-in-error", &row, &err));
    assert_int_equal(row.version, 2);
    assert_string_equal(row.status, "entered-in-error");
    assert_int_equal(count_rows(bench->store, "SELECT COUNT(*) FROM punos_outbox WHERE type ="
                                              " 'fi.punos.plan.withdrawn.v1'"),
                     1);
    assert_int_equal(
        pn_plan_withdraw(&bench->writer, pn_slice_str(row.id), 1, "revoked", &row, &err),
        PN_CONFLICT);
}

// --- Cases ---------------------------------------------------------------------------------------

static struct pn_plan_case open_case(struct bench *bench, const char *client, bool is_new_expected)
{
    struct pn_plan_case opened;
    bool is_new = !is_new_expected;
    must(pn_plan_case_open(&bench->writer, pn_slice_str(client), &opened, &is_new, &err));
    assert_int_equal(is_new, is_new_expected);
    return opened;
}

static int64_t case_events(struct bench *bench)
{
    return count_rows(bench->store,
                      "SELECT COUNT(*) FROM punos_outbox WHERE type LIKE 'fi.punos.case.%'");
}

static void a_client_has_one_open_case(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_case first = open_case(bench, CLIENT_A, true);
    struct pn_plan_case again = open_case(bench, CLIENT_A, false);
    assert_string_equal(first.id, again.id);
    create(bench, CLIENT_A);
    assert_int_equal(case_events(bench), 1);
    struct pn_fhir_report report;
    assert_true(pn_fhir_validate(pn_plan_case_flag(&first), &report));
}

static void a_case_ends_once_and_another_begins(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_case first = open_case(bench, CLIENT_A, true);
    struct pn_plan_case ended;
    assert_int_equal(pn_plan_case_end(&bench->writer, pn_slice_str(first.id), 7, &ended, &err),
                     PN_CONFLICT);
    assert_string_equal(err.where, "Flag.meta.versionId");
    for (int i = 0; i < 2; i++) {
        must(pn_plan_case_end(&bench->writer, pn_slice_str(first.id), 1, &ended, &err));
        assert_int_equal(ended.version, 2);
        assert_true(ended.ended_ms > 0);
    }
    assert_int_equal(case_events(bench), 2);
    struct pn_fhir_report report;
    cJSON *flag = pn_plan_case_flag(&ended);
    assert_true(pn_fhir_validate(flag, &report));
    assert_true(pn_slice_is(pn_json_text(flag, "status"), "inactive"));
    struct pn_plan_case second = open_case(bench, CLIENT_A, true);
    assert_string_not_equal(first.id, second.id);
    struct pn_plan_case found[4];
    size_t count = 0;
    must(pn_plan_cases_of(bench->store, pn_slice_str(CLIENT_A), found, 4, &count, &err));
    assert_int_equal(count, 2);
}

static void a_case_does_not_end_under_an_active_plan(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row row = create(bench, CLIENT_A);
    struct pn_plan_case opened = open_case(bench, CLIENT_A, false);
    struct pn_plan_case ended;
    assert_int_equal(pn_plan_case_end(&bench->writer, pn_slice_str(opened.id), 1, &ended, &err),
                     PN_CONFLICT);
    assert_non_null(strstr(err.text, row.id));
    must(pn_plan_withdraw(&bench->writer, pn_slice_str(row.id), 1, "revoked", &row, &err));
    must(pn_plan_case_end(&bench->writer, pn_slice_str(opened.id), 1, &ended, &err));
}

// --- Merged clients ------------------------------------------------------------------------------

static void merge(struct bench *bench, const char *old_key, const char *new_key)
{
    must(pn_store_begin(bench->owner, &err));
    must(pn_plan_follow_merge(bench->owner, pn_slice_str(old_key), pn_slice_str(new_key), 1, &err));
    must(pn_store_commit(bench->owner, &err));
}

static void unmerge(struct bench *bench, const char *old_key, const char *new_key)
{
    must(pn_store_begin(bench->owner, &err));
    must(pn_plan_follow_unmerge(bench->owner, pn_slice_str(old_key), pn_slice_str(new_key), &err));
    must(pn_store_commit(bench->owner, &err));
}

static const char *client_of(struct bench *bench, const struct pn_plan_row *row)
{
    static struct pn_plan_row found;
    must(pn_plan_current(bench->store, pn_slice_str(row->id), &found, &err));
    return found.client_key;
}

static void plans_follow_a_merge_and_its_undo(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row of_a = create(bench, CLIENT_A);
    struct pn_plan_row of_b = create(bench, CLIENT_B);
    merge(bench, CLIENT_A, CLIENT_B);
    merge(bench, CLIENT_A, CLIENT_B);
    assert_string_equal(client_of(bench, &of_a), CLIENT_B);
    struct pn_plan_row found;
    cJSON *plan = NULL;
    must(pn_plan_current(bench->store, pn_slice_str(of_a.id), &found, &err));
    must(pn_plan_content(bench->store, bench->privacy, &found, &plan, &err));
    assert_true(pn_slice_is(pn_fhir_get(plan, "subject.reference"), "Patient/" CLIENT_B));
    unmerge(bench, CLIENT_A, CLIENT_B);
    assert_string_equal(client_of(bench, &of_a), CLIENT_A);
    assert_string_equal(client_of(bench, &of_b), CLIENT_B);
}

static void cases_follow_a_merge_and_its_undo(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_case of_a = open_case(bench, CLIENT_A, true);
    struct pn_plan_case found;
    merge(bench, CLIENT_A, CLIENT_B);
    must(pn_plan_case_find(bench->store, pn_slice_str(of_a.id), &found, &err));
    assert_string_equal(found.client_key, CLIENT_B);
    open_case(bench, CLIENT_A, false);
    unmerge(bench, CLIENT_A, CLIENT_B);
    must(pn_plan_case_find(bench->store, pn_slice_str(of_a.id), &found, &err));
    assert_string_equal(found.client_key, CLIENT_A);
    open_case(bench, CLIENT_B, true);
}

static void an_undo_in_the_middle_of_a_chain(void **state)
{
    struct bench *bench = *state;
    struct pn_plan_row of_a = create(bench, CLIENT_A);
    merge(bench, CLIENT_A, CLIENT_B);
    merge(bench, CLIENT_B, CLIENT_C);
    assert_string_equal(client_of(bench, &of_a), CLIENT_C);
    unmerge(bench, CLIENT_A, CLIENT_B);
    assert_string_equal(client_of(bench, &of_a), CLIENT_A);
    unmerge(bench, CLIENT_B, CLIENT_C);
    assert_string_equal(client_of(bench, &of_a), CLIENT_A);
}

static void a_plan_for_a_merged_key_is_of_the_present_one(void **state)
{
    struct bench *bench = *state;
    merge(bench, CLIENT_A, CLIENT_B);
    struct pn_plan_row row = create(bench, CLIENT_A);
    assert_string_equal(row.client_key, CLIENT_B);
    struct pn_plan_row updated;
    struct pn_plan_row as_old = row; // a writer who still knows the old key
    snprintf(as_old.client_key, sizeof as_old.client_key, "%s", CLIENT_A);
    must(update(bench, &as_old, 1, "Uusi", &updated));
    assert_string_equal(updated.client_key, CLIENT_B);
}

static void lists_page_newest_first(void **state)
{
    struct bench *bench = *state;
    pn_clock_set_for_test(1000);
    struct pn_plan_row first = create(bench, CLIENT_A);
    pn_clock_set_for_test(2000);
    struct pn_plan_row second = create(bench, CLIENT_B);
    struct pn_plan_query query = {0};
    struct pn_plan_row rows[2];
    size_t count = 0;
    must(pn_plan_list(bench->store, &query, rows, 1, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].id, second.id);
    query.after_written_ms = rows[0].written_ms;
    query.after_id = pn_slice_str(second.id);
    must(pn_plan_list(bench->store, &query, rows, 2, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].id, first.id);
    pn_clock_set_for_test(0);
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(versions_are_kept),
        BENCH_TEST(a_stale_writer_is_told),
        BENCH_TEST(a_wrong_body_writes_nothing),
        BENCH_TEST(a_client_has_one_active_plan),
        BENCH_TEST(the_client_of_a_plan_does_not_change),
        BENCH_TEST(nothing_readable_lies_in_the_store),
        BENCH_TEST(the_event_opens_to_the_plan),
        BENCH_TEST(a_withdrawal_is_its_own_event),
        BENCH_TEST(a_client_has_one_open_case),
        BENCH_TEST(a_case_ends_once_and_another_begins),
        BENCH_TEST(a_case_does_not_end_under_an_active_plan),
        BENCH_TEST(cases_follow_a_merge_and_its_undo),
        BENCH_TEST(plans_follow_a_merge_and_its_undo),
        BENCH_TEST(an_undo_in_the_middle_of_a_chain),
        BENCH_TEST(a_plan_for_a_merged_key_is_of_the_present_one),
        BENCH_TEST(lists_page_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
