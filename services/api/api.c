// SPDX-License-Identifier: Apache-2.0
/*
 * Station 8, show: the HTTP interface of the hub. FHIR R4, the work list, the live event feed, the
 * figures, and the page.
 */
#include "services/api/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "privacy/audit.h"
#include "services/api/calls.h"
#include "services/api/feed.h"
#include "services/api/feedback_call.h"
#include "services/api/feedback_metrics.h"
#include "services/api/service.h"

// Taking events in for the feed must not keep a caller waiting.
enum { FEED_EVENTS_MAX = 100, FEED_WORK_MS_MAX = 10 };

enum { TICK_MS = 1000 };

enum { CONNECTIONS_MAX = 1000, BODY_BYTES_MAX = 1024 * 1024, IDLE_TIMEOUT_MS = 60 * 1000 };

static void api_stop(void *state)
{
    struct pn_api *api = state;
    if (api == NULL) {
        return;
    }
    pn_http_server_close(api->server);
    pn_run_tls_close(api->tls);
    pn_feed_close(api);
    pn_feedback_calls_close(api);
    pn_api_close_stores(api);
    pn_tokens_close(api->tokens);
    free(api);
}

static enum pn_code open_tokens(struct pn_api *api, struct pn_err *err)
{
    bool was_made = false;
    enum pn_code code =
        pn_tokens_open(api->config->data_dir, api->privacy, &api->tokens, &was_made, err);
    if (code == PN_OK && was_made) {
        char path[512];
        snprintf(path, sizeof path, "%s/secrets/api-token", api->config->data_dir);
        pn_log(PN_LOG_INFO, "a first token was made", PN_TAG("file", path));
    }
    return code;
}

static enum pn_code open_server(struct pn_api *api, struct pn_err *err)
{
    const struct pn_run_tls_options tls = {
        .role = PN_TLS_SERVER, .use = "api", .files = api->config->api.tls};
    enum pn_code code = pn_run_tls_open(pn_run_base(api->run), &tls, &api->tls, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_http_server_options options = {.listen = api->config->api.listen,
                                                   .tls = pn_run_tls_of(api->tls),
                                                   .routes = pn_api_routes,
                                                   .route_count = pn_api_route_count,
                                                   .body_bytes_max = BODY_BYTES_MAX,
                                                   .connections_max = CONNECTIONS_MAX,
                                                   .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                                   .context = api,
                                                   .before = pn_api_gate,
                                                   .error_body = pn_api_error_body};
    pn_run_warn_of_listeners(api->config, "api.");
    code = pn_http_server_open(pn_run_base(api->run), &options, &api->server, err);
    if (code == PN_OK) {
        pn_log(PN_LOG_INFO, "api listens", PN_TAG("listen", api->config->api.listen),
               PN_TAG_INT("port", pn_http_server_port(api->server)));
    }
    return code;
}

static enum pn_code api_start(struct pn_run *run, void **ret_state, struct pn_err *err)
{
    struct pn_api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return pn_err_set(err, PN_MEMORY, "api", "no memory");
    }
    api->run = run;
    api->config = pn_run_config(run);
    api->privacy = pn_run_privacy(run);
    enum pn_code code = open_tokens(api, err);
    if (code == PN_OK) {
        code = pn_feed_open(api, err);
    }
    if (code == PN_OK) {
        code = pn_feedback_calls_open(api, err);
    }
    if (code == PN_OK) {
        code = open_server(api, err);
    }
    if (code != PN_OK) {
        api_stop(api);
        return code;
    }
    *ret_state = api;
    return PN_OK;
}

static enum pn_verdict verdict_of(enum pn_code code)
{
    if (code == PN_OK) {
        return PN_DONE;
    }
    return pn_code_is_retriable(code) || code == PN_CONFLICT ? PN_RETRY : PN_REJECT;
}

static enum pn_verdict api_handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    // What comes of an answer is told by the ledger's own events, without the system's words.
    if (pn_slice_is(record->event.type, "fi.punos.delivery.answered.v1")) {
        return PN_DONE;
    }
    // Of the quarantine only which source is silent: what lies there is an administrator's.
    if (pn_slice_starts_with(record->event.type, "fi.punos.message.")) {
        return PN_DONE;
    }
    return verdict_of(pn_feed_add(state, &record->event, err));
}

static enum pn_verdict api_batch_end(void *state, struct pn_err *err)
{
    return verdict_of(pn_feed_trim(state, err));
}

static enum pn_verdict api_tick(void *state, int64_t now_ms, struct pn_err *err)
{
    (void)err;
    pn_feedback_tell(state, now_ms);
    return PN_DONE;
}

static void api_committed(void *state)
{
    pn_feed_pump(state);
}

static const char *const api_topics[] = {PN_TOPIC_EVENT, PN_TOPIC_TRIGGER, PN_TOPIC_PLAN,
                                         PN_TOPIC_DELIVERY, PN_TOPIC_QUARANTINE};

const struct pn_service *pn_service_api(void)
{
    static struct pn_migration migrations[] = {{.version = 1},
                                               {.version = 2, .sql = pn_feed_sql},
                                               {.version = 3, .sql = pn_feed_classes_sql}};
    static const struct pn_service service = {
        .name = "api",
        .topics = api_topics,
        .topic_count = PN_ARRAY_COUNT(api_topics),
        .batch_events_max = FEED_EVENTS_MAX,
        .work_ms_max = FEED_WORK_MS_MAX,
        .migrations = migrations,
        .migration_count = PN_ARRAY_COUNT(migrations),
        .start = api_start,
        .handle = api_handle,
        .batch_end = api_batch_end,
        .tick = api_tick,
        .tick_ms = TICK_MS,
        .committed = api_committed,
        .stop = api_stop,
    };
    migrations[0].sql = PN_AUDIT_SQL;
    return &service;
}

PN_SERVICE_COMMAND(api, pn_service_api(),
                   "show: FHIR, the work list, the live feed and the page, over HTTP",
                   "Serves the FHIR R4 interface, the work list of flagged clients, the live event "
                   "feed, the figures and the web page. Listens on the loopback address unless the "
                   "configuration says otherwise; every call needs a bearer token.")
