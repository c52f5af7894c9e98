// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/channel.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "fhir/json.h"
#include "services/deliver/delivery_event.h"
#include "services/deliver/document.h"
#include "services/deliver/transport.h"

enum {
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    AWAY_FIRST_MS = 50,
    IDLE_MS = 1000,             // a look at the ledger even if nobody woke the channel
    SCAN_MS = 100,              // between looks for receipt files
    UNRECORDED_MS = 500,        // the store is away: try to write the outcome again
    UNANSWERED_MS = 3600 * 1000 // a file without a receipt is offered again
};

// What became of the delivery under way, kept until the store has it.
struct outcome {
    bool is_put_off;
    enum pn_delivery_state state;
    int64_t again_ms;
    const char *reason;
    struct pn_slice words;
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
    struct pn_delivery delivery;
    const struct pn_document_out *document; // the one that is under way
    unsigned ordinal;
    bool is_busy;
    bool has_unrecorded;
    struct outcome unrecorded;
    int64_t away_ms; // the pause after the next failure
    int64_t again_ms;
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

// --- Writing down what became of it --------------------------------------------------------------

static enum pn_code write_outcome(struct pn_channel *channel, const struct outcome *outcome,
                                  int64_t now_ms, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(channel->run);
    const struct pn_delivery *delivery = &channel->delivery;
    if (outcome->is_put_off) {
        return pn_ledger_put_off(store, delivery->id, outcome->again_ms, outcome->reason, err);
    }
    enum pn_code code =
        pn_ledger_settle(store, delivery->id, outcome->state, now_ms, outcome->words, err);
    if (code == PN_OK) {
        code = pn_delivery_event_add(store, channel->receipt_arena, delivery, outcome->state,
                                     now_ms, err);
    }
    return code;
}

static void record(struct pn_channel *channel, const struct outcome *outcome)
{
    struct pn_err err;
    struct pn_store *store = pn_run_store(channel->run);
    pn_json_use_arena(channel->receipt_arena);
    enum pn_code code = pn_store_begin(store, &err);
    if (code == PN_OK) {
        code = write_outcome(channel, outcome, pn_clock_now_ms(), &err);
    }
    if (code == PN_OK) {
        code = pn_store_commit(store, &err);
    }
    if (code != PN_OK) {
        pn_store_rollback(store);
        if (!channel->has_unrecorded) {
            pn_log_error("a delivery's outcome waits for the store", &err);
        }
        channel->has_unrecorded = true;
        channel->unrecorded = *outcome;
        arm(channel, UNRECORDED_MS);
        return;
    }
    if (!outcome->is_put_off) {
        pn_metric_add("punos_deliveries_total", "state", pn_delivery_state_name(outcome->state), 1);
    }
    channel->has_unrecorded = false;
    channel->is_busy = false;
    pn_channel_wake(channel);
}

static void put_off(struct pn_channel *channel, int64_t pause_ms, const char *reason)
{
    pn_log(PN_LOG_WARNING, "delivery put off", PN_TAG("system", channel->system->name),
           PN_TAG("delivery", channel->delivery.id), PN_TAG("reason", reason),
           PN_TAG_INT("again_in_ms", pause_ms));
    pn_metric_add("punos_deliveries_put_off_total", "system", channel->system->name, 1);
    struct outcome outcome = {
        .is_put_off = true, .again_ms = pn_clock_now_ms() + pause_ms, .reason = reason};
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

static void settle(struct pn_channel *channel, enum pn_delivery_state state, struct pn_slice words)
{
    channel->again_ms = pn_run_config(channel->run)->deliver.backoff_first_ms;
    struct outcome outcome = {.state = state, .words = words};
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
        settle(channel, PN_DELIVERY_REJECTED, pn_slice_str(err.text));
    }
}

static void next_document(struct pn_channel *channel)
{
    channel->document = channel->document->next;
    channel->ordinal++;
    if (channel->document != NULL) {
        send_document(channel);
    }
}

static bool hear_answer(struct pn_channel *channel, const struct pn_answer *answer)
{
    struct pn_err err;
    enum pn_receipt receipt = PN_RECEIPT_TRY_AGAIN;
    struct pn_slice words = {0};
    enum pn_code code = pn_adapter_read_receipt(channel->adapter, channel->arena, channel->document,
                                                answer, &receipt, &words, &err);
    if (code != PN_OK) {
        put_off_again(channel, "the answer can't be understood");
        return false;
    }
    switch (receipt) {
    case PN_RECEIPT_OTHERS:
        return true;
    case PN_RECEIPT_TRY_AGAIN:
        put_off_again(channel, "the system asks to try again");
        return false;
    case PN_RECEIPT_REJECTED:
        settle(channel, PN_DELIVERY_REJECTED, words);
        return false;
    case PN_RECEIPT_ACCEPTED:
        if (channel->document->next == NULL) {
            settle(channel, PN_DELIVERY_ACCEPTED, words);
        } else {
            next_document(channel);
        }
        return false;
    }
    return false;
}

// The file lies in the folder: remember which receipt it waits for, and go on with others.
static void file_left(struct pn_channel *channel)
{
    struct pn_err err;
    struct pn_store *store = pn_run_store(channel->run);
    enum pn_code code = pn_store_begin(store, &err);
    if (code == PN_OK) {
        code = pn_ledger_document_sent(store, channel->delivery.id, channel->ordinal,
                                       channel->document->receipt_id, &err);
    }
    if (code == PN_OK) {
        code = pn_store_commit(store, &err);
    }
    if (code != PN_OK) {
        pn_store_rollback(store);
        pn_log_error("a file that was left could not be noted", &err);
        put_off_away(channel, "the store is away");
        return;
    }
    if (channel->document->next != NULL) {
        next_document(channel);
        return;
    }
    channel->is_busy = false;
    pn_channel_wake(channel);
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
        file_left(channel);
        return false;
    case PN_TRANSPORT_ANSWERED:
        channel->away_ms = AWAY_FIRST_MS;
        return hear_answer(channel, &result->answer);
    }
    return false;
}

