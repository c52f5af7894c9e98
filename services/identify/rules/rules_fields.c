// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/rules_fields.h"

#include "base/near.h"

enum { TEXT_BYTES_MAX = 400, ID_BYTES_MAX = 48, CODE_BYTES_MAX = 64 };

const char pn_rules_no_text[] = "a text is expected: put it in quotes";

// --- Kinds of values -----------------------------------------------------------------------------

enum pn_code pn_rules_fault(struct pn_rules_reader *reader, const struct pn_yaml *node,
                            const char *text)
{
    return pn_yaml_fault(reader->err, reader->name, node, "%s", text);
}

enum pn_code pn_rules_no_memory(struct pn_rules_reader *reader)
{
    return pn_err_set(reader->err, PN_MEMORY, reader->name, "the file takes too much memory");
}

enum pn_code pn_rules_text(struct pn_rules_reader *reader, const struct pn_yaml *node,
                           const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    if (node->kind != PN_YAML_SCALAR || node->scalar.len == 0 ||
        node->scalar.len > TEXT_BYTES_MAX) {
        return pn_rules_fault(reader, node, "a text of 1 to 400 bytes is expected");
    }
    if (!pn_yaml_is_text(node)) {
        return pn_rules_fault(reader, node, pn_rules_no_text);
    }
    char *text = pn_arena_copy(reader->arena, node->scalar);
    if (text == NULL) {
        return pn_rules_no_memory(reader);
    }
    *(const char **)ret_place = text;
    return PN_OK;
}

enum pn_code pn_rules_id(struct pn_rules_reader *reader, const struct pn_yaml *node,
                         const struct pn_rules_field *field, void *ret_place)
{
    bool is_good = node->kind == PN_YAML_SCALAR && node->scalar.len > 0 &&
                   node->scalar.len <= ID_BYTES_MAX && node->scalar.ptr[0] >= 'a' &&
                   node->scalar.ptr[0] <= 'z';
    for (size_t i = 0; is_good && i < node->scalar.len; i++) {
        char c = node->scalar.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return is_good ? pn_rules_text(reader, node, field, ret_place)
                   : pn_rules_fault(
                         reader, node,
                         "an id of small letters, digits and hyphens is expected, at most 48");
}

enum pn_code pn_rules_number(struct pn_rules_reader *reader, const struct pn_yaml *node,
                             const struct pn_rules_field *field, void *ret_place)
{
    int64_t number = 0;
    if (node->kind != PN_YAML_SCALAR || node->is_quoted ||
        !pn_slice_to_i64(node->scalar, &number) || number < field->min || number > field->max) {
        return pn_yaml_fault(reader->err, reader->name, node,
                             "a number from %lld to %lld is expected%s", (long long)field->min,
                             (long long)field->max, node->is_quoted ? ", without quotes" : "");
    }
    *(int64_t *)ret_place = number;
    return PN_OK;
}

// Digits, and perhaps a point with one or two more; -1: something else.
static int64_t hundredths_of(struct pn_slice text)
{
    enum { DIGITS_MAX = 9, DECIMALS_MAX = 2 };
    struct pn_slice decimals = {0};
    struct pn_slice whole = pn_slice_split(text, '.', &decimals);
    bool has_point = whole.len < text.len;
    int64_t number = 0;
    if (whole.len == 0 || whole.len > DIGITS_MAX || decimals.len > DECIMALS_MAX ||
        (has_point && decimals.len == 0)) {
        return -1;
    }
    for (size_t i = 0; i < whole.len + DECIMALS_MAX; i++) {
        size_t place = i < whole.len ? i : i - whole.len;
        struct pn_slice part = i < whole.len ? whole : decimals;
        char c = place < part.len ? part.ptr[place] : '0';
        if (c < '0' || c > '9') {
            return -1;
        }
        number = number * 10 + (c - '0');
    }
    return number;
}

enum pn_code pn_rules_hundredths(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                 const struct pn_rules_field *field, void *ret_place)
{
    const bool is_plain = node->kind == PN_YAML_SCALAR && !node->is_quoted;
    const int64_t number = is_plain ? hundredths_of(node->scalar) : -1;
    if (number < 100 * field->min || number > 100 * field->max) {
        return pn_yaml_fault(
            reader->err, reader->name, node,
            "a number from %lld to %lld is expected, with at most two decimals, 1.5%s",
            (long long)field->min, (long long)field->max,
            node->is_quoted ? ", without quotes" : "");
    }
    *(int64_t *)ret_place = number;
    return PN_OK;
}

enum pn_code pn_rules_bool(struct pn_rules_reader *reader, const struct pn_yaml *node,
                           const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    bool is_true = node->kind == PN_YAML_SCALAR && pn_slice_is(node->scalar, "true");
    if (!is_true && !(node->kind == PN_YAML_SCALAR && pn_slice_is(node->scalar, "false"))) {
        return pn_rules_fault(reader, node, "true or false is expected");
    }
    *(bool *)ret_place = is_true;
    return PN_OK;
}

enum pn_code pn_rules_find_word(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                struct pn_slice word, const char *const *words, unsigned *ret_place)
{
    struct pn_near near;
    pn_near_init(&near, word);
    for (unsigned i = 0; words[i] != NULL && word.len > 0; i++) {
        if (words[i][0] != '\0' && pn_slice_is(word, words[i])) {
            *ret_place = i;
            return PN_OK;
        }
        pn_near_offer(&near, words[i]);
    }
    return near.best == NULL || near.best[0] == '\0'
               ? pn_rules_fault(reader, node, "none of the words that are known here")
               : pn_yaml_fault(reader->err, reader->name, node,
                               "none of the words that are known here; did you mean %s?",
                               near.best);
}

static enum pn_code find_word(struct pn_rules_reader *reader, const struct pn_yaml *node,
                              const struct pn_rules_field *field, unsigned *ret_place)
{
    return node->kind == PN_YAML_SCALAR
               ? pn_rules_find_word(reader, node, node->scalar, field->words, ret_place)
               : pn_rules_fault(reader, node, "a word is expected here");
}

enum pn_code pn_rules_word(struct pn_rules_reader *reader, const struct pn_yaml *node,
                           const struct pn_rules_field *field, void *ret_place)
{
    unsigned index = 0;
    enum pn_code code = find_word(reader, node, field, &index);
    if (code == PN_OK) {
        *(int *)ret_place = (int)index; // every enum that is read so has these words' places
    }
    return code;
}

enum pn_code pn_rules_check_list(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                 unsigned max)
{
    return node->kind == PN_YAML_LIST && node->child_count > 0 && node->child_count <= max
               ? PN_OK
               : pn_yaml_fault(reader->err, reader->name, node,
                               "a list of 1 to %u items is expected", max);
}

// A list of words as bits.
enum pn_code pn_rules_set(struct pn_rules_reader *reader, const struct pn_yaml *node,
                          const struct pn_rules_field *field, void *ret_place)
{
    uint32_t set = 0;
    enum pn_code code = pn_rules_check_list(reader, node, 32);
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        unsigned index = 0;
        code = find_word(reader, item, field, &index);
        set |= 1U << index;
    }
    if (code == PN_OK) {
        *(uint32_t *)ret_place = set;
    }
    return code;
}

