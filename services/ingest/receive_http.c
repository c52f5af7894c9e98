// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fhir/fhir.h"
#include "net/http_parse.h"
#include "net/http_server.h"
#include "privacy/access.h"
#include "run/tls.h"
#include "services/ingest/http_batch.h"
#include "services/ingest/receive.h"

enum { IDLE_TIMEOUT_MS = 60 * 1000, OUTCOME_BYTES_MAX = 64 * 1024, HEADER_BYTES_MAX = 256 };

#define FHIR_JSON "application/fhir+json; charset=utf-8"

struct pn_receive_http {
    struct pn_intake *intake;
    struct pn_ingest_systems *systems;
    struct pn_tokens *tokens;
    struct pn_run_tls *tls; // NULL: plain
    struct pn_http_server *server;
};

static const char *error_body(int status, const struct pn_err *err, struct pn_buf *ret_body)
{
    (void)status;
    struct pn_err ignored = {0};
    cJSON *outcome = pn_fhir_error_outcome(err);
    if (outcome == NULL || pn_json_print(outcome, ret_body, &ignored) != PN_OK) {
        pn_buf_clear(ret_body);
    }
    cJSON_Delete(outcome);
    return FHIR_JSON;
}

// Who may send: integration is meant for it, admin may try things out.
static bool before(struct pn_http_exchange *exchange, void *context)
{
    struct pn_receive_http *receive = context;
    struct pn_caller caller;
    struct pn_err err = {0};
    struct pn_slice token = pn_http_bearer(pn_http_header(exchange, "Authorization"));
    if (pn_tokens_check(receive->tokens, token, &caller, &err) != PN_OK) {
        (void)pn_err_set(&err, PN_DENIED, "Authorization", "a bearer token of this hub is needed");
        pn_http_add_header(exchange, "WWW-Authenticate", "Bearer");
        pn_http_answer_status(exchange, 401, &err);
        return false;
    }
    if ((caller.roles & (PN_ROLE_INTEGRATION | PN_ROLE_ADMIN)) == 0) {
        (void)pn_err_set(&err, PN_DENIED, "Authorization", "the token lacks the role integration");
        pn_http_answer_error(exchange, &err);
        return false;
    }
    return true;
}

// A transaction's answer is 200, that of a new resource or document 201.
static int accepted_status(struct pn_http_exchange *exchange, const struct pn_intake_result *result)
{
    struct pn_slice rest = pn_http_path(exchange); // "/in/<system>/fhir"
    for (int i = 0; i < 3; i++) {
        (void)pn_slice_split(rest, '/', &rest);
    }
    bool is_new = pn_http_request_method(exchange) == PN_HTTP_POST &&
                  result->outcome == PN_INTAKE_ACCEPTED && !pn_slice_is(rest, "fhir");
    return is_new ? 201 : 200;
}

static void answer_accepted(struct pn_http_exchange *exchange,
                            const struct pn_intake_result *result)
{
    struct pn_buf body;
    struct pn_err err = {0};
    pn_buf_init(&body, OUTCOME_BYTES_MAX);
    cJSON *outcome = pn_ingest_outcome(result);
    if (outcome != NULL && pn_json_print(outcome, &body, &err) != PN_OK) {
        pn_buf_clear(&body);
    }
    pn_http_answer(exchange, accepted_status(exchange, result), FHIR_JSON, pn_buf_slice(&body));
    cJSON_Delete(outcome);
    pn_buf_release(&body);
}

static void on_done(const struct pn_intake_result *result, void *context)
{
    struct pn_http_exchange *exchange = context;
    switch (result->outcome) {
    case PN_INTAKE_ACCEPTED:
    case PN_INTAKE_REPEATED:
        answer_accepted(exchange, result);
        return;
    case PN_INTAKE_REFUSED:
        pn_http_add_header(exchange, "X-Quarantine-Id", result->quarantine_id);
        pn_http_answer_status(exchange, 422, &result->err);
        return;
    case PN_INTAKE_TURNED_AWAY:
        pn_http_add_header(exchange, "Retry-After", "5");
        pn_http_answer_status(exchange, 503, &result->err);
        return;
    }
}

static void refuse(struct pn_http_exchange *exchange, int status, enum pn_code code,
                   const char *text)
{
    struct pn_err err = {0};
    (void)pn_err_set(&err, code, status == 404 ? "path" : "body", "%s", text);
    pn_http_answer_status(exchange, status, &err);
}

// Over TLS with certificates: that the sender's is one of the system's. Over plain HTTP nobody has
// any, and the token alone counts.
static bool may_send(struct pn_receive_http *receive, struct pn_http_exchange *exchange,
                     const struct pn_ingest_system *system)
{
    const struct pn_conf_names *names = pn_ingest_system_peers(system);
    if (receive->tls == NULL || names->count == 0 || pn_http_peer_has_name(exchange, names)) {
        return true;
    }
    pn_run_tls_refused(receive->tls, pn_http_peer_certificate(exchange));
    struct pn_err err = {0};
    (void)pn_err_set(&err, PN_DENIED, "certificate", "it has none of the names of this system");
    pn_http_answer_status(exchange, 403, &err);
    return false;
}

