// SPDX-License-Identifier: Apache-2.0
#include "fhir/entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "codec/json_scan.h"

enum { NAMES_PER_ENTRY_MAX = 10, IDENTIFIERS_MAX = NAMES_PER_ENTRY_MAX - 2, FIRST_ROOM = 16 };

// One Bundle while it is read.
struct reading {
    struct pn_arena *arena;
    struct pn_entries *entries;
    struct pn_slice resource_type;
    unsigned item_room, name_room;
    const char *limit; // which bound was passed
};

// --- Members of objects --------------------------------------------------------------------------

// Room for one more in a list that doubles.
static void *with_room(struct reading *reading, void *items, unsigned count, unsigned *room,
                       size_t each_bytes)
{
    if (count < *room) {
        return items;
    }
    unsigned more_room = *room == 0 ? FIRST_ROOM : *room * 2;
    void *more = pn_arena_alloc_array(reading->arena, more_room, each_bytes);
    if (more == NULL) {
        reading->limit = "the Bundle needs too much memory";
        return NULL;
    }
    if (count > 0) {
        memcpy(more, items, count * each_bytes);
    }
    *room = more_room;
    return more;
}

// A string; any other kind of value is left aside.
static bool take_text(struct pn_json_scan *scan, struct pn_slice *ret_text)
{
    struct pn_slice other;
    return pn_json_scan_kind(scan) == PN_JSON_STRING ? pn_json_scan_string(scan, ret_text)
                                                     : pn_json_scan_raw(scan, &other);
}

struct member {
    const char *name;
    bool is_raw; // its own text, whatever it is
    struct pn_slice *value;
};

// The wanted members of an object; what is no object gives none.
static bool take_members(struct pn_json_scan *scan, const struct member *members, unsigned count)
{
    struct pn_slice name, other;
    bool is_first = true;
    if (pn_json_scan_kind(scan) != PN_JSON_OBJECT) {
        return pn_json_scan_raw(scan, &other);
    }
    bool is_good = pn_json_scan_enter(scan);
    while (is_good && pn_json_scan_member(scan, &is_first, &name)) {
        const struct member *wanted = NULL;
        for (unsigned i = 0; wanted == NULL && i < count; i++) {
            wanted = pn_slice_is(name, members[i].name) ? &members[i] : NULL;
        }
        is_good = wanted == NULL   ? pn_json_scan_raw(scan, &other)
                  : wanted->is_raw ? pn_json_scan_raw(scan, wanted->value)
                                   : take_text(scan, wanted->value);
    }
    return is_good && scan->fault == NULL;
}

static bool members_of(struct pn_arena *arena, struct pn_slice text, const struct member *members,
                       unsigned count)
{
    struct pn_json_scan scan;
    pn_json_scan_init(&scan, arena, text);
    return take_members(&scan, members, count);
}

// --- Reading -------------------------------------------------------------------------------------

static void add_name(struct reading *reading, struct pn_slice text)
{
    struct pn_entries *entries = reading->entries;
    if (text.len == 0) {
        return;
    }
    struct pn_entry_name *names =
        with_room(reading, entries->names, entries->name_count, &reading->name_room, sizeof *names);
    if (names == NULL) {
        return;
    }
    entries->names = names;
    names[entries->name_count++] =
        (struct pn_entry_name){.text = text, .entry = entries->count - 1};
}

static void add_joined_name(struct reading *reading, const char *start, struct pn_slice first,
                            char between, struct pn_slice second)
{
    if (first.len > 0 && second.len > 0) {
        const char *text = pn_arena_printf(reading->arena, "%s%.*s%c%.*s", start,
                                           PN_SLICE_FMT(first), between, PN_SLICE_FMT(second));
        reading->limit = text == NULL ? "the Bundle needs too much memory" : reading->limit;
        add_name(reading, pn_slice_str(text));
    }
}

