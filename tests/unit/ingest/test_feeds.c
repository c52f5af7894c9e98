// SPDX-License-Identifier: Apache-2.0
// The feeds of a hub in ingest's store: one event at the start of a silence and one at its end,
// whatever is restarted in between.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "event/event.h"
#include "fhir/fhir.h"
#include "run/run.h"
#include "services/ingest/feeds.h"
#include "services/ingest/quarantine.h"
#include "tests/unit/map/folder.h"

// The longest that is not yet a gap in the listening.
enum { TICK_MS = 5 * 60 * 1000, LEARN_DAYS = 2 };
#define HOUR (12 * TICK_MS)
#define START INT64_C(1767600000000) // 2026-01-05, a Monday

struct hub {
    struct folder folder;
    struct pn_config config;
    struct pn_ingest_systems systems;
    struct pn_store *store;
    struct pn_feeds *feeds;
    int64_t now_ms;
    struct pn_err err;
};

static void open_feeds(struct hub *hub)
{
    assert_int_equal(pn_feeds_open(hub->store, &hub->config, &hub->systems, &hub->feeds, &hub->err),
                     PN_OK);
}

static void open_hub(struct hub *hub)
{
    static const struct pn_adapter_info info = {.name = "oberon", .sector = "specialist"};
    hub->folder = folder_new("json", "none");
    pn_config_defaults(&hub->config);
    hub->config.data_dir = hub->folder.path;
    hub->config.feeds.learn_days = LEARN_DAYS;
    hub->config.systems[0] = (struct pn_system_conf){.name = "oberon", .tells_silence = true};
    hub->config.system_count = 1;
    hub->systems.items[0] =
        (struct pn_ingest_system){.conf = &hub->config.systems[0], .info = &info};
    hub->systems.count = 1;
    struct pn_migration migrations[32];
    unsigned count = 0;
    for (unsigned i = 0; i < pn_run_migration_count; i++) {
        migrations[count++] = pn_run_migrations[i];
    }
    for (unsigned i = 0; i < pn_ingest_migration_count; i++) {
        migrations[count++] = pn_ingest_migrations[i];
    }
    const struct pn_store_options options = {
        .name = "ingest", .migrations = migrations, .migration_count = count};
    char store[128];
    snprintf(store, sizeof store, "%s/store", hub->folder.path);
    (void)mkdir(store, 0700);
    if (pn_store_open(&hub->config, &options, &hub->store, &hub->err) != PN_OK) {
        fail_msg("%s: %s", hub->err.where, hub->err.text);
    }
    hub->now_ms = START;
    open_feeds(hub);
}

static void close_hub(struct hub *hub)
{
    pn_feeds_close(hub->feeds);
    pn_store_close(hub->store);
    folder_free(&hub->folder);
}

// Five minutes: a message of the units that send, and a tick. `commits` false: the transaction is
// lost.
static void step(struct hub *hub, const char *const *units, bool commits)
{
    for (; units != NULL && *units != NULL; units++) {
        pn_feeds_seen(hub->feeds, &hub->systems.items[0], pn_slice_str(*units), hub->now_ms);
    }
    hub->now_ms += TICK_MS;
    assert_int_equal(pn_store_begin(hub->store, &hub->err), PN_OK);
    if (pn_feeds_tick(hub->feeds, hub->now_ms, &hub->err) != PN_OK) {
        fail_msg("%s: %s", hub->err.where, hub->err.text);
    }
    if (commits) {
        assert_int_equal(pn_store_commit(hub->store, &hub->err), PN_OK);
        pn_feeds_committed(hub->feeds);
    } else {
        pn_store_rollback(hub->store);
    }
}

static void pass(struct hub *hub, const char *const *units, int64_t ms)
{
    int64_t end_ms = hub->now_ms + ms;
    while (hub->now_ms < end_ms) {
        step(hub, hub->now_ms / TICK_MS % 4 == 0 ? units : NULL, true);
    }
}