static void on_message(struct pn_http_exchange *exchange, void *context)
{
    struct pn_receive_http *receive = context;
    struct pn_ingest_system *system =
        pn_ingest_system_find(receive->systems, pn_http_path_value(exchange, "system"));
    if (system == NULL || !pn_ingest_system_takes(system, PN_TRANSPORT_HTTP)) {
        refuse(exchange, 404, PN_NOT_FOUND, "no system of this name sends by HTTP");
        return;
    }
    if (!may_send(receive, exchange, system)) {
        return;
    }
    struct pn_slice body = pn_http_body(exchange);
    if (body.len == 0) {
        refuse(exchange, 400, PN_INVALID, "there is no message in the request");
        return;
    }
    struct pn_slice type = pn_http_header(exchange, "Content-Type");
    const char *type_text =
        type.len < HEADER_BYTES_MAX ? pn_arena_copy(pn_http_arena(exchange), type) : NULL;
    struct pn_intake_message message = {
        .system = system,
        .in = pn_ingest_message_in(system, body, PN_TRANSPORT_HTTP),
        .can_wait = false,
        .done = on_done,
        .context = exchange,
    };
    message.in.content_type = type_text == NULL ? "" : type_text;
    if (!system->info->has_entries_alone ||
        !pn_http_batch_take(exchange, receive->intake, &message)) {
        pn_intake_submit(receive->intake, &message);
    }
}

static const struct pn_http_route routes[] = {
    {PN_HTTP_POST, "/in/{system}", on_message},
    {PN_HTTP_POST, "/in/{system}/fhir", on_message},
    {PN_HTTP_POST, "/in/{system}/fhir/{type}", on_message},
    {PN_HTTP_PUT, "/in/{system}/fhir/{type}/{id}", on_message},
};

static bool is_needed(const struct pn_receive_parts *parts)
{
    for (unsigned i = 0; i < parts->systems->count; i++) {
        if (pn_ingest_system_takes(&parts->systems->items[i], PN_TRANSPORT_HTTP)) {
            return parts->config->ingest.http_listen[0] != '\0';
        }
    }
    return false;
}

static enum pn_code open_tls(const struct pn_receive_parts *parts, struct pn_receive_http *receive,
                             struct pn_err *err)
{
    const struct pn_tls_conf *files = &parts->config->ingest.tls;
    for (unsigned i = 0; i < parts->systems->count && files->certificate[0] != '\0'; i++) {
        const struct pn_ingest_system *system = &parts->systems->items[i];
        if (files->ca[0] == '\0' && pn_ingest_system_takes(system, PN_TRANSPORT_HTTP) &&
            pn_ingest_system_peers(system)->count > 0) {
            return pn_err_set(err, PN_INVALID, "ingest.tls.ca",
                              "needed: peers are named for the system %s", system->conf->name);
        }
    }
    const struct pn_run_tls_options options = {
        .role = PN_TLS_SERVER, .use = "ingest", .files = *files};
    return pn_run_tls_open(parts->base, &options, &receive->tls, err);
}

enum pn_code pn_receive_http_open(const struct pn_receive_parts *parts,
                                  struct pn_receive_http **ret_receive, struct pn_err *err)
{
    if (!is_needed(parts)) {
        *ret_receive = NULL;
        return PN_OK;
    }
    struct pn_receive_http *receive = calloc(1, sizeof *receive);
    if (receive == NULL) {
        return pn_err_set(err, PN_MEMORY, "http", "the heap is exhausted");
    }
    receive->intake = parts->intake;
    receive->systems = parts->systems;
    receive->tokens = parts->tokens;
    enum pn_code code = open_tls(parts, receive, err);
    const struct pn_http_server_options options = {
        .tls = pn_run_tls_of(receive->tls),
        .listen = parts->config->ingest.http_listen,
        .routes = routes,
        .route_count = PN_ARRAY_COUNT(routes),
        .body_bytes_max = PN_MESSAGE_BYTES_MAX,
        .connections_max = parts->config->ingest.connections_max,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .context = receive,
        .before = before,
        .error_body = error_body,
    };
    code = code == PN_OK ? pn_http_server_open(parts->base, &options, &receive->server, err) : code;
    if (code != PN_OK) {
        pn_run_tls_close(receive->tls);
        free(receive);
        return code;
    }
    pn_log(PN_LOG_INFO, "listening", PN_TAG("by", "http"),
           PN_TAG_INT("port", pn_http_server_port(receive->server)),
           PN_TAG("tls", receive->tls != NULL ? "yes" : "no"));
    *ret_receive = receive;
    return PN_OK;
}

unsigned pn_receive_http_port(const struct pn_receive_http *receive)
{
    return pn_http_server_port(receive->server);
}

void pn_receive_http_close(struct pn_receive_http *receive)
{
    if (receive == NULL) {
        return;
    }
    pn_http_server_close(receive->server);
    pn_run_tls_close(receive->tls);
    free(receive);
}
