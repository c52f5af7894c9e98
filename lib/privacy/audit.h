// SPDX-License-Identifier: Apache-2.0
/*
 * The access trail: who did what with which client's data, why, and what was decided.
 *
 * Act 703/2023 10 §: a use record holds the data used, the provider whose data it is, the user, the
 * purpose and the time; a disclosure record also who got it and on what legal ground. Both are one
 * row here. Rows are only ever added. Each carries a MAC over itself and the MAC before it, so a
 * changed, removed or inserted row shows in pn_audit_verify; a tail that was cut off shows when the
 * head (number and MAC) that verify gives is compared with one noted earlier elsewhere.
 *
 * The table lives in the store of whoever writes it: put PN_AUDIT_SQL among its migrations. Where
 * several processes write, each row still takes the number after the last: one of two that meet
 * gets PN_CONFLICT and does its transaction again (pn_store_transact). Retention is 12 years (annex
 * of the act): nothing here deletes.
 */
#ifndef PN_PRIVACY_AUDIT_H
#define PN_PRIVACY_AUDIT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "privacy/privacy.h"
#include "store/store.h"

// For the migrations of the store that keeps the trail.
extern const char pn_audit_sql[];
#define PN_AUDIT_SQL pn_audit_sql

enum { PN_AUDIT_FIELD_BYTES_MAX = 512 };

struct pn_audit_record {
    int64_t number;           // given when added
    int64_t time_ms;          // 0 when adding: now
    struct pn_slice user;     // the token's name
    struct pn_slice role;     // "coordinator"
    struct pn_slice action;   // pn_action_name
    struct pn_slice purpose;  // why, as the caller says: "identification", "care-coordination"
    struct pn_slice client;   // client key; empty when no one client is concerned
    struct pn_slice what;     // the data: "timeline", "Encounter/…", "plan version 3"; no content
    struct pn_slice provider; // whose data: the register or source system; may be empty
    struct pn_slice recipient; // of a disclosure; empty for a use
    struct pn_slice basis;     // legal ground or permit of a disclosure; may be empty
    struct pn_slice rule;      // the policy row that decided
    bool is_allowed;
};

// Adds a row in the transaction that is open on `store`. PN_LIMIT when a field is too long.
PN_MUST_USE enum pn_code pn_audit_add(struct pn_store *store, const struct pn_privacy *privacy,
                                      const struct pn_audit_record *record, struct pn_err *err);

// The same in a transaction of its own.
PN_MUST_USE enum pn_code pn_audit_write(struct pn_store *store, const struct pn_privacy *privacy,
                                        const struct pn_audit_record *record, struct pn_err *err);

struct pn_audit_filter {
    struct pn_slice client;    // empty: any
    struct pn_slice user;      // empty: any
    int64_t from_ms, until_ms; // until 0: no end
    int64_t before_number;     // for the next page: the last number of the page before; 0: newest
};
// Newest first; fields live in the arena.
PN_MUST_USE enum pn_code pn_audit_read(struct pn_store *store, struct pn_arena *arena,
                                       const struct pn_audit_filter *filter,
                                       struct pn_audit_record *ret_records, unsigned record_max,
                                       unsigned *ret_count, struct pn_err *err);

struct pn_audit_head {
    int64_t number; // rows; they are numbered from 1 without gaps
    char mac[PN_MAC_TEXT_BYTES];
};
// Checks every row. PN_INVALID when the chain is broken: err->where names the first bad row.
PN_MUST_USE enum pn_code pn_audit_verify(struct pn_store *store, const struct pn_privacy *privacy,
                                         struct pn_audit_head *ret_head, struct pn_err *err);

// The record as a FHIR R4 AuditEvent. NULL when memory is exhausted.
cJSON *pn_audit_event(const struct pn_audit_record *record) PN_MUST_USE;

#endif
