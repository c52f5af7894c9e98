// SPDX-License-Identifier: Apache-2.0
#include "services/tool/adapter_text.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "fhir/fhir.h"

// 2026-11-21T12:00:00Z: what a sample's clock says.
#define SAMPLE_MS INT64_C(1795262400000)

static const char sample_document_id[] = "5a3c1d52-0000-5000-8000-00000000cafe";
static const char sample_patient[] =
    "{\"resourceType\":\"Patient\",\"identifier\":[{\"use\":\"official\",\"system\":"
    "\"urn:oid:1.2.246.21\",\"value\":\"010181-900C\"}],\"name\":[{\"family\":\"Testinen\","
    "\"given\":[\"Tuulia\"]}],\"gender\":\"female\",\"birthDate\":\"1981-01-01\"}";

static bool add_text(cJSON *object, const char *name, struct pn_slice text)
{
    return text.len == 0 || pn_json_set_text(object, name, text);
}

static bool add_time(cJSON *object, const char *name, int64_t time_ms)
{
    char text[PN_TIME_TEXT_BYTES];
    pn_time_format(time_ms, text);
    return pn_json_set_text(object, name, pn_slice_str(text));
}

// --- In ------------------------------------------------------------------------------------------

static cJSON *refused(const struct pn_err *err)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *detail = root == NULL ? NULL : cJSON_AddObjectToObject(root, "refused");
    bool is_made = detail != NULL &&
                   pn_json_set_text(detail, "code", pn_slice_str(pn_code_name(err->code))) &&
                   pn_json_set_text(detail, "where", pn_slice_str(err->where)) &&
                   pn_json_set_text(detail, "text", pn_slice_str(err->text));
    return is_made ? root : NULL;
}

// The hub names the client; here a made-up one, so that the resource can be checked.
static bool name_client(cJSON *resource, struct pn_err *err)
{
    static const char *const elements[] = {"subject.reference", "patient.reference",
                                           "participant[].actor.reference"};
    struct pn_slice client = pn_slice_str("Patient/0123456789abcdef0123456789abcdef");
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(resource, "resourceType"));
    for (size_t i = 0; i < PN_ARRAY_COUNT(elements); i++) {
        const char *ignored = NULL;
        if (pn_fhir_path_exists(type, elements[i], &ignored)) {
            bool is_set = pn_fhir_set(resource, elements[i], client, err) == PN_OK;
            if (is_set && i == 2) {
                is_set = pn_fhir_set(resource, "participant[last].status", pn_slice_str("accepted"),
                                     err) == PN_OK;
            }
            return is_set;
        }
    }
    return true;
}

static const char *resource_fault(struct pn_arena *arena, const cJSON *resource, bool is_event)
{
    struct pn_fhir_report *report = pn_arena_alloc(arena, sizeof *report);
    struct pn_err err = {0};
    cJSON *copy = cJSON_Duplicate(resource, true);
    if (report == NULL || copy == NULL || (is_event && !name_client(copy, &err))) {
        return pn_arena_printf(arena, "%s %s", err.where, err.text);
    }
    if (pn_fhir_validate(copy, report)) {
        return NULL;
    }
    unsigned first = 0;
    while (first + 1 < report->issue_count && report->issues[first].severity != PN_FHIR_ERROR) {
        first++;
    }
    return pn_arena_printf(arena, "%s: %s", report->issues[first].expression,
                           report->issues[first].diagnostics);
}

static bool add_persons(struct pn_arena *arena, cJSON *root, const struct pn_mapped *mapped,
                        const char **ret_fault)
{
    cJSON *list = cJSON_AddArrayToObject(root, "persons");
    for (unsigned i = 0; i < mapped->person_count; i++) {
        const struct pn_mapped_person *person = &mapped->persons[i];
        cJSON *item = cJSON_CreateObject();
        if (list == NULL || item == NULL || !cJSON_AddItemToArray(list, item) ||
            !cJSON_AddItemToObject(item, "patient", person->patient)) {
            return false;
        }
        if (person->previous != NULL &&
            !cJSON_AddItemToObject(item, "previous", person->previous)) {
            return false;
        }
        const char *fault = resource_fault(arena, person->patient, false);
        *ret_fault = *ret_fault == NULL ? fault : *ret_fault;
    }
    return list != NULL;
}

