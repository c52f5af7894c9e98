// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/channel.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "fhir/json.h"
#include "services/deliver/answers.h"
#include "services/deliver/delivery_event.h"
#include "services/deliver/document.h"
#include "services/deliver/late.h"
#include "services/deliver/transport.h"
#include "services/deliver/trouble.h"

enum {
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    AWAY_FIRST_MS = 50,
    IDLE_MS = 1000,             // a look at the ledger even if nobody woke the channel
    SCAN_MS = 100,              // between looks for receipt files
    UNRECORDED_MS = 500,        // the store is away: try to write the outcome again
    UNANSWERED_MS = 3600 * 1000 // of a try that was cut off; a start puts an end to it sooner
};

// What became of the document under way, kept until the store has it.
enum outcome_kind {
    OUTCOME_PUT_OFF,
    OUTCOME_ANSWERED, // the system has answered
    OUTCOME_LEFT,     // it lies in the folder
    OUTCOME_SETTLED   // ended by Punos itself
};

struct outcome {
    enum outcome_kind kind;
    enum pn_delivery_state state;
    int64_t again_ms;
    const char *reason;
    struct pn_slice words, remote_id, remote_version; // in the channel's arena
};

struct pn_channel {
    struct pn_run *run;
    const struct pn_system_conf *system;
    const struct pn_adapter *adapter;
    struct pn_identity_source *identities;
    const struct pn_transport_ops *ops;
    struct pn_delivery_transport *transport;
    struct event *timer;
    struct pn_arena *arena; // holds the delivery under way
    struct pn_arena *receipt_arena;
    struct pn_late late;
    struct pn_delivery delivery;
    const struct pn_document_out *document; // the one that is under way
    unsigned ordinal;
    uint64_t accepted; // bit `ordinal`: that document is the system's already
    bool is_busy;
    bool has_unrecorded;
    struct outcome unrecorded;
    int64_t away_ms; // the pause after the next failure
    int64_t again_ms;
    struct pn_trouble trouble;
};

static void arm(struct pn_channel *channel, int64_t in_ms)
{
    int64_t wait_ms = in_ms < 1 ? 1 : in_ms;
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000};
    event_add(channel->timer, &wait);
}

static int64_t longer(int64_t pause_ms, int64_t most_ms)
{
    return pause_ms * 2 > most_ms ? most_ms : pause_ms * 2;
}

static const struct pn_document_out *next_unaccepted(const struct pn_channel *channel,
                                                     const struct pn_document_out *document,
                                                     unsigned *ordinal)
{
    while (document != NULL && (channel->accepted >> *ordinal & 1) != 0) {
        document = document->next;
        (*ordinal)++;
    }
    return document;
}

static bool is_last(const struct pn_channel *channel)
{
    unsigned ordinal = channel->ordinal + 1;
    return channel->document == NULL ||
           next_unaccepted(channel, channel->document->next, &ordinal) == NULL;
}

static int64_t overdue_ms(const struct pn_channel *channel, int64_t now_ms)
{
    return now_ms + channel->system->answer_timeout_ms;
}

// --- Writing down what became of it --------------------------------------------------------------

// All documents have had their first answer, and some of them wait for another.
static enum pn_code write_committed(struct pn_channel *channel, int64_t now_ms, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(channel->run);
    bool is_committed = false;
    enum pn_code code = pn_ledger_commit_all(store, &channel->delivery, now_ms,
                                             overdue_ms(channel, now_ms), &is_committed, err);
    if (code != PN_OK || !is_committed) {
        return code;
    }
    return pn_delivery_event_add(store, channel->receipt_arena, &channel->delivery,
                                 PN_DELIVERY_COMMITTED, now_ms, err);
}

// An outcome being written, in one transaction, and what is told once it is.
struct writing {
    struct pn_channel *channel;
    const struct outcome *outcome;
    int64_t now_ms;
    struct pn_ledger_answer answer; // of an answered document
    enum pn_answer_effect effect;
    bool is_settled; // now, by this outcome
};

