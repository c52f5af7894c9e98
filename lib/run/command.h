// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the one binary, as tables: `--help`, the man pages and the parsing come from them.
 *
 * A command's name is one or two words ("timeline", "adapter decode"). It is defined in a source
 * file under services/ at file level as
 *
 *   const struct pn_command pn_command_NAME = { … };
 *
 * and is found there by the build (cmake/Commands.cmake): there is no list to keep.
 *
 * Every command also has --help, --data DIR and --config FILE. `punos --man` prints its manual page
 * and `punos --man COMMAND` that of a command, in roff; `punos --man-all DIR` writes them all.
 */
#ifndef PN_RUN_COMMAND_H
#define PN_RUN_COMMAND_H

#include <stdbool.h>

#include "conf/config.h"

enum pn_exit {
    PN_EXIT_DONE = 0,
    PN_EXIT_NO = 1,    // the answer is no: invalid input, a check failed
    PN_EXIT_USE = 2,   // wrong use: unknown option, missing operand, bad configuration
    PN_EXIT_BROKEN = 3 // something is away or broken
};

enum pn_option_kind { PN_OPTION_TEXT, PN_OPTION_FLAG };

struct pn_option {
    const char *name; // "data" for --data
    enum pn_option_kind kind;
    const char *value_name; // "DIR"; NULL for a flag
    const char *help;
};

enum { PN_COMMAND_OPTIONS_MAX = 16, PN_COMMAND_OPERANDS_MAX = 4096 };

struct pn_arguments {
    // By the option's row; NULL when not given, "" for a flag.
    const char *values[PN_COMMAND_OPTIONS_MAX];
    const char *const *operands;
    unsigned operand_count;
    const char *config_file; // of --config; NULL when not given
    const char *program;     // argv[0]
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

// The exit status that says what went wrong.
int pn_command_exit(enum pn_code code);
// Does one operand after the other, also after one that fails; `one` tells what is wrong with it.
// The exit status says what went wrong first.
int pn_command_each(const struct pn_arguments *arguments, enum pn_code (*one)(const char *operand));

// Runs the command that argv names. What it returns is the process's exit status.
int pn_command_main(const struct pn_command *const *commands, unsigned command_count, int argc,
                    char **argv);

#endif
