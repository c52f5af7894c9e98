// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/identify/evaluate/calendar.h"
#include "services/identify/worklist/budget.h"
#include "services/identify/worklist/case_states.h"

enum {
    UNIT_MONTHS = 12, // a case's unit is that of most of its counted events of so long
    ADMIT_EVERY_MS = 60 * 1000,
    RETURNED_MAX = 500, // of one tick
    UNITS_MAX = 10000
};
static const char by_rule[] = "new-rule", by_time[] = "time";

struct row {
    bool is_found, is_merged;
    enum pn_case_state state;
    int64_t version, shown_ms, starters, rank, ended_ms, in_error;
    char unit[PN_UNIT_BYTES];
    char rules[PN_CASE_RULES_BYTES]; // that held when a person set the state
};

struct pn_cases {
    struct pn_store *store;
    const struct pn_teams *teams;
    bool is_due;        // names may be waiting that there is room for
    bool has_regrouped; // every row has the team that its unit has today
    int64_t admitted_ms;
    struct row row;
};

enum pn_code pn_cases_open(struct pn_store *store, const struct pn_teams *teams,
                           struct pn_cases **ret_cases, struct pn_err *err)
{
    struct pn_cases *cases = calloc(1, sizeof *cases);
    if (cases == NULL) {
        return pn_err_set(err, PN_MEMORY, "cases", "no memory");
    }
    cases->store = store;
    cases->teams = teams;
    *ret_cases = cases;
    return PN_OK;
}

void pn_cases_close(struct pn_cases *cases)
{
    free(cases);
}

void pn_cases_use_teams(struct pn_cases *cases, const struct pn_teams *teams)
{
    cases->teams = teams;
    cases->has_regrouped = false;
}

void pn_cases_forget(struct pn_cases *cases)
{
    cases->has_regrouped = false;
    cases->admitted_ms = 0;
}

// --- What holds ----------------------------------------------------------------------------------

void pn_case_standing_clear(struct pn_case_standing *standing)
{
    if (standing->count > 0) {
        memset(&standing->counted, 0, sizeof standing->counted);
        pn_rank_clear(&standing->rank);
        standing->rules[0] = '\0';
        standing->count = standing->support_count = 0;
    }
}

void pn_case_standing_add(struct pn_case_standing *standing, const struct pn_rule *rule,
                          const struct pn_finding *finding, struct pn_rank_share share)
{
    standing->count++;
    standing->support_count += rule->is_support ? 1 : 0;
    pn_rank_add(&standing->rank, share, rule->threshold <= 1 ? finding : NULL);
    pn_case_rules_add(standing->rules, pn_slice_str(rule->id));
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        pn_counted_add(&standing->counted, finding->evidence[i]);
    }
}

static bool begins(const struct pn_case_sum *sum)
{
    const struct pn_case_standing *standing = sum->standing;
    return pn_rules_begin(sum->rules, standing->count - standing->support_count,
                          standing->support_count);
}

static bool may_begin(const struct pn_case_sum *sum, const struct pn_rule *rule)
{
    return rule != NULL &&
           (!rule->is_support || pn_rules_begin(sum->rules, 0, sum->standing->support_count));
}

// How many of the rules that hold could begin the case: what the row has as its trigger_count.
static unsigned count_starters(const struct pn_case_sum *sum)
{
    const struct pn_case_standing *standing = sum->standing;
    return pn_rules_begin(sum->rules, 0, standing->support_count)
               ? standing->count
               : standing->count - standing->support_count;
}

// --- A row ---------------------------------------------------------------------------------------

static enum pn_code read_row(struct pn_cases *cases, int64_t client, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct row *row = &cases->row;
    const struct pn_value value = PN_INT(client);
    row->is_found = row->is_merged = false;
    row->version = row->shown_ms = row->starters = row->rank = row->ended_ms = row->in_error = 0;
    row->unit[0] = row->rules[0] = '\0';
    enum pn_code code = pn_store_ask(cases->store,
                                     "SELECT state, version, unit, shown_ms, merged_into,"
                                     " rules_then, trigger_count, rank, ended_ms, in_error"
                                     " FROM cases WHERE client = ?1",
                                     &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &row->is_found, err) : code;
    if (code == PN_OK && row->is_found) {
        row->state = (enum pn_case_state)pn_rows_int(rows, 0);
        row->version = pn_rows_int(rows, 1);
        (void)snprintf(row->unit, sizeof row->unit, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 2)));
        row->shown_ms = pn_rows_int(rows, 3);
        row->is_merged = pn_rows_int(rows, 4) != 0;
        (void)snprintf(row->rules, sizeof row->rules, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 5)));
        row->starters = pn_rows_int(rows, 6);
        row->rank = pn_rows_int(rows, 7);
        row->ended_ms = pn_rows_int(rows, 8);
        row->in_error = pn_rows_int(rows, 9);
    }
    pn_rows_close(rows);
    return code;
}

