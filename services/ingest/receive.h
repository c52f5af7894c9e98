// SPDX-License-Identifier: Apache-2.0
/*
 * The four ways in: MLLP, HTTP, watched folders, and asking. Each hands what it receives to the
 * intake and tells its sender, if there is one, what became of it, in the sender's own form.
 */
#ifndef PN_SERVICES_INGEST_RECEIVE_H
#define PN_SERVICES_INGEST_RECEIVE_H

#include <event2/event.h>

#include "conf/config.h"
#include "privacy/token.h"
#include "services/ingest/intake.h"

struct pn_receive_parts {
    struct event_base *base;
    const struct pn_config *config;
    struct pn_ingest_systems *systems;
    struct pn_intake *intake;
    struct pn_tokens *tokens; // HTTP only
    struct pn_store *store;   // polling only
};

// A listener for each system with a `listen` address. The acknowledgement is AA when the message is
// durable, AE when it could not be understood or the hub is full, AR when no mapping takes it.
struct pn_receive_mllp;
PN_MUST_USE enum pn_code pn_receive_mllp_open(const struct pn_receive_parts *parts,
                                              struct pn_receive_mllp **ret_receive,
                                              struct pn_err *err);
void pn_receive_mllp_close(struct pn_receive_mllp *receive); // takes NULL

// POST /in/{system}, POST /in/{system}/fhir, POST /in/{system}/fhir/{type}, PUT
// /in/{system}/fhir/{type}/{id}, with a bearer token of the role integration or admin. Answers are
// OperationOutcomes: 201 (a Bundle, a PUT or a repeated message: 200), 422 with place and reason,
// 503 while the stream is away. Of a Bundle whose entries stand alone see http_batch.h. NULL when
// nobody sends by HTTP.
struct pn_receive_http;
PN_MUST_USE enum pn_code pn_receive_http_open(const struct pn_receive_parts *parts,
                                              struct pn_receive_http **ret_receive,
                                              struct pn_err *err);
void pn_receive_http_close(struct pn_receive_http *receive); // takes NULL
unsigned pn_receive_http_port(const struct pn_receive_http *receive);

// A watched folder for each system that drops files: the configured drop_folder, else
// DATA/drop/<system>/in. A file is taken at once when it was renamed into the folder, else when it
// was closed or left alone and has not changed for a while. Names that begin with a dot or end in
// .part or .tmp are not looked at. The file goes to done/ or rejected/ inside the folder, beside
// <name>.receipt.json.
struct pn_receive_drop;
PN_MUST_USE enum pn_code pn_receive_drop_open(const struct pn_receive_parts *parts,
                                              struct pn_receive_drop **ret_receive,
                                              struct pn_err *err);
void pn_receive_drop_close(struct pn_receive_drop *receive); // takes NULL

// Asks the FHIR server of each system with a `poll` address for what has changed, type by type, and
// hands each resource to the intake with the Patient it is about. A type's cursor moves when all
// before it is durable on the stream or in quarantine. A fault of the system, or of one type, is
// waited out with a growing back-off and told once; the other systems do not notice. Of several
// processes one asks a system (poll_store.h). NULL when nobody is polled.
struct pn_receive_poll;
PN_MUST_USE enum pn_code pn_receive_poll_open(const struct pn_receive_parts *parts,
                                              struct pn_receive_poll **ret_receive,
                                              struct pn_err *err);
void pn_receive_poll_report(struct pn_receive_poll *receive, int64_t now_ms); // metrics; takes NULL
void pn_receive_poll_close(struct pn_receive_poll *receive);                  // takes NULL

#endif
