// SPDX-License-Identifier: Apache-2.0
#include "stream/stream.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/ids.h"
#include "stream/stream_impl.h"

const char *const pn_stream_topic_names[] = {
    PN_TOPIC_EVENT, PN_TOPIC_TRIGGER, PN_TOPIC_PLAN, PN_TOPIC_DELIVERY, PN_TOPIC_QUARANTINE, NULL,
};

// murmur2 by Austin Appleby (public domain), with the seed that Kafka's clients use.
static uint32_t murmur2(struct pn_slice key)
{
    const uint32_t mix = 0x5bd1e995;
    const uint8_t *at = (const uint8_t *)key.ptr;
    size_t left = key.len;
    uint32_t hash = 0x9747b28cU ^ (uint32_t)key.len;
    for (; left >= 4; at += 4, left -= 4) {
        uint32_t k =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        k *= mix;
        k ^= k >> 24;
        k *= mix;
        hash = (hash * mix) ^ k;
    }
    for (size_t i = left; i > 0; i--) {
        hash ^= (uint32_t)at[i - 1] << (8 * (i - 1));
    }
    if (left > 0) {
        hash *= mix;
    }
    hash ^= hash >> 13;
    hash *= mix;
    return hash ^ hash >> 15;
}

int32_t pn_stream_partition_of(struct pn_slice key, int32_t partition_count)
{
    assert(partition_count > 0);
    return (int32_t)(murmur2(key) & 0x7fffffffU) % partition_count;
}

enum pn_code pn_stream_open(const struct pn_config *config, struct pn_stream **ret_stream,
                            struct pn_err *err)
{
    if (config->stream.partitions < 1 || config->stream.partitions > PN_STREAM_PARTITIONS_MAX) {
        return pn_err_set(err, PN_INVALID, "stream.partitions", "must be from 1 to %d",
                          PN_STREAM_PARTITIONS_MAX);
    }
    const struct pn_stream_ops *ops =
        config->stream.kind == PN_STREAM_KAFKA ? &pn_stream_kafka_ops : &pn_stream_sqlite_ops;
    return ops->open(config, ret_stream, err);
}

void pn_stream_close(struct pn_stream *stream)
{
    if (stream != NULL) {
        stream->ops->close(stream);
    }
}

enum pn_code pn_stream_create_topics(struct pn_stream *stream, struct pn_err *err)
{
    return stream->ops->create_topics(stream, err);
}

static enum pn_code check_attributes(const struct pn_event *event, struct pn_err *err)
{
    const struct {
        const char *name;
        struct pn_slice value;
    } attributes[] = {
        {"source", event->source},   {"type", event->type},
        {"subject", event->subject}, {"traceparent", event->traceparent},
        {"sector", event->sector},   {"causationid", event->causation_id},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
        if (attributes[i].value.len > PN_STREAM_ATTRIBUTE_BYTES_MAX) {
            return pn_err_set(err, PN_LIMIT, attributes[i].name, "is over %d bytes",
                              PN_STREAM_ATTRIBUTE_BYTES_MAX);
        }
    }
    return PN_OK;
}

static enum pn_code check_record(const struct pn_record_out *record, struct pn_err *err)
{
    uint8_t id[16];
    if (record->topic == NULL || strlen(record->topic) > PN_STREAM_TOPIC_BYTES_MAX) {
        return pn_err_set(err, PN_INVALID, "topic", "is missing or too long");
    }
    if (!pn_uuid_parse(record->event.id, id)) {
        return pn_err_set(err, PN_INVALID, "id", "an event's id must be a UUID");
    }
    if (record->event.data.len > PN_EVENT_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, "data", "an event's data is over %d bytes",
                          PN_EVENT_BYTES_MAX);
    }
    return check_attributes(&record->event, err);
}

enum pn_code pn_stream_append(struct pn_stream *stream, const struct pn_record_out *records,
                              size_t record_count, struct pn_err *err)
{
    if (record_count > PN_BATCH_EVENTS_MAX) {
        return pn_err_set(err, PN_LIMIT, "records", "more than %d in one append",
                          PN_BATCH_EVENTS_MAX);
    }
    for (size_t i = 0; i < record_count; i++) {
        enum pn_code code = check_record(&records[i], err);
        if (code != PN_OK) {
            return code;
        }
    }
    return record_count == 0 ? PN_OK : stream->ops->append(stream, records, record_count, err);
}

enum pn_code pn_stream_prune(struct pn_stream *stream, bool *ret_more, struct pn_err *err)
{
    return stream->ops->prune(stream, ret_more, err);
}

// The name becomes part of a file name and of a Kafka group.
static bool group_is_good(const char *group)
{
    size_t length = group == NULL ? 0 : strlen(group);
    return length > 0 && length <= PN_STREAM_GROUP_BYTES_MAX &&
           strspn(group, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

enum pn_code pn_stream_from_start(void *context, const char *topic, int32_t partition,
                                  int64_t *ret_next_offset, struct pn_err *err)
{
    (void)context;
    (void)topic;
    (void)partition;
    (void)err;
    *ret_next_offset = 0;
    return PN_OK;
}

enum pn_code pn_consumer_open(struct pn_stream *stream, const struct pn_consumer_options *options,
                              struct pn_consumer **ret_consumer, struct pn_err *err)
{
    assert(options->load_position != NULL);
    if (!group_is_good(options->group)) {
        return pn_err_set(err, PN_INVALID, "group", "must be a-z, 0-9, - and _, at most %d",
                          PN_STREAM_GROUP_BYTES_MAX);
    }
    if (options->topic_count == 0 || options->topic_count > PN_STREAM_TOPICS_MAX) {
        return pn_err_set(err, PN_INVALID, "topics", "must be from 1 to %d", PN_STREAM_TOPICS_MAX);
    }
    return stream->ops->consumer_open(stream, options, ret_consumer, err);
}

void pn_consumer_close(struct pn_consumer *consumer)
{
    if (consumer != NULL) {
        consumer->ops->consumer_close(consumer);
    }
}

enum pn_code pn_consumer_poll(struct pn_consumer *consumer, int timeout_ms,
                              struct pn_record *ret_records, size_t record_max, size_t *ret_count,
                              struct pn_err *err)
{
    assert(record_max > 0);
    return consumer->ops->consumer_poll(consumer, timeout_ms, ret_records, record_max, ret_count,
                                        err);
}

int pn_consumer_fd(const struct pn_consumer *consumer)
{
    return consumer->ops->consumer_fd(consumer);
}

enum pn_code pn_consumer_rewind(struct pn_consumer *consumer, struct pn_err *err)
{
    return consumer->ops->consumer_rewind(consumer, err);
}

int64_t pn_consumer_lag(struct pn_consumer *consumer)
{
    return consumer->ops->consumer_lag(consumer);
}
