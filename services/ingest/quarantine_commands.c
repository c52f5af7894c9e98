// SPDX-License-Identifier: Apache-2.0
/*
 * punos quarantine list, punos quarantine show.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/command.h"
#include "services/ingest/quarantine.h"
#include "services/ingest/tool.h"

enum { PAGE = 200 };

enum list_option { LIST_SYSTEM, LIST_CLOSED };

static const struct pn_option list_options[] = {
    [LIST_SYSTEM] = {"system", PN_OPTION_TEXT, "NAME", "only messages of this system"},
    [LIST_CLOSED] = {"closed", PN_OPTION_FLAG, NULL, "also those that got through since"},
};

static void print_entry(const struct pn_quarantine_entry *entry)
{
    char first[PN_TIME_TEXT_BYTES];
    pn_time_format(entry->first_ms, first);
    printf("%.*s  %s  %.*s  %.*s  x%lld  %s  %.*s: %.*s\n", PN_SLICE_FMT(entry->id), first,
           PN_SLICE_FMT(entry->system), PN_SLICE_FMT(entry->transport), (long long)entry->times,
           entry->closed_ms == 0 ? "open" : "closed", PN_SLICE_FMT(entry->place),
           PN_SLICE_FMT(entry->reason));
}

static enum pn_code list_all(struct pn_ingest_tool *tool, struct pn_quarantine_filter *filter,
                             struct pn_err *err)
{
    struct pn_quarantine_entry entries[PAGE];
    unsigned count = PAGE;
    char last_id[PN_UUID_TEXT_BYTES];
    while (count == PAGE) {
        pn_arena_reset(tool->arena);
        enum pn_code code =
            pn_quarantine_list(tool->store, tool->arena, filter, entries, PAGE, &count, err);
        if (code != PN_OK) {
            return code;
        }
        for (unsigned i = 0; i < count; i++) {
            print_entry(&entries[i]);
        }
        if (count > 0) {
            (void)snprintf(last_id, sizeof last_id, "%.*s", PN_SLICE_FMT(entries[count - 1].id));
            filter->after_id = last_id;
            filter->after_ms = entries[count - 1].first_ms;
        }
    }
    return PN_OK;
}

static int run_list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_ingest_tool tool;
    struct pn_err err = {0};
    struct pn_quarantine_filter filter = {.system = arguments->values[LIST_SYSTEM],
                                          .with_closed = arguments->values[LIST_CLOSED] != NULL};
    enum pn_code code = pn_ingest_tool_open(&tool, config, false, &err);
    code = code == PN_OK ? list_all(&tool, &filter, &err) : code;
    pn_ingest_tool_close(&tool);
    return code == PN_OK ? PN_EXIT_DONE : pn_ingest_tool_fail(&err);
}

static enum pn_code show(struct pn_ingest_tool *tool, const char *id, struct pn_err *err)
{
    struct pn_quarantine_entry entry;
    struct pn_message_in message;
    enum pn_code code = pn_quarantine_get(tool->store, tool->arena, id, &entry, err);
    if (code != PN_OK) {
        return code;
    }
    char what[PN_UUID_TEXT_BYTES + 32];
    char system[128];
    (void)snprintf(what, sizeof what, "quarantined message %s", id);
    (void)snprintf(system, sizeof system, "%.*s", PN_SLICE_FMT(entry.system));
    // The record first: nothing is shown that is not written down.
    code = pn_ingest_tool_record(tool, PN_ACTION_QUARANTINE_SHOW, what, system, err);
    code = code == PN_OK
               ? pn_quarantine_open(tool->store, tool->privacy, tool->arena, id, &message, err)
               : code;
    if (code != PN_OK) {
        return code;
    }
    fprintf(stderr, "%s: %.*s: %.*s\n", system, PN_SLICE_FMT(entry.place),
            PN_SLICE_FMT(entry.reason));
    bool is_written = fwrite(message.bytes.ptr, 1, message.bytes.len, stdout) == message.bytes.len;
    return is_written ? PN_OK : pn_err_set(err, PN_IO, "output", "could not be written");
}

static int run_show(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_ingest_tool tool;
    struct pn_err err = {0};
    enum pn_code code = pn_ingest_tool_open(&tool, config, true, &err);
    code = code == PN_OK ? show(&tool, arguments->operands[0], &err) : code;
    pn_ingest_tool_close(&tool);
    return code == PN_OK ? PN_EXIT_DONE : pn_ingest_tool_fail(&err);
}

const struct pn_command pn_command_quarantine_list = {
    .name = "quarantine list",
    .operands = "",
    .summary = "lists the messages that could not be taken",
    .description =
        "One line each: id, time, system, transport, how often it came, open or closed, place and\n"
        "reason. Nothing of a message's content is shown.",
    .options = list_options,
    .option_count = PN_ARRAY_COUNT(list_options),
    .run = run_list,
};

const struct pn_command pn_command_quarantine_show = {
    .name = "quarantine show",
    .operands = "ID",
    .summary = "shows one refused message as it came",
    .description =
        "Writes the raw message to standard output and its place and reason to standard error.\n"
        "A message holds persons' data: that it was shown is written into the access trail.",
    .operand_min = 1,
    .operand_max = 1,
    .run = run_show,
};
