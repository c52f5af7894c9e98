// SPDX-License-Identifier: Apache-2.0
// Paths as text → compiled paths.
#include <string.h>

#include "map/compile.h"

#include "base/words.h"

static bool is_name_char(char c)
{
    return c != '/' && c != '[' && c != ']' && c != '.' && c != '-' && c != '=' && c != '!' &&
           c != '\0';
}

static bool is_digits(struct pn_slice text)
{
    int64_t number = 0;
    return pn_slice_to_i64(text, &number);
}

// The text up to the first of `stops` that is outside brackets; the rest keeps the stop.
static struct pn_slice take_until(struct pn_slice *text, const char *stops)
{
    size_t at = 0;
    int depth = 0;
    for (; at < text->len; at++) {
        char c = text->ptr[at];
        if (depth == 0 && strchr(stops, c) != NULL && c != '\0') {
            break;
        }
        depth += c == '[' ? 1 : (c == ']' ? -1 : 0);
    }
    struct pn_slice taken = pn_slice_of(text->ptr, at);
    *text = pn_slice_of(text->ptr + at, text->len - at);
    return taken;
}

struct steps {
    struct pn_map_step *items;
    unsigned count;
};

static enum pn_code add_steps(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_slice text, bool is_hl7, struct steps *steps);

static enum pn_code new_steps(struct pn_map_compiler *compiler, struct steps *steps)
{
    steps->count = 0;
    steps->items = pn_arena_alloc_array(compiler->boot, PN_MAP_STEPS_MAX, sizeof *steps->items);
    return steps->items == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

static enum pn_code compile_filter(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   struct pn_slice text, bool is_hl7, struct pn_map_filter *filter)
{
    int64_t place = 0;
    if (pn_slice_to_i64(text, &place)) {
        if (place < 1 || place > PN_MAP_ITEMS_MAX) {
            return pn_map_fault(compiler, node, "places count from 1");
        }
        filter->place = (unsigned)place;
        return PN_OK;
    }
    struct pn_slice value;
    struct pn_slice path = pn_slice_split(text, '=', &value);
    if (path.len > 0 && path.ptr[path.len - 1] == '!') {
        filter->is_not = true;
        path.len--;
    }
    if (path.len >= text.len) {
        filter->asks_presence = true;
        filter->is_not = text.len > 0 && text.ptr[0] == '!';
        path = filter->is_not ? pn_slice_of(text.ptr + 1, text.len - 1) : text;
    }
    if (path.len == 0) {
        return pn_map_fault(compiler, node,
                            "inside [ ] stands a place, path=value, path (there) or !path");
    }
    struct steps steps;
    enum pn_code code = new_steps(compiler, &steps);
    if (code == PN_OK) {
        code = add_steps(compiler, node, pn_slice_trim(path), is_hl7, &steps);
    }
    if (code != PN_OK) {
        return code;
    }
    struct pn_map_path *made = pn_arena_alloc(compiler->boot, sizeof *made);
    if (made == NULL) {
        return pn_map_no_memory(compiler);
    }
    *made = (struct pn_map_path){.text = "",
                                 .root = PN_ROOT_NODE,
                                 .steps = steps.items,
                                 .step_count = steps.count,
                                 .is_hl7 = is_hl7};
    filter->path = made;
    filter->value = pn_slice_trim(value);
    return PN_OK;
}

enum { FILTERS_MAX = 4 };

static enum pn_code add_filters(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_slice text, bool is_hl7, struct pn_map_step *step)
{
    struct pn_map_filter *filters =
        pn_arena_alloc_array(compiler->boot, FILTERS_MAX, sizeof *filters);
    if (filters == NULL) {
        return pn_map_no_memory(compiler);
    }
    while (text.len > 0) {
        if (text.ptr[0] != '[') {
            return pn_map_fault(compiler, node, "nothing may stand between ] and what follows");
        }
        text = pn_slice_of(text.ptr + 1, text.len - 1);
        struct pn_slice inside = take_until(&text, "]");
        if (text.len == 0 || step->filter_count == FILTERS_MAX) {
            return pn_map_fault(compiler, node, "a [ without its ], or over %d of them",
                                FILTERS_MAX);
        }
        text = pn_slice_of(text.ptr + 1, text.len - 1);
        enum pn_code code =
            compile_filter(compiler, node, inside, is_hl7, &filters[step->filter_count]);
        if (code != PN_OK) {
            return code;
        }
        step->filter_count++;
    }
    step->filters = filters;
    return PN_OK;
}

static enum pn_code add_step(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                             struct pn_slice text, bool is_hl7, struct steps *steps)
{
    if (steps->count == PN_MAP_STEPS_MAX) {
        return pn_map_fault(compiler, node, "the path has over %d steps", PN_MAP_STEPS_MAX);
    }
    struct pn_slice rest = text;
    struct pn_slice name = take_until(&rest, "[");
    if (name.len == 0) {
        return pn_map_fault(compiler, node, "a step of the path is empty");
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == ']' || name.ptr[i] == ' ' || (is_hl7 && !is_name_char(name.ptr[i]))) {
            return pn_map_fault(compiler, node, "'%.*s' cannot stand in a path",
                                PN_SLICE_FMT(name));
        }
    }
    struct pn_map_step *step = &steps->items[steps->count++];
    step->name = name;
    step->kind = pn_slice_is(name, "*")    ? PN_STEP_ANY
                 : pn_slice_is(name, "..") ? PN_STEP_PARENT
                 : pn_slice_is(name, ".")  ? PN_STEP_SELF
                                           : PN_STEP_NAME;
    return add_filters(compiler, node, rest, is_hl7, step);
}

