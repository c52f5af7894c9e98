// SPDX-License-Identifier: Apache-2.0
/*
 * GET /healthz: the process runs. GET /readyz: what it needs is there; 503 with what is missing.
 */
#include <string.h>

#include "services/api/api.h"
#include "services/api/calls.h"

void pn_health_call(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_add_header(exchange, "Cache-Control", "no-store");
    pn_http_answer(exchange, 200, "text/plain; charset=utf-8", pn_slice_str("ok\n"));
}

struct readiness {
    cJSON *answer;
    bool is_ready;
    bool has_ingest;
};

// A service on this machine that has died, or waits for something, is said so.
static void look_at(void *context, const struct pn_metric *metric)
{
    struct readiness *readiness = context;
    readiness->has_ingest = readiness->has_ingest || strcmp(metric->service, "ingest") == 0;
    if (strcmp(metric->name, PN_METRIC_READY) != 0 || strcmp(metric->service, "api") == 0 ||
        (metric->is_alive && metric->value == 1)) {
        return;
    }
    readiness->is_ready = false;
    cJSON_DeleteItemFromObjectCaseSensitive(readiness->answer, metric->service);
    cJSON_AddStringToObject(readiness->answer, metric->service,
                            metric->is_alive ? "waiting" : "stopped");
}

void pn_ready_call(struct pn_http_exchange *exchange, void *context)
{
    static const struct {
        const char *name;
        enum pn_code (*open)(struct pn_api *api, struct pn_err *err);
    } needs[] = {
        {"timeline", pn_api_open_timeline},
        {"identify", pn_api_open_worklist},
        {"plan", pn_api_open_plans},
        {"deliver", pn_api_open_deliveries},
    };
    struct pn_call call;
    struct pn_err err;
    pn_call_begin(&call, exchange, context);
    struct readiness readiness = {.answer = cJSON_CreateObject(), .is_ready = true};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(needs); i++) {
        bool is_there = needs[i].open(call.api, &err) == PN_OK;
        readiness.is_ready = readiness.is_ready && is_there;
        cJSON_AddStringToObject(readiness.answer, needs[i].name, is_there ? "ready" : "away");
    }
    if (pn_metrics_read_all(call.api->config->data_dir, look_at, &readiness, &err) != PN_OK) {
        readiness.is_ready = false;
    }
    // An embedded stream means one machine: intake is here, and has to be seen.
    if (call.api->config->stream.kind == PN_STREAM_EMBEDDED && !readiness.has_ingest) {
        readiness.is_ready = false;
        cJSON_AddStringToObject(readiness.answer, "ingest", "away");
    }
    pn_call_answer(&call, readiness.is_ready ? 200 : 503, PN_TYPE_JSON, readiness.answer);
}
