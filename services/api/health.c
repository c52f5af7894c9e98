// SPDX-License-Identifier: Apache-2.0
/*
 * GET /healthz: the process runs. GET /readyz: what it needs is there; 503 with what is missing.
 * "teams" of /readyz says when clients are of units that no team has, and makes nothing unready.
 */
#include <stdio.h>
#include <string.h>

#include "services/api/api.h"
#include "services/api/calls.h"
#include "services/up/up_folders.h"

void pn_health_call(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_add_header(exchange, "Cache-Control", "no-store");
    pn_http_answer(exchange, 200, "text/plain; charset=utf-8", pn_slice_str("ok\n"));
}

enum { SERVICES_MAX = 16 };

// What the metrics files of this machine say of a service. A process that died leaves its file
// behind, so a dead one counts only when no other of that service lives.
struct standing {
    char service[PN_METRIC_TEXT_BYTES];
    bool has_living, has_waiting;
};

struct readiness {
    struct standing standings[SERVICES_MAX];
    unsigned count;
    int64_t units_without_team;
};

static struct standing *standing_of(struct readiness *readiness, const char *service)
{
    for (unsigned i = 0; i < readiness->count; i++) {
        if (strcmp(readiness->standings[i].service, service) == 0) {
            return &readiness->standings[i];
        }
    }
    if (readiness->count == SERVICES_MAX) {
        return NULL;
    }
    struct standing *standing = &readiness->standings[readiness->count++];
    snprintf(standing->service, sizeof standing->service, "%s", service);
    return standing;
}

static void look_at(void *context, const struct pn_metric *metric)
{
    struct readiness *readiness = context;
    if (strcmp(metric->name, PN_WORKLIST_UNITS_WITHOUT_TEAM) == 0 && metric->is_alive &&
        metric->value > readiness->units_without_team) {
        readiness->units_without_team = metric->value;
    }
    if (strcmp(metric->name, PN_METRIC_READY) != 0 || strcmp(metric->service, "api") == 0) {
        return;
    }
    struct standing *standing = standing_of(readiness, metric->service);
    if (standing != NULL && metric->is_alive) {
        standing->has_living = true;
        standing->has_waiting = standing->has_waiting || metric->value != 1;
    }
}

// Says of each service that has run on this machine whether it has died or waits for something.
static bool say_standings(const struct readiness *readiness, cJSON *answer)
{
    bool is_ready = true;
    for (unsigned i = 0; i < readiness->count; i++) {
        const struct standing *standing = &readiness->standings[i];
        if (standing->has_living && !standing->has_waiting) {
            continue;
        }
        is_ready = false;
        cJSON_DeleteItemFromObjectCaseSensitive(answer, standing->service);
        cJSON_AddStringToObject(answer, standing->service,
                                standing->has_living ? "waiting" : "stopped");
    }
    return is_ready;
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
    struct readiness readiness = {.count = 0};
    cJSON *answer = cJSON_CreateObject();
    bool is_ready = true;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(needs); i++) {
        bool is_there = needs[i].open(call.api, &err) == PN_OK;
        is_ready = is_ready && is_there;
        cJSON_AddStringToObject(answer, needs[i].name, is_there ? "ready" : "away");
    }
    if (pn_metrics_read_all(call.api->config->data_dir, look_at, &readiness, &err) != PN_OK) {
        is_ready = false;
    }
    // An embedded stream means one machine, and so does `punos up` on any: intake is here, and has
    // to be seen. On many machines it may be on another, and answers for itself there.
    if (call.api->config->stream.kind == PN_STREAM_EMBEDDED || pn_up_is_running(call.api->config)) {
        (void)standing_of(&readiness, "ingest");
    }
    is_ready = say_standings(&readiness, answer) && is_ready;
    // The API's own consumer: on Kafka, that the broker is there.
    if (pn_metric_get(PN_METRIC_READY, NULL, NULL) != 1) {
        is_ready = false;
        cJSON_AddStringToObject(answer, "api", "waiting");
    }
    // The hub works without it, so it is said and nothing more: who belongs to the unit is not.
    if (readiness.units_without_team > 0) {
        char text[64];
        snprintf(text, sizeof text, "units without a team: %lld",
                 (long long)readiness.units_without_team);
        cJSON_AddStringToObject(answer, "teams", text);
    }
    pn_call_answer(&call, is_ready ? 200 : 503, PN_TYPE_JSON, answer);
}
