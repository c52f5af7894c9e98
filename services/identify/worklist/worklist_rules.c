// SPDX-License-Identifier: Apache-2.0
/*
 * The rules that the work list's reader explains triggers with: those in use.
 */
#include "base/log.h"
#include "services/identify/rules/rule_sets.h"
#include "services/identify/worklist/worklist_parts.h"

// Before the service has kept a first set there is the file that it will take. It may be away: that
// costs fresh evidence only.
static void read_file(struct pn_worklist *worklist, const char *path)
{
    struct pn_err ignored;
    struct pn_ruleset *rules = pn_arena_alloc(worklist->boot, sizeof *rules);
    bool is_read = rules != NULL && path != NULL && path[0] != '\0' &&
                   pn_rules_read(worklist->boot, path, rules, &ignored) == PN_OK;
    worklist->rules = is_read ? rules : NULL;
}

void pn_worklist_open_rules(struct pn_worklist *worklist, const char *path)
{
    struct pn_err ignored;
    const struct pn_rules_follower_options options = {.store = worklist->store};
    worklist->rules_file = path;
    if (pn_rules_follower_open(&options, &worklist->follower, &ignored) == PN_OK) {
        worklist->rules = pn_rules_followed(worklist->follower);
    } else if (worklist->rules == NULL) {
        read_file(worklist, path);
    }
}

void pn_worklist_follow_rules(struct pn_worklist *worklist)
{
    struct pn_err err;
    bool is_refused = false;
    if (worklist->follower == NULL) {
        pn_worklist_open_rules(worklist, worklist->rules_file);
        return;
    }
    // What can't be read now is tried again by the next call.
    if (pn_rules_follow(worklist->follower, &worklist->rules, &is_refused, &err) == PN_OK &&
        is_refused) {
        pn_log_error("a newer rule set can't be read: the one before explains triggers", &err);
    }
}
