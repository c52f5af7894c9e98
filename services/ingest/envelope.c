// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/envelope.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/finid.h"
#include "base/ids.h"
#include "fhir/fhir.h"

enum { SOURCE_BYTES_MAX = 256, TRACEPARENT_BYTES = 56 };

struct pn_envelope {
    const struct pn_privacy *privacy;
    struct pn_store *store;
    struct pn_identity_memory *memory;
    struct pn_arena *arena; // of one message, while it is decoded
    struct pn_buf text;     // of one resource
    struct pn_fhir_report report;
    const char *ignored;           // why nothing came of the last message
    char source[SOURCE_BYTES_MAX]; // of the last message
};

// One message on its way through.
struct passage {
    struct pn_envelope *envelope;
    const struct pn_ingest_system *system;
    const struct pn_message_in *message;
    struct pn_mapped mapped;
    struct pn_client_keys *keys; // of each person
    struct pn_outgoing *outgoing;
    struct pn_slice source;
    char traceparent[TRACEPARENT_BYTES];
};

enum pn_code pn_envelope_new(const struct pn_privacy *privacy, struct pn_store *store,
                             struct pn_identity_memory *memory, struct pn_envelope **ret_envelope,
                             struct pn_err *err)
{
    struct pn_envelope *envelope = calloc(1, sizeof *envelope);
    if (envelope == NULL) {
        return pn_err_set(err, PN_MEMORY, "ingest", "the heap is exhausted");
    }
    envelope->privacy = privacy;
    envelope->store = store;
    envelope->memory = memory;
    envelope->arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    pn_buf_init(&envelope->text, PN_EVENT_BYTES_MAX);
    if (envelope->arena == NULL) {
        pn_envelope_free(envelope);
        return pn_err_set(err, PN_MEMORY, "ingest", "the heap is exhausted");
    }
    *ret_envelope = envelope;
    return PN_OK;
}

void pn_envelope_free(struct pn_envelope *envelope)
{
    if (envelope == NULL) {
        return;
    }
    pn_arena_free(envelope->arena);
    pn_buf_release(&envelope->text);
    free(envelope);
}

// --- What goes out -------------------------------------------------------------------------------

static struct pn_record_out *outgoing_place(struct pn_outgoing *outgoing)
{
    if (outgoing->count == outgoing->capacity) {
        size_t capacity = outgoing->capacity == 0 ? 256 : outgoing->capacity * 2;
        struct pn_record_out *grown =
            capacity > PN_OUTGOING_MAX
                ? NULL
                : realloc(outgoing->records, capacity * sizeof *outgoing->records);
        if (grown == NULL) {
            return NULL;
        }
        outgoing->records = grown;
        outgoing->capacity = capacity;
    }
    return &outgoing->records[outgoing->count];
}

enum pn_code pn_outgoing_add(struct pn_outgoing *outgoing, const char *topic,
                             const struct pn_event *event, struct pn_err *err)
{
    struct pn_record_out *record = outgoing_place(outgoing);
    if (record == NULL) {
        return pn_err_set(err, PN_LIMIT, "events", "too many events at once");
    }
    *record = (struct pn_record_out){.topic = topic, .event = *event};
    struct pn_slice *texts[] = {&record->event.id,           &record->event.source,
                                &record->event.type,         &record->event.subject,
                                &record->event.traceparent,  &record->event.sector,
                                &record->event.causation_id, &record->event.data};
    for (size_t i = 0; i < PN_ARRAY_COUNT(texts); i++) {
        texts[i]->ptr = pn_arena_copy(outgoing->arena, *texts[i]);
        if (texts[i]->ptr == NULL) {
            return pn_err_set(err, PN_MEMORY, "events", "no memory is left for these events");
        }
    }
    outgoing->count++;
    return PN_OK;
}

enum pn_code pn_outgoing_append(const struct pn_outgoing *outgoing, struct pn_stream *stream,
                                struct pn_err *err)
{
    for (size_t at = 0; at < outgoing->count; at += PN_BATCH_EVENTS_MAX) {
        size_t left = outgoing->count - at;
        size_t here = left < PN_BATCH_EVENTS_MAX ? left : PN_BATCH_EVENTS_MAX;
        enum pn_code code = pn_stream_append(stream, outgoing->records + at, here, err);
        if (code != PN_OK) {
            return code;
        }
    }
    return PN_OK;
}

