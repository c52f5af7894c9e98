// SPDX-License-Identifier: Apache-2.0
/*
 * punos token add NAME --role ROLE, punos token remove NAME, punos token list.
 */
#include <stdio.h>
#include <string.h>

#include "privacy/access.h"
#include "privacy/token.h"
#include "run/command.h"

struct work {
    struct pn_privacy *privacy;
    struct pn_tokens *tokens;
};

static enum pn_code open_work(const struct pn_config *config, struct work *work, struct pn_err *err)
{
    enum pn_code code = pn_privacy_open(config->data_dir, &work->privacy, err);
    return code == PN_OK ? pn_tokens_open(config->data_dir, work->privacy, &work->tokens, NULL, err)
                         : code;
}

static int close_work(struct work *work, enum pn_code code, const struct pn_err *err)
{
    pn_tokens_close(work->tokens);
    pn_privacy_close(work->privacy);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err->where, err->text);
    }
    return pn_command_exit(code);
}

// "coordinator" or "coordinator,professional".
static enum pn_code read_roles(const char *text, unsigned *ret_roles, struct pn_err *err)
{
    unsigned roles = 0;
    struct pn_slice rest = pn_slice_str(text);
    while (rest.len > 0) {
        if (!pn_role_parse(pn_slice_trim(pn_slice_split(rest, ',', &rest)), &roles)) {
            return pn_err_set(err, PN_INVALID, "--role",
                              "admin, coordinator, professional, integration or dpo expected");
        }
    }
    if (roles == 0) {
        return pn_err_set(err, PN_INVALID, "--role", "a role is expected");
    }
    *ret_roles = roles;
    return PN_OK;
}

enum add_option { ADD_ROLE, ADD_TEAM };

static bool fits(const char *text, char *ret_copy, size_t size)
{
    int made = snprintf(ret_copy, size, "%s", text);
    return made >= 0 && (size_t)made < size;
}

static int add(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct work work = {0};
    struct pn_err err = {0};
    struct pn_caller caller = {.roles = 0};
    char text[PN_TOKEN_TEXT_BYTES] = "";
    const char *teams = arguments->values[ADD_TEAM] == NULL ? "" : arguments->values[ADD_TEAM];
    enum pn_code code = read_roles(arguments->values[ADD_ROLE], &caller.roles, &err);
    if (code == PN_OK && (!fits(arguments->operands[0], caller.name, sizeof caller.name) ||
                          !fits(teams, caller.teams, sizeof caller.teams))) {
        code = pn_err_set(&err, PN_INVALID, "token", "the name or the list of teams is too long");
    }
    code = code == PN_OK ? open_work(config, &work, &err) : code;
    code = code == PN_OK ? pn_tokens_add(work.tokens, &caller, text, &err) : code;
    if (code == PN_OK) {
        printf("%s\n", text);
    }
    explicit_bzero(text, sizeof text);
    return close_work(&work, code, &err);
}

static int take_away(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct work work = {0};
    struct pn_err err = {0};
    enum pn_code code = open_work(config, &work, &err);
    code = code == PN_OK ? pn_tokens_remove(work.tokens, arguments->operands[0], &err) : code;
    return close_work(&work, code, &err);
}

static int list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)arguments;
    struct work work = {0};
    struct pn_err err = {0};
    enum pn_code code = open_work(config, &work, &err);
    struct pn_caller caller;
    for (unsigned i = 0; code == PN_OK && pn_tokens_get(work.tokens, i, &caller); i++) {
        printf("%s:", caller.name);
        for (unsigned bit = 0; bit < PN_ROLE_COUNT; bit++) {
            if ((caller.roles & (1U << bit)) != 0) {
                printf(" %s", pn_role_name((enum pn_role)(1U << bit)));
            }
        }
        if (caller.teams[0] != '\0') {
            printf(" teams %s", caller.teams);
        }
        printf("\n");
    }
    return close_work(&work, code, &err);
}

static const struct pn_option add_options[] = {
    [ADD_ROLE] = {"role", PN_OPTION_TEXT, "ROLE",
                  "admin, coordinator, professional, integration or dpo; several with commas"},
    [ADD_TEAM] =
        {"team", PN_OPTION_TEXT, "TEAM",
         "whose work lists it sees, ids of the file of teams, several with commas; all when "
         "not given"},
};

const struct pn_command pn_command_token_add = {
    .name = "token add",
    .operands = "NAME",
    .summary = "make a bearer token for the API",
    .description = "Prints the token, this once: only a hash of it is kept, in "
                   "DATA/secrets/tokens.yaml. A running hub takes it within seconds.",
    .options = add_options,
    .option_count = PN_ARRAY_COUNT(add_options),
    .operand_min = 1,
    .operand_max = 1,
    .run = add,
};

const struct pn_command pn_command_token_remove = {
    .name = "token remove",
    .operands = "NAME",
    .summary = "take a bearer token away",
    .description = "A running hub refuses it within seconds.",
    .operand_min = 1,
    .operand_max = 1,
    .run = take_away,
};

const struct pn_command pn_command_token_list = {
    .name = "token list",
    .operands = "",
    .summary = "list the names and roles of bearer tokens",
    .description = "One line per token: its name and its roles.",
    .run = list,
};
