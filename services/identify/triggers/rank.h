// SPDX-License-Identifier: Apache-2.0
/*
 * The rank of a client's Flag: docs/OPERATING.md tells the formula to people.
 *
 * Each rule that holds has its weight, halved for each PN_RANK_HALF_WEEKS weeks since the newest
 * event that it counted. One event that is enough for two rules weighs once: of rules for which one
 * is enough, one whose events another such rule of at least its weight counted too adds nothing.
 * The sum is multiplied by one more than the number of sectors that the
 * counted events are of. As every client's sum is halved at the same pace, the order of clients
 * does not change by time alone; so the rank is told as a moment: the newest week plus the sum's
 * logarithm, in thousandths of a week. Twice the sum is PN_RANK_HALF_WEEKS weeks more. Integers
 * only: every machine and store comes to the same. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_RANK_H
#define PN_IDENTIFY_RANK_H

#include "services/identify/evaluate/evaluate.h"

enum { PN_RANK_HALF_WEEKS = 12 };

// What a rule that holds adds.
struct pn_rank_share {
    int64_t weight;
    int64_t week;     // of the newest event counted, since 1970
    uint32_t sectors; // 1 << enum pn_sector
};
struct pn_rank_share pn_rank_share_of(const struct pn_finding *finding,
                                      const struct pn_fact_entry *facts, int64_t weight);

struct pn_rank {
    struct pn_rank_share shares[PN_RULES_MAX];
    unsigned count;
    // Of the shares by place; all of a rule for which one event is not enough are 0.
    uint64_t marks[PN_RULES_MAX][PN_CLIENT_FACTS_MAX / 64];
    unsigned once_count; // for which one is
};
void pn_rank_clear(struct pn_rank *rank);
// PN_RULES_MAX of them. `finding` of a rule for which one event is enough, else NULL.
void pn_rank_add(struct pn_rank *rank, struct pn_rank_share share,
                 const struct pn_finding *finding);
int64_t pn_rank_value(const struct pn_rank *rank); // 0 without a share

#endif
