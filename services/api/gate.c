// SPDX-License-Identifier: Apache-2.0
/*
 * Who may do what: the bearer token of every call, the access decision and its record.
 */
#include <stdio.h>
#include <string.h>

#include "base/finid.h"
#include "base/log.h"
#include "base/words.h"
#include "privacy/audit.h"
#include "services/api/api.h"
#include "services/api/permit.h"

// What anybody may fetch: whether the process is well, and the page's own files (they hold no
// data).
static bool is_open_to_all(struct pn_slice path)
{
    static const char *const paths[] = {"/", "/healthz", "/readyz", NULL};
    return pn_words_hold(paths, path) || pn_slice_starts_with(path, "/web/");
}

static bool refuse(struct pn_http_exchange *exchange, const char *text)
{
    struct pn_err err;
    pn_err_set(&err, PN_DENIED, "Authorization", "%s", text);
    pn_http_add_header(exchange, "WWW-Authenticate", "Bearer realm=\"punos\"");
    pn_http_answer_status(exchange, 401, &err);
    return false;
}

// Proxies log URLs, and browsers keep them.
static bool url_names_somebody(struct pn_http_exchange *exchange)
{
    unsigned count = 0;
    const struct pn_http_parameter *parameters = pn_http_parameters(exchange, &count);
    bool is_found = pn_hetu_is_inside(pn_http_path(exchange));
    for (unsigned i = 0; i < count && !is_found; i++) {
        is_found = pn_hetu_is_inside(parameters[i].name) || pn_hetu_is_inside(parameters[i].value);
    }
    return is_found;
}

bool pn_api_gate(struct pn_http_exchange *exchange, void *context)
{
    struct pn_api *api = context;
    if (is_open_to_all(pn_http_path(exchange))) {
        return true;
    }
    struct pn_slice header = pn_http_header(exchange, "Authorization");
    struct pn_slice bearer = {0};
    if (!pn_slice_is_nocase(pn_slice_split(header, ' ', &bearer), "Bearer")) {
        return refuse(exchange, "a bearer token is needed");
    }
    struct pn_err err;
    struct pn_caller *caller = pn_arena_alloc(pn_http_arena(exchange), sizeof *caller);
    if (pn_tokens_refresh(api->tokens, &err) != PN_OK) {
        pn_log_error("tokens not read again", &err);
    }
    if (caller == NULL ||
        pn_tokens_check(api->tokens, pn_slice_trim(bearer), caller, &err) != PN_OK) {
        pn_metric_add("punos_api_refused_total", "reason", "token", 1);
        return refuse(exchange, "no such token");
    }
    pn_http_set_caller(exchange, caller);
    if (url_names_somebody(exchange)) {
        pn_err_set(&err, PN_INVALID, "URL",
                   "identity codes never stand in a URL: POST them to /fhir/Patient/_search");
        pn_http_answer_error(exchange, &err);
        return false;
    }
    return true;
}

// --- The access record ---------------------------------------------------------------------------

// Why the data is used, as the caller says; otherwise what the action is for.
static struct pn_slice purpose_of(const struct pn_call *call, enum pn_action action)
{
    static const char *const known[] = {
        "identification", "care-coordination", "care", "supervision",
        "correction",     "clients-request",   NULL};
    struct pn_slice header = pn_http_header(call->exchange, "Punos-Purpose");
    if (pn_words_hold(known, header)) {
        return header;
    }
    bool is_finding = action == PN_ACTION_WORKLIST || action == PN_ACTION_WORKLIST_SET ||
                      action == PN_ACTION_TRIGGERS;
    if (action == PN_ACTION_RULES_FEEDBACK) {
        return pn_slice_str("supervision");
    }
    return pn_slice_str(is_finding ? "identification" : "care-coordination");
}

static enum pn_code write_record(struct pn_call *call, enum pn_action action,
                                 const struct pn_client *client, const char *what,
                                 struct pn_err *err)
{
    struct pn_store *store = pn_run_store(call->api->run);
    char roles[128] = "";
    for (unsigned i = 0; i < PN_ROLE_COUNT; i++) {
        enum pn_role role = (enum pn_role)(1U << i);
        if ((call->caller->roles & role) != 0) {
            size_t length = strlen(roles);
            snprintf(roles + length, sizeof roles - length, "%s%s", length > 0 ? " " : "",
                     pn_role_name(role));
        }
    }
    const struct pn_audit_record record = {
        .user = pn_slice_str(call->caller->name),
        .role = pn_slice_str(roles),
        .action = pn_slice_str(pn_action_name(action)),
        .purpose = purpose_of(call, action),
        .client = pn_slice_str(client == NULL ? "" : client->key),
        .what = pn_slice_str(what),
        .rule = pn_slice_str(call->access.rule),
        .is_allowed = call->access.is_allowed,
    };
    if (!pn_store_in_transaction(store)) {
        return pn_audit_write(store, call->api->privacy, &record, err);
    }
    enum pn_code code = pn_audit_add(store, call->api->privacy, &record, err);
    // A refusal is the last of many.
    if (code == PN_OK && !record.is_allowed) {
        code = pn_store_commit(store, err);
    }
    if (code != PN_OK) {
        pn_store_rollback(store);
    }
    return code;
}

