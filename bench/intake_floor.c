// SPDX-License-Identifier: Apache-2.0
/*
 * The floor under durable MLLP intake: takes frames over the same sockets as ingest, appends what
 * came in one turn of the loop to a file, syncs it once and answers AA. It understands nothing.
 *
 *   intake_floor FILE      prints the port it listens on; runs until SIGTERM
 */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "codec/hl7v2.h"
#include "net/mllp.h"

enum { WAITING_MAX = 256 * PN_MLLP_WINDOW, BATCH_BYTES_MAX = 256 * 1024 * 1024 };

struct floor_server {
    int fd;
    struct event *turn;
    struct pn_buf batch;
    struct pn_buf ack;
    struct pn_mllp_frame *frames[WAITING_MAX];
    char control_ids[WAITING_MAX][32];
    unsigned count;
};

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct floor_server *floor_server = context;
    struct pn_buf *batch = &floor_server->batch;
    if (write(floor_server->fd, batch->data, batch->len) != (ssize_t)batch->len ||
        fdatasync(floor_server->fd) != 0) {
        perror("intake_floor");
        exit(3);
    }
    for (unsigned i = 0; i < floor_server->count; i++) {
        pn_buf_clear(&floor_server->ack);
        pn_buf_printf(&floor_server->ack, "MSH|^~\\&|||||20260101||ACK|%u|P|2.3\rMSA|AA|%s\r", i,
                      floor_server->control_ids[i]);
        pn_mllp_answer(floor_server->frames[i], pn_buf_slice(&floor_server->ack));
    }
    floor_server->count = 0;
    pn_buf_clear(batch);
}

static void on_frame(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context)
{
    struct floor_server *floor_server = context;
    struct pn_hl7v2_header header = {0};
    (void)pn_hl7v2_peek(bytes, &header);
    unsigned at = floor_server->count++;
    (void)snprintf(floor_server->control_ids[at], sizeof floor_server->control_ids[at], "%.*s",
                   PN_SLICE_FMT(header.control_id));
    floor_server->frames[at] = frame;
    pn_buf_add_slice(&floor_server->batch, bytes);
    if (at == 0) {
        event_active(floor_server->turn, EV_TIMEOUT, 0);
    }
}

static void on_too_large(struct pn_mllp_frame *frame, struct pn_slice head, void *context)
{
    (void)context;
    pn_mllp_answer(frame, head);
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(context);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: intake_floor FILE\n");
        return 2;
    }
    static struct floor_server floor_server;
    struct event_base *base = event_base_new();
    floor_server.fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    floor_server.turn = evtimer_new(base, on_turn, &floor_server);
    pn_buf_init(&floor_server.batch, BATCH_BYTES_MAX);
    pn_buf_init(&floor_server.ack, 4096);
    struct event *stop = evsignal_new(base, SIGTERM, on_signal, base);
    event_add(stop, NULL);
    const struct pn_mllp_server_options options = {.listen = "127.0.0.1:0",
                                                   .context = &floor_server,
                                                   .frame = on_frame,
                                                   .too_large = on_too_large};
    struct pn_mllp_server *server = NULL;
    struct pn_err err = {0};
    if (floor_server.fd < 0 || pn_mllp_server_open(base, &options, &server, &err) != PN_OK) {
        fprintf(stderr, "intake_floor: %s\n", err.text);
        return 3;
    }
    printf("%u\n", pn_mllp_server_port(server));
    fflush(stdout);
    event_base_dispatch(base);
    pn_mllp_server_close(server);
    event_free(stop);
    event_free(floor_server.turn);
    event_base_free(base);
    pn_buf_release(&floor_server.batch);
    pn_buf_release(&floor_server.ack);
    close(floor_server.fd);
    return 0;
}
