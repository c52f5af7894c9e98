// SPDX-License-Identifier: Apache-2.0
// `score` → compiled.
#include <stdio.h>
#include <string.h>

#include "map/compile.h"
#include "map/run.h"
#include "map/score.h"

static const char *const score_keys[] = {"each",
                                         "key",
                                         "value",
                                         "items",
                                         "missing_at_most",
                                         "of",
                                         "of_missing_at_most",
                                         "between",
                                         "reversed",
                                         "reverse_from",
                                         "reverse_when",
                                         "combine",
                                         "times",
                                         "scale",
                                         "whole",
                                         "places",
                                         NULL};

// A text, or { table: NAME, row: CODE }: what the table says, so that a site can change it there.
static enum pn_code setting(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                            const char *otherwise, struct pn_slice *ret_text)
{
    static const char *const keys[] = {"table", "row", NULL};
    if (node == NULL || node->kind == PN_YAML_SCALAR) {
        *ret_text = pn_yaml_text(node, otherwise);
        return PN_OK;
    }
    const struct pn_map_table *table = NULL;
    const struct pn_yaml *name = pn_yaml_get(node, "table");
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code == PN_OK) {
        code = pn_map_compile_table(compiler, name == NULL ? node : name, pn_yaml_text(name, ""),
                                    &table);
    }
    if (code != PN_OK) {
        return code;
    }
    const struct pn_map_code *row =
        pn_map_table_find(table, pn_yaml_text(pn_yaml_get(node, "row"), ""));
    if (row == NULL) {
        return pn_map_fault(compiler, node, "%s has no such row", table->file);
    }
    *ret_text = row->to;
    return PN_OK;
}

static enum pn_code read_number(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_slice text, int64_t *ret_number)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    int64_t number = 0;
    if (is_negative) {
        text = pn_slice_of(text.ptr + 1, text.len - 1);
    }
    if (!pn_slice_to_i64(text, &number) || number > PN_MAP_SCORE_NUMBER_MAX) {
        return pn_map_fault(compiler, node, "a whole number is expected here");
    }
    *ret_number = is_negative ? -number : number;
    return PN_OK;
}

static enum pn_code read_setting(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 const char *otherwise, int64_t *ret_number)
{
    struct pn_slice text = {0};
    enum pn_code code = setting(compiler, node, otherwise, &text);
    return code != PN_OK ? code : read_number(compiler, node, text, ret_number);
}

static enum pn_code read_count(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               const char *otherwise, unsigned *ret_count)
{
    int64_t number = 0;
    enum pn_code code = read_setting(compiler, node, otherwise, &number);
    if (code == PN_OK && number < 0) {
        code = pn_map_fault(compiler, node, "0 or more");
    }
    if (code == PN_OK) {
        *ret_count = (unsigned)number;
    }
    return code;
}

// [low, high]
static enum pn_code read_pair(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              int64_t ret_pair[static 2])
{
    if (node == NULL || node->kind != PN_YAML_LIST || node->child_count != 2) {
        return pn_map_fault(compiler, node, "two whole numbers, as [1, 5]");
    }
    const struct pn_yaml *low = node->first_child, *high = low->next;
    enum pn_code code = read_number(compiler, low, pn_yaml_text(low, ""), &ret_pair[0]);
    code = code == PN_OK ? read_number(compiler, high, pn_yaml_text(high, ""), &ret_pair[1]) : code;
    if (code == PN_OK && ret_pair[0] >= ret_pair[1]) {
        code = pn_map_fault(compiler, node, "the lower number stands first");
    }
    return code;
}

// "3-26" is two numbers with all between; anything else is one name.
static bool is_span(struct pn_slice text, int64_t *ret_first, int64_t *ret_last)
{
    struct pn_slice rest;
    struct pn_slice first = pn_slice_split(text, '-', &rest);
    return first.len > 0 && rest.len > 0 && pn_slice_to_i64(first, ret_first) &&
           pn_slice_to_i64(rest, ret_last);
}

static enum pn_code read_names(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               const struct pn_slice **ret_names, unsigned *ret_count)
{
    const struct pn_slice *texts = NULL;
    unsigned text_count = 0, count = 0;
    enum pn_code code = pn_map_texts(compiler, node, PN_MAP_SCORE_ITEMS_MAX, &texts, &text_count);
    struct pn_slice *names =
        pn_arena_alloc_array(compiler->boot, PN_MAP_SCORE_ITEMS_MAX, sizeof *names);
    if (code != PN_OK || names == NULL) {
        return code != PN_OK ? code : pn_map_no_memory(compiler);
    }
    for (unsigned i = 0; i < text_count; i++) {
        int64_t first = 0, last = 0;
        bool spans = is_span(texts[i], &first, &last);
        if (!spans) {
            first = last = 0;
        } else if (first > last || last - first >= PN_MAP_SCORE_ITEMS_MAX) {
            return pn_map_fault(compiler, node, "a span of 1 to %d numbers, the lower first",
                                PN_MAP_SCORE_ITEMS_MAX);
        }
        for (int64_t number = first; number <= last; number++) {
            if (count == PN_MAP_SCORE_ITEMS_MAX) {
                return pn_map_fault(compiler, node, "over %d items", PN_MAP_SCORE_ITEMS_MAX);
            }
            names[count] = texts[i];
            if (spans) {
                names[count] =
                    pn_slice_str(pn_arena_printf(compiler->boot, "%lld", (long long)number));
            }
            count++;
        }
    }
    *ret_names = names;
    *ret_count = count;
    return PN_OK;
}

