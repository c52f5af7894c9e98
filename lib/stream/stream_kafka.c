// SPDX-License-Identifier: Apache-2.0
/*
 * The stream on Apache Kafka: producing and topics. stream_kafka_consumer.c consumes.
 *
 * Events travel in the CloudEvents Kafka binding's binary mode: attributes as `ce_` headers, the
 * key is the subject, the value the data. An append waits for the delivery report of each record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/stream_kafka_conf.h"

enum {
    HEADER_ARENA_BYTES_MAX = 64 * 1024, // of one event
    TOPICS_SEEN_MS_MAX = 10000,         // until a topic that was made shows
    PAUSE_MS = 20
};
#define CONTENT_TYPE "application/fhir+json"

struct kafka_stream {
    struct pn_stream base;
    rd_kafka_t *producer; // NULL until it is needed, and after it broke for good
    char *brokers;
    char *prefix;
    int64_t partitions;
    int64_t retention_ms;
    struct pn_arena *arena;
    // Of the append that is under way.
    uintptr_t append_number;
    size_t unreported;
    rd_kafka_resp_err_t first_fault;
};

static const struct pn_kafka_setting producer_settings[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    // Not more: a broker that has no state of the producer takes whatever sequence comes first.
    // Were the first request refused (the partition is being made) while the second is on its way,
    // the first one's retry would pass for a duplicate, and be reported as delivered.
    {"max.in.flight.requests.per.connection", "1"},
    {"linger.ms", "0"},
    {"compression.codec", "lz4"},
    {"partitioner", "murmur2_random"},
    {"message.timeout.ms", "15000"},
    {"request.timeout.ms", "10000"},
    {"topic.metadata.propagation.max.ms", "5000"},
    {NULL, NULL},
};
_Static_assert(PN_KAFKA_APPEND_MS_MAX == 15000, "is message.timeout.ms above");

static void stream_close(struct pn_stream *base)
{
    struct kafka_stream *stream = (struct kafka_stream *)base;
    if (stream->producer != NULL) {
        rd_kafka_purge(stream->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(stream->producer, 0);
        rd_kafka_destroy(stream->producer);
    }
    pn_arena_free(stream->arena);
    free(stream->brokers);
    free(stream->prefix);
    free(stream);
}

static enum pn_code stream_open(const struct pn_config *config, struct pn_stream **ret_stream,
                                struct pn_err *err)
{
    struct kafka_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return pn_err_set(err, PN_MEMORY, "stream", "out of memory");
    }
    const char *prefix = config->stream.topic_prefix;
    stream->base.ops = &pn_stream_kafka_ops;
    stream->brokers = strdup(config->stream.brokers == NULL ? "" : config->stream.brokers);
    stream->prefix = strdup(prefix == NULL ? "punos." : prefix);
    stream->partitions = config->stream.partitions;
    stream->retention_ms = config->stream.retention_days * PN_MS_PER_DAY;
    stream->arena = pn_arena_new(HEADER_ARENA_BYTES_MAX);
    if (stream->brokers == NULL || stream->prefix == NULL || stream->arena == NULL) {
        stream_close(&stream->base);
        return pn_err_set(err, PN_MEMORY, "stream", "out of memory");
    }
    *ret_stream = &stream->base;
    return PN_OK;
}

struct pn_kafka_place pn_kafka_stream_place(const struct pn_stream *base)
{
    const struct kafka_stream *stream = (const struct kafka_stream *)base;
    return (struct pn_kafka_place){.brokers = stream->brokers, .prefix = stream->prefix};
}

// --- Producing -----------------------------------------------------------------------------------

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct kafka_stream *stream = opaque;
    // A late report of an append that was given up belongs to nobody.
    if ((uintptr_t)message->_private != stream->append_number) {
        return;
    }
    stream->unreported--;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        stream->first_fault == RD_KAFKA_RESP_ERR_NO_ERROR) {
        stream->first_fault = message->err;
    }
}

// An idempotent producer that lost its place stays broken: the next call makes another one.
static void drop_broken_producer(struct kafka_stream *stream)
{
    char text[PN_ERR_TEXT_BYTES];
    if (stream->producer != NULL &&
        rd_kafka_fatal_error(stream->producer, text, sizeof text) != 0) {
        rd_kafka_purge(stream->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(stream->producer, 0);
        rd_kafka_destroy(stream->producer);
        stream->producer = NULL;
    }
}

static enum pn_code need_producer(struct kafka_stream *stream, struct pn_err *err)
{
    drop_broken_producer(stream);
    if (stream->producer != NULL) {
        return PN_OK;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, stream);
    return pn_kafka_client_new(RD_KAFKA_PRODUCER, conf, producer_settings, stream->brokers,
                               &stream->producer, err);
}

static rd_kafka_headers_t *make_headers(struct kafka_stream *stream, const struct pn_event *event)
{
    struct pn_event_header headers[PN_EVENT_HEADERS_MAX];
    pn_arena_reset(stream->arena);
    unsigned count = pn_event_to_headers(event, stream->arena, headers);
    rd_kafka_headers_t *made = rd_kafka_headers_new(count + 1);
    bool has_content_type = false;
    for (unsigned i = 0; i < count; i++) {
        rd_kafka_header_add(made, headers[i].name, -1, headers[i].value.ptr,
                            (ssize_t)headers[i].value.len);
        has_content_type = has_content_type || strcmp(headers[i].name, "content-type") == 0;
    }
    if (!has_content_type) {
        rd_kafka_header_add(made, "content-type", -1, CONTENT_TYPE, -1);
    }
    return made;
}

static rd_kafka_resp_err_t produce_once(struct kafka_stream *stream, const char *topic,
                                        const struct pn_event *event)
{
    rd_kafka_headers_t *headers = make_headers(stream, event);
    // clang-format off
    rd_kafka_resp_err_t fault = rd_kafka_producev(
        stream->producer,
        RD_KAFKA_V_TOPIC(topic),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(event->subject.len == 0 ? NULL : event->subject.ptr, event->subject.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)event->data.ptr, event->data.len),
        RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE((void *)stream->append_number),
        RD_KAFKA_V_END);
    // clang-format on
    if (fault != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_headers_destroy(headers); // taken over only by a success
    }
    return fault;
}

static enum pn_code produce(struct kafka_stream *stream, const struct pn_record_out *record,
                            int64_t deadline_ms, struct pn_err *err)
{
    char topic[PN_KAFKA_NAME_BYTES];
    if (!pn_kafka_topic_name(stream->prefix, record->topic, topic)) {
        return pn_err_set(err, PN_LIMIT, record->topic, "with the prefix the name is too long");
    }
    rd_kafka_resp_err_t fault = produce_once(stream, topic, &record->event);
    while (fault == RD_KAFKA_RESP_ERR__QUEUE_FULL && pn_clock_monotonic_ms() < deadline_ms) {
        rd_kafka_poll(stream->producer, PAUSE_MS);
        fault = produce_once(stream, topic, &record->event);
    }
    if (fault != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pn_kafka_fault(fault, record->topic, err);
    }
    stream->unreported++;
    return PN_OK;
}

static enum pn_code stream_append(struct pn_stream *base, const struct pn_record_out *records,
                                  size_t record_count, struct pn_err *err)
{
    struct kafka_stream *stream = (struct kafka_stream *)base;
    enum pn_code code = need_producer(stream, err);
    if (code != PN_OK) {
        return code;
    }
    stream->append_number++;
    stream->unreported = 0;
    stream->first_fault = RD_KAFKA_RESP_ERR_NO_ERROR;
    // Every record is reported within its time-out; a little more is for the reports' own way.
    int64_t deadline_ms = pn_clock_monotonic_ms() + PN_KAFKA_APPEND_MS_MAX + 5000;
    for (size_t i = 0; i < record_count && code == PN_OK; i++) {
        code = produce(stream, &records[i], deadline_ms, err);
    }
    while (stream->unreported > 0 && pn_clock_monotonic_ms() < deadline_ms) {
        rd_kafka_poll(stream->producer, PAUSE_MS);
    }
    if (code != PN_OK) {
        return code;
    }
    if (stream->unreported > 0) {
        rd_kafka_purge(stream->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        return pn_err_set(err, PN_UNAVAILABLE, "append", "Kafka did not acknowledge in time");
    }
    return stream->first_fault == RD_KAFKA_RESP_ERR_NO_ERROR
               ? PN_OK
               : pn_kafka_fault(stream->first_fault, "append", err);
}

static enum pn_code stream_prune(struct pn_stream *base, bool *ret_more, struct pn_err *err)
{
    (void)base;
    (void)err;
    *ret_more = false;
    return PN_OK;
}

// --- Topics --------------------------------------------------------------------------------------

static rd_kafka_NewTopic_t *new_topic(const struct kafka_stream *stream, const char *name)
{
    char text[PN_ERR_TEXT_BYTES];
    char number[24];
    // As many replicas as the brokers' own default is.
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, (int)stream->partitions, -1, text, sizeof text);
    if (topic == NULL) {
        return NULL;
    }
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    int64_t retention_ms = stream->retention_ms == 0 ? -1 : stream->retention_ms;
    snprintf(number, sizeof number, "%lld", (long long)retention_ms);
    rd_kafka_NewTopic_set_config(topic, "retention.ms", number);
    // The limit is on a batch of messages, after compression.
    snprintf(number, sizeof number, "%d", 2 * PN_KAFKA_MESSAGE_BYTES_MAX);
    rd_kafka_NewTopic_set_config(topic, "max.message.bytes", number);
    return topic;
}

static enum pn_code check_created(rd_kafka_event_t *event, struct pn_err *err)
{
    if (event == NULL) {
        return pn_err_set(err, PN_UNAVAILABLE, "topics", "Kafka did not answer in time");
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pn_kafka_fault(rd_kafka_event_error(event), "topics", err);
    }
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t fault = rd_kafka_topic_result_error(topics[i]);
        if (fault != RD_KAFKA_RESP_ERR_NO_ERROR &&
            fault != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return pn_kafka_fault(fault, rd_kafka_topic_result_name(topics[i]), err);
        }
    }
    return PN_OK;
}

static enum pn_code request_topics(struct kafka_stream *stream, rd_kafka_NewTopic_t **topics,
                                   size_t count, struct pn_err *err)
{
    char text[PN_ERR_TEXT_BYTES];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(stream->producer);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(stream->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, PN_KAFKA_ADMIN_MS_MAX, text, sizeof text);
    rd_kafka_AdminOptions_set_operation_timeout(options, PN_KAFKA_ADMIN_MS_MAX / 2, text,
                                                sizeof text);
    rd_kafka_CreateTopics(stream->producer, topics, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PN_KAFKA_ADMIN_MS_MAX + 2000);
    enum pn_code code = check_created(event, err);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return code;
}

static bool topic_shows(struct kafka_stream *stream, const char *name)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(stream->producer, name, NULL);
    bool shows = topic != NULL &&
                 rd_kafka_metadata(stream->producer, 0, topic, &metadata, TOPICS_SEEN_MS_MAX) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR &&
                 metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0;
    for (int p = 0; shows && p < metadata->topics[0].partition_cnt; p++) {
        shows = metadata->topics[0].partitions[p].leader >= 0;
    }
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic != NULL) {
        rd_kafka_topic_destroy(topic);
    }
    return shows;
}

// A topic that was made just now is not known to every broker at once.
static enum pn_code wait_for_topic(struct kafka_stream *stream, const char *name,
                                   struct pn_err *err)
{
    int64_t deadline_ms = pn_clock_monotonic_ms() + TOPICS_SEEN_MS_MAX;
    while (!topic_shows(stream, name)) {
        if (pn_clock_monotonic_ms() > deadline_ms) {
            return pn_err_set(err, PN_UNAVAILABLE, name, "the topic does not show in Kafka");
        }
        rd_kafka_poll(stream->producer, PAUSE_MS);
    }
    return PN_OK;
}

static enum pn_code stream_create_topics(struct pn_stream *base, struct pn_err *err)
{
    struct kafka_stream *stream = (struct kafka_stream *)base;
    rd_kafka_NewTopic_t *topics[PN_STREAM_TOPICS_MAX];
    char names[PN_STREAM_TOPICS_MAX][PN_KAFKA_NAME_BYTES];
    size_t count = 0;
    enum pn_code code = need_producer(stream, err);
    for (size_t i = 0; code == PN_OK && pn_stream_topic_names[i] != NULL; i++) {
        if (!pn_kafka_topic_name(stream->prefix, pn_stream_topic_names[i], names[i])) {
            code = pn_err_set(err, PN_LIMIT, "stream.topic_prefix", "is too long");
            break;
        }
        topics[count] = new_topic(stream, names[i]);
        if (topics[count] == NULL) {
            code = pn_err_set(err, PN_INVALID, "stream.topic_prefix", "gives no topic name");
            break;
        }
        count++;
    }
    if (code == PN_OK) {
        code = request_topics(stream, topics, count, err);
    }
    for (size_t i = 0; code == PN_OK && i < count; i++) {
        code = wait_for_topic(stream, names[i], err);
    }
    rd_kafka_NewTopic_destroy_array(topics, count);
    return code;
}

const struct pn_stream_ops pn_stream_kafka_ops = {
    .open = stream_open,
    .close = stream_close,
    .create_topics = stream_create_topics,
    .append = stream_append,
    .prune = stream_prune,
    .consumer_open = pn_kafka_consumer_open,
    .consumer_close = pn_kafka_consumer_close,
    .consumer_poll = pn_kafka_consumer_poll,
    .consumer_fd = pn_kafka_consumer_fd,
    .consumer_rewind = pn_kafka_consumer_rewind,
    .consumer_lag = pn_kafka_consumer_lag,
};
