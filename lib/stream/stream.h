// SPDX-License-Identifier: Apache-2.0
/*
 * The event stream: partitioned, ordered per key, kept. Kafka at scale, SQLite on one machine; the
 * same behaviour, shown by one test suite run over both.
 *
 * Producing: pn_stream_append returns only when every record is durable (Kafka: acks=all and the
 * delivery report; SQLite: committed with a sync). So batch: whatever has gathered while the last
 * append ran goes into the next one.
 *
 * Consuming: positions are kept by the caller, in its own store, in the transaction that holds what
 * was derived from the records. So the stream never commits positions itself. When partitions are
 * assigned the `load_position` callback says where to start. Partition = murmur2 of the key (as
 * Kafka's default partitioner), so one client's events are in one partition and in order.
 *
 * Embedded: DATA/stream/stream.db, shared by the processes of one machine; a writer waits its turn
 * for a bounded time and then answers PN_UNAVAILABLE. An event id that the topic already holds is
 * not appended again. One consumer per group at a time reads all partitions: a second one of the
 * same group is refused with PN_CONFLICT until the first closes or dies. Kafka: any number of
 * processes share a group's partitions (cooperative-sticky), and duplicates may stand on the
 * stream.
 *
 * A position past the end (the stream was replaced by a younger one) or before the oldest kept
 * record starts from the oldest: events seen twice are dropped by the consumer, none is skipped.
 *
 * A handle belongs to one thread. It survives a broker that is away: calls answer PN_UNAVAILABLE
 * and may be tried again; a record whose append answered PN_UNAVAILABLE may have arrived all the
 * same, therefore consumers drop duplicates by event id.
 */
#ifndef PN_STREAM_STREAM_H
#define PN_STREAM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/config.h"
#include "event/event.h"

#define PN_TOPIC_EVENT "punos.event.v1"
#define PN_TOPIC_TRIGGER "punos.trigger.v1"
#define PN_TOPIC_PLAN "punos.plan.v1"
#define PN_TOPIC_DELIVERY "punos.delivery.v1"
#define PN_TOPIC_QUARANTINE "punos.quarantine.v1"

struct pn_stream;
struct pn_consumer;

PN_MUST_USE enum pn_code pn_stream_open(const struct pn_config *config,
                                        struct pn_stream **ret_stream, struct pn_err *err);
void pn_stream_close(struct pn_stream *stream); // takes NULL

// Makes the topics that are missing, with the configured number of partitions.
PN_MUST_USE enum pn_code pn_stream_create_topics(struct pn_stream *stream, struct pn_err *err);

struct pn_record_out {
    const char *topic;
    struct pn_event event; // key = event.subject; id must be a UUID
};
// All durable, or an error after which some may be. At most PN_BATCH_EVENTS_MAX records.
// PN_NOT_FOUND when a topic does not exist, PN_LIMIT when data is over PN_EVENT_BYTES_MAX or an
// attribute over PN_STREAM_ATTRIBUTE_BYTES_MAX.
enum { PN_STREAM_ATTRIBUTE_BYTES_MAX = 4096 };
PN_MUST_USE enum pn_code pn_stream_append(struct pn_stream *stream,
                                          const struct pn_record_out *records, size_t record_count,
                                          struct pn_err *err);

// Removes records older than the configured retention, at most some thousands in one call:
// *ret_more tells that there are others. Kafka prunes by itself: nothing is done there.
PN_MUST_USE enum pn_code pn_stream_prune(struct pn_stream *stream, bool *ret_more,
                                         struct pn_err *err);

struct pn_record {
    const char *topic; // lives as long as the consumer
    int32_t partition;
    int64_t offset;
    struct pn_event event; // valid until the next poll
};

struct pn_consumer_options {
    const char *group; // the station's name
    // Which of the group's processes this is, the same after a restart, or NULL. Kafka gives such a
    // member its partitions back at once; one without a name waits until the group has missed it.
    const char *instance;
    const char *const *topics;
    unsigned topic_count;
    // Reads a share of the partitions whatever else the group does: those whose number modulo
    // share_count is share. 0: the group hands them out.
    unsigned share, share_count;
    // The offset to read next; 0 from the start. Called when a partition is assigned.
    enum pn_code (*load_position)(void *context, const char *topic, int32_t partition,
                                  int64_t *ret_next_offset, struct pn_err *err);
    void *context;
};
// A load_position for whoever keeps none: everything that the topics hold. `context` is not used.
PN_MUST_USE enum pn_code pn_stream_from_start(void *context, const char *topic, int32_t partition,
                                              int64_t *ret_next_offset, struct pn_err *err);
PN_MUST_USE enum pn_code pn_consumer_open(struct pn_stream *stream,
                                          const struct pn_consumer_options *options,
                                          struct pn_consumer **ret_consumer, struct pn_err *err);
void pn_consumer_close(struct pn_consumer *consumer); // takes NULL

// Waits up to timeout_ms for the first record, then returns what is there, at most record_max. A
// time-out is PN_OK with 0 records.
PN_MUST_USE enum pn_code pn_consumer_poll(struct pn_consumer *consumer, int timeout_ms,
                                          struct pn_record *ret_records, size_t record_max,
                                          size_t *ret_count, struct pn_err *err);
// A descriptor that becomes readable when pn_consumer_poll may find something, for an event loop;
// the consumer owns it. Poll until 0 records before waiting on it, and poll now and then all the
// same (once a second: that also keeps the group alive). -1 when there is none.
int pn_consumer_fd(const struct pn_consumer *consumer);
// After a failed transaction: read again from the stored positions.
PN_MUST_USE enum pn_code pn_consumer_rewind(struct pn_consumer *consumer, struct pn_err *err);
// How many records lie between what was polled last and the end, over the assigned partitions.
int64_t pn_consumer_lag(struct pn_consumer *consumer);

#endif
