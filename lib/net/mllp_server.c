// SPDX-License-Identifier: Apache-2.0
#include "net/mllp.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/limits.h"
#include "codec/mllp.h"
#include "net/socket.h"

enum {
    INPUT_BYTES_MAX = 64 * 1024,   // read ahead of the framer
    OUTPUT_BYTES_MAX = 256 * 1024, // unread answers, over which nothing more is read
    CONNECTIONS_DEFAULT = 256
};

struct connection {
    LIST_ENTRY(connection) entry;
    struct pn_mllp_server *server;
    struct bufferevent *bev;
    struct pn_mllp_framer framer;
    TAILQ_HEAD(, pn_mllp_frame) frames; // unanswered and answered behind them, in the wire's order
    unsigned waiting_count;             // frames in the list
    uint64_t noise_counted;
    char peer[PN_PEER_TEXT_BYTES];
    bool is_reading; // inside on_read
    bool is_paused;  // the window is full: not read
    bool peer_ended;
};

struct pn_mllp_frame {
    TAILQ_ENTRY(pn_mllp_frame) entry;
    struct connection *connection; // NULL when the peer is gone
    char peer[PN_PEER_TEXT_BYTES];
    bool is_answered;
    size_t answer_bytes;
    char *answer; // kept only while an earlier frame is unanswered
};

struct pn_mllp_server {
    struct event_base *base;
    struct pn_listener *listener;
    struct pn_mllp_server_options options;
    LIST_HEAD(, connection) connections;
    unsigned connection_count;
    uint64_t noise_bytes;
};

static void frame_free(struct pn_mllp_frame *frame)
{
    free(frame->answer);
    free(frame);
}

static void connection_free(struct connection *connection)
{
    struct pn_mllp_server *server = connection->server;
    LIST_REMOVE(connection, entry);
    while (!TAILQ_EMPTY(&connection->frames)) {
        struct pn_mllp_frame *frame = TAILQ_FIRST(&connection->frames);
        TAILQ_REMOVE(&connection->frames, frame, entry);
        frame->connection = NULL;
        if (frame->is_answered) {
            frame_free(frame);
        }
    }
    pn_mllp_framer_release(&connection->framer);
    pn_tls_hang_up(connection->bev);
    free(connection);
    server->connection_count--;
    pn_listener_connection_ended(server->listener);
}

static bool is_full(const struct connection *connection)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    return connection->waiting_count >= PN_MLLP_WINDOW ||
           evbuffer_get_length(output) > OUTPUT_BYTES_MAX;
}

static void receive(struct connection *connection, const struct pn_mllp_piece *piece)
{
    struct pn_mllp_server *server = connection->server;
    struct pn_mllp_frame *frame = calloc(1, sizeof *frame);
    if (frame == NULL) {
        return; // the sender gets no answer and sends again
    }
    frame->connection = connection;
    memcpy(frame->peer, connection->peer, sizeof frame->peer);
    TAILQ_INSERT_TAIL(&connection->frames, frame, entry);
    connection->waiting_count++;
    if (piece->kind == PN_MLLP_FRAME) {
        server->options.frame(frame, piece->bytes, server->options.context);
    } else {
        server->options.too_large(frame, piece->bytes, server->options.context);
    }
}

// Takes frames out of what has come, until the window is full.
static void take_frames(struct connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    while (!is_full(connection) && evbuffer_get_length(input) > 0) {
        size_t here = evbuffer_get_contiguous_space(input);
        struct pn_slice rest = pn_slice_of((char *)evbuffer_pullup(input, (ev_ssize_t)here), here);
        struct pn_mllp_piece piece;
        while (!is_full(connection) && pn_mllp_framer_next(&connection->framer, &rest, &piece)) {
            receive(connection, &piece);
        }
        (void)evbuffer_drain(input, here - rest.len);
    }
    uint64_t noise = connection->framer.noise_bytes;
    connection->server->noise_bytes += noise - connection->noise_counted;
    connection->noise_counted = noise;
}

// Reads on or not, as the window says; closes what has ended and is answered.
static void settle(struct connection *connection)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    if (connection->peer_ended) {
        if (connection->waiting_count == 0 && evbuffer_get_length(output) == 0) {
            connection_free(connection);
        }
        return;
    }
    bool must_pause = is_full(connection);
    if (must_pause && !connection->is_paused) {
        bufferevent_disable(connection->bev, EV_READ);
    } else if (!must_pause && connection->is_paused) {
        bufferevent_enable(connection->bev, EV_READ);
    }
    connection->is_paused = must_pause;
    pn_tls_read_on(connection->bev);
}

static void on_read(struct bufferevent *bev, void *context)
{
    (void)bev;
    struct connection *connection = context;
    connection->is_reading = true;
    take_frames(connection);
    connection->is_reading = false;
    settle(connection);
}

static void on_written(struct bufferevent *bev, void *context)
{
    on_read(bev, context);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct connection *connection = context;
    if (pn_tls_take_event(bev, what)) {
        return;
    }
    if ((what & BEV_EVENT_TIMEOUT) != 0 && (what & BEV_EVENT_READING) != 0 &&
        connection->waiting_count > 0) {
        bufferevent_enable(bev, EV_READ); // it is not the peer who keeps us waiting
        return;
    }
    if ((what & BEV_EVENT_EOF) != 0) {
        // The peer may have shut only its sending half: what it sent is still answered.
        connection->peer_ended = true;
        on_read(bev, connection);
        return;
    }
    connection_free(connection);
}

