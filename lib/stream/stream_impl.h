// SPDX-License-Identifier: Apache-2.0
/*
 * What an implementation of the stream supplies. Private to this folder.
 *
 * Each implementation's handles begin with these structs. Arguments have been checked by stream.c.
 */
#ifndef PN_STREAM_STREAM_IMPL_H
#define PN_STREAM_STREAM_IMPL_H

#include "stream/stream.h"

struct pn_stream_ops {
    enum pn_code (*open)(const struct pn_config *config, struct pn_stream **ret_stream,
                         struct pn_err *err);
    void (*close)(struct pn_stream *stream);
    enum pn_code (*create_topics)(struct pn_stream *stream, struct pn_err *err);
    enum pn_code (*append)(struct pn_stream *stream, const struct pn_record_out *records,
                           size_t record_count, struct pn_err *err);
    enum pn_code (*prune)(struct pn_stream *stream, bool *ret_more, struct pn_err *err);
    enum pn_code (*consumer_open)(struct pn_stream *stream,
                                  const struct pn_consumer_options *options,
                                  struct pn_consumer **ret_consumer, struct pn_err *err);
    void (*consumer_close)(struct pn_consumer *consumer);
    enum pn_code (*consumer_poll)(struct pn_consumer *consumer, int timeout_ms,
                                  struct pn_record *ret_records, size_t record_max,
                                  size_t *ret_count, struct pn_err *err);
    int (*consumer_fd)(const struct pn_consumer *consumer);
    enum pn_code (*consumer_rewind)(struct pn_consumer *consumer, struct pn_err *err);
    int64_t (*consumer_lag)(struct pn_consumer *consumer);
};

struct pn_stream {
    const struct pn_stream_ops *ops;
};

struct pn_consumer {
    const struct pn_stream_ops *ops;
};

extern const struct pn_stream_ops pn_stream_sqlite_ops;
extern const struct pn_stream_ops pn_stream_kafka_ops;

enum {
    PN_STREAM_TOPICS_MAX = 16,       // that one consumer reads
    PN_STREAM_PARTITIONS_MAX = 1024, // of one topic
    PN_STREAM_GROUP_BYTES_MAX = 64,
    PN_STREAM_TOPIC_BYTES_MAX = 200,           // Kafka allows 249
    PN_STREAM_POLL_BYTES_MAX = 8 * 1024 * 1024 // of the records that one poll gives
};

// The topics that pn_stream_create_topics makes; ends with NULL.
extern const char *const pn_stream_topic_names[];

// Kafka's default partitioner for a key: positive murmur2 modulo the number of partitions.
int32_t pn_stream_partition_of(struct pn_slice key, int32_t partition_count);

#endif
