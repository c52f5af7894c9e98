// SPDX-License-Identifier: Apache-2.0
#include "run/command.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/near.h"
#include "run/command_help.h"

enum { CONFIG_ARENA_BYTES_MAX = 64 * 1024 * 1024, NAME_BYTES_MAX = 128 };

enum { COMMON_DATA, COMMON_CONFIG, COMMON_HELP, COMMON_COUNT };

struct parsed {
    struct pn_arguments arguments;
    const char *common[COMMON_COUNT];
    const char *operands[PN_COMMAND_OPERANDS_MAX];
};

int pn_command_exit(enum pn_code code)
{
    if (code == PN_OK) {
        return PN_EXIT_DONE;
    }
    bool is_no = code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_NOT_FOUND ||
                 code == PN_LIMIT || code == PN_DENIED;
    return is_no ? PN_EXIT_NO : PN_EXIT_BROKEN;
}

int pn_command_each(const struct pn_arguments *arguments, enum pn_code (*one)(const char *operand))
{
    enum pn_code first = PN_OK;
    for (unsigned i = 0; i < arguments->operand_count; i++) {
        enum pn_code code = one(arguments->operands[i]);
        first = first == PN_OK ? code : first;
    }
    return pn_command_exit(first);
}

// --- Which command -------------------------------------------------------------------------------

static const struct pn_command *find(const struct pn_command_list *list, const char *name)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (strcmp(list->commands[i]->name, name) == 0) {
            return list->commands[i];
        }
    }
    return NULL;
}

static bool is_group(const struct pn_command_list *list, const char *word)
{
    size_t len = strlen(word);
    for (unsigned i = 0; i < list->count; i++) {
        const char *name = list->commands[i]->name;
        if (strncmp(name, word, len) == 0 && name[len] == ' ') {
            return true;
        }
    }
    return false;
}

// *ret_used is how many words of argv the name took.
static const struct pn_command *find_by_words(const struct pn_command_list *list, int argc,
                                              char **argv, int *ret_used)
{
    const struct pn_command *found = NULL;
    if (argc > 1) {
        char two[NAME_BYTES_MAX];
        snprintf(two, sizeof two, "%s %s", argv[0], argv[1]);
        found = find(list, two);
        *ret_used = 2;
    }
    if (found == NULL && argc > 0) {
        found = find(list, argv[0]);
        *ret_used = 1;
    }
    return found;
}

static const char *nearest_command(const struct pn_command_list *list, const char *name)
{
    struct pn_near near;
    pn_near_init(&near, pn_slice_str(name));
    for (unsigned i = 0; i < list->count; i++) {
        pn_near_offer(&near, list->commands[i]->name);
    }
    return near.best;
}

static int unknown_command(const struct pn_command_list *list, int argc, char **argv)
{
    if (is_group(list, argv[0]) && (argc == 1 || argv[1][0] == '-')) {
        bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
        pn_command_print_list(asked ? stdout : stderr, list, argv[0]);
        return asked ? PN_EXIT_DONE : PN_EXIT_USE;
    }
    char name[NAME_BYTES_MAX];
    bool two = argc > 1 && argv[1][0] != '-';
    snprintf(name, sizeof name, "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
    const char *best = nearest_command(list, name);
    if (best == NULL) {
        best = nearest_command(list, argv[0]);
    }
    fprintf(stderr, "punos: no command \"%s\"", is_group(list, argv[0]) ? name : argv[0]);
    if (best != NULL) {
        fprintf(stderr, "; did you mean \"%s\"?", best);
    }
    fprintf(stderr, "\n`punos --help` lists them all.\n");
    return PN_EXIT_USE;
}

// --- Its options ---------------------------------------------------------------------------------

static int wrong_use(const struct pn_command *command, const char *text, const char *what)
{
    fprintf(stderr, "punos %s: %s%s\n`punos %s --help` tells how it is used.\n", command->name,
            text, what, command->name);
    return PN_EXIT_USE;
}

static int unknown_option(const struct pn_command *command, struct pn_slice name)
{
    struct pn_near near;
    pn_near_init(&near, name);
    for (unsigned i = 0; i < command->option_count; i++) {
        pn_near_offer(&near, command->options[i].name);
    }
    for (unsigned i = 0; i < pn_common_option_count; i++) {
        pn_near_offer(&near, pn_common_options[i].name);
    }
    char what[NAME_BYTES_MAX];
    snprintf(what, sizeof what, "--%.*s%s%s%s", PN_SLICE_FMT(name),
             near.best == NULL ? "" : "; did you mean --", near.best == NULL ? "" : near.best,
             near.best == NULL ? "" : "?");
    return wrong_use(command, "no option ", what);
}

// The row of `name` in either table, and where its value goes.
static const struct pn_option *find_option(const struct pn_command *command, struct pn_slice name,
                                           struct parsed *parsed, const char ***ret_value)
{
    for (unsigned i = 0; i < command->option_count; i++) {
        if (pn_slice_is(name, command->options[i].name)) {
            *ret_value = &parsed->arguments.values[i];
            return &command->options[i];
        }
    }
    for (unsigned i = 0; i < pn_common_option_count; i++) {
        if (pn_slice_is(name, pn_common_options[i].name)) {
            *ret_value = &parsed->common[i];
            return &pn_common_options[i];
        }
    }
    return NULL;
}

// One option at argv[*at]; *at moves over a value that stands apart.
static int take_option(const struct pn_command *command, struct parsed *parsed, char **argv,
                       int *at)
{
    const char *word = argv[*at] + 2;
    const char *equals = strchr(word, '=');
    struct pn_slice name =
        equals == NULL ? pn_slice_str(word) : pn_slice_of(word, (size_t)(equals - word));
    const char **value = NULL;
    const struct pn_option *option = find_option(command, name, parsed, &value);
    if (option == NULL) {
        return unknown_option(command, name);
    }
    if (*value != NULL) {
        return wrong_use(command, "given twice: --", option->name);
    }
    if (option->kind == PN_OPTION_FLAG) {
        *value = "";
        return equals == NULL ? PN_EXIT_DONE
                              : wrong_use(command, "takes no value: --", option->name);
    }
    if (equals != NULL) {
        *value = equals + 1;
        return PN_EXIT_DONE;
    }
    if (argv[*at + 1] == NULL) {
        return wrong_use(command, "needs a value: --", option->name);
    }
    *value = argv[++*at];
    return PN_EXIT_DONE;
}

static int parse(const struct pn_command *command, char **argv, struct parsed *parsed)
{
    bool options_ended = false;
    unsigned count = 0;
    for (int at = 0; argv[at] != NULL; at++) {
        const char *word = argv[at];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && strncmp(word, "--", 2) == 0) {
            int status = take_option(command, parsed, argv, &at);
            if (status != PN_EXIT_DONE) {
                return status;
            }
        } else if (!options_ended && word[0] == '-' && word[1] != '\0') {
            return wrong_use(command, "no short options: ", word);
        } else if (count == PN_COMMAND_OPERANDS_MAX) {
            return wrong_use(command, "too many operands", "");
        } else {
            parsed->operands[count++] = word;
        }
    }
    parsed->arguments.operands = parsed->operands;
    parsed->arguments.operand_count = count;
    parsed->arguments.config_file = parsed->common[COMMON_CONFIG];
    return PN_EXIT_DONE;
}

