// SPDX-License-Identifier: Apache-2.0
/*
 * The timeline service (station 5): see timeline.c.
 */
#ifndef PN_TIMELINE_TIMELINE_H
#define PN_TIMELINE_TIMELINE_H

#include "run/run.h"

const struct pn_service *pn_service_timeline(void);

#endif
