// SPDX-License-Identifier: Apache-2.0
#include "services/api/plan_view.h"

#include <string.h>

#include "services/api/bundle.h"

static cJSON *team_of(cJSON *plan)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(plan, "contained"))
    {
        if (pn_slice_is(pn_json_text(item, "resourceType"), "CareTeam")) {
            return cJSON_Duplicate(item, true);
        }
    }
    return NULL;
}

enum pn_code pn_plan_view(struct pn_call *call, const struct pn_plan_row *row,
                          const char *resource_type, cJSON **ret_resource, struct pn_err *err)
{
    cJSON *plan = NULL;
    enum pn_code code = pn_plan_content(call->api->plans, call->api->privacy, row, &plan, err);
    if (code != PN_OK) {
        return code;
    }
    if (strcmp(resource_type, "CareTeam") != 0) {
        *ret_resource = plan;
        return PN_OK;
    }
    cJSON *team = team_of(plan);
    if (team == NULL || !pn_json_set_text(team, "id", pn_slice_str(row->id)) ||
        !pn_resource_set_meta(team, row->version, row->written_ms)) {
        return pn_err_set(err, PN_LIMIT, "CareTeam", "the plan's team does not fit into memory");
    }
    *ret_resource = team;
    return PN_OK;
}
