// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/budget.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/metrics.h"
#include "services/identify/worklist/case_log.h"

enum { ADMITTED_MAX = 1000, MONDAY_DAYS = 3, DAYS_A_WEEK = 7 }; // 1970-01-01 was a Thursday
static const char zone[] = "Europe/Helsinki";
static const char nobody[] = ""; // the team of a case that no team has

int64_t pn_week_of(int64_t time_ms)
{
    // No zone of Finland is further ahead than three hours: this day has begun, or the one before.
    int64_t days = (time_ms + PN_MS_PER_DAY / 8) / PN_MS_PER_DAY, start_ms = 0;
    struct pn_civil civil = {.hour = 0};
    pn_civil_from_days(days, &civil.year, &civil.month, &civil.day);
    if (pn_civil_to_ms(&civil, zone, &start_ms) && start_ms > time_ms) {
        days--;
    }
    return days - (days + MONDAY_DAYS) % DAYS_A_WEEK;
}

static enum pn_code read_shown(struct pn_store *store, const char *team, int64_t week,
                               int64_t *ret_shown, struct pn_err *err)
{
    int64_t shown = 0;
    const struct pn_value values[] = {PN_STR(team), PN_INT(week)};
    enum pn_code code =
        pn_store_number(store, "SELECT shown FROM team_weeks WHERE team = ?1 AND week = ?2", values,
                        2, &shown, err);
    if (code == PN_OK) {
        *ret_shown = shown;
    }
    return code;
}

static enum pn_code pick(struct pn_store *store, const char *team, int64_t room,
                         int64_t ret_clients[static ADMITTED_MAX], unsigned *ret_count,
                         struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    const struct pn_value values[] = {PN_STR(team),
                                      PN_INT(room < ADMITTED_MAX ? room : ADMITTED_MAX)};
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT client FROM cases WHERE team = ?1 AND state = 0 AND shown_ms = 0"
                     " AND merged_into = 0 ORDER BY rank DESC, client LIMIT ?2",
                     values, 2, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < ADMITTED_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            ret_clients[count++] = pn_rows_int(rows, 0);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

// The week's row is written with the cases: of two processes that admit at once one has to do it
// again.
static enum pn_code admit_team(struct pn_store *store, const struct pn_team *team, int64_t now_ms,
                               struct pn_err *err)
{
    int64_t clients[ADMITTED_MAX], shown = 0, week = pn_week_of(now_ms);
    unsigned count = 0;
    enum pn_code code = read_shown(store, team->id, week, &shown, err);
    if (code == PN_OK && shown < team->new_names_a_week) {
        code = pick(store, team->id, team->new_names_a_week - shown, clients, &count, err);
    }
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        const struct pn_value values[] = {PN_INT(clients[i]), PN_INT(now_ms)};
        code =
            pn_store_run(store, "UPDATE cases SET shown_ms = ?2 WHERE client = ?1", values, 2, err);
        code = code == PN_OK ? pn_case_log_shown(store, clients[i], now_ms, err) : code;
    }
    if (code != PN_OK || count == 0) {
        return code;
    }
    const struct pn_value values[] = {PN_STR(team->id), PN_INT(week), PN_INT(count)};
    return pn_store_run(
        store,
        "INSERT INTO team_weeks (team, week, shown) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (team, week) DO UPDATE SET shown = team_weeks.shown + excluded.shown",
        values, 3, err);
}

static enum pn_code show_all(struct pn_store *store, const char *team, int64_t now_ms,
                             struct pn_err *err)
{
    const struct pn_value values[] = {PN_STR(team), PN_INT(now_ms)};
    enum pn_code code = pn_case_log_all_shown(store, team, now_ms, err);
    return code == PN_OK
               ? pn_store_run(store,
                              "UPDATE cases SET shown_ms = ?2 WHERE team = ?1 AND state = 0"
                              " AND shown_ms = 0 AND merged_into = 0",
                              values, 2, err)
               : code;
}

enum pn_code pn_budget_admit(struct pn_store *store, const struct pn_teams *teams, int64_t now_ms,
                             struct pn_err *err)
{
    enum pn_code code = show_all(store, nobody, now_ms, err);
    for (unsigned i = 0; i < teams->team_count && code == PN_OK; i++) {
        const struct pn_team *team = &teams->teams[i];
        code = team->new_names_a_week != PN_NO_BUDGET ? admit_team(store, team, now_ms, err)
                                                      : show_all(store, team->id, now_ms, err);
    }
    return code;
}

static void set_gauge(const char *of, const char *team, int64_t value)
{
    char name[PN_METRIC_TEXT_BYTES];
    (void)snprintf(name, sizeof name, "punos_worklist_%s", of);
    for (char *at = strchr(name, '-'); at != NULL; at = strchr(at, '-')) {
        *at = '_';
    }
    pn_metric_set(name, "team", team, value);
}

static enum pn_code tell_nobodys(struct pn_store *store, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_STR(nobody), PN_INT(PN_CASE_NOT_RELEVANT),
                                      PN_INT(PN_CASE_LAPSED)};
    enum pn_code code = pn_store_ask(
        store,
        "SELECT count(*), count(DISTINCT unit) FROM cases WHERE team = ?1 AND merged_into = 0"
        " AND state NOT IN (?2, ?3)",
        values, PN_ARRAY_COUNT(values), &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        pn_metric_set("punos_worklist_without_team", NULL, NULL, pn_rows_int(rows, 0));
        pn_metric_set(PN_WORKLIST_UNITS_WITHOUT_TEAM, NULL, NULL, pn_rows_int(rows, 1));
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_budget_tell(struct pn_store *store, const struct pn_teams *teams,
                            struct pn_err *err)
{
    int64_t counts[PN_TEAMS_MAX][PN_CASE_STATE_COUNT + 1] = {{0}};
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(
        store,
        "SELECT team, CASE WHEN state = 0 AND shown_ms = 0 THEN -1 ELSE state END, count(*) FROM"
        " cases WHERE merged_into = 0 GROUP BY team, CASE WHEN state = 0 AND shown_ms = 0 THEN -1"
        " ELSE state END",
        NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        const struct pn_team *team =
            code == PN_OK && has_row ? pn_teams_find(teams, pn_rows_text(rows, 0)) : NULL;
        if (team != NULL) {
            const int64_t state = pn_rows_int(rows, 1);
            const bool is_state = state >= 0 && state < PN_CASE_STATE_COUNT;
            counts[team - teams->teams][is_state ? state : PN_CASE_STATE_COUNT] =
                pn_rows_int(rows, 2);
        }
    }
    pn_rows_close(rows);
    for (unsigned t = 0; t < teams->team_count && code == PN_OK; t++) {
        const struct pn_team *team = &teams->teams[t];
        for (unsigned s = 0; s < PN_CASE_STATE_COUNT; s++) {
            set_gauge(pn_case_state_name((enum pn_case_state)s), team->id, counts[t][s]);
        }
        set_gauge("held", team->id, counts[t][PN_CASE_STATE_COUNT]);
        if (team->new_names_a_week != PN_NO_BUDGET) {
            set_gauge("new_names_a_week", team->id, team->new_names_a_week);
        }
    }
    return code == PN_OK ? tell_nobodys(store, err) : code;
}
