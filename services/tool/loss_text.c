// SPDX-License-Identifier: Apache-2.0
#include "services/tool/loss_text.h"

#include "fhir/fhir.h"

static void print_losses(struct pn_arena *arena, const struct pn_plan_loss *losses, unsigned count,
                         FILE *out)
{
    for (unsigned i = 0; i < count; i++) {
        const struct pn_plan_loss *loss = &losses[i];
        fprintf(out, "%s (%s)\n", pn_loss_text(arena, loss, "en"), loss->item->code);
        for (unsigned k = 0; k < loss->place_count; k++) {
            fprintf(out, "  %s\n", loss->places[k]);
        }
    }
}

void pn_loss_print(struct pn_arena *arena, const struct pn_loss_report *report, FILE *out)
{
    if (report->count == 0) {
        fputs("The form holds all of the plan.\n", out);
    }
    print_losses(arena, report->losses, report->count, out);
    if (report->apart_count > 0) {
        fputs("No loss, but only in the document of one register:\n", out);
    }
    print_losses(arena, report->apart, report->apart_count, out);
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

static bool add_losses(struct pn_arena *arena, cJSON *list, const struct pn_plan_loss *losses,
                       unsigned count)
{
    for (unsigned i = 0; list != NULL && i < count; i++) {
        cJSON *loss = loss_json(arena, &losses[i]);
        if (loss == NULL || !cJSON_AddItemToArray(list, loss)) {
            return false;
        }
    }
    return list != NULL;
}

cJSON *pn_loss_json(struct pn_arena *arena, const struct pn_loss_report *report)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *list = root == NULL ? NULL : cJSON_AddArrayToObject(root, "losses");
    bool is_made = add_losses(arena, list, report->losses, report->count);
    if (is_made && report->apart_count > 0) {
        list = cJSON_AddArrayToObject(root, "apart");
        is_made = add_losses(arena, list, report->apart, report->apart_count);
    }
    return is_made ? root : NULL;
}
