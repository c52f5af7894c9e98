// SPDX-License-Identifier: Apache-2.0
/*
 * One batch, from the stream to the commit.
 *
 * The first attempt handles all events in one go. When one of them is rejected the whole is rolled
 * back and done again with care: a savepoint before each event, so that the rejected ones go to
 * quarantine and the rest is done. Rejections are rare, so the common case pays nothing for them.
 */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/ids.h"
#include "fhir/fhir.h"
#include "fhir/json.h"
#include "run/run_parts.h"

enum attempt { PLAIN, CAREFUL };
enum { PLACE_BYTES = 160 };

void pn_run_rollback(struct pn_run *run)
{
    pn_store_rollback(run->store);
    pn_positions_rolled_back(run);
    run->current = NULL;
    if (run->service->rolled_back != NULL && run->is_started) {
        run->service->rolled_back(run->state);
    }
}

static enum pn_verdict verdict_of(enum pn_code code)
{
    return code == PN_OK ? PN_DONE : PN_RETRY;
}

// --- Quarantine ----------------------------------------------------------------------------------

// Where the event stands is the way back to it: it stays on the stream.
static void tell_place(const struct pn_run *run, char place[static PLACE_BYTES])
{
    snprintf(place, PLACE_BYTES, "%s: %s partition %d offset %lld", run->service->name,
             run->current->topic, (int)run->current->partition, (long long)run->current->offset);
}

static cJSON *make_outcome(const struct pn_run *run, const struct pn_err *reason)
{
    char place[PLACE_BYTES];
    tell_place(run, place);
    cJSON *outcome = cJSON_CreateObject();
    cJSON_AddStringToObject(outcome, "resourceType", "OperationOutcome");
    cJSON *issues = cJSON_AddArrayToObject(outcome, "issue");
    cJSON *issue = cJSON_CreateObject();
    cJSON_AddItemToArray(issues, issue);
    cJSON_AddStringToObject(issue, "severity", "error");
    cJSON_AddStringToObject(issue, "code", pn_fhir_issue_type(reason->code));
    cJSON *details = cJSON_AddObjectToObject(issue, "details");
    cJSON_AddStringToObject(details, "text", reason->text[0] == '\0' ? "rejected" : reason->text);
    cJSON_AddStringToObject(issue, "diagnostics", place);
    cJSON *expression = cJSON_AddArrayToObject(issue, "expression");
    cJSON_AddItemToArray(expression,
                         cJSON_CreateString(reason->where[0] == '\0' ? "event" : reason->where));
    return outcome;
}

static enum pn_code quarantine(struct pn_run *run, const struct pn_err *reason, struct pn_err *err)
{
    struct pn_buf text;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    pn_arena_reset(run->arena);
    pn_json_use_arena(run->arena);
    enum pn_code code = pn_json_print(make_outcome(run, reason), &text, err);
    pn_json_use_arena(NULL);
    char id[PN_UUID_TEXT_BYTES];
    char place[PLACE_BYTES];
    tell_place(run, place);
    const struct pn_slice parts[] = {pn_slice_str(place), run->current->event.id};
    pn_uuid5("quarantine", parts, PN_ARRAY_COUNT(parts), id);
    // Whatever is wrong with the event must not keep it from quarantine.
    bool has_client = run->current->event.subject.len == PN_CLIENT_KEY_TEXT_BYTES - 1;
    const struct pn_event event = {.id = pn_slice_str(id),
                                   .type = pn_slice_str("fi.punos.message.quarantined.v1"),
                                   .subject = has_client ? run->current->event.subject
                                                         : pn_slice_str(run->service->name),
                                   .time_ms = pn_clock_now_ms(),
                                   .data = pn_buf_slice(&text)};
    if (code == PN_OK) {
        code = pn_run_emit(run, PN_TOPIC_QUARANTINE, &event, err);
    }
    pn_buf_release(&text);
    return code;
}

// --- One event -----------------------------------------------------------------------------------

static enum pn_verdict end_batch(struct pn_run *run, struct pn_err *err)
{
    pn_arena_reset(run->arena);
    run->current = NULL;
    return run->service->batch_end == NULL ? PN_DONE : run->service->batch_end(run->state, err);
}