static enum pn_code write_answered(struct writing *writing, struct pn_err *err)
{
    struct pn_channel *channel = writing->channel;
    const struct outcome *outcome = writing->outcome;
    writing->answer = (struct pn_ledger_answer){
        .system = channel->system->name,
        .delivery_id = channel->delivery.id,
        .ordinal = channel->ordinal,
        .receipt_id = channel->document->receipt_id,
        .state = outcome->state,
        .words = outcome->words,
        .remote_id = outcome->remote_id,
        .remote_version = outcome->remote_version,
        .now_ms = writing->now_ms,
        .overdue_ms = overdue_ms(channel, writing->now_ms),
    };
    writing->effect = PN_ANSWER_UNKNOWN;
    enum pn_code code = pn_answer_write(channel->run, channel->receipt_arena, &writing->answer,
                                        channel->delivery.id, &writing->effect, err);
    if (code == PN_OK && channel->trouble.is_on) {
        code = pn_ledger_wake_system(pn_run_store(channel->run), channel->system->name, err);
    }
    if (code == PN_OK && writing->effect == PN_ANSWER_NOTED && is_last(channel)) {
        code = write_committed(channel, writing->now_ms, err);
    }
    return code;
}

static enum pn_code write_settled(struct writing *writing, struct pn_err *err)
{
    struct pn_channel *channel = writing->channel;
    const struct outcome *outcome = writing->outcome;
    struct pn_store *store = pn_run_store(channel->run);
    enum pn_code code =
        pn_ledger_settle(store, channel->delivery.id, outcome->state, writing->now_ms,
                         outcome->words, &writing->is_settled, err);
    if (code != PN_OK || !writing->is_settled) {
        return code;
    }
    return pn_delivery_event_add(store, channel->receipt_arena, &channel->delivery, outcome->state,
                                 writing->now_ms, err);
}

static enum pn_code write_outcome(void *context, struct pn_err *err)
{
    struct writing *writing = context;
    struct pn_channel *channel = writing->channel;
    const struct outcome *outcome = writing->outcome;
    struct pn_store *store = pn_run_store(channel->run);
    switch (outcome->kind) {
    case OUTCOME_PUT_OFF:
        return pn_ledger_put_off(store, channel->delivery.id, outcome->again_ms, outcome->reason,
                                 err);
    case OUTCOME_ANSWERED:
        return write_answered(writing, err);
    case OUTCOME_LEFT:
        return is_last(channel) ? pn_ledger_wait(store, channel->delivery.id,
                                                 overdue_ms(channel, writing->now_ms), err)
                                : PN_OK;
    case OUTCOME_SETTLED:
        return write_settled(writing, err);
    }
    return PN_OK;
}

static void tell(const struct writing *writing)
{
    if (writing->outcome->kind == OUTCOME_ANSWERED) {
        pn_answer_tell(&writing->answer, writing->effect);
    } else if (writing->is_settled) {
        pn_metric_add("punos_deliveries_total", "state",
                      pn_delivery_state_name(writing->outcome->state), 1);
    }
}

static void send_document(struct pn_channel *channel);

// The next document of the delivery, or the next delivery.
static void go_on(struct pn_channel *channel, const struct outcome *outcome)
{
    bool has_more = (outcome->kind == OUTCOME_LEFT || (outcome->kind == OUTCOME_ANSWERED &&
                                                       outcome->state != PN_DELIVERY_REJECTED)) &&
                    !is_last(channel);
    if (!has_more) {
        channel->is_busy = false;
        pn_channel_wake(channel);
        return;
    }
    channel->ordinal++;
    channel->document = next_unaccepted(channel, channel->document->next, &channel->ordinal);
    send_document(channel);
}

static void record(struct pn_channel *channel, const struct outcome *outcome)
{
    struct pn_err err;
    struct writing writing = {.channel = channel, .outcome = outcome, .now_ms = pn_clock_now_ms()};
    pn_json_use_arena(channel->receipt_arena);
    if (pn_store_transact(pn_run_store(channel->run), write_outcome, &writing, &err) != PN_OK) {
        if (!channel->has_unrecorded) {
            pn_log_error("a delivery's outcome waits for the store", &err);
        }
        channel->has_unrecorded = true;
        channel->unrecorded = *outcome;
        arm(channel, UNRECORDED_MS);
        return;
    }
    channel->has_unrecorded = false;
    tell(&writing);
    if (outcome->kind == OUTCOME_ANSWERED) {
        pn_trouble_end(&channel->trouble);
    }
    go_on(channel, outcome);
}

