// SPDX-License-Identifier: Apache-2.0
/*
 * punos rules check FILE…
 */
#include <stdio.h>

#include "base/arena.h"
#include "run/command.h"
#include "services/identify/rules/rules.h"

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024 };

static enum pn_code check_one(const char *path)
{
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_ruleset *rules = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *rules);
    struct pn_err err = {.code = PN_MEMORY, .where = "rules", .text = "no memory"};
    enum pn_code code = rules == NULL ? PN_MEMORY : pn_rules_read(arena, path, rules, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    for (unsigned i = 0; code == PN_OK && i < rules->count; i++) {
        const struct pn_rule *rule = &rules->rules[i];
        const struct pn_node *told = &rule->nodes[rule->headline];
        printf("%s: %s version %lld, %s from %lld", path, rule->id, (long long)rule->version,
               pn_node_kind_name(told->kind), (long long)rule->threshold);
        if (rule->lapse_below < rule->threshold) {
            printf(" (until under %lld)", (long long)rule->lapse_below);
        }
        if (told->window_months + told->window_days > 0) {
            printf(" in %lld %s", (long long)(told->window_months + told->window_days),
                   told->window_months > 0 ? "months" : "days");
        }
        if (rule->leaf_count > 1) {
            printf(", %u conditions", rule->leaf_count);
        }
        printf("%s", rule->is_support ? ", supports" : "");
        printf("%s\n", rule->is_from_source ? "" : " (a number of our own)");
    }
    if (code == PN_OK && rules->supports_needed > 0) {
        printf("%s: %lld that support begin a case together\n", path,
               (long long)rules->supports_needed);
    }
    pn_arena_free(arena);
    return code;
}

static int check(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)config;
    return pn_command_each(arguments, check_one);
}

const struct pn_command pn_command_rules_check = {
    .name = "rules check",
    .operands = "FILE…",
    .summary = "check files of identification rules",
    .description = "Reads each file as the identify service would and lists its rules. A fault is "
                   "named with file, line and field; then the exit status is 1.",
    .operand_min = 1,
    .operand_max = PN_COMMAND_OPERANDS_MAX,
    .run = check,
};
