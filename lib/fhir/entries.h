// SPDX-License-Identifier: Apache-2.0
/*
 * The entries of a FHIR R4 Bundle as messages of their own.
 *
 * In a batch, collection, history or searchset every entry stands for itself (FHIR R4 3.1.0.11.1:
 * a batch's entries may not depend on each other); in a transaction, message or document they are
 * one whole. An entry becomes a small Bundle of type collection: before it, as entries with
 * search.mode `include`, the Patients and Encounters of the big Bundle that it refers to (and the
 * Patients that those Encounters refer to), then the entry as it was, byte for byte. Its
 * `identifier` is made of the resource's type, id, version and time, so that the same version is
 * the same message wherever it comes from; a resource without id or version gives none. timestamp
 * and meta are carried along with a resource that does not say when it was changed, but not those
 * of a searchset: they tell of the search.
 *
 * All slices point into the text or live in the arena.
 */
#ifndef PN_FHIR_ENTRIES_H
#define PN_FHIR_ENTRIES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { PN_ENTRIES_MAX = 10000, PN_ENTRY_CONTEXT_MAX = 64 };

#define PN_ENTRY_IDENTIFIER_SYSTEM "https://punos.fi/fhir/entry"

struct pn_entry {
    struct pn_slice raw;      // the whole entry
    struct pn_slice resource; // empty when it has none
    struct pn_slice resource_type, id, version_id, last_updated;
    struct pn_slice full_url;
    struct pn_slice search_mode; // match, include, outcome, or empty
};

struct pn_entry_name { // by which a reference may find an entry
    struct pn_slice text;
    unsigned entry;
};

struct pn_entries {
    struct pn_slice type; // of the Bundle
    bool has_self, has_next;
    struct pn_slice self, next; // Bundle.link
    struct pn_slice timestamp, meta;
    struct pn_entry *items;
    unsigned count;
    struct pn_entry_name *names; // ordered
    unsigned name_count;
    const struct pn_entries *also; // another Bundle in which references are looked for, or NULL
};

// PN_UNSUPPORTED when this is JSON and no Bundle; PN_INVALID when it is malformed; PN_LIMIT.
PN_MUST_USE enum pn_code pn_entries_read(struct pn_arena *arena, struct pn_slice text,
                                         struct pn_entries **ret_entries, struct pn_err *err);
// Whether the Bundle's type says that its entries stand for themselves.
bool pn_entries_stand_alone(const struct pn_entries *entries);
// Appends the message of one entry. PN_LIMIT when it refers to too much or `out` is full.
PN_MUST_USE enum pn_code pn_entries_write(const struct pn_entries *entries, unsigned at,
                                          struct pn_buf *out, struct pn_err *err);
// The entry that a reference means, also in `also`; NULL when there is none.
const struct pn_entry *pn_entries_find(const struct pn_entries *entries, struct pn_slice reference);
// Calls `found` for each `reference` in the entry's resource, at any depth.
void pn_entries_references(const struct pn_entry *entry,
                           void (*found)(void *context, struct pn_slice reference), void *context);
// "Patient/12" of any form of a reference to such a resource (absolute, with a version); other
// texts as they are.
struct pn_slice pn_entries_relative(struct pn_slice reference);

#endif
