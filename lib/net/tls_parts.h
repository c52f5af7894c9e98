// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the TLS module share: tls.c holds files and contexts, tls_connection.c the
 * connections, tls_name.c reads certificates' names.
 */
#ifndef PN_NET_TLS_PARTS_H
#define PN_NET_TLS_PARTS_H

#include <openssl/ssl.h>
#include <sys/stat.h>

#include "net/tls.h"

enum { PN_TLS_FILES = 3 };

struct pn_tls {
    struct pn_tls_options options;
    SSL_CTX *context; // in force
    struct event *look;
    struct stat loaded[PN_TLS_FILES]; // the files that are in force, or were last refused
    struct stat seen[PN_TLS_FILES];   // at the last look
};

void pn_tls_tell(struct pn_tls *tls, const struct pn_tls_event *event);
// For SSL_CTX_set_verify: keeps the certificate's name in the connection and compares it.
int pn_tls_verify(int is_good, X509_STORE_CTX *context);

bool pn_tls_certificate_has_name(const X509 *certificate, const struct pn_conf_names *names);
void pn_tls_certificate_name(const X509 *certificate, char ret_name[static PN_TLS_NAME_BYTES]);

#endif
