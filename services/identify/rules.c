// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "conf/yaml.h"

enum { FILE_BYTES_MAX = 1024 * 1024, TEXT_BYTES_MAX = 400, ID_BYTES_MAX = 48, CODE_BYTES_MAX = 64 };

struct reader {
    struct pn_arena *arena;
    const char *name;
    struct pn_err *err;
};

// One field of a map: how its value is read, and where it goes.
struct field {
    const char *key;
    enum pn_code (*read)(struct reader *reader, const struct pn_yaml *node,
                         const struct field *field, void *ret_place);
    size_t offset;
    int64_t min, max; // numbers
    const char *const *words;
    bool is_required;
};

static enum pn_code read_fields(struct reader *reader, const struct pn_yaml *map,
                                const struct field *fields, void *ret_struct);

// --- Kinds of values -----------------------------------------------------------------------------

static enum pn_code fault(struct reader *reader, const struct pn_yaml *node, const char *text)
{
    return pn_yaml_fault(reader->err, reader->name, node, "%s", text);
}

static enum pn_code no_memory(struct reader *reader)
{
    return pn_err_set(reader->err, PN_MEMORY, reader->name, "the file takes too much memory");
}

static enum pn_code read_text(struct reader *reader, const struct pn_yaml *node,
                              const struct field *field, void *ret_place)
{
    (void)field;
    if (node->kind != PN_YAML_SCALAR || node->scalar.len == 0 ||
        node->scalar.len > TEXT_BYTES_MAX) {
        return fault(reader, node, "a text of 1 to 400 bytes is expected");
    }
    char *text = pn_arena_copy(reader->arena, node->scalar);
    if (text == NULL) {
        return no_memory(reader);
    }
    *(const char **)ret_place = text;
    return PN_OK;
}

