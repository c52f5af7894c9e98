// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_concern.h"

#include <stdio.h>

#include "base/clock.h"
#include "run/run.h"

// How often a transaction that another process got in between is done again.
enum { FLAG_BYTES_MAX = 4096 };

static void make_id(const struct pn_concern_report *report, char ret_id[static PN_UUID_TEXT_BYTES])
{
    if (report->number.len == 0) {
        pn_uuid4(ret_id);
        return;
    }
    const struct pn_slice parts[] = {report->system, report->number};
    pn_uuid5("concern", parts, PN_ARRAY_COUNT(parts), ret_id);
}

// Flag.category: whose the report is, when somebody said.
static bool add_sector(cJSON *flag, enum pn_sector sector)
{
    if (sector == PN_SECTOR_UNKNOWN) {
        return true;
    }
    cJSON *concept = cJSON_CreateObject();
    cJSON *categories = cJSON_AddArrayToObject(flag, "category");
    if (concept == NULL || categories == NULL || !cJSON_AddItemToArray(categories, concept)) {
        return false;
    }
    cJSON *coding = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(concept, "coding");
    return coding != NULL && list != NULL && cJSON_AddItemToArray(list, coding) &&
           pn_json_set_text(coding, "system", pn_slice_str(PN_SECTOR_SYSTEM)) &&
           pn_json_set_text(coding, "code", pn_slice_str(pn_sector_name(sector)));
}

static cJSON *make_flag(const struct pn_concern_report *report, const char *id,
                        const char *client_key)
{
    char reference[sizeof "Patient/" + PN_CLIENT_KEY_TEXT_BYTES], start[PN_TIME_TEXT_BYTES];
    snprintf(reference, sizeof reference, "Patient/%s", client_key);
    pn_time_format(report->start_ms, start);
    cJSON *flag = pn_fhir_new("Flag");
    bool is_good = flag != NULL && pn_json_set_text(flag, "id", pn_slice_str(id)) &&
                   pn_json_set_text(flag, "status", pn_slice_str("active"));
    is_good = is_good && add_sector(flag, report->sector);
    cJSON *code = is_good ? cJSON_AddObjectToObject(flag, "code") : NULL;
    cJSON *list = code == NULL ? NULL : cJSON_AddArrayToObject(code, "coding");
    cJSON *coding = cJSON_CreateObject();
    cJSON *subject = is_good ? cJSON_AddObjectToObject(flag, "subject") : NULL;
    cJSON *period = is_good ? cJSON_AddObjectToObject(flag, "period") : NULL;
    cJSON *author = is_good ? cJSON_AddObjectToObject(flag, "author") : NULL;
    cJSON *identifier = author == NULL ? NULL : cJSON_AddObjectToObject(author, "identifier");
    is_good =
        list != NULL && coding != NULL && cJSON_AddItemToArray(list, coding) && subject != NULL &&
        period != NULL && identifier != NULL &&
        pn_json_set_text(coding, "system", pn_slice_str(PN_CONCERN_SYSTEM)) &&
        pn_json_set_text(coding, "code", pn_slice_str(pn_concern_name(report->about))) &&
        pn_json_set_text(subject, "reference", pn_slice_str(reference)) &&
        pn_json_set_text(period, "start", pn_slice_str(start)) &&
        pn_json_set_text(identifier, "system", pn_slice_str(PN_REPORTER_SYSTEM)) &&
        pn_json_set_text(identifier, "value", pn_slice_str(pn_reporter_name(report->reporter)));
    return is_good ? flag : NULL;
}

static enum pn_code add_event(const struct pn_plan_writer *writer,
                              const struct pn_concern_report *report, const cJSON *flag,
                              const char *client_key, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    const struct pn_slice part = pn_fhir_get(flag, "id");
    struct pn_buf data;
    pn_uuid5("concern-event", &part, 1, id);
    pn_buf_init(&data, FLAG_BYTES_MAX);
    enum pn_code code = pn_json_print(flag, &data, err);
    if (code == PN_OK) {
        const struct pn_event event = {.id = pn_slice_str(id),
                                       .source = pn_slice_str("/service/plan"),
                                       .type = pn_slice_str("fi.punos.concern.raised.v1"),
                                       .subject = pn_slice_str(client_key),
                                       .sector = pn_slice_str(pn_sector_name(report->sector)),
                                       .traceparent = writer->traceparent,
                                       .time_ms = report->start_ms,
                                       .recorded_ms = pn_clock_now_ms(),
                                       .data = pn_buf_slice(&data)};
        code = pn_outbox_add(writer->store, PN_TOPIC_EVENT, &event, err);
    }
    pn_buf_release(&data);
    return code;
}

struct reporting {
    const struct pn_plan_writer *writer;
    const struct pn_concern_report *report;
    char id[PN_UUID_TEXT_BYTES];
    cJSON *flag;
};

static enum pn_code report_once(void *context, struct pn_err *err)
{
    struct reporting *reporting = context;
    const struct pn_plan_writer *writer = reporting->writer;
    const struct pn_concern_report *report = reporting->report;
    char client_key[PN_CLIENT_KEY_TEXT_BYTES];
    enum pn_code code = pn_plan_client_present(writer->store, report->client_key, client_key, err);
    if (code != PN_OK) {
        return code;
    }
    reporting->flag = make_flag(report, reporting->id, client_key);
    if (reporting->flag == NULL) {
        return pn_err_set(err, PN_LIMIT, "Flag", "does not fit into memory");
    }
    return add_event(writer, report, reporting->flag, client_key, err);
}

enum pn_code pn_plan_report_concern(const struct pn_plan_writer *writer,
                                    const struct pn_concern_report *report, cJSON **ret_flag,
                                    struct pn_err *err)
{
    struct reporting reporting = {.writer = writer, .report = report};
    make_id(report, reporting.id);
    enum pn_code code = pn_store_transact(writer->store, report_once, &reporting, err);
    if (code == PN_OK) {
        *ret_flag = reporting.flag;
    }
    return code;
}
