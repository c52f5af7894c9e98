// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the work list of flagged clients and their triggers from another process (the API).
 *
 * A trigger says that a rule's threshold was reached, with the events that were counted: it is a
 * suggestion for a person to look at, never a decision (GDPR art. 22). Whatever is returned lives
 * in the arena given. Ask privacy/access.h before showing anything: a trigger over specially
 * protected events is itself such data.
 */
#ifndef PN_WORKLIST_READ_H
#define PN_WORKLIST_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "conf/config.h"
#include "privacy/access.h"
#include "services/identify/triggers/trigger_state.h"

struct pn_worklist;

// PN_UNAVAILABLE until the identify service has made its store.
PN_MUST_USE enum pn_code pn_worklist_open(const struct pn_config *config,
                                          struct pn_worklist **ret_worklist, struct pn_err *err);
void pn_worklist_close(struct pn_worklist *worklist); // takes NULL

// Where the work with a flagged client stands. Refusing and thinking it over are states of their
// own. `lapsed` is set by the service when nothing holds that could begin the case and nobody has.
enum pn_case_state {
    PN_CASE_NEW,
    PN_CASE_SEEN,
    PN_CASE_IN_DISCUSSION,
    PN_CASE_CONSENTS,
    PN_CASE_REFUSES,
    PN_CASE_THINKING,
    PN_CASE_HAS_WORKER,
    PN_CASE_NOT_RELEVANT,
    PN_CASE_LAPSED,
    PN_CASE_STATE_COUNT
};
const char *pn_case_state_name(enum pn_case_state state);     // "in-discussion"
enum pn_case_state pn_case_state_parse(struct pn_slice name); // PN_CASE_STATE_COUNT when none
// Whether a person may set `next` of a case in that state. A client's answer (consents, refuses,
// thinking) is set only of a case that somebody has looked at; not-relevant and the answers may be
// set again with another reason or date.
bool pn_case_may_become(enum pn_case_state state, enum pn_case_state next);

struct pn_trigger {
    struct pn_slice id; // DetectedIssue.id
    struct pn_slice rule_id;
    struct pn_slice title_fi, title_sv, title_en;
    int64_t rule_version;
    enum pn_trigger_state state;
    int64_t count, threshold; // how many were counted, how many it takes
    int64_t raised_ms;        // when it first held, in the clients' time (not the machine's)
    int64_t changed_ms;
    int64_t lapses_ms; // when it lapses if nothing more comes; 0: not by time
    bool is_support;   // of the rules in use: does not begin a case by itself
    // Of the events counted, 1 << each; sectors 0: not known; classes 0: ordinary.
    uint32_t sectors, classes;
    struct pn_slice data; // the DetectedIssue, JSON: evidence, counterfactual, texts
};

struct pn_case {
    char client[PN_CLIENT_KEY_TEXT_BYTES]; // today's key
    enum pn_case_state state;
    int64_t version;              // for pn_worklist_set_state: the ETag
    int64_t rank;                 // greater is more pressing
    int64_t first_ms, changed_ms; // when first flagged; when triggers or state last changed
    struct pn_slice set_by;       // who set the state; empty when the service did
    struct pn_slice unit, team;   // empty: not known, nobody's
    struct pn_slice reason;       // coded; empty: none
    int64_t again_ms;             // not before this on the list; 0: no date
    bool has_grounds;             // what holds could begin the case today
    int64_t ended_ms;             // when that ceased; 0: it has not
    bool is_in_error;             // that was withdrawn, and never ended by time
    bool is_held;                 // new, and its team has had its names of the week
    unsigned trigger_count;       // triggers that hold now
    const struct pn_trigger *triggers;
};

struct pn_worklist_filter {
    // 1 << enum pn_case_state, wherever they wait. 0: all but lapsed and not-relevant, without
    // those that are to come back later (again_ms) and clients who refuse and have no such date.
    uint32_t states;
    bool held_only;        // what a team's budget holds back, and nothing else; false: without it
    const char *teams;     // ids, a comma between; an empty place: nobody's; NULL: all of both
    const char *unit;      // NULL: any
    const char *rule_id;   // NULL: any
    struct pn_slice after; // cursor of the page before
};

enum { PN_WORKLIST_PAGE_MAX = 200, PN_WORKLIST_CURSOR_BYTES = 80 };

