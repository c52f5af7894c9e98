// SPDX-License-Identifier: Apache-2.0
/*
 * punos config check FILE, punos config reference.
 */
#include <stdio.h>

#include "base/arena.h"
#include "run/command.h"

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024 };

static int check(const struct pn_arguments *arguments, const struct pn_config *unused)
{
    (void)unused;
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    if (arena == NULL) {
        fprintf(stderr, "punos: no memory\n");
        return PN_EXIT_BROKEN;
    }
    struct pn_config config;
    struct pn_err err = {0};
    enum pn_code code = pn_config_read(arena, arguments->operands[0], &config, &err);
    if (code == PN_OK) {
        printf("%s: valid, %u systems\n", arguments->operands[0], config.system_count);
    } else {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    pn_arena_free(arena);
    return pn_command_exit(code);
}

static int reference(const struct pn_arguments *arguments, const struct pn_config *unused)
{
    (void)arguments;
    (void)unused;
    pn_config_print_reference(stdout);
    return PN_EXIT_DONE;
}

const struct pn_command pn_command_config_check = {
    .name = "config check",
    .operands = "FILE",
    .summary = "check a configuration file",
    .description = "Reads the file as every other command would. A fault is named with file, line "
                   "and field; then the exit status is 1.",
    .operand_min = 1,
    .operand_max = 1,
    .run = check,
};

const struct pn_command pn_command_config_reference = {
    .name = "config reference",
    .summary = "print every configuration key",
    .description = "Every key with its kind, default and meaning, in Markdown.",
    .run = reference,
};
