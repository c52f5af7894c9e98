// SPDX-License-Identifier: Apache-2.0
/*
 * Fills an embedded stream with a made-up county's events, for measuring how fast services rebuild.
 *
 *   make_events DATA EVENTS CLIENTS
 *
 * The mix follows the source documents: a tenth of the clients has most of the events, a few visit
 * the emergency ward often, some miss their appointments. The same numbers give the same events.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/ids.h"
#include "event/event.h"
#include "stream/stream.h"

enum { BATCH = 1000, DATA_BYTES = 1600, ID_BYTES = 40, KEY_BYTES = PN_CLIENT_KEY_TEXT_BYTES };

struct slot {
    char data[DATA_BYTES];
    char id[ID_BYTES];
    char key[KEY_BYTES];
};

struct maker {
    struct pn_stream *stream;
    uint64_t seed;
    int64_t now_ms;
    uint64_t clients;
    uint64_t made;
    struct slot slots[BATCH];
    struct pn_record_out records[BATCH];
    size_t count;
};

// xorshift64*: small, seeded, good enough for a mix.
static uint64_t draw(struct maker *maker)
{
    maker->seed ^= maker->seed >> 12;
    maker->seed ^= maker->seed << 25;
    maker->seed ^= maker->seed >> 27;
    return maker->seed * UINT64_C(2685821657736338717);
}

static void key_of(uint64_t client, char ret_key[static KEY_BYTES])
{
    snprintf(ret_key, KEY_BYTES, "%016" PRIx64 "%016" PRIx64,
             (client + 1) * UINT64_C(0x9E3779B97F4A7C15), client);
}

static void flush(struct maker *maker)
{
    struct pn_err err;
    if (maker->count > 0 &&
        pn_stream_append(maker->stream, maker->records, maker->count, &err) != PN_OK) {
        fprintf(stderr, "make_events: %s: %s\n", err.where, err.text);
        exit(3);
    }
    maker->count = 0;
}

static struct slot *next_slot(struct maker *maker, const char *type, uint64_t client,
                              int64_t time_ms)
{
    if (maker->count == BATCH) {
        flush(maker);
    }
    struct slot *slot = &maker->slots[maker->count];
    key_of(client, slot->key);
    snprintf(slot->id, sizeof slot->id, "%08x-0000-5000-8000-%012" PRIx64,
             (unsigned)(maker->made * 2654435761u), maker->made);
    maker->made++;
    maker->records[maker->count++] = (struct pn_record_out){
        .topic = PN_TOPIC_EVENT,
        .event = {.id = pn_slice_str(slot->id),
                  .source = pn_slice_str("/adapter/oberon/KESKUSSAIRAALA"),
                  .type = pn_slice_str(type),
                  .subject = pn_slice_str(slot->key),
                  .sector = pn_slice_str("specialist"),
                  .time_ms = time_ms,
                  .recorded_ms = time_ms}};
    return slot;
}

static void finish(struct maker *maker, struct slot *slot)
{
    maker->records[maker->count - 1].event.data = pn_slice_str(slot->data);
}

static void add_client(struct maker *maker, uint64_t client)
{
    int64_t time_ms = maker->now_ms - 400 * PN_MS_PER_DAY;
    struct slot *slot = next_slot(maker, "fi.punos.client.identified.v1", client, time_ms);
    snprintf(slot->data, sizeof slot->data,
             "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"extension\":[{\"url\":"
             "\"https://punos.fi/fhir/StructureDefinition/sealed-identity\",\"valueBase64Binary\":"
             "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\"}],"
             "\"identifier\":[{\"system\":\"urn:punos:client-key\",\"value\":\"%s\"}],"
             "\"gender\":\"%s\",\"birthDate\":\"%d\"}",
             slot->key, slot->key, client % 2 == 0 ? "female" : "male",
             (int)(1935 + client % 70));
    finish(maker, slot);
}

static void add_visit(struct maker *maker, uint64_t client, int64_t time_ms)
{
    static const char *const professions[] = {"laakari", "sairaanhoitaja", "fysioterapeutti",
                                              "psykologi", "sosiaalityontekija", "ravitsemus",
                                              "suuhygienisti"};
    bool emergency = draw(maker) % 8 == 0;
    char start[PN_TIME_TEXT_BYTES];
    char end[PN_TIME_TEXT_BYTES];
    pn_time_format(time_ms, start);
    pn_time_format(time_ms + 1800000, end);
    struct slot *slot = next_slot(maker, "fi.punos.visit.finished.v1", client, time_ms);
    snprintf(slot->data, sizeof slot->data,
             "{\"resourceType\":\"Encounter\",\"id\":\"%s\",\"meta\":{\"lastUpdated\":\"%s\"},"
             "\"identifier\":[{\"system\":\"urn:punos:oberon:visit\",\"value\":\"%" PRIu64 "\"}],"
             "\"status\":\"finished\",\"class\":{\"system\":"
             "\"http://terminology.hl7.org/CodeSystem/v3-ActCode\",\"code\":\"%s\"},"
             "\"serviceType\":{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.24.2003\","
             "\"code\":\"%d\"}]},\"subject\":{\"reference\":\"Patient/%s\"},\"participant\":"
             "[{\"type\":[{\"text\":\"%s\"}]}],\"period\":{\"start\":\"%s\",\"end\":\"%s\"},"
             "\"serviceProvider\":{\"display\":\"KESKUSSAIRAALA POLI%d\"}}",
             slot->id, end, maker->made, emergency ? "EMER" : "AMB", (int)(draw(maker) % 30 + 10),
             slot->key, professions[draw(maker) % PN_ARRAY_COUNT(professions)], start, end,
             (int)(draw(maker) % 12));
    finish(maker, slot);
}

static void add_appointment(struct maker *maker, uint64_t client, int64_t time_ms)
{
    bool noshow = draw(maker) % 12 == 0;
    char start[PN_TIME_TEXT_BYTES];
    char end[PN_TIME_TEXT_BYTES];
    pn_time_format(time_ms, start);
    pn_time_format(time_ms + 1800000, end);
    struct slot *slot = next_slot(maker, noshow ? "fi.punos.appointment.noshow.v1"
                                                : "fi.punos.appointment.booked.v1",
                                  client, time_ms);
    snprintf(slot->data, sizeof slot->data,
             "{\"resourceType\":\"Appointment\",\"id\":\"%s\",\"status\":\"%s\",\"start\":\"%s\","
             "\"end\":\"%s\",\"participant\":[{\"actor\":{\"reference\":\"Patient/%s\"},"
             "\"status\":\"accepted\"}]}",
             slot->id, noshow ? "noshow" : "booked", start, end, slot->key);
    finish(maker, slot);
}

static void add_condition(struct maker *maker, uint64_t client, int64_t time_ms)
{
    char recorded[PN_TIME_TEXT_BYTES];
    pn_time_format(time_ms, recorded);
    struct slot *slot = next_slot(maker, "fi.punos.condition.recorded.v1", client, time_ms);
    snprintf(slot->data, sizeof slot->data,
             "{\"resourceType\":\"Condition\",\"id\":\"%s\",\"code\":{\"coding\":[{\"system\":"
             "\"urn:oid:1.2.246.537.6.31.2007\",\"code\":\"A0%d\"}]},\"subject\":{\"reference\":"
             "\"Patient/%s\"},\"recordedDate\":\"%s\"}",
             slot->id, (int)(draw(maker) % 9 + 1), slot->key, recorded);
    finish(maker, slot);
}

static void add_event(struct maker *maker)
{
    // A tenth of the clients has three quarters of the events.
    uint64_t tenth = maker->clients / 10 == 0 ? 1 : maker->clients / 10;
    uint64_t client = draw(maker) % 4 != 0 ? draw(maker) % tenth : draw(maker) % maker->clients;
    int64_t time_ms =
        maker->now_ms - (int64_t)(draw(maker) % (uint64_t)(365 * PN_MS_PER_DAY)) - 3600000;
    uint64_t kind = draw(maker) % 100;
    if (kind < 60) {
        add_visit(maker, client, time_ms);
    } else if (kind < 85) {
        add_appointment(maker, client, time_ms);
    } else {
        add_condition(maker, client, time_ms);
    }
}

int main(int argc, char **argv)
{
    int64_t events = 0;
    int64_t clients = 0;
    if (argc != 4 || !pn_slice_to_i64(pn_slice_str(argv[2]), &events) ||
        !pn_slice_to_i64(pn_slice_str(argv[3]), &clients) || clients < 1) {
        fprintf(stderr, "usage: make_events DATA EVENTS CLIENTS\n");
        return 2;
    }
    struct pn_config config;
    pn_config_defaults(&config);
    config.data_dir = argv[1];
    struct maker *maker = calloc(1, sizeof *maker);
    struct pn_err err;
    if (maker == NULL || pn_stream_open(&config, &maker->stream, &err) != PN_OK ||
        pn_stream_create_topics(maker->stream, &err) != PN_OK) {
        fprintf(stderr, "make_events: the stream can't be opened\n");
        return 3;
    }
    maker->seed = 20261121;
    maker->now_ms = pn_clock_now_ms();
    maker->clients = (uint64_t)clients;
    for (int64_t i = 0; i < clients; i++) {
        add_client(maker, (uint64_t)i);
    }
    for (int64_t i = 0; i < events; i++) {
        add_event(maker);
    }
    flush(maker);
    printf("%" PRId64 " events of %" PRId64 " clients\n", events, clients);
    pn_stream_close(maker->stream);
    free(maker);
    return 0;
}
