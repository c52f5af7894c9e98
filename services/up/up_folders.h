// SPDX-License-Identifier: Apache-2.0
/*
 * The data folder of a hub: its parts with their modes, and the lock that keeps a second hub out.
 */
#ifndef PN_SERVICES_UP_FOLDERS_H
#define PN_SERVICES_UP_FOLDERS_H

#include "base/err.h"
#include "conf/config.h"

// The data folder and store, stream, run, secrets and drop/SYSTEM in it, all for the owner only.
// Folders that exist keep their mode.
PN_MUST_USE enum pn_code pn_up_make_folders(const struct pn_config *config, struct pn_err *err);

// The lock ends with the descriptor. PN_CONFLICT when another hub runs on this folder.
PN_MUST_USE enum pn_code pn_up_lock(const struct pn_config *config, int *ret_lock,
                                    struct pn_err *err);

// Whether `punos up` runs on this data folder.
bool pn_up_is_running(const struct pn_config *config);

#endif
