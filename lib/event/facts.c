// SPDX-License-Identifier: Apache-2.0
#include "event/facts.h"

#include <string.h>

#include "base/clock.h"
#include "base/words.h"
#include "event/facts_rows.h"

enum { PATH_BYTES_MAX = 160, NO_RANK = 1000 };

struct walk {
    const char *at, *end;
    char path[PATH_BYTES_MAX];
    size_t path_len;
    unsigned lost; // levels whose names did not fit: what is below is none of the tables'
    struct pn_slice values[PN_FACT_COUNT];
    unsigned ranks[PN_FACT_COUNT]; // row that gave the value; a smaller one is better
    uint32_t classes;
    struct pn_system_code codes[PN_CODES_MAX];
    unsigned code_count;
    struct pn_slice professions[PN_PROFESSIONS_MAX];
    unsigned profession_count;
    struct pn_slice their_profession; // of the participant that is being read
    unsigned their_rank;
};

// What an object says of itself when it is a Coding or an Identifier.
struct coded {
    struct pn_slice system, code;
};

static bool walk_value(struct walk *walk, struct coded *parent, unsigned depth);

// --- What is found -------------------------------------------------------------------------------

static void put(struct walk *walk, enum pn_fact fact, struct pn_slice value, unsigned rank)
{
    if (value.len > 0 && rank < walk->ranks[fact]) {
        walk->values[fact] = value;
        walk->ranks[fact] = rank;
    }
    if (value.len > 0 && fact == PN_FACT_PROFESSION &&
        (walk->their_profession.len == 0 || rank < walk->their_rank)) {
        walk->their_profession = value;
        walk->their_rank = rank;
    }
}

// At the end of one who took part. The same profession of two is one.
static void put_profession(struct walk *walk)
{
    const struct pn_slice found = walk->their_profession;
    unsigned i = 0;
    walk->their_profession = pn_slice_of("", 0);
    while (i < walk->profession_count && !pn_slice_eq(walk->professions[i], found)) {
        i++;
    }
    if (i == walk->profession_count && i < PN_PROFESSIONS_MAX) {
        walk->professions[walk->profession_count++] = found;
    }
}

// The last one whose system has another before it gives its place to a system that has none.
static void make_place(struct walk *walk)
{
    for (unsigned i = walk->code_count; i-- > 1;) {
        for (unsigned k = 0; k < i; k++) {
            if (walk->codes[k].system == walk->codes[i].system) {
                walk->code_count--;
                memmove(&walk->codes[i], &walk->codes[i + 1],
                        (walk->code_count - i) * sizeof walk->codes[0]);
                return;
            }
        }
    }
}

static void put_code(struct walk *walk, struct pn_slice code, enum pn_code_system system)
{
    bool has_system = false;
    for (unsigned i = 0; i < walk->code_count; i++) {
        bool is_same = walk->codes[i].system == system;
        if (is_same && pn_slice_eq(walk->codes[i].code, code)) {
            return;
        }
        has_system = has_system || is_same;
    }
    if (walk->code_count == PN_CODES_MAX && !has_system) {
        make_place(walk);
    }
    if (walk->code_count < PN_CODES_MAX) {
        walk->codes[walk->code_count++] = (struct pn_system_code){system, code};
    }
}

static bool path_is(const struct walk *walk, const char *path, size_t path_len)
{
    return walk->path_len == path_len && walk->lost == 0 && memcmp(walk->path, path, path_len) == 0;
}

static void found_primitive(struct walk *walk, struct pn_slice value)
{
    for (unsigned i = 0; i < pn_fact_row_count; i++) {
        if (path_is(walk, pn_fact_rows[i].path, pn_fact_rows[i].path_len)) {
            put(walk, pn_fact_rows[i].fact, value, pn_code_row_count + i);
            return;
        }
    }
}

