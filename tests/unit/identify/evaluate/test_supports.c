// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/identify/engine_bench.h"

enum { FILE_BYTES_MAX = 16 * 1024 };

// The plain rules with these first lines, and the named ones as rules that support: in use from now
// on, as after a restart.
static void use_rules(struct bench *bench, const char *head, const char *const *supports)
{
    static char path[96], text[FILE_BYTES_MAX];
    static unsigned number;
    FILE *plain = fopen("tests/unit/identify/plain.yaml", "r");
    assert_non_null(plain);
    text[fread(text, 1, sizeof text - 1, plain)] = '\0';
    assert_int_equal(fclose(plain), 0);
    (void)snprintf(path, sizeof path, "%s/rules-%u.yaml", bench->folder, number++);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(head, file) >= 0);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(fprintf(file, "%s\n", line) > 0);
        for (unsigned i = 0; supports[i] != NULL; i++) {
            bool is_it = strncmp(line, "  - id: ", 8) == 0 && strcmp(line + 8, supports[i]) == 0;
            assert_true(!is_it || fputs("    supports: true\n", file) >= 0);
        }
    }
    assert_int_equal(fclose(file), 0);
    bench->config.rules_file = path;
    pn_worklist_close(bench->worklist);
    pn_engine_close(bench->engine);
    assert_int_equal(pn_rules_read(bench->boot, path, bench->rules, &err), PN_OK);
    bench_engine(bench);
    assert_int_equal(pn_worklist_open(&bench->config, &bench->worklist, &err), PN_OK);
}

static const char *const none[] = {NULL};
static const char *const absences[] = {"no-shows", NULL};
static const char *const two[] = {"no-shows", "visits", NULL};

static void put_noshows(struct bench *bench)
{
    for (unsigned i = 1; i <= 3; i++) {
        put_noshow(bench, CLIENT_A, i);
    }
}

static void put_contacts(struct bench *bench, unsigned from, unsigned count, const char *class)
{
    for (unsigned i = from; i < from + count; i++) {
        put(bench, (struct spec){.happening = "visit.finished",
                                 .subject = CLIENT_A,
                                 .number = i,
                                 .start_ms = at(2026, 3, (int)(i - from) + 1),
                                 .recorded_ms = at(2026, 3, (int)(i - from) + 1),
                                 .encounter_class = class});
    }
}

static void withdraw_contacts(struct bench *bench, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        put(bench, (struct spec){.happening = "visit.cancelled",
                                 .subject = CLIENT_A,
                                 .number = i,
                                 .start_ms = at(2026, 3, (int)(i - from) + 1),
                                 .recorded_ms = at(2026, 5, 1),
                                 .status = "cancelled"});
    }
}

static bool is_listed(struct bench *bench)
{
    struct pn_case found;
    pn_arena_reset(bench->arena);
    enum pn_code code =
        pn_worklist_case(bench->worklist, bench->arena, pn_slice_str(CLIENT_A), &found, &err);
    assert_true(code == PN_OK || code == PN_NOT_FOUND);
    return code == PN_OK;
}

static bool has_active_flag(struct bench *bench)
{
    struct pn_case found = case_of(bench, CLIENT_A);
    pn_json_use_arena(bench->arena);
    cJSON *flag = pn_worklist_flag(&found);
    bool is_active = pn_slice_is(pn_fhir_get(flag, "status"), "active");
    pn_json_use_arena(NULL);
    return is_active;
}

// --- Tests ---------------------------------------------------------------------------------------

static void is_told_and_shown_and_lists_nobody(void **state)
{
    struct bench *bench = *state;
    use_rules(bench, "", absences);
    put_noshows(bench);
    assert_string_equal(last_told(bench), "raised no-shows");
    assert_string_equal(bench->flags, "");
    assert_false(is_listed(bench));
    struct pn_case found;
    assert_int_equal(
        pn_worklist_triggers(bench->worklist, bench->arena, pn_slice_str(CLIENT_A), &found, &err),
        PN_OK);
    assert_int_equal(found.trigger_count, 1);
    assert_true(found.triggers[0].is_support);
    assert_int_equal(found.triggers[0].count, 3);
    put_contacts(bench, 100, 10, "EMER");
    found = case_of(bench, CLIENT_A);
    assert_int_equal(found.state, PN_CASE_NEW);
    assert_int_equal(found.trigger_count, 2);
    assert_false(found.triggers[0].is_support); // emergency-visits weigh more
    assert_true(found.triggers[1].is_support);
}

