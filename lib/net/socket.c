// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/http_server.h"

enum { BACKLOG = 1024, PAUSE_MS = 100 };

struct pn_listener {
    struct evconnlistener *listener;
    struct event *resume;
    struct pn_listener_options options;
    int64_t connection_count;
    unsigned port;
};

void pn_net_ignore_sigpipe(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
}

void pn_socket_setup(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

enum pn_code pn_net_split_address(const char *address, char *ret_host, size_t host_bytes,
                                  unsigned *ret_port, struct pn_err *err)
{
    struct pn_slice text = pn_slice_str(address);
    const char *colon = strrchr(address, ':');
    int64_t port = -1;
    if (colon == NULL || !pn_slice_to_i64(pn_slice_str(colon + 1), &port) || port < 0 ||
        port > UINT16_MAX) {
        return pn_err_set(err, PN_INVALID, "address", "an address is host:port or [v6]:port");
    }
    struct pn_slice host = pn_slice_of(address, (size_t)(colon - address));
    bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_bracketed) {
        host = pn_slice_of(host.ptr + 1, host.len - 2);
    } else if (memchr(text.ptr, ':', host.len) != NULL) {
        return pn_err_set(err, PN_INVALID, "address", "an IPv6 address stands in [brackets]");
    }
    if (host.len == 0 || host.len >= host_bytes) {
        return pn_err_set(err, PN_INVALID, "address", "the host is missing or too long");
    }
    memcpy(ret_host, host.ptr, host.len);
    ret_host[host.len] = '\0';
    *ret_port = (unsigned)port;
    return PN_OK;
}

static void peer_text(const struct sockaddr *address, char ret_peer[static PN_PEER_TEXT_BYTES])
{
    const void *raw =
        address->sa_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
            : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (inet_ntop(address->sa_family, raw, ret_peer, PN_PEER_TEXT_BYTES) == NULL) {
        ret_peer[0] = '\0';
    }
}

static void on_accepted(struct evconnlistener *evlistener, evutil_socket_t fd,
                        struct sockaddr *address, int address_bytes, void *context)
{
    (void)address_bytes;
    struct pn_listener *listener = context;
    char peer[PN_PEER_TEXT_BYTES];
    peer_text(address, peer);
    pn_socket_setup(fd);
    listener->connection_count++;
    if (listener->connection_count >= listener->options.connections_max) {
        evconnlistener_disable(evlistener);
    }
    listener->options.accepted(fd, peer, listener->options.context);
}

static void on_accept_failed(struct evconnlistener *evlistener, void *context)
{
    struct pn_listener *listener = context;
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    evconnlistener_disable(evlistener);
    evtimer_add(listener->resume, &pause);
}

static void resume(struct pn_listener *listener)
{
    if (listener->connection_count < listener->options.connections_max) {
        evconnlistener_enable(listener->listener);
    }
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    resume(context);
}

void pn_listener_connection_ended(struct pn_listener *listener)
{
    bool was_full = listener->connection_count >= listener->options.connections_max;
    listener->connection_count--;
    if (was_full) {
        resume(listener);
    }
}

static unsigned port_of(evutil_socket_t fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t bytes = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &bytes) != 0) {
        return 0;
    }
    return bound.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port)
               : ntohs(((const struct sockaddr_in *)(const void *)&bound)->sin_port);
}

static enum pn_code bind_listener(struct event_base *base, struct pn_listener *listener,
                                  struct pn_err *err)
{
    const char *address = listener->options.address;
    char host[256];
    unsigned port = 0;
    enum pn_code code = pn_net_split_address(address, host, sizeof host, &port, err);
    if (code != PN_OK) {
        return code;
    }
    char port_text[8];
    (void)snprintf(port_text, sizeof port_text, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int fault = getaddrinfo(host, port_text, &hints, &found);
    if (fault != 0) {
        return pn_err_set(err, PN_INVALID, "listen", "cannot resolve %s: %s", address,
                          gai_strerror(fault));
    }
    listener->listener =
        evconnlistener_new_bind(base, on_accepted, listener,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                BACKLOG, found->ai_addr, (int)found->ai_addrlen);
    freeaddrinfo(found);
    if (listener->listener == NULL) {
        return pn_err_set(err, PN_IO, "listen", "cannot listen on %s: %s", address,
                          strerror(errno));
    }
    evconnlistener_set_error_cb(listener->listener, on_accept_failed);
    listener->port = port_of(evconnlistener_get_fd(listener->listener));
    return PN_OK;
}

enum pn_code pn_listener_open(struct event_base *base, const struct pn_listener_options *options,
                              struct pn_listener **ret_listener, struct pn_err *err)
{
    pn_net_ignore_sigpipe();
    struct pn_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return pn_err_set(err, PN_MEMORY, "listen", "the heap is exhausted");
    }
    listener->options = *options;
    listener->resume = evtimer_new(base, on_resume, listener);
    enum pn_code code = listener->resume == NULL
                            ? pn_err_set(err, PN_MEMORY, "listen", "the heap is exhausted")
                            : bind_listener(base, listener, err);
    if (code != PN_OK) {
        pn_listener_close(listener);
        return code;
    }
    *ret_listener = listener;
    return PN_OK;
}

void pn_listener_close(struct pn_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    if (listener->listener != NULL) {
        evconnlistener_free(listener->listener);
    }
    if (listener->resume != NULL) {
        event_free(listener->resume);
    }
    free(listener);
}

unsigned pn_listener_port(const struct pn_listener *listener)
{
    return listener->port;
}
