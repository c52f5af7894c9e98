// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "net/http_exchange.h"
#include "net/http_parse.h"
#include "net/socket.h"

enum {
    INPUT_BYTES_MAX = 64 * 1024,    // read ahead of what is being handled
    OUTPUT_BYTES_MAX = 1024 * 1024, // unread answers, over which no further request is begun
    LINGER_BYTES_MAX = 1024 * 1024, // of a refused body, read and dropped
    LINGER_MS = 2000,
    BODY_BYTES_PER_SECOND_MIN = 16 * 1024,
    CONNECTIONS_DEFAULT = 1024,
    IDLE_DEFAULT_MS = 60 * 1000
};

enum connection_state {
    READING_HEAD,
    READING_BODY,
    HANDLING, // an exchange is being answered
    FLUSHING, // closes when the last answer is written
    LINGERING // answered and shut for writing; what the peer still sends is dropped
};

struct pn_http_connection {
    LIST_ENTRY(pn_http_connection) entry;
    struct pn_http_server *server;
    struct bufferevent *bev;
    struct event *deadline;
    enum connection_state state;
    struct pn_http_exchange *exchange; // from its head until its answer
    struct pn_http_chunked chunked;
    size_t head_scanned;
    int64_t body_left;
    size_t lingered_bytes;
    bool head_begun;
    bool peer_ended; // it will send no more
    bool has_unread; // the refused body is still coming
    bool must_cut;
    bool is_paused; // as much is read ahead as may be: not read on
};

struct pn_http_server {
    struct event_base *base;
    struct pn_listener *listener;
    struct event *reaper;
    struct pn_http_server_options options;
    LIST_HEAD(, pn_http_connection) connections;
    LIST_HEAD(, pn_http_exchange) exchanges;
};

static void connection_free(struct pn_http_connection *connection)
{
    struct pn_http_server *server = connection->server;
    LIST_REMOVE(connection, entry);
    if (connection->exchange != NULL) {
        pn_http_exchange_detach(connection->exchange);
    }
    event_free(connection->deadline);
    pn_tls_hang_up(connection->bev);
    free(connection);
    pn_listener_connection_ended(server->listener);
}

static void arm(struct pn_http_connection *connection, int64_t timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    evtimer_add(connection->deadline, &timeout);
}

struct evbuffer *pn_http_connection_output(struct pn_http_connection *connection)
{
    return bufferevent_get_output(connection->bev);
}

void pn_http_connection_cut_later(struct pn_http_connection *connection)
{
    connection->must_cut = true;
    event_active(connection->deadline, EV_TIMEOUT, 0);
}

// Shuts the connection once everything is written: at once, or after the peer has had the time to
// read why its body was not taken.
static void flushed(struct pn_http_connection *connection)
{
    if (!connection->has_unread || connection->peer_ended) {
        connection_free(connection);
        return;
    }
    connection->state = LINGERING;
    pn_tls_shut_writing(connection->bev);
    arm(connection, LINGER_MS);
}

