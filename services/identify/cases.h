// SPDX-License-Identifier: Apache-2.0
/*
 * A client's row on the work list. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_CASES_H
#define PN_IDENTIFY_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "store/store.h"

// What evaluation found of a client, all rules together.
struct pn_case_sum {
    int64_t client;
    int64_t now_ms;
    int64_t trigger_count, rank;
    bool has_told;         // something was told: only then is the row written
    struct pn_slice unit;  // of the counted events; empty: as it was
    struct pn_slice rules; // ids of those that hold, a comma between
};

// Puts the client on the list, moves it, or lets it lapse when nothing holds and nobody has begun.
// What a person has set stays.
PN_MUST_USE enum pn_code pn_case_settle(struct pn_store *store, const struct pn_case_sum *sum,
                                        struct pn_err *err);

#endif
