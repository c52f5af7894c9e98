// SPDX-License-Identifier: Apache-2.0
/*
 * The statistics of feedback: pure functions over counts. All intervals are of PN_FEEDBACK_LEVEL.
 */
#ifndef PN_IDENTIFY_FEEDBACK_FIGURES_H
#define PN_IDENTIFY_FEEDBACK_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define PN_FEEDBACK_LEVEL 0.95

struct pn_interval {
    double value, low, high;
};

// `hits` of `of`: the Wilson score interval, without continuity correction (E. B. Wilson 1927): it
// stays inside 0…1 and is honest with a handful of cases. False when `of` is 0.
PN_MUST_USE bool pn_interval_share(int64_t hits, int64_t of, struct pn_interval *ret_interval);

// How many of how many.
struct pn_share {
    int64_t hits, of;
};
// The share of a part over the share of the whole that it belongs to. The interval is made on the
// logarithm by the delta method, with the overlap of the two taken into account. A part, and
// a rest, without a hit counts as half of one. False when the whole has no hit or the part nobody.
PN_MUST_USE bool pn_interval_ratio(struct pn_share part, struct pn_share whole,
                                   struct pn_interval *ret_interval);

// Something waited for: until it came, or until one stopped looking without it having come.
struct pn_wait {
    int64_t ms;
    bool has_come;
};
// The time by which it has come in `per_mille` of the cases, by Kaplan and Meier's estimate: cases
// in which it has not come yet count for as long as they have waited. Without such cases that is
// the nearest-rank percentile. `waits` in order of ms. False while it has not come so often.
PN_MUST_USE bool pn_wait_quantile(const struct pn_wait *waits, unsigned count, unsigned per_mille,
                                  int64_t *ret_ms);

// Cells of one table row whose sum is known (or can be). A cell is hidden when it has less than
// `least` hits, or less than `least` that are none; and when what is hidden could be told from the
// rest, because it is one cell or holds less than `least` hits together, the smallest one that is
// left is hidden too. Cells without anybody are neither. At most PN_SHARE_CELLS_MAX cells.
enum { PN_SHARE_CELLS_MAX = 16 };
void pn_shares_hide(const struct pn_share *cells, unsigned count, int64_t least,
                    bool ret_is_hidden[static PN_SHARE_CELLS_MAX]);

#endif