static void put_off(struct pn_channel *channel, int64_t pause_ms, const char *reason)
{
    pn_trouble_put_off(&channel->trouble, channel->delivery.id, reason);
    pn_metric_add("punos_deliveries_put_off_total", "system", channel->system->name, 1);
    const struct outcome outcome = {
        .kind = OUTCOME_PUT_OFF, .again_ms = pn_clock_now_ms() + pause_ms, .reason = reason};
    record(channel, &outcome);
}

static void put_off_away(struct pn_channel *channel, const char *reason)
{
    int64_t pause_ms = channel->away_ms;
    channel->away_ms = longer(channel->away_ms, PN_CHANNEL_AWAY_MS_MAX);
    put_off(channel, pause_ms, reason);
}

static void put_off_again(struct pn_channel *channel, const char *reason)
{
    const struct pn_config *config = pn_run_config(channel->run);
    int64_t pause_ms = channel->again_ms;
    channel->again_ms = longer(channel->again_ms, config->deliver.backoff_max_ms);
    put_off(channel, pause_ms, reason);
}

static void settle(struct pn_channel *channel, enum pn_delivery_state state, const char *words)
{
    const struct outcome outcome = {
        .kind = OUTCOME_SETTLED, .state = state, .words = pn_slice_str(words)};
    record(channel, &outcome);
}

// --- Sending and hearing the answer --------------------------------------------------------------

static void send_document(struct pn_channel *channel)
{
    struct pn_err err;
    enum pn_code code = channel->ops->send(channel->transport, channel->document, &err);
    if (code == PN_OK) {
        return;
    }
    if (pn_code_is_retriable(code) || code == PN_MEMORY) {
        put_off_away(channel, "the document can't be handed over now");
    } else {
        const char *words = pn_arena_printf(channel->arena, "punos: %s: %s", err.where, err.text);
        settle(channel, PN_DELIVERY_REJECTED, words == NULL ? "punos: can't be sent" : words);
    }
}

static struct pn_slice kept(struct pn_channel *channel, struct pn_slice text)
{
    const char *copy = pn_arena_copy(channel->arena, text);
    return copy == NULL ? (struct pn_slice){0} : pn_slice_of(copy, text.len);
}

static enum pn_delivery_state state_of(enum pn_receipt receipt)
{
    static const enum pn_delivery_state states[] = {
        [PN_RECEIPT_ACCEPTED] = PN_DELIVERY_ACCEPTED,
        [PN_RECEIPT_REJECTED] = PN_DELIVERY_REJECTED,
        [PN_RECEIPT_COMMITTED] = PN_DELIVERY_COMMITTED,
    };
    assert(receipt != PN_RECEIPT_TRY_AGAIN);
    return states[receipt];
}

static bool hear_answer(struct pn_channel *channel, const struct pn_answer *answer)
{
    struct pn_err err;
    struct pn_receipt_read read;
    enum pn_code code = pn_adapter_read_receipt(channel->adapter, channel->arena, channel->document,
                                                answer, &read, &err);
    if (code != PN_OK) {
        put_off_again(channel, "the answer can't be understood");
        return false;
    }
    if (read.is_others) {
        pn_late_answer(&channel->late, channel->document->of, answer);
        return true;
    }
    if (read.receipt == PN_RECEIPT_TRY_AGAIN) {
        put_off_again(channel, "the system asks to try again");
        return false;
    }
    channel->again_ms = pn_run_config(channel->run)->deliver.backoff_first_ms;
    const struct outcome outcome = {.kind = OUTCOME_ANSWERED,
                                    .state = state_of(read.receipt),
                                    .words = kept(channel, read.words),
                                    .remote_id = kept(channel, read.remote_id),
                                    .remote_version = kept(channel, read.remote_version)};
    record(channel, &outcome);
    return false;
}

static bool result(const struct pn_transport_result *result, void *context)
{
    struct pn_channel *channel = context;
    if (!channel->is_busy || channel->document == NULL) {
        return false;
    }
    switch (result->outcome) {
    case PN_TRANSPORT_AWAY:
        put_off_away(channel, result->reason);
        return false;
    case PN_TRANSPORT_LEFT:
        channel->away_ms = AWAY_FIRST_MS;
        record(channel, &(struct outcome){.kind = OUTCOME_LEFT});
        return false;
    case PN_TRANSPORT_ANSWERED:
        channel->away_ms = AWAY_FIRST_MS;
        return hear_answer(channel, &result->answer);
    }
    return false;
}

