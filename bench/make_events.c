// SPDX-License-Identifier: Apache-2.0
/*
 * Fills an embedded stream with a made-up county's last year, for measuring services and rules.
 *
 *   make_events DATA EVENTS CLIENTS [FOLDER]
 *
 * FOLDER gets the same as facts.csv and people.csv, for programs that don't read FHIR. Events come
 * in the order of their time, one at a time. The same numbers give the same county, its last
 * midnight but for the day on which it is made.
 *
 * Shares follow the source documents where they give any: one client in a hundred is such as is
 * looked for (5.5 professions against 3.2, half of them with ten or more emergency visits, many
 * unused appointments), nine use services often. One adult in seventy has four or more emergency
 * visits a year, and a quarter of all. The rest is ours.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "event/event.h"
#include "stream/stream.h"

enum {
    BATCH = 1000,
    DATA_BYTES = 1600,
    ID_BYTES = 40,
    KEY_BYTES = PN_CLIENT_KEY_TEXT_BYTES,
    PATH_BYTES = 512,
    YEAR_DAYS = 365
};

// --- What there is in the county -----------------------------------------------------------------

// How a client uses services; per mille are of the client's events of that kind.
struct usage {
    unsigned clients;   // of a thousand clients
    unsigned events;    // of a thousand events
    unsigned emergency; // of visits
    unsigned noshow;    // of appointments
    unsigned vague;     // of reasons
    unsigned breadth;   // professions around it; one service less
};
static const struct usage usages[] = {
    {5, 40, 145, 90, 250, 6}, // ten and more emergency visits a year
    {5, 40, 45, 90, 200, 5},
    {90, 420, 35, 30, 60, 4},
    {900, 500, 35, 20, 40, 3},
};

static const char *const professions[] = {
    "sairaanhoitaja",  "laakari",    "terveydenhoitaja",   "fysioterapeutti",
    "sosiaaliohjaaja", "psykologi",  "sosiaalityontekija", "suuhygienisti",
    "lahihoitaja",     "ravitsemus", "toimintaterapeutti", "paihdetyontekija"};
static const char *const services[] = {"10", "15", "20", "24", "30", "40",
                                       "50", "60", "70", "75", "80", "98"};
static const char *const vague[] = {"A01", "A04", "A05", "A29", "P01", "P02", "P03", "Z29"};
static const char *const clear[] = {"R74", "L03", "K86", "T90", "A97", "D01",
                                    "H71", "L15", "N01", "R05", "S88", "U71"};
static const char *const sectors[] = {"primary", "specialist", "social"};

enum shape { SHAPE_ENCOUNTER, SHAPE_APPOINTMENT, SHAPE_CONDITION, SHAPE_EPISODE, SHAPE_FLAG };
enum kind { VISIT, STAY, CONTACT, APPOINTMENT, CONDITION, CLIENTSHIP, CONCERN, KIND_COUNT };
static const struct {
    unsigned share; // of a thousand events
    enum shape shape;
    const char *name, *first, *last; // the event that begins it, and the one that ends it
} kinds[] = {
    [VISIT] = {380, SHAPE_ENCOUNTER, "visit", "visit.finished", NULL},
    [STAY] = {8, SHAPE_ENCOUNTER, "visit", "visit.started", "visit.finished"},
    [CONTACT] = {120, SHAPE_ENCOUNTER, "contact", "contact.recorded", NULL},
    [APPOINTMENT] = {310, SHAPE_APPOINTMENT, "appointment", "appointment.booked", NULL},
    [CONDITION] = {163, SHAPE_CONDITION, "condition", "condition.recorded", NULL},
    [CLIENTSHIP] = {18, SHAPE_EPISODE, "clientship", "clientship.opened", "clientship.closed"},
    [CONCERN] = {1, SHAPE_FLAG, "concern", "concern.raised", NULL},
};

// What one event says.
struct saying {
    enum kind kind;
    const char *happening;
    int64_t start_ms, end_ms; // end_ms 0: none told
    uint64_t resource;
    bool is_noshow, is_again; // is_again: the resource was told of before
    const char *sector, *class, *status, *profession, *service, *contact, *code;
    unsigned unit;
};

// What goes on for a client: ended by one of the client's later events.
struct open {
    struct saying saying; // as it was told
    int64_t until_ms;
};
struct person {
    struct open *open[KIND_COUNT];
};

struct slot {
    char data[DATA_BYTES];
    char id[ID_BYTES];
    char type[ID_BYTES];
    char key[KEY_BYTES];
};

struct maker {
    struct pn_stream *stream;
    FILE *facts, *people; // NULL: not asked for
    uint64_t seed;
    int64_t begin_ms;
    uint64_t clients;
    uint64_t made;
    struct person *persons;
    struct slot slots[BATCH];
    struct pn_record_out records[BATCH];
    size_t count;
};

static void fail(const char *what)
{
    fprintf(stderr, "make_events: %s\n", what);
    exit(3);
}

// xorshift64*: small, seeded, good enough for a mix.
static uint64_t draw(struct maker *maker, uint64_t below)
{
    maker->seed ^= maker->seed >> 12;
    maker->seed ^= maker->seed << 25;
    maker->seed ^= maker->seed >> 27;
    return (maker->seed * UINT64_C(2685821657736338717) >> 16) % below;
}

static bool is_drawn(struct maker *maker, unsigned per_mille)
{
    return draw(maker, 1000) < per_mille;
}

// --- Out -----------------------------------------------------------------------------------------

static void flush(struct maker *maker)
{
    struct pn_err err;
    if (maker->count > 0 &&
        pn_stream_append(maker->stream, maker->records, maker->count, &err) != PN_OK) {
        fail(err.text);
    }
    maker->count = 0;
}

static struct slot *next_slot(struct maker *maker, const char *happening, uint64_t client,
                              int64_t time_ms)
{
    if (maker->count == BATCH) {
        flush(maker);
    }
    struct slot *slot = &maker->slots[maker->count];
    snprintf(slot->key, KEY_BYTES, "%016" PRIx64 "%016" PRIx64,
             (client + 1) * UINT64_C(0x9E3779B97F4A7C15), client);
    snprintf(slot->type, sizeof slot->type, "fi.punos.%s.v1", happening);
    snprintf(slot->id, sizeof slot->id, "%08x-0000-5000-8000-%012" PRIx64,
             (unsigned)(maker->made * 2654435761u), maker->made);
    maker->made++;
    maker->records[maker->count++] =
        (struct pn_record_out){.topic = PN_TOPIC_EVENT,
                               .event = {.id = pn_slice_str(slot->id),
                                         .source = pn_slice_str("/adapter/oberon/KESKUSSAIRAALA"),
                                         .type = pn_slice_str(slot->type),
                                         .subject = pn_slice_str(slot->key),
                                         .sector = pn_slice_str("specialist"),
                                         .time_ms = time_ms,
                                         .recorded_ms = time_ms}};
    return slot;
}

static void print_encounter(const struct saying *saying, const char *period, struct slot *slot)
{
    snprintf(slot->data, sizeof slot->data,
             "{\"resourceType\":\"Encounter\",\"id\":\"%08x-0000-5000-9000-%012" PRIx64 "\","
             "\"identifier\":[{\"system\":\"urn:punos:oberon:visit\",\"value\":\"%" PRIu64 "\"}],"
             "\"status\":\"%s\",\"class\":{\"system\":"
             "\"http://terminology.hl7.org/CodeSystem/v3-ActCode\",\"code\":\"%s\"},"
             "\"type\":[{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.127.2007\",\"code\":"
             "\"%s\"}]}],\"serviceType\":{\"coding\":[{\"system\":"
             "\"urn:oid:1.2.246.537.6.24.2003\",\"code\":\"%s\"}]},\"subject\":{\"reference\":"
             "\"Patient/%s\"},\"participant\":[{\"type\":[{\"text\":\"%s\"}]}],"
             "\"reasonCode\":[{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.31.2007\","
             "\"code\":\"%s\"}]}],\"period\":{%s},"
             "\"serviceProvider\":{\"display\":\"KESKUSSAIRAALA POLI%u\"}}",
             (unsigned)(saying->resource * 2654435761u), saying->resource, saying->resource,
             saying->status, saying->class, saying->contact, saying->service, slot->key,
             saying->profession, saying->code, period, saying->unit);
}

static void print_other(const struct saying *saying, const char *period, struct slot *slot)
{
    static const char *const bodies[] = {
        [SHAPE_ENCOUNTER] = "",          [SHAPE_APPOINTMENT] = "Appointment",
        [SHAPE_CONDITION] = "Condition", [SHAPE_EPISODE] = "EpisodeOfCare",
        [SHAPE_FLAG] = "Flag",
    };
    enum shape shape = kinds[saying->kind].shape;
    int used = snprintf(slot->data, sizeof slot->data,
                        "{\"resourceType\":\"%s\",\"id\":\"%08x-0000-5000-9000-%012" PRIx64 "\","
                        "\"%s\":{\"reference\":\"Patient/%s\"},",
                        bodies[shape], (unsigned)(saying->resource * 2654435761u), saying->resource,
                        shape == SHAPE_EPISODE ? "patient" : "subject", slot->key);
    char *rest = slot->data + used;
    size_t room = sizeof slot->data - (size_t)used;
    if (shape == SHAPE_APPOINTMENT) {
        snprintf(rest, room, "\"status\":\"%s\",%s}", saying->status, period);
    } else if (shape == SHAPE_CONDITION) {
        char recorded[PN_TIME_TEXT_BYTES];
        pn_time_format(saying->start_ms, recorded);
        snprintf(rest, room,
                 "\"recordedDate\":\"%s\",\"code\":{\"coding\":[{\"system\":"
                 "\"urn:oid:1.2.246.537.6.31.2007\",\"code\":\"%s\"}]}}",
                 recorded, saying->code);
    } else {
        snprintf(rest, room,
                 "\"status\":\"%s\",\"type\":[{\"coding\":[{\"system\":"
                 "\"urn:oid:1.2.246.537.6.1221.201601\",\"code\":\"%s\"}]}],\"period\":{%s}}",
                 saying->status, saying->service, period);
    }
}

static void print_row(struct maker *maker, uint64_t client, const struct saying *saying)
{
    char end[24] = "";
    if (saying->end_ms != 0) {
        snprintf(end, sizeof end, "%" PRId64, saying->end_ms);
    }
    fprintf(maker->facts,
            "%" PRIu64 ",%" PRId64 ",%s,%s,%d,%" PRIu64 ",%s,%s,%s,%s,%s,%s,%s,%s,POLI%u\n", client,
            saying->start_ms, end, kinds[saying->kind].name, saying->is_again, saying->resource,
            saying->sector, saying->class, saying->status, saying->profession, saying->service,
            saying->contact, *saying->code == '\0' ? "" : "icpc2", saying->code, saying->unit);
}

static void tell(struct maker *maker, uint64_t client, const struct saying *saying, int64_t now_ms)
{
    char start[PN_TIME_TEXT_BYTES], end[PN_TIME_TEXT_BYTES], period[128];
    pn_time_format(saying->start_ms, start);
    int used = snprintf(period, sizeof period, "\"start\":\"%s\"", start);
    if (saying->end_ms != 0) {
        pn_time_format(saying->end_ms, end);
        snprintf(period + used, sizeof period - (size_t)used, ",\"end\":\"%s\"", end);
    }
    struct slot *slot = next_slot(maker, saying->happening, client, now_ms);
    if (kinds[saying->kind].shape == SHAPE_ENCOUNTER) {
        print_encounter(saying, period, slot);
    } else {
        print_other(saying, period, slot);
    }
    struct pn_event *event = &maker->records[maker->count - 1].event;
    event->sector = pn_slice_str(saying->sector);
    event->data = pn_slice_str(slot->data);
    if (maker->facts != NULL) {
        print_row(maker, client, saying);
    }
}

// --- Clients -------------------------------------------------------------------------------------

// Whole classes of clients stand one after another.
static uint64_t first_of(const struct maker *maker, unsigned usage)
{
    uint64_t before = 0;
    for (unsigned i = 0; i < usage; i++) {
        before += usages[i].clients;
    }
    return maker->clients * before / 1000;
}

static unsigned usage_of(struct maker *maker)
{
    uint64_t drawn = draw(maker, 1000);
    unsigned usage = 0;
    while (drawn >= usages[usage].events) {
        drawn -= usages[usage++].events;
    }
    // A small county has no clients of a small class.
    while (first_of(maker, usage) == first_of(maker, usage + 1)) {
        usage++;
    }
    return usage;
}

static void add_client(struct maker *maker, uint64_t client)
{
    struct slot *slot =
        next_slot(maker, "client.identified", client, maker->begin_ms - 30 * PN_MS_PER_DAY);
    int birth_year = (int)(1935 + client % 90);
    snprintf(slot->data, sizeof slot->data,
             "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"extension\":[{\"url\":"
             "\"https://punos.fi/fhir/StructureDefinition/sealed-identity\",\"valueBase64Binary\":"
             "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\"}],"
             "\"identifier\":[{\"system\":\"urn:punos:client-key\",\"value\":\"%s\"}],"
             "\"gender\":\"%s\",\"birthDate\":\"%d\"}",
             slot->key, slot->key, client % 2 == 0 ? "female" : "male", birth_year);
    maker->records[maker->count - 1].event.data = pn_slice_str(slot->data);
    if (maker->people != NULL) {
        fprintf(maker->people, "%" PRIu64 ",%d\n", client, birth_year);
    }
}

// --- A year --------------------------------------------------------------------------------------

// The first of the list are for everybody, and the commoner; the others hang on the client.
static const char *pick(struct maker *maker, const char *const *list, uint64_t client,
                        unsigned breadth)
{
    enum { FOR_ALL = 2, LISTED = 12 };
    uint64_t one = draw(maker, breadth);
    uint64_t two = draw(maker, breadth);
    uint64_t place = one < two ? one : two;
    return place < FOR_ALL ? list[place] : list[FOR_ALL + (place + client) % (LISTED - FOR_ALL)];
}

static struct saying make_saying(struct maker *maker, uint64_t client, const struct usage *usage,
                                 int64_t now_ms)
{
    uint64_t drawn = draw(maker, 1000);
    struct saying saying = {.kind = VISIT, .start_ms = now_ms, .resource = maker->made};
    while (drawn >= kinds[saying.kind].share) {
        drawn -= kinds[saying.kind++].share;
    }
    unsigned breadth = usage->breadth + (unsigned)(client % 2);
    saying.happening = kinds[saying.kind].first;
    saying.sector = sectors[draw(maker, 20) < 11 ? 0 : draw(maker, 3) == 0 ? 2 : 1];
    saying.profession = saying.service = saying.class = saying.contact = saying.code = "";
    saying.status = "active";
    saying.unit = (unsigned)draw(maker, 12);
    if (kinds[saying.kind].shape == SHAPE_ENCOUNTER) {
        bool is_emergency = saying.kind == VISIT && is_drawn(maker, usage->emergency);
        saying.class = is_emergency ? "EMER" : saying.kind == STAY ? "IMP" : "AMB";
        saying.status = saying.kind == STAY ? "in-progress" : "finished";
        saying.end_ms = saying.kind == STAY ? 0 : now_ms + 30 * 60 * PN_MS_PER_SECOND;
        saying.profession = pick(maker, professions, client, breadth);
        // Every twentieth contact is work about the client without the client.
        saying.contact = saying.kind != CONTACT ? "R10" : draw(maker, 20) == 0 ? "R60" : "R50";
    }
    if (kinds[saying.kind].shape == SHAPE_ENCOUNTER || saying.kind == CLIENTSHIP) {
        saying.service = pick(maker, services, client, breadth - 1);
        saying.sector = sectors[(unsigned)saying.service[0] % PN_ARRAY_COUNT(sectors)];
    }
    if (kinds[saying.kind].shape == SHAPE_ENCOUNTER || saying.kind == CONDITION) {
        saying.code = is_drawn(maker, usage->vague) ? vague[draw(maker, PN_ARRAY_COUNT(vague))]
                                                    : clear[draw(maker, PN_ARRAY_COUNT(clear))];
    }
    if (saying.kind == APPOINTMENT) {
        saying.is_noshow = is_drawn(maker, usage->noshow);
        saying.happening = saying.is_noshow ? "appointment.noshow" : saying.happening;
        saying.status = saying.is_noshow ? "noshow" : "booked";
        saying.end_ms = now_ms + 30 * 60 * PN_MS_PER_SECOND;
    }
    return saying;
}

// Ends what the client's time has come to end.
static bool end_one(struct maker *maker, uint64_t client, int64_t now_ms)
{
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        struct open *open = maker->persons[client].open[kind];
        if (open == NULL || open->until_ms > now_ms) {
            continue;
        }
        open->saying.happening = kinds[kind].last;
        open->saying.status = "finished";
        open->saying.end_ms = now_ms;
        open->saying.is_again = true;
        tell(maker, client, &open->saying, now_ms);
        free(open);
        maker->persons[client].open[kind] = NULL;
        return true;
    }
    return false;
}

static void add_event(struct maker *maker, int64_t now_ms)
{
    unsigned class = usage_of(maker);
    uint64_t first = first_of(maker, class);
    uint64_t client = first + draw(maker, first_of(maker, class + 1) - first);
    if (end_one(maker, client, now_ms)) {
        return;
    }
    struct saying saying = make_saying(maker, client, &usages[class], now_ms);
    struct open **open = &maker->persons[client].open[saying.kind];
    if (kinds[saying.kind].last != NULL && *open == NULL) {
        int64_t days = saying.kind == STAY ? 1 + (int64_t)draw(maker, 14) : 30;
        *open = calloc(1, sizeof **open);
        if (*open == NULL) {
            fail("no memory");
        }
        **open = (struct open){.saying = saying, .until_ms = now_ms + days * PN_MS_PER_DAY};
    }
    tell(maker, client, &saying, now_ms);
}

static FILE *table(const char *folder, const char *name, const char *header)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        fail(path);
    }
    fputs(header, file);
    return file;
}

static void open_all(struct maker *maker, char *data, const char *folder)
{
    struct pn_config config;
    struct pn_err err;
    pn_config_defaults(&config);
    config.data_dir = data;
    if (pn_stream_open(&config, &maker->stream, &err) != PN_OK ||
        pn_stream_create_topics(maker->stream, &err) != PN_OK) {
        fail("the stream can't be opened");
    }
    if (folder != NULL) {
        maker->facts = table(folder, "facts.csv",
                             "client,start_ms,end_ms,kind,again,resource,sector,class,status,"
                             "profession,service,contact,system,code,unit\n");
        maker->people = table(folder, "people.csv", "client,birth_year\n");
    }
}

static void close_all(struct maker *maker)
{
    flush(maker);
    pn_stream_close(maker->stream);
    if (maker->facts != NULL && (fclose(maker->facts) != 0 || fclose(maker->people) != 0)) {
        fail("the tables can't be written");
    }
    for (uint64_t i = 0; i < maker->clients; i++) {
        for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
            free(maker->persons[i].open[kind]);
        }
    }
    free(maker->persons);
    free(maker);
}

int main(int argc, char **argv)
{
    int64_t events = 0;
    int64_t clients = 0;
    if (argc < 4 || argc > 5 || !pn_slice_to_i64(pn_slice_str(argv[2]), &events) ||
        !pn_slice_to_i64(pn_slice_str(argv[3]), &clients) || clients < 1 || events < 1) {
        fprintf(stderr, "usage: make_events DATA EVENTS CLIENTS [FOLDER]\n");
        return 2;
    }
    struct maker *maker = calloc(1, sizeof *maker);
    struct person *persons = calloc((size_t)clients, sizeof *persons);
    if (maker == NULL || persons == NULL) {
        fail("no memory");
    }
    maker->persons = persons;
    maker->clients = (uint64_t)clients;
    maker->seed = 20261121;
    maker->begin_ms = pn_clock_now_ms() / PN_MS_PER_DAY * PN_MS_PER_DAY - YEAR_DAYS * PN_MS_PER_DAY;
    open_all(maker, argv[1], argv[4]);
    for (int64_t i = 0; i < clients; i++) {
        add_client(maker, (uint64_t)i);
    }
    for (int64_t i = 0; i < events; i++) {
        add_event(maker, maker->begin_ms + YEAR_DAYS * PN_MS_PER_DAY / events * i +
                             (int64_t)draw(maker, (uint64_t)(YEAR_DAYS * PN_MS_PER_DAY / events)));
    }
    printf("%" PRId64 " events of %" PRId64 " clients\n", events, clients);
    close_all(maker);
    return 0;
}
