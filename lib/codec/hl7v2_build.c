// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "codec/hl7v2_parts.h"

// One value at its full place: every part from 1.
struct entry {
    struct entry *next; // in the order of their places
    uint16_t field, repeat, component, subcomponent;
    struct pn_slice text;
    bool is_null;
};

struct segment {
    struct segment *next;
    char name[4];
    struct entry *entries;
};

struct pn_hl7v2_builder {
    struct pn_arena *arena;
    struct segment *first;
    struct segment *last;
    unsigned segment_count;
};

struct pn_hl7v2_builder *pn_hl7v2_builder_new(struct pn_arena *arena)
{
    struct pn_hl7v2_builder *builder = pn_arena_alloc(arena, sizeof *builder);
    if (builder != NULL) {
        builder->arena = arena;
    }
    return builder;
}

enum pn_code pn_hl7v2_add_segment(struct pn_hl7v2_builder *builder, const char *name,
                                  struct pn_err *err)
{
    struct pn_hl7v2_path path;
    bool is_first = builder->first == NULL;
    if (strlen(name) != 3 || pn_hl7v2_path_compile(pn_slice_str(name), &path, err) != PN_OK) {
        return pn_err_set(err, PN_INVALID, "segment", "a segment's name is three capitals");
    }
    if (is_first != (strcmp(name, "MSH") == 0)) {
        return pn_err_set(err, PN_INVALID, name, "MSH is the first segment and no other");
    }
    if (builder->segment_count >= PN_HL7V2_SEGMENTS_MAX) {
        return pn_err_set(err, PN_LIMIT, name, "more than %d segments", (int)PN_HL7V2_SEGMENTS_MAX);
    }
    struct segment *segment = pn_arena_alloc(builder->arena, sizeof *segment);
    if (segment == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "the message's memory is used up");
    }
    memcpy(segment->name, name, sizeof segment->name);
    if (is_first) {
        builder->first = segment;
    } else {
        builder->last->next = segment;
    }
    builder->last = segment;
    builder->segment_count++;
    return PN_OK;
}

// Of that name: the path's number, or the last.
static struct segment *find_segment(const struct pn_hl7v2_builder *builder,
                                    const struct pn_hl7v2_path *path)
{
    struct segment *found = NULL;
    unsigned number = 0;
    for (struct segment *each = builder->first; each != NULL; each = each->next) {
        if (strcmp(each->name, path->segment) != 0) {
            continue;
        }
        found = each;
        if (++number == path->segment_repeat) {
            return found;
        }
    }
    return path->segment_repeat == 0 ? found : NULL;
}

static int compare(const struct entry *a, const struct entry *b)
{
    int field = (int)a->field - (int)b->field;
    int repeat = (int)a->repeat - (int)b->repeat;
    int component = (int)a->component - (int)b->component;
    int subcomponent = (int)a->subcomponent - (int)b->subcomponent;
    return field != 0 ? field : repeat != 0 ? repeat : component != 0 ? component : subcomponent;
}

static uint16_t from_one(uint16_t number)
{
    return number == 0 ? 1 : number;
}

static enum pn_code set_entry(struct pn_hl7v2_builder *builder, const struct pn_hl7v2_path *path,
                              const struct entry *value, struct pn_err *err)
{
    struct segment *segment = find_segment(builder, path);
    if (segment == NULL) {
        return pn_err_set(err, PN_NOT_FOUND, path->segment, "the message has no such segment");
    }
    bool is_header = strcmp(segment->name, "MSH") == 0;
    if (path->field == 0 || (is_header && path->field <= 2)) {
        return pn_err_set(err, PN_INVALID, path->segment, "no field that can be set");
    }
    struct entry wanted = *value;
    wanted.field = path->field;
    wanted.repeat = from_one(path->repeat);
    wanted.component = from_one(path->component);
    wanted.subcomponent = from_one(path->subcomponent);
    struct entry **at = &segment->entries;
    while (*at != NULL && compare(*at, &wanted) < 0) {
        at = &(*at)->next;
    }
    if (*at != NULL && compare(*at, &wanted) == 0) {
        wanted.next = (*at)->next;
        **at = wanted;
        return PN_OK;
    }
    struct entry *made = pn_arena_alloc(builder->arena, sizeof *made);
    if (made == NULL) {
        return pn_err_set(err, PN_MEMORY, path->segment, "the message's memory is used up");
    }
    wanted.next = *at;
    *made = wanted;
    *at = made;
    return PN_OK;
}

