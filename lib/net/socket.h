// SPDX-License-Identifier: Apache-2.0
/*
 * What all listeners and connections of Punos have in common.
 *
 * Sockets are non-blocking and close on exec, TCP_NODELAY is set, SIGPIPE is ignored for the
 * process. A listener that may take no more connections stops accepting (the kernel's queue holds
 * the rest) until one has ended; when the process has no descriptors left it pauses for a moment.
 */
#ifndef PN_NET_SOCKET_H
#define PN_NET_SOCKET_H

#include <event2/event.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct pn_listener;

enum { PN_PEER_TEXT_BYTES = 64 };

struct pn_listener_options {
    const char *address; // "host:port", "[v6]:port"; port 0 takes any
    int64_t connections_max;
    // The accepted socket belongs to the callee. `peer` is the address without its port.
    void (*accepted)(int fd, const char *peer, void *context);
    void *context;
};
PN_MUST_USE enum pn_code pn_listener_open(struct event_base *base,
                                          const struct pn_listener_options *options,
                                          struct pn_listener **ret_listener, struct pn_err *err);
void pn_listener_close(struct pn_listener *listener); // takes NULL
unsigned pn_listener_port(const struct pn_listener *listener);
// One accepted connection has ended.
void pn_listener_connection_ended(struct pn_listener *listener);

void pn_socket_setup(int fd);
void pn_net_ignore_sigpipe(void);

#endif
