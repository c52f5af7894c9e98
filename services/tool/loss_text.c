// SPDX-License-Identifier: Apache-2.0
#include "services/tool/loss_text.h"

#include "fhir/fhir.h"

void pn_loss_print(struct pn_arena *arena, const struct pn_loss_report *report, FILE *out)
{
    if (report->count == 0) {
        fputs("The form holds all of the plan.\n", out);
    }
    for (unsigned i = 0; i < report->count; i++) {
        const struct pn_plan_loss *loss = &report->losses[i];
        fprintf(out, "%s (%s)\n", pn_loss_text(arena, loss, "en"), loss->item->code);
        for (unsigned k = 0; k < loss->place_count; k++) {
            fprintf(out, "  %s\n", loss->places[k]);
        }
    }
}

static cJSON *loss_json(struct pn_arena *arena, const struct pn_plan_loss *loss)
{
    static const char *const languages[] = {"fi", "sv", "en"};
    cJSON *object = cJSON_CreateObject();
    bool is_good = object != NULL &&
                   pn_json_set_text(object, "item", pn_slice_str(loss->item->code)) &&
                   pn_json_set_text(object, "kind", pn_slice_str(pn_loss_kind_code(loss->kind)));
    for (size_t i = 0; is_good && i < PN_ARRAY_COUNT(languages); i++) {
        is_good = pn_json_set_text(object, languages[i],
                                   pn_slice_str(pn_loss_text(arena, loss, languages[i])));
    }
    cJSON *places = is_good ? cJSON_AddArrayToObject(object, "places") : NULL;
    for (unsigned k = 0; places != NULL && k < loss->place_count; k++) {
        if (!cJSON_AddItemToArray(places, cJSON_CreateString(loss->places[k]))) {
            return NULL;
        }
    }
    return places == NULL ? NULL : object;
}

cJSON *pn_loss_json(struct pn_arena *arena, const struct pn_loss_report *report)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *list = root == NULL ? NULL : cJSON_AddArrayToObject(root, "losses");
    for (unsigned i = 0; list != NULL && i < report->count; i++) {
        cJSON *loss = loss_json(arena, &report->losses[i]);
        if (loss == NULL || !cJSON_AddItemToArray(list, loss)) {
            return NULL;
        }
    }
    return list == NULL ? NULL : root;
}
