// SPDX-License-Identifier: Apache-2.0
// A trace as columns for people, and as JSON for tools.
#include <string.h>

#include "fhir/fhir.h"
#include "services/tool/trace.h"

enum { CELL_BYTES = 512, FIELD_COLUMNS_MAX = 40, VALUE_COLUMNS_MAX = 28, MADE_COLUMNS_MAX = 60 };

static const char event_prefix[] = "fi.punos.";

// "visit.finished" of "fi.punos.visit.finished.v1"
static struct pn_slice short_type(const char *type)
{
    struct pn_slice text = pn_slice_str(type);
    if (!pn_slice_starts_with(text, event_prefix)) {
        return text;
    }
    size_t start = sizeof event_prefix - 1, end = text.len;
    while (end > start && text.ptr[end - 1] != '.') {
        end--;
    }
    return pn_slice_of(text.ptr + start, end > start ? end - start - 1 : 0);
}

static const char *made_text(struct pn_arena *arena, const struct pn_made *made)
{
    switch (made->kind) {
    case PN_MADE_EVENT:
        return pn_arena_printf(arena, "event %u %.*s: ", made->number,
                               PN_SLICE_FMT(short_type(made->name)));
    case PN_MADE_PERSON:
        return pn_arena_printf(arena, "person %u: ", made->number);
    case PN_MADE_PART:
        return pn_arena_printf(arena, "part %s: ", made->name);
    case PN_MADE_DOCUMENT:
        return pn_arena_printf(arena, "document %u: ", made->number);
    case PN_MADE_MESSAGE:
        break;
    }
    return "";
}

const char *pn_trace_became(struct pn_arena *arena, const struct pn_adapter_read *read)
{
    const char *made = made_text(arena, &read->made);
    if (read->target == NULL) {
        return read->use == PN_READ_TESTED ? "only asked" : "read, and became nothing";
    }
    const char *verb = read->use == PN_READ_TESTED   ? "decides "
                       : read->use == PN_READ_COPIED ? "copied"
                                                     : "";
    // A copy into the resource itself keeps its members' names.
    bool is_copied = read->use == PN_READ_COPIED;
    const char *target = is_copied && strcmp(read->target, "copy") == 0 ? "" : read->target;
    bool says_value = read->use == PN_READ_TAKEN && read->value.len > 0;
    const char *text = pn_arena_printf(
        arena, "%s%s%s%s%s%.*s", made == NULL ? "" : made, verb,
        is_copied && target[0] != '\0' ? " to " : "", target, says_value ? " = " : "",
        PN_SLICE_FMT(says_value ? read->value : (struct pn_slice){0}));
    return text == NULL ? "" : text;
}

// --- Columns -------------------------------------------------------------------------------------

// One line of at most `columns` characters; control characters would spoil the table.
static unsigned fit(struct pn_slice text, unsigned columns, char ret_cell[static CELL_BYTES])
{
    size_t out = 0;
    unsigned used = 0;
    for (size_t i = 0; i < text.len && out + 8 < CELL_BYTES; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_start = (c & 0xC0U) != 0x80U;
        if (is_start && used + 1 == columns && text.len > i + 1) {
            memcpy(ret_cell + out, "…", sizeof "…" - 1);
            out += sizeof "…" - 1;
            used++;
            break;
        }
        ret_cell[out++] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
        used += is_start ? 1 : 0;
    }
    ret_cell[out] = '\0';
    return used;
}

static void put(FILE *out, struct pn_slice text, unsigned columns, bool is_aligned)
{
    char cell[CELL_BYTES];
    unsigned used = fit(text, is_aligned ? columns : CELL_BYTES, cell);
    fputs(cell, out);
    for (; is_aligned && used < columns; used++) {
        fputc(' ', out);
    }
    fputs(is_aligned ? "  " : "\t", out);
}

static void put_row(FILE *out, const struct pn_adapter_read *read)
{
    if (read->line == 0) {
        fprintf(out, "%s", read->file);
    } else {
        fprintf(out, "%s:%u", read->file, read->line);
    }
}

struct widths {
    unsigned field, value, became;
    bool is_aligned;
};