void pn_http_connection_answered(struct pn_http_connection *connection, bool must_close)
{
    connection->exchange = NULL;
    if (!must_close) {
        connection->state = READING_HEAD;
        connection->head_begun = false;
        connection->head_scanned = 0;
        arm(connection, connection->server->options.idle_timeout_ms);
        // The next request may be here already; it is begun from the loop, not from this call.
        bufferevent_trigger(connection->bev, EV_READ,
                            BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
        return;
    }
    connection->state = FLUSHING;
    evtimer_del(connection->deadline);
    if (evbuffer_get_length(bufferevent_get_output(connection->bev)) == 0) {
        pn_http_connection_cut_later(connection);
    }
}

// Answers a request that can't be read further: the connection closes after it.
static void refuse(struct pn_http_connection *connection, int status, const struct pn_err *err)
{
    struct pn_http_exchange *exchange = connection->exchange;
    if (exchange == NULL) {
        exchange = pn_http_exchange_new(connection->server);
        if (exchange == NULL) {
            pn_http_connection_cut_later(connection);
            return;
        }
        exchange->connection = connection;
        connection->exchange = exchange;
    }
    connection->has_unread = true;
    exchange->must_close = true;
    pn_http_answer_status(exchange, status, err);
}

bool pn_http_peer_has_name(const struct pn_http_exchange *exchange,
                           const struct pn_conf_names *names)
{
    return exchange->connection != NULL && pn_tls_peer_has_name(exchange->connection->bev, names);
}

const char *pn_http_peer_certificate(const struct pn_http_exchange *exchange)
{
    return exchange->connection == NULL ? "" : pn_tls_peer_certificate(exchange->connection->bev);
}

// --- A whole request -----------------------------------------------------------------------------

// The body is complete.
static void hand_over(struct pn_http_connection *connection)
{
    struct pn_http_exchange *exchange = connection->exchange;
    struct pn_err err = {0};
    connection->state = HANDLING;
    evtimer_del(connection->deadline);
    int status = pn_http_exchange_is_form(exchange)
                     ? pn_http_exchange_add_parameters(exchange, pn_http_body(exchange), &err)
                     : 0;
    if (status != 0) {
        pn_http_answer_status(exchange, status, &err);
        return;
    }
    exchange->is_handed_over = true;
    exchange->route->handle(exchange, connection->server->options.context);
}

static void begin_body(struct pn_http_connection *connection)
{
    struct pn_http_exchange *exchange = connection->exchange;
    const struct pn_http_server_options *options = &connection->server->options;
    bool is_chunked = exchange->head.is_chunked;
    int64_t body_bytes = exchange->head.body_bytes;
    if (body_bytes > (int64_t)options->body_bytes_max) {
        struct pn_err err = {0};
        (void)pn_err_set(&err, PN_LIMIT, "body", "the body is over %zu bytes",
                         options->body_bytes_max);
        refuse(connection, 413, &err);
        return;
    }
    bool expects_continue = exchange->head.expects_continue && !exchange->head.is_http_1_0;
    if (expects_continue && (is_chunked || body_bytes > 0)) {
        (void)bufferevent_write(connection->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
    connection->state = READING_BODY;
    connection->body_left = body_bytes;
    connection->chunked = (struct pn_http_chunked){0};
    int64_t expected_bytes = is_chunked ? (int64_t)options->body_bytes_max : body_bytes;
    arm(connection, options->idle_timeout_ms + expected_bytes * 1000 / BODY_BYTES_PER_SECOND_MIN);
}

// The head is parsed: everything that can be decided without the body.
static void begin_exchange(struct pn_http_connection *connection)
{
    struct pn_http_exchange *exchange = connection->exchange;
    const struct pn_http_server_options *options = &connection->server->options;
    struct pn_err err = {0};
    int status =
        pn_http_target_parse(exchange->arena, exchange->head.target, &exchange->target, &err);
    status = status == 0 ? pn_http_exchange_add_parameters(exchange, exchange->target.query, &err)
                         : status;
    if (status != 0) {
        refuse(connection, status, &err);
        return;
    }
    unsigned allowed = pn_http_exchange_find_route(exchange);
    bool has_body = exchange->head.is_chunked || exchange->head.body_bytes > 0;
    exchange->must_close = !exchange->head.keep_alive || has_body;
    connection->has_unread = has_body;
    connection->state = HANDLING;
    if (options->before != NULL && !options->before(exchange, options->context)) {
        return;
    }
    if (!pn_http_exchange_has_route(exchange, allowed)) {
        return;
    }
    exchange->must_close = !exchange->head.keep_alive;
    begin_body(connection);
}

// --- Bytes in ------------------------------------------------------------------------------------

static void skip_blank_lines(struct evbuffer *input)
{
    char c;
    while (evbuffer_copyout(input, &c, 1) == 1 && (c == '\r' || c == '\n')) {
        (void)evbuffer_drain(input, 1);
    }
}

// Takes a complete head out of the input into the exchange's arena. False when it is not complete.
static bool take_head(struct pn_http_connection *connection, struct evbuffer *input)
{
    if (!connection->head_begun) {
        skip_blank_lines(input); // RFC 9112 section 2.2
    }
    size_t here = evbuffer_get_length(input);
    if (here == 0) {
        return false;
    }
    if (!connection->head_begun) {
        connection->head_begun = true;
        arm(connection, connection->server->options.idle_timeout_ms);
    }
    here = here < PN_HTTP_HEAD_BYTES_MAX ? here : PN_HTTP_HEAD_BYTES_MAX;
    struct pn_slice bytes = pn_slice_of((char *)evbuffer_pullup(input, (ev_ssize_t)here), here);
    size_t length = pn_http_head_length(bytes, &connection->head_scanned);
    struct pn_err err = {0};
    if (length == 0) {
        if (here == PN_HTTP_HEAD_BYTES_MAX) {
            (void)pn_err_set(&err, PN_LIMIT, "headers", "the request's head is too large");
            refuse(connection, 431, &err);
        }
        return false;
    }
    struct pn_http_exchange *exchange = pn_http_exchange_new(connection->server);
    char *head =
        exchange == NULL ? NULL : pn_arena_copy(exchange->arena, pn_slice_of(bytes.ptr, length));
    if (head == NULL) {
        pn_http_connection_cut_later(connection);
        return false;
    }
    exchange->connection = connection;
    connection->exchange = exchange;
    (void)evbuffer_drain(input, length);
    int status = pn_http_head_parse(pn_slice_of(head, length), &exchange->head, &err);
    if (status != 0) {
        refuse(connection, status, &err);
        return false;
    }
    begin_exchange(connection);
    return true;
}

static bool take_chunks(struct pn_http_connection *connection, struct evbuffer *input)
{
    struct pn_err err = {0};
    while (evbuffer_get_length(input) > 0 && !pn_http_chunked_is_done(&connection->chunked)) {
        size_t here = evbuffer_get_contiguous_space(input);
        struct pn_slice bytes = pn_slice_of((char *)evbuffer_pullup(input, (ev_ssize_t)here), here);
        size_t used = 0;
        enum pn_code code = pn_http_chunked_feed(&connection->chunked, bytes,
                                                 &connection->exchange->body, &used, &err);
        if (code != PN_OK) {
            refuse(connection, code == PN_LIMIT ? 413 : 400, &err);
            return false;
        }
        (void)evbuffer_drain(input, used);
    }
    return pn_http_chunked_is_done(&connection->chunked);
}

static bool take_sized(struct pn_http_connection *connection, struct evbuffer *input)
{
    while (evbuffer_get_length(input) > 0 && connection->body_left > 0) {
        size_t here = evbuffer_get_contiguous_space(input);
        here = (int64_t)here < connection->body_left ? here : (size_t)connection->body_left;
        pn_buf_add(&connection->exchange->body, evbuffer_pullup(input, (ev_ssize_t)here), here);
        (void)evbuffer_drain(input, here);
        connection->body_left -= (int64_t)here;
    }
    return connection->body_left == 0;
}

// False when more bytes are needed, or it was refused.
static bool take_body(struct pn_http_connection *connection, struct evbuffer *input)
{
    bool is_chunked = connection->exchange->head.is_chunked;
    if (is_chunked ? !take_chunks(connection, input) : !take_sized(connection, input)) {
        return false;
    }
    connection->has_unread = false;
    if (!pn_buf_ok(&connection->exchange->body)) {
        struct pn_err err = {0};
        (void)pn_err_set(&err, PN_MEMORY, "body", "no memory is left for this request");
        refuse(connection, 503, &err);
        return false;
    }
    hand_over(connection);
    return true;
}

static void drop_input(struct pn_http_connection *connection, struct evbuffer *input)
{
    connection->lingered_bytes += evbuffer_get_length(input);
    (void)evbuffer_drain(input, evbuffer_get_length(input));
    if (connection->lingered_bytes > LINGER_BYTES_MAX) {
        pn_http_connection_cut_later(connection);
    }
}

// One step; false when there is nothing more to do now.
static bool step(struct pn_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    switch (connection->state) {
    case READING_HEAD:
        return evbuffer_get_length(output) <= OUTPUT_BYTES_MAX && take_head(connection, input);
    case READING_BODY:
        return take_body(connection, input);
    case FLUSHING:
    case LINGERING:
        drop_input(connection, input);
        return false;
    case HANDLING:
        break;
    }
    return false;
}

// Above its mark libevent calls the reader again and again for as long as reading is on.
static void pause_or_read_on(struct pn_http_connection *connection)
{
    struct bufferevent *bev = connection->bev;
    bool must_pause = evbuffer_get_length(bufferevent_get_input(bev)) >= INPUT_BYTES_MAX;
    if (must_pause != connection->is_paused) {
        connection->is_paused = must_pause;
        must_pause ? bufferevent_disable(bev, EV_READ) : bufferevent_enable(bev, EV_READ);
    }
    pn_tls_read_on(bev);
}

// --- Events --------------------------------------------------------------------------------------

static void on_read(struct bufferevent *bev, void *context)
{
    struct pn_http_connection *connection = context;
    while (!connection->must_cut && step(connection)) {
    }
    bool is_reading = connection->state == READING_HEAD || connection->state == READING_BODY;
    bool is_waiting_for_output =
        evbuffer_get_length(bufferevent_get_output(bev)) > OUTPUT_BYTES_MAX;
    if (connection->peer_ended && is_reading && !is_waiting_for_output) {
        // Half a request that will never be whole; answers before it are still written.
        struct pn_http_exchange *exchange = connection->exchange;
        connection->exchange = NULL;
        if (exchange != NULL) {
            pn_http_exchange_detach(exchange);
        }
        pn_http_connection_answered(connection, true);
    }
    pause_or_read_on(connection);
}

static void on_written(struct bufferevent *bev, void *context)
{
    struct pn_http_connection *connection = context;
    if (connection->state == FLUSHING) {
        flushed(connection);
    } else if (connection->state == READING_HEAD) {
        on_read(bev, connection);
    }
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct pn_http_connection *connection = context;
    if (pn_tls_take_event(bev, what)) {
        return;
    }
    bool has_stream =
        connection->exchange != NULL && connection->exchange->state == PN_HTTP_STREAMING;
    if ((what & BEV_EVENT_EOF) == 0 || has_stream || connection->state == LINGERING) {
        connection_free(connection);
        return;
    }
    // The peer has only shut its sending half, perhaps: what it asked for is answered first.
    connection->peer_ended = true;
    on_read(bev, connection);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_http_connection *connection = context;
    bool is_half_read = (connection->state == READING_HEAD && connection->head_begun) ||
                        connection->state == READING_BODY;
    if (connection->must_cut || !is_half_read) {
        connection_free(connection);
        return;
    }
    struct pn_err err = {0};
    (void)pn_err_set(&err, PN_INVALID, "request", "the request did not come in time");
    refuse(connection, 408, &err);
}

static void on_accepted(int fd, const char *peer, void *context)
{
    struct pn_http_server *server = context;
    struct pn_http_connection *connection = calloc(1, sizeof *connection);
    struct bufferevent *bev =
        connection == NULL ? NULL : pn_tls_accept(server->options.tls, server->base, fd, peer);
    struct event *deadline =
        bev == NULL ? NULL : evtimer_new(server->base, on_deadline, connection);
    if (deadline == NULL) {
        bev == NULL ? (void)evutil_closesocket(fd) : pn_tls_hang_up(bev);
        free(connection);
        pn_listener_connection_ended(server->listener);
        return;
    }
    connection->server = server;
    connection->bev = bev;
    connection->deadline = deadline;
    LIST_INSERT_HEAD(&server->connections, connection, entry);
    int64_t idle_ms = server->options.idle_timeout_ms;
    struct timeval write_timeout = {.tv_sec = idle_ms / 1000, .tv_usec = idle_ms % 1000 * 1000};
    bufferevent_setcb(bev, on_read, on_written, on_event, connection);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_BYTES_MAX);
    bufferevent_set_timeouts(bev, NULL, &write_timeout);
    arm(connection, idle_ms);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void on_reap(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_http_server *server = context;
    struct pn_http_exchange *exchange = LIST_FIRST(&server->exchanges);
    while (exchange != NULL) {
        if (exchange->connection != NULL || exchange->state != PN_HTTP_STREAMING) {
            exchange = LIST_NEXT(exchange, entry);
            continue;
        }
        pn_http_exchange_detach(exchange);
        exchange = LIST_FIRST(&server->exchanges); // `gone` may have ended others
    }
}

// --- The server ----------------------------------------------------------------------------------

const struct pn_http_server_options *pn_http_server_options_of(const struct pn_http_server *server)
{
    return &server->options;
}

void pn_http_server_adopt(struct pn_http_server *server, struct pn_http_exchange *exchange)
{
    LIST_INSERT_HEAD(&server->exchanges, exchange, entry);
}

void pn_http_server_reap_later(struct pn_http_server *server)
{
    event_active(server->reaper, EV_TIMEOUT, 0);
}

static void apply_defaults(struct pn_http_server_options *options)
{
    options->body_bytes_max =
        options->body_bytes_max == 0 ? PN_HTTP_BODY_BYTES_MAX : options->body_bytes_max;
    options->connections_max =
        options->connections_max <= 0 ? CONNECTIONS_DEFAULT : options->connections_max;
    options->idle_timeout_ms =
        options->idle_timeout_ms <= 0 ? IDLE_DEFAULT_MS : options->idle_timeout_ms;
}

enum pn_code pn_http_server_open(struct event_base *base,
                                 const struct pn_http_server_options *options,
                                 struct pn_http_server **ret_server, struct pn_err *err)
{
    struct pn_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return pn_err_set(err, PN_MEMORY, "http", "the heap is exhausted");
    }
    server->base = base;
    server->options = *options;
    apply_defaults(&server->options);
    LIST_INIT(&server->connections);
    LIST_INIT(&server->exchanges);
    server->reaper = evtimer_new(base, on_reap, server);
    const struct pn_listener_options listener = {
        .address = options->listen,
        .connections_max = server->options.connections_max,
        .accepted = on_accepted,
        .context = server,
    };
    enum pn_code code = server->reaper == NULL
                            ? pn_err_set(err, PN_MEMORY, "http", "the heap is exhausted")
                            : pn_listener_open(base, &listener, &server->listener, err);
    if (code != PN_OK) {
        pn_http_server_close(server);
        return code;
    }
    *ret_server = server;
    return PN_OK;
}

void pn_http_server_close(struct pn_http_server *server)
{
    if (server == NULL) {
        return;
    }
    while (!LIST_EMPTY(&server->connections)) {
        connection_free(LIST_FIRST(&server->connections));
    }
    while (!LIST_EMPTY(&server->exchanges)) {
        pn_http_exchange_free(LIST_FIRST(&server->exchanges));
    }
    pn_listener_close(server->listener);
    if (server->reaper != NULL) {
        event_free(server->reaper);
    }
    free(server);
}

unsigned pn_http_server_port(const struct pn_http_server *server)
{
    return pn_listener_port(server->listener);
}
