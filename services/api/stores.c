// SPDX-License-Identifier: Apache-2.0
#include "services/api/api.h"

#include "base/log.h"
#include "services/api/loss_systems.h"
#include "services/deliver/deliver_read.h"
#include "services/identify/worklist/teams.h"
#include "services/identify/feedback/feedback_read.h"
#include "services/plan/plan_read.h"

enum pn_code pn_api_open_timeline(struct pn_api *api, struct pn_err *err)
{
    return api->timeline != NULL ? PN_OK : pn_timeline_open(api->config, &api->timeline, err);
}

enum pn_code pn_api_open_worklist(struct pn_api *api, struct pn_err *err)
{
    return api->worklist != NULL ? PN_OK : pn_worklist_open(api->config, &api->worklist, err);
}

enum pn_code pn_api_open_case_writer(struct pn_api *api, struct pn_err *err)
{
    return api->case_writer != NULL ? PN_OK
                                    : pn_identify_writer_open(api->config, &api->case_writer, err);
}

enum pn_code pn_api_open_feedback(struct pn_api *api, struct pn_err *err)
{
    return api->feedback != NULL ? PN_OK
                                 : pn_feedback_reader_open(api->config, &api->feedback, err);
}

enum pn_code pn_api_open_teams(struct pn_api *api, struct pn_err *err)
{
    struct pn_err told;
    enum pn_code code = PN_OK;
    if (api->teams_follower == NULL) {
        code = pn_teams_follower_open(api->config->teams_file, &api->teams_follower, err);
    } else if (pn_teams_follow(api->teams_follower, &told) == PN_TEAMS_REFUSED) {
        pn_log_error("the changed file of teams can't be read: the one before stays in force",
                     &told);
    }
    if (code == PN_OK) {
        api->teams = pn_teams_followed(api->teams_follower);
    }
    return code;
}

enum pn_code pn_api_open_plans(struct pn_api *api, struct pn_err *err)
{
    return api->plans != NULL ? PN_OK : pn_plan_store_open(api->config, &api->plans, err);
}

enum pn_code pn_api_open_deliveries(struct pn_api *api, struct pn_err *err)
{
    return api->deliveries != NULL ? PN_OK
                                   : pn_deliver_store_open(api->config, &api->deliveries, err);
}

void pn_api_close_stores(struct pn_api *api)
{
    pn_timeline_close(api->timeline);
    pn_worklist_close(api->worklist);
    pn_identify_writer_close(api->case_writer);
    pn_teams_follower_close(api->teams_follower);
    pn_feedback_reader_close(api->feedback);
    pn_feedback_reader_close(api->feedback_metrics);
    pn_store_close(api->plans);
    pn_store_close(api->deliveries);
    pn_loss_systems_close(api->loss_systems);
}