// One that could begin the case, and did not hold when a person set the state.
static bool has_new_rule(const struct row *row, const struct pn_case_sum *sum)
{
    struct pn_slice rest = pn_slice_str(sum->standing->rules);
    while (rest.len > 0 && strcmp(row->rules, PN_CASE_RULES_ALL) != 0) {
        const struct pn_slice id = pn_slice_split(rest, ',', &rest);
        if (!pn_case_rules_has(pn_slice_str(row->rules), id) &&
            may_begin(sum, pn_rules_find(sum->rules, id))) {
            return true;
        }
    }
    return false;
}

static enum pn_case_state next_state(const struct row *row, const struct pn_case_sum *sum,
                                     const char **ret_reason)
{
    *ret_reason = "";
    if (!row->is_found) {
        return PN_CASE_NEW;
    }
    if (!begins(sum)) {
        return row->is_merged || pn_case_is_begun(row->state) ? row->state : PN_CASE_LAPSED;
    }
    if (row->state == PN_CASE_LAPSED) {
        return PN_CASE_NEW;
    }
    if (pn_case_may_return(row->state) && !row->is_merged && has_new_rule(row, sum)) {
        *ret_reason = by_rule;
        return PN_CASE_NEW;
    }
    return row->state;
}

// Shown at once where there is no budget; what was shown this week is no new name.
static int64_t shown_of_new(struct pn_cases *cases, const struct pn_team *team, int64_t shown_ms,
                            int64_t now_ms)
{
    cases->is_due = true;
    if (team == NULL || team->new_names_a_week == PN_NO_BUDGET) {
        return now_ms;
    }
    return shown_ms != 0 && pn_week_of(shown_ms) == pn_week_of(now_ms) ? shown_ms : 0;
}

struct change {
    int64_t client, at_ms;
    int was;
    enum pn_case_state state;
    const char *reason, *unit, *team, *rules;
    bool is_held; // new, and not shown yet
};

// Inside services/identify the service's own changes all go through here.
static enum pn_code note_change(struct pn_cases *cases, const struct change *change,
                                struct pn_err *err)
{
    const struct pn_case_entry entry = {.client = change->client,
                                        .at_ms = change->at_ms,
                                        .was = change->was,
                                        .state = change->state,
                                        .reason = pn_slice_str(change->reason),
                                        .unit = pn_slice_str(change->unit),
                                        .team = pn_slice_str(change->team),
                                        .rules = pn_slice_str(change->rules)};
    enum pn_code code = pn_case_log_add(cases->store, &entry, err);
    code = code == PN_OK && change->is_held
               ? pn_case_log_held(cases->store, change->client, change->at_ms, err)
               : code;
    return code == PN_OK ? pn_case_decided(cases->store, change->client, err) : code;
}

static enum pn_code unit_now(struct pn_cases *cases, const struct pn_case_sum *sum,
                             char ret_unit[static PN_UNIT_BYTES], struct pn_err *err)
{
    uint32_t hash = sum->standing->count == 0
                        ? 0
                        : pn_unit_of(&sum->standing->counted, sum->facts,
                                     pn_months_later(sum->moment_ms, -UNIT_MONTHS));
    memcpy(ret_unit, cases->row.unit, PN_UNIT_BYTES);
    return hash == 0 ? PN_OK : pn_unit_code(cases->store, hash, ret_unit, err);
}

// Until when something held that could begin the case.
struct ending {
    int64_t ms; // 0: it does
    int64_t in_error;
    bool is_new; // it ended, or began, now
};

static enum pn_code ending_now(struct pn_cases *cases, const struct pn_case_sum *sum,
                               struct ending *ret_ending, struct pn_err *err)
{
    const struct row *row = &cases->row;
    const bool did = row->starters > 0, does = begins(sum);
    struct ending ending = {.is_new = did != does};
    int64_t lapsed = 0;
    enum pn_code code = PN_OK;
    if (!does && !did) {
        ending = (struct ending){.ms = row->ended_ms, .in_error = row->in_error};
    } else if (!does) {
        const struct pn_value values[] = {PN_INT(sum->client), PN_INT(PN_TRIGGER_LAPSED)};
        code = pn_store_number(cases->store,
                               "SELECT count(*) FROM triggers WHERE client = ?1 AND state = ?2",
                               values, 2, &lapsed, err);
        ending.ms = sum->moment_ms;
        ending.in_error = sum->was_withdrawn && lapsed == 0 ? 1 : 0;
    }
    if (code == PN_OK) {
        *ret_ending = ending;
    }
    return code;
}