static struct widths measure(const struct pn_trace *trace, unsigned width)
{
    struct widths widths = {.value = VALUE_COLUMNS_MAX, .is_aligned = width > 0};
    for (unsigned i = 0; i < trace->field_count; i++) {
        unsigned length = (unsigned)strlen(trace->fields[i].path);
        widths.field = length > widths.field ? length : widths.field;
    }
    widths.field = widths.field > FIELD_COLUMNS_MAX ? FIELD_COLUMNS_MAX : widths.field;
    widths.became = MADE_COLUMNS_MAX;
    return widths;
}

// Rows that only asked are of interest when none did more.
static bool is_shown(const struct pn_trace_field *field, unsigned number)
{
    bool became = false;
    for (unsigned i = 0; i < field->read_count; i++) {
        became = became || field->reads[i]->target != NULL;
    }
    return became ? field->reads[number]->target != NULL : number == 0;
}

static void print_field(const struct pn_trace_field *field, const struct widths *widths,
                        struct pn_arena *arena, FILE *out)
{
    struct pn_slice path = pn_slice_str(field->path);
    if (widths->is_aligned && path.len > widths->field) {
        fprintf(out, "%s\n", field->path);
        path = pn_slice_str("");
    }
    put(out, path, widths->field, widths->is_aligned);
    put(out, field->node->value, widths->value, widths->is_aligned);
    if (field->read_count == 0) {
        put(out, pn_slice_str("-"), widths->became, false);
        fputs("no row reads it\n", out);
    }
    bool is_first = true;
    for (unsigned i = 0; i < field->read_count; i++) {
        if (!is_shown(field, i)) {
            continue;
        }
        if (!is_first) {
            put(out, pn_slice_str(widths->is_aligned ? "" : field->path), widths->field,
                widths->is_aligned);
            put(out, pn_slice_str(""), widths->value, widths->is_aligned);
        }
        put(out, pn_slice_str(pn_trace_became(arena, field->reads[i])), widths->became,
            widths->is_aligned);
        put_row(out, field->reads[i]);
        if (field->reads[i]->target == NULL && field->read_count > 1) {
            fprintf(out, " and %u more", field->read_count - 1);
        }
        fputc('\n', out);
        is_first = false;
    }
}

static void print_tree(const struct pn_trace *trace, unsigned tree, const struct widths *widths,
                       FILE *out)
{
    struct pn_arena *arena = pn_arena_new((size_t)1024 * 1024);
    const struct pn_read_tree *about = &trace->trees[tree];
    bool is_first = true;
    for (unsigned i = 0; arena != NULL && i < trace->field_count; i++) {
        if (trace->fields[i].tree != tree) {
            continue;
        }
        if (is_first && about->name[0] != '\0') {
            fprintf(out, "\n# %s, opened from %.*s\n", about->name,
                    PN_SLICE_FMT(about->opened_from->name));
        }
        is_first = false;
        pn_arena_reset(arena);
        print_field(&trace->fields[i], widths, arena, out);
    }
    pn_arena_free(arena);
}

static void print_unread(const struct pn_trace *trace, const struct widths *widths, FILE *out)
{
    if (trace->unread_count == 0) {
        fprintf(out, "Every one of the %u fields is read.\n", trace->field_count);
        return;
    }
    fprintf(out, "No row reads %u of the %u fields:\n", trace->unread_count, trace->field_count);
    for (unsigned i = 0; i < trace->field_count; i++) {
        const struct pn_trace_field *field = &trace->fields[i];
        const char *part = trace->trees[field->tree].name;
        if (field->read_count > 0) {
            continue;
        }
        fprintf(out, "  %s%s", part, part[0] == '\0' ? "" : ":");
        put(out, pn_slice_str(field->path), widths->field, widths->is_aligned);
        char cell[CELL_BYTES];
        fit(field->node->value, widths->is_aligned ? widths->became : CELL_BYTES, cell);
        fprintf(out, "%s\n", cell);
    }
}