static void write_frame(struct connection *connection, const char *bytes, size_t len)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    if (len == 0) {
        return;
    }
    (void)evbuffer_add(output, "\x0B", 1);
    (void)evbuffer_add(output, bytes, len);
    (void)evbuffer_add(output, "\x1C\x0D", 2);
}

static void pop_answered(struct connection *connection)
{
    struct pn_mllp_frame *frame = TAILQ_FIRST(&connection->frames);
    while (frame != NULL && frame->is_answered) {
        TAILQ_REMOVE(&connection->frames, frame, entry);
        connection->waiting_count--;
        if (frame->answer != NULL) {
            write_frame(connection, frame->answer, frame->answer_bytes);
        }
        frame_free(frame);
        frame = TAILQ_FIRST(&connection->frames);
    }
}

void pn_mllp_answer(struct pn_mllp_frame *frame, struct pn_slice bytes)
{
    struct connection *connection = frame->connection;
    assert(!frame->is_answered);
    if (connection == NULL) {
        frame_free(frame);
        return;
    }
    bool was_full = is_full(connection);
    frame->is_answered = true;
    if (frame == TAILQ_FIRST(&connection->frames)) {
        write_frame(connection, bytes.ptr, bytes.len);
    } else {
        frame->answer = malloc(bytes.len + 1);
        frame->answer_bytes = bytes.len;
        if (frame->answer != NULL && bytes.len > 0) {
            memcpy(frame->answer, bytes.ptr, bytes.len);
        }
    }
    pop_answered(connection);
    if (!connection->is_reading && (was_full || connection->peer_ended)) {
        // Goes on from the loop, not from inside this call.
        bufferevent_trigger(connection->bev, EV_READ,
                            BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    }
}

const char *pn_mllp_frame_peer(const struct pn_mllp_frame *frame)
{
    return frame->peer;
}

static void on_accepted(int fd, const char *peer, void *context)
{
    struct pn_mllp_server *server = context;
    struct connection *connection = calloc(1, sizeof *connection);
    struct bufferevent *bev =
        connection == NULL ? NULL : pn_tls_accept(server->options.tls, server->base, fd, peer);
    if (bev == NULL) {
        (void)evutil_closesocket(fd);
        free(connection);
        pn_listener_connection_ended(server->listener);
        return;
    }
    connection->server = server;
    connection->bev = bev;
    (void)snprintf(connection->peer, sizeof connection->peer, "%s", peer);
    TAILQ_INIT(&connection->frames);
    pn_mllp_framer_init(&connection->framer, server->options.frame_bytes_max);
    LIST_INSERT_HEAD(&server->connections, connection, entry);
    server->connection_count++;
    int64_t idle_ms = server->options.idle_timeout_ms;
    struct timeval idle = {.tv_sec = idle_ms / 1000, .tv_usec = idle_ms % 1000 * 1000};
    struct timeval write_timeout = {.tv_sec = PN_MLLP_WRITE_TIMEOUT_MS / 1000};
    bufferevent_setcb(bev, on_read, on_written, on_event, connection);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_BYTES_MAX);
    bufferevent_set_timeouts(bev, idle_ms > 0 ? &idle : NULL, &write_timeout);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

enum pn_code pn_mllp_server_open(struct event_base *base,
                                 const struct pn_mllp_server_options *options,
                                 struct pn_mllp_server **ret_server, struct pn_err *err)
{
    struct pn_mllp_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return pn_err_set(err, PN_MEMORY, "mllp", "the heap is exhausted");
    }
    server->base = base;
    server->options = *options;
    if (server->options.frame_bytes_max == 0) {
        server->options.frame_bytes_max = PN_MESSAGE_BYTES_MAX;
    }
    LIST_INIT(&server->connections);
    const struct pn_listener_options listener = {
        .address = options->listen,
        .connections_max =
            options->connections_max > 0 ? options->connections_max : CONNECTIONS_DEFAULT,
        .accepted = on_accepted,
        .context = server,
    };
    enum pn_code code = pn_listener_open(base, &listener, &server->listener, err);
    if (code != PN_OK) {
        free(server);
        return code;
    }
    *ret_server = server;
    return PN_OK;
}

void pn_mllp_server_close(struct pn_mllp_server *server)
{
    if (server == NULL) {
        return;
    }
    while (!LIST_EMPTY(&server->connections)) {
        connection_free(LIST_FIRST(&server->connections));
    }
    pn_listener_close(server->listener);
    free(server);
}

unsigned pn_mllp_server_port(const struct pn_mllp_server *server)
{
    return pn_listener_port(server->listener);
}

unsigned pn_mllp_server_connection_count(const struct pn_mllp_server *server)
{
    return server->connection_count;
}

uint64_t pn_mllp_server_noise_bytes(const struct pn_mllp_server *server)
{
    return server->noise_bytes;
}