static bool add_events(struct pn_arena *arena, cJSON *root, const struct pn_mapped *mapped,
                       const char **ret_fault)
{
    cJSON *list = cJSON_AddArrayToObject(root, "events");
    for (unsigned i = 0; i < mapped->event_count; i++) {
        const struct pn_mapped_event *event = &mapped->events[i];
        cJSON *item = cJSON_CreateObject();
        const char *fault = resource_fault(arena, event->resource, true);
        if (list == NULL || item == NULL || !cJSON_AddItemToArray(list, item) ||
            !add_text(item, "type", pn_slice_str(event->type)) ||
            cJSON_AddNumberToObject(item, "person", event->person) == NULL ||
            !add_time(item, "time", event->time_ms) ||
            !add_time(item, "recorded", event->recorded_ms) ||
            !add_text(item, "sector", pn_slice_str(event->sector)) ||
            !cJSON_AddItemToObject(item, "resource", event->resource)) {
            return false;
        }
        *ret_fault = *ret_fault == NULL ? fault : *ret_fault;
    }
    return list != NULL;
}

static cJSON *sample_message(const struct pn_adapter *adapter, struct pn_arena *arena,
                             const struct pn_message_in *message, const char **ret_fault)
{
    struct pn_mapped mapped = {0};
    struct pn_err err = {0};
    if (pn_adapter_decode(adapter, arena, message, &mapped, &err) != PN_OK) {
        return refused(&err);
    }
    cJSON *root = cJSON_CreateObject();
    if (root != NULL && mapped.ignored != NULL) {
        bool is_told = add_text(root, "message_type", mapped.message_type) &&
                       add_text(root, "ignored", pn_slice_str(mapped.ignored));
        return is_told ? root : NULL;
    }
    bool is_made = root != NULL && add_text(root, "control_id", mapped.control_id) &&
                   add_text(root, "message_type", mapped.message_type) &&
                   add_text(root, "sender", mapped.sender) &&
                   add_persons(arena, root, &mapped, ret_fault) &&
                   add_events(arena, root, &mapped, ret_fault);
    return is_made ? root : NULL;
}

// {"records": [...]}, each with the line where it begins.
static cJSON *sample_list(const struct pn_adapter *adapter, struct pn_arena *arena,
                          const struct pn_message_in *file, const char **ret_fault)
{
    struct pn_split *split = NULL;
    struct pn_err err = {0};
    if (pn_adapter_split(adapter, file, &split, &err) != PN_OK) {
        return refused(&err);
    }
    cJSON *root = cJSON_CreateObject();
    cJSON *list = root == NULL ? NULL : cJSON_AddArrayToObject(root, "records");
    bool has = list != NULL;
    while (has) {
        struct pn_split_record record;
        struct pn_message_in message = *file;
        cJSON *made = NULL;
        if (pn_split_next(split, &record, &has, &err) != PN_OK) {
            made = refused(&err);
            has = false;
        } else if (has) {
            const char *copy = pn_arena_copy(arena, record.bytes); // its texts point there
            message.bytes = pn_slice_of(copy, copy == NULL ? 0 : record.bytes.len);
            message.line = record.line;
            made = sample_message(adapter, arena, &message, ret_fault);
            (void)cJSON_AddNumberToObject(made, "line", record.line);
        }
        if (made != NULL) {
            (void)cJSON_AddItemToArray(list, made);
        }
    }
    pn_split_close(split);
    return root;
}

cJSON *pn_adapter_sample_in(const struct pn_adapter *adapter, struct pn_arena *arena,
                            const char *name, struct pn_slice bytes, const char **ret_fault)
{
    struct pn_message_in message = {.bytes = bytes,
                                    .transport = PN_TRANSPORT_NONE,
                                    .received_ms = SAMPLE_MS,
                                    .content_type = "",
                                    .file_name = name};
    *ret_fault = NULL;
    return pn_adapter_splits(adapter, &message)
               ? sample_list(adapter, arena, &message, ret_fault)
               : sample_message(adapter, arena, &message, ret_fault);
}

