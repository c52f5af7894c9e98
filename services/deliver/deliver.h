// SPDX-License-Identifier: Apache-2.0
/*
 * The deliver service (station 9): see deliver.c.
 */
#ifndef PN_DELIVER_DELIVER_H
#define PN_DELIVER_DELIVER_H

#include "run/run.h"

const struct pn_service *pn_service_deliver(void);

#endif
