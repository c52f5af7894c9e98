// SPDX-License-Identifier: Apache-2.0
/*
 * What the commands over ingest's store have in common: opening it and saying what went wrong.
 */
#ifndef PN_SERVICES_INGEST_TOOL_H
#define PN_SERVICES_INGEST_TOOL_H

#include "base/arena.h"
#include "conf/config.h"
#include "privacy/access.h"
#include "privacy/privacy.h"
#include "store/store.h"

struct pn_ingest_tool {
    const struct pn_config *config;
    struct pn_arena *arena;
    struct pn_privacy *privacy;
    struct pn_store *store;
};

// The tool can be closed whatever came of it.
PN_MUST_USE enum pn_code pn_ingest_tool_open(struct pn_ingest_tool *tool,
                                             const struct pn_config *config, bool writes,
                                             struct pn_err *err);
void pn_ingest_tool_close(struct pn_ingest_tool *tool);
// Prints `punos: where: text` and returns the exit status.
int pn_ingest_tool_fail(const struct pn_err *err);
// Decides and writes the record that `what` was done by the person at the keyboard. PN_DENIED.
PN_MUST_USE enum pn_code pn_ingest_tool_record(struct pn_ingest_tool *tool, enum pn_action action,
                                               const char *what, const char *system,
                                               struct pn_err *err);

#endif