enum pn_code pn_rules_codes(struct pn_rules_reader *reader, const struct pn_yaml *node,
                            const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    struct pn_rule_codes codes = {.count = 0};
    enum pn_code code = pn_rules_check_list(reader, node, PN_RULE_CODES_MAX);
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        if (item->kind != PN_YAML_SCALAR || item->scalar.len == 0 ||
            item->scalar.len > CODE_BYTES_MAX) {
            return pn_rules_fault(reader, item, "a code of 1 to 64 bytes is expected");
        }
        if (!pn_yaml_is_text(item)) {
            return pn_rules_fault(reader, item, pn_rules_no_text);
        }
        codes.codes[codes.count++] = pn_fact_code(item->scalar);
    }
    if (code == PN_OK) {
        *(struct pn_rule_codes *)ret_place = codes;
    }
    return code;
}

// --- Maps ----------------------------------------------------------------------------------------

static const struct pn_rules_field *find_field(const struct pn_rules_field *fields,
                                               struct pn_slice key, struct pn_near *near)
{
    for (const struct pn_rules_field *field = fields; field->key != NULL; field++) {
        if (pn_slice_is(key, field->key)) {
            return field;
        }
        pn_near_offer(near, field->key);
    }
    return NULL;
}

enum pn_code pn_rules_no_field(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_near *near)
{
    return near->best == NULL
               ? pn_rules_fault(reader, node, "there is no such field here")
               : pn_yaml_fault(reader->err, reader->name, node,
                               "there is no such field here; did you mean %s?", near->best);
}

enum pn_code pn_rules_fields(struct pn_rules_reader *reader, const struct pn_yaml *map,
                             const struct pn_rules_field *fields, void *ret_struct)
{
    if (map->kind != PN_YAML_MAP) {
        return pn_rules_fault(reader, map, "fields are expected here");
    }
    for (const struct pn_yaml *node = map->first_child; node != NULL; node = node->next) {
        struct pn_near near;
        pn_near_init(&near, node->key);
        const struct pn_rules_field *field = find_field(fields, node->key, &near);
        if (field == NULL) {
            return pn_rules_no_field(reader, node, &near);
        }
        enum pn_code code = field->read(reader, node, field, (char *)ret_struct + field->offset);
        if (code != PN_OK) {
            return code;
        }
    }
    for (const struct pn_rules_field *field = fields; field->key != NULL; field++) {
        if (field->is_required && pn_yaml_get(map, field->key) == NULL) {
            return pn_yaml_fault(reader->err, reader->name, map, "the field %s is missing",
                                 field->key);
        }
    }
    return PN_OK;
}
