// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/drop_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT_MAX = 256, REFILL_AT = IN_FLIGHT_MAX / 2, NAME_BYTES_MAX = 256 };

struct list {
    struct pn_drop_list_parts parts;
    char file_name[NAME_BYTES_MAX];
    struct pn_buf bytes;
    struct pn_split *split;
    struct pn_drop_list_result result;
    struct pn_drop_refusal refusals[PN_DROP_LIST_REFUSALS_MAX];
    unsigned in_flight;
    bool is_at_end;
    bool is_feeding;
};

// A record on its way; the intake keeps its bytes.
struct record {
    struct list *list;
    unsigned line;
};

static void free_list(struct list *list)
{
    pn_split_close(list->split);
    pn_buf_release(&list->bytes);
    free(list);
}

static void feed(struct list *list);

static void note_refusal(struct list *list, unsigned line, const struct pn_intake_result *result)
{
    struct pn_drop_list_result *sum = &list->result;
    sum->refused++;
    if (sum->refusal_count < PN_DROP_LIST_REFUSALS_MAX) {
        struct pn_drop_refusal *refusal = &list->refusals[sum->refusal_count++];
        refusal->line = line;
        refusal->err = result->err;
        memcpy(refusal->quarantine_id, result->quarantine_id, sizeof refusal->quarantine_id);
    }
    if (sum->refused == PN_DROP_LIST_REFUSED_MAX) {
        sum->is_stopped = true;
        (void)pn_err_set(&sum->err, PN_LIMIT, "file",
                         "%d records were refused: the rest was not tried", sum->refused);
    }
}

static void on_record(const struct pn_intake_result *result, void *context)
{
    struct record *record = context;
    struct list *list = record->list;
    struct pn_drop_list_result *sum = &list->result;
    unsigned line = record->line;
    free(record);
    list->in_flight--;
    sum->accepted += result->outcome == PN_INTAKE_ACCEPTED;
    sum->repeated += result->outcome == PN_INTAKE_REPEATED;
    sum->event_count += result->outcome == PN_INTAKE_ACCEPTED ? result->event_count : 0;
    if (result->outcome == PN_INTAKE_TURNED_AWAY) {
        sum->is_turned_away = true;
    } else if (result->outcome == PN_INTAKE_REFUSED) {
        note_refusal(list, line, result);
    }
    if (!list->is_feeding && list->in_flight <= REFILL_AT) {
        feed(list);
    }
}

static bool submit(struct list *list, const struct pn_split_record *split)
{
    struct record *record = malloc(sizeof *record);
    if (record == NULL) {
        list->result.is_turned_away = true;
        return false;
    }
    *record = (struct record){.list = list, .line = split->line};
    struct pn_intake_message message = {
        .system = list->parts.system,
        .in = pn_ingest_message_in(list->parts.system, split->bytes, PN_TRANSPORT_DROP),
        .can_wait = true,
        .done = on_record,
        .context = record,
    };
    message.in.file_name = list->file_name;
    message.in.line = split->line;
    list->in_flight++;
    pn_intake_submit(list->parts.intake, &message);
    return true;
}

// More of the file into the intake; at its end, and when all have come back, the sum.
static void feed(struct list *list)
{
    struct pn_drop_list_result *sum = &list->result;
    list->is_feeding = true;
    while (!list->is_at_end && !sum->is_turned_away && !sum->is_stopped &&
           list->in_flight < IN_FLIGHT_MAX) {
        struct pn_split_record record;
        bool has = false;
        if (pn_split_next(list->split, &record, &has, &sum->err) != PN_OK) {
            sum->is_stopped = true;
        } else if (!has) {
            list->is_at_end = true;
        } else {
            (void)submit(list, &record);
        }
    }
    list->is_feeding = false;
    if (list->in_flight > 0) {
        return;
    }
    sum->refusals = list->refusals;
    list->parts.done(sum, list->parts.context);
    free_list(list);
}

enum pn_code pn_drop_list_start(const struct pn_drop_list_parts *parts, struct pn_buf *bytes,
                                struct pn_err *err)
{
    struct list *list = calloc(1, sizeof *list);
    if (list == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    list->parts = *parts;
    (void)snprintf(list->file_name, sizeof list->file_name, "%s", parts->file_name);
    struct pn_message_in whole =
        pn_ingest_message_in(parts->system, pn_buf_slice(bytes), PN_TRANSPORT_DROP);
    whole.file_name = list->file_name;
    enum pn_code code = pn_adapter_split(parts->system->adapter, &whole, &list->split, err);
    if (code != PN_OK) {
        free(list);
        return code;
    }
    list->bytes = *bytes;
    pn_buf_init(bytes, bytes->max_bytes);
    feed(list);
    return PN_OK;
}
