// SPDX-License-Identifier: Apache-2.0
/*
 * What stands under `code_groups`, `filters`, `prices`, `where` and `when` in a rule file.
 */
#include <string.h>

#include "base/near.h"
#include "services/identify/rules/rules_fields.h"

enum { CODE_BYTES_MAX = 7, SCORE_MAX = 1000, WEIGHT_MAX = 100, EUROS_MAX = 1000000 };

// --- Names ---------------------------------------------------------------------------------------

static enum pn_code find_named(struct pn_rules_reader *reader, const struct pn_names *names,
                               const struct pn_yaml *node, const void **ret_value)
{
    struct pn_near near;
    pn_near_init(&near, node->scalar);
    for (unsigned i = 0; node->kind == PN_YAML_SCALAR && i < names->count; i++) {
        if (pn_slice_eq(names->names[i].name, node->scalar)) {
            *ret_value = names->names[i].value;
            return PN_OK;
        }
        pn_near_offer(&near, names->names[i].name.ptr);
    }
    return near.best == NULL ? pn_rules_fault(reader, node, "nothing has this name")
                             : pn_yaml_fault(reader->err, reader->name, node,
                                             "nothing has this name; did you mean %s?", near.best);
}

// Reads each entry of a map of names by `read` into `bytes` of its own.
static enum pn_code read_names(struct pn_rules_reader *reader, const struct pn_yaml *map,
                               const struct pn_rules_field *kind, struct pn_names *names)
{
    if (map->kind != PN_YAML_MAP || map->child_count > PN_NAMES_MAX) {
        return pn_rules_fault(reader, map, "at most 64 names are expected here");
    }
    enum pn_code code = PN_OK;
    for (const struct pn_yaml *node = map->first_child; code == PN_OK && node != NULL;
         node = node->next) {
        void *value = pn_arena_alloc(reader->arena, kind->offset);
        const char *name = pn_arena_copy(reader->arena, node->key);
        if (value == NULL || name == NULL) {
            return pn_rules_no_memory(reader);
        }
        code = kind->read(reader, node, kind, value);
        names->names[names->count++] = (struct pn_named){pn_slice_str(name), value};
    }
    return code;
}

// --- Code groups ---------------------------------------------------------------------------------

static bool is_code(struct pn_slice code)
{
    bool is_good = code.len > 0 && code.len <= CODE_BYTES_MAX;
    for (size_t i = 0; is_good && i < code.len; i++) {
        char c = code.ptr[i];
        is_good = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    }
    return is_good;
}

// "A29" or "A04-A05". What an ICPC-2 or ICD-10 code is divided into belongs to it.
static enum pn_code read_range(struct pn_rules_reader *reader, const struct pn_yaml *item,
                               enum pn_code_system system, struct pn_code_ranges *ranges)
{
    const uint8_t rest = system == PN_SYSTEM_SOCIAL ? 0 : UINT8_MAX;
    struct pn_slice until = pn_slice_of("", 0);
    struct pn_slice from = pn_slice_split(item->scalar, '-', &until);
    bool is_range = item->kind == PN_YAML_SCALAR && from.len < item->scalar.len;
    until = is_range ? until : from;
    if (item->kind != PN_YAML_SCALAR || !is_code(from) || !is_code(until)) {
        return pn_rules_fault(reader, item, "a code or a range such as A04-A05 is expected");
    }
    if (!pn_yaml_is_text(item)) {
        return pn_rules_fault(reader, item, pn_rules_no_text);
    }
    if (ranges->count == PN_RULE_RANGES_MAX) {
        return pn_rules_fault(reader, item, "at most 64 codes and ranges are expected");
    }
    const struct pn_code_range range = {pn_fact_pack(system, from, 0),
                                        pn_fact_pack(system, until, rest)};
    if (range.from > range.until) {
        return pn_rules_fault(reader, item, "the range ends before it begins");
    }
    ranges->ranges[ranges->count++] = range;
    return PN_OK;
}

