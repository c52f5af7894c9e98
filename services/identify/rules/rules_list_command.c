// SPDX-License-Identifier: Apache-2.0
/*
 * punos rules list FILE…
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "run/command.h"
#include "services/identify/rules/rules.h"

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024 };

static void print_condition(const struct pn_rule *rule)
{
    const struct pn_node *told = &rule->nodes[rule->headline];
    printf("%s from %lld", pn_node_kind_name(told->kind), (long long)rule->threshold);
    if (rule->lapse_below < rule->threshold) {
        printf(", until under %lld", (long long)rule->lapse_below);
    }
    if (told->window_months + told->window_days > 0) {
        printf(", in %lld %s", (long long)(told->window_months + told->window_days),
               told->window_months > 0 ? "months" : "days");
    }
    if (rule->leaf_count > 1) {
        printf("; %u conditions", rule->leaf_count);
    }
}

static void print_rule(const struct pn_rule *rule)
{
    printf("| `%s` | %s / %s / %s | ", rule->id, rule->title[PN_LANGUAGE_FI],
           rule->title[PN_LANGUAGE_SV], rule->title[PN_LANGUAGE_EN]);
    print_condition(rule);
    printf(" | %s | %lld | %s | %s |\n", rule->is_from_source ? "the document's" : "ours",
           (long long)rule->weight, rule->is_support ? "supports" : "alone", rule->source);
}

static enum pn_code list_one(const char *path)
{
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_ruleset *rules = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *rules);
    struct pn_err err = {.code = PN_MEMORY, .where = "rules", .text = "no memory"};
    enum pn_code code = rules == NULL ? PN_MEMORY : pn_rules_read(arena, path, rules, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
        pn_arena_free(arena);
        return code;
    }
    const char *name = strrchr(path, '/');
    printf("\n## %s\n\n| rule | fi / sv / en | takes | number | weight | role | source |\n"
           "|---|---|---|---|---|---|---|\n",
           name == NULL ? path : name + 1);
    for (unsigned i = 0; i < rules->count; i++) {
        print_rule(&rules->rules[i]);
    }
    if (rules->supports_needed > 0) {
        printf("\n%lld that support begin a case together.\n", (long long)rules->supports_needed);
    }
    pn_arena_free(arena);
    return PN_OK;
}

static int list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)config;
    return pn_command_each(arguments, list_one);
}

const struct pn_command pn_command_rules_list = {
    .name = "rules list",
    .operands = "FILE…",
    .summary = "list the rules of files as Markdown tables",
    .description = "Prints a table for each file: the rules with their titles, the first condition "
                   "that counts something, whose number it is, the weight, whether it begins a "
                   "case alone, and the "
                   "document.",
    .operand_min = 1,
    .operand_max = PN_COMMAND_OPERANDS_MAX,
    .run = list,
};