static enum pn_code put_row(struct pn_cases *cases, const struct pn_case_sum *sum,
                            const struct change *change, int64_t shown_ms, struct pn_err *err)
{
    const struct row *row = &cases->row;
    const bool is_new_state = !row->is_found || row->state != change->state;
    struct ending ending;
    enum pn_code code = ending_now(cases, sum, &ending, err);
    if (code != PN_OK) {
        return code;
    }
    const bool is_new_version = is_new_state || ending.is_new; // the Flag's status is another
    const struct pn_value values[] = {
        PN_INT(sum->client),
        PN_INT(change->state),
        PN_INT(row->version + (is_new_version ? 1 : 0)),
        PN_INT(pn_rank_value(&sum->standing->rank)),
        PN_INT(sum->moment_ms),
        PN_INT(count_starters(sum)),
        PN_STR(change->unit),
        PN_STR(change->team),
        PN_INT(shown_ms),
        PN_INT(is_new_state ? 1 : 0),
        PN_INT(sum->has_told ? 1 : 0),
        PN_INT(ending.ms),
        PN_INT(ending.in_error),
    };
    return pn_store_run(
        cases->store,
        "INSERT INTO cases (client, state, version, rank, first_ms, changed_ms, set_by,"
        " trigger_count, merged_into, unit, team, shown_ms, set_ms, ended_ms, in_error)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?5, '', ?6, 0, ?7, ?8, ?9, ?5, ?12, ?13) ON CONFLICT (client)"
        " DO UPDATE SET state = excluded.state, version = excluded.version, rank = excluded.rank,"
        " changed_ms = CASE WHEN ?11 = 1 THEN excluded.changed_ms ELSE cases.changed_ms END,"
        " set_by = CASE WHEN ?10 = 1 THEN '' ELSE cases.set_by END,"
        " reason = CASE WHEN ?10 = 1 THEN '' ELSE cases.reason END,"
        " set_ms = CASE WHEN ?10 = 1 THEN excluded.set_ms ELSE cases.set_ms END,"
        " again_ms = CASE WHEN ?10 = 1 THEN 0 ELSE cases.again_ms END,"
        " back_ms = CASE WHEN ?10 = 1 THEN 0 ELSE cases.back_ms END,"
        " trigger_count = excluded.trigger_count, unit = excluded.unit, team = excluded.team,"
        " shown_ms = excluded.shown_ms, ended_ms = excluded.ended_ms,"
        " in_error = excluded.in_error",
        values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_case_settle(struct pn_cases *cases, const struct pn_case_sum *sum,
                            struct pn_case_grounds *ret_grounds, struct pn_err *err)
{
    const struct row *row = &cases->row;
    char unit[PN_UNIT_BYTES] = "";
    struct change change = {.client = sum->client, .at_ms = sum->moment_ms, .unit = unit};
    enum pn_code code = read_row(cases, sum->client, err);
    if (code == PN_OK) {
        *ret_grounds = (struct pn_case_grounds){row->starters > 0, begins(sum)};
    }
    if (code != PN_OK || (!row->is_found && !begins(sum))) {
        return code;
    }
    change.was = row->is_found ? (int)row->state : PN_CASE_NOT_LISTED;
    change.state = next_state(row, sum, &change.reason);
    const bool is_new_state = change.was != (int)change.state;
    if (!sum->has_told && !sum->is_rank_new && !is_new_state &&
        row->starters == count_starters(sum) && row->rank == pn_rank_value(&sum->standing->rank)) {
        return PN_OK;
    }
    code = unit_now(cases, sum, unit, err);
    const struct pn_team *team = pn_teams_of_unit(cases->teams, pn_slice_str(unit));
    change.team = team == NULL ? "" : team->id;
    change.rules = sum->standing->count > 0 ? sum->standing->rules : "";
    int64_t shown_ms = row->shown_ms;
    if (is_new_state && change.state == PN_CASE_NEW) {
        shown_ms = shown_of_new(cases, team, shown_ms, sum->moment_ms);
        change.is_held = shown_ms == 0;
    }
    code = code == PN_OK ? put_row(cases, sum, &change, shown_ms, err) : code;
    return code == PN_OK && is_new_state ? note_change(cases, &change, err) : code;
}

// --- Time ----------------------------------------------------------------------------------------

struct returning {
    int64_t client, shown_ms;
    enum pn_case_state was, state;
    char unit[PN_UNIT_BYTES], team[PN_TEAM_ID_BYTES];
};

static enum pn_code read_returning(struct pn_cases *cases, int64_t now_ms,
                                   struct returning *ret_returning, bool *ret_is_found,
                                   struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value value = PN_INT(now_ms);
    enum pn_code code =
        pn_store_ask(cases->store,
                     "SELECT client, state, trigger_count, shown_ms, unit, team FROM cases"
                     " WHERE back_ms > 0 AND back_ms <= ?1 AND merged_into = 0"
                     " ORDER BY back_ms, client LIMIT 1",
                     &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, ret_is_found, err) : code;
    if (code == PN_OK && *ret_is_found) {
        ret_returning->client = pn_rows_int(rows, 0);
        ret_returning->was = (enum pn_case_state)pn_rows_int(rows, 1);
        ret_returning->state = pn_rows_int(rows, 2) > 0 ? PN_CASE_NEW : PN_CASE_LAPSED;
        ret_returning->shown_ms = pn_rows_int(rows, 3);
        (void)snprintf(ret_returning->unit, sizeof ret_returning->unit, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 4)));
        (void)snprintf(ret_returning->team, sizeof ret_returning->team, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 5)));
    }
    pn_rows_close(rows);
    return code;
}

