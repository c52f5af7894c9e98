// SPDX-License-Identifier: Apache-2.0
/*
 * punos teams check FILE…
 */
#include <stdio.h>

#include "run/command.h"
#include "services/identify/worklist/teams.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024 };
static const char any_other[] = "*"; // a unit that no file names

static enum pn_code check_one(const char *path)
{
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_teams *teams = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *teams);
    struct pn_err err = {.code = PN_MEMORY, .where = "teams", .text = "no memory"};
    enum pn_code code = teams == NULL ? PN_MEMORY : pn_teams_read(arena, path, teams, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    for (unsigned i = 0; code == PN_OK && i < teams->team_count; i++) {
        const struct pn_team *team = &teams->teams[i];
        printf("%s: %s, %u %s", path, team->id, team->unit_count,
               team->unit_count == 1 ? "unit" : "units");
        if (team->new_names_a_week != PN_NO_BUDGET) {
            printf(", %lld new names a week", (long long)team->new_names_a_week);
        }
        printf("\n");
    }
    if (code == PN_OK && pn_teams_of_unit(teams, pn_slice_str(any_other)) == NULL) {
        printf("%s: no team has \"*\": clients of units that are not named have no team; see punos"
               " teams units\n",
               path);
    }
    pn_arena_free(arena);
    return code;
}

static int check(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)config;
    return pn_command_each(arguments, check_one);
}

const struct pn_command pn_command_teams_check = {
    .name = "teams check",
    .operands = "FILE…",
    .summary = "check files of teams and reasons of the work list",
    .description = "Reads each file as the hub would and lists its teams. A fault is named with "
                   "file, line and field; then the exit status is 1. A file in which no team has "
                   "\"*\" is told of: that may be meant.",
    .operand_min = 1,
    .operand_max = PN_COMMAND_OPERANDS_MAX,
    .run = check,
};
