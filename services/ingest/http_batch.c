// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/http_batch.h"

#include <stdio.h>

#include "fhir/entries.h"
#include "fhir/fhir.h"

enum { TEXTS_BYTES_MAX = 32 * 1024 * 1024, ANSWER_BYTES_MAX = 16 * 1024 * 1024 };

#define FHIR_JSON "application/fhir+json; charset=utf-8"

struct item {
    struct batch *batch;
    struct pn_intake_result result;
    size_t start, len; // its message among the texts
};

// Lives in the exchange's arena.
struct batch {
    struct pn_http_exchange *exchange;
    struct item *items;
    unsigned count, done_count;
};

cJSON *pn_ingest_outcome(const struct pn_intake_result *result)
{
    if (result->outcome == PN_INTAKE_REFUSED || result->outcome == PN_INTAKE_TURNED_AWAY) {
        return pn_fhir_error_outcome(&result->err);
    }
    cJSON *outcome = pn_fhir_new("OperationOutcome");
    cJSON *issues = outcome == NULL ? NULL : cJSON_AddArrayToObject(outcome, "issue");
    cJSON *issue = cJSON_CreateObject();
    if (issues == NULL || issue == NULL || !cJSON_AddItemToArray(issues, issue)) {
        cJSON_Delete(outcome);
        return NULL;
    }
    char text[PN_ERR_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "accepted and durable: %u events", result->event_count);
    if (result->ignored != NULL) {
        (void)snprintf(text, sizeof text, "taken, and nothing comes of it: %s", result->ignored);
    }
    bool is_repeated = result->outcome == PN_INTAKE_REPEATED;
    if (!pn_json_set_text(issue, "severity", pn_slice_str("information")) ||
        !pn_json_set_text(issue, "code", pn_slice_str("informational")) ||
        !pn_json_set_text(issue, "diagnostics",
                          pn_slice_str(is_repeated ? "accepted before: nothing new" : text))) {
        cJSON_Delete(outcome);
        return NULL;
    }
    return outcome;
}

// --- The answer ----------------------------------------------------------------------------------

static bool add_entry(cJSON *list, const struct pn_intake_result *result)
{
    static const char *const statuses[] = {[PN_INTAKE_ACCEPTED] = "201 Created",
                                           [PN_INTAKE_REPEATED] = "200 OK",
                                           [PN_INTAKE_REFUSED] = "422 Unprocessable Entity",
                                           [PN_INTAKE_TURNED_AWAY] = "503 Service Unavailable"};
    cJSON *entry = cJSON_CreateObject();
    if (!cJSON_AddItemToArray(list, entry)) {
        cJSON_Delete(entry);
        return false;
    }
    cJSON *response = cJSON_AddObjectToObject(entry, "response");
    cJSON *outcome = pn_ingest_outcome(result);
    bool is_made = response != NULL && outcome != NULL &&
                   pn_json_set_text(response, "status", pn_slice_str(statuses[result->outcome])) &&
                   (result->quarantine_id[0] == '\0' ||
                    pn_json_set_text(outcome, "id", pn_slice_str(result->quarantine_id)));
    if (!is_made || !cJSON_AddItemToObject(response, "outcome", outcome)) {
        cJSON_Delete(outcome);
        return false;
    }
    return true;
}

static void answer_entries(const struct batch *batch)
{
    struct pn_buf body;
    struct pn_err err = {0};
    pn_buf_init(&body, ANSWER_BYTES_MAX);
    cJSON *bundle = pn_fhir_new("Bundle");
    cJSON *list = NULL;
    if (bundle != NULL && pn_json_set_text(bundle, "type", pn_slice_str("batch-response"))) {
        list = cJSON_AddArrayToObject(bundle, "entry");
    }
    bool is_made = list != NULL;
    for (unsigned i = 0; is_made && i < batch->count; i++) {
        is_made = add_entry(list, &batch->items[i].result);
    }
    if (is_made && pn_json_print(bundle, &body, &err) == PN_OK) {
        pn_http_answer(batch->exchange, 200, FHIR_JSON, pn_buf_slice(&body));
    } else {
        (void)pn_err_set(&err, PN_INTERNAL, "Bundle", "the answer could not be made");
        pn_http_answer_status(batch->exchange, 500, &err);
    }
    cJSON_Delete(bundle);
    pn_buf_release(&body);
}

static void answer(const struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        const struct pn_intake_result *result = &batch->items[i].result;
        if (result->outcome == PN_INTAKE_TURNED_AWAY) {
            pn_http_add_header(batch->exchange, "Retry-After", "5");
            pn_http_answer_status(batch->exchange, 503, &result->err);
            return;
        }
    }
    answer_entries(batch);
}

static void on_done(const struct pn_intake_result *result, void *context)
{
    struct item *item = context;
    struct batch *batch = item->batch;
    item->result = *result;
    item->result.bytes = pn_slice_of(NULL, 0);
    batch->done_count++;
    if (batch->done_count == batch->count) {
        answer(batch);
    }
}

// --- Taking it apart -----------------------------------------------------------------------------

// Writes every entry's message after the one before; false when that is too much.
static bool write_all(const struct pn_entries *entries, struct batch *batch, struct pn_buf *texts)
{
    struct pn_err ignored = {0};
    for (unsigned i = 0; i < entries->count; i++) {
        size_t start = texts->len;
        if (pn_entries_write(entries, i, texts, &ignored) != PN_OK ||
            texts->len - start > PN_MESSAGE_BYTES_MAX) {
            return false;
        }
        batch->items[i] = (struct item){.batch = batch, .start = start, .len = texts->len - start};
    }
    return true;
}

static void submit_all(const struct batch *batch, struct pn_intake *intake,
                       const struct pn_intake_message *message, const char *texts)
{
    unsigned count = batch->count; // the last one's answer may come at once
    struct item *items = batch->items;
    for (unsigned i = 0; i < count; i++) {
        struct pn_intake_message one = *message;
        one.in.bytes = pn_slice_of(texts + items[i].start, items[i].len);
        one.done = on_done;
        one.context = &items[i];
        pn_intake_submit(intake, &one);
    }
}

bool pn_http_batch_take(struct pn_http_exchange *exchange, struct pn_intake *intake,
                        const struct pn_intake_message *message)
{
    struct pn_arena *arena = pn_http_arena(exchange);
    struct pn_entries *entries = NULL;
    struct pn_err ignored = {0};
    if (pn_entries_read(arena, message->in.bytes, &entries, &ignored) != PN_OK ||
        !pn_entries_stand_alone(entries) || entries->count == 0) {
        return false;
    }
    struct batch *batch = pn_arena_alloc(arena, sizeof *batch);
    struct item *items = pn_arena_alloc_array(arena, entries->count, sizeof *items);
    if (batch == NULL || items == NULL) {
        return false;
    }
    *batch = (struct batch){.exchange = exchange, .items = items, .count = entries->count};
    struct pn_buf texts;
    pn_buf_init(&texts, TEXTS_BYTES_MAX);
    bool is_taken = write_all(entries, batch, &texts);
    if (is_taken) {
        submit_all(batch, intake, message, texts.data);
    }
    pn_buf_release(&texts);
    return is_taken;
}
