// SPDX-License-Identifier: Apache-2.0
/*
 * punos feed list: the sources, their rhythm, their last message.
 */
#include <stdio.h>

#include "base/clock.h"
#include "run/command.h"
#include "services/ingest/feeds.h"
#include "services/ingest/tool.h"

enum { HOURS_PER_DAY = 24, DAYS = 7 };

// Expected messages of each day of the week, Monday first.
static void print_week(const struct pn_rhythm *rhythm)
{
    for (unsigned day = 0; day < DAYS; day++) {
        double sum = 0;
        for (unsigned hour = 0; hour < HOURS_PER_DAY; hour++) {
            sum += pn_rhythm_rate(rhythm, day * HOURS_PER_DAY + hour);
        }
        printf("%s%.0f", day == 0 ? "" : " ", sum);
    }
}

static void print_state(const struct pn_feed_state *state, const struct pn_config *config)
{
    const struct pn_rhythm *rhythm = &state->rhythm;
    char last[PN_TIME_TEXT_BYTES] = "never";
    if (rhythm->last_ms != 0) {
        pn_time_format(rhythm->last_ms, last);
    }
    const char *status = rhythm->silent_since_ms != 0 ? "SILENT"
                         : rhythm->listened_ms < config->feeds.learn_days * PN_MS_PER_DAY
                             ? "learning"
                             : "heard";
    printf("%-40.*s %-8s last %-24s expected since %.1f  week ", PN_SLICE_FMT(state->source),
           status, last, rhythm->expected);
    print_week(rhythm);
    printf("\n");
}

static int run_list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)arguments;
    struct pn_ingest_tool tool;
    struct pn_err err = {0};
    unsigned count = 0;
    struct pn_feed_state *states = NULL;
    enum pn_code code = pn_ingest_tool_open(&tool, config, false, &err);
    if (code == PN_OK) {
        states = pn_arena_alloc_array(tool.arena, PN_INGEST_FEEDS_MAX, sizeof *states);
        code = states == NULL ? pn_err_set(&err, PN_MEMORY, "memory", "the heap is exhausted")
                              : pn_feeds_read(tool.store, tool.arena, states, PN_INGEST_FEEDS_MAX,
                                              &count, &err);
    }
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        print_state(&states[i], config);
    }
    pn_ingest_tool_close(&tool);
    return code == PN_OK ? PN_EXIT_DONE : pn_ingest_tool_fail(&err);
}

const struct pn_command pn_command_feed_list = {
    .name = "feed list",
    .operands = "",
    .summary = "list the sources that send, their rhythm and their last message",
    .description =
        "One line for each system and each of its sending units: heard, learning or SILENT, when "
        "its last message came, how many would have been expected since, and how many a day are "
        "usual, Monday first (messages close after each other count once). As of a minute ago.",
    .run = run_list,
};
