// SPDX-License-Identifier: Apache-2.0
// Scores of questionnaires: against fractions computed apart from this code, against the grid of
// the published figures, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "map/score.h"
#include "tests/unit/map/folder.h"

enum { CASES = 1000, ITEMS = 26, SEED = 20261122 };

static const char *const domains[] = {"physical", "psychological", "social", "environment"};
static const char *const domain_items[] = {"[3, 4, 10, 15, 16, 17, 18]", "[5, 6, 7, 11, 19, 26]",
                                           "[20, 21, 22]", "[8, 9, 12, 13, 14, 23, 24, 25]"};
static const char *const modes[] = {"exact4", "exact100", "table4", "table100"};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

// --- The language against Python's fractions -----------------------------------------------------

// An adapter that writes every domain in every mode, each to a note of its own.
static struct folder load_all(void)
{
    struct folder folder = folder_new("json", "none");
    char text[16384];
    size_t at = (size_t)snprintf(
        text, sizeof text,
        "format: json\ncontrol_id: /id\npersons:\n  - rows: [ { to: gender, value: other } ]\n"
        "events:\n  - type: fi.punos.observation.recorded.v1\n    key: [/id]\n    rows:\n"
        "      - { to: status, value: final }\n");
    folder_write(&folder, "codes/limits.csv",
                 "from,to\nphysical,2\npsychological,2\nsocial,1\n"
                 "environment,2\n");
    for (size_t i = 0; i < PN_ARRAY_COUNT(domains); i++) {
        for (size_t k = 0; k < PN_ARRAY_COUNT(modes); k++) {
            at += (size_t)snprintf(
                text + at, sizeof text - at,
                "      - to: note\n        rows:\n"
                "          - { to: text, value: \"%s %s\" }\n"
                "          - to: authorString\n            missing: default\n"
                "            default: \"-\"\n            score:\n"
                "              { each: /item, key: linkId, value: answer/valueInteger,\n"
                "                items: %s, missing_at_most: { table: limits, row: %s },\n"
                "                of: [1-26], of_missing_at_most: 5, between: [1, 5],\n"
                "                reversed: [3, 4, 26], reverse_from: 6,\n"
                "                reverse_when: /answers = raw, times: 4%s%s }\n",
                domains[i], modes[k], domain_items[i], domains[i],
                strstr(modes[k], "100") == NULL ? "" : ", scale: { from: [4, 20], to: [0, 100] }",
                strstr(modes[k], "table") == NULL ? "" : ", whole: true");
        }
    }
    folder_write(&folder, "in/a.yaml", text);
    if (folder_load(&folder) != PN_OK) {
        fail_msg("%s: %s", folder.err.where, folder.err.text);
    }
    return folder;
}

static void write_message(char *text, size_t bytes, const int *answers, const char *direction)
{
    size_t at =
        (size_t)snprintf(text, bytes, "{\"id\":\"1\",\"answers\":\"%s\",\"item\":[", direction);
    for (int i = 0; i < ITEMS; i++) {
        at += (size_t)snprintf(text + at, bytes - at, "%s{\"linkId\":\"%d\"", i == 0 ? "" : ",",
                               i + 1);
        if (answers[i] != 0) {
            at += (size_t)snprintf(text + at, bytes - at, ",\"answer\":[{\"valueInteger\":%d}]",
                                   answers[i]);
        }
        at += (size_t)snprintf(text + at, bytes - at, "}");
    }
    snprintf(text + at, bytes - at, "]}");
}

// Asks for one case; the answer is read later from the same order.
static void ask(FILE *out, const char *mode, size_t domain, const char *direction,
                const int *answers)
{
    fprintf(out, "%s %d %s %s ", mode, domain == 2 ? 1 : 2, direction, domains[domain]);
    for (int i = 0; i < ITEMS; i++) {
        if (answers[i] == 0) {
            fprintf(out, "%s ", i == 0 ? "" : ",");
        } else {
            fprintf(out, "%s%d", i == 0 ? "" : ",", answers[i]);
        }
    }
    fputc('\n', out);
}

static void random_answers(uint64_t *random, int *answers)
{
    uint64_t missing_of_16 = next_random(random) % 5;
    for (int i = 0; i < ITEMS; i++) {
        bool is_missing = next_random(random) % 16 < missing_of_16;
        answers[i] = is_missing ? 0 : (int)(next_random(random) % 5) + 1;
    }
}

static const char *direction_of(unsigned number)
{
    return number % 2 == 0 ? "raw" : "reversed";
}

static void ask_all(const char *path)
{
    uint64_t random = SEED;
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    for (unsigned n = 0; n < CASES; n++) {
        int answers[ITEMS];
        random_answers(&random, answers);
        for (size_t i = 0; i < PN_ARRAY_COUNT(domains); i++) {
            for (size_t k = 0; k < PN_ARRAY_COUNT(modes); k++) {
                ask(out, modes[k], i, direction_of(n), answers);
            }
        }
    }
    fclose(out);
}

