// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/metrics.h"

static char folder[64];
static struct pn_err err;

static int set_up(void **state)
{
    (void)state;
    char path[80];
    snprintf(folder, sizeof folder, "/tmp/punos-metrics-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/run", folder);
    return mkdir(path, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

struct found {
    int64_t done, plain, heartbeat;
    bool is_alive;
    unsigned processes; // a bit each
};

static void note(void *context, const struct pn_metric *metric)
{
    struct found *found = context;
    assert_string_equal(metric->service, "timeline");
    found->processes |= 1U << metric->process;
    found->is_alive = metric->is_alive;
    if (strcmp(metric->name, "t_events_total") == 0 && strcmp(metric->label, "result") == 0 &&
        strcmp(metric->label_value, "done") == 0) {
        found->done = metric->value;
    } else if (strcmp(metric->name, "t_plain") == 0) {
        assert_string_equal(metric->label, "");
        found->plain = metric->value;
    } else if (strcmp(metric->name, PN_METRIC_HEARTBEAT) == 0) {
        found->heartbeat = metric->value;
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    pn_metric_add("t_events_total", "result", "done", 2);
    pn_metric_add("t_events_total", "result", "done", 3);
    pn_metric_add("t_events_total", "result", "other", 100);
    pn_metric_set("t_plain", NULL, NULL, -7);
    assert_int_equal(pn_metric_get("t_events_total", "result", "done"), 5);
    assert_int_equal(pn_metric_get("t_absent", NULL, NULL), 0);
    struct pn_metrics_file *file = NULL;
    struct pn_metrics_file *second = NULL;
    assert_int_equal(pn_metrics_file_open(folder, "timeline", &file, &err), PN_OK);
    assert_int_equal(pn_metrics_file_open(folder, "timeline", &second, &err), PN_OK);
    assert_int_equal(pn_metrics_file_write(file, &err), PN_OK);
    assert_int_equal(pn_metrics_file_write(second, &err), PN_OK);
    struct found found = {0};
    assert_int_equal(pn_metrics_read_all(folder, note, &found, &err), PN_OK);
    assert_int_equal(found.processes, 3);
    assert_int_equal(found.done, 5);
    assert_int_equal(found.plain, -7);
    assert_true(found.heartbeat > 0);
    assert_true(found.is_alive);
    pn_metrics_file_close(second);
    pn_metrics_file_close(file);
    found = (struct found){0};
    assert_int_equal(pn_metrics_read_all(folder, note, &found, &err), PN_OK);
    assert_int_equal(found.processes, 0);
}

static void the_dead_are_known(void **state)
{
    (void)state;
    struct pn_metrics_file *file = NULL;
    assert_int_equal(pn_metrics_file_open(folder, "timeline", &file, &err), PN_OK);
    assert_int_equal(pn_metrics_file_write(file, &err), PN_OK);
    // As a process that was killed leaves it: the file stands, the lock is gone.
    char path[96], kept[96];
    snprintf(path, sizeof path, "%s/run/timeline.0.metrics", folder);
    snprintf(kept, sizeof kept, "%s/run/kept", folder);
    assert_int_equal(link(path, kept), 0);
    pn_metrics_file_close(file);
    assert_int_equal(rename(kept, path), 0);
    struct found found = {.is_alive = true};
    assert_int_equal(pn_metrics_read_all(folder, note, &found, &err), PN_OK);
    assert_int_equal(found.processes, 1);
    assert_false(found.is_alive);
}

static void the_number_of_metrics_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * PN_METRICS_MAX; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        pn_metric_add("t_many", "i", value, 1);
    }
    assert_int_equal(pn_metric_get("t_many", "i", "1"), 1);
    assert_int_equal(pn_metric_get("t_many", "i", "1023"), 0);
    pn_metric_add("t_plain", NULL, NULL, 1);
    assert_int_equal(pn_metric_get("t_plain", NULL, NULL), -6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_dead_are_known, set_up, tear_down),
        cmocka_unit_test(the_number_of_metrics_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
