// SPDX-License-Identifier: Apache-2.0
/*
 * What is printed from the command tables: lists, usage, manual pages in roff (man(7)).
 */
#ifndef PN_RUN_COMMAND_HELP_H
#define PN_RUN_COMMAND_HELP_H

#include <stdio.h>

#include "run/command.h"

struct pn_command_list {
    const struct pn_command *const *commands;
    unsigned count;
};

// The options that every command has.
extern const struct pn_option pn_common_options[];
extern const unsigned pn_common_option_count;

// The commands whose name starts with the word `group`; NULL for all.
void pn_command_print_list(FILE *out, const struct pn_command_list *list, const char *group);
void pn_command_print_help(FILE *out, const struct pn_command *command);
// NULL for the page of `punos` itself.
void pn_command_print_man(FILE *out, const struct pn_command_list *list,
                          const struct pn_command *command);
// punos.1 and punos-COMMAND.1 into an existing folder.
PN_MUST_USE enum pn_code pn_command_write_man(const struct pn_command_list *list,
                                              const char *folder, struct pn_err *err);

#endif