void pn_outgoing_clear(struct pn_outgoing *outgoing)
{
    outgoing->count = 0;
    pn_arena_reset(outgoing->arena);
}

void pn_outgoing_release(struct pn_outgoing *outgoing)
{
    free(outgoing->records);
    pn_arena_free(outgoing->arena);
    *outgoing = (struct pn_outgoing){0};
}

// --- One message ---------------------------------------------------------------------------------

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "message", "no memory is left for this message");
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

// "/adapter/<system>/<unit>", a URI reference: other characters of the unit are percent-coded.
static bool make_source(struct passage *passage)
{
    char source[SOURCE_BYTES_MAX];
    struct pn_slice unit = passage->mapped.sender;
    int written = snprintf(source, sizeof source, "/adapter/%s%s", passage->system->conf->name,
                           unit.len > 0 ? "/" : "");
    if (written < 0 || (size_t)written >= sizeof source) {
        return false;
    }
    size_t len = (size_t)written;
    for (size_t i = 0; i < unit.len && len + 4 < sizeof source; i++) {
        if (is_unreserved(unit.ptr[i])) {
            source[len++] = unit.ptr[i];
        } else {
            (void)snprintf(source + len, 4, "%%%02X", (unsigned)(unsigned char)unit.ptr[i]);
            len += 3;
        }
    }
    const char *copy = pn_arena_copy(passage->envelope->arena, pn_slice_of(source, len));
    memcpy(passage->envelope->source, source, len);
    passage->envelope->source[len] = '\0';
    passage->source = pn_slice_of(copy, len);
    return copy != NULL;
}

// W3C Trace Context: a new trace for each message.
static void make_traceparent(char ret_text[static TRACEPARENT_BYTES])
{
    enum { BYTES = 24, KEPT_BYTES = 64 * BYTES };
    static unsigned char kept[KEPT_BYTES]; // random bytes for the next ones: a call for many
    static size_t kept_at = KEPT_BYTES;
    if (kept_at == KEPT_BYTES) {
        kept_at = 0;
        if (getrandom(kept, sizeof kept, 0) != (ssize_t)sizeof kept) {
            memset(kept, 1, sizeof kept); // all zeros would be invalid
        }
    }
    const unsigned char *bytes = kept + kept_at;
    kept_at += BYTES;
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;
    *at++ = '0';
    *at++ = '0';
    *at++ = '-';
    for (size_t i = 0; i < BYTES; i++) {
        if (i == 16) {
            *at++ = '-';
        }
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    memcpy(at, "-01", 4);
}

// Which element of each resource type says whose it is.
static const struct {
    const char *resource_type;
    const char *element;
} subject_elements[] = {
    {"Encounter", "subject"},   {"EpisodeOfCare", "patient"},
    {"Condition", "subject"},   {"ServiceRequest", "subject"},
    {"Observation", "subject"}, {"QuestionnaireResponse", "subject"},
    {"Consent", "patient"},     {"DocumentReference", "subject"},
    {"Flag", "subject"},        {"CarePlan", "subject"},
};

static cJSON *reference_to(const char *key)
{
    char text[sizeof "Patient/" + PN_CLIENT_KEY_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "Patient/%s", key);
    cJSON *reference = cJSON_CreateObject();
    return reference != NULL && pn_json_set_text(reference, "reference", pn_slice_str(text))
               ? reference
               : NULL;
}

// The client takes part in an appointment first.
static bool add_participant(cJSON *appointment, const char *key)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(appointment, "participant");
    if (list == NULL) {
        list = cJSON_AddArrayToObject(appointment, "participant");
    }
    cJSON *participant = cJSON_CreateObject();
    cJSON *reference = reference_to(key);
    return list != NULL && participant != NULL && reference != NULL &&
           cJSON_AddItemToObject(participant, "actor", reference) &&
           pn_json_set_text(participant, "status", pn_slice_str("accepted")) &&
           cJSON_InsertItemInArray(list, 0, participant);
}

