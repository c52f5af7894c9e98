// SPDX-License-Identifier: Apache-2.0
/*
 * What a backtest takes out of identify's store: before it runs the rules in use and who is one
 * client; after it what professionals have said, and how far the service itself had come. Arrays
 * live in the arena.
 */
#ifndef PN_IDENTIFY_BACKTEST_STORE_H
#define PN_IDENTIFY_BACKTEST_STORE_H

#include "services/identify/backtest/backtest_figures.h"

PN_MUST_USE enum pn_code pn_backtest_read_rules(struct pn_store *store, struct pn_arena *arena,
                                                struct pn_backtest_plan *plan, struct pn_err *err);
PN_MUST_USE enum pn_code pn_backtest_read_aliases(struct pn_store *store, struct pn_arena *arena,
                                                  struct pn_backtest_plan *plan,
                                                  struct pn_err *err);
// As feedback counts them (feedback.h): of triggers that were told to have risen inside the plan's
// period, and what was said until now. Of each client, under the number that it has today, the last
// word. The plan's aliases are read.
PN_MUST_USE enum pn_code pn_backtest_read_verdicts(const struct pn_backtest_plan *plan,
                                                   struct pn_arena *arena,
                                                   struct pn_backtest_input *input,
                                                   struct pn_err *err);
// How many events of those that the backtest has read the service has not handled by now.
PN_MUST_USE enum pn_code pn_backtest_read_behind(struct pn_store *store,
                                                 const struct pn_backtest_totals *totals,
                                                 int64_t *ret_events, struct pn_err *err);

#endif
