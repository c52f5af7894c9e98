// SPDX-License-Identifier: Apache-2.0
/*
 * The API service (station 8): see api.c.
 */
#ifndef PN_SERVICES_API_SERVICE_H
#define PN_SERVICES_API_SERVICE_H

#include "run/run.h"

const struct pn_service *pn_service_api(void);

#endif
