// SPDX-License-Identifier: Apache-2.0
#include "services/identify/backtest/backtest_figures.h"

#include <stdlib.h>
#include <string.h>

#include "services/identify/rules/rule_sets.h"

struct making {
    struct pn_arena *arena;
    const struct pn_backtest_input *input;
    struct pn_backtest_figures *figures;
};

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "backtest", "the figures take too much memory");
}

// --- Units and weeks -----------------------------------------------------------------------------

static const char *code_of(const struct pn_backtest_result *result, uint32_t hash)
{
    for (size_t i = 0; i < result->unit_count; i++) {
        if (result->units[i].hash == hash) {
            return result->units[i].code;
        }
    }
    return "";
}

static unsigned unit_row(struct making *making, uint32_t hash)
{
    struct pn_backtest_figures *figures = making->figures;
    unsigned i = 0;
    while (i < figures->unit_count && figures->units[i].hash != hash) {
        i++;
    }
    if (i == figures->unit_count && i < PN_BACKTEST_UNITS_MAX) {
        struct pn_backtest_unit_row *row = &figures->units[figures->unit_count++];
        row->hash = hash;
        row->code = code_of(making->input->result, hash);
        row->team = making->input->team_of(making->input->team_context, pn_slice_str(row->code));
    }
    return i;
}

static int by_code(const void *a, const void *b)
{
    const struct pn_backtest_unit_row *one = a, *two = b;
    int order = strcmp(one->code, two->code);
    return order != 0 ? order : (one->hash < two->hash ? -1 : one->hash > two->hash);
}

static enum pn_code count_arrivals(struct making *making, struct pn_err *err)
{
    const struct pn_backtest_result *result = making->input->result;
    struct pn_backtest_figures *figures = making->figures;
    const unsigned weeks = making->input->plan->week_count;
    figures->units =
        pn_arena_alloc_array(making->arena, PN_BACKTEST_UNITS_MAX, sizeof *figures->units);
    if (figures->units == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < result->arrival_count; i++) {
        if (unit_row(making, result->arrivals[i].unit) == PN_BACKTEST_UNITS_MAX) {
            return pn_err_set(err, PN_LIMIT, "backtest", "more than %d units",
                              PN_BACKTEST_UNITS_MAX);
        }
    }
    qsort(figures->units, figures->unit_count, sizeof *figures->units, by_code);
    figures->unit_weeks = pn_arena_alloc_array(
        making->arena, (size_t)figures->unit_count * weeks + 1, sizeof *figures->unit_weeks);
    if (figures->unit_weeks == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < result->arrival_count; i++) {
        const struct pn_backtest_arrival *arrival = &result->arrivals[i];
        unsigned unit = unit_row(making, arrival->unit);
        figures->units[unit].came[arrival->side]++;
        figures->unit_weeks[unit * weeks + arrival->week][arrival->side]++;
        figures->weeks[arrival->week][arrival->side]++;
        figures->came[arrival->side]++;
    }
    return PN_OK;
}

// --- Teams ---------------------------------------------------------------------------------------

static struct pn_backtest_team_row *team_row(struct pn_backtest_figures *figures,
                                             const struct pn_backtest_team *team)
{
    unsigned i = 0;
    while (i < figures->team_count && strcmp(figures->teams[i].team.id, team->id) != 0) {
        i++;
    }
    if (i == figures->team_count) {
        figures->teams[figures->team_count++].team = *team;
    }
    return &figures->teams[i];
}

static void count_weeks_over(const struct making *making, struct pn_backtest_team_row *row)
{
    const struct pn_backtest_figures *figures = making->figures;
    const unsigned weeks = making->input->plan->week_count;
    for (unsigned week = 0; week < weeks && row->team.new_names_a_week >= 0; week++) {
        int64_t came[PN_BACKTEST_SIDES] = {0};
        for (unsigned u = 0; u < figures->unit_count; u++) {
            bool is_own = strcmp(figures->units[u].team.id, row->team.id) == 0;
            for (unsigned side = 0; side < PN_BACKTEST_SIDES && is_own; side++) {
                came[side] += figures->unit_weeks[u * weeks + week][side];
            }
        }
        for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
            bool is_over = (double)came[side] * figures->scale > (double)row->team.new_names_a_week;
            row->weeks_over[side] += is_over ? 1 : 0;
        }
    }
}

