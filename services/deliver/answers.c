// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/answers.h"

#include <stdio.h>

#include "base/log.h"
#include "fhir/fhir.h"
#include "services/deliver/delivery_event.h"

enum { SYSTEM_BYTES = 256 };

enum pn_code pn_answer_write(struct pn_run *run, struct pn_arena *arena,
                             const struct pn_ledger_answer *answer, const char *keep_id,
                             enum pn_answer_effect *ret_effect, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(run);
    struct pn_delivery delivery;
    enum pn_answer_effect effect = PN_ANSWER_UNKNOWN;
    enum pn_code code = pn_ledger_answer(store, arena, answer, &delivery, &effect, err);
    if (code != PN_OK) {
        return code;
    }
    if (effect == PN_ANSWER_CHANGED) {
        code = pn_delivery_event_add(store, arena, &delivery, delivery.state, answer->now_ms, err);
    } else if (effect == PN_ANSWER_UNKNOWN || effect == PN_ANSWER_CONTRADICTS) {
        code = pn_ledger_keep_answer(store, keep_id, answer, effect, err);
    }
    if (code == PN_OK) {
        *ret_effect = effect;
    }
    return code;
}

void pn_answer_tell(const struct pn_ledger_answer *answer, enum pn_answer_effect effect)
{
    pn_metric_add("punos_delivery_answers_total", "effect", pn_answer_effect_name(effect), 1);
    if (effect == PN_ANSWER_CHANGED) {
        pn_metric_add("punos_deliveries_total", "state", pn_delivery_state_name(answer->state), 1);
    }
    if (effect == PN_ANSWER_UNKNOWN || effect == PN_ANSWER_CONTRADICTS) {
        pn_log(PN_LOG_WARNING, "an answer fits nothing that waits",
               PN_TAG("system", answer->system),
               PN_TAG("status", pn_delivery_state_name(answer->state)),
               PN_TAG("why", pn_answer_effect_name(effect)));
    }
}

static bool read_state(struct pn_slice status, enum pn_delivery_state *ret_state)
{
    static const struct {
        const char *status;
        enum pn_delivery_state state;
    } rows[] = {{"accepted", PN_DELIVERY_ACCEPTED},
                {"rejected", PN_DELIVERY_REJECTED},
                {"completed", PN_DELIVERY_ACKNOWLEDGED}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        if (pn_slice_is(status, rows[i].status)) {
            *ret_state = rows[i].state;
            return true;
        }
    }
    return false;
}

enum pn_code pn_answer_from_event(struct pn_run *run, const struct pn_event *event,
                                  enum pn_answer_effect *ret_effect, struct pn_err *err)
{
    cJSON *task = NULL;
    char system[SYSTEM_BYTES], id[PN_UUID_TEXT_BYTES];
    snprintf(system, sizeof system, "%.*s", PN_SLICE_FMT(event->subject));
    snprintf(id, sizeof id, "%.*s", PN_SLICE_FMT(event->id));
    enum pn_code code = pn_json_parse(event->data, &task, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_ledger_answer answer = {.system = system,
                                      .receipt_id = pn_fhir_get(task, "focus.identifier.value"),
                                      .words = pn_fhir_get(task, "statusReason.text"),
                                      .now_ms = event->recorded_ms};
    if (answer.receipt_id.len == 0 || !read_state(pn_json_text(task, "status"), &answer.state)) {
        return pn_err_set(err, PN_INVALID, "Task",
                          "an answer has focus.identifier.value, and a status of accepted, "
                          "rejected, completed");
    }
    code = pn_answer_write(run, pn_run_arena(run), &answer, id, ret_effect, err);
    if (code == PN_OK) {
        pn_answer_tell(&answer, *ret_effect);
    }
    return code;
}