static enum pn_code read_system(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                const struct pn_rules_field *field, void *ret_place)
{
    enum pn_code code = pn_rules_check_list(reader, node, PN_RULE_RANGES_MAX);
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        code = read_range(reader, item, (enum pn_code_system)field->min, ret_place);
    }
    return code;
}

static enum pn_code read_group(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_rules_field *field, void *ret_place)
{
    static const struct pn_rules_field systems[] = {
        {"icpc2", read_system, 0, PN_SYSTEM_ICPC2, 0, NULL, false},
        {"icd10", read_system, 0, PN_SYSTEM_ICD10, 0, NULL, false},
        {"social", read_system, 0, PN_SYSTEM_SOCIAL, 0, NULL, false},
        {NULL, NULL, 0, 0, 0, NULL, false},
    };
    (void)field;
    if (node->kind != PN_YAML_MAP || node->child_count == 0) {
        return pn_rules_fault(reader, node, "codes of icpc2, icd10 or social are expected");
    }
    return pn_rules_fields(reader, node, systems, ret_place);
}

enum pn_code pn_rules_groups(struct pn_rules_reader *reader, const struct pn_yaml *node,
                             const struct pn_rules_field *field, void *ret_place)
{
    static const struct pn_rules_field kind = {
        "", read_group, sizeof(struct pn_code_ranges), 0, 0, NULL, false};
    (void)field;
    (void)ret_place;
    return read_names(reader, node, &kind, &reader->groups);
}

// --- Filters -------------------------------------------------------------------------------------

// Names of groups: what is in one of them.
static enum pn_code read_group_names(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                     const struct pn_rules_field *field, void *ret_place)
{
    struct pn_code_ranges *ranges = ret_place;
    enum pn_code code = pn_rules_check_list(reader, node, PN_NAMES_MAX);
    (void)field;
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        const void *found = NULL;
        code = find_named(reader, &reader->groups, item, &found);
        const struct pn_code_ranges *group = found;
        if (code == PN_OK && ranges->count + group->count > PN_RULE_RANGES_MAX) {
            return pn_rules_fault(reader, item, "the groups have more than 64 ranges together");
        }
        for (unsigned i = 0; code == PN_OK && i < group->count; i++) {
            ranges->ranges[ranges->count++] = group->ranges[i];
        }
    }
    return code;
}

// Words stand at the places of their enums; an empty one can't be chosen.
static const char *const kind_words[] = {
    "", "visit", "contact", "appointment", "clientship", "condition", "referral", "need", "",
    "", "",      "",        "concern",     NULL};
static const char *const sector_words[] = {"", "primary", "specialist", "social", "national", NULL};
static const char *const urgency_words[] = {"", "planned", "emergency", NULL};

static const char *const reporter_words[] = {"",         "professional", "client",
                                             "relative", "other-sector", NULL};

// The concerns are named where they are told apart.
static enum pn_code read_concerns(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                  const struct pn_rules_field *field, void *ret_place)
{
    const char *words[PN_CONCERN_COUNT + 1] = {NULL};
    for (unsigned i = 0; i < PN_CONCERN_COUNT; i++) {
        words[i] = pn_concern_name((enum pn_concern)i);
    }
    struct pn_rules_field named = *field;
    named.words = words;
    return pn_rules_set(reader, node, &named, ret_place);
}

static enum pn_code read_statuses(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                  const struct pn_rules_field *field, void *ret_place)
{
    enum pn_code code = pn_rules_codes(reader, node, field, ret_place);
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        code = pn_status_is_withdrawn(item->scalar)
                   ? pn_rules_fault(reader, item, "what is cancelled or withdrawn never counts")
                   : PN_OK;
    }
    return code;
}

_Static_assert(PN_CONCERN_COUNT <= 32 && PN_REPORTER_PROFESSIONAL == 1 &&
                   PN_REPORTER_OTHER_SECTOR == 4,
               "concerns are bits; reporter_words follow enum pn_reporter");
_Static_assert(PN_KIND_VISIT == 1 && PN_KIND_CLIENTSHIP == 4 && PN_KIND_CONDITION == 5 &&
                   PN_KIND_REFERRAL == 6 && PN_KIND_NEED == 7 && PN_KIND_CONCERN == 12,
               "kind_words follow enum pn_entry_kind");
