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

#include "run/command.h"
#include "run/command_help.h"

static struct pn_arguments last;
static struct pn_config last_config;
static const char *last_operand;
static unsigned calls;

static int record(const struct pn_arguments *arguments, const struct pn_config *config)
{
    last = *arguments;
    last_config = *config;
    last_operand = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
    calls++;
    return PN_EXIT_NO;
}

static const struct pn_option options[] = {
    {"from", PN_OPTION_TEXT, "TIME", "the first moment"},
    {"dry", PN_OPTION_FLAG, NULL, "change nothing"},
};
static const struct pn_command check = {.name = "thing check",
                                        .operands = "FILE…",
                                        .summary = "check a thing",
                                        .description = ".starts with a dot, has \\ and -",
                                        .options = options,
                                        .option_count = 2,
                                        .operand_min = 1,
                                        .operand_max = 2,
                                        .run = record};
static const struct pn_command alone = {.name = "alone", .summary = "stand", .run = record};
static const struct pn_command *const commands[] = {&alone, &check};

// What a call writes goes to temporary files.
static char out_text[8192], err_text[8192];

static void take(FILE *file, char *text)
{
    rewind(file);
    size_t len = fread(text, 1, 8191, file);
    text[len] = '\0';
    fclose(file);
}

static int call(const char *a, const char *b, const char *c, const char *d, const char *e)
{
    const char *argv[] = {"punos", a, b, c, d, e, NULL};
    int argc = 1;
    while (argv[argc] != NULL) {
        argc++;
    }
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    fflush(stdout);
    fflush(stderr);
    int old_out = dup(STDOUT_FILENO);
    int old_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    calls = 0;
    int status = pn_command_main(commands, 2, argc, (char **)(uintptr_t)argv);
    fflush(stdout);
    fflush(stderr);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_err, STDERR_FILENO);
    close(old_out);
    close(old_err);
    take(out, out_text);
    take(err, err_text);
    return status;
}

static void says(const char *text, const char *expected)
{
    if (strstr(text, expected) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, expected);
    }
}

static void options_and_operands_arrive(void **state)
{
    (void)state;
    assert_int_equal(call("thing", "check", "--from", "now", "f1"), PN_EXIT_NO);
    assert_int_equal(calls, 1);
    assert_string_equal(last.values[0], "now");
    assert_null(last.values[1]);
    assert_string_equal(last_operand, "f1");
    assert_int_equal(call("thing", "check", "--from=x=y", "--dry", "f1"), PN_EXIT_NO);
    assert_string_equal(last.values[0], "x=y");
    assert_string_equal(last.values[1], "");
    assert_int_equal(call("thing", "check", "--", "--dry", NULL), PN_EXIT_NO);
    assert_null(last.values[1]);
    assert_string_equal(last_operand, "--dry");
    assert_int_equal(call("thing", "check", "-", NULL, NULL), PN_EXIT_NO);
    assert_string_equal(last_operand, "-");
}

static void the_data_folder_stands_over_the_file(void **state)
{
    (void)state;
    assert_int_equal(call("alone", "--data", "/d", NULL, NULL), PN_EXIT_NO);
    assert_string_equal(last_config.data_dir, "/d");
    assert_null(last.config_file);
    assert_int_equal(call("alone", "--config", "config/punos.yaml", "--data=/e", NULL), PN_EXIT_NO);
    assert_string_equal(last_config.data_dir, "/e");
    assert_string_equal(last.config_file, "config/punos.yaml");
    assert_int_equal(call("alone", "--config", "config/absent.yaml", NULL, NULL), PN_EXIT_USE);
    says(err_text, "config/absent.yaml");
    assert_int_equal(calls, 0);
}

static void wrong_use_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *c, *d;
        const char *says;
    } cases[] = {
        {NULL, NULL, NULL, NULL, "thing check"},
        {"alon", NULL, NULL, NULL, "did you mean \"alone\"?"},
        {"thing", "chek", NULL, NULL, "did you mean \"thing check\"?"},
        {"nothingofthekind", NULL, NULL, NULL, "punos --help"},
        {"thing", NULL, NULL, NULL, "check a thing"},
        {"thing", "check", NULL, NULL, "operand is missing"},
        {"thing", "check", "--fron", "x", "did you mean --from?"},
        {"thing", "check", "--from", NULL, "needs a value: --from"},
        {"thing", "check", "--dry=1", "f", "takes no value: --dry"},
        {"thing", "check", "-d", "f", "no short options"},
        {"alone", "more", NULL, NULL, "too many operands"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        assert_int_equal(call(cases[i].a, cases[i].b, cases[i].c, cases[i].d, NULL), PN_EXIT_USE);
        says(err_text, cases[i].says);
        assert_int_equal(calls, 0);
        assert_string_equal(out_text, "");
    }
    assert_int_equal(call("thing", "check", "--dry", "--dry", "f"), PN_EXIT_USE);
    says(err_text, "given twice: --dry");
    assert_int_equal(call("thing", "check", "1", "2", "3"), PN_EXIT_USE);
    says(err_text, "too many operands");
}

static void help_and_version(void **state)
{
    (void)state;
    assert_int_equal(call("--help", NULL, NULL, NULL, NULL), PN_EXIT_DONE);
    says(out_text, "thing check");
    says(out_text, "stand");
    assert_int_equal(call("thing", "--help", NULL, NULL, NULL), PN_EXIT_DONE);
    says(out_text, "check a thing");
    assert_int_equal(call("thing", "check", "--help", NULL, NULL), PN_EXIT_DONE);
    says(out_text, "--from TIME");
    says(out_text, "--data DIR");
    says(out_text, "--config FILE");
    assert_int_equal(calls, 0);
    assert_int_equal(call("--version", NULL, NULL, NULL, NULL), PN_EXIT_DONE);
    assert_string_equal(out_text, "punos " PN_VERSION "\n");
}

static void manual_pages(void **state)
{
    (void)state;
    assert_int_equal(call("--man", NULL, NULL, NULL, NULL), PN_EXIT_DONE);
    says(out_text, ".TH PUNOS 1");
    assert_int_equal(call("--man", "thing", "check", NULL, NULL), PN_EXIT_DONE);
    says(out_text, "\n\\&.starts with a dot, has \\e and \\-\n");
    says(out_text, "\\-\\-from");
    assert_int_equal(call("--man", "nobody", NULL, NULL, NULL), PN_EXIT_USE);
    char folder[] = "/tmp/punos-man-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(call("--man-all", folder, NULL, NULL, NULL), PN_EXIT_DONE);
    static const char *const pages[] = {"punos.1", "punos-alone.1", "punos-thing-check.1"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(pages); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, pages[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(call("--man-all", "/nowhere/at/all", NULL, NULL, NULL), PN_EXIT_BROKEN);
}

static void exit_statuses(void **state)
{
    (void)state;
    assert_int_equal(pn_command_exit(PN_OK), 0);
    assert_int_equal(pn_command_exit(PN_INVALID), 1);
    assert_int_equal(pn_command_exit(PN_NOT_FOUND), 1);
    assert_int_equal(pn_command_exit(PN_UNAVAILABLE), 3);
    assert_int_equal(pn_command_exit(PN_INTERNAL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_arrive),
        cmocka_unit_test(the_data_folder_stands_over_the_file),
        cmocka_unit_test(wrong_use_is_told),
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(manual_pages),
        cmocka_unit_test(exit_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
