// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/tls_parts.h"

// Forward secrecy and authenticated encryption; those of TLS 1.3 are all such.
static const char ciphers_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

enum { SECURITY_LEVEL = 2 }; // OpenSSL's: 112 bits, so RSA of 2048 at least

void pn_tls_tell(struct pn_tls *tls, const struct pn_tls_event *event)
{
    struct pn_tls_event whole = *event;
    whole.peer = whole.peer == NULL ? "" : whole.peer;
    whole.certificate = whole.certificate == NULL ? "" : whole.certificate;
    whole.reason = whole.reason == NULL ? "" : whole.reason;
    if (tls->options.happened != NULL) {
        tls->options.happened(&whole, tls->options.context);
    }
}

// --- Files ---------------------------------------------------------------------------------------

static enum pn_code file_fault(struct pn_err *err, const char *key, const char *file)
{
    unsigned long fault = ERR_peek_error();
    const char *reason = ERR_SYSTEM_ERROR(fault) ? strerror(ERR_GET_REASON(fault))
                                                 : "there is no certificate or key in PEM in it";
    ERR_clear_error();
    return pn_err_set(err, PN_INVALID, key, "%s: %s", file, reason);
}

// Asked for a passphrase, which nobody is there to type.
static int no_passphrase(char *into, int bytes, int is_writing, void *context)
{
    (void)into;
    (void)bytes;
    (void)is_writing;
    *(bool *)context = true;
    return -1;
}

static enum pn_code read_key(FILE *file, const char *name, EVP_PKEY **ret_key, struct pn_err *err)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        return pn_err_set(err, PN_INVALID, "tls.key", "%s: it is not an ordinary file", name);
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return pn_err_set(err, PN_INVALID, "tls.key",
                          "%s: others than its owner may open it: chmod 600 it", name);
    }
    bool has_passphrase = false;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_passphrase, &has_passphrase);
    if (key == NULL && has_passphrase) {
        ERR_clear_error();
        return pn_err_set(err, PN_INVALID, "tls.key",
                          "%s: it has a passphrase, which nobody is there to type", name);
    }
    if (key == NULL) {
        return file_fault(err, "tls.key", name);
    }
    *ret_key = key;
    return PN_OK;
}

static enum pn_code use_key(SSL_CTX *context, const char *name, struct pn_err *err)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        enum pn_code code = pn_err_set(err, PN_INVALID, "tls.key", "%s: %s", name, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    EVP_PKEY *key = NULL;
    enum pn_code code = read_key(file, name, &key, err);
    (void)fclose(file);
    if (code != PN_OK) {
        return code;
    }
    bool fits =
        SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return fits ? PN_OK
                : pn_err_set(err, PN_INVALID, "tls.key", "%s: it is another certificate's key",
                             name);
}

static enum pn_code use_authorities(SSL_CTX *context, const struct pn_tls_options *options,
                                    struct pn_err *err)
{
    const char *ca = options->files.ca;
    bool is_server = options->role == PN_TLS_SERVER;
    if (ca[0] == '\0') {
        if (!is_server && SSL_CTX_set_default_verify_paths(context) != 1) {
            return file_fault(err, "tls.ca", "the machine's own authorities");
        }
        SSL_CTX_set_verify(context, is_server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, pn_tls_verify);
        return PN_OK;
    }
    if (SSL_CTX_load_verify_file(context, ca) != 1) {
        return file_fault(err, "tls.ca", ca);
    }
    STACK_OF(X509_NAME) *names = is_server ? SSL_load_client_CA_file(ca) : NULL;
    if (is_server && names == NULL) {
        return file_fault(err, "tls.ca", ca);
    }
    if (names != NULL) {
        SSL_CTX_set_client_CA_list(context, names);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       pn_tls_verify);
    return PN_OK;
}

static enum pn_code use_files(SSL_CTX *context, const struct pn_tls_options *options,
                              struct pn_err *err)
{
    const struct pn_tls_conf *files = &options->files;
    enum pn_code code = PN_OK;
    if (files->certificate[0] != '\0') {
        if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) {
            return file_fault(err, "tls.certificate", files->certificate);
        }
        code = use_key(context, files->key, err);
    } else if (options->role == PN_TLS_SERVER) {
        return pn_err_set(err, PN_INVALID, "tls.certificate", "a listener needs a certificate");
    }
    return code == PN_OK ? use_authorities(context, options, err) : code;
}

// --- Contexts ------------------------------------------------------------------------------------

static bool restrict_protocol(SSL_CTX *context)
{
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, 0) == 1 &&
           SSL_CTX_set_num_tickets(context, 0) == 1 &&
           SSL_CTX_set_cipher_list(context, ciphers_1_2) == 1;
}