_Static_assert(sizeof(enum pn_urgency) == sizeof(int) && sizeof(enum pn_distinct) == sizeof(int),
               "pn_rules_word writes an int");

#define AT(member) offsetof(struct pn_filter, member)
static const struct pn_rules_field filter_fields[] = {
    {"kinds", pn_rules_set, AT(kinds), 0, 0, kind_words, true},
    {"sectors", pn_rules_set, AT(sectors), 0, 0, sector_words, false},
    {"urgency", pn_rules_word, AT(urgency), 0, 0, urgency_words, false},
    {"noshow", pn_rules_bool, AT(noshow_only), 0, 0, NULL, false},
    {"client_contacts_only", pn_rules_bool, AT(client_contacts_only), 0, 0, NULL, false},
    {"reported_by", pn_rules_set, AT(reported_by), 0, 0, reporter_words, false},
    {"concerns", read_concerns, AT(concerns), 0, 0, NULL, false},
    {"services", pn_rules_codes, AT(services), 0, 0, NULL, false},
    {"professions", pn_rules_codes, AT(professions), 0, 0, NULL, false},
    {"contacts", pn_rules_codes, AT(contacts), 0, 0, NULL, false},
    {"statuses", read_statuses, AT(statuses), 0, 0, NULL, false},
    {"units", pn_rules_codes, AT(units), 0, 0, NULL, false},
    {"settings", pn_rules_codes, AT(settings), 0, 0, NULL, false},
    {"codes", read_group_names, AT(codes), 0, 0, NULL, false},
    {NULL, NULL, 0, 0, 0, NULL, false},
};
#undef AT

static enum pn_code read_filter(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    return pn_rules_fields(reader, node, filter_fields, ret_place);
}

enum pn_code pn_rules_filters(struct pn_rules_reader *reader, const struct pn_yaml *node,
                              const struct pn_rules_field *field, void *ret_place)
{
    static const struct pn_rules_field kind = {"",   read_filter, sizeof(struct pn_filter), 0, 0,
                                               NULL, false};
    (void)field;
    (void)ret_place;
    return read_names(reader, node, &kind, &reader->filters);
}

enum pn_code pn_rules_where(struct pn_rules_reader *reader, const struct pn_yaml *node,
                            const struct pn_rules_field *field, void *ret_place)
{
    const void *found = NULL;
    enum pn_code code = PN_OK;
    if (node->kind == PN_YAML_MAP) {
        struct pn_filter *made = pn_arena_alloc(reader->arena, sizeof *made);
        code = made == NULL ? pn_rules_no_memory(reader) : read_filter(reader, node, field, made);
        found = made;
    } else {
        code = find_named(reader, &reader->filters, node, &found);
    }
    if (code == PN_OK) {
        *(const struct pn_filter **)ret_place = found;
    }
    return code;
}

enum pn_code pn_rules_bit(struct pn_rules_reader *reader, const struct pn_yaml *node,
                          const struct pn_filter *filter, uint16_t *ret_bit)
{
    uint16_t bit = pn_match_add(reader->match, filter);
    if (bit == PN_MATCH_NONE) {
        return pn_rules_fault(reader, node, "a file has at most 512 different filters");
    }
    *ret_bit = bit;
    return PN_OK;
}

// --- Prices --------------------------------------------------------------------------------------

static enum pn_code read_price(struct pn_rules_reader *reader, const struct pn_yaml *item,
                               struct pn_prices *prices)
{
    static const struct pn_rules_field fields[] = {
        {"where", pn_rules_where, offsetof(struct pn_price, where), 0, 0, NULL, true},
        {"each", pn_rules_number, offsetof(struct pn_price, each), 1, EUROS_MAX, NULL, false},
        {"day", pn_rules_number, offsetof(struct pn_price, day), 1, EUROS_MAX, NULL, false},
        {NULL, NULL, 0, 0, 0, NULL, false},
    };
    struct pn_price *price = &prices->rows[prices->count];
    enum pn_code code = pn_rules_fields(reader, item, fields, price);
    if (code == PN_OK && (price->each > 0) == (price->day > 0)) {
        return pn_rules_fault(reader, item, "one of each and day is expected");
    }
    prices->count++;
    prices->has_days = prices->has_days || price->day > 0;
    return code == PN_OK ? pn_rules_bit(reader, item, price->where, &price->bit) : code;
}

