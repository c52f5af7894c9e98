// SPDX-License-Identifier: Apache-2.0
/*
 * Feedback's figures out of identify's store, for the API and the command line. Reads only.
 */
#ifndef PN_IDENTIFY_FEEDBACK_READ_H
#define PN_IDENTIFY_FEEDBACK_READ_H

#include "base/err.h"
#include "conf/config.h"
#include "services/identify/feedback/feedback.h"

struct pn_feedback_reader;
struct pn_ruleset; // services/identify/rules/rules.h
struct pn_teams;   // services/identify/worklist/teams.h

// PN_UNAVAILABLE until the identify service has made its store.
PN_MUST_USE enum pn_code pn_feedback_reader_open(const struct pn_config *config,
                                                 struct pn_feedback_reader **ret_reader,
                                                 struct pn_err *err);
void pn_feedback_reader_close(struct pn_feedback_reader *reader); // takes NULL

struct pn_feedback_query {
    int64_t from_ms, to_ms; // risings told in it, `to` not included
    int64_t as_of_ms;       // followed until then; at least to_ms makes sense
    struct pn_slice unit, team;
    // As in struct pn_feedback_options.
    void (*judged)(void *context, int64_t client, enum pn_case_state state, int64_t at_ms);
    void *context;
};
// The result lives until the next read.
PN_MUST_USE enum pn_code pn_feedback_read(struct pn_feedback_reader *reader,
                                          const struct pn_feedback_query *query,
                                          struct pn_feedback_result *ret_result,
                                          struct pn_err *err);

// The same in parts, for a process that has other things to do: a call reads for `work_ms_max`, and
// one part more at most, of a county-year some milliseconds. Any other read of the reader gives it
// up. After the part that is the last comes the end.
PN_MUST_USE enum pn_code pn_feedback_read_begin(struct pn_feedback_reader *reader,
                                                const struct pn_feedback_query *query,
                                                struct pn_err *err);
PN_MUST_USE enum pn_code pn_feedback_read_some(struct pn_feedback_reader *reader, int work_ms_max,
                                               bool *ret_is_last, struct pn_err *err);
PN_MUST_USE enum pn_code pn_feedback_read_end(struct pn_feedback_reader *reader,
                                              struct pn_feedback_result *ret_result,
                                              struct pn_err *err);
// The rules in use, for titles; NULL when there are none yet.
const struct pn_ruleset *pn_feedback_reader_rules(const struct pn_feedback_reader *reader);

// The reasons' names; never NULL.
const struct pn_teams *pn_feedback_reader_teams(const struct pn_feedback_reader *reader);

// A year, month or day by when it begins in Finland, or a moment with its zone. False: none of
// these.
PN_MUST_USE bool pn_feedback_time_parse(struct pn_slice text, int64_t *ret_time_ms);
// The span that is meant when none is given: the twelve months up to now.
void pn_feedback_query_default(int64_t now_ms, struct pn_feedback_query *ret_query);

#endif