static enum pn_code make_context(const struct pn_tls_options *options, SSL_CTX **ret_context,
                                 struct pn_err *err)
{
    SSL_CTX *context =
        SSL_CTX_new(options->role == PN_TLS_SERVER ? TLS_server_method() : TLS_client_method());
    if (context == NULL || !restrict_protocol(context)) {
        SSL_CTX_free(context);
        ERR_clear_error();
        return pn_err_set(err, PN_INTERNAL, "tls", "OpenSSL does not start");
    }
    enum pn_code code = use_files(context, options, err);
    if (code != PN_OK) {
        SSL_CTX_free(context);
        return code;
    }
    *ret_context = context;
    return PN_OK;
}

static int64_t not_after_s(const SSL_CTX *context)
{
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    struct tm end = {0};
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return 0;
    }
    return (int64_t)timegm(&end);
}

static void stat_files(const struct pn_tls_conf *files, struct stat ret_seen[static PN_TLS_FILES])
{
    const char *const names[PN_TLS_FILES] = {files->certificate, files->key, files->ca};
    for (unsigned i = 0; i < PN_TLS_FILES; i++) {
        if (names[i][0] == '\0' || stat(names[i], &ret_seen[i]) != 0) {
            memset(&ret_seen[i], 0, sizeof ret_seen[i]);
        }
    }
}

static bool are_same(const struct stat a[static PN_TLS_FILES],
                     const struct stat b[static PN_TLS_FILES])
{
    for (unsigned i = 0; i < PN_TLS_FILES; i++) {
        if (a[i].st_ino != b[i].st_ino || a[i].st_dev != b[i].st_dev ||
            a[i].st_size != b[i].st_size || a[i].st_mtim.tv_sec != b[i].st_mtim.tv_sec ||
            a[i].st_mtim.tv_nsec != b[i].st_mtim.tv_nsec ||
            a[i].st_ctim.tv_sec != b[i].st_ctim.tv_sec ||
            a[i].st_ctim.tv_nsec != b[i].st_ctim.tv_nsec) {
            return false;
        }
    }
    return true;
}

// The files are those of tls->seen.
static enum pn_code load(struct pn_tls *tls, struct pn_err *err)
{
    SSL_CTX *context = NULL;
    enum pn_code code = make_context(&tls->options, &context, err);
    memcpy(tls->loaded, tls->seen, sizeof tls->loaded);
    if (code != PN_OK) {
        return code;
    }
    SSL_CTX_set_app_data(context, tls);
    SSL_CTX_free(tls->context); // connections hold their own reference
    tls->context = context;
    const struct pn_tls_event event = {.happening = PN_TLS_LOADED,
                                       .not_after_s = not_after_s(context)};
    pn_tls_tell(tls, &event);
    return PN_OK;
}

void pn_tls_look(struct pn_tls *tls)
{
    stat_files(&tls->options.files, tls->seen);
    if (are_same(tls->seen, tls->loaded)) {
        return;
    }
    struct pn_err err = {0};
    if (load(tls, &err) != PN_OK) {
        const struct pn_tls_event event = {.happening = PN_TLS_LOAD_FAILED, .err = &err};
        pn_tls_tell(tls, &event);
    }
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_tls *tls = context;
    struct stat now[PN_TLS_FILES];
    stat_files(&tls->options.files, now);
    bool is_still = are_same(now, tls->seen);
    memcpy(tls->seen, now, sizeof now);
    if (is_still) {
        pn_tls_look(tls);
    }
}

enum pn_code pn_tls_open(struct event_base *base, const struct pn_tls_options *options,
                         struct pn_tls **ret_tls, struct pn_err *err)
{
    struct pn_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return pn_err_set(err, PN_MEMORY, "tls", "the heap is exhausted");
    }
    tls->options = *options;
    if (tls->options.handshake_ms == 0) {
        tls->options.handshake_ms = PN_TLS_HANDSHAKE_MS_MAX;
    }
    if (options->role == PN_TLS_SERVER && options->peers != NULL && options->peers->count > 0 &&
        options->files.ca[0] == '\0') {
        free(tls);
        return pn_err_set(err, PN_INVALID, "tls.ca",
                          "peers are named, so the authority that signs for them is needed");
    }
    stat_files(&options->files, tls->seen);
    enum pn_code code = load(tls, err);
    tls->look = code == PN_OK ? event_new(base, -1, EV_PERSIST, on_look, tls) : NULL;
    if (tls->look == NULL) {
        code = code != PN_OK ? code : pn_err_set(err, PN_MEMORY, "tls", "the heap is exhausted");
        pn_tls_close(tls);
        return code;
    }
    const struct timeval every = {.tv_sec = PN_TLS_LOOK_MS / 1000};
    event_add(tls->look, &every);
    *ret_tls = tls;
    return PN_OK;
}

void pn_tls_close(struct pn_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    if (tls->look != NULL) {
        event_free(tls->look);
    }
    SSL_CTX_free(tls->context);
    free(tls);
}
