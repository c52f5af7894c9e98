// SPDX-License-Identifier: Apache-2.0
/*
 * The plan service (station 7): see plan.c.
 */
#ifndef PN_SERVICES_PLAN_PLAN_H
#define PN_SERVICES_PLAN_PLAN_H

#include "run/run.h"

const struct pn_service *pn_service_plan(void);

#endif
