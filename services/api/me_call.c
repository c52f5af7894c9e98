// SPDX-License-Identifier: Apache-2.0
/*
 * GET /me: who the token is and what its roles may do, so that a page leaves out what would be
 * refused.
 */
#include "services/api/calls.h"

#include <stdio.h>

#include "services/api/api.h"

void pn_me_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    pn_call_begin(&call, exchange, context);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "name", call.caller->name);
    cJSON *roles = cJSON_AddArrayToObject(answer, "roles");
    for (unsigned i = 0; i < PN_ROLE_COUNT; i++) {
        enum pn_role role = (enum pn_role)(1U << i);
        if ((call.caller->roles & role) != 0) {
            cJSON_AddItemToArray(roles, cJSON_CreateString(pn_role_name(role)));
        }
    }
    cJSON *may = cJSON_AddArrayToObject(answer, "may");
    for (unsigned i = 0; i < PN_ACTION_COUNT; i++) {
        if (pn_caller_could(call.caller, (enum pn_action)i)) {
            cJSON_AddItemToArray(may, cJSON_CreateString(pn_action_name((enum pn_action)i)));
        }
    }
    cJSON *teams = cJSON_AddArrayToObject(answer, "teams");
    struct pn_slice rest = pn_slice_str(call.caller->teams);
    while (rest.len > 0) {
        const struct pn_slice team = pn_slice_split(rest, ',', &rest);
        char id[PN_TOKEN_TEAMS_BYTES];
        (void)snprintf(id, sizeof id, "%.*s", PN_SLICE_FMT(team));
        cJSON_AddItemToArray(teams, cJSON_CreateString(id));
    }
    pn_call_answer(&call, 200, PN_TYPE_JSON, answer);
}
