// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the one binary, as tables: `--help`, the man pages and the parsing come from them.
 *
 * A command's name is one or two words ("timeline", "adapter decode"). services/commands.c lists
 * them all. Exit status: 0 done, 1 the answer is no (invalid input, check failed), 2 wrong use,
 * 3 something is away or broken.
 */
#ifndef PN_RUN_COMMAND_H
#define PN_RUN_COMMAND_H

#include <stdbool.h>

#include "conf/config.h"

enum pn_option_kind { PN_OPTION_TEXT, PN_OPTION_FLAG };

struct pn_option {
    const char *name; // "data" for --data
    enum pn_option_kind kind;
    const char *value_name; // "DIR"; NULL for a flag
    const char *help;
};

enum { PN_COMMAND_OPTIONS_MAX = 16, PN_COMMAND_OPERANDS_MAX = 4096 };

struct pn_arguments {
    const char *values[PN_COMMAND_OPTIONS_MAX]; // by the option's row; NULL when not given, "" for a flag
    const char *const *operands;
    unsigned operand_count;
};

struct pn_command {
    const char *name;
    const char *operands; // "NAME FILE…", "" for none
    const char *summary;  // one line
    const char *description;
    const struct pn_option *options;
    unsigned option_count;
    unsigned operand_min, operand_max;
    // `config` is read from --config (every command has it, and --data) before the call.
    int (*run)(const struct pn_arguments *arguments, const struct pn_config *config);
};

int pn_command_main(const struct pn_command *const *commands, unsigned command_count, int argc,
                    char **argv);

#endif
