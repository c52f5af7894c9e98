// SPDX-License-Identifier: Apache-2.0
/*
 * One process of a backtest: reads its share of the stream, changes what belongs elsewhere with the
 * others, and evaluates its clients.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "services/identify/backtest/backtest_parts.h"
#include "services/identify/evaluate/calendar.h"
#include "stream/stream.h"

enum {
    POLL_MS = 200,
    QUIET_MS_MAX = 60 * 1000, // without a record, while there should be some
    ARENA_BYTES_MAX = 16 * 1024 * 1024,
    UNIT_ROWS = 2 * PN_BACKTEST_UNITS_MAX
};

struct worker {
    const struct pn_backtest_plan *plan;
    const struct pn_backtest_pipes *pipes;
    unsigned me;
    struct pn_backtest_report *report;
    struct pn_heap heap;
    struct pn_arena *arena;
    FILE *outputs[PN_OUTPUT_COUNT];
    uint32_t units[UNIT_ROWS]; // hashes that are written; open addressing
    unsigned unit_count;
};

// --- Reading -------------------------------------------------------------------------------------

static void note_unit(struct worker *worker, uint32_t hash, struct pn_slice code)
{
    unsigned at = hash % UNIT_ROWS;
    if (hash == 0 || worker->unit_count == PN_BACKTEST_UNITS_MAX || code.len >= PN_UNIT_BYTES) {
        return;
    }
    while (worker->units[at] != 0 && worker->units[at] != hash) {
        at = (at + 1) % UNIT_ROWS;
    }
    if (worker->units[at] == 0) {
        struct pn_backtest_unit unit = {.hash = hash};
        memcpy(unit.code, code.ptr, code.len);
        worker->units[at] = hash;
        worker->unit_count++;
        (void)!fwrite(&unit, sizeof unit, 1, worker->outputs[PN_OUTPUT_UNITS]);
    }
}

// As the service keeps it (pn_people_take).
static enum pn_code take_person(struct worker *worker, const struct pn_event *event,
                                uint32_t subject, struct pn_err *err)
{
    cJSON *patient = NULL;
    int64_t year = 0;
    pn_arena_reset(worker->arena);
    pn_json_use_arena(worker->arena);
    enum pn_code code = pn_json_parse(event->data, &patient, err);
    if (code == PN_OK) {
        struct pn_slice birth = pn_json_text(patient, "birthDate");
        birth.len = birth.len > 4 ? 4 : birth.len;
        year = pn_slice_to_i64(birth, &year) ? year : 0;
        pn_heap_person(&worker->heap, subject, (int)year, event->recorded_ms);
    }
    pn_json_use_arena(NULL);
    return code;
}

// Merges are the client index's affair, and it has settled them.
static enum pn_code take_event(struct worker *worker, const struct pn_event *event,
                               struct pn_err *err)
{
    struct pn_facts facts;
    struct pn_fact_entry fact;
    uint32_t subject = 0;
    bool is_client = pn_slice_starts_with(event->type, "fi.punos.client.");
    bool is_person = is_client && pn_slice_is(event->type, "fi.punos.client.identified.v1");
    if (is_client && !is_person) {
        return PN_OK;
    }
    enum pn_code code = is_person ? PN_OK : pn_facts_read(event, &facts, err);
    if (code != PN_OK || (!is_person && !pn_fact_entry_make(&facts, &fact))) {
        return code;
    }
    code = pn_heap_subject(&worker->heap, event->subject, &subject, err);
    if (code != PN_OK || is_person) {
        return code == PN_OK ? take_person(worker, event, subject, err) : code;
    }
    note_unit(worker, fact.unit, facts.unit);
    return pn_heap_put(&worker->heap, subject, &fact, err);
}

static void note_place(struct pn_backtest_totals *totals, const struct pn_record *record)
{
    if (record->partition >= 0 && record->partition < PN_BACKTEST_PARTITIONS_MAX) {
        int64_t *begin = &totals->begins[record->partition];
        int64_t *end = &totals->ends[record->partition];
        *begin = *end == 0 ? record->offset : *begin;
        *end = record->offset + 1;
    }
}

// What can't be read is counted; the service has put it into quarantine.
static enum pn_code take_records(struct worker *worker, const struct pn_record *records,
                                 size_t count, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (size_t i = 0; i < count && code == PN_OK; i++) {
        note_place(&worker->report->totals, &records[i]);
        code = take_event(worker, &records[i].event, err);
        if (code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_LIMIT) {
            worker->report->totals.refused++;
            code = PN_OK;
        }
    }
    worker->report->totals.events += (int64_t)count;
    worker->report->done = worker->report->totals.events;
    return code;
}

// As far as the stream goes when it begins.
static enum pn_code read_all(struct worker *worker, struct pn_consumer *consumer,
                             struct pn_err *err)
{
    static struct pn_record records[PN_BATCH_EVENTS_MAX];
    size_t count = 0;
    enum pn_code code = PN_OK;
    const int64_t all = pn_consumer_lag(consumer);
    int64_t heard_ms = pn_clock_monotonic_ms();
    worker->report->all = all;
    while (code == PN_OK && worker->report->totals.events < all) {
        code = pn_consumer_poll(consumer, POLL_MS, records, PN_BATCH_EVENTS_MAX, &count, err);
        if (code == PN_OK && count == 0 && pn_consumer_lag(consumer) == 0) {
            break; // what lay before was pruned
        }
        code = code == PN_OK ? take_records(worker, records, count, err) : code;
        int64_t now_ms = pn_clock_monotonic_ms();
        heard_ms = count > 0 ? now_ms : heard_ms;
        if (now_ms - heard_ms > QUIET_MS_MAX) {
            code = pn_err_set(err, PN_UNAVAILABLE, "stream", "it has stopped giving records");
        }
    }
    return code;
}

static enum pn_code read_share(struct worker *worker, struct pn_err *err)
{
    static const char *const topics[] = {PN_TOPIC_EVENT};
    struct pn_stream *stream = NULL;
    struct pn_consumer *consumer = NULL;
    char group[32];
    (void)snprintf(group, sizeof group, "backtest-%u", worker->me);
    const struct pn_consumer_options options = {.group = group,
                                                .topics = topics,
                                                .topic_count = PN_ARRAY_COUNT(topics),
                                                .share = worker->me,
                                                .share_count = worker->plan->worker_count,
                                                .load_position = pn_stream_from_start};
    enum pn_code code = pn_stream_open(worker->plan->config, &stream, err);
    code = code == PN_OK ? pn_consumer_open(stream, &options, &consumer, err) : code;
    code = code == PN_OK ? read_all(worker, consumer, err) : code;
    pn_consumer_close(consumer);
    pn_stream_close(stream);
    return code;
}

// --- With the others -----------------------------------------------------------------------------

// Until all have come so far.
static enum pn_code meet(const struct worker *worker, struct pn_err *err)
{
    char byte = 1;
    bool is_met = write(worker->pipes->arrived[1], &byte, 1) == 1 &&
                  read(worker->pipes->go_on[worker->me][0], &byte, 1) == 1;
    return is_met ? PN_OK : pn_err_set(err, PN_UNAVAILABLE, "backtest", "another process ended");
}

static FILE *open_file(int fd)
{
    int copy = dup(fd);
    FILE *file = copy < 0 ? NULL : fdopen(copy, "w");
    if (file == NULL && copy >= 0) {
        close(copy);
    }
    return file;
}

static enum pn_code io_fault(struct pn_err *err)
{
    return pn_err_set(err, PN_IO, "backtest", "a file in memory: %s", strerror(errno));
}

static enum pn_code write_to(struct worker *worker, unsigned other, bool is_claims,
                             struct pn_err *err)
{
    const struct pn_backtest_pipes *pipes = worker->pipes;
    FILE *file =
        open_file(is_claims ? pipes->claims[worker->me][other] : pipes->moved[worker->me][other]);
    if (file == NULL) {
        return io_fault(err);
    }
    bool is_good =
        is_claims ? pn_heap_write_claims(&worker->heap, pipes->seen[other], file)
                  : pn_heap_write_moved(&worker->heap, other, worker->plan->worker_count, file);
    is_good = fclose(file) == 0 && is_good;
    return is_good ? PN_OK : io_fault(err);
}

static enum pn_code take_from(struct worker *worker, unsigned other, bool is_claims,
                              struct pn_err *err)
{
    const struct pn_backtest_pipes *pipes = worker->pipes;
    int fd = is_claims ? pipes->claims[other][worker->me] : pipes->moved[other][worker->me];
    struct stat found;
    if (fstat(fd, &found) != 0) {
        return io_fault(err);
    }
    if (found.st_size == 0) {
        return PN_OK;
    }
    void *bytes = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        return io_fault(err);
    }
    struct pn_slice text = pn_slice_of(bytes, (size_t)found.st_size);
    enum pn_code code = PN_OK;
    if (!is_claims) {
        code = pn_heap_take_moved(&worker->heap, text, err);
    } else if (!pn_heap_take_claims(&worker->heap, text)) {
        code = pn_err_set(err, PN_INTERNAL, "backtest", "claims are damaged");
    }
    munmap(bytes, (size_t)found.st_size);
    return code;
}

static enum pn_code change(struct worker *worker, bool is_claims, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < worker->plan->worker_count && code == PN_OK; i++) {
        code = i == worker->me ? PN_OK : write_to(worker, i, is_claims, err);
    }
    code = code == PN_OK ? meet(worker, err) : code;
    for (unsigned i = 0; i < worker->plan->worker_count && code == PN_OK; i++) {
        code = i == worker->me ? PN_OK : take_from(worker, i, is_claims, err);
    }
    return code;
}

// --- Together ------------------------------------------------------------------------------------

// What happens at a time: a clientship or an illness may have begun long before there was a hub.
static bool is_of_its_day(const struct pn_fact_entry *fact)
{
    return fact->kind == PN_KIND_VISIT || fact->kind == PN_KIND_CONTACT ||
           fact->kind == PN_KIND_APPOINTMENT;
}

static void count_days(struct worker *worker)
{
    static struct pn_calendar calendar;
    pn_calendar_init(&calendar);
    const int64_t first = pn_backtest_first_day(worker->plan);
    for (uint32_t i = 0; i < worker->heap.fact_count; i++) {
        const struct pn_fact_entry *fact = &worker->heap.facts[i];
        if (worker->heap.owners[i] != PN_HEAP_GONE && is_of_its_day(fact)) {
            int64_t day = pn_calendar_day(&calendar, fact->start_ms) - first;
            day = day < 0 ? 0 : day < PN_BACKTEST_DAYS_MAX ? day : PN_BACKTEST_DAYS_MAX - 1;
            worker->report->totals.days[day]++;
        }
    }
}

static enum pn_code evaluate_all(struct worker *worker, struct pn_err *err)
{
    static struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    struct pn_backtest_judge *judge = NULL;
    struct pn_heap_client client;
    worker->report->phase = PN_BACKTEST_EVALUATES;
    worker->report->done = 0;
    worker->report->all = worker->heap.subject_count;
    worker->report->totals.facts = worker->heap.fact_count;
    count_days(worker);
    enum pn_code code = pn_backtest_judge_new(worker->plan, &judge, err);
    while (code == PN_OK && pn_heap_next(&worker->heap, &client, facts)) {
        code = pn_backtest_judge_client(judge, &client, facts, &worker->report->totals,
                                        worker->outputs, err);
        worker->report->done = worker->heap.next_person;
    }
    pn_backtest_judge_free(judge);
    return code;
}

static enum pn_code work(struct worker *worker, struct pn_err *err)
{
    enum pn_code code = read_share(worker, err);
    worker->report->phase = PN_BACKTEST_SORTS;
    code = code == PN_OK ? meet(worker, err) : code; // the marks of all are made
    code = code == PN_OK ? change(worker, true, err) : code;
    code = code == PN_OK ? change(worker, false, err) : code;
    code = code == PN_OK ? pn_heap_group(&worker->heap, err) : code;
    return code == PN_OK ? evaluate_all(worker, err) : code;
}

enum pn_code pn_backtest_work(const struct pn_backtest_plan *plan,
                              const struct pn_backtest_pipes *pipes, unsigned me)
{
    struct worker *worker = calloc(1, sizeof *worker);
    struct pn_backtest_report *report = &pipes->reports[me];
    struct pn_err err = {0};
    if (worker == NULL || (worker->arena = pn_arena_new(ARENA_BYTES_MAX)) == NULL) {
        free(worker);
        return pn_err_set(&report->err, PN_MEMORY, "backtest", "no memory");
    }
    worker->plan = plan;
    worker->pipes = pipes;
    worker->me = me;
    worker->report = report;
    worker->heap.aliases = plan->aliases;
    worker->heap.alias_count = plan->alias_count;
    worker->heap.seen = pipes->seen[me];
    worker->heap.to_ms = plan->to_ms;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < PN_OUTPUT_COUNT && code == PN_OK; i++) {
        worker->outputs[i] = open_file(pipes->outputs[me][i]);
        code = worker->outputs[i] == NULL ? io_fault(&err) : PN_OK;
    }
    code = code == PN_OK ? work(worker, &err) : code;
    for (unsigned i = 0; i < PN_OUTPUT_COUNT; i++) {
        if (worker->outputs[i] != NULL && fclose(worker->outputs[i]) != 0 && code == PN_OK) {
            code = io_fault(&err);
        }
    }
    report->err = err;
    pn_heap_release(&worker->heap);
    pn_arena_free(worker->arena);
    free(worker);
    return code;
}