static enum pn_verdict handle(struct pn_run *run, const struct pn_record *record,
                              struct pn_err *err)
{
    pn_arena_reset(run->arena);
    run->current = record;
    run->emit_count = 0;
    if (record->event.id.len == 0) {
        pn_err_set(err, PN_INVALID, "event", "the record on the stream is no CloudEvent of Punos");
        return PN_REJECT;
    }
    return run->service->handle(run->state, record, err);
}

// Each event is a batch of its own inside the transaction, so that taking it back takes nothing
// else.
static enum pn_verdict handle_carefully(struct pn_run *run, const struct pn_record *record,
                                        struct pn_err *err)
{
    enum pn_code code = pn_store_savepoint(run->store, err);
    if (code != PN_OK) {
        return PN_RETRY;
    }
    struct pn_err reason = {0};
    enum pn_verdict verdict = handle(run, record, &reason);
    if (verdict == PN_DONE) {
        verdict = end_batch(run, &reason);
    }
    if (verdict != PN_REJECT) {
        *err = verdict == PN_DONE ? *err : reason;
        return verdict;
    }
    code = pn_store_rollback_to_savepoint(run->store, err);
    if (code == PN_OK) {
        if (run->service->rolled_back != NULL) {
            run->service->rolled_back(run->state);
        }
        run->current = record;
        run->emit_count = 0;
        code = quarantine(run, &reason, err);
    }
    return code == PN_OK ? PN_REJECT : PN_RETRY;
}

// --- The batch -----------------------------------------------------------------------------------

struct tally {
    int64_t done, duplicate, rejected;
};

static enum pn_verdict handle_all(struct pn_run *run, enum attempt attempt, struct tally *tally,
                                  struct pn_err *err)
{
    for (size_t i = 0; i < run->record_count; i++) {
        if (run->is_dropped[i]) {
            tally->duplicate++;
            continue;
        }
        const struct pn_record *record = &run->records[i];
        enum pn_verdict verdict =
            attempt == CAREFUL ? handle_carefully(run, record, err) : handle(run, record, err);
        if (attempt == CAREFUL && verdict == PN_REJECT) {
            tally->rejected++;
        } else if (verdict == PN_DONE) {
            tally->done++;
        } else {
            return verdict;
        }
    }
    return PN_DONE;
}

static enum pn_verdict work(struct pn_run *run, enum attempt attempt, struct tally *tally,
                            struct pn_err *err)
{
    enum pn_code code = pn_dedupe(run, err);
    if (code != PN_OK) {
        return verdict_of(code);
    }
    enum pn_verdict verdict = handle_all(run, attempt, tally, err);
    run->current = NULL;
    return verdict == PN_DONE ? verdict_of(pn_positions_note(run, err)) : verdict;
}

static void committed(struct pn_run *run)
{
    pn_positions_committed(run);
    run->outbox.relayed_count = 0;
    if (run->service->committed != NULL) {
        run->service->committed(run->state);
    }
}

static size_t batch_events_max(const struct pn_run *run)
{
    unsigned asked = run->service->batch_events_max;
    return asked > 0 && asked < PN_BATCH_EVENTS_MAX ? asked : PN_BATCH_EVENTS_MAX;
}

// While a service catches up, several polls go into one transaction: what they change in common is
// written once. Only on the embedded stream, where no poll takes a partition away.
static bool takes_more(const struct pn_run *run, unsigned polls, int64_t until_ms)
{
    return run->config->stream.kind == PN_STREAM_EMBEDDED && run->single_left == 0 &&
           run->record_count == PN_BATCH_EVENTS_MAX && polls < PN_RUN_POLLS_MAX &&
           pn_clock_monotonic_ms() < until_ms;
}

static enum pn_code poll_more(struct pn_run *run)
{
    // A failure comes again with the next poll; what is in hand is committed first.
    struct pn_err later = {0};
    size_t count = 0;
    enum pn_code code =
        pn_consumer_poll(run->consumer, 0, run->records, PN_BATCH_EVENTS_MAX, &count, &later);
    run->record_count = code == PN_OK ? count : 0;
    return code;
}

