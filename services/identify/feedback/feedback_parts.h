// SPDX-License-Identifier: Apache-2.0
/*
 * What feedback.c and feedback_skew.c share. Nobody else includes it.
 */
#ifndef PN_IDENTIFY_FEEDBACK_PARTS_H
#define PN_IDENTIFY_FEEDBACK_PARTS_H

#include "services/identify/feedback/feedback.h"

enum {
    PN_FEEDBACK_AGES = 132, // years; the last one: not known
    PN_FEEDBACK_AGE_GROUPS = 7
};

// Flagged clients of one rule by group.
struct pn_feedback_flagged {
    int64_t all;
    int64_t by_age[PN_FEEDBACK_AGES];
    int64_t by_sex[PN_SEX_COUNT];
    int64_t by_tongue[PN_TONGUE_COUNT];
};

struct pn_feedback_rule {
    struct pn_slice id;
    int64_t from_years, to_years; // of its scope
    bool has_scope;               // it is among today's rules
    bool is_counted;              // the client being added up was flagged by it
    struct pn_feedback_flagged flagged;
};

struct pn_feedback_people {
    int64_t by[PN_FEEDBACK_AGES][PN_SEX_COUNT][PN_TONGUE_COUNT];
    int64_t all;
};

// Years reached in the year of `to_ms`, as a place in by[].
unsigned pn_feedback_age(int birth_year, int64_t to_ms);
void pn_feedback_flag(struct pn_feedback_flagged *flagged, unsigned age, enum pn_sex sex,
                      enum pn_tongue tongue);
void pn_feedback_skew_of(const struct pn_feedback_rule *rule,
                         const struct pn_feedback_people *people,
                         struct pn_feedback_skew *ret_skew);

#endif
