// SPDX-License-Identifier: Apache-2.0
// In: a message → persons and events.
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/words.h"
#include "map/watch.h"

struct decoding {
    struct pn_map_run run;
    const struct pn_map_in *in;
    struct pn_mapped mapped;
    int64_t received_ms;
};

enum { FIRST_ROOM = 4 };

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
}

// Room for one more at the end of an array that doubles; NULL when memory is exhausted.
static void *with_room(struct pn_arena *arena, void *items, unsigned count, size_t each_bytes)
{
    bool is_full = count == 0 || (count >= FIRST_ROOM && (count & (count - 1)) == 0);
    if (!is_full) {
        return items;
    }
    void *more = pn_arena_alloc_array(arena, count == 0 ? FIRST_ROOM : count * 2, each_bytes);
    if (more != NULL && count > 0) {
        memcpy(more, items, count * each_bytes);
    }
    return more;
}

// --- Which mapping -------------------------------------------------------------------------------

static bool matches(struct pn_slice pattern, struct pn_slice text)
{
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*') {
        size_t length = pattern.len - 1;
        return text.len >= length &&
               pn_slice_eq(pn_slice_of(text.ptr, length), pn_slice_of(pattern.ptr, length));
    }
    return pn_slice_eq(pattern, text);
}

static bool names_message(const struct pn_map_in *in, struct pn_slice type)
{
    for (unsigned i = 0; i < in->message_count; i++) {
        if (matches(in->messages[i], type)) {
            return true;
        }
    }
    return in->message_count == 0;
}

static enum pn_code read_inside(struct pn_map_run *run, const struct pn_map_part *part,
                                struct pn_slice text, const struct pn_node **ret_root,
                                struct pn_err *err)
{
    if (part->is_base64) {
        struct pn_buf bytes;
        pn_buf_init(&bytes, PN_MESSAGE_BYTES_MAX);
        bool is_good = pn_base64_decode(text, &bytes);
        const char *copy = is_good ? pn_arena_copy(run->arena, pn_buf_slice(&bytes)) : NULL;
        text = pn_slice_of(copy, bytes.len);
        pn_buf_release(&bytes);
        if (copy == NULL) {
            return pn_err_set(err, PN_INVALID, part->from->text, "is no Base64");
        }
    }
    enum pn_code code = pn_map_read(run->arena, part->format, text, run->charset, ret_root, err);
    return code == PN_OK ? code : pn_err_within(err, part->from->text);
}

static enum pn_code open_part(struct decoding *decoding, unsigned number, struct pn_err *err)
{
    struct pn_map_run *run = &decoding->run;
    const struct pn_map_part *part = &decoding->in->parts[number];
    unsigned start = pn_map_watch_mark(run);
    struct pn_slice text = pn_map_text(run, part->from);
    run->parts[number] = NULL;
    if (text.len == 0) {
        return part->is_required ? pn_err_set(err, PN_INVALID, part->from->text, "must be there")
                                 : PN_OK;
    }
    const struct pn_node *from = pn_map_is_watched(run) ? pn_map_find(run, part->from) : NULL;
    pn_map_watch_kept(run, start, "parts", pn_slice_str(part->name));
    enum pn_code code = read_inside(run, part, text, &run->parts[number], err);
    if (code == PN_OK) {
        pn_map_watch_tree(
            run, (struct pn_read_tree){part->name, run->parts[number], from, part->format});
    }
    return code;
}

// A message inside another becomes the message; it no longer knows what it stood in.
static enum pn_code unwrap(struct pn_map_run *run, struct pn_err *err)
{
    for (unsigned i = 0; i < run->adapter->wrap_count; i++) {
        const struct pn_map_part *wrap = &run->adapter->wraps[i];
        const struct pn_node *node = pn_map_find(run, wrap->from);
        if (node == NULL) {
            continue;
        }
        if (wrap->is_base64) {
            unsigned start = pn_map_watch_mark(run);
            struct pn_slice text = pn_map_text(run, wrap->from);
            pn_map_watch_kept(run, start, "unwrap", pn_slice_str("message"));
            enum pn_code code = read_inside(run, wrap, text, &run->root, err);
            if (code == PN_OK) {
                pn_map_watch_tree(
                    run, (struct pn_read_tree){"unwrapped", run->root, node, wrap->format});
            }
            return code;
        }
        // An XML path starts among the document element and what follows it: nothing may.
        struct pn_node *root = pn_arena_alloc(run->arena, sizeof *root);
        if (root == NULL) {
            return no_memory(err);
        }
        *root = *node;
        root->parent = NULL;
        root->next = NULL;
        run->root = wrap->format == PN_FORMAT_XML ? root : node;
        pn_map_watch_tree(run, (struct pn_read_tree){"unwrapped", run->root, node, wrap->format});
        return PN_OK;
    }
    return PN_OK;
}

