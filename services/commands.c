// SPDX-License-Identifier: Apache-2.0
/*
 * The one binary: every command that `punos` has, by name.
 */
#include "services/commands.h"

int main(int argc, char **argv)
{
    return pn_command_main(pn_commands, pn_command_count, argc, argv);
}