// --- Out -----------------------------------------------------------------------------------------

enum pn_code pn_adapter_sample_plan(const struct pn_adapter *adapter, struct pn_arena *arena,
                                    struct pn_slice bytes, struct pn_plan_out *ret_plan,
                                    struct pn_err *err)
{
    cJSON *root = NULL, *patient = NULL;
    pn_json_use_arena(arena);
    enum pn_code code = pn_json_parse(bytes, &root, err);
    if (code == PN_OK) {
        code = pn_json_parse(pn_slice_str(sample_patient), &patient, err);
    }
    if (code != PN_OK) {
        return code;
    }
    struct pn_slice type = pn_json_text(root, "resourceType");
    const cJSON *plan =
        pn_slice_is(type, "CarePlan") ? root : cJSON_GetObjectItemCaseSensitive(root, "plan");
    const cJSON *flag =
        pn_slice_is(type, "Flag") ? root : cJSON_GetObjectItemCaseSensitive(root, "case");
    const cJSON *own_patient = cJSON_GetObjectItemCaseSensitive(root, "patient");
    if ((plan == NULL) == (flag == NULL)) {
        return pn_err_set(err, PN_INVALID, "plan",
                          "a CarePlan or a Flag, or an object with `plan` or `case`");
    }
    struct pn_slice system = pn_json_text(root, "system");
    *ret_plan = (struct pn_plan_out){
        .of = flag != NULL ? PN_OUT_CASE : PN_OUT_PLAN,
        .plan = plan,
        .case_flag = flag,
        .patient = own_patient != NULL ? own_patient : patient,
        .previous = cJSON_GetObjectItemCaseSensitive(root, "previous"),
        .clientships = cJSON_GetObjectItemCaseSensitive(root, "clientships"),
        .document_id = pn_slice_str(sample_document_id),
        .system_config_name =
            system.len > 0 ? system : pn_slice_str(pn_adapter_info(adapter)->name),
        .now_ms = SAMPLE_MS,
        .withdrawn = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "withdrawn"))};
    return PN_OK;
}

enum pn_code pn_adapter_sample_encode(const struct pn_adapter *adapter, struct pn_arena *arena,
                                      struct pn_slice bytes,
                                      const struct pn_document_out **ret_document,
                                      struct pn_err *err)
{
    struct pn_plan_out out;
    enum pn_code code = pn_adapter_sample_plan(adapter, arena, bytes, &out, err);
    return code != PN_OK ? code : pn_adapter_encode(adapter, arena, &out, ret_document, err);
}

static cJSON *lines_of(struct pn_arena *arena, struct pn_slice bytes)
{
    cJSON *lines = cJSON_CreateArray();
    while (lines != NULL && bytes.len > 0) {
        size_t length = 0;
        while (length < bytes.len && bytes.ptr[length] != '\r' && bytes.ptr[length] != '\n') {
            length++;
        }
        const char *copy = pn_arena_copy(arena, pn_slice_of(bytes.ptr, length));
        if (copy == NULL || !cJSON_AddItemToArray(lines, cJSON_CreateString(copy))) {
            return NULL;
        }
        length += length < bytes.len ? 1 : 0;
        bytes = pn_slice_of(bytes.ptr + length, bytes.len - length);
    }
    return lines;
}

// Bytes as text: what is no UTF-8 was written in Latin-1.
static struct pn_slice as_utf8(struct pn_arena *arena, struct pn_slice bytes)
{
    return pn_utf8_is_valid(bytes) ? bytes : pn_latin1_to_utf8(arena, bytes);
}

