// SPDX-License-Identifier: Apache-2.0
/*
 * GET /healthz: the process runs. GET /readyz: what it needs is there; 503 with what is missing.
 */
#include "services/api/calls.h"

#include "services/api/api.h"

void pn_health_call(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_add_header(exchange, "Cache-Control", "no-store");
    pn_http_answer(exchange, 200, "text/plain; charset=utf-8", pn_slice_str("ok\n"));
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
    pn_call_begin(&call, exchange, context);
    cJSON *answer = cJSON_CreateObject();
    bool is_ready = true;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(needs); i++) {
        struct pn_err err;
        bool is_there = needs[i].open(call.api, &err) == PN_OK;
        is_ready = is_ready && is_there;
        cJSON_AddStringToObject(answer, needs[i].name, is_there ? "ready" : "away");
    }
    pn_call_answer(&call, is_ready ? 200 : 503, PN_TYPE_JSON, answer);
}
