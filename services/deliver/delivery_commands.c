// SPDX-License-Identifier: Apache-2.0
/*
 * punos delivery list, punos delivery retry.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "privacy/access.h"
#include "privacy/audit.h"
#include "run/command.h"
#include "services/deliver/deliver_read.h"
#include "services/deliver/delivery_event.h"

enum { PAGE = 200, ARENA_BYTES_MAX = 64 * 1024 * 1024 };

struct tool {
    struct pn_store *store;
    struct pn_privacy *privacy;
    struct pn_arena *arena;
    const char *id; // to retry
};

static enum pn_code open_tool(struct tool *tool, const struct pn_config *config, bool writes,
                              struct pn_err *err)
{
    const struct pn_store_options options = {.name = "deliver",
                                             .migrations = pn_ledger_migrations(),
                                             .migration_count = PN_LEDGER_MIGRATION_COUNT,
                                             .read_only = true};
    tool->arena = pn_arena_new(ARENA_BYTES_MAX);
    if (tool->arena == NULL) {
        return pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted");
    }
    // Looked at first: only a ledger of this version may be written to.
    enum pn_code code = pn_store_open(config, &options, &tool->store, err);
    if (code != PN_OK || !writes) {
        return code;
    }
    pn_store_close(tool->store);
    tool->store = NULL;
    const struct pn_store_options guest = {.name = "deliver"};
    code = pn_privacy_open(config->data_dir, &tool->privacy, err);
    return code == PN_OK ? pn_store_open(config, &guest, &tool->store, err) : code;
}

static int close_tool(struct tool *tool, enum pn_code code, const struct pn_err *err)
{
    pn_store_close(tool->store);
    pn_privacy_close(tool->privacy);
    pn_arena_free(tool->arena);
    if (code != PN_OK) {
        fprintf(stderr, "punos: %s: %s\n", err->where, err->text);
    }
    return pn_command_exit(code);
}

// --- list ----------------------------------------------------------------------------------------

enum list_option { LIST_STATE, LIST_SYSTEM, LIST_ALL };

static const struct pn_option list_options[] = {
    [LIST_STATE] = {"state", PN_OPTION_TEXT, "STATE",
                    "queued, sent, committed, accepted, rejected, acknowledged or needless"},
    [LIST_SYSTEM] = {"system", PN_OPTION_TEXT, "NAME", "only to this system"},
    [LIST_ALL] = {"all", PN_OPTION_FLAG, NULL, "also those that are where they should be"},
};

static enum pn_code read_filter(const struct pn_arguments *arguments,
                                struct pn_delivery_filter *filter, struct pn_err *err)
{
    const char *state = arguments->values[LIST_STATE];
    filter->system = arguments->values[LIST_SYSTEM];
    if (state == NULL) {
        uint32_t open = 1 << PN_DELIVERY_QUEUED | 1 << PN_DELIVERY_SENT |
                        1 << PN_DELIVERY_COMMITTED | 1 << PN_DELIVERY_REJECTED;
        filter->states = arguments->values[LIST_ALL] != NULL ? 0 : open;
        return PN_OK;
    }
    enum pn_delivery_state found = pn_delivery_state_parse(pn_slice_str(state));
    if (found == PN_DELIVERY_STATE_COUNT) {
        return pn_err_set(err, PN_INVALID, "--state", "there is no such state");
    }
    filter->states = UINT32_C(1) << found;
    return PN_OK;
}

static void print_line(const struct pn_delivery_line *line)
{
    char queued[PN_TIME_TEXT_BYTES];
    pn_time_format(line->queued_ms, queued);
    const char *words = line->settled_ms == 0 ? line->reason : line->words;
    printf("%s  %s  %s  %s  %s %s v%lld  x%lld%s%s\n", line->id, queued, line->system,
           pn_delivery_state_name(line->state),
           pn_delivery_task_code(line->of, line->is_withdrawal), line->plan_id,
           (long long)line->plan_version, (long long)line->attempts, words[0] == '\0' ? "" : "  ",
           words);
}

static enum pn_code list_all(struct tool *tool, struct pn_delivery_filter *filter,
                             struct pn_err *err)
{
    struct pn_delivery_line lines[PAGE];
    unsigned count = PAGE;
    while (count == PAGE) {
        pn_arena_reset(tool->arena);
        enum pn_code code =
            pn_deliver_list(tool->store, tool->arena, filter, lines, PAGE, &count, err);
        if (code != PN_OK) {
            return code;
        }
        for (unsigned i = 0; i < count; i++) {
            print_line(&lines[i]);
            filter->before = lines[i].position;
        }
    }
    return PN_OK;
}

static int run_list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct tool tool = {0};
    struct pn_err err = {0};
    struct pn_delivery_filter filter = {0};
    enum pn_code code = read_filter(arguments, &filter, &err);
    code = code == PN_OK ? open_tool(&tool, config, false, &err) : code;
    code = code == PN_OK ? list_all(&tool, &filter, &err) : code;
    return close_tool(&tool, code, &err);
}

// --- retry ---------------------------------------------------------------------------------------

static enum pn_code write_record(struct tool *tool, const struct pn_delivery *delivery,
                                 struct pn_err *err)
{
    char user[128], what[PN_AUDIT_FIELD_BYTES_MAX];
    const struct passwd *entry = getpwuid(getuid());
    snprintf(user, sizeof user, "shell:%.100s", entry == NULL ? "" : entry->pw_name);
    snprintf(what, sizeof what, "retry of delivery %s", delivery->id);
    const struct pn_audit_record record = {
        .user = pn_slice_str(user),
        .role = pn_slice_str(pn_role_name(PN_ROLE_ADMIN)),
        .action = pn_slice_str(pn_action_name(PN_ACTION_DELIVERY_READ)),
        .purpose = pn_slice_str("maintenance"),
        .client = pn_slice_str(delivery->client_key),
        .what = pn_slice_str(what),
        .recipient = pn_slice_str(delivery->system),
        .rule = pn_slice_str("delivery-retry"),
        .is_allowed = true,
    };
    return pn_audit_add(tool->store, tool->privacy, &record, err);
}

static enum pn_code retry(void *context, struct pn_err *err)
{
    struct tool *tool = context;
    struct pn_delivery delivery;
    bool found = false;
    enum pn_code code = pn_ledger_find(tool->store, tool->arena, tool->id, &delivery, &found, err);
    if (code == PN_OK && !found) {
        return pn_err_set(err, PN_NOT_FOUND, "delivery", "there is none with this id");
    }
    if (code == PN_OK) {
        code = write_record(tool, &delivery, err);
    }
    return code == PN_OK ? pn_ledger_retry(tool->store, &delivery, err) : code;
}

static int run_retry(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct tool tool = {.id = arguments->operands[0]};
    struct pn_err err = {0};
    enum pn_code code = open_tool(&tool, config, true, &err);
    code = code == PN_OK ? pn_store_transact(tool.store, retry, &tool, &err) : code;
    if (code == PN_OK) {
        puts("queued again");
    }
    return close_tool(&tool, code, &err);
}

const struct pn_command pn_command_delivery_list = {
    .name = "delivery list",
    .operands = "",
    .summary = "lists what went to the systems and what came of it",
    .description =
        "One line each, newest first: id, time, system, state, what, plan and version, tries, and\n"
        "why it waits or the system's own words. Without options: what is not where it should be.\n"
        "No client is named.",
    .options = list_options,
    .option_count = PN_ARRAY_COUNT(list_options),
    .run = run_list,
};

const struct pn_command pn_command_delivery_retry = {
    .name = "delivery retry",
    .operands = "ID",
    .summary = "sends a rejected delivery again, under the same id",
    .description =
        "For when the cause of the rejection is mended (a code table, the system itself). Refused\n"
        "when a later version of the plan has gone to that system since. Written into the access\n"
        "trail.",
    .operand_min = 1,
    .operand_max = 1,
    .run = run_retry,
};
