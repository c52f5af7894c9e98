// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the work list's reader share. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_WORKLIST_PARTS_H
#define PN_IDENTIFY_WORKLIST_PARTS_H

#include "services/identify/evaluate/evaluate.h"
#include "services/identify/rules/rule_sets.h"
#include "services/identify/triggers/sources.h"
#include "services/identify/worklist/worklist_read.h"
#include "store/store.h"

struct pn_worklist {
    struct pn_store *store;
    struct pn_arena *boot;
    struct pn_arena *facts;
    struct pn_rules_follower *follower; // NULL: the service has kept no rules yet
    const char *rules_file;
    const struct pn_ruleset *rules; // NULL: triggers show as they were told last
    struct pn_evaluator *evaluator;
    struct pn_fact_entry gathered[PN_CLIENT_FACTS_MAX];
    struct pn_sources sources; // as of the last gathering
    struct pn_finding finding;
};

// The client's facts to `gathered` and to the evaluator, and what there is to know of their
// sources.
PN_MUST_USE enum pn_code pn_worklist_gather(struct pn_worklist *worklist, int64_t client,
                                            int *ret_birth_year, struct pn_err *err);

// The rules in use, at first; `path` is the configuration's file.
void pn_worklist_open_rules(struct pn_worklist *worklist, const char *path);
// The rules in use now: once in each call of the reader, first. What is returned of them is copied.
void pn_worklist_follow_rules(struct pn_worklist *worklist);

#endif
