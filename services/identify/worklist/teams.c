// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/teams.h"

#include <string.h>

#include "services/identify/rules/rules_fields.h"

enum { MONTHS_MAX = 120, NAMES_A_WEEK_MAX = 10000, UNIT_CODE_BYTES_MAX = 127 };
static const char any_unit[] = "*";

// --- Values --------------------------------------------------------------------------------------

static PN_RULES_READER(read_units)
{
    (void)field;
    struct pn_team *team = ret_place;
    enum pn_code code = pn_rules_check_list(reader, node, PN_TEAM_UNITS_MAX);
    const char **units = code == PN_OK
                             ? pn_arena_alloc_array(reader->arena, node->child_count, sizeof *units)
                             : NULL;
    if (code == PN_OK && units == NULL) {
        return pn_rules_no_memory(reader);
    }
    unsigned count = 0;
    for (const struct pn_yaml *item = code == PN_OK ? node->first_child : NULL; item != NULL;
         item = item->next) {
        if (item->kind != PN_YAML_SCALAR || item->scalar.len == 0 ||
            item->scalar.len > UNIT_CODE_BYTES_MAX) {
            return pn_rules_fault(reader, item,
                                  "a unit's code, as its events have it, is expected");
        }
        units[count] = pn_arena_copy(reader->arena, item->scalar);
        if (units[count++] == NULL) {
            return pn_rules_no_memory(reader);
        }
    }
    if (code == PN_OK) {
        team->units = units;
        team->unit_count = count;
    }
    return code;
}

static PN_RULES_READER(read_roles)
{
    (void)field;
    unsigned roles = 0;
    enum pn_code code = pn_rules_check_list(reader, node, PN_ROLE_COUNT);
    for (const struct pn_yaml *item = code == PN_OK ? node->first_child : NULL; item != NULL;
         item = item->next) {
        if (item->kind != PN_YAML_SCALAR || !pn_role_parse(item->scalar, &roles)) {
            return pn_rules_fault(reader, item, "a role of tokens is expected, as coordinator");
        }
    }
    if (code == PN_OK) {
        *(unsigned *)ret_place = roles;
    }
    return code;
}

static const char *const reason_states[] = {[PN_CASE_NEW] = "",
                                            [PN_CASE_SEEN] = "",
                                            [PN_CASE_IN_DISCUSSION] = "",
                                            [PN_CASE_CONSENTS] = "",
                                            [PN_CASE_REFUSES] = "refuses",
                                            [PN_CASE_THINKING] = "",
                                            [PN_CASE_HAS_WORKER] = "",
                                            [PN_CASE_NOT_RELEVANT] = "not-relevant",
                                            NULL};

static const struct pn_rules_field team_fields[] = {
    {.key = "id", .read = pn_rules_id, .offset = offsetof(struct pn_team, id), .is_required = true},
    {.key = "name",
     .read = pn_rules_texts,
     .offset = offsetof(struct pn_team, name),
     .is_required = true},
    {.key = "units", .read = read_units, .offset = 0, .is_required = true},
    {.key = "roles", .read = read_roles, .offset = offsetof(struct pn_team, roles)},
    {.key = "new_names_a_week",
     .read = pn_rules_number,
     .offset = offsetof(struct pn_team, new_names_a_week),
     .max = NAMES_A_WEEK_MAX},
    {.key = NULL}};

static const struct pn_rules_field reason_fields[] = {
    {.key = "id",
     .read = pn_rules_id,
     .offset = offsetof(struct pn_case_reason, id),
     .is_required = true},
    {.key = "name",
     .read = pn_rules_texts,
     .offset = offsetof(struct pn_case_reason, name),
     .is_required = true},
    {.key = "states",
     .read = pn_rules_set,
     .offset = offsetof(struct pn_case_reason, states),
     .words = reason_states,
     .is_required = true},
    {.key = NULL}};

static const struct pn_rules_field back_fields[] = {
    {.key = "not-relevant",
     .read = pn_rules_number,
     .offset = offsetof(struct pn_teams, back_months.not_relevant),
     .max = MONTHS_MAX},
    {.key = "refuses",
     .read = pn_rules_number,
     .offset = offsetof(struct pn_teams, back_months.refuses),
     .max = MONTHS_MAX},
    {.key = NULL}};

// --- The file ------------------------------------------------------------------------------------

// A unit has one team.
static enum pn_code check_units(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                const struct pn_teams *teams)
{
    const struct pn_team *last = &teams->teams[teams->team_count - 1];
    for (unsigned t = 0; t + 1 < teams->team_count; t++) {
        const struct pn_team *other = &teams->teams[t];
        for (unsigned i = 0; i < other->unit_count * last->unit_count; i++) {
            if (strcmp(other->units[i / last->unit_count], last->units[i % last->unit_count]) ==
                0) {
                return pn_yaml_fault(reader->err, reader->name, pn_yaml_get(node, "units"),
                                     "unit %s is team %s's already",
                                     last->units[i % last->unit_count], other->id);
            }
        }
    }
    return PN_OK;
}

