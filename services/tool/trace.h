// SPDX-License-Identifier: Apache-2.0
/*
 * A message's fields in order, the rows that read each, and what it became (`adapter trace`).
 *
 * A field is what holds a text of its own: an HL7 v2 component, an XML attribute or element, a JSON
 * value, a CSV column; in the message and in what the adapter opened of it.
 */
#ifndef PN_SERVICES_TOOL_TRACE_H
#define PN_SERVICES_TOOL_TRACE_H

#include <stdio.h>

#include "map/reads.h"

struct pn_trace_field {
    const char *path; // PID-3[2].4.2, /ClinicalDocument/id/@root, /entry[2]/resource/id
    const struct pn_node *node;
    unsigned tree;
    const struct pn_adapter_read **reads; // in the order in which they happened
    unsigned read_count;
};

struct pn_trace {
    const struct pn_adapter_reads *reads;
    const struct pn_read_tree *trees;
    unsigned tree_count;
    struct pn_trace_field *fields;
    unsigned field_count, unread_count;
    struct pn_slice message_type;
    bool is_refused;
    struct pn_err refusal;
    const char *refusal_file; // NULL: no row refused it
    unsigned refusal_line;
};

// From what the last decoding left in `reads`. Lives in `arena`.
PN_MUST_USE enum pn_code pn_trace_make(struct pn_arena *arena, const struct pn_adapter_reads *reads,
                                       struct pn_trace *ret_trace, struct pn_err *err);
// For a terminal `width` is its columns, and columns are aligned; 0: fields with a tab between.
void pn_trace_print(const struct pn_trace *trace, bool only_unread, unsigned width, FILE *out);
// NULL when memory is exhausted.
cJSON *pn_trace_json(struct pn_arena *arena, const struct pn_trace *trace, bool only_unread);
// "event 1 visit.finished: period.end", "what it became" in words; in the arena or fixed.
const char *pn_trace_became(struct pn_arena *arena, const struct pn_adapter_read *read);

#endif
