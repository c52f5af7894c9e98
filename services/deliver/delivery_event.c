// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/delivery_event.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "event/event.h"
#include "fhir/fhir.h"
#include "run/run.h"
#include "stream/stream.h"

struct state_row {
    const char *event_type;
    const char *task_status; // FHIR R4 task-status
};

static const struct state_row state_rows[PN_DELIVERY_STATE_COUNT] = {
    [PN_DELIVERY_QUEUED] = {"fi.punos.delivery.queued.v1", "requested"},
    [PN_DELIVERY_SENT] = {"fi.punos.delivery.sent.v1", "in-progress"},
    [PN_DELIVERY_ACCEPTED] = {"fi.punos.delivery.accepted.v1", "completed"},
    [PN_DELIVERY_REJECTED] = {"fi.punos.delivery.rejected.v1", "rejected"},
    [PN_DELIVERY_COMMITTED] = {"fi.punos.delivery.committed.v1", "received"},
    [PN_DELIVERY_ACKNOWLEDGED] = {"fi.punos.delivery.acknowledged.v1", "completed"},
    [PN_DELIVERY_NEEDLESS] = {"fi.punos.delivery.needless.v1", "cancelled"},
};

const char *pn_delivery_task_status(enum pn_delivery_state state)
{
    return state_rows[state].task_status;
}

const char *pn_delivery_task_code(enum pn_out_of of, bool is_withdrawal)
{
    static const char *const names[PN_OUT_OF_COUNT][2] = {
        [PN_OUT_PLAN] = {"deliver plan", "withdraw plan"},
        [PN_OUT_CASE] = {"open case", "end case"},
    };
    return names[of][is_withdrawal ? 1 : 0];
}

struct task_member {
    const char *path;
    const char *text;
};

static enum pn_code make_task(struct pn_arena *arena, const struct pn_delivery *delivery,
                              enum pn_delivery_state state, int64_t now_ms, struct pn_buf *out,
                              struct pn_err *err)
{
    char queued[PN_TIME_TEXT_BYTES];
    char now[PN_TIME_TEXT_BYTES];
    pn_time_format(delivery->queued_ms, queued);
    pn_time_format(now_ms, now);
    const char *focus = pn_arena_printf(arena, "%s/%s/_history/%" PRId64,
                                        delivery->of == PN_OUT_CASE ? "Flag" : "CarePlan",
                                        delivery->plan_id, delivery->plan_version);
    const char *patient = pn_arena_printf(arena, "Patient/%s", delivery->client_key);
    cJSON *task = pn_fhir_new("Task");
    if (focus == NULL || patient == NULL || task == NULL) {
        return pn_err_set(err, PN_LIMIT, "Task", "no memory for the delivery's event");
    }
    const struct task_member members[] = {
        {"id", delivery->id},
        {"status", pn_delivery_task_status(state)},
        {"intent", "order"},
        {"businessStatus.text", pn_delivery_state_name(state)},
        {"code.text", pn_delivery_task_code(delivery->of, delivery->is_withdrawal)},
        {"focus.reference", focus},
        {"for.reference", patient},
        {"authoredOn", queued},
        {"lastModified", now},
        {"owner.display", delivery->system},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(members); i++) {
        enum pn_code code = pn_fhir_set(task, members[i].path, pn_slice_str(members[i].text), err);
        if (code != PN_OK) {
            return pn_err_within(err, "Task");
        }
    }
    return pn_json_print(task, out, err);
}

enum pn_code pn_delivery_event_add(struct pn_store *store, struct pn_arena *arena,
                                   const struct pn_delivery *delivery, enum pn_delivery_state state,
                                   int64_t now_ms, struct pn_err *err)
{
    const struct state_row *row = &state_rows[state];
    struct pn_buf data;
    pn_buf_init(&data, PN_EVENT_BYTES_MAX);
    enum pn_code code = make_task(arena, delivery, state, now_ms, &data, err);
    if (code == PN_OK) {
        // After somebody has set it going again it may come to the same state once more.
        char id[PN_UUID_TEXT_BYTES], round[24];
        snprintf(round, sizeof round, "%" PRId64, delivery->round);
        struct pn_slice parts[] = {pn_slice_str(delivery->id), pn_slice_str(row->event_type),
                                   pn_slice_str(round)};
        unsigned part_count = delivery->round == 0 ? 2 : 3;
        pn_uuid5("delivery-event", parts, part_count, id);
        struct pn_event event = {
            .id = pn_slice_str(id),
            .source = pn_slice_str("/service/deliver"),
            .type = pn_slice_str(row->event_type),
            .subject = pn_slice_str(delivery->client_key),
            .causation_id = pn_slice_str(delivery->cause_id),
            .time_ms = now_ms,
            .recorded_ms = now_ms,
            .data = pn_buf_slice(&data),
        };
        code = pn_outbox_add(store, PN_TOPIC_DELIVERY, &event, err);
    }
    pn_buf_release(&data);
    return code;
}
