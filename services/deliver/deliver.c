// SPDX-License-Identifier: Apache-2.0
/*
 * Station 9, deliver: lays each published plan back in every connected records system.
 *
 * A plan event becomes one ledger row per system that takes plans; channels do the rest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "fhir/fhir.h"
#include "run/run.h"
#include "services/deliver/channel.h"
#include "services/deliver/deliver.h"
#include "services/deliver/delivery_event.h"
#include "services/deliver/ledger.h"
#include "services/plan/plan_seal.h"

enum { ADAPTERS_ARENA_BYTES_MAX = 64 * 1024 * 1024, PATH_BYTES_MAX = 4096 };

struct deliver {
    struct pn_run *run;
    struct pn_arena *boot;
    struct pn_identity_source *identities;
    struct pn_channel *channels[PN_SYSTEMS_MAX];
    const char *systems[PN_SYSTEMS_MAX];
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
        deliver->channel_count++;
    }
    return code;
}

static enum pn_code wake_all(struct deliver *deliver, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(deliver->run);
    enum pn_code code = pn_store_begin(store, err);
    if (code == PN_OK) {
        code = pn_ledger_wake_all(store, err);
    }
    if (code == PN_OK) {
        return pn_store_commit(store, err);
    }
    pn_store_rollback(store);
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
        code = wake_all(deliver, err);
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

static enum pn_verdict handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    struct deliver *deliver = state;
    const struct pn_event *event = &record->event;
    bool withdrawn = pn_slice_is(event->type, "fi.punos.plan.withdrawn.v1");
    if (!withdrawn && !pn_slice_is(event->type, "fi.punos.plan.published.v1")) {
        return PN_DONE;
    }
    struct pn_arena *arena = pn_run_arena(deliver->run);
    pn_json_use_arena(arena);
    struct pn_delivery delivery = {
        .client_key = pn_arena_copy(arena, event->subject),
        .cause_id = pn_arena_copy(arena, event->id),
        .is_withdrawal = withdrawn,
        .queued_ms = event->recorded_ms,
    };
    struct pn_buf sealed;
    pn_buf_init(&sealed, PN_EVENT_BYTES_MAX);
    enum pn_code code = read_plan_event(event, &delivery, &sealed, err);
    if (code == PN_OK) {
        code = queue_for_all(deliver, &delivery, err);
    }
    pn_buf_release(&sealed);
    if (code == PN_OK) {
        return PN_DONE;
    }
    return pn_code_is_retriable(code) ? PN_RETRY : PN_REJECT;
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
    static const char *const topics[] = {PN_TOPIC_PLAN};
    static struct pn_service service = {
        .name = "deliver",
        .topics = topics,
        .topic_count = PN_ARRAY_COUNT(topics),
        .migration_count = PN_LEDGER_MIGRATION_COUNT,
        .start = start,
        .handle = handle,
        .committed = committed,
        .stop = stop,
    };
    service.migrations = pn_ledger_migrations();
    return &service;
}

PN_SERVICE_COMMAND(deliver, pn_service_deliver(), "lay published plans in every records system",
                   "Turns each version of a shared plan into each connected system's own document, "
                   "sends it until a receipt comes, and keeps the ledger of what came of it.")
