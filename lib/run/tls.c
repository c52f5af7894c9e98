// SPDX-License-Identifier: Apache-2.0
#include "run/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/metrics.h"

enum { LINES_PER_WINDOW_MAX = 10, WINDOW_MS = 10 * 1000 };

struct pn_run_tls {
    struct pn_tls *tls;
    char use[PN_METRIC_TEXT_BYTES];
    int64_t window_ms; // when the log's running window began
    unsigned line_count;
};

// A stranger at the door may not fill the log: the metrics count on.
static bool may_log(struct pn_run_tls *tls)
{
    int64_t now_ms = pn_clock_monotonic_ms();
    if (tls->window_ms == 0 || now_ms - tls->window_ms > WINDOW_MS) {
        tls->window_ms = now_ms;
        tls->line_count = 0;
    }
    return tls->line_count++ < LINES_PER_WINDOW_MAX;
}

void pn_run_tls_refused(struct pn_run_tls *tls, const char *certificate)
{
    pn_metric_add("punos_tls_refused_total", "use", tls->use, 1);
    if (may_log(tls)) {
        pn_log(PN_LOG_WARNING, "a certificate was refused: its names may not send here",
               PN_TAG("use", tls->use), PN_TAG("certificate", certificate));
    }
}

static void note_loaded(const struct pn_run_tls *tls, int64_t not_after_s)
{
    char ends[PN_TIME_TEXT_BYTES] = "";
    if (not_after_s > 0) {
        pn_metric_set("punos_tls_certificate_not_after_seconds", "use", tls->use, not_after_s);
        pn_time_format(not_after_s * PN_MS_PER_SECOND, ends);
    }
    pn_log(PN_LOG_INFO, "TLS files are in force", PN_TAG("use", tls->use),
           PN_TAG("certificate_ends", ends));
}

static void on_happened(const struct pn_tls_event *event, void *context)
{
    struct pn_run_tls *tls = context;
    switch (event->happening) {
    case PN_TLS_LOADED:
        note_loaded(tls, event->not_after_s);
        break;
    case PN_TLS_LOAD_FAILED:
        pn_metric_add("punos_tls_files_refused_total", "use", tls->use, 1);
        pn_log_error("renewed TLS files can't be used; the old stay in force", event->err);
        break;
    case PN_TLS_OPENED:
        pn_metric_add("punos_tls_connections_total", "use", tls->use, 1);
        break;
    case PN_TLS_FAILED:
        pn_metric_add("punos_tls_failed_total", "use", tls->use, 1);
        if (may_log(tls)) {
            pn_log(PN_LOG_WARNING, "a TLS handshake failed", PN_TAG("use", tls->use),
                   PN_TAG("reason", event->reason), PN_TAG("certificate", event->certificate),
                   PN_TAG("peer", event->peer));
        }
        break;
    case PN_TLS_REFUSED:
        pn_run_tls_refused(tls, event->certificate);
        break;
    }
}

enum pn_code pn_run_tls_open(struct event_base *base, const struct pn_run_tls_options *options,
                             struct pn_run_tls **ret_tls, struct pn_err *err)
{
    bool is_given = options->role == PN_TLS_SERVER ? options->files.certificate[0] != '\0'
                                                   : pn_tls_conf_is_given(&options->files);
    if (!is_given) {
        *ret_tls = NULL;
        return PN_OK;
    }
    struct pn_run_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return pn_err_set(err, PN_MEMORY, "tls", "the heap is exhausted");
    }
    (void)snprintf(tls->use, sizeof tls->use, "%s", options->use);
    const struct pn_tls_options inner = {
        .role = options->role,
        .files = options->files,
        .peers = options->peers,
        .happened = on_happened,
        .context = tls,
    };
    enum pn_code code = pn_tls_open(base, &inner, &tls->tls, err);
    if (code != PN_OK) {
        (void)pn_err_within(err, options->use);
        free(tls);
        return code;
    }
    *ret_tls = tls;
    return PN_OK;
}

void pn_run_tls_close(struct pn_run_tls *tls)
{
    if (tls != NULL) {
        pn_tls_close(tls->tls);
        free(tls);
    }
}

struct pn_tls *pn_run_tls_of(struct pn_run_tls *tls)
{
    return tls == NULL ? NULL : tls->tls;
}

static void log_warning(const char *key, const char *text, void *context)
{
    const char *prefix = context;
    if (strncmp(key, prefix, strlen(prefix)) == 0) {
        pn_log(PN_LOG_WARNING, "a listener is open to others", PN_TAG("key", key),
               PN_TAG("why", text));
    }
}

void pn_run_warn_of_listeners(const struct pn_config *config, const char *prefix)
{
    pn_config_warn(config, log_warning, (void *)(uintptr_t)prefix);
}