static enum pn_code choose(struct decoding *decoding, enum pn_format format, struct pn_err *err)
{
    const struct pn_adapter *adapter = decoding->run.adapter;
    struct pn_slice type = {0};
    const char *where = "message";
    for (unsigned i = 0; i < adapter->in_count; i++) {
        decoding->in = &adapter->ins[i];
        if (decoding->in->format != format) {
            continue;
        }
        struct pn_slice found;
        unsigned start = pn_map_watch_mark(&decoding->run);
        pn_map_watch_place(&decoding->run, (struct pn_map_place){NULL, decoding->in->file});
        enum pn_code code =
            pn_map_value_get(&decoding->run, &decoding->in->message_from, &found, NULL, err);
        if (code != PN_OK) {
            return code;
        }
        pn_map_watch_kept(&decoding->run, start, "message", found);
        type = found.len > 0 ? found : type;
        where =
            decoding->in->message_from.where[0] != '\0' ? decoding->in->message_from.where : where;
        if (!names_message(decoding->in, found)) {
            pn_map_watch_forget(&decoding->run, start);
            continue;
        }
        for (unsigned k = 0; code == PN_OK && k < decoding->in->part_count; k++) {
            code = open_part(decoding, k, err);
        }
        if (code != PN_OK) {
            return code;
        }
        if (pn_map_holds(&decoding->run, decoding->in->when)) {
            decoding->mapped.message_type = found;
            return PN_OK;
        }
        pn_map_watch_forget(&decoding->run, start);
    }
    return pn_err_set(err, PN_UNSUPPORTED, where, "%s",
                      type.len == 0 ? "the kind of message is not said"
                                    : "the adapter has no mapping for this kind of message");
}

// --- Persons -------------------------------------------------------------------------------------

static enum pn_code add_person(struct decoding *decoding, const struct pn_map_person *person,
                               struct pn_err *err)
{
    struct pn_map_run *run = &decoding->run;
    pn_map_watch_place(run, person->place);
    pn_map_watch_made(run, PN_MADE_MESSAGE, "", PN_SINK_FHIR);
    if (!pn_map_holds(run, person->when)) {
        return PN_OK;
    }
    if (person->is_once) {
        const struct pn_map_known *known = NULL;
        enum pn_code looked = pn_map_names_find(run, &person->known_as, false, &known, err);
        if (looked != PN_OK || known != NULL) {
            return looked;
        }
    }
    if (decoding->mapped.person_count == PN_MAP_PERSONS_MAX) {
        return pn_err_set(err, PN_LIMIT, "persons", "over %d in one message", PN_MAP_PERSONS_MAX);
    }
    struct pn_mapped *mapped = &decoding->mapped;
    struct pn_map_out out = {.resource = pn_fhir_new("Patient")};
    bool wrote = false;
    mapped->persons =
        with_room(run->arena, mapped->persons, mapped->person_count, sizeof *mapped->persons);
    if (out.resource == NULL || mapped->persons == NULL) {
        return no_memory(err);
    }
    struct pn_mapped_person *made = &mapped->persons[mapped->person_count];
    pn_map_watch_made(run, PN_MADE_PERSON, "", PN_SINK_FHIR);
    enum pn_code code = pn_map_rows_run(run, person->rows, person->row_count, &out, &wrote, err);
    if (code != PN_OK) {
        return code;
    }
    made->patient = out.resource;
    if (person->previous_row_count > 0 && pn_map_holds(run, person->previous_when)) {
        out.resource = pn_fhir_new("Patient");
        if (out.resource == NULL) {
            return no_memory(err);
        }
        code = pn_map_rows_run(run, person->previous_rows, person->previous_row_count, &out, &wrote,
                               err);
        made->previous = out.resource;
    }
    if (code == PN_OK) {
        unsigned start = pn_map_watch_mark(run);
        code = pn_map_names_keep(run, &person->known_as, (int)mapped->person_count, NULL, err);
        pn_map_watch_kept(run, start, "known_as", pn_slice_str("a name of the person"));
    }
    mapped->person_count += code == PN_OK ? 1 : 0;
    return code;
}

