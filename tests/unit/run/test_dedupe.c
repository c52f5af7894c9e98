// SPDX-License-Identifier: Apache-2.0
/*
 * Ids that a service has seen: each event is done once, and old ids go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ids.h"
#include "run/run_parts.h"

enum { EVENTS = 250 };

static struct pn_err err;
static char folder[64];
static struct pn_config config;
static struct pn_record records[EVENTS];
static char ids[EVENTS][PN_UUID_TEXT_BYTES];
static bool is_dropped[EVENTS];
static struct pn_run *run;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/punos-dedupe-XXXXXX");
    assert_non_null(mkdtemp(folder));
    pn_config_defaults(&config);
    config.data_dir = folder;
    config.stream.kind = PN_STREAM_KAFKA;
    const struct pn_store_options options = {.name = "timeline",
                                             .migrations = pn_run_migrations,
                                             .migration_count = pn_run_migration_count};
    run = calloc(1, sizeof *run);
    assert_int_equal(pn_store_open(&config, &options, &run->store, &err), PN_OK);
    run->config = &config;
    run->records = records;
    run->is_dropped = is_dropped;
    for (int i = 0; i < EVENTS; i++) {
        pn_uuid4(ids[i]);
        records[i].event.id = pn_slice_str(ids[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    pn_store_close(run->store);
    free(run);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

// How many of the first `count` events are new.
static unsigned take(size_t count)
{
    run->record_count = count;
    assert_int_equal(pn_store_begin(run->store, &err), PN_OK);
    assert_int_equal(pn_dedupe(run, &err), PN_OK);
    assert_int_equal(pn_store_commit(run->store, &err), PN_OK);
    unsigned fresh = 0;
    for (size_t i = 0; i < count; i++) {
        fresh += !is_dropped[i];
    }
    return fresh;
}

static void age(int64_t days)
{
    struct pn_stmt *stmt = NULL;
    const struct pn_value by = PN_INT(days * 24 * 3600 * 1000);
    assert_int_equal(pn_store_begin(run->store, &err), PN_OK);
    assert_int_equal(
        pn_store_prepare(run->store, "UPDATE punos_seen SET seen_ms = seen_ms - ?1", &stmt, &err),
        PN_OK);
    assert_int_equal(pn_store_exec(run->store, stmt, &by, 1, NULL, &err), PN_OK);
    assert_int_equal(pn_store_commit(run->store, &err), PN_OK);
    run->seen_prune_ms = 0;
}

static void an_event_is_new_once(void **state)
{
    (void)state;
    assert_int_equal(take(120), 120);
    assert_int_equal(take(EVENTS), EVENTS - 120);
    assert_int_equal(take(EVENTS), 0);
}

static void old_ids_go_and_young_ones_stay(void **state)
{
    (void)state;
    assert_int_equal(take(EVENTS), EVENTS);
    age(PN_SEEN_DAYS_MAX - 1);
    assert_int_equal(take(1), 0);
    assert_int_equal(take(EVENTS), 0);
    age(2);
    assert_int_equal(take(1), 0); // the batch that finds them old still knows them
    assert_int_equal(take(EVENTS), EVENTS);
}

#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ALL(an_event_is_new_once),
        WITH_ALL(old_ids_go_and_young_ones_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