// --- Receipt files -------------------------------------------------------------------------------

static enum pn_code record_receipt(struct pn_channel *channel, const struct pn_delivery *delivery,
                                   struct pn_slice receipt_id, struct outcome *outcome,
                                   struct pn_err *err)
{
    struct pn_store *store = pn_run_store(channel->run);
    int64_t now_ms = pn_clock_now_ms();
    int64_t left = 0;
    enum pn_code code = PN_OK;
    if (outcome->state == PN_DELIVERY_ACCEPTED) {
        code = pn_ledger_document_accepted(store, delivery->id, receipt_id, &left, err);
    }
    if (code != PN_OK || left > 0) {
        return code;
    }
    code = pn_ledger_settle(store, delivery->id, outcome->state, now_ms, outcome->words, err);
    if (code != PN_OK) {
        return code;
    }
    return pn_delivery_event_add(store, channel->receipt_arena, delivery, outcome->state, now_ms,
                                 err);
}

static enum pn_code take_receipt(struct pn_channel *channel, struct pn_slice receipt_id,
                                 struct pn_slice bytes, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(channel->run);
    struct pn_delivery delivery;
    bool found = false;
    enum pn_code code = pn_ledger_by_receipt(store, channel->receipt_arena, channel->system->name,
                                             receipt_id, &delivery, &found, err);
    if (code != PN_OK || !found) {
        return code; // a receipt for what is settled already: nothing to do
    }
    struct pn_document_out sent = {.path = receipt_id, .receipt_id = receipt_id};
    struct pn_answer answer = {.bytes = bytes};
    struct outcome outcome = {.state = PN_DELIVERY_ACCEPTED};
    enum pn_receipt receipt = PN_RECEIPT_TRY_AGAIN;
    code = pn_adapter_read_receipt(channel->adapter, channel->receipt_arena, &sent, &answer,
                                   &receipt, &outcome.words, err);
    if (code != PN_OK) {
        return code;
    }
    if (receipt == PN_RECEIPT_REJECTED) {
        outcome.state = PN_DELIVERY_REJECTED;
    } else if (receipt != PN_RECEIPT_ACCEPTED) {
        return pn_ledger_put_off(store, delivery.id, pn_clock_now_ms() + channel->again_ms,
                                 "the system asks to try again", err);
    }
    return record_receipt(channel, &delivery, receipt_id, &outcome, err);
}

