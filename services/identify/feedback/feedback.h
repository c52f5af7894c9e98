// SPDX-License-Identifier: Apache-2.0
/*
 * What has come of triggers: figures per rule, version and unit, and skew by age, sex and language.
 * Pure: rows go in, figures come out. feedback_read.h reads the rows from identify's store.
 *
 * What is counted are risings: a rule began to hold for a client, and it was told, inside the span.
 * Each is followed from then until the moment of asking:
 *   looked at      a person has changed the state of the client's case while the rule was among
 *                  those that held (the case left `new`). Where the case had its decision before
 *                  the rule rose nobody is asked to look again, unless the case begins anew (it
 *                  leaves the decision for `new`): `decided` counts those, and the time to first
 *                  look leaves them out. Else it runs from the telling, or from when the case began
 *                  after it; of a name that a team's budget held back, from when it was shown:
 *                  nobody waits for a look before that. A case that becomes new by a merge begins
 *                  nothing anew.
 *   accepted       the last state that a person gave is in-discussion, consents, thinking or
 *                  has-worker: a professional took the client to be one.
 *   refused        it is refuses: the client's own choice. The rule had found the right one.
 *   not relevant   it is not-relevant, for whatever reason.
 *   value          (accepted + refused) / (accepted + refused + not relevant): the positive
 *                  predictive value. Those that nobody has judged are on neither side.
 * Once a rising was looked at, what is said of the case later counts for it too, also when the rule
 * has lapsed meanwhile, until the case begins anew.
 *
 * docs/FEEDBACK.md tells why, and what the figures can't tell.
 */
#ifndef PN_IDENTIFY_FEEDBACK_H
#define PN_IDENTIFY_FEEDBACK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "services/identify/feedback/feedback_figures.h"
#include "services/identify/worklist/worklist_read.h"

enum {
    PN_FEEDBACK_RULES_MAX = 256,   // different rules, those of long ago too
    PN_FEEDBACK_CELLS_MAX = 16384, // rule, version, unit
    PN_FEEDBACK_REASONS_MAX = 16,  // different ones in a cell; the rest is counted as "other"
    PN_FEEDBACK_RISINGS_MAX = 2000000,
    PN_FEEDBACK_LEAST = 5,       // hits, below which a cell about age, sex or language is not shown
    PN_FEEDBACK_WATCH_LEAST = 20 // flagged clients, below which no group is watched
};

enum pn_sex { PN_SEX_UNKNOWN, PN_SEX_FEMALE, PN_SEX_MALE, PN_SEX_OTHER, PN_SEX_COUNT };
enum pn_tongue { PN_TONGUE_UNKNOWN, PN_TONGUE_FI, PN_TONGUE_SV, PN_TONGUE_OTHER, PN_TONGUE_COUNT };
enum pn_sex pn_sex_parse(struct pn_slice code);       // FHIR's; unknown for anything else
enum pn_tongue pn_tongue_parse(struct pn_slice code); // CodeSystem language-group

// --- In ------------------------------------------------------------------------------------------

struct pn_feedback;

struct pn_feedback_options {
    struct pn_arena *arena; // everything lives there
    int64_t from_ms, to_ms; // risings told in it, `to` not included
    int64_t as_of_ms;       // they are followed until then
    struct pn_slice unit;   // only risings of it; empty: any
    struct pn_slice team;
    // May be NULL. Else nothing is added up: it is given each client of whom something rose in the
    // span that a person has looked at, and the last word that counts for it (`seen` is one too).
    void (*judged)(void *context, int64_t client, enum pn_case_state state, int64_t at_ms);
    void *context;
};
PN_MUST_USE struct pn_feedback *pn_feedback_new(const struct pn_feedback_options *options);