// A conditional reference names a Patient by an identifier.
static bool add_identifiers(struct reading *reading, struct pn_slice list)
{
    struct pn_json_scan scan;
    bool is_first = true;
    pn_json_scan_init(&scan, reading->arena, list);
    if (pn_json_scan_kind(&scan) != PN_JSON_ARRAY || !pn_json_scan_enter(&scan)) {
        return scan.fault == NULL;
    }
    for (unsigned i = 0; i < IDENTIFIERS_MAX && pn_json_scan_item(&scan, &is_first); i++) {
        struct pn_slice system = {0}, value = {0};
        const struct member members[] = {{"system", false, &system}, {"value", false, &value}};
        if (!take_members(&scan, members, PN_ARRAY_COUNT(members))) {
            return false;
        }
        add_joined_name(reading, "Patient?identifier=", system, '|', value);
    }
    return scan.fault == NULL;
}

static bool read_resource(struct reading *reading, struct pn_entry *entry)
{
    struct pn_slice meta = {0}, identifiers = {0};
    const struct member members[] = {
        {"resourceType", false, &entry->resource_type},
        {"id", false, &entry->id},
        {"meta", true, &meta},
        {"identifier", true, &identifiers},
    };
    const struct member meta_members[] = {{"versionId", false, &entry->version_id},
                                          {"lastUpdated", false, &entry->last_updated}};
    bool is_good = entry->resource.len == 0 ||
                   members_of(reading->arena, entry->resource, members, PN_ARRAY_COUNT(members));
    is_good = is_good && (meta.len == 0 || members_of(reading->arena, meta, meta_members,
                                                      PN_ARRAY_COUNT(meta_members)));
    add_joined_name(reading, "", entry->resource_type, '/', entry->id);
    return is_good && (identifiers.len == 0 || !pn_slice_is(entry->resource_type, "Patient") ||
                       add_identifiers(reading, identifiers));
}

static bool read_entry(struct reading *reading, struct pn_slice raw)
{
    struct pn_entries *entries = reading->entries;
    if (entries->count == PN_ENTRIES_MAX) {
        reading->limit = "the Bundle has too many entries";
        return false;
    }
    entries->items = with_room(reading, entries->items, entries->count, &reading->item_room,
                               sizeof *entries->items);
    if (entries->items == NULL) {
        return false;
    }
    struct pn_entry *entry = &entries->items[entries->count++];
    struct pn_slice search = {0};
    *entry = (struct pn_entry){.raw = raw};
    const struct member members[] = {{"fullUrl", false, &entry->full_url},
                                     {"resource", true, &entry->resource},
                                     {"search", true, &search}};
    const struct member search_members[] = {{"mode", false, &entry->search_mode}};
    bool is_good = members_of(reading->arena, raw, members, PN_ARRAY_COUNT(members)) &&
                   (search.len == 0 || members_of(reading->arena, search, search_members, 1));
    add_name(reading, entry->full_url);
    return is_good && read_resource(reading, entry);
}

static bool read_entry_list(struct reading *reading, struct pn_json_scan *scan)
{
    bool is_first = true;
    struct pn_slice raw;
    if (pn_json_scan_kind(scan) != PN_JSON_ARRAY) {
        return pn_json_scan_raw(scan, &raw);
    }
    bool is_good = pn_json_scan_enter(scan);
    while (is_good && pn_json_scan_item(scan, &is_first)) {
        is_good = pn_json_scan_raw(scan, &raw) && read_entry(reading, raw);
    }
    return is_good && scan->fault == NULL;
}

static bool read_links(struct reading *reading, struct pn_json_scan *scan)
{
    struct pn_entries *entries = reading->entries;
    bool is_first = true;
    struct pn_slice other;
    if (pn_json_scan_kind(scan) != PN_JSON_ARRAY) {
        return pn_json_scan_raw(scan, &other);
    }
    bool is_good = pn_json_scan_enter(scan);
    while (is_good && pn_json_scan_item(scan, &is_first)) {
        struct pn_slice relation = {0}, url = {0};
        const struct member members[] = {{"relation", false, &relation}, {"url", false, &url}};
        is_good = take_members(scan, members, PN_ARRAY_COUNT(members));
        if (pn_slice_is(relation, "next")) {
            entries->has_next = true;
            entries->next = url;
        } else if (pn_slice_is(relation, "self")) {
            entries->has_self = true;
            entries->self = url;
        }
    }
    return is_good && scan->fault == NULL;
}

