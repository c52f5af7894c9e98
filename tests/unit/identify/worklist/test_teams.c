// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/identify/worklist/teams.h"

#define NAME "name: { fi: a, sv: b, en: c }"
#define REASONS "reasons: [{ id: other, " NAME ", states: [refuses] }]\n"

static struct pn_err err;

static enum pn_code read_text(struct pn_arena *arena, const char *text, struct pn_teams *teams)
{
    char path[] = "/tmp/punos-teams-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    enum pn_code code = pn_teams_read(arena, path, teams, &err);
    unlink(path);
    return code;
}

static void reads_teams(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(16 * 1024 * 1024);
    struct pn_teams *teams = pn_arena_alloc(arena, sizeof *teams);
    assert_int_equal(read_text(arena,
                               "teams:\n"
                               "  - { id: rest, " NAME ", units: ['*'], roles: [coordinator] }\n"
                               "  - { id: one, " NAME ", units: ['1', 'Asema 2'],"
                               " new_names_a_week: 0 }\n"
                               "back_months: { refuses: 6 }\n" REASONS,
                               teams),
                     PN_OK);
    assert_int_equal(teams->team_count, 2);
    assert_int_equal(teams->teams[0].new_names_a_week, PN_NO_BUDGET);
    assert_int_equal(teams->teams[0].roles, PN_ROLE_COORDINATOR);
    assert_int_equal(teams->teams[1].new_names_a_week, 0);
    assert_int_equal(teams->back_months.refuses, 6);
    assert_string_equal(pn_teams_of_unit(teams, pn_slice_str("Asema 2"))->id, "one");
    assert_string_equal(pn_teams_of_unit(teams, pn_slice_str("Asema 3"))->id, "rest");
    assert_string_equal(pn_teams_of_unit(teams, pn_slice_str(""))->id, "rest");
    assert_non_null(pn_teams_reason(teams, PN_CASE_REFUSES, pn_slice_str("other")));
    assert_null(pn_teams_reason(teams, PN_CASE_NOT_RELEVANT, pn_slice_str("other")));
    assert_null(pn_teams_reason(teams, PN_CASE_REFUSES, pn_slice_str("")));
    assert_null(pn_teams_find(teams, pn_slice_str("two")));
    assert_int_equal(pn_teams_read(arena, "", teams, &err), PN_OK);
    assert_string_equal(pn_teams_of_unit(teams, pn_slice_str("x"))->id, PN_TEAM_ALL);
    assert_int_equal(pn_teams_read(arena, "config/teams.yaml", teams, &err), PN_OK);
    assert_non_null(
        pn_teams_reason(teams, PN_CASE_NOT_RELEVANT, pn_slice_str("wrong-person-data")));
    pn_arena_free(arena);
}

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where;
    } rows[] = {
        {"reasons: []\n", ""},
        {"teams: []\n" REASONS, ":1 teams"},
        {"teams: [{ id: A, " NAME ", units: [x] }]\n" REASONS, "teams[0].id"},
        {"teams: [{ id: a, name: { fi: a }, units: [x] }]\n" REASONS, "teams[0].name"},
        {"teams: [{ id: a, " NAME ", units: [] }]\n" REASONS, "teams[0].units"},
        {"teams: [{ id: a, " NAME ", units: [[x]] }]\n" REASONS, "teams[0].units[0]"},
        {"teams: [{ id: a, " NAME ", units: [x], roles: [boss] }]\n" REASONS, "teams[0].roles[0]"},
        {"teams: [{ id: a, " NAME ", units: [x], new_names_a_week: -1 }]\n" REASONS,
         "new_names_a_week"},
        {"teams: [{ id: a, " NAME ", units: [x], names: 1 }]\n" REASONS, "teams[0].names"},
        {"teams: [{ id: a, " NAME ", units: [x] }, { id: a, " NAME ", units: [y] }]\n" REASONS,
         "teams[1].id"},
        {"teams: [{ id: a, " NAME ", units: [x] }, { id: b, " NAME ", units: [y, x] }]\n" REASONS,
         "teams[1].units"},
        {"teams: [{ id: a, " NAME ", units: [x] }]\n", ""},
        {"teams: [{ id: a, " NAME ", units: [x] }]\nreasons: [{ id: o, " NAME
         ", states: [thinking] }]\n",
         "reasons[0].states[0]"},
        {"teams: [{ id: a, " NAME ", units: [x] }]\nreasons: [{ id: o, " NAME
         ", states: [refuses] }, { id: o, " NAME ", states: [refuses] }]\n",
         "reasons[1].id"},
        {"teams: [{ id: a, " NAME ", units: [x] }]\nback_months: { refuses: 121 }\n" REASONS,
         "back_months.refuses"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pn_arena *arena = pn_arena_new(16 * 1024 * 1024);
        struct pn_teams *teams = pn_arena_alloc(arena, sizeof *teams);
        assert_int_equal(read_text(arena, rows[i].text, teams), PN_INVALID);
        if (strstr(err.where, rows[i].where) == NULL) {
            fail_msg("%u: %s: %s", i, err.where, err.text);
        }
        pn_arena_free(arena);
    }
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_changed_file_is_followed(void **state)
{
    (void)state;
    char path[] = "/tmp/punos-teams-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    struct pn_teams_follower *follower = NULL;
    assert_int_equal(pn_teams_follower_open(path, &follower, &err), PN_INVALID);
    put_file(path, "teams: [{ id: one, " NAME ", units: [x] }]\n" REASONS);
    assert_int_equal(pn_teams_follower_open(path, &follower, &err), PN_OK);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_SAME);
    put_file(path, "teams: [{ id: number-two, " NAME ", units: [x] }]\n" REASONS);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_OTHERS);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_SAME);
    assert_string_equal(pn_teams_followed(follower)->teams[0].id, "number-two");
    put_file(path, "teams: [{ id: three, " NAME ", units: [] }]\n" REASONS);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_REFUSED);
    assert_non_null(strstr(err.where, "teams[0].units"));
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_SAME); // told once
    unlink(path);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_REFUSED);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_SAME);
    assert_string_equal(pn_teams_followed(follower)->teams[0].id, "number-two");
    put_file(path, "teams: [{ id: four, " NAME ", units: [x] }]\n" REASONS);
    assert_int_equal(pn_teams_follow(follower, &err), PN_TEAMS_OTHERS);
    assert_string_equal(pn_teams_followed(follower)->teams[0].id, "four");
    pn_teams_follower_close(follower);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_teams),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(a_changed_file_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
