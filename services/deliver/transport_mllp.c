// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "net/mllp.h"
#include "run/metrics.h"
#include "run/tls.h"
#include "services/deliver/transport.h"

struct pn_delivery_transport {
    struct pn_run_tls *tls; // NULL: plain
    struct pn_mllp_client *client;
    struct pn_transport_callbacks callbacks;
    int64_t timeout_ms;
};

// Enhanced mode: the application's answer, after the commit.
static void late(struct pn_slice bytes, void *context)
{
    struct pn_delivery_transport *transport = context;
    const struct pn_answer answer = {.bytes = bytes};
    transport->callbacks.late(&answer, transport->callbacks.context);
}

static enum pn_code open_mllp(struct event_base *base, const struct pn_system_conf *conf,
                              const struct pn_transport_callbacks *callbacks,
                              struct pn_delivery_transport **ret_transport, struct pn_err *err)
{
    struct pn_delivery_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) {
        return pn_err_set(err, PN_MEMORY, conf->name, "no memory for a connection");
    }
    transport->callbacks = *callbacks;
    transport->timeout_ms = conf->receipt_timeout_ms;
    char use[PN_METRIC_TEXT_BYTES];
    (void)snprintf(use, sizeof use, "%s-out", conf->name);
    const struct pn_run_tls_options tls = {.role = PN_TLS_CLIENT, .use = use, .files = conf->tls};
    enum pn_code code = pn_run_tls_open(base, &tls, &transport->tls, err);
    if (code == PN_OK) {
        code = pn_mllp_client_open(base, conf->deliver, pn_run_tls_of(transport->tls),
                                   &transport->client, err);
    }
    if (code != PN_OK) {
        pn_run_tls_close(transport->tls);
        free(transport);
        return code;
    }
    pn_mllp_client_listen(transport->client, late, transport);
    *ret_transport = transport;
    return PN_OK;
}

static void done(const struct pn_mllp_result *result, void *context)
{
    struct pn_delivery_transport *transport = context;
    struct pn_transport_result out = {
        .outcome = result->code == PN_OK ? PN_TRANSPORT_ANSWERED : PN_TRANSPORT_AWAY,
        .answer = {.bytes = result->bytes},
        .reason = result->reason,
    };
    if (transport->callbacks.result(&out, transport->callbacks.context)) {
        pn_mllp_client_wait_on(transport->client);
    }
}

static enum pn_code send_mllp(struct pn_delivery_transport *transport,
                              const struct pn_document_out *document, struct pn_err *err)
{
    return pn_mllp_client_send(transport->client, document->bytes, transport->timeout_ms, done,
                               transport, err);
}

static void close_mllp(struct pn_delivery_transport *transport)
{
    if (transport == NULL) {
        return;
    }
    pn_mllp_client_close(transport->client);
    pn_run_tls_close(transport->tls);
    free(transport);
}

const struct pn_transport_ops pn_transport_mllp = {
    .open = open_mllp, .send = send_mllp, .close = close_mllp};