static enum pn_code take_back(struct pn_cases *cases, const struct returning *returning,
                              int64_t now_ms, struct pn_err *err)
{
    char rules[PN_CASE_RULES_BYTES];
    const struct pn_team *team = pn_teams_find(cases->teams, pn_slice_str(returning->team));
    const bool is_new = returning->state == PN_CASE_NEW;
    const int64_t shown_ms =
        is_new ? shown_of_new(cases, team, returning->shown_ms, now_ms) : returning->shown_ms;
    const struct pn_value values[] = {PN_INT(returning->client), PN_INT(returning->state),
                                      PN_INT(now_ms), PN_INT(shown_ms)};
    enum pn_code code =
        pn_store_run(cases->store,
                     "UPDATE cases SET state = ?2, version = version + 1, changed_ms = ?3,"
                     " set_ms = ?3, set_by = '', reason = '', again_ms = 0, back_ms = 0,"
                     " shown_ms = ?4 WHERE client = ?1",
                     values, PN_ARRAY_COUNT(values), err);
    code = code == PN_OK ? pn_case_rules_now(cases->store, returning->client, rules, err) : code;
    const struct change change = {.client = returning->client,
                                  .at_ms = now_ms,
                                  .was = (int)returning->was,
                                  .state = returning->state,
                                  .reason = by_time,
                                  .unit = returning->unit,
                                  .team = returning->team,
                                  .rules = rules,
                                  .is_held = is_new && shown_ms == 0};
    return code == PN_OK ? note_change(cases, &change, err) : code;
}

static enum pn_code take_back_all(struct pn_cases *cases, int64_t now_ms, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    bool is_found = true;
    for (unsigned i = 0; i < RETURNED_MAX && code == PN_OK && is_found; i++) {
        struct returning returning = {.client = 0};
        code = read_returning(cases, now_ms, &returning, &is_found, err);
        if (code == PN_OK && is_found) {
            code = take_back(cases, &returning, now_ms, err);
        }
    }
    return code;
}

// The file of teams may be another than the rows were written with.
static enum pn_code regroup(struct pn_cases *cases, struct pn_err *err)
{
    struct pn_arena *arena = pn_arena_new(UNITS_MAX * 2 * PN_UNIT_BYTES);
    char **units = arena == NULL ? NULL : pn_arena_alloc_array(arena, UNITS_MAX, sizeof *units);
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    enum pn_code code =
        units == NULL
            ? pn_err_set(err, PN_MEMORY, "cases", "no memory")
            : pn_store_ask(cases->store, "SELECT DISTINCT unit FROM cases", NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < UNITS_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            units[count] = pn_arena_copy(arena, pn_rows_text(rows, 0));
            count += units[count] != NULL ? 1 : 0;
        }
    }
    pn_rows_close(rows);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        const struct pn_team *team = pn_teams_of_unit(cases->teams, pn_slice_str(units[i]));
        const struct pn_value values[] = {PN_STR(units[i]), PN_STR(team == NULL ? "" : team->id)};
        code =
            pn_store_run(cases->store, "UPDATE cases SET team = ?2 WHERE unit = ?1 AND team <> ?2",
                         values, 2, err);
    }
    pn_arena_free(arena);
    return code;
}

enum pn_code pn_cases_tick(struct pn_cases *cases, int64_t now_ms, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    if (!cases->has_regrouped) {
        code = regroup(cases, err);
        cases->has_regrouped = code == PN_OK;
        cases->admitted_ms = 0;
    }
    code = code == PN_OK ? take_back_all(cases, now_ms, err) : code;
    bool is_late = now_ms - cases->admitted_ms >= ADMIT_EVERY_MS || now_ms < cases->admitted_ms;
    if (code == PN_OK && (cases->is_due || is_late)) {
        code = pn_budget_admit(cases->store, cases->teams, now_ms, err);
        code = code == PN_OK ? pn_budget_tell(cases->store, cases->teams, err) : code;
        cases->is_due = code != PN_OK;
        cases->admitted_ms = now_ms;
    }
    return code;
}
