// SPDX-License-Identifier: Apache-2.0
/*
 * The access trail as FHIR R4 AuditEvent (hl7.org/fhir/R4/auditevent.html).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "privacy/audit.h"

static bool put(cJSON *object, const char *member, struct pn_slice text)
{
    return text.len == 0 || pn_json_set_text(object, member, text);
}

static cJSON *object_in(cJSON *parent, const char *member)
{
    return parent == NULL ? NULL : cJSON_AddObjectToObject(parent, member);
}

static cJSON *item_in(cJSON *list)
{
    cJSON *item = list == NULL ? NULL : cJSON_CreateObject();
    if (item != NULL && !cJSON_AddItemToArray(list, item)) {
        return NULL;
    }
    return item;
}

// AuditEvent.action (http://hl7.org/fhir/audit-event-action).
static const char *action_code(struct pn_slice action)
{
    static const struct {
        const char *action, *code;
    } rows[] = {
        {"worklist-set", "U"},
        {"plan-write", "U"},
        {"merge-undo", "U"},
        {"quarantine-replay", "E"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        if (pn_slice_is(action, rows[i].action)) {
            return rows[i].code;
        }
    }
    return "R";
}

static bool add_agent(cJSON *event, const struct pn_audit_record *record)
{
    cJSON *agents = cJSON_AddArrayToObject(event, "agent");
    cJSON *user = item_in(agents);
    cJSON *who = object_in(user, "who");
    bool is_good = user != NULL && who != NULL && put(user, "altId", record->user) &&
                   put(who, "display", record->user) &&
                   cJSON_AddBoolToObject(user, "requestor", true) != NULL;
    if (is_good && record->role.len > 0) {
        cJSON *role = item_in(cJSON_AddArrayToObject(user, "role"));
        is_good = role != NULL && put(role, "text", record->role);
    }
    if (is_good && record->recipient.len > 0) {
        cJSON *receiver = item_in(agents);
        cJSON *name = object_in(receiver, "who");
        is_good = name != NULL && put(name, "display", record->recipient) &&
                  cJSON_AddBoolToObject(receiver, "requestor", false) != NULL;
    }
    return is_good;
}

static bool add_detail(cJSON *details, const char *type, struct pn_slice text)
{
    if (text.len == 0) {
        return true;
    }
    cJSON *detail = item_in(details);
    return detail != NULL && put(detail, "type", pn_slice_str(type)) &&
           put(detail, "valueString", text);
}

static bool add_entities(cJSON *event, const struct pn_audit_record *record)
{
    cJSON *entities = cJSON_AddArrayToObject(event, "entity");
    bool is_good = entities != NULL;
    if (is_good && record->client.len > 0) {
        char reference[64];
        (void)snprintf(reference, sizeof reference, "Patient/%.*s", PN_SLICE_FMT(record->client));
        cJSON *what = object_in(item_in(entities), "what");
        is_good = what != NULL && put(what, "reference", pn_slice_str(reference));
    }
    cJSON *data = is_good ? item_in(entities) : NULL;
    is_good = data != NULL &&
              put(data, "name", record->what.len > 0 ? record->what : pn_slice_str("data"));
    cJSON *details = is_good ? cJSON_AddArrayToObject(data, "detail") : NULL;
    return details != NULL && add_detail(details, "provider", record->provider) &&
           add_detail(details, "basis", record->basis) && add_detail(details, "rule", record->rule);
}

static bool fill(cJSON *event, const struct pn_audit_record *record)
{
    char id[40], time[PN_TIME_TEXT_BYTES];
    (void)snprintf(id, sizeof id, "audit-%lld", (long long)record->number);
    pn_time_format(record->time_ms, time);
    cJSON *type = NULL;
    bool is_good = put(event, "resourceType", pn_slice_str("AuditEvent")) &&
                   put(event, "id", pn_slice_str(id)) &&
                   (type = cJSON_AddObjectToObject(event, "type")) != NULL &&
                   put(type, "system",
                       pn_slice_str("http://terminology.hl7.org/CodeSystem/audit-event-type")) &&
                   put(type, "code", pn_slice_str("rest"));
    cJSON *subtype = is_good ? item_in(cJSON_AddArrayToObject(event, "subtype")) : NULL;
    is_good = subtype != NULL &&
              put(subtype, "system", pn_slice_str("https://punos.fi/fhir/CodeSystem/action")) &&
              put(subtype, "code", record->action) &&
              put(event, "action", pn_slice_str(action_code(record->action))) &&
              put(event, "recorded", pn_slice_str(time)) &&
              put(event, "outcome", pn_slice_str(record->is_allowed ? "0" : "4"));
    if (is_good && record->purpose.len > 0) {
        cJSON *purpose = item_in(cJSON_AddArrayToObject(event, "purposeOfEvent"));
        is_good = purpose != NULL && put(purpose, "text", record->purpose);
    }
    is_good = is_good && add_agent(event, record);
    cJSON *source = is_good ? object_in(event, "source") : NULL;
    cJSON *observer = object_in(source, "observer");
    return observer != NULL && put(observer, "display", pn_slice_str("Punos")) &&
           add_entities(event, record);
}

cJSON *pn_audit_event(const struct pn_audit_record *record)
{
    cJSON *event = cJSON_CreateObject();
    if (event != NULL && !fill(event, record)) {
        cJSON_Delete(event);
        return NULL;
    }
    return event;
}
