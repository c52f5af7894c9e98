// SPDX-License-Identifier: Apache-2.0
#include "services/api/worklist_teams.h"

#include <string.h>

#include "base/buf.h"

enum { TEAMS_TEXT_BYTES = PN_TEAMS_MAX * (PN_TEAM_ID_BYTES + 1) };
static const char no_team[] = "-"; // no id is like that: asked for, it is nobody's

static bool is_in(struct pn_slice list, struct pn_slice word)
{
    while (list.len > 0) {
        if (pn_slice_eq(pn_slice_split(list, ',', &list), word)) {
            return true;
        }
    }
    return false;
}

bool pn_caller_sees_team(const struct pn_call *call, struct pn_slice team)
{
    const struct pn_team *found = pn_teams_find(call->api->teams, team);
    const struct pn_slice own = pn_slice_str(call->caller->teams);
    bool is_open = found == NULL || found->roles == 0 || (found->roles & call->caller->roles) != 0;
    return is_open && (own.len == 0 || is_in(own, team));
}

enum pn_code pn_worklist_teams_asked(const struct pn_call *call, const char **ret_teams,
                                     struct pn_err *err)
{
    const struct pn_slice asked = pn_http_parameter(call->exchange, "team");
    const struct pn_slice role_name = pn_http_parameter(call->exchange, "role");
    unsigned role = 0;
    if (role_name.len > 0 && !pn_role_parse(role_name, &role)) {
        return pn_err_set(err, PN_INVALID, "role", "must be a role of tokens, as coordinator");
    }
    struct pn_buf ids;
    pn_buf_init(&ids, TEAMS_TEXT_BYTES);
    bool is_all = asked.len == 0 && role == 0 && call->caller->teams[0] == '\0';
    for (unsigned i = 0; i < call->api->teams->team_count; i++) {
        const struct pn_team *team = &call->api->teams->teams[i];
        const struct pn_slice id = pn_slice_str(team->id);
        bool is_asked = (asked.len == 0 || is_in(asked, id)) &&
                        (role == 0 || team->roles == 0 || (team->roles & role) != 0);
        bool is_seen = pn_caller_sees_team(call, id);
        is_all = is_all && is_seen;
        if (is_asked && is_seen) {
            pn_buf_printf(&ids, "%s%s", pn_buf_slice(&ids).len > 0 ? "," : "", team->id);
        }
    }
    // An empty place in the list is nobody's.
    if (pn_caller_sees_team(call, pn_slice_of("", 0)) &&
        (asked.len == 0 || is_in(asked, pn_slice_str(no_team)))) {
        pn_buf_add_char(&ids, ',');
    }
    const struct pn_slice text = pn_buf_slice(&ids);
    const char *copy = text.len == 0 ? no_team : pn_arena_copy(call->arena, text);
    pn_buf_release(&ids);
    if (copy == NULL) {
        return pn_err_set(err, PN_LIMIT, "team", "no memory");
    }
    *ret_teams = is_all ? NULL : copy;
    return PN_OK;
}

static void add_name(cJSON *object, const char *const name[static PN_LANGUAGE_COUNT])
{
    cJSON *names = cJSON_AddObjectToObject(object, "name");
    for (unsigned i = 0; i < PN_LANGUAGE_COUNT; i++) {
        cJSON_AddStringToObject(names, pn_language_code((enum pn_language)i), name[i]);
    }
}

static void add_states(cJSON *object, const int64_t counts[static PN_CASE_STATE_COUNT])
{
    cJSON *states = cJSON_AddObjectToObject(object, "states");
    for (unsigned i = 0; i < PN_CASE_STATE_COUNT; i++) {
        cJSON_AddNumberToObject(states, pn_case_state_name((enum pn_case_state)i),
                                (double)counts[i]);
    }
}