static bool answer_unrecorded(struct pn_call *call, struct pn_err *err)
{
    pn_store_rollback(pn_run_store(call->api->run));
    pn_log_error("access record not written", err);
    pn_err_set(err, PN_UNAVAILABLE, "access record", "could not be written: try again");
    pn_call_answer_error(call, err);
    return false;
}

bool pn_call_records_begin(struct pn_call *call)
{
    struct pn_err err;
    return pn_store_begin(pn_run_store(call->api->run), &err) == PN_OK ||
           answer_unrecorded(call, &err);
}

bool pn_call_records_end(struct pn_call *call)
{
    struct pn_err err;
    return pn_store_commit(pn_run_store(call->api->run), &err) == PN_OK ||
           answer_unrecorded(call, &err);
}

// A care or client relationship is verified by a contact that the client's timeline holds: the
// caller names it (57 §: technically verified).
static bool has_relationship(struct pn_call *call, const struct pn_client *client)
{
    struct pn_slice named = pn_http_header(call->exchange, "Punos-Relationship");
    named = named.len == 0 ? call->relationship : named;
    struct pn_slice id = {0};
    struct pn_slice type = pn_slice_split(named, '/', &id);
    const char *const types[] = {"Encounter", "EpisodeOfCare", "Appointment"};
    for (unsigned i = 0; client != NULL && i < PN_ARRAY_COUNT(types); i++) {
        struct pn_entry entry;
        struct pn_err err;
        if (!pn_slice_is(type, types[i]) ||
            pn_timeline_entry(call->api->timeline, call->arena, types[i], id, &entry, &err) !=
                PN_OK) {
            continue;
        }
        struct pn_client owner;
        bool is_shown =
            !entry.is_withdrawn &&
            pn_timeline_client(call->api->timeline, entry.subject, &owner, &err) == PN_OK &&
            strcmp(owner.key, client->key) == 0;
        call->sector = is_shown ? entry.sector : PN_SECTOR_UNKNOWN;
        return is_shown;
    }
    return false;
}

bool pn_call_may(struct pn_call *call, enum pn_action action, const struct pn_client *client,
                 const char *what)
{
    struct pn_err err;
    struct pn_permits permits = {0};
    if (client != NULL && pn_permits_read(call->api->timeline, call->arena,
                                          pn_slice_str(client->key), &permits, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    const struct pn_access_request request = {
        .roles = call->caller->roles,
        .action = action,
        .has_relationship = has_relationship(call, client),
        .has_permit = permits.has_permit,
        .permitted_classes = permits.classes,
        .prohibited_sectors = permits.prohibited_sectors,
    };
    pn_access_decide(&request, &call->access);
    if (write_record(call, action, client, what, &err) != PN_OK) {
        return answer_unrecorded(call, &err);
    }
    if (!call->access.is_allowed) {
        pn_metric_add("punos_api_refused_total", "reason", "access", 1);
        pn_err_set(&err, PN_DENIED, pn_action_name(action), "%s", call->access.reason);
        pn_call_answer_error(call, &err);
        return false;
    }
    return true;
}

bool pn_caller_could(const struct pn_caller *caller, enum pn_action action)
{
    const struct pn_access_request request = {
        .roles = caller->roles, .action = action, .has_relationship = true, .has_permit = true};
    struct pn_access access;
    pn_access_decide(&request, &access);
    return access.is_allowed;
}

bool pn_call_client(struct pn_call *call, struct pn_slice key, struct pn_client *ret_client)
{
    struct pn_err err;
    if (pn_api_open_timeline(call->api, &err) != PN_OK ||
        pn_timeline_client(call->api->timeline, key, ret_client, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    return true;
}

bool pn_call_plan(struct pn_call *call, enum pn_action action, const char *what,
                  struct pn_plan_row *ret_row, struct pn_client *ret_client)
{
    struct pn_slice id = pn_http_path_value(call->exchange, "id");
    struct pn_err err;
    enum pn_code code = pn_api_open_plans(call->api, &err);
    if (code == PN_OK) {
        code = pn_plan_current(call->api->plans, id, ret_row, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return false;
    }
    char words[128];
    snprintf(words, sizeof words, "CarePlan/%s %s", ret_row->id, what);
    return pn_call_client(call, pn_slice_str(ret_row->client_key), ret_client) &&
           pn_call_may(call, action, ret_client, words);
}
