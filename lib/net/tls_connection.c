// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/socket.h"
#include "net/tls_parts.h"

struct session {
    struct pn_tls *tls;
    struct bufferevent *bev;
    struct event *deadline; // of the handshake
    char certificate[PN_TLS_NAME_BYTES];
    char peer[PN_PEER_TEXT_BYTES];
    const char *reason; // why it ended, once it is known
    bool is_refused;    // by its name
    bool is_open;
    bool is_told; // that the handshake failed
};

static struct session *session_of(struct bufferevent *bev)
{
    SSL *ssl = bev == NULL ? NULL : bufferevent_openssl_get_ssl(bev);
    return ssl == NULL ? NULL : SSL_get_app_data(ssl);
}

// --- Verifying -----------------------------------------------------------------------------------

int pn_tls_verify(int is_good, X509_STORE_CTX *context)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct session *session = SSL_get_app_data(ssl);
    const X509 *certificate = X509_STORE_CTX_get0_cert(context);
    if (session == NULL || certificate == NULL) {
        return 0;
    }
    if (session->certificate[0] == '\0') {
        pn_tls_certificate_name(certificate, session->certificate);
    }
    const struct pn_conf_names *peers = session->tls->options.peers;
    bool is_leaf = X509_STORE_CTX_get_error_depth(context) == 0;
    if (is_good == 1 && is_leaf && peers != NULL && peers->count > 0 &&
        !pn_tls_certificate_has_name(certificate, peers)) {
        session->is_refused = true;
        X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return is_good;
}

// Whom the certificate must name, in words or in numbers.
static bool expect_host(SSL *ssl, const char *host)
{
    struct in6_addr address;
    bool is_number =
        inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return is_number ? X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1
                     : X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1 &&
                           SSL_set_tlsext_host_name(ssl, host) == 1;
}

// --- Opening -------------------------------------------------------------------------------------

static void tell_failure(struct session *session, const char *reason)
{
    if (session->is_told) {
        return;
    }
    session->is_told = true;
    const struct pn_tls_event event = {
        .happening = session->is_refused ? PN_TLS_REFUSED : PN_TLS_FAILED,
        .peer = session->peer,
        .certificate = session->certificate,
        .reason = reason,
    };
    pn_tls_tell(session->tls, &event);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct session *session = context;
    tell_failure(session, "the handshake was not done in time");
    bufferevent_trigger_event(session->bev, BEV_EVENT_TIMEOUT, 0);
}

static struct session *session_new(struct pn_tls *tls, struct event_base *base, const char *peer)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->tls = tls;
    session->deadline = evtimer_new(base, on_deadline, session);
    if (session->deadline == NULL) {
        free(session);
        return NULL;
    }
    (void)snprintf(session->peer, sizeof session->peer, "%s", peer);
    return session;
}

static void session_free(struct session *session)
{
    event_free(session->deadline);
    free(session);
}

// `host` NULL: of an accepted socket.
static struct bufferevent *open_session(struct pn_tls *tls, struct event_base *base, int fd,
                                        struct session *session, const char *host)
{
    SSL *ssl = SSL_new(tls->context);
    ERR_clear_error();
    if (ssl == NULL || SSL_set_app_data(ssl, session) != 1 ||
        (host != NULL && !expect_host(ssl, host))) {
        SSL_free(ssl);
        return NULL;
    }
    int flags = BEV_OPT_CLOSE_ON_FREE | (host != NULL ? BEV_OPT_DEFER_CALLBACKS : 0);
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, fd, ssl, host != NULL ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING,
        flags);
    if (bev == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    session->bev = bev;
    return bev;
}

struct bufferevent *pn_tls_accept(struct pn_tls *tls, struct event_base *base, int fd,
                                  const char *peer)
{
    if (tls == NULL) {
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    }
    struct session *session = session_new(tls, base, peer);
    if (session == NULL) {
        return NULL;
    }
    struct bufferevent *bev = open_session(tls, base, fd, session, NULL);
    if (bev == NULL) {
        session_free(session);
        return NULL;
    }
    int64_t ms = tls->options.handshake_ms;
    const struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(session->deadline, &patience);
    return bev;
}

