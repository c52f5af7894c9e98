// SPDX-License-Identifier: Apache-2.0
/*
 * What the two halves of the HTTP server share: http_server.c reads connections, http_exchange.c
 * holds one request and writes its answer.
 *
 * An exchange outlives its connection when the peer hangs up before the answer: then the answer
 * goes nowhere and the exchange ends.
 */
#ifndef PN_NET_HTTP_EXCHANGE_H
#define PN_NET_HTTP_EXCHANGE_H

#include <event2/bufferevent.h>
#include <sys/queue.h>

#include "net/http_parse.h"
#include "net/http_server.h"

struct pn_http_connection;

enum pn_http_answer_state { PN_HTTP_UNANSWERED, PN_HTTP_STREAMING, PN_HTTP_ANSWERED };

struct pn_http_exchange {
    LIST_ENTRY(pn_http_exchange) entry; // among the server's
    struct pn_http_server *server;
    struct pn_http_connection *connection; // NULL when the peer is gone
    struct pn_arena *arena;
    struct pn_http_head head;
    struct pn_http_target target;
    struct pn_http_parameters *parameters; // NULL when there are none
    const struct pn_http_route *route;     // NULL when none fits
    struct pn_slice values[PN_HTTP_SEGMENTS_MAX];
    unsigned value_count;
    struct pn_buf body;
    struct pn_buf answer_headers;
    void *caller;
    enum pn_http_answer_state state;
    bool is_handed_over; // its handler has it and will answer
    bool must_close;     // no other request may follow on this connection
    void (*gone)(struct pn_http_exchange *exchange, void *context);
    void *gone_context;
};

struct pn_http_exchange *pn_http_exchange_new(struct pn_http_server *server);
void pn_http_exchange_free(struct pn_http_exchange *exchange);
// The peer is gone: a stream is told, an unanswered request waits for its handler.
void pn_http_exchange_detach(struct pn_http_exchange *exchange);

// --- Routes and parameters (http_route.c) --------------------------------------------------------

// Sets the exchange's route and its values; returns the methods that the path has.
unsigned pn_http_exchange_find_route(struct pn_http_exchange *exchange);
// Without a route answers 404 or 405 and returns false.
PN_MUST_USE bool pn_http_exchange_has_route(struct pn_http_exchange *exchange, unsigned allowed);
bool pn_http_exchange_is_form(const struct pn_http_exchange *exchange);
// Returns 0 or the status to refuse with.
PN_MUST_USE int pn_http_exchange_add_parameters(struct pn_http_exchange *exchange,
                                                struct pn_slice text, struct pn_err *err);

// --- Of the connection, for the exchange ---------------------------------------------------------

struct evbuffer *pn_http_connection_output(struct pn_http_connection *connection);
// The answer is complete: go on with the next request, or close.
void pn_http_connection_answered(struct pn_http_connection *connection, bool must_close);
// Cuts the connection from the event loop, not from inside this call.
void pn_http_connection_cut_later(struct pn_http_connection *connection);
const struct pn_http_server_options *pn_http_server_options_of(const struct pn_http_server *server);
void pn_http_server_adopt(struct pn_http_server *server, struct pn_http_exchange *exchange);
// From the event loop, tells and frees the streams whose peer is gone.
void pn_http_server_reap_later(struct pn_http_server *server);

#endif
