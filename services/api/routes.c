// SPDX-License-Identifier: Apache-2.0
#include "services/api/calls.h"

#include "base/attr.h"

#define READ_AND_SEARCH(type)                                                                      \
    {PN_HTTP_GET, "/fhir/" type, pn_fhir_search_call},                                             \
        {PN_HTTP_POST, "/fhir/" type "/_search", pn_fhir_search_call},                             \
    {                                                                                              \
        PN_HTTP_GET, "/fhir/" type "/{id}", pn_fhir_read_call                                      \
    }

const struct pn_http_route pn_api_routes[] = {
    {PN_HTTP_GET, "/fhir/metadata", pn_fhir_metadata_call},
    {PN_HTTP_POST, "/fhir/Patient/_search", pn_patient_search_call},
    {PN_HTTP_GET, "/fhir/Patient", pn_patient_refuse_call},
    {PN_HTTP_GET, "/fhir/Patient/{id}", pn_patient_read_call},
    {PN_HTTP_GET, "/fhir/Patient/{id}/$timeline", pn_timeline_call},
    {PN_HTTP_GET, "/fhir/Patient/{id}/$identity", pn_patient_identity_call},
    {PN_HTTP_POST, "/fhir/Patient/$unmerge", pn_patient_unmerge_call},
    READ_AND_SEARCH("Encounter"),
    READ_AND_SEARCH("Appointment"),
    READ_AND_SEARCH("EpisodeOfCare"),
    READ_AND_SEARCH("Condition"),
    READ_AND_SEARCH("DetectedIssue"),
    READ_AND_SEARCH("Flag"),
    READ_AND_SEARCH("CarePlan"),
    READ_AND_SEARCH("CareTeam"),
    {PN_HTTP_POST, "/fhir/CarePlan", pn_plan_create_call},
    {PN_HTTP_PUT, "/fhir/CarePlan/{id}", pn_plan_update_call},
    {PN_HTTP_DELETE, "/fhir/CarePlan/{id}", pn_plan_withdraw_call},
    {PN_HTTP_GET, "/fhir/CarePlan/{id}/_history", pn_plan_history_call},
    {PN_HTTP_GET, "/fhir/CarePlan/{id}/_history/{version}", pn_plan_version_call},
    {PN_HTTP_GET, "/fhir/CarePlan/{id}/$delivery-state", pn_delivery_state_call},
    {PN_HTTP_POST, "/fhir/Flag", pn_case_open_call},
    {PN_HTTP_PUT, "/fhir/Flag/{id}", pn_case_update_call},
    {PN_HTTP_GET, "/deliveries", pn_delivery_list_call},
    {PN_HTTP_GET, "/fhir/CarePlan/{id}/$loss-report", pn_plan_loss_call},
    {PN_HTTP_POST, "/fhir/CarePlan/$loss-report", pn_plan_loss_body_call},
    {PN_HTTP_GET, "/worklist", pn_worklist_call},
    {PN_HTTP_GET, "/worklist/{id}", pn_worklist_case_call},
    {PN_HTTP_PUT, "/worklist/{id}", pn_worklist_set_call},
    {PN_HTTP_GET, "/clients/{id}/triggers", pn_client_triggers_call},
    {PN_HTTP_GET, "/cds-services", pn_cds_discovery_call},
    {PN_HTTP_POST, "/cds-services/{service}", pn_cds_service_call},
    {PN_HTTP_POST, "/cds-services/{service}/feedback", pn_cds_feedback_call},
    {PN_HTTP_GET, "/rules/feedback", pn_rules_feedback_call},
    {PN_HTTP_GET, "/rules/feedback.csv", pn_rules_feedback_call},
    {PN_HTTP_GET, "/feed", pn_feed_call},
    {PN_HTTP_GET, "/me", pn_me_call},
    {PN_HTTP_GET, "/metrics", pn_metrics_call},
    {PN_HTTP_GET, "/healthz", pn_health_call},
    {PN_HTTP_GET, "/readyz", pn_ready_call},
    {PN_HTTP_GET, "/", pn_page_call},
    {PN_HTTP_GET, "/web/{file}", pn_page_call},
};
const unsigned pn_api_route_count = PN_ARRAY_COUNT(pn_api_routes);
