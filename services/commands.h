// SPDX-License-Identifier: Apache-2.0
/*
 * The commands, each defined in the file of its service or tool. The table is made by the build
 * (cmake/Commands.cmake) out of those definitions; nothing is registered by hand.
 */
#ifndef PN_SERVICES_COMMANDS_H
#define PN_SERVICES_COMMANDS_H

#include "run/command.h"

extern const struct pn_command *const pn_commands[];
extern const unsigned pn_command_count;

#endif