// --- Answers that come when they like ------------------------------------------------------------

static void late_answer(const struct pn_answer *answer, void *context)
{
    struct pn_channel *channel = context;
    pn_late_answer(&channel->late, PN_OUT_PLAN, answer);
}

static enum pn_receipt_fate receipt_found(struct pn_slice name, struct pn_slice bytes,
                                          void *context)
{
    struct pn_channel *channel = context;
    enum pn_receipt_fate fate = pn_late_receipt(&channel->late, name, bytes);
    if (fate == PN_RECEIPT_RECORDED) {
        pn_metric_add("punos_receipts_total", "system", channel->system->name, 1);
    }
    return fate;
}

static void ledger_changed(void *context)
{
    pn_channel_wake(context);
}

// --- Taking the next one -------------------------------------------------------------------------

// Makes the documents and notes the try, in one transaction.
static enum pn_code begin_try(void *context, struct pn_err *err)
{
    struct pn_channel *channel = context;
    struct pn_store *store = pn_run_store(channel->run);
    struct pn_document_request request = {
        .run = channel->run,
        .adapter = channel->adapter,
        .system = channel->system,
        .identities = channel->identities,
        .delivery = &channel->delivery,
    };
    enum pn_code code = pn_document_make(&request, channel->arena, &channel->document, err);
    if (code != PN_OK) {
        return code;
    }
    int64_t now_ms = pn_clock_now_ms();
    code = pn_ledger_note_documents(store, channel->delivery.id, channel->document,
                                    &channel->accepted, err);
    if (code == PN_OK) {
        code = pn_ledger_sent(store, &channel->delivery, now_ms, now_ms + UNANSWERED_MS, err);
    }
    if (code == PN_OK && channel->delivery.attempts == 0) {
        code = pn_delivery_event_add(store, channel->arena, &channel->delivery, PN_DELIVERY_SENT,
                                     now_ms, err);
    }
    return code;
}

static void begin_failed(struct pn_channel *channel, const struct pn_err *err)
{
    if (pn_code_is_retriable(err->code)) {
        put_off_away(channel, "the client's identity or the store is away");
        return;
    }
    // Punos itself can't make this document: a person must look, others go on.
    pn_log(PN_LOG_ERROR, "a plan can't be turned into the system's form",
           PN_TAG("system", channel->system->name), PN_TAG("delivery", channel->delivery.id),
           PN_TAG("where", err->where), PN_TAG("reason", err->text));
    const char *words = pn_arena_printf(channel->arena, "punos: %s: %s", err->where, err->text);
    settle(channel, PN_DELIVERY_REJECTED, words == NULL ? "punos: can't be written" : words);
}

static void start_delivery(struct pn_channel *channel)
{
    struct pn_err err;
    channel->is_busy = true;
    channel->ordinal = 0;
    channel->document = NULL;
    pn_json_use_arena(channel->arena);
    if (pn_store_transact(pn_run_store(channel->run), begin_try, channel, &err) != PN_OK) {
        begin_failed(channel, &err);
        return;
    }
    channel->document = next_unaccepted(channel, channel->document, &channel->ordinal);
    if (channel->document == NULL) {
        settle(channel, PN_DELIVERY_ACCEPTED, ""); // its documents are all there already
        return;
    }
    send_document(channel);
}

// A withdrawal of what this system never got: said so, and nothing sent.
static bool is_needless(struct pn_channel *channel)
{
    struct pn_err err;
    bool needless = false;
    return channel->delivery.is_withdrawal &&
           pn_ledger_is_needless(pn_run_store(channel->run), &channel->delivery, &needless, &err) ==
               PN_OK &&
           needless;
}

