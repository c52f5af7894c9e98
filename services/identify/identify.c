// SPDX-License-Identifier: Apache-2.0
/*
 * Station 6, identify: rules over each client's events become triggers and the work list.
 */
#include "services/identify/identify.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/metrics.h"
#include "services/identify/engine.h"
#include "services/identify/gauges.h"
#include "services/identify/identify_store.h"
#include "services/identify/rules/rule_sets.h"
#include "services/identify/worklist/worklist_read.h"

enum {
    TICK_MS = 1000,
    BOOT_BYTES_MAX = 16 * 1024 * 1024,
    // A transaction of another process, begun with the rules before, is at an end by then.
    OVERLAP_MS = 10 * 60 * 1000
};

struct identify {
    struct pn_run *run;
    struct pn_teams_follower *teams;
    struct pn_rules_follower *rules;
    struct pn_engine *engine;
    struct pn_gauges gauges;
    int64_t units_without_team; // told of
};

static enum pn_code emit(void *context, const struct pn_event *event, struct pn_err *err)
{
    struct identify *identify = context;
    return pn_run_emit(identify->run, PN_TOPIC_TRIGGER, event, err);
}

static void stop(void *state)
{
    struct identify *identify = state;
    if (identify != NULL) {
        pn_engine_close(identify->engine);
        pn_rules_follower_close(identify->rules);
        pn_teams_follower_close(identify->teams);
        free(identify);
    }
}

static enum pn_code newest_rules(void *context, const struct pn_ruleset **ret_rules,
                                 struct pn_err *err)
{
    struct identify *identify = context;
    const struct pn_ruleset *before = pn_rules_followed(identify->rules);
    int64_t number = before->number;
    bool is_refused = false;
    enum pn_code code = pn_rules_follow(identify->rules, ret_rules, &is_refused, err);
    if (code == PN_OK && is_refused) {
        pn_log_error("a newer rule set can't be read: the one before stays in use", err);
    }
    if (code == PN_OK && (*ret_rules)->number != number) {
        pn_log(PN_LOG_INFO, "another rule set is in use: everybody is evaluated anew",
               PN_TAG_INT("number", (*ret_rules)->number));
    }
    return code;
}

// The configuration's file was the first set; from then on it is only looked at.
static void compare_with_file(const struct identify *identify)
{
    const char *path = pn_run_config(identify->run)->rules_file;
    struct pn_arena *arena = pn_arena_new(BOOT_BYTES_MAX);
    struct pn_rule_set set;
    struct pn_slice text;
    struct pn_err err = {.code = PN_MEMORY, .where = "rules", .text = "no memory"};
    enum pn_code code = arena == NULL
                            ? PN_MEMORY
                            : pn_rule_set_read(pn_run_store(identify->run), arena, 0, &set, &err);
    code = code == PN_OK ? pn_file_read(arena, path, PN_RULES_FILE_BYTES_MAX, &text, &err) : code;
    if (code != PN_OK) {
        pn_log_error("the configuration's rules can't be compared with those in use", &err);
    } else if (!pn_slice_eq(set.text, text)) {
        pn_log(PN_LOG_WARNING,
               "the configuration's rules are not those in use: to take them, backtest and promote"
               " the file (punos rules backtest, punos rules promote)",
               PN_TAG("file", path), PN_TAG_INT("in_use", set.number));
    }
    pn_arena_free(arena);
}

static enum pn_code open_engine(struct identify *identify, struct pn_err *err)
{
    const struct pn_rules_follower_options following = {
        .store = pn_run_store(identify->run),
        .rules_file = pn_run_config(identify->run)->rules_file,
        .makes_first = true};
    enum pn_code code = pn_rules_follower_open(&following, &identify->rules, err);
    code = code == PN_OK ? pn_teams_follower_open(pn_run_config(identify->run)->teams_file,
                                                  &identify->teams, err)
                         : code;
    if (code != PN_OK) {
        return code;
    }
    compare_with_file(identify);
    const int64_t age_ms = pn_clock_now_ms() - pn_rules_followed_since_ms(identify->rules);
    const struct pn_engine_options options = {.store = pn_run_store(identify->run),
                                              .rules = pn_rules_followed(identify->rules),
                                              .teams = pn_teams_followed(identify->teams),
                                              .newest_rules = newest_rules,
                                              .judges_all = age_ms < OVERLAP_MS,
                                              .emit = emit,
                                              .context = identify};
    return pn_engine_open(&options, &identify->engine, err);
}

