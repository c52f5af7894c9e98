// SPDX-License-Identifier: Apache-2.0
/*
 * Counters and gauges of this process, by name and labels, and reading those of all.
 *
 * A running service writes them once a second to DATA/run/<service>.<n>.metrics (n tells the
 * processes of one service on this machine apart), replaced as a whole and not synced. While it
 * lives it holds a lock on the file's twin `.lock`, by which a reader knows the living from the
 * dead. The API shows them all (`/metrics`, Prometheus text format) and judges readiness by them
 * (`/readyz`).
 *
 * Names follow Prometheus: small letters and underscores, a counter ends in `_total`.
 */
#ifndef PN_RUN_METRICS_H
#define PN_RUN_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { PN_METRICS_MAX = 512, PN_METRIC_TEXT_BYTES = 96 };

// What every service has; `_ms` are moments by the wall clock.
#define PN_METRIC_HEARTBEAT "punos_heartbeat_ms" // when it last wrote: a second ago
#define PN_METRIC_READY "punos_ready"            // 1 when it works, 0 while it waits for something
#define PN_METRIC_EVENTS "punos_events_total"    // label result: done, duplicate, rejected
#define PN_METRIC_RETRIES "punos_retries_total"
#define PN_METRIC_BATCHES "punos_batches_total"
#define PN_METRIC_RELAYED "punos_relayed_total"
#define PN_METRIC_LAG "punos_lag_events"      // on the stream and not yet handled
#define PN_METRIC_OUTBOX "punos_outbox_depth" // committed and not yet on the stream
#define PN_METRIC_LAST_ERROR "punos_last_error_ms"

// `label` and `label_value` may be NULL (both); of several labels the names stand with commas
// between, and so do the values ("rule,happening"; "visits,raised"). The 513th different metric is
// not counted. Texts are copied, cut at PN_METRIC_TEXT_BYTES.
void pn_metric_add(const char *name, const char *label, const char *label_value, int64_t amount);
void pn_metric_set(const char *name, const char *label, const char *label_value, int64_t value);
// 0 when there is none.
int64_t pn_metric_get(const char *name, const char *label, const char *label_value);

struct pn_metric {
    const char *service;
    unsigned process; // n
    bool is_alive;    // the process that wrote it still runs
    const char *name;
    const char *label; // "" when it has none
    const char *label_value;
    int64_t value;
};

// Calls `found` for each metric in the files of DATA/run. The texts live during the call.
PN_MUST_USE enum pn_code pn_metrics_read_all(const char *data_dir,
                                             void (*found)(void *context,
                                                           const struct pn_metric *metric),
                                             void *context, struct pn_err *err);

// --- For the process that has metrics (lib/run, and the API for its own) -------------------------

struct pn_metrics_file;

// Takes the first n that no living process of this service has.
PN_MUST_USE enum pn_code pn_metrics_file_open(const char *data_dir, const char *service,
                                              struct pn_metrics_file **ret_file,
                                              struct pn_err *err);
// Which n it is.
unsigned pn_metrics_file_process(const struct pn_metrics_file *file);
// Writes all metrics of this process, with the heartbeat.
PN_MUST_USE enum pn_code pn_metrics_file_write(struct pn_metrics_file *file, struct pn_err *err);
void pn_metrics_file_close(struct pn_metrics_file *file); // takes NULL; removes the file

#endif
