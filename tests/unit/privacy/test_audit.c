// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "fhir/fhir.h"
#include "privacy/audit.h"

static char folder[64];
static struct pn_config config;
static struct pn_privacy *privacy;
static struct pn_store *store;
static struct pn_arena *arena;
static struct pn_err err;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/punos-audit-XXXXXX");
    assert_non_null(mkdtemp(folder));
    pn_config_defaults(&config);
    config.data_dir = folder;
    const struct pn_migration migrations[] = {{1, PN_AUDIT_SQL}};
    const struct pn_store_options options = {
        .name = "audit_test", .migrations = migrations, .migration_count = 1};
    assert_int_equal(pn_privacy_open(folder, &privacy, &err), PN_OK);
    assert_int_equal(pn_store_open(&config, &options, &store, &err), PN_OK);
    arena = pn_arena_new(16 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pn_arena_free(arena);
    pn_store_close(store);
    pn_privacy_close(privacy);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void change(const char *sql)
{
    struct pn_stmt *stmt = NULL;
    assert_int_equal(pn_store_begin(store, &err), PN_OK);
    assert_int_equal(pn_store_prepare(store, sql, &stmt, &err), PN_OK);
    assert_int_equal(pn_store_exec(store, stmt, NULL, 0, NULL, &err), PN_OK);
    assert_int_equal(pn_store_commit(store, &err), PN_OK);
}

static void add(const char *user, const char *client, int64_t time_ms)
{
    const struct pn_audit_record record = {.time_ms = time_ms,
                                           .user = pn_slice_str(user),
                                           .role = pn_slice_str("coordinator"),
                                           .action = pn_slice_str("timeline"),
                                           .purpose = pn_slice_str("identification"),
                                           .client = pn_slice_str(client),
                                           .what = pn_slice_str("timeline"),
                                           .provider = pn_slice_str("oberon"),
                                           .rule = pn_slice_str("timeline-coordinator"),
                                           .is_allowed = client[0] == 'a'};
    assert_int_equal(pn_store_begin(store, &err), PN_OK);
    assert_int_equal(pn_audit_add(store, privacy, &record, &err), PN_OK);
    assert_int_equal(pn_store_commit(store, &err), PN_OK);
}

static unsigned read_some(const struct pn_audit_filter *filter, struct pn_audit_record *records,
                          unsigned max)
{
    unsigned count = 0;
    assert_int_equal(pn_audit_read(store, arena, filter, records, max, &count, &err), PN_OK);
    return count;
}

static void keeps_and_finds(void **state)
{
    (void)state;
    struct pn_audit_record records[20];
    for (int i = 1; i <= 10; i++) {
        add(i % 2 == 0 ? "one" : "two", i % 3 == 0 ? "a3" : "b4", i * 1000);
    }
    struct pn_audit_filter filter = {0};
    assert_int_equal(read_some(&filter, records, 20), 10);
    assert_int_equal(records[0].number, 10);
    filter.before_number = records[3].number;
    assert_int_equal(read_some(&filter, records, 4), 4);
    assert_int_equal(records[0].number, 6);
    filter = (struct pn_audit_filter){.client = pn_slice_str("a3")};
    assert_int_equal(read_some(&filter, records, 20), 3);
    filter.user = pn_slice_str("one");
    assert_int_equal(read_some(&filter, records, 20), 1);
    filter =
        (struct pn_audit_filter){.user = pn_slice_str("two"), .from_ms = 3000, .until_ms = 7000};
    assert_int_equal(read_some(&filter, records, 20), 2);
    assert_true(pn_slice_is(records[0].provider, "oberon"));
    struct pn_audit_head head;
    assert_int_equal(pn_audit_verify(store, privacy, &head, &err), PN_OK);
    assert_int_equal(head.number, 10);
}

static void is_valid_fhir(void **state)
{
    (void)state;
    const struct pn_audit_filter filter = {0};
    struct pn_audit_record records[20];
    static struct pn_fhir_report report;
    unsigned count = read_some(&filter, records, 20);
    assert_true(count > 0);
    for (unsigned i = 0; i < count; i++) {
        cJSON *event = pn_audit_event(&records[i]);
        if (!pn_fhir_validate(event, &report)) {
            fail_msg("%s: %s", report.issues[0].expression, report.issues[0].diagnostics);
        }
        assert_true(pn_slice_is(pn_fhir_get(event, "outcome"), records[i].is_allowed ? "0" : "4"));
        cJSON_Delete(event);
    }
}

static void shows_what_was_tampered_with(void **state)
{
    (void)state;
    struct pn_audit_head head;
    change("UPDATE audit SET client = 'a9' WHERE number = 4");
    assert_int_equal(pn_audit_verify(store, privacy, &head, &err), PN_INVALID);
    assert_string_equal(err.where, "audit row 4");
    change("UPDATE audit SET client = 'b4' WHERE number = 4");
    assert_int_equal(pn_audit_verify(store, privacy, &head, &err), PN_OK);
    change("DELETE FROM audit WHERE number = 7");
    assert_int_equal(pn_audit_verify(store, privacy, &head, &err), PN_INVALID);
    assert_string_equal(err.where, "audit row 7");
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    char text[PN_AUDIT_FIELD_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    const struct pn_audit_record record = {.user = pn_slice_of(text, sizeof text)};
    assert_int_equal(pn_store_begin(store, &err), PN_OK);
    assert_int_equal(pn_audit_add(store, privacy, &record, &err), PN_LIMIT);
    pn_store_rollback(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_and_finds),
        cmocka_unit_test(is_valid_fhir),
        cmocka_unit_test(shows_what_was_tampered_with),
        cmocka_unit_test(refuses_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