void pn_trace_print(const struct pn_trace *trace, bool only_unread, unsigned width, FILE *out)
{
    struct widths widths = measure(trace, width);
    for (unsigned i = 0; !only_unread && i < trace->tree_count; i++) {
        print_tree(trace, i, &widths, out);
    }
    if (!only_unread) {
        fputc('\n', out);
    }
    print_unread(trace, &widths, out);
    if (!trace->is_refused) {
        return;
    }
    fprintf(out, "\nRefused at %s: %s", trace->refusal.where, trace->refusal.text);
    if (trace->refusal_file != NULL) {
        fprintf(out, " (%s:%u)", trace->refusal_file, trace->refusal_line);
    }
    fputs("\nWhat stands after that place was not looked at.\n", out);
}

// --- JSON ----------------------------------------------------------------------------------------

static bool add_text(cJSON *object, const char *name, struct pn_slice text)
{
    return text.len == 0 || pn_json_set_text(object, name, text);
}

static cJSON *read_json(struct pn_arena *arena, const struct pn_adapter_read *read)
{
    static const char *const uses[] = {"taken", "tested", "copied"};
    cJSON *object = cJSON_CreateObject();
    const char *row =
        read->line == 0 ? read->file : pn_arena_printf(arena, "%s:%u", read->file, read->line);
    const char *made = made_text(arena, &read->made);
    bool is_good = object != NULL && row != NULL && made != NULL &&
                   add_text(object, "row", pn_slice_str(row)) &&
                   add_text(object, "use", pn_slice_str(uses[read->use]));
    if (is_good && made[0] != '\0') {
        is_good = add_text(object, "made", pn_slice_of(made, strlen(made) - 2));
    }
    if (is_good && read->target != NULL) {
        is_good = add_text(object, "target", pn_slice_str(read->target)) &&
                  add_text(object, "value", read->value);
    }
    return is_good ? object : NULL;
}

static bool add_field(struct pn_arena *arena, cJSON *list, const struct pn_trace *trace,
                      const struct pn_trace_field *field)
{
    cJSON *object = cJSON_CreateObject();
    bool is_good = object != NULL && cJSON_AddItemToArray(list, object) &&
                   add_text(object, "part", pn_slice_str(trace->trees[field->tree].name)) &&
                   add_text(object, "field", pn_slice_str(field->path)) &&
                   add_text(object, "value", field->node->value);
    cJSON *reads = is_good ? cJSON_AddArrayToObject(object, "reads") : NULL;
    for (unsigned i = 0; reads != NULL && i < field->read_count; i++) {
        cJSON *read = read_json(arena, field->reads[i]);
        if (read == NULL || !cJSON_AddItemToArray(reads, read)) {
            return false;
        }
    }
    return reads != NULL;
}

static bool add_refusal(struct pn_arena *arena, cJSON *root, const struct pn_trace *trace)
{
    cJSON *refused = cJSON_AddObjectToObject(root, "refused");
    const char *row =
        trace->refusal_file == NULL
            ? ""
            : pn_arena_printf(arena, "%s:%u", trace->refusal_file, trace->refusal_line);
    return refused != NULL && row != NULL &&
           add_text(refused, "where", pn_slice_str(trace->refusal.where)) &&
           add_text(refused, "text", pn_slice_str(trace->refusal.text)) &&
           add_text(refused, "row", pn_slice_str(row));
}

cJSON *pn_trace_json(struct pn_arena *arena, const struct pn_trace *trace, bool only_unread)
{
    cJSON *root = cJSON_CreateObject();
    if (root == NULL || !add_text(root, "message_type", trace->message_type) ||
        cJSON_AddNumberToObject(root, "fields_total", trace->field_count) == NULL ||
        cJSON_AddNumberToObject(root, "fields_unread", trace->unread_count) == NULL ||
        (trace->is_refused && !add_refusal(arena, root, trace))) {
        return NULL;
    }
    cJSON *list = cJSON_AddArrayToObject(root, "fields");
    for (unsigned i = 0; list != NULL && i < trace->field_count; i++) {
        bool counts = !only_unread || trace->fields[i].read_count == 0;
        if (counts && !add_field(arena, list, trace, &trace->fields[i])) {
            return NULL;
        }
    }
    return list == NULL ? NULL : root;
}