// HL7: "3.1", "3[5=MR].4.2" below a segment or field. Others: "a/b[c=d]/@e".
static enum pn_code add_steps(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_slice text, bool is_hl7, struct steps *steps)
{
    const char *separator = is_hl7 ? "." : "/";
    while (text.len > 0) {
        struct pn_slice step = take_until(&text, separator);
        enum pn_code code = add_step(compiler, node, step, is_hl7, steps);
        if (code != PN_OK) {
            return code;
        }
        if (text.len == 1) {
            return pn_map_fault(compiler, node, "the path ends with '%s'", separator);
        }
        text = text.len > 0 ? pn_slice_of(text.ptr + 1, text.len - 1) : text;
    }
    return PN_OK;
}

static bool is_segment_name(struct pn_slice name)
{
    if (name.len != 3 || name.ptr[0] < 'A' || name.ptr[0] > 'Z') {
        return false;
    }
    for (size_t i = 1; i < 3; i++) {
        bool is_good = (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') ||
                       (name.ptr[i] >= '0' && name.ptr[i] <= '9');
        if (!is_good) {
            return false;
        }
    }
    return true;
}

static enum pn_code check_hl7_numbers(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                      const struct steps *steps, unsigned first)
{
    for (unsigned i = first; i < steps->count; i++) {
        if (!is_digits(steps->items[i].name)) {
            return pn_map_fault(compiler, node,
                                "after the segment stand numbers: PID-3.1, PID-3[5=MR].4.2");
        }
    }
    if (steps->count > first + 3) {
        return pn_map_fault(compiler, node, "at most field, component and subcomponent");
    }
    return PN_OK;
}

// The innermost `each` whose item the path starts from; the path continues after its text.
static bool find_scope(const struct pn_map_compiler *compiler, struct pn_slice text,
                       unsigned *ret_scope, struct pn_slice *ret_rest)
{
    for (unsigned i = compiler->scope_count; i-- > 0;) {
        struct pn_slice each = compiler->scopes[i].path;
        struct pn_slice filtered = each;
        struct pn_slice bare = take_until(&filtered, "[");
        if (text.len < bare.len || !pn_slice_eq(pn_slice_of(text.ptr, bare.len), bare)) {
            continue;
        }
        struct pn_slice rest = pn_slice_of(text.ptr + bare.len, text.len - bare.len);
        if (rest.len == 0 || rest.ptr[0] == '-' || rest.ptr[0] == '.') {
            *ret_scope = i;
            *ret_rest = rest;
            return true;
        }
    }
    return false;
}

static bool is_named(const struct pn_map_relatives *relatives, struct pn_slice segment)
{
    for (unsigned i = 0; i < relatives->count; i++) {
        if (pn_slice_eq(relatives->names[i], segment)) {
            return true;
        }
    }
    return false;
}

// Where a segment that no `each` stands on is looked for.
static enum pn_map_root root_of(const struct pn_map_compiler *compiler, struct pn_slice segment,
                                unsigned *ret_scope)
{
    for (unsigned i = compiler->scope_count; i-- > 0;) {
        *ret_scope = i;
        if (is_named(&compiler->scopes[i].with, segment)) {
            return PN_ROOT_GROUP;
        }
        if (is_named(&compiler->scopes[i].under, segment)) {
            return PN_ROOT_BEFORE;
        }
    }
    return PN_ROOT_MESSAGE;
}

static enum pn_code compile_hl7(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_slice text, struct pn_map_path *path, struct steps *steps)
{
    path->is_hl7 = true;
    struct pn_slice rest;
    if (pn_slice_is(text, ".") && compiler->scope_count > 0) {
        path->root = PN_ROOT_SCOPE;
        path->root_index = compiler->scope_count - 1;
        return PN_OK;
    }
    unsigned first_number = 0;
    if (find_scope(compiler, text, &path->root_index, &rest)) {
        path->root = PN_ROOT_SCOPE;
    } else {
        rest = text;
        struct pn_slice segment = take_until(&rest, "-");
        struct pn_slice filters = segment;
        struct pn_slice name = take_until(&filters, "[");
        if (!is_segment_name(name)) {
            return pn_map_fault(compiler, node,
                                "'%.*s' is no HL7 path: a segment and a field, as PID-3.1",
                                PN_SLICE_FMT(text));
        }
        path->root = root_of(compiler, name, &path->root_index);
        enum pn_code code = add_step(compiler, node, segment, true, steps);
        if (code != PN_OK) {
            return code;
        }
        first_number = 1;
    }
    if (rest.len == 1) {
        return pn_map_fault(compiler, node, "the path ends with '%c'", rest.ptr[0]);
    }
    if (rest.len > 1) {
        rest = pn_slice_of(rest.ptr + 1, rest.len - 1);
    }
    enum pn_code code = add_steps(compiler, node, rest, true, steps);
    return code != PN_OK ? code : check_hl7_numbers(compiler, node, steps, first_number);
}

static bool find_part(const struct pn_map_compiler *compiler, struct pn_slice name,
                      unsigned *ret_part)
{
    for (unsigned i = 0; i < compiler->part_count; i++) {
        if (pn_slice_is(name, compiler->parts[i].name)) {
            *ret_part = i;
            return true;
        }
    }
    return false;
}

static enum pn_code compile_tree(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_slice text, struct pn_map_path *path,
                                 struct steps *steps)
{
    enum pn_format format = compiler->format;
    struct pn_slice rest = text;
    struct pn_slice part = take_until(&rest, ":/");
    if (rest.len > 0 && rest.ptr[0] == ':') {
        if (!find_part(compiler, part, &path->root_index)) {
            return pn_map_fault(compiler, node, "no part is called '%.*s' (see `parts`)",
                                PN_SLICE_FMT(part));
        }
        path->root = PN_ROOT_PART;
        format = compiler->parts[path->root_index].format;
        text = pn_slice_of(rest.ptr + 1, rest.len - 1);
    } else if (text.len > 0 && text.ptr[0] != '/' && compiler->scope_count > 0) {
        path->root = PN_ROOT_SCOPE;
        path->root_index = compiler->scope_count - 1;
    }
    if (text.len > 0 && text.ptr[0] == '/') {
        text = pn_slice_of(text.ptr + 1, text.len - 1);
    }
    path->starts_at_root = format == PN_FORMAT_XML && path->root != PN_ROOT_SCOPE;
    path->is_json = format == PN_FORMAT_JSON;
    return add_steps(compiler, node, text, false, steps);
}

static enum pn_code compile_param(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_slice text, struct pn_map_path *path)
{
    static const char *const names[PN_PARAM_COUNT] = {
        [PN_PARAM_RECEIVED] = "$received",
        [PN_PARAM_FILE_NAME] = "$file_name",
        [PN_PARAM_CONTENT_TYPE] = "$content_type",
        [PN_PARAM_NOW] = "$now",
        [PN_PARAM_DOCUMENT_ID] = "$document_id",
        [PN_PARAM_SYSTEM] = "$system",
        [PN_PARAM_HTTP_STATUS] = "$http_status",
        [PN_PARAM_RECEIPT_ID] = "$receipt_id",
        [PN_PARAM_LOCATION] = "$location",
        [PN_PARAM_REMOTE_ID] = "$remote_id",
        [PN_PARAM_REMOTE_VERSION] = "$remote_version",
        [PN_PARAM_REMOTE_METHOD] = "$remote_method",
        [PN_PARAM_DIGEST] = "$digest",
        [PN_PARAM_PLACE] = "$place",
        [PN_PARAM_ADAPTER] = "$adapter",
    };
    unsigned found = pn_words_find(names, PN_PARAM_COUNT, text);
    if (found == PN_PARAM_COUNT) {
        return pn_map_fault(compiler, node, "no parameter is called '%.*s' (docs/MAPPING.md)",
                            PN_SLICE_FMT(text));
    }
    path->root = PN_ROOT_PARAM;
    path->root_index = found;
    return PN_OK;
}

enum pn_code pn_map_compile_path(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_slice text, const struct pn_map_path **ret_path)
{
    struct pn_map_path *path = pn_arena_alloc(compiler->boot, sizeof *path);
    struct steps steps;
    text = pn_slice_trim(text);
    if (path == NULL) {
        return pn_map_no_memory(compiler);
    }
    if (text.len == 0) {
        return pn_map_fault(compiler, node, "a path is expected here");
    }
    path->text = pn_arena_copy(compiler->boot, text);
    enum pn_code code = new_steps(compiler, &steps);
    if (path->text == NULL || code != PN_OK) {
        return pn_map_no_memory(compiler);
    }
    bool has_part = false;
    for (size_t i = 0; i < text.len && is_name_char(text.ptr[i]); i++) {
        has_part = has_part || text.ptr[i] == ':';
    }
    code = text.ptr[0] == '$' ? compile_param(compiler, node, text, path)
           : compiler->format == PN_FORMAT_HL7V2 && !has_part
               ? compile_hl7(compiler, node, text, path, &steps)
               : compile_tree(compiler, node, text, path, &steps);
    if (code != PN_OK) {
        return code;
    }
    path->steps = steps.items;
    path->step_count = steps.count;
    *ret_path = path;
    return PN_OK;
}