// Calls `add` for each item, or once.
#define PN_FOR_EACH(decoding, thing, add)                                                          \
    do {                                                                                           \
        const struct pn_node *const *items = NULL;                                                 \
        unsigned count = 0;                                                                        \
        if ((thing)->each == NULL) {                                                               \
            return add((decoding), (thing), err);                                                  \
        }                                                                                          \
        enum pn_code code = pn_map_find_all(&(decoding)->run, (thing)->each, &items, &count, err); \
        for (unsigned i = 0; code == PN_OK && i < count; i++) {                                    \
            code = pn_map_push(&(decoding)->run, items[i], i + 1, err);                            \
            if (code == PN_OK) {                                                                   \
                code = add((decoding), (thing), err);                                              \
                pn_map_pop(&(decoding)->run);                                                      \
            }                                                                                      \
        }                                                                                          \
        return code;                                                                               \
    } while (0)

static enum pn_code add_persons(struct decoding *decoding, const struct pn_map_person *person,
                                struct pn_err *err)
{
    PN_FOR_EACH(decoding, person, add_person);
}

// --- Events --------------------------------------------------------------------------------------

static enum pn_code find_person(struct decoding *decoding, const struct pn_map_event *event,
                                int *ret_person, struct pn_err *err)
{
    const struct pn_map_known *known = NULL;
    if (event->has_no_person) {
        *ret_person = PN_NO_PERSON;
        return PN_OK;
    }
    if (event->person == NULL && event->person_names.count == 0) {
        *ret_person = decoding->mapped.person_count > 0 ? 0 : PN_NO_PERSON;
        return PN_OK;
    }
    const char *where = event->person_where;
    unsigned start = pn_map_watch_mark(&decoding->run);
    enum pn_code code = pn_map_names_find(&decoding->run, &event->person_names, false, &known, err);
    if (event->person != NULL) {
        struct pn_slice name;
        code = pn_map_value_get(&decoding->run, event->person, &name, NULL, err);
        known = code == PN_OK ? pn_map_known_find(&decoding->run, name, false) : NULL;
        where = event->person->where;
    }
    if (code == PN_OK && known == NULL) {
        return pn_err_set(err, PN_INVALID, where, "names a person that the message does not bring");
    }
    pn_map_watch_kept(&decoding->run, start, "person", pn_slice_str("which person"));
    *ret_person = code == PN_OK ? known->person : *ret_person;
    return code;
}

// Later events of the message may refer to this one.
static enum pn_code remember_event(struct pn_map_run *run, const struct pn_map_event *event,
                                   const cJSON *resource, struct pn_err *err)
{
    if (event->known_as.count == 0) {
        return PN_OK;
    }
    const char *reference =
        pn_arena_printf(run->arena, "%s/%s", event->resource,
                        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(resource, "id")));
    return reference == NULL
               ? no_memory(err)
               : pn_map_names_keep(run, &event->known_as, PN_NO_PERSON, reference, err);
}

static enum pn_code set_id(struct pn_map_run *run, const struct pn_map_event *event,
                           cJSON *resource, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    unsigned start = pn_map_watch_mark(run);
    enum pn_code code = pn_map_key_id(run, event->key, event->resource, id, err);
    if (code == PN_OK) {
        const char *kept =
            pn_map_is_watched(run) ? pn_arena_copy(run->arena, pn_slice_str(id)) : "";
        pn_map_watch_kept(run, start, "id", pn_slice_str(kept));
    }
    if (code == PN_OK && !pn_json_set_text(resource, "id", pn_slice_str(id))) {
        code = no_memory(err);
    }
    return code;
}

static void watch_time(const struct pn_map_run *run, unsigned start, const char *name,
                       int64_t time_ms)
{
    char *text = pn_map_is_watched(run) ? pn_arena_alloc(run->arena, PN_TIME_TEXT_BYTES) : NULL;
    if (text != NULL) {
        pn_time_format(time_ms, text);
        pn_map_watch_kept(run, start, name, pn_slice_str(text));
    }
}

static enum pn_code set_times(struct decoding *decoding, const struct pn_map_event *event,
                              struct pn_mapped_event *made, struct pn_err *err)
{
    struct pn_map_run *run = &decoding->run;
    unsigned start = pn_map_watch_mark(run);
    enum pn_code code =
        pn_map_value_time(run, &event->recorded, decoding->received_ms, &made->recorded_ms, err);
    if (code == PN_OK) {
        watch_time(run, start, "recordedtime", made->recorded_ms);
        start = pn_map_watch_mark(run);
        code = pn_map_value_time(run, &event->time, made->recorded_ms, &made->time_ms, err);
    }
    if (code == PN_OK) {
        watch_time(run, start, "time", made->time_ms);
    }
    return code;
}