struct bufferevent *pn_tls_dial(struct pn_tls *tls, struct event_base *base, const char *host)
{
    if (tls == NULL) {
        return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    }
    struct session *session = session_new(tls, base, "");
    if (session == NULL) {
        return NULL;
    }
    struct bufferevent *bev = open_session(tls, base, -1, session, host);
    if (bev == NULL) {
        session_free(session);
    }
    return bev;
}

// --- While it lasts ------------------------------------------------------------------------------

static bool has_heard_anything(struct bufferevent *bev)
{
    BIO *wire = SSL_get_rbio(bufferevent_openssl_get_ssl(bev));
    return wire != NULL && BIO_number_read(wire) > 0;
}

bool pn_tls_take_event(struct bufferevent *connection, short what)
{
    struct session *session = session_of(connection);
    if (session == NULL) {
        return false;
    }
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        session->is_open = true;
        evtimer_del(session->deadline);
        const struct pn_tls_event event = {
            .happening = PN_TLS_OPENED, .peer = session->peer, .certificate = session->certificate};
        pn_tls_tell(session->tls, &event);
        return true;
    }
    // Who only looks whether somebody listens is no failure.
    if (!session->is_open && has_heard_anything(connection)) {
        const char *reason = pn_tls_reason(connection);
        tell_failure(session, reason == NULL ? "the connection ended in the handshake" : reason);
    }
    return false;
}

void pn_tls_read_on(struct bufferevent *connection)
{
    SSL *ssl = bufferevent_openssl_get_ssl(connection);
    if (ssl != NULL && SSL_pending(ssl) > 0 &&
        (bufferevent_get_enabled(connection) & EV_READ) != 0) {
        event_active(&connection->ev_read, EV_READ, 0);
    }
}

static const char *reason_of(unsigned long fault)
{
    if (ERR_GET_LIB(fault) == ERR_LIB_SSL) {
        switch (ERR_GET_REASON(fault)) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
            return "the other side does not speak TLS";
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return "the other side showed no certificate";
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return "the other side closed the connection";
        default:
            break;
        }
    }
    return ERR_reason_error_string(fault);
}

const char *pn_tls_reason(struct bufferevent *connection)
{
    struct session *session = session_of(connection);
    if (session == NULL) {
        return NULL;
    }
    if (session->reason != NULL) {
        return session->reason;
    }
    long verified = SSL_get_verify_result(bufferevent_openssl_get_ssl(connection));
    unsigned long fault = bufferevent_get_openssl_error(connection); // told once only
    if (session->is_refused) {
        session->reason = "its certificate has none of the names that may send here";
    } else if (verified != X509_V_OK) {
        session->reason = X509_verify_cert_error_string(verified);
    } else if (fault != 0) {
        session->reason = reason_of(fault);
    }
    return session->reason;
}

bool pn_tls_peer_has_name(struct bufferevent *connection, const struct pn_conf_names *names)
{
    SSL *ssl = bufferevent_openssl_get_ssl(connection);
    const X509 *certificate = ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
    return certificate != NULL && pn_tls_certificate_has_name(certificate, names);
}

const char *pn_tls_peer_certificate(struct bufferevent *connection)
{
    struct session *session = session_of(connection);
    return session == NULL ? "" : session->certificate;
}

// --- Ending --------------------------------------------------------------------------------------

static void notify_close(SSL *ssl)
{
    if (SSL_is_init_finished(ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(ssl);
    }
    ERR_clear_error();
}

void pn_tls_shut_writing(struct bufferevent *connection)
{
    SSL *ssl = bufferevent_openssl_get_ssl(connection);
    if (ssl != NULL) {
        notify_close(ssl);
    }
    (void)shutdown(bufferevent_getfd(connection), SHUT_WR);
}

void pn_tls_hang_up(struct bufferevent *connection)
{
    if (connection == NULL) {
        return;
    }
    struct session *session = session_of(connection);
    if (session != NULL) {
        SSL *ssl = bufferevent_openssl_get_ssl(connection);
        if (session->is_open) {
            notify_close(ssl);
        }
        (void)SSL_set_app_data(ssl, NULL);
        session_free(session);
    }
    bufferevent_free(connection);
}
