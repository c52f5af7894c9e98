// SPDX-License-Identifier: Apache-2.0
/*
 * A code list as the national code server (koodistopalvelu) gives it for download, and what it
 * makes of today's table.
 *
 * The file: separated by `;`, ISO 8859-1, a header row. Columns that are read: CodeId, LongName
 * (else ShortName, Abbreviation), BeginningDate and ExpiringDate (31.12.2030), OID (the code
 * system's, and a number of the row). All others, A:… and ALONG:…, are left out. Other names of the
 * columns can be given.
 */
#ifndef PN_SERVICES_TOOL_CODES_LIST_H
#define PN_SERVICES_TOOL_CODES_LIST_H

#include "services/tool/codes_table.h"

enum { PN_CODES_LIST_BYTES_MAX = 64 * 1024 * 1024 };

struct pn_codes_list_options {
    struct pn_slice bytes;
    const char *file;    // its name, for errors and for the table's column `source`
    const char *map;     // "code=Id,name=Long name"; NULL: the usual names
    const char *charset; // NULL: UTF-8, else ISO 8859-1
    const char *system;  // of the codes; NULL: today's, else what the column OID tells
    int64_t now_ms;
};

enum pn_codes_change_kind { PN_CODES_ADDED, PN_CODES_REMOVED, PN_CODES_RENAMED, PN_CODES_CHANGES };

struct pn_codes_change {
    enum pn_codes_change_kind kind;
    struct pn_slice code, was, is; // names
};

struct pn_codes_news {
    struct pn_codes codes; // the new table
    struct pn_codes_change *changes;
    unsigned change_count;
    unsigned counts[PN_CODES_CHANGES];
    unsigned same;
    unsigned expired;     // codes of the list that are no longer in use; they are kept: old entries
                          // have them
    unsigned unexplained; // of a table that translates: new codes whose meaning is not known yet
};

// PN_INVALID names file, line and column. A code that both have keeps its meaning (`to`) and note.
PN_MUST_USE enum pn_code pn_codes_list_read(struct pn_arena *arena,
                                            const struct pn_codes_list_options *options,
                                            const struct pn_codes *today,
                                            struct pn_codes_news *ret_news, struct pn_err *err);

#endif
