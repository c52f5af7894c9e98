// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP requests by libcurl on the event loop: many at once, none of them blocks.
 *
 * Certificates and host names are verified, TLS is 1.2 at least, each connection proves itself
 * anew. Redirects are not followed, proxies not used unless configured, answers bounded. The URL
 * may hold no person's data.
 */
#ifndef PN_NET_HTTP_CLIENT_H
#define PN_NET_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "conf/config.h"

struct pn_http_client;

struct pn_http_request {
    const char *method;
    const char *url;
    const char *const *headers; // "Name: value"
    unsigned header_count;
    struct pn_slice body; // copied
    int64_t timeout_ms;
};

struct pn_http_response {
    enum pn_code code; // PN_OK: there is an HTTP status, whichever; PN_UNAVAILABLE: none came
    int status;
    struct pn_slice body;
    struct pn_slice location; // the Location header
    struct pn_slice etag;
    int64_t date_ms;        // the server's clock (Date); 0: not said
    int64_t retry_after_ms; // how long to wait (Retry-After), from now; 0: not said
    const char *reason;     // when code is not PN_OK
    bool is_too_large;      // the answer is over PN_HTTP_BODY_BYTES_MAX: code is not PN_OK
};

PN_MUST_USE enum pn_code pn_http_client_open(struct event_base *base,
                                             struct pn_http_client **ret_client,
                                             struct pn_err *err);
// The own certificate and key for `https` and whom it trusts; "" is the default (none, and the
// machine's own authorities). The texts outlive the client. Renewed files hold from the next
// connection on; see tls.h for who looks after their state.
void pn_http_client_use_tls(struct pn_http_client *client, const struct pn_tls_conf *files);
// Takes NULL; `done` is not called any more. Not to be called from inside `done`.
void pn_http_client_close(struct pn_http_client *client);

// `done` is called exactly once, from the loop, unless the client is closed first. The response is
// valid during the call only.
PN_MUST_USE enum pn_code
pn_http_client_send(struct pn_http_client *client, const struct pn_http_request *request,
                    void (*done)(const struct pn_http_response *response, void *context),
                    void *context, struct pn_err *err);

// Appends the URL that `reference` means where `base` is the current one (RFC 3986 5.2), and tells
// whether it has the same scheme, host and port. False also when either is not usable.
PN_MUST_USE bool pn_http_resolve_same_origin(const char *base, struct pn_slice reference,
                                             struct pn_buf *ret_url);

#endif
