// SPDX-License-Identifier: Apache-2.0
/*
 * TLS (OpenSSL on bufferevents) for the MLLP server and client and the HTTP server: one `pn_tls` is
 * one side's certificate, key and trusted authorities, shared by its connections.
 *
 * TLS 1.2 (RFC 5246) with forward secrecy and authenticated encryption only, and 1.3 (RFC 8446). No
 * renegotiation, no compression, no resumption: each connection proves itself anew, so a renewed
 * list of authorities or names holds from the next connection on. Both sides' certificates are
 * verified up to the authorities given; a client compares the host's name or address as well (RFC
 * 6125). A handshake that does not end in time is cut off.
 *
 * Files are looked at every PN_TLS_LOOK_MS. Changed ones are loaded when they have stopped
 * changing; connections that are open go on with the old ones. Files that can't be used (half a
 * renewal) leave the old in force and are told of once.
 *
 * A private key that others than its owner may read is refused.
 */
#ifndef PN_NET_TLS_H
#define PN_NET_TLS_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/config.h"

struct pn_tls;

enum { PN_TLS_LOOK_MS = 1000, PN_TLS_HANDSHAKE_MS_MAX = 10 * 1000, PN_TLS_NAME_BYTES = 80 };

enum pn_tls_role { PN_TLS_SERVER, PN_TLS_CLIENT };

enum pn_tls_happening {
    PN_TLS_LOADED,      // when opened, and whenever renewed files are in force
    PN_TLS_LOAD_FAILED, // renewed files can't be used: `err`
    PN_TLS_OPENED,      // a handshake is done
    PN_TLS_FAILED,      // a handshake failed: `reason`
    PN_TLS_REFUSED      // the peer's certificate is good but not one of the names: `certificate`
};

// Texts live during the call. `reason` is constant. `certificate` names the other side's: its DNS
// name, URI or CN when that is a machine's name, else its fingerprint, so that a person's name gets
// into no log.
struct pn_tls_event {
    enum pn_tls_happening happening;
    const char *peer; // address, "" when not known
    const char *certificate;
    const char *reason;
    const struct pn_err *err;
    int64_t
        not_after_s; // PN_TLS_LOADED: when the own certificate ends (Unix time); 0: there is none
};

struct pn_tls_options {
    enum pn_tls_role role;
    struct pn_tls_conf files;          // the texts outlive the pn_tls
    const struct pn_conf_names *peers; // NULL or empty: whoever `ca` has signed for. Outlives it
    int64_t handshake_ms;              // 0: PN_TLS_HANDSHAKE_MS_MAX
    void (*happened)(const struct pn_tls_event *event, void *context);
    void *context;
};

// A server needs a certificate and key. A client's `ca` not given: the machine's own authorities.
// PN_INVALID names the key of the configuration (`tls.key`) and the file.
PN_MUST_USE enum pn_code pn_tls_open(struct event_base *base, const struct pn_tls_options *options,
                                     struct pn_tls **ret_tls, struct pn_err *err);
// Takes NULL. Its connections are freed before it.
void pn_tls_close(struct pn_tls *tls);
// Looks at the files now and loads them when they differ from what is in force; for tests and
// signals.
void pn_tls_look(struct pn_tls *tls);

// --- Connections, plain ones too -----------------------------------------------------------------

// For an accepted socket, which closes with it; `tls` NULL: plain. NULL when there is no memory
// (the socket is the caller's still).
struct bufferevent *pn_tls_accept(struct pn_tls *tls, struct event_base *base, int fd,
                                  const char *peer);
// Not connected yet; `host` is whom the certificate must name.
struct bufferevent *pn_tls_dial(struct pn_tls *tls, struct event_base *base, const char *host);
// Ends it politely (close_notify) and frees it. Takes NULL.
void pn_tls_hang_up(struct bufferevent *connection);
// No more is sent; what the peer sends is still read.
void pn_tls_shut_writing(struct bufferevent *connection);
// First in every event callback. True when the event was the handshake's end and nothing else is to
// be done.
PN_MUST_USE bool pn_tls_take_event(struct bufferevent *connection, short what);
// Last in every read callback, and when reading was enabled again: what OpenSSL holds decrypted, no
// socket wakes us for.
void pn_tls_read_on(struct bufferevent *connection);
// Why it ended, a constant text; NULL: the connection is plain, or nothing else is known.
const char *pn_tls_reason(struct bufferevent *connection);
// Whether the peer's certificate has one of the names. False without one.
bool pn_tls_peer_has_name(struct bufferevent *connection, const struct pn_conf_names *names);
// As in struct pn_tls_event; "" without one. Lives as long as the connection.
const char *pn_tls_peer_certificate(struct bufferevent *connection);

#endif
