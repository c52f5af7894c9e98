// SPDX-License-Identifier: Apache-2.0
/*
 * What lies beside a dropped file when it has been taken or refused: NAME.receipt.json.
 *
 * One message: outcome accepted or rejected; events, or code, place, reason and quarantine.
 * A list: outcome accepted (all of it), partly, or rejected (none of it, or not to the end); how
 * many records were accepted, repeated and refused, and of each refused one its line, place, reason
 * and quarantine, up to PN_DROP_LIST_REFUSALS_MAX.
 */
#ifndef PN_SERVICES_INGEST_DROP_RECEIPT_H
#define PN_SERVICES_INGEST_DROP_RECEIPT_H

#include "services/ingest/drop_list.h"

enum { PN_DROP_RECEIPT_BYTES_MAX = 512 * 1024 };

struct pn_drop_receipt {
    const char *system;
    const char *file_name; // as it is in the folder
};

// The buffer stays empty when memory is exhausted.
void pn_drop_receipt_of_message(const struct pn_drop_receipt *about,
                                const struct pn_intake_result *result, struct pn_buf *out);
void pn_drop_receipt_of_list(const struct pn_drop_receipt *about,
                             const struct pn_drop_list_result *result, struct pn_buf *out);
// Goes to done/: its sender need not send it again.
bool pn_drop_list_is_accepted(const struct pn_drop_list_result *result);

#endif
