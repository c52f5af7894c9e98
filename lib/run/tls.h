// SPDX-License-Identifier: Apache-2.0
/*
 * A service's TLS (net/tls.h) with what happens to it in the log and the metrics. `use` tells them
 * apart: "api", "ingest", "oberon-in", "oberon-out".
 *
 *   punos_tls_certificate_not_after_seconds{use}   when the own certificate ends (Unix time)
 *   punos_tls_connections_total{use}               handshakes done
 *   punos_tls_failed_total{use}                    handshakes failed
 *   punos_tls_refused_total{use}                   peers whose certificate has no name that may
 *   punos_tls_files_refused_total{use}             renewed files that can't be used; the old stay
 */
#ifndef PN_RUN_TLS_H
#define PN_RUN_TLS_H

#include "net/tls.h"

struct pn_run_tls;

struct pn_run_tls_options {
    enum pn_tls_role role;
    const char *use; // copied
    struct pn_tls_conf files;
    const struct pn_conf_names *peers; // may be NULL; outlives it
};

// NULL in *ret_tls when the configuration gives no TLS for that role.
PN_MUST_USE enum pn_code pn_run_tls_open(struct event_base *base,
                                         const struct pn_run_tls_options *options,
                                         struct pn_run_tls **ret_tls, struct pn_err *err);
void pn_run_tls_close(struct pn_run_tls *tls); // takes NULL
// For the servers' and clients' options; NULL for NULL.
struct pn_tls *pn_run_tls_of(struct pn_run_tls *tls);
// Logs and counts a peer that was refused after its handshake.
void pn_run_tls_refused(struct pn_run_tls *tls, const char *certificate);
// Logs what pn_config_warn says of keys that begin with `prefix`.
void pn_run_warn_of_listeners(const struct pn_config *config, const char *prefix);

#endif
