// SPDX-License-Identifier: Apache-2.0
/*
 * A dropped file that is a list of messages: its records go through the intake some at a time, each
 * accepted or refused by itself. A record that is refused lies in quarantine alone, with the file's
 * name and its line; the others are not touched.
 *
 * The same file again, or a corrected one with most of the records the same, is the same events:
 * their ids come from the records.
 */
#ifndef PN_SERVICES_INGEST_DROP_LIST_H
#define PN_SERVICES_INGEST_DROP_LIST_H

#include "services/ingest/intake.h"

enum {
    PN_DROP_LIST_REFUSALS_MAX = 500, // that are told one by one
    // So many refused records, and the rest of the file is not tried: it is another kind of file.
    PN_DROP_LIST_REFUSED_MAX = 10 * 1000
};

struct pn_drop_refusal {
    unsigned line;
    struct pn_err err;
    char quarantine_id[PN_UUID_TEXT_BYTES];
};

struct pn_drop_list_result {
    bool is_turned_away; // the hub was full or stopped: the file is to be taken again
    bool is_stopped;     // the rest of the file was not tried; `err` says why
    struct pn_err err;
    unsigned accepted, repeated, refused; // records
    unsigned event_count;
    const struct pn_drop_refusal *refusals; // during the call
    unsigned refusal_count;
};

struct pn_drop_list_parts {
    struct pn_intake *intake;
    struct pn_ingest_system *system;
    const char *file_name;
    // Exactly once, from the loop or already from the start. The list is gone after it.
    void (*done)(const struct pn_drop_list_result *result, void *context);
    void *context;
};

// Takes the buffer's bytes over. Refuses a file as a whole that cannot be taken apart; then the
// bytes stay the caller's.
PN_MUST_USE enum pn_code pn_drop_list_start(const struct pn_drop_list_parts *parts,
                                            struct pn_buf *bytes, struct pn_err *err);

#endif
