// SPDX-License-Identifier: Apache-2.0
/*
 * The samples of an adapter: NAME.EXT is a message in, with NAME.expected.json beside it;
 * NAME.plan.json is a plan, with NAME.expected.json what the system gets and NAME.loss.json what of
 * the plan it does not get.
 */
#ifndef PN_SERVICES_TOOL_ADAPTER_SAMPLES_H
#define PN_SERVICES_TOOL_ADAPTER_SAMPLES_H

#include "map/adapter.h"

enum { PN_SAMPLES_MAX = 1024 };

// Names of the samples, ordered; no folder: none. They live in the arena.
PN_MUST_USE enum pn_code pn_adapter_samples(struct pn_arena *arena, const char *folder,
                                            const char **ret_names, unsigned *ret_count,
                                            struct pn_err *err);
// Runs one. PN_INVALID says what differs, or what is no valid FHIR. `update` writes what is made
// instead of comparing. `arena` is used up to its ceiling and may be reset afterwards.
PN_MUST_USE enum pn_code pn_adapter_sample_run(struct pn_adapter *adapter, struct pn_arena *arena,
                                               const char *folder, const char *name, bool update,
                                               struct pn_err *err);

#endif
