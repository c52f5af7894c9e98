// SPDX-License-Identifier: Apache-2.0
/*
 * Units of facts: a fact holds the hash of its unit's code, `units` holds the text of the hash. Of
 * two codes with one hash the first stays. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_UNITS_H
#define PN_IDENTIFY_UNITS_H

#include "base/err.h"
#include "services/identify/rules/fact.h"
#include "store/store.h"

enum { PN_UNIT_BYTES = 128 };

struct pn_units; // remembers what is written

PN_MUST_USE enum pn_code pn_units_open(struct pn_store *store, struct pn_units **ret_units,
                                       struct pn_err *err);
void pn_units_close(struct pn_units *units); // takes NULL
// After a rollback: what is remembered may not be in the store.
void pn_units_forget(struct pn_units *units);
// Writes the code once. Inside the open transaction.
PN_MUST_USE enum pn_code pn_units_note(struct pn_units *units, uint32_t hash, struct pn_slice code,
                                       struct pn_err *err);
// "" when the hash is not known.
PN_MUST_USE enum pn_code pn_unit_code(struct pn_store *store, uint32_t hash,
                                      char ret_code[static PN_UNIT_BYTES], struct pn_err *err);

// Facts that rules counted, each once.
struct pn_counted {
    uint64_t marks[PN_CLIENT_FACTS_MAX / 64];
    unsigned end; // one past the last mark
};
static inline void pn_counted_add(struct pn_counted *counted, unsigned place)
{
    counted->marks[place / 64] |= UINT64_C(1) << (place % 64);
    counted->end = place >= counted->end ? place + 1 : counted->end;
}
// Whose unit counts most of those that began after `after_ms`: the newest on a tie. 0: none.
uint32_t pn_unit_of(const struct pn_counted *counted, const struct pn_fact_entry *facts,
                    int64_t after_ms);

#endif