static enum pn_code count_teams(struct making *making, struct pn_err *err)
{
    struct pn_backtest_figures *figures = making->figures;
    figures->teams = pn_arena_alloc_array(making->arena, (size_t)figures->unit_count + 1,
                                          sizeof *figures->teams);
    if (figures->teams == NULL) {
        return no_memory(err);
    }
    for (unsigned u = 0; u < figures->unit_count; u++) {
        struct pn_backtest_team_row *row = team_row(figures, &figures->units[u].team);
        for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
            row->came[side] += figures->units[u].came[side];
        }
    }
    for (unsigned i = 0; i < figures->team_count; i++) {
        count_weeks_over(making, &figures->teams[i]);
        int64_t budget = figures->teams[i].team.new_names_a_week;
        figures->budget = budget < 0 || figures->budget < 0 ? -1 : figures->budget + budget;
    }
    figures->budget = figures->team_count == 0 ? -1 : figures->budget;
    return PN_OK;
}

// --- Rules, clients, verdicts --------------------------------------------------------------------

static void list_rules(struct making *making)
{
    struct pn_backtest_figures *figures = making->figures;
    for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
        const struct pn_ruleset *rules = making->input->plan->rules[side];
        for (unsigned r = 0; r < rules->count; r++) {
            unsigned i = 0;
            while (i < figures->rule_count &&
                   (figures->rules[i].rule[PN_BACKTEST_NEW] == NULL ||
                    strcmp(figures->rules[i].rule[PN_BACKTEST_NEW]->id, rules->rules[r].id) != 0)) {
                i++;
            }
            figures->rule_count += i == figures->rule_count ? 1 : 0;
            figures->rules[i].rule[side] = &rules->rules[r];
        }
    }
}

static bool has_held(const struct making *making, const struct pn_backtest_client *client,
                     unsigned side, const struct pn_rule *rule)
{
    const struct pn_rule *first = making->input->plan->rules[side]->rules;
    return rule != NULL && (client->held[side] >> (rule - first) & 1) != 0;
}

static enum pn_backtest_fate fate_of(const struct pn_backtest_client *client)
{
    if (client->is_flagged[PN_BACKTEST_NEW] && client->is_flagged[PN_BACKTEST_TODAY]) {
        return PN_FATE_BOTH;
    }
    return client->is_flagged[PN_BACKTEST_NEW] ? PN_FATE_NEW_ONLY : PN_FATE_TODAY_ONLY;
}

static void count_client(struct making *making, const struct pn_backtest_client *client)
{
    struct pn_backtest_figures *figures = making->figures;
    const bool *is_at_end = client->is_flagged_at_end;
    const bool is_any =
        client->is_flagged[PN_BACKTEST_NEW] || client->is_flagged[PN_BACKTEST_TODAY];
    figures->fates[fate_of(client)] += is_any ? 1 : 0;
    for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
        figures->flagged[side] += client->is_flagged[side] ? 1 : 0;
        figures->at_end[side] += is_at_end[side] ? 1 : 0;
    }
    figures->comes += is_at_end[PN_BACKTEST_NEW] && !is_at_end[PN_BACKTEST_TODAY] ? 1 : 0;
    figures->goes += is_at_end[PN_BACKTEST_TODAY] && !is_at_end[PN_BACKTEST_NEW] ? 1 : 0;
    for (unsigned i = 0; i < figures->rule_count; i++) {
        struct pn_backtest_rule_row *row = &figures->rules[i];
        bool is_new = has_held(making, client, PN_BACKTEST_NEW, row->rule[PN_BACKTEST_NEW]);
        bool is_old = has_held(making, client, PN_BACKTEST_TODAY, row->rule[PN_BACKTEST_TODAY]);
        row->clients[PN_BACKTEST_NEW] += is_new ? 1 : 0;
        row->clients[PN_BACKTEST_TODAY] += is_old ? 1 : 0;
        row->both += is_new && is_old ? 1 : 0;
    }
}

