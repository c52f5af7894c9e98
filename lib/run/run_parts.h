// SPDX-License-Identifier: Apache-2.0
/*
 * The parts of the skeleton, private to this folder: the run, the batch, duplicates, the outbox.
 */
#ifndef PN_RUN_PARTS_H
#define PN_RUN_PARTS_H

#include "run/run.h"

enum {
    PN_RUN_PARTITIONS_MAX = 4096, // of all topics that one process consumes
    PN_RUN_BACKOFF_FIRST_MS = 50,
    PN_RUN_BACKOFF_MAX_MS = 15000,
    PN_RUN_POLLS_MAX = 32,           // in one transaction, while a service catches up
    PN_RUN_TRANSACTION_MS_MAX = 500, // after which no further poll is taken into it
    PN_RUN_WORK_MS_MAX = 200         // of batches in a row before sockets get their turn
};

// --- Positions (position.c) ----------------------------------------------------------------------

struct pn_position {
    const char *topic; // lives as long as the service
    int32_t partition;
    int64_t stored; // as the store has it; -1: no row yet
    int64_t next;   // as this batch makes it
    bool is_changed;
};

struct pn_positions {
    struct pn_position rows[PN_RUN_PARTITIONS_MAX];
    unsigned count;
};

// --- The outbox (outbox.c) -----------------------------------------------------------------------

// Where a row stands: microseconds of its writing, made to grow, and the event's id.
struct pn_outbox_key {
    int64_t seq;
    uint8_t id[16];
};

struct pn_outbox {
    bool is_dirty;                                     // there may be rows to relay
    struct pn_outbox_key relayed[PN_BATCH_EVENTS_MAX]; // on the stream, still in the store
    unsigned relayed_count;
};

struct pn_run {
    const struct pn_service *service;
    const struct pn_config *config;
    void *state;
    bool is_started;
    struct event_base *base;
    struct event *step_event, *consumer_event, *wake_event, *second_event, *tick_event;
    struct event *signal_events[2];
    struct pn_store *store;
    struct pn_stream *stream;
    struct pn_consumer *consumer;
    struct pn_privacy *privacy;
    struct pn_arena *arena;       // of one event
    struct pn_arena *relay_arena; // of one relayed batch
    struct pn_metrics_file *metrics;
    struct pn_record *records; // PN_BATCH_EVENTS_MAX
    size_t record_count;
    bool *is_dropped;                // by record: a duplicate
    const struct pn_record *current; // the event being handled
    unsigned emit_count;             // how many it has emitted
    struct pn_positions positions;
    struct pn_outbox outbox;
    char source[64];
    char instance[160];
    bool stops;
    bool needs_rewind;
    int64_t seen_prune_ms; // when ids that were seen long ago are to be dropped next (monotonic)
    unsigned single_left;  // so many batches have a transaction of their own
    bool is_waiting;       // the back-off is running
    int exit_status;
    int64_t backoff_ms;
};

// The position row of a partition, NULL when there are too many.
struct pn_position *pn_position_of(struct pn_run *run, const char *topic, int32_t partition);
// The consumer's callback; `context` is the run.
enum pn_code pn_position_load(void *context, const char *topic, int32_t partition,
                              int64_t *ret_next_offset, struct pn_err *err);
// Takes note of how far the batch in hand goes.
PN_MUST_USE enum pn_code pn_positions_note(struct pn_run *run, struct pn_err *err);
// Writes what was noted, each only when the store still has what was read: PN_CONFLICT when
// another process has taken the partition over.
PN_MUST_USE enum pn_code pn_positions_save(struct pn_run *run, struct pn_err *err);
void pn_positions_committed(struct pn_run *run);
void pn_positions_rolled_back(struct pn_run *run);

enum { PN_SEEN_DAYS_MAX = 30, PN_SEEN_PRUNED_MAX = 2 * PN_BATCH_EVENTS_MAX };

// Marks run->is_dropped for the batch's events that were done before, and stores the ids of the
// rest. An id is kept for PN_SEEN_DAYS_MAX: a producer or a relay that appends an event again does
// so within its retries, or when it is back after an outage. At most PN_SEEN_PRUNED_MAX are dropped
// in one batch, which is more than a batch brings.
PN_MUST_USE enum pn_code pn_dedupe(struct pn_run *run, struct pn_err *err);

// After start: rows that an earlier process left are relayed first.
PN_MUST_USE enum pn_code pn_outbox_start(struct pn_run *run, struct pn_err *err);
// Sets the metric of how many rows wait, counted up to 10,000.
void pn_outbox_measure(struct pn_run *run);
// In the open transaction: forgets the rows that are on the stream.
PN_MUST_USE enum pn_code pn_outbox_drop_relayed(struct pn_run *run, struct pn_err *err);
// Outside of a transaction: puts rows on the stream, at most a batch. *ret_more: there are others.
PN_MUST_USE enum pn_code pn_outbox_relay(struct pn_run *run, bool *ret_more, struct pn_err *err);

// One batch from poll to commit. *ret_count is how many events it had.
enum pn_verdict pn_batch_step(struct pn_run *run, size_t *ret_count, struct pn_err *err);
enum pn_verdict pn_tick_step(struct pn_run *run, struct pn_err *err);
void pn_run_rollback(struct pn_run *run);

#endif