// R4 wants an intent of every Task, and an answer can have only one: that of what it answers.
static enum pn_code complete_answer(cJSON *task, struct pn_err *err)
{
    static const char *const statuses[] = {"accepted", "rejected", "completed", NULL};
    struct pn_slice status = pn_json_text(task, "status");
    if (!pn_words_hold(statuses, status)) {
        return pn_err_set(err, PN_INVALID, "Task.status", "one of accepted, rejected, completed");
    }
    if (pn_fhir_get(task, "focus.identifier.value").len == 0) {
        return pn_err_set(err, PN_INVALID, "Task.focus.identifier.value",
                          "says what it answers: what was sent as receipt_id");
    }
    return pn_json_set_text(task, "intent", pn_slice_str("order")) ? PN_OK : no_memory(err);
}

// Which part of the service it is, when one system serves several.
static enum pn_code set_sector(struct decoding *decoding, const struct pn_map_event *event,
                               struct pn_mapped_event *made, struct pn_err *err)
{
    struct pn_slice text = {0};
    enum pn_code code = pn_map_value_get(&decoding->run, &event->sector, &text, NULL, err);
    if (code != PN_OK) {
        return code;
    }
    made->sector = pn_map_sector_find(text);
    return made->sector != NULL || text.len == 0
               ? PN_OK
               : pn_err_set(err, PN_INVALID, event->sector.where,
                            "is not primary, specialist, social or national");
}

static enum pn_code add_event(struct decoding *decoding, const struct pn_map_event *event,
                              struct pn_err *err)
{
    struct pn_map_run *run = &decoding->run;
    unsigned start = pn_map_watch_mark(run);
    pn_map_watch_place(run, run->adapter->places[event->number]);
    pn_map_watch_made(run, PN_MADE_MESSAGE, "", PN_SINK_FHIR);
    if (!pn_map_holds(run, event->when)) {
        return PN_OK;
    }
    if (decoding->mapped.event_count == PN_EVENTS_PER_MESSAGE_MAX) {
        return pn_err_set(err, PN_LIMIT, "events", "over %d in one message",
                          PN_EVENTS_PER_MESSAGE_MAX);
    }
    struct pn_mapped *mapped = &decoding->mapped;
    struct pn_map_out out = {.resource = pn_fhir_new(event->resource)};
    bool wrote = false;
    mapped->events =
        with_room(run->arena, mapped->events, mapped->event_count, sizeof *mapped->events);
    if (out.resource == NULL || mapped->events == NULL) {
        return no_memory(err);
    }
    struct pn_mapped_event *made = &mapped->events[mapped->event_count];
    made->type = event->type;
    pn_map_watch_made(run, PN_MADE_EVENT, event->type, PN_SINK_FHIR);
    pn_map_watch_kept(run, start, "event", pn_slice_str(event->type));
    enum pn_code code = find_person(decoding, event, &made->person, err);
    if (code == PN_OK) {
        code = set_id(run, event, out.resource, err);
    }
    if (code == PN_OK) {
        code = set_times(decoding, event, made, err);
    }
    if (code == PN_OK) {
        code = set_sector(decoding, event, made, err);
    }
    if (code == PN_OK) {
        code = pn_map_rows_run(run, event->rows, event->row_count, &out, &wrote, err);
    }
    if (code == PN_OK && event->needs != NULL && !pn_map_sink_is_set(event->needs, &out)) {
        return PN_OK;
    }
    if (code == PN_OK && event->has_no_person) {
        code = complete_answer(out.resource, err);
    }
    if (code == PN_OK) {
        code = remember_event(run, event, out.resource, err);
    }
    if (code == PN_OK) {
        pn_map_hit(run, event->number);
        made->resource = out.resource;
        bool is_known_only = event->known_only != NULL && pn_map_holds(run, event->known_only);
        decoding->mapped.event_count += is_known_only ? 0 : 1;
    }
    return code;
}

static enum pn_code add_events(struct decoding *decoding, const struct pn_map_event *event,
                               struct pn_err *err)
{
    PN_FOR_EACH(decoding, event, add_event);
}

// --- A message -----------------------------------------------------------------------------------

