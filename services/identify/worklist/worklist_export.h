// SPDX-License-Identifier: Apache-2.0
/*
 * The monthly list of a unit (herätelista) as files: who stands on the list at the month's end, and
 * how many were identified and looked into in it, also those who did not join. Inside
 * services/identify only.
 */
#ifndef PN_IDENTIFY_WORKLIST_EXPORT_H
#define PN_IDENTIFY_WORKLIST_EXPORT_H

#include "base/buf.h"
#include "services/identify/rules/language.h"
#include "services/identify/rules/rules.h"
#include "services/identify/worklist/worklist_read.h"
#include "store/store.h"

enum { PN_EXPORT_NAME_BYTES = 256, PN_EXPORT_RULES_BYTES = 1024 };

struct pn_export_query {
    int64_t from_ms, to_ms; // the month in Finland: from belongs to it, to does not
    const char *month;      // "2026-11"
    struct pn_slice teams;  // ids, a comma between; empty: all
    enum pn_language language;
    const struct pn_ruleset *rules; // for titles
};

struct pn_export_row {
    char client[PN_CLIENT_KEY_TEXT_BYTES];
    enum pn_case_state state;
    bool is_new;                       // in this month
    char rules[PN_EXPORT_RULES_BYTES]; // titles; of a specially protected trigger only that it is
    char name[PN_EXPORT_NAME_BYTES];   // "" without names
};
struct pn_export_figures {
    int64_t identified, looked_into;       // clients
    int64_t by_state[PN_CASE_STATE_COUNT]; // that people set in the month
    int64_t held;                          // back by the team's budget at its end
};

// Units that have a list or figures; texts live in the arena.
PN_MUST_USE enum pn_code pn_export_units(struct pn_store *store, struct pn_arena *arena,
                                         const struct pn_export_query *query,
                                         struct pn_slice *ret_units, unsigned unit_max,
                                         unsigned *ret_count, struct pn_err *err);
// The unit's list, highest rank first, and its figures; rows live in the arena.
PN_MUST_USE enum pn_code pn_export_unit(struct pn_store *store, struct pn_arena *arena,
                                        const struct pn_export_query *query, struct pn_slice unit,
                                        struct pn_export_row **ret_rows, unsigned *ret_count,
                                        struct pn_export_figures *ret_figures, struct pn_err *err);

struct pn_export_list {
    const struct pn_export_query *query;
    struct pn_slice unit;
    const struct pn_export_row *rows;
    unsigned count;
    const struct pn_export_figures *figures;
    bool with_names;
};
void pn_export_csv(const struct pn_export_list *list, struct pn_buf *out); // UTF-8 with BOM, `;`
void pn_export_html(const struct pn_export_list *list, struct pn_buf *out);
void pn_export_figures_head(enum pn_language language, struct pn_buf *out);
void pn_export_figures_line(const struct pn_export_list *list, struct pn_buf *out);

#endif