static enum pn_code read_id(struct reader *reader, const struct pn_yaml *node,
                            const struct field *field, void *ret_place)
{
    bool is_good = node->kind == PN_YAML_SCALAR && node->scalar.len > 0 &&
                   node->scalar.len <= ID_BYTES_MAX && node->scalar.ptr[0] >= 'a' &&
                   node->scalar.ptr[0] <= 'z';
    for (size_t i = 0; is_good && i < node->scalar.len; i++) {
        char c = node->scalar.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return is_good ? read_text(reader, node, field, ret_place)
                   : fault(reader, node,
                           "an id of small letters, digits and hyphens is expected, at most 48");
}

static enum pn_code read_number(struct reader *reader, const struct pn_yaml *node,
                                const struct field *field, void *ret_place)
{
    int64_t number = 0;
    if (node->kind != PN_YAML_SCALAR || node->is_quoted ||
        !pn_slice_to_i64(node->scalar, &number) || number < field->min || number > field->max) {
        return pn_yaml_fault(reader->err, reader->name, node,
                             "a number from %lld to %lld is expected", (long long)field->min,
                             (long long)field->max);
    }
    *(int64_t *)ret_place = number;
    return PN_OK;
}

static enum pn_code read_bool(struct reader *reader, const struct pn_yaml *node,
                              const struct field *field, void *ret_place)
{
    (void)field;
    bool is_true = node->kind == PN_YAML_SCALAR && pn_slice_is(node->scalar, "true");
    if (!is_true && !(node->kind == PN_YAML_SCALAR && pn_slice_is(node->scalar, "false"))) {
        return fault(reader, node, "true or false is expected");
    }
    *(bool *)ret_place = is_true;
    return PN_OK;
}

static enum pn_code find_word(struct reader *reader, const struct pn_yaml *node,
                              const struct field *field, unsigned *ret_index)
{
    struct pn_near near;
    pn_near_init(&near, node->scalar);
    for (unsigned i = 0; field->words[i] != NULL && node->kind == PN_YAML_SCALAR; i++) {
        if (field->words[i][0] != '\0' && pn_slice_is(node->scalar, field->words[i])) {
            *ret_index = i;
            return PN_OK;
        }
        pn_near_offer(&near, field->words[i]);
    }
    return near.best == NULL || near.best[0] == '\0'
               ? fault(reader, node, "none of the words that are known here")
               : pn_yaml_fault(reader->err, reader->name, node,
                               "none of the words that are known here; did you mean %s?",
                               near.best);
}

static enum pn_code read_word(struct reader *reader, const struct pn_yaml *node,
                              const struct field *field, void *ret_place)
{
    unsigned index = 0;
    enum pn_code code = find_word(reader, node, field, &index);
    if (code == PN_OK) {
        *(int *)ret_place = (int)index; // every enum that is read so has these words' places
    }
    return code;
}

static enum pn_code check_list(struct reader *reader, const struct pn_yaml *node, unsigned max)
{
    return node->kind == PN_YAML_LIST && node->child_count > 0 && node->child_count <= max
               ? PN_OK
               : pn_yaml_fault(reader->err, reader->name, node,
                               "a list of 1 to %u items is expected", max);
}

// A list of words as bits.
static enum pn_code read_set(struct reader *reader, const struct pn_yaml *node,
                             const struct field *field, void *ret_place)
{
    uint32_t set = 0;
    enum pn_code code = check_list(reader, node, 32);
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

static enum pn_code read_codes(struct reader *reader, const struct pn_yaml *node,
                               const struct field *field, void *ret_place)
{
    (void)field;
    struct pn_rule_codes codes = {.count = 0};
    enum pn_code code = check_list(reader, node, PN_RULE_CODES_MAX);
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        if (item->kind != PN_YAML_SCALAR || item->scalar.len == 0 ||
            item->scalar.len > CODE_BYTES_MAX) {
            return fault(reader, item, "a code of 1 to 64 bytes is expected");
        }
        codes.codes[codes.count++] = pn_fact_code(item->scalar);
    }
    if (code == PN_OK) {
        *(struct pn_rule_codes *)ret_place = codes;
    }
    return code;
}

static enum pn_code read_texts(struct reader *reader, const struct pn_yaml *node,
                               const struct field *field, void *ret_place)
{
    (void)field;
    static const struct field languages[] = {
        {"fi", read_text, PN_LANGUAGE_FI * sizeof(char *), 0, 0, NULL, true},
        {"sv", read_text, PN_LANGUAGE_SV * sizeof(char *), 0, 0, NULL, true},
        {"en", read_text, PN_LANGUAGE_EN * sizeof(char *), 0, 0, NULL, true},
        {NULL, NULL, 0, 0, 0, NULL, false},
    };
    return read_fields(reader, node, languages, ret_place);
}

// --- The tables ----------------------------------------------------------------------------------

// Words stand at the places of their enums; an empty one can't be chosen.
static const char *const kind_words[] = {
    "", "visit", "contact", "appointment", "clientship", "", "referral", "need", "",
    "", "",      "",        "concern",     NULL};
static const char *const sector_words[] = {"", "primary", "specialist", "social", "national", NULL};
static const char *const urgency_words[] = {"", "planned", "emergency", NULL};
static const char *const count_words[] = {"events", "professions", "services", NULL};
static const char *const origin_words[] = {"punos", "source", NULL};

_Static_assert(PN_KIND_VISIT == 1 && PN_KIND_CLIENTSHIP == 4 && PN_KIND_REFERRAL == 6 &&
                   PN_KIND_NEED == 7 && PN_KIND_CONCERN == 12,
               "kind_words follow enum pn_entry_kind");
_Static_assert(sizeof(enum pn_urgency) == sizeof(int) && sizeof(enum pn_rule_count) == sizeof(int),
               "read_word writes an int");

static const struct field where_fields[] = {
    {"kinds", read_set, offsetof(struct pn_rule, kinds), 0, 0, kind_words, true},
    {"sectors", read_set, offsetof(struct pn_rule, sectors), 0, 0, sector_words, false},
    {"urgency", read_word, offsetof(struct pn_rule, urgency), 0, 0, urgency_words, false},
    {"noshow", read_bool, offsetof(struct pn_rule, noshow_only), 0, 0, NULL, false},
    {"client_contacts_only", read_bool, offsetof(struct pn_rule, client_contacts_only), 0, 0, NULL,
     false},
    {"services", read_codes, offsetof(struct pn_rule, services), 0, 0, NULL, false},
    {"professions", read_codes, offsetof(struct pn_rule, professions), 0, 0, NULL, false},
    {"contacts", read_codes, offsetof(struct pn_rule, contacts), 0, 0, NULL, false},
    {"statuses", read_codes, offsetof(struct pn_rule, statuses), 0, 0, NULL, false},
    {NULL, NULL, 0, 0, 0, NULL, false},
};

static enum pn_code read_where(struct reader *reader, const struct pn_yaml *node,
                               const struct field *field, void *ret_place)
{
    (void)field;
    return read_fields(reader, node, where_fields, ret_place);
}

static enum pn_code read_origin(struct reader *reader, const struct pn_yaml *node,
                                const struct field *field, void *ret_place)
{
    unsigned index = 0;
    enum pn_code code = find_word(reader, node, field, &index);
    if (code == PN_OK) {
        *(bool *)ret_place = index == 1;
    }
    return code;
}

#define AT(member) offsetof(struct pn_rule, member)
static const struct field rule_fields[] = {
    {"id", read_id, AT(id), 0, 0, NULL, true},
    {"version", read_number, AT(version), 1, 9999, NULL, true},
    {"origin", read_origin, AT(is_from_source), 0, 0, origin_words, true},
    {"source", read_text, AT(source), 0, 0, NULL, true},
    {"title", read_texts, AT(title), 0, 0, NULL, true},
    {"explanation", read_texts, AT(explanation), 0, 0, NULL, true},
    {"adults_only", read_bool, AT(adults_only), 0, 0, NULL, false},
    {"count", read_word, AT(count), 0, 0, count_words, true},
    {"where", read_where, 0, 0, 0, NULL, true},
    {"window_months", read_number, AT(window_months), 1, 60, NULL, true},
    {"threshold", read_number, AT(threshold), 1, 1000, NULL, true},
    {"lapse_below", read_number, AT(lapse_below), 1, 1000, NULL, false},
    {"weight", read_number, AT(weight), 1, 9, NULL, false},
    {NULL, NULL, 0, 0, 0, NULL, false},
};

// --- Reading -------------------------------------------------------------------------------------

static const struct field *find_field(const struct field *fields, struct pn_slice key,
                                      struct pn_near *near)
{
    for (const struct field *field = fields; field->key != NULL; field++) {
        if (pn_slice_is(key, field->key)) {
            return field;
        }
        pn_near_offer(near, field->key);
    }
    return NULL;
}

static enum pn_code read_fields(struct reader *reader, const struct pn_yaml *map,
                                const struct field *fields, void *ret_struct)
{
    if (map->kind != PN_YAML_MAP) {
        return fault(reader, map, "fields are expected here");
    }
    for (const struct pn_yaml *node = map->first_child; node != NULL; node = node->next) {
        struct pn_near near;
        pn_near_init(&near, node->key);
        const struct field *field = find_field(fields, node->key, &near);
        if (field == NULL) {
            return near.best == NULL
                       ? fault(reader, node, "there is no such field here")
                       : pn_yaml_fault(reader->err, reader->name, node,
                                       "there is no such field here; did you mean %s?", near.best);
        }
        enum pn_code code = field->read(reader, node, field, (char *)ret_struct + field->offset);
        if (code != PN_OK) {
            return code;
        }
    }
    for (const struct field *field = fields; field->key != NULL; field++) {
        if (field->is_required && pn_yaml_get(map, field->key) == NULL) {
            return pn_yaml_fault(reader->err, reader->name, map, "the field %s is missing",
                                 field->key);
        }
    }
    return PN_OK;
}

static enum pn_code read_rule(struct reader *reader, const struct pn_yaml *node,
                              struct pn_ruleset *rules)
{
    struct pn_rule rule = {.weight = 1};
    enum pn_code code = read_fields(reader, node, rule_fields, &rule);
    if (code != PN_OK) {
        return code;
    }
    if (pn_rules_find(rules, pn_slice_str(rule.id)) != NULL) {
        return fault(reader, pn_yaml_get(node, "id"), "another rule has this id");
    }
    if (rule.lapse_below > rule.threshold) {
        return fault(reader, pn_yaml_get(node, "lapse_below"), "it can't be over the threshold");
    }
    rule.lapse_below = rule.lapse_below == 0 ? rule.threshold : rule.lapse_below;
    if (rule.window_months > rules->window_months_max) {
        rules->window_months_max = rule.window_months;
    }
    rules->rules[rules->count++] = rule;
    return PN_OK;
}

enum pn_code pn_rules_parse(struct pn_arena *arena, const char *name, struct pn_slice text,
                            struct pn_ruleset *ret_rules, struct pn_err *err)
{
    struct reader reader = {arena, name, err};
    const struct pn_yaml *root = NULL;
    enum pn_code code = pn_yaml_parse(arena, name, text, &root, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    if (rules == NULL) {
        return no_memory(&reader);
    }
    const struct pn_yaml *list = pn_yaml_get(root, "rules");
    if (list == NULL || root->child_count != 1) {
        return fault(&reader, root, "one field is expected, rules");
    }
    code = check_list(&reader, list, PN_RULES_MAX);
    for (const struct pn_yaml *node = list->first_child; code == PN_OK && node != NULL;
         node = node->next) {
        code = read_rule(&reader, node, rules);
    }
    if (code == PN_OK) {
        rules->fingerprint = pn_fact_code(text);
        *ret_rules = *rules;
    }
    return code;
}

enum pn_code pn_rules_read(struct pn_arena *arena, const char *path, struct pn_ruleset *ret_rules,
                           struct pn_err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return pn_err_set(err, PN_NOT_FOUND, path, "%s", strerror(errno));
    }
    char *text = pn_arena_alloc(arena, FILE_BYTES_MAX + 1);
    size_t len = text == NULL ? 0 : fread(text, 1, FILE_BYTES_MAX + 1, file);
    bool is_bad = ferror(file) != 0;
    (void)fclose(file);
    if (text == NULL) {
        return pn_err_set(err, PN_MEMORY, path, "no memory");
    }
    if (is_bad || len > FILE_BYTES_MAX) {
        return is_bad ? pn_err_set(err, PN_IO, path, "it can't be read")
                      : pn_err_set(err, PN_LIMIT, path, "longer than %d bytes", FILE_BYTES_MAX);
    }
    return pn_rules_parse(arena, path, pn_slice_of(text, len), ret_rules, err);
}

const struct pn_rule *pn_rules_find(const struct pn_ruleset *rules, struct pn_slice id)
{
    for (unsigned i = 0; i < rules->count; i++) {
        if (pn_slice_is(id, rules->rules[i].id)) {
            return &rules->rules[i];
        }
    }
    return NULL;
}