static enum pn_code map_header(struct decoding *decoding, struct pn_err *err)
{
    const struct pn_map_in *in = decoding->in;
    struct pn_mapped *mapped = &decoding->mapped;
    if (in->refuse != NULL) {
        pn_map_hit(&decoding->run, in->reason_number);
        return pn_err_set(err, PN_UNSUPPORTED, in->message_from.where, "%s", in->refuse);
    }
    struct pn_map_run *run = &decoding->run;
    unsigned start = pn_map_watch_mark(run);
    enum pn_code code = pn_map_value_get(run, &in->control_id, &mapped->control_id, NULL, err);
    if (code == PN_OK) {
        pn_map_watch_kept(run, start, "control_id", mapped->control_id);
        start = pn_map_watch_mark(run);
        code = pn_map_value_get(run, &in->sender, &mapped->sender, NULL, err);
    }
    if (code == PN_OK) {
        pn_map_watch_kept(run, start, "sender", mapped->sender);
    }
    return code;
}

static enum pn_code map_content(struct decoding *decoding, struct pn_err *err)
{
    const struct pn_map_in *in = decoding->in;
    if (in->ignore != NULL) {
        pn_map_hit(&decoding->run, in->reason_number);
        decoding->mapped.ignored = in->ignore;
        return PN_OK;
    }
    struct pn_map_out nowhere = {.resource = pn_fhir_new("Patient")};
    bool wrote = false;
    if (nowhere.resource == NULL) {
        return no_memory(err);
    }
    enum pn_code code =
        pn_map_rows_run(&decoding->run, in->checks, in->check_count, &nowhere, &wrote, err);
    for (unsigned i = 0; code == PN_OK && i < in->person_count; i++) {
        code = add_persons(decoding, &in->persons[i], err);
    }
    for (unsigned i = 0; code == PN_OK && i < in->event_count; i++) {
        code = add_events(decoding, &in->events[i], err);
    }
    bool is_empty = decoding->mapped.person_count == 0 && decoding->mapped.event_count == 0;
    if (code == PN_OK && is_empty && !in->may_be_empty) {
        return pn_err_set(err, PN_INVALID, in->message_from.where,
                          "nothing in the message is what the mapping looks for");
    }
    return code;
}

static enum pn_code set_params(struct decoding *decoding, const struct pn_message_in *message,
                               struct pn_err *err)
{
    char *received = pn_arena_alloc(decoding->run.arena, PN_TIME_TEXT_BYTES);
    if (received == NULL) {
        return no_memory(err);
    }
    pn_time_format(message->received_ms, received);
    struct pn_slice *params = decoding->run.params;
    params[PN_PARAM_RECEIVED] = pn_slice_str(received);
    params[PN_PARAM_FILE_NAME] = pn_slice_str(message->file_name);
    params[PN_PARAM_CONTENT_TYPE] = pn_slice_str(message->content_type);
    return PN_OK;
}

static enum pn_code decode(struct decoding *decoding, const struct pn_message_in *message,
                           struct pn_err *err)
{
    struct pn_arena *arena = decoding->run.arena;
    const struct pn_map_intake *intake = NULL;
    enum pn_code code = pn_map_find_intake(decoding->run.adapter, message, &intake, err);
    if (code == PN_OK && intake->format == PN_FORMAT_CSV && message->line > 0) {
        code = pn_map_read_row(arena, message->bytes, message->line, &decoding->run.root, err);
    } else if (code == PN_OK) {
        code = pn_map_read(arena, intake->format, message->bytes, decoding->run.charset,
                           &decoding->run.root, err);
    }
    if (code == PN_OK) {
        pn_map_watch_tree(&decoding->run,
                          (struct pn_read_tree){"", decoding->run.root, NULL, intake->format});
        code = unwrap(&decoding->run, err);
    }
    if (code == PN_OK) {
        code = set_params(decoding, message, err);
    }
    if (code == PN_OK) {
        code = choose(decoding, intake->format, err);
    }
    if (code == PN_OK) {
        code = map_header(decoding, err);
    }
    return code != PN_OK ? code : map_content(decoding, err);
}

enum pn_code pn_adapter_decode(const struct pn_adapter *adapter, struct pn_arena *arena,
                               const struct pn_message_in *message, struct pn_mapped *ret_mapped,
                               struct pn_err *err)
{
    pn_json_use_arena(arena);
    struct decoding decoding = {
        .run = {.adapter = adapter,
                .arena = arena,
                .bytes = message->bytes,
                .zone = message->zone != NULL && message->zone[0] != '\0' ? message->zone
                                                                          : adapter->info.zone,
                .charset = message->charset != NULL && message->charset[0] != '\0'
                               ? message->charset
                               : adapter->info.charset},
        .received_ms = message->received_ms,
    };
    pn_map_watch_start(&decoding.run);
    enum pn_code code = decode(&decoding, message, err);
    if (code == PN_OK) {
        *ret_mapped = decoding.mapped;
    }
    return code;
}
