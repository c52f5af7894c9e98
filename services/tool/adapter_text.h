// SPDX-License-Identifier: Apache-2.0
/*
 * What an adapter makes of a sample, as JSON to be kept beside it and compared.
 *
 * Clock, document id and system name are fixed, so the same sample always gives the same text.
 */
#ifndef PN_SERVICES_TOOL_ADAPTER_TEXT_H
#define PN_SERVICES_TOOL_ADAPTER_TEXT_H

#include "map/adapter.h"

// The message as persons and events, or {"refused": {code, where, text}}; a file that is a list as
// {"records": [...]} with one of these for each record, and its line. *ret_fault is NULL, or
// what in it is no valid FHIR R4. Made in `arena`; NULL when memory is exhausted. `name` is the
// file's name.
cJSON *pn_adapter_sample_in(const struct pn_adapter *adapter, struct pn_arena *arena,
                            const char *name, struct pn_slice bytes, const char **ret_fault);
// A plan, {plan, patient, previous, clientships, withdrawn, system} or a CarePlan alone (then of a
// made-up person), as the system's documents, their lines apart.
cJSON *pn_adapter_sample_out(const struct pn_adapter *adapter, struct pn_arena *arena,
                             struct pn_slice bytes);
// The same as pn_adapter_encode takes it.
PN_MUST_USE enum pn_code pn_adapter_sample_plan(const struct pn_adapter *adapter,
                                                struct pn_arena *arena, struct pn_slice bytes,
                                                struct pn_plan_out *ret_plan, struct pn_err *err);
PN_MUST_USE enum pn_code pn_adapter_sample_encode(const struct pn_adapter *adapter,
                                                  struct pn_arena *arena, struct pn_slice bytes,
                                                  const struct pn_document_out **ret_document,
                                                  struct pn_err *err);
// Indented by two spaces, with a line end; in the arena. NULL when memory is exhausted.
char *pn_adapter_pretty(struct pn_arena *arena, const cJSON *json);
// Where the two differ first ("events[0].resource.status"), in the arena; NULL when they do not.
const char *pn_adapter_difference(struct pn_arena *arena, const cJSON *made, const cJSON *expected);

#endif