static void the_rank_counts_it(void **state)
{
    struct bench *bench = *state;
    put_contacts(bench, 100, 10, "EMER");
    const int64_t without = case_of(bench, CLIENT_A).rank;
    use_rules(bench, "", absences);
    put_noshows(bench);
    assert_true(case_of(bench, CLIENT_A).rank > without);
}

static void the_case_lapses_with_what_began_it(void **state)
{
    struct bench *bench = *state;
    use_rules(bench, "", absences);
    put_noshows(bench);
    put_contacts(bench, 100, 10, "EMER");
    assert_true(has_active_flag(bench));
    withdraw_contacts(bench, 100, 1);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_LAPSED);
    assert_false(has_active_flag(bench));
    assert_int_equal(case_of(bench, CLIENT_A).triggers[0].state, PN_TRIGGER_RAISED);
    assert_string_equal(bench->flags, "raised lapsed ");
    put_contacts(bench, 200, 1, "EMER");
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NEW);
    assert_string_equal(bench->flags, "raised lapsed raised ");
}

static void what_a_person_began_stays(void **state)
{
    struct bench *bench = *state;
    use_rules(bench, "", absences);
    put_noshows(bench);
    put_contacts(bench, 100, 10, "EMER");
    set_state(bench, CLIENT_A, PN_CASE_HAS_WORKER, "");
    withdraw_contacts(bench, 100, 1);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_HAS_WORKER);
    assert_false(has_active_flag(bench));
}

static void so_many_together_begin_a_case(void **state)
{
    struct bench *bench = *state;
    use_rules(bench, "supports_needed: 2\n", two);
    put_noshows(bench);
    assert_false(is_listed(bench));
    put_contacts(bench, 100, 11, "AMB");
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NEW);
    assert_true(has_active_flag(bench));
    withdraw_contacts(bench, 100, 1);
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_LAPSED);
}

// The rule of a case that is not relevant stays; another comes, and only supports.
static void only_what_could_begin_it_brings_it_back(void **state)
{
    struct bench *bench = *state;
    use_rules(bench, "", (const char *const[]){"visits", NULL});
    put_noshows(bench);
    set_state(bench, CLIENT_A, PN_CASE_NOT_RELEVANT, "single-episode");
    put_contacts(bench, 100, 11, "AMB");
    assert_string_equal(last_told(bench), "raised visits");
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NOT_RELEVANT);
    put_contacts(bench, 200, 10, "EMER");
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NEW);
}

static void other_roles_are_seen_when_nothing_else_changes(void **state)
{
    struct bench *bench = *state;
    put_noshows(bench);
    assert_true(has_active_flag(bench));
    const unsigned told = bench->told_count;
    use_rules(bench, "", absences);
    tick(bench, at(2026, 6, 1));
    tick(bench, at(2026, 6, 1));
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_LAPSED);
    assert_false(has_active_flag(bench));
    use_rules(bench, "", none);
    tick(bench, at(2026, 6, 1));
    tick(bench, at(2026, 6, 1));
    assert_int_equal(case_of(bench, CLIENT_A).state, PN_CASE_NEW);
    assert_string_equal(bench->flags, "raised lapsed raised ");
    assert_int_equal(bench->told_count, told); // the triggers are as they were
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ENGINE(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)
        ENGINE(is_told_and_shown_and_lists_nobody),
        ENGINE(the_rank_counts_it),
        ENGINE(the_case_lapses_with_what_began_it),
        ENGINE(what_a_person_began_stays),
        ENGINE(so_many_together_begin_a_case),
        ENGINE(only_what_could_begin_it_brings_it_back),
        ENGINE(other_roles_are_seen_when_nothing_else_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
