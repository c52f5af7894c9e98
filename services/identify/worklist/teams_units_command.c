// SPDX-License-Identifier: Apache-2.0
/*
 * punos teams units [FILE]
 */
#include <inttypes.h>
#include <stdio.h>

#include "run/command.h"
#include "services/identify/identify_store.h"
#include "services/identify/worklist/teams.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024 };

static enum pn_code print_units(struct pn_store *store, const struct pn_teams *teams,
                                bool with_team, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(PN_CASE_NOT_RELEVANT), PN_INT(PN_CASE_LAPSED)};
    enum pn_code code = pn_store_ask(
        store,
        "SELECT u.code, count(CASE WHEN c.state NOT IN (?1, ?2) THEN 1 END),"
        " count(CASE WHEN c.state = 0 AND c.shown_ms = 0 THEN 1 END)"
        " FROM (SELECT code FROM units UNION SELECT unit FROM cases WHERE merged_into = 0) u"
        " LEFT JOIN cases c ON c.unit = u.code AND c.merged_into = 0 GROUP BY u.code"
        " ORDER BY count(CASE WHEN c.state NOT IN (?1, ?2) THEN 1 END) DESC, u.code",
        values, 2, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        const struct pn_slice unit = pn_rows_text(rows, 0);
        const struct pn_team *team = pn_teams_of_unit(teams, unit);
        const struct pn_slice shown = unit.len > 0 ? unit : pn_slice_str("(not known)");
        if ((team != NULL) == with_team) {
            printf("%-24.*s  %-24s  %6" PRId64 "  %7" PRId64 "\n", PN_SLICE_FMT(shown),
                   team == NULL ? "NO TEAM" : team->id, pn_rows_int(rows, 1), pn_rows_int(rows, 2));
        }
    }
    pn_rows_close(rows);
    return code;
}

static int list_units(const struct pn_arguments *arguments, const struct pn_config *config)
{
    const char *path = arguments->operand_count > 0 ? arguments->operands[0] : config->teams_file;
    const struct pn_store_options options = {.name = PN_IDENTIFY_STORE,
                                             .migrations = pn_identify_migrations,
                                             .migration_count = pn_identify_migration_count,
                                             .read_only = true};
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_teams *teams = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *teams);
    struct pn_store *store = NULL;
    struct pn_err err = {.code = PN_MEMORY, .where = "teams", .text = "no memory"};
    enum pn_code code = teams == NULL ? PN_MEMORY : pn_teams_read(arena, path, teams, &err);
    code = code == PN_OK ? pn_store_open(config, &options, &store, &err) : code;
    if (code == PN_OK) {
        printf("%-24s  %-24s  %6s  %7s\n", "unit", "team", "open", "waiting");
        code = print_units(store, teams, false, &err);
    }
    code = code == PN_OK ? print_units(store, teams, true, &err) : code;
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    pn_store_close(store);
    pn_arena_free(arena);
    return pn_command_exit(code);
}

const struct pn_command pn_command_teams_units = {
    .name = "teams units",
    .operands = "[FILE]",
    .summary = "which team each unit's clients stand with, and which units no team has",
    .description =
        "Lists the units that the hub has had events of, those that no team has first: the team "
        "that the file gives each (the configuration's, when none is named), how many open cases "
        "the unit has and how many of them wait for room. Give a changed FILE to see what it would "
        "do. The clients of a unit without a team are seen only by who sees all teams' lists.",
    .operand_max = 1,
    .run = list_units,
};