// Events of a type that lie in the outbox, of that source; the data of the last.
static unsigned told(struct hub *hub, const char *type, const char *source)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    bool has_row = true;
    const struct pn_value values[] = {PN_STR(type), PN_STR(source)};
    assert_int_equal(
        pn_store_prepare(hub->store,
                         "SELECT data FROM punos_outbox WHERE type = ?1 AND source = ?2", &stmt,
                         &hub->err),
        PN_OK);
    assert_int_equal(pn_store_query(hub->store, stmt, values, 2, &rows, &hub->err), PN_OK);
    while (pn_rows_next(rows, &has_row, &hub->err) == PN_OK && has_row) {
        cJSON *outcome = NULL;
        struct pn_fhir_report report;
        assert_int_equal(pn_json_parse(pn_rows_bytes(rows, 0), &outcome, &hub->err), PN_OK);
        if (!pn_fhir_validate(outcome, &report)) {
            fail_msg("%s: %s", report.issues[0].expression, report.issues[0].diagnostics);
        }
        cJSON_Delete(outcome);
        count++;
    }
    pn_rows_close(rows);
    return count;
}

static const char *const both[] = {"/adapter/oberon/A", "/adapter/oberon/B", NULL};
static const char *const only_a[] = {"/adapter/oberon/A", NULL};

static void one_event_at_each_end_also_over_restarts(void **state)
{
    (void)state;
    struct hub hub;
    open_hub(&hub);
    pass(&hub, both, 4 * PN_MS_PER_DAY);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon"), 0);
    pass(&hub, NULL, PN_MS_PER_DAY / 2);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon"), 1);
    // Its units are not told of: one trouble, one alarm.
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, both[0]), 0);
    pn_feeds_close(hub.feeds);
    open_feeds(&hub);
    pass(&hub, NULL, PN_MS_PER_DAY);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon"), 1);
    assert_int_equal(told(&hub, PN_EVENT_FEED_RESUMED, "/adapter/oberon"), 0);
    // Heard again, but the transaction that would tell it is lost: it is told by the next.
    step(&hub, both, false);
    assert_int_equal(told(&hub, PN_EVENT_FEED_RESUMED, "/adapter/oberon"), 0);
    pass(&hub, both, PN_MS_PER_DAY);
    assert_int_equal(told(&hub, PN_EVENT_FEED_RESUMED, "/adapter/oberon"), 1);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon"), 1);
    close_hub(&hub);
}

static void a_unit_is_told_of_while_its_system_speaks(void **state)
{
    (void)state;
    struct hub hub;
    open_hub(&hub);
    pass(&hub, both, 4 * PN_MS_PER_DAY);
    pass(&hub, only_a, PN_MS_PER_DAY);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon/B"), 1);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon/A"), 0);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon"), 0);
    close_hub(&hub);
}

static void the_hub_being_down_is_nobodys_silence(void **state)
{
    (void)state;
    struct hub hub;
    open_hub(&hub);
    pass(&hub, both, 4 * PN_MS_PER_DAY);
    pn_feeds_close(hub.feeds);
    hub.now_ms += 3 * PN_MS_PER_DAY;
    open_feeds(&hub);
    step(&hub, NULL, true);
    // Standing still is the same.
    hub.now_ms += PN_MS_PER_DAY;
    step(&hub, NULL, true);
    pass(&hub, both, HOUR);
    assert_int_equal(told(&hub, PN_EVENT_FEED_SILENT, "/adapter/oberon"), 0);
    close_hub(&hub);
}

static void states_are_read_back(void **state)
{
    (void)state;
    struct hub hub;
    struct pn_feed_state states[8];
    unsigned count = 0;
    open_hub(&hub);
    pass(&hub, both, 4 * PN_MS_PER_DAY);
    assert_int_equal(pn_feeds_read(hub.store, hub.folder.arena, states, 8, &count, &hub.err),
                     PN_OK);
    assert_int_equal(count, 3);
    assert_true(pn_slice_is(states[1].source, "/adapter/oberon/A"));
    // Three an hour, at any hour.
    double rate = pn_rhythm_rate(&states[1].rhythm, 30);
    assert_true(rate > 2.5 && rate < 3.5);
    close_hub(&hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_at_each_end_also_over_restarts),
        cmocka_unit_test(a_unit_is_told_of_while_its_system_speaks),
        cmocka_unit_test(the_hub_being_down_is_nobodys_silence),
        cmocka_unit_test(states_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