// `wanted` is an OID or a URI; an OID of the resource may carry "urn:oid:" and a version arc.
static bool system_is(struct pn_slice system, const char *wanted)
{
    if (wanted == NULL) {
        return true;
    }
    if (pn_slice_starts_with(system, "urn:oid:")) {
        system = pn_slice_of(system.ptr + 8, system.len - 8);
    }
    size_t len = strlen(wanted);
    return pn_slice_starts_with(system, wanted) && (system.len == len || system.ptr[len] == '.');
}

static bool is_between(struct pn_slice code, const struct pn_class_row *row)
{
    size_t len = strlen(row->until);
    return code.len >= len && memcmp(code.ptr, row->from, len) >= 0 &&
           memcmp(code.ptr, row->until, len) <= 0;
}

static void found_class(struct walk *walk, const struct coded *coded)
{
    if (pn_slice_is(coded->system, PN_DATA_CLASS_SYSTEM)) {
        const enum pn_data_class named = pn_class_parse(coded->code);
        walk->classes |= named == PN_CLASS_COUNT ? 0 : pn_class_bit(named);
    }
    for (unsigned i = 0; i < pn_class_row_count; i++) {
        const struct pn_class_row *row = &pn_class_rows[i];
        if (is_between(coded->code, row) && system_is(coded->system, row->system)) {
            walk->classes |= pn_class_bit(row->data_class);
        }
    }
}

static void found_coded(struct walk *walk, const struct coded *coded)
{
    if (coded->code.len == 0) {
        return;
    }
    found_class(walk, coded);
    bool is_put = false;
    for (unsigned i = 0; i < pn_code_row_count; i++) {
        const struct pn_code_row *row = &pn_code_rows[i];
        bool is_row =
            path_is(walk, row->path, row->path_len) && system_is(coded->system, row->system);
        is_row = is_row && (row->unless == NULL || coded->system.len == 0 ||
                            memmem(coded->system.ptr, coded->system.len, row->unless,
                                   strlen(row->unless)) == NULL);
        if (is_row && row->fact != PN_FACT_CODE) {
            put(walk, row->fact, coded->code, i);
        } else if (is_row && !is_put) {
            put_code(walk, coded->code, row->code_system);
            is_put = true;
        }
    }
}

// --- The walk over JSON --------------------------------------------------------------------------

static void skip_space(struct walk *walk)
{
    while (walk->at < walk->end && (unsigned char)*walk->at <= ' ') {
        walk->at++;
    }
}

static bool take(struct walk *walk, char c)
{
    skip_space(walk);
    if (walk->at < walk->end && *walk->at == c) {
        walk->at++;
        return true;
    }
    return false;
}

// The text between the quotes, escapes as they stand: what is looked for has none.
static bool take_string(struct walk *walk, struct pn_slice *ret_text)
{
    if (!take(walk, '"')) {
        return false;
    }
    const char *start = walk->at;
    for (;;) {
        const char *quote = memchr(walk->at, '"', (size_t)(walk->end - walk->at));
        if (quote == NULL) {
            return false;
        }
        walk->at = quote + 1;
        const char *back = quote;
        while (back > start && back[-1] == '\\') {
            back--;
        }
        if ((quote - back) % 2 == 0) {
            *ret_text = pn_slice_of(start, (size_t)(quote - start));
            return true;
        }
    }
}

static void found_member(struct walk *walk, struct coded *parent, struct pn_slice value)
{
    const char *dot = memrchr(walk->path, '.', walk->path_len);
    const char *name = dot == NULL ? walk->path : dot + 1;
    size_t len = (size_t)(walk->path + walk->path_len - name);
    struct pn_slice last = pn_slice_of(name, len);
    if (pn_slice_is(last, "system")) {
        parent->system = value;
    } else if (pn_slice_is(last, "code") || pn_slice_is(last, "value")) {
        parent->code = value;
    }
    found_primitive(walk, value);
}