static enum pn_code read_price_list(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                    const struct pn_rules_field *field, void *ret_place)
{
    enum pn_code code = pn_rules_check_list(reader, node, PN_RULE_PRICES_MAX);
    (void)field;
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        code = read_price(reader, item, ret_place);
    }
    return code;
}

enum pn_code pn_rules_prices(struct pn_rules_reader *reader, const struct pn_yaml *node,
                             const struct pn_rules_field *field, void *ret_place)
{
    static const struct pn_rules_field kind = {
        "", read_price_list, sizeof(struct pn_prices), 0, 0, NULL, false};
    (void)field;
    (void)ret_place;
    return read_names(reader, node, &kind, &reader->prices);
}

static enum pn_code read_price_name(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                    const struct pn_rules_field *field, void *ret_place)
{
    const void *found = NULL;
    enum pn_code code = find_named(reader, &reader->prices, node, &found);
    (void)field;
    if (code == PN_OK) {
        *(const struct pn_prices **)ret_place = found;
    }
    return code;
}

// --- Leaves --------------------------------------------------------------------------------------

static enum pn_code read_steps(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_rules_field *field, void *ret_place)
{
    struct pn_node *leaf = ret_place;
    enum pn_code code = pn_rules_check_list(reader, node, PN_RULE_STEPS_MAX);
    leaf->step_count = 0;
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        code = pn_rules_where(reader, item, field, &leaf->steps[leaf->step_count++]);
    }
    return code == PN_OK && leaf->step_count < 2
               ? pn_rules_fault(reader, node, "at least two steps are expected")
               : code;
}

static const char *const distinct_words[] = {"professions", "services", "units", "sectors",
                                             "kinds",       "codes",    NULL};

#define AT(member) offsetof(struct pn_node, member)
#define WHERE                                                                                      \
    {                                                                                              \
        "where", pn_rules_where, AT(steps), 0, 0, NULL, true                                       \
    }
#define WINDOW                                                                                     \
    {"in_months", pn_rules_number, AT(window_months), 1, 60, NULL, false},                         \
    {                                                                                              \
        "in_days", pn_rules_number, AT(window_days), 1, 1800, NULL, false                          \
    }
#define NUMBERS                                                                                    \
    {"at_least", pn_rules_number, AT(at_least), 1, 1000, NULL, true},                              \
    {                                                                                              \
        "lapse_below", pn_rules_number, AT(lapse_below), 1, 1000, NULL, false                      \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, 0, 0, NULL, false                                                           \
    }

static const struct pn_rules_field count_fields[] = {WHERE, WINDOW, NUMBERS, END};
static const struct pn_rules_field distinct_fields[] = {
    {"of", pn_rules_word, AT(of), 0, 0, distinct_words, true}, WHERE, WINDOW, NUMBERS, END};
static const struct pn_rules_field sum_fields[] = {
    {"prices", read_price_name, AT(prices), 0, 0, NULL, true},
    WHERE,
    WINDOW,
    {"at_least", pn_rules_number, AT(at_least), 1, EUROS_MAX, NULL, true},
    {"lapse_below", pn_rules_number, AT(lapse_below), 1, EUROS_MAX, NULL, false},
    END};
static const struct pn_rules_field sequence_fields[] = {
    {"steps", read_steps, 0, 0, 0, NULL, true},
    {"within_days", pn_rules_number, AT(length_days), 1, 1800, NULL, true},
    {"at_least", pn_rules_number, AT(at_least), 1, 1000, NULL, false},
    {"lapse_below", pn_rules_number, AT(lapse_below), 1, 1000, NULL, false},
    WINDOW,
    END};