static void compare_one(struct folder *folder, const char *message, FILE *expected, unsigned *none)
{
    struct pn_mapped mapped;
    pn_arena_reset(folder->arena);
    assert_int_equal(folder_decode(folder, message, &mapped), PN_OK);
    const cJSON *note = cJSON_GetObjectItem(mapped.events[0].resource, "note")->child;
    for (size_t i = 0; i < PN_ARRAY_COUNT(domains) * PN_ARRAY_COUNT(modes); i++) {
        char line[64];
        assert_non_null(fgets(line, sizeof line, expected));
        line[strcspn(line, "\n")] = '\0';
        const char *made = cJSON_GetStringValue(cJSON_GetObjectItem(note, "authorString"));
        if (strcmp(made, line) != 0) {
            fail_msg("%s: %s, expected %s", cJSON_GetStringValue(cJSON_GetObjectItem(note, "text")),
                     made, line);
        }
        *none += strcmp(line, "-") == 0 ? 1 : 0;
        note = note->next;
    }
}

static void random_answers_score_as_fractions_do(void **state)
{
    (void)state;
    struct folder folder = load_all();
    char asked[128], command[256], message[4096];
    uint64_t random = SEED;
    unsigned none = 0;
    snprintf(asked, sizeof asked, "%s/cases", folder.path);
    snprintf(command, sizeof command, "python3 tests/unit/map/score_reference.py < %s", asked);
    ask_all(asked);
    FILE *expected = popen(command, "re");
    assert_non_null(expected);
    for (unsigned n = 0; n < CASES; n++) {
        int answers[ITEMS];
        random_answers(&random, answers);
        write_message(message, sizeof message, answers, direction_of(n));
        compare_one(&folder, message, expected, &none);
    }
    assert_int_equal(pclose(expected), 0);
    // Both what has a score and what has none was met often.
    assert_in_range(none, CASES, 15 * CASES);
    folder_free(&folder);
}

// --- Published figures ---------------------------------------------------------------------------

// WHO's table from the domain score 4 … 20 to 0 … 100.
static const int grid[] = {0, 6, 13, 19, 25, 31, 38, 44, 50, 56, 63, 69, 75, 81, 88, 94, 100};

static void every_score_of_table_mode_is_on_the_grid(void **state)
{
    (void)state;
    struct pn_map_score_rule rule = {
        .times = 4, .has_scale = true, .from = {4, 20}, .to = {0, 100}, .is_whole = true};
    for (unsigned count = 1; count <= 8; count++) {
        for (int sum = (int)count; sum <= 5 * (int)count; sum++) {
            int64_t answers[8] = {0};
            char text[PN_MAP_SCORE_TEXT_BYTES];
            for (unsigned i = 0; i < count; i++) {
                answers[i] = sum / (int)count + (i < (unsigned)sum % count ? 1 : 0);
            }
            pn_map_score_number(&rule, answers, count, text);
            int raw = (2 * 4 * sum + (int)count) / (2 * (int)count);
            assert_int_equal(atoi(text), grid[raw - 4]);
        }
    }
}

// Varsinais-Suomi 2022 (003:423-433): changes of single clients. Each is a difference of two
// numbers of the grid, and none of the exact scores of one form could tell it apart from a rounded
// one.
static void published_changes_are_differences_on_the_grid(void **state)
{
    (void)state;
    static const int changes[] = {-19, 43, -44, 56, 31, 0, 3, 6};
    for (size_t c = 0; c < PN_ARRAY_COUNT(changes); c++) {
        bool is_found = false;
        for (size_t i = 0; i < PN_ARRAY_COUNT(grid); i++) {
            for (size_t k = 0; k < PN_ARRAY_COUNT(grid); k++) {
                is_found = is_found || grid[i] - grid[k] == changes[c];
            }
        }
        // 3 is the median of an even number of clients: half of two differences.
        assert_true(is_found || changes[c] == 3);
    }
}

