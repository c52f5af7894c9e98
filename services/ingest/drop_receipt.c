// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/drop_receipt.h"

#include "base/clock.h"
#include "base/text.h"
#include "fhir/json.h"

static bool add_head(cJSON *receipt, const struct pn_drop_receipt *about, const char *outcome)
{
    char now[PN_TIME_TEXT_BYTES];
    pn_time_format(pn_clock_now_ms(), now);
    struct pn_slice name = pn_slice_str(about->file_name);
    return pn_json_set_text(receipt, "outcome", pn_slice_str(outcome)) &&
           pn_json_set_text(receipt, "system", pn_slice_str(about->system)) &&
           pn_json_set_text(receipt, "time", pn_slice_str(now)) &&
           (!pn_utf8_is_valid(name) || pn_json_set_text(receipt, "file", name));
}

static bool add_refusal(cJSON *receipt, const struct pn_err *err, const char *quarantine_id)
{
    return pn_json_set_text(receipt, "code", pn_slice_str(pn_code_name(err->code))) &&
           pn_json_set_text(receipt, "place", pn_slice_str(err->where)) &&
           pn_json_set_text(receipt, "reason", pn_slice_str(err->text)) &&
           pn_json_set_text(receipt, "quarantine", pn_slice_str(quarantine_id));
}

static void print(cJSON *receipt, bool is_filled, struct pn_buf *out)
{
    struct pn_err err = {0};
    if (is_filled && pn_json_print(receipt, out, &err) == PN_OK) {
        pn_buf_add_char(out, '\n');
    } else {
        pn_buf_clear(out);
    }
    cJSON_Delete(receipt);
}

void pn_drop_receipt_of_message(const struct pn_drop_receipt *about,
                                const struct pn_intake_result *result, struct pn_buf *out)
{
    bool is_refused = result->outcome == PN_INTAKE_REFUSED;
    cJSON *receipt = cJSON_CreateObject();
    bool is_filled =
        receipt != NULL && add_head(receipt, about, is_refused ? "rejected" : "accepted");
    if (is_filled && !is_refused) {
        is_filled = cJSON_AddNumberToObject(receipt, "events", result->event_count) != NULL &&
                    (result->outcome == PN_INTAKE_ACCEPTED ||
                     cJSON_AddTrueToObject(receipt, "repeated") != NULL);
    }
    if (is_filled && is_refused) {
        is_filled = add_refusal(receipt, &result->err, result->quarantine_id);
    }
    print(receipt, is_filled, out);
}

// --- Lists ---------------------------------------------------------------------------------------

bool pn_drop_list_is_accepted(const struct pn_drop_list_result *result)
{
    return !result->is_stopped && (result->refused == 0 || result->accepted + result->repeated > 0);
}

static bool add_counts(cJSON *receipt, const struct pn_drop_list_result *result)
{
    const struct {
        const char *name;
        unsigned count;
    } counts[] = {{"events", result->event_count},
                  {"accepted", result->accepted},
                  {"repeated", result->repeated},
                  {"refused", result->refused}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(counts); i++) {
        if (cJSON_AddNumberToObject(receipt, counts[i].name, counts[i].count) == NULL) {
            return false;
        }
    }
    return true;
}

static bool add_refusals(cJSON *receipt, const struct pn_drop_list_result *result)
{
    cJSON *list = result->refusal_count == 0 ? NULL : cJSON_AddArrayToObject(receipt, "refusals");
    bool is_filled = list != NULL || result->refusal_count == 0;
    for (unsigned i = 0; is_filled && i < result->refusal_count; i++) {
        const struct pn_drop_refusal *refusal = &result->refusals[i];
        cJSON *item = cJSON_CreateObject();
        is_filled = item != NULL && cJSON_AddItemToArray(list, item) &&
                    cJSON_AddNumberToObject(item, "line", refusal->line) != NULL &&
                    add_refusal(item, &refusal->err, refusal->quarantine_id);
    }
    unsigned left_off = result->refused - result->refusal_count;
    return is_filled &&
           (left_off == 0 || cJSON_AddNumberToObject(receipt, "left_off", left_off) != NULL);
}

void pn_drop_receipt_of_list(const struct pn_drop_receipt *about,
                             const struct pn_drop_list_result *result, struct pn_buf *out)
{
    const char *outcome = !pn_drop_list_is_accepted(result) ? "rejected"
                          : result->refused > 0             ? "partly"
                                                            : "accepted";
    cJSON *receipt = cJSON_CreateObject();
    bool is_filled = receipt != NULL && add_head(receipt, about, outcome) &&
                     add_counts(receipt, result) && add_refusals(receipt, result);
    if (is_filled && result->is_stopped) {
        is_filled = pn_json_set_text(receipt, "place", pn_slice_str(result->err.where)) &&
                    pn_json_set_text(receipt, "reason", pn_slice_str(result->err.text));
    }
    print(receipt, is_filled, out);
}
