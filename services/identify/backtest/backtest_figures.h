// SPDX-License-Identifier: Apache-2.0
/*
 * What a backtest's result says, as tables: the same rows become text, CSV and HTML.
 */
#ifndef PN_IDENTIFY_BACKTEST_FIGURES_H
#define PN_IDENTIFY_BACKTEST_FIGURES_H

#include "base/buf.h"
#include "services/identify/backtest/backtest.h"
#include "services/identify/worklist/worklist_read.h"

// Whose list a unit's clients stand on.
struct pn_backtest_team {
    const char *id;
    const char *name[PN_LANGUAGE_COUNT];
    int64_t new_names_a_week; // -1: no budget
};
typedef struct pn_backtest_team pn_backtest_team_of(const void *context, struct pn_slice unit);

// What a person has said last of what rose for a client in the period.
struct pn_backtest_verdict {
    int64_t client, at_ms;
    enum pn_case_state state;
};

struct pn_backtest_input {
    const struct pn_backtest_plan *plan;
    const struct pn_backtest_result *result;
    const struct pn_backtest_verdict *verdicts; // one per client at most
    size_t verdict_count;
    pn_backtest_team_of *team_of;
    const void *team_context;
    int64_t county_size; // clients that the county has; 0: as many as the stream
    int64_t behind;      // events that were read and the service has not handled yet
};

// Up to which day nothing is known: the first day since 1970-01-01 by whose end more than one in a
// thousand of the visits, contacts and appointments had begun. INT64_MIN: as far back as any window
// of the period goes there are some; INT64_MAX: there are none.
enum { PN_BACKTEST_FEW = 1000 };
int64_t pn_backtest_known_from(const struct pn_backtest_plan *plan,
                               const struct pn_backtest_totals *totals);

struct pn_backtest_unit_row {
    uint32_t hash;
    const char *code; // "" for events that name no unit
    struct pn_backtest_team team;
    int64_t came[PN_BACKTEST_SIDES];
};
struct pn_backtest_team_row {
    struct pn_backtest_team team;
    int64_t came[PN_BACKTEST_SIDES];
    int64_t weeks_over[PN_BACKTEST_SIDES]; // in which more came than the team can take
};
struct pn_backtest_rule_row {
    const struct pn_rule *rule[PN_BACKTEST_SIDES]; // NULL: not in that set
    int64_t clients[PN_BACKTEST_SIDES], both;
};
enum pn_backtest_fate { PN_FATE_BOTH, PN_FATE_NEW_ONLY, PN_FATE_TODAY_ONLY, PN_FATE_COUNT };

struct pn_backtest_figures {
    int64_t flagged[PN_BACKTEST_SIDES], fates[PN_FATE_COUNT]; // in the period
    int64_t at_end[PN_BACKTEST_SIDES], comes, goes;           // at its end
    int64_t came[PN_BACKTEST_SIDES];
    int64_t weeks[PN_BACKTEST_WEEKS_MAX][PN_BACKTEST_SIDES];
    int64_t budget; // of all teams together a week; -1: not all have one
    struct pn_backtest_unit_row *units;
    unsigned unit_count;
    int64_t (*unit_weeks)[PN_BACKTEST_SIDES]; // [unit * week_count + week]
    struct pn_backtest_team_row *teams;
    unsigned team_count;
    struct pn_backtest_rule_row rules[2 * PN_RULES_MAX];
    unsigned rule_count;
    int64_t verdicts[PN_CASE_STATE_COUNT][PN_FATE_COUNT];
    double scale;       // from the stream's clients to the county's
    int64_t known_from; // pn_backtest_known_from
};
// Lives in the arena. PN_LIMIT: more units than there is room for.
PN_MUST_USE enum pn_code pn_backtest_figures_make(struct pn_arena *arena,
                                                  const struct pn_backtest_input *input,
                                                  struct pn_backtest_figures **ret_figures,
                                                  struct pn_err *err);

// JSON, for the record.
PN_MUST_USE bool pn_backtest_figures_print(const struct pn_backtest_input *input,
                                           const struct pn_backtest_figures *figures,
                                           struct pn_buf *out);

#endif
