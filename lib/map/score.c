// SPDX-License-Identifier: Apache-2.0
#include "map/score.h"

#include <stdio.h>

#include "map/run.h"

// --- Arithmetic ----------------------------------------------------------------------------------

struct fraction {
    int64_t top, bottom; // bottom > 0
};

static int64_t divide_down(int64_t top, int64_t bottom)
{
    int64_t quotient = top / bottom;
    return top % bottom < 0 ? quotient - 1 : quotient;
}

static int64_t rounded(struct fraction number)
{
    return divide_down(2 * number.top + number.bottom, 2 * number.bottom);
}

static struct fraction on_scale(const struct pn_map_score_rule *rule, struct fraction number)
{
    int64_t from = rule->from[1] - rule->from[0], to = rule->to[1] - rule->to[0];
    return (struct fraction){(number.top - rule->from[0] * number.bottom) * to +
                                 rule->to[0] * number.bottom * from,
                             number.bottom * from};
}

// At most `places` after the point, rounded half up, without zeros at the end.
static void print(struct fraction number, unsigned places,
                  char ret_text[static PN_MAP_SCORE_TEXT_BYTES])
{
    int64_t power = 1;
    for (unsigned i = 0; i < places; i++) {
        power *= 10;
    }
    int64_t all = rounded((struct fraction){number.top * power, number.bottom});
    const char *sign = all < 0 ? "-" : "";
    all = all < 0 ? -all : all;
    while (places > 0 && all % 10 == 0) {
        all /= 10;
        power /= 10;
        places--;
    }
    if (places == 0) {
        snprintf(ret_text, PN_MAP_SCORE_TEXT_BYTES, "%s%lld", sign, (long long)all);
    } else {
        snprintf(ret_text, PN_MAP_SCORE_TEXT_BYTES, "%s%lld.%0*lld", sign, (long long)(all / power),
                 (int)places, (long long)(all % power));
    }
}

void pn_map_score_number(const struct pn_map_score_rule *rule, const int64_t *answers,
                         unsigned count, char ret_text[static PN_MAP_SCORE_TEXT_BYTES])
{
    struct fraction number = {0, rule->is_sum ? 1 : count};
    for (unsigned i = 0; i < count; i++) {
        number.top += answers[i] * rule->times;
    }
    if (rule->is_whole) {
        number = (struct fraction){rounded(number), 1};
    }
    if (rule->has_scale) {
        number = on_scale(rule, number);
    }
    print(number, rule->is_whole ? 0 : rule->places, ret_text);
}

// --- Answers -------------------------------------------------------------------------------------

static bool read_number(struct pn_slice text, int64_t *ret_number)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    int64_t number = 0;
    if (is_negative) {
        text = pn_slice_of(text.ptr + 1, text.len - 1);
    }
    if (!pn_slice_to_i64(text, &number) || number > PN_MAP_SCORE_NUMBER_MAX) {
        return false;
    }
    *ret_number = is_negative ? -number : number;
    return true;
}

static bool find_name(const struct pn_slice *names, unsigned count, struct pn_slice name,
                      unsigned *ret_place)
{
    for (unsigned i = 0; i < count; i++) {
        if (pn_slice_eq(names[i], name)) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

struct answers {
    const struct pn_map_score *score;
    bool must_reverse;
    bool is_answered[PN_MAP_SCORE_ITEMS_MAX]; // by the place in `items`
    bool is_of[PN_MAP_SCORE_ITEMS_MAX];       // by the place in `of`
    int64_t numbers[PN_MAP_SCORE_ITEMS_MAX];  // in the order of the message
    unsigned count;
};

static enum pn_code count_answer(struct answers *answers, unsigned place, struct pn_slice key,
                                 struct pn_slice text, struct pn_err *err)
{
    const struct pn_map_score *score = answers->score;
    int64_t number = 0;
    unsigned ignored = 0;
    if (!read_number(text, &number)) {
        return pn_err_set(err, PN_INVALID, "",
                          "an answer that is to be counted is no whole number");
    }
    if (score->has_range && (number < score->least || number > score->most)) {
        return pn_err_set(err, PN_INVALID, "", "an answer is not between %lld and %lld",
                          (long long)score->least, (long long)score->most);
    }
    if (answers->is_answered[place]) {
        return pn_err_set(err, PN_INVALID, "", "an item is answered twice");
    }
    if (answers->must_reverse && find_name(score->reversed, score->reversed_count, key, &ignored)) {
        number = score->reverse_from - number;
    }
    answers->is_answered[place] = true;
    answers->numbers[answers->count++] = number;
    return PN_OK;
}

// `run` stands on the item.
static enum pn_code read_item(const struct pn_map_run *run, struct answers *answers,
                              struct pn_err *err)
{
    const struct pn_map_score *score = answers->score;
    struct pn_slice key, text = {0};
    unsigned place = 0;
    enum pn_code code = pn_map_value_get(run, &score->key, &key, NULL, err);
    if (code != PN_OK || key.len == 0) {
        return code;
    }
    code = pn_map_value_get(run, &score->answer, &text, NULL, err);
    if (code != PN_OK || text.len == 0) {
        return code;
    }
    if (find_name(score->of.names, score->of.count, key, &place)) {
        answers->is_of[place] = true;
    }
    return find_name(score->items.names, score->items.count, key, &place)
               ? count_answer(answers, place, key, text, err)
               : PN_OK;
}

static bool has_enough(const struct pn_map_score_items *items, const bool *is_answered)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < items->count; i++) {
        missing += is_answered[i] ? 0 : 1;
    }
    return missing <= items->missing_at_most && (missing < items->count || items->count == 0);
}

enum pn_code pn_map_score_text(const struct pn_map_run *run, const struct pn_map_score *score,
                               struct pn_slice *ret_text, struct pn_err *err)
{
    const struct pn_node *const *items = NULL;
    unsigned count = 0;
    struct pn_map_run inner = *run;
    struct answers answers = {.score = score,
                              .must_reverse = pn_map_holds(run, score->reverse_when)};
    enum pn_code code = pn_map_find_all(run, score->each, &items, &count, err);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        code = pn_map_push(&inner, items[i], i + 1, err);
        if (code == PN_OK) {
            code = read_item(&inner, &answers, err);
            pn_map_pop(&inner);
        }
    }
    if (code != PN_OK) {
        return code;
    }
    if (!has_enough(&score->items, answers.is_answered) || !has_enough(&score->of, answers.is_of)) {
        *ret_text = (struct pn_slice){0};
        return PN_OK;
    }
    char text[PN_MAP_SCORE_TEXT_BYTES];
    pn_map_score_number(&score->rule, answers.numbers, answers.count, text);
    const char *copy = pn_arena_copy(run->arena, pn_slice_str(text));
    if (copy == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
    }
    *ret_text = pn_slice_str(copy);
    return PN_OK;
}