static int by_number(const void *a, const void *b)
{
    const struct pn_backtest_client *one = a, *two = b;
    return one->number < two->number ? -1 : one->number > two->number;
}

// The result's clients are put in order, so that two runs tell the same.
static void count_clients(struct making *making)
{
    const struct pn_backtest_result *result = making->input->result;
    if (result->client_count > 0) {
        qsort(result->clients, result->client_count, sizeof *result->clients, by_number);
    }
    for (size_t i = 0; i < result->client_count; i++) {
        count_client(making, &result->clients[i]);
    }
    for (size_t i = 0; i < making->input->verdict_count && result->client_count > 0; i++) {
        const struct pn_backtest_verdict *verdict = &making->input->verdicts[i];
        const struct pn_backtest_client like = {.number = verdict->client};
        const struct pn_backtest_client *found = bsearch(
            &like, result->clients, result->client_count, sizeof *result->clients, by_number);
        if (found != NULL &&
            (found->is_flagged[PN_BACKTEST_NEW] || found->is_flagged[PN_BACKTEST_TODAY])) {
            making->figures->verdicts[verdict->state][fate_of(found)]++;
        }
    }
}

int64_t pn_backtest_known_from(const struct pn_backtest_plan *plan,
                               const struct pn_backtest_totals *totals)
{
    int64_t all = 0, before = 0;
    for (unsigned i = 0; i < PN_BACKTEST_DAYS_MAX; i++) {
        all += totals->days[i];
    }
    for (unsigned i = 0; i < PN_BACKTEST_DAYS_MAX; i++) {
        before += totals->days[i];
        if (before > all / PN_BACKTEST_FEW) {
            return i == 0 ? INT64_MIN : pn_backtest_first_day(plan) + i;
        }
    }
    return INT64_MAX;
}

enum pn_code pn_backtest_figures_make(struct pn_arena *arena, const struct pn_backtest_input *input,
                                      struct pn_backtest_figures **ret_figures, struct pn_err *err)
{
    struct making making = {.arena = arena, .input = input};
    making.figures = pn_arena_alloc(arena, sizeof *making.figures);
    if (making.figures == NULL) {
        return no_memory(err);
    }
    const int64_t clients = input->result->totals.clients;
    making.figures->scale =
        input->county_size > 0 && clients > 0 ? (double)input->county_size / (double)clients : 1.0;
    making.figures->known_from = pn_backtest_known_from(input->plan, &input->result->totals);
    list_rules(&making);
    count_clients(&making);
    enum pn_code code = count_arrivals(&making, err);
    code = code == PN_OK ? count_teams(&making, err) : code;
    if (code == PN_OK) {
        *ret_figures = making.figures;
    }
    return code;
}

bool pn_backtest_figures_print(const struct pn_backtest_input *input,
                               const struct pn_backtest_figures *figures, struct pn_buf *out)
{
    const struct pn_backtest_totals *totals = &input->result->totals;
    const struct {
        const char *name;
        int64_t number;
    } rows[] = {
        {"events", totals->events},
        {"clients", totals->clients},
        {"weeks", input->plan->week_count},
        {"today_set", input->plan->rules[PN_BACKTEST_TODAY]->number},
        {"flagged", figures->flagged[PN_BACKTEST_NEW]},
        {"flagged_today", figures->flagged[PN_BACKTEST_TODAY]},
        {"both", figures->fates[PN_FATE_BOTH]},
        {"only_new", figures->fates[PN_FATE_NEW_ONLY]},
        {"only_today", figures->fates[PN_FATE_TODAY_ONLY]},
        {"came", figures->came[PN_BACKTEST_NEW]},
        {"came_today", figures->came[PN_BACKTEST_TODAY]},
        {"comes", figures->comes},
        {"goes", figures->goes},
        {"behind", input->behind},
    };
    pn_buf_add_char(out, '{');
    for (unsigned i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        pn_buf_printf(out, "%s\"%s\":%lld", i == 0 ? "" : ",", rows[i].name,
                      (long long)rows[i].number);
    }
    pn_buf_add_char(out, '}');
    return pn_buf_ok(out);
}