static bool walk_member(struct walk *walk, struct coded *coded, unsigned depth)
{
    struct pn_slice name;
    if (!take_string(walk, &name) || !take(walk, ':')) {
        return false;
    }
    size_t before = walk->path_len;
    size_t len = before + (before > 0 ? 1 : 0) + name.len;
    bool is_lost = len >= PATH_BYTES_MAX;
    walk->lost += is_lost ? 1 : 0;
    if (!is_lost) {
        if (before > 0) {
            walk->path[walk->path_len++] = '.';
        }
        memcpy(walk->path + walk->path_len, name.ptr, name.len);
        walk->path_len = len;
    }
    bool is_good = walk_value(walk, coded, depth);
    walk->path_len = before;
    walk->lost -= is_lost ? 1 : 0;
    return is_good;
}

static bool is_participant(const struct walk *walk)
{
    static const char *const paths[] = {"participant", "performerType"};
    return path_is(walk, paths[0], strlen(paths[0])) || path_is(walk, paths[1], strlen(paths[1]));
}

static bool walk_object(struct walk *walk, unsigned depth)
{
    struct coded coded = {0};
    if (take(walk, '}')) {
        return true;
    }
    do {
        if (!walk_member(walk, &coded, depth)) {
            return false;
        }
    } while (take(walk, ','));
    found_coded(walk, &coded);
    if (walk->their_profession.len > 0 && is_participant(walk)) {
        put_profession(walk);
    }
    return take(walk, '}');
}

static bool walk_array(struct walk *walk, struct coded *parent, unsigned depth)
{
    if (take(walk, ']')) {
        return true;
    }
    do {
        if (!walk_value(walk, parent, depth)) {
            return false;
        }
    } while (take(walk, ','));
    return take(walk, ']');
}

static bool walk_value(struct walk *walk, struct coded *parent, unsigned depth)
{
    if (depth >= PN_TREE_DEPTH_MAX) {
        return false;
    }
    skip_space(walk);
    if (walk->at >= walk->end) {
        return false;
    }
    struct pn_slice text;
    switch (*walk->at) {
    case '{':
        walk->at++;
        return walk_object(walk, depth + 1);
    case '[':
        walk->at++;
        return walk_array(walk, parent, depth + 1);
    case '"':
        if (!take_string(walk, &text)) {
            return false;
        }
        found_member(walk, parent, text);
        return true;
    default: {
        const char *start = walk->at;
        while (walk->at < walk->end && strchr(",}] \t\r\n", *walk->at) == NULL) {
            walk->at++;
        }
        return walk->at > start;
    }
    }
}

// --- The facts -----------------------------------------------------------------------------------

// "fi.punos.visit.finished.v1" → "visit", "finished".
static void split_type(struct pn_slice type, struct pn_slice *ret_thing,
                       struct pn_slice *ret_happening)
{
    static const char prefix[] = "fi.punos.";
    struct pn_slice rest = type;
    if (pn_slice_starts_with(type, prefix)) {
        rest = pn_slice_of(type.ptr + sizeof prefix - 1, type.len - (sizeof prefix - 1));
    }
    *ret_thing = pn_slice_split(rest, '.', &rest);
    *ret_happening = pn_slice_split(rest, '.', &rest);
}

static int64_t finality(struct pn_slice happening)
{
    static const char *const beginnings[] = {"started", "booked", "opened", NULL};
    static const char *const ends[] = {"finished", "closed", "noshow", NULL};
    static const char *const undoings[] = {"cancelled", "deleted", "withdrawn", NULL};
    if (pn_words_hold(beginnings, happening)) {
        return 0;
    }
    if (pn_words_hold(ends, happening)) {
        return 2;
    }
    return pn_words_hold(undoings, happening) ? 3 : 1;
}

bool pn_status_is_withdrawn(struct pn_slice status)
{
    static const char *const gone[] = {"entered-in-error", "cancelled", "revoked", NULL};
    return pn_words_hold(gone, status);
}

