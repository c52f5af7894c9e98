// SPDX-License-Identifier: Apache-2.0
#include "net/mllp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/mllp.h"
#include "net/http_server.h"
#include "net/socket.h"

enum { INPUT_BYTES_MAX = 64 * 1024, HOST_BYTES = 256 };

struct pn_mllp_client {
    struct event_base *base;
    struct pn_tls *tls;      // NULL: plain
    struct evdns_base *dns;  // made when a name is to be resolved
    struct bufferevent *bev; // NULL without a connection
    struct event *deadline;
    struct pn_mllp_framer framer;
    char host[HOST_BYTES];
    unsigned port;
    bool is_busy; // somebody waits for an answer
    void (*late)(struct pn_slice bytes, void *context);
    void *late_context;
    bool waits_on;     // `done` asked for the next answer
    const char *fault; // found inside send, told from the loop
    void (*done)(const struct pn_mllp_result *result, void *context);
    void *context;
};

static void disconnect(struct pn_mllp_client *client)
{
    if (client->bev != NULL) {
        pn_tls_hang_up(client->bev);
        client->bev = NULL;
    }
    pn_mllp_framer_release(&client->framer);
    pn_mllp_framer_init(&client->framer, PN_MLLP_ANSWER_BYTES_MAX);
}

static void finish(struct pn_mllp_client *client, const struct pn_mllp_result *result)
{
    client->is_busy = false;
    evtimer_del(client->deadline);
    client->done(result, client->context);
}

static void fail(struct pn_mllp_client *client, const char *reason)
{
    const struct pn_mllp_result result = {.code = PN_UNAVAILABLE, .reason = reason};
    if (client->is_busy) {
        finish(client, &result);
    }
}

// An answer has come. True when `done` waits on for another one.
static bool hand_over(struct pn_mllp_client *client, struct pn_slice bytes)
{
    const struct pn_mllp_result result = {.code = PN_OK, .bytes = bytes};
    struct timeval deadline = {0};
    bool has_deadline = evtimer_pending(client->deadline, &deadline) != 0;
    finish(client, &result);
    if (!client->waits_on) {
        return false;
    }
    client->waits_on = false;
    client->is_busy = true;
    struct timeval now = {0};
    struct timeval left = {0};
    (void)evutil_gettimeofday(&now, NULL);
    if (has_deadline && evutil_timercmp(&deadline, &now, >)) {
        evutil_timersub(&deadline, &now, &left);
    }
    evtimer_add(client->deadline, &left);
    return true;
}

// Answers that nobody waits for stay unread until the next exchange, unless somebody listens.
static void on_read(struct bufferevent *bev, void *context)
{
    struct pn_mllp_client *client = context;
    struct evbuffer *input = bufferevent_get_input(bev);
    while ((client->is_busy || client->late != NULL) && client->bev == bev &&
           evbuffer_get_length(input) > 0) {
        size_t here = evbuffer_get_contiguous_space(input);
        struct pn_slice rest = pn_slice_of((char *)evbuffer_pullup(input, (ev_ssize_t)here), here);
        struct pn_mllp_piece piece;
        bool has_piece = pn_mllp_framer_next(&client->framer, &rest, &piece);
        if (has_piece && piece.kind == PN_MLLP_TOO_LARGE) {
            disconnect(client);
            fail(client, "the answer is too large");
            return;
        }
        // The frame may point into the input, which is drained after it is handed over.
        if (has_piece && client->is_busy) {
            (void)hand_over(client, piece.bytes);
        } else if (has_piece) {
            client->late(piece.bytes, client->late_context);
        }
        (void)evbuffer_drain(input, here - rest.len);
    }
    if (client->bev == bev) {
        pn_tls_read_on(bev);
    }
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct pn_mllp_client *client = context;
    bool is_open = pn_tls_take_event(bev, what);
    if (is_open || (what & BEV_EVENT_CONNECTED) != 0) {
        pn_socket_setup(bufferevent_getfd(client->bev));
        return;
    }
    const char *reason = pn_tls_reason(bev);
    if (reason == NULL) {
        reason = (what & BEV_EVENT_EOF) != 0 ? "the receiver closed the connection"
                                             : "the receiver cannot be reached";
    }
    disconnect(client);
    fail(client, reason);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_mllp_client *client = context;
    const char *fault = client->fault;
    client->fault = NULL;
    // An answer may still come for a frame that went out whole; half a frame is beyond repair.
    if (fault != NULL || client->bev == NULL ||
        evbuffer_get_length(bufferevent_get_output(client->bev)) > 0) {
        disconnect(client);
    }
    fail(client, fault != NULL ? fault : "no answer came in time");
}

