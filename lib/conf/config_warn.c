// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "conf/config.h"

enum { KEY_BYTES_MAX = 128 };

bool pn_tls_conf_is_given(const struct pn_tls_conf *tls)
{
    return tls->certificate[0] != '\0' || tls->ca[0] != '\0';
}

// By name or number, this machine and nobody else. "localhost" may be told otherwise only by who
// rules the machine.
static bool is_loopback(const char *listen)
{
    struct pn_slice address = pn_slice_str(listen);
    return pn_slice_starts_with(address, "127.") || pn_slice_starts_with(address, "localhost:") ||
           pn_slice_starts_with(address, "[::1]:");
}

static bool is_open_to_others(const char *listen, const struct pn_tls_conf *tls)
{
    return listen[0] != '\0' && tls->certificate[0] == '\0' && !is_loopback(listen);
}

void pn_config_warn(const struct pn_config *config,
                    void (*say)(const char *key, const char *text, void *context), void *context)
{
    if (is_open_to_others(config->api.listen, &config->api.tls)) {
        say("api.listen",
            "other machines reach it and it does not speak TLS: tokens and clients' "
            "data can be read on the way; set api.tls",
            context);
    }
    if (is_open_to_others(config->ingest.http_listen, &config->ingest.tls)) {
        say("ingest.http_listen",
            "other machines reach it and it does not speak TLS: tokens and messages can be read "
            "on the way; set ingest.tls",
            context);
    }
    for (unsigned i = 0; i < config->system_count; i++) {
        const struct pn_system_conf *system = &config->systems[i];
        char key[KEY_BYTES_MAX];
        (void)snprintf(key, sizeof key, "systems[%s].listen", system->name);
        if (is_open_to_others(system->listen, &system->tls)) {
            say(key,
                "other machines reach it and it does not speak TLS: anybody on the network "
                "may send, and read what is sent; set tls with ca",
                context);
        } else if (system->listen[0] != '\0' && !is_loopback(system->listen) &&
                   system->tls.ca[0] == '\0') {
            say(key,
                "it speaks TLS and asks for no certificate: anybody on the network may send; "
                "set tls.ca",
                context);
        }
    }
}
