// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of facts.c: which element becomes which fact.
 */
#ifndef PN_EVENT_FACTS_ROWS_H
#define PN_EVENT_FACTS_ROWS_H

#include "event/facts.h"

enum pn_fact {
    PN_FACT_RESOURCE_TYPE,
    PN_FACT_ID,
    PN_FACT_STATUS,
    PN_FACT_VERIFICATION, // Condition has its mistakes here
    PN_FACT_START,
    PN_FACT_END,
    PN_FACT_UNIT,
    PN_FACT_SERVICE,
    PN_FACT_PROFESSION,
    PN_FACT_CONTACT,
    PN_FACT_REASON,
    PN_FACT_CLASS,
    PN_FACT_CONCERN,
    PN_FACT_REPORTER,
    PN_FACT_COUNT,
    // A reason for a visit or a diagnosis: the row tells the code system. There may be several.
    PN_FACT_CODE = PN_FACT_COUNT
};

// A primitive at a path (array places left out). Among rows of one fact the upper wins.
struct pn_fact_row {
    const char *path;
    size_t path_len;
    enum pn_fact fact;
};
extern const struct pn_fact_row pn_fact_rows[];
extern const unsigned pn_fact_row_count;

// A Coding or Identifier at a path. `system` is an OID that may be followed by a version, a URI, or
// NULL for any; `unless` names systems that do not count by a part of them. What several rows of
// PN_FACT_CODE fit is the upper one's.
struct pn_code_row {
    const char *path;
    size_t path_len;
    const char *system;
    const char *unless;
    enum pn_fact fact;
    enum pn_code_system code_system; // of PN_FACT_CODE
};
extern const struct pn_code_row pn_code_rows[];
extern const unsigned pn_code_row_count;

// Codes whose data stands under special protection: from ≤ code ≤ until over `until`'s length.
struct pn_class_row {
    const char *system;
    const char *from, *until;
    enum pn_data_class data_class;
};
extern const struct pn_class_row pn_class_rows[];
extern const unsigned pn_class_row_count;

#endif