static void add_team(cJSON *teams, const struct pn_team *team, const struct pn_team_count *count)
{
    static const struct pn_team_count none;
    cJSON *object = cJSON_CreateObject();
    count = count == NULL ? &none : count;
    cJSON_AddStringToObject(object, "id", team->id);
    add_name(object, team->name);
    add_states(object, count->by_state);
    cJSON_AddNumberToObject(object, "held", (double)count->held);
    if (team->new_names_a_week != PN_NO_BUDGET) {
        cJSON_AddNumberToObject(object, "newNamesAWeek", (double)team->new_names_a_week);
    }
    cJSON_AddItemToArray(teams, object);
}

void pn_worklist_add_reasons(const struct pn_teams *teams, cJSON *answer)
{
    cJSON *reasons = cJSON_AddArrayToObject(answer, "reasons");
    for (unsigned i = 0; i < teams->reason_count; i++) {
        const struct pn_case_reason *reason = &teams->reasons[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "id", reason->id);
        add_name(object, reason->name);
        cJSON *states = cJSON_AddArrayToObject(object, "states");
        for (unsigned s = 0; s < PN_CASE_STATE_COUNT; s++) {
            if ((reason->states & UINT32_C(1) << s) != 0) {
                cJSON_AddItemToArray(states,
                                     cJSON_CreateString(pn_case_state_name((enum pn_case_state)s)));
            }
        }
        cJSON_AddItemToArray(reasons, object);
    }
}

static const struct pn_team_count *count_of(const struct pn_team_count *counts, unsigned count,
                                            const char *team)
{
    for (unsigned i = 0; i < count; i++) {
        if (pn_slice_is(counts[i].team, team)) {
            return &counts[i];
        }
    }
    return NULL;
}

static void add_nobodys(struct pn_call *call, const struct pn_team_count *count, cJSON *answer)
{
    static const struct pn_team_count none;
    struct pn_unit_count *units =
        pn_arena_alloc_array(call->arena, PN_UNITS_WITHOUT_TEAM_MAX, sizeof *units);
    unsigned unit_count = 0;
    struct pn_err err;
    if (units == NULL || !pn_caller_sees_team(call, pn_slice_of("", 0)) ||
        pn_worklist_units_without_team(call->api->worklist, call->arena, units, &unit_count,
                                       &err) != PN_OK ||
        unit_count == 0) {
        return;
    }
    cJSON *object = cJSON_AddObjectToObject(answer, "withoutTeam");
    count = count == NULL ? &none : count;
    add_states(object, count->by_state);
    cJSON_AddNumberToObject(object, "held", (double)count->held);
    cJSON *list = cJSON_AddArrayToObject(object, "units");
    for (unsigned i = 0; i < unit_count; i++) {
        cJSON *unit = cJSON_CreateObject();
        pn_json_add_slice(unit, "unit", units[i].unit);
        cJSON_AddNumberToObject(unit, "open", (double)units[i].open);
        cJSON_AddItemToArray(list, unit);
    }
}

void pn_worklist_add_teams(struct pn_call *call, cJSON *answer)
{
    const struct pn_teams *teams = call->api->teams;
    struct pn_team_count *counts =
        pn_arena_alloc_array(call->arena, PN_TEAM_COUNTS_MAX, sizeof *counts);
    struct pn_team_count sum = {.held = 0};
    unsigned count = 0;
    struct pn_err err;
    pn_worklist_add_reasons(teams, answer);
    if (counts == NULL ||
        pn_worklist_team_counts(call->api->worklist, call->arena, counts, &count, &err) != PN_OK) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned s = 0; s < PN_CASE_STATE_COUNT && pn_caller_sees_team(call, counts[i].team);
             s++) {
            sum.by_state[s] += counts[i].by_state[s];
            sum.held += s == 0 ? counts[i].held : 0;
        }
    }
    add_states(answer, sum.by_state);
    cJSON_AddNumberToObject(answer, "held", (double)sum.held);
    cJSON *list = cJSON_AddArrayToObject(answer, "teams");
    for (unsigned i = 0; i < teams->team_count; i++) {
        const struct pn_team *team = &teams->teams[i];
        if (pn_caller_sees_team(call, pn_slice_str(team->id))) {
            add_team(list, team, count_of(counts, count, team->id));
        }
    }
    add_nobodys(call, count_of(counts, count, ""), answer);
}
