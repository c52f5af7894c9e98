// SPDX-License-Identifier: Apache-2.0
/*
 * What the producing and the consuming half of the Kafka stream share. Private to this folder.
 */
#ifndef PN_STREAM_STREAM_KAFKA_CONF_H
#define PN_STREAM_STREAM_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "stream/stream_impl.h"

enum {
    PN_KAFKA_NAME_BYTES = 2 * PN_STREAM_TOPIC_BYTES_MAX,
    // Data, attributes and the protocol's own; the topics are made to take it.
    PN_KAFKA_MESSAGE_BYTES_MAX = PN_EVENT_BYTES_MAX + 16 * PN_STREAM_ATTRIBUTE_BYTES_MAX,
    PN_KAFKA_APPEND_MS_MAX = 15000, // until a record that is not acknowledged is given up
    PN_KAFKA_ADMIN_MS_MAX = 15000,
    PN_KAFKA_CLOSE_MS_MAX = 5000
};

struct pn_kafka_setting {
    const char *name;
    const char *value;
};

// A new client; `settings` end with a NULL name and come on top of what both halves need. `opaque`
// is what its callbacks get. The conf given is taken over in any case.
enum pn_code pn_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                 const struct pn_kafka_setting *settings, const char *brokers,
                                 rd_kafka_t **ret_client, struct pn_err *err);

// "punos.event.v1" with the prefix "punos." or another in the place of it. False when too long.
PN_MUST_USE bool pn_kafka_topic_name(const char *prefix, const char *topic,
                                     char ret_name[static PN_KAFKA_NAME_BYTES]);

// The error that a client's error is.
enum pn_code pn_kafka_fault(rd_kafka_resp_err_t fault, const char *where, struct pn_err *err);

// For the two files of the implementation.
struct pn_kafka_place {
    const char *brokers;
    const char *prefix;
};
struct pn_kafka_place pn_kafka_stream_place(const struct pn_stream *stream);
enum pn_code pn_kafka_consumer_open(struct pn_stream *stream,
                                    const struct pn_consumer_options *options,
                                    struct pn_consumer **ret_consumer, struct pn_err *err);
void pn_kafka_consumer_close(struct pn_consumer *consumer);
enum pn_code pn_kafka_consumer_poll(struct pn_consumer *consumer, int timeout_ms,
                                    struct pn_record *ret_records, size_t record_max,
                                    size_t *ret_count, struct pn_err *err);
int pn_kafka_consumer_fd(const struct pn_consumer *consumer);
enum pn_code pn_kafka_consumer_rewind(struct pn_consumer *consumer, struct pn_err *err);
int64_t pn_kafka_consumer_lag(struct pn_consumer *consumer);

#endif
