// SPDX-License-Identifier: Apache-2.0
/*
 * Some facts of a client as the bytes of one row of client_facts. Rows say in which form they are:
 * those that were written by earlier versions are read as long as there are any. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_HELD_ROW_H
#define PN_IDENTIFY_HELD_ROW_H

#include "base/slice.h"
#include "services/identify/rules/fact.h"

// What the first form lacks (ends, units, codes), and the second (all codes but one), comes when
// the event is told again or the stream is read anew. The first three have one class of
// protection of each fact: that class is the fact's set until then. All but the newest have one
// profession of each.
enum pn_row_form {
    PN_ROW_FIRST = 1,
    PN_ROW_ONE_CODE = 2,
    PN_ROW_ONE_CLASS = 3,
    PN_ROW_ONE_PROFESSION = 4, // as the newest form, but each fact has one profession at most
    PN_ROW_FORM = 5            // that rows are written in
};
enum {
    // Of the newest form: a fact but for its codes and further professions, then their numbers in
    // the halves of a byte: that of the codes is the lower one.
    PN_ROW_HEAD_BYTES = 72,
    PN_ROW_FACT_BYTES_MAX = PN_ROW_HEAD_BYTES + 1 + PN_CODES_MAX * 8 + (PN_PROFESSIONS_MAX - 1) * 4
};

// How many facts the row has. False when it is damaged.
PN_MUST_USE bool pn_held_row_count(int64_t form, struct pn_slice row, unsigned *ret_count);
// All facts of a row that is not damaged.
void pn_held_row_read(int64_t form, struct pn_slice row, struct pn_fact_entry *ret_facts);
// Into at least count * PN_ROW_FACT_BYTES_MAX bytes; how many they are.
size_t pn_held_row_write(const struct pn_fact_entry *facts, unsigned count, char *ret_row);

#endif
