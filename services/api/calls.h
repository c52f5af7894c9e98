// SPDX-License-Identifier: Apache-2.0
/*
 * The calls, each a handler of the route table (routes.c), grouped by the file they stand in.
 */
#ifndef PN_SERVICES_API_CALLS_H
#define PN_SERVICES_API_CALLS_H

#include "net/http_server.h"

typedef void pn_call_handler(struct pn_http_exchange *exchange, void *context);

pn_call_handler pn_fhir_metadata_call;  // metadata.c
pn_call_handler pn_fhir_search_call;    // fhir_search.c
pn_call_handler pn_fhir_read_call;      // fhir_read.c
pn_call_handler pn_patient_search_call; // patient_call.c
pn_call_handler pn_patient_refuse_call;
pn_call_handler pn_patient_read_call;
pn_call_handler pn_patient_identity_call;
pn_call_handler pn_patient_unmerge_call;
pn_call_handler pn_timeline_call; // timeline_call.c
pn_call_handler pn_worklist_call; // worklist_call.c
pn_call_handler pn_worklist_case_call;
pn_call_handler pn_worklist_set_call;
pn_call_handler pn_cds_discovery_call; // cds_call.c
pn_call_handler pn_cds_service_call;
pn_call_handler pn_cds_feedback_call;    // cds_feedback.c
pn_call_handler pn_client_triggers_call; // trigger_call.c
pn_call_handler pn_plan_create_call;     // plan_call.c
pn_call_handler pn_plan_update_call;
pn_call_handler pn_plan_withdraw_call;
pn_call_handler pn_plan_history_call;
pn_call_handler pn_plan_version_call;
pn_call_handler pn_case_open_call; // case_call.c
pn_call_handler pn_case_update_call;
pn_call_handler pn_plan_loss_call; // loss_call.c
pn_call_handler pn_plan_loss_body_call;
pn_call_handler pn_delivery_state_call; // delivery_call.c
pn_call_handler pn_delivery_list_call;  // delivery_list_call.c
pn_call_handler pn_rules_feedback_call; // feedback_call.c
pn_call_handler pn_feed_call;           // feed.c
pn_call_handler pn_me_call;             // me_call.c
pn_call_handler pn_metrics_call;        // metrics.c
pn_call_handler pn_health_call;         // health.c
pn_call_handler pn_ready_call;
pn_call_handler pn_page_call; // page.c

extern const struct pn_http_route pn_api_routes[];
extern const unsigned pn_api_route_count;

#endif
