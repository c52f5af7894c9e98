// SPDX-License-Identifier: Apache-2.0
/*
 * What the processes of a backtest share. Nobody else includes it.
 */
#ifndef PN_IDENTIFY_BACKTEST_PARTS_H
#define PN_IDENTIFY_BACKTEST_PARTS_H

#include "services/identify/backtest/backtest.h"

enum pn_backtest_phase { PN_BACKTEST_READS, PN_BACKTEST_SORTS, PN_BACKTEST_EVALUATES };

// In memory that all see; each worker writes its own.
struct pn_backtest_report {
    volatile enum pn_backtest_phase phase;
    volatile int64_t done, all;
    struct pn_err err;
    struct pn_backtest_totals totals;
};

// Files in memory that one worker writes and another (or the parent) reads.
enum pn_backtest_output { PN_OUTPUT_CLIENTS, PN_OUTPUT_ARRIVALS, PN_OUTPUT_UNITS, PN_OUTPUT_COUNT };
struct pn_backtest_pipes {
    int claims[PN_BACKTEST_WORKERS_MAX][PN_BACKTEST_WORKERS_MAX]; // from, to
    int moved[PN_BACKTEST_WORKERS_MAX][PN_BACKTEST_WORKERS_MAX];
    int outputs[PN_BACKTEST_WORKERS_MAX][PN_OUTPUT_COUNT];
    int arrived[2];                        // each worker writes a byte, the parent reads
    int go_on[PN_BACKTEST_WORKERS_MAX][2]; // and the other way round
    uint64_t *seen[PN_BACKTEST_WORKERS_MAX];
    struct pn_backtest_report *reports; // of each worker
};

// The whole life of worker `me`. The error stands in its report.
PN_MUST_USE enum pn_code pn_backtest_work(const struct pn_backtest_plan *plan,
                                          const struct pn_backtest_pipes *pipes, unsigned me);

// Evaluation of one client after the other.
struct pn_backtest_judge;
PN_MUST_USE enum pn_code pn_backtest_judge_new(const struct pn_backtest_plan *plan,
                                               struct pn_backtest_judge **ret_judge,
                                               struct pn_err *err);
void pn_backtest_judge_free(struct pn_backtest_judge *judge); // takes NULL
// Adds to the totals and writes what the outputs take.
PN_MUST_USE enum pn_code
pn_backtest_judge_client(struct pn_backtest_judge *judge, const struct pn_heap_client *client,
                         const struct pn_fact_entry *facts, struct pn_backtest_totals *totals,
                         FILE *const outputs[static PN_OUTPUT_COUNT], struct pn_err *err);

#endif
