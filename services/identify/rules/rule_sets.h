// SPDX-License-Identifier: Apache-2.0
/*
 * The rule sets that were ever in use, in identify's store: the newest is in use. Rows are only
 * ever added: putting an old set back adds it again. Beside them each backtest's figures, by the
 * fingerprint of the file that it ran.
 *
 * Also for other processes: the commands `punos rules …` write, the API follows.
 */
#ifndef PN_IDENTIFY_RULE_SETS_H
#define PN_IDENTIFY_RULE_SETS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "services/identify/rules/rules.h"
#include "store/store.h"

// For identify's migrations.
extern const char pn_rule_sets_sql[];

enum {
    PN_RULES_FINGERPRINT_BYTES = 65, // SHA-256 of the file's bytes, in hex
    PN_RULE_SETS_MAX = 1000          // that one list gives
};
#define PN_RULES_INSTALLATION "installation" // who promoted number 1

// Texts live in the arena that was given.
struct pn_rule_set {
    int64_t number; // from 1
    struct pn_slice fingerprint, text, file, promoted_by;
    int64_t at_ms;
    int64_t backtest_ms; // at_ms of the backtest that allowed it; 0: none
};
struct pn_backtest {
    struct pn_slice fingerprint, made_by, figures; // figures: JSON
    int64_t from_ms, to_ms, at_ms;
};

void pn_rules_fingerprint(struct pn_slice text,
                          char ret_fingerprint[static PN_RULES_FINGERPRINT_BYTES]);

// 0: there is none yet.
PN_MUST_USE enum pn_code pn_rule_sets_newest(struct pn_store *store, int64_t *ret_number,
                                             struct pn_err *err);
// The set of that number; 0: the newest. PN_NOT_FOUND.
PN_MUST_USE enum pn_code pn_rule_set_read(struct pn_store *store, struct pn_arena *arena,
                                          int64_t number, struct pn_rule_set *ret_set,
                                          struct pn_err *err);
// Newest first, without their texts.
PN_MUST_USE enum pn_code pn_rule_sets_list(struct pn_store *store, struct pn_arena *arena,
                                           struct pn_rule_set ret_sets[static PN_RULE_SETS_MAX],
                                           unsigned *ret_count, struct pn_err *err);
// In the open transaction, or by itself. PN_CONFLICT when another process has added that number.
PN_MUST_USE enum pn_code pn_rule_set_add(struct pn_store *store, const struct pn_rule_set *set,
                                         struct pn_err *err);

// The newest backtest of the file with that fingerprint. PN_NOT_FOUND.
PN_MUST_USE enum pn_code pn_backtest_find(struct pn_store *store, struct pn_arena *arena,
                                          struct pn_slice fingerprint,
                                          struct pn_backtest *ret_backtest, struct pn_err *err);
PN_MUST_USE enum pn_code pn_backtest_add(struct pn_store *store, const struct pn_backtest *backtest,
                                         struct pn_err *err);

// --- Following -----------------------------------------------------------------------------------

// The rule set in use, as a process has it in memory.
struct pn_rules_follower;

struct pn_rules_follower_options {
    struct pn_store *store; // outlives the follower
    // The configuration's file: the first set, when there is none.
    const char *rules_file;
    // May write: then the first set is added, in a transaction of its own. Else PN_NOT_FOUND.
    bool makes_first;
};
// PN_INVALID names the place of a mistake in the set.
PN_MUST_USE enum pn_code pn_rules_follower_open(const struct pn_rules_follower_options *options,
                                                struct pn_rules_follower **ret_follower,
                                                struct pn_err *err);
void pn_rules_follower_close(struct pn_rules_follower *follower); // takes NULL

// The rules in use now, after a look into the store: inside a transaction what it sees. The same
// pointer as before when nothing is new; a pointer from before is dead when another one is given. A
// newer set that can't be read (another version of Punos has promoted it) is left alone:
// *ret_is_refused, with err filled, once for each.
PN_MUST_USE enum pn_code pn_rules_follow(struct pn_rules_follower *follower,
                                         const struct pn_ruleset **ret_rules, bool *ret_is_refused,
                                         struct pn_err *err);
// What was in use after the last look.
const struct pn_ruleset *pn_rules_followed(const struct pn_rules_follower *follower);
// When it was promoted.
int64_t pn_rules_followed_since_ms(const struct pn_rules_follower *follower);

#endif
