// SPDX-License-Identifier: Apache-2.0
/*
 * The one binary: every command that `punos` has, by name.
 */
#include "run/command.h"
#include "services/commands.h"

static const struct pn_command *const commands[] = {
    &pn_command_fhir_validate,
};

int main(int argc, char **argv)
{
    return pn_command_main(commands, PN_ARRAY_COUNT(commands), argc, argv);
}