static const struct pn_rules_field gap_fields[] = {
    WHERE, {"at_least_days", pn_rules_number, AT(length_days), 1, 1800, NULL, true}, END};
static const struct pn_rules_field trend_fields[] = {
    WHERE,
    WINDOW,
    NUMBERS,
    {"factor", pn_rules_hundredths, AT(factor_hundredths), 1, 100, NULL, true},
    END};
static const struct pn_rules_field open_fields[] = {
    WHERE,
    {"at_least", pn_rules_number, AT(at_least), 1, 1000, NULL, false},
    {"lapse_below", pn_rules_number, AT(lapse_below), 1, 1000, NULL, false},
    END};
static const struct pn_rules_field absent_fields[] = {WHERE, WINDOW, END};
#undef WHERE
#undef WINDOW
#undef NUMBERS

// By enum pn_node_kind.
static const char *const node_words[] = {"count", "distinct", "same",  "sum",    "sequence", "gap",
                                         "days",  "trend",    "open",  "absent", "all",      "any",
                                         "none",  "at_least", "score", NULL};
const char *pn_node_kind_name(enum pn_node_kind kind)
{
    return node_words[kind];
}

static const struct {
    const struct pn_rules_field *fields;
    bool has_window; // it must have one
} leaf_kinds[] = {
    [PN_NODE_COUNT] = {count_fields, true},       [PN_NODE_DISTINCT] = {distinct_fields, true},
    [PN_NODE_SAME] = {distinct_fields, true},     [PN_NODE_SUM] = {sum_fields, true},
    [PN_NODE_SEQUENCE] = {sequence_fields, true}, [PN_NODE_GAP] = {gap_fields, false},
    [PN_NODE_DAYS] = {count_fields, true},        [PN_NODE_TREND] = {trend_fields, true},
    [PN_NODE_OPEN] = {open_fields, false},        [PN_NODE_ABSENT] = {absent_fields, true},
};

static enum pn_code check_lapse(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                struct pn_node *made)
{
    if (made->lapse_below > made->at_least) {
        return pn_rules_fault(reader, pn_yaml_get(node, "lapse_below"),
                              "it can't be over at_least");
    }
    made->lapse_below = made->lapse_below == 0 ? made->at_least : made->lapse_below;
    return PN_OK;
}

static enum pn_code read_leaf(struct pn_rules_reader *reader, const struct pn_yaml *node,
                              struct pn_node *made)
{
    made->step_count = 1;
    enum pn_code code = pn_rules_fields(reader, node, leaf_kinds[made->kind].fields, made);
    if (code != PN_OK) {
        return code;
    }
    bool has_both = made->window_months > 0 && made->window_days > 0;
    bool has_none = made->window_months == 0 && made->window_days == 0;
    if (has_both || (has_none && leaf_kinds[made->kind].has_window)) {
        return pn_rules_fault(reader, node, "one of in_months and in_days is expected");
    }
    made->at_least = made->at_least == 0 ? 1 : made->at_least;
    return check_lapse(reader, node, made);
}

// --- Branches ------------------------------------------------------------------------------------

struct tree {
    struct pn_rules_reader *reader;
    struct pn_node *nodes;
    unsigned *count;
};

static enum pn_code read_node(struct tree *tree, const struct pn_yaml *node, int64_t weight);

static enum pn_code read_weighed(struct tree *tree, const struct pn_yaml *item)
{
    struct {
        int64_t weight;
    } given = {1};
    static const struct pn_rules_field fields[] = {
        {"weight", pn_rules_number, 0, 1, WEIGHT_MAX, NULL, true}, END};
    const struct pn_yaml *when = pn_yaml_get(item, "when");
    const struct pn_yaml *weight = pn_yaml_get(item, "weight");
    if (item->kind != PN_YAML_MAP || item->child_count != 2 || when == NULL || weight == NULL) {
        return pn_rules_fault(tree->reader, item, "weight and when are expected");
    }
    enum pn_code code = fields[0].read(tree->reader, weight, &fields[0], &given.weight);
    return code == PN_OK ? read_node(tree, when, given.weight) : code;
}