static enum pn_code set_subject(cJSON *resource, const char *key, struct pn_err *err)
{
    struct pn_slice type = pn_json_text(resource, "resourceType");
    if (pn_slice_is(type, "Appointment")) {
        return add_participant(resource, key) ? PN_OK : no_memory(err);
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(subject_elements); i++) {
        if (!pn_slice_is(type, subject_elements[i].resource_type)) {
            continue;
        }
        cJSON *reference = reference_to(key);
        cJSON_DeleteItemFromObjectCaseSensitive(resource, subject_elements[i].element);
        bool is_set = reference != NULL &&
                      cJSON_AddItemToObject(resource, subject_elements[i].element, reference);
        return is_set ? PN_OK : no_memory(err);
    }
    return pn_err_set(err, PN_INTERNAL, "event", "no rule says whose such a resource is");
}

static enum pn_code check_resource(struct pn_envelope *envelope, const cJSON *resource,
                                   struct pn_err *err)
{
    struct pn_fhir_report *report = &envelope->report;
    if (pn_fhir_validate(resource, report)) {
        return PN_OK;
    }
    for (unsigned i = 0; i < report->issue_count; i++) {
        const struct pn_fhir_issue *issue = &report->issues[i];
        if (issue->severity == PN_FHIR_ERROR) {
            return pn_err_set(err, PN_INVALID, issue->expression, "%s", issue->diagnostics);
        }
    }
    return pn_err_set(err, PN_INVALID, "resource", "this is not valid FHIR R4");
}

// Prints into envelope->text. Nothing that looks like an identity code may be in it.
static enum pn_code print_checked(struct pn_envelope *envelope, const cJSON *resource,
                                  struct pn_err *err)
{
    enum pn_code code = check_resource(envelope, resource, err);
    if (code != PN_OK) {
        return code;
    }
    pn_buf_clear(&envelope->text);
    code = pn_json_print(resource, &envelope->text, err);
    if (code == PN_OK && pn_hetu_is_inside(pn_buf_slice(&envelope->text))) {
        struct pn_slice type = pn_json_text(resource, "resourceType");
        char where[64];
        (void)snprintf(where, sizeof where, "%.*s", PN_SLICE_FMT(type));
        return pn_err_set(err, PN_INVALID, where,
                          "an identity code stands where none may: outside the person's own data");
    }
    return code;
}

struct publication {
    const char *type;
    const char *subject;        // the client key
    const char *place;          // of the event in the message, for its id
    const char *sector;         // NULL: the adapter's
    struct pn_slice id_content; // what the id depends on besides
    int64_t time_ms, recorded_ms;
    struct pn_slice data;
};

static enum pn_code publish(struct passage *passage, const struct publication *publication,
                            struct pn_err *err)
{
    const struct pn_event_type *type = pn_event_type_find(pn_slice_str(publication->type));
    if (type == NULL) {
        return pn_err_set(err, PN_INVALID, "event type", "the adapter names an unknown event type");
    }
    const struct pn_slice parts[] = {passage->source, passage->mapped.control_id,
                                     pn_slice_str(publication->place), publication->id_content};
    char id[PN_UUID_TEXT_BYTES];
    pn_uuid5("event", parts, PN_ARRAY_COUNT(parts), id);
    int64_t received_ms = passage->message->received_ms;
    const struct pn_event event = {
        .id = pn_slice_str(id),
        .source = passage->source,
        .type = pn_slice_str(type->name),
        .subject = pn_slice_str(publication->subject),
        .traceparent = pn_slice_str(passage->traceparent),
        .sector = pn_slice_str(publication->sector != NULL ? publication->sector
                                                           : passage->system->info->sector),
        .time_ms = publication->time_ms != 0 ? publication->time_ms : received_ms,
        .recorded_ms = publication->recorded_ms != 0 ? publication->recorded_ms : received_ms,
        .data = publication->data,
    };
    enum pn_code code = pn_event_check(&event, err);
    return code == PN_OK ? pn_outgoing_add(passage->outgoing, type->topic, &event, err) : code;
}

// --- Persons -------------------------------------------------------------------------------------