static void judge(const struct walk *walk, struct pn_slice happening, struct pn_facts *facts)
{
    static const char *const gone_by_event[] = {"cancelled", "deleted", "withdrawn", NULL};
    static const char *const not_contacts[] = {"R60", "R70", "R71", "R72", NULL};
    static const char *const emergency[] = {"EMER", "E", NULL};
    struct pn_slice encounter_class = walk->values[PN_FACT_CLASS];
    facts->is_withdrawn = pn_status_is_withdrawn(facts->status) ||
                          pn_words_hold(gone_by_event, happening) ||
                          pn_slice_is(walk->values[PN_FACT_VERIFICATION], "entered-in-error");
    facts->is_noshow = !facts->is_withdrawn &&
                       (pn_slice_is(facts->status, "noshow") || pn_slice_is(happening, "noshow"));
    facts->is_client_contact =
        !pn_words_hold(not_contacts, facts->contact) && !pn_slice_is(facts->status, "planned");
    if (encounter_class.len > 0) {
        facts->urgency =
            pn_words_hold(emergency, encounter_class) ? PN_URGENCY_EMERGENCY : PN_URGENCY_PLANNED;
    }
}

static enum pn_code walk_through(struct walk *walk, struct pn_slice json, struct pn_err *err)
{
    struct coded nothing = {0};
    *walk = (struct walk){.at = json.ptr, .end = json.len == 0 ? json.ptr : json.ptr + json.len};
    for (unsigned i = 0; i < PN_FACT_COUNT; i++) {
        walk->ranks[i] = NO_RANK;
    }
    return json.len > 0 && json.ptr[0] == '{' && walk_value(walk, &nothing, 0)
               ? PN_OK
               : pn_err_set(err, PN_INVALID, "data", "not a JSON object");
}

enum pn_code pn_facts_classes(struct pn_slice json, uint32_t *ret_classes, struct pn_err *err)
{
    struct walk walk;
    enum pn_code code = walk_through(&walk, json, err);
    if (code == PN_OK) {
        *ret_classes = walk.classes;
    }
    return code;
}

enum pn_code pn_facts_read(const struct pn_event *event, struct pn_facts *ret_facts,
                           struct pn_err *err)
{
    struct walk walk;
    enum pn_code code = walk_through(&walk, event->data, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_slice *values = walk.values;
    if (values[PN_FACT_RESOURCE_TYPE].len == 0 || values[PN_FACT_ID].len == 0) {
        return pn_err_set(err, PN_INVALID, "data", "resourceType and id are expected");
    }
    struct pn_facts facts = {
        .resource_type = values[PN_FACT_RESOURCE_TYPE],
        .id = values[PN_FACT_ID],
        .status = values[PN_FACT_STATUS],
        .sector = pn_sector_parse(event->sector),
        .classes = walk.classes,
        .unit = values[PN_FACT_UNIT],
        .service = values[PN_FACT_SERVICE],
        .profession = values[PN_FACT_PROFESSION],
        .contact = values[PN_FACT_CONTACT],
        .reason = values[PN_FACT_REASON],
        .setting = values[PN_FACT_CLASS],
        .concern = pn_concern_parse(values[PN_FACT_CONCERN]),
        .reporter = pn_reporter_parse(values[PN_FACT_REPORTER]),
        .code_count = walk.code_count,
        .profession_count = walk.profession_count,
    };
    memcpy(facts.codes, walk.codes, sizeof facts.codes);
    memcpy(facts.professions, walk.professions, sizeof facts.professions);
    struct pn_slice thing, happening;
    split_type(event->type, &thing, &happening);
    facts.kind = pn_kind_parse(thing);
    facts.kind = facts.kind == PN_KIND_COUNT ? PN_KIND_OTHER : facts.kind;
    if (!pn_time_parse(values[PN_FACT_START], &facts.start_ms)) {
        facts.start_ms = event->time_ms;
    }
    if (!pn_time_parse(values[PN_FACT_END], &facts.end_ms)) {
        facts.end_ms = 0;
    }
    facts.revision = event->recorded_ms * 4 + finality(happening);
    judge(&walk, happening, &facts);
    *ret_facts = facts;
    return PN_OK;
}
