// SPDX-License-Identifier: Apache-2.0
/*
 * What the stream's tests share: a stream of its own for each test, events that can be told from
 * their number, a reader that checks everything it is given, other processes, a broker that goes
 * away.
 */
#ifndef PN_TESTS_STREAM_HARNESS_H
#define PN_TESTS_STREAM_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/stream_impl.h"

enum { PARTITIONS = 8, BATCH_MAX = 1000, EVENTS_MAX = 20000, CLIENTS = 20, PATIENCE_MS = 60000 };

struct reader {
    struct pn_consumer *consumer;
    int64_t positions[PARTITIONS]; // what load_position answers
    int count, duplicates;         // of the events read
    bool seen[EVENTS_MAX];
    int64_t last_offset[PARTITIONS];
    int last_of_client[CLIENTS];
    bool is_mixed; // several processes append: no order between their events
};

struct fixture {
    char folder[64];
    char prefix[64];
    struct pn_config config;
    struct pn_stream *stream;
};

struct child {
    pid_t pid;
    FILE *answers; // after each append that was acknowledged: the number that comes next
};

bool is_kafka(void);
void must(enum pn_code code, const struct pn_err *err);
void set_config(struct fixture *fixture);
int set_up(void **state);
int tear_down(void **state);
void must_fail(enum pn_code code, enum pn_code expected);
struct pn_record_out make_record(int number, struct pn_slice data);
enum pn_code append(struct pn_stream *stream, int first, int count, size_t bytes,
                    struct pn_err *err);
enum pn_code try_open(struct reader *reader, struct pn_stream *stream, const char *group,
                      struct pn_err *err);
struct reader *open_reader(struct pn_stream *stream, const char *group);
// Of the partitions those whose number modulo share_count is share.
struct reader *open_share(struct pn_stream *stream, const char *group, unsigned share,
                          unsigned share_count);
void forget(struct reader *reader);
void close_reader(struct reader *reader);
size_t poll_once(struct reader *reader, int timeout_ms, size_t record_max);
void read_until(struct reader *reader, int count);
void keep_positions(struct reader *reader);
struct child start_child(const struct fixture *fixture, int first, int count, int batch);
int end_child(struct child *child);
int run_child(char **arguments);
void control_broker(const char *command);
void append_at_last(struct pn_stream *stream, int first, int count);
void rewind_at_last(struct reader *reader);
int make_topics(char **arguments);

#endif
