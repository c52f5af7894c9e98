// SPDX-License-Identifier: Apache-2.0
/*
 * The API process (station 8, show): what its calls share. Inside services/api only.
 *
 * Every call is a function over one HTTP exchange. It begins with pn_call_begin, which points the
 * JSON allocator at the exchange's arena; asks pn_call_may before it touches a client's data, which
 * writes the access record, also for a no; and answers exactly once.
 *
 * Other services' stores are opened when they are first needed and again after they were away, so
 * the API starts before them and answers 503 for what is not there yet.
 */
#ifndef PN_SERVICES_API_API_H
#define PN_SERVICES_API_API_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/err.h"
#include "fhir/fhir.h"
#include "net/http_server.h"
#include "privacy/access.h"
#include "privacy/token.h"
#include "run/run.h"
#include "run/tls.h"
#include "services/identify/worklist/identify_write.h"
#include "services/identify/worklist/worklist_read.h"
#include "services/plan/plan_read.h"
#include "services/timeline/timeline_read.h"

struct pn_feed_hub;
struct pn_feedback_calls;
struct pn_feedback_reader;
struct pn_loss_systems;
struct pn_teams;
struct pn_teams_follower;

struct pn_api {
    struct pn_run *run;
    const struct pn_config *config;
    const struct pn_privacy *privacy;
    struct pn_run_tls *tls; // NULL: plain
    struct pn_http_server *server;
    struct pn_tokens *tokens;
    struct pn_feed_hub *feed; // the live event feed
    struct pn_timeline *timeline;
    struct pn_worklist *worklist;
    struct pn_identify_writer *case_writer;
    struct pn_teams_follower *teams_follower; // NULL until it is needed
    const struct pn_teams *teams;             // of the work list, as pn_api_open_teams found them
    struct pn_feedback_reader *feedback;
    struct pn_feedback_calls *feedback_calls;    // that wait for its figures
    struct pn_feedback_reader *feedback_metrics; // their own: they are read part by part
    bool is_reading_feedback;                    // for the metrics
    int64_t feedback_told_ms; // when its metrics were begun, by the monotonic clock; 0: not yet
    struct pn_store *plans;
    struct pn_store *deliveries;
    struct pn_loss_systems *loss_systems; // what takes plans, for the loss report
};

// One exchange being handled.
struct pn_call {
    struct pn_api *api;
    struct pn_http_exchange *exchange;
    struct pn_arena *arena;
    const struct pn_caller *caller;
    struct pn_access access; // the last decision
    // The contact that shows the relationship, "Encounter/<id>", when the body names it; empty: the
    // header Punos-Relationship does.
    struct pn_slice relationship;
    enum pn_sector sector; // of that contact, once pn_call_may has asked; unknown: none is shown
};

void pn_call_begin(struct pn_call *call, struct pn_http_exchange *exchange, void *context);

// Decides, and writes the access record: `what` names the data. False when the answer is no: then
// it has answered (403, or 503 when the record could not be written: nothing is shown unrecorded).
// `client` may be NULL when no one client is concerned.
PN_MUST_USE bool pn_call_may(struct pn_call *call, enum pn_action action,
                             const struct pn_client *client, const char *what);
// Around the pn_call_may of an answer that shows many clients: their records are made durable
// together, by pn_call_records_end, and nothing may be answered before it. A pn_call_may that says
// no ends it by itself. False: it has answered (503).
PN_MUST_USE bool pn_call_records_begin(struct pn_call *call);
PN_MUST_USE bool pn_call_records_end(struct pn_call *call);
// Only the decision by role; nothing is written or answered. To leave out of a view what may not be
// asked for.
bool pn_caller_could(const struct pn_caller *caller, enum pn_action action);

// The client of that key, as the timeline knows it today. False: it has answered.
PN_MUST_USE bool pn_call_client(struct pn_call *call, struct pn_slice key,
                                struct pn_client *ret_client);
// The plan of the path's `id` and its client, when pn_call_may allows the action: `what` names
// which data of the plan. False: it has answered.
PN_MUST_USE bool pn_call_plan(struct pn_call *call, enum pn_action action, const char *what,
                              struct pn_plan_row *ret_row, struct pn_client *ret_client);

// Before every call: who is calling. The server's `before`.
bool pn_api_gate(struct pn_http_exchange *exchange, void *context);

// --- Other services' stores ----------------------------------------------------------------------

// The handles in struct pn_api, open. PN_UNAVAILABLE while the owner has not made its store.
PN_MUST_USE enum pn_code pn_api_open_timeline(struct pn_api *api, struct pn_err *err);
PN_MUST_USE enum pn_code pn_api_open_worklist(struct pn_api *api, struct pn_err *err);
PN_MUST_USE enum pn_code pn_api_open_case_writer(struct pn_api *api, struct pn_err *err);
PN_MUST_USE enum pn_code pn_api_open_teams(struct pn_api *api, struct pn_err *err);
PN_MUST_USE enum pn_code pn_api_open_feedback(struct pn_api *api, struct pn_err *err);
PN_MUST_USE enum pn_code pn_api_open_plans(struct pn_api *api, struct pn_err *err);
PN_MUST_USE enum pn_code pn_api_open_deliveries(struct pn_api *api, struct pn_err *err);
void pn_api_close_stores(struct pn_api *api);

// --- Answers -------------------------------------------------------------------------------------

#define PN_TYPE_FHIR "application/fhir+json; charset=utf-8"
#define PN_TYPE_JSON "application/json; charset=utf-8"

enum { PN_ETAG_BYTES = 32 };

// Prints and answers. Never cached by anybody.
void pn_call_answer(struct pn_call *call, int status, const char *content_type, const cJSON *body);
void pn_call_answer_error(struct pn_call *call, const struct pn_err *err);
void pn_call_answer_status(struct pn_call *call, int status, const struct pn_err *err);
// A report as an OperationOutcome.
void pn_call_answer_report(struct pn_call *call, int status, const struct pn_fhir_report *report);
// The error body of the server: an OperationOutcome.
const char *pn_api_error_body(int status, const struct pn_err *err, struct pn_buf *ret_body);

void pn_etag_format(int64_t version, char ret_etag[static PN_ETAG_BYTES]);
void pn_call_add_etag(struct pn_call *call, int64_t version);
void pn_call_add_last_modified(struct pn_call *call, int64_t time_ms);
// True when If-None-Match holds that version: it has answered 304.
PN_MUST_USE bool pn_call_is_unchanged(struct pn_call *call, int64_t version);
// The version in If-Match. False: it has answered (428 when it is missing, 400 when it is
// malformed).
PN_MUST_USE bool pn_call_if_match(struct pn_call *call, int64_t *ret_version);
// The request's body as JSON of an accepted content type. False: it has answered.
PN_MUST_USE bool pn_call_body(struct pn_call *call, cJSON **ret_body);
// "http://host:port", from the Host header when it is a plausible one.
const char *pn_call_base_url(struct pn_call *call);

// --- Small JSON help -----------------------------------------------------------------------------

// A moment as RFC 3339 text; left out when 0.
void pn_json_add_time(cJSON *object, const char *member, int64_t time_ms);
void pn_json_add_slice(cJSON *object, const char *member, struct pn_slice text);

#endif