// The address when it is written in digits.
static bool numeric_address(const struct pn_mllp_client *client,
                            struct sockaddr_storage *ret_address, int *ret_bytes)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, client->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)client->port);
        *ret_bytes = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, client->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)client->port);
        *ret_bytes = sizeof *v6;
        return true;
    }
    return false;
}

static int connect_by_name(struct pn_mllp_client *client)
{
    if (client->dns == NULL) {
        client->dns = evdns_base_new(client->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                       EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    }
    return client->dns == NULL
               ? -1
               : bufferevent_socket_connect_hostname(client->bev, client->dns, AF_UNSPEC,
                                                     client->host, (int)client->port);
}

static void connect_now(struct pn_mllp_client *client)
{
    client->bev = pn_tls_dial(client->tls, client->base, client->host);
    if (client->bev == NULL) {
        client->fault = "the heap is exhausted";
        return;
    }
    bufferevent_setcb(client->bev, on_read, NULL, on_event, client);
    bufferevent_setwatermark(client->bev, EV_READ, 0, INPUT_BYTES_MAX);
    bufferevent_enable(client->bev, EV_READ | EV_WRITE);
    struct sockaddr_storage address;
    int address_bytes = 0;
    int fault =
        numeric_address(client, &address, &address_bytes)
            ? bufferevent_socket_connect(client->bev, (struct sockaddr *)&address, address_bytes)
            : connect_by_name(client);
    if (fault != 0) {
        client->fault = "the receiver cannot be reached";
    }
}

enum pn_code pn_mllp_client_send(struct pn_mllp_client *client, struct pn_slice bytes,
                                 int64_t timeout_ms,
                                 void (*done)(const struct pn_mllp_result *result, void *context),
                                 void *context, struct pn_err *err)
{
    if (client->is_busy) {
        return pn_err_set(err, PN_CONFLICT, "mllp", "another message is under way");
    }
    client->is_busy = true;
    client->done = done;
    client->context = context;
    if (client->bev == NULL) {
        connect_now(client);
    }
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    evtimer_add(client->deadline, &timeout);
    if (client->fault != NULL) {
        event_active(client->deadline, EV_TIMEOUT, 0);
        return PN_OK;
    }
    struct evbuffer *output = bufferevent_get_output(client->bev);
    (void)evbuffer_add(output, "\x0B", 1);
    (void)evbuffer_add(output, bytes.ptr, bytes.len);
    (void)evbuffer_add(output, "\x1C\x0D", 2);
    // A late answer to an earlier frame may lie unread.
    bufferevent_trigger(client->bev, EV_READ,
                        BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    return PN_OK;
}

void pn_mllp_client_wait_on(struct pn_mllp_client *client)
{
    assert(!client->is_busy);
    client->waits_on = true;
}

void pn_mllp_client_listen(struct pn_mllp_client *client,
                           void (*late)(struct pn_slice bytes, void *context), void *context)
{
    client->late = late;
    client->late_context = context;
}

enum pn_code pn_mllp_client_open(struct event_base *base, const char *address, struct pn_tls *tls,
                                 struct pn_mllp_client **ret_client, struct pn_err *err)
{
    pn_net_ignore_sigpipe();
    struct pn_mllp_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return pn_err_set(err, PN_MEMORY, "mllp", "the heap is exhausted");
    }
    client->base = base;
    client->tls = tls;
    pn_mllp_framer_init(&client->framer, PN_MLLP_ANSWER_BYTES_MAX);
    enum pn_code code =
        pn_net_split_address(address, client->host, sizeof client->host, &client->port, err);
    client->deadline = code == PN_OK ? evtimer_new(base, on_deadline, client) : NULL;
    if (client->deadline == NULL) {
        code = code != PN_OK ? code : pn_err_set(err, PN_MEMORY, "mllp", "the heap is exhausted");
        pn_mllp_client_close(client);
        return code;
    }
    *ret_client = client;
    return PN_OK;
}

void pn_mllp_client_close(struct pn_mllp_client *client)
{
    if (client == NULL) {
        return;
    }
    disconnect(client);
    pn_mllp_framer_release(&client->framer);
    if (client->dns != NULL) {
        evdns_base_free(client->dns, 0);
    }
    if (client->deadline != NULL) {
        event_free(client->deadline);
    }
    free(client);
}