static enum pn_code publish_identified(struct passage *passage, unsigned person,
                                       struct pn_slice identity, const char *hash,
                                       struct pn_err *err)
{
    struct pn_envelope *envelope = passage->envelope;
    const struct pn_client_keys *keys = &passage->keys[person];
    cJSON *patient = NULL;
    enum pn_code code =
        pn_identity_public(keys, passage->mapped.persons[person].patient, &patient, err);
    code = code == PN_OK ? print_checked(envelope, patient, err) : code;
    code = code == PN_OK ? pn_identity_seal_into(envelope->privacy, patient, identity, err) : code;
    code = code == PN_OK ? check_resource(envelope, patient, err) : code;
    if (code != PN_OK) {
        return code;
    }
    pn_buf_clear(&envelope->text);
    code = pn_json_print(patient, &envelope->text, err);
    char place[32];
    (void)snprintf(place, sizeof place, "identified-%u", person);
    const struct publication publication = {.type = "fi.punos.client.identified.v1",
                                            .subject = keys->keys[0],
                                            .place = place,
                                            .id_content = pn_slice_str(hash),
                                            .data = pn_buf_slice(&envelope->text)};
    return code == PN_OK ? publish(passage, &publication, err) : code;
}

static enum pn_code publish_merged(struct passage *passage, unsigned person, struct pn_err *err)
{
    struct pn_envelope *envelope = passage->envelope;
    const struct pn_client_keys *keys = &passage->keys[person];
    struct pn_client_keys previous;
    cJSON *patient = NULL;
    enum pn_code code = pn_client_keys_of(envelope->privacy,
                                          passage->mapped.persons[person].previous, &previous, err);
    code = code == PN_OK ? pn_identity_merge(keys, &previous, &patient, err) : code;
    if (code != PN_OK || patient == NULL) {
        return code;
    }
    code = print_checked(envelope, patient, err);
    char place[32];
    (void)snprintf(place, sizeof place, "merged-%u", person);
    const struct publication publication = {.type = "fi.punos.client.merged.v1",
                                            .subject = keys->keys[0],
                                            .place = place,
                                            .id_content = pn_buf_slice(&envelope->text),
                                            .data = pn_buf_slice(&envelope->text)};
    return code == PN_OK ? publish(passage, &publication, err) : code;
}

// The Patient's text with the client key as its id: what is sealed.
static enum pn_code print_identity(struct passage *passage, unsigned person,
                                   struct pn_slice *ret_text, struct pn_err *err)
{
    struct pn_envelope *envelope = passage->envelope;
    cJSON *patient = passage->mapped.persons[person].patient;
    if (!pn_json_set_text(patient, "id", pn_slice_str(passage->keys[person].keys[0]))) {
        return no_memory(err);
    }
    pn_buf_clear(&envelope->text);
    enum pn_code code = pn_json_print(patient, &envelope->text, err);
    if (code != PN_OK) {
        return code;
    }
    const char *copy = pn_arena_copy(envelope->arena, pn_buf_slice(&envelope->text));
    *ret_text = pn_slice_of(copy, envelope->text.len);
    return copy == NULL ? no_memory(err) : PN_OK;
}

static enum pn_code add_person(struct passage *passage, unsigned person, struct pn_err *err)
{
    struct pn_envelope *envelope = passage->envelope;
    const struct pn_mapped_person *mapped = &passage->mapped.persons[person];
    struct pn_slice identity = {0};
    enum pn_code code =
        pn_client_keys_of(envelope->privacy, mapped->patient, &passage->keys[person], err);
    code = code == PN_OK ? print_identity(passage, person, &identity, err) : code;
    if (code != PN_OK) {
        return code;
    }
    char hash[PN_IDENTITY_HASH_BYTES];
    pn_identity_hash(envelope->privacy, identity, hash);
    const struct pn_identity_mark mark = {.system = passage->system->conf->name,
                                          .client_key = passage->keys[person].keys[0],
                                          .hash = hash};
    if (!pn_identity_is_published(envelope->memory, envelope->store, &mark)) {
        code = check_resource(envelope, mapped->patient, err);
        code = code == PN_OK ? publish_identified(passage, person, identity, hash, err) : code;
        if (code == PN_OK) {
            pn_identity_remember(envelope->memory, &mark);
        }
    }
    return code == PN_OK && mapped->previous != NULL ? publish_merged(passage, person, err) : code;
}

// --- Events --------------------------------------------------------------------------------------

