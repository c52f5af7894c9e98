// SPDX-License-Identifier: Apache-2.0
// One file of in/: which messages, who they are about, what they become.
#include <string.h>

#include "event/event.h"
#include "map/compile.h"

enum { MESSAGES_MAX = 64, EVENTS_MAX = 64 };

static const char *const in_keys[] = {
    "message",  "message_from", "when",   "refuse",  "control_id", "sender",
    "recorded", "parts",        "checks", "persons", "events",     "keys",
    "format",   "may_be_empty", "ignore", "sector",  NULL};

// A key of the file, or of the `header` of a shared file of the same format.
static const struct pn_yaml *header(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                    const char *key, const char **ret_file)
{
    const struct pn_yaml *found = pn_yaml_get(root, key);
    *ret_file = compiler->file;
    for (unsigned i = 0; found == NULL && i < compiler->shared_count; i++) {
        if (pn_map_is_for_format(compiler, &compiler->shared[i])) {
            found = pn_yaml_get(pn_yaml_get(compiler->shared[i].root, "header"), key);
            *ret_file = compiler->shared[i].file;
        }
    }
    return found;
}

static enum pn_code compile_header(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                   const char *key, struct pn_map_value *ret_value)
{
    const char *own_file = compiler->file;
    const struct pn_yaml *node = header(compiler, root, key, &compiler->file);
    enum pn_code code = pn_map_compile_short(compiler, node, ret_value);
    compiler->file = own_file;
    return code;
}

static enum pn_code load_messages(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                  struct pn_map_in *in)
{
    const struct pn_yaml *message = pn_yaml_get(root, "message");
    enum pn_code code =
        pn_map_texts(compiler, message, MESSAGES_MAX, &in->messages, &in->message_count);
    if (code == PN_OK) {
        code = compile_header(compiler, root, "message_from", &in->message_from);
    }
    if (code == PN_OK && in->message_from.from_count == 0 && in->message_from.text == NULL &&
        in->format == PN_FORMAT_HL7V2) {
        code = pn_map_compile_template(compiler, message, pn_slice_str("{MSH-9.1}^{MSH-9.2}"),
                                       &in->message_from.text);
        in->message_from.where = "MSH-9";
    }
    if (code == PN_OK && in->message_count > 0 && in->message_from.from_count == 0 &&
        in->message_from.text == NULL) {
        code = pn_map_fault(compiler, message, "say with `message_from` where the kind stands");
    }
    return code;
}

static enum pn_code load_part(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_map_part *part)
{
    static const char *const keys[] = {"name", "from", "format", "base64", "required", NULL};
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code != PN_OK) {
        return code;
    }
    struct pn_slice name = pn_yaml_text(pn_yaml_get(node, "name"), "");
    const struct pn_yaml *from = pn_yaml_get(node, "from");
    if (name.len == 0) {
        return pn_map_fault(compiler, node, "a part needs a `name`");
    }
    part->name = name.ptr;
    part->is_base64 = pn_slice_is(pn_yaml_text(pn_yaml_get(node, "base64"), "false"), "true");
    part->is_required = pn_slice_is(pn_yaml_text(pn_yaml_get(node, "required"), "false"), "true");
    code = pn_map_compile_format(compiler, pn_yaml_get(node, "format"), &part->format);
    return code != PN_OK ? code
                         : pn_map_compile_path(compiler, from, pn_yaml_text(from, ""), &part->from);
}

static enum pn_code load_parts(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                               struct pn_map_in *in)
{
    if (list == NULL) {
        return PN_OK;
    }
    if (list->kind != PN_YAML_LIST || list->child_count > PN_MAP_PARTS_MAX) {
        return pn_map_fault(compiler, list, "a list of at most %d parts", PN_MAP_PARTS_MAX);
    }
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        enum pn_code code = load_part(compiler, node, &compiler->parts[compiler->part_count]);
        if (code != PN_OK) {
            return code;
        }
        compiler->part_count++;
    }
    struct pn_map_part *parts =
        pn_arena_alloc_array(compiler->boot, compiler->part_count + 1, sizeof *parts);
    if (parts == NULL) {
        return pn_map_no_memory(compiler);
    }
    for (unsigned i = 0; i < compiler->part_count; i++) {
        parts[i] = compiler->parts[i];
    }
    in->parts = parts;
    in->part_count = compiler->part_count;
    return PN_OK;
}

