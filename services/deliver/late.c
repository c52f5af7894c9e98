// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/late.h"

#include "base/clock.h"
#include "base/log.h"
#include "fhir/json.h"
#include "services/deliver/answers.h"

// An answer being looked at.
struct hearing {
    const struct pn_late *late;
    const struct pn_answer *answer;
    enum pn_out_of of;    // what it is taken to be about at first
    struct pn_slice name; // the file's; empty: a message
    struct pn_receipt_read read;
    struct pn_ledger_answer said; // what is written
    enum pn_answer_effect effect;
    bool is_put_off; // it asks to be sent it again
};

static enum pn_code read_as(struct hearing *hearing, enum pn_out_of of, struct pn_err *err)
{
    const struct pn_late *late = hearing->late;
    const struct pn_document_out sent = {
        .of = of, .path = hearing->name, .receipt_id = hearing->name};
    return pn_adapter_read_receipt(late->adapter, late->arena, &sent, hearing->answer,
                                   &hearing->read, err);
}

// Which receipt_id it is about: the one inside, or the file's name when the adapter reads none.
static struct pn_slice key_of(const struct hearing *hearing)
{
    return hearing->read.match.len > 0 ? hearing->read.match : hearing->name;
}

static enum pn_delivery_state state_of(enum pn_receipt receipt)
{
    switch (receipt) {
    case PN_RECEIPT_ACCEPTED:
        return PN_DELIVERY_ACCEPTED;
    case PN_RECEIPT_COMMITTED:
        return PN_DELIVERY_COMMITTED;
    case PN_RECEIPT_REJECTED:
    case PN_RECEIPT_TRY_AGAIN:
        break;
    }
    return PN_DELIVERY_REJECTED;
}

static const char *keep_id(const struct hearing *hearing, char id[static PN_UUID_TEXT_BYTES])
{
    const struct pn_slice parts[] = {pn_slice_str(hearing->late->system->name), hearing->name,
                                     hearing->answer->bytes};
    pn_uuid5("late-answer", parts, PN_ARRAY_COUNT(parts), id);
    return id;
}

static enum pn_code send_again(struct hearing *hearing, const struct pn_delivery *delivery,
                               struct pn_err *err)
{
    const struct pn_late *late = hearing->late;
    hearing->is_put_off = delivery->settled_ms == 0;
    hearing->effect = PN_ANSWER_NOTED;
    const struct pn_config *config = pn_run_config(late->run);
    return pn_ledger_put_off(pn_run_store(late->run), delivery->id,
                             hearing->said.now_ms + config->deliver.backoff_first_ms,
                             "the system asks to try again", err);
}

// In the open transaction.
static enum pn_code hear(void *context, struct pn_err *err)
{
    struct hearing *hearing = context;
    const struct pn_late *late = hearing->late;
    struct pn_store *store = pn_run_store(late->run);
    struct pn_delivery delivery;
    bool found = false;
    pn_arena_reset(late->arena);
    hearing->is_put_off = false;
    enum pn_code code = read_as(hearing, hearing->of, err);
    if (code == PN_OK) {
        code = pn_ledger_by_receipt(store, late->arena, late->system->name, key_of(hearing),
                                    &delivery, &found, err);
    }
    if (code == PN_OK && found && delivery.of != hearing->of) {
        code = read_as(hearing, delivery.of, err);
    }
    if (code != PN_OK) {
        return code;
    }
    int64_t now_ms = pn_clock_now_ms();
    hearing->said =
        (struct pn_ledger_answer){.system = late->system->name,
                                  .receipt_id = key_of(hearing),
                                  .state = state_of(hearing->read.receipt),
                                  .words = hearing->read.words,
                                  .remote_id = hearing->read.remote_id,
                                  .remote_version = hearing->read.remote_version,
                                  .now_ms = now_ms,
                                  .overdue_ms = now_ms + late->system->answer_timeout_ms};
    if (found && hearing->read.receipt == PN_RECEIPT_TRY_AGAIN) {
        return send_again(hearing, &delivery, err);
    }
    char id[PN_UUID_TEXT_BYTES];
    return pn_answer_write(late->run, late->arena, &hearing->said, keep_id(hearing, id),
                           &hearing->effect, err);
}

static enum pn_code hear_in_transaction(struct hearing *hearing, struct pn_err *err)
{
    const struct pn_late *late = hearing->late;
    pn_json_use_arena(late->arena);
    enum pn_code code = pn_store_transact(pn_run_store(late->run), hear, hearing, err);
    if (code != PN_OK) {
        return code;
    }
    pn_answer_tell(&hearing->said, hearing->effect);
    if (hearing->effect == PN_ANSWER_CHANGED || hearing->is_put_off) {
        late->changed(late->context);
    }
    return PN_OK;
}

void pn_late_answer(const struct pn_late *late, enum pn_out_of of, const struct pn_answer *answer)
{
    struct pn_err err;
    struct hearing hearing = {.late = late, .answer = answer, .of = of};
    enum pn_code code = hear_in_transaction(&hearing, &err);
    if (code != PN_OK) {
        pn_log(PN_LOG_WARNING, "a late answer was not written down",
               PN_TAG("system", late->system->name), PN_TAG("code", pn_code_name(code)),
               PN_TAG("where", err.where), PN_TAG("reason", err.text));
        pn_metric_add("punos_late_answers_lost_total", "system", late->system->name, 1);
    }
}

enum pn_receipt_fate pn_late_receipt(const struct pn_late *late, struct pn_slice name,
                                     struct pn_slice bytes)
{
    struct pn_err err;
    const struct pn_answer answer = {.bytes = bytes};
    struct hearing hearing = {.late = late, .answer = &answer, .of = PN_OUT_PLAN, .name = name};
    enum pn_code code = hear_in_transaction(&hearing, &err);
    if (code != PN_OK) {
        return pn_code_is_retriable(code) || code == PN_MEMORY ? PN_RECEIPT_WAITS
                                                               : PN_RECEIPT_UNREADABLE;
    }
    bool is_recorded = hearing.effect == PN_ANSWER_CHANGED || hearing.effect == PN_ANSWER_NOTED;
    return is_recorded ? PN_RECEIPT_RECORDED : PN_RECEIPT_ODD;
}
