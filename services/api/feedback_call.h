// SPDX-License-Identifier: Apache-2.0
/*
 * Calls that wait for the figures of feedback. Inside services/api only.
 */
#ifndef PN_SERVICES_API_FEEDBACK_CALL_H
#define PN_SERVICES_API_FEEDBACK_CALL_H

#include "services/api/api.h"

PN_MUST_USE enum pn_code pn_feedback_calls_open(struct pn_api *api, struct pn_err *err);
// After the server is closed: it has ended the exchanges that wait.
void pn_feedback_calls_close(struct pn_api *api);

#endif