static void numbers_are_printed_exactly(void **state)
{
    (void)state;
    static const struct {
        struct pn_map_score_rule rule;
        int64_t answers[3];
        unsigned count;
        const char *text;
    } cases[] = {
        {{.times = 1, .places = 2}, {1, 2}, 2, "1.5"},
        {{.times = 1, .places = 2}, {1, 1, 2}, 3, "1.33"},
        {{.times = 1, .places = 6}, {1, 1, 2}, 3, "1.333333"},
        {{.times = 1, .places = 2}, {1, 2, 2}, 3, "1.67"},
        {{.times = 1, .places = 0}, {1, 2}, 2, "2"},
        {{.times = 1, .places = 0}, {-1, -2}, 2, "-1"},
        {{.times = 1, .places = 1}, {-1, 0, 0}, 3, "-0.3"},
        {{.times = 1, .places = 2, .is_sum = true}, {1000000, 1000000, 1000000}, 3, "3000000"},
        {{.times = 4, .places = 2, .has_scale = true, .from = {4, 20}, .to = {0, 100}},
         {4, 3},
         2,
         "62.5"},
        {{.times = 1, .places = 2, .has_scale = true, .from = {0, 3}, .to = {100, 0}},
         {1},
         1,
         "66.67"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        char text[PN_MAP_SCORE_TEXT_BYTES];
        pn_map_score_number(&cases[i].rule, cases[i].answers, cases[i].count, text);
        assert_string_equal(text, cases[i].text);
    }
}

// --- Refusals ------------------------------------------------------------------------------------

#define START                                                                                      \
    "format: json\ncontrol_id: /id\npersons:\n  - rows: [ { to: gender, value: other } ]\n"        \
    "events:\n  - type: fi.punos.observation.recorded.v1\n    key: [/id]\n"                        \
    "    needs: valueQuantity.value\n    rows:\n      - { to: status, value: final }\n"
#define SCORE "each: /item, key: n, value: a, items: [1, 2, 3], between: [1, 5]"

static struct folder load_one(const char *rows)
{
    struct folder folder = folder_new("json", "none");
    char text[2048];
    snprintf(text, sizeof text, "%s%s", START, rows);
    folder_write(&folder, "in/a.yaml", text);
    return folder;
}

static void an_event_without_its_score_is_left_out(void **state)
{
    (void)state;
    struct pn_mapped mapped;
    struct folder folder =
        load_one("      - { to: valueQuantity.value, score: { " SCORE ", missing_at_most: 1 } }\n");
    assert_int_equal(folder_load(&folder), PN_OK);
    assert_int_equal(folder_decode(&folder,
                                   "{\"id\":1,\"item\":[{\"n\":1,\"a\":2},{\"n\":2,\"a\":3}]}",
                                   &mapped),
                     PN_OK);
    assert_int_equal(mapped.event_count, 1);
    assert_true(cJSON_GetObjectItem(cJSON_GetObjectItem(mapped.events[0].resource, "valueQuantity"),
                                    "value")
                    ->valuedouble == 2.5);
    assert_int_equal(folder_decode(&folder, "{\"id\":1,\"item\":[{\"n\":1,\"a\":2}]}", &mapped),
                     PN_OK);
    assert_int_equal(mapped.event_count, 0);
    folder_free(&folder);
}

static void wrong_answers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *items;
        const char *why;
    } wrong[] = {
        {"[{\"n\":1,\"a\":6}]", "between 1 and 5"},
        {"[{\"n\":1,\"a\":-1}]", "between 1 and 5"},
        {"[{\"n\":1,\"a\":\"x\"}]", "no whole number"},
        {"[{\"n\":1,\"a\":2.5}]", "no whole number"},
        {"[{\"n\":1,\"a\":2},{\"n\":1,\"a\":3}]", "answered twice"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        struct pn_mapped mapped;
        char message[256];
        struct folder folder = load_one(
            "      - { to: valueQuantity.value, where: item.answer, score: { " SCORE " } }\n");
        snprintf(message, sizeof message, "{\"id\":1,\"item\":%s}", wrong[i].items);
        assert_int_equal(folder_load(&folder), PN_OK);
        assert_int_equal(folder_decode(&folder, message, &mapped), PN_INVALID);
        assert_string_equal(folder.err.where, "item.answer");
        assert_non_null(strstr(folder.err.text, wrong[i].why));
        folder_free(&folder);
    }
}

static void faults_of_a_score_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *score;
        const char *why;
    } faults[] = {
        {"each: /item, key: n, value: a", "needs `each`"},
        {"each: /item, key: n, value: a, items: [1], tims: 4", "did you mean `times`"},
        {"each: /item, key: n, value: a, items: [1], times: x", "whole number"},
        {"each: /item, key: n, value: a, items: [1], between: [5, 1]", "lower number"},
        {"each: /item, key: n, value: a, items: [1], reversed: [1]", "go together"},
        {"each: /item, key: n, value: a, items: [1-500]", "a span of"},
        {"each: /item, key: n, value: a, items: [1], combine: median", "mean or sum"},
        {"each: /item, key: n, value: a, items: [1], places: 9", "at most 6"},
        {"each: /item, key: n, value: a, items: [1], scale: { from: [1, 2] }", "two whole numbers"},
        {"each: /item, key: n, value: a, items: [1], missing_at_most: { table: x, row: y }",
         "codes/x.csv"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(faults); i++) {
        char row[512];
        snprintf(row, sizeof row, "      - { to: valueQuantity.value, score: { %s } }\n",
                 faults[i].score);
        struct folder folder = load_one(row);
        if (folder_load(&folder) != PN_INVALID || strstr(folder.err.text, faults[i].why) == NULL) {
            fail_msg("%s gave '%s': %s", faults[i].score, folder.err.where, folder.err.text);
        }
        folder_free(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_answers_score_as_fractions_do),
        cmocka_unit_test(every_score_of_table_mode_is_on_the_grid),
        cmocka_unit_test(published_changes_are_differences_on_the_grid),
        cmocka_unit_test(numbers_are_printed_exactly),
        cmocka_unit_test(an_event_without_its_score_is_left_out),
        cmocka_unit_test(wrong_answers_are_refused),
        cmocka_unit_test(faults_of_a_score_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
