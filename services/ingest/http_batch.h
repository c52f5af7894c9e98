// SPDX-License-Identifier: Apache-2.0
/*
 * A Bundle over HTTP whose entries stand for themselves: each is a message of its own, and the
 * answer says what became of each.
 *
 * The answer to a batch is a Bundle of type batch-response with as many entries in the same order
 * (FHIR R4 3.1.0.11.3), status 200; also to a collection or a history. A refused entry lies in
 * quarantine alone; the id of its OperationOutcome is the quarantine entry's. When any entry had to
 * be turned away the answer is 503 as a whole: what was accepted is known when it is sent again.
 */
#ifndef PN_SERVICES_INGEST_HTTP_BATCH_H
#define PN_SERVICES_INGEST_HTTP_BATCH_H

#include "net/http_server.h"
#include "services/ingest/intake.h"

// What became of one message, as an OperationOutcome; NULL when memory is exhausted.
cJSON *pn_ingest_outcome(const struct pn_intake_result *result);

// True when the message was such a Bundle: it is answered from now on. False: it is to be handled
// as one message (also when its entries together would become too much).
bool pn_http_batch_take(struct pn_http_exchange *exchange, struct pn_intake *intake,
                        const struct pn_intake_message *message);

#endif
