// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of the net layer: an event loop in a thread of its own, and blocking sockets that talk
 * to it. Whatever the loop runs must be opened before loop_start and closed after loop_stop.
 */
#ifndef PN_TESTS_NET_FIXTURE_H
#define PN_TESTS_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_WAIT_SECONDS = 20 };

struct loop {
    struct event_base *base;
    struct event *stopper;
    int stop_pipe[2];
    pthread_t thread;
};

static inline void loop_on_stop(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(context);
}

static inline void *loop_run(void *context)
{
    struct loop *loop = context;
    event_base_dispatch(loop->base);
    return NULL;
}

static inline void loop_init(struct loop *loop)
{
    loop->base = event_base_new();
    assert_non_null(loop->base);
    assert_int_equal(pipe(loop->stop_pipe), 0);
    loop->stopper =
        event_new(loop->base, loop->stop_pipe[0], EV_READ | EV_PERSIST, loop_on_stop, loop->base);
    event_add(loop->stopper, NULL);
}

static inline void loop_start(struct loop *loop)
{
    assert_int_equal(pthread_create(&loop->thread, NULL, loop_run, loop), 0);
}

static inline void loop_stop(struct loop *loop)
{
    assert_int_equal(write(loop->stop_pipe[1], "x", 1), 1);
    pthread_join(loop->thread, NULL);
}

static inline void loop_release(struct loop *loop)
{
    event_free(loop->stopper);
    event_base_free(loop->base);
    close(loop->stop_pipe[0]);
    close(loop->stop_pipe[1]);
}

static inline int client_connect(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = ANSWER_WAIT_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void client_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; // the server may cut what it refuses
        }
        at += sent;
        len -= (size_t)sent;
    }
}

static inline void client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

// Reads until the peer closes or `until` has come; NUL-terminates. Returns the length.
static inline size_t client_read(int fd, char *into, size_t bytes, const char *until)
{
    size_t len = 0;
    into[0] = '\0';
    while (len + 1 < bytes) {
        ssize_t got = recv(fd, into + len, bytes - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        into[len] = '\0';
        if (until != NULL && memmem(into, len, until, strlen(until)) != NULL) {
            break;
        }
    }
    return len;
}

#endif