static void look(struct pn_channel *channel)
{
    struct pn_err err;
    bool found = false;
    int64_t due_ms = 0;
    int64_t now_ms = pn_clock_now_ms();
    pn_arena_reset(channel->arena);
    enum pn_code code =
        pn_ledger_next(pn_run_store(channel->run), channel->arena, channel->system->name, now_ms,
                       &channel->delivery, &found, &due_ms, &err);
    if (code != PN_OK) {
        pn_log_error("the ledger can't be read", &err);
        arm(channel, UNRECORDED_MS);
        return;
    }
    int64_t probe_in_ms = pn_trouble_probe_in_ms(&channel->trouble);
    if (!found && probe_in_ms <= 0 &&
        pn_ledger_probe(pn_run_store(channel->run), channel->arena, channel->system->name, now_ms,
                        &channel->delivery, &found, &err) != PN_OK) {
        found = false; // the store is away: the next look meets it again
    }
    if (found && is_needless(channel)) {
        channel->is_busy = true;
        settle(channel, PN_DELIVERY_NEEDLESS,
               "punos: nothing to withdraw: no version of it was sent here");
        return;
    }
    if (found) {
        start_delivery(channel);
        return;
    }
    int64_t idle_ms = channel->ops->scan == NULL ? IDLE_MS : SCAN_MS;
    int64_t wait_ms = due_ms == 0 ? idle_ms : due_ms - now_ms;
    wait_ms = probe_in_ms > 0 && probe_in_ms < wait_ms ? probe_in_ms : wait_ms;
    arm(channel, wait_ms < idle_ms ? wait_ms : idle_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_channel *channel = context;
    if (channel->has_unrecorded) {
        record(channel, &channel->unrecorded);
        return;
    }
    if (channel->is_busy) {
        return;
    }
    if (channel->ops->scan != NULL) {
        channel->ops->scan(channel->transport);
    }
    pn_arena_reset(channel->receipt_arena);
    look(channel);
}

void pn_channel_wake(struct pn_channel *channel)
{
    arm(channel, 0);
}

enum pn_code pn_channel_open(const struct pn_channel_options *options,
                             struct pn_channel **ret_channel, struct pn_err *err)
{
    const struct pn_transport_ops *ops =
        pn_transport_ops_of(pn_adapter_info(options->adapter)->out);
    if (ops == NULL) {
        return pn_err_set(err, PN_UNSUPPORTED, options->system->name,
                          "the adapter takes no plan: leave out `deliver`");
    }
    struct pn_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return pn_err_set(err, PN_MEMORY, options->system->name, "no memory for a channel");
    }
    channel->run = options->run;
    channel->system = options->system;
    channel->adapter = options->adapter;
    channel->identities = options->identities;
    channel->ops = ops;
    channel->trouble = (struct pn_trouble){.system = options->system->name,
                                           .probe_every_ms = PN_CHANNEL_AWAY_MS_MAX};
    channel->away_ms = AWAY_FIRST_MS;
    channel->again_ms = pn_run_config(options->run)->deliver.backoff_first_ms;
    channel->arena = pn_arena_new(ARENA_BYTES_MAX);
    channel->receipt_arena = pn_arena_new(ARENA_BYTES_MAX);
    channel->late = (struct pn_late){.run = options->run,
                                     .system = options->system,
                                     .adapter = options->adapter,
                                     .arena = pn_arena_new(ARENA_BYTES_MAX),
                                     .changed = ledger_changed,
                                     .context = channel};
    channel->timer = evtimer_new(pn_run_base(options->run), on_timer, channel);
    if (channel->arena == NULL || channel->receipt_arena == NULL || channel->late.arena == NULL ||
        channel->timer == NULL) {
        pn_channel_close(channel);
        return pn_err_set(err, PN_MEMORY, options->system->name, "no memory for a channel");
    }
    struct pn_transport_callbacks callbacks = {
        .context = channel,
        .receipt_ending = pn_adapter_info(options->adapter)->receipt_ending,
        .result = result,
        .late = late_answer,
        .receipt = receipt_found};
    enum pn_code code =
        ops->open(pn_run_base(options->run), options->system, &callbacks, &channel->transport, err);
    if (code != PN_OK) {
        pn_channel_close(channel);
        return code;
    }
    *ret_channel = channel;
    pn_channel_wake(channel);
    return PN_OK;
}

void pn_channel_close(struct pn_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    if (channel->transport != NULL) {
        channel->ops->close(channel->transport);
    }
    if (channel->timer != NULL) {
        event_free(channel->timer);
    }
    pn_arena_free(channel->arena);
    pn_arena_free(channel->receipt_arena);
    pn_arena_free(channel->late.arena);
    free(channel);
}