static int check_operands(const struct pn_command *command, const struct parsed *parsed)
{
    if (parsed->arguments.operand_count < command->operand_min) {
        return wrong_use(command, "an operand is missing: ", command->operands);
    }
    if (parsed->arguments.operand_count > command->operand_max) {
        return wrong_use(command, "too many operands, from ",
                         parsed->operands[command->operand_max]);
    }
    return PN_EXIT_DONE;
}

// --- Running it ----------------------------------------------------------------------------------

static int run_with_config(const struct pn_command *command, const struct parsed *parsed,
                           struct pn_arena *boot)
{
    struct pn_config config;
    pn_config_defaults(&config);
    struct pn_err err = {0};
    if (parsed->arguments.config_file != NULL &&
        pn_config_read(boot, parsed->arguments.config_file, &config, &err) != PN_OK) {
        fprintf(stderr, "punos: %s: %s\n", err.where, err.text);
        return PN_EXIT_USE;
    }
    if (parsed->common[COMMON_DATA] != NULL) {
        config.data_dir = parsed->common[COMMON_DATA];
    }
    pn_log_setup(command->name, pn_config_log_level(&config), config.log_json);
    return command->run(&parsed->arguments, &config);
}

static int run(const struct pn_command *command, char **argv, const char *program)
{
    assert(command->option_count <= PN_COMMAND_OPTIONS_MAX);
    static struct parsed parsed;
    parsed = (struct parsed){.arguments.program = program};
    int status = parse(command, argv, &parsed);
    if (status == PN_EXIT_DONE && parsed.common[COMMON_HELP] != NULL) {
        pn_command_print_help(stdout, command);
        return PN_EXIT_DONE;
    }
    if (status == PN_EXIT_DONE) {
        status = check_operands(command, &parsed);
    }
    if (status != PN_EXIT_DONE) {
        return status;
    }
    struct pn_arena *boot = pn_arena_new(CONFIG_ARENA_BYTES_MAX);
    if (boot == NULL) {
        fprintf(stderr, "punos: no memory\n");
        return PN_EXIT_BROKEN;
    }
    status = run_with_config(command, &parsed, boot);
    pn_arena_free(boot);
    // What was promised on standard output has to have arrived there.
    return fflush(stdout) == 0 || status != PN_EXIT_DONE ? status : PN_EXIT_BROKEN;
}

static int print_man(const struct pn_command_list *list, int argc, char **argv)
{
    if (strcmp(argv[1], "--man-all") == 0) {
        struct pn_err err = {0};
        if (argc != 3) {
            fprintf(stderr, "punos: --man-all needs a folder\n");
            return PN_EXIT_USE;
        }
        if (pn_command_write_man(list, argv[2], &err) != PN_OK) {
            fprintf(stderr, "punos: %s: %s\n", err.where, err.text);
            return PN_EXIT_BROKEN;
        }
        return PN_EXIT_DONE;
    }
    int used = 0;
    const struct pn_command *command = find_by_words(list, argc - 2, argv + 2, &used);
    if (argc > 2 && (command == NULL || used != argc - 2)) {
        return unknown_command(list, argc - 2, argv + 2);
    }
    pn_command_print_man(stdout, list, command);
    return PN_EXIT_DONE;
}

int pn_command_main(const struct pn_command *const *commands, unsigned command_count, int argc,
                    char **argv)
{
    struct pn_command_list list = {.commands = commands, .count = command_count};
    if (argc < 2) {
        pn_command_print_list(stderr, &list, NULL);
        return PN_EXIT_USE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        pn_command_print_list(stdout, &list, NULL);
        return PN_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("punos %s\n", PN_VERSION);
        return PN_EXIT_DONE;
    }
    if (strcmp(argv[1], "--man") == 0 || strcmp(argv[1], "--man-all") == 0) {
        return print_man(&list, argc, argv);
    }
    int used = 0;
    const struct pn_command *command = find_by_words(&list, argc - 1, argv + 1, &used);
    if (command == NULL) {
        return unknown_command(&list, argc - 1, argv + 1);
    }
    return run(command, argv + 1 + used, argv[0]);
}