static enum pn_code load_previous(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_map_person *person)
{
    static const char *const keys[] = {"when", "rows", NULL};
    if (node == NULL) {
        return PN_OK;
    }
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code == PN_OK) {
        code =
            pn_map_compile_condition(compiler, pn_yaml_get(node, "when"), &person->previous_when);
    }
    return code != PN_OK ? code
                         : pn_map_compile_rows(compiler, pn_yaml_get(node, "rows"),
                                               &person->previous_rows, &person->previous_row_count);
}

static enum pn_code load_person(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_person *person)
{
    static const char *const keys[] = {"each", "with",     "under", "when", "known_as",
                                       "rows", "previous", "once",  NULL};
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    person->place = (struct pn_map_place){node, compiler->file};
    if (code == PN_OK) {
        code = pn_map_enter(compiler, node, &person->each);
    }
    if (code == PN_OK) {
        code = pn_map_compile_condition(compiler, pn_yaml_get(node, "when"), &person->when);
    }
    if (code == PN_OK) {
        code = pn_map_compile_names(compiler, pn_yaml_get(node, "known_as"), &person->known_as);
        person->is_once = pn_slice_is(pn_yaml_text(pn_yaml_get(node, "once"), ""), "true");
    }
    compiler->resource = "Patient";
    compiler->target_prefix = "";
    if (code == PN_OK) {
        code = pn_map_compile_rows(compiler, pn_yaml_get(node, "rows"), &person->rows,
                                   &person->row_count);
    }
    if (code == PN_OK) {
        code = load_previous(compiler, pn_yaml_get(node, "previous"), person);
    }
    if (code == PN_OK) {
        pn_map_leave(compiler, person->each);
    }
    return code;
}

// A list under `key`, or the shared header's.
static enum pn_code load_persons(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                 struct pn_map_in *in)
{
    const char *own_file = compiler->file;
    const struct pn_yaml *list = header(compiler, root, "persons", &compiler->file);
    enum pn_code code = PN_OK;
    if (list != NULL && list->kind != PN_YAML_LIST) {
        code = pn_map_fault(compiler, list, "a list of persons");
    }
    if (list == NULL || code != PN_OK) {
        compiler->file = own_file;
        return code;
    }
    struct pn_map_person *persons =
        pn_arena_alloc_array(compiler->boot, list->child_count + 1, sizeof *persons);
    if (persons == NULL) {
        return pn_map_no_memory(compiler);
    }
    for (const struct pn_yaml *node = list->first_child; code == PN_OK && node != NULL;
         node = node->next) {
        code = load_person(compiler, node, &persons[in->person_count++]);
    }
    in->persons = persons;
    compiler->file = own_file;
    return code;
}

static enum pn_code check_event_type(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                     struct pn_map_event *event)
{
    const struct pn_yaml *type = pn_yaml_get(node, "type");
    const struct pn_yaml *resource = pn_yaml_get(node, "resource");
    const struct pn_event_type *known = pn_event_type_find(pn_yaml_text(type, ""));
    if (known == NULL) {
        return pn_map_fault(compiler, type == NULL ? node : type,
                            "no such event type (schemas/event-types.yaml)");
    }
    if (!pn_slice_is(pn_yaml_text(resource, known->resource), known->resource)) {
        return pn_map_fault(compiler, resource, "events of this type carry a %s", known->resource);
    }
    event->type = known->name;
    event->resource = known->resource;
    return PN_OK;
}

// A value that is one of the persons' names, or `known_as` and `where`: the first that is known.
static enum pn_code load_event_person(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      struct pn_map_event *event)
{
    static const char *const keys[] = {"known_as", "where", NULL};
    if (pn_slice_is(pn_yaml_text(node, ""), "none")) {
        event->has_no_person = true;
        return PN_OK;
    }
    if (pn_yaml_get(node, "known_as") != NULL) {
        enum pn_code code = pn_map_check_keys(compiler, node, keys);
        event->person_where =
            pn_arena_copy(compiler->boot, pn_yaml_text(pn_yaml_get(node, "where"), "person"));
        if (code == PN_OK && event->person_where == NULL) {
            code = pn_map_no_memory(compiler);
        }
        return code != PN_OK ? code
                             : pn_map_compile_names(compiler, pn_yaml_get(node, "known_as"),
                                                    &event->person_names);
    }
    struct pn_map_value *value = pn_arena_alloc(compiler->boot, sizeof *value);
    if (value == NULL) {
        return pn_map_no_memory(compiler);
    }
    event->person = value;
    return pn_map_compile_short(compiler, node, value);
}