static PN_RULES_READER(read_teams)
{
    (void)field;
    struct pn_teams *teams = ret_place;
    enum pn_code code = pn_rules_check_list(reader, node, PN_TEAMS_MAX);
    for (const struct pn_yaml *item = code == PN_OK ? node->first_child : NULL;
         item != NULL && code == PN_OK; item = item->next) {
        struct pn_team team = {.new_names_a_week = PN_NO_BUDGET};
        code = pn_rules_fields(reader, item, team_fields, &team);
        if (code == PN_OK && pn_teams_find(teams, pn_slice_str(team.id)) != NULL) {
            code = pn_rules_fault(reader, pn_yaml_get(item, "id"), "another team has this id");
        }
        if (code == PN_OK) {
            teams->teams[teams->team_count++] = team;
            code = check_units(reader, item, teams);
        }
    }
    return code;
}

static PN_RULES_READER(read_reasons)
{
    (void)field;
    struct pn_teams *teams = ret_place;
    enum pn_code code = pn_rules_check_list(reader, node, PN_REASONS_MAX);
    for (const struct pn_yaml *item = code == PN_OK ? node->first_child : NULL;
         item != NULL && code == PN_OK; item = item->next) {
        struct pn_case_reason reason = {.id = NULL};
        code = pn_rules_fields(reader, item, reason_fields, &reason);
        for (unsigned i = 0; i < teams->reason_count && code == PN_OK; i++) {
            if (strcmp(teams->reasons[i].id, reason.id) == 0) {
                code =
                    pn_rules_fault(reader, pn_yaml_get(item, "id"), "another reason has this id");
            }
        }
        teams->reasons[teams->reason_count++] = reason;
    }
    return code;
}

static PN_RULES_READER(read_back)
{
    (void)field;
    return pn_rules_fields(reader, node, back_fields, ret_place);
}

static const struct pn_rules_field file_fields[] = {
    {.key = "teams", .read = read_teams, .is_required = true},
    {.key = "reasons", .read = read_reasons, .is_required = true},
    {.key = "back_months", .read = read_back},
    {.key = NULL}};

const struct pn_teams *pn_teams_default(void)
{
    static const char *any_units[] = {any_unit};
    static const struct pn_teams teams = {
        .teams = {{.id = PN_TEAM_ALL,
                   .name = {"Kaikki", "Alla", "All"},
                   .units = any_units,
                   .unit_count = 1,
                   .new_names_a_week = PN_NO_BUDGET}},
        .team_count = 1,
        .reasons = {{.id = "other",
                     .name = {"Muu syy", "Annan orsak", "Another reason"},
                     .states = 1U << PN_CASE_NOT_RELEVANT | 1U << PN_CASE_REFUSES}},
        .reason_count = 1};
    return &teams;
}

enum pn_code pn_teams_read(struct pn_arena *arena, const char *path, struct pn_teams *ret_teams,
                           struct pn_err *err)
{
    struct pn_teams *teams = pn_arena_alloc(arena, sizeof *teams);
    if (teams == NULL) {
        return pn_err_set(err, PN_MEMORY, "teams", "no memory");
    }
    memset(teams, 0, sizeof *teams);
    enum pn_code code = PN_OK;
    if (path == NULL || path[0] == '\0') {
        *teams = *pn_teams_default();
    } else {
        const struct pn_yaml *root = NULL;
        struct pn_rules_reader reader = {.arena = arena, .name = path, .err = err};
        code = pn_yaml_read_file(arena, path, &root, err);
        code = code == PN_OK ? pn_rules_fields(&reader, root, file_fields, teams) : code;
    }
    if (code == PN_OK) {
        *ret_teams = *teams;
    }
    return code;
}

// --- Looking up ----------------------------------------------------------------------------------

const struct pn_team *pn_teams_find(const struct pn_teams *teams, struct pn_slice id)
{
    for (unsigned i = 0; i < teams->team_count; i++) {
        if (pn_slice_is(id, teams->teams[i].id)) {
            return &teams->teams[i];
        }
    }
    return NULL;
}

const struct pn_team *pn_teams_of_unit(const struct pn_teams *teams, struct pn_slice unit)
{
    const struct pn_team *any = NULL;
    for (unsigned t = 0; t < teams->team_count; t++) {
        const struct pn_team *team = &teams->teams[t];
        for (unsigned u = 0; u < team->unit_count; u++) {
            if (pn_slice_is(unit, team->units[u])) {
                return team;
            }
            any = strcmp(team->units[u], any_unit) == 0 ? team : any;
        }
    }
    return any;
}

const struct pn_case_reason *pn_teams_reason(const struct pn_teams *teams, enum pn_case_state state,
                                             struct pn_slice id)
{
    for (unsigned i = 0; i < teams->reason_count; i++) {
        const struct pn_case_reason *reason = &teams->reasons[i];
        if (pn_slice_is(id, reason->id)) {
            return (reason->states & UINT32_C(1) << state) != 0 ? reason : NULL;
        }
    }
    return NULL;
}
