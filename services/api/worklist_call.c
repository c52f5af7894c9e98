// SPDX-License-Identifier: Apache-2.0
/*
 * The work list of flagged clients, as plain JSON:
 *   GET /worklist?state=new,seen&team=…&role=…&unit=…&held=true&rule=…&names=true&_count=&_cursor=
 *                           team "-": of units that no team has
 *   GET /worklist/{id}      one client, with lapsed and retracted triggers and their evidence, and
 *                           the history of the client's case
 *   PUT /worklist/{id}      {"state": "refuses", "reason": "not-now", "again": "2027-01-15"} with
 *                           If-Match
 *
 * Words are neutral: a trigger is a suggestion for a person to look at, never a decision. Names
 * only with names=true, for a role that may, each with an access record of its own.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/api/calls.h"
#include "services/api/fhir_query.h"
#include "services/api/plan_standing.h"
#include "services/api/silence.h"
#include "services/api/trigger_view.h"
#include "services/api/worklist_list.h"
#include "services/api/worklist_teams.h"

struct worklist_page {
    struct pn_call call;
    struct pn_worklist_filter filter;
    unsigned size;
    bool with_names;
    unsigned withheld;
    char next[PN_WORKLIST_CURSOR_BYTES];
};

// --- Showing -------------------------------------------------------------------------------------

static const char zone[] = "Europe/Helsinki"; // of the days that people agree on

// A client's case to be shown, after the access decision about that client.
struct showing {
    struct pn_call *call;
    const struct pn_client *client;
    bool with_issues;
    unsigned withheld;      // triggers
    const char *looked_for; // rule; NULL: none
    bool is_found;          // its trigger is shown
};

// NULL: withheld.
static cJSON *show_trigger(const struct showing *showing, const struct pn_trigger *trigger)
{
    struct pn_call *call = showing->call;
    cJSON *issue = NULL;
    if (!pn_access_shows_all(&call->access, trigger->sectors, trigger->classes)) {
        return NULL;
    }
    if (showing->with_issues &&
        (issue = pn_trigger_issue(call, showing->client, trigger->data)) == NULL) {
        return NULL;
    }
    cJSON *object = cJSON_CreateObject();
    pn_trigger_add_head(object, trigger);
    pn_json_add_time(object, "lapses", trigger->lapses_ms);
    if (issue != NULL) {
        cJSON_AddItemToObject(object, "issue", issue);
    }
    return object;
}

static void add_triggers(struct showing *showing, const struct pn_case *found, cJSON *object)
{
    cJSON *triggers = cJSON_AddArrayToObject(object, "triggers");
    for (unsigned i = 0; i < found->trigger_count; i++) {
        const struct pn_trigger *trigger = &found->triggers[i];
        cJSON *shown = show_trigger(showing, trigger);
        if (shown == NULL) {
            showing->withheld++;
            continue;
        }
        cJSON_AddItemToArray(triggers, shown);
        showing->is_found =
            showing->is_found ||
            (showing->looked_for != NULL && pn_slice_is(trigger->rule_id, showing->looked_for));
    }
}

static cJSON *show_case(struct showing *showing, const struct pn_case *found)
{
    char etag[PN_ETAG_BYTES];
    pn_etag_format(found->version, etag);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "client", found->client);
    cJSON_AddStringToObject(object, "state", pn_case_state_name(found->state));
    cJSON_AddStringToObject(object, "etag", etag);
    cJSON_AddNumberToObject(object, "rank", (double)found->rank);
    pn_json_add_time(object, "first", found->first_ms);
    pn_json_add_time(object, "changed", found->changed_ms);
    pn_json_add_slice(object, "setBy", found->set_by);
    if (!showing->client->is_protected) {
        pn_json_add_slice(object, "unit", found->unit);
    }
    pn_json_add_slice(object, "team", found->team);
    if (found->reason.len > 0) {
        pn_json_add_slice(object, "reason", found->reason);
    }
    pn_json_add_time(object, "again", found->again_ms);
    cJSON_AddBoolToObject(object, "held", found->is_held);
    if (pn_plan_is_active(showing->call, found->client)) {
        cJSON_AddTrueToObject(object, "plan");
    }
    cJSON *next = cJSON_AddArrayToObject(object, "next");
    for (unsigned i = 0; i < PN_CASE_STATE_COUNT; i++) {
        if (pn_case_may_become(found->state, (enum pn_case_state)i)) {
            cJSON_AddItemToArray(next,
                                 cJSON_CreateString(pn_case_state_name((enum pn_case_state)i)));
        }
    }
    add_triggers(showing, found, object);
    return object;
}

static void add_year_and_gender(cJSON *object, const struct pn_client *client)
{
    if (client->birth_year > 0) {
        cJSON_AddNumberToObject(object, "birthYear", client->birth_year);
    }
    if (client->gender[0] != '\0') {
        cJSON_AddStringToObject(object, "gender", client->gender);
    }
}

// "Given Family" of the Patient in `text`.
static void add_name(cJSON *object, struct pn_slice text)
{
    struct pn_err err;
    cJSON *patient = NULL;
    if (pn_json_parse(text, &patient, &err) != PN_OK) {
        return;
    }
    struct pn_slice given = pn_fhir_get(patient, "name[0].given[0]");
    struct pn_slice family = pn_fhir_get(patient, "name[0].family");
    char name[256];
    snprintf(name, sizeof name, "%.*s%s%.*s", PN_SLICE_FMT(given),
             given.len > 0 && family.len > 0 ? " " : "", PN_SLICE_FMT(family));
    pn_json_add_slice(object, "name", pn_slice_str(name));
}

// False: it has answered (the record could not be written).
static bool add_identity(struct pn_call *call, cJSON *object, const struct pn_client *client)
{
    const struct pn_access access = call->access;
    if (!pn_call_may(call, PN_ACTION_IDENTITY, client, "name on the work list")) {
        return false;
    }
    call->access = access;
    struct pn_buf text;
    struct pn_err err;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    if (pn_timeline_identity(call->api->timeline, call->api->privacy, pn_slice_str(client->key),
                             &text, &err) == PN_OK) {
        add_name(object, pn_buf_slice(&text));
    }
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.capacity);
    }
    pn_buf_release(&text);
    return true;
}

// --- The list ------------------------------------------------------------------------------------

static enum pn_code read_states(struct pn_slice words, uint32_t *ret_bits, struct pn_err *err)
{
    while (words.len > 0) {
        enum pn_case_state state = pn_case_state_parse(pn_slice_split(words, ',', &words));
        if (state == PN_CASE_STATE_COUNT) {
            return pn_err_set(err, PN_INVALID, "state",
                              "must be of new, seen, in-discussion, "
                              "consents, refuses, thinking, has-worker, "
                              "not-relevant, lapsed");
        }
        *ret_bits |= UINT32_C(1) << state;
    }
    return PN_OK;
}

static enum pn_code read_parameters(struct worklist_page *page, struct pn_err *err)
{
    const struct pn_call *call = &page->call;
    struct pn_slice rule = pn_http_parameter(call->exchange, "rule");
    int64_t size_max = call->api->config->api.page_size_max;
    if (rule.len > 0) {
        page->filter.rule_id = pn_arena_copy(call->arena, rule);
    }
    page->filter.after = pn_http_parameter(call->exchange, "_cursor");
    struct pn_slice unit = pn_http_parameter(call->exchange, "unit");
    page->filter.unit = unit.len > 0 ? pn_arena_copy(call->arena, unit) : NULL;
    page->filter.held_only = pn_slice_is(pn_http_parameter(call->exchange, "held"), "true");
    enum pn_code code = pn_worklist_teams_asked(call, &page->filter.teams, err);
    if (code != PN_OK) {
        return code;
    }
    page->with_names = pn_slice_is(pn_http_parameter(call->exchange, "names"), "true");
    if (!pn_page_size_parse(pn_http_parameter(call->exchange, "_count"),
                            size_max < PN_WORKLIST_PAGE_MAX ? size_max : PN_WORKLIST_PAGE_MAX,
                            &page->size)) {
        return pn_err_set(err, PN_INVALID, "_count", "must be a whole number, at least 1");
    }
    return read_states(pn_http_parameter(call->exchange, "state"), &page->filter.states, err);
}

// Of whom the timeline knows nothing yet: identify has heard of the client first.
static bool find_client(struct pn_call *call, const struct pn_case *found,
                        struct pn_client *ret_client)
{
    struct pn_err err;
    if (pn_timeline_client(call->api->timeline, pn_slice_str(found->client), ret_client, &err) ==
        PN_OK) {
        return true;
    }
    *ret_client = (struct pn_client){.birth_year = 0};
    (void)snprintf(ret_client->key, sizeof ret_client->key, "%s", found->client);
    return false;
}

// Each client shown is written down, and it is each client's permits that count. False: it has
// answered.
static bool add_client(struct worklist_page *page, cJSON *clients, const struct pn_case *found)
{
    struct pn_call *call = &page->call;
    struct pn_client client;
    bool is_known = find_client(call, found, &client);
    if (!pn_call_may(call, PN_ACTION_WORKLIST, &client, "triggers on the work list")) {
        return false;
    }
    struct showing showing = {.call = call, .client = &client, .looked_for = page->filter.rule_id};
    cJSON *object = show_case(&showing, found);
    page->withheld += showing.withheld;
    // Who is found by a rule is told by its trigger.
    if (showing.looked_for != NULL && !showing.is_found) {
        return true;
    }
    cJSON_AddItemToArray(clients, object);
    if (!is_known) {
        return true;
    }
    add_year_and_gender(object, &client);
    return !page->with_names || add_identity(call, object, &client);
}

static void add_silent(struct pn_call *call, cJSON *answer)
{
    struct pn_silences *silences = pn_arena_alloc(call->arena, sizeof *silences);
    if (silences != NULL) {
        pn_silences_read(call, silences);
        pn_silences_list(silences, answer);
    }
}

static void answer_page(struct worklist_page *page)
{
    struct pn_call *call = &page->call;
    struct pn_case *cases = pn_arena_alloc_array(call->arena, page->size, sizeof *cases);
    unsigned count = 0;
    struct pn_err err;
    enum pn_code code = pn_api_open_worklist(call->api, &err);
    if (cases == NULL) {
        code = pn_err_set(&err, PN_LIMIT, "_count", "ask for a smaller page");
    }
    if (code == PN_OK) {
        code = pn_api_open_timeline(call->api, &err);
    }
    if (code == PN_OK) {
        code = pn_worklist_page(call->api->worklist, call->arena, &page->filter, cases, page->size,
                                &count, page->next, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    cJSON *answer = cJSON_CreateObject();
    cJSON *clients = cJSON_AddArrayToObject(answer, "clients");
    if (!pn_call_records_begin(call)) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!add_client(page, clients, &cases[i])) {
            return;
        }
    }
    if (!pn_call_records_end(call)) {
        return;
    }
    if (pn_slice_starts_with(pn_http_header(call->exchange, "Accept"), "application/fhir+json")) {
        pn_call_answer(call, 200, PN_TYPE_FHIR,
                       pn_worklist_list(clients, page->next, page->withheld));
        return;
    }
    pn_worklist_add_teams(call, answer);
    add_silent(call, answer);
    cJSON_AddNumberToObject(answer, "withheld", page->withheld);
    if (page->next[0] != '\0') {
        cJSON_AddStringToObject(answer, "next", page->next);
    }
    pn_call_answer(call, 200, PN_TYPE_JSON, answer);
}

void pn_worklist_call(struct pn_http_exchange *exchange, void *context)
{
    struct worklist_page *page = pn_arena_alloc(pn_http_arena(exchange), sizeof *page);
    struct pn_err err;
    if (page == NULL) {
        pn_err_set(&err, PN_LIMIT, "worklist", "no memory");
        pn_http_answer_error(exchange, &err);
        return;
    }
    pn_call_begin(&page->call, exchange, context);
    if (pn_api_open_teams(page->call.api, &err) != PN_OK || read_parameters(page, &err) != PN_OK) {
        pn_call_answer_error(&page->call, &err);
    } else if (pn_call_may(&page->call, PN_ACTION_WORKLIST, NULL, "work list")) {
        answer_page(page);
    }
}

// --- One client ----------------------------------------------------------------------------------

// Another team's client is for that team to look at and to decide on.
static enum pn_code read_case(struct pn_call *call, const struct pn_client *client,
                              struct pn_case *ret_case, struct pn_err *err)
{
    enum pn_code code = pn_api_open_worklist(call->api, err);
    code = code == PN_OK ? pn_api_open_teams(call->api, err) : code;
    if (code == PN_OK) {
        code = pn_worklist_case(call->api->worklist, call->arena, pn_slice_str(client->key),
                                ret_case, err);
    }
    return code == PN_OK && !pn_caller_sees_team(call, ret_case->team)
               ? pn_err_set(err, PN_DENIED, "team", "the client is on another team's list")
               : code;
}

static void add_history(struct pn_call *call, const struct pn_client *client, cJSON *object)
{
    struct pn_case_step *steps =
        pn_arena_alloc_array(call->arena, PN_CASE_STEPS_MAX, sizeof *steps);
    unsigned count = 0;
    struct pn_err err;
    if (steps == NULL ||
        pn_worklist_history(call->api->worklist, call->arena, pn_slice_str(client->key), steps,
                            &count, &err) != PN_OK) {
        return;
    }
    cJSON *history = cJSON_AddArrayToObject(object, "history");
    for (unsigned i = 0; i < count; i++) {
        cJSON *step = cJSON_CreateObject();
        pn_json_add_time(step, "at", steps[i].at_ms);
        if (steps[i].was >= 0) {
            cJSON_AddStringToObject(step, "was",
                                    pn_case_state_name((enum pn_case_state)steps[i].was));
        }
        cJSON_AddStringToObject(step, "state", pn_case_state_name(steps[i].state));
        pn_json_add_slice(step, "reason", steps[i].reason);
        pn_json_add_slice(step, "by", steps[i].by);
        if (!client->is_protected) {
            pn_json_add_slice(step, "unit", steps[i].unit);
        }
        pn_json_add_slice(step, "team", steps[i].team);
        cJSON_AddItemToArray(history, step);
    }
}

static void answer_case(struct pn_call *call, const struct pn_client *client)
{
    struct pn_case found;
    struct pn_err err;
    struct showing showing = {.call = call, .client = client, .with_issues = true};
    if (read_case(call, client, &found, &err) != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    struct pn_silences *silences = pn_arena_alloc(call->arena, sizeof *silences);
    if (silences == NULL) {
        pn_err_set(&err, PN_LIMIT, "worklist", "no memory");
        pn_call_answer_error(call, &err);
        return;
    }
    // A silence changes what the count means, and not the case's version.
    pn_silences_read(call, silences);
    if (silences->count == 0 && pn_call_is_unchanged(call, found.version)) {
        return;
    }
    cJSON *object = show_case(&showing, &found);
    add_year_and_gender(object, client);
    add_history(call, client, object);
    pn_worklist_add_reasons(call->api->teams, object);
    pn_silences_list(silences, object);
    cJSON_AddNumberToObject(object, "withheld", showing.withheld);
    pn_call_add_etag(call, found.version);
    pn_call_answer(call, 200, PN_TYPE_JSON, object);
}

void pn_worklist_case_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    pn_call_begin(&call, exchange, context);
    if (pn_call_client(&call, pn_http_path_value(exchange, "id"), &client) &&
        pn_call_may(&call, PN_ACTION_WORKLIST, &client, "triggers")) {
        answer_case(&call, &client);
    }
}

static void set_state(struct pn_call *call, const struct pn_client *client,
                      struct pn_case_change change)
{
    struct pn_err err;
    int64_t version = 0;
    change.client = pn_slice_str(client->key);
    change.set_by = pn_slice_str(call->caller->name);
    struct pn_case found;
    enum pn_code code = read_case(call, client, &found, &err);
    code = code == PN_OK ? pn_api_open_case_writer(call->api, &err) : code;
    if (code == PN_OK) {
        code = pn_worklist_set_state(call->api->case_writer, &change, &version, &err);
    }
    if (code != PN_OK) {
        pn_call_answer_error(call, &err);
        return;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "client", client->key);
    cJSON_AddStringToObject(object, "state", pn_case_state_name(change.state));
    pn_call_add_etag(call, version);
    pn_call_answer(call, 200, PN_TYPE_JSON, object);
}

// A day, "2027-01-15": the case is back on the list when it begins in Finland.
static enum pn_code read_again(struct pn_slice text, int64_t *ret_time_ms, struct pn_err *err)
{
    int64_t utc_ms = 0;
    bool is_good = text.len == 0 || (text.len == 10 && pn_time_parse(text, &utc_ms));
    struct pn_civil civil = {.hour = 0};
    pn_civil_from_days(utc_ms / PN_MS_PER_DAY, &civil.year, &civil.month, &civil.day);
    *ret_time_ms = 0;
    return is_good && (text.len == 0 || pn_civil_to_ms(&civil, zone, ret_time_ms))
               ? PN_OK
               : pn_err_set(err, PN_INVALID, "again", "must be a day, 2027-01-15");
}

void pn_worklist_set_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_client client;
    struct pn_err err;
    cJSON *body = NULL;
    struct pn_case_change change = {.again_ms = 0};
    pn_call_begin(&call, exchange, context);
    if (!pn_call_if_match(&call, &change.expected_version) || !pn_call_body(&call, &body)) {
        return;
    }
    change.state = pn_case_state_parse(pn_json_text(body, "state"));
    change.reason = pn_json_text(body, "reason");
    enum pn_code code = read_again(pn_json_text(body, "again"), &change.again_ms, &err);
    if (code == PN_OK && (change.state == PN_CASE_STATE_COUNT || change.state == PN_CASE_LAPSED)) {
        code = pn_err_set(&err, PN_INVALID, "state", "must be a state that a person can set");
    }
    if (code != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    if (pn_call_client(&call, pn_http_path_value(exchange, "id"), &client) &&
        pn_call_may(&call, PN_ACTION_WORKLIST_SET, &client, "state on the work list")) {
        set_state(&call, &client, change);
    }
}