static bool receipt_found(struct pn_slice receipt_id, struct pn_slice bytes, void *context)
{
    struct pn_channel *channel = context;
    struct pn_err err;
    struct pn_store *store = pn_run_store(channel->run);
    pn_arena_reset(channel->receipt_arena);
    pn_json_use_arena(channel->receipt_arena);
    enum pn_code code = pn_store_begin(store, &err);
    if (code == PN_OK) {
        code = take_receipt(channel, receipt_id, bytes, &err);
    }
    if (code == PN_OK) {
        code = pn_store_commit(store, &err);
    }
    if (code != PN_OK) {
        pn_store_rollback(store);
        pn_log(PN_LOG_WARNING, "a receipt file waits", PN_TAG("system", channel->system->name),
               PN_TAG("code", pn_code_name(code)), PN_TAG("where", err.where),
               PN_TAG("reason", err.text));
        return false;
    }
    pn_metric_add("punos_receipts_total", "system", channel->system->name, 1);
    return true;
}

// --- Taking the next one -------------------------------------------------------------------------

// Makes the documents and notes the try, in one transaction.
static enum pn_code begin_try(struct pn_channel *channel, struct pn_err *err)
{
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
    code = pn_ledger_sent(store, &channel->delivery, now_ms, now_ms + UNANSWERED_MS, err);
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
    struct pn_slice words = pn_slice_str(
        pn_arena_printf(channel->receipt_arena, "punos: %s: %s", err->where, err->text));
    settle(channel, PN_DELIVERY_REJECTED, words);
}

static void start_delivery(struct pn_channel *channel)
{
    struct pn_err err;
    struct pn_store *store = pn_run_store(channel->run);
    channel->is_busy = true;
    channel->ordinal = 0;
    channel->document = NULL;
    pn_json_use_arena(channel->arena);
    enum pn_code code = pn_store_begin(store, &err);
    if (code == PN_OK) {
        code = begin_try(channel, &err);
    }
    if (code == PN_OK) {
        code = pn_store_commit(store, &err);
    }
    if (code != PN_OK) {
        pn_store_rollback(store);
        begin_failed(channel, &err);
        return;
    }
    send_document(channel);
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
    if (found) {
        start_delivery(channel);
        return;
    }
    int64_t idle_ms = channel->ops->scan == NULL ? IDLE_MS : SCAN_MS;
    int64_t wait_ms = due_ms == 0 ? idle_ms : due_ms - now_ms;
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
    channel->away_ms = AWAY_FIRST_MS;
    channel->again_ms = pn_run_config(options->run)->deliver.backoff_first_ms;
    channel->arena = pn_arena_new(ARENA_BYTES_MAX);
    channel->receipt_arena = pn_arena_new(ARENA_BYTES_MAX);
    channel->timer = evtimer_new(pn_run_base(options->run), on_timer, channel);
    if (channel->arena == NULL || channel->receipt_arena == NULL || channel->timer == NULL) {
        pn_channel_close(channel);
        return pn_err_set(err, PN_MEMORY, options->system->name, "no memory for a channel");
    }
    struct pn_transport_callbacks callbacks = {
        .context = channel,
        .receipt_ending = pn_adapter_info(options->adapter)->receipt_ending,
        .result = result,
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
    free(channel);
}