// *polls counts the batches that went into the transaction.
static enum pn_verdict work_on(struct pn_run *run, enum attempt attempt, struct tally *tally,
                               unsigned *polls, struct pn_err *err)
{
    int64_t until_ms = pn_clock_monotonic_ms() + PN_RUN_TRANSACTION_MS_MAX;
    enum pn_verdict verdict = verdict_of(pn_outbox_drop_relayed(run, err));
    if (verdict == PN_DONE) {
        verdict = work(run, attempt, tally, err);
    }
    *polls = 1;
    while (verdict == PN_DONE && attempt == PLAIN && takes_more(run, *polls, until_ms)) {
        if (poll_more(run) != PN_OK || run->record_count == 0) {
            break;
        }
        verdict = work(run, attempt, tally, err);
        (*polls)++;
    }
    if (verdict == PN_DONE && attempt == PLAIN) {
        verdict = end_batch(run, err);
    }
    return verdict == PN_DONE ? verdict_of(pn_positions_save(run, err)) : verdict;
}

static void count(const struct tally *tally, unsigned polls)
{
    pn_metric_add(PN_METRIC_EVENTS, "result", "done", tally->done);
    pn_metric_add(PN_METRIC_EVENTS, "result", "duplicate", tally->duplicate);
    pn_metric_add(PN_METRIC_EVENTS, "result", "rejected", tally->rejected);
    pn_metric_add(PN_METRIC_BATCHES, NULL, NULL, polls);
}

static enum pn_verdict try_batch(struct pn_run *run, enum attempt attempt, unsigned *polls,
                                 struct pn_err *err)
{
    struct tally tally = {0};
    enum pn_code code = pn_store_begin(run->store, err);
    if (code != PN_OK) {
        return PN_RETRY;
    }
    enum pn_verdict verdict = work_on(run, attempt, &tally, polls, err);
    if (verdict == PN_DONE) {
        verdict = verdict_of(pn_store_commit(run->store, err));
    }
    if (verdict != PN_DONE) {
        pn_run_rollback(run);
        return verdict;
    }
    committed(run);
    count(&tally, *polls);
    return PN_DONE;
}

static enum pn_verdict do_batch(struct pn_run *run, struct pn_err *err)
{
    unsigned polls = 0;
    enum pn_verdict verdict = try_batch(run, PLAIN, &polls, err);
    if (verdict == PN_REJECT && polls > 1) {
        // The earlier polls' records are gone: all is read again, each batch by itself.
        run->single_left = 2 * PN_RUN_POLLS_MAX;
        run->needs_rewind = true;
        return PN_DONE;
    }
    if (verdict == PN_REJECT) {
        verdict = try_batch(run, CAREFUL, &polls, err);
    }
    assert(verdict != PN_REJECT);
    run->needs_rewind = verdict != PN_DONE;
    if (verdict == PN_DONE && run->single_left > 0) {
        run->single_left--;
    }
    return verdict;
}

enum pn_verdict pn_batch_step(struct pn_run *run, size_t *ret_count, struct pn_err *err)
{
    *ret_count = 0;
    if (run->consumer == NULL) {
        return PN_DONE;
    }
    if (run->needs_rewind && pn_consumer_rewind(run->consumer, err) != PN_OK) {
        return PN_RETRY;
    }
    run->needs_rewind = false;
    enum pn_code code = pn_consumer_poll(run->consumer, 0, run->records, batch_events_max(run),
                                         &run->record_count, err);
    if (code != PN_OK) {
        run->needs_rewind = true;
        return PN_RETRY;
    }
    *ret_count = run->record_count;
    return run->record_count == 0 ? PN_DONE : do_batch(run, err);
}

enum pn_verdict pn_tick_step(struct pn_run *run, struct pn_err *err)
{
    if (pn_store_begin(run->store, err) != PN_OK) {
        return PN_RETRY;
    }
    pn_arena_reset(run->arena);
    run->current = NULL;
    run->emit_count = 0;
    enum pn_verdict verdict = run->service->tick(run->state, pn_clock_now_ms(), err);
    if (verdict == PN_DONE) {
        verdict = verdict_of(pn_store_commit(run->store, err));
    }
    if (verdict == PN_DONE && run->service->committed != NULL) {
        run->service->committed(run->state);
    }
    if (verdict != PN_DONE) {
        pn_run_rollback(run);
    }
    return verdict;
}
