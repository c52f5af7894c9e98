// SPDX-License-Identifier: Apache-2.0
#include "services/api/worklist_list.h"

#include <stdio.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "services/api/api.h"

#define EXTENSION "https://punos.fi/fhir/StructureDefinition/"

static cJSON *add_coding(cJSON *object, const char *name, const char *system, const char *code)
{
    cJSON *coding = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(cJSON_AddObjectToObject(object, name), "coding"),
                         coding);
    cJSON_AddStringToObject(coding, "system", system);
    cJSON_AddStringToObject(coding, "code", code);
    return coding;
}

static void add_entry(cJSON *list, const cJSON *client)
{
    char reference[80];
    cJSON *entry = cJSON_CreateObject();
    cJSON *state = cJSON_GetObjectItemCaseSensitive(client, "state");
    cJSON *changed = cJSON_GetObjectItemCaseSensitive(client, "changed");
    cJSON_AddItemToArray(list, entry);
    add_coding(entry, "flag", "https://punos.fi/fhir/CodeSystem/case-state",
               cJSON_GetStringValue(state));
    if (changed != NULL) {
        cJSON_AddStringToObject(entry, "date", cJSON_GetStringValue(changed));
    }
    (void)snprintf(reference, sizeof reference, "Flag/%.*s",
                   PN_SLICE_FMT(pn_json_text(client, "client")));
    cJSON_AddStringToObject(cJSON_AddObjectToObject(entry, "item"), "reference", reference);
}

static cJSON *add_extension(cJSON *list, const char *url)
{
    cJSON *extension = cJSON_CreateObject();
    cJSON_AddItemToArray(list, extension);
    cJSON_AddStringToObject(extension, "url", url);
    return extension;
}

cJSON *pn_worklist_list(const cJSON *clients, const char *next, unsigned withheld)
{
    const cJSON *client = NULL;
    cJSON *list = cJSON_CreateObject();
    cJSON_AddStringToObject(list, "resourceType", "List");
    cJSON *extensions = cJSON_AddArrayToObject(list, "extension");
    cJSON_AddNumberToObject(add_extension(extensions, EXTENSION "withheld"), "valueInteger",
                            withheld);
    if (next[0] != '\0') {
        cJSON_AddStringToObject(add_extension(extensions, EXTENSION "next-cursor"), "valueString",
                                next);
    }
    cJSON_AddStringToObject(list, "status", "current");
    cJSON_AddStringToObject(list, "mode", "snapshot");
    cJSON_AddStringToObject(list, "title", "Mahdolliset yhteiset asiakkaat");
    pn_json_add_time(list, "date", pn_clock_now_ms());
    add_coding(list, "orderedBy", "http://terminology.hl7.org/CodeSystem/list-order", "priority");
    if (cJSON_GetArraySize(clients) == 0) {
        add_coding(list, "emptyReason", "http://terminology.hl7.org/CodeSystem/list-empty-reason",
                   "nilknown");
        return list;
    }
    cJSON *entries = cJSON_AddArrayToObject(list, "entry");
    cJSON_ArrayForEach(client, clients)
    {
        add_entry(entries, client);
    }
    return list;
}
