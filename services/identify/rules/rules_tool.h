// SPDX-License-Identifier: Apache-2.0
/*
 * What the commands `punos rules …` over identify's store have in common. They are guests there:
 * they work whether the hub runs or not.
 */
#ifndef PN_IDENTIFY_RULES_TOOL_H
#define PN_IDENTIFY_RULES_TOOL_H

#include "base/arena.h"
#include "conf/config.h"
#include "privacy/privacy.h"
#include "services/identify/rules/rule_sets.h"
#include "store/store.h"

struct pn_rules_tool {
    const struct pn_config *config;
    struct pn_arena *arena;
    struct pn_privacy *privacy; // of those that write
    struct pn_store *store;
};

// The tool can be closed whatever came of it. PN_UNAVAILABLE when identify has not made its store.
PN_MUST_USE enum pn_code pn_rules_tool_open(struct pn_rules_tool *tool,
                                            const struct pn_config *config, bool writes,
                                            struct pn_err *err);
void pn_rules_tool_close(struct pn_rules_tool *tool);
// Closes, prints what went wrong and returns the exit status.
int pn_rules_tool_end(struct pn_rules_tool *tool, enum pn_code code, const struct pn_err *err);

// A file of rules that is without mistakes, its bytes and their fingerprint.
struct pn_rules_file {
    struct pn_slice text;
    struct pn_ruleset *rules;
    char fingerprint[PN_RULES_FINGERPRINT_BYTES];
};
PN_MUST_USE enum pn_code pn_rules_file_read(struct pn_arena *arena, const char *path,
                                            struct pn_rules_file *ret_file, struct pn_err *err);

// The access record, in the open transaction: the person at the keyboard did it. `action` is
// "rules-promote" or the like, `what` tells more.
PN_MUST_USE enum pn_code pn_rules_tool_record(struct pn_rules_tool *tool, const char *action,
                                              const char *what, struct pn_err *err);
// Who is at the keyboard, as the access trail calls them.
void pn_rules_tool_user(char ret_user[static 128]);

#endif