static bool read_member(struct reading *reading, struct pn_json_scan *scan, struct pn_slice name)
{
    struct pn_slice other;
    struct pn_entries *entries = reading->entries;
    if (pn_slice_is(name, "resourceType")) {
        return take_text(scan, &reading->resource_type);
    }
    if (pn_slice_is(name, "type")) {
        return take_text(scan, &entries->type);
    }
    if (pn_slice_is(name, "timestamp")) {
        return pn_json_scan_raw(scan, &entries->timestamp);
    }
    if (pn_slice_is(name, "meta")) {
        return pn_json_scan_raw(scan, &entries->meta);
    }
    if (pn_slice_is(name, "link")) {
        return read_links(reading, scan);
    }
    return pn_slice_is(name, "entry") ? read_entry_list(reading, scan)
                                      : pn_json_scan_raw(scan, &other);
}

static int compare_names(const void *a, const void *b)
{
    const struct pn_entry_name *x = a, *y = b;
    size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = memcmp(x->text.ptr, y->text.ptr, len);
    if (order == 0) {
        order = (x->text.len > y->text.len) - (x->text.len < y->text.len);
    }
    return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static enum pn_code read_bundle(struct reading *reading, struct pn_slice text, struct pn_err *err)
{
    struct pn_json_scan scan;
    bool is_first = true;
    struct pn_slice name;
    pn_json_scan_init(&scan, reading->arena, text);
    if (pn_json_scan_kind(&scan) != PN_JSON_OBJECT) {
        bool is_json = pn_json_scan_raw(&scan, &name) && pn_json_scan_end(&scan);
        return is_json ? pn_err_set(err, PN_UNSUPPORTED, "resourceType", "this is no Bundle")
                       : pn_json_scan_err(&scan, "Bundle", err);
    }
    bool is_good = pn_json_scan_enter(&scan);
    while (is_good && pn_json_scan_member(&scan, &is_first, &name)) {
        is_good = read_member(reading, &scan, name);
    }
    if (reading->limit != NULL) {
        return pn_err_set(err, PN_LIMIT, "Bundle.entry", "%s", reading->limit);
    }
    if (!is_good || !pn_json_scan_end(&scan)) {
        return pn_json_scan_err(&scan, "Bundle", err);
    }
    return pn_slice_is(reading->resource_type, "Bundle")
               ? PN_OK
               : pn_err_set(err, PN_UNSUPPORTED, "resourceType", "this is no Bundle");
}

enum pn_code pn_entries_read(struct pn_arena *arena, struct pn_slice text,
                             struct pn_entries **ret_entries, struct pn_err *err)
{
    struct reading reading = {.arena = arena,
                              .entries = pn_arena_alloc(arena, sizeof *reading.entries)};
    if (reading.entries == NULL) {
        return pn_err_set(err, PN_LIMIT, "Bundle", "the Bundle needs too much memory");
    }
    enum pn_code code = read_bundle(&reading, text, err);
    if (code != PN_OK) {
        return code;
    }
    if (reading.entries->name_count > 0) {
        qsort(reading.entries->names, reading.entries->name_count, sizeof *reading.entries->names,
              compare_names);
    }
    *ret_entries = reading.entries;
    return PN_OK;
}

bool pn_entries_stand_alone(const struct pn_entries *entries)
{
    static const char *const types[] = {"batch", "collection", "history", "searchset"};
    return pn_words_find(types, PN_ARRAY_COUNT(types), entries->type) < PN_ARRAY_COUNT(types);
}

// --- References ----------------------------------------------------------------------------------

struct pn_slice pn_entries_relative(struct pn_slice reference)
{
    static const char history[] = "/_history/";
    if (memchr(reference.ptr == NULL ? "" : reference.ptr, '/', reference.len) == NULL) {
        return reference;
    }
    const char *end = memmem(reference.ptr, reference.len, history, sizeof history - 1);
    size_t len = end == NULL ? reference.len : (size_t)(end - reference.ptr);
    unsigned slashes = 0;
    size_t at = len;
    while (at > 0) {
        slashes += reference.ptr[at - 1] == '/';
        if (slashes == 2) {
            break;
        }
        at--;
    }
    return pn_slice_of(reference.ptr + at, len - at);
}

static const struct pn_entry *find_name(const struct pn_entries *entries, struct pn_slice text)
{
    const struct pn_entry_name wanted = {.text = text, .entry = 0};
    unsigned low = 0, high = entries->name_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (compare_names(&entries->names[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < entries->name_count && pn_slice_eq(entries->names[low].text, text);
    return is_found ? &entries->items[entries->names[low].entry] : NULL;
}

const struct pn_entry *pn_entries_find(const struct pn_entries *entries, struct pn_slice reference)
{
    if (reference.len == 0 || reference.ptr[0] == '#') {
        return NULL;
    }
    const struct pn_entry *found = find_name(entries, reference);
    found = found == NULL ? find_name(entries, pn_entries_relative(reference)) : found;
    return found == NULL && entries->also != NULL ? pn_entries_find(entries->also, reference)
                                                  : found;
}

struct visiting {
    struct pn_json_scan scan;
    void (*found)(void *context, struct pn_slice reference);
    void *context;
};

// Any value, down to its leaves. The scanner bounds the depth.
static bool visit(struct visiting *visiting, struct pn_slice member)
{
    struct pn_json_scan *scan = &visiting->scan;
    struct pn_slice text;
    bool is_first = true;
    enum pn_json_kind kind = pn_json_scan_kind(scan);
    if (kind == PN_JSON_STRING && pn_slice_is(member, "reference")) {
        if (!pn_json_scan_string(scan, &text)) {
            return false;
        }
        visiting->found(visiting->context, text);
        return true;
    }
    if (kind == PN_JSON_OBJECT) {
        bool is_good = pn_json_scan_enter(scan);
        while (is_good && pn_json_scan_member(scan, &is_first, &text)) {
            is_good = visit(visiting, text);
        }
        return is_good && scan->fault == NULL;
    }
    if (kind == PN_JSON_ARRAY) {
        bool is_good = pn_json_scan_enter(scan);
        while (is_good && pn_json_scan_item(scan, &is_first)) {
            is_good = visit(visiting, pn_slice_of(NULL, 0));
        }
        return is_good && scan->fault == NULL;
    }
    return pn_json_scan_raw(scan, &text);
}

void pn_entries_references(const struct pn_entry *entry,
                           void (*found)(void *context, struct pn_slice reference), void *context)
{
    enum { STRINGS_BYTES_MAX = 1024 * 1024 };
    struct visiting visiting = {.found = found, .context = context};
    struct pn_arena *arena = pn_arena_new(STRINGS_BYTES_MAX); // for strings with escapes
    if (arena == NULL || entry->resource.len == 0) {
        pn_arena_free(arena);
        return;
    }
    pn_json_scan_init(&visiting.scan, arena, entry->resource);
    (void)visit(&visiting, pn_slice_of(NULL, 0));
    pn_arena_free(arena);
}

// --- Writing -------------------------------------------------------------------------------------

// What goes before the entry.
struct context {
    const struct pn_entries *entries;
    const struct pn_entry *self;
    const struct pn_entry *items[PN_ENTRY_CONTEXT_MAX];
    unsigned count;
    bool takes_encounters;
    bool is_full;
};

static void add_context(void *arg, struct pn_slice reference)
{
    struct context *context = arg;
    const struct pn_entry *entry = pn_entries_find(context->entries, reference);
    if (entry == NULL || entry == context->self ||
        !(pn_slice_is(entry->resource_type, "Patient") ||
          (context->takes_encounters && pn_slice_is(entry->resource_type, "Encounter")))) {
        return;
    }
    for (unsigned i = 0; i < context->count; i++) {
        if (context->items[i] == entry) {
            return;
        }
    }
    if (context->count == PN_ENTRY_CONTEXT_MAX) {
        context->is_full = true;
        return;
    }
    context->items[context->count++] = entry;
}

static bool is_plain(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == '"' || text.ptr[i] == '\\') {
            return false;
        }
    }
    return true;
}

static void write_identifier(const struct pn_entry *entry, struct pn_buf *out)
{
    const struct pn_slice parts[] = {entry->resource_type, entry->id, entry->version_id,
                                     entry->last_updated};
    for (size_t i = 0; i < PN_ARRAY_COUNT(parts); i++) {
        if (!is_plain(parts[i])) {
            return;
        }
    }
    if (entry->id.len > 0 && (entry->version_id.len > 0 || entry->last_updated.len > 0)) {
        pn_buf_printf(out,
                      "\"identifier\":{\"system\":\"" PN_ENTRY_IDENTIFIER_SYSTEM
                      "\",\"value\":\"%.*s/%.*s/%.*s/%.*s\"},",
                      PN_SLICE_FMT(parts[0]), PN_SLICE_FMT(parts[1]), PN_SLICE_FMT(parts[2]),
                      PN_SLICE_FMT(parts[3]));
    }
}

static void write_member(struct pn_buf *out, const char *name, struct pn_slice raw)
{
    if (raw.len > 0) {
        pn_buf_printf(out, "\"%s\":", name);
        pn_buf_add_slice(out, raw);
        pn_buf_add_char(out, ',');
    }
}

static void write_context(const struct pn_entry *entry, struct pn_buf *out)
{
    pn_buf_add_char(out, '{');
    if (entry->full_url.len > 0 && is_plain(entry->full_url)) {
        pn_buf_add_str(out, "\"fullUrl\":\"");
        pn_buf_add_slice(out, entry->full_url);
        pn_buf_add_str(out, "\",");
    }
    pn_buf_add_str(out, "\"search\":{\"mode\":\"include\"},\"resource\":");
    pn_buf_add_slice(out, entry->resource);
    pn_buf_add_str(out, "},");
}

enum pn_code pn_entries_write(const struct pn_entries *entries, unsigned at, struct pn_buf *out,
                              struct pn_err *err)
{
    const struct pn_entry *entry = &entries->items[at];
    struct context context = {.entries = entries, .self = entry, .takes_encounters = true};
    pn_entries_references(entry, add_context, &context);
    unsigned direct_count = context.count;
    context.takes_encounters = false;
    for (unsigned i = 0; i < direct_count; i++) {
        pn_entries_references(context.items[i], add_context, &context);
    }
    if (context.is_full) {
        return pn_err_set(err, PN_LIMIT, "Bundle.entry", "refers to over %d other entries",
                          PN_ENTRY_CONTEXT_MAX);
    }
    pn_buf_add_str(out, "{\"resourceType\":\"Bundle\",\"type\":\"collection\",");
    write_identifier(entry, out);
    if (entry->last_updated.len == 0 && !pn_slice_is(entries->type, "searchset")) {
        write_member(out, "timestamp", entries->timestamp);
        write_member(out, "meta", entries->meta);
    }
    pn_buf_add_str(out, "\"entry\":[");
    for (unsigned i = 0; i < context.count; i++) {
        write_context(context.items[i], out);
    }
    pn_buf_add_slice(out, entry->raw);
    pn_buf_add_str(out, "]}");
    return pn_buf_ok(out) ? PN_OK
                          : pn_err_set(err, PN_LIMIT, "Bundle.entry", "the entry is too large");
}
