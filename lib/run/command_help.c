// SPDX-License-Identifier: Apache-2.0
#include "run/command_help.h"

#include <errno.h>
#include <string.h>

const struct pn_option pn_common_options[] = {
    {"data", PN_OPTION_TEXT, "DIR", "the data folder; stands over the one in the configuration"},
    {"config", PN_OPTION_TEXT, "FILE", "the configuration file (see punos config reference)"},
    {"help", PN_OPTION_FLAG, NULL, "print this help"},
};
const unsigned pn_common_option_count = PN_ARRAY_COUNT(pn_common_options);

static const char *const about =
    "Punos braids the events of primary care, specialist care and social services into one client "
    "timeline, tells professionals which clients they likely share, and lays the shared plan back "
    "in every records system.";

static const char *const exit_text[] = {
    [PN_EXIT_DONE] = "done",
    [PN_EXIT_NO] = "the answer is no: invalid input, or a check failed",
    [PN_EXIT_USE] = "wrong use, or a configuration that is not valid",
    [PN_EXIT_BROKEN] = "something is away or broken",
};

static bool is_in_group(const struct pn_command *command, const char *group)
{
    size_t len = group == NULL ? 0 : strlen(group);
    return group == NULL || (strncmp(command->name, group, len) == 0 && command->name[len] == ' ');
}

void pn_command_print_list(FILE *out, const struct pn_command_list *list, const char *group)
{
    fprintf(out, "Usage: punos %s%sCOMMAND [OPTION…] [OPERAND…]\n\nCommands:\n",
            group == NULL ? "" : group, group == NULL ? "" : " ");
    for (unsigned i = 0; i < list->count; i++) {
        if (is_in_group(list->commands[i], group)) {
            fprintf(out, "  %-18s %s\n", list->commands[i]->name, list->commands[i]->summary);
        }
    }
    fprintf(out, "\n`punos COMMAND --help` tells more of one; `punos --version` the version.\n");
}

static void print_option(FILE *out, const struct pn_option *option)
{
    char left[64];
    bool has_value = option->kind == PN_OPTION_TEXT;
    snprintf(left, sizeof left, "--%s%s%s", option->name, has_value ? " " : "",
             has_value ? option->value_name : "");
    fprintf(out, "  %-22s %s\n", left, option->help);
}

static void print_operands(FILE *out, const struct pn_command *command)
{
    const char *operands = command->operands == NULL ? "" : command->operands;
    fprintf(out, "%s%s", operands[0] == '\0' ? "" : " ", operands);
}

void pn_command_print_help(FILE *out, const struct pn_command *command)
{
    fprintf(out, "Usage: punos %s [OPTION…]", command->name);
    print_operands(out, command);
    fprintf(out, "\n\n%s\n\n", command->summary);
    if (command->description != NULL && command->description[0] != '\0') {
        fprintf(out, "%s\n\n", command->description);
    }
    fprintf(out, "Options:\n");
    for (unsigned i = 0; i < command->option_count; i++) {
        print_option(out, &command->options[i]);
    }
    for (unsigned i = 0; i < pn_common_option_count; i++) {
        print_option(out, &pn_common_options[i]);
    }
    fprintf(out, "\nExit status:\n");
    for (unsigned i = 0; i < PN_ARRAY_COUNT(exit_text); i++) {
        fprintf(out, "  %u  %s\n", i, exit_text[i]);
    }
}

// Roff reads a leading dot or apostrophe and every backslash and hyphen in its own way.
static void roff(FILE *out, const char *text)
{
    bool line_start = true;
    for (const char *c = text; *c != '\0'; c++) {
        if (line_start && (*c == '.' || *c == '\'')) {
            fputs("\\&", out);
        }
        if (*c == '\\') {
            fputs("\\e", out);
        } else if (*c == '-') {
            fputs("\\-", out);
        } else {
            fputc(*c, out);
        }
        line_start = *c == '\n';
    }
}

static void roff_option(FILE *out, const struct pn_option *option)
{
    fprintf(out, ".TP\n\\fB\\-\\-");
    roff(out, option->name);
    fprintf(out, "\\fR");
    if (option->kind == PN_OPTION_TEXT) {
        fprintf(out, " \\fI%s\\fR", option->value_name);
    }
    fputc('\n', out);
    roff(out, option->help);
    fputc('\n', out);
}

static void roff_exit(FILE *out)
{
    fprintf(out, ".SH EXIT STATUS\n");
    for (unsigned i = 0; i < PN_ARRAY_COUNT(exit_text); i++) {
        fprintf(out, ".TP\n%u\n%s\n", i, exit_text[i]);
    }
}

static void print_main_page(FILE *out, const struct pn_command_list *list)
{
    fprintf(out,
            ".TH PUNOS 1 \"\" \"Punos %s\"\n.SH NAME\npunos \\- integration hub of health and "
            "social care\n.SH SYNOPSIS\n.B punos\n.I COMMAND\n[OPTION…] [OPERAND…]\n"
            ".SH DESCRIPTION\n",
            PN_VERSION);
    roff(out, about);
    fprintf(out, "\n.SH COMMANDS\n");
    for (unsigned i = 0; i < list->count; i++) {
        fprintf(out, ".TP\n.B %s\n", list->commands[i]->name);
        roff(out, list->commands[i]->summary);
        fputc('\n', out);
    }
    roff_exit(out);
}

void pn_command_print_man(FILE *out, const struct pn_command_list *list,
                          const struct pn_command *command)
{
    if (command == NULL) {
        print_main_page(out, list);
        return;
    }
    fprintf(out, ".TH \"PUNOS %s\" 1 \"\" \"Punos %s\"\n.SH NAME\npunos %s \\- ", command->name,
            PN_VERSION, command->name);
    roff(out, command->summary);
    fprintf(out, "\n.SH SYNOPSIS\n.B punos %s\n[OPTION…]", command->name);
    print_operands(out, command);
    fprintf(out, "\n.SH DESCRIPTION\n");
    roff(out, command->description == NULL || command->description[0] == '\0'
                  ? command->summary
                  : command->description);
    fprintf(out, "\n.SH OPTIONS\n");
    for (unsigned i = 0; i < command->option_count; i++) {
        roff_option(out, &command->options[i]);
    }
    for (unsigned i = 0; i < pn_common_option_count; i++) {
        roff_option(out, &pn_common_options[i]);
    }
    roff_exit(out);
    fprintf(out, ".SH SEE ALSO\n.BR punos (1)\n");
}

static enum pn_code write_page(const struct pn_command_list *list, const struct pn_command *command,
                               const char *folder, struct pn_err *err)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/punos%s%s.1", folder, command == NULL ? "" : "-",
                          command == NULL ? "" : command->name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return pn_err_set(err, PN_LIMIT, "--man-all", "the folder's name is too long");
    }
    for (char *c = path + strlen(folder); *c != '\0'; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        return pn_err_set(err, PN_IO, path, "cannot be written: %s", strerror(errno));
    }
    pn_command_print_man(out, list, command);
    return fclose(out) == 0
               ? PN_OK
               : pn_err_set(err, PN_IO, path, "cannot be written: %s", strerror(errno));
}

enum pn_code pn_command_write_man(const struct pn_command_list *list, const char *folder,
                                  struct pn_err *err)
{
    enum pn_code code = write_page(list, NULL, folder, err);
    for (unsigned i = 0; code == PN_OK && i < list->count; i++) {
        code = write_page(list, list->commands[i], folder, err);
    }
    return code;
}
