// SPDX-License-Identifier: Apache-2.0
/*
 * punos rules feedback [--from DAY] [--to DAY] [--unit CODE] [--team ID] [--csv] [--skew]
 */
#include <stdio.h>

#include "base/clock.h"
#include "run/command.h"
#include "services/identify/feedback/feedback_print.h"

enum option { FROM, TO, UNIT, TEAM, CSV, SKEW };
static const struct pn_option options[] = {
    [FROM] = {"from", PN_OPTION_TEXT, "DAY",
              "triggers that rose from then on, in Finland; a year ago"},
    [TO] = {"to", PN_OPTION_TEXT, "DAY", "and before then; now"},
    [UNIT] = {"unit", PN_OPTION_TEXT, "CODE", "only those of this unit"},
    [TEAM] = {"team", PN_OPTION_TEXT, "ID", "only those of this team"},
    [CSV] = {"csv", PN_OPTION_FLAG, NULL, "print comma-separated values"},
    [SKEW] = {"skew", PN_OPTION_FLAG, NULL,
              "print how often each age, sex and language is flagged"},
};

enum { TEXT_BYTES_MAX = 16 * 1024 * 1024 };

static enum pn_code read_time(const char *text, const char *option, int64_t *time_ms,
                              struct pn_err *err)
{
    if (text != NULL && !pn_feedback_time_parse(pn_slice_str(text), time_ms)) {
        return pn_err_set(err, PN_INVALID, option, "must be a day, 2026-11-30");
    }
    return PN_OK;
}

static enum pn_code read_query(const struct pn_arguments *arguments,
                               struct pn_feedback_query *query, struct pn_err *err)
{
    pn_feedback_query_default(pn_clock_now_ms(), query);
    enum pn_code code = read_time(arguments->values[FROM], "--from", &query->from_ms, err);
    code = code == PN_OK ? read_time(arguments->values[TO], "--to", &query->to_ms, err) : code;
    if (code == PN_OK && query->from_ms >= query->to_ms) {
        code = pn_err_set(err, PN_INVALID, "--from", "must be before --to");
    }
    query->unit = pn_slice_str(arguments->values[UNIT]);
    query->team = pn_slice_str(arguments->values[TEAM]);
    return code;
}

static void print(const struct pn_arguments *arguments, const struct pn_feedback_result *result)
{
    struct pn_buf out;
    pn_buf_init(&out, TEXT_BYTES_MAX);
    if (arguments->values[SKEW] != NULL) {
        pn_feedback_skew_csv(result, &out);
    } else if (arguments->values[CSV] != NULL) {
        pn_feedback_csv(result, &out);
    } else {
        pn_feedback_text(result, &out);
    }
    (void)fwrite(out.data, 1, out.len, stdout);
    pn_buf_release(&out);
}

static int feedback(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_feedback_reader *reader = NULL;
    struct pn_feedback_query query;
    struct pn_feedback_result result;
    struct pn_err err;
    enum pn_code code = read_query(arguments, &query, &err);
    code = code == PN_OK ? pn_feedback_reader_open(config, &reader, &err) : code;
    code = code == PN_OK ? pn_feedback_read(reader, &query, &result, &err) : code;
    if (code == PN_OK) {
        print(arguments, &result);
    } else {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    pn_feedback_reader_close(reader);
    return pn_command_exit(code);
}

const struct pn_command pn_command_rules_feedback = {
    .name = "rules feedback",
    .operands = "",
    .summary = "what came of the triggers of each rule",
    .description =
        "For each rule and version, and below it for each unit: how many triggers rose between "
        "--from and --to, how many were looked at, accepted, refused by the client and found not "
        "relevant until now, the share of right ones with its 95 % interval, and the time to the "
        "first look (half of them, nine tenths). Then the groups of age, sex and language that "
        "are flagged clearly more or less often than clients on the whole. --skew prints all "
        "groups; cells of fewer than 5 clients stay empty. docs/FEEDBACK.md tells what each "
        "figure means.",
    .options = options,
    .option_count = PN_ARRAY_COUNT(options),
    .run = feedback,
};
