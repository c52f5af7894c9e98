// SPDX-License-Identifier: Apache-2.0
// Conditions (`when`): deciding.
#include "base/finid.h"
#include "map/dates.h"
#include "map/watch.h"

static bool is_hetu(struct pn_slice text)
{
    struct pn_hetu hetu;
    return pn_hetu_parse(text, &hetu) == PN_HETU_GOOD;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Six digits, a century sign and three digits more: meant as an identity code, right or wrong.
static bool is_hetu_shaped(struct pn_slice text)
{
    if (text.len != PN_HETU_LENGTH) {
        return false;
    }
    for (size_t i = 0; i < 10; i++) {
        if (i != 6 && !is_digit(text.ptr[i])) {
            return false;
        }
    }
    return !is_digit(text.ptr[6]);
}

static bool is_number(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_oid(struct pn_slice text)
{
    bool has_dot = false;
    char before = '.';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((!is_digit(c) && c != '.') || (c == '.' && before == '.')) {
            return false;
        }
        has_dot = has_dot || c == '.';
        before = c;
    }
    return has_dot && before != '.' && text.ptr[0] <= '2';
}

pn_map_kind pn_map_kind_find(struct pn_slice name)
{
    static const struct {
        const char *name;
        pn_map_kind kind;
    } kinds[] = {
        {"hetu", is_hetu},
        {"hetu-shaped", is_hetu_shaped},
        {"temporary-id-oid", pn_oid_is_temporary_person_id},
        {"ytunnus", pn_ytunnus_is_valid},
        {"oid", is_oid},
        {"number", is_number},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(kinds); i++) {
        if (pn_slice_is(name, kinds[i].name)) {
            return kinds[i].kind;
        }
    }
    return NULL;
}

static bool is_one_of(const struct pn_map_condition *condition, struct pn_slice text)
{
    for (unsigned i = 0; i < condition->value_count; i++) {
        if (pn_slice_eq(condition->values[i], text)) {
            return true;
        }
    }
    return false;
}

static bool starts_with_one_of(const struct pn_map_condition *condition, struct pn_slice text)
{
    for (unsigned i = 0; i < condition->value_count; i++) {
        struct pn_slice start = condition->values[i];
        if (text.len >= start.len && pn_slice_eq(pn_slice_of(text.ptr, start.len), start)) {
            return true;
        }
    }
    return false;
}

// Letter by letter without case, Finnish and Swedish letters too; a line break is a space.
static unsigned char fold(struct pn_slice text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    bool is_latin1 = at > 0 && (unsigned char)text.ptr[at - 1] == 0xC3;
    if (c == '\n' || c == '\r' || c == '\t') {
        return ' ';
    }
    bool is_upper = (c >= 'A' && c <= 'Z') || (is_latin1 && c >= 0x80 && c <= 0x9E && c != 0x97);
    return is_upper ? (unsigned char)(c + 0x20) : c;
}

static bool has_phrase(struct pn_slice text, struct pn_slice phrase)
{
    for (size_t start = 0; phrase.len > 0 && start + phrase.len <= text.len; start++) {
        size_t same = 0;
        while (same < phrase.len && fold(text, start + same) == fold(phrase, same)) {
            same++;
        }
        if (same == phrase.len) {
            return true;
        }
    }
    return false;
}

static bool has_phrase_of(struct pn_slice text, const struct pn_map_table *table)
{
    for (unsigned i = 0; i < table->code_count; i++) {
        if (has_phrase(text, table->codes[i].from)) {
            return true;
        }
    }
    return false;
}

static bool is_among(const struct pn_map_run *run, const struct pn_map_path *others,
                     struct pn_slice text)
{
    const struct pn_node *const *nodes = NULL;
    unsigned count = 0;
    struct pn_err ignored;
    if (pn_map_find_all(run, others, &nodes, &count, &ignored) != PN_OK) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (pn_map_is_watched(run)) {
            pn_map_watch_text(run, nodes[i]);
        }
        if (text.len > 0 && pn_slice_eq(pn_slice_trim(nodes[i]->value), text)) {
            return true;
        }
    }
    return false;
}

static bool is_before(const struct pn_map_run *run, struct pn_slice one, struct pn_slice other)
{
    struct pn_civil civil;
    int64_t one_ms = 0, other_ms = 0;
    return pn_map_date_read(one, &civil) && pn_civil_to_ms(&civil, run->zone, &one_ms) &&
           pn_map_date_read(other, &civil) && pn_civil_to_ms(&civil, run->zone, &other_ms) &&
           one_ms < other_ms;
}

static bool test_children(const struct pn_map_run *run, const struct pn_map_condition *condition,
                          bool until)
{
    for (unsigned i = 0; i < condition->child_count; i++) {
        if (pn_map_holds(run, &condition->children[i]) == until) {
            return until;
        }
    }
    return !until;
}

// A segment, element or object is there even when its first leaf holds nothing.
static bool is_node(const struct pn_map_run *run, const struct pn_map_path *path)
{
    const struct pn_node *node = pn_map_find(run, path);
    return node != NULL && node->first_child != NULL;
}

static bool test_text(const struct pn_map_run *run, const struct pn_map_condition *condition,
                      struct pn_slice text)
{
    switch (condition->test) {
    case PN_TEST_THERE:
        return text.len > 0 || is_node(run, condition->path);
    case PN_TEST_EQUALS:
        return is_one_of(condition, text);
    case PN_TEST_STARTS:
        return starts_with_one_of(condition, text);
    case PN_TEST_AMONG:
        return is_among(run, condition->others, text);
    case PN_TEST_BEFORE:
        return is_before(run, text, pn_map_text(run, condition->others));
    case PN_TEST_CONTAINS:
        return has_phrase_of(text, condition->table);
    case PN_TEST_IN_TABLE:
        return text.len > 0 && pn_map_table_find(condition->table, text) != NULL;
    case PN_TEST_IS:
        return condition->kind(text);
    case PN_TEST_ALL:
    case PN_TEST_ANY:
        break;
    }
    return false;
}

static bool test_path(const struct pn_map_run *run, const struct pn_map_condition *condition)
{
    if (!condition->is_any) {
        return test_text(run, condition, pn_map_text(run, condition->path));
    }
    const struct pn_node *const *nodes = NULL;
    unsigned count = 0;
    struct pn_err ignored;
    if (pn_map_find_all(run, condition->path, &nodes, &count, &ignored) != PN_OK) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (test_text(run, condition, pn_slice_trim(nodes[i]->value))) {
            return true;
        }
    }
    return false;
}

bool pn_map_holds(const struct pn_map_run *run, const struct pn_map_condition *condition)
{
    if (condition == NULL) {
        return true;
    }
    struct pn_map_watch watch = pn_map_watch_test(run);
    bool holds = condition->test == PN_TEST_ALL   ? test_children(run, condition, false)
                 : condition->test == PN_TEST_ANY ? test_children(run, condition, true)
                                                  : test_path(run, condition);
    pn_map_watch_tested(run, &watch, condition, holds);
    return holds != condition->is_not;
}
