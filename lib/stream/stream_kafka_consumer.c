// SPDX-License-Identifier: Apache-2.0
/*
 * Consumers of the Kafka stream. The group hands out partitions cooperatively; where to read in
 * each comes from load_position, never from Kafka. A record that Kafka gives is kept until the next
 * poll.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/stream_kafka_conf.h"

enum {
    SEEK_MS_MAX = 5000,
    SLOTS_MAX = PN_STREAM_TOPICS_MAX * PN_STREAM_PARTITIONS_MAX,
    HEADERS_MAX = 64, // that one record may carry, foreign ones among them
    JOIN_POLLS_MAX = 50,
    JOIN_POLL_MS = 100
};

struct slot {
    unsigned topic; // in the consumer's list
    int32_t partition;
    int64_t next;   // to be given
    int64_t end;    // as far as it went when it was assigned by hand
    bool is_placed; // false: the position is not known yet, what comes is thrown away
};

struct kafka_consumer {
    struct pn_consumer base;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    int wake_fd;
    char *topics[PN_STREAM_TOPICS_MAX]; // as the caller knows them
    char names[PN_STREAM_TOPICS_MAX][PN_KAFKA_NAME_BYTES];
    unsigned topic_count;
    bool is_joining, is_closing;
    struct slot *slots; // the partitions assigned
    size_t slot_count;
    rd_kafka_message_t *held[PN_BATCH_EVENTS_MAX]; // what the last poll gave
    size_t held_count;
    enum pn_code (*load_position)(void *, const char *, int32_t, int64_t *, struct pn_err *);
    void *context;
};

static const struct pn_kafka_setting consumer_settings[] = {
    {"enable.auto.commit", "false"},        {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "earliest"},      {"partition.assignment.strategy", "cooperative-sticky"},
    {"session.timeout.ms", "10000"},        {"heartbeat.interval.ms", "2000"},
    {"fetch.wait.max.ms", "100"},           {"fetch.error.backoff.ms", "100"},
    {"fetch.message.max.bytes", "2097152"}, {"queued.max.messages.kbytes", "16384"},
    {"queued.min.messages", "20000"},       {NULL, NULL},
};

// --- Slots ---------------------------------------------------------------------------------------

static struct slot *find_slot(struct kafka_consumer *consumer, const char *name, int32_t partition)
{
    for (size_t i = 0; i < consumer->slot_count; i++) {
        struct slot *slot = &consumer->slots[i];
        if (slot->partition == partition && strcmp(consumer->names[slot->topic], name) == 0) {
            return slot;
        }
    }
    return NULL;
}

static enum pn_code load(struct kafka_consumer *consumer, struct slot *slot, struct pn_err *err)
{
    int64_t next = 0;
    enum pn_code code = consumer->load_position(consumer->context, consumer->topics[slot->topic],
                                                slot->partition, &next, err);
    if (code == PN_OK) {
        slot->next = next < 0 ? 0 : next;
    }
    return code;
}

static struct slot *add_slot(struct kafka_consumer *consumer, const char *name, int32_t partition)
{
    for (unsigned i = 0; i < consumer->topic_count; i++) {
        if (strcmp(consumer->names[i], name) == 0 && consumer->slot_count < SLOTS_MAX) {
            struct slot *slot = &consumer->slots[consumer->slot_count++];
            *slot = (struct slot){.topic = i, .partition = partition};
            return slot;
        }
    }
    return NULL;
}

static void assign(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *part = &partitions->elems[i];
        struct slot *slot = find_slot(consumer, part->topic, part->partition);
        slot = slot != NULL ? slot : add_slot(consumer, part->topic, part->partition);
        struct pn_err later; // place_slots meets the error again, where it can be told
        if (slot != NULL) {
            slot->is_placed = load(consumer, slot, &later) == PN_OK;
        }
        part->offset = slot != NULL && slot->is_placed ? slot->next : 0;
    }
}

// Another process may have these records already: they are not given here too.
static void let_go(struct kafka_consumer *consumer, const char *name, int32_t partition)
{
    size_t kept = 0;
    for (size_t i = 0; i < consumer->held_count; i++) {
        rd_kafka_message_t *message = consumer->held[i];
        if (message->partition == partition &&
            strcmp(rd_kafka_topic_name(message->rkt), name) == 0) {
            rd_kafka_message_destroy(message);
        } else {
            consumer->held[kept++] = message;
        }
    }
    consumer->held_count = kept;
    struct slot *slot = find_slot(consumer, name, partition);
    if (slot != NULL) {
        *slot = consumer->slots[--consumer->slot_count];
    }
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    rd_kafka_error_t *error = NULL;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        consumer->is_joining = false;
        if (!consumer->is_closing) {
            assign(consumer, partitions);
        }
        error = rd_kafka_incremental_assign(client, partitions);
    } else {
        for (int i = 0; i < partitions->cnt; i++) {
            let_go(consumer, partitions->elems[i].topic, partitions->elems[i].partition);
        }
        error = rd_kafka_incremental_unassign(client, partitions);
    }
    if (error != NULL) {
        // The group gives the partitions again after the next join.
        rd_kafka_error_destroy(error);
    }
}

// Reads the stored positions of the slots that are not placed, and goes there.
static enum pn_code place_slots(struct kafka_consumer *consumer, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    rd_kafka_topic_partition_list_t *list = NULL;
    for (size_t i = 0; i < consumer->slot_count && code == PN_OK; i++) {
        struct slot *slot = &consumer->slots[i];
        if (!slot->is_placed) {
            code = load(consumer, slot, err);
            list = list != NULL ? list : rd_kafka_topic_partition_list_new(1);
            rd_kafka_topic_partition_list_add(list, consumer->names[slot->topic], slot->partition)
                ->offset = slot->next;
        }
    }
    if (list == NULL) {
        return PN_OK;
    }
    rd_kafka_error_t *error =
        code == PN_OK ? rd_kafka_seek_partitions(consumer->client, list, SEEK_MS_MAX) : NULL;
    if (error != NULL) {
        code = pn_kafka_fault(rd_kafka_error_code(error), "seek", err);
        rd_kafka_error_destroy(error);
    }
    // One that could not go there (it is being moved) tries again with the next poll.
    for (int i = 0; code == PN_OK && i < list->cnt; i++) {
        struct slot *slot = find_slot(consumer, list->elems[i].topic, list->elems[i].partition);
        assert(slot != NULL);
        slot->is_placed = list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

// --- Opening and closing -------------------------------------------------------------------------

static void drop_held(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->held_count; i++) {
        rd_kafka_message_destroy(consumer->held[i]);
    }
    consumer->held_count = 0;
}

// librdkafka before 2.3 aborts when a member leaves between having joined its group and its first
// assignment (its issue 4312): the assignment is waited for, and what comes with it is left alone.
static void await_assignment(struct kafka_consumer *consumer)
{
    consumer->is_closing = true;
    for (unsigned i = 0; consumer->is_joining && i < JOIN_POLLS_MAX; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->client, JOIN_POLL_MS);
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
}

void pn_kafka_consumer_close(struct pn_consumer *base)
{
    struct kafka_consumer *consumer = (struct kafka_consumer *)base;
    drop_held(consumer);
    if (consumer->queue != NULL) {
        rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(consumer->queue);
    }
    if (consumer->client != NULL) {
        await_assignment(consumer);
        rd_kafka_consumer_close(consumer->client);
        rd_kafka_destroy(consumer->client);
    }
    if (consumer->wake_fd >= 0) {
        close(consumer->wake_fd);
    }
    for (unsigned i = 0; i < consumer->topic_count; i++) {
        free(consumer->topics[i]);
    }
    free(consumer->slots);
    free(consumer);
}

static enum pn_code take_topics(struct kafka_consumer *consumer,
                                const struct pn_consumer_options *options, const char *prefix,
                                struct pn_err *err)
{
    for (unsigned i = 0; i < options->topic_count; i++) {
        if (!pn_kafka_topic_name(prefix, options->topics[i], consumer->names[i])) {
            return pn_err_set(err, PN_LIMIT, "topics", "with the prefix a name is too long");
        }
        consumer->topics[i] = strdup(options->topics[i]);
        if (consumer->topics[i] == NULL) {
            return pn_err_set(err, PN_MEMORY, "consumer", "out of memory");
        }
        consumer->topic_count++;
    }
    consumer->slots = calloc(SLOTS_MAX, sizeof *consumer->slots);
    return consumer->slots != NULL ? PN_OK
                                   : pn_err_set(err, PN_MEMORY, "consumer", "out of memory");
}

static enum pn_code make_client(struct kafka_consumer *consumer,
                                const struct pn_consumer_options *options,
                                struct pn_kafka_place place, struct pn_err *err)
{
    char group_id[PN_KAFKA_NAME_BYTES];
    if (!pn_kafka_topic_name(place.prefix, options->group, group_id)) {
        return pn_err_set(err, PN_LIMIT, "group", "with the prefix the name is too long");
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set(conf, "group.id", group_id, NULL, 0);
    if (options->instance != NULL) {
        rd_kafka_conf_set(conf, "group.instance.id", options->instance, NULL, 0);
    }
    enum pn_code code = pn_kafka_client_new(RD_KAFKA_CONSUMER, conf, consumer_settings,
                                            place.brokers, &consumer->client, err);
    if (code == PN_OK) {
        rd_kafka_poll_set_consumer(consumer->client);
    }
    return code;
}

static enum pn_code subscribe(struct kafka_consumer *consumer, struct pn_err *err)
{
    static const uint64_t one = 1;
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    consumer->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (consumer->wake_fd >= 0) {
        rd_kafka_queue_io_event_enable(consumer->queue, consumer->wake_fd, &one, sizeof one);
    }
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->topic_count);
    for (unsigned i = 0; i < consumer->topic_count; i++) {
        rd_kafka_topic_partition_list_add(list, consumer->names[i], RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t fault = rd_kafka_subscribe(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    consumer->is_joining = fault == RD_KAFKA_RESP_ERR_NO_ERROR;
    return consumer->is_joining ? PN_OK : pn_kafka_fault(fault, "subscribe", err);
}

// The partitions of one topic that are in the share, each with its end.
static enum pn_code list_share(struct kafka_consumer *consumer,
                               const struct pn_consumer_options *options, const char *name,
                               rd_kafka_topic_partition_list_t *list, struct pn_err *err)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->client, name, NULL);
    rd_kafka_resp_err_t fault =
        topic == NULL ? rd_kafka_last_error()
                      : rd_kafka_metadata(consumer->client, 0, topic, &found, SEEK_MS_MAX);
    int count = fault == RD_KAFKA_RESP_ERR_NO_ERROR && found->topic_cnt > 0
                    ? found->topics[0].partition_cnt
                    : 0;
    for (int p = 0; p < count; p++) {
        if ((unsigned)p % options->share_count == options->share) {
            rd_kafka_topic_partition_list_add(list, name, p);
        }
    }
    if (found != NULL) {
        rd_kafka_metadata_destroy(found);
    }
    if (topic != NULL) {
        rd_kafka_topic_destroy(topic);
    }
    return fault == RD_KAFKA_RESP_ERR_NO_ERROR ? PN_OK : pn_kafka_fault(fault, name, err);
}

// Without the group: nobody takes a partition away again.
static enum pn_code assign_share(struct kafka_consumer *consumer,
                                 const struct pn_consumer_options *options, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (unsigned i = 0; i < consumer->topic_count && code == PN_OK; i++) {
        code = list_share(consumer, options, consumer->names[i], list, err);
    }
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    rd_kafka_resp_err_t fault = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == PN_OK) {
        assign(consumer, list);
        fault = rd_kafka_assign(consumer->client, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    for (size_t i = 0; i < consumer->slot_count && fault == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        struct slot *slot = &consumer->slots[i];
        int64_t low = 0;
        fault = rd_kafka_query_watermark_offsets(consumer->client, consumer->names[slot->topic],
                                                 slot->partition, &low, &slot->end, SEEK_MS_MAX);
    }
    return code != PN_OK || fault == RD_KAFKA_RESP_ERR_NO_ERROR
               ? code
               : pn_kafka_fault(fault, "partitions", err);
}

enum pn_code pn_kafka_consumer_open(struct pn_stream *stream,
                                    const struct pn_consumer_options *options,
                                    struct pn_consumer **ret_consumer, struct pn_err *err)
{
    struct pn_kafka_place place = pn_kafka_stream_place(stream);
    struct kafka_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL) {
        return pn_err_set(err, PN_MEMORY, "consumer", "out of memory");
    }
    consumer->base.ops = &pn_stream_kafka_ops;
    consumer->wake_fd = -1;
    consumer->load_position = options->load_position;
    consumer->context = options->context;
    enum pn_code code = take_topics(consumer, options, place.prefix, err);
    if (code == PN_OK) {
        code = make_client(consumer, options, place, err);
    }
    if (code == PN_OK) {
        code = options->share_count > 0 ? assign_share(consumer, options, err)
                                        : subscribe(consumer, err);
    }
    if (code != PN_OK) {
        pn_kafka_consumer_close(&consumer->base);
        return code;
    }
    *ret_consumer = &consumer->base;
    return PN_OK;
}

// --- Polling -------------------------------------------------------------------------------------

// A record that another program wrote has an empty id and type: only its data and its key are told.
static void read_event(const rd_kafka_message_t *message, struct pn_event *ret_event)
{
    struct pn_event_header headers[HEADERS_MAX];
    unsigned count = 0;
    rd_kafka_headers_t *found = NULL;
    struct pn_slice data = pn_slice_of(message->payload, message->len);
    if (rd_kafka_message_headers(message, &found) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const void *value = NULL;
        size_t bytes = 0;
        while (count < PN_ARRAY_COUNT(headers) &&
               rd_kafka_header_get_all(found, count, &headers[count].name, &value, &bytes) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR) {
            headers[count++].value = pn_slice_of(value, bytes);
        }
    }
    struct pn_err err;
    if (pn_event_from_headers(headers, count, data, ret_event, &err) != PN_OK) {
        *ret_event = (struct pn_event){
            .subject = pn_slice_of(message->key, message->key_len),
            .data = data,
        };
    }
}

// Keeps the message, or destroys it. Answers an error that it stands for.
static rd_kafka_resp_err_t hold(struct kafka_consumer *consumer, rd_kafka_message_t *message,
                                size_t *bytes_used)
{
    rd_kafka_resp_err_t fault = message->err;
    struct slot *slot = NULL;
    if (fault == RD_KAFKA_RESP_ERR_NO_ERROR) {
        slot = find_slot(consumer, rd_kafka_topic_name(message->rkt), message->partition);
    }
    if (slot == NULL || !slot->is_placed) {
        rd_kafka_message_destroy(message);
        // A topic that is not made yet is assigned when it is.
        return fault == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? RD_KAFKA_RESP_ERR_NO_ERROR
                                                                : fault;
    }
    slot->next = message->offset + 1;
    *bytes_used += message->len;
    consumer->held[consumer->held_count++] = message;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void give(struct kafka_consumer *consumer, struct pn_record *ret_records)
{
    for (size_t i = 0; i < consumer->held_count; i++) {
        const rd_kafka_message_t *message = consumer->held[i];
        const struct slot *slot =
            find_slot(consumer, rd_kafka_topic_name(message->rkt), message->partition);
        assert(slot != NULL); // let_go drops messages and slot together
        ret_records[i].topic = consumer->topics[slot->topic];
        ret_records[i].partition = message->partition;
        ret_records[i].offset = message->offset;
        read_event(message, &ret_records[i].event);
    }
}

static void forget_wake_ups(struct kafka_consumer *consumer)
{
    uint64_t count = 0;
    if (consumer->wake_fd >= 0) {
        (void)!read(consumer->wake_fd, &count, sizeof count);
    }
}

enum pn_code pn_kafka_consumer_poll(struct pn_consumer *base, int timeout_ms,
                                    struct pn_record *ret_records, size_t record_max,
                                    size_t *ret_count, struct pn_err *err)
{
    struct kafka_consumer *consumer = (struct kafka_consumer *)base;
    int64_t deadline_ms = pn_clock_monotonic_ms() + timeout_ms;
    size_t most = record_max < PN_BATCH_EVENTS_MAX ? record_max : PN_BATCH_EVENTS_MAX;
    size_t bytes_used = 0;
    rd_kafka_resp_err_t fault = RD_KAFKA_RESP_ERR_NO_ERROR;
    drop_held(consumer);
    forget_wake_ups(consumer);
    enum pn_code code = place_slots(consumer, err);
    while (code == PN_OK && consumer->held_count < most && bytes_used < PN_STREAM_POLL_BYTES_MAX) {
        int64_t left_ms = deadline_ms - pn_clock_monotonic_ms();
        bool waits = consumer->held_count == 0 && left_ms > 0;
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(consumer->client, waits ? (int)left_ms : 0);
        if (message != NULL) {
            fault = hold(consumer, message, &bytes_used);
        }
        if (fault != RD_KAFKA_RESP_ERR_NO_ERROR || (message == NULL && !waits)) {
            break;
        }
        code = place_slots(consumer, err);
    }
    if (consumer->held_count == 0 && code == PN_OK && fault != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = pn_kafka_fault(fault, "poll", err);
    }
    // What came before a failure is given; the failure comes again.
    if (consumer->held_count == 0 && code != PN_OK) {
        return code;
    }
    give(consumer, ret_records);
    *ret_count = consumer->held_count;
    return PN_OK;
}

int pn_kafka_consumer_fd(const struct pn_consumer *base)
{
    return ((const struct kafka_consumer *)base)->wake_fd;
}

enum pn_code pn_kafka_consumer_rewind(struct pn_consumer *base, struct pn_err *err)
{
    struct kafka_consumer *consumer = (struct kafka_consumer *)base;
    drop_held(consumer);
    for (size_t i = 0; i < consumer->slot_count; i++) {
        consumer->slots[i].is_placed = false;
    }
    return place_slots(consumer, err);
}

int64_t pn_kafka_consumer_lag(struct pn_consumer *base)
{
    struct kafka_consumer *consumer = (struct kafka_consumer *)base;
    int64_t lag = 0;
    for (size_t i = 0; i < consumer->slot_count; i++) {
        const struct slot *slot = &consumer->slots[i];
        int64_t low = 0;
        int64_t high = 0;
        // As of the last fetch; nothing is known of a partition before its first.
        rd_kafka_resp_err_t fault = rd_kafka_get_watermark_offsets(
            consumer->client, consumer->names[slot->topic], slot->partition, &low, &high);
        int64_t next = slot->next < low ? low : slot->next;
        if (fault == RD_KAFKA_RESP_ERR_NO_ERROR && slot->is_placed) {
            high = high > slot->end ? high : slot->end;
            lag += high > next ? high - next : 0;
        }
    }
    return lag;
}
