// SPDX-License-Identifier: Apache-2.0
/*
 * Random streams through the real engine, for rules.sql: events out of order, twice, corrected,
 * cancelled, moved to another client, merged and unmerged. What the engine tells at each moment
 * and the facts that are left are written as tables. Some begin, or are looked at, where Finnish
 * months begin, on leap days, and when the clocks change, or whole months from there.
 *
 *   test_rules_sql FOLDER STREAMS SEED
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "privacy/client_index.h"
#include "services/identify/engine.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/identify_store.h"
#include "tests/integration/rules_sql/edges.h"

enum {
    RESOURCES = 18, // of one stream, at most
    REVISIONS = 3,
    TOLD_MAX = 160, // events of one stream
    PHASES = 2,
    MOMENTS = 10, // of one phase
    HOURS = 24 * 640,
    TEXT_BYTES = 4096,
    CODES_MAX = 9,   // told of one thing: more than are kept
    PROFESSIONS = 7, // of one thing, and how many there are: more than are kept
    EDGES_TRIED = 50,
    TICKS_MAX = 10000
};

// What a source says of one resource at one time.
struct saying {
    unsigned resource, kind, side;
    int64_t start_ms, end_ms, recorded_ms; // end_ms 0: none
    unsigned reporter, concern;
    unsigned professions[PROFESSIONS], profession_count;
    unsigned codes[CODES_MAX], code_count;
    bool is_cancelled;
};
struct told {
    enum { TOLD_SAYING, TOLD_MERGE, TOLD_PERSON } what;
    struct saying saying;
    bool is_merge;
    int birth_year;
    int64_t recorded_ms;
};
struct stream {
    struct told told[TOLD_MAX];
    unsigned count, split; // the first phase has `split` of them
};

static const struct {
    const char *happening, *resource, *status, *class, *contact, *kind;
} kinds[] = {{"visit.finished", "Encounter", "finished", "EMER", "R10", "visit"},
             {"visit.finished", "Encounter", "finished", "EMER", "R10", "visit"},
             {"visit.finished", "Encounter", "finished", "EMER", "R60", "visit"},
             {"visit.finished", "Encounter", "finished", "AMB", "R10", "visit"},
             {"visit.finished", "Encounter", "finished", "AMB", "R10", "visit"},
             {"visit.finished", "Encounter", "finished", "IMP", "R10", "visit"},
             {"visit.started", "Encounter", "in-progress", "IMP", "R10", "visit"},
             {"appointment.noshow", "Appointment", "noshow", "", "", "appointment"},
             {"appointment.noshow", "Appointment", "noshow", "", "", "appointment"},
             {"contact.recorded", "Encounter", "finished", "VR", "R50", "contact"},
             {"contact.recorded", "Encounter", "finished", "VR", "R50", "contact"},
             {"concern.raised", "Flag", "active", "", "", "concern"},
             {"concern.raised", "Flag", "active", "", "", "concern"},
             {"clientship.opened", "EpisodeOfCare", "active", "", "", "clientship"},
             {"clientship.closed", "EpisodeOfCare", "finished", "", "", "clientship"}};
static const struct {
    const char *system, *name, *code;
} codes[] = {{"http://hl7.org/fhir/sid/icpc-2", "icpc2", "A04"},
             {"http://hl7.org/fhir/sid/icpc-2", "icpc2", "A05"},
             {"http://hl7.org/fhir/sid/icpc-2", "icpc2", "A30"},
             {"urn:oid:1.2.246.537.6.1.2007", "icd10", "R69.9"},
             {"urn:oid:1.2.246.537.6.1.2007", "icd10", "R70"},
             {"http://hl7.org/fhir/sid/icd-10", "icd10", "I10"},
             {"urn:oid:1.2.246.537.6.1.2007", "icd10", "J06.9"},
             {"urn:oid:1.2.246.537.6.1282.2024", "social", "12"},
             {"urn:oid:1.2.246.537.6.1282.2024", "social", "13"}};

static const char *const concerns[] = {"concern",    "loneliness", "money",
                                       "loneliness", "insecurity", "money"};
static const char *const reporters[] = {"",         "client", "professional",
                                        "relative", "client", "other-sector"};

static struct pn_err err;
static uint64_t seed;

static void must(enum pn_code code)
{
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
        exit(1);
    }
}

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % below;
}

// --- Streams -------------------------------------------------------------------------------------

static void key_of(unsigned stream, unsigned side, char ret_key[static PN_CLIENT_KEY_TEXT_BYTES])
{
    (void)snprintf(ret_key, PN_CLIENT_KEY_TEXT_BYTES, "%016x%016x", (stream + 1) * 2 + side, 7);
}

static struct told *tell(struct stream *stream)
{
    assert(stream->count < TOLD_MAX);
    struct told *told = &stream->told[stream->count];
    *told = (struct told){.recorded_ms = begin_ms() + ++stream->count};
    return told;
}

static int64_t draw_start_ms(void)
{
    switch (draw(8)) {
    case 0:
    case 1:
        return month_begins_ms(draw);
    case 2:
        return leap_day_ms(draw);
    case 3:
        return change_ms(draw);
    default:
        return begin_ms() + (int64_t)draw(HOURS) * 3600000;
    }
}

static void draw_saying(struct stream *stream, struct saying *saying)
{
    static const int lengths[] = {1, 5, 30, 24 * 4, 24 * 12, 24 * 25};
    saying->start_ms = draw_start_ms();
    saying->end_ms = 0;
    const char *class = kinds[saying->kind].class;
    bool has_length = strcmp(kinds[saying->kind].resource, "Appointment") != 0;
    bool goes_on = strcmp(kinds[saying->kind].status, "finished") != 0 && class[0] == 'I';
    if (has_length && draw(8) > 0 && (class[0] != '\0' || draw(2) == 0) &&
        (!goes_on || draw(12) > 0)) {
        unsigned most = class[0] == 'I' || class[0] == '\0' ? 6 : 2;
        saying->end_ms = saying->start_ms + (int64_t)lengths[draw(most)] * 3600000;
    }
    saying->reporter = draw(6);
    saying->profession_count = draw(3) > 0 ? 1 : draw(PROFESSIONS + 1);
    for (unsigned i = 0; i < saying->profession_count; i++) {
        saying->professions[i] = draw(PROFESSIONS);
    }
    saying->concern = draw(PN_ARRAY_COUNT(concerns));
    saying->code_count = draw(3) == 0 ? 0 : draw(4) > 0 ? draw(3) : draw(CODES_MAX + 1);
    for (unsigned i = 0; i < saying->code_count; i++) {
        saying->codes[i] = draw(PN_ARRAY_COUNT(codes));
    }
    saying->is_cancelled = draw(10) == 0;
    saying->side = draw(4) == 0;
    struct told *told = tell(stream);
    saying->recorded_ms = told->recorded_ms;
    told->saying = *saying;
}

static void shuffle(struct told *told, unsigned count)
{
    for (unsigned i = count; i > 1; i--) {
        unsigned k = draw(i);
        struct told kept = told[i - 1];
        told[i - 1] = told[k];
        told[k] = kept;
    }
}

static void draw_stream(struct stream *stream)
{
    memset(stream, 0, sizeof *stream);
    unsigned resources = 3 + draw(RESOURCES - 2), favourite = draw(PN_ARRAY_COUNT(kinds));
    for (unsigned i = 0; i < resources; i++) {
        unsigned kind = draw(2) == 0 ? favourite : draw(PN_ARRAY_COUNT(kinds));
        struct saying saying = {.resource = i, .kind = kind};
        unsigned revisions = draw(3) > 0 ? 1 : 1 + draw(REVISIONS);
        for (unsigned r = 0; r < revisions; r++) {
            draw_saying(stream, &saying);
        }
    }
    static const int years[] = {0, 0, 1980, 2006, 2007};
    int year = years[draw(PN_ARRAY_COUNT(years))];
    if (year != 0) {
        *tell(stream) = (struct told){
            .what = TOLD_PERSON, .birth_year = year, .recorded_ms = begin_ms() + stream->count};
    }
    for (unsigned i = draw(3); i > 0; i--) {
        *tell(stream) = (struct told){
            .what = TOLD_MERGE, .is_merge = draw(3) > 0, .recorded_ms = begin_ms() + stream->count};
    }
    unsigned once = stream->count;
    for (unsigned i = 0; i < once / 3; i++) {
        stream->told[stream->count++] = stream->told[draw(once)]; // told twice
    }
    shuffle(stream->told, stream->count);
    stream->split = draw(stream->count + 1);
}

// --- Events --------------------------------------------------------------------------------------

// Some as codings of one reason, some as reasons.
static void write_reasons(const struct saying *saying, char *ret_text, size_t room)
{
    size_t len = 0;
    for (unsigned i = 0; i < saying->code_count; i++) {
        const char *joint = i == 0                                ? ",\"reasonCode\":[{\"coding\":["
                            : (saying->codes[i] + i + 1) % 2 == 0 ? ","
                                                                  : "]},{\"coding\":[";
        len +=
            (size_t)snprintf(ret_text + len, room - len, "%s{\"system\":\"%s\",\"code\":\"%s\"}",
                             joint, codes[saying->codes[i]].system, codes[saying->codes[i]].code);
    }
    (void)snprintf(ret_text + len, room - len, "%s", saying->code_count > 0 ? "]}]" : "");
}

// Those who took part, some with a second code, which is no other profession.
static void write_participants(const struct saying *saying, char *ret_text, size_t room)
{
    size_t len = 0;
    for (unsigned i = 0; i < saying->profession_count; i++) {
        const unsigned profession = saying->professions[i];
        len += (size_t)snprintf(
            ret_text + len, room - len,
            "%s{\"type\":[{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.74\",\"code\":\"p%u\"}%"
            "s]}]}",
            i == 0 ? ",\"participant\":[" : ",", profession,
            (profession + i) % 3 == 0 ? ",{\"system\":\"urn:local\",\"code\":\"own\"}" : "");
    }
    (void)snprintf(ret_text + len, room - len, "%s", saying->profession_count > 0 ? "]" : "");
}

static void write_saying(unsigned stream, const struct saying *saying, char *ret_data)
{
    char start[PN_TIME_TEXT_BYTES], end[PN_TIME_TEXT_BYTES + 16] = "", id[PN_UUID_TEXT_BYTES];
    char number[32], coded[TEXT_BYTES / 4], met[TEXT_BYTES / 4], time[TEXT_BYTES / 8];
    (void)snprintf(number, sizeof number, "%u.%u", stream, saying->resource);
    const struct pn_slice part = pn_slice_str(number);
    pn_uuid5("resource", &part, 1, id);
    pn_time_format(saying->start_ms, start);
    if (saying->end_ms != 0) {
        char text[PN_TIME_TEXT_BYTES];
        pn_time_format(saying->end_ms, text);
        (void)snprintf(end, sizeof end, ",\"end\":\"%s\"", text);
    }
    bool is_appointment = strcmp(kinds[saying->kind].resource, "Appointment") == 0;
    (void)snprintf(time, sizeof time,
                   is_appointment ? "\"start\":\"%s\"" : "\"period\":{\"start\":\"%s\"%s}", start,
                   end);
    write_reasons(saying, coded, sizeof coded);
    write_participants(saying, met, sizeof met);
    bool is_concern = strcmp(kinds[saying->kind].kind, "concern") == 0;
    if (is_concern) {
        (void)snprintf(coded, sizeof coded,
                       ",\"code\":{\"coding\":[{\"system\":\"https://punos.fi/fhir/CodeSystem/"
                       "concern\",\"code\":\"%s\"}]},\"author\":{\"identifier\":{\"system\":"
                       "\"https://punos.fi/fhir/CodeSystem/reporter\",\"value\":\"%s\"}}",
                       concerns[saying->concern], reporters[saying->reporter]);
    }
    (void)snprintf(ret_data, TEXT_BYTES,
                   "{\"resourceType\":\"%s\",\"id\":\"%s\",\"status\":\"%s\",\"class\":{\"code\":"
                   "\"%s\"},\"type\":[{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.127\","
                   "\"code\":\"%s\"}]}]%s,%s%s}",
                   kinds[saying->kind].resource, id,
                   saying->is_cancelled ? "cancelled" : kinds[saying->kind].status,
                   kinds[saying->kind].class, kinds[saying->kind].contact, met, time, coded);
}

static void write_patient(unsigned stream, const struct told *told, char *ret_data)
{
    char key[PN_CLIENT_KEY_TEXT_BYTES], other[PN_CLIENT_KEY_TEXT_BYTES];
    key_of(stream, 0, key);
    key_of(stream, 1, other);
    if (told->what == TOLD_PERSON) {
        (void)snprintf(ret_data, TEXT_BYTES,
                       "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"birthDate\":\"%d\"}", key,
                       told->birth_year);
    } else {
        (void)snprintf(ret_data, TEXT_BYTES,
                       "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"link\":[{\"other\":"
                       "{\"reference\":\"Patient/%s\"},\"type\":\"replaces\"}]}",
                       key, other);
    }
}

static void take(struct pn_engine *engine, struct pn_arena *arena, unsigned stream,
                 const struct told *told)
{
    char data[TEXT_BYTES], type[64], id[PN_UUID_TEXT_BYTES], key[PN_CLIENT_KEY_TEXT_BYTES];
    char number[32];
    (void)snprintf(number, sizeof number, "%u.%" PRId64, stream, told->recorded_ms);
    const struct pn_slice part = pn_slice_str(number);
    pn_uuid5("event", &part, 1, id);
    const char *happening = told->what == TOLD_PERSON ? "client.identified"
                            : told->is_merge          ? "client.merged"
                                                      : "client.unmerged";
    key_of(stream, 0, key);
    if (told->what == TOLD_SAYING) {
        happening = kinds[told->saying.kind].happening;
        key_of(stream, told->saying.side, key);
        write_saying(stream, &told->saying, data);
    } else {
        write_patient(stream, told, data);
    }
    (void)snprintf(type, sizeof type, "fi.punos.%s.v1", happening);
    const struct pn_event event = {.id = pn_slice_str(id),
                                   .source = pn_slice_str("/adapter/lifecare/unit"),
                                   .type = pn_slice_str(type),
                                   .subject = pn_slice_str(key),
                                   .sector = pn_slice_str("primary"),
                                   .time_ms = told->recorded_ms,
                                   .recorded_ms = told->recorded_ms,
                                   .data = pn_slice_str(data)};
    pn_arena_reset(arena);
    must(pn_engine_take(engine, arena, &event, &err));
}

// --- What is left --------------------------------------------------------------------------------

struct tables {
    FILE *facts, *people, *moments, *probes;
};

static int64_t client_of(unsigned stream, unsigned side, unsigned phase)
{
    return ((int64_t)(stream + 1) * 2 + side) * 2 + phase;
}

static void write_left(const struct stream *stream, unsigned number, unsigned phase,
                       const struct tables *tables)
{
    const struct saying *last[RESOURCES + 1] = {NULL};
    const struct told *merge = NULL, *person = NULL;
    unsigned count = phase == 0 ? stream->split : stream->count;
    for (unsigned i = 0; i < count; i++) {
        const struct told *told = &stream->told[i];
        const struct saying **place = &last[told->saying.resource];
        if (told->what == TOLD_PERSON) {
            person = told;
        } else if (told->what == TOLD_MERGE) {
            merge = merge == NULL || told->recorded_ms > merge->recorded_ms ? told : merge;
        } else if (*place == NULL || told->recorded_ms > (*place)->recorded_ms) {
            *place = &told->saying;
        }
    }
    bool is_merged = merge != NULL && merge->is_merge;
    for (unsigned i = 0; i <= RESOURCES; i++) {
        const struct saying *saying = last[i];
        if (saying == NULL) {
            continue;
        }
        char end[32] = "\\N";
        if (saying->end_ms != 0) {
            (void)snprintf(end, sizeof end, "%" PRId64, saying->end_ms);
        }
        char told[CODES_MAX * 16] = "";
        for (unsigned k = 0, len = 0; k < saying->code_count; k++) {
            len += (unsigned)snprintf(told + len, sizeof told - len, "%s%s:%s", k == 0 ? "" : " ",
                                      codes[saying->codes[k]].name, codes[saying->codes[k]].code);
        }
        char met[PROFESSIONS * 8] = "";
        for (unsigned k = 0, len = 0; k < saying->profession_count; k++) {
            len += (unsigned)snprintf(met + len, sizeof met - len, "%sp%u", k == 0 ? "" : " ",
                                      saying->professions[k]);
        }
        fprintf(tables->facts, "%" PRId64 "\t%s\t%" PRId64 "\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
                client_of(number, is_merged ? 0 : saying->side, phase), kinds[saying->kind].kind,
                saying->start_ms, end, kinds[saying->kind].class,
                saying->is_cancelled ? "cancelled" : kinds[saying->kind].status, met, told,
                kinds[saying->kind].contact, concerns[saying->concern],
                reporters[saying->reporter]);
    }
    if (person != NULL) {
        fprintf(tables->people, "%" PRId64 "\t%d\n", client_of(number, 0, phase),
                person->birth_year);
    }
}

// --- The engine ----------------------------------------------------------------------------------

struct bench {
    struct pn_store *store;
    struct pn_engine *engine;
    struct pn_arena *arena;
    struct tables tables;
    const struct pn_ruleset *rules;
    struct pn_evaluator *evaluator;
};

static enum pn_code ignore(void *context, const struct pn_event *event, struct pn_err *unused)
{
    (void)context;
    (void)event;
    (void)unused;
    return PN_OK;
}

static int64_t ask(struct bench *bench, const char *sql, int64_t value)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(value)};
    must(pn_store_prepare(bench->store, sql, &stmt, &err));
    must(pn_store_query(bench->store, stmt, values, 1, &rows, &err));
    must(pn_rows_next(rows, &has_row, &err));
    int64_t found = has_row ? pn_rows_int(rows, 0) : 0;
    pn_rows_close(rows);
    return found;
}

// Since when the rule holds, evaluated on the facts that the store has.
static int64_t since_of(struct bench *bench, int64_t client, struct pn_slice rule,
                        int64_t moment_ms)
{
    static struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    static struct pn_finding finding;
    struct pn_held_client *held = NULL;
    struct pn_evaluation evaluation = {.rule = pn_rules_find(bench->rules, rule),
                                       .moment_ms = moment_ms};
    pn_arena_reset(bench->arena);
    must(pn_held_load(bench->store, bench->arena, client, &held, &err));
    must(pn_held_birth_year(bench->store, client, &evaluation.birth_year, &err));
    pn_evaluator_take(bench->evaluator, facts, pn_held_gather(held, facts));
    pn_evaluate(bench->evaluator, &evaluation, &finding);
    return finding.since_ms;
}

static void write_probes(struct bench *bench, unsigned phase, int64_t moment_ms)
{
    struct pn_stmt *stmt = NULL;
    struct pn_rows *rows = NULL;
    bool has_row = true;
    must(pn_store_prepare(bench->store, "SELECT client, rule FROM triggers WHERE state = 0", &stmt,
                          &err));
    must(pn_store_query(bench->store, stmt, NULL, 0, &rows, &err));
    for (;;) {
        must(pn_rows_next(rows, &has_row, &err));
        if (!has_row) {
            break;
        }
        const int64_t client = pn_rows_int(rows, 0);
        const struct pn_slice rule = pn_rows_text(rows, 1);
        fprintf(bench->tables.probes, "%" PRId64 "\t%.*s\t%" PRId64 "\t%" PRId64 "\n",
                client * 2 + phase, (int)rule.len - 1, rule.ptr + 1, moment_ms,
                since_of(bench, client, rule, moment_ms));
    }
    pn_rows_close(rows);
}

static void look(struct bench *bench, unsigned phase, int64_t moment_ms)
{
    pn_clock_set_for_test(moment_ms);
    must(pn_store_begin(bench->store, &err));
    unsigned ticks = 0;
    do {
        must(pn_engine_tick(bench->engine, moment_ms, &err));
        assert(++ticks < TICKS_MAX);
    } while (ask(bench, "SELECT count(*) FROM due WHERE due_ms <= ?1", moment_ms) > 0);
    must(pn_store_commit(bench->store, &err));
    pn_engine_committed(bench->engine);
    fprintf(bench->tables.moments, "%u\t%" PRId64 "\n", phase, moment_ms);
    write_probes(bench, phase, moment_ms);
}

static void take_phase(struct bench *bench, const struct stream *streams, unsigned count,
                       unsigned phase)
{
    unsigned batch = 0;
    must(pn_store_begin(bench->store, &err));
    for (unsigned i = 0; i < count; i++) {
        unsigned from = phase == 0 ? 0 : streams[i].split;
        unsigned until = phase == 0 ? streams[i].split : streams[i].count;
        for (unsigned k = from; k < until; k++) {
            take(bench->engine, bench->arena, i, &streams[i].told[k]);
            if (++batch % 512 == 0 || draw(30) == 0) {
                must(pn_engine_batch_end(bench->engine, &err));
                must(pn_store_commit(bench->store, &err));
                pn_engine_committed(bench->engine);
                must(pn_store_begin(bench->store, &err));
            }
        }
        write_left(&streams[i], i, phase, &bench->tables);
    }
    must(pn_engine_batch_end(bench->engine, &err));
    must(pn_store_commit(bench->store, &err));
    pn_engine_committed(bench->engine);
}

// Some are where windows of months end: within hours of a month's beginning and of a change.
static int64_t next_moment_ms(int64_t moment_ms)
{
    const int64_t drawn_ms = moment_ms + (int64_t)draw(24 * 80 * 3600) * 1000;
    const int64_t between = between_ms(moment_ms);
    const int64_t next_ms = between < drawn_ms ? between : drawn_ms;
    const unsigned edge = draw(4);
    for (unsigned i = 0; i < EDGES_TRIED && edge < 2; i++) {
        const int64_t edge_ms =
            edge == 0 ? month_begins_ms(draw) + (int64_t)draw(72) * HALF_HOUR_MS : change_ms(draw);
        if (edge_ms > moment_ms && edge_ms < moment_ms + 80 * PN_MS_PER_DAY && edge_ms < between) {
            return edge_ms;
        }
    }
    return next_ms;
}

static void run(struct bench *bench, const struct stream *streams, unsigned count)
{
    int64_t moment_ms = begin_ms();
    for (unsigned phase = 0; phase < PHASES; phase++) {
        moment_ms += (int64_t)draw(24 * 100) * 3600000;
        pn_clock_set_for_test(moment_ms);
        take_phase(bench, streams, count, phase);
        for (unsigned i = 0; i < MOMENTS; i++) {
            look(bench, phase, moment_ms);
            moment_ms = next_moment_ms(moment_ms);
        }
    }
}

static FILE *table(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.tsv", folder, name);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    return file;
}

int main(int argc, char **argv)
{
    assert(argc == 4);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10);
    seed = strtoull(argv[3], NULL, 10);
    struct pn_config config;
    pn_config_defaults(&config);
    config.data_dir = argv[1];
    struct bench bench = {.arena = pn_arena_new(64 * 1024 * 1024)};
    struct pn_arena *boot = pn_arena_new(64 * 1024 * 1024);
    struct stream *streams = calloc(count, sizeof *streams);
    assert(streams != NULL && boot != NULL);
    struct pn_ruleset *kept = pn_arena_alloc(boot, sizeof *kept);
    must(pn_rules_read(boot, "tests/integration/rules_sql/rules.yaml", kept, &err));
    for (unsigned i = 0; i < count; i++) {
        draw_stream(&streams[i]);
    }
    const struct pn_store_options store = {.name = PN_IDENTIFY_STORE,
                                           .migrations = pn_identify_migrations,
                                           .migration_count = pn_identify_migration_count};
    must(pn_store_open(&config, &store, &bench.store, &err));
    const struct pn_engine_options engine = {.store = bench.store, .rules = kept, .emit = ignore};
    bench.rules = kept;
    must(pn_evaluator_new(&bench.evaluator, &err));
    must(pn_engine_open(&engine, &bench.engine, &err));
    bench.tables = (struct tables){table(argv[1], "facts"), table(argv[1], "people"),
                                   table(argv[1], "moments"), table(argv[1], "probes")};
    run(&bench, streams, count);
    fclose(bench.tables.facts);
    fclose(bench.tables.people);
    fclose(bench.tables.moments);
    fclose(bench.tables.probes);
    pn_engine_close(bench.engine);
    pn_evaluator_free(bench.evaluator);
    pn_store_close(bench.store);
    pn_arena_free(bench.arena);
    pn_arena_free(boot);
    free(streams);
    return 0;
}
