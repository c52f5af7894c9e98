// SPDX-License-Identifier: Apache-2.0
/*
 * How fast rules are evaluated, and nothing else. Each event of the stream of a data folder that
 * make_events filled adds a fact to its client, who is then evaluated under every rule of the file;
 * after that each client's whole history is walked once more, as a backtest does. Reading the
 * events is measured on its own.
 *
 *   bench_rules [--triggers FILE] [--afresh] RULES DATA
 *
 * A rule that the event is no matter of is left alone until it is due, and the others begin where
 * they stood; with --afresh every rule is evaluated from all facts. Both tell the same.
 * FILE gets a row for each trigger that rose: rule, client, since when; FILE.history those of the
 * walk over history.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/rules/rules.h"
#include "stream/stream.h"

enum {
    BATCH = 1000,
    BOOT_BYTES_MAX = 64 * 1024 * 1024,
    ROOM_FIRST = 4,
    SPANS_MAX = 64,
    PATH_BYTES = 512,
    YEAR_DIGITS = 4
};

struct client {
    struct pn_fact_entry *facts;
    int64_t *since_ms;             // of each rule, 0: it does not hold
    struct pn_standing *standings; // of each rule
    unsigned count, room;
    int birth_year;
};

struct event {
    unsigned client;
    int64_t time_ms;
    struct pn_fact_entry fact;
};

struct watch {
    double wall_s, cpu_s;
};

struct bench {
    struct pn_ruleset *rules;
    struct pn_evaluator *evaluator;
    struct client *clients;
    unsigned client_count, client_room;
    struct event batch[BATCH];
    bool is_afresh;
    FILE *rises, *history_rises; // NULL: not asked for
    int64_t events, raised, in_history, room, first_ms, last_ms;
    struct watch reading, live, history;
    struct pn_finding finding;
};

static void stop(const char *where, const char *text)
{
    fprintf(stderr, "bench_rules: %s: %s\n", where, text);
    exit(3);
}

static void must(enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        stop(err->where, err->text);
    }
}

static void *room(size_t count, size_t size, void *old)
{
    void *made = reallocarray(old, count, size);
    if (made == NULL) {
        stop("memory", "there is no more");
    }
    return made;
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin(struct watch *watch)
{
    watch->wall_s -= seconds(CLOCK_MONOTONIC);
    watch->cpu_s -= seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void end(struct watch *watch)
{
    watch->wall_s += seconds(CLOCK_MONOTONIC);
    watch->cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID);
}

// --- Events --------------------------------------------------------------------------------------

// make_events ends a client's key in the client's number.
static unsigned client_of(struct bench *bench, struct pn_slice key)
{
    char digits[PN_CLIENT_KEY_TEXT_BYTES] = "";
    memcpy(digits, key.ptr + key.len / 2, key.len - key.len / 2);
    unsigned number = (unsigned)strtoul(digits, NULL, 16);
    if (number >= bench->client_room) {
        unsigned more = number + number / 2 + BATCH;
        bench->clients = room(more, sizeof *bench->clients, bench->clients);
        memset(bench->clients + bench->client_room, 0,
               (more - bench->client_room) * sizeof *bench->clients);
        bench->client_room = more;
    }
    bench->client_count = number >= bench->client_count ? number + 1 : bench->client_count;
    return number;
}

static void take_person(struct bench *bench, const struct pn_event *event)
{
    static const char field[] = "\"birthDate\":\"";
    const char *found = memmem(event->data.ptr, event->data.len, field, sizeof field - 1);
    int64_t year = 0;
    if (found == NULL ||
        !pn_slice_to_i64(pn_slice_of(found + sizeof field - 1, YEAR_DIGITS), &year)) {
        stop("data", "a year of birth is expected");
    }
    unsigned client = client_of(bench, event->subject); // may move the clients
    bench->clients[client].birth_year = (int)year;
}

static unsigned read_batch(struct bench *bench, const struct pn_record *records, size_t count)
{
    struct pn_facts facts;
    struct pn_err err;
    unsigned found = 0;
    begin(&bench->reading);
    for (size_t i = 0; i < count; i++) {
        const struct pn_event *event = &records[i].event;
        if (pn_slice_is(event->type, "fi.punos.client.identified.v1")) {
            take_person(bench, event);
            continue;
        }
        must(pn_facts_read(event, &facts, &err), &err);
        struct event *one = &bench->batch[found];
        if (pn_fact_entry_make(&facts, &one->fact)) {
            one->client = client_of(bench, event->subject);
            one->time_ms = event->time_ms;
            found++;
        }
    }
    end(&bench->reading);
    return found;
}

// --- Evaluation ----------------------------------------------------------------------------------

static struct pn_fact_entry *find_fact(struct client *client, const struct pn_fact_entry *fact)
{
    uint64_t wanted[2], id[2]; // two words are compared faster than sixteen bytes
    _Static_assert(sizeof id == PN_FACT_ID_BYTES, "an id is two words");
    memcpy(wanted, fact->id, sizeof wanted);
    for (unsigned i = client->count; i > 0; i--) { // a resource's events are near to each other
        memcpy(id, client->facts[i - 1].id, sizeof id);
        if (id[0] == wanted[0] && id[1] == wanted[1]) {
            return &client->facts[i - 1];
        }
    }
    return NULL;
}

static void make_room(struct bench *bench, struct client *client)
{
    if (client->standings == NULL) {
        const unsigned rules = bench->rules->count;
        client->standings = room(rules, sizeof *client->standings, NULL);
        client->since_ms = room(rules, sizeof *client->since_ms, NULL);
        memset(client->standings, 0, rules * sizeof *client->standings);
        memset(client->since_ms, 0, rules * sizeof *client->since_ms);
    }
    if (client->count == PN_CLIENT_FACTS_MAX) {
        memmove(client->facts, client->facts + 1, --client->count * sizeof *client->facts);
    }
    if (client->count == client->room) {
        unsigned more = client->room / 4 + ROOM_FIRST;
        client->room += more;
        bench->room += more;
        client->facts = room(client->room, sizeof *client->facts, client->facts);
    }
}

// The rules that the fact is a matter of. One that stood later than it begins anew.
static uint64_t touch(struct bench *bench, struct client *client, const struct pn_fact_entry *fact)
{
    const uint64_t touched = pn_rules_touched(bench->rules, fact);
    for (uint64_t left = touched; left != 0; left &= left - 1) {
        struct pn_standing *standing = &client->standings[__builtin_ctzll(left)];
        if (fact->start_ms <= standing->time_ms) {
            memset(standing, 0, sizeof *standing);
        }
    }
    return touched;
}

// What was told of before is told anew.
static uint64_t put_fact(struct bench *bench, struct client *client,
                         const struct pn_fact_entry *fact)
{
    struct pn_fact_entry *found = find_fact(client, fact);
    uint64_t touched = 0;
    if (found != NULL) {
        touched = touch(bench, client, found);
        *found = *fact;
    } else {
        make_room(bench, client);
        client->facts[client->count++] = *fact;
    }
    return touched | touch(bench, client, fact);
}

static void tell(struct bench *bench, FILE *file, unsigned rule, const int64_t where[static 2])
{
    if (file != NULL) {
        fprintf(file, "%s,%" PRId64 ",%" PRId64 "\n", bench->rules->rules[rule].id, where[0],
                where[1]);
    }
}

static void evaluate(struct bench *bench, const struct event *event, unsigned rule)
{
    struct client *client = &bench->clients[event->client];
    const int64_t since_ms = client->since_ms[rule];
    const struct pn_evaluation evaluation = {
        .rule = &bench->rules->rules[rule],
        .moment_ms = event->time_ms,
        .birth_year = client->birth_year,
        .standing = bench->is_afresh ? NULL : &client->standings[rule]};
    pn_evaluate(bench->evaluator, &evaluation, &bench->finding);
    client->since_ms[rule] = bench->finding.since_ms;
    if (bench->finding.holds && bench->finding.since_ms != since_ms) {
        bench->raised++;
        tell(bench, bench->rises, rule, (const int64_t[]){event->client, bench->finding.since_ms});
    }
}

static void handle(struct bench *bench, const struct event *event)
{
    struct client *client = &bench->clients[event->client];
    const uint64_t touched = put_fact(bench, client, &event->fact);
    pn_evaluator_take(bench->evaluator, client->facts, client->count);
    for (unsigned i = 0; i < bench->rules->count; i++) {
        int64_t due_ms = client->standings[i].due_ms;
        bool is_due = due_ms != 0 && due_ms <= event->time_ms;
        if (bench->is_afresh || is_due || (touched >> i & 1) != 0) {
            evaluate(bench, event, i);
        }
    }
}

static void walk_history(struct bench *bench)
{
    struct pn_span spans[SPANS_MAX];
    begin(&bench->history);
    for (unsigned c = 0; c < bench->client_count; c++) {
        const struct client *client = &bench->clients[c];
        pn_evaluator_take(bench->evaluator, client->facts, client->count);
        for (unsigned i = 0; i < bench->rules->count; i++) {
            const struct pn_history history = {.rule = &bench->rules->rules[i],
                                               .from_ms = bench->first_ms,
                                               .to_ms = bench->last_ms,
                                               .birth_year = client->birth_year};
            unsigned count = pn_evaluate_history(bench->evaluator, &history, spans, SPANS_MAX);
            bench->in_history += count;
            for (unsigned k = 0; k < count; k++) {
                tell(bench, bench->history_rises, i, (const int64_t[]){c, spans[k].since_ms});
            }
        }
    }
    end(&bench->history);
}

// --- The stream ----------------------------------------------------------------------------------

static void run(struct bench *bench, struct pn_stream *stream)
{
    static struct pn_record records[BATCH];
    static const char *const topics[] = {PN_TOPIC_EVENT};
    const struct pn_consumer_options options = {.group = "bench",
                                                .topics = topics,
                                                .topic_count = 1,
                                                .load_position = pn_stream_from_start};
    struct pn_consumer *consumer = NULL;
    struct pn_err err;
    size_t got = 0;
    must(pn_consumer_open(stream, &options, &consumer, &err), &err);
    bench->first_ms = INT64_MAX;
    do {
        must(pn_consumer_poll(consumer, 0, records, BATCH, &got, &err), &err);
        unsigned count = read_batch(bench, records, got);
        begin(&bench->live);
        for (unsigned i = 0; i < count; i++) {
            handle(bench, &bench->batch[i]);
        }
        end(&bench->live);
        for (unsigned i = 0; i < count; i++) {
            int64_t time_ms = bench->batch[i].time_ms;
            bench->first_ms = time_ms < bench->first_ms ? time_ms : bench->first_ms;
            bench->last_ms = time_ms > bench->last_ms ? time_ms : bench->last_ms;
        }
        bench->events += count;
    } while (got > 0);
    pn_consumer_close(consumer);
}

// --- Start ---------------------------------------------------------------------------------------

static FILE *open_file(const char *path, const char *ending)
{
    char name[PATH_BYTES];
    snprintf(name, sizeof name, "%s%s", path, ending);
    FILE *file = fopen(name, "we");
    if (file == NULL) {
        stop(name, "it can't be written");
    }
    return file;
}

static void read_words(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"triggers", required_argument, NULL, 't'}, {"afresh", no_argument, NULL, 'a'}, {0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) == 't' || option == 'a') {
        bench->is_afresh = bench->is_afresh || option == 'a';
        if (option == 't') {
            bench->rises = open_file(optarg, "");
            bench->history_rises = open_file(optarg, ".history");
        }
    }
    if (option != -1 || argc - optind != 2) {
        fprintf(stderr, "usage: bench_rules [--triggers FILE] [--afresh] RULES DATA\n");
        exit(2);
    }
}

static void say(const struct bench *bench)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double events = (double)bench->events;
    printf("events %" PRId64 " clients %u rules %u raised %" PRId64 " in_history %" PRId64
           " events/s %.0f cpu_us %.2f read_cpu_us %.2f history_s %.2f facts_mib %" PRId64
           " peak_mib %ld\n",
           bench->events, bench->client_count, bench->rules->count, bench->raised,
           bench->in_history, events / bench->live.wall_s, bench->live.cpu_s * 1e6 / events,
           bench->reading.cpu_s * 1e6 / events, bench->history.wall_s,
           bench->room * (int64_t)sizeof(struct pn_fact_entry) >> 20, usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct pn_stream *stream = NULL;
    struct pn_config config;
    struct pn_err err;
    read_words(&bench, argc, argv);
    struct pn_arena *boot = pn_arena_new(BOOT_BYTES_MAX);
    bench.rules = boot == NULL ? NULL : pn_arena_alloc(boot, sizeof *bench.rules);
    if (bench.rules == NULL) {
        stop("memory", "there is no more");
    }
    must(pn_evaluator_new(&bench.evaluator, &err), &err);
    must(pn_rules_read(boot, argv[optind], bench.rules, &err), &err);
    pn_config_defaults(&config);
    config.data_dir = argv[optind + 1];
    must(pn_stream_open(&config, &stream, &err), &err);
    run(&bench, stream);
    pn_stream_close(stream);
    walk_history(&bench);
    say(&bench);
    if (bench.rises != NULL && (fclose(bench.rises) != 0 || fclose(bench.history_rises) != 0)) {
        stop("output", "it can't be written");
    }
    return 0;
}
