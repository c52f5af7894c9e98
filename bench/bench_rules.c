// SPDX-License-Identifier: Apache-2.0
/*
 * How fast rules are evaluated, and nothing else: each event of a made-up county-year adds a fact
 * to its client, who is then evaluated under every rule of the file. The same numbers give the same
 * events.
 *
 *   bench_rules [--events FILE] [--triggers FILE] RULES EVENTS CLIENTS [SEED]
 *
 * --events writes the events as CSV, for peers; --triggers what rose and ended, and at which event.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "services/identify/evaluate.h"
#include "services/identify/rules.h"

enum {
    BATCH = 1000,
    BOOT_BYTES_MAX = 64 * 1024 * 1024,
    DAYS = 365,
    ROOM_FIRST = 4,
    UNITS = 12,
    SERVICES = 30
};

static const struct kind {
    const char *name, *setting, *contact, *status;
    enum pn_entry_kind kind;
    enum pn_urgency urgency;
    unsigned share; // of a hundred
    uint8_t resource_type, flags;
    int hours; // at most, of its length
} kinds[] = {
    {"visit", "AMB", "R10", "finished", PN_KIND_VISIT, PN_URGENCY_UNKNOWN, 43, 1,
     PN_FACT_CLIENT_CONTACT, 1},
    {"visit", "EMER", "R10", "finished", PN_KIND_VISIT, PN_URGENCY_EMERGENCY, 8, 1,
     PN_FACT_CLIENT_CONTACT, 8},
    {"visit", "IMP", "R10", "finished", PN_KIND_VISIT, PN_URGENCY_UNKNOWN, 2, 1,
     PN_FACT_CLIENT_CONTACT, 240},
    {"contact", "VR", "R50", "finished", PN_KIND_CONTACT, PN_URGENCY_UNKNOWN, 12, 1,
     PN_FACT_CLIENT_CONTACT, 1},
    {"appointment", "", "", "booked", PN_KIND_APPOINTMENT, PN_URGENCY_UNKNOWN, 18, 2, 0, 1},
    {"appointment", "", "", "noshow", PN_KIND_APPOINTMENT, PN_URGENCY_UNKNOWN, 2, 2, PN_FACT_NOSHOW,
     1},
    {"condition", "", "", "active", PN_KIND_CONDITION, PN_URGENCY_UNKNOWN, 11, 6, 0, 0},
    {"clientship", "", "", "active", PN_KIND_CLIENTSHIP, PN_URGENCY_UNKNOWN, 2, 3, 0, 4000},
    {"need", "", "", "active", PN_KIND_NEED, PN_URGENCY_UNKNOWN, 1, 5, PN_FACT_CLIENT_CONTACT, 0},
    {"concern", "", "", "active", PN_KIND_CONCERN, PN_URGENCY_UNKNOWN, 1, 4, 0, 0},
};
static const char *const professions[] = {"laakari",
                                          "sairaanhoitaja",
                                          "fysioterapeutti",
                                          "psykologi",
                                          "sosiaalityontekija",
                                          "ravitsemus",
                                          "suuhygienisti",
                                          ""};
static const struct {
    enum pn_code_system system;
    const char *name, *code;
} codes[] = {{PN_SYSTEM_NONE, "", ""},
             {PN_SYSTEM_ICPC2, "icpc2", "A04"},
             {PN_SYSTEM_ICPC2, "icpc2", "D01"},
             {PN_SYSTEM_ICPC2, "icpc2", "P76"},
             {PN_SYSTEM_ICPC2, "icpc2", "L03"},
             {PN_SYSTEM_ICD10, "icd10", "R52"},
             {PN_SYSTEM_ICD10, "icd10", "F32.1"},
             {PN_SYSTEM_ICD10, "icd10", "F10.2"},
             {PN_SYSTEM_ICD10, "icd10", "E11.9"},
             {PN_SYSTEM_ICD10, "icd10", "M54.5"}};

struct client {
    struct pn_fact_entry *facts;
    unsigned count, room;
    uint64_t holds; // 1 << rule
};

struct event {
    unsigned client;
    struct pn_fact_entry fact;
};

struct bench {
    struct pn_ruleset *rules;
    struct pn_evaluator *evaluator;
    struct client *clients;
    unsigned client_count;
    uint64_t seed;
    int64_t made, events, begin_ms;
    struct event batch[BATCH];
    FILE *event_file, *trigger_file;
    int64_t raised, ended;
    double cpu_s, wall_s;
    struct pn_finding finding;
};

static void stop(const char *where, const char *text)
{
    fprintf(stderr, "bench_rules: %s: %s\n", where, text);
    exit(3);
}

static void *room(size_t count, size_t size, void *old)
{
    void *made = reallocarray(old, count, size);
    if (made == NULL) {
        stop("memory", "there is no more");
    }
    return made;
}

// --- Events --------------------------------------------------------------------------------------

// xorshift64*
static uint64_t draw(struct bench *bench, uint64_t below)
{
    bench->seed ^= bench->seed >> 12;
    bench->seed ^= bench->seed << 25;
    bench->seed ^= bench->seed >> 27;
    return (bench->seed * UINT64_C(2685821657736338717) >> 11) % below;
}

static uint32_t code_of(const char *text)
{
    return pn_fact_code(pn_slice_str(text));
}

static const struct kind *draw_kind(struct bench *bench)
{
    uint64_t place = draw(bench, 100);
    unsigned i = 0;
    while (place >= kinds[i].share) {
        place -= kinds[i++].share;
    }
    return &kinds[i];
}

struct drawn {
    const struct kind *kind;
    unsigned client, service, unit, profession, code, sector;
    int64_t start_ms, end_ms;
};

static void write_event(struct bench *bench, const struct drawn *drawn)
{
    const struct kind *kind = drawn->kind;
    fprintf(bench->event_file,
            "%" PRId64 ",%u,%" PRId64 ",%" PRId64 ",%s,%s,%s,%d,%d,%u,%s,%s,%s,%s,unit-%u,%s,%s\n",
            bench->made, drawn->client, drawn->start_ms, drawn->end_ms, kind->name,
            pn_sector_name((enum pn_sector)drawn->sector),
            kind->urgency == PN_URGENCY_EMERGENCY ? "emergency" : "",
            (kind->flags & PN_FACT_NOSHOW) != 0, (kind->flags & PN_FACT_CLIENT_CONTACT) != 0,
            drawn->service, professions[drawn->profession], kind->contact, kind->status,
            kind->setting, drawn->unit, codes[drawn->code].name, codes[drawn->code].code);
}

static void fill_fact(struct bench *bench, const struct drawn *drawn, struct pn_fact_entry *fact)
{
    char text[16];
    const struct kind *kind = drawn->kind;
    *fact = (struct pn_fact_entry){
        .start_ms = drawn->start_ms,
        .end_ms = drawn->end_ms,
        .revision = drawn->start_ms << 2,
        .code = pn_fact_pack(codes[drawn->code].system, pn_slice_str(codes[drawn->code].code), 0),
        .profession = code_of(professions[drawn->profession]),
        .contact = code_of(kind->contact),
        .status = code_of(kind->status),
        .setting = code_of(kind->setting),
        .resource_type = kind->resource_type,
        .kind = (uint8_t)kind->kind,
        .sector = (uint8_t)drawn->sector,
        .urgency = (uint8_t)kind->urgency,
        .flags = kind->flags,
    };
    snprintf(text, sizeof text, "%u", drawn->service);
    fact->service = code_of(text);
    snprintf(text, sizeof text, "unit-%u", drawn->unit);
    fact->unit = code_of(text);
    const uint64_t id[2] = {(uint64_t)bench->made * UINT64_C(0x9E3779B97F4A7C15),
                            (uint64_t)bench->made};
    memcpy(fact->id, id, sizeof fact->id);
}

// A tenth of the clients has three quarters of the events.
static void draw_event(struct bench *bench, struct event *ret_event)
{
    uint64_t tenth = bench->client_count / 10 == 0 ? 1 : bench->client_count / 10;
    struct drawn drawn = {.kind = draw_kind(bench)};
    drawn.client =
        (unsigned)(draw(bench, 4) != 0 ? draw(bench, tenth) : draw(bench, bench->client_count));
    drawn.start_ms = bench->begin_ms + bench->made * (DAYS * PN_MS_PER_DAY / bench->events);
    drawn.end_ms = drawn.start_ms;
    if (drawn.kind->hours > 0) {
        drawn.end_ms += (int64_t)(1 + draw(bench, (uint64_t)drawn.kind->hours)) * 3600000;
    }
    drawn.service = 10 + (unsigned)draw(bench, SERVICES);
    drawn.unit = (unsigned)draw(bench, UNITS);
    drawn.profession = (unsigned)draw(bench, PN_ARRAY_COUNT(professions));
    drawn.code = (unsigned)draw(bench, PN_ARRAY_COUNT(codes));
    drawn.sector = PN_SECTOR_PRIMARY + (unsigned)draw(bench, 3);
    ret_event->client = drawn.client;
    fill_fact(bench, &drawn, &ret_event->fact);
    if (bench->event_file != NULL) {
        write_event(bench, &drawn);
    }
    bench->made++;
}

// --- Evaluation ----------------------------------------------------------------------------------

static void add_fact(struct client *client, const struct pn_fact_entry *fact)
{
    if (client->count == PN_CLIENT_FACTS_MAX) {
        memmove(client->facts, client->facts + 1, --client->count * sizeof *fact);
    }
    if (client->count == client->room) {
        client->room += client->room / 4 + ROOM_FIRST;
        client->facts = room(client->room, sizeof *fact, client->facts);
    }
    client->facts[client->count++] = *fact;
}

static void tell(struct bench *bench, const struct event *event, unsigned rule, bool holds)
{
    bench->raised += holds ? 1 : 0;
    bench->ended += holds ? 0 : 1;
    bench->clients[event->client].holds ^= UINT64_C(1) << rule;
    if (bench->trigger_file != NULL) {
        fprintf(bench->trigger_file, "%u,%s,%" PRId64 ",%s\n", event->client,
                bench->rules->rules[rule].id, event->fact.start_ms, holds ? "raised" : "ended");
    }
}

static void handle(struct bench *bench, const struct event *event)
{
    struct client *client = &bench->clients[event->client];
    add_fact(client, &event->fact);
    pn_evaluator_take(bench->evaluator, client->facts, client->count);
    for (unsigned i = 0; i < bench->rules->count; i++) {
        bool did_hold = (client->holds >> i & 1) != 0;
        const struct pn_evaluation evaluation = {.rule = &bench->rules->rules[i],
                                                 .moment_ms = event->fact.start_ms,
                                                 .birth_year = 1935 + (int)(event->client % 70),
                                                 .wants_all = did_hold};
        pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
        if (bench->finding.holds != did_hold) {
            tell(bench, event, i, bench->finding.holds);
        }
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(struct bench *bench)
{
    while (bench->made < bench->events) {
        unsigned count = 0;
        while (count < BATCH && bench->made < bench->events) {
            draw_event(bench, &bench->batch[count++]); // is not measured
        }
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < count; i++) {
            handle(bench, &bench->batch[i]);
        }
        bench->cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        bench->wall_s += seconds(CLOCK_MONOTONIC) - wall;
    }
}

// --- Start ---------------------------------------------------------------------------------------

static FILE *open_file(const char *path, const char *header)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        stop(path, "it can't be written");
    }
    fputs(header, file);
    return file;
}

static void read_words(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"events", required_argument, NULL, 'e'}, {"triggers", required_argument, NULL, 't'}, {0}};
    for (int option = 0; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'e') {
            bench->event_file = open_file(optarg, "serial,client,start_ms,end_ms,kind,sector,"
                                                  "urgency,noshow,client_contact,service,"
                                                  "profession,contact,status,setting,unit,"
                                                  "code_system,code\n");
        } else if (option == 't') {
            bench->trigger_file = open_file(optarg, "client,rule,at_ms,what\n");
        } else {
            exit(2);
        }
    }
    int64_t clients = 0, seed = 20261122;
    int left = argc - optind;
    if (left < 3 || left > 4 || !pn_slice_to_i64(pn_slice_str(argv[optind + 1]), &bench->events) ||
        !pn_slice_to_i64(pn_slice_str(argv[optind + 2]), &clients) ||
        (left == 4 && !pn_slice_to_i64(pn_slice_str(argv[optind + 3]), &seed)) || clients < 1 ||
        bench->events < 1) {
        fprintf(stderr, "usage: bench_rules [--events FILE] [--triggers FILE] RULES EVENTS CLIENTS"
                        " [SEED]\n");
        exit(2);
    }
    bench->client_count = (unsigned)clients;
    bench->seed = (uint64_t)seed;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct pn_err err;
    read_words(&bench, argc, argv);
    struct pn_arena *boot = pn_arena_new(BOOT_BYTES_MAX);
    bench.rules = boot == NULL ? NULL : pn_arena_alloc(boot, sizeof *bench.rules);
    if (bench.rules == NULL || pn_evaluator_new(&bench.evaluator, &err) != PN_OK) {
        stop("memory", "there is no more");
    }
    if (pn_rules_read(boot, argv[optind], bench.rules, &err) != PN_OK) {
        stop(err.where, err.text);
    }
    bench.clients = room(bench.client_count, sizeof *bench.clients, NULL);
    memset(bench.clients, 0, bench.client_count * sizeof *bench.clients);
    bench.begin_ms = pn_days_from_civil(2025, 1, 1) * PN_MS_PER_DAY;
    run(&bench);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("events %" PRId64 " clients %u rules %u raised %" PRId64 " ended %" PRId64
           " events/s %.0f cpu_us %.2f peak_mib %ld\n",
           bench.events, bench.client_count, bench.rules->count, bench.raised, bench.ended,
           (double)bench.events / bench.wall_s, bench.cpu_s * 1e6 / (double)bench.events,
           usage.ru_maxrss / 1024);
    if ((bench.event_file != NULL && fclose(bench.event_file) != 0) ||
        (bench.trigger_file != NULL && fclose(bench.trigger_file) != 0)) {
        stop("output", "it can't be written");
    }
    return 0;
}
