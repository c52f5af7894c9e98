// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/http_client.h"
#include "run/metrics.h"
#include "run/tls.h"
#include "services/deliver/transport.h"

enum { URL_BYTES_MAX = 2048, HEADER_BYTES_MAX = 256 };

struct pn_delivery_transport {
    struct pn_run_tls *tls; // looks after the files that the client uses; NULL: none are given
    struct pn_http_client *client;
    struct pn_transport_callbacks callbacks;
    const char *base_url; // the configuration's
    int64_t timeout_ms;
};

static enum pn_code open_http(struct event_base *base, const struct pn_system_conf *conf,
                              const struct pn_transport_callbacks *callbacks,
                              struct pn_delivery_transport **ret_transport, struct pn_err *err)
{
    struct pn_delivery_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) {
        return pn_err_set(err, PN_MEMORY, conf->name, "no memory for a connection");
    }
    transport->callbacks = *callbacks;
    transport->base_url = conf->deliver;
    transport->timeout_ms = conf->receipt_timeout_ms;
    char use[PN_METRIC_TEXT_BYTES];
    (void)snprintf(use, sizeof use, "%s-out", conf->name);
    const struct pn_run_tls_options tls = {.role = PN_TLS_CLIENT, .use = use, .files = conf->tls};
    enum pn_code code = pn_run_tls_open(base, &tls, &transport->tls, err);
    code = code == PN_OK ? pn_http_client_open(base, &transport->client, err) : code;
    if (code != PN_OK) {
        pn_run_tls_close(transport->tls);
        free(transport);
        return code;
    }
    pn_http_client_use_tls(transport->client, &conf->tls);
    *ret_transport = transport;
    return PN_OK;
}

static void done(const struct pn_http_response *response, void *context)
{
    struct pn_delivery_transport *transport = context;
    struct pn_transport_result out = {
        .outcome = response->code == PN_OK ? PN_TRANSPORT_ANSWERED : PN_TRANSPORT_AWAY,
        .answer = {.http_status = response->status,
                   .location = response->location,
                   .etag = response->etag,
                   .bytes = response->body},
        .reason = response->reason,
    };
    // An HTTP answer belongs to its request: one that names another message is none.
    if (transport->callbacks.result(&out, transport->callbacks.context)) {
        out = (struct pn_transport_result){.outcome = PN_TRANSPORT_AWAY,
                                           .reason = "the answer names another message"};
        (void)transport->callbacks.result(&out, transport->callbacks.context);
    }
}

static enum pn_code send_http(struct pn_delivery_transport *transport,
                              const struct pn_document_out *document, struct pn_err *err)
{
    char url[URL_BYTES_MAX];
    size_t base_len = strlen(transport->base_url);
    while (base_len > 0 && transport->base_url[base_len - 1] == '/') {
        base_len--;
    }
    struct pn_slice path = document->path;
    const char *slash = path.len > 0 && path.ptr[0] == '/' ? "" : "/";
    int length = snprintf(url, sizeof url, "%.*s%s%.*s", (int)base_len, transport->base_url, slash,
                          PN_SLICE_FMT(path));
    char method[16];
    snprintf(method, sizeof method, "%.*s", PN_SLICE_FMT(document->method));
    char content_type[HEADER_BYTES_MAX];
    snprintf(content_type, sizeof content_type, "Content-Type: %.*s",
             PN_SLICE_FMT(document->content_type));
    if (length < 0 || (size_t)length >= sizeof url) {
        return pn_err_set(err, PN_LIMIT, "deliver", "the URL is over %d bytes", URL_BYTES_MAX);
    }
    char if_match[HEADER_BYTES_MAX];
    snprintf(if_match, sizeof if_match, "If-Match: %.*s", PN_SLICE_FMT(document->if_match));
    const char *headers[] = {content_type, "Accept: application/fhir+json", if_match};
    struct pn_http_request request = {
        .method = method[0] == '\0' ? "POST" : method,
        .url = url,
        .headers = headers,
        .header_count = document->if_match.len > 0 ? 3 : 2,
        .body = document->bytes,
        .timeout_ms = transport->timeout_ms,
    };
    return pn_http_client_send(transport->client, &request, done, transport, err);
}

static void close_http(struct pn_delivery_transport *transport)
{
    if (transport == NULL) {
        return;
    }
    pn_http_client_close(transport->client);
    pn_run_tls_close(transport->tls);
    free(transport);
}

const struct pn_transport_ops pn_transport_http = {
    .open = open_http, .send = send_http, .close = close_http};
