// SPDX-License-Identifier: Apache-2.0
/*
 * The functions behind invariant_table.c, each named by the invariant's key; true when it holds.
 */
#ifndef PN_FHIR_INVARIANT_CALLS_H
#define PN_FHIR_INVARIANT_CALLS_H

#include "fhir/validate.h"

bool pn_fhir_age_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_cnt_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_dis_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_drt_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_per_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_rng_2(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_rat_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_tim_4(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_tim_5(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_tim_9(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_trd_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_app_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_app_4(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_2(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_4(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_8(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_9(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_10(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_11(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_bdl_12(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_cpb_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_cpb_14(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_cpb_15(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_cpb_16(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_cpb_9(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_ctm_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_con_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_con_4(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_con_5(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_grp_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_obs_7(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_org_2(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_org_3(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_parameter_inv_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_ras_1(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_ras_2(const cJSON *node, const struct pn_fhir_check *check);
bool pn_fhir_task_inv_1(const cJSON *node, const struct pn_fhir_check *check);

#endif
