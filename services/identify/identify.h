// SPDX-License-Identifier: Apache-2.0
/*
 * The identify service (station 6): see identify.c.
 */
#ifndef PN_IDENTIFY_IDENTIFY_H
#define PN_IDENTIFY_IDENTIFY_H

#include "run/run.h"

const struct pn_service *pn_service_identify(void);

#endif
