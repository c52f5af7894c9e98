// SPDX-License-Identifier: Apache-2.0
/*
 * The hub's configuration: one YAML file, read into one typed struct by the table in config.c.
 *
 * The same table prints the reference (`punos config reference`) and checks a file (`punos config
 * check`). Every key has a default; an empty file is a valid configuration and means the embedded
 * default on one machine. Unknown keys are refused. Secrets never stand in the file: it names the
 * files that hold them.
 *
 *   data: /var/lib/punos
 *   stream: { kind: embedded }                  # or kafka, with brokers
 *   store: { kind: embedded }                   # or postgres, with conninfo
 *   api: { listen: "127.0.0.1:8080" }
 *   systems:
 *     - name: oberon                            # the instance: source of events, name of the queue
 *       adapter: oberon                         # folder of adapters/
 *       listen: "127.0.0.1:2575"                # transport in, as adapter.yaml says which
 *       deliver: "127.0.0.1:2600"               # where its receiver is; absent: no plan goes out
 */
#ifndef PN_CONF_CONFIG_H
#define PN_CONF_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

enum { PN_SYSTEMS_MAX = 64, PN_CONF_NAMES_MAX = 16 };

enum pn_stream_kind { PN_STREAM_EMBEDDED, PN_STREAM_KAFKA };
enum pn_store_kind { PN_STORE_EMBEDDED, PN_STORE_POSTGRES };

struct pn_conf_names {
    const char *items[PN_CONF_NAMES_MAX];
    unsigned count;
};

// Files in PEM, "" when not given. Certificate and key come together; a listener that has them
// speaks TLS, and with `ca` takes only peers whose certificate that authority has signed.
struct pn_tls_conf {
    const char *certificate; // with the chain up to, not including, the root
    const char *key;         // mode 0600
    const char *ca;          // who signs the other side's certificates
};

// One connected records system. Strings are NUL-terminated, "" when not given.
struct pn_system_conf {
    const char *name;
    const char *adapter;
    const char *listen;      // host:port for MLLP; HTTP intake goes through `ingest.http_listen`
    const char *drop_folder; // watched folder for file drops
    const char *poll;        // base URL of its FHIR server, to be asked
    const char *poll_token_file;
    const char *poll_from; // where the first round begins
    int64_t poll_every_s;  // 0: as the adapter says
    const char *deliver;   // host:port (MLLP), URL (HTTP) or folder (file drop)
    const char *zone;      // overrides the adapter's time zone
    const char *charset;   // overrides the adapter's default character set
    int64_t receipt_timeout_ms;
    int64_t answer_timeout_ms;    // for what was taken and is answered later
    struct pn_tls_conf tls;       // of `listen` and `deliver`
    struct pn_conf_names peer;    // names that its certificate may have; stands over the adapter's
    bool tells_silence;           // an alarm when it sends nothing for longer than usual
    int64_t silent_after_seconds; // a fixed time instead of what is learned; 0: learned
};

struct pn_config {
    const char *data_dir;
    const char *adapters_dir;
    const char *rules_file;
    const char *teams_file; // empty: one team
    const char *codes_dir; // national code tables; those in DATA/codes go before them
    const char *log_level;
    bool log_json;
    struct {
        enum pn_stream_kind kind;
        const char *brokers;      // Kafka bootstrap servers
        const char *topic_prefix; // default "punos."
        int64_t partitions;       // of each topic, when this hub makes them
        int64_t retention_days;   // embedded stream: 0 keeps everything
    } stream;
    struct {
        enum pn_store_kind kind;
        const char
            *conninfo; // libpq connection string without a password (use ~/.pgpass or a service)
    } store;
    struct {
        const char *http_listen; // where FHIR and document intake over HTTP listens
        int64_t connections_max;
        struct pn_tls_conf tls;
    } ingest;
    struct { // when a source counts as silent
        int64_t expected;
        int64_t quiet_minutes;
        int64_t learn_days;
        int64_t half_life_days;
        int64_t burst_seconds;
    } feeds;
    struct {
        const char *listen;
        int64_t page_size_max;
        struct pn_tls_conf tls;
    } api;
    struct {
        int64_t backoff_first_ms;
        int64_t backoff_max_ms;
    } deliver;
    struct pn_system_conf systems[PN_SYSTEMS_MAX];
    unsigned system_count;
};

// Everything at its default. Strings live as long as the process. The folder of adapters is
// $PUNOS_ADAPTERS, else the first that exists of <program's folder>/../adapters and
// <program's folder>/../share/punos/adapters; likewise config/rules/start.yaml,
// config/teams.yaml and config/codes.
void pn_config_defaults(struct pn_config *config);
// What the file says over the defaults. Strings live in the arena. PN_INVALID names file, line and
// field.
PN_MUST_USE enum pn_code pn_config_read(struct pn_arena *arena, const char *path,
                                        struct pn_config *ret_config, struct pn_err *err);
// Whether any of it is given.
bool pn_tls_conf_is_given(const struct pn_tls_conf *tls);
// Calls `say` for each thing that is allowed and unwise: a listener that others than this machine
// reach and that does not speak TLS. `key` is the configuration's key, as `systems[oberon].listen`.
void pn_config_warn(const struct pn_config *config,
                    void (*say)(const char *key, const char *text, void *context), void *context);
enum pn_log_level pn_config_log_level(const struct pn_config *config);
// The reference, in Markdown, from the same table.
void pn_config_print_reference(FILE *out);

#endif
