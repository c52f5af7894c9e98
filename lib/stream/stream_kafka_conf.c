// SPDX-License-Identifier: Apache-2.0
#include "stream/stream_kafka_conf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PREFIX "punos."

static const struct pn_kafka_setting common_settings[] = {
    {"client.id", "punos"},
    {"allow.auto.create.topics", "false"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"socket.keepalive.enable", "true"},
    {"socket.timeout.ms", "15000"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    {"broker.address.ttl", "5000"},
    {NULL, NULL},
};

static enum pn_code set_all(rd_kafka_conf_t *conf, const struct pn_kafka_setting *settings,
                            struct pn_err *err)
{
    for (const struct pn_kafka_setting *s = settings; s->name != NULL; s++) {
        char text[PN_ERR_TEXT_BYTES];
        if (rd_kafka_conf_set(conf, s->name, s->value, text, sizeof text) != RD_KAFKA_CONF_OK) {
            return pn_err_set(err, PN_INVALID, s->name, "%s", text);
        }
    }
    return PN_OK;
}

// Errors come with the calls that they concern; the library's own log lines are dropped.
static void drop_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    (void)level;
    (void)facility;
    (void)text;
}

static void drop_error(rd_kafka_t *client, int fault, const char *reason, void *opaque)
{
    (void)client;
    (void)fault;
    (void)reason;
    (void)opaque;
}

enum pn_code pn_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                 const struct pn_kafka_setting *settings, const char *brokers,
                                 rd_kafka_t **ret_client, struct pn_err *err)
{
    char bytes_max[16];
    snprintf(bytes_max, sizeof bytes_max, "%d", PN_KAFKA_MESSAGE_BYTES_MAX);
    const struct pn_kafka_setting given[] = {
        {"bootstrap.servers", brokers},
        {"message.max.bytes", bytes_max},
        {NULL, NULL},
    };
    if (brokers == NULL || brokers[0] == '\0') {
        rd_kafka_conf_destroy(conf);
        return pn_err_set(err, PN_INVALID, "stream.brokers", "names no broker");
    }
    rd_kafka_conf_set_log_cb(conf, drop_log);
    rd_kafka_conf_set_error_cb(conf, drop_error);
    enum pn_code code = set_all(conf, common_settings, err);
    if (code == PN_OK) {
        code = set_all(conf, given, err);
    }
    if (code == PN_OK) {
        code = set_all(conf, settings, err);
    }
    char text[PN_ERR_TEXT_BYTES];
    rd_kafka_t *client = code == PN_OK ? rd_kafka_new(type, conf, text, sizeof text) : NULL;
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return code != PN_OK ? code : pn_err_set(err, PN_INVALID, "stream.brokers", "%s", text);
    }
    *ret_client = client;
    return PN_OK;
}

bool pn_kafka_topic_name(const char *prefix, const char *topic,
                         char ret_name[static PN_KAFKA_NAME_BYTES])
{
    const char *used = prefix == NULL ? DEFAULT_PREFIX : prefix;
    size_t skipped =
        strncmp(topic, DEFAULT_PREFIX, strlen(DEFAULT_PREFIX)) == 0 ? strlen(DEFAULT_PREFIX) : 0;
    char name[PN_KAFKA_NAME_BYTES];
    int length = snprintf(name, sizeof name, "%s%s", used, topic + skipped);
    if (length < 0 || length > PN_STREAM_TOPIC_BYTES_MAX) {
        return false;
    }
    memcpy(ret_name, name, (size_t)length + 1);
    return true;
}

enum pn_code pn_kafka_fault(rd_kafka_resp_err_t fault, const char *where, struct pn_err *err)
{
    static const struct {
        rd_kafka_resp_err_t fault;
        enum pn_code code;
    } codes[] = {
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, PN_LIMIT},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, PN_NOT_FOUND},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, PN_NOT_FOUND},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, PN_NOT_FOUND},
        {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, PN_INVALID},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, PN_DENIED},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, PN_DENIED},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, PN_DENIED},
    };
    assert(fault != RD_KAFKA_RESP_ERR_NO_ERROR);
    enum pn_code code = PN_UNAVAILABLE;
    for (size_t i = 0; i < PN_ARRAY_COUNT(codes); i++) {
        code = codes[i].fault == fault ? codes[i].code : code;
    }
    return pn_err_set(err, code, where, "Kafka: %s", rd_kafka_err2str(fault));
}