static enum pn_code load_event_values(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                      const struct pn_yaml *node, struct pn_map_event *event)
{
    enum pn_code code = pn_map_compile_key(compiler, pn_yaml_get(node, "key"), &event->key);
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "time"), &event->time);
    }
    if (code == PN_OK) {
        const struct pn_yaml *recorded = pn_yaml_get(node, "recorded");
        code = recorded != NULL ? pn_map_compile_short(compiler, recorded, &event->recorded)
                                : compile_header(compiler, root, "recorded", &event->recorded);
    }
    if (code == PN_OK) {
        const struct pn_yaml *sector = pn_yaml_get(node, "sector");
        code = sector != NULL ? pn_map_compile_short(compiler, sector, &event->sector)
                              : compile_header(compiler, root, "sector", &event->sector);
    }
    const struct pn_yaml *person = pn_yaml_get(node, "person");
    if (code == PN_OK && person != NULL) {
        code = load_event_person(compiler, person, event);
    }
    if (code == PN_OK && event->has_no_person != (strcmp(event->type, PN_EVENT_ANSWERED) == 0)) {
        code = pn_map_fault(compiler, person == NULL ? node : person,
                            "`person: none` goes with " PN_EVENT_ANSWERED " and with no other");
    }
    if (code == PN_OK) {
        code = pn_map_compile_names(compiler, pn_yaml_get(node, "known_as"), &event->known_as);
    }
    return code;
}

static enum pn_code load_event(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                               const struct pn_yaml *node, struct pn_map_event *event)
{
    static const char *const keys[] = {
        "type",   "resource", "when",     "each",   "with",       "key",   "time",  "recorded",
        "person", "rows",     "known_as", "sector", "known_only", "needs", "under", NULL};
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code == PN_OK) {
        code = check_event_type(compiler, node, event);
    }
    if (code == PN_OK) {
        code = pn_map_number(compiler, node, &event->number);
    }
    if (code == PN_OK) {
        code = pn_map_enter(compiler, node, &event->each);
    }
    if (code == PN_OK) {
        code = pn_map_compile_condition(compiler, pn_yaml_get(node, "when"), &event->when);
    }
    if (code == PN_OK) {
        code =
            pn_map_compile_condition(compiler, pn_yaml_get(node, "known_only"), &event->known_only);
    }
    if (code == PN_OK) {
        code = load_event_values(compiler, root, node, event);
    }
    compiler->resource = event->resource;
    compiler->target_prefix = "";
    if (code == PN_OK) {
        code = pn_map_compile_rows(compiler, pn_yaml_get(node, "rows"), &event->rows,
                                   &event->row_count);
    }
    const struct pn_yaml *needs = pn_yaml_get(node, "needs");
    if (code == PN_OK && needs != NULL) {
        const char *ignored = NULL;
        code = pn_map_compile_target(compiler, needs, PN_ROW_REQUIRE, &event->needs, &ignored);
    }
    if (code == PN_OK) {
        pn_map_leave(compiler, event->each);
    }
    return code;
}

static enum pn_code load_event_list(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                    const struct pn_yaml *list, struct pn_map_in *in);

static enum pn_code include_events(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                   const struct pn_yaml *node, struct pn_map_in *in)
{
    static const char *const keys[] = {"include", NULL};
    const char *own_file = compiler->file;
    const struct pn_yaml *name = pn_yaml_get(node, "include");
    const char *file = NULL;
    const struct pn_yaml *list =
        pn_map_find_shared(compiler, "events", pn_yaml_text(name, ""), &file);
    if (list == NULL) {
        return pn_map_fault(compiler, name, "no shared file has `events` of that name");
    }
    if (compiler->include_depth == PN_MAP_INCLUDES_MAX) {
        return pn_map_fault(compiler, name, "includes itself, or over %d deep",
                            PN_MAP_INCLUDES_MAX);
    }
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    compiler->include_depth++;
    compiler->file = file;
    code = code == PN_OK ? load_event_list(compiler, root, list, in) : code;
    compiler->file = own_file;
    compiler->include_depth--;
    return code;
}

