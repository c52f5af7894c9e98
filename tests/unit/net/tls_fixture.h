// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of TLS: certificates made by the openssl command, an MLLP and an HTTP server that speak
 * TLS in a loop of their own, and a blocking client on OpenSSL that can misbehave.
 */
#ifndef PN_TESTS_TLS_FIXTURE_H
#define PN_TESTS_TLS_FIXTURE_H

#include "net_fixture.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "net/http_server.h"
#include "net/mllp.h"
#include "net/tls.h"

enum { FRAME_MAX = 4 * 1024 * 1024, HANDSHAKE_MS = 400, COUNTS = PN_TLS_REFUSED + 1 };

struct tls_fixture {
    struct loop loop;
    char folder[64];
    char files[3][128]; // of the server: certificate, key, ca
    struct pn_conf_names peers;
    struct pn_tls *tls;
    struct pn_mllp_server *mllp;
    struct pn_http_server *http;
    unsigned counts[COUNTS]; // of events by kind
    char certificate[PN_TLS_NAME_BYTES];
    char reason[128];
    int64_t not_after_s;
};

static inline const char *in_folder(const struct tls_fixture *fixture, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", fixture->folder, name);
    return path;
}

static inline void run_command(const char *command)
{
    assert_int_equal(system(command), 0);
}

static inline void on_tls_event(const struct pn_tls_event *event, void *context)
{
    struct tls_fixture *fixture = context;
    if (event->happening == PN_TLS_LOADED) {
        fixture->not_after_s = event->not_after_s;
    }
    if (event->happening == PN_TLS_FAILED || event->happening == PN_TLS_REFUSED) {
        snprintf(fixture->certificate, sizeof fixture->certificate, "%s", event->certificate);
        snprintf(fixture->reason, sizeof fixture->reason, "%s", event->reason);
    }
    __atomic_add_fetch(&fixture->counts[event->happening], 1, __ATOMIC_SEQ_CST);
}

static inline unsigned count_of(struct tls_fixture *fixture, enum pn_tls_happening happening)
{
    return __atomic_load_n(&fixture->counts[happening], __ATOMIC_SEQ_CST);
}

// Bounded: true once the loop has told of it so often.
static inline bool comes_to(struct tls_fixture *fixture, enum pn_tls_happening happening,
                            unsigned count)
{
    for (int i = 0; i < 10000 && count_of(fixture, happening) < count; i++) {
        usleep(1000);
    }
    return count_of(fixture, happening) >= count;
}

static char made_folder[32];

// Once for all tests (the group's set-up and tear-down).
static inline int make_all_certificates(void **state)
{
    (void)state;
    char command[128];
    snprintf(made_folder, sizeof made_folder, "/tmp/punos-tls-XXXXXX");
    if (mkdtemp(made_folder) == NULL) {
        return -1;
    }
    snprintf(command, sizeof command, "tests/lib/make_ca.sh %s/all", made_folder);
    return system(command);
}

static inline int remove_all_certificates(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", made_folder);
    return system(command);
}

// A copy of them for one test.
static inline void take_certificates(struct tls_fixture *fixture)
{
    char command[256];
    snprintf(fixture->folder, sizeof fixture->folder, "%s/XXXXXX", made_folder);
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(command, sizeof command, "cp -p %s/all/*.* %s", made_folder, fixture->folder);
    run_command(command);
}

static inline struct pn_tls_conf server_files(struct tls_fixture *fixture, const char *ca)
{
    snprintf(fixture->files[0], 128, "%s/hub.pem", fixture->folder);
    snprintf(fixture->files[1], 128, "%s/hub.key", fixture->folder);
    fixture->files[2][0] = '\0';
    if (ca[0] != '\0') {
        snprintf(fixture->files[2], 128, "%s/%s", fixture->folder, ca);
    }
    return (struct pn_tls_conf){fixture->files[0], fixture->files[1], fixture->files[2]};
}

// --- A client not written on our module ----------------------------------------------------------

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

// `who` NULL: without a certificate.
static inline bool tls_client_open(struct tls_fixture *fixture, unsigned port, const char *who,
                                   int version_max, struct tls_client *client)
{
    char name[32];
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(client->context, version_max);
    SSL_CTX_set_security_level(client->context, 0);
    assert_int_equal(SSL_CTX_load_verify_file(client->context, in_folder(fixture, "ca.pem")), 1);
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    if (who != NULL) {
        snprintf(name, sizeof name, "%s.pem", who);
        assert_int_equal(
            SSL_CTX_use_certificate_chain_file(client->context, in_folder(fixture, name)), 1);
        snprintf(name, sizeof name, "%s.key", who);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(client->context, in_folder(fixture, name),
                                                     SSL_FILETYPE_PEM),
                         1);
    }
    client->fd = client_connect(port);
    client->ssl = SSL_new(client->context);
    assert_int_equal(SSL_set1_host(client->ssl, "localhost"), 1);
    SSL_set_fd(client->ssl, client->fd);
    return SSL_connect(client->ssl) == 1;
}

static inline void tls_client_close(struct tls_client *client)
{
    (void)SSL_shutdown(client->ssl);
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
    ERR_clear_error();
}

static inline bool tls_client_send(struct tls_client *client, const void *bytes, size_t len)
{
    size_t sent = 0;
    return SSL_write_ex(client->ssl, bytes, len, &sent) == 1 && sent == len;
}

static inline size_t tls_client_read(struct tls_client *client, char *into, size_t bytes,
                                     const char *until)
{
    size_t len = 0;
    size_t got = 0;
    into[0] = '\0';
    while (len + 1 < bytes && SSL_read_ex(client->ssl, into + len, bytes - 1 - len, &got) == 1) {
        len += got;
        into[len] = '\0';
        if (until != NULL && memmem(into, len, until, strlen(until)) != NULL) {
            break;
        }
    }
    ERR_clear_error();
    return len;
}

#endif
