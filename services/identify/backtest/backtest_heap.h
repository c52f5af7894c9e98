// SPDX-License-Identifier: Apache-2.0
/*
 * All facts of a share of the stream's clients, in memory: what a backtest evaluates. The facts are
 * those that the service would have, whatever the order in which the events come. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_BACKTEST_HEAP_H
#define PN_IDENTIFY_BACKTEST_HEAP_H

#include <stdio.h>

#include "base/err.h"
#include "base/slice.h"
#include "services/identify/rules/fact.h"

// What a subject key is today, by the client index; only of clients that have several.
struct pn_backtest_alias {
    int64_t subject, client;
};

struct pn_heap_subject {
    int64_t number, client; // client: the number that it is called by
    uint64_t rest;          // the other half of its key
    int64_t recorded_ms;    // when the year of birth was told
    int birth_year;         // 0: not known
    bool is_alias;          // the client has other keys too
};

enum { PN_HEAP_FACTS_MAX = 64 * 1024 * 1024, PN_HEAP_GONE = UINT32_MAX };

struct pn_heap {
    const struct pn_backtest_alias *aliases; // by subject
    size_t alias_count;
    struct pn_heap_subject *subjects;
    uint32_t subject_count, subject_capacity;
    uint32_t *by_number; // places of subjects, + 1; open addressing
    struct pn_fact_entry *facts;
    uint32_t *owners; // place of the fact's subject, PN_HEAP_GONE
    uint32_t fact_count, fact_capacity;
    uint32_t *by_id; // places of facts, + 1
    uint32_t by_number_size, by_id_size;
    uint64_t *seen; // marks of ids, for others to look at; PN_HEAP_SEEN_BITS
    // What begins later is left out: it counts at no moment up to then, and would take the place
    // of what does.
    int64_t to_ms;
    // After pn_heap_group
    uint32_t *order;  // facts, client by client
    uint32_t *people; // subjects, client by client
    uint32_t next_fact, next_person;
};

#define PN_HEAP_SEEN_BITS (UINT64_C(1) << 26)

void pn_heap_release(struct pn_heap *heap);

// The subject of a client key. PN_INVALID when it is none.
PN_MUST_USE enum pn_code pn_heap_subject(struct pn_heap *heap, struct pn_slice key,
                                         uint32_t *ret_subject, struct pn_err *err);
// One event's fact. Of what was told of one resource the last counts, and there it is.
PN_MUST_USE enum pn_code pn_heap_put(struct pn_heap *heap, uint32_t subject,
                                     const struct pn_fact_entry *fact, struct pn_err *err);
void pn_heap_person(struct pn_heap *heap, uint32_t subject, int birth_year, int64_t recorded_ms);

// --- Between the heaps of several processes ------------------------------------------------------

// Writes what this heap holds of resources that `seen`, another's marks, may hold too.
PN_MUST_USE bool pn_heap_write_claims(const struct pn_heap *heap, const uint64_t *seen, FILE *out);
// Lets facts go that another heap has newer. False when the bytes are damaged.
PN_MUST_USE bool pn_heap_take_claims(struct pn_heap *heap, struct pn_slice claims);
// Writes the facts and people of clients with several keys that belong to process `to` of `count`,
// and lets them go.
PN_MUST_USE bool pn_heap_write_moved(struct pn_heap *heap, unsigned to, unsigned count, FILE *out);
PN_MUST_USE enum pn_code pn_heap_take_moved(struct pn_heap *heap, struct pn_slice moved,
                                            struct pn_err *err);

// --- Client by client ----------------------------------------------------------------------------

PN_MUST_USE enum pn_code pn_heap_group(struct pn_heap *heap, struct pn_err *err);

struct pn_heap_client {
    int64_t number;
    uint64_t rest; // of its key; 0: not known here
    int birth_year;
    unsigned fact_count; // at most PN_CLIENT_FACTS_MAX
    bool is_crowded;     // it has more: of those the ones that end last
};
// The next client that has facts by to_ms; false after the last one.
bool pn_heap_next(struct pn_heap *heap, struct pn_heap_client *ret_client,
                  struct pn_fact_entry ret_facts[static PN_CLIENT_FACTS_MAX]);

#endif