// A page, highest rank first, then by client key. *ret_next is "" after the last.
PN_MUST_USE enum pn_code pn_worklist_page(struct pn_worklist *worklist, struct pn_arena *arena,
                                          const struct pn_worklist_filter *filter,
                                          struct pn_case *ret_cases, unsigned case_max,
                                          unsigned *ret_count,
                                          char ret_next[static PN_WORKLIST_CURSOR_BYTES],
                                          struct pn_err *err);
// One client's, with lapsed and retracted triggers too. `client` may be any key of the client that
// the timeline's index resolves to today's. PN_NOT_FOUND when the client was never on the list.
PN_MUST_USE enum pn_code pn_worklist_case(struct pn_worklist *worklist, struct pn_arena *arena,
                                          struct pn_slice client, struct pn_case *ret_case,
                                          struct pn_err *err);
// The same of the triggers alone, for anybody: a client for whom only supporting rules held was
// never on the list. Of `ret_case` the client and the triggers count.
PN_MUST_USE enum pn_code pn_worklist_triggers(struct pn_worklist *worklist, struct pn_arena *arena,
                                              struct pn_slice client, struct pn_case *ret_case,
                                              struct pn_err *err);
// One trigger by its DetectedIssue id, and whose it is.
PN_MUST_USE enum pn_code pn_worklist_trigger(struct pn_worklist *worklist, struct pn_arena *arena,
                                             struct pn_slice id, struct pn_trigger *ret_trigger,
                                             char ret_client[static PN_CLIENT_KEY_TEXT_BYTES],
                                             struct pn_err *err);

// A rule that nearly holds for a client, and what would be enough for it: no trigger, nobody is
// told. Of facts as they are now; nothing of it is stored.
struct pn_near {
    struct pn_slice rule_id;
    struct pn_slice title_fi, title_sv, title_en;
    int64_t count, threshold;  // of what the rule tells first
    int64_t nearness;          // per mille of what it needs
    uint32_t sectors, classes; // of the events counted, 1 << each
    struct pn_slice data;      // a preliminary DetectedIssue, JSON
};
enum { PN_NEAR_MAX = 16 };
// Nearest first. None when the client has no events. `client` as in pn_worklist_case.
PN_MUST_USE enum pn_code pn_worklist_near(struct pn_worklist *worklist, struct pn_arena *arena,
                                          struct pn_slice client,
                                          struct pn_near ret_near[static PN_NEAR_MAX],
                                          unsigned *ret_count, struct pn_err *err);
PN_MUST_USE enum pn_code pn_worklist_counts(struct pn_worklist *worklist,
                                            int64_t ret_by_state[static PN_CASE_STATE_COUNT],
                                            struct pn_err *err);

// How many cases a team has, the held ones not among the new. Ordered by team; "" is nobody's.
struct pn_team_count {
    struct pn_slice team;
    int64_t by_state[PN_CASE_STATE_COUNT];
    int64_t held;
};
enum { PN_TEAM_COUNTS_MAX = 128 };
PN_MUST_USE enum pn_code pn_worklist_team_counts(struct pn_worklist *worklist,
                                                 struct pn_arena *arena,
                                                 struct pn_team_count *ret_counts,
                                                 unsigned *ret_count, struct pn_err *err);

// Units that no team has, of clients whose case is open: those with most first. "": not known.
struct pn_unit_count {
    struct pn_slice unit;
    int64_t open;
};
enum { PN_UNITS_WITHOUT_TEAM_MAX = 64 };
#define PN_WORKLIST_UNITS_WITHOUT_TEAM "punos_worklist_units_without_team" // their number: a gauge
PN_MUST_USE enum pn_code
pn_worklist_units_without_team(struct pn_worklist *worklist, struct pn_arena *arena,
                               struct pn_unit_count ret_units[static PN_UNITS_WITHOUT_TEAM_MAX],
                               unsigned *ret_count, struct pn_err *err);

// One change of a case's state.
struct pn_case_step {
    int64_t at_ms;
    int was; // -1: was not on the list
    enum pn_case_state state;
    struct pn_slice reason, by, unit, team, rules;
};
enum { PN_CASE_STEPS_MAX = 200 };
// The client's history, newest first, with that of identities that are part of the client.
PN_MUST_USE enum pn_code pn_worklist_history(struct pn_worklist *worklist, struct pn_arena *arena,
                                             struct pn_slice client, struct pn_case_step *ret_steps,
                                             unsigned *ret_count, struct pn_err *err);

// The client's one Flag, as FHIR (schemas/trigger.md): active while something holds that could
// begin the case. NULL when memory is exhausted.
cJSON *pn_worklist_flag(const struct pn_case *found) PN_MUST_USE;

#endif