// A system's own words may name its client. The answer counts all the same, without them.
static enum pn_code clean_words(cJSON *task, struct pn_err *err)
{
    cJSON *reason = cJSON_GetObjectItemCaseSensitive(task, "statusReason");
    struct pn_slice words = pn_json_text(reason, "text");
    if (!pn_hetu_is_inside(words)) {
        return PN_OK;
    }
    return pn_json_set_text(reason, "text", pn_slice_str(PN_WORDS_WITHHELD)) ? PN_OK
                                                                             : no_memory(err);
}

static enum pn_code add_event(struct passage *passage, unsigned index, struct pn_err *err)
{
    const struct pn_mapped_event *mapped = &passage->mapped.events[index];
    const char *subject = passage->system->conf->name;
    enum pn_code code = PN_OK;
    if (strcmp(mapped->type, PN_EVENT_ANSWERED) == 0) {
        code = clean_words(mapped->resource, err);
    } else if (mapped->person < 0 || (unsigned)mapped->person >= passage->mapped.person_count) {
        return pn_err_set(err, PN_INVALID, "person", "an event names no person");
    } else {
        subject = passage->keys[mapped->person].keys[0];
        code = set_subject(mapped->resource, subject, err);
    }
    code = code == PN_OK ? print_checked(passage->envelope, mapped->resource, err) : code;
    char place[32];
    (void)snprintf(place, sizeof place, "%u", index);
    struct pn_slice text = pn_buf_slice(&passage->envelope->text);
    const struct publication publication = {.type = mapped->type,
                                            .subject = subject,
                                            .place = place,
                                            .sector = mapped->sector,
                                            .id_content = text,
                                            .time_ms = mapped->time_ms,
                                            .recorded_ms = mapped->recorded_ms,
                                            .data = text};
    return code == PN_OK ? publish(passage, &publication, err) : code;
}

static enum pn_code add_all(struct passage *passage, struct pn_err *err)
{
    struct pn_arena *arena = passage->envelope->arena;
    passage->keys =
        pn_arena_alloc_array(arena, passage->mapped.person_count, sizeof *passage->keys);
    if (passage->keys == NULL || !make_source(passage)) {
        return no_memory(err);
    }
    make_traceparent(passage->traceparent);
    enum pn_code code = PN_OK;
    // The source stands in clear in every event, on the timeline and in metrics.
    if (pn_hetu_is_inside(passage->mapped.sender)) {
        code = pn_err_set(err, PN_INVALID, "sender", "holds an identity code: it names a unit");
    }
    for (unsigned i = 0; code == PN_OK && i < passage->mapped.person_count; i++) {
        code = add_person(passage, i, err);
    }
    for (unsigned i = 0; code == PN_OK && i < passage->mapped.event_count; i++) {
        code = add_event(passage, i, err);
    }
    return code;
}

// A record of a file is found again by its line.
static void name_line(const struct pn_message_in *message, struct pn_err *err)
{
    char line[24];
    (void)snprintf(line, sizeof line, "line %u", message->line);
    if (message->line > 0 && strncmp(err->where, "line ", 5) != 0) {
        (void)pn_err_within(err, line);
    }
}

enum pn_code pn_envelope_add(struct pn_envelope *envelope, const struct pn_ingest_system *system,
                             const struct pn_message_in *message, struct pn_outgoing *outgoing,
                             struct pn_err *err)
{
    struct passage passage = {
        .envelope = envelope, .system = system, .message = message, .outgoing = outgoing};
    size_t count_before = outgoing->count;
    unsigned place_before = pn_identity_place(envelope->memory);
    pn_json_use_arena(envelope->arena);
    enum pn_code code =
        pn_adapter_decode(system->adapter, envelope->arena, message, &passage.mapped, err);
    code = code == PN_OK ? add_all(&passage, err) : code;
    pn_json_use_arena(NULL);
    pn_arena_reset(envelope->arena);
    envelope->ignored = code == PN_OK ? passage.mapped.ignored : NULL;
    if (code != PN_OK) {
        outgoing->count = count_before;
        pn_identity_forget_since(envelope->memory, place_before);
        name_line(message, err);
    }
    return code;
}

struct pn_slice pn_envelope_source(const struct pn_envelope *envelope)
{
    return pn_slice_str(envelope->source);
}

const char *pn_envelope_ignored(const struct pn_envelope *envelope)
{
    return envelope->ignored;
}
