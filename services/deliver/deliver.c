// SPDX-License-Identifier: Apache-2.0
/*
 * Station 9, deliver: lays each published plan back in every connected records system.
 *
 * A plan or case event becomes one ledger row per system that takes such; channels do the rest.
 * What systems answer later, by messages of their own, comes as events from ingest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "fhir/fhir.h"
#include "run/run.h"
#include "services/deliver/answers.h"
#include "services/deliver/channel.h"
#include "services/deliver/deliver.h"
#include "services/deliver/delivery_event.h"
#include "services/deliver/figures.h"
#include "services/deliver/ledger.h"
#include "services/plan/plan_seal.h"

enum { ADAPTERS_ARENA_BYTES_MAX = 64 * 1024 * 1024, FIGURES_MS = 5000 };

// What an event on punos.plan.v1 asks for.
struct kind {
    const char *type;
    enum pn_out_of of;
    bool is_withdrawal;
};

struct deliver {
    struct pn_run *run;
    struct pn_arena *boot;
    struct pn_identity_source *identities;
    struct pn_channel *channels[PN_SYSTEMS_MAX];
    const char *systems[PN_SYSTEMS_MAX];
    const struct pn_adapter *adapters[PN_SYSTEMS_MAX];
    unsigned channel_count;
    bool has_new;
};

static void stop(void *state)
{
    struct deliver *deliver = state;
    if (deliver == NULL) {
        return;
    }
    for (unsigned i = 0; i < deliver->channel_count; i++) {
        pn_channel_close(deliver->channels[i]);
    }
    pn_identity_source_close(deliver->identities);
    pn_arena_free(deliver->boot);
    free(deliver);
}

static enum pn_code open_channel(struct deliver *deliver, const struct pn_system_conf *system,
                                 struct pn_err *err)
{
    const struct pn_config *config = pn_run_config(deliver->run);
    struct pn_adapter *adapter = NULL;
    enum pn_code code = pn_adapter_open(deliver->boot, config, system->adapter, &adapter, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_channel_options options = {
        .run = deliver->run,
        .system = system,
        .adapter = adapter,
        .identities = deliver->identities,
    };
    code = pn_channel_open(&options, &deliver->channels[deliver->channel_count], err);
    if (code == PN_OK) {
        deliver->systems[deliver->channel_count] = system->name;
        deliver->adapters[deliver->channel_count] = adapter;
        deliver->channel_count++;
    }
    return code;
}

static enum pn_code start(struct pn_run *run, void **ret_state, struct pn_err *err)
{
    struct deliver *deliver = calloc(1, sizeof *deliver);
    if (deliver == NULL) {
        return pn_err_set(err, PN_MEMORY, "deliver", "no memory to start");
    }
    deliver->run = run;
    deliver->boot = pn_arena_new(ADAPTERS_ARENA_BYTES_MAX);
    if (deliver->boot == NULL) {
        free(deliver);
        return pn_err_set(err, PN_MEMORY, "deliver", "no memory to start");
    }
    const struct pn_config *config = pn_run_config(run);
    enum pn_code code =
        pn_identity_source_open(config, pn_run_privacy(run), &deliver->identities, err);
    if (code == PN_OK) {
        code = pn_ledger_wake_all(pn_run_store(run), err);
    }
    for (unsigned i = 0; code == PN_OK && i < config->system_count; i++) {
        if (config->systems[i].deliver[0] != '\0') {
            code = open_channel(deliver, &config->systems[i], err);
        }
    }
    if (code != PN_OK) {
        stop(deliver);
        return code;
    }
    *ret_state = deliver;
    return PN_OK;
}

// The sealed content and the version, out of the event's CarePlan.
static enum pn_code read_plan_event(const struct pn_event *event, struct pn_delivery *delivery,
                                    struct pn_buf *sealed, struct pn_err *err)
{
    cJSON *plan = NULL;
    enum pn_code code = pn_json_parse(event->data, &plan, err);
    if (code != PN_OK) {
        return code;
    }
    delivery->plan_id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(plan, "id"));
    struct pn_slice version = pn_fhir_get(plan, "meta.versionId");
    struct pn_slice content =
        pn_fhir_get(plan, "extension[url=" PN_PLAN_SEAL_URL "].valueBase64Binary");
    if (delivery->plan_id == NULL || !pn_slice_to_i64(version, &delivery->plan_version)) {
        return pn_err_set(err, PN_INVALID, "CarePlan.meta.versionId",
                          "a plan event names its plan and version");
    }
    if (content.len == 0 || !pn_base64_decode(content, sealed)) {
        return pn_err_set(err, PN_INVALID, "CarePlan.extension",
                          "a plan event carries its sealed content");
    }
    delivery->sealed = pn_buf_slice(sealed);
    return PN_OK;
}

static enum pn_code queue_for_all(struct deliver *deliver, struct pn_delivery *delivery,
                                  struct pn_err *err)
{
    struct pn_store *store = pn_run_store(deliver->run);
    for (unsigned i = 0; i < deliver->channel_count; i++) {
        bool is_new = false;
        if (!pn_adapter_takes(deliver->adapters[i], delivery->of)) {
            continue;
        }
        delivery->system = deliver->systems[i];
        enum pn_code code = pn_ledger_queue(store, delivery, &is_new, err);
        if (code == PN_OK && is_new) {
            code = pn_delivery_event_add(store, pn_run_arena(deliver->run), delivery,
                                         PN_DELIVERY_QUEUED, delivery->queued_ms, err);
        }
        if (code != PN_OK) {
            return code;
        }
        deliver->has_new = deliver->has_new || is_new;
    }
    return PN_OK;
}

// The Flag is its own content: it names the client by key, and nothing else.
static enum pn_code read_case_event(const struct pn_event *event, struct pn_delivery *delivery,
                                    struct pn_err *err)
{
    cJSON *flag = NULL;
    enum pn_code code = pn_json_parse(event->data, &flag, err);
    if (code != PN_OK) {
        return code;
    }
    delivery->plan_id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(flag, "id"));
    delivery->sealed = event->data;
    if (delivery->plan_id == NULL ||
        !pn_slice_to_i64(pn_fhir_get(flag, "meta.versionId"), &delivery->plan_version)) {
        return pn_err_set(err, PN_INVALID, "Flag.meta.versionId",
                          "a case event names its Flag and version");
    }
    return PN_OK;
}

static enum pn_code queue_event(struct deliver *deliver, const struct pn_event *event,
                                const struct kind *kind, struct pn_err *err)
{
    struct pn_arena *arena = pn_run_arena(deliver->run);
    struct pn_delivery delivery = {
        .of = kind->of,
        .client_key = pn_arena_copy(arena, event->subject),
        .cause_id = pn_arena_copy(arena, event->id),
        .is_withdrawal = kind->is_withdrawal,
        .queued_ms = event->recorded_ms,
    };
    struct pn_buf sealed;
    pn_buf_init(&sealed, PN_EVENT_BYTES_MAX);
    enum pn_code code = kind->of == PN_OUT_CASE ? read_case_event(event, &delivery, err)
                                                : read_plan_event(event, &delivery, &sealed, err);
    if (code == PN_OK) {
        code = queue_for_all(deliver, &delivery, err);
    }
    pn_buf_release(&sealed);
    return code;
}

static enum pn_code handle_event(struct deliver *deliver, const struct pn_event *event,
                                 struct pn_err *err)
{
    static const struct kind kinds[] = {
        {"fi.punos.plan.published.v1", PN_OUT_PLAN, false},
        {"fi.punos.plan.withdrawn.v1", PN_OUT_PLAN, true},
        {"fi.punos.case.opened.v1", PN_OUT_CASE, false},
        {"fi.punos.case.ended.v1", PN_OUT_CASE, true},
    };
    if (pn_slice_is(event->type, PN_EVENT_ANSWERED)) {
        enum pn_answer_effect effect = PN_ANSWER_UNKNOWN;
        enum pn_code code = pn_answer_from_event(deliver->run, event, &effect, err);
        deliver->has_new = deliver->has_new || effect == PN_ANSWER_CHANGED;
        return code;
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(kinds); i++) {
        if (pn_slice_is(event->type, kinds[i].type)) {
            return queue_event(deliver, event, &kinds[i], err);
        }
    }
    return PN_OK;
}

static enum pn_verdict handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    struct deliver *deliver = state;
    pn_json_use_arena(pn_run_arena(deliver->run));
    enum pn_code code = handle_event(deliver, &record->event, err);
    if (code == PN_OK) {
        return PN_DONE;
    }
    return pn_code_is_retriable(code) ? PN_RETRY : PN_REJECT;
}

static enum pn_verdict tick(void *state, int64_t now_ms, struct pn_err *err)
{
    struct deliver *deliver = state;
    for (unsigned i = 0; i < deliver->channel_count; i++) {
        enum pn_code code =
            pn_delivery_figures(pn_run_store(deliver->run), deliver->systems[i], now_ms, err);
        if (code != PN_OK) {
            return PN_RETRY;
        }
    }
    return PN_DONE;
}

static void committed(void *state)
{
    struct deliver *deliver = state;
    if (!deliver->has_new) {
        return;
    }
    deliver->has_new = false;
    for (unsigned i = 0; i < deliver->channel_count; i++) {
        pn_channel_wake(deliver->channels[i]);
    }
}

const struct pn_service *pn_service_deliver(void)
{
    static const char *const topics[] = {PN_TOPIC_PLAN, PN_TOPIC_DELIVERY};
    static struct pn_service service = {
        .name = "deliver",
        .topics = topics,
        .topic_count = PN_ARRAY_COUNT(topics),
        .migration_count = PN_LEDGER_MIGRATION_COUNT,
        .start = start,
        .handle = handle,
        .tick = tick,
        .tick_ms = FIGURES_MS,
        .committed = committed,
        .stop = stop,
    };
    service.migrations = pn_ledger_migrations();
    return &service;
}

PN_SERVICE_COMMAND(deliver, pn_service_deliver(), "lay published plans in every records system",
                   "Turns each version of a shared plan into each connected system's own document, "
                   "sends it until a receipt comes, and keeps the ledger of what came of it.")