enum pn_code pn_hl7v2_set_path(struct pn_hl7v2_builder *builder, const struct pn_hl7v2_path *path,
                               struct pn_slice text, struct pn_err *err)
{
    struct entry value = {.text = text};
    return set_entry(builder, path, &value, err);
}

enum pn_code pn_hl7v2_set(struct pn_hl7v2_builder *builder, const char *path, struct pn_slice text,
                          struct pn_err *err)
{
    struct pn_hl7v2_path compiled;
    enum pn_code code = pn_hl7v2_path_compile(pn_slice_str(path), &compiled, err);
    return code == PN_OK ? pn_hl7v2_set_path(builder, &compiled, text, err) : code;
}

enum pn_code pn_hl7v2_set_null(struct pn_hl7v2_builder *builder, const char *path,
                               struct pn_err *err)
{
    struct pn_hl7v2_path compiled;
    struct entry value = {.is_null = true};
    enum pn_code code = pn_hl7v2_path_compile(pn_slice_str(path), &compiled, err);
    return code == PN_OK ? set_entry(builder, &compiled, &value, err) : code;
}

// Moves the place on to the entry's, writing one delimiter for each step.
static void step_to(struct pn_buf *out, struct entry *place, const struct entry *entry)
{
    const struct {
        uint16_t *now;
        uint16_t wanted;
        char delimiter;
    } levels[] = {
        {&place->field, entry->field, '|'},
        {&place->repeat, entry->repeat, '~'},
        {&place->component, entry->component, '^'},
        {&place->subcomponent, entry->subcomponent, '&'},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(levels); i++) {
        if (*levels[i].now == levels[i].wanted) {
            continue;
        }
        while (*levels[i].now < levels[i].wanted) {
            (*levels[i].now)++;
            pn_buf_add_char(out, levels[i].delimiter);
        }
        for (size_t below = i + 1; below < PN_ARRAY_COUNT(levels); below++) {
            *levels[below].now = 1;
        }
    }
}

static void write_segment(const struct segment *segment, enum pn_charset charset,
                          struct pn_buf *out)
{
    bool is_header = strcmp(segment->name, "MSH") == 0;
    pn_buf_add_str(out, is_header ? "MSH|^~\\&" : segment->name);
    struct entry place = {
        .field = is_header ? 2 : 0, .repeat = 1, .component = 1, .subcomponent = 1};
    for (const struct entry *entry = segment->entries; entry != NULL; entry = entry->next) {
        if (entry->text.len == 0 && !entry->is_null) {
            continue;
        }
        step_to(out, &place, entry);
        if (entry->is_null) {
            pn_buf_add_str(out, "\"\"");
        } else {
            pn_hl7v2_add_escaped(out, entry->text, charset);
        }
    }
    pn_buf_add_char(out, '\r');
}

enum pn_code pn_hl7v2_write(const struct pn_hl7v2_builder *builder, enum pn_charset charset,
                            struct pn_buf *out, struct pn_err *err)
{
    bool is_wide = charset == PN_CHARSET_UTF16LE || charset == PN_CHARSET_UTF16BE;
    if (builder->first == NULL || charset == PN_CHARSET_UNKNOWN || is_wide) {
        return pn_err_set(err, PN_INVALID, "MSH", "nothing to write, or no set to write it in");
    }
    for (const struct segment *each = builder->first; each != NULL; each = each->next) {
        write_segment(each, charset, out);
    }
    if (!pn_buf_ok(out)) {
        return pn_err_set(err, PN_LIMIT, "message", "does not fit into %zu bytes", out->max_bytes);
    }
    return PN_OK;
}