static enum pn_code read_items(struct pn_map_compiler *compiler, const struct pn_yaml *names,
                               const struct pn_yaml *missing, struct pn_map_score_items *items)
{
    enum pn_code code = read_names(compiler, names, &items->names, &items->count);
    return code != PN_OK ? code : read_count(compiler, missing, "0", &items->missing_at_most);
}

static enum pn_code read_answers(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_score *score)
{
    const struct pn_yaml *each = pn_yaml_get(node, "each");
    const struct pn_yaml *key = pn_yaml_get(node, "key"), *value = pn_yaml_get(node, "value");
    if (each == NULL || key == NULL || value == NULL || pn_yaml_get(node, "items") == NULL) {
        return pn_map_fault(compiler, node, "needs `each`, `key`, `value` and `items`");
    }
    enum pn_code code = pn_map_enter(compiler, node, &score->each);
    code = code == PN_OK ? pn_map_compile_short(compiler, key, &score->key) : code;
    code = code == PN_OK ? pn_map_compile_short(compiler, value, &score->answer) : code;
    if (code == PN_OK) {
        pn_map_leave(compiler, score->each);
    }
    return code;
}

static enum pn_code read_reversed(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_map_score *score)
{
    const struct pn_yaml *reversed = pn_yaml_get(node, "reversed");
    const struct pn_yaml *from = pn_yaml_get(node, "reverse_from");
    if ((reversed == NULL) != (from == NULL)) {
        return pn_map_fault(compiler, node, "`reversed` and `reverse_from` go together");
    }
    enum pn_code code =
        pn_map_compile_condition(compiler, pn_yaml_get(node, "reverse_when"), &score->reverse_when);
    if (code != PN_OK || reversed == NULL) {
        return code;
    }
    code = read_names(compiler, reversed, &score->reversed, &score->reversed_count);
    return code != PN_OK ? code : read_setting(compiler, from, "0", &score->reverse_from);
}

static enum pn_code read_choice(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                const char *const names[static 2], bool *ret_is_second)
{
    struct pn_slice text;
    enum pn_code code = setting(compiler, node, names[0], &text);
    *ret_is_second = code == PN_OK && pn_slice_is(text, names[1]);
    if (code == PN_OK && !*ret_is_second && !pn_slice_is(text, names[0])) {
        code = pn_map_fault(compiler, node, "%s or %s", names[0], names[1]);
    }
    return code;
}

static enum pn_code read_scale(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               struct pn_map_score_rule *rule)
{
    static const char *const keys[] = {"from", "to", NULL};
    if (node == NULL) {
        return PN_OK;
    }
    rule->has_scale = true;
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    code = code == PN_OK ? read_pair(compiler, pn_yaml_get(node, "from"), rule->from) : code;
    return code == PN_OK ? read_pair(compiler, pn_yaml_get(node, "to"), rule->to) : code;
}

static enum pn_code read_rule(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_map_score_rule *rule)
{
    static const char *const combines[] = {"mean", "sum"}, *const wholes[] = {"false", "true"};
    const struct pn_yaml *places = pn_yaml_get(node, "places");
    enum pn_code code =
        read_choice(compiler, pn_yaml_get(node, "combine"), combines, &rule->is_sum);
    if (code == PN_OK) {
        code = read_choice(compiler, pn_yaml_get(node, "whole"), wholes, &rule->is_whole);
    }
    code = code == PN_OK ? read_setting(compiler, pn_yaml_get(node, "times"), "1", &rule->times)
                         : code;
    code = code == PN_OK ? read_count(compiler, places, "2", &rule->places) : code;
    if (code == PN_OK && rule->places > PN_MAP_SCORE_PLACES_MAX) {
        code = pn_map_fault(compiler, places, "at most %d", PN_MAP_SCORE_PLACES_MAX);
    }
    return code == PN_OK ? read_scale(compiler, pn_yaml_get(node, "scale"), rule) : code;
}

enum pn_code pn_map_compile_score(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  const struct pn_map_score **ret_score)
{
    struct pn_map_score *score = pn_arena_alloc(compiler->boot, sizeof *score);
    const struct pn_yaml *between = pn_yaml_get(node, "between");
    if (score == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = pn_map_check_keys(compiler, node, score_keys);
    code = code == PN_OK ? read_answers(compiler, node, score) : code;
    code = code == PN_OK ? read_items(compiler, pn_yaml_get(node, "items"),
                                      pn_yaml_get(node, "missing_at_most"), &score->items)
                         : code;
    code = code == PN_OK ? read_items(compiler, pn_yaml_get(node, "of"),
                                      pn_yaml_get(node, "of_missing_at_most"), &score->of)
                         : code;
    code = code == PN_OK ? read_reversed(compiler, node, score) : code;
    if (code == PN_OK && between != NULL) {
        int64_t range[2];
        code = read_pair(compiler, between, range);
        score->has_range = true;
        score->least = code == PN_OK ? range[0] : 0;
        score->most = code == PN_OK ? range[1] : 0;
    }
    code = code == PN_OK ? read_rule(compiler, node, &score->rule) : code;
    if (code == PN_OK) {
        *ret_score = score;
    }
    return code;
}