static enum pn_code start(struct pn_run *run, void **ret_state, struct pn_err *err)
{
    struct identify *identify = calloc(1, sizeof *identify);
    if (identify == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    identify->run = run;
    enum pn_code code = open_engine(identify, err);
    if (code != PN_OK) {
        stop(identify);
        return code;
    }
    *ret_state = identify;
    return PN_OK;
}

static enum pn_verdict verdict_of(enum pn_code code)
{
    if (code == PN_OK) {
        return PN_DONE;
    }
    if (code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_LIMIT) {
        return PN_REJECT;
    }
    return pn_code_is_retriable(code) || code == PN_CONFLICT ? PN_RETRY : PN_STOP;
}

static enum pn_verdict handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    struct identify *identify = state;
    if (pn_slice_starts_with(record->event.type, "fi.punos.message.")) {
        return PN_DONE; // what nobody could understand is no fact
    }
    return verdict_of(
        pn_engine_take(identify->engine, pn_run_arena(identify->run), &record->event, err));
}

static enum pn_verdict batch_end(void *state, struct pn_err *err)
{
    struct identify *identify = state;
    return verdict_of(pn_engine_batch_end(identify->engine, err));
}

static void follow_teams(struct identify *identify)
{
    struct pn_err err;
    const enum pn_teams_news news = pn_teams_follow(identify->teams, &err);
    if (news == PN_TEAMS_OTHERS) {
        pn_engine_use_teams(identify->engine, pn_teams_followed(identify->teams));
        pn_log(PN_LOG_INFO, "the file of teams has changed: every case follows it",
               PN_TAG("file", pn_run_config(identify->run)->teams_file));
    } else if (news == PN_TEAMS_REFUSED) {
        pn_log_error("the changed file of teams can't be read: the one before stays in force",
                     &err);
    }
}

// Told once, and again when there are more: only who sees all teams' lists sees such a client.
static void tell_units_without_team(struct identify *identify)
{
    const int64_t units = pn_metric_get(PN_WORKLIST_UNITS_WITHOUT_TEAM, NULL, NULL);
    if (units > identify->units_without_team) {
        pn_log(PN_LOG_WARNING,
               "clients on the work list are of units that no team has: punos teams units",
               PN_TAG_INT("units", units));
    }
    identify->units_without_team = units;
}

static enum pn_verdict tick(void *state, int64_t now_ms, struct pn_err *err)
{
    struct identify *identify = state;
    follow_teams(identify);
    enum pn_code code = pn_engine_tick(identify->engine, now_ms, err);
    tell_units_without_team(identify);
    return verdict_of(code == PN_OK
                          ? pn_gauges_tell(&identify->gauges, pn_run_store(identify->run),
                                           pn_rules_followed(identify->rules), now_ms, err)
                          : code);
}

static void committed(void *state)
{
    struct identify *identify = state;
    pn_engine_committed(identify->engine);
}

static void rolled_back(void *state)
{
    struct identify *identify = state;
    pn_engine_forget(identify->engine);
}

const struct pn_service *pn_service_identify(void)
{
    // Of the quarantine only the silences of sources.
    static const char *const topics[] = {PN_TOPIC_EVENT, PN_TOPIC_QUARANTINE};
    static struct pn_service service = {
        .name = PN_IDENTIFY_STORE,
        .topics = topics,
        .topic_count = PN_ARRAY_COUNT(topics),
        .migrations = pn_identify_migrations,
        .start = start,
        .handle = handle,
        .batch_end = batch_end,
        .tick = tick,
        .tick_ms = TICK_MS,
        .committed = committed,
        .rolled_back = rolled_back,
        .stop = stop,
    };
    service.migration_count = pn_identify_migration_count;
    return &service;
}

PN_SERVICE_COMMAND(
    identify, pn_service_identify(), "rules over each client's events, and the work list",
    "Reads the event topic, keeps compact facts per client, and tells on the trigger "
    "topic when a rule of the rule file begins to hold, changes, lapses, or loses its "
    "evidence.")
