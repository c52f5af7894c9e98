// SPDX-License-Identifier: Apache-2.0
/*
 * The commands, each defined in the file of its service or tool.
 */
#ifndef PN_SERVICES_COMMANDS_H
#define PN_SERVICES_COMMANDS_H

#include "run/command.h"

extern const struct pn_command pn_command_fhir_validate;

#endif