static enum pn_code read_children(struct tree *tree, const struct pn_yaml *list, bool has_weights)
{
    enum pn_code code = pn_rules_check_list(tree->reader, list, PN_RULE_NODES_MAX);
    for (const struct pn_yaml *item = list->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        code = has_weights ? read_weighed(tree, item) : read_node(tree, item, 1);
    }
    return code;
}

// {of: [...], count: k} and {of: [...], at_least: n, lapse_below: m}: the numbers; `of` is read by
// the caller.
static enum pn_code read_of(struct pn_rules_reader *reader, const struct pn_yaml *node,
                            const struct pn_rules_field *field, void *ret_place)
{
    (void)reader;
    (void)field;
    *(const struct pn_yaml **)ret_place = node;
    return PN_OK;
}

struct numbers {
    const struct pn_yaml *of;
    struct pn_node node;
};

static enum pn_code read_counted(struct tree *tree, const struct pn_yaml *node,
                                 struct pn_node *made)
{
    static const struct pn_rules_field of_fields[] = {
        {"of", read_of, offsetof(struct numbers, of), 0, 0, NULL, true},
        {"count", pn_rules_number, offsetof(struct numbers, node.at_least), 1, PN_RULE_NODES_MAX,
         NULL, true},
        END};
    static const struct pn_rules_field score_fields[] = {
        {"of", read_of, offsetof(struct numbers, of), 0, 0, NULL, true},
        {"at_least", pn_rules_number, offsetof(struct numbers, node.at_least), 1, SCORE_MAX, NULL,
         true},
        {"lapse_below", pn_rules_number, offsetof(struct numbers, node.lapse_below), 1, SCORE_MAX,
         NULL, false},
        END};
    bool is_score = made->kind == PN_NODE_SCORE;
    struct numbers numbers = {.of = NULL};
    enum pn_code code =
        pn_rules_fields(tree->reader, node, is_score ? score_fields : of_fields, &numbers);
    code = code == PN_OK ? check_lapse(tree->reader, node, &numbers.node) : code;
    if (code != PN_OK) {
        return code;
    }
    if (!is_score && numbers.node.at_least > numbers.of->child_count) {
        return pn_rules_fault(tree->reader, pn_yaml_get(node, "count"), "there are fewer of them");
    }
    made->at_least = numbers.node.at_least;
    made->lapse_below = numbers.node.lapse_below;
    return read_children(tree, numbers.of, is_score);
}

static enum pn_code read_branch(struct tree *tree, const struct pn_yaml *node, struct pn_node *made)
{
    if (made->kind == PN_NODE_AT_LEAST || made->kind == PN_NODE_SCORE) {
        return read_counted(tree, node, made);
    }
    made->at_least = made->lapse_below = made->kind == PN_NODE_ALL ? node->child_count : 1;
    return read_children(tree, node, false);
}

static enum pn_code read_node(struct tree *tree, const struct pn_yaml *node, int64_t weight)
{
    unsigned kind = 0;
    if (node->kind != PN_YAML_MAP || node->child_count != 1) {
        return pn_rules_fault(tree->reader, node, "one condition is expected, such as count");
    }
    if (*tree->count == PN_RULE_NODES_MAX) {
        return pn_rules_fault(tree->reader, node, "a rule has at most 32 conditions");
    }
    const struct pn_yaml *inner = node->first_child;
    enum pn_code code = pn_rules_find_word(tree->reader, inner, inner->key, node_words, &kind);
    if (code != PN_OK) {
        return code;
    }
    struct pn_node *made = &tree->nodes[(*tree->count)++];
    *made = (struct pn_node){.kind = (enum pn_node_kind)kind, .weight = weight};
    code = pn_node_is_leaf(made->kind) ? read_leaf(tree->reader, inner, made)
                                       : read_branch(tree, inner, made);
    made->end = *tree->count;
    return code;
}

enum pn_code pn_rules_tree(struct pn_rules_reader *reader, const struct pn_yaml *node,
                           struct pn_node *ret_nodes, unsigned *count)
{
    struct tree tree = {reader, ret_nodes, count};
    return read_node(&tree, node, 1);
}
