// SPDX-License-Identifier: Apache-2.0
/*
 * punos rules promote FILE --by NAME, rules restore N --by NAME, rules history, rules show N.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "privacy/audit.h"
#include "run/command.h"
#include "services/identify/rules/rules_tool.h"

enum { BY_BYTES_MAX = 128, SHOWN_FINGERPRINT = 12 };

enum by_option { BY };
static const struct pn_option by_options[] = {
    [BY] = {"by", PN_OPTION_TEXT, "NAME", "who decides it; shown by punos rules history"},
};

// What is to become the newest set.
struct change {
    struct pn_rules_tool *tool;
    const char *action;
    struct pn_rule_set set;
    char what[PN_AUDIT_FIELD_BYTES_MAX];
    bool is_in_use; // it is the newest already
};

static enum pn_code check_name(const char *name, struct pn_err *err)
{
    struct pn_slice text = pn_slice_trim(pn_slice_str(name));
    if (text.len == 0) {
        return pn_err_set(err, PN_INVALID, "--by", "who decides it is expected");
    }
    bool is_good = text.len <= BY_BYTES_MAX && pn_utf8_is_valid(text);
    for (size_t i = 0; i < text.len; i++) {
        is_good = is_good && (unsigned char)text.ptr[i] >= ' ';
    }
    return is_good ? PN_OK
                   : pn_err_set(err, PN_INVALID, "--by", "a name of at most %d bytes is expected",
                                BY_BYTES_MAX);
}

// --- Promoting and restoring ---------------------------------------------------------------------

static enum pn_code prepare_promotion(struct pn_rules_tool *tool, const char *path,
                                      struct change *change, struct pn_err *err)
{
    struct pn_rules_file file;
    struct pn_backtest backtest;
    enum pn_code code = pn_rules_file_read(tool->arena, path, &file, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_slice fingerprint = pn_slice_of(
        pn_arena_copy(tool->arena, pn_slice_str(file.fingerprint)), strlen(file.fingerprint));
    code = pn_backtest_find(tool->store, tool->arena, fingerprint, &backtest, err);
    if (code == PN_NOT_FOUND) {
        return pn_err_set(err, PN_DENIED, path,
                          "no backtest of exactly this file is on record: run"
                          " punos rules backtest first");
    }
    change->action = "rules-promote";
    change->set.fingerprint = fingerprint;
    change->set.text = file.text;
    change->set.file = pn_slice_str(path);
    change->set.backtest_ms = code == PN_OK ? backtest.at_ms : 0;
    return code;
}

static enum pn_code prepare_restoring(struct pn_rules_tool *tool, const char *number,
                                      struct change *change, struct pn_err *err)
{
    int64_t wanted = 0;
    struct pn_rule_set old;
    if (!pn_slice_to_i64(pn_slice_str(number), &wanted) || wanted < 1) {
        return pn_err_set(err, PN_INVALID, "N", "the number of a rule set is expected");
    }
    enum pn_code code = pn_rule_set_read(tool->store, tool->arena, wanted, &old, err);
    char name[64];
    (void)snprintf(name, sizeof name, "rule set %" PRId64, wanted);
    struct pn_ruleset *rules = pn_arena_alloc(tool->arena, sizeof *rules);
    if (code == PN_OK && rules == NULL) {
        return pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted");
    }
    code = code == PN_OK ? pn_rules_parse(tool->arena, name, old.text, rules, err) : code;
    if (code == PN_OK) {
        change->action = "rules-restore";
        change->set = old;
    }
    return code;
}

static enum pn_code change_once(void *context, struct pn_err *err)
{
    struct change *change = context;
    struct pn_rules_tool *tool = change->tool;
    struct pn_rule_set newest = {0};
    enum pn_code code = pn_rule_set_read(tool->store, tool->arena, 0, &newest, err);
    code = code == PN_NOT_FOUND ? PN_OK : code;
    change->is_in_use = code == PN_OK && newest.number > 0 &&
                        pn_slice_eq(newest.fingerprint, change->set.fingerprint);
    if (code == PN_OK && !change->is_in_use) {
        change->set.number = newest.number + 1;
        change->set.at_ms = pn_clock_now_ms();
        (void)snprintf(change->what, sizeof change->what,
                       "rule set %" PRId64 ", fingerprint %.*s, by %.*s", change->set.number,
                       SHOWN_FINGERPRINT, change->set.fingerprint.ptr,
                       PN_SLICE_FMT(change->set.promoted_by));
        code = pn_rule_set_add(tool->store, &change->set, err);
        code = code == PN_OK ? pn_rules_tool_record(tool, change->action, change->what, err) : code;
    }
    return code;
}

typedef enum pn_code prepare_function(struct pn_rules_tool *tool, const char *operand,
                                      struct change *change, struct pn_err *err);

static int run_change(const struct pn_arguments *arguments, const struct pn_config *config,
                      prepare_function *prepare)
{
    struct pn_rules_tool tool = {0};
    struct pn_err err = {0};
    struct change change = {.tool = &tool};
    const char *by = arguments->values[BY] == NULL ? "" : arguments->values[BY];
    enum pn_code code = check_name(by, &err);
    code = code == PN_OK ? pn_rules_tool_open(&tool, config, true, &err) : code;
    code = code == PN_OK ? prepare(&tool, arguments->operands[0], &change, &err) : code;
    change.set.promoted_by = pn_slice_trim(pn_slice_str(by));
    code = code == PN_OK ? pn_store_transact(tool.store, change_once, &change, &err) : code;
    if (code == PN_OK && change.is_in_use) {
        puts("these rules are in use already: nothing was changed");
    } else if (code == PN_OK) {
        printf("rule set %" PRId64 " is in use from now on; a running hub takes it up within a"
               " second\n",
               change.set.number);
    }
    return pn_rules_tool_end(&tool, code, &err);
}

static int run_promote(const struct pn_arguments *arguments, const struct pn_config *config)
{
    return run_change(arguments, config, prepare_promotion);
}

static int run_restore(const struct pn_arguments *arguments, const struct pn_config *config)
{
    return run_change(arguments, config, prepare_restoring);
}

// --- Looking -------------------------------------------------------------------------------------

static void print_set(const struct pn_rule_set *set, bool is_in_use)
{
    char at[PN_TIME_TEXT_BYTES], backtest[PN_TIME_TEXT_BYTES] = "no backtest";
    pn_time_format(set->at_ms, at);
    if (set->backtest_ms != 0) {
        pn_time_format(set->backtest_ms, backtest);
    }
    printf("%" PRId64 "  %s  %.*s  %.*s  %.*s  %s%s%s\n", set->number, at,
           PN_SLICE_FMT(set->promoted_by), SHOWN_FINGERPRINT, set->fingerprint.ptr,
           PN_SLICE_FMT(set->file), set->backtest_ms != 0 ? "backtest " : "", backtest,
           is_in_use ? "  in use" : "");
}

static int run_history(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)arguments;
    struct pn_rules_tool tool = {0};
    struct pn_err err = {0};
    unsigned count = 0;
    static struct pn_rule_set sets[PN_RULE_SETS_MAX];
    enum pn_code code = pn_rules_tool_open(&tool, config, false, &err);
    code = code == PN_OK ? pn_rule_sets_list(tool.store, tool.arena, sets, &count, &err) : code;
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        print_set(&sets[i], i == 0);
    }
    return pn_rules_tool_end(&tool, code, &err);
}

static int run_show(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_rules_tool tool = {0};
    struct pn_err err = {0};
    struct pn_rule_set set;
    int64_t number = 0;
    enum pn_code code =
        pn_slice_to_i64(pn_slice_str(arguments->operands[0]), &number) && number > 0
            ? pn_rules_tool_open(&tool, config, false, &err)
            : pn_err_set(&err, PN_INVALID, "N", "the number of a rule set is expected");
    code = code == PN_OK ? pn_rule_set_read(tool.store, tool.arena, number, &set, &err) : code;
    if (code == PN_OK) {
        (void)fwrite(set.text.ptr, 1, set.text.len, stdout);
    }
    return pn_rules_tool_end(&tool, code, &err);
}

const struct pn_command pn_command_rules_promote = {
    .name = "rules promote",
    .operands = "FILE",
    .summary = "puts a file of rules into use",
    .description =
        "Refused with file, line and field when the file has a mistake, and when there is no\n"
        "backtest on record of exactly these bytes (punos rules backtest). A running hub takes "
        "the\n"
        "rules up within a second and evaluates everybody anew. Written into the access trail.",
    .options = by_options,
    .option_count = PN_ARRAY_COUNT(by_options),
    .operand_min = 1,
    .operand_max = 1,
    .run = run_promote,
};

const struct pn_command pn_command_rules_restore = {
    .name = "rules restore",
    .operands = "N",
    .summary = "puts an old rule set back into use",
    .description =
        "The set of that number (punos rules history) becomes the newest one again, under"
        " a number\nof its own. It needs no new backtest. Written into the access trail.",
    .options = by_options,
    .option_count = PN_ARRAY_COUNT(by_options),
    .operand_min = 1,
    .operand_max = 1,
    .run = run_restore,
};

const struct pn_command pn_command_rules_history = {
    .name = "rules history",
    .operands = "",
    .summary = "lists the rule sets that were in use, and who put them there",
    .description = "One line each, newest first: number, time, who, fingerprint, file, backtest.",
    .run = run_history,
};

const struct pn_command pn_command_rules_show = {
    .name = "rules show",
    .operands = "N",
    .summary = "prints a rule set as it was promoted",
    .description = "The bytes of the file, so that the output can be kept, compared and corrected.",
    .operand_min = 1,
    .operand_max = 1,
    .run = run_show,
};