// A row of trigger_log. The texts are copied.
struct pn_feedback_told {
    int64_t client, at_ms; // at_ms: when it was told
    struct pn_slice rule, unit, team;
    int64_t version;
    enum pn_trigger_state happening;
    int birth_year; // 0: not known
    enum pn_sex sex;
    enum pn_tongue tongue;
};
// A row of case_log.
struct pn_feedback_case {
    int64_t client, at_ms;
    enum pn_case_state state;
    bool is_by_person;      // not by the service
    struct pn_slice rules;  // that held then, comma between
    struct pn_slice reason; // coded; the service's own as in case_log.h
};
// Rows in order of client, then time, those of trigger_log first. PN_LIMIT: a bound above.
PN_MUST_USE enum pn_code pn_feedback_add_told(struct pn_feedback *feedback,
                                              const struct pn_feedback_told *told,
                                              struct pn_err *err);
PN_MUST_USE enum pn_code pn_feedback_add_case(struct pn_feedback *feedback,
                                              const struct pn_feedback_case *row,
                                              struct pn_err *err);
// `count` of the hub's clients are so. Skew is told when there are any.
void pn_feedback_add_people(struct pn_feedback *feedback, int birth_year, enum pn_sex sex,
                            enum pn_tongue tongue, int64_t count);
// Whom the rule is about: years of age reached in the year of `to`; to_years 0: no end. Others are
// none of those whom it could have flagged.
PN_MUST_USE enum pn_code pn_feedback_add_scope(struct pn_feedback *feedback, struct pn_slice rule,
                                               int64_t from_years, int64_t to_years,
                                               struct pn_err *err);

// --- Out -----------------------------------------------------------------------------------------

struct pn_feedback_reason {
    struct pn_slice code;
    bool is_refusal; // else of not-relevant
    int64_t count;
};

struct pn_feedback_cell {
    struct pn_slice rule;
    int64_t version;
    bool is_all_units; // the sum of the rule and version
    struct pn_slice unit;
    int64_t fired, lapsed, retracted, decided, looked;
    int64_t accepted, refused, not_relevant;
    bool has_value;
    struct pn_interval value;
    int64_t look_median_ms, look_p90_ms; // -1: not so many have been looked at
    struct pn_feedback_reason reasons[PN_FEEDBACK_REASONS_MAX];
    unsigned reason_count;
};

enum pn_feedback_dimension { PN_BY_AGE, PN_BY_SEX, PN_BY_LANGUAGE, PN_BY_COUNT };
enum pn_feedback_watch { PN_WATCH_NONE, PN_WATCH_LESS, PN_WATCH_MORE };

// A group's share of flagged clients beside that of all whom the rule is about.
struct pn_feedback_group {
    enum pn_feedback_dimension dimension;
    const char *name;      // "18-29", "female", "sv", "unknown"
    bool is_hidden;        // too few: of the following only `watch` counts
    struct pn_share share; // flagged of known
    bool has_ratio;
    struct pn_interval ratio;
    enum pn_feedback_watch watch; // the ratio's interval lies wholly outside the band
};
// Ours: no document gives a band.
#define PN_FEEDBACK_BAND_LOW 0.8
#define PN_FEEDBACK_BAND_HIGH 1.25

enum { PN_FEEDBACK_GROUPS_MAX = 24 };

struct pn_feedback_skew {
    struct pn_slice rule; // empty: any of the rules
    struct pn_share whole;
    struct pn_feedback_group groups[PN_FEEDBACK_GROUPS_MAX];
    unsigned group_count;
    unsigned watched;
};

struct pn_feedback_result {
    // By rule and version, the sum first, then by unit.
    const struct pn_feedback_cell *const *cells;
    unsigned cell_count;
    const struct pn_feedback_skew *skews; // any rule first
    unsigned skew_count;                  // 0: not told (a unit or team was asked for)
};
// Once, after everything was added.
PN_MUST_USE enum pn_code pn_feedback_finish(struct pn_feedback *feedback,
                                            struct pn_feedback_result *ret_result,
                                            struct pn_err *err);

const char *pn_feedback_dimension_name(enum pn_feedback_dimension dimension); // "age"
const char *pn_feedback_watch_name(enum pn_feedback_watch watch);             // "less"; ""

#endif