static enum pn_code load_event_list(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                    const struct pn_yaml *list, struct pn_map_in *in)
{
    if (list->kind != PN_YAML_LIST) {
        return pn_map_fault(compiler, list, "a list of events");
    }
    enum pn_code code = PN_OK;
    for (const struct pn_yaml *node = list->first_child; code == PN_OK && node != NULL;
         node = node->next) {
        if (pn_yaml_get(node, "include") != NULL) {
            code = include_events(compiler, root, node, in);
        } else if (in->event_count == EVENTS_MAX) {
            code = pn_map_fault(compiler, node, "over %d events in one file", EVENTS_MAX);
        } else {
            code = load_event(compiler, root, node, &in->events[in->event_count]);
            in->event_count += code == PN_OK ? 1 : 0;
        }
    }
    return code;
}

static enum pn_code load_events(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                struct pn_map_in *in)
{
    const char *own_file = compiler->file;
    const struct pn_yaml *list = header(compiler, root, "events", &compiler->file);
    if (list == NULL) {
        return PN_OK;
    }
    in->events = pn_arena_alloc_array(compiler->boot, EVENTS_MAX, sizeof *in->events);
    if (in->events == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = load_event_list(compiler, root, list, in);
    compiler->file = own_file;
    return code;
}

static enum pn_code load_checks(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                struct pn_map_in *in)
{
    const char *own_file = compiler->file;
    const struct pn_yaml *list = header(compiler, root, "checks", &compiler->file);
    compiler->resource = "Patient"; // rows that only refuse write nothing there
    compiler->target_prefix = "";
    enum pn_code code = pn_map_compile_rows(compiler, list, &in->checks, &in->check_count);
    compiler->file = own_file;
    return code;
}

static enum pn_code load_content(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                 struct pn_map_in *in)
{
    enum pn_code code = compile_header(compiler, root, "control_id", &in->control_id);
    if (code == PN_OK) {
        code = compile_header(compiler, root, "sender", &in->sender);
    }
    if (code == PN_OK) {
        code = compile_header(compiler, root, "recorded", &in->recorded);
    }
    if (code == PN_OK) {
        in->control_id.missing = PN_POLICY_REJECT;
        code = load_checks(compiler, root, in);
    }
    if (code == PN_OK) {
        code = load_persons(compiler, root, in);
    }
    return code != PN_OK ? code : load_events(compiler, root, in);
}

// Instead of all content: why such messages are refused, or taken without anything coming of them.
static enum pn_code load_reason(struct pn_map_compiler *compiler, const struct pn_yaml *refuse,
                                const struct pn_yaml *ignore, struct pn_map_in *in)
{
    const struct pn_yaml *reason = refuse != NULL ? refuse : ignore;
    if (refuse != NULL && ignore != NULL) {
        return pn_map_fault(compiler, ignore, "either `refuse` or `ignore`");
    }
    if (pn_yaml_text(reason, "").len == 0) {
        return pn_map_fault(compiler, reason, "say why");
    }
    in->refuse = refuse != NULL ? reason->scalar.ptr : NULL;
    in->ignore = ignore != NULL ? reason->scalar.ptr : NULL;
    return pn_map_number(compiler, reason, &in->reason_number);
}

enum pn_code pn_map_load_in(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                            struct pn_map_in *ret_in)
{
    struct pn_map_in in = {.file = compiler->file};
    compiler->is_out = false;
    const struct pn_yaml *refuse = pn_yaml_get(root, "refuse");
    in.may_be_empty = pn_slice_is(pn_yaml_text(pn_yaml_get(root, "may_be_empty"), ""), "true");
    const struct pn_yaml *ignore = pn_yaml_get(root, "ignore");
    compiler->sink = PN_SINK_FHIR;
    compiler->part_count = 0;
    compiler->scope_count = 0;
    compiler->keys = pn_yaml_get(root, "keys");
    enum pn_code code = pn_map_check_keys(compiler, root, in_keys);
    if (code == PN_OK) {
        code = pn_map_compile_format(compiler, pn_yaml_get(root, "format"), &in.format);
    }
    compiler->format = in.format;
    if (code == PN_OK) {
        code = load_parts(compiler, pn_yaml_get(root, "parts"), &in);
    }
    if (code == PN_OK) {
        code = load_messages(compiler, root, &in);
    }
    if (code == PN_OK) {
        code = pn_map_compile_condition(compiler, pn_yaml_get(root, "when"), &in.when);
    }
    if (code == PN_OK && (refuse != NULL || ignore != NULL)) {
        code = load_reason(compiler, refuse, ignore, &in);
    } else if (code == PN_OK) {
        code = load_content(compiler, root, &in);
    }
    if (code == PN_OK) {
        *ret_in = in;
    }
    return code;
}
