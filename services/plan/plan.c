// SPDX-License-Identifier: Apache-2.0
/*
 * The plan service: relays what is written into its store (plan_write.h) to punos.plan.v1, and
 * follows merged and unmerged clients so that a plan stays with its person.
 */
#include <stdlib.h>

#include "base/log.h"
#include "fhir/fhir.h"
#include "run/run.h"
#include "services/plan/plan.h"
#include "services/plan/plan_store.h"

enum { LINKS_MAX = 16 };

struct plan_service {
    struct pn_run *run;
};

static enum pn_code plan_start(struct pn_run *run, void **ret_state, struct pn_err *err)
{
    struct plan_service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        return pn_err_set(err, PN_MEMORY, "plan", "no memory");
    }
    service->run = run;
    *ret_state = service;
    return PN_OK;
}

static void plan_stop(void *state)
{
    free(state);
}

// The client key that a link of the Patient names.
static struct pn_slice linked_key(const cJSON *link)
{
    struct pn_slice reference =
        pn_json_text(cJSON_GetObjectItemCaseSensitive(link, "other"), "reference");
    if (!pn_slice_starts_with(reference, "Patient/")) {
        return (struct pn_slice){0};
    }
    return pn_slice_of(reference.ptr + 8, reference.len - 8);
}

static enum pn_code follow(struct plan_service *service, const struct pn_event *event,
                           bool is_merge, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(service->run);
    cJSON *patient = NULL;
    enum pn_code code = pn_json_parse(event->data, &patient, err);
    const cJSON *link = NULL;
    int count = 0;
    cJSON_ArrayForEach(link, cJSON_GetObjectItemCaseSensitive(patient, "link"))
    {
        struct pn_slice old_key = linked_key(link);
        if (code != PN_OK || count++ == LINKS_MAX || old_key.len == 0) {
            break;
        }
        code = is_merge
                   ? pn_plan_follow_merge(store, old_key, event->subject, event->recorded_ms, err)
                   : pn_plan_follow_unmerge(store, old_key, event->subject, err);
    }
    return code;
}

static enum pn_verdict plan_handle(void *state, const struct pn_record *record, struct pn_err *err)
{
    struct plan_service *service = state;
    bool is_merge = pn_slice_is(record->event.type, "fi.punos.client.merged.v1");
    if (!is_merge && !pn_slice_is(record->event.type, "fi.punos.client.unmerged.v1")) {
        return PN_DONE;
    }
    pn_json_use_arena(pn_run_arena(service->run));
    enum pn_code code = follow(service, &record->event, is_merge, err);
    if (code == PN_OK) {
        pn_metric_add("punos_plan_clients_followed_total", "change", is_merge ? "merge" : "unmerge",
                      1);
        return PN_DONE;
    }
    return code == PN_INVALID ? PN_REJECT : PN_RETRY;
}

static const char *const plan_topics[] = {PN_TOPIC_EVENT};

const struct pn_service *pn_service_plan(void)
{
    static struct pn_service service = {
        .name = "plan",
        .topics = plan_topics,
        .topic_count = PN_ARRAY_COUNT(plan_topics),
        .migrations = pn_plan_migrations,
        .start = plan_start,
        .handle = plan_handle,
        .stop = plan_stop,
    };
    service.migration_count = pn_plan_migration_count;
    return &service;
}

PN_SERVICE_COMMAND(plan, pn_service_plan(), "keep the shared plans and send out what is written",
                   "Keeps every version of the shared plans, publishes each new one, and follows "
                   "clients whose identities are merged or parted again.")