static bool add_document(struct pn_arena *arena, cJSON *list,
                         const struct pn_document_out *document)
{
    cJSON *item = cJSON_CreateObject();
    cJSON *lines = lines_of(arena, as_utf8(arena, document->bytes));
    return item != NULL && lines != NULL && cJSON_AddItemToArray(list, item) &&
           add_text(item, "path", document->path) && add_text(item, "method", document->method) &&
           add_text(item, "content_type", document->content_type) &&
           add_text(item, "receipt_id", document->receipt_id) &&
           cJSON_AddItemToObject(item, "lines", lines);
}

cJSON *pn_adapter_sample_out(const struct pn_adapter *adapter, struct pn_arena *arena,
                             struct pn_slice bytes)
{
    const struct pn_document_out *document = NULL;
    struct pn_err err = {0};
    if (pn_adapter_sample_encode(adapter, arena, bytes, &document, &err) != PN_OK) {
        return refused(&err);
    }
    cJSON *root = cJSON_CreateObject();
    cJSON *list = root == NULL ? NULL : cJSON_AddArrayToObject(root, "documents");
    for (; list != NULL && document != NULL; document = document->next) {
        if (!add_document(arena, list, document)) {
            return NULL;
        }
    }
    return list == NULL ? NULL : root;
}

// --- Texts ---------------------------------------------------------------------------------------

static void indent(struct pn_buf *out, unsigned depth)
{
    pn_buf_add_char(out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        pn_buf_add_str(out, "  ");
    }
}

static void print_pretty(const cJSON *json, struct pn_buf *out, unsigned depth)
{
    struct pn_err ignored;
    bool is_object = cJSON_IsObject(json);
    if ((!is_object && !cJSON_IsArray(json)) || json->child == NULL) {
        if (pn_json_print(json, out, &ignored) != PN_OK) {
            out->failed = true;
        }
        return;
    }
    pn_buf_add_char(out, is_object ? '{' : '[');
    for (const cJSON *item = json->child; item != NULL; item = item->next) {
        indent(out, depth + 1);
        if (is_object) {
            pn_buf_printf(out, "\"%s\": ", item->string);
        }
        print_pretty(item, out, depth + 1);
        pn_buf_add_str(out, item->next == NULL ? "" : ",");
    }
    indent(out, depth);
    pn_buf_add_char(out, is_object ? '}' : ']');
}

char *pn_adapter_pretty(struct pn_arena *arena, const cJSON *json)
{
    struct pn_buf out;
    pn_buf_init(&out, 4 * (size_t)PN_MESSAGE_BYTES_MAX);
    print_pretty(json, &out, 0);
    pn_buf_add_char(&out, '\n');
    char *text = pn_buf_ok(&out) ? pn_arena_copy(arena, pn_buf_slice(&out)) : NULL;
    pn_buf_release(&out);
    return text;
}

static const char *inner_path(struct pn_arena *arena, const cJSON *item, unsigned place,
                              const char *rest)
{
    const char *dot = rest[0] == '\0' || rest[0] == '[' ? "" : ".";
    return item->string != NULL ? pn_arena_printf(arena, "%s%s%s", item->string, dot, rest)
                                : pn_arena_printf(arena, "[%u]%s%s", place, dot, rest);
}

const char *pn_adapter_difference(struct pn_arena *arena, const cJSON *made, const cJSON *expected)
{
    if (cJSON_Compare(made, expected, true)) {
        return NULL;
    }
    bool same_kind = (cJSON_IsArray(made) && cJSON_IsArray(expected)) ||
                     (cJSON_IsObject(made) && cJSON_IsObject(expected));
    unsigned place = 0;
    for (const cJSON *item = same_kind ? made->child : NULL; item != NULL; item = item->next) {
        const cJSON *other = item->string != NULL
                                 ? cJSON_GetObjectItemCaseSensitive(expected, item->string)
                                 : cJSON_GetArrayItem(expected, (int)place);
        if (other == NULL || !cJSON_Compare(item, other, true)) {
            const char *rest = other == NULL ? "" : pn_adapter_difference(arena, item, other);
            return inner_path(arena, item, place, rest == NULL ? "" : rest);
        }
        place++;
    }
    return "";
}
