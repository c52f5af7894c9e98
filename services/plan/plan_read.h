// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the plan store: the current version of a plan, any version of it, its history, and lists.
 *
 * Used by the plan service and, on a handle of its own, by the API. Contents are sealed at rest and
 * opened here; who may see them is the caller's business. Client keys are the present ones, after
 * every merge that the plan service has followed.
 */
#ifndef PN_SERVICES_PLAN_READ_H
#define PN_SERVICES_PLAN_READ_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/limits.h"
#include "base/slice.h"
#include "privacy/privacy.h"
#include "store/store.h"

enum { PN_PLAN_STATUS_BYTES = 24, PN_PLAN_DATE_BYTES = 11, PN_PLAN_AUTHOR_BYTES = 128 };

struct pn_plan_row {
    char id[PN_UUID_TEXT_BYTES];
    char client_key[PN_CLIENT_KEY_TEXT_BYTES];
    int64_t version;
    char status[PN_PLAN_STATUS_BYTES]; // active, completed, revoked, entered-in-error
    char period_start[PN_PLAN_DATE_BYTES];
    char period_end[PN_PLAN_DATE_BYTES];
    char author[PN_PLAN_AUTHOR_BYTES]; // who wrote this version
    int64_t created_ms;
    int64_t written_ms; // when this version was written
};

// The plan store for the API: PN_UNAVAILABLE until the plan service has made it.
PN_MUST_USE enum pn_code pn_plan_store_open(const struct pn_config *config,
                                            struct pn_store **ret_store, struct pn_err *err);

// PN_NOT_FOUND when there is no such plan.
PN_MUST_USE enum pn_code pn_plan_current(struct pn_store *store, struct pn_slice id,
                                         struct pn_plan_row *ret_row, struct pn_err *err);
PN_MUST_USE enum pn_code pn_plan_version(struct pn_store *store, struct pn_slice id,
                                         int64_t version, struct pn_plan_row *ret_row,
                                         struct pn_err *err);
// Newest first.
PN_MUST_USE enum pn_code pn_plan_history(struct pn_store *store, struct pn_slice id,
                                         struct pn_plan_row *ret_rows, size_t row_max,
                                         size_t *ret_count, struct pn_err *err);

// The full CarePlan of a version. The JSON lives in the current JSON arena.
PN_MUST_USE enum pn_code pn_plan_content(struct pn_store *store, const struct pn_privacy *privacy,
                                         const struct pn_plan_row *row, cJSON **ret_plan,
                                         struct pn_err *err);

// Current versions, newest written first. Unset members ("" and 0) do not filter.
struct pn_plan_query {
    struct pn_slice client_key;
    const char *status;
    int64_t written_from_ms, written_to_ms; // from included, to not; to 0 means no end
    struct pn_slice period_from, period_to; // dates; plans whose period overlaps them
    // The last row of the page before; 0 for the first page.
    int64_t after_written_ms;
    struct pn_slice after_id;
};
PN_MUST_USE enum pn_code pn_plan_list(struct pn_store *store, const struct pn_plan_query *query,
                                      struct pn_plan_row *ret_rows, size_t row_max,
                                      size_t *ret_count, struct pn_err *err);

// The key that stands for a client after the merges known here; `client_key` itself when none does.
PN_MUST_USE enum pn_code pn_plan_client_present(struct pn_store *store, struct pn_slice client_key,
                                                char ret_key[static PN_CLIENT_KEY_TEXT_BYTES],
                                                struct pn_err *err);

#endif
