// SPDX-License-Identifier: Apache-2.0
/*
 * The rule set in use, kept in memory and looked for anew.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "services/identify/rules/rule_sets.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024, TRIES_MAX = 5 };

struct pn_rules_follower {
    struct pn_rules_follower_options options;
    struct pn_arena *arena; // of `rules`
    struct pn_ruleset *rules;
    int64_t since_ms;
    int64_t refused; // the newest number that can't be read
};

// Takes the set of that number into memory; what was there stays when it can't be.
static enum pn_code load(struct pn_rules_follower *follower, int64_t number, struct pn_err *err)
{
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_ruleset *rules = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *rules);
    struct pn_rule_set set;
    enum pn_code code = rules == NULL
                            ? pn_err_set(err, PN_MEMORY, "rules", "no memory")
                            : pn_rule_set_read(follower->options.store, arena, number, &set, err);
    if (code == PN_OK) {
        char name[PN_ERR_WHERE_BYTES];
        (void)snprintf(name, sizeof name, "rule set %lld (%.80s)", (long long)set.number,
                       set.file.len == 0 ? "" : set.file.ptr);
        code = pn_rules_parse(arena, name, set.text, rules, err);
    }
    if (code != PN_OK) {
        pn_arena_free(arena);
        return code;
    }
    rules->number = set.number;
    pn_arena_free(follower->arena);
    follower->arena = arena;
    follower->rules = rules;
    follower->since_ms = set.at_ms;
    return PN_OK;
}

// The configuration's file becomes number 1.
static enum pn_code make_first(struct pn_rules_follower *follower, struct pn_err *err)
{
    const char *path = follower->options.rules_file;
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_ruleset *rules = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *rules);
    struct pn_rule_set set = {.number = 1,
                              .file = pn_slice_str(path),
                              .promoted_by = pn_slice_str(PN_RULES_INSTALLATION),
                              .at_ms = pn_clock_now_ms()};
    char fingerprint[PN_RULES_FINGERPRINT_BYTES];
    enum pn_code code = rules == NULL
                            ? pn_err_set(err, PN_MEMORY, "rules", "no memory")
                            : pn_file_read(arena, path, PN_RULES_FILE_BYTES_MAX, &set.text, err);
    code = code == PN_OK ? pn_rules_parse(arena, path, set.text, rules, err) : code;
    if (code == PN_OK) {
        pn_rules_fingerprint(set.text, fingerprint);
        set.fingerprint = pn_slice_str(fingerprint);
        code = pn_rule_set_add(follower->options.store, &set, err);
    }
    pn_arena_free(arena);
    return code;
}

enum pn_code pn_rules_follower_open(const struct pn_rules_follower_options *options,
                                    struct pn_rules_follower **ret_follower, struct pn_err *err)
{
    struct pn_rules_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        return pn_err_set(err, PN_MEMORY, "rules", "no memory");
    }
    follower->options = *options;
    int64_t newest = 0;
    enum pn_code code = pn_rule_sets_newest(options->store, &newest, err);
    // Another process may have been first.
    for (unsigned i = 0; i < TRIES_MAX && code == PN_OK && newest == 0 && options->makes_first;
         i++) {
        code = make_first(follower, err);
        code = code == PN_CONFLICT ? PN_OK : code;
        code = code == PN_OK ? pn_rule_sets_newest(options->store, &newest, err) : code;
    }
    if (code == PN_OK && newest == 0) {
        code = pn_err_set(err, PN_NOT_FOUND, "rules", "identify has not started here yet");
    }
    code = code == PN_OK ? load(follower, newest, err) : code;
    if (code != PN_OK) {
        pn_rules_follower_close(follower);
        return code;
    }
    *ret_follower = follower;
    return PN_OK;
}

void pn_rules_follower_close(struct pn_rules_follower *follower)
{
    if (follower != NULL) {
        pn_arena_free(follower->arena);
        free(follower);
    }
}

enum pn_code pn_rules_follow(struct pn_rules_follower *follower,
                             const struct pn_ruleset **ret_rules, bool *ret_is_refused,
                             struct pn_err *err)
{
    int64_t newest = 0;
    enum pn_code code = pn_rule_sets_newest(follower->options.store, &newest, err);
    bool is_new = code == PN_OK && newest != follower->rules->number && newest != follower->refused;
    if (is_new) {
        code = load(follower, newest, err);
    }
    bool is_refused = is_new && (code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_LIMIT);
    if (is_refused) {
        follower->refused = newest;
        code = PN_OK;
    }
    if (code == PN_OK) {
        *ret_rules = follower->rules;
        *ret_is_refused = is_refused;
    }
    return code;
}

const struct pn_ruleset *pn_rules_followed(const struct pn_rules_follower *follower)
{
    return follower->rules;
}

int64_t pn_rules_followed_since_ms(const struct pn_rules_follower *follower)
{
    return follower->since_ms;
}
